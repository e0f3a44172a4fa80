"""
Layers over the ground: costs, preferences, prohibitions and tracked measures, kept apart.

A cost is money that is spent: by the metre inside of polygons, or by the crossing
of a line or of a polygon's edge, whatever the size of a cell. A preference steers
the search and is no part of the cost. A prohibition is ground that no road may
touch. A tracked measure changes nothing and is counted on the road that is found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field, model_validator
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from realign.formation import FORMS
from realign.inputs import WITHIN
from realign.settings import Settings


class Layer(Settings):
    """One row of `[[layers]]`: places that cost, are liked less, are forbidden, or are counted."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Short name, used in tables: small letters, digits, - and _."""
    file: Annotated[str, WITHIN]
    """Lines or polygons in the inputs folder."""
    kind: Literal["cost", "preference", "prohibition", "tracked"]
    """What it does: `cost` is paid, `preference` only steers the search, `prohibition` keeps every
    road off its polygons, `tracked` is measured on every road and changes nothing."""
    per_m: float | None = Field(default=None, ge=0, le=1e9)
    """Cost of a metre of road inside of the polygons, in the currency of the rates [/m]."""
    per_crossing: float | None = Field(default=None, ge=0, le=1e12)
    """Cost of each crossing of a line, or of the edge of a polygon, in the currency of the rates
    [each]."""
    factor: float | None = Field(default=None, ge=0.001, le=1000)
    """Preference: a metre inside of the polygons counts this many times its price [-]."""
    forms: tuple[Literal["open", "bridge", "tunnel"], ...] = ("open", "bridge")
    """Forms of road that a cost or preference falls on."""
    land_by: str = ""
    """Tracked: attribute of the polygons by which land that a road takes is listed in the bill."""
    counted: bool = False
    """Tracked: whether the shapes that the road's strip of land touches are counted, such as
    buildings."""
    required: bool = False
    """Whether an inputs folder without the file is an error; otherwise the layer is left out and
    the notes say so."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Layer":
        given = {
            key for key in ("per_m", "per_crossing", "factor") if getattr(self, key) is not None
        }
        allowed = {"cost": {"per_m", "per_crossing"}, "preference": {"factor"}}.get(
            self.kind, set()
        )
        if given - allowed:
            msg = f"{', '.join(sorted(given - allowed))}: found in a layer of kind {self.kind!r}"
            msg += f"; wanted {' or '.join(sorted(allowed)) or 'none of them'}"
            raise ValueError(msg)
        if self.kind != "tracked" and (self.land_by or self.counted):
            msg = f"land_by or counted: found in a layer of kind {self.kind!r}; wanted 'tracked'"
            raise ValueError(msg)
        if allowed and not given:
            msg = f"a layer of kind {self.kind!r} wants {' or '.join(sorted(allowed))}"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A layer with its shapes."""

    layer: Layer
    """What it does."""
    shapes: tuple[BaseGeometry, ...]
    """Lines or polygons in the reference system of the ground."""
    classes: tuple[str, ...] = ()
    """Class of each shape by the attribute `land_by`; empty where there is none."""

    @property
    def parts(self) -> list[BaseGeometry]:
        """Its shapes one by one, those apart that are held together by a collection."""
        return [part for shape in self.shapes for part in shapely.get_parts(shape)]

    @property
    def lines(self) -> list[NDArray[np.float64]]:
        """Vertices of its lines and of the edges of its polygons, each of shape (k, 2) [m]."""
        edges = [
            part if part.geom_type.endswith("LineString") else part.boundary for part in self.parts
        ]
        return [shapely.get_coordinates(part) for edge in edges for part in shapely.get_parts(edge)]

    @property
    def areas(self) -> list[BaseGeometry]:
        """Its polygons."""
        return [part for part in self.parts if part.geom_type.endswith("Polygon")]

    def about(self, box: tuple[float, float, float, float]) -> "Laid":
        """Leave out the shapes that do not reach into a box: left, bottom, right, top [m]."""
        if not self.shapes:
            return self
        left, bottom, right, top = shapely.bounds(np.asarray(self.shapes, dtype=object)).T
        near = (left <= box[2]) & (right >= box[0]) & (bottom <= box[3]) & (top >= box[1])
        kept = np.flatnonzero(near).tolist()
        return Laid(
            self.layer,
            tuple(self.shapes[i] for i in kept),
            tuple(self.classes[i] for i in kept) if self.classes else (),
        )

    @property
    def on(self) -> NDArray[np.bool_]:
        """Which forms of road it falls on, shape (3,)."""
        return np.array([form in self.layer.forms for form in FORMS])


