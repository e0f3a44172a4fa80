"""
A first grade line for a plan, by dynamic programming over places and levels of PVIs.

PVIs may stand only where a vertical curve has room between clothoids. Earth has
one price for cut and one for fill, since its balance over the whole road cannot
be seen along the way; the caller tries several.
"""

# Compiled functions take plain numbers and arrays, and calls between them cost seconds to compile.
# ruff: noqa: C901, FBT001, PLR0912, PLR0913, PLR0915, PLR0917

from math import sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.mountain import layout
from benchmarks.mountain.problem import Problem
from benchmarks.mountain.refine import Shape
from benchmarks.mountain.sections import height, quick

STATION = 30.0
"""Distance between sections [m]."""
STAND = 75.0
"""Distance between places where a PVI may stand, at most [m]."""
ROOM = 12.0
"""Least distance of a PVI from a clothoid [m]."""
LEVELS = 12
"""Levels of a PVI that are tried at each place."""
BINS = 48
"""Intervals of height in the tables of section costs."""
LABELS = 4
"""Ways kept to each PVI that arrive in different grades."""
LONGEST = 1400.0
"""Longest straight run between two PVIs, unless the rules ask for more [m]."""
OVER = 6.0
"""PVIs stand this much beyond great cuts and fills, as their curves cut the corner [m]."""


@njit(cache=True, nogil=True, error_model="numpy")
def tabulate(
    stations: NDArray[np.float64],
    terms: NDArray[np.float64],
    shape: NDArray[np.float64],
    form: NDArray[np.float64],
    prices: NDArray[np.float64],
    low: float,
    step: float,
    ground: NDArray[np.float64],
    table: NDArray[np.float64],
) -> None:
    """
    Section quantities by station and height of the road above the ground.

    `stations` are those of `layout.places`.
    `ground` receives levels, shape (k,); `table` v1, v2, f and cost of land,
    clearing and toes beyond their limit per metre, shape (k, bins + 1, 4).
    """
    one = np.empty(5)
    for i in range(stations.shape[0]):
        x, y, ux, uy = stations[i, 0], stations[i, 1], stations[i, 2], stations[i, 3]
        ground[i] = height(terms, shape[0], shape[1], x, y)
        off = max(shape[2] - x, x - shape[3], shape[4] - y, y - shape[5])
        for j in range(table.shape[1]):
            z = ground[i] + low + j * step
            quick(terms, shape[0], shape[1], form, x, y, ux, uy, z, one)
            wide = 2.0 * form[0] + one[3] + one[4]
            cost = prices[0] * (wide + prices[1]) + prices[2] * wide
            for side in range(3, 5):
                over = one[side] - form[3]
                if over > 0.0:
                    cost += layout.PENALTY * (over * over if over < 1.0 else 2.0 * over - 1.0)
            if off > 0.0:
                cost += layout.PENALTY * off
            table[i, j, 0] = one[0]
            table[i, j, 1] = one[1]
            table[i, j, 2] = one[2]
            table[i, j, 3] = cost


