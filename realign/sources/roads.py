"""Roads of OpenStreetMap: the highway as the way between its two ends, and all roads for cars."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import networkx as nx
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from realign.drowned import PLACE_M
from realign.errors import SourceError
from realign.roads import Cleaning
from realign.sources.box import Box
from realign.sources.overpass import Way, name_of

CLASSES: Mapping[str, float] = {
    "motorway": 1.0,
    "trunk": 1.0,
    "primary": 1.15,
    "secondary": 1.5,
    "tertiary": 2.0,
    "unclassified": 3.0,
    "road": 3.0,
    "residential": 4.0,
    "living_street": 5.0,
    "service": 6.0,
    "track": 8.0,
}
"""How many times its length a metre of road counts where the highway is looked for; an assumption:
a highway leaves a main road for a lesser one only where that saves much."""

PREFERRED = 0.2
"""The same for roads with the number of the highway, or in its relation."""

_ASIDE = 10.0  # times; a metre from the road to an end that is given
_RAMP = 1.1  # times; ramps over the road that they belong to
_NO = {"", "no", "false", "0"}

Row = tuple[BaseGeometry, dict[str, Any]]
"""A shape in degrees and its properties."""


@dataclass(frozen=True, slots=True, eq=False)
class Highway:
    """The way between two ends."""

    lonlat: NDArray[np.float64]
    """Its points, shape (n, 2) [deg]."""
    xy: NDArray[np.float64]
    """The same in the system of the study, shape (n, 2) [m]."""
    pieces: tuple[Way, ...]
    """The line of OpenStreetMap from each point to the next, n - 1 of them."""
    aside: tuple[float, float]
    """Distance from both ends as given to those of the road [m]."""

    @property
    def length(self) -> float:
        """Length [m]."""
        return float(np.hypot(*np.diff(self.xy, axis=0).T).sum())

    @property
    def name(self) -> str:
        """Name that most of it has."""
        return _most(name_of(way.tags) for way in self.pieces)

    @property
    def ref(self) -> str:
        """Number that most of it has."""
        return _most(way.tags.get("ref", "") for way in self.pieces)


def highway(
    ways: Sequence[Way],
    ends: tuple[tuple[float, float], tuple[float, float]],
    *,
    crs: CRS,
    box: Box,
    preferred: Callable[[Way], bool] | None = None,
) -> Highway:
    """
    Find the shortest way between two ends, lesser roads counting longer.

    Parameters
    ----------
    ways
        Roads for cars; those that meet have a point in common.
    ends
        Start and end, each as longitude and latitude [deg].
    crs
        Projected system of the study, in metres.
    box
        Points outside of it are not used.
    preferred
        Tells which roads are the highway, for sure; they count short.

    Raises
    ------
    SourceError
        No road comes within 5 km of an end, or none leads from one to the other.
    """
    graph, at = _graph(ways, crs, box, preferred)
    numbers = np.fromiter(at, dtype=np.int64, count=len(at))
    xy = np.array([at[number][1] for number in at]).reshape(-1, 2)
    project = Transformer.from_crs(4326, crs, always_xy=True)
    terminals = ("start", "end")
    for terminal, (lon, lat) in zip(terminals, ends, strict=True):
        far = np.hypot(*(xy - np.array(project.transform(lon, lat))).T)
        near = np.flatnonzero(far <= PLACE_M)
        if not len(near):
            msg = (
                f"found no road of OpenStreetMap within {PLACE_M / 1000:g} km of the {terminal} of "
                f"the highway at {lon:g},{lat:g}; wanted a point on it"
            )
            raise SourceError(msg)
        for i in near:
            graph.add_edge(terminal, int(numbers[i]), cost=_ASIDE * float(far[i]), way=None)
    try:
        path = nx.dijkstra_path(graph, *terminals, weight="cost")[1:-1]
    except nx.NetworkXNoPath as problem:
        msg = (
            "found no road of OpenStreetMap that leads from the start of the highway at "
            f"{ends[0][0]:g},{ends[0][1]:g} to its end at {ends[1][0]:g},{ends[1][1]:g} within the "
            f"box {box}; wanted a larger box, or other ends"
        )
        raise SourceError(msg) from problem
    if len(path) < 2:
        msg = "found both ends of the highway at one point of a road; wanted them apart"
        raise SourceError(msg)
    aside = tuple(
        graph.edges[terminal, node]["cost"] / _ASIDE
        for terminal, node in zip(terminals, (path[0], path[-1]), strict=True)
    )
    return Highway(
        lonlat=np.array([at[node][0] for node in path]),
        xy=np.array([at[node][1] for node in path]),
        pieces=tuple(graph.edges[a, b]["way"] for a, b in pairwise(path)),
        aside=(aside[0], aside[1]),
    )


def with_ref(ref: str, ways: Sequence[Way]) -> Callable[[Way], bool]:
    """
    Tell the roads with a number, written with or without blanks and hyphens.

    Raises
    ------
    SourceError
        No road has it.
    """

    def numbers(way: Way) -> set[str]:
        return {_plain(each) for each in way.tags.get("ref", "").split(";")} - {""}

    if not any(_plain(ref) in numbers(way) for way in ways):
        known = Counter(each for way in ways for each in way.tags.get("ref", "").split(";") if each)
        most = ", ".join(each for each, _ in known.most_common(8)) or "none"
        msg = f"fetch.highway_ref: found no road {ref!r} in the box; the numbers there are {most}"
        raise SourceError(msg)
    return lambda way: _plain(ref) in numbers(way)


def in_relation(
    relation: int, members: Collection[int], ways: Sequence[Way], box: Box
) -> Callable[[Way], bool]:
    """
    Tell the roads whose numbers a relation holds.

    Raises
    ------
    SourceError
        None of them comes into the box.
    """
    held = (way for way in ways if way.number in members and _factor(way) is not None)
    if not any(box.holds(lon, lat) for way in held for lon, lat in way.lonlat):
        msg = (
            f"fetch.highway_relation: found none of the {len(members)} ways of the relation "
            f"{relation} among the roads in the box {box}; wanted that of a road through it"
        )
        raise SourceError(msg)
    return lambda way: way.number in members


def line_row(road: Highway) -> Row:
    """Centre line of the highway, for `highway.geojson`."""
    row = {"name": road.name, "ref": road.ref, "length_km": round(road.length / 1000, 3)}
    return shapely.LineString(road.lonlat), row


def piece_rows(road: Highway) -> list[Row]:
    """Pieces of the highway by what they stand on, for `highway_segments.geojson`."""
    s = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(road.xy, axis=0).T)))) / 1000
    rows: list[Row] = []

    def kind(i: int) -> tuple[str, str, str]:
        tags = road.pieces[i].tags
        return structure(tags), name_of(tags), tags.get("ref", "")

    for (stands_on, name, ref), group in groupby(range(len(road.pieces)), key=kind):
        each = list(group)
        first, last = each[0], each[-1] + 1
        row = {
            "name": name,
            "ref": ref,
            "brunnel": stands_on or None,
            "from_km": float(s[first]),
            "to_km": float(s[last]),
        }
        rows.append((shapely.LineString(road.lonlat[first : last + 1]), row))
    return rows


def road_rows(ways: Sequence[Way], box: Box, rules: Cleaning) -> list[Row]:
    """All roads for cars within the box, for `roads.geojson`; classes without a speed left out."""
    rows: list[Row] = []
    for way in ways:
        kind = way.tags.get("highway", "")
        if rules.speed(kind) is None:
            continue
        shape = shapely.clip_by_rect(shapely.LineString(way.lonlat), *box.edges)
        row = {
            "class": kind,
            "name": name_of(way.tags),
            "name_local": way.tags.get("name", ""),
            "ref": way.tags.get("ref", ""),
            "brunnel": structure(way.tags) or None,
            "oneway": _direction(way.tags),
            "osm_id": way.number,
        }
        rows += [(part, row) for part in shapely.get_parts(shape) if part.length > 0]
    return rows


def structure(tags: Mapping[str, str]) -> str:
    """Tell what a road runs on or through: bridge, tunnel, ford, or nothing."""
    if tags.get("bridge", "") not in _NO:
        return "bridge"
    if tags.get("tunnel", "") not in _NO | {"building_passage", "culvert"}:
        return "tunnel"
    return "ford" if tags.get("ford", "") not in _NO else ""


def _direction(tags: Mapping[str, str]) -> str:
    """Direction of traffic as `roads.geojson` has it."""
    given = tags.get("oneway", "")
    if given in {"yes", "1", "true"}:
        return "yes"
    if given in {"-1", "reverse"}:
        return "-1"
    around = not given and tags.get("junction") in {"roundabout", "circular"}
    return "yes" if around else "no"


def _graph(
    ways: Collection[Way], crs: CRS, box: Box, preferred: Callable[[Way], bool] | None
) -> tuple[nx.Graph, dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
    """Roads as a graph of their points, and where each point lies, in degrees and in metres."""
    used = [way for way in ways if len(way.nodes) == len(way.lonlat) and _factor(way) is not None]
    project = Transformer.from_crs(4326, crs, always_xy=True)
    at: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    graph = nx.Graph()
    for way in used:
        xy = np.column_stack(project.transform(way.lonlat[:, 0], way.lonlat[:, 1]))
        inside = [box.holds(lon, lat) for lon, lat in way.lonlat]
        factor = PREFERRED if preferred and preferred(way) else _factor(way)
        for i, node in enumerate(way.nodes):
            if inside[i]:
                at[node] = (way.lonlat[i], xy[i])
        for i, (a, b) in enumerate(pairwise(way.nodes)):
            if a == b or not (inside[i] and inside[i + 1]):
                continue
            cost = (factor or 1.0) * math.dist(xy[i], xy[i + 1])
            if not graph.has_edge(a, b) or cost < graph.edges[a, b]["cost"]:
                graph.add_edge(a, b, cost=cost, way=way)
    return graph, {node: at[node] for node in graph.nodes}


def _factor(way: Way) -> float | None:
    """How many times its length a road counts; None where it is none for cars."""
    kind = way.tags.get("highway", "")
    if kind in CLASSES:
        return CLASSES[kind]
    base = CLASSES.get(kind.removesuffix("_link"))
    return None if base is None else base * _RAMP


def _plain(ref: str) -> str:
    """Write a road number without blanks and hyphens, in capitals."""
    return "".join(ref.replace("-", "").split()).upper()


def _most(values: Any) -> str:
    """Give the commonest value that is not empty."""
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0][0] if counted else ""
