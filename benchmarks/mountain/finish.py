"""The last steps: exact sections, ends met to rounding, every rule looked at, numbers written."""

from dataclasses import dataclass, replace
from math import hypot

import numpy as np
from numpy.typing import NDArray

from benchmarks.mountain import layout
from benchmarks.mountain.problem import Problem
from benchmarks.mountain.refine import Road, mend, refine

SPACING = 5.0
"""Distance between the sections of the answer [m]."""
DENSE = 1.0
"""Distance between sections at which toes and domain are checked [m]."""
STEPS = 100
"""Steps of the last refinement."""
TURNS = 5
"""The last refinement is repeated at most this often while a toe is beyond its limit."""
HOPELESS = 2.0
"""Excess of a toe, or distance outside of the domain, that drawing in does not mend [m]."""
INSIDE = 1e-3
"""Toes and domain are kept this far inside [m]."""
KEPT = 5e-6
"""Value up to which a rule is kept, half of the margin that lengths have [-]."""
SAME = 1e-9
"""Pieces shorter than this are left out [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A road as it is written, and what it costs."""

    elements: tuple[dict[str, float], ...]
    """Start x, y [m], bearing [rad], length [m] and curvatures k0, k1 [1/m] of each element."""
    pvis: tuple[dict[str, float], ...]
    """Chainage, level and curve length of each PVI, both ends included [m]."""
    cost: dict[str, float]
    """Cost by item with its total, volumes [m3] and lengths [m]."""
    broken: tuple[str, ...]
    """Rules that the road breaks; empty for an answer."""


def finish(problem: Problem, road: Road) -> Solution:
    """
    Refine a road on exact sections and write it down.

    A toe that binds is held by a price, which gives way by some millimetres to
    centimetres; the limit is therefore drawn in by what was found to give way.
    """
    limit = problem.form[3] - INSIDE
    drawn = 0.0
    for _ in range(TURNS):
        shape = problem.shape.copy()
        shape[2:6] += np.array([1, -1, 1, -1]) * drawn
        within = replace(problem, shape=shape)
        road = refine(
            within, road.shape, road.v, steps=STEPS, spacing=SPACING, exact=True, toe=limit,
            tolerance=2e-5,
        )  # fmt: skip
        if road.broken > KEPT:
            road = mend(problem, road)
        road = _head_on(problem, road)
        _, out = _measured(problem, road, DENSE)
        beyond = out[6] - problem.form[3] + INSIDE
        outside = out[7] + 0.5 * layout.MARGIN
        if max(beyond - 0.5 * INSIDE, outside) <= 0.0 or max(beyond, outside) > HOPELESS:
            break
        limit -= max(beyond, 0.0)
        drawn += max(outside, 0.0)
    return _written(problem, road)


def _measured(problem: Problem, road: Road, spacing: float) -> tuple[float, NDArray[np.float64]]:
    pieces, line, length = _laid(problem, road)
    out = np.empty(8)
    count = max(int(np.ceil(length / spacing - 1e-9)), 1)
    stations = np.empty((count + 1, 6))
    layout.walk(pieces, line, length, count, stations)
    price = layout.measure(
        stations, length, problem.terms, problem.shape, problem.form, problem.prices,
        np.inf, 0.0, True, np.empty((0, 6)), out,
    )  # fmt: skip
    return price, out


def _laid(problem: Problem, road: Road) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    n = road.shape.corners
    pieces, line = np.empty((4 * n + 1, 11)), np.empty((len(road.shape.slots) + 2, 4))
    length = layout.lay(road.v, n, problem.ends, float(problem.rules[3]), pieces)
    layout.stand(
        road.v, n, np.array(road.shape.slots, np.int64), pieces,
        problem.ends, length, float(problem.rules[9]), line,
    )  # fmt: skip
    return pieces, line, length


def _head_on(problem: Problem, road: Road) -> Road:
    """Where the first tangent is absent, set the first radius so that nothing is left of it."""
    if road.shape.head or road.shape.corners == 0:
        return road
    v = road.v.copy()
    at = 2 * road.shape.corners

    def rest(radius: float) -> float:
        v[at] = radius
        pieces = np.empty((4 * road.shape.corners + 1, 11))
        layout.lay(v, road.shape.corners, problem.ends, float(problem.rules[3]), pieces)
        return float(pieces[0, 0])

    a = float(road.v[at])
    b = a + 1e-3
    fa, fb = rest(a), rest(b)
    for _ in range(8):
        if fb == fa:
            break
        a, b, fa = b, b - fb * (b - a) / (fb - fa), fb
        fb = rest(b)
    return replace(road, v=v)


