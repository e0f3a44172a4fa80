"""
The report of a plan: one HTML page without anything outside itself, for screen, phone and paper.

The numbers are those of the tables; here they are only arranged, rounded and put into sentences.
Low and high stand beside every cost, and a figure that misses what is published says so.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from realign import candidates, cost
from realign.allweather import Critical, Passage, Worth
from realign.chainage import Section, text
from realign.estimate import Estimate, together
from realign.finance import by_year, total
from realign.hazard import KINDS, MONTH_DAYS
from realign.network import Link
from realign.options import DO_NOTHING, OBJECTIVES, Option, front, objectives
from realign.outputs import charts
from realign.outputs import programme as programme_rows
from realign.phasing import Phase
from realign.plan import Assumption, Check, Plan, Programme
from realign.rates import ITEMS
from realign.yearround import YearRound

Rows = Sequence[Mapping[str, Any]]
"""Rows of a table of `tables`."""

FILES = (
    ("map.html", "Map: roads, lakes by stage, phases; opens without a network"),
    ("phase_costs.csv", "Phases with dates, costs and shares"),
    ("phase_costs.json", "The same with totals, years, and works of others"),
    ("phase_costs.xlsx", "The tables of the programme and its money, with a chart of spending"),
    ("schedule.csv", "Activities with dates, slack and cost"),
    ("openings.csv", "What opens when, and when it had to"),
    ("cash_flow.csv", "Drawdown, interest, repayment and debt by case, phase, source and year"),
    ("financing.csv", "Cases of financing: debt, service, grant element"),
    ("economy.csv", "Return of every option to the economy"),
    ("conditions.csv", "The programme under other budgets and days of the water"),
    ("risk.csv", "P10, P50 and P90 of cost and opening, and the chance to be in time"),
    ("tornado.csv", "What each driver of cost and dates does by itself"),
    ("convergence.csv", "How well these are known after how many draws"),
    ("submerged_sections.csv", "Existing road that the lakes take"),
    ("options.csv", "Options with all they are compared by"),
    ("links.csv", "Candidate links with all they are compared by"),
    ("pareto.csv", "Whole answers that no other beats"),
    ("decision.csv", "Options weighed: scores, parts, weights, totals and ranks"),
    ("sensitivity.csv", "Between which weights the winner stays, and who takes over"),
    ("wins.csv", "How often each option wins when weights are drawn"),
    ("availability.csv", "Chance of an open road by month, of every option"),
    ("passages.csv", "Whether a truck gets through on the days asked about"),
    ("criticality.csv", "What happens when one stretch is closed, for trucks and cars"),
    ("protections.csv", "What galleries, tunnels, bridges and crews would buy"),
    ("hazard.csv", "What may close the existing road, piece by piece"),
    ("upgrades.csv", "Where the existing road breaks the standard, and what mending takes"),
    ("old_new_chainage.csv", "Old and new chainage of every option: station equations"),
    ("bill_of_quantities.xlsx", "Bill of quantities: a sheet for each option and phase"),
    ("bill_of_quantities.csv", "The same as one table"),
    ("structures.csv", "Bridges, tunnels, galleries and culverts of every new road"),
    ("mass_haul.csv", "Where the earth of every new road goes"),
    ("validation.csv", "Published figures beside modelled ones"),
    ("plan.gpkg", "All layers for a GIS; centre lines carry level and chainage"),
    ("plan.kmz", "Phases and lakes on the time slider of Google Earth"),
    ("manifest.json", "Inputs, settings, versions, seconds a stage"),
)
"""What lies beside the report, and what it is."""

_KINDS = {
    "pdf": "plan and profile sheets with mass haul, A3",
    "xml": "LandXML 1.2: alignments, grade lines, station equations",
    "dxf": "drawing: plan and profiles",
    "ifc": "IFC 4.3: alignments",
}
_HOUR, _DAY_H = 3600.0, 24.0
_TOP = 10
"""Critical stretches and protections that are listed."""
_SEED = 1  # of the answers that are drawn
_TELLING = 0.005  # parts of a total below this explain nothing
_EQUAL = 1e-9  # days by which two availabilities may differ and still be told as one
_SHOWN = 3  # shut roads that an answer by day names
CLOSERS = dict(
    zip(
        KINDS,
        (
            "Slides and rockfall",
            "Debris flows and floods of side valleys",
            "Avalanches",
            "The river",
            "Snow on the road",
        ),
        strict=True,
    )
)
"""What closes a road, in words."""
LEAST = 0.5
"""Quantities below this show as nothing and are left out [unit of the item]."""
_NONE = "\u2013"


@dataclass(frozen=True, slots=True)
class _Measure:
    """How an objective is shown."""

    objective: str
    """Name of the objective."""
    label: str
    """Name in words."""
    unit: str
    """Unit that it is shown in."""
    scale: float
    """Units of the objective in one of those shown."""
    digits: int
    """Decimals that are shown."""


_FILLING = "filling to the level that takes the first of it begins on"


def page(
    plan: Plan,
    made: Mapping[str, Rows],
    *,
    versions: Mapping[str, str],
    seconds: Mapping[str, float],
    design: Sequence[str] = (),
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

    Returns
    -------
    page
        A whole HTML page.
    """
    programmes = [plan.programmes[o.name] for o in plan.options if o.name in plan.programmes]
    programmes.sort(key=lambda programme: programme.option.name != plan.best)
    money = plan.study.money
    return _template().render(
        plan=plan,
        about=plan.study.study,
        answer=[*_network_answer(plan), *_answer(plan)],
        options=list(zip(plan.options, made["options"], strict=True)),
        titles=_titles(plan),
        best=plan.best,
        table=_table(plan),
        weighing=_weighing(plan),
        front=_front(plan),
        months=_months(plan),
        hazard=_hazard(plan),
        critical={kind: _critical(some) for kind, some in plan.critical.items()},
        protections=_protections(plan),
        standing=_standing(plan),
        programmes=[(p, _phase_table(p, made["phase_costs"])) for p in programmes],
        chart=_chart(plan),
        checks=[(check, _verdict(check)) for check in plan.checks],
        misses=sum(not check.ok for check in plan.checks),
        assumptions=_by_table(row for row in plan.assumptions if not _default(row)),
        defaults=_by_table(row for row in plan.assumptions if _default(row)),
        submerged=made["submerged_sections"],
        links=_links(plan),
        changes=[
            (link, zone)
            for link in plan.links
            if any(zone.why for zone in link.speeds)
            for zone in link.speeds
        ],
        zone_m=plan.study.standard.zone_m,
        quantities=_quantities(plan),
        speeds=_speeds(plan),
        money=money,
        price_date=plan.rates.price_date,
        financiers=plan.study.finance.financiers,
        files=[*FILES, *_design(design)],
        versions=versions,
        seconds=seconds,
        spending=_spending(plan),
        announced_pkr=_announced(plan),
        financing=[
            row
            for row in programme_rows.financing_rows(plan)
            if row["option"] in {plan.best, plan.announced}
        ],
        economy=programme_rows.economy_rows(plan),
        conditions=programme_rows.condition_rows(plan),
        risk=programme_rows.risk_rows(plan),
        tornado=_tornado(plan),
        convergence=[r for r in programme_rows.convergence_rows(plan) if r["option"] == plan.best],
    )


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
            "bn": _bn,
            "musd": _musd,
            "number": _number,
            "day": _day,
            "station": text,
            "grade": _pct,
            "share": _share,
            "places": _places,
        }
    )
    return environment.get_template("report.html.j2")


