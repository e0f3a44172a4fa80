"""Rivers, places, buildings and land use of OpenStreetMap, as the stages read them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from realign.sources.box import Box
from realign.sources.overpass import Answer, Way, areas, name_of, points

Row = tuple[BaseGeometry, dict[str, Any]]
"""A shape in degrees and its properties."""


def water_rows(ways: Iterable[Way], box: Box) -> list[Row]:
    """
    Rivers or streams within a box, drawn downstream; pieces of one name are joined where they meet.

    OpenStreetMap draws waterways the way the water runs, and that is kept.
    """
    named: dict[tuple[str, str, str], list[BaseGeometry]] = defaultdict(list)
    rows: list[Row] = []
    for way in ways:
        shape = shapely.clip_by_rect(shapely.LineString(way.lonlat), *box.edges)
        parts = [part for part in shapely.get_parts(shape) if part.length > 0]
        kind = way.tags.get("waterway", "")
        name, local = name_of(way.tags), way.tags.get("name", "")
        if name:
            named[kind, name, local] += parts
        else:
            rows += [(part, _water(kind, "", "")) for part in parts]
    for (kind, name, local), parts in named.items():
        joined = shapely.line_merge(shapely.multilinestrings(parts), directed=True)
        rows += [(part, _water(kind, name, local)) for part in shapely.get_parts(joined)]
    return rows


def place_rows(answer: Answer) -> list[Row]:
    """Places with their names, in Latin letters, as on the spot, and in Urdu where it is known."""
    rows: list[Row] = []
    for point, tags in points(answer):
        if not name_of(tags):
            continue
        row = {
            "name": name_of(tags),
            "name_local": tags.get("name", ""),
            "name_ur": tags.get("name:ur", ""),
            "class": tags.get("place", ""),
        }
        rows.append((point, row))
    return rows


def area_rows(answer: Answer, box: Box, key: str) -> list[Row]:
    """Areas that reach into a box, with the value of a key as their class."""
    region = shapely.box(*box.edges)
    rows: list[Row] = []
    for shape, tags in areas(answer):
        if shape.intersects(region):
            flat = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
            rows += [(part, {"class": tags.get(key, "")}) for part in flat]
    return rows


def nearest_name(rows: Sequence[Row], lon: float, lat: float) -> str:
    """Name of the named line that is nearest to a point; empty where there is none."""
    point = shapely.Point(lon, lat)
    named = [(shape.distance(point), str(row["name"])) for shape, row in rows if row["name"]]
    return min(named)[1] if named else ""


def _water(kind: str, name: str, local: str) -> dict[str, Any]:
    return {"class": kind, "name": name, "name_local": local}
