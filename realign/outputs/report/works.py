"""What the report says of the works: phases, roads, quantities, assumptions, checks, files."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from realign.network import Link
from realign.options import Option
from realign.outputs import charts
from realign.phasing import Phase
from realign.plan import Assumption, Check, Plan, Programme
from realign.rates import ITEMS

Rows = Sequence[Mapping[str, Any]]
"""Rows of a table of `tables`."""

LEAST = 0.5
"""Quantities below this show as nothing and are left out [unit of the item]."""
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
    ("reservoirs.csv", "Lakes by stage: level, area, volume; given shores beside the ground"),
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


def phase_table(programme: Programme, rows: Rows) -> list[tuple[Phase, Mapping[str, Any]]]:
    """Phases of one option with their rows of the table."""
    own = [row for row in rows if row["option"] == programme.option.name]
    return list(zip(programme.schedule.phases, own, strict=True))


def links(plan: Plan) -> list[tuple[Option, Any]]:
    """Pair new roads with the option they belong to, the best option first."""
    order = sorted(plan.options, key=lambda option: option.name != plan.best)
    return [(option, link) for option in order for link in option.links]


def quantities(plan: Plan) -> dict[str, Any] | None:
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


def by_table(rows: Iterable[Assumption]) -> list[tuple[str, list[Assumption]]]:
    """Group assumptions by the table of the study file that holds them, in the order given."""
    groups: dict[str, list[Assumption]] = {}
    for row in rows:
        groups.setdefault(re.split(r"[.\[]", row.key, maxsplit=1)[0], []).append(row)
    return list(groups.items())


def is_default(row: Assumption) -> bool:
    """Whether a value is that of the program, because the study gives none."""
    return row.reason.lower().startswith("program default")


def verdict(check: Check) -> str:
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


def announced_pkr(plan: Plan) -> int:
    """Cost of the announced programme where the study gives one beside it, else 0 [PKR]."""
    each = plan.programmes.get(plan.announced)
    return each.schedule.total_pkr if each and plan.study.finance.announced_pkr else 0


def speeds(plan: Plan) -> dict[str, Any] | None:
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


def files(design: Sequence[str], sizes: Mapping[str, int]) -> list[tuple[str, str, int | None]]:
    """
    List what lies beside the report: name, what it is, and its size [byte].

    Parameters
    ----------
    design
        Names of files of design programs; of sheets only the folder is told.
    sizes
        Sizes of files by name, as far as they are known.
    """
    out = list(FILES)
    for name in design:
        stem, _, ending = name.rpartition(".")
        if ending in _KINDS:
            out.append((name, f"Option {stem.rpartition('/')[2]}, {_KINDS[ending]}"))
    return [(name, what, sizes.get(name)) for name, what in out]
