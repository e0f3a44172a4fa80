"""
Plan and levels of a fitted road, moved to where the road itself is cheapest.

A corridor search sees cells and straight moves; the fitted road lies metres
beside them, and on a steep slope metres are walls and tunnels. Here the PIs,
their radii and the levels of the PVIs are moved as long as the price of the
formation under the curves falls: a pattern search (Hooke and Jeeves 1961) in
which a move is priced over the few legs that it changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from shapely import LineString

from realign import formation
from realign.errors import GeometryError
from realign.formation import BRIDGE, DENIED, OPEN, STEEP_SLACK, TUNNEL, Formation, Prices
from realign.geometry.easing import TOUCH
from realign.geometry.horizontal import SHARPEST, STRAIGHT, Corner
from realign.geometry.vertical import Grades
from realign.standards import DesignStandard, Slow
from realign.terrain import Terrain

STEP = 10.0
"""Greatest distance between stations at which a road is priced [m]."""
STRIDES = (32.0, 12.0, 4.0)
"""How far points are moved, from the first round of the search to the last [m]."""
RISE = 0.125
"""How far levels are moved, over the stride of the round [-]."""
ROUNDS = 4
"""How often the whole road is gone through with one stride, at most."""
WIDER = 1.5
"""Factor on radii that are tried larger or smaller [-]."""
WORTH = 5e-4
"""Share of the price of the changed stretch that a move must save [-]."""
ROOM = 1e-6
"""Length by which two curves may overlap, from rounding [m]."""
TOO_STEEP = DENIED / 2e-3
"""Price of a metre for each unit of grade beyond the standard [/m]."""
UNFIT = DENIED / 10
"""Price of a metre of a form beyond its limits, for each metre of height beyond them: moves that do
not yet reach the limits are told from those that lead away from them [/m2]."""
SUNK = 10 * DENIED
"""Price of a metre for each metre by which it lies too low over water [/m2]."""
RESERVE = 0.05
"""Share of the limits of cut, fill, wall and deck that the search leaves, since it sees a road at
stations only [-]."""
FORBIDDEN = 100 * DENIED
"""Price of a metre on forbidden ground: no saving makes up for one [/m]."""
ASIDE = 5.0
"""Half side of the square about a station that forbidden cells must not meet: half of `STEP`, so
that no corner of a cell slips between two stations [m]."""
MOST_RISE = 12.0
"""Greatest rise of the levels that goes with a move of a PI [m]."""
FAR = 1000.0
"""Runs of one form longer than this are long enough for any structure [m]."""
SHORT = 0.1
"""Price of a metre by which a tangent or an arc is shorter than recommended, over that of the
surface of a metre; an assumption [-]."""
BEND = 1.5
"""How far from a PVI the levels follow it, in distances of PVIs [-]."""
MARGIN = 150.0
"""How far beside changed levels the forms are chosen anew [m]."""
WAYS = (0, 1, 2, 3, 8, 9, 10, 4, 5, 6, 7)
"""Moves of the plan, those that change the same legs together; see `_moved`."""
LARGEST = 2000.0
"""Radii are not made larger than this [m]."""


class Rule(NamedTuple):
    """What the standard and the structures ask, as plain numbers for compiled code."""

    radius: float
    """Least radius [m]."""
    easy: float
    """Radius of the curves that cost no speed [m]."""
    slow: float
    """Price of a metre of road that a sharper curve makes slow [/m]."""
    zone: float
    """Least length of a slow stretch [m]."""
    clothoid: float
    """Length of every clothoid [m]."""
    grade: float
    """Greatest grade [fraction]."""
    bridge: float
    """Greatest grade on a bridge [fraction]."""
    tunnel: float
    """Greatest grade in a tunnel [fraction]."""
    crest: float
    """Least length of a crest curve for each percent of change of grade [m/%]."""
    sag: float
    """Least length of a sag curve for each percent of change of grade [m/%]."""
    min_bridge: float
    """Least length of a bridge [m]."""
    min_tunnel: float
    """Least length of a tunnel [m]."""
    same: float
    """Tangent recommended between curves of one sense [m]."""
    reverse: float
    """Tangent recommended between reverse curves whose clothoids do not touch [m]."""
    arc: float
    """Arc recommended between clothoids [m]."""
    short: float
    """Price of a metre by which a tangent or an arc is shorter [/m]."""
    river: float
    """Distance on both sides of a river that a road crosses on a structure [m]."""
    over: float
    """Height that a road keeps above the ground where it crosses a river [m]."""
    deep: float
    """How far below the lowest road level that water allows the ground may lie under open road [m];
    deeper it is under a lake, and the road on a structure."""


class Map(NamedTuple):
    """The land as arrays for compiled code; all rasters of one shape."""

    z: NDArray[np.float32]
    """Ground level, shape (rows, cols) [m]; NaN where not known."""
    floor: NDArray[np.float32]
    """Lowest road level that water allows [m]; -inf where any."""
    forbidden: NDArray[np.bool_]
    """Cells that no road may touch."""
    dearer: NDArray[np.float32]
    """Preference: factor on the price of open road in each cell [-]."""
    left: float
    """Western edge [m]."""
    top: float
    """Northern edge [m]."""
    cell: float
    """Side of a cell [m]."""
    river: NDArray[np.float64]
    """Pieces of rivers, from x, y to x, y, sorted by cell, shape (k, 4) [m]."""
    first: NDArray[np.int32]
    """Number of the first piece in each cell, shape (rows * cols + 1,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A road as the search sees it: a polygon with curves, and levels along it."""

    pis: NDArray[np.float64]
    """Corners with both ends, shape (m, 2) [m]."""
    curves: tuple[Corner | None, ...]
    """Curves at the inner corners; None where the polygon does not turn."""
    station: NDArray[np.float64]
    """Chainages, evenly spaced, shape (n,) [m]."""
    level: NDArray[np.float64]
    """Road level there, shape (n,) [m above datum]."""
    form: NDArray[np.int8]
    """Form from each station to the next, shape (n - 1,)."""
    pvi: NDArray[np.float64]
    """Level of the PVIs, as many and as evenly spaced as those given, shape (q,) [m above datum];
    where the plan has moved they stand for `level` no more."""
    price: float
    """Price of the formation with its ends; what breaks a rule counts `DENIED` or more."""


def _cell_of(
    xy: NDArray[np.float64], left: float, top: float, cell: float, shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Find the number of the cell in which each point lies; -1 outside of the raster."""
    row = np.floor((top - xy[:, 1]) / cell).astype(np.int64)
    col = np.floor((xy[:, 0] - left) / cell).astype(np.int64)
    inside = (row >= 0) & (col >= 0) & (row < shape[0]) & (col < shape[1])
    return np.where(inside, row * shape[1] + col, -1)


def chart(
    terrain: Terrain,
    *,
    floor: NDArray[np.float32],
    forbidden: NDArray[np.bool_],
    rivers: Sequence[LineString] = (),
    dearer: NDArray[np.float32] | None = None,
) -> Map:
    """
    Put the land on which a road may lie into plain arrays.

    Parameters
    ----------
    terrain
        Ground.
    floor
        Lowest road level that water allows over each cell, of its shape
        [m above datum]; -inf where any.
    forbidden
        Cells that no road may touch, of its shape.
    rivers
        Lines over which open road is not admissible.
    dearer
        Preference: factor on the price of open road in each cell; none by default.

    Returns
    -------
    map
        Argument of `refine`.
    """
    left, _, _, top = terrain.bounds
    cell = terrain.cell
    rows, cols = terrain.shape
    pieces = [np.empty((0, 4))]
    for line in rivers:
        xy = np.asarray(line.segmentize(cell).coords)[:, :2]
        pieces.append(np.hstack((xy[:-1], xy[1:])))
    river = np.concatenate(pieces)
    # each piece stands in all cells from which a road may reach it within a step
    middle, reach = (river[:, :2] + river[:, 2:]) / 2, int(np.ceil(STEP / cell + 0.5))
    aside = np.arange(-reach, reach + 1) * cell
    about = [np.add(middle, (dx, dy)) for dx in aside for dy in aside]
    owner = np.concatenate([_cell_of(xy, left, top, cell, (rows, cols)) for xy in about])
    piece = np.tile(np.arange(len(river)), len(about))
    # one number for each cell and piece, which sorts faster than pairs
    both = np.unique(owner[owner >= 0] * len(river) + piece[owner >= 0])
    cells, pieces_in = np.divmod(both, max(len(river), 1))
    count = np.bincount(cells, minlength=rows * cols)
    first = np.concatenate(([0], np.cumsum(count))).astype(np.int32)
    return Map(
        z=np.ascontiguousarray(terrain.z, np.float32),
        floor=np.ascontiguousarray(floor, np.float32),
        forbidden=np.ascontiguousarray(forbidden),
        dearer=np.ascontiguousarray(np.ones_like(floor) if dearer is None else dearer, np.float32),
        left=left,
        top=top,
        cell=cell,
        river=np.ascontiguousarray(river[pieces_in]),
        first=first,
    )


def rule(
    standard: DesignStandard,
    shape: Formation,
    prices: Prices,
    deep: float,
    slow: Slow | None = None,
    over: float = -np.inf,
) -> Rule:
    """Put what the standard, the structures and the water ask into plain numbers."""
    return Rule(
        radius=min(standard.radius, slow.radius) if slow else standard.radius,
        easy=standard.radius,
        slow=slow.price if slow else 0.0,
        zone=slow.zone_m if slow else 0.0,
        clothoid=standard.clothoid,
        grade=standard.grade,
        bridge=standard.grade_bridge,
        tunnel=standard.grade_tunnel,
        crest=standard.k_crest,
        sag=standard.k_sag,
        min_bridge=shape.min_bridge_m,
        min_tunnel=shape.min_tunnel_m,
        same=standard.tangent_same,
        reverse=standard.tangent_reverse,
        arc=standard.arc,
        short=SHORT * prices.surface,
        river=shape.river_half_m,
        over=over,
        deep=deep,
    )


class _Work(NamedTuple):
    """Scratch of one search, so that nothing is allocated for a trial."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    dx: NDArray[np.float64]
    dy: NDArray[np.float64]
    ground: NDArray[np.float64]
    slope: NDArray[np.float64]
    floor: NDArray[np.float64]
    dearer: NDArray[np.float64]
    barred: NDArray[np.bool_]
    wet: NDArray[np.bool_]
    u: NDArray[np.float64]
    rate: NDArray[np.float64]
    form: NDArray[np.int8]
    price: NDArray[np.float64]
    spare: NDArray[np.float64]
    back: NDArray[np.int16]
    tips: NDArray[np.float64]


class _Stretch(NamedTuple):
    """A few legs: points whose first and last stay, with the curves between them."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    wish: NDArray[np.float64]
    turn: NDArray[np.float64]
    radius: NDArray[np.float64]
    tangent: NDArray[np.float64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]


class _Road(NamedTuple):
    """The road under search; arrays with room for more corners."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    wish: NDArray[np.float64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    level: NDArray[np.float64]
    gap: float
    form: NDArray[np.int8]
    per: float
    awake: NDArray[np.bool_]
    kept: NDArray[np.float64]


def _work(stations: int, rule: Rule, p: Prices) -> _Work:
    states = 1 + _least(rule.min_bridge, STEP / 2) + _least(rule.min_tunnel, STEP / 2)
    tips = np.array([[formation.end_price(a, b, p) for b in range(3)] for a in range(3)])
    x, y, dx, dy, ground, slope, floor, dearer, u, rate = (np.empty(stations) for _ in range(10))
    return _Work(
        x=x,
        y=y,
        dx=dx,
        dy=dy,
        ground=ground,
        slope=slope,
        floor=floor,
        dearer=dearer,
        u=u,
        rate=rate,
        barred=np.empty(stations, bool),
        wet=np.empty(stations, bool),
        form=np.empty(stations, np.int8),
        price=np.empty((stations, 3)),
        spare=np.empty((stations, 3)),
        back=np.empty((stations, states), np.int16),
        tips=tips,
    )


def _stretch(size: int) -> _Stretch:
    return _Stretch(*(np.zeros(size) for _ in range(10)))


@njit(cache=True, nogil=True)
def _spiral(d: float, radius: float, length: float) -> tuple[float, float, float]:
    """Abscissa, ordinate and turn of a clothoid at a distance from its straight end; series."""
    t = d * d / (2 * radius * length)
    q = t * t
    x = d * (1 - q * (1 / 10 - q * (1 / 216 - q * (1 / 9360 - q / 685440))))
    y = d * t * (1 / 3 - q * (1 / 42 - q * (1 / 1320 - q * (1 / 75600 - q / 6894720))))
    return x, y, t


@njit(cache=True, nogil=True)
def _tangent(angle: float, radius: float, clothoid: float) -> float:
    """Distance from a PI to the start of its curve, as `horizontal.tangent_length`."""
    half = np.tan(angle / 2)
    if clothoid <= 0:
        return float(radius * half)
    x, y, t = _spiral(clothoid, radius, clothoid)
    return float((radius * np.cos(t) + y) * half + x - radius * np.sin(t))


@njit(cache=True, nogil=True)
def _turn(ax: float, ay: float, bx: float, by: float) -> float:
    """Change of bearing from one vector to the next, positive to the left [rad]."""
    return float(np.arctan2(ax * by - ay * bx, ax * bx + ay * by))


@njit(cache=True, nogil=True)
def _curved(part: _Stretch, n: int, rule: Rule) -> bool:
    """
    Give the inner points of a stretch their curves; False where there is no room for them.

    A corner takes the radius wished for, or the least where its legs are too
    short for that. The tangents of the first and last point are given.
    """
    for i in range(1, n - 1):
        ax, ay = part.x[i] - part.x[i - 1], part.y[i] - part.y[i - 1]
        bx, by = part.x[i + 1] - part.x[i], part.y[i + 1] - part.y[i]
        part.turn[i] = _turn(ax, ay, bx, by)
        angle = abs(part.turn[i])
        if angle > SHARPEST:
            return False
        if angle < STRAIGHT:
            part.radius[i] = part.tangent[i] = 0.0
            continue
        part.radius[i] = max(part.wish[i], rule.radius, rule.clothoid / angle)
        part.tangent[i] = _tangent(angle, part.radius[i], rule.clothoid)
    for i in range(n - 1):
        leg = np.hypot(part.x[i + 1] - part.x[i], part.y[i + 1] - part.y[i]) + ROOM
        for least in (rule.easy, rule.radius):
            if part.tangent[i] + part.tangent[i + 1] <= leg:
                break
            for j in (i, i + 1):
                if 0 < j < n - 1 and part.tangent[j] > 0 and part.radius[j] > least:
                    part.radius[j] = max(least, rule.clothoid / abs(part.turn[j]))
                    part.tangent[j] = _tangent(abs(part.turn[j]), part.radius[j], rule.clothoid)
        if part.tangent[i] + part.tangent[i + 1] > leg:
            return False
    return True


@njit(cache=True, nogil=True)
def _chained(part: _Stretch, n: int, rule: Rule) -> float:
    """Distances of the curves along a stretch, from the end of its first one; give its length."""
    s = -part.tangent[0]
    part.last[0] = 0.0
    for i in range(1, n):
        s += np.hypot(part.x[i] - part.x[i - 1], part.y[i] - part.y[i - 1]) - part.tangent[i]
        part.first[i] = s
        if i < n - 1 and part.tangent[i] > 0:
            s += part.radius[i] * abs(part.turn[i]) + rule.clothoid
        part.last[i] = s
        s -= part.tangent[i]
    return float(part.first[n - 1])


@njit(cache=True, nogil=True)
def _mapped(part: _Stretch, n: int, still: _Stretch, n0: int) -> None:
    """Give the curves of a moved stretch the chainages of levels at equal shares of the old one."""
    part.end[0], part.begin[n - 1] = still.end[0], still.begin[n0 - 1]
    share = still.first[n0 - 1] / part.first[n - 1]
    k, curve = 0, False
    s0, u0, s1, u1 = still.last[0], still.end[0], still.first[1], still.begin[1]
    for i in range(2, 2 * n - 2):
        s = (part.last[i // 2] if i % 2 else part.first[i // 2]) * share
        while s > s1 and not (k == n0 - 2 and not curve):
            s0, u0 = s1, u1
            if curve:
                curve = False
                s1, u1 = still.first[k + 1], still.begin[k + 1]
            else:
                curve = True
                k += 1
                s1, u1 = still.last[k], still.end[k]
        f = min(max((s - s0) / max(s1 - s0, 1e-9), 0.0), 1.0)
        if i % 2:
            part.end[i // 2] = u0 + (u1 - u0) * f
        else:
            part.begin[i // 2] = u0 + (u1 - u0) * f


@njit(cache=True, nogil=True)
def _walk(part: _Stretch, n: int, count: int, step: float, rule: Rule, work: _Work) -> None:  # noqa: PLR0915 - one walk along straight and curve
    """Places, directions and chainages of levels of stations at even distances along a stretch."""
    # arrays by name of their own: reading them from a tuple counts references
    px, py, tangent, begin, end = part.x, part.y, part.tangent, part.begin, part.end
    xs, ys, dxs, dys, us, rates = work.x, work.y, work.dx, work.dy, work.u, work.rate
    j, passed = 0, 0.0
    for i in range(n - 1):
        dx, dy = px[i + 1] - px[i], py[i + 1] - py[i]
        leg = np.hypot(dx, dy)
        c, s = dx / leg, dy / leg
        straight = leg - tangent[i] - tangent[i + 1]
        last = i == n - 2
        u, rate = end[i], (begin[i + 1] - end[i]) / max(straight, 1e-9)
        while j <= count and (j * step <= passed + straight or last):
            d = tangent[i] + j * step - passed
            xs[j], ys[j] = px[i] + d * c, py[i] + d * s
            dxs[j], dys[j] = c, s
            us[j], rates[j] = u + (j * step - passed) * rate, rate
            j += 1
        passed += straight
        if last or tangent[i + 1] <= 0:
            continue
        k = i + 1
        radius, turn, clothoid = part.radius[k], part.turn[k], rule.clothoid
        side = 1.0 if turn > 0 else -1.0
        curve = radius * abs(turn) + clothoid
        ex, ey, et = _spiral(clothoid, radius, clothoid)
        cosine, sine = np.cos(et), np.sin(et)
        x0, y0 = px[k] - tangent[k] * c, py[k] - tangent[k] * s
        # the way out is the way in, seen from the end of the curve and back
        ox, oy = px[k + 1] - px[k], py[k + 1] - py[k]
        away = np.hypot(ox, oy)
        oc, os = ox / away, oy / away
        x1, y1 = px[k] + tangent[k] * oc, py[k] + tangent[k] * os
        u, rate = begin[k], (end[k] - begin[k]) / curve
        while j <= count and j * step <= passed + curve:
            d = j * step - passed
            if d <= clothoid:
                a, b, t = _spiral(d, radius, clothoid)
                b *= side
                xs[j], ys[j] = x0 + a * c - b * s, y0 + a * s + b * c
                along, aside = np.cos(t), side * np.sin(t)
                dxs[j], dys[j] = along * c - aside * s, along * s + aside * c
            elif d >= curve - clothoid:
                a, b, t = _spiral(curve - d, radius, clothoid)
                b *= side
                xs[j], ys[j] = x1 - a * oc - b * os, y1 - a * os + b * oc
                along, aside = np.cos(t), -side * np.sin(t)
                dxs[j], dys[j] = along * oc - aside * os, along * os + aside * oc
            else:
                t = et + (d - clothoid) / radius
                along, aside = np.cos(t), np.sin(t)
                a = ex + radius * (aside - sine)
                b = side * (ey + radius * (cosine - along))
                aside *= side
                xs[j], ys[j] = x0 + a * c - b * s, y0 + a * s + b * c
                dxs[j], dys[j] = along * c - aside * s, along * s + aside * c
            us[j], rates[j] = u + d * rate, rate
            j += 1
        passed += curve


@njit(cache=True, nogil=True, forceinline=True)
def _between(z: NDArray[np.float32], row: float, col: float) -> float:
    """Value between cell centres, bilinear, as `Terrain.sample`; NaN outside."""
    rows, cols = z.shape
    if not (0 <= row <= rows - 1 and 0 <= col <= cols - 1):
        return np.nan
    i, j = min(int(row), rows - 2), min(int(col), cols - 2)
    fy, fx = row - i, col - j
    above = z[i, j] * (1 - fx) + z[i, j + 1] * fx
    below = z[i + 1, j] * (1 - fx) + z[i + 1, j + 1] * fx
    return float(above * (1 - fy) + below * fy)


@njit(cache=True, nogil=True, forceinline=True)
def _within(z: NDArray[np.float32], row: float, col: float) -> float:
    """Value between cell centres at a place that lies well inside."""
    i, j = int(row), int(col)
    fy, fx = row - i, col - j
    above = z[i, j] * (1 - fx) + z[i, j + 1] * fx
    below = z[i + 1, j] * (1 - fx) + z[i + 1, j + 1] * fx
    return float(above * (1 - fy) + below * fy)


@njit(cache=True, nogil=True)
def _ground(land: Map, x: float, y: float) -> float:
    """Ground level at a place; NaN outside [m]."""
    row, col = (land.top - y) / land.cell - 0.5, (x - land.left) / land.cell - 0.5
    return float(_between(land.z, row, col))


@njit(cache=True, nogil=True, forceinline=True)
def _crosses(a: NDArray[np.float64], x0: float, y0: float, x1: float, y1: float) -> bool:
    """Whether two pieces of line meet."""
    dx, dy = x1 - x0, y1 - y0
    ex, ey = a[2] - a[0], a[3] - a[1]
    one = dx * (a[1] - y0) - dy * (a[0] - x0)
    two = dx * (a[3] - y0) - dy * (a[2] - x0)
    three = ex * (y0 - a[1]) - ey * (x0 - a[0])
    four = ex * (y1 - a[1]) - ey * (x1 - a[0])
    return bool(one * two <= 0 and three * four <= 0)


@njit(cache=True, nogil=True)
def _survey(land: Map, count: int, step: float, rule: Rule, work: _Work) -> bool:
    """Ground, cross slope, water and rivers at stations; False where the ground is not known."""
    # arrays by name of their own: reading them from a tuple costs more than the sampling
    z, floor, forbidden = land.z, land.floor, land.forbidden
    river, first = land.river, land.first
    left, top, per = land.left, land.top, 1 / land.cell
    xs, ys, dxs, dys = work.x, work.y, work.dx, work.dy
    ground, slope, lowest, barred, wet = work.ground, work.slope, work.floor, work.barred, work.wet
    wish, dearer = land.dearer, work.dearer
    rows, cols = z.shape
    near = ASIDE * per
    edge = max(near, 1.5)  # the slope is taken a cell to both sides
    until, clear = -1, -np.inf
    for j in range(count + 1):
        row, col = (top - ys[j]) * per, (xs[j] - left) * per
        if not (edge < row < rows - edge and edge < col < cols - edge):
            return False
        dx, dy = -dys[j], dxs[j]
        ground[j] = _within(z, row - 0.5, col - 0.5)
        rise = _within(z, row - 0.5 - dy, col - 0.5 + dx)
        rise -= _within(z, row - 0.5 + dy, col - 0.5 - dx)
        slope[j] = abs(rise) / (2 * land.cell)
        if np.isnan(ground[j] + rise):
            return False
        i0, i1 = int(row - near), int(row + near)
        j0, j1 = int(col - near), int(col + near)
        barred[j] = forbidden[i0, j0] or forbidden[i1, j1]
        if i0 != i1 and j0 != j1:
            barred[j] |= forbidden[i0, j1] or forbidden[i1, j0]
        lowest[j] = floor[int(row), int(col)]
        dearer[j] = wish[int(row), int(col)]
        wet[j] = j <= until or ground[j] < lowest[j] - rule.deep
        if j <= until:
            lowest[j] = max(lowest[j], clear)
        here = int(row) * cols + int(col)
        if j > 0:
            for q in range(first[here], first[here + 1]):
                if _crosses(river[q], xs[j - 1], ys[j - 1], xs[j], ys[j]):
                    until = int(np.floor(j - 0.5 + rule.river / step + 1e-9))
                    since = int(np.ceil(j - 0.5 - rule.river / step - 1e-9))
                    clear = (ground[j - 1] + ground[j]) / 2 + rule.over
                    for k in range(max(since, 0), min(until, j) + 1):
                        wet[k] = True
                        lowest[k] = max(lowest[k], clear)
    return True


@njit(cache=True, nogil=True)
def _level(level: NDArray[np.float64], gap: float, u: float) -> tuple[float, float]:
    """Level [m] and grade [fraction] on parabolas that touch between even PVIs."""
    m = level.size
    t = min(max(u / gap, 0.0), m - 1.0)
    i = min(int(t), m - 2)
    z = level[i] * (1 - t + i) + level[i + 1] * (t - i)
    grade = level[i + 1] - level[i]
    near = int(np.rint(t))
    if 0 < near < m - 1:
        bend = level[near - 1] - 2 * level[near] + level[near + 1]
        off = abs(t - near)
        z += bend * (0.5 - off) ** 2 / 2
        grade += bend * (0.5 - off) * (1.0 if t < near else -1.0)
    return z, grade / gap


@njit(cache=True, nogil=True)
def _levels(level: NDArray[np.float64], gap: float, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels at some chainages [m]."""
    out = np.empty(u.size)
    for i in range(u.size):
        out[i] = _level(level, gap, u[i])[0]
    return out


@njit(cache=True, nogil=True)
def _prices(  # noqa: PLR0913, PLR0917 - arrays of one search, flat for the compiler
    road: _Road,
    level: NDArray[np.float64],
    step: float,
    count: int,
    rule: Rule,
    p: Prices,
    work: _Work,
    since: int = 0,
    until: int = -1,
) -> float:
    """
    Fill in the price of every interval in every form; give the price of broken rules.

    Of the `count` intervals of a stretch only those between two stations, and
    the rules at these stations, where such are given.
    """
    # arrays by name of their own: reading them from a tuple counts references
    us, rates, ground, slopes, dearer = work.u, work.rate, work.ground, work.slope, work.dearer
    lowest, barred, wet, price = work.floor, work.barred, work.wet, work.price
    gap = road.gap
    whole = gap * (level.size - 1)
    broken = 0.0
    h0 = t0 = o0 = 0.0
    until = count if until < 0 else until
    before = max(since - 1, 0)
    g0 = g1 = abs(_level(level, gap, us[before])[1] * rates[before])
    z, grade = _level(level, gap, us[since])
    grade = abs(grade * rates[since])
    for j in range(since, until + 1):
        after = min(j + 1, count)
        z1, g3 = _level(level, gap, us[after])
        g3 = abs(g3 * rates[after])
        height, slope = z - ground[j], slopes[j]
        on = formation.open_road(height, slope, p).price * dearer[j]
        share = step if 0 < j < count else step / 2
        if barred[j]:
            broken += FORBIDDEN * share
        if z < lowest[j] and ROOM < us[j] < whole - ROOM:
            broken += SUNK * (lowest[j] - z) * share
        if grade > rule.grade + STEEP_SLACK:
            broken += TOO_STEEP * (grade - rule.grade) * share
        if j > since:
            # a structure keeps its grade an interval beyond itself, as other stations may ask it to
            h, t, g = (h0 + height) / 2, (t0 + slope) / 2, max(g0, g1, grade, g3)
            cost = (o0 + on) / 2
            if wet[j - 1] or wet[j] or not np.isfinite(cost):
                cost = DENIED + UNFIT * abs(h)
            price[j - 1, OPEN] = cost * step
            cost = formation.structure(BRIDGE, h, t, p).price
            if g > rule.bridge + STEEP_SLACK or not np.isfinite(cost):
                cost = DENIED + UNFIT * max(-h, h + t * p.half - p.max_deck, 0.0)
            price[j - 1, BRIDGE] = cost * step
            cost = formation.structure(TUNNEL, h, t, p).price
            if g > rule.tunnel + STEEP_SLACK or not np.isfinite(cost):
                cost = DENIED + UNFIT * max(h, 0.0)
            price[j - 1, TUNNEL] = cost * step
        h0, t0, o0 = height, slope, on
        g0, g1, z, grade = g1, grade, z1, g3
    return broken


@njit(cache=True, nogil=True)
def _least(length: float, step: float) -> int:
    """Least length of a structure in intervals, as if none were shorter than half a `STEP`."""
    return max(int(np.ceil(length / max(step, STEP / 2) - 1e-9)), 1)


@njit(cache=True, nogil=True)
def _chosen(  # noqa: C901, PLR0912, PLR0915 - one dynamic program, flat for the compiler
    count: int,
    step: float,
    ends: tuple[int, float, int, float],
    rule: Rule,
    work: _Work,
    write: bool,  # noqa: FBT001 - numba knows no keyword-only arguments
    since: int = 0,
) -> float:
    """
    Price of the cheapest forms of a stretch between the forms that stand before and after it.

    The stretch has `count` intervals, of which the first is number `since`. The
    states are those of `formation.choose`: form, and length of the run so far.
    """
    price, tips, back, form = work.price, work.tips, work.back, work.form
    least_bridge = _least(rule.min_bridge, step)
    least_tunnel = _least(rule.min_tunnel, step)
    last = (0, least_bridge, least_bridge + least_tunnel)
    first = (0, 1, least_bridge + 1)
    size = last[2] + 1
    cost = np.full(size, np.inf)
    fresh = np.empty(size)
    before, after = ends[0], ends[2]
    for f in range(3):
        if f == before:
            k = first[f] + int(ends[1] / step + 1e-9)
            cost[min(k, last[f])] = price[since, f]
        elif ends[1] >= (last[before] - first[before] + 1) * step - 1e-6:
            cost[first[f]] = tips[before, f] + price[since, f]
    for j in range(since + 1, since + count):
        done = (cost[last[0]], cost[last[1]], cost[last[2]])
        for f in range(3):
            here = price[j, f]
            a, b = first[f], last[f]
            for k in range(b, a, -1):
                fresh[k] = cost[k - 1] + here
                if write:
                    back[j, k] = k - 1
            new, way = np.inf, 0
            for g in range(3):
                if g != f and done[g] + tips[g, f] < new:
                    new, way = done[g] + tips[g, f], last[g]
            if a == b:
                if done[f] <= new:
                    new, way = done[f], b
                fresh[a] = new + here
                if write:
                    back[j, a] = way
            else:
                fresh[a] = new + here
                if write:
                    back[j, a] = way
                if done[f] + here < fresh[b]:
                    fresh[b] = done[f] + here
                    if write:
                        back[j, b] = b
        cost, fresh = fresh, cost
    best, at = np.inf, 0
    for f in range(3):
        for k in range(first[f], last[f] + 1):
            lacking = (last[f] - k) * step - 1e-6
            if f == after:
                lacking -= ends[3]
            else:
                lacking = max(lacking, (last[after] - first[after] + 1) * step - 1e-6 - ends[3])
            if lacking > 0:
                continue
            value = cost[k] + tips[f, after]
            if value < best:
                best, at = value, k
    if write:
        for j in range(since + count - 1, since - 1, -1):
            f = 0
            while at > last[f]:
                f += 1
            form[j] = f
            at = back[j, at]
    return best


@njit(cache=True, nogil=True)
def _fringe(road: _Road, u0: float, u1: float) -> tuple[int, float, int, float]:
    """Forms before and after a stretch and the lengths of their runs; open beyond the ends."""
    i, j = int(np.floor(u0 / road.per + 0.5)) - 1, int(np.ceil(u1 / road.per - 0.5))
    before, after, back, ahead = OPEN, OPEN, 0, 0
    if i >= 0:
        before = int(road.form[i])
        while i - back >= 0 and road.form[i - back] == before and back * STEP < FAR:
            back += 1
    if j < road.form.size:
        after = int(road.form[j])
        while j + ahead < road.form.size and road.form[j + ahead] == after and ahead * STEP < FAR:
            ahead += 1
    # one more, since the runs are known to one interval only
    return before, (back + 1) * road.per, after, (ahead + 1) * road.per


@njit(cache=True, nogil=True)
def _look(part: _Stretch, n: int, land: Map, rule: Rule, work: _Work) -> tuple[int, float]:
    """Stations of a stretch whose curves are known, and their distance; 0 where it is no ground."""
    length = part.first[n - 1]
    count = max(int(np.ceil(length / STEP - 1e-9)), 1)
    if count + 1 > work.x.size:
        return 0, length
    step = length / count
    _walk(part, n, count, step, rule, work)
    if not _survey(land, count, step, rule, work):
        return 0, step
    return count, step


@njit(cache=True, nogil=True)
def _laid(
    part: _Stretch,
    n: int,
    still: _Stretch,
    n0: int,
    land: Map,
    rule: Rule,
    work: _Work,
) -> tuple[int, float]:
    """Stations of a moved stretch and their distance; 0 where it has no room or no ground."""
    if not _curved(part, n, rule) or not _chained(part, n, rule) > 0:
        return 0, 0.0
    if n0 > 0:
        _mapped(part, n, still, n0)
    return _look(part, n, land, rule, work)


@njit(cache=True, nogil=True)
def _worth(
    road: _Road,
    ends: tuple[float, float],
    count: int,
    step: float,
    rule: Rule,
    p: Prices,
    work: _Work,
) -> float:
    """Price of a stretch that has been looked at; infinite where there is none."""
    if count == 0:
        return np.inf
    broken = _prices(road, road.level, step, count, rule, p, work)
    fringe = _fringe(road, ends[0], ends[1])
    return broken + _chosen(count, step, fringe, rule, work, write=False)


@njit(cache=True, nogil=True)
def _cut(road: _Road, m: int, a: int, b: int, part: _Stretch, rule: Rule) -> int:
    """Copy corners a to b, and the fixed points beside them, into a stretch; give its size."""
    n = b - a + 3
    for k in range(n):
        i = a - 1 + k
        part.x[k], part.y[k], part.wish[k] = road.x[i], road.y[i], road.wish[i]
        part.begin[k], part.end[k] = road.begin[i], road.end[i]
    for k, i in ((0, a - 1), (n - 1, b + 1)):
        part.tangent[k] = 0.0
        if 0 < i < m - 1:
            turn = _turn(
                road.x[i] - road.x[i - 1],
                road.y[i] - road.y[i - 1],
                road.x[i + 1] - road.x[i],
                road.y[i + 1] - road.y[i],
            )
            angle = abs(turn)
            if angle >= STRAIGHT:
                part.turn[k] = turn
                part.radius[k] = max(road.wish[i], rule.radius, rule.clothoid / angle)
                part.tangent[k] = _tangent(angle, part.radius[k], rule.clothoid)
    return n


@njit(cache=True, nogil=True)
def _short(part: _Stretch, n: int, rule: Rule) -> float:
    """Price of tangents between the curves of a stretch, and of arcs, that are too short."""
    x, y, turn, radius, tangent = part.x, part.y, part.turn, part.radius, part.tangent
    lacking = 0.0
    for i in range(n):
        if tangent[i] <= 0:
            continue
        if 0 < i < n - 1:
            lacking += max(rule.arc - radius[i] * abs(turn[i]) + rule.clothoid, 0.0)
        j = i + 1  # the next curve, beyond points at which the road does not turn
        straight = -tangent[i]
        while j < n:
            straight += np.hypot(x[j] - x[j - 1], y[j] - y[j - 1])
            if tangent[j] > 0:
                straight -= tangent[j]
                if turn[i] * turn[j] > 0:
                    lacking += max(rule.same - straight, 0.0)
                else:
                    touch = np.sqrt(radius[i] * rule.clothoid) + np.sqrt(radius[j] * rule.clothoid)
                    apart = max(straight - touch / TOUCH, 0.0)
                    lacking += min(apart, max(rule.reverse - straight, 0.0))
                break
            j += 1
    return lacking * rule.short


@njit(cache=True, nogil=True)
def _slowed(road: _Road, m: int, a: int, b: int, part: _Stretch, n: int, rule: Rule) -> float:
    """
    Price of the slow stretches about the sharp curves of a stretch.

    Each sharp curve makes the road slow over the length of a zone, and zones
    that overlap count once: a zone for the first sharp curve of the road, and for
    every other its distance from the one before, at most a zone.
    """
    if rule.slow <= 0:
        return 0.0
    begin, end = road.end[a - 1], road.begin[b + 1]
    near = -np.inf
    i = a - 1
    while i > 0 and begin - road.end[i] < rule.zone:
        if road.wish[i] < rule.easy - ROOM and road.end[i] > road.begin[i]:
            near = (road.begin[i] + road.end[i]) / 2 - begin
            break
        i -= 1
    after = np.inf
    i = b + 1
    while i < m - 1 and road.begin[i] - end < rule.zone:
        if road.wish[i] < rule.easy - ROOM and road.end[i] > road.begin[i]:
            after = (road.begin[i] + road.end[i]) / 2 - end + part.first[n - 1]
            break
        i += 1
    slow = 0.0
    for k in range(1, n - 1):
        if part.tangent[k] > 0 and part.radius[k] < rule.easy - ROOM:
            at = (part.first[k] + part.last[k]) / 2
            slow += min(at - near, rule.zone)
            near = at
    if after < np.inf:
        slow += min(after - near, rule.zone)
    return slow * rule.slow


@njit(cache=True, nogil=True)
def _noted(road: _Road, u0: float, u1: float, count: int, work: _Work, since: int = 0) -> None:
    """Note the chosen forms of a stretch along the chainages of the levels."""
    i, j = max(int(np.ceil(u0 / road.per - 0.5)), 0), since
    while i < road.form.size and (i + 0.5) * road.per < u1:
        while j < since + count - 1 and work.u[j + 1] < (i + 0.5) * road.per:
            j += 1
        road.form[i] = work.form[j]
        i += 1


@njit(cache=True, nogil=True)
def _forms_kept(
    road: _Road, ends: tuple[float, float], count: int, step: float, rule: Rule, work: _Work
) -> None:
    """Keep the forms of a stretch whose prices are filled in."""
    u0, u1 = ends
    _chosen(count, step, _fringe(road, u0, u1), rule, work, write=True)
    _noted(road, u0, u1, count, work)


@njit(cache=True, nogil=True)
def _placed(  # noqa: C901, PLR0913, PLR0917 - arrays of one search, flat for the compiler
    road: _Road,
    m: int,
    a: int,
    b: int,
    part: _Stretch,
    n: int,
    still: _Stretch,
    n0: int,
    land: Map,
    rule: Rule,
    p: Prices,
    work: _Work,
) -> int:
    """Put a stretch in place of corners a to b, with chainages and forms; give the new size."""
    ends = (road.end[a - 1], road.begin[b + 1])
    count, step = _laid(part, n, still, n0, land, rule, work)
    _prices(road, road.level, step, count, rule, p, work)
    _forms_kept(road, ends, count, step, rule, work)
    shift = (n - 2) - (b - a + 1)
    for array in (road.x, road.y, road.wish, road.begin, road.end):
        if shift > 0:
            for i in range(m - 1, b, -1):
                array[i + shift] = array[i]
        elif shift < 0:
            for i in range(b + 1, m):
                array[i + shift] = array[i]
    if shift > 0:
        for i in range(m - 1, b, -1):
            road.awake[i + shift] = road.awake[i]
    elif shift < 0:
        for i in range(b + 1, m):
            road.awake[i + shift] = road.awake[i]
    m += shift
    for k in range(1, n - 1):
        i = a - 1 + k
        road.x[i], road.y[i] = part.x[k], part.y[k]
        road.begin[i], road.end[i] = part.begin[k], part.end[k]
        road.wish[i] = part.wish[k]
        if 0 < part.radius[k] < part.wish[k]:
            road.wish[i] = part.radius[k]
    for i in range(max(a - 2, 1), min(a + n + 1, m - 1)):
        road.awake[i] = True
    return m


@njit(cache=True, nogil=True)
def _meets(road: _Road, m: int, a: int, b: int, part: _Stretch, n: int) -> int:
    """How often the legs of a stretch cross each other or the legs of the rest of the road."""
    found = 0
    leg = np.empty(4)
    for k in range(n - 1):
        leg[0], leg[1], leg[2], leg[3] = part.x[k], part.y[k], part.x[k + 1], part.y[k + 1]
        left, right = min(leg[0], leg[2]), max(leg[0], leg[2])
        low, high = min(leg[1], leg[3]), max(leg[1], leg[3])
        for i in range(m - 1):
            if a - 1 <= i <= b or (i == a - 2 and k == 0) or (i == b + 1 and k == n - 2):
                continue
            x0, y0, x1, y1 = road.x[i], road.y[i], road.x[i + 1], road.y[i + 1]
            if max(x0, x1) < left or min(x0, x1) > right or max(y0, y1) < low:
                continue
            if min(y0, y1) <= high and _crosses(leg, x0, y0, x1, y1):
                found += 1
        for i in range(k + 2, n - 1):
            if _crosses(leg, part.x[i], part.y[i], part.x[i + 1], part.y[i + 1]):
                found += 1
    return found


@njit(cache=True, nogil=True)
def _rules_kept(road: _Road, k0: int, k1: int, rule: Rule) -> bool:
    """Whether grades and curvature at changed levels keep the standard, or are no worse than it."""
    z, old, gap, m = road.level, road.kept, road.gap, road.level.size
    for k in range(max(k0 - 1, 0), min(k1 + 1, m - 1)):
        grade = abs(z[k + 1] - z[k]) / gap
        if grade > rule.grade and grade > abs(old[k + 1] - old[k]) / gap:
            return False
    for k in range(max(k0 - 1, 1), min(k1 + 2, m - 1)):
        bend = z[k - 1] - 2 * z[k] + z[k + 1]
        before = old[k - 1] - 2 * old[k] + old[k + 1]
        limit = gap * gap / (100 * (rule.sag if bend > 0 else rule.crest))
        if abs(bend) > limit and abs(bend) > (before if bend > 0 else -before):
            return False
    return True


@njit(cache=True, nogil=True)
def _lifted(
    road: _Road, at: tuple[float, float, float], ends: tuple[float, float], rise: float
) -> tuple[int, int]:
    """
    Raise the PVIs about a place, most there and less to both sides; give the first and last.

    Only those are raised whose parabolas end within the stretch; none of the
    last before the first says that there are none.
    """
    gap = road.gap
    first = max(int(np.ceil(ends[0] / gap + 1.5 - 1e-9)), 1)
    last = min(int(np.floor(ends[1] / gap - 1.5 + 1e-9)), road.level.size - 2)
    k0, k1 = 1, 0
    for k in range(first, last + 1):
        u = k * gap
        side = at[1] - at[0] if u < at[1] else at[2] - at[1]
        share = 1 - abs(u - at[1]) / max(side, gap)
        if share > 0:
            road.level[k] += share * rise
            k0, k1 = (k if k1 < k0 else k0), k
    return k0, k1


@njit(cache=True, nogil=True)
def _reset(road: _Road, k0: int, k1: int) -> None:
    for k in range(k0, k1 + 1):
        road.level[k] = road.kept[k]


@njit(cache=True, nogil=True)
def _keep(road: _Road, k0: int, k1: int) -> None:
    for k in range(k0, k1 + 1):
        road.kept[k] = road.level[k]


@njit(cache=True, nogil=True)
def _moved(  # noqa: C901, PLR0911, PLR0912, PLR0915 - one table of moves, flat for the compiler
    road: _Road,
    m: int,
    i: int,
    way: int,
    stride: float,
    part: _Stretch,
    rule: Rule,
) -> tuple[int, int, int]:
    """
    Lay out a move of the plan at a corner: its stretch, and the corners that it replaces.

    Returns
    -------
    n, a, b
        Size of the stretch in `part`, first and last corner replaced; n is 0 where
        there is no such move. Ways: 0 to 3 the corner sideways and along, 4 and 5
        the leg after it sideways, 6 and 7 a new corner in that leg, 8 the corner
        left out, 9 and 10 its radius larger and smaller.
    """
    a = max(i - 1, 1)
    b = min(i + 1, m - 2) if way < 4 or way >= 8 else min(i + 2, m - 2)
    at = i - a + 1
    sign = 1.0 if way % 2 == 0 else -1.0
    tied = i in (1, m - 2)
    if way >= 4 and way < 8 and i + 1 > m - 2:
        return 0, a, b
    n = _cut(road, m, a, b, part, rule)
    if way < 4:
        dx, dy = part.x[at + 1] - part.x[at - 1], part.y[at + 1] - part.y[at - 1]
        if tied:
            if way < 2 or m < 4:
                return 0, a, b
            j = i - 1 if i == 1 else i
            dx, dy = road.x[j + 1] - road.x[j], road.y[j + 1] - road.y[j]
        size = np.hypot(dx, dy)
        if size < ROOM:
            return 0, a, b
        dx, dy = sign * stride * dx / size, sign * stride * dy / size
        if way < 2:
            dx, dy = -dy, dx
        part.x[at] += dx
        part.y[at] += dy
        if tied:
            # the leg to the existing road keeps its bearing
            j = 0 if i == 1 else m - 1
            ahead = (road.x[i] - road.x[j]) * (part.x[at] - road.x[j])
            ahead += (road.y[i] - road.y[j]) * (part.y[at] - road.y[j])
            if ahead <= 0:
                return 0, a, b
        return n, a, b
    if way < 8:
        dx, dy = part.x[at + 1] - part.x[at], part.y[at + 1] - part.y[at]
        size = np.hypot(dx, dy)
        if size < ROOM:
            return 0, a, b
        dx, dy = -sign * stride * dy / size, sign * stride * dx / size
        if way < 6:
            if tied or i + 1 == m - 2:
                return 0, a, b
            for k in (at, at + 1):
                part.x[k] += dx
                part.y[k] += dy
            return n, a, b
        if size < 2 * rule.clothoid or n + 1 > part.x.size or m + 1 > road.x.size:
            return 0, a, b
        for k in range(n - 1, at, -1):
            part.x[k + 1], part.y[k + 1] = part.x[k], part.y[k]
            part.wish[k + 1] = part.wish[k]
            part.tangent[k + 1] = part.tangent[k]
        part.x[at + 1] = (part.x[at] + part.x[at + 2]) / 2 + dx
        part.y[at + 1] = (part.y[at] + part.y[at + 2]) / 2 + dy
        part.wish[at + 1] = 2 * rule.easy
        return n + 1, a, b
    if way == 8:
        if tied:
            return 0, a, b
        for k in range(at, n - 1):
            part.x[k], part.y[k] = part.x[k + 1], part.y[k + 1]
            part.wish[k] = part.wish[k + 1]
            part.tangent[k] = part.tangent[k + 1]
        return n - 1, a, b
    if way == 9:
        part.wish[at] = min(part.wish[at] * WIDER, LARGEST)
    else:
        part.wish[at] = max(part.wish[at] / WIDER, rule.radius)
    return (n if part.wish[at] != road.wish[i] else 0), a, b


@njit(cache=True, nogil=True)
def _visit(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - arrays of one search, flat for the compiler
    road: _Road,
    m: int,
    i: int,
    stride: float,
    part: _Stretch,
    still: _Stretch,
    land: Map,
    rule: Rule,
    p: Prices,
    work: _Work,
) -> tuple[int, bool]:
    """Make the move of the plan at a corner that saves most, if one does; give the new size."""
    best, chosen, rise = 0.0, -1, 0.0
    base, base_a, base_b, n0 = np.inf, -1, -1, 0
    for way in WAYS:
        n, a, b = _moved(road, m, i, way, stride, part, rule)
        if n == 0:
            continue
        ends = (road.end[a - 1], road.begin[b + 1])
        if a != base_a or b != base_b:
            n0 = _cut(road, m, a, b, still, rule)
            count, step = _laid(still, n0, still, 0, land, rule, work)
            base = _worth(road, ends, count, step, rule, p, work) + _short(still, n0, rule)
            base += _slowed(road, m, a, b, still, n0, rule)
            base_a, base_b = a, b
        at = i - a + 1
        span = (road.begin[i - 1], (road.begin[i] + road.end[i]) / 2, road.end[i + 1])
        lift = 0.0
        if way < 8:
            k = at + 1 if way >= 6 else at
            x0, y0 = road.x[i], road.y[i]
            if way >= 6:
                x0, y0 = (x0 + road.x[i + 1]) / 2, (y0 + road.y[i + 1]) / 2
            lift = _ground(land, part.x[k], part.y[k]) - _ground(land, x0, y0)
            if way >= 4:
                span = (road.begin[i], (road.end[i] + road.begin[i + 1]) / 2, road.end[i + 1])
        least = 0.0 if way == 8 else WORTH * base
        count, step = _laid(part, n, still, n0, land, rule, work)
        if count == 0:
            continue
        short = _short(part, n, rule) + _slowed(road, m, a, b, part, n, rule)
        cost = _worth(road, ends, count, step, rule, p, work) + short
        gain = base - cost - least
        here = 0.0
        if 0.05 < abs(lift) < MOST_RISE:
            k0, k1 = _lifted(road, span, ends, lift)
            if k0 <= k1 and _rules_kept(road, k0, k1, rule):
                cost = _worth(road, ends, count, step, rule, p, work) + short
                if base - cost - least > gain:
                    gain, here = base - cost - least, lift
            _reset(road, k0, k1)
        if gain > best:
            crossed = _meets(road, m, a, b, part, n)
            if crossed > 0 and crossed > _meets(road, m, a, b, still, n0):
                continue
            best, chosen, rise = gain, way, here
    if chosen < 0:
        return m, False
    n, a, b = _moved(road, m, i, chosen, stride, part, rule)
    if rise != 0:
        span = (road.begin[i - 1], (road.begin[i] + road.end[i]) / 2, road.end[i + 1])
        if chosen >= 4:
            span = (road.begin[i], (road.end[i] + road.begin[i + 1]) / 2, road.end[i + 1])
        k0, k1 = _lifted(road, span, (road.end[a - 1], road.begin[b + 1]), rise)
        _keep(road, k0, k1)
    n0 = _cut(road, m, a, b, still, rule)
    _laid(still, n0, still, 0, land, rule, work)
    return _placed(road, m, a, b, part, n, still, n0, land, rule, p, work), True


@njit(cache=True, nogil=True)
def _levelled(  # noqa: C901, PLR0912, PLR0913, PLR0917 - arrays of one search, flat for the compiler
    road: _Road,
    k: int,
    rise: float,
    count: int,
    step: float,
    rule: Rule,
    p: Prices,
    work: _Work,
) -> bool:
    """
    Raise or lower one, three or five PVIs by the amount that saves most, if one does.

    The whole road has been looked at and priced; a trial prices the stations
    again whose level it changes, and chooses the forms of these and of a margin.
    """
    level, q, gap = road.level, road.level.size, road.gap
    u, price, kept = work.u[: count + 1], work.price, work.spare
    low = int(np.searchsorted(u, (k - 2 - BEND) * gap - MARGIN))
    high = int(np.searchsorted(u, (k + 2 + BEND) * gap + MARGIN, side="right")) - 1
    low, high = min(low, count - 1), max(high, 1)
    size = high - low
    if size < 1:
        return False
    fringe = _fringe(road, u[low], u[high])
    standing = _chosen(size, step, fringe, rule, work, False, low)
    best, wide, by = WORTH * standing, -1, 0.0
    for half in range(3):
        k0, k1 = max(k - half, 1), min(k + half, q - 2)
        # the stations on changed parabolas, and those beside them that ask for their grades
        a = max(int(np.searchsorted(u, (k0 - BEND) * gap)) - 2, low)
        b = min(int(np.searchsorted(u, (k1 + BEND) * gap)) + 2, high)
        for j in range(a, b):
            for f in range(3):
                kept[j, f] = price[j, f]
        broken = _prices(road, level, step, count, rule, p, work, a, b)
        for sign in (1.0, -1.0):
            for j in range(k0, k1 + 1):
                level[j] += sign * rise
            if _rules_kept(road, k0, k1, rule):
                cost = _prices(road, level, step, count, rule, p, work, a, b) - broken
                if cost < standing:
                    cost += _chosen(size, step, fringe, rule, work, False, low)
                    if standing - cost > best:
                        best, wide, by = standing - cost, half, sign * rise
            _reset(road, k0, k1)
        for j in range(a, b):
            for f in range(3):
                price[j, f] = kept[j, f]
    if wide < 0:
        return False
    k0, k1 = max(k - wide, 1), min(k + wide, q - 2)
    for j in range(k0, k1 + 1):
        level[j] += by
    _keep(road, k0, k1)
    _prices(road, level, step, count, rule, p, work, low, high)
    _chosen(size, step, fringe, rule, work, True, low)
    _noted(road, u[low], u[high], size, work, low)
    return True


@njit(cache=True, nogil=True)
def _search(  # noqa: PLR0913, PLR0917 - arrays of one search, flat for the compiler
    road: _Road,
    m: int,
    stride: float,
    part: _Stretch,
    still: _Stretch,
    land: Map,
    rule: Rule,
    p: Prices,
    work: _Work,
    plan: bool,  # noqa: FBT001 - numba knows no keyword-only arguments
) -> int:
    """Move corners and levels as long as a stride saves anything; give the number of points."""
    q = road.level.size
    up = np.ones(q, np.bool_)
    road.awake[:] = True
    for _ in range(ROUNDS):
        moved = False
        i = 1
        while plan and i < m - 1:
            if road.awake[i]:
                road.awake[i] = False
                m, done = _visit(road, m, i, stride, part, still, land, rule, p, work)
                moved |= done
            i += 1
        n = _cut(road, m, 1, m - 2, part, rule)
        count, step = _laid(part, n, part, 0, land, rule, work)
        if count == 0:
            break
        _prices(road, road.level, step, count, rule, p, work)
        for k in range(1, q - 1):
            if up[k]:
                up[k] = False
                if _levelled(road, k, stride * RISE, count, step, rule, p, work):
                    moved = True
                    for j in range(max(k - 4, 0), min(k + 5, q)):
                        up[j] = True
        if not moved:
            break
    return m


@njit(cache=True, nogil=True)
def _whole(
    road: _Road,
    m: int,
    part: _Stretch,
    land: Map,
    rule: Rule,
    p: Prices,
    work: _Work,
) -> tuple[int, float, float]:
    """Price a whole road and keep its forms; give stations, their distance and the price."""
    n = _cut(road, m, 1, m - 2, part, rule)
    count, step = _laid(part, n, part, 0, land, rule, work)
    if count == 0:
        return 0, step, np.inf
    broken = _prices(road, road.level, step, count, rule, p, work)
    price = broken + _chosen(count, step, (OPEN, FAR, OPEN, FAR), rule, work, write=True)
    _noted(road, road.begin[0], road.begin[m - 1], count, work)
    price += _short(part, n, rule) + _slowed(road, m, 1, m - 2, part, n, rule)
    return count, step, price


def _prepared(
    pis: NDArray[np.float64],
    curves: Sequence[Corner | None],
    length: float,
    level: NDArray[np.float64],
    rule: Rule,
) -> tuple[_Road, _Stretch]:
    """Arrays of a road with room for as many corners again, and a stretch that holds it all."""
    m = len(pis)
    room = 2 * m + 64
    x, y, wish, begin, end = (np.zeros(room) for _ in range(5))
    count = max(int(np.ceil(length / STEP)), 1)
    road = _Road(
        x=x,
        y=y,
        wish=wish,
        begin=begin,
        end=end,
        level=level.copy(),
        gap=length / (level.size - 1),
        form=np.zeros(count, np.int8),
        per=length / count,
        awake=np.ones(room, bool),
        kept=level.copy(),
    )
    road.x[:m], road.y[:m] = pis.T
    road.wish[1 : m - 1] = [curve.radius if curve else rule.easy for curve in curves]
    s = 0.0
    for i, curve in enumerate(curves, start=1):
        take = curve.tangent if curve else 0.0
        s += float(np.hypot(*(pis[i] - pis[i - 1]))) - take
        road.begin[i] = s
        s += curve.radius * abs(curve.deflection) + curve.clothoid if curve else 0.0
        road.end[i] = s
        s -= take
    road.begin[m - 1] = road.end[m - 1] = length
    return road, _stretch(room)


def refine(  # noqa: PLR0913 - a road, the land, and the tables that rule it
    pis: NDArray[np.float64],
    curves: Sequence[Corner | None],
    grades: Grades,
    land: Map,
    *,
    standard: DesignStandard,
    shape: Formation,
    prices: Prices,
    plan: bool = True,
    deep: float = np.inf,
    slow: Slow | None = None,
    over: float = -np.inf,
    strides: Sequence[float] = STRIDES,
) -> Line:
    """
    Move a road to where it is cheapest near by.

    Parameters
    ----------
    pis
        Polygon of tangents, shape (m, 2), m at least 3; both ends stay, and so do
        the bearings of the first and the last leg [m].
    curves
        Curves at its inner corners, shape (m - 2,).
    grades
        Grade line over the chainages of the road, PVIs evenly spaced, parabolas
        that touch each other.
    land
        Ground, water, rivers and forbidden cells, from `chart`.
    standard, shape, prices
        What rules a road and what it costs.
    plan
        Whether the plan is moved too; otherwise the levels alone, and the answer's
        PVIs keep grades and curvature wherever the given ones do.
    deep
        How far below the lowest road level that water allows the ground may lie
        under open road [m]; no limit by default.
    slow
        What sharper curves cost that make the road slower over a stretch; by
        default there are none.
    over
        Height that the road keeps above the ground where it crosses a river; any by
        default [m].
    strides
        How far points are moved, from the first round to the last [m].

    Returns
    -------
    line
        Never dearer than the given road, by the same measure.

    Raises
    ------
    GeometryError
        The PVIs are not even, or the curves find no room or no ground.
    """
    limits = rule(standard, shape, prices, deep, slow, over)
    length = float(grades.chainage[-1])
    gap = length / (grades.chainage.size - 1)
    if np.abs(np.diff(grades.chainage) - gap).max() > ROOM:
        msg = "wanted a grade line with evenly spaced PVIs"
        raise GeometryError(msg)
    road, part = _prepared(pis, curves, length, grades.level, limits)
    work = _work(int(1.5 * length / STEP) + 1000, limits, prices)
    m = len(pis)
    given = _line(road, m, part, land, limits, prices, work)
    still = _stretch(part.x.size)
    best, tight = given, _tight(prices)
    for stride in strides:
        m = _search(road, m, stride, part, still, land, limits, tight, work, plan)
        found = _line(road, m, part, land, limits, prices, work)
        if found.price < best.price:
            best = found
    return best


def _tight(prices: Prices) -> Prices:
    """Limits of the formation with a reserve."""
    return prices._replace(
        max_cut=prices.max_cut * (1 - RESERVE),
        max_fill=prices.max_fill * (1 - RESERVE),
        max_wall=prices.max_wall * (1 - RESERVE),
        max_deck=prices.max_deck * (1 - RESERVE),
    )


def _line(
    road: _Road, m: int, part: _Stretch, land: Map, rule: Rule, p: Prices, work: _Work
) -> Line:
    """Read the road off its arrays."""
    count, step, price = _whole(road, m, part, land, rule, p, work)
    if count == 0:
        msg = "the curves of a road find no room, or it leaves the ground"
        raise GeometryError(msg)
    station = np.linspace(0.0, step * count, count + 1)
    level = _levels(road.level, road.gap, work.u[: count + 1])
    pis = np.column_stack((road.x[:m], road.y[:m]))
    curves = tuple(
        Corner(float(turn), float(radius), rule.clothoid) if radius > 0 else None
        for turn, radius in zip(part.turn[1 : m - 1], part.radius[1 : m - 1], strict=True)
    )
    return Line(pis, curves, station, level, work.form[:count].copy(), road.level.copy(), price)
