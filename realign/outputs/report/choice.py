"""What the report says of the options: the shortlist, the weights, and all answers as a cloud."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from realign import candidates
from realign.estimate import Estimate, together
from realign.options import DO_NOTHING, OBJECTIVES, front, objectives
from realign.outputs import charts
from realign.outputs.report import wording
from realign.plan import Plan

HOUR = 3600.0  # [s]
SEED = 1  # of the answers that are drawn


@dataclass(frozen=True, slots=True)
class Measure:
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


def measures_of(plan: Plan) -> list[Measure]:
    """How each objective of the decision is shown, in its order."""
    known = {
        "cost": ("Present cost", f"{wording.sign(plan.rates.currency)} m", 1e6, 0),
        "length": ("Length", "km", 1e3, 1),
        "truck_time": ("Time of a truck", "h", HOUR, 2),
        "closed_days": ("Closed days", "a year", 1.0, 2),
        "steepest": ("Steepest grade", "%", 0.01, 1),
        "structures": ("Bridges and tunnels", "km", 1e3, 1),
        "buildings": ("Buildings taken", "number", 1.0, 0),
        "farmland": ("Farmland taken", "ha", 1e4, 1),
        "flooded_left": ("Road in the water", "km", 1e3, 1),
    }
    return [
        Measure(each.name, *known.get(each.name, (each.name.replace("_", " "), each.unit, 1.0, 2)))
        for each in plan.decision.table.objectives
    ]


def titles_of(plan: Plan) -> dict[str, str]:
    """Titles of the options for use in sentences, by name: what stands before a colon."""
    return {o.name: (o.title or o.name).partition(":")[0] for o in plan.options}


def shortlist(plan: Plan) -> dict[str, Any]:
    """Options by rank with every objective."""
    table, measures = plan.decision.table, measures_of(plan)
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
                "risk": plan.risks[option.name].whole if option.name in plan.risks else None,
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


def weighing(plan: Plan) -> dict[str, Any]:
    """Parts, weights and totals for the table in which weights may be changed."""
    table, measures = plan.decision.table, measures_of(plan)
    titles = titles_of(plan)
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


def pareto(plan: Plan) -> dict[str, Any] | None:
    """Whole answers that no other beats, cost against truck time first, and all for the page."""
    table, measures = plan.decision.table, measures_of(plan)
    names = [each.name for each in table.objectives]
    if not {"cost", "truck_time", "closed_days"} <= set(names):
        return None
    ways = candidates.ordered(plan.choice.front.ways.scores)
    ways = ways[:, [[each.name for each in OBJECTIVES].index(name) for name in names]]
    x, y, size = (names.index(name) for name in ("cost", "truck_time", "closed_days"))
    rows = charts.thinned(ways, front(ways[:, [x, y]]), seed=SEED)
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
    told = [
        f"{name}: {v[x]:,.{measures[x].digits}f} {measures[x].unit}, "
        f"{v[y]:,.{measures[y].digits}f} {measures[y].unit}"
        for _, name, v in marks
    ]
    edges = [float(ways[:, size].min()), *limits.tolist(), float(ways[:, size].max())]
    words = [f"{a:.2f} to {b:.2f}" for a, b in pairwise(edges)]
    return {
        "chart": charts.cloud(
            shown[:, [x, y]], group, [(n, name, (v[x], v[y])) for n, name, v in marks]
        ),
        "words": f"Marked: {'; '.join(told)}",
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