# ---------------------------------------------------------------- the answer in five lines


def _design(names: Sequence[str]) -> list[tuple[str, str]]:
    """Name files of design programs, and say what each is; of sheets only the folder."""
    out = []
    for name in names:
        stem, _, ending = name.rpartition(".")
        if ending in _KINDS:
            out.append((name, f"Option {stem.rpartition('/')[2]}, {_KINDS[ending]}"))
    return out


def _answer(plan: Plan) -> list[tuple[str, str]]:
    """Five lines that answer the question; the first word says about what."""
    lost = plan.submergence
    taken = sum(row.section.length for row in lost.sections) / 1000
    flooded = sum(section.length for section in lost.flooded) / 1000
    first = min((row.first_date for row in lost.sections), default=None)
    water = (
        f"{taken:,.1f} km of the existing road lose their freeboard, {flooded:,.1f} km are flooded"
    )
    lines = [("Water", f"{water}; {_FILLING} {first}." if first else f"{water}.")]
    option = next((o for o in plan.options if o.name == plan.best), None)
    programme = plan.programmes.get(plan.best)
    if option is None or programme is None:
        return [*lines, ("Road", "No option builds anything.")]
    share = (option.bridge_length + option.tunnel_length) / max(option.new_length, 1.0)
    lines.append(
        (
            "Road",
            (
                f"Option \u201c{option.name}\u201d ({option.title}): "
                f"{option.new_length / 1000:,.1f} km of new road{_by_others(programme)}, "
                f"{share:.0%} on bridges or in tunnels; "
                f"{option.upgrade_length / 1000:,.1f} km are upgraded{_broken(option)}."
            ),
        )
    )
    lines.append(("Cost", f"{_programme_cost(plan, programme)}."))
    lines.append(("Time", _time(plan, programme)))
    shares = total(programme.splits, plan.study.finance.cases[0])
    all_paid = max(sum(shares.values()), 1)
    paid = [
        f"{f.name} {shares[f.key] / all_paid:.0%} (Rs {shares[f.key] / 1e9:,.1f} bn)"
        for f in plan.study.finance.financiers
    ]
    lines.append(("Money", f"Paid by {', '.join(paid)}."))
    return lines


