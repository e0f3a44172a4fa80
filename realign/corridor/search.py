"""
The searches: cheapest way over the lattice, compiled, by bucket queue.

Two passes over one table of prices. The first runs backwards from the ends over
(cell, level) without headings, and so gives every state a lower bound of what is
left. The second runs over (cell, level, heading) from the starts, led by that
bound. Prices are whole numbers, so that sums are exact.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign.corridor.ground import Ground
from realign.corridor.lattice import HALF, HEADINGS
from realign.corridor.price import NONE, Table

BATCH = 300_000
"""States opened between two reports of progress."""
FACING = 1
"""Greatest difference between a road's heading and the existing road's at a tie-in [steps]."""
FAR = 1 << 30
"""Price of a state that is not reached [units]."""
SPAN = 1 << 28
"""How much dearer than the cheapest a tie-in may be to be looked at: four thousand of the dearest
moves, and buckets that a machine can hold [units]."""
LEVELS = 1 << 16
"""A state is packed as cell x LEVELS + level, and with its heading as that x HEADINGS + heading."""
FIRST = 255
"""Step back of a state that the first move of a road leads to."""

Queue: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""Entries: packed states and links; the head of each bucket; the first free entry and how many are
free."""


class Ends(NamedTuple):
    """States in which a road may begin or end, and what it costs outside of them."""

    cell: NDArray[np.int32]
    """Cell of each state, shape (n,)."""
    level: NDArray[np.int32]
    """Level number of each state, absolute, shape (n,)."""
    heading: NDArray[np.int32]
    """Heading of the existing road there, of 16, shape (n,)."""
    grade: NDArray[np.float64]
    """Grade of the existing road there, rising with chainage, shape (n,) [fraction]."""
    price: NDArray[np.float64]
    """Price before the start or after the end, shape (n,)."""


class Steps(NamedTuple):
    """What the standard allows, as plain numbers for compiled code."""

    turn: int
    """Greatest change of heading between two moves, in steps of the sixteen."""
    sharp: int
    """Greatest change where the road may be slower, at least as much."""
    extra: int
    """Price of a change beyond `turn` [units]."""
    rise: NDArray[np.float64]
    """Grade of a move per level that it climbs, shape (16,) [fraction]."""
    bend: NDArray[np.float64]
    """Greatest change of grade at a tie-in, by the move that begins or ends there, shape (16,)."""


class Labels(NamedTuple):
    """What a search knows of the states it reached."""

    spent: NDArray[np.int32]
    """Price to each (cell, level, heading) and 1, shape (states x 16,) [units]; 0 where not
    reached."""
    back: NDArray[np.uint8]
    """Step back, (change of level + climb) x 16 + heading before, same shape."""
    first: dict[int, int]
    """Start that a packed state was reached from by the first move."""
    opened: int
    """States opened."""


class Found(NamedTuple):
    """A way through the lattice."""

    cell: NDArray[np.int32]
    """Cells passed, shape (n,)."""
    level: NDArray[np.int32]
    """Level numbers, absolute, shape (n,)."""
    price: int
    """Price of it, with what it costs before its start and after its end [units]."""
    first: int
    """Which of the starts it uses."""
    last: int
    """Which of the ends it uses."""


def _queue(buckets: int) -> Queue:
    return (
        np.empty(0, np.int64),
        np.empty(0, np.int32),
        np.full(buckets, -1, np.int32),
        np.array([-1, 0], np.int32),
    )


def _grown(queue: Queue, fanout: int) -> Queue:
    """Give a queue twice the room, when less is left than one opened state may need."""
    pool, link, head, free = queue
    if free[1] >= fanout:
        return queue
    size = pool.size
    more = max(size, 1 << 18)
    chain = np.arange(size + 1, size + more + 1, dtype=np.int32)
    chain[-1] = free[0]
    free[0] = size
    free[1] += more
    return (
        np.concatenate((pool, np.empty(more, np.int64))),
        np.concatenate((link, chain)),
        head,
        free,
    )


