"""
Ground made fit for water and roads: voids filled, channels burned in, noise smoothed by the road.

A gorge is narrower than a cell of coarse ground, so that a lake on it stops where a spur bridges
the river. Channels are burned in: along each river the bed is the lowest ground near it, made to
fall downstream, and the flanks rise from the bed until they meet the ground. Nothing is ever
raised but voids. What was changed is marked cell by cell and told.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field
from rasterio.features import rasterize
from rasterio.fill import fillnodata
from scipy.ndimage import distance_transform_edt, label, maximum, median_filter, minimum_filter
from shapely.geometry.base import BaseGeometry

from realign.errors import InputError
from realign.settings import Settings
from realign.terrain import Terrain, Tile, part, roomy, tiles

VOID, BURNED, SMOOTHED = 1, 2, 4
"""Marks of cells that were changed; a cell may have several, added."""
AROUND = 512
"""Cells about a tile of ground that a void may reach into."""
_ROOM = 1.5  # half widths of a channel to a cell: wider ones join the beds of both sides
_TOLD = 0.05  # m by which a level has to change to count


class Conditioning(Settings):
    """The table `[conditioning]`: what is done to the ground before anything stands on it."""

    cell_m: float | None = Field(default=None, gt=0, le=10_000)
    """Side of the cells to which the ground is resampled first [m]. None leaves them as they are;
    where channels are burned into coarser ground, cells are one and a half `bed_half_width_m`, so
    that a channel finds room in the valley."""
    fill_void_m: float = Field(default=0.0, ge=0, le=1e5)
    """Width of ground without data up to which it is filled from its rim [m]; 0 fills none."""
    burn: bool = False
    """Whether the rivers of the study are burned in."""
    bed_reach_m: float | None = Field(default=None, gt=0, le=1e5)
    """Distance from a river within which the lowest ground is taken for its bed, and as far as
    which its flanks reach [m]; the side of the cells of the file where none is given."""
    bed_half_width_m: float = Field(default=60.0, ge=0, le=1e5)
    """Distance from the line of a river at which its flanks begin to rise [m]."""
    flank: float = Field(default=0.35, gt=0, le=100)
    """Slope at which flanks rise from the bed until they meet the ground [m/m]."""
    smooth_m: float = Field(default=0.0, ge=0, le=1e5)
    """Distance from the existing road within which single cells that stand out, such as trees and
    roofs of a surface model, are smoothed [m]; 0 smooths nothing."""
    sources: dict[str, str] = Field(
        default={
            "flank": "assumption: 0.35 brings the lake of Diamer-Basha on 30-arc-second ground "
            "within 4 % of its published area and volume, and leaves that of Dasu, in a narrower "
            "gorge, half as large again; slopes of valley sides differ from it"
        }
    )
    """Where values of this table come from, by key."""


def cell_of(rules: Conditioning, native_m: float) -> float | None:
    """
    Side of the cells on which the ground is conditioned [m]; None for those of the file.

    Examples
    --------
    >>> cell_of(Conditioning(burn=True), 818), cell_of(Conditioning(burn=True), 30)
    (90.0, None)
    """
    if rules.cell_m is not None or not rules.burn:
        return rules.cell_m
    narrow = _ROOM * rules.bed_half_width_m
    return narrow if 0 < narrow < native_m else None


@dataclass(frozen=True, slots=True, eq=False)
class Conditioned:
    """Ground as it is used, and what was done to it."""

    terrain: Terrain
    """The ground."""
    marks: NDArray[np.uint8]
    """Sum of `VOID`, `BURNED` and `SMOOTHED` of each cell, shape (rows, cols)."""
    notes: tuple[str, ...]
    """What was done, in words."""


def conditioned(
    terrain: Terrain,
    *,
    rivers: Sequence[BaseGeometry],
    road: BaseGeometry | None,
    native_m: float,
    rules: Conditioning,
) -> Conditioned:
    """
    Fill voids, burn channels in and smooth the ground along the road, as far as asked.

    Parameters
    ----------
    terrain
        Ground, on the cells that are wanted.
    rivers
        Lines in the reference system of the ground; their direction does not matter.
    road
        Existing road; None where it is not known.
    native_m
        Side of the cells of the file that the ground was read from [m].
    rules
        What is asked.

    Returns
    -------
    conditioned
        Ground of the same shape; no level is raised but where there was none.

    Raises
    ------
    InputError
        Channels are asked for, and no river crosses the ground.
    """
    marks = roomy(terrain.shape, np.uint8, what="marks of changed ground")
    marks.fill(0)
    work = _Work(terrain, marks, [])
    if rules.fill_void_m > 0:
        work = work.filled(rules.fill_void_m)
    if rules.burn:
        work = work.burned(rivers, rules.bed_reach_m or native_m, rules)
    if rules.smooth_m > 0 and road is not None:
        work = work.smoothed(road, rules.smooth_m)
    return Conditioned(work.terrain, marks, tuple(work.notes))


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """Ground that is worked on tile by tile, each with what it needs to know about it."""

    terrain: Terrain
    marks: NDArray[np.uint8]
    notes: list[str]

    def filled(self, width: float) -> "_Work":
        """Fill voids of a width [m]."""
        cells = width / self.terrain.cell
        z, new, _ = self._each(VOID, AROUND, lambda tile: _filled(self._ground(tile), cells))
        if new:
            self.notes.append(
                f"Ground without data: {self._km2(new)} filled from its rim, up to {width:g} m "
                "wide; levels there are guesses."
            )
        return replace(self, terrain=z)

    def burned(self, rivers: Sequence[BaseGeometry], reach: float, rules: Conditioning) -> "_Work":
        """Burn channels in."""
        around = math.ceil(reach / self.terrain.cell) + 1
        channels = _Channels.found(self.terrain, rivers, reach, around)
        z, deeper, most = self._each(
            BURNED,
            around,
            lambda tile: _flanked(
                self._ground(tile), channels.beds(tile), self.terrain.cell, reach, rules
            ),
        )
        if deeper:
            self.notes.append(
                f"Channels burned in: {self._km2(deeper)} of ground are lower than the file "
                f"says, by {most:,.0f} m at most, so that rivers fall downstream and lakes reach "
                f"as far as they would; beds are the lowest ground within {reach:,.0f} m, flanks "
                f"rise at {rules.flank:g}."
            )
        return replace(self, terrain=z)

    def smoothed(self, road: BaseGeometry, width: float) -> "_Work":
        """Smooth the ground along the road."""
        strip = road.buffer(max(width, 1e-3))  # what is thinner has no area
        z, moved, most = self._each(
            SMOOTHED,
            1,
            lambda tile: _calmed(self._ground(tile), _touched([strip], self.terrain, tile)),
        )
        if moved:
            self.notes.append(
                f"Ground along the existing road: {self._km2(moved)} smoothed, by {most:,.1f} m at "
                "most."
            )
        return replace(self, terrain=z)

    def _ground(self, tile: Tile) -> NDArray[np.float32]:
        return self.terrain.z[tile.outer]

    def _each(
        self, mark: int, around: int, change: Callable[[Tile], NDArray[np.float32]]
    ) -> tuple[Terrain, int, float]:
        """Change every tile; the ground, how many cells are others now, and the greatest change."""
        z = roomy(self.terrain.shape, np.float32, what="conditioned ground")
        count, most = 0, 0.0
        for tile in tiles(self.terrain.shape, around=around):
            old, new = self.terrain.z[tile.inner], change(tile)[tile.within]
            off = np.abs(new - old)
            changed = (off > _TOLD) | (np.isnan(old) & np.isfinite(new))
            self.marks[tile.inner][changed] |= mark
            count += int(changed.sum())
            most = max(most, float(np.fmax.reduce(off[changed], initial=0.0)))
            z[tile.inner] = new
        return replace(self.terrain, z=z), count, most

    def _km2(self, cells: int) -> str:
        return f"{cells * self.terrain.cell**2 / 1e6:,.2f} km\u00b2"


def _filled(z: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Fill ground without data that is narrower than some cells and has ground all around."""
    known = np.isfinite(z)
    holes, count = label(~known, structure=np.ones((3, 3)))
    if not count:
        return z
    half = math.ceil(width / 2)
    numbers = np.arange(count + 1)
    depth = maximum(distance_transform_edt(~known), holes, numbers)
    narrow = depth <= half
    narrow[0] = False
    rim = np.concatenate((holes[0], holes[-1], holes[:, 0], holes[:, -1]))
    narrow[rim] = False  # what the edge of the raster cuts has no ground all around
    level = np.where(known, z, 0).astype(np.float32)
    guess = fillnodata(level, mask=known, max_search_distance=2 * half + 1)
    return np.where(known | narrow[holes], np.where(known, z, guess), np.nan).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Channels:
    """Cells of all rivers and their beds."""

    at: NDArray[np.int64]
    """Number of each cell in the raster, row by row, rising, shape (n,)."""
    bed: NDArray[np.float64]
    """Level of its bed, falling along every river, shape (n,) [m]."""
    cols: int
    """Columns of the raster."""

    @classmethod
    def found(
        cls, terrain: Terrain, rivers: Sequence[BaseGeometry], reach: float, around: int
    ) -> "_Channels":
        """Find the lowest ground within reach of every cell of a river, and make it fall."""
        box = shapely.box(*terrain.bounds)
        # as areas: a line through a corner would leave a gap, and a gap is a dam
        lines = [
            line.buffer(terrain.cell / 2)
            for line in rivers
            if not line.is_empty and line.intersects(box)
        ]
        size, cols = 2 * round(reach / terrain.cell) + 1, terrain.shape[1]
        at, level = [np.zeros(0, np.int64)], [np.zeros(0)]
        for tile in tiles(terrain.shape, around=around) if lines else ():
            z = terrain.z[tile.outer]
            wet = (_touched(lines, terrain, tile) & np.isfinite(z))[tile.within]
            if wet.any():
                ground = np.where(np.isfinite(z), z, np.inf)
                low = minimum_filter(ground, size=size) if size > 1 else ground
                row, col = np.nonzero(wet)
                at.append((row + tile.inner[0].start) * cols + col + tile.inner[1].start)
                level.append(low[tile.within][wet].astype(np.float64))
        cells, lowest = np.concatenate(at), np.concatenate(level)
        if not cells.size:
            msg = "conditioning.burn: found no river on the ground, wanted lines in rivers.file"
            raise InputError(msg)
        order = np.argsort(cells)
        cells, lowest = cells[order], lowest[order]
        return cls(cells, _falling(cells, lowest, cols), cols)

    def beds(self, tile: Tile) -> NDArray[np.float64]:
        """Beds of a tile and of what lies about it, inf beside rivers."""
        rows, cols = tile.outer
        bed = np.full((rows.stop - rows.start, cols.stop - cols.start), np.inf)
        a, b = np.searchsorted(self.at, (rows.start * self.cols, rows.stop * self.cols))
        row, col = np.divmod(self.at[a:b], self.cols)
        own = (col >= cols.start) & (col < cols.stop)
        bed[row[own] - rows.start, col[own] - cols.start] = self.bed[a:b][own]
        return bed