def _by_others(programme: Programme) -> str:
    """Say how much of the new road the programme does not build."""
    others = sum(phase.work.new_length for phase in programme.schedule.outside) / 1000
    return f" ({others:,.1f} km of it built by others)" if others else ""


def _broken(option: Option) -> str:
    """Say that an option does not keep the standard, if so."""
    count = sum(len(link.breaches) for link in option.links)
    return f"; it does not keep the standard in {_places(count)}" if count else ""


def _programme_cost(plan: Plan, programme: Programme) -> str:
    phases = programme.schedule.phases
    low, base, high = (
        sum(phase.low_pkr for phase in phases),
        programme.schedule.total_pkr,
        sum(phase.high_pkr for phase in phases),
    )
    usd = plan.study.money.exchange("USD", of="PKR")
    return (
        f"The programme costs Rs {base / 1e9:,.1f} bn (US$ {base * usd / 1e9:,.2f} bn), low Rs "
        f"{low / 1e9:,.1f} bn, high Rs {high / 1e9:,.1f} bn"
    )


def _time(plan: Plan, programme: Programme) -> str:
    last = max((phase.opens for phase in programme.schedule.phases), default=None)
    done = f"The last phase opens on {last}" if last else "Nothing is built"
    year = plan.years[programme.option.name]
    if year.cut is not None:
        why = "; ".join(year.cut.closed[:_SHOWN])
        cut = f"the road is cut on {year.cut_days:,} days, first on {year.cut.first_day}"
        return f"{done}; {cut}: {why}."
    gap = (
        f"the programme is proved to be within {100 * programme.schedule.gap:.1f} % of the cheapest"
    )
    return f"{done}; no day passes without a road; {gap}."


# ---------------------------------------------------------------- whole answers


def _measures(plan: Plan) -> list[_Measure]:
    """How each objective of the decision is shown, in its order."""
    known = {
        "cost": ("Present cost", f"{plan.rates.currency} m", 1e6, 0),
        "length": ("Length", "km", 1e3, 1),
        "truck_time": ("Time of a truck", "h", _HOUR, 2),
        "closed_days": ("Closed days", "a year", 1.0, 2),
        "steepest": ("Steepest grade", "%", 0.01, 1),
        "structures": ("Bridges and tunnels", "km", 1e3, 1),
        "buildings": ("Buildings taken", "number", 1.0, 0),
        "farmland": ("Farmland taken", "ha", 1e4, 1),
        "flooded_left": ("Road in the water", "km", 1e3, 1),
    }
    return [
        _Measure(each.name, *known.get(each.name, (each.name.replace("_", " "), each.unit, 1.0, 2)))
        for each in plan.decision.table.objectives
    ]


def _titles(plan: Plan) -> dict[str, str]:
    """Titles of the options for use in sentences, by name: what stands before a colon."""
    return {o.name: (o.title or o.name).partition(":")[0] for o in plan.options}


def _network_answer(plan: Plan) -> list[tuple[str, str]]:
    """Lines on the choice: which answer, of how many, how surely, and how well it stays open."""
    table = plan.decision.table
    titles = _titles(plan)
    order = np.argsort(table.rank)
    best, runner = int(order[0]), next((int(i) for i in order[1:]), None)
    line = f"\u201c{titles[table.winner]}\u201d comes first with the weights of the study"
    if runner is not None and math.isfinite(table.totals[runner]):
        line += (
            f": {table.totals[best]:.3f}, where 0 would be the best in everything and 1 the worst; "
            f"the next is \u201c{titles[table.options[runner]]}\u201d with "
            f"{table.totals[runner]:.3f}. {_why(plan, best, runner)}"
        )
    lines = [("Answer", f"{line.rstrip('.')}."), ("Compared", _compared(plan))]
    against = _against(plan)
    if against:
        lines.append(("Announced", against))
    lines.append(("How sure", _sure(plan)))
    lines.append(("Open", _open(plan)))
    if plan.years[plan.best].passages:
        asked = " ".join(passage_words(each) for each in plan.years[plan.best].passages)
        lines.append(("By day", asked))
    return lines


