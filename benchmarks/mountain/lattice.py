"""
Corridors: cheapest chains of 300-m moves over places, headings and levels.

A relaxed road is a chain of moves between nodes of a grid in sixteen headings,
which turns no faster than the radius lets it and climbs no steeper than the
rules; what a metre costs comes from closed forms on level ground. A tree of
cheapest chains from either end gives the cheapest chain through every node, and
so other corridors besides the best one.
"""

# Compiled functions take plain numbers and arrays, and calls between them cost seconds to compile.
# ruff: noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917

from itertools import pairwise
from math import hypot, pi

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.mountain.problem import Problem
from benchmarks.mountain.profile import marginal
from benchmarks.mountain.sections import height

NODES = 50
"""Nodes along the longer side of the domain."""
HEADINGS = 16
"""Headings; a move goes two or three nodes far."""
RING = ((3, 0), (3, 1), (2, 2), (1, 3))
"""Moves of the first quarter, in nodes."""
LEVELS = 11
"""Heights over the ground that a node has."""
DEARER = 1.3
"""Chains are followed up to this factor of the best."""
APART = 300.0
"""A corridor of its own has a node at least this far from those taken before [m]."""


@njit(cache=True, nogil=True, error_model="numpy")
def reach(
    ground: NDArray[np.float64],
    moves: NDArray[np.int64],
    run: NDArray[np.float64],
    turns: NDArray[np.int64],
    offsets: NDArray[np.float64],
    flat: int,
    grade: float,
    price: NDArray[np.float64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    dearer: float,
    cost: NDArray[np.float64],
    back: NDArray[np.int32],
) -> float:
    """
    Tree of cheapest chains from a node.

    Parameters
    ----------
    ground
        Level of the ground at every half node, shape (2 nx - 1, 2 ny - 1) [m].
    moves, run
        Steps of each heading in nodes, shape (16, 2), and their lengths [m].
    turns
        Whether one heading may follow another, shape (16, 16).
    offsets, flat
        Heights over the ground [m]; which of them is 0.
    grade
        Greatest grade [-].
    price
        Half width [m], cost of a metre on the ground; tangents and cost of a
        cubic metre of cut and of fill; cost of a square metre of footprint.
    begin, end
        Node of the start and of the goal.
    dearer
        Chains are followed up to this factor of the cheapest to the goal.
    cost, back
        Receive cost and the state before, by state, which counts level fastest,
        then heading, y, x.

    Returns
    -------
    cost
        Of the goal, infinite where it is out of reach.
    """
    ny = (ground.shape[1] + 1) // 2
    nx = (ground.shape[0] + 1) // 2
    states = cost.shape[0]
    heap = np.empty(states, np.int64)
    where = np.empty(states, np.int64)
    for i in range(states):
        cost[i] = np.inf
        where[i] = -1
        back[i] = -1
    held = 0
    goal = np.inf
    levels = offsets.shape[0]
    for h in range(16):
        i = ((begin[0] * ny + begin[1]) * 16 + h) * levels + flat
        cost[i] = 0.0
        heap[held] = i
        where[i] = held
        held += 1
    while held > 0:
        top = heap[0]
        held -= 1
        where[top] = -2
        if held > 0:
            moved = heap[held]
            i = 0
            while True:
                j = 2 * i + 1
                if j >= held:
                    break
                if j + 1 < held and cost[heap[j + 1]] < cost[heap[j]]:
                    j += 1
                if cost[heap[j]] >= cost[moved]:
                    break
                heap[i] = heap[j]
                where[heap[i]] = i
                i = j
            heap[i] = moved
            where[moved] = i
        here = cost[top]
        if here > dearer * goal:
            break
        level = top % levels
        heading = top // levels % 16
        node = top // (levels * 16)
        x, y = node // ny, node % ny
        if x == end[0] and y == end[1] and level == flat and here < goal:
            goal = here
        z0 = ground[2 * x, 2 * y] + offsets[level]
        for h in range(16):
            if turns[heading, h] == 0 and top >= 0 and here > 0.0:
                continue
            px, py = x + moves[h, 0], y + moves[h, 1]
            if px < 0 or py < 0 or px >= nx or py >= ny:
                continue
            g1 = ground[2 * px, 2 * py]
            gm = ground[x + px, y + py]
            for k in range(levels):
                z1 = g1 + offsets[k]
                if abs(z1 - z0) > grade * run[h]:
                    continue
                to = ((px * ny + py) * 16 + h) * levels + k
                if where[to] == -2:
                    continue
                total = 0.0
                for part in range(3):
                    over = 0.5 * (z0 + z1) - gm
                    weight = 4.0
                    if part == 0:
                        over = offsets[level]
                        weight = 1.0
                    elif part == 2:
                        over = offsets[k]
                        weight = 1.0
                    size = abs(over)
                    face = price[2] if over < 0.0 else price[3]
                    earth = price[4] if over < 0.0 else price[5]
                    wide = 2.0 * size / face
                    total += weight * (
                        price[1] + price[6] * wide + earth * size * (2.0 * price[0] + size / face)
                    )
                new = here + run[h] * total / 6.0
                if new < cost[to] and new <= dearer * goal:
                    cost[to] = new
                    back[to] = top
                    i = where[to]
                    if i < 0:
                        i = held
                        held += 1
                    while i > 0:
                        j = (i - 1) // 2
                        if cost[heap[j]] <= new:
                            break
                        heap[i] = heap[j]
                        where[heap[i]] = i
                        i = j
                    heap[i] = to
                    where[to] = i
    return goal


def corridors(problem: Problem, *, number: int) -> list[NDArray[np.float64]]:
    """
    Corridors between the ends, the cheapest first.

    Returns
    -------
    lines
        Places from A to B, each of shape (k, 2) [m]; none where the lattice does
        not reach from end to end.
    """
    west, east, south, north = problem.shape[2:6]
    cell = max(east - west, north - south) / (NODES - 1)
    nx, ny = int((east - west) / cell) + 1, int((north - south) / cell) + 1
    ground = np.array(
        [
            [
                height(
                    problem.terms, problem.shape[0], problem.shape[1],
                    west + 0.5 * i * cell, south + 0.5 * j * cell,
                )
                for j in range(2 * ny - 1)
            ]
            for i in range(2 * nx - 1)
        ]
    )  # fmt: skip
    quarter = np.array(RING)
    turned = np.array([[0, 1], [-1, 0]])
    moves = np.vstack([quarter @ np.linalg.matrix_power(turned, q) for q in range(4)])
    run = cell * np.hypot(moves[:, 0], moves[:, 1])
    bearing = np.arctan2(moves[:, 1], moves[:, 0])
    turn = np.abs((bearing[:, None] - bearing[None, :] + pi) % (2 * pi) - pi)
    most = max((float(run.min()) - 0.5 * float(problem.rules[3])) / float(problem.rules[2]), 0.5)
    turns = (turn <= min(most, 2.0)).astype(np.int64)
    form = problem.form
    low, high = -0.7 * form[3] * form[1], 0.7 * form[3] * form[2]
    below = LEVELS * low / (low - high)
    flat = min(max(round(below), 1), LEVELS - 2)
    offsets = np.concatenate(
        (np.linspace(low, 0, flat + 1), np.linspace(0, high, LEVELS - flat)[1:])
    )
    spare, short = marginal(problem)
    prices = problem.prices
    foot = prices[0] + prices[2]
    price = np.array(
        [
            form[0],
            prices[3] + prices[4] + foot * 2 * form[0],
            form[1],
            form[2],
            max(0.5 * (spare[1] + short[1]), 0.5),
            max(0.5 * (spare[2] + short[2]), 0.5),
            foot,
        ]
    )
    origin = np.array([west, south])
    ends = [
        np.clip(np.round((problem.ends[i : i + 2] - origin) / cell), 0, (nx - 1, ny - 1)).astype(
            np.int64
        )
        for i in (0, 2)
    ]
    size = nx * ny * HEADINGS * LEVELS
    trees = []
    for begin, end in (ends, ends[::-1]):
        cost, back = np.empty(size), np.empty(size, np.int32)
        goal = reach(
            ground, moves, run, turns, offsets, flat, float(problem.rules[1]), price, begin, end,
            DEARER, cost, back,
        )  # fmt: skip
        if not np.isfinite(goal):
            return []
        trees.append((cost.reshape(nx, ny, HEADINGS, LEVELS), back))
    (ahead, to_a), (behind, to_b) = trees
    # A chain from B comes along against its heading.
    through = ahead + behind[:, :, (np.arange(HEADINGS) + 8) % HEADINGS, :]
    best = through.reshape(nx, ny, -1).min(axis=2)
    where = through.reshape(nx, ny, -1).argmin(axis=2)
    free = np.isfinite(best) & (best < DEARER * best.min())
    places = np.stack(np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij"), axis=-1) * cell
    out = []
    while free.any() and len(out) < number:
        x, y = np.unravel_index(np.where(free, best, np.inf).argmin(), best.shape)
        heading, level = divmod(int(where[x, y]), LEVELS)
        node = int(x) * ny + int(y)
        first = _chain(to_a, (node * HEADINGS + heading) * LEVELS + level, ny)[::-1]
        second = _chain(to_b, (node * HEADINGS + (heading + 8) % HEADINGS) * LEVELS + level, ny)
        line = np.array(first + second[1:]) * cell
        for place in line:
            free &= np.hypot(places[..., 0] - place[0], places[..., 1] - place[1]) > APART
        free[x, y] = False
        line = line + origin
        line[0], line[-1] = problem.ends[:2], problem.ends[2:4]
        if len(line) > 2:
            out.append(line)
    return out


def _chain(back: NDArray[np.int32], state: int, ny: int) -> list[tuple[int, int]]:
    """Nodes from a state to the root of its tree."""
    out = []
    while state >= 0:
        node = state // (HEADINGS * LEVELS)
        out.append((node // ny, node % ny))
        state = int(back[state])
    return out


def corners(line: NDArray[np.float64], number: int) -> tuple[NDArray[np.float64], float]:
    """
    PIs of a corridor: its places less those that turn it least.

    Returns
    -------
    points, off
        Shape (number, 2) [m], and the greatest distance of a place that was left
        out from the line through the PIs [m].
    """
    kept = list(range(len(line)))
    while len(kept) > number + 2:
        areas = [
            abs(
                (line[b][0] - line[a][0]) * (line[c][1] - line[a][1])
                - (line[c][0] - line[a][0]) * (line[b][1] - line[a][1])
            )
            for a, b, c in zip(kept, kept[1:], kept[2:], strict=False)
        ]
        del kept[int(np.argmin(areas)) + 1]
    off = 0.0
    for a, b in pairwise(kept):
        along = line[b] - line[a]
        size = max(hypot(*along), 1.0)
        for place in line[a + 1 : b]:
            off = max(
                off,
                abs(along[0] * (place[1] - line[a][1]) - along[1] * (place[0] - line[a][0])) / size,
            )
    return line[kept[1:-1]], off
