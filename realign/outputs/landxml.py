"""
LandXML 1.2 of alignments, for the programs in which a design office goes on.

A file holds units, reference system, and for every road its horizontal geometry as lines, curves
and clothoids, its station equations and its profile. Everything is said twice, by points and by
directions, lengths and radii, since programs differ in what they believe: some rebuild an element
from Start, PI, Center and End, others from a direction and a length. Both ways lead to the same
line.

Conventions
-----------
Points
    "northing easting", as the schema's PointType says.
Directions
    Azimuths clockwise from north in decimal degrees, 0 up to 360. The schema (LandXML-1.2.xsd)
    says of its type `direction` only "assume 0 degrees = north"; a note at `Units` adds
    "counter-clockwise", against the practice of Civil 3D and most others, which take the clockwise
    azimuth of surveyors. A few programs follow the note. Practice is followed here; a program of
    the other kind still gets the right line from the points.
Turns
    `rot` is "ccw" to the left and "cw" to the right; radii and angles have no sign.
Stations
    `staStart`, `staInternal`, PVIs and ground are internal stations, the start of the road plus
    the distance along it, as if there were no station equation.
Clothoids
    `theta` is the angle between the end tangents, `constant` the parameter A = sqrt(L / |k1 - k0|).
    `totalX` and `totalY` are measured from the flatter end along and off its tangent, and
    `tanLong` and `tanShort` are the longer and the shorter tangent up to the PI. A clothoid between
    two arcs has two finite radii.

An element whose curvature changes sign is written as two clothoids that meet where it is straight,
because LandXML has one `rot` for a clothoid. One that turns by more than `WIDEST` is written in
parts, because a PI runs away to infinity as the turn comes to half a circle.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from math import ceil, cos, degrees, hypot, sin, sqrt, tan
from xml.etree import ElementTree as ET  # writes only: nothing foreign is read

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from realign.errors import OutputError
from realign.geometry.alignment import Stationed
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import SHORTEST, Grades

NAMESPACE = "http://www.landxml.org/schema/LandXML-1.2"
"""Namespace of the elements."""
WIDEST = 2.8
"""Greatest turn of one curve or clothoid, beyond which it is written in parts [rad]."""
NOTHING = 1e-7
"""Curvature that moves an element by less than this is left out [m]."""

_SCHEMA = f"{NAMESPACE} {NAMESPACE}/LandXML-1.2.xsd"
_DIGITS = 8  # of metres: ten thousand times finer than what is promised
_FINEST = 12  # digits of degrees: 1e-10 m at the end of a tangent of 5 km
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def document(
    roads: Sequence[Stationed],
    *,
    project: str,
    crs: CRS,
    made: datetime,
    vertical_datum: str = "",
    version: str = "",
) -> bytes:
    """
    Write roads as LandXML.

    Parameters
    ----------
    roads
        At least one, each with a name of its own.
    project
        Name of the project.
    crs
        Projected reference system of the roads [m].
    made
        Date and time that the file bears. The same input gives the same bytes.
    vertical_datum
        Datum of the levels.
    version
        Version of this program.

    Returns
    -------
    document
        The file, in UTF-8. Read back by either way, by directions or by points, places and levels
        are those of the alignments to better than 1e-4 m.

    Raises
    ------
    OutputError
        There is no road, one has no name, or two have the same.
    """
    names = [_clean(road.name) for road in roads]
    if not names or "" in names or len(set(names)) < len(names):
        msg = (
            f"LandXML of {project}: found roads named {names}; wanted at least one, each with a "
            f"name of its own"
        )
        raise OutputError(msg)
    # attributes of a root that has a namespace would need a prefix, hence xmlns by hand
    root = ET.Element(
        "LandXML",
        {
            "xmlns": NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": _SCHEMA,
            "version": "1.2",
            "date": made.date().isoformat(),
            "time": made.time().isoformat("seconds"),
            "language": "English",
            "readOnly": "false",
        },
    )
    _header(root, project, crs, vertical_datum)
    _add(
        root,
        "Application",
        name="realign",
        version=version,
        timeStamp=made.replace(tzinfo=None).isoformat(timespec="seconds"),
    )
    alignments = _add(root, "Alignments", name=project)
    for road in roads:
        _alignment(alignments, road)
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _header(root: ET.Element, project: str, crs: CRS, vertical_datum: str) -> None:
    _add(
        _add(root, "Units"),
        "Metric",
        areaUnit="squareMeter",
        linearUnit="meter",
        volumeUnit="cubicMeter",
        temperatureUnit="celsius",
        pressureUnit="milliBars",
        angularUnit="decimal degrees",
        directionUnit="decimal degrees",
    )
    code = crs.to_epsg()
    _add(
        root,
        "CoordinateSystem",
        name=crs.name,
        epsgCode="" if code is None else str(code),
        ogcWktCode=crs.to_wkt() if code is None else "",
        horizontalDatum=crs.datum.name if crs.datum else "",
        verticalDatum=vertical_datum,
        horizontalCoordinateSystemName=crs.name,
    )
    _add(root, "Project", name=project)


def _alignment(parent: ET.Element, road: Stationed) -> None:
    own = _add(
        parent,
        "Alignment",
        name=road.name,
        length=_m(road.alignment.length),
        staStart=_m(road.start),
        desc=road.description,
    )
    geometry = _add(own, "CoordGeom", name=road.name)
    plan = road.alignment.plan
    for element, first, last in zip(plan.elements, plan.start, plan.start[1:], strict=False):
        pieces = list(_pieces(element))
        ends = first + np.cumsum([piece.length for piece in pieces])
        ends[-1] = last
        for piece, begin, end in zip(pieces, [first, *ends], ends, strict=False):
            _piece(geometry, piece, road.start, float(begin), float(end))
    for at, back, ahead in road.equations:
        _add(
            own,
            "StaEquation",
            staAhead=_m(ahead),
            staBack=_m(back),
            staInternal=_m(road.start + at),
            staIncrement="increasing",
        )
    profile = _add(own, "Profile", name=road.name)
    if len(road.ground):
        _surface(profile, road.name, road.ground, road.start)
    _grade_line(profile, road.name, road.alignment.grades, road.start)


# ---------------------------------------------------------------- horizontal


def _pieces(element: Element) -> Iterator[Element]:
    """Parts of an element that turn to one side only, and by no more than `WIDEST`."""
    k0, k1, length = element.k0, element.k1, element.length
    if k0 * k1 < 0 and not (_flat(k0, length) or _flat(k1, length)):
        middle = length * k0 / (k0 - k1)
        yield from _parts(_part(element, 0.0, middle, k0, 0.0))
        yield from _parts(_part(element, middle, length - middle, 0.0, k1))
    else:
        yield from _parts(element)


def _parts(whole: Element) -> Iterator[Element]:
    """Equal parts of an element that turns too far for one PI."""
    if abs(whole.k0 + whole.k1) / 2 * whole.length <= WIDEST:
        yield whole
        return
    count = ceil(max(abs(whole.k0), abs(whole.k1)) * whole.length / WIDEST)
    step = whole.length / count
    for i in range(count):
        a, b = _curvature(whole, i * step), _curvature(whole, (i + 1) * step)
        yield _part(whole, i * step, step, a, b)


def _part(whole: Element, at: float, length: float, k0: float, k1: float) -> Element:
    """Part of an element from a distance on, with the curvatures at its ends."""
    if at == 0:
        return Element(whole.start, length, k0, k1)
    s = np.array([at])
    (x, y), bearing = whole.points(s)[0], whole.bearing(s)[0]
    return Element(Pose(float(x), float(y), float(bearing)), length, k0, k1)


def _curvature(element: Element, s: float) -> float:
    return element.k0 + (element.k1 - element.k0) * s / element.length


def _flat(curvature: float, length: float) -> bool:
    """Whether a curvature moves nothing over a length."""
    return abs(curvature) * length**2 < NOTHING


def _piece(parent: ET.Element, piece: Element, start: float, first: float, last: float) -> None:
    """Write an element of one turn between two distances from the start of the road."""
    # lengths are differences of rounded distances, so that they add to the whole to the last digit
    long = {
        "length": _m(round(last, _DIGITS) - round(first, _DIGITS)),
        "staStart": _m(round(start, _DIGITS) + round(first, _DIGITS)),
    }
    if _flat(piece.k0, piece.length) and _flat(piece.k1, piece.length):
        _line(parent, piece, long)
    elif _flat(piece.k1 - piece.k0, piece.length):
        _curve(parent, piece, long)
    else:
        _spiral(parent, piece, long)


def _line(parent: ET.Element, piece: Element, long: dict[str, str]) -> None:
    own = _add(parent, "Line", dir=_azimuth(piece.start.bearing), **long)
    _points(own, Start=(piece.start.x, piece.start.y), End=(piece.end.x, piece.end.y))


def _curve(parent: ET.Element, piece: Element, long: dict[str, str]) -> None:
    begin, end, curvature = piece.start, piece.end, (piece.k0 + piece.k1) / 2
    radius, turn = 1 / abs(curvature), abs(curvature) * piece.length
    tangent = radius * tan(turn / 2)
    own = _add(
        parent,
        "Curve",
        rot=_rot(curvature),
        radius=_m(radius),
        delta=_degrees(turn),
        **long,
        chord=_m(2 * radius * sin(turn / 2)),
        crvType="arc",
        dirStart=_azimuth(begin.bearing),
        dirEnd=_azimuth(end.bearing),
        tangent=_m(tangent),
        external=_m(radius * (1 / cos(turn / 2) - 1)),
        midOrd=_m(radius * (1 - cos(turn / 2))),
    )
    _points(
        own,
        Start=(begin.x, begin.y),
        Center=(begin.x - sin(begin.bearing) / curvature, begin.y + cos(begin.bearing) / curvature),
        End=(end.x, end.y),
        PI=(begin.x + tangent * cos(begin.bearing), begin.y + tangent * sin(begin.bearing)),
    )


def _spiral(parent: ET.Element, piece: Element, long: dict[str, str]) -> None:
    begin, end, length = piece.start, piece.end, piece.length
    k0, k1 = (0.0 if _flat(k, length) else abs(k) for k in (piece.k0, piece.k1))
    turn = (k0 + k1) / 2 * length
    ahead, off = _local(length, k0, k1)
    first, second = ahead - off / tan(turn), off / sin(turn)  # tangents up to the PI
    total = (ahead, off) if k0 <= k1 else _local(length, k1, k0)
    own = _add(
        parent,
        "Spiral",
        **long,
        radiusStart=_m(1 / k0) if k0 else "INF",
        radiusEnd=_m(1 / k1) if k1 else "INF",
        rot=_rot(piece.k0 + piece.k1),
        spiType="clothoid",
        chord=_m(hypot(ahead, off)),
        constant=_m(sqrt(length / abs(k1 - k0))),
        dirStart=_azimuth(begin.bearing),
        dirEnd=_azimuth(end.bearing),
        theta=_degrees(turn),
        totalX=_m(total[0]),
        totalY=_m(total[1]),
        tanLong=_m(max(first, second)),
        tanShort=_m(min(first, second)),
    )
    _points(
        own,
        Start=(begin.x, begin.y),
        PI=(begin.x + first * cos(begin.bearing), begin.y + first * sin(begin.bearing)),
        End=(end.x, end.y),
    )


def _local(length: float, k0: float, k1: float) -> tuple[float, float]:
    """Way along and off the first tangent of a clothoid [m]."""
    end = Element(Pose(0.0, 0.0, 0.0), length, k0, k1).end
    return end.x, end.y


# ---------------------------------------------------------------- vertical


def _grade_line(profile: ET.Element, name: str, grades: Grades, start: float) -> None:
    own = _add(profile, "ProfAlign", name=name)
    for at, level, curve in zip(grades.chainage, grades.level, grades.curve, strict=True):
        pvi = _add(own, "ParaCurve", length=_m(curve)) if curve > SHORTEST else _add(own, "PVI")
        pvi.text = _pair(start + at, level)


def _surface(profile: ET.Element, name: str, ground: NDArray[np.float64], start: float) -> None:
    """Ground as lists of at least two points; a gap of the ground is one between two lists."""
    known = [
        list(run)
        for valid, run in groupby(ground.tolist(), lambda row: row[1] == row[1])  # not NaN
        if valid
    ]
    lists = [run for run in known if len(run) > 1]
    if not lists:
        return
    own = _add(profile, "ProfSurf", name=f"{name}, ground")
    for run in lists:
        text = " ".join(_pair(start + at, level) for at, level in run)
        _add(own, "PntList2D").text = text


# ---------------------------------------------------------------- writing


def _add(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    """Add an element; attributes that are empty are left out, but for its name."""
    given = {key: _clean(value) for key, value in attributes.items() if value or key == "name"}
    return ET.SubElement(parent, tag, given)


def _clean(text: str) -> str:
    """Leave out the characters that XML cannot hold."""
    return _FORBIDDEN.sub("", text)


def _points(parent: ET.Element, **places: tuple[float, float]) -> None:
    """Add points given as east and north."""
    for tag, (east, north) in places.items():
        _add(parent, tag).text = _pair(north, east)


def _pair(first: float, second: float) -> str:
    return f"{_m(first)} {_m(second)}"


def _m(value: float) -> str:
    """Metres, without a sign on nothing."""
    return f"{round(float(value), _DIGITS) + 0.0:.{_DIGITS}f}"


def _degrees(angle: float) -> str:
    return f"{degrees(angle):.{_FINEST}f}"


def _azimuth(bearing: float) -> str:
    """Clockwise from north, of a bearing anticlockwise from east."""
    return f"{round((90.0 - degrees(bearing)) % 360.0, _FINEST) % 360.0:.{_FINEST}f}"


def _rot(curvature: float) -> str:
    return "ccw" if curvature > 0 else "cw"