def _why(plan: Plan, best: int, runner: int) -> str:
    """Say in which objectives the first is ahead of the next one, and in which behind."""
    table = plan.decision.table
    lead = table.weights * (table.parts[runner] - table.parts[best])
    labels = [each.label.lower() for each in _measures(plan)]
    ahead = [labels[j] for j in np.argsort(-lead) if lead[j] > _TELLING][:3]
    behind = [labels[j] for j in np.argsort(lead) if lead[j] < -_TELLING][:3]
    words = f"It is ahead of that in {_listed(ahead)}" if ahead else "The two are almost equal"
    return words + (f", behind in {_listed(behind)}." if behind else ".")


def _compared(plan: Plan) -> str:
    """Say how many answers were compared, and how completely."""
    held = plan.choice.front
    links, rows = len(plan.choice.candidates), len(held.ways.scores)
    words = (
        f"{links:,} candidate links and the existing road, kept or upgraded, make "
        f"{_count(held.count)} whole answers. {rows:,} of them no other beats in all "
        "objectives at once"
    )
    if held.exact:
        words += ": every answer counted."
    else:
        words += (
            "; there are too many to follow each. An answer left out is better than one of these "
            f"by at most {held.epsilon:.0%} of its score and a tenth of the span, in each "
            "objective."
        )
    some = len(plan.choice.shortlisted)
    return f"{words} {some} of them {'is' if some == 1 else 'are'} on the shortlist."


def _against(plan: Plan) -> str:
    """Hold the best option against the announced programme, in units."""
    held = {option.name: option for option in plan.options}
    if plan.best == plan.announced or not {plan.best, plan.announced} <= set(held):
        return ""
    one, other = held[plan.best], held[plan.announced]
    if not math.isfinite(one.truck_time) or not math.isfinite(other.truck_time):
        return ""
    saved = (other.present_cost - one.present_cost) / 1e6
    minutes = (one.truck_time - other.truck_time) / 60
    days = one.closed_days - other.closed_days
    currency = plan.rates.currency
    return (
        f"The present cost of the programme as announced is {currency} {abs(saved):,.0f} m "
        f"{'more' if saved > 0 else 'less'}, with what others build; a truck takes "
        f"{abs(minutes):,.0f} minutes {'less' if minutes > 0 else 'more'} on it, and it is closed "
        f"{abs(days):.2f} days a year {'less' if days > 0 else 'more'}."
    )


def _sure(plan: Plan) -> str:
    """Say how often the winner wins when weights are drawn."""
    wins = {each.option: each for each in plan.decision.wins}
    own = wins[plan.decision.table.winner]
    words = (
        f"It wins with {_share(own.everywhere)} of all weightings there are, and with "
        f"{_share(own.near)} of those in which each weight is up to half smaller or greater than "
        "that of the study"
    )
    rest = sorted(
        (each for each in wins.values() if each is not own), key=lambda each: -each.everywhere
    )
    if rest and rest[0].everywhere > 0:
        titles = _titles(plan)
        next_one = titles[rest[0].option]
        words += f"; next is \u201c{next_one}\u201d with {_share(rest[0].everywhere)} of all"
    return f"{words}."


def _open(plan: Plan) -> str:
    """Say how many days a year the road is closed, and the corridor that it is part of."""
    year = plan.years[plan.best]
    study = plan.study.existing
    road = f"{study.start_name}\u2013{study.end_name}"
    if plan.years[plan.best].highway.closed_days_a_year >= MONTH_DAYS.sum() - _EQUAL:
        return f"{road} is cut all year."
    kept = plan.region.kept
    today = float((MONTH_DAYS * (1 - np.exp(-kept.rates(kept.whole)))).sum())
    words = f"{road} is expected to be closed {_days(year.highway.closed_days_a_year)} of a year"
    words += f" (the road as it stands, before the lakes: {today:.1f})"
    far = _far(plan)
    if far == road:
        return f"{words}."
    words += f", {far} {_days(year.corridor.closed_days_a_year)}"
    if _same(year) and not any(each.closed_days for each in plan.study.approaches):
        words += (
            " as well: the study counts no closed days of the roads beyond in their open months"
        )
    return f"{words}."