def _touched(shapes: Sequence[BaseGeometry], terrain: Terrain, tile: Tile) -> NDArray[np.bool_]:
    """Cells of a tile, and of what lies about it, that shapes touch."""
    rows, cols = tile.outer
    corner = part(terrain.transform, cols.start, rows.start)
    shape = rows.stop - rows.start, cols.stop - cols.start
    mask = rasterize(shapes, out_shape=shape, transform=corner, all_touched=True, dtype=np.uint8)
    return np.asarray(mask == 1)


def _flanked(
    z: NDArray[np.float32],
    bed: NDArray[np.float64],
    cell: float,
    reach: float,
    rules: Conditioning,
) -> NDArray[np.float32]:
    """Lower ground to beds and to the flanks that rise from them; never above the ground."""
    mask = np.isfinite(bed)
    if not mask.any():
        return z
    away, (row, col) = distance_transform_edt(~mask, return_indices=True)
    off = away * cell
    rise = np.maximum(off - rules.bed_half_width_m, 0) * rules.flank
    near = np.isfinite(z) & (off <= reach)
    return np.where(near, np.minimum(z, bed[row, col] + rise), z).astype(np.float32)


def _falling(at: NDArray[np.int64], level: NDArray[np.float64], cols: int) -> NDArray[np.float64]:
    """
    Make beds fall towards the lowest cell of each connected channel.

    The way down from a cell is that on which the highest bed is lowest; along it no bed lies above
    any bed upstream.

    Parameters
    ----------
    at
        Numbers of the cells of channels in their raster, rising, shape (n,).
    level
        Their beds, shape (n,) [m].
    cols
        Columns of the raster.
    """
    number = {int(cell): i for i, cell in enumerate(at)}
    flat = level.tolist()
    passed, down = [False] * len(flat), [-1] * len(flat)
    order: list[int] = []
    for outlet in np.argsort(level, kind="stable").tolist():
        if passed[outlet]:
            continue
        passed[outlet] = True
        heap = [(flat[outlet], int(at[outlet]))]
        while heap:
            top, cell = heappop(heap)
            here = number[cell]
            order.append(here)
            r, c = divmod(cell, cols)
            for i in range(r - 1, r + 2):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    near = number.get(i * cols + j, -1)
                    if near >= 0 and not passed[near]:
                        passed[near] = True
                        down[near] = here
                        heappush(heap, (max(top, flat[near]), i * cols + j))
    bed = level.copy()
    for here in reversed(order):
        below = down[here]
        if below >= 0 and bed[here] < bed[below]:
            bed[below] = bed[here]
    return bed


def _calmed(z: NDArray[np.float32], near: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Ground where some cells have the median of their neighbours."""
    known = np.isfinite(z)
    calm = median_filter(np.where(known, z, 0), size=3)
    whole = minimum_filter(known, size=3)  # a median beside a void knows nothing
    return np.where(near & whole, calm, z).astype(np.float32)
