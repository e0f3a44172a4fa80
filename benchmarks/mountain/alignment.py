"""Roads as alignments of the package: laid out, stationed, priced and written."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.mountain import layout
from benchmarks.mountain.problem import Problem
from benchmarks.mountain.refine import Shape
from realign.geometry.alignment import Alignment, Plan
from realign.geometry.horizontal import Corner, deflections, elements
from realign.geometry.vertical import Grades


def aligned(problem: Problem, shape: Shape, v: NDArray[np.float64]) -> Alignment:
    """
    Lay out a road from its numbers.

    Parameters
    ----------
    problem
        The problem.
    shape, v
        The road.

    Returns
    -------
    alignment
        A corner with even clothoids at each PI, a parabola at each PVI.

    Raises
    ------
    realign.errors.GeometryError
        Curves overlap, in plan or in level, or PVIs are out of order.
    """
    n, m = shape.corners, len(shape.slots)
    clothoid, steepness = float(problem.rules[3]), float(problem.rules[9])
    pis = np.vstack((problem.ends[:2], v[: 2 * n].reshape(n, 2), problem.ends[2:4]))
    curves = [
        Corner(float(turn), float(radius), clothoid)
        for turn, radius in zip(deflections(pis), v[2 * n : 3 * n], strict=True)
    ]
    plan = Plan(elements(pis, curves))
    begin = _slots(pis, curves, shape)
    chainage = np.concatenate(([0.0], begin + v[3 * n : 3 * n + m], [plan.length]))
    level = np.concatenate((problem.ends[4:5], v[3 * n + m :], problem.ends[5:6]))
    change = np.diff(np.diff(level) / np.diff(chainage))
    curve = np.concatenate(([0.0], steepness * np.abs(change), [0.0]))
    return Alignment(plan, Grades(chainage, level, curve))


def _slots(pis: NDArray[np.float64], curves: list[Corner], shape: Shape) -> NDArray[np.float64]:
    """Chainage at which the tangent or arc of each PVI begins, shape (m,) [m]."""
    begins: list[float] = []
    s = used = 0.0
    for leg, curve in zip(np.hypot(*np.diff(pis, axis=0).T), curves, strict=False):
        arc = s + float(leg) - used - curve.tangent + curve.clothoid
        begins += [s, arc]
        s = arc + curve.arc + curve.clothoid
        used = curve.tangent_behind
    begins.append(s)
    return np.array([begins[slot] if slot >= 0 else 0.0 for slot in shape.slots], np.float64)


def stations(road: Alignment, spacing: float) -> NDArray[np.float64]:
    """x, y, direction (x, y), level and sloped length over length, no farther apart than that."""
    s = road.plan.stations(spacing)
    x, y, bearing, _ = road.plan.poses(s).T
    slant = np.sqrt(1.0 + road.grades.grade_at(s) ** 2)
    return np.column_stack((x, y, np.cos(bearing), np.sin(bearing), road.grades.at(s), slant))


def measured(problem: Problem, road: Alignment, spacing: float) -> NDArray[np.float64]:
    """Add up exact sections at the stations of a road, shape (8,), as `layout.measure` says."""
    out = np.empty(8)
    layout.measure(
        stations(road, spacing), road.length, problem.terms, problem.shape, problem.form,
        problem.prices, np.inf, 0.0, True, np.empty((0, 6)), out,
    )  # fmt: skip
    return out


def priced(problem: Problem, road: Alignment, spacing: float) -> dict[str, float]:
    """Cost by item with its total, volumes [m3] and lengths [m], from sections so far apart [m]."""
    v1, v2, f, area, sloped, clearing, toe, _ = measured(problem, road, spacing).tolist()
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
    return cost | {
        "total": sum(cost.values()),
        "cut_1_m3": v1,
        "cut_2_m3": v2,
        "fill_m3": f,
        "reuse_m3": reuse,
        "length_m": road.length,
        "sloped_length_m": sloped,
        "greatest_toe_m": toe,
    }


def rows(road: Alignment) -> dict[str, list[dict[str, float]]]:
    """Elements and PVIs of a road as they are written."""
    grades = road.grades
    return {
        "elements": [
            {
                "x": e.start.x,
                "y": e.start.y,
                "bearing": e.start.bearing,
                "length": e.length,
                "k0": e.k0,
                "k1": e.k1,
            }
            for e in road.plan.elements
        ],
        "pvis": [
            {"chainage": s, "level": z, "curve_length": length}
            for s, z, length in zip(
                grades.chainage.tolist(), grades.level.tolist(), grades.curve.tolist(), strict=True
            )
        ],
    }
