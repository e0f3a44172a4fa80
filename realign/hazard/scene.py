"""Everything about a region that its roads are judged by, worked out once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from realign.errors import GeometryError
from realign.hazard import avalanche
from realign.hazard.drainage import Drainage, downstream, drain
from realign.hazard.rules import Rules
from realign.terrain import Terrain

__all__ = ["LAYERS", "Path", "Rivers", "Scene", "survey"]

LAYERS = ("rivers", "landslides", "faults", "lakes")
"""Layers that a study may have or not."""

_STEP = 30.0  # m between the points that stand for a river
_CHORD = 200.0  # m up and down a river whose chords tell its bend


@dataclass(frozen=True, slots=True, eq=False)
class Rivers:
    """Points along rivers, near enough to each other to stand for the lines."""

    tree: cKDTree
    """Index of the points."""
    xy: NDArray[np.float64]
    """The points, shape (n, 2) [m]."""
    level: NDArray[np.float64]
    """Lowest ground of the cell and its neighbours, shape (n,) [m]; NaN where none is known."""
    bend: NDArray[np.float64]
    """Curvature as a vector to the inner side of the bend, shape (n, 2) [1/m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Cells that the water of glacial lakes runs through."""

    tree: cKDTree | None
    """Index of their centres; None where no lake drains over known ground."""
    level: NDArray[np.float64]
    """Level of the water there, shape (n,) [m]."""
    distance: NDArray[np.float64]
    """Way of the water from the nearest lake upstream, shape (n,) [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A region seen by what may close its roads."""

    terrain: Terrain
    """The ground."""
    rules: Rules
    """What counts."""
    drainage: Drainage
    """Where the water of each cell runs."""
    avalanche: NDArray[np.float32]
    """Greatest weight of a release that comes to each cell, shape (rows, cols) [0-1]."""
    rivers: Rivers | None
    """Rivers; None where the study has none."""
    landslides: shapely.STRtree | None
    """Mapped landslides; None where the study has none."""
    faults: shapely.STRtree | None
    """Mapped faults; None where the study has none."""
    lakes: Path | None
    """Ways of outbursts of glacial lakes; None where the study has none."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Layers of `LAYERS` that the study does not have."""
        return tuple(name for name in LAYERS if getattr(self, name) is None)

    def cells(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """
        Cells in which points lie.

        Raises
        ------
        GeometryError
            A point lies outside the terrain.
        """
        row, col = (np.rint(each).astype(np.int64) for each in self.terrain.index(x, y))
        rows, cols = self.terrain.shape
        inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
        if not inside.all():
            first = np.flatnonzero(~inside)[0]
            msg = (
                f"the point ({np.ravel(x)[first]:.0f}, {np.ravel(y)[first]:.0f}) lies outside the "
                "terrain that hazards are known for"
            )
            raise GeometryError(msg)
        return row, col


def survey(
    terrain: Terrain,
    *,
    rivers: Iterable[shapely.Geometry] | None = None,
    landslides: Iterable[shapely.Geometry] | None = None,
    faults: Iterable[shapely.Geometry] | None = None,
    lakes: Iterable[shapely.Geometry] | None = None,
    rules: Rules | None = None,
) -> Scene:
    """
    Work out once what is dangerous about a region.

    Parameters
    ----------
    terrain
        The ground, with what drains to the roads on it.
    rivers
        Lines of rivers in the reference system of `terrain`.
    landslides
        Mapped landslides: points, lines or areas.
    faults
        Lines of faults.
    lakes
        Glacial lakes that may burst: points or areas.
    rules
        What counts; the defaults where None.

    Returns
    -------
    scene
        Rasters and indexes for `along`. A layer that is None is missing: no road is judged by
        it. A layer that is given and empty is known to hold nothing.
    """
    rules = rules or Rules()
    drainage = drain(terrain)
    return Scene(
        terrain=terrain,
        rules=rules,
        drainage=drainage,
        avalanche=avalanche.over(
            terrain,
            angles=rules.release_deg,
            line=rules.snow_line_m,
            band=rules.snow_band_m,
            runout=rules.runout_deg,
        ),
        rivers=None if rivers is None else _rivers(terrain, rivers),
        landslides=None if landslides is None else shapely.STRtree(list(landslides)),
        faults=None if faults is None else shapely.STRtree(list(faults)),
        lakes=None if lakes is None else _outbursts(terrain, drainage, lakes),
    )


def nearest(tree: shapely.STRtree | None, lines: NDArray[Any]) -> NDArray[np.float64]:
    """Distance from each of n shapes to a layer, shape (n,) [m]; NaN without it, inf if empty."""
    if tree is None:
        return np.full(len(lines), np.nan)
    out = np.full(len(lines), np.inf)
    if len(tree.geometries):
        (given, _), far = tree.query_nearest(lines, return_distance=True, all_matches=False)
        out[given] = far
    return out


def _rivers(terrain: Terrain, lines: Iterable[shapely.Geometry]) -> Rivers:
    """Points along lines with the level of the bed and the bend there."""
    points, bends = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for line in shapely.get_parts(np.asarray(list(lines), object)):
        if line.length < _STEP:
            continue
        vertices = shapely.get_coordinates(line)
        s = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(vertices, axis=0).T))))
        at = np.linspace(0, s[-1], int(np.ceil(s[-1] / _STEP)) + 1)
        xy, back, ahead = (
            np.column_stack(
                [np.interp(np.clip(at + far, 0, s[-1]), s, vertices[:, axis]) for axis in (0, 1)]
            )
            for far in (0.0, -_CHORD, _CHORD)
        )
        points.append(xy)
        bends.append(_curvature(back, xy, ahead))
    xy, bend = np.vstack(points), np.vstack(bends)
    row, col = (np.rint(each).astype(np.int64) for each in terrain.index(xy[:, 0], xy[:, 1]))
    level = np.full(len(xy), np.inf)
    rows, cols = terrain.shape
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            r, c = row + down, col + right
            inside = (r >= 0) & (r < rows) & (c >= 0) & (c < cols)
            z = terrain.z[np.where(inside, r, 0), np.where(inside, c, 0)]
            level = np.fmin(level, np.where(inside, z, np.inf))
    level[np.isinf(level)] = np.nan
    return Rivers(cKDTree(xy), xy, level, bend)


