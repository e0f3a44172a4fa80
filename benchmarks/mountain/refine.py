"""Refinement of a road of given shape: all its numbers at once."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.mountain import layout
from benchmarks.mountain.descent import descend
from benchmarks.mountain.problem import Problem

PLACE, RADIUS, CHAINAGE, LEVEL = 40.0, 80.0, 40.0, 1.0
"""Steps of a PI, a radius, a PVI and a level that change the cost alike [m]."""
MONEY = 2e4
"""Cost that counts as one in the refinement."""
FINE = 100.0
"""Price of a breach of one, over `MONEY`."""
BLUR, BLUR_EXACT = 60.0, 2.0
"""Rounding of the balance of earth in the search and at its end [m3]."""
BROKEN = 1e-3
"""Breach up to which the search takes a road up; the last refinement mends a decimetre [-]."""
MENDING = 40
"""Steps in which a road is mended at most."""
WORTH = 10.0
"""Cost of a breach of one in the comparison of roads, over `MONEY`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the refinement leaves as it is."""

    corners: int
    """Number of PIs."""
    head: bool
    """Whether the road begins with a tangent."""
    slots: tuple[int, ...]
    """Tangent (2 i) or arc (2 i + 1) that holds each PVI; -1 where there are no clothoids."""
    signs: tuple[int, ...]
    """Sign of each grade, one more than PVIs."""


@dataclass(frozen=True, slots=True, eq=False)
class Road:
    """A road: its shape, its numbers, and what they come to."""

    shape: Shape
    """Its shape."""
    v: NDArray[np.float64]
    """Its numbers, in the order of `layout`."""
    price: float
    """Cost with penalties and what its breaches are worth, from quick or exact sections."""
    broken: float
    """How far the worst rule is broken, scaled; 0 where all are kept [-]."""
    steps: int
    """Steps that the refinement took."""

    @property
    def legal(self) -> bool:
        """Whether all rules of plan and grade line are kept, or nearly so."""
        return self.broken <= BROKEN


def refine(  # noqa: PLR0913 - how long, how fine and how exactly are choices of each stage
    problem: Problem,
    shape: Shape,
    v: NDArray[np.float64],
    *,
    steps: int = 60,
    spacing: float = 15.0,
    exact: bool = False,
    toe: float | None = None,
    tolerance: float = 1e-3,
) -> Road:
    """
    Make a road of given shape legal and as cheap as its neighbourhood allows.

    Parameters
    ----------
    problem
        The problem.
    shape, v
        The road to begin with; it may break rules.
    steps
        Greatest number of steps.
    spacing
        Distance between sections [m].
    exact
        Exact or quick sections.
    toe
        Limit of toes, the problem's where not given [m].
    tolerance
        Expected gain at which it stops, over `MONEY`.

    Returns
    -------
    road
        Not necessarily legal.
    """
    n, m = shape.corners, len(shape.slots)
    scale = _scale(shape)
    start = np.array(v, np.float64)
    count = max(int(np.ceil(plan_length(problem, shape, start) / spacing)), 4)
    fixed = (
        scale, n, shape.head, np.array(shape.slots, np.int64), np.array(shape.signs, np.int64),
        problem.ends, problem.rules, problem.terms, problem.shape, problem.form, problem.prices,
        float(problem.form[3] if toe is None else toe), BLUR_EXACT if exact else BLUR, count, exact,
    )  # fmt: skip
    rows = layout.kept(n, m, shape.head, problem.rules[3])
    grad, jac = np.empty(start.size), np.empty((rows, start.size))

    def price(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        c = np.empty(rows)
        return layout.value(x * scale, *fixed, False, c, grad, jac) / MONEY, c

    def slopes(x: NDArray[np.float64]) -> tuple[float, *tuple[NDArray[np.float64], ...]]:
        c = np.empty(rows)
        f = layout.value(x * scale, *fixed, True, c, grad, jac)
        return f / MONEY, grad / MONEY, c, jac.copy()

    end = descend(
        price, slopes, start / scale, first=0 if shape.head else 1, fine=FINE, steps=steps,
        tolerance=tolerance,
    )  # fmt: skip
    return Road(shape, end.x * scale, (end.price + WORTH * end.worst) * MONEY, end.worst, end.steps)


def mend(problem: Problem, road: Road) -> Road:
    """
    Move a road the least, in its scale, to where it keeps all rules.

    The cost is left out, so the rules alone decide how fast this goes: within a
    few steps from a breach of a decimetre to none.
    """
    shape = road.shape
    n, m = shape.corners, len(shape.slots)
    scale = _scale(shape)
    start = road.v / scale
    fixed = (
        scale, n, shape.head, np.array(shape.slots, np.int64), np.array(shape.signs, np.int64),
        problem.ends, problem.rules, problem.terms, problem.shape, problem.form, problem.prices,
        float(problem.form[3]), BLUR, 4, False,
    )  # fmt: skip
    rows = layout.kept(n, m, shape.head, problem.rules[3])

    def slopes(x: NDArray[np.float64]) -> tuple[float, *tuple[NDArray[np.float64], ...]]:
        c, grad, jac = np.empty(rows), np.empty(start.size), np.empty((rows, start.size))
        layout.value(x * scale, *fixed, True, c, grad, jac)
        return 0.5 * float((x - start) @ (x - start)), x - start, c, jac

    def price(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        f, _, c, _ = slopes(x)
        return f, c

    end = descend(
        price, slopes, start, first=0 if shape.head else 1, fine=FINE, steps=MENDING,
        tolerance=1e-12,
    )  # fmt: skip
    return replace(road, v=end.x * scale, broken=end.worst)


def _scale(shape: Shape) -> NDArray[np.float64]:
    n, m = shape.corners, len(shape.slots)
    return np.concatenate(
        (np.full(2 * n, PLACE), np.full(n, RADIUS), np.full(m, CHAINAGE), np.full(m, LEVEL))
    )


def plan_length(problem: Problem, shape: Shape, v: NDArray[np.float64]) -> float:
    """Length of a road in plan [m]."""
    pieces = np.empty((4 * shape.corners + 1, 7))
    return float(layout.lay(v, shape.corners, problem.ends, float(problem.rules[3]), pieces))
