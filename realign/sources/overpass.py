"""
OpenStreetMap through the Overpass API: one question a kind of thing, answered as JSON.

Answers are kept in a folder by what was asked, so that nothing is asked for twice.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from realign.errors import SourceError
from realign.sources.box import Box
from realign.sources.client import Client, LaterError
from realign.sources.files import write_text

SERVERS = (
    "https://overpass-api.de/api/interpreter",
    "https://overpass.kumi.systems/api/interpreter",
)
"""Public servers of the whole earth, in the order in which they are asked
(wiki.openstreetmap.org/wiki/Overpass_API)."""

LARGEST = 512 << 20
"""Largest answer that is taken [bytes]."""

_SECONDS = 180  # for the server to work on a question
_SHOWN = 80  # characters of an answer that is none

CARS = (
    "motorway|trunk|primary|secondary|tertiary|unclassified|residential|living_street|service|"
    "track|road|motorway_link|trunk_link|primary_link|secondary_link|tertiary_link"
)

QUESTIONS: Mapping[str, str] = {
    "roads": f'way["highway"~"^({CARS})$"]["area"!="yes"];out geom;',
    "rivers": 'way["waterway"~"^(river|canal)$"];out geom;',
    "streams": 'way["waterway"="stream"];out geom;',
    "places": 'node["place"~"^(city|town|village|hamlet|suburb|locality)$"]["name"];out body;',
    "buildings": '(way["building"];relation["building"]["type"="multipolygon"];);out geom;',
    "landuse": '(way["landuse"];relation["landuse"]["type"="multipolygon"];);out geom;',
}
"""What is asked within a box, in Overpass QL, by the name of the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What OpenStreetMap has."""

    elements: tuple[Mapping[str, Any], ...]
    """Nodes, ways or relations."""
    origin: str
    """Which server, and the day of its data."""


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A line of OpenStreetMap."""

    number: int
    """Its number there."""
    nodes: tuple[int, ...]
    """Numbers of its points."""
    lonlat: NDArray[np.float64]
    """Its points, shape (n, 2) [deg]."""
    tags: Mapping[str, str]
    """What is said of it."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks servers of Overpass, or the answers that are kept."""

    client: Client
    """Makes requests."""
    servers: Sequence[str]
    """Addresses, asked in order."""
    cache: Path
    """Folder of answers."""

    def within(self, box: Box, name: str) -> Answer:
        """Ask one of `QUESTIONS` within a box."""
        west, south, east, north = box.edges
        head = f"[out:json][timeout:{_SECONDS}][bbox:{south:.7g},{west:.7g},{north:.7g},{east:.7g}]"
        return self._ask(name, f"{head};{QUESTIONS[name]}")

    def members(self, relation: int) -> frozenset[int]:
        """
        Numbers of the ways of a relation.

        Raises
        ------
        SourceError
            There is no such relation, or it has no ways.
        """
        query = f"[out:json][timeout:{_SECONDS}];rel({relation});out body;"
        answer = self._ask(f"relation-{relation}", query)
        found = frozenset(
            each["ref"]
            for element in answer.elements
            for each in _members(element)
            if each.get("type") == "way" and isinstance(each.get("ref"), int)
        )
        if not found:
            msg = (
                f"fetch.highway_relation: found no way in the relation {relation} of "
                "OpenStreetMap; wanted that of a road"
            )
            raise SourceError(msg)
        return found

    def _ask(self, name: str, query: str) -> Answer:
        key = hashlib.sha256(query.encode()).hexdigest()[:12]
        path = self.cache / f"osm-{name}-{key}.json"
        try:
            held = json.loads(path.read_text("utf-8"))
            return Answer(tuple(held["elements"]), str(held["origin"]))
        except (OSError, ValueError, LookupError, TypeError):
            pass  # none is kept, or none that can be read

        def one(url: str) -> Answer:
            return self.client.patiently(lambda: self._once(url, query))

        answer = self.client.anywhere(self.servers, one)
        held = {"query": query, "origin": answer.origin, "elements": answer.elements}
        write_text(path, json.dumps(held, ensure_ascii=False))
        return answer

    def _once(self, url: str, query: str) -> Answer:
        """Ask one server once; what is no whole answer may be one later."""
        with self.client.request(url, limit=LARGEST, data={"data": query}, work=_SECONDS) as reply:
            body = b"".join(reply.chunks)
        try:
            table = json.loads(body)
            elements = tuple(dict(element) for element in table["elements"])
            remark = str(table.get("remark", ""))
            dated = table.get("osm3s", {}).get("timestamp_osm_base", "an unknown day")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
            found = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
            msg = f"{url}: found {found!r}; wanted JSON with elements"
            raise LaterError(msg) from problem
        if "error" in remark.lower():  # a server out of time or memory sends what it has
            msg = f"{url}: the answer is not whole: {remark}"
            raise LaterError(msg)
        return Answer(elements, f"{url}, data of {dated}")


