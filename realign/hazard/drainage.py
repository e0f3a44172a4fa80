"""
Where water runs on any ground: filled pits, D8 directions, catchments and steepness of channels.

No map of streams is needed, nor wanted: gullies that close a road are too small to be drawn.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numba import njit
from numpy.typing import NDArray

from realign.terrain import Terrain, roomy, tiles

__all__ = ["OUT", "SIDES", "Drainage", "downstream", "drain", "rise"]

SIDES = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
"""Row and column to the neighbour of each direction, from the east anticlockwise."""
OUT = 255
"""Direction of a cell whose water leaves the known ground."""
AROUND = 512
"""Cells about a tile of ground whose water is led with it."""
_DONE = 255  # nothing is waited for any more, and what was there is passed on
_NONE = 254  # not reached: ground without data
_DR = np.array([side[0] for side in SIDES])
_DC = np.array([side[1] for side in SIDES])
_ROOT2 = float(np.sqrt(2.0))


@dataclass(frozen=True, slots=True, eq=False)
class Drainage:
    """Directions in which the water of a raster runs, and what gathers in each cell."""

    to: NDArray[np.uint8]
    """Number in `SIDES` of the neighbour that takes the water, shape (rows, cols); `OUT` where it
    leaves the known ground, 254 where the ground is not known."""
    filled: NDArray[np.float32]
    """Level with pits filled to their sill, shape (rows, cols) [m]; NaN without data."""
    cells: NDArray[np.int32]
    """Cells whose water passes, the cell itself included, shape (rows, cols); 0 without data."""
    transform: Affine
    """From (column, row) of the cell corners to (x, y) [m]."""

    @property
    def cell(self) -> float:
        """Side of a cell [m]."""
        return float(self.transform.a)

    @property
    def catchment(self) -> NDArray[np.float64]:
        """Area whose water passes each cell, the cell itself included, shape (rows, cols) [m2]."""
        return np.asarray(self.cells * self.cell**2, np.float64)


def drain(terrain: Terrain) -> Drainage:
    """
    Lead the water of every cell to the edge of the known ground.

    A priority flood from the edge takes cells in the order of the lowest sill behind which they
    lie (Barnes, Lehman and Mulla 2014). Each gives its water to the neighbour with the steepest
    fall on the filled ground (O'Callaghan and Mark 1984), and in a filled pit or on level ground
    to the neighbour that the flood came from; both were taken earlier, so no water runs in a ring.

    Parameters
    ----------
    terrain
        The ground. Water leaves it at its edge and beside cells without data where no neighbour
        is lower: what runs in there from outside is not known, so large rivers have more than is
        counted.

    Returns
    -------
    drainage
        Directions, filled levels and numbers of cells. Directions on ground of more than a tile are
        found tile by tile, with `AROUND` cells about each; catchments gather over all of them. A
        pit that is wider than that may drain to either side of a seam; water that would run in a
        ring there counts as leaving the ground.
    """
    shape = terrain.shape
    to = roomy(shape, np.uint8, what="directions of water")
    filled = roomy(shape, np.float32, what="ground with filled pits")
    for tile in tiles(shape, around=AROUND):
        level, side = _flood(np.ascontiguousarray(terrain.z[tile.outer]), _DR, _DC)
        _steepest(level, side, _DR, _DC)
        filled[tile.inner], to[tile.inner] = level[tile.within], side[tile.within]
    cells = roomy(shape, np.int32, what="catchments")
    waits = roomy(shape, np.uint8, what="catchments")
    _waiting(to, waits, _DR, _DC)
    _gather(to, cells, waits, _DR, _DC)
    _open_rings(to, filled, cells, waits, _DR, _DC)
    return Drainage(to, filled, cells, terrain.transform)


def downstream(drainage: Drainage, row: int, col: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """
    Follow the water from a cell to where it leaves the ground.

    Returns
    -------
    cells
        Row and column of each cell, the first included, shape (n, 2); empty without data.
    distance
        Way of the water to each, shape (n,) [m].
    """
    if drainage.to[row, col] == _NONE:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    cells, far = [(row, col)], [0.0]
    while (side := int(drainage.to[row, col])) != OUT:
        down, right = SIDES[side]
        row, col = row + down, col + right
        cells.append((row, col))
        far.append(far[-1] + drainage.cell * float(np.hypot(down, right)))
    return np.array(cells, np.int64), np.array(far)


def rise(
    drainage: Drainage,
    row: NDArray[np.integer],
    col: NDArray[np.integer],
    *,
    length: float,
    least: float,
) -> NDArray[np.float64]:
    """
    Mean grade of the main channel upstream of cells.

    The main channel is that of the neighbour with the largest catchment, step by step; it ends
    after `length` or where no neighbour brings the water of `least`, but has one step at least
    where anything runs in.

    Parameters
    ----------
    drainage
        Of the ground.
    row, col
        Cells, shape (n,).
    length
        Way upstream over which the grade is taken [m].
    least
        Catchment of the last cell of a channel [m2].

    Returns
    -------
    rise
        Filled level at the upper end less that of the cell over the way between them, shape
        (n,) [m/m]; 0 where nothing runs in.
    """
    out = np.zeros(len(row))
    _climb(
        drainage.to,
        drainage.cells,
        drainage.filled,
        np.asarray(row, np.int64),
        np.asarray(col, np.int64),
        length / drainage.cell,
        least / drainage.cell**2,
        _DR,
        _DC,
        out,
    )
    return out / drainage.cell


@njit(cache=True, nogil=True)
def _push(level: Any, cell: Any, size: int, z: float, at: int) -> int:
    """Put a cell into the heap; its new size."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if level[parent] <= z:
            break
        level[child], cell[child] = level[parent], cell[parent]
        child = parent
    level[child], cell[child] = z, at
    return size + 1


@njit(cache=True, nogil=True)
def _pop(level: Any, cell: Any, size: int) -> int:
    """Take the first cell off the heap, which the caller has read; its new size."""
    size -= 1
    z, at = level[size], cell[size]
    parent, child = 0, 1
    while child < size:
        if child + 1 < size and level[child + 1] < level[child]:
            child += 1
        if z <= level[child]:
            break
        level[parent], cell[parent] = level[child], cell[child]
        parent, child = child, 2 * child + 1
    level[parent], cell[parent] = z, at
    return size


@njit(cache=True, nogil=True)
def _flood(z: Any, down: Any, right: Any) -> tuple[Any, Any]:  # noqa: C901, PLR0912 - one loop
    """Fill pits; levels, and directions that the flood came from."""
    rows, cols = z.shape
    filled = np.full((rows, cols), np.float32(np.nan))
    to = np.full((rows, cols), np.uint8(_NONE))
    heap_z = np.empty(rows * cols, np.float32)
    heap_at = np.empty(rows * cols, np.int32)
    pit = np.empty(rows * cols, np.int32)  # cells at the level of the sill: a queue, no heap
    size = first = last = 0
    for row in range(rows):
        for col in range(cols):
            if np.isnan(z[row, col]):
                continue
            edge = row in (0, rows - 1) or col in (0, cols - 1)
            if not edge:
                for side in range(8):
                    edge = edge or np.isnan(z[row + down[side], col + right[side]])
            if edge:
                to[row, col] = OUT
                filled[row, col] = z[row, col]
                size = _push(heap_z, heap_at, size, z[row, col], row * cols + col)
    while size > 0 or first < last:
        if first < last and (size == 0 or filled.flat[pit[first]] <= heap_z[0]):
            at = pit[first]
            first += 1
        else:
            at = heap_at[0]
            size = _pop(heap_z, heap_at, size)
        row, col = at // cols, at % cols
        level = filled[row, col]
        for side in range(8):
            r, c = row + down[side], col + right[side]
            if r < 0 or r >= rows or c < 0 or c >= cols:
                continue
            if to[r, c] != _NONE or np.isnan(z[r, c]):
                continue
            to[r, c] = (side + 4) & 7
            if z[r, c] <= level:
                filled[r, c] = level
                pit[last] = r * cols + c
                last += 1
            else:
                filled[r, c] = z[r, c]
                size = _push(heap_z, heap_at, size, z[r, c], r * cols + c)
    return filled, to


@njit(cache=True, nogil=True)
def _steepest(filled: Any, to: Any, down: Any, right: Any) -> None:
    """Turn the water of cells that have a lower neighbour to the one with the steepest fall."""
    rows, cols = filled.shape
    for row in range(rows):
        for col in range(cols):
            if to[row, col] == _NONE:
                continue
            best = 0.0
            for side in range(8):
                r, c = row + down[side], col + right[side]
                if r < 0 or r >= rows or c < 0 or c >= cols:
                    continue
                fall = np.float64(filled[row, col]) - np.float64(filled[r, c])
                if side & 1:
                    fall /= _ROOT2
                if fall > best:
                    best = fall
                    to[row, col] = side


@njit(cache=True, nogil=True)
def _waiting(to: Any, waits: Any, down: Any, right: Any) -> None:
    """Count the neighbours whose water runs into each cell."""
    rows, cols = to.shape
    for row in range(rows):
        waits[row] = 0
    for row in range(rows):
        for col in range(cols):
            side = to[row, col]
            if side < 8:
                waits[row + down[side], col + right[side]] += 1


@njit(cache=True, nogil=True)
def _gather(to: Any, cells: Any, waits: Any, down: Any, right: Any) -> None:
    """Count the cells whose water passes each cell, every one after all that run into it."""
    rows, cols = to.shape
    for row in range(rows):
        cells[row] = 0
    for row in range(rows):
        for col in range(cols):
            if waits[row, col] == 0 and to[row, col] != _NONE:
                _pass_on(to, cells, waits, row, col, down, right)


@njit(cache=True, nogil=True)
def _open_rings(to: Any, filled: Any, cells: Any, waits: Any, down: Any, right: Any) -> None:
    """Let the lowest cell of every ring lead its water out, and count what waited for it."""
    rows, cols = to.shape
    for row in range(rows):
        for col in range(cols):
            while waits[row, col] != _DONE and to[row, col] != _NONE:
                r, c = _lowest_of_ring(to, filled, row, col, down, right)
                side = to[r, c]
                to[r, c] = OUT
                r, c = r + down[side], c + right[side]
                waits[r, c] -= 1
                if waits[r, c] == 0:
                    _pass_on(to, cells, waits, r, c, down, right)


@njit(cache=True, nogil=True)
def _pass_on(to: Any, cells: Any, waits: Any, row: int, col: int, down: Any, right: Any) -> None:
    """Lead the water of a cell that has all of its own as far as nothing else is waited for."""
    while True:
        waits[row, col] = _DONE
        cells[row, col] += 1
        side = to[row, col]
        if side == OUT:
            return
        r, c = row + down[side], col + right[side]
        cells[r, c] += cells[row, col]
        waits[r, c] -= 1
        if waits[r, c] > 0:
            return
        row, col = r, c


@njit(cache=True, nogil=True)
def _lowest_of_ring(
    to: Any, filled: Any, row: int, col: int, down: Any, right: Any
) -> tuple[int, int]:
    """Find the lowest cell of the ring that the water of a cell ends in (Brent 1980)."""
    slow_row, slow_col = row, col
    power, steps = 1, 0
    while True:
        side = to[row, col]
        row, col = row + down[side], col + right[side]
        steps += 1
        if row == slow_row and col == slow_col:
            break
        if steps == power:
            slow_row, slow_col = row, col
            power, steps = 2 * power, 0
    low_row, low_col = row, col
    for _ in range(steps):
        side = to[row, col]
        row, col = row + down[side], col + right[side]
        if filled[row, col] < filled[low_row, low_col]:
            low_row, low_col = row, col
    return low_row, low_col


@njit(cache=True, nogil=True)
def _climb(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays, not values
    to: Any,
    cells: Any,
    filled: Any,
    row: Any,
    col: Any,
    length: float,
    least: float,
    down: Any,
    right: Any,
    out: Any,
) -> None:
    """Grade of the main channel, in metres to a cell."""
    rows, cols = to.shape
    for number in range(len(row)):
        r, c = row[number], col[number]
        way = 0.0
        while way < length:
            most, best = 0, -1
            for side in range(8):
                nr, nc = r + down[side], c + right[side]
                if nr < 0 or nr >= rows or nc < 0 or nc >= cols:
                    continue
                if to[nr, nc] == ((side + 4) & 7) and cells[nr, nc] > most:
                    most, best = cells[nr, nc], side
            if best < 0 or (way > 0 and most < least):
                break
            r, c = r + down[best], c + right[best]
            way += _ROOT2 if best & 1 else 1.0
        if way > 0:
            out[number] = (filled[r, c] - filled[row[number], col[number]]) / way
