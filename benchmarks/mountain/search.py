"""
The search over shapes: roads are changed at random, refined, and the best kept.

What is changed, and in which order results are taken up, depends on the seed
alone, so the same amount of work gives the same road on every machine.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from benchmarks.mountain.finish import Refused, Solution, finish
from benchmarks.mountain.lattice import corners, corridors
from benchmarks.mountain.problem import Problem
from benchmarks.mountain.profile import first_line
from benchmarks.mountain.refine import Road, Shape, refine
from realign.errors import NoRouteError
from realign.geometry.horizontal import deflections

AHEAD = 4
"""Roads under way at a time, whatever the number of threads."""
KEPT = 10
"""Roads from which others are made."""
ALIKE_MOST, CORNERS_MOST = 2, 4
"""Of those, roads of the same shape and of the same number of PIs."""
ALIKE = 2e-5
"""Roads of one shape whose costs differ by less than this share are the same."""
CORRIDORS = 8
"""Corridors of the lattice that are followed."""
COARSE = (260.0, 140.0, 80.0)
"""How far PIs may leave a corridor [m]."""
MOST = 9
"""A corridor gets fewer PIs than this."""
RANDOM = 6
"""First plans at random besides those of corridors, and a quarter of them where there are none."""
RANK = 2.5
"""Mean rank of the road that is changed next [-]."""
BEGINNING = 0.5
"""Share of the time after which no further plan is begun, if there is any road [-]."""
STEPS = 60
"""Steps of a first refinement."""
NEAR = 1.006
"""Roads within this factor of the best are refined further."""
FINISHED, SPARE = 2, 6
"""Roads that are finished on exact sections, and how many where none of them keeps all rules."""
MORE = 120
"""Steps of that refinement."""

Start = tuple[Shape, NDArray[np.float64]]


@dataclass
class Pool:
    """The best roads so far."""

    roads: list[Road] = field(default_factory=list)
    """Cheapest first."""
    nearest: Road | None = None
    """The road that breaks rules least, while there is no legal one."""

    @property
    def parents(self) -> list[Road]:
        """Roads to make others from: the legal ones, or the nearest to that."""
        return self.roads or [each for each in (self.nearest,) if each is not None]

    def add(self, road: Road) -> bool:
        """Take up a legal road; whether it is the best."""
        if not road.legal:
            if self.nearest is None or road.broken < self.nearest.broken:
                self.nearest = road
            return False
        for other in self.roads:
            if other.shape == road.shape and abs(other.price / road.price - 1) < ALIKE:
                if road.price >= other.price:
                    return False
                self.roads.remove(other)
                break
        best = not self.roads or road.price < self.roads[0].price
        self.roads.append(road)
        self.roads.sort(key=lambda each: each.price)
        # Different roads find different improvements: not too many of a kind.
        for kind, most in (
            (lambda r: r.shape, ALIKE_MOST),
            (lambda r: r.shape.corners, CORNERS_MOST),
        ):
            same = [each for each in self.roads if kind(each) == kind(road)]
            if len(same) > most:
                self.roads.remove(same[-1])
        del self.roads[KEPT:]
        return best


def radii(problem: Problem, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radii for PIs, shape (n, 2), that leave room for the shortest arc."""
    turns = np.abs(deflections(np.vstack((problem.ends[:2], points, problem.ends[2:4]))))
    least = problem.rules[2] + 1.0
    need = 1.05 * (problem.rules[3] + problem.rules[4]) / np.maximum(turns, 0.03)
    return np.maximum(least, need)


def with_lines(
    problem: Problem, points: NDArray[np.float64], mixes: tuple[float, ...], *, head: bool = True
) -> list[Start]:
    """Roads through PIs, with the grade lines that suit them."""
    plan = np.concatenate((points.ravel(), radii(problem, points)))
    return first_line(problem, len(points), head, plan, mixes)


def run(starts: Iterator[Callable[[], list[Road]]], pool: Pool, workers: int) -> None:
    """Work off starts in order, a few ahead."""
    with ThreadPoolExecutor(workers) as threads:
        under_way: deque[Future[list[Road]]] = deque()
        for start in starts:
            under_way.append(threads.submit(start))
            if len(under_way) >= AHEAD:
                for road in under_way.popleft().result():
                    pool.add(road)
        while under_way:
            for road in under_way.popleft().result():
                pool.add(road)


