"""
The searches: cheapest way over the lattice, compiled, by bucket queue.

Two passes. The first runs backwards from the ends over (cell, level) without
headings, and so gives every state a lower bound of what is left. The second
runs forward over (cell, level, heading) from the starts, led by that bound.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign.corridor.lattice import CLIMB, HALF, HEADINGS
from realign.corridor.price import (
    GRADE_SLACK,
    Ground,
    Tariff,
    grade_class,
    move_price,
    priced,
)

BATCH = 300_000
"""States opened between two reports of progress."""
MARGIN = 1e-5
"""Relative margin under the cheapest move, so that rounding never puts both ends in a bucket."""
FACING = 1
"""Greatest difference between a road's heading and the existing road's at a tie-in [steps]."""
LEVELS = 1 << 16
"""A state is packed as cell x LEVELS + level, and with its heading as that x HEADINGS + heading."""
FANOUT = HEADINGS * (2 * CLIMB + 1)
"""Most entries that one opened state can add to the queue."""
NO_STEP = 255
"""Step back of a state that the first move of a road leads to."""
STEP_ZERO = CLIMB
"""Added to the change of level in a stored step back, which holds -7 to 7."""

Queue: TypeAlias = tuple[
    NDArray[np.int64], NDArray[np.float32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]
]
"""Entries: packed states, their prices and links; the head of each bucket; the first free entry
and how many are free."""


class Ends(NamedTuple):
    """States in which a road may begin or end, and what it costs outside of them."""

    cell: NDArray[np.int32]
    """Cell of each state, shape (n,)."""
    level: NDArray[np.int32]
    """Level number of each state, absolute, shape (n,)."""
    heading: NDArray[np.int32]
    """Heading of the existing road there, of 16, shape (n,)."""
    price: NDArray[np.float64]
    """Price before the start or after the end, shape (n,)."""


class Found(NamedTuple):
    """A way through the lattice."""

    cell: NDArray[np.int32]
    """Cells passed, shape (n,)."""
    level: NDArray[np.int32]
    """Level numbers, absolute, shape (n,)."""
    price: float
    """Price of it, with what it costs before its start and after its end."""
    opened: int
    """States opened on the way to it."""
    first: int
    """Which of the starts it uses."""
    last: int
    """Which of the ends it uses."""


def cheapest_move(tariff: Tariff) -> float:
    """Lower bound of the price of any move: the cheapest metre times the shortest move."""
    return float((tariff.price.min() + tariff.per_metre) * tariff.length.min())


def dearest_move(ground: Ground, tariff: Tariff) -> float:
    """Upper bound of the price of any move: the dearest metre, the longest move, six ends."""
    dearest = float(tariff.price[np.isfinite(tariff.price)].max())
    weight = max(1.0, float(ground.weight.max(initial=1.0)))
    return (dearest * weight + tariff.per_metre) * float(tariff.length.max()) + 6 * float(
        tariff.ends.max()
    )


def _queue(buckets: int) -> Queue:
    return _grown(
        (
            np.empty(0, np.int64),
            np.empty(0, np.float32),
            np.empty(0, np.int32),
            np.full(buckets, -1, np.int32),
            np.array([-1, 0], np.int32),
        )
    )


def _grown(queue: Queue) -> Queue:
    """Give a queue twice the room, when less is left than one opened state may need."""
    pool, price, link, head, free = queue
    if free[1] >= FANOUT:
        return queue
    size = pool.size
    more = max(size, 1 << 18)
    chain = np.arange(size + 1, size + more + 1, dtype=np.int32)
    chain[-1] = free[0]
    free[0] = size
    free[1] += more
    return (
        np.concatenate((pool, np.empty(more, np.int64))),
        np.concatenate((price, np.empty(more, np.float32))),
        np.concatenate((link, chain)),
        head,
        free,
    )


@njit(cache=True, nogil=True, forceinline=True)
def _push(queue: Queue, state: int, price: np.float32, rank: int) -> None:
    pool, prices, link, head, free = queue
    bucket = rank % head.size
    slot = free[0]
    free[0] = link[slot]
    free[1] -= 1
    pool[slot] = state
    prices[slot] = price
    link[slot] = head[bucket]
    head[bucket] = slot


@njit(cache=True, nogil=True)
def _relax(  # noqa: C901, PLR0915 - one loop over moves, flat for the compiler
    ground: Ground,
    tariff: Tariff,
    rule: tuple[int, float, float],
    bound: NDArray[np.float32],
    queue: Queue,
    count: NDArray[np.int64],
) -> None:
    climb, width, cheapest = rule
    table, forms, tips = tariff.price, tariff.form, tariff.ends
    lengths, step, steepest = tariff.length, tariff.step, tariff.grade
    lowest, start, neighbour, level = ground.lowest, ground.start, ground.neighbour, ground.level
    steep, under, cross = ground.steep, ground.under, ground.cross
    floor, weight = ground.floor, ground.weight
    pool, prices, link, head, free = queue
    opened = 0
    while count[1] > 0 and opened < BATCH and free[1] >= FANOUT:
        slot = head[count[0] % head.size]
        if slot < 0:
            count[0] += 1
            continue
        head[count[0] % head.size] = link[slot]
        link[slot] = free[0]
        free[0] = slot
        free[1] += 1
        count[1] -= 1
        cell = pool[slot] // LEVELS
        k = pool[slot] - cell * LEVELS
        here = bound[start[cell] + k]
        if prices[slot] > here:
            continue
        opened += 1
        number = lowest[cell] + k
        own = number * step
        for m in range(HEADINGS):
            other = neighbour[cell, m]
            if other < 0:
                continue
            forward = m < HALF
            a, b, mm = (cell, other, m) if forward else (other, cell, m - HALF)
            wall = floor[a, mm]
            if own < wall:
                continue
            length = lengths[m]
            base = number - lowest[other]
            levels = start[other + 1] - start[other]
            w = weight[a, mm]
            us = (level[a], under[a, mm, 0], under[a, mm, 1], under[a, mm, 2], level[b])
            cs = (steep[a], cross[a, mm, 0], cross[a, mm, 1], cross[a, mm, 2], steep[b])
            for j in range(max(base - climb, 0), min(base + climb + 1, levels)):
                target = start[other] + j
                if bound[target] <= here + cheapest:
                    continue
                z = (number + j - base) * step
                rise = abs(z - own)
                if z < wall or rise > steepest * length + GRADE_SLACK:
                    continue
                kind = grade_class(rise, length, tariff.tunnel_grade, tariff.bridge_grade)
                low, high = (own, z) if forward else (z, own)
                price = np.float32(
                    here
                    + priced(
                        table, forms, tips, kind, low, high, us, cs, w, tariff.per_metre, length
                    )
                )
                if price < bound[target]:
                    bound[target] = price
                    _push(queue, other * LEVELS + j, price, int(price / width))
                    count[1] += 1
    count[2] += opened


def bounds(
    ground: Ground,
    tariff: Tariff,
    ends: Ends,
    *,
    climb: int,
    tell: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """
    Cheapest way from every (cell, level) to an end when headings do not matter.

    Dijkstra's algorithm with a bucket queue: no bucket is wider than the
    cheapest move, so that within a bucket the order does not matter and the
    result is exact (Denardo and Fox 1979).

    Parameters
    ----------
    ground, tariff
        Ground and prices.
    ends
        Where the road may end.
    climb
        Greatest change of level along a move [levels].
    tell
        Called with the number of states opened so far; may raise to cancel.

    Returns
    -------
    bound
        Price to the cheapest end, shape (states,), infinite where none is
        reached. A lower bound for every road that also keeps its radius.
    """
    bound = np.full(ground.start[-1], np.inf, np.float32)
    width = cheapest_move(tariff) * (1 - MARGIN)
    usable = [i for i in range(ends.price.size) if _lattice(ground, ends, i) >= 0]
    if not usable:
        return bound
    price = ends.price[usable].astype(np.float32)
    spread = max(dearest_move(ground, tariff), float(price.max() - price.min()))
    queue = _queue(int(spread / width) + 3)
    count = np.array([int(price.min() / width), 0, 0], np.int64)
    for i, value in zip(usable, price, strict=True):
        at = _lattice(ground, ends, i)
        if value < bound[at]:
            bound[at] = value
            k = int(ends.level[i]) - int(ground.lowest[ends.cell[i]])
            queue = _grown(queue)
            _push(queue, int(ends.cell[i]) * LEVELS + k, value, int(value / width))
            count[1] += 1
    while count[1] > 0:
        queue = _grown(queue)
        _relax(ground, tariff, (climb, width, width), bound, queue, count)
        if tell:
            tell(int(count[2]))
    return bound


def _lattice(ground: Ground, ends: Ends, i: int) -> int:
    cell = int(ends.cell[i])
    k = int(ends.level[i]) - int(ground.lowest[cell])
    if not 0 <= k < ground.start[cell + 1] - ground.start[cell]:
        return -1
    return int(ground.start[cell]) + k


@njit(cache=True, nogil=True)
def _guided(  # noqa: C901, PLR0913, PLR0915, PLR0917 - flat arrays of one search, kept apart for the compiler
    ground: Ground,
    tariff: Tariff,
    rule: tuple[int, int, float, float],
    bound: NDArray[np.float32],
    goal: NDArray[np.float32],
    facing: NDArray[np.int8],
    spent: NDArray[np.float32],
    back: NDArray[np.uint8],
    queue: Queue,
    count: NDArray[np.int64],
    best: NDArray[np.float64],
) -> None:
    climb, turn, width, cheapest = rule
    table, forms, tips = tariff.price, tariff.form, tariff.ends
    lengths, step, steepest = tariff.length, tariff.step, tariff.grade
    lowest, start, neighbour, level = ground.lowest, ground.start, ground.neighbour, ground.level
    steep, under, cross = ground.steep, ground.under, ground.cross
    floor, weight = ground.floor, ground.weight
    pool, prices, link, head, free = queue
    opened = 0
    while count[1] > 0 and opened < BATCH and count[0] * width <= best[0] and free[1] >= FANOUT:
        slot = head[count[0] % head.size]
        if slot < 0:
            count[0] += 1
            continue
        head[count[0] % head.size] = link[slot]
        link[slot] = free[0]
        free[0] = slot
        free[1] += 1
        count[1] -= 1
        rest = pool[slot] // HEADINGS
        arrival = pool[slot] - rest * HEADINGS
        cell = rest // LEVELS
        k = rest - cell * LEVELS
        lattice = start[cell] + k
        here = spent[lattice * HEADINGS + arrival]
        if prices[slot] > here or here + bound[lattice] >= best[0]:
            continue
        opened += 1
        if goal[lattice] < np.inf:
            off = abs((arrival - facing[lattice] + HALF) % HEADINGS - HALF)
            if off <= FACING and here + goal[lattice] < best[0]:
                best[0] = here + goal[lattice]
                count[3] = pool[slot]
        number = lowest[cell] + k
        own = number * step
        for d in range(-turn, turn + 1):
            m = (arrival + d) % HEADINGS
            other = neighbour[cell, m]
            if other < 0:
                continue
            forward = m < HALF
            a, b, mm = (cell, other, m) if forward else (other, cell, m - HALF)
            wall = floor[a, mm]
            if own < wall:
                continue
            length = lengths[m]
            base = number - lowest[other]
            levels = start[other + 1] - start[other]
            w = weight[a, mm]
            us = (level[a], under[a, mm, 0], under[a, mm, 1], under[a, mm, 2], level[b])
            cs = (steep[a], cross[a, mm, 0], cross[a, mm, 1], cross[a, mm, 2], steep[b])
            for j in range(max(base - climb, 0), min(base + climb + 1, levels)):
                ahead = start[other] + j
                target = ahead * HEADINGS + m
                if here + cheapest + bound[ahead] >= best[0] or spent[target] <= here + cheapest:
                    continue
                z = (number + j - base) * step
                rise = abs(z - own)
                if z < wall or rise > steepest * length + GRADE_SLACK:
                    continue
                kind = grade_class(rise, length, tariff.tunnel_grade, tariff.bridge_grade)
                low, high = (own, z) if forward else (z, own)
                price = np.float32(
                    here
                    + priced(
                        table, forms, tips, kind, low, high, us, cs, w, tariff.per_metre, length
                    )
                )
                if price < spent[target]:
                    spent[target] = price
                    back[target] = (j - base + STEP_ZERO) * HEADINGS + arrival
                    rank = max(int((price + bound[ahead]) / width), count[0])
                    _push(queue, (other * LEVELS + j) * HEADINGS + m, price, rank)
                    count[1] += 1
    count[2] += opened


def guided(  # noqa: C901, PLR0913 - what a search is: ground, prices, two ends, two rules, a bound
    ground: Ground,
    tariff: Tariff,
    starts: Ends,
    ends: Ends,
    bound: NDArray[np.float32],
    *,
    climb: int,
    turn: int,
    tell: Callable[[int], None] | None = None,
) -> Found | None:
    """
    Cheapest way from a start to an end that turns no more than allowed at each joint.

    A* over (cell, level, heading), led by the bound of the search without
    headings (Hart, Nilsson and Raphael 1968); exact.

    Parameters
    ----------
    ground, tariff
        Ground and prices.
    starts, ends
        Where the road may begin and end; its heading there is within one step
        of the existing road's.
    bound
        Result of `bounds` for the same ends.
    climb
        Greatest change of level along a move [levels].
    turn
        Greatest change of heading between moves [steps].
    tell
        Called with the number of states opened so far; may raise to cancel.

    Returns
    -------
    found
        The way, or None where there is none.
    """
    width = cheapest_move(tariff)
    goal = np.full(ground.start[-1], np.inf, np.float32)
    facing = np.zeros(ground.start[-1], np.int8)
    for i in range(ends.price.size):
        at = _lattice(ground, ends, i)
        if at >= 0 and ends.price[i] < goal[at]:
            goal[at], facing[at] = ends.price[i], ends.heading[i]
    spent = np.full(ground.start[-1] * HEADINGS, np.inf, np.float32)
    back = np.full(spent.size, NO_STEP, np.uint8)
    usable = [i for i in range(starts.price.size) if _lattice(ground, starts, i) >= 0]
    usable = [i for i in usable if np.isfinite(bound[_lattice(ground, starts, i)])]
    if not usable:
        return None
    begun: dict[int, int] = {}
    ranks: dict[int, int] = {}
    for i in usable:
        for state, ahead, price in _first_moves(
            ground, tariff, starts, i, (climb, min(turn, FACING))
        ):
            target = ahead * HEADINGS + state % HEADINGS
            if price + bound[ahead] < np.inf and price < spent[target]:
                spent[target] = price
                begun[state], ranks[state] = i, int((price + bound[ahead]) / width)
    if not begun:
        return None
    least = min(ranks.values())
    spread = max(2 * dearest_move(ground, tariff) / width, max(ranks.values()) - least)
    queue = _queue(int(spread) + 3)
    count = np.array([least, 0, 0, -1], np.int64)
    for state, rank in ranks.items():
        queue = _grown(queue)
        _push(queue, state, spent[_target(ground, state)], rank)
        count[1] += 1
    best = np.array([np.inf])
    rule = (climb, turn, width, width * (1 - MARGIN))
    while count[1] > 0 and count[0] * width <= best[0]:
        queue = _grown(queue)
        _guided(ground, tariff, rule, bound, goal, facing, spent, back, queue, count, best)
        if tell:
            tell(int(count[2]))
    if count[3] < 0:
        return None
    cells, levels, state = _trace(ground, back, int(count[3]))
    first = begun[state]
    return Found(
        cell=np.array([starts.cell[first], *cells], np.int32),
        level=np.array([starts.level[first], *levels], np.int32),
        price=float(best[0]),
        opened=int(count[2]),
        first=first,
        last=_which(ends, cells[-1], levels[-1]),
    )


@njit(cache=True, nogil=True)
def _downhill(
    ground: Ground,
    tariff: Tariff,
    bound: NDArray[np.float32],
    cell: int,
    number: int,
    climb: int,
) -> tuple[list[int], list[int]]:
    cells, levels = [cell], [number]
    while True:
        k = number - ground.lowest[cell]
        here = bound[ground.start[cell] + k]
        best, to, up = np.inf, -1, 0
        for m in range(HEADINGS):
            other = ground.neighbour[cell, m]
            if other < 0:
                continue
            count = ground.start[other + 1] - ground.start[other]
            for step in range(-climb, climb + 1):
                j = number + step - ground.lowest[other]
                if 0 <= j < count and bound[ground.start[other] + j] < here:
                    price = bound[ground.start[other] + j] + move_price(
                        ground, tariff, cell, m, number, number + step
                    )
                    if price < best:
                        best, to, up = price, other, step
        if to < 0 or best > here * (1 + 1e-4):
            return cells, levels
        cell, number = to, number + up
        cells.append(cell)
        levels.append(number)


def descend(
    ground: Ground,
    tariff: Tariff,
    starts: Ends,
    ends: Ends,
    bound: NDArray[np.float32],
    *,
    climb: int,
) -> Found | None:
    """
    Cheapest way when headings do not matter, read off its bounds.

    Parameters
    ----------
    ground, tariff, starts, ends, climb
        As in `bounds`.
    bound
        Result of `bounds`.

    Returns
    -------
    found
        The way, whose price is the lower bound of every road; None where there
        is none.
    """
    best, first = np.inf, -1
    for i in range(starts.price.size):
        at = _lattice(ground, starts, i)
        if at >= 0 and starts.price[i] + bound[at] < best:
            best, first = float(starts.price[i] + bound[at]), i
    if first < 0:
        return None
    cells, levels = _downhill(
        ground, tariff, bound, int(starts.cell[first]), int(starts.level[first]), climb
    )
    return Found(
        cell=np.array(cells, np.int32),
        level=np.array(levels, np.int32),
        price=best,
        opened=0,
        first=first,
        last=_which(ends, cells[-1], levels[-1]),
    )


def _which(ends: Ends, cell: int, level: int) -> int:
    same = np.flatnonzero((ends.cell == cell) & (ends.level == level))
    return int(same[np.argmin(ends.price[same])])


def _target(ground: Ground, state: int) -> int:
    """Place of a packed state in the arrays of a search."""
    rest, arrival = divmod(state, HEADINGS)
    cell, k = divmod(rest, LEVELS)
    return (int(ground.start[cell]) + k) * HEADINGS + arrival


def _first_moves(
    ground: Ground, tariff: Tariff, starts: Ends, i: int, rule: tuple[int, int]
) -> Iterator[tuple[int, int, np.float32]]:
    """States that one move leads to from a start, packed and by (cell, level), and their prices."""
    climb, turn = rule
    cell, level = int(starts.cell[i]), int(starts.level[i])
    for d in range(-turn, turn + 1):
        m = (int(starts.heading[i]) + d) % HEADINGS
        other = int(ground.neighbour[cell, m])
        if other < 0:
            continue
        levels = int(ground.start[other + 1] - ground.start[other])
        for up in range(-climb, climb + 1):
            k = level + up - int(ground.lowest[other])
            if 0 <= k < levels:
                price = starts.price[i] + move_price(ground, tariff, cell, m, level, level + up)
                state = (other * LEVELS + k) * HEADINGS + m
                yield state, int(ground.start[other]) + k, np.float32(price)


def _trace(ground: Ground, back: NDArray[np.uint8], state: int) -> tuple[list[int], list[int], int]:
    """Cells and levels from the end of the first move on, and the state there."""
    cells: list[int] = []
    levels: list[int] = []
    while True:
        rest, arrival = divmod(state, HEADINGS)
        cell, k = divmod(rest, LEVELS)
        cells.append(cell)
        levels.append(int(ground.lowest[cell]) + k)
        code = int(back[_target(ground, state)])
        if code == NO_STEP:
            break
        step, before = divmod(code, HEADINGS)
        other = int(ground.neighbour[cell, (arrival + HEADINGS // 2) % HEADINGS])
        level = levels[-1] - (step - STEP_ZERO)
        state = (other * LEVELS + level - int(ground.lowest[other])) * HEADINGS + before
    return cells[::-1], levels[::-1], state
