"""
What the cheapest grade line on a plan costs at least.

A dynamic program over levels and forms, every cell of level at the least price within it and every
grade rule widened by one cell: what it finds is dearer than no grade line within the standard, as
the bill prices it. Curvature, lengths of grades and least lengths of structures are left out, and
haul is free, so that the true optimum lies between this bound and the grade line that was laid.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign import formation
from realign.formation import BRIDGE, DENIED, OPEN, TUNNEL, Prices
from realign.standards import DesignStandard

CELL = 0.125
"""Height of a cell of level [m]."""
READ = 4
"""Parts of a cell at whose ends prices are read: every 3 cm. A sharper bend of the price than that
is not seen."""
DEEP = 1000.0
"""Depth at which a tunnel has its plain price [m]."""
MARGIN = 40.0
"""How far above and below all of ground and ends levels are looked at: beyond, a grade line that is
clipped there costs no more [m]."""


class Way(NamedTuple):
    """A plan on the ground, by the stations of its bill."""

    ground: NDArray[np.float64]
    """Level of the ground, shape (n,) [m above datum]."""
    slope: NDArray[np.float64]
    """Cross slope without sign, shape (n,) [m/m]."""
    floor: NDArray[np.float64]
    """Lowest level that water allows, shape (n,) [m above datum]."""
    wet: NDArray[np.bool_]
    """Stations at which open road is not admissible, shape (n,)."""
    dearer: NDArray[np.float64]
    """Preference: factor on the price of open road, shape (n,) [-]."""


@njit(cache=True, nogil=True)
def _least(form: int, height: float, slope: float, half: float, p: Prices) -> float:
    """Least price of a metre within half a cell of a height."""
    least = np.inf
    for j in range(READ + 1):
        h = height + half * (2.0 * j / READ - 1.0)
        if form == OPEN:
            price = formation.open_road(h, slope, p).price
        else:
            price = formation.structure(form, h, slope, p).price
        least = min(least, price)
    return least


@njit(cache=True, nogil=True)
def _priced(
    way: Way,
    i: int,
    low: int,
    before: NDArray[np.float64],
    price: NDArray[np.float64],
    built: NDArray[np.float64],
    p: Prices,
) -> None:
    """Fill in prices of open road at a station, and of structures half way to it."""
    count = price.size
    for k in range(count):
        before[k] = price[k]
        height = (low + k) * CELL - way.ground[i]
        price[k] = np.inf
        if -p.max_cut - CELL < height < p.max_fill + p.max_wall + way.slope[i] * p.half + CELL:
            price[k] = _least(OPEN, height, way.slope[i], CELL / 2, p) * way.dearer[i]
    if i == 0:
        return
    ground = (way.ground[i - 1] + way.ground[i]) / 2
    slope = (way.slope[i - 1] + way.slope[i]) / 2
    covered = formation.structure(TUNNEL, -DEEP, slope, p).price
    roof = p.min_cover * np.sqrt(1 + slope * slope) + CELL
    for k in range(2 * count - 1):
        height = (2 * low + k) * CELL / 2 - ground
        # beyond its limits a road is paid for as in the bill, at `DENIED`
        built[k, 0] = built[k, 1] = DENIED
        if -CELL < height < p.max_deck + CELL:
            built[k, 0] = min(_least(BRIDGE, height, slope, CELL / 2, p), DENIED)
        if height < -roof:
            built[k, 1] = min(covered, DENIED)
        elif height < CELL:
            built[k, 1] = min(_least(TUNNEL, height, slope, CELL / 2, p), DENIED)


@njit(cache=True, nogil=True)
def _dynamic(  # noqa: C901, PLR0912 - one dynamic program, flat for the compiler
    way: Way,
    run: float,
    ends: tuple[int, int],
    reach: tuple[int, int, int],
    low: int,
    count: int,
    p: Prices,
) -> float:
    """Least price of a way through levels and forms; infinite where there is none."""
    n = way.ground.size
    tips = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):
            tips[a, b] = formation.end_price(a, b, p)
    cost = np.full((count, 3), np.inf)
    cost[ends[0] - low, OPEN] = 0.0
    into, fresh = np.empty((count, 3)), np.empty((count, 3))
    before, price = np.empty(count), np.empty(count)
    built = np.empty((2 * count - 1, 2))
    _priced(way, 0, low, before, price, built, p)
    for i in range(1, n):
        _priced(way, i, low, before, price, built, p)
        dry = not (way.wet[i - 1] or way.wet[i])
        for k in range(count):
            for f in range(3):
                into[k, f] = min(
                    cost[k, 0] + tips[0, f], cost[k, 1] + tips[1, f], cost[k, 2] + tips[2, f]
                )
        for k in range(count):
            sunk = i < n - 1 and (low + k + 1) * CELL < way.floor[i]
            for f in range(3):
                best = np.inf
                if not sunk and (dry or f != OPEN):
                    for q in range(max(k - reach[OPEN], 0), min(k + reach[OPEN] + 1, count)):
                        if f == OPEN:
                            metre = (before[q] + price[k]) / 2
                        elif abs(k - q) > reach[f]:
                            metre = DENIED
                        else:
                            metre = built[q + k, f - 1]
                        best = min(best, into[q, f] + metre * run)
                fresh[k, f] = best
        cost, fresh = fresh, cost
    best = np.inf
    for k in range(max(ends[1] - low - 1, 0), min(ends[1] - low + 2, count)):
        for f in range(3):
            best = min(best, cost[k, f] + tips[f, OPEN])
    return best


def price_of(
    way: Way,
    run: float,
    level: NDArray[np.float64],
    forms: tuple[NDArray[np.int8], NDArray[np.bool_]],
    p: Prices,
) -> float:
    """
    Price a grade line with its forms as the bill does, haul left out.

    Parameters
    ----------
    way
        The plan on the ground.
    run
        Distance between its stations [m].
    level
        Level of the road at each, shape (n,) [m above datum].
    forms
        Form of each interval and whether it is beyond its limits, from
        `formation.forms`, both of shape (n - 1,).
    p
        Cross section and base prices.

    Returns
    -------
    price
        Direct cost at base prices, ends of structures among it; `DENIED` for each
        metre that is beyond the limits of its form.
    """
    form, denied = forms
    height = level - way.ground
    at = formation.by_form(height, way.slope, p)[:, OPEN] * way.dearer
    middle = formation.by_form(
        (height[:-1] + height[1:]) / 2, (way.slope[:-1] + way.slope[1:]) / 2, p
    )
    middle[:, OPEN] = (at[:-1] + at[1:]) / 2
    paid = middle[np.arange(form.size), form]
    tips = np.concatenate(([OPEN], form, [OPEN]))
    change = np.flatnonzero(np.diff(tips))
    ends = sum(formation.end_price(int(tips[i]), int(tips[i + 1]), p) for i in change)
    return float(np.where(denied, DENIED, paid).sum() * run + ends)


def least_price(
    way: Way,
    run: float,
    ends: tuple[float, float],
    *,
    standard: DesignStandard,
    prices: Prices,
) -> float:
    """
    Bound the price of every grade line on a plan from below.

    Parameters
    ----------
    way
        The plan on the ground.
    run
        Distance between its stations [m].
    ends
        Levels at the first and the last station [m above datum].
    standard
        Greatest grades on open road, bridges and in tunnels.
    prices
        Cross section and base prices.

    Returns
    -------
    price
        No grade line within the standard between the two levels, in whichever
        forms, has a lower direct cost at base prices, haul left out; infinite where
        none joins the two.
    """
    every = np.concatenate((way.ground, np.asarray(ends)))
    low = int(np.floor((float(every.min()) - MARGIN) / CELL))
    high = int(np.ceil((float(every.max()) + MARGIN) / CELL))
    reach = [
        int(grade * run / CELL + 1 + 1e-9)
        for grade in (standard.grade, standard.grade_bridge, standard.grade_tunnel)
    ]
    return float(
        _dynamic(
            way,
            run,
            (round(ends[0] / CELL), round(ends[1] / CELL)),
            (reach[0], reach[1], reach[2]),
            low,
            high - low + 1,
            prices,
        )
    )
