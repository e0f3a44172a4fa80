"""
The grade line of a horizontal alignment: levels, forms of road and PVIs.

Two steps. A dynamic program over levels, grades and forms chooses where the
road is open, on a bridge or in a tunnel. With the forms settled, a linear
program places the PVIs at the least price within grade and curvature.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from scipy.optimize import linprog

from realign import formation
from realign.errors import NoRouteError
from realign.formation import BRIDGE, DENIED, OPEN, TUNNEL, Formation, Prices
from realign.geometry.alignment import Alignment, Plan, ground_under
from realign.geometry.vertical import Grades
from realign.settings import Settings
from realign.standards import DesignStandard
from realign.terrain import Terrain

LOW = -1.0e4
"""Level that stands for "any will do" [m]; finite, so that levels between stations are."""
CLASS = 0.05
"""Width of a class of cross slope for the linear program [m/m]."""
HEIGHTS = np.arange(-45.0, 31.0, 2.5)
"""Heights over ground at which the price of open road is read for the linear program [m]."""


class Line(Settings):
    """The table `[profile]`: how finely the grade line is laid."""

    step_m: float = Field(default=50.0, gt=0)
    """Distance between stations of the dynamic program [m]."""
    level_m: float = Field(default=0.5, gt=0)
    """Distance between its levels [m]."""
    window_m: float = Field(default=60.0, gt=0)
    """How far the grade line may leave the level that the corridor search found [m]."""
    pvi_m: float = Field(default=100.0, gt=0)
    """Least distance between PVIs; the standard's least length of grade where that is longer [m]."""
    passes: int = Field(default=3, ge=1, le=10)
    """How often the linear program is solved, each time with the forms of the last grade line."""
    check_m: float = Field(default=25.0, gt=0)
    """Distance between stations of the linear program [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A grade line with the forms of road it was laid for."""

    alignment: Alignment
    """Plan and grades."""
    price: float
    """Price of the linear program, which bounds any grade line with these forms and PVIs."""
    rough_price: float
    """Price of the dynamic program, the best on its levels and stations."""


