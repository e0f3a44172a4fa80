"""
Least-cost search over a raster of prices: every cell has a price of a metre, whatever the heading.

Steps lead to the 8 neighbours of a cell. A step costs the mean of the prices of its two cells times
its length, in cells: 1 straight on, the root of 2 across. That is the rule of most GIS tools, and
to the last bit that of `MCP_Geometric` in scikit-image; it knows no grade and no radius, so that
what it finds is a way on a map and no road. `realign.corridor.find` searches roads.

The queue is a wheel of buckets (Dial 1969). A bucket is as wide as a cheap cell, wider than the
cheapest; a cell that gets cheaper after it was taken is taken once more (Meyer and Sanders 2003),
so that the width decides about time alone. Where prices spread so far that a wheel would be slow, a
radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990) takes its place; there a cell is final as soon
as its price is within half of its own price of the least one in the queue (Goldberg 2001).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign.errors import GeometryError, NoRouteError

__all__ = ["NONE", "STEPS", "Path", "Spread", "route", "spread"]

STEPS = ((-1, -1), (-1, 1), (1, -1), (1, 1), (-1, 0), (0, -1), (0, 1), (1, 0))
"""Rows and columns of a step, by its number; those across come first."""
NONE = 255
"""Number of the step into a cell that no step leads to: a start, or one that is not reached."""

ACROSS = 4
"""Number of steps across."""
HALF_DIAGONAL = sqrt(2) / 2
"""Half of the length of a step across [cells]."""
HALF_SIDE = 0.5
"""Half of the length of a step straight on [cells]."""

_CHEAP = 0.05  # a bucket is as wide as this share of the cells is cheap
_SAMPLE = 65_536  # cells looked at for that
_ROOM = 128  # cells to a bucket of the wheel: its blocks take 2 B a cell, at the very most
_FEWEST = 256  # buckets of a wheel on a small raster
_PATIENCE = 4  # takings and empty buckets a cell before the radix heap is called
_DIGITS = 65  # buckets of the radix heap: one for each length of a 64-bit difference
_STEP, _BARE, _QUEUED, _RIM = 7, 32, 64, 128  # bits of a mark
_BITS = np.uint64(5)  # a block of a bucket holds 32 cells
_BLOCK = np.uint64(32)
_LAST = np.uint64(31)
_ONE, _ZERO, _NEVER = np.uint64(1), np.uint64(0), np.uint64(2**64 - 1)
_NUMBERS = 2.0**62  # buckets have whole numbers below this


@dataclass(frozen=True, slots=True)
class Path:
    """A way over a raster."""

    cells: NDArray[np.int64]
    """Row and column of each cell from the start to the target, shape (n, 2)."""
    price: float
    """Sum of the prices of its steps, per cell size."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Prices of the cheapest ways from the nearest start to every cell."""

    price: NDArray[np.float64]
    """Price of the way, of the raster's shape; infinite where none leads, per cell size."""
    step: NDArray[np.uint8]
    """Number in `STEPS` of the last step of that way, of the raster's shape; `NONE` where there is
    none."""

    def path(self, to: tuple[int, int]) -> Path:
        """
        Follow the steps back from a cell.

        Parameters
        ----------
        to
            Row and column.

        Returns
        -------
        path
            From the start that is nearest by price to the cell.

        Raises
        ------
        GeometryError
            The cell is not in the raster.
        NoRouteError
            No way leads there.
        """
        row, col = to
        _inside(self.price.shape, [to])
        price = float(self.price[row, col])
        if not np.isfinite(price):
            msg = f"no way over the raster leads to row {row}, column {col}"
            raise NoRouteError(msg)
        cells = [(row, col)]
        while (step := int(self.step[row, col])) != NONE:
            row, col = row - STEPS[step][0], col - STEPS[step][1]
            cells.append((row, col))
        return Path(np.array(cells[::-1], np.int64), price)


