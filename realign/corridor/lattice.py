"""
States of a road on the ground, and the moves the standard allows between them.

A state is a cell of the terrain, a road level and the heading in which the road
arrives. A move leads straight to a cell three steps away, 170 to 190 m on 60 m
ground, long enough for a curve of the standard on either side of it.
"""

from dataclasses import dataclass
from math import atan2, hypot, pi, tan

import numpy as np
from numpy.typing import NDArray

from realign.errors import StudyError
from realign.standards import DesignStandard

MOVES = (
    (3, 0), (3, 1), (2, 2), (1, 3), (0, 3), (-1, 3), (-2, 2), (-3, 1),
    (-3, 0), (-3, -1), (-2, -2), (-1, -3), (0, -3), (1, -3), (2, -2), (3, -1),
)  # fmt: skip
"""Steps of a move east and north [cells], anticlockwise; the second half reverses the first."""
HEADINGS = len(MOVES)
"""Number of headings."""
HALF = HEADINGS // 2
"""Moves that are stored; the others are these, driven backwards."""
CLIMB = 7
"""Greatest change of level along a move that the search can store [level steps]."""


def touched(step: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """
    Cells that a straight step between two cell centres touches, if only at a corner.

    Examples
    --------
    >>> touched((2, 2))
    ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2))
    """
    east, north = step
    return tuple(
        (a, b)
        for a in range(min(0, east), max(0, east) + 1)
        for b in range(min(0, north), max(0, north) + 1)
        if 2 * abs(east * b - north * a) <= abs(east) + abs(north)
    )


@dataclass(frozen=True, slots=True)
class Moves:
    """The moves that a standard allows on ground of one cell size."""

    length: NDArray[np.float64]
    """Length of each move, shape (16,) [m]."""
    bearing: NDArray[np.float64]
    """Bearing of each move anticlockwise from east, shape (16,) [rad]."""
    turn: int
    """Greatest change of heading between two moves, in steps of the sixteen."""
    climb: int
    """Greatest change of level along a move, in level steps."""
    rise: NDArray[np.float64]
    """Grade of each move per level that it climbs, shape (16,) [fraction]."""
    bend: NDArray[np.float64]
    """Greatest change of grade that a vertical curve along each move takes up, shape (16,)."""


def bearing(step: tuple[int, int]) -> float:
    """Bearing of a step (east, north), anticlockwise from east [rad]."""
    return atan2(step[1], step[0])


def turn_angle(first: float, second: float) -> float:
    """Angle between two bearings, 0 to pi [rad]."""
    return abs((second - first + pi) % (2 * pi) - pi)


def tangent_length(deflection: float, radius: float, clothoid: float) -> float:
    """
    Distance from a point of intersection to the start of its curve.

    Parameters
    ----------
    deflection
        Angle between the tangents [rad].
    radius
        Radius of the arc [m]; enlarged where the two clothoids would turn more
        than the deflection.
    clothoid
        Length of the clothoid on each side [m].

    Returns
    -------
    length
        T = (R + p) tan(deflection / 2) + q, with the shift p = L^2 / 24 R and
        q = L / 2 [m].

    Examples
    --------
    >>> round(tangent_length(1.0, 100.0, 0.0), 2)
    54.63
    """
    if deflection <= 0:
        return 0.0
    radius = max(radius, clothoid / deflection)
    shift = clothoid**2 / (24 * radius)
    return (radius + shift) * tan(deflection / 2) + clothoid / 2


def greatest_turn(standard: DesignStandard, cell: float) -> int:
    """
    How many heading steps a road may turn between two moves.

    Every chain of moves that turns no more than this at each joint can be
    fitted with arcs and clothoids of the standard, because the two curves on
    either side of each move fit into its length.

    Parameters
    ----------
    standard
        Least radius and clothoid.
    cell
        Cell size of the ground [m].

    Returns
    -------
    turn
        Number of steps, 0 where not even one fits.
    """
    angles = [bearing(step) for step in MOVES]
    best = 0
    for turn in range(1, HALF):
        for middle, step in enumerate(MOVES):
            longest = max(
                tangent_length(
                    turn_angle(angles[(middle + side * turn) % HEADINGS], angles[middle]),
                    standard.radius,
                    standard.clothoid,
                )
                for side in (-1, 1)
            )
            if 2 * longest > hypot(*step) * cell:
                return best
        best = turn
    return best


def moves(standard: DesignStandard, *, cell: float, level_step: float) -> Moves:
    """
    Work out the moves that a standard allows.

    Parameters
    ----------
    standard
        Radius, clothoid and grade.
    cell
        Cell size of the ground [m].
    level_step
        Distance between two levels [m].

    Returns
    -------
    moves
        Lengths, bearings and the greatest turn and climb.

    Raises
    ------
    StudyError
        The levels are finer than the search can store.
    """
    length = np.array([hypot(*step) * cell for step in MOVES])
    rise = standard.grade * float(length.max())
    climb = int(rise / level_step + 1e-9)
    if climb > CLIMB:
        msg = (
            f"corridor.level_step_m: found {level_step:g} m, wanted more than "
            f"{rise / (CLIMB + 1):.1f} m with {standard.grade:.1%} on cells of {cell:g} m"
        )
        raise StudyError(msg)
    return Moves(
        length=length,
        bearing=np.array([bearing(step) for step in MOVES]),
        turn=greatest_turn(standard, cell),
        climb=climb,
        rise=level_step / length,
        bend=length / (100 * max(standard.k_crest, standard.k_sag)),
    )


def nearest_heading(angle: float) -> int:
    """
    Heading whose move points closest to a bearing.

    Examples
    --------
    >>> nearest_heading(0.0), nearest_heading(pi / 2), nearest_heading(-pi / 4)
    (0, 4, 14)
    """
    angles = [turn_angle(bearing(step), angle) for step in MOVES]
    return int(np.argmin(angles))