@njit(cache=True, nogil=True)
def _rough(  # noqa: PLR0913 - flat arrays of one dynamic program
    ground: NDArray[np.float64],
    slope: NDArray[np.float64],
    base: NDArray[np.int64],
    floor: NDArray[np.float64],
    ends: tuple[int, int],
    rule: tuple[int, int, int, int, int],
    step: float,
    length: float,
    p: Prices,
) -> tuple[NDArray[np.int64], NDArray[np.int8], float]:
    steepest, bridge, tunnel, bend, count = rule
    n = base.size
    grades = 2 * steepest + 1
    wide = count * grades * 3
    cost = np.full(wide, np.inf)
    back = np.full((n, wide), -1, np.int32)
    tips = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):
            tips[a, b] = formation.end_price(a, b, p)
    per = ground.size // n
    for g in range(grades):
        cost[((ends[0] - base[0]) * grades + g) * 3 + OPEN] = 0.0
    prices = np.empty((count, 3))
    for i in range(1, n):
        for k in range(count):
            z = (base[i] + k) * step
            for f in range(3):
                prices[k, f] = 0.0
            for j in range(per):
                h, t = z - ground[i * per + j], slope[i * per + j]
                prices[k, 0] += formation.open_road(h, t, p).price
                prices[k, 1] += formation.structure(BRIDGE, h, t, p).price
                prices[k, 2] += formation.structure(TUNNEL, h, t, p).price
            for f in range(3):
                prices[k, f] = prices[k, f] * length / per
            if prices[k, 0] == np.inf and prices[k, 1] == np.inf and prices[k, 2] == np.inf:
                prices[k, 0] = DENIED * length
            if z < floor[i]:
                prices[k, 0] += DENIED * length
                prices[k, 1] += DENIED * length
                prices[k, 2] += DENIED * length
        fresh = np.full(wide, np.inf)
        for k in range(count):
            for g in range(grades):
                dz = g - steepest
                old = base[i] + k - dz - base[i - 1]
                if old < 0 or old >= count:
                    continue
                for f in range(3):
                    if (f == BRIDGE and abs(dz) > bridge) or (f == TUNNEL and abs(dz) > tunnel):
                        continue
                    if prices[k, f] == np.inf:
                        continue
                    best, way = np.inf, -1
                    for g0 in range(max(g - bend, 0), min(g + bend + 1, grades)):
                        for f0 in range(3):
                            at = (old * grades + g0) * 3 + f0
                            value = cost[at] + tips[f0, f]
                            if value < best:
                                best, way = value, at
                    to = (k * grades + g) * 3 + f
                    fresh[to] = best + prices[k, f]
                    back[i, to] = way
        cost = fresh
    best, at = np.inf, -1
    for g in range(grades):
        for f in range(3):
            here = ((ends[1] - base[n - 1]) * grades + g) * 3 + f
            value = cost[here] + tips[f, OPEN]
            if value < best:
                best, at = value, here
    levels = np.zeros(n, np.int64)
    forms = np.zeros(n, np.int8)
    if at < 0:
        return levels, forms, np.inf
    for i in range(n - 1, -1, -1):
        levels[i] = base[i] + at // (grades * 3)
        forms[i] = at % 3
        at = back[i, at]
    return levels, forms, best


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a grade line must join and keep."""

    start: float
    """Level of the existing road at the first tie-in [m above datum]."""
    end: float
    """Level at the last [m above datum]."""
    corridor_s: NDArray[np.float64]
    """Chainages at which the corridor search gives a level, ascending, shape (m,) [m]."""
    corridor_level: NDArray[np.float64]
    """Those levels, shape (m,) [m above datum]."""
    water_s: NDArray[np.float64]
    """Chainages at which water asks for a level, ascending, shape (w,) [m]."""
    water_level: NDArray[np.float64]
    """Lowest level there, `LOW` where any will do, shape (w,) [m above datum]."""


def grade_line(  # noqa: PLR0913 - a plan on the ground, its task, and the tables that rule it
    plan: Plan,
    terrain: Terrain,
    task: Task,
    *,
    line: Line,
    standard: DesignStandard,
    shape: Formation,
    prices: Prices,
) -> Profile:
    """
    Lay the cheapest grade line on an alignment.

    Parameters
    ----------
    plan
        Horizontal geometry.
    terrain
        Ground.
    task
        Levels at the ends, of the corridor, and above water.
    line
        Fineness.
    standard
        Grades, lengths and curvature.
    shape
        Least lengths of structures.
    prices
        Cross section and prices.

    Returns
    -------
    profile
        With PVIs whose parabolas touch, so that curvature is spread as evenly
        as the standard's least lengths of grade and curve allow.

    Raises
    ------
    NoRouteError
        No grade line within the standard joins the two levels on this plan.
    """
    n = max(int(round(plan.length / line.step_m)), 2)
    length = plan.length / n
    fine = (np.arange(2 * (n + 1)) - 0.5) * length / 2
    _, ground, slope = ground_under(plan, terrain, np.clip(fine, 0, plan.length))
    station = np.arange(n + 1) * length
    middle = np.rint(np.interp(station, task.corridor_s, task.corridor_level) / line.level_m)
    half = int(line.window_m / line.level_m)
    ends = (int(np.rint(task.start / line.level_m)), int(np.rint(task.end / line.level_m)))
    base = middle.astype(np.int64) - half
    base[0], base[-1] = ends[0] - half, ends[1] - half
    floor = np.maximum.reduceat(
        np.append(np.interp(fine, task.water_s, task.water_level), LOW), np.arange(n + 1) * 2
    )
    floor[[0, -1]] = LOW
    steps = length / line.level_m
    bend = max(int(steps * length / max(standard.k_crest, standard.k_sag) / 100 + 1e-9), 1)
    rule = (
        int(standard.grade * steps + 1e-9),
        int(standard.grade_bridge * steps + 1e-9),
        int(standard.grade_tunnel * steps + 1e-9),
        bend,
        2 * half + 1,
    )
    levels, forms, rough = _rough(
        ground, slope, base, floor, ends, rule, line.level_m, length, prices
    )
    if not np.isfinite(rough):
        msg = (
            f"no grade line of {standard.title} at {standard.speed_kmh} km/h joins "
            f"{task.start:.0f} m and {task.end:.0f} m over {plan.length / 1000:.1f} km; "
            "wanted tie-ins farther apart or a larger profile.window_m"
        )
        raise NoRouteError(msg)
    grades, price = _polished(
        plan,
        terrain,
        task,
        (station, forms),
        line=line,
        standard=standard,
        shape=shape,
        prices=prices,
    )
    return Profile(Alignment(plan, grades), price, rough)


def _spline(s: NDArray[np.float64], pvi: NDArray[np.float64]) -> sparse.csr_array:
    """
    Levels at chainages as weights on levels of PVIs, with parabolas that touch each other.

    Parameters
    ----------
    s
        Chainages, shape (n,) [m].
    pvi
        Evenly spaced chainages of the PVIs, shape (m,) [m].

    Returns
    -------
    weights
        Shape (n, m); each row adds to 1.
    """
    m, gap = pvi.size, pvi[1] - pvi[0]
    u = np.clip(s / gap, 0, m - 1)
    i = np.minimum(u.astype(np.int64), m - 2)
    f = u - i
    weights = np.zeros((s.size, m))
    rows = np.arange(s.size)
    weights[rows, i] += 1 - f
    weights[rows, i + 1] += f
    near = np.rint(u).astype(np.int64)
    inner = (near > 0) & (near < m - 1)
    lift = np.where(inner, (0.5 - np.abs(u - near)) ** 2 / 2, 0.0)
    r, k = rows[inner], near[inner]
    weights[r, k - 1] += lift[inner]
    weights[r, k] -= 2 * lift[inner]
    weights[r, k + 1] += lift[inner]
    return sparse.csr_array(weights)


def hull(height: NDArray[np.float64], price: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Lower convex hull of prices as lines.

    Parameters
    ----------
    height
        Ascending, shape (n,) [m].
    price
        Shape (n,), infinite where not admissible [/m].

    Returns
    -------
    lines
        Slope and intercept of each edge, shape (k, 2): price >= slope x height + intercept.
    """
    points = [(h, v) for h, v in zip(height, price, strict=True) if np.isfinite(v)]
    if len(points) < 2:
        return np.array([[0.0, points[0][1] if points else DENIED]])
    chain: list[tuple[float, float]] = []
    for point in points:
        while len(chain) >= 2:
            (x0, y0), (x1, y1) = chain[-2], chain[-1]
            if (y1 - y0) * (point[0] - x0) < (point[1] - y0) * (x1 - x0):
                break
            chain.pop()
        chain.append(point)
    (x0, y0), (xn, yn) = chain[0], chain[-1]
    wall = DENIED / 10
    lines = [(-wall, y0 + wall * x0), (wall, yn - wall * xn)]
    for (xa, ya), (xb, yb) in zip(chain[:-1], chain[1:], strict=True):
        k = (yb - ya) / (xb - xa)
        lines.append((k, ya - k * xa))
    return np.array(lines)