def _same(year: YearRound) -> bool:
    """Whether the wider corridor is as surely open as the highway."""
    return bool(np.allclose(year.highway.closed_days, year.corridor.closed_days, atol=_EQUAL))


def _far(plan: Plan) -> str:
    """Name the wider corridor by its ends."""
    weather, own = plan.study.all_weather, plan.study.existing
    return f"{weather.start or own.start_name}\u2013{weather.end or own.end_name}"


def passage_words(passage: Passage) -> str:
    """
    Answer in words whether a vehicle gets through, with few of the roads that are shut.

    Parameters
    ----------
    passage
        From `allweather.can_pass`.
    """
    what = f"{passage.day.day} {passage.day:%B %Y}, a {passage.kind} from {passage.start} to"
    what += f" {passage.end}:"
    if not passage.passes:
        some = "; ".join(passage.closed[:_SHOWN]) or "no road leads there"
        rest = len(passage.closed) - _SHOWN
        return f"{what} no. {some}{f'; and {rest} more' if rest > 0 else ''}."
    return (
        f"{what} yes, in {passage.time / _HOUR:.1f} h; some way is open on {passage.chance:.1%} of "
        "such days."
    )


def _table(plan: Plan) -> dict[str, Any]:
    """Options by rank with every objective."""
    table, measures = plan.decision.table, _measures(plan)
    scores = table.scores / [each.scale for each in measures]
    own = {option.name: option for option in plan.options}
    for_all = {option.name: objectives(option) for option in plan.options}
    place = {each.name: j for j, each in enumerate(OBJECTIVES)}
    rows = []
    for i in np.argsort(table.rank).tolist():
        option = own[table.options[i]]
        # an option whose road is cut scores infinity in all; what it builds is still known
        cut = not np.isfinite(table.scores[i]).all()
        values = [
            for_all[option.name][place[each.name]] / measure.scale if cut else scores[i, j]
            for j, (each, measure) in enumerate(zip(table.objectives, measures, strict=True))
        ]
        rows.append(
            {
                "option": option,
                "paid": together(
                    (option.cost, option.outside_cost, Estimate.exact(option.detour_cost))
                ),
                "rank": int(table.rank[i]),
                "total": float(table.totals[i]),
                "unbeaten": bool(table.unbeaten[i]),
                "role": _role(plan, option.name),
                "values": values,
            }
        )
    return {"measures": measures, "rows": rows}


def _role(plan: Plan, name: str) -> str:
    """Say what an option is among the others."""
    if name == plan.best:
        return "preferred"
    compared = name in {plan.announced, DO_NOTHING}
    return "to compare with" if compared else "shortlist"


def _weighing(plan: Plan) -> dict[str, Any]:
    """Parts, weights and totals for the table in which weights may be changed."""
    table, measures = plan.decision.table, _measures(plan)
    titles = _titles(plan)
    finite = np.isfinite(table.totals)
    order = np.argsort(table.rank).tolist()
    return {
        "measures": measures,
        "weights": table.weights.tolist(),
        "rows": [
            {
                "name": table.options[i],
                "title": titles[table.options[i]],
                "rank": int(table.rank[i]),
                "total": float(table.totals[i]),
                "unbeaten": bool(table.unbeaten[i]),
                "parts": table.parts[i].tolist() if finite[i] else None,
            }
            for i in order
        ],
        "alike": [
            measure.label.lower()
            for measure, column in zip(measures, table.parts[finite].T, strict=True)
            if not column.any()
        ],
        "stable": list(zip(plan.decision.stable, measures, strict=True)),
        "wins": sorted(plan.decision.wins, key=lambda each: -each.everywhere),
        "data": {
            "weights": table.weights.tolist(),
            "options": [
                {
                    "name": table.options[i],
                    "title": titles[table.options[i]],
                    "unbeaten": bool(table.unbeaten[i]),
                    "parts": table.parts[i].tolist() if finite[i] else None,
                }
                for i in order
            ],
        },
    }


