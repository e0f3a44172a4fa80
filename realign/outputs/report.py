"""
The report of a plan: one HTML page without anything outside itself, for screen, phone and paper.

The numbers are those of the tables; here they are only arranged, rounded and put into sentences.
Low and high stand beside every cost, and a figure that misses what is published says so.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import jinja2

from realign.chainage import text
from realign.finance import by_year, total
from realign.network import Link
from realign.options import Option
from realign.phasing import Phase
from realign.plan import Assumption, Check, Plan, Programme
from realign.rates import ITEMS

Rows = Sequence[Mapping[str, Any]]
"""Rows of a table of `tables`."""

FILES = (
    ("map.html", "Map: roads, lakes by stage, phases; opens without a network"),
    ("phase_costs.csv", "Phases with dates, costs and shares"),
    ("phase_costs.json", "The same with totals, years, and works of others"),
    ("submerged_sections.csv", "Existing road that the lakes take"),
    ("options.csv", "Options with all they are compared by"),
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
_WIDE, _TALL = 720.0, 260.0  # of the chart of spending [px]
_LEFT, _UNDER = 64.0, 28.0  # of its margins [px]
_BARS = ("#1f4e79", "#d98a00", "#00705a", "#8c2d62")  # dark and light in turn, in grey too
_LINE = 13.0  # height of a line of text in a chart [px]
_LINES = 5  # grid lines of the chart, about
LEAST = 0.5
"""Quantities below this show as nothing and are left out [unit of the item]."""
_NONE = "\u2013"
_FILLING = "filling to the level that takes the first of it begins on"


@dataclass(frozen=True, slots=True)
class _Bar:
    """A piece of a column of the chart: whose money in which year, and where it stands."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    words: str


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
        answer=_answer(plan),
        options=list(zip(plan.options, made["options"], strict=True)),
        best=plan.best,
        programmes=[(p, _phase_table(p, made["phase_costs"])) for p in programmes],
        chart=_chart(plan, plan.programmes.get(plan.best)),
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
    lines.append(("Time", _time(programme)))
    shares = total(programme.splits, plan.study.finance)
    paid = [
        f"{f.name} {f.share:.0%} (Rs {shares[f.key] / 1e9:,.1f} bn)"
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


def _time(programme: Programme) -> str:
    dated = programme.schedule
    last = max((phase.opens for phase in dated.phases), default=None)
    done = f"The last phase opens on {last}" if last else "Nothing is built"
    if dated.cut_days:
        late = ", ".join(sorted({name for _, _, name in dated.cuts}))
        return f"{done}; the road is cut on {dated.cut_days:,} days because of {late}."
    return f"{done}; no day passes without a road."


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


def _spending(plan: Plan) -> list[tuple[int, dict[str, int]]]:
    programme = plan.programmes.get(plan.best)
    if programme is None:
        return []
    return list(by_year(programme.splits, plan.study.finance).items())


def _chart(plan: Plan, programme: Programme | None) -> dict[str, Any] | None:
    """Columns of yearly spending, a piece a financier, with round grid lines in billions."""
    if programme is None or not programme.schedule.spending:
        return None
    years = by_year(programme.splits, plan.study.finance)
    first, last = min(years), max(years)
    highest = max(sum(amounts.values()) for amounts in years.values()) / 1e9
    step = _round_step(highest / _LINES)
    top = step * math.ceil(highest / step)
    tall = _TALL - _UNDER - 12
    each = (_WIDE - _LEFT - 8) / (last - first + 1)
    bars = []
    for year, amounts in years.items():
        height = 0.0
        for number, financier in enumerate(plan.study.finance.financiers):
            part = amounts[financier.key] / 1e9 / top * tall
            height += part
            bars.append(
                _Bar(
                    x=_LEFT + (year - first) * each + each * 0.15,
                    y=_TALL - _UNDER - height,
                    width=each * 0.7,
                    height=part,
                    colour=_BARS[number % len(_BARS)],
                    words=f"{year}, {financier.name}: Rs {amounts[financier.key] / 1e9:,.2f} bn",
                )
            )
    count = round(top / step)
    return {
        "wide": _WIDE,
        "tall": _TALL,
        "left": _LEFT,
        "bars": bars,
        "years": [(y, _LEFT + (y - first) * each + each / 2) for y in range(first, last + 1)],
        "grid": [
            (f"{i * step:,.10g}", _TALL - _UNDER - i / count * tall) for i in range(count + 1)
        ],
        "legend": [
            (f.name, _BARS[i % len(_BARS)]) for i, f in enumerate(plan.study.finance.financiers)
        ],
        "words": f"Spending by year, Rs bn, {first} to {last}; the table below has the numbers",
    }


@dataclass(frozen=True, slots=True)
class _Dot:
    """A new road in a panel of the chart of speeds."""

    x: float
    y: float
    label_y: float
    name: str
    words: str


def _speeds(plan: Plan) -> dict[str, Any] | None:
    """Cost and length of the roads across the longest gap, against their design speed."""
    longest = max(plan.gaps, key=lambda gap: gap.section.length).name
    links = [link for link in plan.links if link.gap == longest]
    if not links:
        return None
    panels = [
        _panel(links, [link.direct.base / 1e6 for link in links], "direct cost, m", 0),
        _panel(links, [link.length / 1000 for link in links], "length, km", 1),
    ]
    return {"wide": _WIDE, "tall": _TALL, "panels": panels, "gap": longest}


def _panel(
    links: Sequence[Link], values: Sequence[float], title: str, number: int
) -> dict[str, Any]:
    """Lay out one panel: dots, round grid lines, speeds, and a line through the least of each."""
    left = _LEFT + number * _WIDE / 2
    wide, tall = _WIDE / 2 - _LEFT - 90, _TALL - _UNDER - 24
    speeds = sorted({link.speed_kmh for link in links})
    at = {speed: left + wide * ((i + 0.5) / len(speeds)) for i, speed in enumerate(speeds)}
    step = _round_step(max(values) / _LINES)
    top = step * math.ceil(max(values) / step)
    count = round(top / step)

    def height(value: float) -> float:
        return _TALL - _UNDER - value / top * tall

    dots = [
        _Dot(
            x=at[link.speed_kmh],
            y=height(value),
            label_y=label,
            name=link.variant,
            words=f"{link.variant}, {link.speed_kmh} km/h: {title} {value:,.1f}",
        )
        for link, value, label in zip(
            links, values, _labels(links, [height(value) for value in values]), strict=True
        )
    ]
    least = {
        speed: min(v for link, v in zip(links, values, strict=True) if link.speed_kmh == speed)
        for speed in speeds
    }
    return {
        "title": title,
        "left": left,
        "right": left + wide,
        "dots": dots,
        "line": " ".join(f"{at[speed]:.1f},{height(value):.1f}" for speed, value in least.items()),
        "speeds": [(f"{speed} km/h", x) for speed, x in at.items()],
        "grid": [(f"{i * step:,.10g}", height(i * step)) for i in range(count + 1)],
    }


def _labels(links: Sequence[Link], heights: Sequence[float]) -> list[float]:
    """Heights of labels, moved down where dots of one speed lie too close for their names."""
    out = list(heights)
    lowest: dict[int, float] = {}
    for i in sorted(range(len(out)), key=out.__getitem__):
        speed = links[i].speed_kmh
        out[i] = max(out[i], lowest.get(speed, -math.inf) + _LINE)
        lowest[speed] = out[i]
    return out


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below a value."""
    power = 10.0 ** math.floor(math.log10(max(least, 1e-6)))
    return next((k * power for k in (1, 2, 5) if k * power >= least), 10 * power)


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


def _places(count: int) -> str:
    return f"{count:,} place" if count == 1 else f"{count:,} places"


def _day(value: date | None) -> str:
    return value.isoformat() if value else _NONE
