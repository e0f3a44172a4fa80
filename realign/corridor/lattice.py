"""
States of a road on the ground, and the moves the standard allows between them.

A state is a cell of the terrain, a road level and the heading in which the road
arrives. A move leads straight to a cell two to six steps away: as near as
the curves of the standard on either side of it allow, since the shorter the moves
are, the closer a road follows the ground.
"""

from dataclasses import dataclass, replace
from math import atan2, hypot, inf, pi, tan

import numpy as np
from numpy.typing import NDArray

from realign.errors import StudyError
from realign.standards import DesignStandard


def _ring(*quarter: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Turn the steps from east to before north all around."""
    turned = [quarter]
    for _ in range(3):
        turned.append(tuple((-north, east) for east, north in turned[-1]))
    return tuple(step for part in turned for step in part)


NEAR = _ring((2, 0), (2, 1), (2, 2), (1, 2))
MOVES = _ring((3, 0), (3, 1), (2, 2), (1, 3))
FAR = _ring((5, 0), (4, 2), (3, 3), (2, 4))
FARTHER = _ring((6, 0), (5, 2), (4, 4), (2, 5))
RINGS = (NEAR, MOVES, FAR, FARTHER)
"""Steps of the moves east and north [cells], anticlockwise, the second half of each ring reversing
the first. A road takes the nearest ring on which its standard lets it turn `SUPPLE` headings from
one move to the next, or else the ring on which it turns most."""
SUPPLE = 2
"""Change of heading between two moves that makes a ring of moves fit for a road, in steps of the
sixteen."""
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

    step: NDArray[np.int64]
    """Cells that each move leads east and north, shape (16, 2)."""
    length: NDArray[np.float64]
    """Length of each move, shape (16,) [m]."""
    bearing: NDArray[np.float64]
    """Bearing of each move anticlockwise from east, shape (16,) [rad]."""
    turn: int
    """Greatest change of heading between two moves, in steps of the sixteen."""
    sharp: int
    """Greatest change of heading between two moves of a road that is slower there."""
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


def greatest_turn(
    standard: DesignStandard, cell: float, ring: tuple[tuple[int, int], ...] = MOVES
) -> int:
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
    ring
        Steps of the moves.

    Returns
    -------
    turn
        Number of steps, 0 where not even one fits.
    """
    angles = [bearing(step) for step in ring]
    best = 0
    for turn in range(1, HALF):
        for middle, step in enumerate(ring):
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


def moves(standard: DesignStandard, *, cell: float, level_step: float, least: float = inf) -> Moves:
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
    least
        Least radius where the road may be slower [m].

    Returns
    -------
    moves
        Those of the nearest ring that lets a road turn `SUPPLE` headings, or else
        of the one that lets it turn most.

    Raises
    ------
    StudyError
        The levels are finer than the search can store.
    """
    turns = [greatest_turn(standard, cell, ring) for ring in RINGS]
    turn = next((each for each in turns if each >= SUPPLE), max(turns))
    return on_ring(
        standard, RINGS[turns.index(turn)], cell=cell, level_step=level_step, least=least
    )


def on_ring(
    standard: DesignStandard,
    ring: tuple[tuple[int, int], ...],
    *,
    cell: float,
    level_step: float,
    least: float = inf,
) -> Moves:
    """
    Work out the moves of one ring.

    Parameters
    ----------
    standard, cell, level_step, least
        As in `moves`.
    ring
        Steps of the moves, one of `RINGS`.

    Returns
    -------
    moves
        Lengths, bearings and the greatest turn and climb.

    Raises
    ------
    StudyError
        The levels are finer than the search can store.
    """
    length = np.array([hypot(*step) * cell for step in ring])
    rise = standard.grade * float(length.max())
    climb = int(rise / level_step + 1e-9)
    if climb > CLIMB:
        msg = (
            f"corridor.level_step_m: found {level_step:g} m, wanted more than "
            f"{rise / (CLIMB + 1):.1f} m with {standard.grade:.1%} on cells of {cell:g} m"
        )
        raise StudyError(msg)
    return Moves(
        step=np.array(ring, np.int64),
        length=length,
        bearing=np.array([bearing(step) for step in ring]),
        turn=greatest_turn(standard, cell, ring),
        sharp=greatest_turn(replace(standard, radius=min(least, standard.radius)), cell, ring),
        climb=climb,
        rise=level_step / length,
        bend=length / (100 * max(standard.k_crest, standard.k_sag)),
    )


def nearest_heading(angle: float, bearings: NDArray[np.float64]) -> int:
    """
    Heading whose move points closest to a bearing.

    Parameters
    ----------
    angle
        Bearing anticlockwise from east [rad].
    bearings
        Those of the moves, shape (16,) [rad].

    Examples
    --------
    >>> bearings = np.array([bearing(step) for step in MOVES])
    >>> nearest_heading(0.0, bearings), nearest_heading(-pi / 4, bearings)
    (0, 14)
    """
    return int(np.argmin([turn_angle(float(each), angle) for each in bearings]))
