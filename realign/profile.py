"""
The grade line of a horizontal alignment: levels, forms of road and PVIs.

Two steps. A dynamic program over levels, grades and forms chooses where the
road is open, on a bridge or in a tunnel. With the forms settled, a linear
program places the PVIs at the least price within grade and curvature.
"""

from dataclasses import dataclass, field
from math import nan

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from scipy.optimize import linprog

from realign import formation, haul
from realign.errors import InputError, NoRouteError
from realign.formation import BRIDGE, DENIED, OPEN, TUNNEL, Formation, Prices
from realign.geometry.alignment import Alignment, Plan, beside, ground_under, refuse_unknown
from realign.geometry.vertical import Grades
from realign.haul import Moving
from realign.settings import Settings
from realign.standards import DesignStandard
from realign.terrain import Terrain

LOW = -1.0e4
"""Level that stands for "any will do" [m]; finite, so that levels between stations are."""
HEIGHTS = np.arange(-45.0, 31.0, 0.125)
"""Heights over ground at which the price of open road is read for the linear program [m]."""
WIDER = (1, 2)
"""How wide the window is about the levels of the corridor, over `window_m`, until a grade line lies
within it [-]."""
WALL = DENIED / 10
"""Price of each metre by which a metre of road is beyond its limits, in the linear program [/m]."""
DROWNED = 10.0
"""How many times as dear as that a metre is by which a road lies too low over water [-]."""
SHY = 0.05
"""How far decks of the linear program stay below their greatest height [m]."""
NEAR = 0.02
"""How far the linear program may undercut the convex price of open road [-]."""
NEARBY = 4
"""Levels between two PVIs that a grade line follows."""
KINK = 0.005
"""Change of grade at a tie-in that needs no vertical curve [fraction]."""
OFF_TIE = DENIED * 1.0e4
"""Price of each unit of grade beyond that: 100 m of denied road for a percent [-]."""
MOST_STATES = 10**9
"""States of the dynamic program above which it does not fit a machine."""
UNIT = 1.0e6
"""The linear program counts money in this."""


class Line(Settings):
    """The table `[profile]`: how finely the grade line is laid."""

    step_m: float = Field(default=50.0, ge=1, le=10_000)
    """Distance between stations of the dynamic program [m]."""
    level_m: float = Field(default=0.5, ge=0.01, le=100)
    """Distance between its levels [m]."""
    window_m: float = Field(default=60.0, gt=0, le=1000)
    """How far the grade line may leave the level that the corridor search found [m]."""
    pvi_m: float = Field(default=100.0, ge=1, le=1e5)
    """Least distance between PVIs; the standard's least length of grade if that is longer [m]."""
    passes: int = Field(default=2, ge=1, le=50)
    """How often the linear program is solved, each time with the forms of the last grade line."""
    check_m: float = Field(default=20.0, ge=5, le=10_000)
    """Distance between stations of the linear program [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A grade line with the forms of road it was laid for."""

    alignment: Alignment
    """Plan and grades."""
    price: float
    """Price of the linear program: within 3 %, no grade line of its forms and PVIs is cheaper."""
    rough_price: float
    """Price of the dynamic program, the best on its levels and stations."""


@njit(cache=True, nogil=True)
def _priced_levels(
    out: NDArray[np.float64],
    lowest: int,
    floor: float,
    under: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]],
    step: float,
    length: float,
    p: Prices,
) -> None:
    """Price of a station at every level in every form; beyond all limits, open at `DENIED`."""
    for k in range(out.shape[0]):
        z = (lowest + k) * step
        out[k] = 0.0
        for h, t in zip(z - under[0], under[1]):  # noqa: B905 - numba knows no strict
            out[k, OPEN] += formation.open_road(h, t, p).price
            out[k, BRIDGE] += formation.structure(BRIDGE, h, t, p).price
            out[k, TUNNEL] += formation.structure(TUNNEL, h, t, p).price
        if under[2].any():
            out[k, OPEN] = formation.NO_FORM.price
        out[k] *= length / under[0].size
        if not np.isfinite(out[k]).any():
            out[k, OPEN] = DENIED * length
        if z < floor:
            out[k] += DENIED * length