def spread(cost: NDArray[Any], starts: Sequence[tuple[int, int]]) -> Spread:
    """
    Find the cheapest ways from a few cells to all others.

    Parameters
    ----------
    cost
        Price of each cell, per cell size, shape (rows, cols). A cell whose price is negative, NaN
        or infinite cannot be passed. Arrays of float32 and float64 in C order are used as they
        are, others are copied to float64 first.
    starts
        Row and column of the cells where a way may begin, at no price.

    Returns
    -------
    spread
        Price and last step of the way to every cell. Prices are added in double precision.

    Raises
    ------
    GeometryError
        There is no start, or one is not in the raster or cannot be passed; or the raster has no
        two dimensions, or 2^31 cells or more.

    Examples
    --------
    >>> found = spread(np.array([[1.0, 9.0, 1.0], [1.0, 9.0, 1.0], [1.0, 1.0, 1.0]]), [(0, 0)])
    >>> float(found.price[0, 2].round(3)), found.path((0, 2)).cells.tolist()
    (4.828, [[0, 0], [1, 0], [2, 1], [1, 2], [0, 2]])
    """
    return _search(cost, starts, None)


def route(cost: NDArray[Any], start: tuple[int, int], to: tuple[int, int]) -> Path:
    """
    Find the cheapest way between two cells, and stop as soon as it is known.

    Parameters
    ----------
    cost
        As for `spread`.
    start, to
        Row and column of the two ends.

    Returns
    -------
    path
        The way; its price is that of `spread`.

    Raises
    ------
    GeometryError
        As for `spread`.
    NoRouteError
        No way leads there.
    """
    return _search(cost, [start], to).path(to)


def _search(
    cost: NDArray[Any], starts: Sequence[tuple[int, int]], to: tuple[int, int] | None
) -> Spread:
    """Spread from the starts, as far as the price of the target if there is one."""
    if cost.ndim != 2 or not 0 < cost.size < 2**31:
        msg = f"a raster of prices has rows, columns and below 2^31 cells, got {cost.shape}"
        raise GeometryError(msg)
    if not starts:
        msg = "a search over a raster needs a start, got none"
        raise GeometryError(msg)
    kept = cost.dtype in (np.float32, np.float64)
    flat = np.ascontiguousarray(cost, dtype=cost.dtype if kept else np.float64).ravel()
    _inside(cost.shape, [*starts, *([] if to is None else [to])])
    width = cost.shape[1]
    price = np.empty(cost.size, np.float64)
    mark = np.empty(cost.size, np.uint8)
    dearest = _begin(flat, price, mark, width)
    first = np.array([row * width + col for row, col in starts], np.uint64)
    for cell, start in zip(first, starts, strict=True):
        if price[cell] < 0:
            msg = f"no way begins at {start}: the cell has the price {flat[cell]}"
            raise GeometryError(msg)
    price[first], mark[first] = 0.0, mark[first] | (_QUEUED | _BARE)
    target = np.uint64(cost.size if to is None else to[0] * width + to[1])
    _run(flat, price, mark, width, first, target, dearest)
    _finish(price, mark, np.inf if to is None else float(price[target]))
    return Spread(price.reshape(cost.shape), mark.reshape(cost.shape))


def _inside(shape: tuple[int, ...], cells: Sequence[tuple[int, int]]) -> None:
    """Refuse cells that are not in the raster."""
    for row, col in cells:
        if not (0 <= row < shape[0] and 0 <= col < shape[1]):
            msg = f"row {row}, column {col} is not in a raster of {shape[0]} x {shape[1]} cells"
            raise GeometryError(msg)


