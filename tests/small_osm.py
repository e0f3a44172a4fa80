"""The small valley as OpenStreetMap and Copernicus would have it."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import small_study
import tile_server
from numpy.typing import NDArray
from pyproj import Transformer

CELLS = 1800
"""Cells along the side of the tile: some 60 m, the cell of the valley."""

_HIGHEST = 2500.0  # m; the sides of the valley end here

Element = dict[str, Any]


def ground(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels of the valley at points in degrees [m]."""
    x, y = Transformer.from_crs(4326, small_study.EPSG, always_xy=True).transform(lon, lat)
    along = np.clip(np.asarray(x) - small_study.LEFT, -5000.0, 20_000.0)
    away = np.abs(np.asarray(y) - small_study.river_y(along))
    spurs = 1.0 + 0.5 * np.sin(along / 200.0)
    side = small_study.SIDE * spurs * np.maximum(away - small_study.FLOOR, 0.0)
    return np.minimum(small_study.BED + small_study.FALL * along + side, _HIGHEST)


def write_tile(root: Path) -> Path:
    """Write the tile that holds the valley."""
    lon, lat = small_study.point(0.0, float(small_study.river_y(0.0)))
    return tile_server.write_tile(root, int(lon), int(lat), cells=CELLS, ground=ground)


def way(
    number: int, nodes: Sequence[int], lonlat: Sequence[Sequence[float]], **tags: str
) -> Element:
    """Make a way as `out geom` gives it."""
    return {
        "type": "way",
        "id": number,
        "nodes": list(nodes),
        "geometry": [{"lon": lon, "lat": lat} for lon, lat in lonlat],
        "tags": {key.replace("__", ":"): value for key, value in tags.items()},
    }


def highway() -> list[Element]:
    """Make the highway in four pieces, one of them a bridge, with a track that leads nowhere."""
    lonlat = small_study.degrees(small_study.road())
    cuts = (0, 60, 70, 150, len(lonlat) - 1)
    named = {"highway": "trunk", "ref": "N-1", "name": "شاہراہ", "name__en": "Valley Road"}
    ways = [
        way(
            10 + i,
            range(a, b + 1),
            lonlat[a : b + 1],
            **named,
            **({"bridge": "yes"} if i == 1 else {}),
        )
        for i, (a, b) in enumerate(pairwise(cuts))
    ]
    aside = [(lon, lat + 0.001 * i) for i, (lon, lat) in enumerate(lonlat[100:110])]
    ways.append(way(20, [100, *range(900, 909)], aside, highway="track"))
    ways.append(way(21, [700, 701], [(lonlat[5][0], lonlat[5][1] + 0.01)] * 2, highway="raceway"))
    return ways


def river() -> list[Element]:
    """Make the river in two pieces, drawn downstream."""
    x = np.linspace(-1000.0, 14_000.0, 300)
    lonlat = small_study.degrees(
        np.column_stack((small_study.LEFT + x, small_study.river_y(x)))[::-1]
    )
    named = {"waterway": "river", "name": "صاف", "name__en": "Clear River"}
    return [
        way(30, range(1000, 1151), lonlat[:151], **named),
        way(31, range(1150, 1300), lonlat[150:], **named),
    ]


def places() -> list[Element]:
    """Make a town with three names, and one with one."""
    lon, lat = small_study.point(5000.0, float(small_study.river_y(5000.0)) + 300.0)
    tags = {"place": "town", "name": "درمیان", "name:en": "Midway", "name:ur": "درمیان"}
    hamlet = {"place": "hamlet", "name": "Up"}
    return [
        {"type": "node", "id": 1, "lon": lon, "lat": lat, "tags": tags},
        {"type": "node", "id": 2, "lon": lon, "lat": lat + 0.01, "tags": hamlet},
    ]


def square(lon: float, lat: float, side: float) -> list[tuple[float, float]]:
    """Corners of a square, the first again at the end."""
    return [
        (lon, lat), (lon + side, lat), (lon + side, lat + side), (lon, lat + side), (lon, lat),
    ]  # fmt: skip


def land() -> list[Element]:
    """Make a field with a hole, of a relation, and a house of fields' size."""
    lon, lat = small_study.point(6000.0, float(small_study.river_y(6000.0)) + 400.0)

    def ring(role: str, side: float, by: float) -> Element:
        points = [{"lon": x, "lat": y} for x, y in square(lon + by, lat + by, side)]
        return {"type": "way", "ref": 1, "role": role, "geometry": points}

    members = [ring("outer", 0.004, 0.0), ring("inner", 0.002, 0.001)]
    tags = {"type": "multipolygon", "landuse": "farmland"}
    return [
        {"type": "relation", "id": 5, "members": members, "tags": tags},
        way(40, [1, 2, 3, 4, 1], square(lon + 0.01, lat, 0.001), landuse="residential"),
    ]


def answer(query: str) -> object:
    """Answer a query as Overpass does, for the whole valley whatever the box."""
    kinds: dict[str, Callable[[], list[Element]]] = {
        '"highway"': highway, '"waterway"="stream"': list, '"waterway"': river, '"place"': places,
        '"building"': list, '"landuse"': land,
    }  # fmt: skip
    if "rel(77)" in query:
        members = [{"type": "way", "ref": each["id"], "role": ""} for each in highway()[:4]]
        elements = [{"type": "relation", "id": 77, "members": members}]
    elif "rel(" in query:
        elements = []
    else:
        elements = next(make for key, make in kinds.items() if key in query)()
    return {
        "version": 0.6,
        "osm3s": {"timestamp_osm_base": "2025-06-01T00:00:00Z"},
        "elements": elements,
    }