@njit(cache=True, nogil=True)
def _rough(  # noqa: C901, PLR0912, PLR0913, PLR0917 - one dynamic program, flat for the compiler
    ground: NDArray[np.float64],
    slope: NDArray[np.float64],
    wet: NDArray[np.bool_],
    base: NDArray[np.int64],
    floor: NDArray[np.float64],
    ends: tuple[int, int],
    rule: tuple[int, int, int, int, int],
    step: float,
    length: float,
    p: Prices,
) -> tuple[NDArray[np.int8], float]:
    """Forms of the cheapest way through levels, grades and forms, with its price."""
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
        few = slice(i * per, (i + 1) * per)
        _priced_levels(
            prices, base[i], floor[i], (ground[few], slope[few], wet[few]), step, length, p
        )
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
    forms = np.zeros(n, np.int8)
    if at < 0:
        return forms, np.inf
    for i in range(n - 1, -1, -1):
        forms[i] = at % 3
        at = back[i, at]
    return forms, best


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
    spans: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    """Chainages between which open road is not admissible, shape (k, 2) [m]."""
    earth: Moving | None = None
    """Earth that is moved; None where the grade line is laid without regard to it."""
    joined: tuple[float, float] = (nan, nan)
    """Grades of the existing road at both tie-ins, uphill in the direction of the new one, joined
    within `KINK`; NaN where there is no road to join [fraction]."""