def measured(line: LineString, laid: Sequence[Laid]) -> Mapping[str, float]:
    """
    Measure the tracked layers along a road.

    Parameters
    ----------
    line
        Centre line [m].
    laid
        All layers; those that are not tracked are left out.

    Returns
    -------
    measures
        By name of the layer: length inside of its polygons under `NAME_m`, crossings
        of its lines under `NAME_crossings`.
    """
    out = {}
    for each in laid:
        if each.layer.kind != "tracked":
            continue
        areas = each.areas
        if areas:
            inside = shapely.intersection(line, shapely.union_all(areas))
            out[f"{each.layer.name}_m"] = float(inside.length)
        lines = [part for part in each.parts if part.geom_type.endswith("LineString")]
        if lines:
            met = shapely.intersection(line, np.asarray(lines, dtype=object))
            count = sum(len(shapely.get_parts(part)) for part in met if not part.is_empty)
            out[f"{each.layer.name}_crossings"] = float(count)
    return out


def charged(
    xy: NDArray[np.float64], form: NDArray[np.int8], laid: Sequence[Laid]
) -> Mapping[str, NDArray[np.float64]]:
    """
    Say what the layers of costs ask of a road, interval by interval.

    Parameters
    ----------
    xy
        Points of the road, shape (n, 2) [m].
    form
        Form from each point to the next, shape (n - 1,).
    laid
        All layers; only those of costs count.

    Returns
    -------
    costs
        By name of the layer, shape (n - 1,), in the currency of the rates: metres
        inside of its polygons and crossings of its lines, each on the forms it falls
        on.
    """
    pieces = shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1))
    middle = shapely.points((xy[:-1] + xy[1:]) / 2)
    run = np.hypot(*np.diff(xy, axis=0).T)
    out = {}
    for each in laid:
        if each.layer.kind != "cost":
            continue
        falls = each.on[form]
        cost = np.zeros(form.size)
        if each.layer.per_m and each.areas:
            area = shapely.union_all(each.areas)
            shapely.prepare(area)
            cost += each.layer.per_m * run * (falls & shapely.contains(area, middle))
        if each.layer.per_crossing:
            lines = [LineString(line) for line in each.lines if len(line) > 1]
            tree = shapely.STRtree(np.asarray(pieces, dtype=object))
            met, _ = tree.query(np.array(lines, dtype=object), predicate="crosses")[::-1]
            cost += each.layer.per_crossing * falls * np.bincount(met, minlength=form.size)
        out[each.layer.name] = cost
    return out


def taken(
    xy: NDArray[np.float64], land: NDArray[np.float64], laid: Sequence[Laid]
) -> tuple[Mapping[str, NDArray[np.float64]], Mapping[str, int]]:
    """
    List the land that a road takes by its use, and count what stands on it.

    Parameters
    ----------
    xy
        Points of the road, shape (n, 2) [m].
    land
        Land taken from each point to the next, shape (n - 1,) [m2].
    laid
        All layers; tracked ones with `land_by` or `counted` are looked at.

    Returns
    -------
    uses, counts
        Land by class, each of shape (n - 1,) [m2], which adds up to all of it: what
        no polygon covers is "other". Where polygons lie upon each other the first one
        counts, by the order of the layers and of their files. And by name of layer
        how many of its shapes the strip touches. The strip is as wide on both sides
        of the centre line.
    """
    strip = _strip(xy, land)
    bare = strip.copy()
    uses: dict[str, NDArray[np.float64]] = {}
    counts: dict[str, int] = {}
    left = land.copy()
    for each in laid:
        if each.layer.counted and each.shapes:
            counts[each.layer.name] = _touched(strip, each)
        if not (each.layer.land_by and each.shapes):
            continue
        shapes = shapely.make_valid(np.asarray(each.shapes, dtype=object))
        pieces, owner = shapely.STRtree(shapes).query(strip, predicate="intersects")
        for i, k in sorted(zip(pieces.tolist(), owner.tolist(), strict=True)):
            shared = shapely.area(shapely.intersection(bare[i], shapes[k]))
            bare[i] = shapely.difference(bare[i], shapes[k])
            part = min(float(shared), float(left[i]))  # but for rounding it is no more than that
            uses.setdefault(each.classes[k], np.zeros(land.size))[i] += part
            left[i] -= part
    left += uses.pop("other", np.zeros(land.size))  # a class of the file may be named so too
    return {**dict(sorted(uses.items())), "other": left}, counts


def _touched(strip: NDArray[np.object_], each: Laid) -> int:
    """Count the shapes of a layer that a strip touches."""
    shapes = np.asarray(each.shapes, dtype=object)
    return int(np.unique(shapely.STRtree(shapes).query(strip, predicate="intersects")[1]).size)


def _strip(xy: NDArray[np.float64], land: NDArray[np.float64]) -> NDArray[np.object_]:
    """Land of each interval as a rectangle about the centre line; empty where it takes none."""
    way = np.diff(xy, axis=0)
    run = np.maximum(np.hypot(*way.T), 1e-9)
    half = (land / run / 2)[:, None] * np.column_stack((-way[:, 1], way[:, 0])) / run[:, None]
    corners = np.stack((xy[:-1] + half, xy[1:] + half, xy[1:] - half, xy[:-1] - half), axis=1)
    out = np.asarray(shapely.polygons(corners), dtype=object)
    out[land <= 0] = shapely.Polygon()
    return out
