"""The cells that a road may use, numbered, and what lies under the moves between them."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign.corridor.lattice import HALF, HEADINGS, touched
from realign.formation import FORMS, OPEN
from realign.terrain import Terrain

SAMPLES = 3
"""Places on a move where the ground is looked at; each stands for a third of its length."""
SLOPE_STEP = 0.05
"""Width of a class of cross slope [m/m]."""
SLOPES = 48
"""Number of classes of cross slope; the last holds all that is steeper."""
ALONG = 0.5
"""Sine of the angle to a river below which a road near it runs along it, not across [-]."""
ASIDE = (1.23e-7, 4.57e-8)
"""Shift of lines to the east and to the south, so that none meets a road where two of its moves
join: there it would be crossed by both or by neither [cells]."""


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
    """Class of the gradient of each cell, shape (n,)."""
    under: NDArray[np.float32]
    """Ground level under the samples of each stored move, shape (n, 8, 3) [m]."""
    cross: NDArray[np.uint8]
    """Class of cross slope at those samples, shape (n, 8, 3)."""
    floor: NDArray[np.float32]
    """Lowest road level that water allows on each stored move, shape (n, 8) [m]."""
    extra: NDArray[np.float32]
    """Cost of what a stored move crosses and passes, by sample and form, shape (n, 8, 3, 3);
    infinite where the form is not admissible."""
    factor: NDArray[np.float32]
    """Preference: factor on the price of each form on each stored move, shape (n, 8, 3) [-]."""


class Layers(NamedTuple):
    """What is laid over the ground: the costs and the preferences of places, as rasters."""

    per_metre: NDArray[np.float32]
    """Cost of a metre by form, shape (3, rows, cols) [/m]; no rows at all where there is none."""
    factor: NDArray[np.float32]
    """Preference: factor on the price of a metre by form, shape (3, rows, cols) [-]."""


class Crossed(NamedTuple):
    """Lines that cost something where a road crosses them, cut into straight pieces."""

    piece: NDArray[np.float64]
    """From and to of each piece, in columns and rows of cell centres, shape (k, 4)."""
    price: NDArray[np.float64]
    """Cost of one crossing by form of the road, shape (k, 3)."""
    half: NDArray[np.float64]
    """Half of the width within which no open road runs along the line, shape (k,) [cells]."""
    over: NDArray[np.float64]
    """Cost along a road by its form within that width of where it crosses, shape (k, 3) [/cell]."""


NOTHING_CROSSED = Crossed(np.empty((0, 4)), np.empty((0, 3)), np.empty(0), np.empty((0, 3)))
"""No lines at all."""


def plain_layers(shape: tuple[int, int]) -> Layers:
    """Layers without any cost or preference."""
    return Layers(
        np.zeros((len(FORMS), 0, 0), np.float32),
        np.ones((len(FORMS), *shape), np.float32),
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
    layers: Layers,
    number: NDArray[np.int32],
    cell: float,
    step: NDArray[np.int64],
    near: NDArray[np.int64],
    ground: Ground,
) -> None:
    rows, cols = z.shape
    charged = layers.per_metre.shape[1] > 0
    for n in range(ground.row.size):
        r, c = ground.row[n], ground.col[n]
        slope = np.sqrt(gx[r, c] ** 2 + gy[r, c] ** 2)
        ground.steep[n] = min(int(slope / SLOPE_STEP), SLOPES - 1)
        for m in range(HEADINGS):
            de, dn = step[m]
            r1, c1 = r - dn, c + de
            inside = 0 <= r1 < rows and 0 <= c1 < cols
            ground.neighbour[n, m] = number[r1, c1] if inside else -1
            if m >= HALF or ground.neighbour[n, m] < 0:
                continue
            norm = np.sqrt(de * de + dn * dn)
            floor_here = floor[r, c]
            for east, north in near[m]:
                floor_here = max(floor_here, floor[r - north, c + east])
                if number[r - north, c + east] == -2:
                    floor_here = np.inf
            ground.factor[n, m] = 0.0
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
                for form in range(3):
                    ground.factor[n, m, form] += _between(layers.factor[form], y, x) / SAMPLES
                    if charged:
                        metre = layers.per_metre[form, int(y + 0.5), int(x + 0.5)]
                        ground.extra[n, m, i, form] = metre * norm * cell / SAMPLES
            ground.floor[n, m] = floor_here


@njit(cache=True, nogil=True)
def _cross(  # noqa: C901, PLR0912 - loops over pieces, cells and moves
    lines: Crossed,
    number: NDArray[np.int32],
    step: NDArray[np.int64],
    extra: NDArray[np.float32],
) -> None:
    """Add what crossings cost to the samples of moves in which they lie."""
    rows, cols = number.shape
    for k in range(lines.half.size):
        x0, y0, x1, y1 = lines.piece[k]
        along = np.hypot(x1 - x0, y1 - y0)
        reach = np.abs(step).max() + int(np.ceil(lines.half[k]))
        for r in range(max(int(min(y0, y1)) - reach, 0), min(int(max(y0, y1)) + reach + 2, rows)):
            for c in range(
                max(int(min(x0, x1)) - reach, 0), min(int(max(x0, x1)) + reach + 2, cols)
            ):
                n = number[r, c]
                if n < 0:
                    continue
                for m in range(HALF):
                    de, dn = step[m]
                    norm = np.sqrt(de * de + dn * dn)
                    # sides of the ends of the piece, seen along the move; rows run south
                    first = (x0 - c) * -dn - (y0 - r) * de
                    second = (x1 - c) * -dn - (y1 - r) * de
                    if (first > 0) != (second > 0):
                        u = first / (first - second)
                        px, py = x0 + u * (x1 - x0) - c, y0 + u * (y1 - y0) - r
                        t = (px * de - py * dn) / (de * de + dn * dn)
                        if 0 <= t < 1:
                            for form in range(3):
                                extra[n, m, int(t * SAMPLES), form] += lines.price[k, form]
                        wide = lines.half[k] / norm
                        for i in range(SAMPLES):
                            begin, end = (
                                max(i / SAMPLES, t - wide),
                                min((i + 1) / SAMPLES, t + wide),
                            )
                            for form in range(3):
                                metres = max(end - begin, 0.0) * norm
                                extra[n, m, i, form] += metres * lines.over[k, form]
                    if lines.half[k] <= 0 or along == 0:
                        continue
                    sine = abs((x1 - x0) * dn + (y1 - y0) * de) / (along * norm)
                    if sine >= ALONG:
                        continue
                    for i in range(SAMPLES):
                        f = (i + 0.5) / SAMPLES
                        px, py = c + de * f - x0, r - dn * f - y0
                        v = (px * (x1 - x0) + py * (y1 - y0)) / (along * along)
                        v = min(max(v, 0.0), 1.0)
                        if np.hypot(px - v * (x1 - x0), py - v * (y1 - y0)) < lines.half[k]:
                            extra[n, m, i, OPEN] = np.inf


def look(  # noqa: PLR0913 - what lies on the ground and the levels over it are one thing each
    terrain: Terrain,
    slopes: tuple[NDArray[np.float32], NDArray[np.float32]],
    *,
    step: NDArray[np.int64],
    usable: NDArray[np.bool_],
    forbidden: NDArray[np.bool_],
    floor: NDArray[np.float32],
    layers: Layers,
    crossed: Crossed,
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
    step
        Cells that each move leads east and north, shape (16, 2).
    usable
        Cells in which a move may begin or end.
    forbidden
        Cells that no move may touch.
    floor
        Lowest road level that water allows over each cell [m], -inf where any.
    layers
        Costs and preferences of places.
    crossed
        Lines that cost something at each crossing, whatever the size of a cell.
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
        extra=np.zeros((n, HALF, SAMPLES, len(FORMS)), np.float32),
        factor=np.ones((n, HALF, len(FORMS)), np.float32),
    )
    under = [touched((int(east), int(north))) for east, north in step[:HALF]]
    most = max(len(each) for each in under)
    near = np.array([(each * most)[:most] for each in under], np.int64)
    _look(z, *slopes, floor, layers, number, terrain.cell, step, near, ground)
    _cross(crossed, number, step, ground.extra)
    ground.neighbour[ground.neighbour < 0] = -1
    return ground


def pieces(
    terrain: Terrain,
    lines: list[NDArray[np.float64]],
    *,
    price: tuple[float, float, float],
    half: float = 0.0,
    over: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Crossed:
    """
    Cut lines into the straight pieces that a road may cross.

    Parameters
    ----------
    terrain
        Window of ground.
    lines
        Vertices of each line, shape (k, 2) [m].
    price
        Cost of one crossing by form of the road.
    half
        Half of the width within which no open road runs along a line [m].
    over
        Cost of a metre within that width of a crossing by form of the road [/m].

    Returns
    -------
    crossed
        Pieces of which some part may lie in the window.
    """
    left, bottom, right, top = terrain.bounds
    chosen = []
    for xy in lines:
        both = np.column_stack((xy[:-1], xy[1:]))
        near = (
            (both[:, [0, 2]].max(axis=1) >= left)
            & (both[:, [0, 2]].min(axis=1) <= right)
            & (both[:, [1, 3]].max(axis=1) >= bottom)
            & (both[:, [1, 3]].min(axis=1) <= top)
        )
        chosen.append(both[near])
    piece = np.concatenate(chosen) if chosen else np.empty((0, 4))
    piece[:, [0, 2]] = (piece[:, [0, 2]] - left) / terrain.cell - 0.5 + ASIDE[0]
    piece[:, [1, 3]] = (top - piece[:, [1, 3]]) / terrain.cell - 0.5 + ASIDE[1]
    return Crossed(
        piece,
        np.tile(np.asarray(price, np.float64), (len(piece), 1)),
        np.full(len(piece), half / terrain.cell),
        np.tile(np.asarray(over, np.float64) * terrain.cell, (len(piece), 1)),
    )


def joined(*given: Crossed) -> Crossed:
    """Put several kinds of lines together."""
    return Crossed(*(np.concatenate(each) for each in zip(NOTHING_CROSSED, *given, strict=True)))
