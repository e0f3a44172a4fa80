"""
Whether a road keeps the rules of a problem, judged from its alignment alone.

The package's checker judges all that a design standard can ask; what the problem
asks beyond that is looked at here, on elements and PVIs. Nothing is shared with
the refinement, which has its own account of the rules.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.mountain.alignment import measured
from benchmarks.mountain.problem import Problem
from realign.geometry.alignment import Alignment
from realign.geometry.check import Tie, advice, breaches
from realign.geometry.horizontal import Element, Pose
from realign.standards import DesignStandard

DENSE = 1.0
"""Distance between sections at which toes and domain are looked at [m]."""
SAME = 1e-6
"""Length by which what must be a given length may differ from rounding [m]."""


def standard(problem: Problem) -> DesignStandard:
    """
    Rules of a problem as a design standard, as far as that can hold them.

    What a standard recommends, tangents between curves and arcs, is a rule here.
    The problem has no design speed, structures, hairpins or superelevation.
    """
    rules = problem.given.rules
    k = rules.vertical_radius_m / 100
    return DesignStandard(
        code="analytic",
        title="rules of a problem file",
        speed_kmh=0,
        radius=rules.radius_min_m,
        clothoid=rules.clothoid_m,
        grade=rules.grade_max,
        grade_bridge=rules.grade_max,
        grade_tunnel=rules.grade_max,
        k_crest=k,
        k_sag=k,
        grade_length=rules.grade_length_min_m,
        width=2 * rules.half_width_m,
        carriageway=2 * rules.half_width_m,
        superelevation=0.0,
        side_friction=0.0,
        sight=0.0,
        tangent_reverse=rules.tangent_min_m,
        tangent_same=rules.tangent_min_m,
        arc=rules.arc_min_m,
        hairpin=None,
        sources=(),
    )


def broken(problem: Problem, road: Alignment) -> tuple[str, ...]:
    """Rules that a road breaks, in words; empty where all are kept."""
    plan, asked = road.plan.elements, standard(problem)
    x, y, u, w, first, last = problem.ends.tolist()
    start = Tie(Pose(x, y, plan[0].start.bearing), first)
    end = Tie(Pose(u, w, float(road.plan.poses(road.length)[0, 2])), last)
    found = (
        *breaches(plan, road.grades, asked, start=start, end=end),
        *advice(plan, asked),
    )
    # without clothoids every arc begins with a jump of curvature, by that problem's own rule
    jumps = problem.given.rules.clothoid_m > 0
    return (
        *(str(each) for each in found if jumps or "curvature" not in each.rule),
        *dict.fromkeys(_plan(problem, plan)),
        *dict.fromkeys(_grades(problem, road)),
        *_sides(problem, road),
    )


def _kind(element: Element) -> str:
    if element.k0 == element.k1:
        return "arc" if element.k0 else "tangent"
    return "clothoid"


def _plan(problem: Problem, plan: tuple[Element, ...]) -> Iterator[str]:
    rules = problem.given.rules
    curve = ("clothoid", "arc", "clothoid") if rules.clothoid_m > 0 else ("arc",)
    kinds = tuple(_kind(each) for each in plan)
    whole = ("tangent", *(*curve, "tangent") * (len(kinds) // (len(curve) + 1)))
    if kinds not in {whole, whole[1:]}:
        yield "order of tangents, clothoids and arcs"
    for kind, each in zip(kinds, plan, strict=True):
        if kind == "tangent":
            key = "last_tangent_min_m" if each is plan[-1] else "tangent_min_m"
            if each.length < getattr(rules, key):
                yield f"{key}: a tangent of {each.length:.3f} m"
            if each.length > rules.tangent_max_m:
                yield f"tangent_max_m: a tangent of {each.length:.3f} m"
        elif kind == "arc":
            turn = abs(each.k0) * (each.length + rules.clothoid_m)
            if turn >= np.pi:
                yield f"turn of a curve: {np.degrees(turn):.3f} degrees"
        elif abs(each.length - rules.clothoid_m) > SAME or 0.0 not in {each.k0, each.k1}:
            yield f"clothoid_m: a clothoid of {each.length:.3f} m"


def _grades(problem: Problem, road: Alignment) -> Iterator[str]:
    rules, grades = problem.given.rules, road.grades
    s, curve, steep = grades.chainage, grades.curve, grades.grade
    if (np.abs(steep) < rules.grade_min).any():
        yield f"grade_min: a grade of {np.abs(steep).min():.6f}"
    wanted = rules.vertical_radius_m * np.abs(np.diff(steep))
    if (np.abs(curve[1:-1] - wanted) > SAME).any():
        yield "vertical_radius_m: a vertical curve of another length"
    straight = np.diff(s) - (curve[:-1] + curve[1:]) / 2
    if len(s) > 2 and straight.min() < rules.grade_length_min_m:
        yield f"grade_length_min_m: a straight grade of {straight.min():.3f} m"
    for i, each in enumerate(road.plan.elements):
        if _kind(each) == "clothoid":
            before, after = road.plan.start[i : i + 2]
            over = (s - curve / 2 < after) & (s + curve / 2 > before)
            if over[1:-1].any():
                yield f"vertical curve over the clothoid at {before:.3f} m"


def beyond(problem: Problem, road: Alignment) -> tuple[float, float]:
    """How far the farthest toe is beyond its limit, and the road outside of the domain [m]."""
    out = measured(problem, road, DENSE)
    return float(out[6]) - problem.given.rules.toe_max_m, float(out[7])


def _sides(problem: Problem, road: Alignment) -> Iterator[str]:
    toe, outside = beyond(problem, road)
    if toe > 0:
        yield f"toe_max_m (by {toe:.3g} m)"
    if outside > 0:
        yield f"domain_m (by {outside:.3g} m)"