def improved(problem: Problem, starts: list[Start], bar: float) -> list[Road]:
    """Refine starts, those near the bar for longer."""
    out = []
    for shape, v in starts:
        road = refine(problem, shape, v, steps=STEPS)
        if road.price < bar * NEAR and road.broken < 0.1 and road.steps >= STEPS - 1:
            road = refine(problem, shape, road.v, steps=MORE)
        out.append(road)
    return out


def changed(problem: Problem, road: Road, rng: np.random.Generator) -> list[Start]:
    """Another road, made from one by a change of shape."""
    shape = road.shape
    n, m = shape.corners, len(shape.slots)
    points = road.v[: 2 * n].reshape(-1, 2)
    r, u, z = road.v[2 * n : 3 * n], road.v[3 * n : 3 * n + m], road.v[3 * n + m :]
    mix = (float(rng.choice([0.0, 0.25, 0.5, 0.75, 1.0])),)
    kind = rng.random()
    if kind < 0.12:
        return first_line(problem, n, shape.head, road.v[: 3 * n], mix)
    if kind < 0.22 and n > 1:
        return with_lines(problem, np.delete(points, rng.integers(n), axis=0), mix, head=shape.head)
    if kind < 0.34:
        i = int(rng.integers(n + 1))
        line = np.vstack((problem.ends[:2], points, problem.ends[2:4]))
        a, b = line[i], line[i + 1]
        side = np.array([a[1] - b[1], b[0] - a[0]]) * rng.normal(0, 0.12)
        new = a + (b - a) * rng.uniform(0.3, 0.7) + side
        return with_lines(problem, np.insert(points, i, new, axis=0), mix, head=shape.head)
    if kind < 0.52:
        moved = points.copy()
        moved[rng.integers(n)] += rng.normal(0, float(rng.choice([60.0, 200.0])), 2)
        return with_lines(problem, moved, mix, head=shape.head)
    if kind < 0.60:
        return first_line(problem, n, not shape.head, road.v[: 3 * n], mix)
    return [_regraded(problem, road, u, z, r, rng)]


def _regraded(
    problem: Problem,
    road: Road,
    u: NDArray[np.float64],
    z: NDArray[np.float64],
    r: NDArray[np.float64],
    rng: np.random.Generator,
) -> Start:
    """Keep the plan, with a PVI more, a PVI less, or one in another slot."""
    shape = road.shape
    n, m = shape.corners, len(shape.slots)
    slots, signs = list(shape.slots), list(shape.signs)
    u, z = u.copy(), z.copy()
    kind = rng.random()
    divided = problem.rules[3] > 0
    if m and kind < 0.3:
        j = int(rng.integers(m))
        del slots[j]
        u, z = np.delete(u, j), np.delete(z, j)
        del signs[j if rng.random() < 0.5 else j + 1]
    elif m and kind < 0.6 and divided:
        j = int(rng.integers(m))
        step = int(rng.choice([-1, 1]))
        low = 0 if shape.head else 1
        slots[j] = min(max(slots[j] + step, low), 2 * n)
        u[j] = 60.0 if step > 0 else 150.0
        order = np.argsort(slots, kind="stable")
        slots = [slots[k] for k in order]
        u, z = u[order], z[order]
    elif kind < 0.75:
        j = int(rng.integers(m + 1))
        signs[j] = -signs[j]
    else:
        j = int(rng.integers(m + 1))
        low = slots[j - 1] if j > 0 else (0 if shape.head else 1)
        high = slots[j] if j < m else 2 * n
        slot = int(rng.integers(low, high + 1)) if divided else -1
        before = z[j - 1] if j > 0 else problem.ends[4]
        after = z[j] if j < m else problem.ends[5]
        slots.insert(j, slot)
        signs.insert(j, signs[j])
        u = np.insert(u, j, rng.uniform(50, 250))
        z = np.insert(z, j, 0.5 * (before + after))
    made = Shape(n, shape.head, tuple(slots), tuple(signs))
    return made, np.concatenate((road.v[: 2 * n], r, u, z))