@njit(cache=True, nogil=True, error_model="numpy")
def line_up(
    length: float,
    levels: NDArray[np.float64],
    stand: NDArray[np.float64],
    room: NDArray[np.float64],
    offsets: NDArray[np.float64],
    ground: NDArray[np.float64],
    cost: NDArray[np.float64],
    low: float,
    step: float,
    rules: NDArray[np.float64],
    per_metre: float,
    longest: float,
    chosen: NDArray[np.int64],
) -> tuple[float, int]:
    """
    Cheapest chain of PVIs.

    Parameters
    ----------
    length, levels
        Length of the plan and the levels of its ends [m].
    stand, room
        Chainages of the ends and of all places for PVIs between, shape (p,) [m],
        and the distance from there to the nearest clothoid [m].
    offsets
        Heights over the ground that are tried [m].
    ground, cost, low, step
        Level of the ground by station, cost per metre by station and height.
    rules, per_metre, longest
        Rules; cost of a metre of sloped length; greatest run [m].
    chosen
        Receives place and offset of each PVI, shape (p, 2).

    Returns
    -------
    cost, count
        Cost, infinite where there is no chain, and number of PVIs.
    """
    places = stand.shape[0]
    tried = offsets.shape[0]
    count = ground.shape[0] - 1
    apart = length / count
    # Plain loops over scalars: they compile in a fraction of the time of slices.
    best = np.empty((places, tried, LABELS))
    grade = np.zeros((places, tried, LABELS))
    clear = np.zeros((places, tried, LABELS))
    back = np.zeros((places, tried, LABELS), np.int64)
    for p in range(places):
        for q in range(tried):
            for w in range(LABELS):
                best[p, q, w] = np.inf
    z = np.empty((places, tried))
    for p in range(places):
        f = stand[p] / apart
        i = min(int(f), count - 1)
        g = ground[i] + (ground[i + 1] - ground[i]) * (f - i)
        for q in range(tried):
            z[p, q] = g + offsets[q]
    z[0, 0], z[places - 1, 0] = levels[0], levels[1]
    best[0, 0, 0] = 0.0
    clear[0, 0, 0] = 1e9
    top = cost.shape[1] - 1
    for b in range(1, places):
        last = b == places - 1
        for a in range(b):
            run = stand[b] - stand[a]
            if run > longest or (run < rules[8] and not (a == 0 and last)):
                continue
            i0 = int(np.ceil(stand[a] / apart - 0.5))
            i1 = int(np.ceil(stand[b] / apart - 0.5))
            for q in range(1 if a == 0 else tried):
                if best[a, q, 0] == np.inf:
                    continue
                for r in range(1 if last else tried):
                    g = (z[b, r] - z[a, q]) / run
                    if abs(g) < rules[0] or abs(g) > rules[1]:
                        continue
                    total = per_metre * run * sqrt(1.0 + g * g)
                    for i in range(i0, i1):
                        over = z[a, q] + g * ((i + 0.5) * apart - stand[a])
                        f = (over - 0.5 * (ground[i] + ground[i + 1]) - low) / step
                        if f < 0.0:
                            total += apart * (cost[i, 0] - 2e3 * f * step)
                        elif f >= top:
                            total += apart * (cost[i, top] + 2e3 * (f - top) * step)
                        else:
                            j = int(f)
                            total += apart * (cost[i, j] + (cost[i, j + 1] - cost[i, j]) * (f - j))
                    for w in range(LABELS):
                        if best[a, q, w] == np.inf:
                            break
                        half = 0.0
                        if a > 0:
                            half = 0.5 * rules[9] * abs(g - grade[a, q, w])
                            if half > room[a] or clear[a, q, w] - half < rules[8]:
                                continue
                        left = run - half
                        if left < rules[8] and not (a == 0 and last):
                            continue
                        new = best[a, q, w] + total
                        # One label a grade (to 1 %), dearest out.
                        spot = LABELS - 1
                        for t in range(LABELS):
                            if best[b, r, t] == np.inf or abs(grade[b, r, t] - g) < 0.01:
                                spot = t
                                break
                        if new < best[b, r, spot]:
                            t = spot
                            while t > 0 and best[b, r, t - 1] > new:
                                best[b, r, t] = best[b, r, t - 1]
                                grade[b, r, t] = grade[b, r, t - 1]
                                clear[b, r, t] = clear[b, r, t - 1]
                                back[b, r, t] = back[b, r, t - 1]
                                t -= 1
                            best[b, r, t] = new
                            grade[b, r, t] = g
                            clear[b, r, t] = left
                            back[b, r, t] = (a * tried + q) * LABELS + w
    found = best[places - 1, 0, 0]
    if found == np.inf:
        return found, 0
    p, q, w = places - 1, 0, 0
    number = 0
    while p > 0:
        k = back[p, q, w]
        w = k % LABELS
        q = k // LABELS % tried
        p = k // (LABELS * tried)
        if p > 0:
            chosen[number, 0] = p
            chosen[number, 1] = q
            number += 1
    return found, number