def _curvature(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Curvature of the circles through three points each, towards their centres [1/m]."""
    ab, bc, ac = b - a, c - b, c - a
    cross = ab[:, 0] * bc[:, 1] - ab[:, 1] * bc[:, 0]
    lengths = np.hypot(*ab.T) * np.hypot(*bc.T) * np.hypot(*ac.T)
    size = np.divide(2 * cross, lengths, out=np.zeros(len(a)), where=lengths > 0)
    chord = np.hypot(*ac.T)
    unit = np.divide(ac, chord[:, None], out=np.zeros_like(ac), where=chord[:, None] > 0)
    # positive to the left of the way from a to c
    return np.asarray(size[:, None] * np.column_stack((-unit[:, 1], unit[:, 0])))


def _outbursts(terrain: Terrain, drainage: Drainage, lakes: Iterable[shapely.Geometry]) -> Path:
    """Ways of the water from lakes to the edge of the ground, with the shortest way to each."""
    best: dict[tuple[int, int], float] = {}
    rows, cols = terrain.shape
    for lake in lakes:
        point = shapely.point_on_surface(lake)
        row, col = (int(np.rint(each)) for each in terrain.index(point.x, point.y))
        if not (0 <= row < rows and 0 <= col < cols):
            continue
        for cell, far in zip(*downstream(drainage, row, col), strict=True):
            key = (int(cell[0]), int(cell[1]))
            if far >= best.get(key, np.inf):
                break  # from here on another lake is nearer
            best[key] = float(far)
    if not best:
        return Path(None, np.zeros(0), np.zeros(0))
    at = np.array(list(best), np.int64)
    left, _, _, top = terrain.bounds
    xy = np.column_stack(
        (left + (at[:, 1] + 0.5) * terrain.cell, top - (at[:, 0] + 0.5) * terrain.cell)
    )
    return Path(
        cKDTree(xy),
        drainage.filled[at[:, 0], at[:, 1]].astype(np.float64),
        np.array([*best.values()]),
    )
