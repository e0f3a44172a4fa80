"""
The report of a plan: one HTML page without anything outside itself, for screen, phone and paper.

The numbers are those of the tables; here they are only arranged, rounded and put into sentences.
Low and high stand beside every cost, and a figure that misses what is published says so.
"""

from collections.abc import Mapping, Sequence

import jinja2

from realign.chainage import text
from realign.outputs import gantt, series
from realign.outputs import programme as programme_rows
from realign.outputs.csp import sealed
from realign.outputs.report import answer, choice, money, schedule, weather, wording, works
from realign.outputs.report.works import Rows
from realign.plan import Plan

__all__ = ["page"]


def page(
    plan: Plan,
    made: Mapping[str, Rows],
    *,
    versions: Mapping[str, str],
    seconds: Mapping[str, float],
    design: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
) -> str:
    """
    Write the report.

    Parameters
    ----------
    plan
        What came out.
    made
        Its tables, by name.
    versions
        Versions of the program and of the packages it stands on.
    seconds
        Time of each stage [s].
    design
        Names of the files for design programs.
    sizes
        Sizes of files by name [byte]; where a size is missing, none is told.

    Returns
    -------
    page
        A whole HTML page.
    """
    programmes = [plan.programmes[o.name] for o in plan.options if o.name in plan.programmes]
    programmes.sort(key=lambda programme: programme.option.name != plan.best)
    front = choice.pareto(plan)
    page = _template().render(
        plan=plan,
        about=plan.study.study,
        sections=_sections(drawn=front is not None),
        answer=answer.lines(plan),
        cards=answer.cards(plan),
        why=answer.more(plan),
        options=list(zip(plan.options, made["options"], strict=True)),
        titles=choice.titles_of(plan),
        best=plan.best,
        table=choice.shortlist(plan),
        weighing=choice.weighing(plan),
        front=front,
        months=weather.months(plan),
        hazard=weather.hazard(plan),
        critical={kind: weather.critical(some) for kind, some in plan.critical.items()},
        protections=weather.protections(plan),
        standing=weather.standing(plan),
        places=weather.places(plan),
        programmes=[(p, works.phase_table(p, made["phase_costs"])) for p in programmes],
        gantts=schedule.charts(plan),
        gantt=gantt,
        looks=series.LOOKS,
        activities=[
            row
            for row in programme_rows.schedule_rows(plan)
            if row["option"] == plan.best and row["kind"] != "opening"
        ],
        checks=[(check, works.verdict(check)) for check in plan.checks],
        misses=sum(not check.ok for check in plan.checks),
        assumptions=works.by_table(row for row in plan.assumptions if not works.is_default(row)),
        defaults=works.by_table(row for row in plan.assumptions if works.is_default(row)),
        submerged=made["submerged_sections"],
        links=works.links(plan),
        changes=[
            (link, zone)
            for link in plan.links
            if any(zone.why for zone in link.speeds)
            for zone in link.speeds
        ],
        zone_m=plan.study.standard.zone_m,
        quantities=works.quantities(plan),
        speeds=works.speeds(plan),
        money=plan.study.money,
        price_date=plan.rates.price_date,
        financiers=plan.study.finance.financiers,
        files=works.files(design, sizes or {}),
        versions=versions,
        seconds=seconds,
        spending=money.spending(plan),
        debt=money.debt(plan),
        announced_pkr=works.announced_pkr(plan),
        financing=[
            row
            for row in programme_rows.financing_rows(plan)
            if row["option"] in {plan.best, plan.announced}
        ],
        economy=programme_rows.economy_rows(plan),
        conditions=programme_rows.condition_rows(plan),
        risk=programme_rows.risk_rows(plan),
        risks=money.risks(plan),
        tornado=[r for r in programme_rows.tornado_rows(plan) if r["option"] == plan.best],
        convergence=[r for r in programme_rows.convergence_rows(plan) if r["option"] == plan.best],
    )
    return sealed(page)


_SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Answer", (("answer", "The answer"), ("why", "Why this answer"))),
    (
        "Choice",
        (
            ("options", "Options"),
            ("weights", "Weights"),
            ("front", "All answers"),
        ),
    ),
    (
        "All weather",
        (
            ("months", "Open by month"),
            ("hazard", "What closes the road"),
            ("critical", "Critical stretches"),
            ("protections", "Protections"),
            ("standing", "The existing road"),
        ),
    ),
    ("Works", (("phases", "Phases"), ("schedule", "Schedule"))),
    (
        "Money",
        (
            ("spending", "Spending by year"),
            ("debt", "Money and debt"),
            ("economy", "Return to the economy"),
            ("conditions", "Other conditions"),
            ("risk", "How sure it is"),
        ),
    ),
    (
        "Trust",
        (("validation", "Validation"), ("notes", "Notes"), ("assumptions", "Assumptions")),
    ),
    (
        "Details",
        (
            ("submerged", "Submerged sections"),
            ("roads", "New roads"),
            ("files", "Files"),
            ("run", "Run"),
        ),
    ),
)


def _sections(*, drawn: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """List the headings by group for the contents; all answers only where they are drawn."""
    return [
        (group, [each for each in some if drawn or each[0] != "front"]) for group, some in _SECTIONS
    ]


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("realign.outputs"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        {
            "sign": wording.sign,
            "bn": wording.bn,
            "musd": wording.musd,
            "number": wording.number,
            "day": lambda value: wording.dated(wording.day(value)),
            "iso": wording.day,
            "station": text,
            "grade": wording.percent,
            "share": wording.share,
            "places": wording.places,
            "bytes": wording.size,
            "cut": wording.cut,
            "fold": wording.fold,
            "dated": wording.dated,
            "words": wording.name,
        }
    )
    return environment.get_template("report.html.j2")