def _polished(  # noqa: PLR0913 - the alignment, the rough line and what rules both
    plan: Plan,
    terrain: Terrain,
    task: Task,
    rough: tuple[NDArray[np.float64], NDArray[np.int8]],
    *,
    line: Line,
    standard: DesignStandard,
    shape: Formation,
    prices: Prices,
) -> tuple[Grades, float]:
    """Place the PVIs by linear programs, first with the forms of the rough line, then with own."""
    m = max(int(plan.length / max(line.pvi_m, standard.grade_length)), 2) + 1
    pvi = np.linspace(0.0, plan.length, m)
    curve = np.full(m, pvi[1] - pvi[0])
    curve[[0, -1]] = 0.0
    s = plan.stations(line.check_m)
    _, ground, slope = ground_under(plan, terrain, s)
    station, forms = rough
    form = forms[np.clip(np.searchsorted(station, s), 0, forms.size - 1)]
    weights = _spline(s, pvi)
    water = np.interp(s, task.water_s, task.water_level)
    water[[0, -1]] = LOW
    best: tuple[float, Grades] | None = None
    value = np.inf
    for _ in range(line.passes):
        answer = _solved(
            (task.start, task.end),
            _price_rows(ground, slope, form, water, weights, prices),
            _rule_rows(pvi, s, form, standard),
            np.gradient(s),
        )
        if answer is None:
            break
        grades, value = Grades(pvi, answer[0], curve), answer[1]
        height = grades.at(s) - ground
        after, denied = formation.forms(height, slope, np.diff(s), shape, prices)
        price = _price_of(height, slope, after, denied, np.diff(s), prices)
        if best is None or price < best[0]:
            best = (price, grades)
        form = np.append(after, after[-1])
    if best is None:
        msg = (
            f"no PVIs of {standard.title} at {standard.speed_kmh} km/h join {task.start:.0f} m and "
            f"{task.end:.0f} m over {plan.length / 1000:.1f} km; wanted tie-ins farther apart"
        )
        raise NoRouteError(msg)
    return best[1], value


def _price_of(  # noqa: PLR0913 - a road by stations
    height: NDArray[np.float64],
    slope: NDArray[np.float64],
    form: NDArray[np.int8],
    denied: NDArray[np.bool_],
    run: NDArray[np.float64],
    prices: Prices,
) -> float:
    """Price of a grade line with its forms, without the ends of structures."""
    middle = formation.by_form((height[:-1] + height[1:]) / 2, (slope[:-1] + slope[1:]) / 2, prices)
    at = formation.by_form(height, slope, prices)[:, OPEN]
    middle[:, OPEN] = (at[:-1] + at[1:]) / 2
    price = np.where(denied, DENIED, middle[np.arange(form.size), form])
    return float((price * run).sum())