def broken_rules(problem: Problem, road: Road) -> tuple[str, ...]:
    """Rules of plan and grade line that a road breaks, by their names in the file."""
    n, m = road.shape.corners, len(road.shape.slots)
    pieces, line, _ = _laid(problem, road)
    c = np.empty(layout.kept(n, m, road.shape.head, float(problem.rules[3])))
    layout.keep(
        pieces, line, n, road.shape.head, np.array(road.shape.slots, np.int64),
        np.array(road.shape.signs, np.int64), road.v, problem.rules, c,
    )  # fmt: skip
    names: list[tuple[str, float]] = []
    first = 0
    if not road.shape.head:
        names.append(("an absent first tangent", 100.0))
        c[0] = -abs(c[0])
        first = 1
    for t in range(first, n + 1):
        names.append(("last_tangent_min_m" if t == n else "tangent_min_m", 100.0))
        names.append(("tangent_max_m", 100.0))
    for _ in range(n):
        names += [("arc_min_m", 100.0), ("turn of a curve", 1.0), ("radius_min_m", 100.0)]
    for _ in range(m + 1):
        names += [("grade_min", 10.0), ("grade_max", 10.0)]
    if m:
        names += [("grade_length_min_m", 100.0)] * (m + 1)
    if problem.rules[3] > 0:
        names += [("vertical curve over a clothoid", 100.0)] * (2 * m)
    worst: dict[str, float] = {}
    for (name, unit), value in zip(names, c, strict=True):
        if value < -KEPT:
            worst[name] = max(worst.get(name, 0.0), -value * unit)
    return tuple(
        f"{name} (by {by:.3g} {'rad' if name.startswith('turn') else 'm'})"
        for name, by in sorted(worst.items())
    )


def _written(problem: Problem, road: Road) -> Solution:
    pieces, line, length = _laid(problem, road)
    elements = [
        {"x": p[1], "y": p[2], "bearing": p[3], "length": p[0], "k0": p[4], "k1": p[5]}
        for p in pieces.tolist()
        if p[0] > SAME
    ]
    pvis = [{"chainage": p[0], "level": p[1], "curve_length": p[3]} for p in line.tolist()]
    total, out = _measured(problem, road, SPACING)
    _, dense = _measured(problem, road, DENSE)
    broken = list(broken_rules(problem, road))
    if dense[6] > problem.form[3]:
        broken.append(f"toe_max_m (by {dense[6] - problem.form[3]:.3g} m)")
    if dense[7] > 0:
        broken.append(f"domain_m (by {dense[7]:.3g} m)")
    v1, v2, f, area, sloped, clearing = out[:6].tolist()
    earth, reuse = layout.bill(v1, v2, f, problem.prices, 0.0)
    costs = problem.given.costs
    cost = {
        "land": costs.land * area,
        "clearing": costs.clearing * clearing,
        "pavement": costs.pavement * sloped,
        "maintenance": costs.maintenance * sloped,
        "excavation": costs.cut_1 * v1 + costs.cut_2 * v2,
        "reuse": costs.reuse * reuse,
        "borrow": costs.borrow * (f - reuse),
    }
    cost["waste"] = earth - cost["excavation"] - cost["reuse"] - cost["borrow"]
    cost |= {
        "total": total,
        "cut_1_m3": v1,
        "cut_2_m3": v2,
        "fill_m3": f,
        "reuse_m3": reuse,
        "length_m": length,
        "sloped_length_m": sloped,
        "greatest_toe_m": float(dense[6]),
    }
    last = elements[-1]
    x, y = place_end(last)
    miss = hypot(x - problem.ends[2], y - problem.ends[3])
    if miss > INSIDE:
        broken.append(f"end B (missed by {miss:.3g} m)")
    return Solution(tuple(elements), tuple(pvis), cost, tuple(broken))


def place_end(element: dict[str, float]) -> tuple[float, float]:
    """End of a last tangent."""
    return (
        element["x"] + element["length"] * float(np.cos(element["bearing"])),
        element["y"] + element["length"] * float(np.sin(element["bearing"])),
    )
