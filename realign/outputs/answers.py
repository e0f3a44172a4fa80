"""
What may be built and what is chosen of it, as rows: candidate links, whole answers, the decision.

Rows are in an order of their own, so that the order in which a plan holds them has no effect.
Scores are in the units of readers: millions of dollars, kilometres, hours, hectares.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from math import isclose

import numpy as np

from realign.candidates import COLUMNS, UPGRADED, Candidate, ordered
from realign.errors import OutputError
from realign.options import OBJECTIVES
from realign.outputs.tables import Row, costs, ranked, ranks
from realign.plan import Plan

LINKS = (
    "name",
    "gap",
    "from_km",
    "to_km",
    "from_chainage",
    "to_chainage",
    "length_km",
    "bridge_km",
    "tunnel_km",
    "cost_low_pkr",
    "cost_base_pkr",
    "cost_high_pkr",
    "cost_low_usd",
    "cost_base_usd",
    "cost_high_usd",
    "truck_ahead_min",
    "truck_back_min",
    "car_ahead_min",
    "car_back_min",
    "closures_a_year",
    "closed_days_a_year",
    "least_open_probability",
    *(f"open_{month:02d}" for month in range(1, 13)),
    "steepest_pct",
    "buildings",
    "farmland_ha",
    "open_date",
    "breaches",
    "options",
    "roads",
)
"""Columns of the candidate links."""
PARETO = (
    "option",
    "present_cost_pkr",
    "present_cost_usd",
    "length_km",
    "truck_time_h",
    "closed_days_a_year",
    "steepest_pct",
    "structures_km",
    "buildings",
    "farmland_ha",
    "flooded_left_km",
    "links",
    "upgraded",
)
"""Columns of the whole answers that no other beats."""
DECISION = ("option", "rank", "weighted_total", "objective", "unit", "score", "part", "weight")
"""Columns of the options weighed against each other."""
SENSITIVITY = ("objective", "weight", "low", "high", "below", "above")
"""Columns of the weights with which the winner stays."""
WINS = ("option", "everywhere_share", "everywhere_error", "near_share", "near_error")
"""Columns of how often each option wins when weights are drawn."""

UNITS = {
    "cost": ("million USD", 1e-6),  # of the currency of the rates, see `_factors`
    "length": ("km", 1e-3),
    "truck_time": ("h", 1 / 3600),
    "closed_days": ("d/year", 1.0),
    "steepest": ("%", 100.0),
    "structures": ("km", 1e-3),
    "buildings": ("number", 1.0),
    "farmland": ("ha", 1e-4),
    "flooded_left": ("km", 1e-3),
}
"""Unit of each objective for readers, and what a score in SI units is multiplied by."""
TOLERANCE = 1e-9
"""Share by which sums may differ, from rounding [-]."""
_SECTION = re.compile(r"(\S+) to (\S+)")


def link_rows(plan: Plan) -> list[Row]:
    """
    Candidate links with all that they are compared by, in order of chainage, then of cost.

    Returns
    -------
    rows
        With `LINKS`. Values are sums over the legs of a link; a link that an option uses is
        measured as a whole besides, and that is what tables of options hold.
    """
    used: dict[str, list[str]] = {}
    built = {option.name: option.links for option in plan.options}
    for name in ranked(plan, built):
        for link in built[name]:
            used.setdefault(link.name, []).append(name)
    some = sorted(
        plan.choice.candidates,
        key=lambda each: (each.way.section, each.cost.base, each.name),
    )
    return [_link(plan, each, used.get(each.name, [])) for each in some]


def _link(plan: Plan, each: Candidate, options: list[str]) -> Row:
    section, values, service = each.way.section, each.values, each.service
    prefix = f"{each.net.gap.name} / "
    roads = [
        (leg.road.name.removeprefix(prefix), leg.part.start, leg.part.end) for leg in each.way.legs
    ]
    return {
        "name": each.name,
        "gap": each.net.gap.name,
        "from_km": section.start / 1000,
        "to_km": section.end / 1000,
        **dict(zip(("from_chainage", "to_chainage"), str(section).split(" to "), strict=True)),
        "length_km": values.length / 1000,
        "bridge_km": values.bridge_length / 1000,
        "tunnel_km": values.tunnel_length / 1000,
        **costs(plan, "cost", values.cost),
        "truck_ahead_min": service.truck[0] / 60,
        "truck_back_min": service.truck[1] / 60,
        "car_ahead_min": service.car[0] / 60,
        "car_back_min": service.car[1] / 60,
        "closures_a_year": each.closures,
        "closed_days_a_year": each.closed_days,
        "least_open_probability": float(service.open_share.min()),
        **{f"open_{i:02d}": float(share) for i, share in enumerate(service.open_share, 1)},
        "steepest_pct": each.steepest * 100,
        "buildings": each.buildings,
        "farmland_ha": each.farmland / 1e4,
        "open_date": each.opens,
        "breaches": each.flawed,
        "options": "; ".join(options),
        "roads": "; ".join(_run(name, list(run)) for name, run in groupby(roads, lambda r: r[0])),
    }


def _run(name: str, parts: list[tuple[str, float, float]]) -> str:
    """Name the stretch of a road that legs in a row take."""
    return f"{name} {parts[0][1] / 1000:.3f}-{parts[-1][2] / 1000:.3f} km"


def pareto_rows(plan: Plan) -> Iterator[Row]:
    """
    Give the ways through the network that no other beats, by cost, then the other objectives.

    Yields
    ------
    row
        With `PARETO`. Values are sums over legs, by which the front was found; `option` is the
        option that was made of a way on the shortlist.
    """
    front = plan.choice.front.ways
    money = plan.study.money
    paid = front.scores[:, COLUMNS.index("cost")]
    scores = ordered(front.scores)
    order = np.lexsort(scores.T[::-1])
    factor = np.array([UNITS[objective.name][1] for objective in OBJECTIVES])
    names = [objective.name for objective in OBJECTIVES]
    columns = dict(zip(names, (scores * factor).T.tolist(), strict=True))
    rupees = (paid * money.exchange("PKR", of=plan.rates.currency)).round().astype(np.int64)
    dollars = rupees * money.exchange("USD", of="PKR")
    option = {row: name for name, row in plan.choice.rows.items()}
    links = {each.name for each in plan.choice.candidates}
    kind = np.array(
        [1 if leg.name in links else 2 * _upgrades(leg.name) for leg in front.legs] + [0]
    )
    kinds = kind[front.steps]  # step -1 is the entry more
    for row in order.tolist():
        steps = front.steps[row]
        own = [[front.legs[i].name for i in steps[kinds[row] == k]] for k in (1, 2)]
        yield {
            "option": option.get(row),
            "present_cost_pkr": int(rupees[row]),
            "present_cost_usd": round(float(dollars[row]), 2),
            "length_km": columns["length"][row],
            "truck_time_h": columns["truck_time"][row],
            "closed_days_a_year": columns["closed_days"][row],
            "steepest_pct": columns["steepest"][row],
            "structures_km": columns["structures"][row],
            "buildings": round(columns["buildings"][row]),
            "farmland_ha": columns["farmland"][row],
            "flooded_left_km": columns["flooded_left"][row],
            "links": "; ".join(own[0]),
            "upgraded": "; ".join(_joined(own[1])),
        }


def _upgrades(name: str) -> bool:
    """Whether a leg that is no link upgrades road; a joint is named by its two nodes."""
    return name.startswith(f"{UPGRADED} ")


def _joined(legs: list[str]) -> list[str]:
    """Stretches of the names of legs, those that follow each other as one."""
    out: list[tuple[str, str]] = []
    for name in legs:
        found = _SECTION.fullmatch(name.removeprefix(f"{UPGRADED} "))
        if found is None:
            msg = f"a leg is named {name!r}; wanted '{UPGRADED} 0+000 to 1+000'"
            raise OutputError(msg)
        start, end = found.groups()
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return [f"{start} to {end}" for start, end in out]


def decision_rows(plan: Plan) -> list[Row]:
    """
    Options by rank, each with its score in every objective and what that counts.

    Returns
    -------
    rows
        With `DECISION`. `part` is 0 for the best of the options compared and 1 for the worst;
        `weighted_total` is the sum of weight times part. Both are missing for an option whose
        road is cut.

    Raises
    ------
    OutputError
        Parts and weights of an option do not come to its total.
    """
    table = plan.decision.table
    factor = _factors(plan)
    out: list[Row] = []
    for i in np.argsort(table.rank, kind="stable").tolist():
        total = float(table.totals[i])
        summed = float((table.parts[i] * table.weights).sum()) if np.isfinite(total) else total
        if not isclose(summed, total, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            msg = (
                f"option {table.options[i]!r}: parts and weights come to {summed:.9f}, not to "
                f"{total:.9f}; nothing was written"
            )
            raise OutputError(msg)
        out += [
            {
                "option": table.options[i],
                "rank": int(table.rank[i]),
                "weighted_total": total,
                "objective": objective.name,
                "unit": UNITS[objective.name][0],
                "score": float(table.scores[i, k]) * factor[objective.name],
                "part": float(table.parts[i, k]),
                "weight": float(table.weights[k]),
            }
            for k, objective in enumerate(table.objectives)
        ]
    return out


def _factors(plan: Plan) -> dict[str, float]:
    """Give what scores are multiplied by for readers; costs are in the currency of the rates."""
    usd = plan.study.money.exchange("USD", of=plan.rates.currency)
    return {name: by * (usd if name == "cost" else 1.0) for name, (_, by) in UNITS.items()}


def sensitivity_rows(plan: Plan) -> list[Row]:
    """
    Weights of each objective between which the winner stays, the others in proportion.

    Returns
    -------
    rows
        With `SENSITIVITY`, in the order of the objectives; `below` and `above` name the option
        that takes over there, empty where none does.
    """
    return [
        {
            "objective": each.objective.name,
            "weight": each.weight,
            "low": each.low,
            "high": each.high,
            "below": each.below,
            "above": each.above,
        }
        for each in plan.decision.stable
    ]


def win_rows(plan: Plan) -> list[Row]:
    """
    Shares of drawn weightings that each option wins, by its rank.

    Returns
    -------
    rows
        With `WINS`: of all weightings, and of those near the weights of the study, each with its
        standard error.

    Raises
    ------
    OutputError
        The shares do not add to 1.
    """
    wins = plan.decision.wins
    for name in ("everywhere", "near"):
        summed = sum(getattr(each, name) for each in wins)
        if not isclose(summed, 1.0, rel_tol=TOLERANCE):
            msg = f"the shares that options win {name} add to {summed:.9f}, not to 1"
            raise OutputError(msg)
    rank = ranks(plan)
    return [
        {
            "option": each.option,
            "everywhere_share": each.everywhere,
            "everywhere_error": each.everywhere_error,
            "near_share": each.near,
            "near_error": each.near_error,
        }
        for each in sorted(wins, key=lambda each: rank[each.option])
    ]
