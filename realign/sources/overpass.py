"""
OpenStreetMap through the Overpass API: one question a kind of thing, answered as JSON.

Answers are read before they are kept, in a folder by what was asked, so that nothing is asked for
twice; kept are those only that are whole and, where a study cannot do without, not empty.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from realign.errors import SourceError
from realign.sources.box import Box
from realign.sources.client import AskedError, Client, LaterError
from realign.sources.files import UNREADABLE, write_text

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

REQUIRED = frozenset({"roads", "rivers"})
"""Answers without which there are no inputs: a server without one line of them in the box is not
whole, or has none of the region."""

_LONE = re.compile("[\ud800-\udfff]")  # halves of characters, which no file can hold
_NUMBERS = 2**63  # numbers of OpenStreetMap are below
_TOLD = 5  # lines that are told one by one
_INNER = 500  # relations of a relation; those of the longest routes have fewer


@dataclass(frozen=True, slots=True)
class Answer:
    """What OpenStreetMap has."""

    elements: tuple[Mapping[str, Any], ...]
    """Nodes, ways or relations."""
    origin: str
    """Which server, and the day of its data."""
    broken: tuple[str, ...] = ()
    """What was left out since it cannot be read."""

    @property
    def note(self) -> str:
        """What was left out, in a line; empty where that is nothing."""
        if not self.broken:
            return ""
        more = f" and {len(self.broken) - _TOLD} more" if len(self.broken) > _TOLD else ""
        return f"left out, since it cannot be read: {', '.join(self.broken[:_TOLD])}{more}"


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

        def check(answer: Answer) -> Answer:
            found = sound(answer)
            if name in REQUIRED and not any(_reaches(way, box) for way in ways(found)):
                msg = f"{found.origin}: found none of the {name} in the box {box}; wanted one"
                raise SourceError(f"{msg}; {found.note}" if found.broken else msg)
            return found

        return self._ask(name, f"{head};{QUESTIONS[name]}", check)

    def members(self, relation: int) -> frozenset[int]:
        """
        Numbers of the ways of a relation, and of the relations that it holds.

        Long routes are relations of relations; those are followed one level down.

        Raises
        ------
        SourceError
            There is no such relation, or it has no ways.
        """
        key = f"fetch.highway_relation: found no way in the relation {relation} of OpenStreetMap"

        def check(answer: Answer) -> Answer:
            if not (_refs(answer, "way") or _refs(answer, "relation")):
                msg = f"{key}; wanted that of a road"
                raise SourceError(msg)
            return answer

        top = self._ask(f"relation-{relation}", _relations([relation]), check)
        found, inner = _refs(top, "way"), sorted(_refs(top, "relation") - {relation})

        def check_inner(answer: Answer) -> Answer:
            if not found | _refs(answer, "way"):
                msg = (
                    f"{key}, nor in the {len(inner)} relations that it holds, which are followed "
                    "one level; wanted the relation of a road"
                )
                raise SourceError(msg)
            return answer

        if not inner:
            return found
        below = self._ask(f"in-relation-{relation}", _relations(inner[:_INNER]), check_inner)
        return found | _refs(below, "way")

    def _ask(self, name: str, query: str, check: Callable[[Answer], Answer]) -> Answer:
        """Give the answer that is kept, or ask; `check` refuses what is of no use."""
        key = hashlib.sha256(query.encode()).hexdigest()[:12]
        path = self.cache / f"osm-{name}-{key}.json"
        try:
            held = json.loads(path.read_text("utf-8"))
            return check(Answer(tuple(map(dict, held["elements"])), _clean(held["origin"])))
        except (*UNREADABLE, SourceError):
            pass  # none is kept, or none that can be read

        def one(url: str) -> Answer:
            return self.client.patiently(lambda: check(self._once(url, query)))

        answer = self.client.anywhere(self.servers, one)
        if not answer.broken:
            held = {"query": query, "origin": answer.origin, "elements": answer.elements}
            write_text(path, json.dumps(held))
        return answer

    def _once(self, url: str, query: str) -> Answer:
        """Ask one server once; what is no whole answer may be one later."""
        with self.client.request(url, limit=LARGEST, data={"data": query}, work=_SECONDS) as reply:
            body = b"".join(reply.chunks)
        try:
            table = json.loads(body)
            elements = tuple(dict(element) for element in table["elements"])
            remark = _clean(table.get("remark", ""))
            dated = _clean(table.get("osm3s", {}).get("timestamp_osm_base", "an unknown day"))
        except UNREADABLE as problem:
            found = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
            msg = f"{url}: found {found!r}; wanted JSON with elements"
            raise LaterError(msg) from problem
        if "error" in remark.lower():  # a server out of time or memory sends what it has
            msg = f"{url}: the answer is not whole: {remark}"
            raise LaterError(msg)
        return Answer(elements, f"{url}, data of {dated}")


def sound(answer: Answer) -> Answer:
    """
    Leave out lines that cannot be read, and say which.

    Raises
    ------
    AskedError
        None of the lines can be read: the server does not answer what it is asked.
    """
    lines = [element for element in answer.elements if element.get("type") == "way"]
    wrong = {id(element): why for element in lines if isinstance(why := _read(element), str)}
    if wrong and len(wrong) == len(lines):
        first = next(iter(wrong.values()))
        msg = (
            f"{answer.origin}: found {len(lines)} lines, none that can be read; the first: {first}"
        )
        raise AskedError(msg)
    kept = tuple(element for element in answer.elements if id(element) not in wrong)
    return replace(answer, elements=kept, broken=tuple(wrong.values()))


def ways(answer: Answer) -> Iterator[Way]:
    """
    Lines of an answer, of which those that cannot be read are left out.

    So are those without two points that are known: a server gives none outside of the box.
    """
    for element in answer.elements:
        if element.get("type") == "way":
            way = _read(element)
            if isinstance(way, Way) and len(way.lonlat) >= 2:
                yield way


def areas(answer: Answer) -> Iterator[tuple[BaseGeometry, Mapping[str, str]]]:
    """Polygons of an answer, of closed lines and of relations, with what is said of them."""
    for element in answer.elements:
        if element.get("type") == "way":
            rings = [way.lonlat for way in ways(Answer((element,), ""))]
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
    """Write shapes in degrees with their properties as GeoJSON (RFC 7946), as its name stands."""
    features = [
        {"type": "Feature", "properties": dict(row), "geometry": json.loads(_json(shape))}
        for shape, row in rows
    ]
    table = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(table, ensure_ascii=False) + "\n", "utf-8", newline="\n")


def _json(shape: BaseGeometry) -> str:
    """Geometry as GeoJSON, to a centimetre."""
    return str(shapely.to_geojson(shapely.transform(shape, lambda xy: xy.round(7))))


def _way(element: Mapping[str, Any]) -> Way:
    """Read a line; raises whatever fits where it cannot be read."""
    shape, nodes = element["geometry"], element["nodes"]
    known = [i for i, point in enumerate(shape) if point is not None]
    lonlat = [(float(shape[i]["lon"]), float(shape[i]["lat"])) for i in known]
    numbers = tuple(int(nodes[i]) for i in known)
    if not all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in lonlat):
        msg = "points that are none of the earth"
        raise ValueError(msg)
    number = int(element["id"])
    if not all(abs(each) < _NUMBERS for each in (number, *numbers)):
        msg = "numbers of 64 bits and more"
        raise ValueError(msg)
    return Way(number, numbers, np.array(lonlat, dtype=float).reshape(-1, 2), _tags(element))


def _read(element: Mapping[str, Any]) -> Way | str:
    """Read a line, or say why it cannot be read."""
    try:
        return _way(element)
    except (LookupError, TypeError, ValueError, OverflowError) as problem:
        name = _clean(element.get("id"))[:20]
        return f"way {name} (found no geometry with numbers of its points: {problem!r:.80})"


def _reaches(way: Way, box: Box) -> bool:
    """Whether a line runs within a box."""
    return shapely.clip_by_rect(shapely.LineString(way.lonlat), *box.edges).length > 0


def _relations(numbers: Sequence[int]) -> str:
    """Ask for relations by number, in Overpass QL."""
    listed = ",".join(map(str, numbers))
    chosen = f"rel({listed})" if len(numbers) == 1 else f"rel(id:{listed})"
    return f"[out:json][timeout:{_SECONDS}];{chosen};out body;"


def _refs(answer: Answer, kind: str) -> frozenset[int]:
    """Numbers of the members of relations that are of a kind."""
    return frozenset(
        each["ref"]
        for element in answer.elements
        for each in _members(element)
        if each.get("type") == kind and isinstance(each.get("ref"), int)
    )


def _clean(value: object) -> str:
    """Write a value as text that can be written to a file."""
    return _LONE.sub("\N{REPLACEMENT CHARACTER}", str(value))


def _tags(element: Mapping[str, Any]) -> Mapping[str, str]:
    tags = element.get("tags")
    given = tags.items() if isinstance(tags, dict) else ()
    return {_clean(key): _clean(value) for key, value in given}


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