def ways(answer: Answer) -> Iterator[Way]:
    """Lines of an answer; those without two points that are known are left out."""
    for element in answer.elements:
        if element.get("type") != "way":
            continue
        try:
            nodes, shape = element.get("nodes", []), element["geometry"]
            known = [i for i, point in enumerate(shape) if point is not None]
            lonlat = np.array([(shape[i]["lon"], shape[i]["lat"]) for i in known], dtype=float)
            numbers = tuple(int(nodes[i]) for i in known) if nodes else ()
            number = int(element.get("id", 0))
        except (LookupError, TypeError, ValueError, OverflowError) as problem:
            msg = f"way {element.get('id')}: found no geometry ({problem!r}); wanted `out geom`"
            raise SourceError(msg) from problem
        if len(known) >= 2 and np.isfinite(lonlat).all():
            yield Way(number, numbers, lonlat, _tags(element))


def areas(answer: Answer) -> Iterator[tuple[BaseGeometry, Mapping[str, str]]]:
    """Polygons of an answer, of closed lines and of relations, with what is said of them."""
    lines = {way.number: way.lonlat for way in ways(answer)}
    for element in answer.elements:
        if element.get("type") == "way":
            number = element.get("id", 0)
            rings = [lines[number]] if number in lines else []
        else:
            rings = [ring for each in _members(element) if (ring := _ring(each)) is not None]
        if not rings:
            continue
        # holes are what lies within an odd number of rings
        shape = shapely.build_area(shapely.MultiLineString([ring.tolist() for ring in rings]))
        if not shape.is_empty:
            yield shapely.make_valid(shape), _tags(element)


def points(answer: Answer) -> Iterator[tuple[shapely.Point, Mapping[str, str]]]:
    """Points of an answer with what is said of them; those without a position are left out."""
    for element in answer.elements:
        try:
            lon, lat = float(element["lon"]), float(element["lat"])
        except (LookupError, TypeError, ValueError, OverflowError):
            continue
        if abs(lon) <= 180 and abs(lat) <= 90:
            yield shapely.Point(lon, lat), _tags(element)


def name_of(tags: Mapping[str, str]) -> str:
    """Name in Latin letters where there is one, else as it is on the spot."""
    return tags.get("name:en") or tags.get("int_name") or tags.get("name") or ""


def write(
    path: Path,
    rows: Sequence[tuple[BaseGeometry, Mapping[str, Any]]],
) -> None:
    """Write shapes in degrees with their properties as GeoJSON (RFC 7946)."""
    features = [
        {"type": "Feature", "properties": dict(row), "geometry": json.loads(_json(shape))}
        for shape, row in rows
    ]
    table = {"type": "FeatureCollection", "features": features}
    write_text(path, json.dumps(table, ensure_ascii=False) + "\n")


def _json(shape: BaseGeometry) -> str:
    """Geometry as GeoJSON, to a centimetre."""
    return str(shapely.to_geojson(shapely.transform(shape, lambda xy: xy.round(7))))


def _tags(element: Mapping[str, Any]) -> Mapping[str, str]:
    tags = element.get("tags")
    given = tags.items() if isinstance(tags, dict) else ()
    return {str(key): str(value) for key, value in given}


def _members(element: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Members of a relation."""
    members = element.get("members")
    given = members if isinstance(members, list) else []
    return [each for each in given if isinstance(each, dict)]


def _ring(member: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Points of a member that is a line; None where some are not known."""
    try:
        ring = np.array([(point["lon"], point["lat"]) for point in member["geometry"]], dtype=float)
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    return ring if len(ring) >= 2 and np.isfinite(ring).all() else None
