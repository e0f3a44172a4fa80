"""What a move costs: the ground under it, through formation and rates."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign import formation
from realign.corridor.lattice import HALF, HEADINGS, MOVES, Moves, touched
from realign.formation import Prices
from realign.standards import DesignStandard
from realign.terrain import Terrain

SAMPLES = 3
"""Places on a move where the ground is looked at; each stands for a third of its length."""
SLOPE_STEP = 0.05
"""Width of a class of cross slope [m/m]."""
SLOPES = 48
"""Number of classes of cross slope; the last holds all that is steeper."""
RIVER = SLOPES
"""Class beyond those of cross slope: a river, over which a road is a bridge or a tunnel."""
DEEPEST = -90
"""Height below which a road is a tunnel at any cross slope, so that one price holds [m]."""
GRADE_SLACK = 1e-6
"""Rounding allowed in the climb of a move [m]."""
CLASSES = 3
"""Grade classes: any form, no tunnel, open road only."""
_MOST = max(len(touched(step)) for step in MOVES)
TOUCHED = np.array([(touched(step) * 2)[:_MOST] for step in MOVES[:HALF]], np.int64)
"""Cells east and north of its beginning that each stored move touches, some of them twice,
shape (8, most, 2)."""


class Ground(NamedTuple):
    """The cells that a road may use, numbered, and what lies under the moves between them."""

    row: NDArray[np.int32]
    """Row of each cell in the terrain, shape (n,)."""
    col: NDArray[np.int32]
    """Column of each cell, shape (n,)."""
    lowest: NDArray[np.int32]
    """Number of the lowest level of each cell, shape (n,); level = number x level step."""
    start: NDArray[np.int64]
    """Number of the first (cell, level) state of each cell, shape (n + 1,)."""
    neighbour: NDArray[np.int32]
    """Cell at the end of each move, shape (n, 16); -1 where there is none."""
    level: NDArray[np.float32]
    """Ground level of each cell, shape (n,) [m]."""
    steep: NDArray[np.uint8]
    """Class of the gradient of each cell, or RIVER, shape (n,)."""
    under: NDArray[np.float32]
    """Ground level under the samples of each stored move, shape (n, 8, 3) [m]."""
    cross: NDArray[np.uint8]
    """Class of cross slope at those samples, or RIVER, shape (n, 8, 3)."""
    floor: NDArray[np.float32]
    """Lowest road level that water allows on each stored move, shape (n, 8) [m]."""
    weight: NDArray[np.float32]
    """Factor on the price of open road on each stored move, shape (n, 8) [-]."""


class Tariff(NamedTuple):
    """Prices of a metre by grade class, cross slope and height, read off `formation`."""

    price: NDArray[np.float32]
    """Price, shape (3, slopes, heights) [/m]; infinite where not admissible."""
    form: NDArray[np.uint8]
    """Form, same shape."""
    ends: NDArray[np.float64]
    """Price of the end between two forms, shape (3, 3) [each]."""
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
    per_metre: float
    """Preference added to every metre, whatever its form, and no part of the cost [/m]."""


@njit(cache=True)
def _fill_table(p: Prices, price: NDArray[np.float32], form: NDArray[np.uint8]) -> None:
    for c in range(CLASSES):
        for t in range(price.shape[1]):
            slope = (t + 0.5) * SLOPE_STEP if t < RIVER else 0.0
            for h in range(price.shape[2]):
                height = DEEPEST + h + 0.5
                best = formation.open_road(height, slope, p)
                if t == RIVER:
                    best = formation.NO_FORM
                if c < 2:
                    other = formation.structure(formation.BRIDGE, height, slope, p)
                    if other.price < best.price:
                        best = other
                if c < 1:
                    other = formation.structure(formation.TUNNEL, height, slope, p)
                    if other.price < best.price:
                        best = other
                price[c, t, h] = best.price
                form[c, t, h] = best.form


def tariff(
    p: Prices,
    standard: DesignStandard,
    moves: Moves,
    *,
    level_step: float,
    per_metre: float = 0.0,
) -> Tariff:
    """
    Tabulate the price of a metre, so that the search need not work it out anew.

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
    per_metre
        Preference added to each metre, such as the value of time saved [/m].

    Returns
    -------
    tariff
        Prices at the middle of height classes of 1 m and slope classes of 0.05.
    """
    heights = int(p.max_deck) + 2 - DEEPEST
    price = np.empty((CLASSES, SLOPES + 1, heights), np.float32)
    form = np.empty((CLASSES, SLOPES + 1, heights), np.uint8)
    _fill_table(p, price, form)
    ends = np.array([[formation.end_price(a, b, p) for b in range(3)] for a in range(3)])
    return Tariff(
        price=price,
        form=form,
        ends=ends,
        length=moves.length,
        step=level_step,
        tunnel_grade=standard.grade_tunnel,
        bridge_grade=standard.grade_bridge,
        grade=standard.grade,
        per_metre=per_metre,
    )


@njit(cache=True, nogil=True, forceinline=True)
def grade_class(climb: float, length: float, tunnel: float, bridge: float) -> int:
    """Grade class of a move: 0 any form, 1 no tunnel, 2 open road only."""
    if climb <= tunnel * length + GRADE_SLACK:
        return 0
    return 1 if climb <= bridge * length + GRADE_SLACK else 2


@njit(cache=True, nogil=True, forceinline=True)
def priced(  # noqa: PLR0913, PLR0917 - scalars, so that the compiler keeps them in registers
    price: NDArray[np.float32],
    form: NDArray[np.uint8],
    ends: NDArray[np.float64],
    kind: int,
    low: float,
    high: float,
    under: tuple[float, float, float, float, float],
    cross: tuple[int, int, int, int, int],
    weight: float,
    per_metre: float,
    length: float,
) -> float:
    """
    Price of a stored move between two road levels.

    Parameters
    ----------
    price, form, ends
        Tables of a `Tariff`.
    kind
        Grade class.
    low, high
        Road level at the beginning and at the end of the move [m].
    under, cross
        Ground level [m] and class of cross slope at the beginning, at the three
        samples and at the end.
    weight
        Factor on open road.
    per_metre
        Preference on every metre [/m].
    length
        Length of the move [m].

    Returns
    -------
    price
        Infinite where no form is admissible at a sample.
    """
    top = price.shape[2] - 1
    before = form[kind, cross[0], min(max(int(np.floor(low - under[0])) - DEEPEST, 0), top)]
    third = length / SAMPLES
    total = 0.0
    for i in range(1, SAMPLES + 1):
        z = low + (high - low) * (i - 0.5) / SAMPLES
        h = min(max(int(np.floor(z - under[i])) - DEEPEST, 0), top)
        metre = price[kind, cross[i], h]
        here = form[kind, cross[i], h]
        if here == formation.OPEN:
            metre *= weight
        total += (metre + per_metre) * third + ends[before, here]
        before = here
    last = form[kind, cross[4], min(max(int(np.floor(high - under[4])) - DEEPEST, 0), top)]
    return float(total + ends[before, last])


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
    under, cross = ground.under[cell, move], ground.cross[cell, move]
    return priced(
        tariff.price,
        tariff.form,
        tariff.ends,
        grade_class(climb, length, tariff.tunnel_grade, tariff.bridge_grade),
        low,
        high,
        (ground.level[cell], under[0], under[1], under[2], ground.level[end]),
        (ground.steep[cell], cross[0], cross[1], cross[2], ground.steep[end]),
        ground.weight[cell, move],
        tariff.per_metre,
        length,
    )


@njit(cache=True, nogil=True, forceinline=True)
def _between(raster: NDArray[np.float32], y: float, x: float) -> float:
    """Value of a raster at a fractional row and column inside it, bilinear."""
    i, j = min(int(y), raster.shape[0] - 2), min(int(x), raster.shape[1] - 2)
    fy, fx = y - i, x - j
    above = raster[i, j] * (1 - fx) + raster[i, j + 1] * fx
    below = raster[i + 1, j] * (1 - fx) + raster[i + 1, j + 1] * fx
    return float(above * (1 - fy) + below * fy)


@njit(cache=True, nogil=True)
def _look(  # noqa: PLR0913, PLR0917 - the rasters, kept apart for the compiler
    z: NDArray[np.float32],
    gx: NDArray[np.float32],
    gy: NDArray[np.float32],
    floor: NDArray[np.float32],
    factor: NDArray[np.float32],
    river: NDArray[np.bool_],
    number: NDArray[np.int32],
    ground: Ground,
) -> None:
    rows, cols = z.shape
    for n in range(ground.row.size):
        r, c = ground.row[n], ground.col[n]
        slope = np.sqrt(gx[r, c] ** 2 + gy[r, c] ** 2)
        ground.steep[n] = RIVER if river[r, c] else min(int(slope / SLOPE_STEP), SLOPES - 1)
        for m in range(HEADINGS):
            de, dn = MOVES[m]
            r1, c1 = r - dn, c + de
            inside = 0 <= r1 < rows and 0 <= c1 < cols
            ground.neighbour[n, m] = number[r1, c1] if inside else -1
            if m >= HALF or ground.neighbour[n, m] < 0:
                continue
            norm = np.sqrt(de * de + dn * dn)
            floor_here = floor[r, c]
            for east, north in TOUCHED[m]:
                floor_here = max(floor_here, floor[r - north, c + east])
                if number[r - north, c + east] == -2:
                    floor_here = np.inf
            weight = 0.0
            for i in range(SAMPLES):
                f = (i + 0.5) / SAMPLES
                y, x = r - dn * f, c + de * f
                level = _between(z, y, x)
                across = abs(_between(gy, y, x) * de - _between(gx, y, x) * dn) / norm
                if np.isnan(level) or np.isnan(across):
                    floor_here = np.inf
                    continue
                ground.under[n, m, i] = level
                ground.cross[n, m, i] = min(int(across / SLOPE_STEP), SLOPES - 1)
                weight += _between(factor, y, x) / SAMPLES
            for east, north in TOUCHED[m]:
                if river[r - north, c + east]:
                    along = (east * de + north * dn) / (norm * norm)
                    ground.cross[n, m, min(int(along * SAMPLES), SAMPLES - 1)] = RIVER
            ground.floor[n, m] = floor_here
            ground.weight[n, m] = weight


def look(  # noqa: PLR0913 - the six rasters of the ground and its levels are one thing each
    terrain: Terrain,
    slopes: tuple[NDArray[np.float32], NDArray[np.float32]],
    *,
    usable: NDArray[np.bool_],
    forbidden: NDArray[np.bool_],
    floor: NDArray[np.float32],
    factor: NDArray[np.float32],
    river: NDArray[np.bool_],
    levels: tuple[float, float],
    depth: float,
    deck: float,
    level_step: float,
) -> Ground:
    """
    Give numbers to the cells a road may use, and look at the ground under every move.

    Parameters
    ----------
    terrain
        Ground.
    slopes
        Its slope to the east and to the north, each of the terrain's shape [m/m].
    usable
        Cells in which a move may begin or end.
    forbidden
        Cells that no move may touch.
    floor
        Lowest road level that water allows over each cell [m], -inf where any.
    factor
        Factor on the price of open road in each cell [-].
    river
        Cells that rivers touch, over which a road is a bridge or a tunnel.
    levels
        Lowest and highest road level looked at [m].
    depth
        How far below ground a road may lie [m].
    deck
        How far above ground a road may lie [m].
    level_step
        Distance between two levels [m].

    Returns
    -------
    ground
        Numbered cells with their levels and moves.
    """
    z = terrain.z
    forbidden = forbidden | ~np.isfinite(slopes[0] + slopes[1])
    with np.errstate(invalid="ignore"):
        low = np.maximum(np.maximum(z - depth, levels[0]), floor)
        high = np.minimum(z + deck, levels[1])
        lowest = np.ceil(low / level_step)
        count = np.floor(high / level_step) - lowest + 1
        usable = usable & ~forbidden & np.isfinite(count) & (count > 0)
    row, col = np.nonzero(usable)
    n = row.size
    number = np.full(z.shape, -1, np.int32)
    number[forbidden] = -2
    number[row, col] = np.arange(n, dtype=np.int32)
    start = np.zeros(n + 1, np.int64)
    np.cumsum(count[row, col].astype(np.int64), out=start[1:])
    ground = Ground(
        row=row.astype(np.int32),
        col=col.astype(np.int32),
        lowest=lowest[row, col].astype(np.int32),
        start=start,
        neighbour=np.empty((n, HEADINGS), np.int32),
        level=z[row, col].astype(np.float32),
        steep=np.empty(n, np.uint8),
        under=np.zeros((n, HALF, SAMPLES), np.float32),
        cross=np.zeros((n, HALF, SAMPLES), np.uint8),
        floor=np.full((n, HALF), np.inf, np.float32),
        weight=np.ones((n, HALF), np.float32),
    )
    _look(z, slopes[0], slopes[1], floor, factor, river, number, ground)
    ground.neighbour[ground.neighbour < 0] = -1
    return ground