def marginal(problem: Problem) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Prices of a cubic metre of v1, v2 and f where cut is left over, and where fill is short."""
    out = []
    for v1, v2, f in ((2e4, 1e4, 1e4), (1e4, 1e4, 4e4)):
        at = layout.bill(v1, v2, f, problem.prices, 0.0)[0]
        out.append(
            (
                layout.bill(v1 + 1, v2, f, problem.prices, 0.0)[0] - at,
                layout.bill(v1, v2 + 1, f, problem.prices, 0.0)[0] - at,
                layout.bill(v1, v2, f + 1, problem.prices, 0.0)[0] - at,
            )
        )
    return out[0], out[1]


def first_line(
    problem: Problem, corners: int, head: bool, plan: NDArray[np.float64], mixes: tuple[float, ...]
) -> list[tuple[Shape, NDArray[np.float64]]]:
    """
    Grade lines for a plan.

    Parameters
    ----------
    problem
        The problem.
    corners, head
        Shape of the plan.
    plan
        Places of the PIs and radii, shape (3 n,) [m].
    mixes
        Prices of earth to try: 0 where cut is left over, 1 where fill is short.

    Returns
    -------
    roads
        Shape and numbers, one a mix where there is any.
    """
    rules = problem.rules
    clothoid = float(rules[3])
    pieces = np.empty((4 * corners + 1, 7))
    length = layout.lay(plan, corners, problem.ends, clothoid, pieces)
    stand, room, slots, begins = _places(pieces, length, head, clothoid)
    form = problem.form
    low = -0.8 * form[3] * form[1] - OVER
    high = 0.8 * form[3] * form[2] + OVER
    step = (high - low) / BINS
    count = max(int(np.ceil(length / STATION)), 4)
    stations = np.empty((count + 1, 6))
    layout.places(pieces, length, count, stations)
    ground, table = np.empty(count + 1), np.empty((count + 1, BINS + 1, 4))
    tabulate(
        stations, problem.terms, problem.shape, form, problem.prices, low, step,
        ground, table,
    )  # fmt: skip
    mean = 0.5 * (table[:-1] + table[1:])
    spare, short = (np.array(each) for each in marginal(problem))
    offsets = np.linspace(low, high, LEVELS)
    chosen = np.empty((stand.size, 2), np.int64)
    per_metre = float(problem.prices[3] + problem.prices[4])
    out: list[tuple[Shape, NDArray[np.float64]]] = []
    for mix in mixes:
        earth = (1 - mix) * spare + mix * short
        cost = np.ascontiguousarray(mean[..., :3] @ earth + mean[..., 3])
        found, number = line_up(
            length, problem.ends[4:], stand, room, offsets, ground, cost, low,
            step, rules, per_metre, max(LONGEST, 4 * rules[8]), chosen,
        )  # fmt: skip
        if not np.isfinite(found):
            continue
        picked = chosen[:number][::-1]
        at = np.interp(stand[picked[:, 0]], np.linspace(0, length, count + 1), ground)
        z = at + offsets[picked[:, 1]]
        levels = np.concatenate(([problem.ends[4]], z, [problem.ends[5]]))
        shape = Shape(
            corners,
            head,
            tuple(int(slots[p]) for p in picked[:, 0]),
            tuple(1 if rise >= 0 else -1 for rise in np.diff(levels)),
        )
        u = stand[picked[:, 0]] - begins[picked[:, 0]]
        out.append((shape, np.concatenate((plan[: 3 * corners], u, z))))
    return out


def _places(
    pieces: NDArray[np.float64], length: float, head: bool, clothoid: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Chainages where PVIs may stand, with the ends; their room, slots and starts of slots."""
    starts = np.concatenate(([0.0], np.cumsum(np.maximum(pieces[:, 0], 0.0))))
    spans = (
        [(k // 2, starts[k], starts[k + 1]) for k in range(0 if head else 2, len(pieces), 2)]
        if clothoid > 0
        else [(-1, 0.0, length)]
    )
    rows = [(0.0, 0.0, -2, 0.0)]
    for slot, begin, end in spans:
        inside = end - begin - 2 * ROOM
        if inside <= 0:
            continue
        number = int(np.ceil(inside / STAND)) + 1
        rows += [
            (s, min(s - begin, end - s), slot, begin)
            for s in np.linspace(begin + ROOM, end - ROOM, number)
        ]
    rows.append((length, 0.0, -2, 0.0))
    s, room, slots, begins = (np.array(column) for column in zip(*rows, strict=True))
    return s, room, slots.astype(np.int64), begins