def _solved(
    ends: tuple[float, float],
    priced: tuple[sparse.csr_array, NDArray[np.float64]],
    ruled: tuple[sparse.csr_array, NDArray[np.float64]],
    length: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float] | None:
    """Levels of the PVIs and the price of the linear program; None where there are none."""
    k, m = length.size, ruled[0].shape[1]
    free = sparse.csr_array((ruled[0].shape[0], k))
    bounds = np.tile([-np.inf, np.inf], (m + k, 1))
    bounds[m:, 0] = 0.0
    bounds[0], bounds[m - 1] = (ends[0], ends[0]), (ends[1], ends[1])
    answer = linprog(
        np.concatenate((np.zeros(m), length / 1000)),
        A_ub=sparse.csr_array(sparse.vstack((priced[0], sparse.hstack((ruled[0], free))))),
        b_ub=np.concatenate((priced[1] / 1000, ruled[1])),
        bounds=bounds,
        method="highs",
    )
    return None if answer.x is None else (answer.x[:m], float(answer.fun) * 1e6)


def _price_rows(  # noqa: PLR0913 - stations with what is known of each
    ground: NDArray[np.float64],
    slope: NDArray[np.float64],
    form: NDArray[np.int8],
    water: NDArray[np.float64],
    weights: sparse.csr_array,
    prices: Prices,
) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    """Rows `slope x level - price <= -intercept` of every station; prices in thousands."""
    kinds = np.minimum((slope / CLASS).astype(np.int64), 60)
    lines: dict[int, NDArray[np.float64]] = {}
    for kind in np.unique(kinds):
        steep = np.full(HEIGHTS.size, (kind + 0.5) * CLASS)
        lines[int(kind)] = hull(HEIGHTS, formation.by_form(HEIGHTS, steep, prices)[:, OPEN])
    wall = DENIED / 10
    station, gradient, level = [], [], []

    def price(i: int, slope_of: float, free: float) -> None:
        station.append(i)
        gradient.append(slope_of)
        level.append(slope_of * free)

    def demand(i: int, sign: float, limit: float) -> None:
        price(i, sign * wall, limit)

    for i in range(ground.size):
        if form[i] == OPEN:
            for k, b in lines[int(kinds[i])]:
                station.append(i)
                gradient.append(float(k))
                level.append(float(k * ground[i] - b))
        elif form[i] == BRIDGE:
            demand(i, -1.0, ground[i])
            demand(i, 1.0, ground[i] - slope[i] * prices.half + prices.max_deck)
            price(i, prices.bridge * prices.high_deck, ground[i] + prices.low_deck)
            clear = max(slope[i] * prices.half, prices.min_deck, 1.0)
            price(i, -prices.bridge * (prices.close - 1) / clear, ground[i] + clear)
        else:
            demand(i, 1.0, ground[i])
            cover = max(prices.min_cover * float(np.sqrt(1 + slope[i] ** 2)), 1.0)
            price(i, prices.tunnel * (prices.close - 1) / cover, ground[i] - cover)
        if water[i] > LOW + 1:
            demand(i, -1.0, water[i])
    row = np.arange(len(station))
    size = (row.size, ground.size)
    slopes = sparse.csr_array((np.array(gradient) / 1000, (row, station)), shape=size)
    cost = sparse.csr_array((-np.ones(row.size), (row, station)), shape=size)
    return sparse.csr_array(sparse.hstack((slopes @ weights, cost))), np.array(level)


def _rule_rows(
    pvi: NDArray[np.float64], s: NDArray[np.float64], form: NDArray[np.int8], standard: DesignStandard
) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    """Rows for grades and for lengths of vertical curves."""
    m, gap = pvi.size, pvi[1] - pvi[0]
    limit = np.full(m - 1, standard.grade)
    leg = np.minimum((s / gap).astype(np.int64), m - 2)
    for kind, grade in ((BRIDGE, standard.grade_bridge), (TUNNEL, standard.grade_tunnel)):
        limit[np.unique(leg[form == kind])] = np.minimum(limit[np.unique(leg[form == kind])], grade)
    first = sparse.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(m - 1, m)) / gap
    second = sparse.diags_array([1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(m - 2, m)) / gap
    sag = np.full(m - 2, gap / (100 * standard.k_sag))
    crest = np.full(m - 2, gap / (100 * standard.k_crest))
    rows = sparse.vstack((first, -first, second, -second))
    return sparse.csr_array(rows), np.concatenate((limit, limit, sag, crest))