def _front(plan: Plan) -> dict[str, Any] | None:
    """Whole answers that no other beats, cost against truck time first, and all for the page."""
    table, measures = plan.decision.table, _measures(plan)
    names = [each.name for each in table.objectives]
    if not {"cost", "truck_time", "closed_days"} <= set(names):
        return None
    ways = candidates.ordered(plan.choice.front.ways.scores)
    ways = ways[:, [[each.name for each in OBJECTIVES].index(name) for name in names]]
    x, y, size = (names.index(name) for name in ("cost", "truck_time", "closed_days"))
    rows = charts.thinned(ways, front(ways[:, [x, y]]), seed=_SEED)
    limits = np.unique(np.quantile(ways[:, size], np.linspace(0, 1, len(charts.CLASSES) + 1)[1:-1]))
    group = np.searchsorted(limits, ways[rows, size], side="right")
    shown = np.column_stack(
        [(ways[rows, j] / m.scale).round(m.digits + 1) for j, m in enumerate(measures)]
    )
    marks = []
    for i in np.argsort(table.rank).tolist():
        if np.isfinite(table.totals[i]):
            own = (table.scores[i] / [m.scale for m in measures]).round(4)
            marks.append((int(table.rank[i]), table.options[i], own.tolist()))
    edges = [float(ways[:, size].min()), *limits.tolist(), float(ways[:, size].max())]
    words = [f"{a:.2f} to {b:.2f}" for a, b in pairwise(edges)]
    return {
        "chart": charts.cloud(
            shown[:, [x, y]], group, [(n, name, (v[x], v[y])) for n, name, v in marks]
        ),
        "drawn": len(rows),
        "all": len(ways),
        "x": x,
        "y": y,
        "legend": list(zip(words, charts.CLASSES, strict=False)),
        "left_out": [o for o, t in zip(table.options, table.totals, strict=True) if math.isinf(t)],
        "data": {
            "axes": [f"{m.label}, {m.unit}" for m in measures],
            "points": [[*row, int(g)] for row, g in zip(shown.tolist(), group, strict=True)],
            "marks": marks,
        },
    }


# ---------------------------------------------------------------- open by month, and what closes


def _months(plan: Plan) -> dict[str, Any]:
    """Lay out closed days of each month: the road today, options, and the wider corridor."""
    road, far = (
        f"{plan.study.existing.start_name}\u2013{plan.study.existing.end_name}",
        _far(plan),
    )
    kept = plan.region.kept
    today = MONTH_DAYS * (1 - np.exp(-kept.rates(kept.whole)))
    series: list[tuple[str, NDArray[np.float64]]] = [
        (f"{road}: the road as it stands, before the lakes", today)
    ]
    cut, same = [], []
    named = dict.fromkeys((DO_NOTHING, plan.announced, plan.best))
    titles = _titles(plan)
    for name in named:
        if name not in plan.years or name not in titles:
            continue
        year = plan.years[name]
        if year.highway.closed_days_a_year >= MONTH_DAYS.sum() - _EQUAL:
            cut.append(titles[name])
            continue
        series.append((f"{road}: {titles[name]}", year.highway.closed_days))
        if far != road and _same(year):
            same.append(titles[name])
        elif far != road and year.corridor.closed_days_a_year < MONTH_DAYS.sum() - _EQUAL:
            series.append((f"{far}: {titles[name]}", year.corridor.closed_days))
        elif far != road:
            cut.append(f"{titles[name]} ({far})")
    year = plan.years[plan.best]
    return {
        "chart": charts.months(series),
        "series": series,
        "rows": [
            (month, [float(values[i]) for _, values in series])
            for i, month in enumerate(charts.MONTHS)
        ],
        "sums": [float(values.sum()) for _, values in series],
        "cut": cut,
        "same": same,
        "far": far,
        "quiet": not any(each.closed_days for each in plan.study.approaches),
        "lasting": year.highway.longest_below(0.99),
    }


def _days_by_kind(year: YearRound) -> NDArray[np.float64]:
    """Sum of the durations of closures along the highway by kind, shape (5,) [d/year]."""
    out = np.zeros(len(KINDS))
    for each in year.stretches:
        road, part = each.road, each.section
        ends = [[np.interp(s, road.edge, c) for c in road.days.T] for s in (part.start, part.end)]
        out += np.array(ends[1]) - np.array(ends[0])
    return out


def _hazard(plan: Plan) -> dict[str, Any]:
    """Say what closes the road, how rates were scaled, and how good the score of slides is."""
    region = plan.region
    fit, found = region.calibration, region.receiver
    year = plan.years[plan.best]
    now = region.kept.days[-1] - region.kept.days[0]
    then = _days_by_kind(year)
    recorded = fit.rules.recorded
    widest = max(float(np.max([now, then])), 1e-9)
    return {
        "years": recorded.years,
        "rows": [
            {
                "kind": CLOSERS[kind],
                "events": getattr(recorded, kind),
                "before": fit.before[i],
                "low": fit.low[i],
                "high": fit.high[i],
                "after": fit.after[i],
                "scaled": fit.scaled[i],
                "each": fit.rules.kinds[i].days,
                "now": float(now[i]),
                "closures": float(year.closures[i]),
                "then": float(then[i]),
                "now_pct": 100 * float(now[i]) / widest,
                "then_pct": 100 * float(then[i]) / widest,
            }
            for i, kind in enumerate(KINDS)
        ],
        "now": float(now.sum()),
        "then": float(then.sum()),
        "found": found,
        "curve": None if found is None else charts.receiver(found.false, found.true),
        "blind": found is not None and found.low <= 0.5 <= found.high,
        "landslides": region.landslides,
        "missing": region.scene.missing,
    }