def _run(
    flat: NDArray[Any],
    price: NDArray[np.float64],
    mark: NDArray[np.uint8],
    width: int,
    first: NDArray[np.uint64],
    target: np.uint64,
    dearest: float,
) -> None:
    """Choose the queue by how far prices spread, and search."""
    sample = flat[:: max(flat.size // _SAMPLE, 1)]
    sample = sample[np.isfinite(sample) & (sample >= 0)]
    blocks = _blocks(flat.size)
    bucket, middle = np.quantile(sample, (_CHEAP, 0.5)) if sample.size else (0.0, 0.0)
    across = (width + flat.size // width) * float(middle)
    most = 2 * HALF_DIAGONAL * dearest * flat.size
    if across < _PATIENCE * flat.size * bucket and most < _NUMBERS * bucket:
        count = min(2 * HALF_DIAGONAL * dearest / bucket + 3, max(_FEWEST, flat.size / _ROOM))
        bits = int(count).bit_length()
        if _wheel(flat, price, mark, width, first, target, float(bucket), bits, blocks):
            return
    while not _radix(flat, price, mark, width, target, blocks):
        pass


def _blocks(size: int) -> int:
    """
    Count the blocks of a queue that holds every cell twice, so that it hardly ever runs full.

    What is never written takes no memory: queues hold the front of the search, a hundredth of it.
    """
    return 2 * (size // int(_BLOCK) + 1)


@njit(cache=True, nogil=True)
def _begin(
    cost: NDArray[Any], price: NDArray[np.float64], mark: NDArray[np.uint8], width: int
) -> float:
    """Prices and marks before the search; the dearest price that is one."""
    dearest = 0.0
    for i in range(cost.size):
        value = cost[i]
        if 0 <= value < np.inf:
            price[i] = np.inf
            dearest = max(dearest, float(value))
        else:
            # no price is below, so that no step ever gets in
            price[i] = -np.inf
        mark[i] = _BARE
    for i in range(width):
        mark[i] |= _RIM
        mark[cost.size - 1 - i] |= _RIM
    for i in range(0, cost.size, width):
        mark[i] |= _RIM
        mark[i + width - 1] |= _RIM
    return dearest


@njit(cache=True, nogil=True)
def _finish(price: NDArray[np.float64], mark: NDArray[np.uint8], known: float) -> None:
    """Turn marks into steps, and forget prices beyond the one up to which they are known."""
    for i in range(price.size):
        if price[i] < 0 or price[i] > known:
            price[i] = np.inf
            mark[i] = NONE
        elif mark[i] & _BARE:
            mark[i] = NONE
        else:
            mark[i] &= _STEP


@njit(cache=True, nogil=True, inline="always")
def _offsets(width: int) -> NDArray[np.uint64]:
    """Distance of the neighbours of a cell in the flat raster, modulo 2^64."""
    out = np.empty(8, np.uint64)
    for k in range(8):
        out[k] = np.uint64(STEPS[k][0] * width + STEPS[k][1])
    return out


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _cheaper(
    u: np.uint64,
    cost: NDArray[Any],
    price: NDArray[np.float64],
    offset: NDArray[np.uint64],
    cell: NDArray[np.uint64],
    value: NDArray[np.float64],
    step: NDArray[np.uint8],
) -> np.uint64:
    """
    List the neighbours that are cheaper to reach from a cell than before, and count them.

    Every neighbour is written and only the count depends on the comparison, so that the processor
    has no branch to guess.
    """
    found = _ZERO
    here, own = price[u], np.float64(cost[u])
    for k in range(ACROSS):
        v = u + offset[k]
        new = here + (own + np.float64(cost[v])) * HALF_DIAGONAL
        cell[found], value[found], step[found] = v, new, k | _QUEUED
        found += np.uint64(new < price[v])
    for k in range(ACROSS, 8):
        v = u + offset[k]
        new = here + (own + np.float64(cost[v])) * HALF_SIDE
        cell[found], value[found], step[found] = v, new, k | _QUEUED
        found += np.uint64(new < price[v])
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _cheaper_at_rim(
    u: np.uint64,
    cost: NDArray[Any],
    price: NDArray[np.float64],
    width: int,
    cell: NDArray[np.uint64],
    value: NDArray[np.float64],
    step: NDArray[np.uint8],
) -> np.uint64:
    """Do as `_cheaper` for a cell that has not all eight neighbours."""
    found = 0
    row, col = np.int64(u) // width, np.int64(u) % width
    rows = np.int64(cost.size) // width
    for k in range(8):
        r, c = row + STEPS[k][0], col + STEPS[k][1]
        if 0 <= r < rows and 0 <= c < width:
            v = r * width + c
            half = HALF_DIAGONAL if k < ACROSS else HALF_SIDE
            new = price[u] + (np.float64(cost[u]) + np.float64(cost[v])) * half
            if new < price[v]:
                cell[found], value[found], step[found] = v, new, k | _QUEUED
                found += 1
    return np.uint64(found)


@njit(cache=True, nogil=True, error_model="numpy")
def _wheel(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - one loop, flat for the compiler
    cost: NDArray[Any],
    price: NDArray[np.float64],
    mark: NDArray[np.uint8],
    width: int,
    first: NDArray[np.uint64],
    target: np.uint64,
    bucket: float,
    bits: int,
    blocks: int,
) -> bool:
    """
    Search with a wheel of buckets; False where it gave up, to be gone on with from the marks.

    A bucket is a chain of blocks. `top` is the place after its newest cell, 0 where it is empty;
    block 0 is never used, and a full block is told by the place after it. Cells beyond the wheel
    wait in one bucket more, which is looked through once a turn.
    """
    wheel = np.uint64(1) << np.uint64(bits)
    mask = wheel - _ONE
    per = 1.0 / bucket
    blocks += 2 << bits
    pool, link = np.empty(blocks * np.int64(_BLOCK), np.uint32), np.empty(blocks, np.int64)
    top = np.zeros(np.int64(wheel) + 1, np.uint64)
    free, used = np.int64(0), np.int64(1)
    offset = _offsets(width)
    cell, value = np.empty(9, np.uint64), np.empty(9, np.float64)
    step = np.empty(9, np.uint8)
    for u in first:
        at = top[0]
        if at & _LAST == _ZERO:
            link[used] = np.int64((at - _ONE) >> _BITS) if at else 0
            at = np.uint64(used) << _BITS
            used += 1
        pool[at] = np.uint32(u)
        top[0] = at + _ONE
    queued = np.int64(first.size)
    patience = np.int64(_PATIENCE) * price.size + 4096
    waiting, lowest = np.int64(0), _NEVER
    now = _ZERO
    sorting = True
    while queued > 0:
        slot = now & mask
        if queued == waiting or (slot == _ZERO and not sorting):
            # a turn is done, or nothing is left on the wheel: what waits beyond may lie on it now
            slot = wheel
            now = max(now, lowest) if queued == waiting else now
            waiting, lowest = np.int64(0), _NEVER
        sorting = slot == wheel
        at = top[slot]
        if patience < 0:
            return False
        if at == _ZERO and not sorting:
            patience -= 1
            now += _ONE
            # one bucket more, for a rounding between a price and its bucket
            if target < price.size and price[target] < np.float64(now - _ONE) * bucket:
                return True
            continue
        top[slot] = _ZERO
        block = np.int64((at - _ONE) >> _BITS) if at else np.int64(0)
        while block != 0:
            i = np.uint64(block) << _BITS
            while i < at:
                u = np.uint64(pool[i])
                i += _ONE
                queued -= 1
                patience -= 1
                own = mark[u]
                if not own & _QUEUED:
                    continue
                if sorting:
                    cell[0], value[0], step[0] = u, price[u], own
                    price[u] = np.inf
                    found = _ONE
                else:
                    mark[u] = own & np.uint8(255 - _QUEUED)
                    if own & _RIM:
                        found = _cheaper_at_rim(u, cost, price, width, cell, value, step)
                    else:
                        found = _cheaper(u, cost, price, offset, cell, value, step)
                for j in range(found):
                    v, new = cell[j], value[j]
                    before, old = mark[v], price[v]
                    price[v] = new
                    mark[v] = (before & np.uint8(_RIM)) | step[j]
                    number = np.uint64(np.int64(new * per))
                    into = number & mask
                    if number - now >= wheel:
                        into = wheel
                        lowest = min(lowest, number)
                    # a cell that waits in this bucket already need not be put there once more
                    other = np.uint64(
                        (before & np.uint8(_QUEUED) == 0) | (old * per >= np.float64(number) + 1)
                    )
                    end = top[into]
                    if end & _LAST == _ZERO:
                        if other == _ZERO:
                            continue
                        if free != 0:
                            fresh = free
                            free = link[fresh]
                        else:
                            if used == link.size:
                                mark[u] |= np.uint8(_QUEUED)
                                return False
                            fresh = used
                            used += 1
                        link[fresh] = np.int64((end - _ONE) >> _BITS) if end else 0
                        end = np.uint64(fresh) << _BITS
                    pool[end] = np.uint32(v)
                    top[into] = end + other
                    queued += np.int64(other)
                    waiting += np.int64(other) if into == wheel else np.int64(0)
            older = link[block]
            link[block] = free
            free = block
            block = older
            at = (np.uint64(block) + _ONE) << _BITS
    return True


@njit(cache=True, nogil=True, inline="always")
def _length(x: np.uint64) -> np.int64:
    """Count the binary digits, 0 for 0."""
    n = np.int64(0)
    for s in (32, 16, 8, 4, 2, 1):
        if x >> np.uint64(s):
            x >>= np.uint64(s)
            n += s
    return n + np.int64(x)


@njit(cache=True, nogil=True, error_model="numpy")
def _radix(  # noqa: C901, PLR0912, PLR0915 - one loop, flat for the compiler
    cost: NDArray[Any],
    price: NDArray[np.float64],
    mark: NDArray[np.uint8],
    width: int,
    target: np.uint64,
    blocks: int,
) -> bool:
    """
    Search with a radix heap from the cells that are marked as queued; False where it ran full.

    Floats that are not negative are in the order of their bits. A cell lies in the bucket of the
    length in which its price differs from the least one so far, and moves down as that one grows.
    A heap that ran full holds cells several times; made anew from the marks it has room again.
    """
    keys = price.view(np.uint64)
    blocks += _DIGITS + 2
    pool, link = np.empty(blocks * np.int64(_BLOCK), np.uint32), np.empty(blocks, np.int64)
    top = np.zeros(_DIGITS, np.uint64)
    free, used = np.int64(0), np.int64(1)
    offset = _offsets(width)
    cell, value = np.empty(9, np.uint64), np.empty(9, np.float64)
    step = np.empty(9, np.uint8)
    last = _ZERO
    for n in range(price.size):
        if mark[n] & _QUEUED:
            digit = _length(keys[n])
            end = top[digit]
            if end & _LAST == _ZERO:
                link[used] = np.int64((end - _ONE) >> _BITS) if end else 0
                end = np.uint64(used) << _BITS
                used += 1
            pool[end] = np.uint32(n)
            top[digit] = end + _ONE
    while True:
        lowest = 0
        while lowest < _DIGITS and top[lowest] == _ZERO:
            lowest += 1
        if lowest == _DIGITS:
            return True
        at = top[lowest]
        head = np.int64((at - _ONE) >> _BITS)
        if lowest > 0:
            least = _NEVER
            block, stop = head, at
            while block != 0:
                i = np.uint64(block) << _BITS
                while i < stop:
                    u = np.uint64(pool[i])
                    if mark[u] & _QUEUED:
                        least = min(least, keys[u])
                    i += _ONE
                block = link[block]
                stop = (np.uint64(block) + _ONE) << _BITS
            if least != _NEVER:
                last = least
            if target < price.size and keys[target] <= last:
                return True
        low = np.array([last]).view(np.float64)[0]
        top[lowest] = _ZERO
        block = head
        while block != 0:
            i = np.uint64(block) << _BITS
            while i < at:
                u = np.uint64(pool[i])
                i += _ONE
                own = mark[u]
                if not own & _QUEUED:
                    continue
                if price[u] <= low + np.float64(cost[u]) * HALF_SIDE:
                    # every way in costs half of its own price: nothing in the queue can undercut
                    mark[u] = own & np.uint8(255 - _QUEUED)
                    if own & _RIM:
                        found = _cheaper_at_rim(u, cost, price, width, cell, value, step)
                    else:
                        found = _cheaper(u, cost, price, offset, cell, value, step)
                else:
                    cell[0], value[0], step[0] = u, price[u], own
                    found = _ONE
                for j in range(found):
                    v = cell[j]
                    price[v] = value[j]
                    mark[v] = (mark[v] & np.uint8(_RIM)) | step[j]
                    digit = _length(keys[v] ^ last)
                    end = top[digit]
                    if end & _LAST == _ZERO:
                        if free != 0:
                            fresh = free
                            free = link[fresh]
                        else:
                            if used == link.size:
                                mark[u] |= np.uint8(_QUEUED)
                                return False
                            fresh = used
                            used += 1
                        link[fresh] = np.int64((end - _ONE) >> _BITS) if end else 0
                        end = np.uint64(fresh) << _BITS
                    pool[end] = np.uint32(v)
                    top[digit] = end + _ONE
            older = link[block]
            link[block] = free
            free = block
            block = older
            at = (np.uint64(block) + _ONE) << _BITS
