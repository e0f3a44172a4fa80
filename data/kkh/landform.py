"""Compiled kernels of landscape evolution: flow routing, erosion and a limit on slope.

Flow is routed by a priority flood (Barnes, Lehman & Mulla 2014), which leaves no depression, and
rivers are cut by the implicit stream-power scheme of Braun & Willett (2013).  Grids are regular,
with square cells, levels in metres.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Grid = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]

AREA_EXPONENT = 0.45
"""Exponent of the drained area in the stream-power law [-] (Braun & Willett 2013)."""

STEEPEST = 1.0
"""Largest slope to the receiving cell [-], 45 degrees."""

RISE = (1e-3, 3e-2)
"""Least and largest rise of the filled surface from a cell to the next one upstream [m]."""

_DI = np.array([-1, -1, -1, 0, 0, 1, 1, 1])
_DJ = np.array([-1, 0, 1, -1, 1, -1, 0, 1])
_DL = np.array([2**0.5, 1.0, 2**0.5, 1.0, 1.0, 2**0.5, 1.0, 2**0.5])


@njit(cache=True)
def _chance(cell: int, salt: int) -> float:
    """Return a number from 0 to 1 that looks random and depends on the arguments only."""
    mixed = (cell * 2654435761 + salt * 40503 + 12345) % 4294967296
    mixed = (mixed ^ (mixed >> 15)) * 2246822519 % 4294967296
    mixed = (mixed ^ (mixed >> 13)) * 3266489917 % 4294967296
    return (mixed ^ (mixed >> 16)) / 4294967296.0


@njit(cache=True)
def _push(keys: Grid, cells: Index, size: int, key: float, cell: int) -> int:
    """Add a cell to the binary heap and return the new size."""
    k = size
    while k > 0:
        parent = (k - 1) // 2
        if keys[parent] <= key:
            break
        keys[k] = keys[parent]
        cells[k] = cells[parent]
        k = parent
    keys[k] = key
    cells[k] = cell
    return size + 1


@njit(cache=True)
def _pop(keys: Grid, cells: Index, size: int) -> int:
    """Remove the lowest cell of the binary heap (read it first) and return the new size."""
    size -= 1
    key, cell = keys[size], cells[size]
    k = 0
    while True:
        child = 2 * k + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[k] = keys[child]
        cells[k] = cells[child]
        k = child
    keys[k] = key
    cells[k] = cell
    return size


@njit(cache=True)
def fill_order(z: Grid, outlet: Mask) -> tuple[Grid, Index]:
    """Fill depressions and list the cells from the outlets upwards.

    Parameters
    ----------
    z
        Ground level [m].
    outlet
        Cells where water may leave; all others must be connected to one of them.

    Returns
    -------
    tuple
        Filled level [m] and the flat cell numbers in the order of rising filled level.
    """
    rows, cols = z.shape
    filled = z.copy()
    done = outlet.copy()
    order = np.empty(rows * cols, np.int64)
    keys = np.empty(rows * cols, np.float64)
    cells = np.empty(rows * cols, np.int64)
    size = 0
    for i in range(rows):
        for j in range(cols):
            if outlet[i, j]:
                size = _push(keys, cells, size, z[i, j], i * cols + j)
    count = 0
    while size > 0:
        cell = cells[0]
        size = _pop(keys, cells, size)
        order[count] = cell
        count += 1
        i, j = cell // cols, cell % cols
        for n in range(8):
            p, q = i + _DI[n], j + _DJ[n]
            if 0 <= p < rows and 0 <= q < cols and not done[p, q]:
                done[p, q] = True
                rise = RISE[0] + (RISE[1] - RISE[0]) * _chance(p * cols + q, size)
                filled[p, q] = max(z[p, q], filled[i, j] + rise)
                size = _push(keys, cells, size, filled[p, q], p * cols + q)
    return filled, order[:count]


@njit(cache=True)
def receivers(filled: Grid, outlet: Mask, salt: int) -> tuple[Index, Grid]:
    """Find the neighbour every cell drains to.

    The way is the steepest one on the filled surface, with diagonal lengths taken by chance (Rho8,
    Fairfield & Leymarie 1991), as gullies otherwise run parallel to the grid.

    Parameters
    ----------
    filled
        Level without depressions [m].
    outlet
        Cells where water leaves.
    salt
        Number of the draw.

    Returns
    -------
    tuple
        Flat number of the receiving cell (itself at outlets) and the distance to it [cells].
    """
    rows, cols = filled.shape
    target = np.empty(rows * cols, np.int64)
    length = np.ones(rows * cols)
    for i in range(rows):
        for j in range(cols):
            cell = i * cols + j
            target[cell] = cell
            if outlet[i, j]:
                continue
            best = 0.0
            diagonal = 2.0 - _chance(cell, salt)
            for n in range(8):
                p, q = i + _DI[n], j + _DJ[n]
                if 0 <= p < rows and 0 <= q < cols:
                    fall = (filled[i, j] - filled[p, q]) / (diagonal if _DL[n] > 1.0 else 1.0)
                    if fall > best:
                        best = fall
                        target[cell] = p * cols + q
                        length[cell] = _DL[n]
    return target, length


@njit(cache=True)
def erode(z: Grid, outlet: Mask, cell_m: float, strength: float, salt: int) -> Grid:
    """One pass of routing, implicit stream-power erosion and slope limit.

    Parameters
    ----------
    z
        Ground level [m].
    outlet
        Cells whose level is kept: the borders and the rivers.
    cell_m
        Cell size [m].
    strength
        Erodibility times time step K dt [m**(1 - 2 * AREA_EXPONENT)].
    salt
        Number of the draw of flow directions.

    Returns
    -------
    Grid
        New ground level [m], without depressions.
    """
    filled, order = fill_order(z, outlet)
    target, length = receivers(filled, outlet, salt)
    area = np.full(filled.size, cell_m * cell_m)
    for k in range(order.size - 1, -1, -1):
        cell = order[k]
        if target[cell] != cell:
            area[target[cell]] += area[cell]
    flat = filled.ravel()
    for k in range(order.size):
        cell = order[k]
        if target[cell] == cell:
            continue
        below = flat[target[cell]]
        step = cell_m * length[cell]
        factor = strength * area[cell] ** AREA_EXPONENT / step
        level = (flat[cell] + factor * below) / (1.0 + factor)
        flat[cell] = min(max(level, below + RISE[0]), below + STEEPEST * step)
    return flat.reshape(z.shape)