# ---------------------------------------------------------------- what matters most


def _critical(some: Sequence[Critical]) -> dict[str, Any]:
    """Stretches whose closures cost the corridor most days, the worst first."""
    rows = sorted(some, key=lambda each: (-each.causes, -each.extra_closed_days, each.name))
    return {
        "rows": [
            {
                "name": each.name,
                "causes": each.causes,
                "extra": each.extra_closed_days,
                "months": len(each.detour_months),
                "detour": each.detour,
                "longer": each.extra_time / _HOUR,
                "day": each.year_usd / MONTH_DAYS.sum(),
            }
            for each in rows[:_TOP]
        ],
        "all": len(some),
        "blocked": sum(not each.detour_months for each in some),
    }


def _protections(plan: Plan) -> list[Worth]:
    """Take the best protections, and the best of each kind that is not among them."""
    some = list(plan.protections[:_TOP])
    seen = {each.measure.name.split()[0] for each in some}
    for each in plan.protections[_TOP:]:
        kind = each.measure.name.split()[0]  # names begin with it, see `protection`
        if kind not in seen:
            seen.add(kind)
            some.append(each)
    return some


def _standing(plan: Plan) -> dict[str, Any]:
    """Say what each option does with the existing road, what breaks the standard, and a price."""
    region, money = plan.region, plan.study.money
    whole, titles = Section(0.0, plan.highway.length), _titles(plan)

    def priced(parts: Sequence[Section]) -> tuple[Any, float]:
        sums: Counter[str] = Counter()
        for part in parts:
            sums.update(region.totals(part))
        return cost.price(dict(sums), plan.rates, money).total, sum(p.length for p in parts) / 1000

    prices = [("All of the highway", *priced([whole]))]
    fates = []
    for option in plan.options:
        title = titles[option.name]
        replaced = sum(link.section.length for link in option.links) / 1000
        better = sum(part.length for part in option.upgraded) / 1000
        rest = plan.highway.length / 1000 - replaced - better
        fates.append((title, max(rest, 0.0), better, replaced))
        if option.name in {plan.best, plan.announced} and option.upgraded:
            prices.append((f"Upgraded by \u201c{title}\u201d", *priced(option.upgraded)))
    kinds = []
    for kind in ("curve", "grade"):
        own = [each for each in region.broken if each.kind == kind]
        again = [each for each in own if each.totals]
        worst = None
        if own:
            worst = (min if kind == "curve" else max)(each.found for each in own)
        kinds.append((kind, len(own), len(again), sum(e.length for e in again) / 1000, worst))
    return {
        "fates": fates,
        "kinds": kinds,
        "standard": region.standard,
        "prices": prices,
        "km": plan.highway.length / 1000,
    }


# ---------------------------------------------------------------- tables


def _phase_table(programme: Programme, rows: Rows) -> list[tuple[Phase, Mapping[str, Any]]]:
    """Phases of one option with their rows of the table."""
    own = [row for row in rows if row["option"] == programme.option.name]
    return list(zip(programme.schedule.phases, own, strict=True))


def _links(plan: Plan) -> list[tuple[Option, Any]]:
    """Pair new roads with the option they belong to, the best option first."""
    order = sorted(plan.options, key=lambda option: option.name != plan.best)
    return [(option, link) for option in order for link in option.links]


def _quantities(plan: Plan) -> dict[str, Any] | None:
    """Quantities of the best option, a column a road."""
    option = next((each for each in plan.options if each.name == plan.best), None)
    if option is None or not option.links:
        return None
    # metres of structure; the bill counts more where a deck is high
    lengths = {"bridge": "bridge_length", "tunnel": "tunnel_length"}

    def amount(link: Link, item: str) -> float:
        if item in lengths:
            return float(getattr(link, lengths[item]))
        return link.totals.get(item, 0.0)

    rows = [
        (item.replace("_", " "), unit, [amount(link, item) for link in option.links])
        for item, unit in ITEMS.items()
        if any(amount(link, item) >= LEAST for link in option.links)
    ]
    return {"names": [link.name for link in option.links], "rows": rows}


