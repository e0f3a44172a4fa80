"""What a move costs: the ground under it, through formation and rates, tabulated for the search."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from realign import formation
from realign.corridor.ground import SAMPLES, SLOPE_STEP, SLOPES, Ground
from realign.corridor.lattice import HALF, HEADINGS, Moves
from realign.formation import BRIDGE, OPEN, TUNNEL, Prices
from realign.standards import DesignStandard

DEEPEST = -90
"""Height below which a road is a tunnel at any cross slope, so that one price holds [m]."""
GRADE_SLACK = 1e-6
"""Rounding allowed in the climb of a move [m]."""
NONE = 65535
"""Entry of a table for a move that is not admissible."""
DEAREST = 65000
"""Most units in which a move is counted."""
FINE = 300
"""Least units in which the cheapest metre over the shortest move is counted."""
CHUNK = 1000
"""Cells whose moves are priced at a time."""


class Tariff(NamedTuple):
    """Prices of a metre by form, cross slope and height, read off `formation`."""

    price: NDArray[np.float32]
    """Price, shape (3, slopes, heights) [/m]; infinite where not admissible."""
    form: NDArray[np.uint8]
    """Cheapest form where the grade allows all, shape (slopes, heights)."""
    ends: NDArray[np.float64]
    """Price of the end between two forms, shape (3, 3) [each]."""
    short: NDArray[np.float64]
    """Price of what a structure lacks to its least length when it is one sample long, by form and
    move, shape (3, 16) [each]."""
    length: NDArray[np.float64]
    """Length of each move, shape (16,) [m]."""
    step: float
    """Distance between two levels [m]."""
    tunnel_grade: float
    """Greatest grade in a tunnel [fraction]."""
    bridge_grade: float
    """Greatest grade on a bridge [fraction]."""
    grade: float
    """Greatest grade of all [fraction]."""
    weight: NDArray[np.float64]
    """Preference: factor on the price of each form, shape (3,) [-]."""
    per_metre: float
    """Preference added to every metre, whatever its form, and no part of the cost [/m]."""


class Table(NamedTuple):
    """The prices of all moves between all levels, counted in units."""

    price: NDArray[np.uint16]
    """Prices of the stored moves, by cell, move, level and change of level, shape
    (states x 8 x (2 climb + 1),) [units]; `NONE` where not admissible."""
    unit: float
    """What a unit is worth."""
    climb: int
    """Greatest change of level along a move [levels]."""
    least: int
    """Cheapest move [units]."""


@njit(cache=True)
def _fill_tariff(p: Prices, price: NDArray[np.float32]) -> None:
    for t in range(price.shape[1]):
        slope = (t + 0.5) * SLOPE_STEP
        for h in range(price.shape[2]):
            height = DEEPEST + h + 0.5
            price[OPEN, t, h] = formation.open_road(height, slope, p).price
            price[BRIDGE, t, h] = formation.structure(BRIDGE, height, slope, p).price
            price[TUNNEL, t, h] = formation.structure(TUNNEL, height, slope, p).price


def tariff(  # noqa: PLR0913 - prices, and what shifts them
    p: Prices,
    standard: DesignStandard,
    moves: Moves,
    *,
    level_step: float,
    weight: tuple[float, float, float] = (1.0, 1.0, 1.0),
    per_metre: float = 0.0,
    play: tuple[float, float] = (0.0, 0.0),
    lenient: float = 0.0,
) -> Tariff:
    """
    Tabulate the price of a metre, so that the search need not work it out anew.

    The road that is fitted to a way is bound neither to its levels nor to the
    middle of its cells. A metre of the way is therefore priced as the best that a
    road finds within its play: at a height that differs by no more than the play up
    and down, and the play aside times the cross slope. Open road must find its limits
    kept within a share of that; deck and cover keep theirs at the height itself.

    Parameters
    ----------
    p
        Shape and prices of the road.
    standard
        Greatest grades.
    moves
        Lengths of the moves.
    level_step
        Distance between two levels [m].
    weight
        Preference: factors on the price of open road, bridge and tunnel [-].
    per_metre
        Preference added to each metre, such as the value of time saved [/m].
    play
        How far a fitted road may lie above or below a way, and beside it [m].
    lenient
        Share of the play within which open road must find a place that keeps its
        limits [-].

    Returns
    -------
    tariff
        Prices at the middle of height classes of 1 m and slope classes of 0.05.
    """
    heights = int(p.max_deck) + 2 - DEEPEST
    price = np.empty((3, SLOPES, heights), np.float32)
    _fill_tariff(p, price)
    for t in range(SLOPES):
        reach = round(play[0] + play[1] * (t + 0.5) * SLOPE_STEP)
        denied = np.isinf(price[:, t])
        some = round(lenient * reach)
        denied[OPEN] = ndimage.minimum_filter1d(denied[OPEN], 2 * some + 1, mode="nearest")
        price[:, t] = ndimage.minimum_filter1d(price[:, t], 2 * reach + 1, mode="nearest")
        price[:, t][denied] = np.inf
    form = price.argmin(axis=0).astype(np.uint8)
    lacking = np.array([[0.0], [p.min_bridge], [p.min_tunnel]]) - moves.length / SAMPLES
    metre = np.array([[0.0], [p.bridge + p.pavement], [p.tunnel + p.pavement]])
    return Tariff(
        price=price,
        form=form,
        ends=np.array([[formation.end_price(a, b, p) for b in range(3)] for a in range(3)]),
        short=np.maximum(lacking, 0.0) * metre,
        length=moves.length,
        step=level_step,
        tunnel_grade=standard.grade_tunnel,
        bridge_grade=standard.grade_bridge,
        grade=standard.grade,
        weight=np.array(weight, np.float64),
        per_metre=per_metre,
    )


@njit(cache=True, nogil=True, forceinline=True)
def forms_allowed(climb: float, length: float, tunnel: float, bridge: float) -> int:
    """How many forms a grade allows: 3 any, 2 no tunnel, 1 open road only."""
    if climb <= tunnel * length + GRADE_SLACK:
        return 3
    return 2 if climb <= bridge * length + GRADE_SLACK else 1


@njit(cache=True, nogil=True, forceinline=True)
def _height(z: float, under: float, top: int) -> int:
    return min(max(int(np.floor(z - under)) - DEEPEST, 0), top)


@njit(cache=True, nogil=True)
def _mixed(
    metre: NDArray[np.float64],
    first: int,
    last: int,
    ends: NDArray[np.float64],
    short: NDArray[np.float64],
) -> float:
    """
    Cheapest forms of the samples of a move between the forms at both ends of it.

    A structure of one sample pays for what it lacks to its least length, unless
    it goes on beyond the end of the move.

    Parameters
    ----------
    metre
        Price of each sample in each form, shape (3, 3).
    first, last
        Forms in the cells at both ends.
    ends, short
        Price of the end between two forms; of a structure that is too short, shape (3,).

    Returns
    -------
    price
        Of the move.
    """
    # price so far when the run of the last form is one sample long, and when it is longer
    fresh0, fresh1, fresh2 = np.inf, np.inf, np.inf
    long0, long1, long2 = np.inf, np.inf, np.inf
    if first == OPEN:
        long0 = 0.0
    elif first == BRIDGE:
        long1 = 0.0
    else:
        long2 = 0.0
    for i in range(SAMPLES):
        out0 = min(long0, fresh0)
        out1 = min(long1, fresh1 + short[1])
        out2 = min(long2, fresh2 + short[2])
        to0 = min(out1 + ends[1, 0], out2 + ends[2, 0])
        to1 = min(out0 + ends[0, 1], out2 + ends[2, 1])
        to2 = min(out0 + ends[0, 2], out1 + ends[1, 2])
        long0, long1, long2 = (
            out0 + metre[i, 0],
            min(long1, fresh1) + metre[i, 1],
            min(long2, fresh2) + metre[i, 2],
        )
        fresh0, fresh1, fresh2 = to0 + metre[i, 0], to1 + metre[i, 1], to2 + metre[i, 2]
    own0 = min(long0, fresh0)
    own1 = min(long1, fresh1 + (0.0 if last == BRIDGE else short[1]))
    own2 = min(long2, fresh2 + (0.0 if last == TUNNEL else short[2]))
    return float(min(own0 + ends[0, last], own1 + ends[1, last], own2 + ends[2, last]))


@njit(cache=True, nogil=True, forceinline=True)
def _priced(  # noqa: PLR0913, PLR0917 - arrays and scalars, so that the compiler keeps them apart
    table: NDArray[np.float32],
    ends: NDArray[np.float64],
    short: NDArray[np.float64],
    weight: NDArray[np.float64],
    extra: NDArray[np.float32],
    under: NDArray[np.float32],
    cross: NDArray[np.uint8],
    metre: NDArray[np.float64],
    allowed: int,
    low: float,
    high: float,
    first: int,
    last: int,
    per_metre: float,
    length: float,
) -> float:
    """Price of a stored move between two levels with the forms given at its ends."""
    top = table.shape[2] - 1
    third = length / SAMPLES
    total = 0.0
    same = first == last
    for i in range(SAMPLES):
        z = low + (high - low) * (i + 0.5) / SAMPLES
        h = _height(z, under[i], top)
        best, chosen = np.inf, 0
        for f in range(allowed):
            price = (table[f, cross[i], h] * weight[f] + per_metre) * third + extra[i, f]
            metre[i, f] = price
            if price < best:
                best, chosen = price, f
        total += best
        same = same and chosen == first
    if same or total == np.inf:
        return total
    for f in range(allowed, 3):
        metre[:, f] = np.inf
    return _mixed(metre, first, last, ends, short)


@njit(cache=True, nogil=True)
def move_price(
    ground: Ground, tariff: Tariff, cell: int, move: int, first: int, last: int
) -> float:
    """
    Price of a move, the same in both directions.

    Parameters
    ----------
    ground, tariff
        The ground and the prices.
    cell
        Cell in which the move begins.
    move
        Number of the move, below 16.
    first, last
        Road level at the beginning and at the end, in level steps.

    Returns
    -------
    price
        Price of the whole move with the ends of structures on it; infinite
        where the grade, the water or the limits of the forms forbid it.
    """
    length = tariff.length[move]
    low, high = first * tariff.step, last * tariff.step
    climb = abs(high - low)
    end = ground.neighbour[cell, move]
    if end < 0 or climb > tariff.grade * length + GRADE_SLACK:
        return np.inf
    if move >= HALF:
        cell, end = end, cell
        low, high = high, low
        move -= HALF
    if min(low, high) < ground.floor[cell, move]:
        return np.inf
    top = tariff.price.shape[2] - 1
    return _priced(
        tariff.price,
        tariff.ends,
        tariff.short[:, move],
        tariff.weight * ground.factor[cell, move],
        ground.extra[cell, move],
        ground.under[cell, move],
        ground.cross[cell, move],
        np.empty((SAMPLES, 3)),
        forms_allowed(climb, length, tariff.tunnel_grade, tariff.bridge_grade),
        low,
        high,
        tariff.form[ground.steep[cell], _height(low, ground.level[cell], top)],
        tariff.form[ground.steep[end], _height(high, ground.level[end], top)],
        tariff.per_metre,
        length,
    )


@njit(cache=True, nogil=True)
def way_price(
    ground: Ground, tariff: Tariff, cells: NDArray[np.int32], levels: NDArray[np.int32]
) -> NDArray[np.float64]:
    """
    Price of a way from its start to each of its cells.

    Parameters
    ----------
    ground, tariff
        The ground and the prices.
    cells, levels
        Cells passed and level numbers, each of shape (n,).

    Returns
    -------
    price
        Shape (n,); infinite from a move on that is not admissible.
    """
    out = np.zeros(cells.size)
    for i in range(cells.size - 1):
        m = 0
        while m < HEADINGS and ground.neighbour[cells[i], m] != cells[i + 1]:
            m += 1
        if m == HEADINGS:
            out[i + 1 :] = np.inf
            break
        out[i + 1] = out[i] + move_price(ground, tariff, cells[i], m, levels[i], levels[i + 1])
    return out


@njit(cache=True, nogil=True)
def form_lengths(
    ground: Ground, tariff: Tariff, cells: NDArray[np.int32], levels: NDArray[np.int32]
) -> NDArray[np.float64]:
    """
    Lengths of a way by form, each sample in the form that is cheapest there.

    Parameters
    ----------
    ground, tariff
        The ground and the prices.
    cells, levels
        Cells passed and level numbers, each of shape (n,).

    Returns
    -------
    length
        Of open road, bridge and tunnel, shape (3,) [m].
    """
    out = np.zeros(3)
    top = tariff.price.shape[2] - 1
    for i in range(cells.size - 1):
        a, b = cells[i], cells[i + 1]
        m = 0
        while ground.neighbour[a, m] != b:
            m += 1
        length = tariff.length[m]
        low, high = levels[i] * tariff.step, levels[i + 1] * tariff.step
        allowed = forms_allowed(abs(high - low), length, tariff.tunnel_grade, tariff.bridge_grade)
        if m >= HALF:
            a, m = b, m - HALF
            low, high = high, low
        for k in range(SAMPLES):
            h = _height(low + (high - low) * (k + 0.5) / SAMPLES, ground.under[a, m, k], top)
            best, form = np.inf, OPEN
            for f in range(allowed):
                metre = tariff.price[f, ground.cross[a, m, k], h] * tariff.weight[f]
                price = metre * length / SAMPLES + ground.extra[a, m, k, f]
                if price < best:
                    best, form = price, f
            out[form] += length / SAMPLES
    return out


@njit(cache=True, nogil=True)
def _fill_table(
    ground: Ground,
    tariff: Tariff,
    climb: int,
    cells: tuple[int, int],
    unit: float,
    out: NDArray[np.uint16],
) -> int:
    """Price the moves of some cells in units; gives the cheapest."""
    table, forms, ends = tariff.price, tariff.form, tariff.ends
    top = table.shape[2] - 1
    wide = 2 * climb + 1
    metre = np.empty((SAMPLES, 3))
    weight = np.empty(3)
    least = NONE
    for a in range(cells[0], cells[1]):
        levels = ground.start[a + 1] - ground.start[a]
        steep_a, level_a = ground.steep[a], ground.level[a]
        for m in range(HALF):
            base = (ground.start[a] * HALF + m * levels) * wide
            b = ground.neighbour[a, m]
            out[base : base + levels * wide] = NONE
            if b < 0:
                continue
            beyond = ground.start[b + 1] - ground.start[b]
            wall, length = ground.floor[a, m], tariff.length[m]
            short = tariff.short[:, m]
            extra, under, cross = ground.extra[a, m], ground.under[a, m], ground.cross[a, m]
            for f in range(3):
                weight[f] = tariff.weight[f] * ground.factor[a, m, f]
            offset = ground.lowest[a] - ground.lowest[b]
            for k in range(levels):
                low = (ground.lowest[a] + k) * tariff.step
                if low < wall:
                    continue
                first = forms[steep_a, _height(low, level_a, top)]
                for d in range(max(-climb, -k - offset), min(climb + 1, beyond - k - offset)):
                    high = low + d * tariff.step
                    rise = abs(d) * tariff.step
                    if high < wall or rise > tariff.grade * length + GRADE_SLACK:
                        continue
                    last = forms[ground.steep[b], _height(high, ground.level[b], top)]
                    price = _priced(
                        table,
                        ends,
                        short,
                        weight,
                        extra,
                        under,
                        cross,
                        metre,
                        forms_allowed(rise, length, tariff.tunnel_grade, tariff.bridge_grade),
                        low,
                        high,
                        first,
                        last,
                        tariff.per_metre,
                        length,
                    )
                    if price == np.inf:
                        continue
                    counted = min(max(int(min(price / unit, NONE) + 0.5), 1), NONE - 1)
                    least = min(least, counted)
                    out[base + k * wide + d + climb] = counted
    return least


def dearest_move(ground: Ground, tariff: Tariff) -> float:
    """Upper bound of the price of any move: dearest metre, longest move, six ends, all extras."""
    finite = [price[np.isfinite(price)].max(initial=0.0) for price in tariff.price]
    factor = np.maximum(ground.factor.max(axis=(0, 1), initial=1.0), 1.0)
    dearest = max(float(v * f * w) for v, f, w in zip(finite, factor, tariff.weight, strict=True))
    extra = float(np.where(np.isfinite(ground.extra), ground.extra, 0).max(initial=0.0))
    length = float(tariff.length.max())
    tips = 6 * float(tariff.ends.max()) + 2 * float(tariff.short.max())
    return (dearest + tariff.per_metre) * length + SAMPLES * extra + tips


def cheapest_move(tariff: Tariff) -> float:
    """Price of the cheapest metre over the shortest move."""
    metre = (tariff.price * tariff.weight[:, None, None].astype(np.float32)).min()
    return float((metre + tariff.per_metre) * tariff.length.min())


def tabulate(
    ground: Ground,
    tariff: Tariff,
    *,
    climb: int,
    workers: int = 1,
    tell: Callable[[int], None] | None = None,
) -> Table:
    """
    Price every move between every pair of levels once, so that searches only add.

    Parameters
    ----------
    ground, tariff
        The ground and the prices.
    climb
        Greatest change of level along a move [levels].
    workers
        Threads.
    tell
        Called with the number of cells done so far; may raise to cancel.

    Returns
    -------
    table
        Prices in whole units, so that sums are exact and the order of states is
        the same on every machine. A unit is the dearest move over `DEAREST`, or the
        cheapest over `FINE` if that is less; what is dearer than can be counted
        counts as the largest number of units.
    """
    n = ground.row.size
    unit = min(dearest_move(ground, tariff) / DEAREST, cheapest_move(tariff) / FINE)
    out = np.empty(int(ground.start[-1]) * HALF * (2 * climb + 1), np.uint16)
    parts = [(i, min(i + CHUNK, n)) for i in range(0, n, CHUNK)]
    least = NONE
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(lambda part: _fill_table(ground, tariff, climb, part, unit, out), parts)
        try:
            for (_, end), cheapest in zip(parts, done, strict=True):
                least = min(least, cheapest)
                if tell:
                    tell(end)
        finally:
            pool.shutdown(cancel_futures=True)
    return Table(out, unit, climb, max(min(least, NONE), 1))