def mutate(
    problem: Problem, pool: Pool, *, number: int, seed: int, workers: int, deadline: float
) -> int:
    """Change the roads of a pool a number of times; return how often it was done."""
    done = 0

    def starts() -> Iterator[Callable[[], list[Road]]]:
        nonlocal done
        for k in range(number):
            if perf_counter() > deadline:
                return
            rng = np.random.default_rng((seed, k))
            if not pool.parents:
                return
            rank = min(int(rng.exponential(RANK)), len(pool.parents) - 1)
            parent, bar = pool.parents[rank], pool.parents[0].price
            done += 1
            if k % 50 == 0:
                print(
                    f"{k} changes, best {bar:,.0f}, {process_time():.0f} s of work", file=sys.stderr
                )
            yield lambda parent=parent, bar=bar, rng=rng: improved(
                problem, changed(problem, parent, rng), bar
            )

    run(starts(), pool, workers)
    return done


def first_starts(problem: Problem, seed: int) -> list[NDArray[np.float64]]:
    """PIs to begin with: of the corridors at several scales, then of a few lines at random."""
    out: list[NDArray[np.float64]] = []
    for line in corridors(problem, number=CORRIDORS):
        numbers = []
        for coarse in COARSE:
            for n in range(1, MOST):
                if corners(line, n)[1] <= coarse:
                    numbers.append(n)
                    break
        out += [corners(line, n)[0] for n in dict.fromkeys(numbers)]
    a, b = problem.ends[:2], problem.ends[2:4]
    rng = np.random.default_rng((seed, 0))
    for i in range(RANDOM if out else 4 * RANDOM):
        n = 1 + i % 5
        t = np.linspace(0, 1, n + 2)[1:-1, None]
        spread = 0.05 + 0.15 * rng.random()
        out.append(a + t * (b - a) + rng.normal(0, spread * np.hypot(*(b - a)), (n, 2)))
    out.append(np.empty((0, 2)))
    return out


def solve(
    problem: Problem,
    *,
    changes: int,
    seed: int = 1,
    workers: int = 2,
    deadline: float = inf,
    plans: int | None = None,
) -> Solution:
    """
    Find a road.

    Parameters
    ----------
    problem
        The problem.
    changes
        How often the best roads are changed and refined anew.
    seed
        Seed of the changes.
    workers
        Threads; they leave the answer as it is.
    deadline
        Reading of the clock after which no change is begun; only a machine too
        slow for its work meets it, and only then does the answer hang on time [s].
    plans
        Greatest number of plans to begin with, all where not given.

    Returns
    -------
    solution
        A road that keeps all rules.

    Raises
    ------
    realign.errors.NoRouteError
        Where no road was found that keeps all rules; the message names those
        that the nearest one breaks.
    """
    pool = Pool()
    halfway = perf_counter() + BEGINNING * (deadline - perf_counter())
    points = first_starts(problem, seed)[:plans]
    print(f"{len(points)} first plans", file=sys.stderr)

    def starts() -> Iterator[Callable[[], list[Road]]]:
        for each in points:
            if pool.roads and perf_counter() > halfway:
                return
            bar = pool.roads[0].price if pool.roads else 0.0
            yield lambda each=each, bar=bar: improved(
                problem, with_lines(problem, each, (0.3, 0.8)), bar
            )

    run(starts(), pool, workers)
    mutate(problem, pool, number=changes, seed=seed, workers=workers, deadline=deadline)
    with ThreadPoolExecutor(workers) as threads:
        done = list(threads.map(lambda road: finish(problem, road), pool.parents[:FINISHED]))
    for road in pool.parents[FINISHED:SPARE]:
        if any(isinstance(each, Solution) for each in done):
            break
        done.append(finish(problem, road))
    kept = [each for each in done if isinstance(each, Solution)]
    if not kept:
        raise _no_route(problem, [each for each in done if isinstance(each, Refused)])
    return min(kept, key=lambda each: each.cost["total"])


def _no_route(problem: Problem, tried: list[Refused]) -> NoRouteError:
    a, b = problem.ends[:2], problem.ends[2:4]
    climb = abs(problem.ends[5] - problem.ends[4])
    named = tried[0].broken if tried else ("no road could be laid out at all",)
    return NoRouteError(
        f"no road of {np.hypot(*(b - a)):.0f} m as the crow flies and {climb:.1f} m of climb keeps "
        f"all rules; the nearest one found breaks {', '.join(named)}"
    )