def _by_table(rows: Iterable[Assumption]) -> list[tuple[str, list[Assumption]]]:
    """Group assumptions by the table of the study file that holds them, in the order given."""
    groups: dict[str, list[Assumption]] = {}
    for row in rows:
        groups.setdefault(re.split(r"[.\[]", row.key, maxsplit=1)[0], []).append(row)
    return list(groups.items())


def _default(row: Assumption) -> bool:
    """Whether a value is that of the program, because the study gives none."""
    return row.reason.lower().startswith("program default")


def _verdict(check: Check) -> str:
    """Say in words how a modelled value compares with what is accepted."""
    if math.isnan(check.modelled):
        return "not modelled"
    if check.ok:
        return "agrees"
    low, high = check.published.accepted_low, check.published.accepted_high
    edge = low if check.modelled < low else high
    side = "below" if check.modelled < low else "above"
    if not edge:
        return f"misses: {side} what is accepted"
    off = abs(check.modelled - edge) / abs(edge)
    return f"misses: {off:.0%} {side} what is accepted" if off >= 0.01 else f"misses: just {side}"


def _tornado(plan: Plan) -> list[dict[str, Any]]:
    """Say what each driver of the best option does by itself, with the ends of its bar [0-100]."""
    rows = [row for row in programme_rows.tornado_rows(plan) if row["option"] == plan.best]
    values = [float(str(row[f"cost_{p}_pkr"])) for row in rows for p in ("p10", "p90")]
    low, high = min(values, default=0.0), max(values, default=1.0)
    span = max(high - low, 1.0)

    def at(value: object) -> float:
        return 100 * (float(str(value)) - low) / span

    return [
        {**row, "left": at(row["cost_p10_pkr"]), "right": at(row["cost_p90_pkr"])} for row in rows
    ]


def _announced(plan: Plan) -> int:
    """Cost of the announced programme where the study gives one beside it, else 0 [PKR]."""
    each = plan.programmes.get(plan.announced)
    return each.schedule.total_pkr if each and plan.study.finance.announced_pkr else 0


def _spending(plan: Plan) -> list[tuple[int, dict[str, int]]]:
    programme = plan.programmes.get(plan.best)
    if programme is None:
        return []
    return list(by_year(programme.splits, plan.study.finance.cases[0]).items())


def _chart(plan: Plan) -> dict[str, Any] | None:
    """Columns of yearly spending of the best option; None where nothing is spent."""
    programme = plan.programmes.get(plan.best)
    if programme is None or not programme.schedule.spending:
        return None
    payers = [(f.key, f.name) for f in plan.study.finance.financiers]
    return charts.spending(by_year(programme.splits, plan.study.finance.cases[0]), payers)


def _speeds(plan: Plan) -> dict[str, Any] | None:
    """Cost and length of the roads across the longest gap, against their design speed."""
    longest = max(plan.gaps, key=lambda gap: gap.section.length).name
    roads = [
        charts.Road(link.variant, link.speed_kmh, (link.direct.base / 1e6, link.length / 1000))
        for link in plan.links
        if link.gap == longest and link.searched is not None
    ]
    if not roads:
        return None
    return {"gap": longest, **charts.speeds(roads, ("direct cost, m", "length, km"))}


# ---------------------------------------------------------------- numbers


def _bn(rupees: float) -> str:
    return f"{rupees / 1e9:,.1f}"


def _musd(dollars: float) -> str:
    return f"{dollars / 1e9:,.2f}"


def _number(value: float | None, digits: int = 1) -> str:
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{value:,.{digits}f}"


def _pct(fraction: float) -> str:
    return f"{fraction * 100:,.1f}"


def _share(fraction: float) -> str:
    """Write a share in whole per cent; no share below all is told as all, none above 0 as none."""
    if 0 < fraction < 0.005:
        return "less than 1 %"
    if 0.995 <= fraction < 1:
        return "more than 99 %"
    return f"{fraction * 100:.0f} %"


def _count(number: int) -> str:
    """Write a number of ways, however great it is."""
    if number < 10**12:
        return f"{number:,}"
    power = len(str(number)) - 1
    return f"{number / 10**power:.1f} x 10^{power}"


def _days(days: float) -> str:
    return f"{days:.1f} days"


def _listed(words: Sequence[str]) -> str:
    """Join words with commas and an and."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _places(count: int) -> str:
    return f"{count:,} place" if count == 1 else f"{count:,} places"


def _day(value: date | None) -> str:
    return value.isoformat() if value else _NONE
