"""Where avalanches break loose above a snow line, and how far down their energy lines reach."""

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from realign.terrain import Terrain, roomy, slopes, tiles

__all__ = ["LEVELS", "over", "reach", "release", "snow"]

LEVELS = (0.25, 0.5, 0.75, 1.0)
"""Weights of release whose reach is followed; a place counts the greatest that comes to it."""
AROUND = 512
"""Cells about a tile of ground from which avalanches come into it."""
_SIDES = np.array([(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)])


def snow(level: ArrayLike, *, line: float, band: float) -> NDArray[np.float64]:
    """
    Share of winter in which snow lies at a level: 0 below the snow line, 1 a band above it.

    Examples
    --------
    >>> snow([2000, 2500, 2750, 4000], line=2500, band=500)
    array([0. , 0. , 0.5, 1. ])
    """
    return np.asarray(np.clip((np.asarray(level, np.float64) - line) / band, 0, 1))


def over(
    terrain: Terrain,
    *,
    angles: tuple[float, float, float, float],
    line: float,
    band: float,
    runout: float,
) -> NDArray[np.float32]:
    """
    Follow avalanches over ground of any size, a tile with what lies about it at a time.

    Parameters
    ----------
    terrain
        The ground. Where it is more than a tile, avalanches come from `AROUND` cells away at most.
    angles, line, band
        As of `release`.
    runout
        As of `reach`.

    Returns
    -------
    reach
        As of `reach`, shape (rows, cols) [0-1].
    """
    out = roomy(terrain.shape, np.float32, what="reach of avalanches")
    for tile in tiles(terrain.shape, around=AROUND):
        piece = replace(terrain, z=terrain.z[tile.outer])
        weight = release(piece, angles=angles, line=line, band=band)
        out[tile.inner] = reach(piece, weight, runout=runout)[tile.within]
    return out


def release(
    terrain: Terrain, *, angles: tuple[float, float, float, float], line: float, band: float
) -> NDArray[np.float32]:
    """
    How readily an avalanche breaks loose in each cell.

    Parameters
    ----------
    terrain
        The ground.
    angles
        Slopes at which release begins, becomes most likely, stays so up to, and ends, rising
        [deg].
    line, band
        Snow line and the height above it over which snow becomes full [m].

    Returns
    -------
    weight
        Trapezoid of the slope times `snow`, shape (rows, cols) [0-1]; 0 beside no data.
    """
    slope = np.hypot(*slopes(terrain))
    low, begin, end, high = (float(np.tan(np.radians(angle))) for angle in angles)
    shape = np.interp(slope, (low, begin, end, high), (0.0, 1.0, 1.0, 0.0))
    weight = shape * snow(terrain.z, line=line, band=band)
    return np.nan_to_num(weight).astype(np.float32)


def reach(terrain: Terrain, weight: NDArray[np.float32], *, runout: float) -> NDArray[np.float32]:
    """
    Greatest weight of a release that comes to each cell.

    An avalanche has the energy line of its release: it falls at the runout angle along the way
    (Heim 1932; Lied and Bakkehoi 1980). It goes from a cell to each of eight neighbours that lies
    lower and below the energy line there; of all ways the one that keeps most energy counts.
    Taken from the highest cell to the lowest, one pass is exact.

    Parameters
    ----------
    terrain
        The ground.
    weight
        As of `release`, shape (rows, cols) [0-1].
    runout
        Slope of the energy line [deg].

    Returns
    -------
    reach
        Shape (rows, cols): the largest of `LEVELS` with which some release comes here, in the
        release cells themselves their own; 0 where none does.
    """
    z = np.ascontiguousarray(terrain.z, dtype=np.float32)
    out = np.zeros(z.shape, np.float32)
    if not (weight >= LEVELS[0]).any():
        return out
    # nothing that matters is lower than the lowest ground, and NaN sorts to the end
    order = np.argsort(-z, axis=None).astype(np.int64)
    order = order[: int(np.isfinite(z).sum())]
    fall = float(np.tan(np.radians(runout))) * terrain.cell
    return np.asarray(_run(z, weight, order, np.array(LEVELS, np.float32), fall, _SIDES))


@njit(cache=True, nogil=True)
def _run(z: Any, weight: Any, order: Any, levels: Any, fall: float, sides: Any) -> Any:
    """Greatest of the levels with which a release comes to each cell."""
    rows, cols = z.shape
    count = len(levels)
    energy = np.full((rows, cols, count), np.float32(-np.inf))
    out = np.zeros((rows, cols), np.float32)
    for at in order:
        row, col = at // cols, at % cols
        here = z[row, col]
        moving = False
        for each in range(count):
            if weight[row, col] >= levels[each] and energy[row, col, each] < here:
                energy[row, col, each] = here
            if energy[row, col, each] >= here:
                out[row, col] = levels[each]
                moving = True
        if not moving:
            continue
        for side in range(8):
            r, c = row + sides[side, 0], col + sides[side, 1]
            if r < 0 or r >= rows or c < 0 or c >= cols or not z[r, c] < here:
                continue
            lost = fall * (1.4142135623730951 if side & 1 else 1.0)
            for each in range(count):
                rest = energy[row, col, each] - lost
                if rest > energy[r, c, each] and rest >= z[r, c]:
                    energy[r, c, each] = rest
    return out
