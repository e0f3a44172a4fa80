"""
The road network as layers of a GIS: candidates, hazards, stretches that matter, other roads.

Attributes are those of the tables of the same name, with dates as texts (ISO). What a table has
besides geometry, or instead of it, is a layer without one.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely import LineString, MultiLineString

from realign import allweather
from realign.branches import Leg
from realign.chainage import Section
from realign.network import Link
from realign.plan import Plan
from realign.roads import Roads
from realign.yearround import course

Row = Mapping[str, Any]
"""A row of a table: column to cell."""
Made = Mapping[str, tuple[Sequence[str], Sequence[Row]]]
"""Columns and rows of tables by name."""

NEAR = 2.0
"""Distance within which a candidate link is drawn in plan, and again in profile [m]."""
SAME = 1e-3
"""Points of a road nearer to each other along it are one [m]."""
_KMH = 3.6


def layers(plan: Plan, made: Made) -> dict[str, Any]:
    """
    Layers of the network.

    Parameters
    ----------
    plan
        What came out.
    made
        The tables `links`, `hazard`, `criticality`, `availability` and `pareto`, and
        as `hazard_new` one like `hazard` of the new roads of the best option, each row with the
        name of its `road`.

    Returns
    -------
    layers
        Frames by name, with the type of their geometry among their `attrs`, None for tables
        without one. There is no layer of other roads where the study has none. A candidate
        link is drawn within `NEAR` twice over; the links of options are drawn as they are in
        the layers of links and centre lines.
    """
    crs = plan.terrain.crs
    new = {link.name: link for link in plan.links}
    ways = {each.name: each.way.legs for each in plan.choice.candidates}
    shapes = {
        "candidate_links": [_end_to_end(ways[row["name"]]) for row in made["links"][1]],
        "hazard": [_standing(plan, row) for row in made["hazard"][1]],
        "hazard_new": [_stretch(new[row["road"]], *_ends(row)) for row in made["hazard_new"][1]],
    }
    out: dict[str, Any] = {
        "candidate_links": _frame(made["links"], shapes["candidate_links"], crs, "LineString Z"),
        "hazard": _frame(made["hazard"], shapes["hazard"], crs, "LineString"),
        "hazard_new": _frame(made["hazard_new"], shapes["hazard_new"], crs, "LineString"),
        "criticality": _criticality(plan, made["criticality"], crs),
    }
    if plan.region.roads is not None:
        out["other_roads"] = _other_roads(plan.region.roads, crs)
    for name in ("availability", "pareto"):
        out[name] = _table(made[name])
    return out


# ---------------------------------------------------------------- frames


Table = tuple[Sequence[str], Sequence[Row]]
"""Columns and rows."""


def _table(table: Table) -> Any:
    """Attributes without a geometry."""
    columns, rows = table
    frame = pd.DataFrame({name: [_value(row[name]) for row in rows] for name in columns})
    frame.attrs["geometry_type"] = None
    return frame


def _frame(table: Table, shapes: Sequence[Any], crs: CRS, geometry_type: str) -> Any:
    """Attributes with a geometry."""
    frame = gpd.GeoDataFrame(_table(table), geometry=list(shapes), crs=crs)
    frame.attrs["geometry_type"] = geometry_type
    return frame


def _value(cell: object) -> object:
    """Give a cell as a layer holds it: no number that is none, dates as texts."""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        return float(f"{cell:.10g}") if isfinite(cell) else None
    return cell


# ---------------------------------------------------------------- lines


def _end_to_end(legs: Sequence[Leg]) -> LineString:
    """Legs set end to end, with levels."""
    parts = [_points(leg.road, leg.part.start, leg.part.end) for leg in legs]
    points = np.vstack([parts[0], *(each[1:] for each in parts[1:])])
    return LineString(thinned(points, near=NEAR))


def _points(link: Link, start: float, end: float) -> NDArray[np.float64]:
    """Give east, north and level of a stretch of a new road, shape (n, 3) [m]."""
    inside = (link.station > start + SAME) & (link.station < end - SAME)
    s = np.concatenate(([start], link.station[inside], [end]))
    return np.column_stack([np.interp(s, link.station, v) for v in (link.x, link.y, link.level)])


def thinned(points: NDArray[np.float64], *, near: float) -> NDArray[np.float64]:
    """
    Leave out points of a line without which it stays where it is.

    Parameters
    ----------
    points
        East, north and level, shape (n, 3) [m].
    near
        Distance that is left in plan, and in profile, by each of the two choices (Douglas and
        Peucker 1973); together they keep twice that [m].

    Returns
    -------
    points
        Some of them, the first and the last among them, shape (m, 3) [m].
    """
    run = np.hypot(*np.diff(points[:, :2], axis=0).T)
    s = np.concatenate(([0.0], np.cumsum(run)))
    place = np.arange(len(points), dtype=np.float64)
    kept = np.zeros(len(points), np.bool_)
    for flat in (points[:, :2], np.column_stack((s, points[:, 2]))):
        # the place of a point goes along as its height
        line = LineString(np.column_stack((flat, place)))
        line = shapely.simplify(line, near, preserve_topology=False)
        kept[shapely.get_coordinates(line, include_z=True)[:, 2].astype(np.intp)] = True
    return points[kept]


def _stretch(link: Link, start: float, end: float) -> LineString:
    """Give a stretch of a new road in plan."""
    return LineString(_points(link, start, end)[:, :2])


def _standing(plan: Plan, row: Row) -> LineString:
    """Give a piece of the highway."""
    start, end = _ends(row)
    return LineString(plan.highway.piece(Section(start, min(end, plan.highway.length))))


def _ends(row: Row) -> tuple[float, float]:
    """Stations of a piece [m]."""
    return row["from_km"] * 1000, row["to_km"] * 1000


# ---------------------------------------------------------------- stretches that matter


def _criticality(plan: Plan, table: Table, crs: CRS) -> Any:
    """Stretches that lie on the highway, a new road or another road whose course is known."""
    shapes = {
        (kind, name): shape
        for kind in plan.critical
        for name, shape in _of_stretches(plan, kind).items()
    }
    placed = [row for row in table[1] if (row["vehicle"], row["stretch"]) in shapes]
    own = [shapes[row["vehicle"], row["stretch"]] for row in placed]
    return _frame((table[0], placed), own, crs, "MultiLineString")


def _of_stretches(plan: Plan, kind: allweather.Kind) -> dict[str, MultiLineString]:
    """Courses of the stretches of the best option, by name."""
    graph, beside = plan.years[plan.best].graph, plan.region.beside
    out = {}
    for each in plan.critical[kind]:
        lines = course(plan.highway, plan.links, beside, graph, each.parts)
        if lines:
            out[each.name] = MultiLineString(lines)
    return out


# ---------------------------------------------------------------- other roads


def _other_roads(roads: Roads, crs: CRS) -> Any:
    """Roads of the region as they were cleaned, in the order of their numbers."""
    length = roads.length
    frame = gpd.GeoDataFrame(
        {
            "number": np.arange(len(roads.lines)),
            "class": [tags.kind for tags in roads.tags],
            "ref": [tags.ref for tags in roads.tags],
            "name": [tags.name for tags in roads.tags],
            "structure": [tags.structure for tags in roads.tags],
            "oneway": roads.oneway,
            "component": roads.component[roads.start],
            "length_m": length.round(2),
            "speed_kmh": [
                round(float(length[i]) / roads.time(i) * _KMH, 1) for i in range(length.size)
            ],
        },
        geometry=list(roads.lines),
        crs=crs,
    )
    frame.attrs["geometry_type"] = "LineString"
    return frame
