"""
Ground made fit for water and roads: voids filled, channels burned in, noise smoothed by the road.

A gorge is narrower than a cell of coarse ground, so that a lake on it stops where a spur bridges
the river. Channels are burned in: along each river the bed is the lowest ground near it, made to
fall downstream, and the flanks rise from the bed until they meet the ground. Nothing is ever
raised but voids. What was changed is marked cell by cell and told.
"""

import math
from collections.abc import Sequence
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
from realign.terrain import Terrain

VOID, BURNED, SMOOTHED = 1, 2, 4
"""Marks of cells that were changed; a cell may have several, added."""
_TOLD = 0.05  # m by which a level has to change to count


class Conditioning(Settings):
    """The table `[conditioning]`: what is done to the ground before anything stands on it."""

    cell_m: float | None = Field(default=None, gt=0)
    """Side of the cells to which the ground is resampled first [m]; None leaves them as they are.
    Coarse ground needs cells as narrow as the valley floor for a channel to find room."""
    fill_void_m: float = Field(default=0.0, ge=0, le=1e5)
    """Width of ground without data up to which it is filled from its rim [m]; 0 fills none."""
    burn: bool = False
    """Whether the rivers of the study are burned in."""
    bed_reach_m: float | None = Field(default=None, gt=0, le=1e5)
    """Distance from a river within which the lowest ground is taken for its bed, and as far as
    which its flanks reach [m]; the side of the cells of the file where none is given."""
    bed_half_width_m: float = Field(default=60.0, ge=0, le=1e5)
    """Distance from the line of a river at which its flanks begin to rise [m]."""
    flank: float = Field(default=0.3, gt=0)
    """Slope at which flanks rise from the bed until they meet the ground [m/m]."""
    smooth_m: float = Field(default=0.0, ge=0, le=1e5)
    """Distance from the existing road within which single cells that stand out, such as trees and
    roofs of a surface model, are smoothed [m]; 0 smooths nothing."""
    sources: dict[str, str] = Field(
        default={
            "flank": "assumption: 0.3 brings the lakes of the case on 30-arc-second ground within "
            "10 % of their published area and volume; slopes of valley sides differ from it"
        }
    )
    """Where values of this table come from, by key."""


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
    marks = np.zeros(terrain.shape, np.uint8)
    z = terrain.z
    notes = []
    if rules.fill_void_m > 0:
        filled = _filled(z, rules.fill_void_m / terrain.cell)
        new = np.isnan(z) & np.isfinite(filled)
        marks[new] |= VOID
        if new.any():
            notes.append(
                f"Ground without data: {_km2(new, terrain)} filled from its rim, up to "
                f"{rules.fill_void_m:g} m wide; levels there are guesses."
            )
        z = filled
    if rules.burn:
        reach = rules.bed_reach_m or native_m
        low = _burned(replace(terrain, z=z), rivers, reach, rules)
        deeper = z - low > _TOLD
        marks[deeper] |= BURNED
        if deeper.any():
            notes.append(
                f"Channels burned in: {_km2(deeper, terrain)} of ground are lower than the file "
                f"says, by {float((z - low)[deeper].max()):,.0f} m at most, so that rivers fall "
                f"downstream and lakes reach as far as they would; beds are the lowest ground "
                f"within {reach:,.0f} m, flanks rise at {rules.flank:g}."
            )
        z = low
    if rules.smooth_m > 0 and road is not None:
        smooth = _smoothed(replace(terrain, z=z), road, rules.smooth_m)
        moved = np.abs(z - smooth) > _TOLD
        marks[moved] |= SMOOTHED
        if moved.any():
            notes.append(
                f"Ground along the existing road: {_km2(moved, terrain)} smoothed, by "
                f"{float(np.abs(z - smooth)[moved].max()):,.1f} m at most."
            )
        z = smooth
    return Conditioned(replace(terrain, z=z), marks, tuple(notes))


def _km2(cells: NDArray[np.bool_], terrain: Terrain) -> str:
    return f"{cells.sum() * terrain.cell**2 / 1e6:,.2f} km\u00b2"


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


def _burned(
    terrain: Terrain, rivers: Sequence[BaseGeometry], reach: float, rules: Conditioning
) -> NDArray[np.float32]:
    """Ground with channels: never above the ground, falling along every river."""
    z = terrain.z
    box = shapely.box(*terrain.bounds)
    lines = [line for line in rivers if not line.is_empty and line.intersects(box)]
    mask = np.zeros(z.shape, bool)
    if lines:
        mask = (
            rasterize(  # as areas: a line through a corner would leave a gap, and a gap is a dam
                [line.buffer(terrain.cell / 2) for line in lines],
                out_shape=z.shape,
                transform=terrain.transform,
                all_touched=True,
                dtype=np.uint8,
            )
            == 1
        ) & np.isfinite(z)
    if not mask.any():
        msg = "conditioning.burn: found no river on the ground, wanted lines in rivers.file"
        raise InputError(msg)
    around = round(reach / terrain.cell)
    ground = np.where(np.isfinite(z), z, np.inf)
    lowest = minimum_filter(ground, size=2 * around + 1) if around else ground
    bed = _falling(mask, np.where(mask, lowest, np.inf))
    away, (row, col) = distance_transform_edt(~mask, return_indices=True)
    off = away * terrain.cell
    rise = np.maximum(off - rules.bed_half_width_m, 0) * rules.flank
    near = np.isfinite(z) & (off <= reach)
    return np.where(near, np.minimum(z, bed[row, col] + rise), z).astype(np.float32)


def _falling(mask: NDArray[np.bool_], level: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Make beds fall towards the lowest cell of each connected channel.

    The way down from a cell is that on which the highest bed is lowest; along it no bed lies above
    any bed upstream.
    """
    rows, cols = mask.shape
    seen = ~mask
    down = np.full(mask.shape, -1, np.int64)
    order: list[int] = []
    flat, passed = level.ravel(), seen.ravel()
    for outlet in np.flatnonzero(mask)[np.argsort(flat[mask.ravel()], kind="stable")].tolist():
        if passed[outlet]:
            continue
        passed[outlet] = True
        heap = [(float(flat[outlet]), outlet)]
        while heap:
            top, at = heappop(heap)
            order.append(at)
            r, c = divmod(at, cols)
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    near = i * cols + j
                    if not passed[near]:
                        passed[near] = True
                        down.flat[near] = at
                        heappush(heap, (max(top, float(flat[near])), near))
    bed = level.copy()
    for at in reversed(order):
        below = down.flat[at]
        if below >= 0 and bed.flat[at] < bed.flat[below]:
            bed.flat[below] = bed.flat[at]
    return bed


def _smoothed(terrain: Terrain, road: BaseGeometry, width: float) -> NDArray[np.float32]:
    """Ground where cells within a distance of the road have the median of their neighbours."""
    z = terrain.z
    near = (
        rasterize(
            [road.buffer(max(width, 1e-3))],  # what is thinner has no area
            out_shape=z.shape,
            transform=terrain.transform,
            all_touched=True,
            dtype=np.uint8,
        )
        == 1
    )
    known = np.isfinite(z)
    calm = median_filter(np.where(known, z, 0), size=3)
    whole = minimum_filter(known, size=3)  # a median beside a void knows nothing
    return np.where(near & whole, calm, z).astype(np.float32)