@njit(cache=True, nogil=True, forceinline=True)
def _push(queue: Queue, state: int, rank: int) -> None:
    pool, link, head, free = queue
    bucket = rank % head.size
    slot = free[0]
    free[0] = link[slot]
    free[1] -= 1
    pool[slot] = state
    link[slot] = head[bucket]
    head[bucket] = slot


@njit(cache=True, nogil=True)
def _relax(
    ground: Ground,
    table: NDArray[np.uint16],
    climb: int,
    width: int,
    bound: NDArray[np.int32],
    queue: Queue,
    count: NDArray[np.int64],
) -> None:
    lowest, start, neighbour = ground.lowest, ground.start, ground.neighbour
    pool, link, head, free = queue
    wide = 2 * climb + 1
    fanout = HEADINGS * wide
    opened = 0
    while count[1] > 0 and opened < BATCH and free[1] >= fanout:
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
        if here // width != count[0]:
            continue  # a cheaper way was found since, and the state was opened then
        opened += 1
        own = start[cell + 1] - start[cell]
        for m in range(HEADINGS):
            other = neighbour[cell, m]
            if other < 0:
                continue
            base = lowest[cell] + k - lowest[other]
            first = start[other]
            levels = start[other + 1] - first
            low, high = max(base - climb, 0), min(base + climb, levels - 1)
            if m < HALF:
                at = (start[cell] * HALF + m * own + k) * wide + low - base + climb
                stride = 1
            else:
                at = (first * HALF + (m - HALF) * levels + low) * wide + climb - low + base
                stride = wide - 1
            for j in range(low, high + 1):
                price = np.int32(table[at])
                at += stride
                if price == NONE:
                    continue
                total = here + price
                if total < bound[first + j]:
                    bound[first + j] = total
                    _push(queue, other * LEVELS + j, total // width)
                    count[1] += 1
    count[2] += opened


def bounds(
    ground: Ground,
    table: Table,
    ends: Ends,
    *,
    tell: Callable[[int], None] | None = None,
) -> NDArray[np.int32]:
    """
    Cheapest way from every (cell, level) to an end when headings do not matter.

    Dijkstra's algorithm with a bucket queue: no bucket is wider than the
    cheapest move, so that within a bucket the order does not matter and the
    result is exact (Denardo and Fox 1979).

    Parameters
    ----------
    ground, table
        Ground and prices.
    ends
        Where the road may end.
    tell
        Called with the number of states opened so far; may raise to cancel.

    Returns
    -------
    bound
        Price to the cheapest end, shape (states,), `FAR` where none is reached
        [units]. A lower bound for every road that also keeps its radius.
    """
    bound = np.full(int(ground.start[-1]), FAR, np.int32)
    width = table.least
    fanout = HEADINGS * (2 * table.climb + 1)
    states = [
        (i, _lattice(ground, ends, i), _units(ends, i, table)) for i in range(ends.price.size)
    ]
    states = [each for each in states if each[1] >= 0 and each[2] < FAR]
    if not states:
        return bound
    cheapest = min(price for _, _, price in states)
    states = [each for each in states if each[2] - cheapest <= SPAN]
    prices = [price for _, _, price in states]
    queue = _queue((max(int(NONE), max(prices) - min(prices)) // width) + 3)
    count = np.array([min(prices) // width, 0, 0], np.int64)
    for i, at, price in states:
        if price < bound[at]:
            bound[at] = price
            queue = _grown(queue, fanout)
            k = int(ends.level[i]) - int(ground.lowest[ends.cell[i]])
            _push(queue, int(ends.cell[i]) * LEVELS + k, price // width)
            count[1] += 1
    while count[1] > 0:
        queue = _grown(queue, fanout)
        _relax(ground, table.price, table.climb, width, bound, queue, count)
        if tell:
            tell(int(count[2]))
    return bound


def least_price(ground: Ground, table: Table, starts: Ends, bound: NDArray[np.int32]) -> int:
    """Lower bound of the price of every road from a start [units]; `FAR` where there is none."""
    best = FAR
    for i in range(starts.price.size):
        at = _lattice(ground, starts, i)
        if at >= 0 and bound[at] < FAR:
            best = min(best, _units(starts, i, table) + int(bound[at]))
    return best


def _lattice(ground: Ground, ends: Ends, i: int) -> int:
    cell = int(ends.cell[i])
    k = int(ends.level[i]) - int(ground.lowest[cell])
    if not 0 <= k < ground.start[cell + 1] - ground.start[cell]:
        return -1
    return int(ground.start[cell]) + k


def _units(ends: Ends, i: int, table: Table) -> int:
    return round(min(float(ends.price[i]) / table.unit, FAR))


@njit(cache=True, nogil=True)
def _meet(
    ends: Ends,
    units: NDArray[np.int64],
    steps: Steps,
    cell: int,
    level: int,
    move: int,
    climbed: int,
) -> tuple[int, int]:
    """Cheapest end that a move meets in its heading and grade, and its price; -1 where none."""
    best, which = np.int64(FAR), -1
    for i in range(ends.cell.size):
        if ends.cell[i] != cell or ends.level[i] != level or units[i] >= best:
            continue
        off = abs((move - ends.heading[i] + HALF) % HEADINGS - HALF)
        kink = abs(climbed * steps.rise[move] - ends.grade[i])
        if off <= min(FACING, steps.turn) and kink <= steps.bend[move]:
            best, which = units[i], i
    return which, int(best)


@njit(cache=True, nogil=True)
def _guided(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - flat arrays of one search, kept apart for the compiler
    ground: Ground,
    table: NDArray[np.uint16],
    climb: int,
    steps: Steps,
    bound: NDArray[np.int32],
    ends: Ends,
    units: NDArray[np.int64],
    near_end: NDArray[np.bool_],
    margin: float,
    spent: NDArray[np.int32],
    back: NDArray[np.uint8],
    done: NDArray[np.uint16],
    bent: NDArray[np.uint16],
    queue: Queue,
    count: NDArray[np.int64],
    best: NDArray[np.int64],
) -> None:
    lowest, start, neighbour = ground.lowest, ground.start, ground.neighbour
    pool, link, head, free = queue
    wide = 2 * climb + 1
    fanout = HEADINGS * wide
    allowed, easy = np.zeros(HEADINGS, np.int64), np.zeros(HEADINGS, np.int64)
    for arrival in range(HEADINGS):
        for d in range(-steps.sharp, steps.sharp + 1):
            allowed[arrival] |= 1 << ((arrival + d) % HEADINGS)
            if abs(d) <= steps.turn:
                easy[arrival] |= 1 << ((arrival + d) % HEADINGS)
    by_heading = bound.size > done.size
    limit = np.int64(best[0] * (1 + margin))
    opened = 0
    while count[1] > 0 and opened < BATCH and count[0] <= limit and free[1] >= fanout:
        slot = head[count[0] % head.size]
        if slot < 0:
            count[0] += 1
            continue
        head[count[0] % head.size] = link[slot]
        link[slot] = free[0]
        free[0] = slot
        free[1] += 1
        count[1] -= 1
        opening = pool[slot]  # the slot is free from here on, and may be taken by what follows
        rest = opening // HEADINGS
        arrival = opening - rest * HEADINGS
        cell = rest // LEVELS
        k = rest - cell * LEVELS
        lattice = start[cell] + k
        own = start[cell + 1] - start[cell]
        place = start[cell] * HEADINGS + arrival * own + k
        here = spent[place] - 1
        if here + bound[place if by_heading else lattice] != count[0]:
            continue  # a cheaper way was found since, and the state was opened then
        opened += 1
        todo = allowed[arrival]
        if not by_heading:
            # what is left is the same for all arrivals here, so that they come in the order of
            # their price, and the first to leave in a direction is the cheapest that ever will;
            # of those that turn sharply the first, of the others the first too
            todo = easy[arrival] & ~np.int64(done[lattice])
            todo |= allowed[arrival] & ~easy[arrival] & ~np.int64(done[lattice] | bent[lattice])
            if todo == 0:
                continue
            done[lattice] = np.uint16(np.int64(done[lattice]) | easy[arrival])
            bent[lattice] = np.uint16(np.int64(bent[lattice]) | todo & ~easy[arrival])
        for m in range(HEADINGS):
            if (todo >> m) & 1 == 0:
                continue
            other = neighbour[cell, m]
            if other < 0:
                continue
            base = lowest[cell] + k - lowest[other]
            first = start[other]
            levels = start[other + 1] - first
            low, high = max(base - climb, 0), min(base + climb, levels - 1)
            if m < HALF:
                at = (start[cell] * HALF + m * own + k) * wide + low - base + climb
                stride = 1
            else:
                at = (first * HALF + (m - HALF) * levels + low) * wide + climb - low + base
                stride = wide - 1
            targets = first * HEADINGS + m * levels
            bend = here if (easy[arrival] >> m) & 1 else here + steps.extra
            for j in range(low, high + 1):
                price = np.int32(table[at])
                at += stride
                ahead = bound[targets + j if by_heading else first + j]
                if price == NONE or ahead >= FAR:
                    continue
                total = bend + price
                if near_end[other]:
                    which, after = _meet(ends, units, steps, other, lowest[other] + j, m, j - base)
                    if which >= 0 and total + after < best[0]:
                        best[0], best[1], best[2] = total + after, which, opening
                        best[3] = (j - base + climb) * HEADINGS + m
                        limit = np.int64(best[0] * (1 + margin))
                target = targets + j
                if spent[target] != 0 and spent[target] <= total + 1:
                    continue
                if total + ahead > limit:
                    continue
                spent[target] = total + 1
                back[target] = (j - base + climb) * HEADINGS + arrival
                used = np.int64(done[first + j])
                left = easy[m] & ~used
                left |= allowed[m] & ~easy[m] & ~(used | np.int64(bent[first + j]))
                if not by_heading and left == 0:
                    continue  # all that may be left from here was left before, by a cheaper way
                _push(queue, (other * LEVELS + j) * HEADINGS + m, max(total + ahead, count[0]))
                count[1] += 1
    count[2] += opened


def guided(  # noqa: PLR0913 - what a search is: ground, prices, two ends, the rules, a bound
    ground: Ground,
    table: Table,
    starts: Ends,
    ends: Ends,
    bound: NDArray[np.int32],
    *,
    steps: Steps,
    margin: float = 0.0,
    tell: Callable[[int], None] | None = None,
) -> tuple[Found | None, Labels]:
    """
    Cheapest way from a start to an end that turns no more than allowed at each joint.

    A* over (cell, level, heading), led by the bound of the search without
    headings (Hart, Nilsson and Raphael 1968); exact. A state is left in each
    direction once only, by the first arrival that may turn there, since states
    come in the order of their price.

    Parameters
    ----------
    ground, table
        Ground and prices.
    starts, ends
        Where the road may begin and end; its heading there is within one step
        of the existing road's, and its grade changes no more than a vertical
        curve along the move can take up.
    bound
        Result of `bounds` for the same ends; or the price that is left by state and
        heading, from `left_over`.
    steps
        Greatest change of heading, and of grade at the tie-ins.
    margin
        Share of the cheapest price by which the labels go beyond it: every state
        on a road at most that much dearer is labelled.
    tell
        Called with the number of states opened so far; may raise to cancel.

    Returns
    -------
    found, labels
        The way, or None where there is none, and what was learnt of the states.
    """
    fanout = HEADINGS * (2 * table.climb + 1)
    states = int(ground.start[-1])
    spent = np.zeros(states * HEADINGS, np.int32)
    back = np.zeros(states * HEADINGS, np.uint8)
    done, bent = np.zeros(states, np.uint16), np.zeros(states, np.uint16)
    units = np.array([_units(ends, i, table) for i in range(ends.price.size)], np.int64)
    near_end = np.zeros(ground.row.size, np.bool_)
    near_end[ends.cell] = True
    best = np.array([FAR, -1, -1, -1], np.int64)
    first: dict[int, int] = {}
    ranks: dict[int, int] = {}
    for i in range(starts.price.size):
        for cell, k, move, price in _first_moves(ground, table, starts, i, steps):
            target = _place(ground, cell, k, move)
            at = target if bound.size > states else int(ground.start[cell]) + k
            ahead = int(bound[at])
            if price + ahead < FAR and (spent[target] == 0 or price + 1 < spent[target]):
                state = (cell * LEVELS + k) * HEADINGS + move
                spent[target], back[target] = price + 1, FIRST
                first[state], ranks[state] = i, price + ahead
            climbed = int(ground.lowest[cell]) + k - int(starts.level[i])
            which, after = _meet(
                ends, units, steps, cell, int(ground.lowest[cell]) + k, move, climbed
            )
            if which >= 0 and price + after < best[0]:  # a road of one move
                best[:] = price + after, which, -1 - i, (climbed + table.climb) * HEADINGS + move
    if not first:
        return None, Labels(spent, back, first, 0)
    least = min(ranks.values())
    ranks = {state: rank for state, rank in ranks.items() if rank - least <= SPAN}
    queue = _queue(max(2 * int(NONE), max(ranks.values()) - least) + 3)
    count = np.array([least, 0, 0], np.int64)
    for state, rank in ranks.items():
        queue = _grown(queue, fanout)
        _push(queue, state, rank)
        count[1] += 1
    while count[1] > 0 and count[0] <= best[0] * (1 + margin):
        queue = _grown(queue, fanout)
        _guided(
            ground,
            table.price,
            table.climb,
            steps,
            bound,
            ends,
            units,
            near_end,
            margin,
            spent,
            back,
            done,
            bent,
            queue,
            count,
            best,
        )
        if tell:
            tell(int(count[2]))
    labels = Labels(spent, back, first, int(count[2]))
    if best[1] < 0:
        return None, labels
    return _found(ground, table, starts, labels, best), labels


def _found(
    ground: Ground, table: Table, starts: Ends, labels: Labels, best: NDArray[np.int64]
) -> Found:
    """Way to the state before the end, and the move from there to the end."""
    if best[2] < 0:
        first = -1 - int(best[2])
        cells, levels = [int(starts.cell[first])], [int(starts.level[first])]
    else:
        rest, arrival = divmod(int(best[2]), HEADINGS)
        cell, k = divmod(rest, LEVELS)
        cells, levels, first = trace(ground, table.climb, labels, starts, (cell, k, arrival))
    climbed, move = divmod(int(best[3]), HEADINGS)
    return Found(
        cell=np.array([*cells, ground.neighbour[cells[-1], move]], np.int32),
        level=np.array([*levels, levels[-1] + climbed - table.climb], np.int32),
        price=int(best[0]),
        first=first,
        last=int(best[1]),
    )


@njit(cache=True, nogil=True)
def left_over(ground: Ground, steps: Steps, spent: NDArray[np.int32]) -> NDArray[np.int32]:
    """
    Tell what is left to the starts of a search, for a search that comes from its ends.

    Parameters
    ----------
    ground
        Ground of both.
    steps
        Greatest changes of heading between moves, and what sharp ones cost.
    spent
        Labels of the first search.

    Returns
    -------
    bound
        By (cell, level, heading) of the second search, of the shape of `spent`
        [units]: exact where the first search has labels, `FAR` elsewhere, so
        that the second opens no state but those on roads within its margin.
    """
    out = np.full(spent.size, FAR, np.int32)
    for cell in range(ground.row.size):
        own = ground.start[cell + 1] - ground.start[cell]
        base = ground.start[cell] * HEADINGS
        for arrival in range(HEADINGS):
            for d in range(-steps.sharp, steps.sharp + 1):
                # who comes from the other side faces backwards
                m = (arrival + d + HALF) % HEADINGS
                bend = 0 if abs(d) <= steps.turn else steps.extra
                for k in range(own):
                    price = spent[base + arrival * own + k] - 1
                    if price >= 0 and price + bend < out[base + m * own + k]:
                        out[base + m * own + k] = price + bend
    return out


def _place(ground: Ground, cell: int, k: int, heading: int) -> int:
    """Place of a state in the arrays of a search."""
    start = int(ground.start[cell])
    return start * HEADINGS + heading * (int(ground.start[cell + 1]) - start) + k


def entry(ground: Ground, table: Table, cell: int, move: int, first: int, last: int) -> int:
    """
    Price of a move between two level numbers, read off the table.

    Returns
    -------
    price
        `NONE` where the move is not admissible [units].
    """
    other = int(ground.neighbour[cell, move])
    if other < 0 or abs(last - first) > table.climb:
        return NONE
    if move >= HALF:
        cell, move, first, last = other, move - HALF, last, first
    start, levels = int(ground.start[cell]), int(ground.start[cell + 1] - ground.start[cell])
    k = first - int(ground.lowest[cell])
    wide = 2 * table.climb + 1
    end = int(ground.neighbour[cell, move])
    above = last - int(ground.lowest[end])
    if not (0 <= k < levels and 0 <= above < ground.start[end + 1] - ground.start[end]):
        return NONE
    at = (start * HALF + move * levels + k) * wide + last - first + table.climb
    return int(table.price[at])


def _first_moves(
    ground: Ground, table: Table, starts: Ends, i: int, steps: Steps
) -> list[tuple[int, int, int, int]]:
    """Cell, level above its lowest, heading and price that one move leads to from a start."""
    cell, level = int(starts.cell[i]), int(starts.level[i])
    out = []
    for d in range(-min(steps.turn, FACING), min(steps.turn, FACING) + 1):
        m = (int(starts.heading[i]) + d) % HEADINGS
        other = int(ground.neighbour[cell, m])
        for up in range(-table.climb, table.climb + 1):
            price = entry(ground, table, cell, m, level, level + up)
            kink = abs(up * float(steps.rise[m]) - float(starts.grade[i]))
            if price != NONE and kink <= steps.bend[m]:
                k = level + up - int(ground.lowest[other])
                out.append((other, k, m, _units(starts, i, table) + price))
    return out


def trace(
    ground: Ground, climb: int, labels: Labels, starts: Ends, state: tuple[int, int, int]
) -> tuple[list[int], list[int], int]:
    """
    Follow the steps back from a state.

    Parameters
    ----------
    ground, climb, labels, starts
        Of the search.
    state
        Cell, level above its lowest, and heading of arrival.

    Returns
    -------
    cells, levels, first
        The way from the start to the state, and which start that is.
    """
    cell, k, arrival = state
    cells: list[int] = []
    levels: list[int] = []
    while True:
        cells.append(cell)
        levels.append(int(ground.lowest[cell]) + k)
        code = int(labels.back[_place(ground, cell, k, arrival)])
        before = int(ground.neighbour[cell, (arrival + HALF) % HEADINGS])
        if code == FIRST:
            break
        climbed, heading = divmod(code, HEADINGS)
        k = levels[-1] - (climbed - climb) - int(ground.lowest[before])
        cell, arrival = before, heading
    first = labels.first[(cell * LEVELS + k) * HEADINGS + arrival]
    cells.append(int(starts.cell[first]))
    levels.append(int(starts.level[first]))
    return cells[::-1], levels[::-1], first