def grade_line(
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
        No grade line within the standard joins the two levels on this plan, or it
        leads over ground that is not known.
    InputError
        The levels are too fine for a machine, or too coarse for any grade.
    """
    n = max(round(plan.length / line.step_m), 2)
    length = plan.length / n
    fine = (np.arange(2 * (n + 1), dtype=np.float64) - 0.5) * length / 2
    _, ground, slope = ground_under(plan, terrain, np.clip(fine, 0, plan.length))
    refuse_unknown(np.clip(fine, 0, plan.length), ground, slope)
    wet = beside(fine, task.spans + np.array([-length / 4, length / 4]))
    station = np.arange(n + 1, dtype=np.float64) * length
    middle = np.rint(np.interp(station, task.corridor_s, task.corridor_level) / line.level_m)
    floor = np.maximum.reduceat(
        np.append(np.interp(fine, task.water_s, task.water_level), LOW), np.arange(n + 1) * 2
    )
    floor[[0, -1]] = LOW
    steps = length / line.level_m
    bend = max(int(steps * length / max(standard.k_crest, standard.k_sag) / 100 + 1e-9), 1)
    ends = (int(np.rint(task.start / line.level_m)), int(np.rint(task.end / line.level_m)))
    forms, rough = np.empty(0, np.int8), np.inf
    for wider in WIDER:
        half = int(wider * line.window_m / line.level_m)
        base = middle.astype(np.int64) - half
        base[0], base[-1] = ends[0] - half, ends[1] - half
        rule = (
            int(standard.grade * steps + 1e-9),
            int(standard.grade_bridge * steps + 1e-9),
            int(standard.grade_tunnel * steps + 1e-9),
            bend,
            2 * half + 1,
        )
        states = base.size * rule[-1] * (2 * rule[0] + 1) * len(formation.FORMS)
        if states > MOST_STATES:
            if wider > WIDER[0]:
                break
            raise InputError(_too_fine(line, states))
        forms, rough = _rough(
            ground, slope, wet, base, floor, ends, rule, line.level_m, length, prices
        )
        if np.isfinite(rough):
            break
    if not np.isfinite(rough):
        if standard.grade * line.step_m < line.level_m:
            raise InputError(_too_coarse(line, standard))
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


def _too_fine(line: Line, states: int) -> str:
    return (
        f"profile.level_m: found {line.level_m:g} m, which asks for {states:.2g} states; wanted at "
        f"most {MOST_STATES:.2g}: more metres there, or fewer in profile.window_m"
    )


def _too_coarse(line: Line, standard: DesignStandard) -> str:
    most = standard.grade * line.step_m
    return (
        f"profile.level_m: found {line.level_m:g} m, wanted at most {most:g} m with "
        f"{standard.grade:.1%} over profile.step_m, {line.step_m:g} m"
    )


def resettled(  # noqa: PLR0913 - as `grade_line`, and the forms
    plan: Plan,
    terrain: Terrain,
    task: Task,
    forms: tuple[NDArray[np.float64], NDArray[np.int8]],
    *,
    line: Line,
    standard: DesignStandard,
    shape: Formation,
    prices: Prices,
) -> Grades | None:
    """
    Lay a grade line again, with the gentler grades of structures as hard rules.

    Parameters
    ----------
    plan, terrain, task, line, standard, shape, prices
        As for `grade_line`; levels of the corridor are not looked at.
    forms
        Chainages, ascending from 0 to the length of the plan, shape (n,) [m], and
        the form of road between them, shape (n - 1,): where it is a bridge or a
        tunnel, the grade line keeps their grades.

    Returns
    -------
    grades
        The cheapest of the linear programs, as in `grade_line`; None where none of
        these forms joins the two levels.
    """
    station, form = forms
    try:
        return _polished(
            plan,
            terrain,
            task,
            (station, np.append(form[:1], form)),
            line=line,
            standard=standard,
            shape=shape,
            prices=prices,
        )[0]
    except NoRouteError:
        return None


def followed(
    length: float,
    levels: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    line: Line,
    standard: DesignStandard,
) -> Grades | None:
    """
    Lay the grade line that stays nearest to given levels.

    Parameters
    ----------
    length
        Length of the plan [m].
    levels
        Chainages, ascending from 0 to the length, and levels there, both of shape
        (n,) [m]; the first and the last level are kept.
    line
        Least distance between PVIs.
    standard
        Grades, lengths and curvature.

    Returns
    -------
    grades
        With the least sum of distances from the levels, by a linear program; None
        where none within the standard joins the two ends.
    """
    pvi, curve = _pvis(length, line, standard)
    m, gap = pvi.size, pvi[1]
    s = np.linspace(0.0, length, max(int(length / (gap / NEARBY)), 2) + 1)
    given = np.interp(s, *levels)
    rules, limit = _bent(m, gap, standard)
    weights, n = _spline(s, pvi), s.size
    bounds = np.tile([0.0, np.inf], (m + 2 * n, 1))
    bounds[:m, 0] = -np.inf
    bounds[0], bounds[m - 1] = (given[0], given[0]), (given[-1], given[-1])
    one = sparse.eye_array(n)
    answer = linprog(
        np.concatenate((np.zeros(m), np.ones(2 * n))),
        A_eq=sparse.hstack((weights, one, -one), format="csr"),
        b_eq=given,
        A_ub=sparse.hstack((rules, sparse.csr_array((limit.size, 2 * n))), format="csr"),
        b_ub=limit,
        bounds=bounds,
        method="highs-ds",
    )
    return None if answer.x is None else Grades(pvi, answer.x[:m], curve)


def _pvis(
    length: float, line: Line, standard: DesignStandard
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chainages of PVIs as close as allowed, and lengths of parabolas that touch."""
    m = max(int(length / max(line.pvi_m, standard.grade_length)), 2) + 1
    pvi = np.linspace(0.0, length, m)
    curve = np.full(m, pvi[1] - pvi[0])
    curve[[0, -1]] = 0.0
    return pvi, curve


def _spline(s: NDArray[np.float64], pvi: NDArray[np.float64]) -> sparse.csr_array:
    """
    Levels at chainages as weights on levels of PVIs, with parabolas that touch each other.

    Parameters
    ----------
    s
        Chainages, shape (n,) [m].
    pvi
        Evenly spaced chainages of the PVIs, shape (m,), m at least 3 [m].

    Returns
    -------
    weights
        Shape (n, m); each row adds to 1.
    """
    m, gap = pvi.size, pvi[1] - pvi[0]
    u = np.clip(s / gap, 0, m - 1)
    i = np.minimum(u.astype(np.int64), m - 2)
    near = np.clip(np.rint(u).astype(np.int64), 1, m - 2)
    lift = np.maximum(0.5 - np.abs(u - near), 0.0) ** 2 / 2
    return _weights(
        (s.size, m),
        (i, 1 - u + i),
        (i + 1, u - i),
        (near - 1, lift),
        (near, -2 * lift),
        (near + 1, lift),
    )


def _slope(s: NDArray[np.float64], pvi: NDArray[np.float64]) -> sparse.csr_array:
    """Grades at chainages as weights on levels of PVIs; they change evenly between mid-legs."""
    m, gap = pvi.size, pvi[1] - pvi[0]
    u = np.clip(s / gap - 0.5, 0, m - 2)
    i = np.minimum(u.astype(np.int64), m - 3)
    f = u - i
    return _weights((s.size, m), (i, f - 1), (i + 1, 1 - 2 * f), (i + 2, f)) / gap


def _weights(
    shape: tuple[int, int], *given: tuple[NDArray[np.int64], NDArray[np.float64]]
) -> sparse.csr_array:
    """Matrix from columns and values of every row, which add where they meet."""
    column, value = (np.concatenate(each) for each in zip(*given, strict=True))
    row = np.tile(np.arange(shape[0]), len(given))
    return sparse.csr_array((value, (row, column)), shape=shape)


@njit(cache=True, nogil=True)
def hull(height: NDArray[np.float64], price: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Lower convex hull of prices over height.

    Parameters
    ----------
    height
        Ascending, shape (n,) [m].
    price
        Shape (n,), infinite where not admissible [/m].

    Returns
    -------
    corners
        Height and price, shape (k, 2), ascending; none where no price is finite.
    """
    chain = np.empty((height.size, 2))
    k = 0
    for h, v in zip(height, price):  # noqa: B905 - numba knows no strict
        if not np.isfinite(v):
            continue
        while k >= 2:
            (x0, y0), (x1, y1) = chain[k - 2], chain[k - 1]
            if (y1 - y0) * (h - x0) < (v - y0) * (x1 - x0):
                break
            k -= 1
        chain[k] = h, v
        k += 1
    return chain[:k].copy()


@njit(cache=True, nogil=True)
def tangents(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Few lines from below along a convex chain, with a steep wall on either side.

    Parameters
    ----------
    corners
        Height and price, shape (k, 2), from `hull`, k at least 1.

    Returns
    -------
    lines
        Slope [/m/m] and price at height 0 [/m], shape (j, 2), slopes ascending.
        Their maximum is nowhere above the chain and at most `NEAR` of it below.
    """
    a, b = 0, corners.shape[0] - 1
    while a < b and corners[a + 1, 1] - corners[a, 1] <= -WALL * (
        corners[a + 1, 0] - corners[a, 0]
    ):
        a += 1
    while a < b and corners[b, 1] - corners[b - 1, 1] >= WALL * (corners[b, 0] - corners[b - 1, 0]):
        b -= 1
    lines = np.empty((b - a + 2, 2))
    lines[0] = -WALL, corners[a, 1] + WALL * corners[a, 0]
    k = 1
    for i in range(a, b):
        (x0, y0), (x1, y1) = corners[i], corners[i + 1]
        if i == b - 1 or lines[k - 1, 0] * x1 + lines[k - 1, 1] < (1 - NEAR) * y1:
            slope = (y1 - y0) / (x1 - x0)
            lines[k] = slope, y0 - slope * x0
            k += 1
    lines[k] = WALL, corners[b, 1] - WALL * corners[b, 0]
    return lines[: k + 1].copy()


@njit(cache=True, nogil=True)
def _lines(form: int, slope: float, heights: NDArray[np.float64], p: Prices) -> NDArray[np.float64]:
    """Lines below the price of one form over height, ascending."""
    if form == OPEN:
        price = np.empty(heights.size)
        for j in range(heights.size):
            price[j] = formation.open_road(heights[j], slope, p).price
        corners = hull(heights, price)
        return tangents(corners) if corners.size else np.array([[0.0, DENIED], [0.0, DENIED]])
    if form == BRIDGE:
        plain = p.bridge + p.pavement + 2 * p.half * p.land
        clear = max(slope * p.half, p.min_deck, 1.0)
        close = p.bridge * (p.close - 1)
        rise = p.bridge * p.high_deck
        low, top = p.low_deck - slope * p.half, p.max_deck - slope * p.half
        dear = plain + rise * (top - low)
        return np.array(
            [
                [-WALL, plain + close],
                [-close / clear, plain + close],
                [0.0, plain],
                [rise, plain - rise * low],
                [WALL, dear - WALL * top],
            ]
        )
    plain = p.tunnel + p.pavement
    cover = max(p.min_cover * np.sqrt(1 + slope * slope), 1.0)
    close = p.tunnel * (p.close - 1)
    return np.array([[0.0, plain], [close / cover, plain + close], [WALL, plain + close]])


@njit(cache=True, nogil=True)
def _spare(height: float, slope: float, yields: tuple[float, float], p: Prices) -> float:
    """Earth that a metre of open road yields beyond what it takes, as fill [m3/m]."""
    metre = formation.open_road(height, slope, p)
    if np.isfinite(metre.price):
        return metre.common * yields[0] + metre.rock * yields[1] - metre.fill
    cut, fill, width, _, _, _ = formation.earthwork(height, slope, p)
    common = min(cut, p.soil * width)
    return common * yields[0] + (cut - common) * yields[1] - fill


@njit(cache=True, nogil=True)
def _pieces(
    form: NDArray[np.int8],
    slope: NDArray[np.float64],
    heights: NDArray[np.float64],
    yields: tuple[float, float],
    p: Prices,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """
    Convex prices of stations or intervals as pieces of height.

    Parameters
    ----------
    form, slope
        Form and cross slope of each, shape (t,).
    heights
        Where the price of open road is read, ascending [m].
    yields
        Fill that a cubic metre of common material and of rock makes [m3/m3].
    p
        Shape and prices.

    Returns
    -------
    foot, price, spare, pieces
        Height at which the pieces begin [m], price there [/m] and earth to spare
        there [m3/m], shape (t,); of every piece: number of its station, direction (-1
        down from the foot, 1 up), greatest length [m], and price [/m/m] and earth
        [m3/m/m] for each metre of it, shape (q, 5).
    """
    foot, price, spare = np.zeros(form.size), np.zeros(form.size), np.zeros(form.size)
    pieces = np.empty((form.size * (heights.size + 2), 5))
    q = 0
    for t in range(form.size):
        lines = _lines(form[t], slope[t], heights, p)
        last = lines.shape[0] - 1
        at = before = 0.0
        for j in range(last + 1):
            end = np.inf
            if j < last and lines[j + 1, 0] == lines[j, 0]:
                end = at
            elif j < last:
                end = (lines[j, 1] - lines[j + 1, 1]) / (lines[j + 1, 0] - lines[j, 0])
            if j == 0:
                foot[t], price[t] = end, lines[0, 0] * end + lines[0, 1]
                pieces[q] = float(t), -1.0, np.inf, -lines[0, 0], 0.0
                if form[t] == OPEN:
                    spare[t] = before = _spare(end, slope[t], yields, p)
            else:
                pieces[q] = float(t), 1.0, max(end - at, 0.0), lines[j, 0], 0.0
                if form[t] == OPEN and j < last and end > at:
                    after = _spare(end, slope[t], yields, p)
                    pieces[q, 4] = (after - before) / (end - at)
                    before = after
            at = end
            q += 1
    return foot, price, spare, pieces[:q].copy()


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """An alignment on the ground, and the weights of its PVIs."""

    pvi: NDArray[np.float64]
    s: NDArray[np.float64]
    level: NDArray[np.float64]
    slope: NDArray[np.float64]
    weights: sparse.csr_array
    grades: sparse.csr_array


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
    pvi, curve = _pvis(plan.length, line, standard)
    s = plan.stations(line.check_m)
    _, level, slope = ground_under(plan, terrain, s)
    refuse_unknown(s, level, slope)
    wet = beside(s, task.spans)
    ground = _Ground(pvi, s, level, slope, _spline(s, pvi), _slope(s, pvi))
    station, forms = rough
    middle = (s[:-1] + s[1:]) / 2
    form = forms[np.clip(np.searchsorted(station, middle), 0, forms.size - 1)]
    # the program stops at the limit itself, which rounding must not pass
    within = prices._replace(max_deck=prices.max_deck - SHY)
    best: tuple[float, Grades, float] | None = None
    for _ in range(line.passes):
        answer = _solved(ground, task, form, standard, within)
        if answer is None and best is None:
            form = np.full_like(form, OPEN)
            answer = _solved(ground, task, form, standard, within)
        if answer is None:
            break
        grades = Grades(pvi, answer[0], curve)
        height = grades.at(s) - level
        after, denied = formation.forms(
            height,
            slope,
            np.diff(s),
            grades.steepest_between(s),
            shape=shape,
            standard=standard,
            p=prices,
            wet=wet,
        )
        price = _price_of(height, slope, after, denied, np.diff(s), prices)
        if best is None or price < best[0]:
            best = (price, grades, answer[1])
        if (after == form).all():
            break
        form = after
    if best is None:
        msg = (
            f"no PVIs of {standard.title} at {standard.speed_kmh} km/h join {task.start:.0f} m and "
            f"{task.end:.0f} m over {plan.length / 1000:.1f} km; wanted tie-ins farther apart"
        )
        raise NoRouteError(msg)
    return best[1], best[2]


def _price_of(
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
    ground: _Ground,
    task: Task,
    form: NDArray[np.int8],
    standard: DesignStandard,
    prices: Prices,
) -> tuple[NDArray[np.float64], float] | None:
    """Levels of the PVIs and the price of the linear program; None where there are none."""
    m = ground.pvi.size
    priced = _priced(ground, form, task.earth, prices)
    pieces = priced.pieces
    rules, limit = _ruled(ground, form, standard)
    wet = task.water_level > LOW + 1
    wet &= (task.water_s > 0) & (task.water_s < ground.pvi[-1])
    floor = _spline(task.water_s[wet], ground.pvi)
    count, q = int(wet.sum()), pieces.shape[0]
    owner = pieces[:, 0].astype(np.int64)
    rows = priced.foot.size
    parts = sparse.csr_array((-pieces[:, 1], (owner, np.arange(q))), shape=(rows, q))
    moving, balance, toll = _moving(ground, form, task.earth, priced)
    extra = toll.size
    ties, kinks = _tied(ground.pvi, task.joined, standard)
    bounds = np.tile([0.0, np.inf], (m + q + extra + count + kinks.size, 1))
    bounds[:m, 0] = -np.inf
    bounds[0], bounds[m - 1] = (task.start, task.start), (task.end, task.end)
    bounds[m : m + q, 1] = pieces[:, 2]
    dry = np.full(count, DROWNED * WALL * ground.s[1])
    off = np.full(kinks.size, OFF_TIE)
    cost = (np.zeros(m), pieces[:, 3] * priced.length[owner], toll, dry, off)
    none = sparse.csr_array
    slack = count + kinks.size
    equal = [[priced.weights, parts, none((rows, extra)), none((rows, slack))]]
    if extra:
        equal.append([none((balance.size, m)), *moving, none((balance.size, slack))])
    answer = linprog(
        np.concatenate(cost) / UNIT,
        A_eq=sparse.vstack([sparse.hstack(row) for row in equal], format="csr"),
        b_eq=np.concatenate((priced.foot, balance)),
        A_ub=sparse.block_array(
            [
                [rules, none((limit.size, q + extra)), None, None],
                [-floor, None, -sparse.eye_array(count), None],
                [ties, None, None, -sparse.eye_array(kinks.size)],
            ],
            format="csr",
        ),
        b_ub=np.concatenate((limit, -task.water_level[wet], kinks)),
        bounds=bounds,
        method="highs-ds",
        options={"simplex_dual_edge_weight_strategy": "devex"},  # a quarter quicker here
    )
    if answer.x is None:
        return None
    return answer.x[:m], float(answer.fun) * UNIT + float((priced.price * priced.length).sum())


def _tied(
    pvi: NDArray[np.float64], joined: tuple[float, float], standard: DesignStandard
) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    """Rows that keep the first and the last grade near those of the existing road, and limits."""
    m, gap = pvi.size, pvi[1] - pvi[0]
    rows, limits = [], []
    for grade, at in zip(joined, (0, m - 2), strict=True):
        if np.isfinite(grade):
            kept = min(max(grade, -standard.grade), standard.grade)
            row = sparse.csr_array(([-1 / gap, 1 / gap], ([0, 0], [at, at + 1])), shape=(1, m))
            rows += [row, -row]
            limits += [KINK + kept, KINK - kept]
    return sparse.csr_array(sparse.vstack([sparse.csr_array((0, m)), *rows])), np.array(limits)


@dataclass(frozen=True, slots=True, eq=False)
class _Priced:
    """What has a price in the linear program: stations of open road, middles of structures."""

    weights: sparse.csr_array
    length: NDArray[np.float64]
    interval: NDArray[np.int64]
    foot: NDArray[np.float64]
    price: NDArray[np.float64]
    spare: NDArray[np.float64]
    pieces: NDArray[np.float64]


def _priced(
    ground: _Ground, form: NDArray[np.int8], earth: Moving | None, prices: Prices
) -> _Priced:
    """List what has a price, as in `formation.forms`; feet of the pieces as levels."""
    run = np.diff(ground.s)
    half = np.where(form == OPEN, run / 2, 0.0)
    share = np.append(half, 0.0) + np.append(0.0, half)
    is_open = np.flatnonzero(share)
    built = np.flatnonzero(form != OPEN)
    weights = (ground.weights[built] + ground.weights[built + 1]) / 2
    level = (ground.level[built] + ground.level[built + 1]) / 2
    slope = (ground.slope[built] + ground.slope[built + 1]) / 2
    kinds = np.concatenate((np.full(is_open.size, OPEN, np.int8), form[built]))
    slopes = np.concatenate((ground.slope[is_open], slope))
    yields = (earth.rules.common_to_fill, earth.rules.rock_to_fill) if earth else (0.0, 0.0)
    foot, price, spare, pieces = _pieces(kinds, slopes, HEIGHTS, yields, prices)
    return _Priced(
        weights=sparse.csr_array(sparse.vstack((ground.weights[is_open], weights))),
        length=np.concatenate((share[is_open], run[built])),
        interval=np.concatenate((np.minimum(is_open, form.size - 1), built)),
        foot=foot + np.concatenate((ground.level[is_open], level)),
        price=price,
        spare=spare,
        pieces=pieces,
    )


def _moving(
    ground: _Ground, form: NDArray[np.int8], earth: Moving | None, priced: _Priced
) -> tuple[list[sparse.csr_array], NDArray[np.float64], NDArray[np.float64]]:
    """
    Rows that balance the earth of every interval, in thousands of cubic metres.

    Returns
    -------
    rows, balance, price
        Blocks of the pieces and of flows, borrow and waste; right hand side, shape
        (n,); price of flows, borrow and waste, shape (e,). All empty where earth
        costs nothing to move.
    """
    if earth is None:
        return [], np.empty(0), np.empty(0)
    n, q = form.size, priced.pieces.shape[0]
    run = np.diff(ground.s)
    owner = priced.pieces[:, 0].astype(np.int64)
    volume = priced.pieces[:, 4] * priced.length[owner] / haul.UNIT
    rows = sparse.csr_array((volume, (priced.interval[owner], np.arange(q))), shape=(n, q))
    given = np.bincount(priced.interval, priced.spare * priced.length, n)
    bored = earth.rules.tunnel_m2 * earth.rules.rock_to_fill
    given += np.where(form == TUNNEL, run * bored, 0.0)
    site = haul.owners(ground.s, earth.site)
    price = haul.tolls(ground.s, site.size, earth.price)
    return [rows, haul.flows(n, site)], -given / haul.UNIT, price * haul.UNIT


def _ruled(
    ground: _Ground, form: NDArray[np.int8], standard: DesignStandard
) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    """Rows for grades, for grades on structures and for lengths of vertical curves."""
    always, limit = _bent(ground.pvi.size, ground.pvi[1] - ground.pvi[0], standard)
    rows, limits = [always], [limit]
    m, gap = ground.pvi.size, ground.pvi[1] - ground.pvi[0]
    legs = sparse.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(m - 1, m)).tocsr() / gap
    # parabolas meet half way between PVIs, where the grade is that of the leg
    owner = np.searchsorted(ground.s, (ground.pvi[:-1] + ground.pvi[1:]) / 2, side="right") - 1
    for kind, grade in ((BRIDGE, standard.grade_bridge), (TUNNEL, standard.grade_tunnel)):
        i = np.flatnonzero(form == kind)
        on = ground.grades[np.union1d(i, i + 1)]
        within = legs[np.flatnonzero(form[owner] == kind)]
        rows += [on, -on, within, -within]
        limits.append(np.full(2 * (on.shape[0] + within.shape[0]), grade))
    return sparse.csr_array(sparse.vstack(rows)), np.concatenate(limits)


def _bent(
    m: int, gap: float, standard: DesignStandard
) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    """Rows for the grades between m even PVIs and for the lengths of their parabolas."""
    first = sparse.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(m - 1, m)) / gap
    second = sparse.diags_array([1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(m - 2, m)) / gap
    limits = [np.full(2 * m - 2, standard.grade)]
    limits += [np.full(m - 2, gap / (100 * k)) for k in (standard.k_sag, standard.k_crest)]
    rows = sparse.vstack([first, -first, second, -second])
    return sparse.csr_array(rows), np.concatenate(limits)
