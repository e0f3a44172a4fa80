"""The last steps: exact sections, ends met to rounding, every rule judged on the alignment."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.mountain import layout
from benchmarks.mountain.alignment import aligned, priced
from benchmarks.mountain.judge import beyond, broken
from benchmarks.mountain.problem import Problem
from benchmarks.mountain.refine import Road, mend, refine
from realign.errors import GeometryError
from realign.geometry.alignment import Alignment
from realign.geometry.horizontal import Corner, deflections

SPACING = 5.0
"""Distance between the sections of the answer [m]."""
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


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A road that keeps all rules, and what it costs."""

    alignment: Alignment
    """The road."""
    cost: dict[str, float]
    """Cost by item with its total, volumes [m3] and lengths [m]."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A road that is no answer."""

    broken: tuple[str, ...]
    """Rules that it breaks."""


def finish(problem: Problem, road: Road) -> Solution | Refused:
    """
    Refine a road on exact sections, lay it out and judge it.

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
        try:
            alignment = aligned(problem, road.shape, road.v)
        except GeometryError as error:
            return Refused((str(error),))
        over, outside = beyond(problem, alignment)
        over, outside = over + INSIDE, outside + 0.5 * layout.MARGIN
        if max(over - 0.5 * INSIDE, outside) <= 0.0 or max(over, outside) > HOPELESS:
            break
        limit -= max(over, 0.0)
        drawn += max(outside, 0.0)
    named = broken(problem, alignment)
    if named:
        return Refused(named)
    return Solution(alignment, priced(problem, alignment, SPACING))


def _head_on(problem: Problem, road: Road) -> Road:
    """Where the first tangent is absent, set the first radius so that nothing is left of it."""
    n = road.shape.corners
    if road.shape.head or n == 0:
        return road
    v = road.v.copy()
    pis = np.vstack((problem.ends[:2], v[: 2 * n].reshape(n, 2), problem.ends[2:4]))
    turn, leg = float(deflections(pis)[0]), float(np.hypot(*(pis[1] - pis[0])))

    def rest(radius: float) -> float:
        return leg - Corner(turn, radius, float(problem.rules[3])).tangent

    # Secant steps: the tangent length grows nearly in proportion to the radius.
    a = float(v[2 * n])
    b = a + 1e-3
    fa, fb = rest(a), rest(b)
    for _ in range(8):
        if fb == fa:
            break
        a, b, fa = b, b - fb * (b - a) / (fb - fa), fb
        fb = rest(b)
    v[2 * n] = b
    return replace(road, v=v)
