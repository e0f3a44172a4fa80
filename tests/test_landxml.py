"""Laws of the LandXML: read back either way it is the alignment, and its form is the schema's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from math import cos, degrees, hypot, pi, radians, sin, tan
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS
from scipy.optimize import brentq

from realign.errors import GeometryError, OutputError
from realign.geometry.alignment import Alignment, Plan, Stationed
from realign.geometry.horizontal import Corner, Element, Pose, elements
from realign.geometry.vertical import Grades
from realign.outputs.landxml import WIDEST, document

MADE = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CRS_ = CRS.from_epsg(32643)
EAST, NORTH = 651_234.5678, 3_931_234.5678
NS = "{http://www.landxml.org/schema/LandXML-1.2}"
FINE = 1e-5  # m; what is promised is 1 mm
NODES, WEIGHTS = np.polynomial.legendre.leggauss(6)


# ---------------------------------------------------------------- roads to write


def chained(bits: Sequence[tuple[float, float, float]], bearing: float) -> Plan:
    """Make a plan of elements given by length and curvatures."""
    pose, made = Pose(EAST, NORTH, bearing), []
    for length, k0, k1 in bits:
        made.append(Element(pose, length, k0, k1))
        pose = made[-1].end
    return Plan(tuple(made))


@st.composite
def shapes(draw: st.DrawFn) -> tuple[float, float, float]:
    """Tangents, arcs up to hairpins, and clothoids between any two curvatures."""
    kind = draw(st.sampled_from(["tangent", "arc", "entry", "exit", "compound", "reverse"]))
    length = draw(st.one_of(st.floats(1.0, 200.0), st.floats(0.01, 1.0)))
    most = min(1 / 15, 4.0 / length)  # hairpins of 15 m, and a turn of 4 rad
    side = draw(st.sampled_from([-1.0, 1.0]))
    k0, k1 = (side * draw(st.one_of(st.floats(0, most), st.floats(0, 1e-6))) for _ in range(2))
    return {
        "tangent": (length * 10, 0.0, 0.0),
        "arc": (length, k0, k0),
        "entry": (length, 0.0, k1),
        "exit": (length, k0, 0.0),
        "compound": (length, k0, k1),
        "reverse": (length, k0, -k1),
    }[kind]


plans = st.builds(chained, st.lists(shapes(), min_size=1, max_size=8), st.floats(-2 * pi, 2 * pi))


@st.composite
def fitted(draw: st.DrawFn) -> Plan:
    """Tangents with clothoid, arc and clothoid at their corners, to the left and to the right."""
    corners = []
    for _ in range(draw(st.integers(1, 5))):
        turn = draw(st.floats(0.01, 2.6)) * draw(st.sampled_from([-1, 1]))
        clothoid = draw(st.sampled_from([0.0, 35.0, 50.0]))
        corners.append(Corner(turn, max(draw(st.floats(30, 900)), clothoid / abs(turn)), clothoid))
    place, bearing = np.array([EAST, NORTH]), draw(st.floats(-pi, pi))
    pis = [place]
    room = [0.0, *(corner.tangent for corner in corners), 0.0]
    for i, (a, b) in enumerate(pairwise(room)):
        place = place + (a + b + draw(st.floats(1, 90))) * np.array([cos(bearing), sin(bearing)])
        pis.append(place)
        bearing += corners[i].deflection if i < len(corners) else 0.0
    return Plan(tuple(elements(np.array(pis), corners)))


@st.composite
def roads(draw: st.DrawFn) -> Stationed:
    """Roads with PVIs near each other and parabolas that just meet."""
    plan = draw(st.one_of(plans, fitted()))
    count = draw(st.integers(0, 4))
    share = sorted(draw(st.lists(st.floats(0.05, 0.95), min_size=count, max_size=count)))
    at = np.unique(np.round(np.r_[0.0, share, 1.0], 3)) * plan.length
    at[-1] = plan.length
    gaps = np.diff(at)
    grades = np.array([draw(st.floats(-0.1, 0.1)) for _ in gaps])
    curve = np.zeros(len(at))
    for i in range(1, len(at) - 1):
        curve[i] = draw(st.sampled_from([0.0, 1.0, 0.5])) * min(gaps[i - 1], gaps[i])
    level = draw(st.floats(-50, 4000)) + np.r_[0.0, np.cumsum(grades * gaps)]
    start = draw(st.sampled_from([0.0, 192_400.123456789, -350.5]))
    return Stationed("Road", Alignment(plan, Grades(at, level, curve)), start=start)


def simple(plan: Plan | None = None, **more: object) -> Stationed:
    plan = plan or chained([(100, 0, 0), (50, 0, 1 / 80), (60, 1 / 80, 1 / 80), (50, 1 / 80, 0)], 1)
    ends = np.array([0.0, plan.length])
    made = Alignment(plan, Grades(ends, np.array([900.0, 905.0]), np.zeros(2)))
    return Stationed(**{"name": "Road", "alignment": made, **more})  # type: ignore[arg-type]


def written(*some: Stationed) -> ET.Element:
    return ET.fromstring(document(some, project="Study", crs=CRS_, made=MADE))  # noqa: S314


# ---------------------------------------------------------------- two readers of their own


@dataclass
class Bit:
    """What a reader made of an element: start, bearing anticlockwise from east, curvatures."""

    x: float
    y: float
    bearing: float
    length: float
    k0: float
    k1: float


def crossed(a: Sequence[float], b: Sequence[float]) -> float:
    """Area between two ways, positive where the second is to the left."""
    return float(a[0] * b[1] - a[1] * b[0])


def place(element: ET.Element, tag: str) -> NDArray[np.float64]:
    """East and north of a point."""
    text = element.findtext(NS + tag)
    assert text is not None
    north, east = (float(word) for word in text.split())
    return np.array([east, north])


def by_directions(element: ET.Element) -> Bit:
    """Believe the start, the azimuth at it, the length and the radii; nothing else."""
    given_ = element.attrib
    side = {"ccw": 1.0, "cw": -1.0, None: 0.0}[given_.get("rot")]
    ends = [given_.get("radiusStart"), given_.get("radiusEnd")]
    if element.tag == NS + "Line":
        ends = ["INF", "INF"]
    elif element.tag == NS + "Curve":
        ends = [given_["radius"]] * 2
    k0, k1 = (side / float(radius or "nan") for radius in ends)
    azimuth = float(given_.get("dir") or given_["dirStart"])
    x, y = place(element, "Start")
    return Bit(x, y, radians(90 - azimuth), float(given_["length"]), k0, k1)


def tangents(share: float, turn: float) -> tuple[float, float]:
    """Tangents of a clothoid of length 1; a share of twice its mean curvature is at its start."""
    t = np.linspace(0, 1, 33)
    s = (t[:-1, None] + (NODES + 1) / 64).ravel()
    angle = 2 * turn * (share * s + (1 - 2 * share) * s**2 / 2)
    weight = np.tile(WEIGHTS, 32) / 64
    along, off = (np.cos(angle) * weight).sum(), (np.sin(angle) * weight).sum()
    return float(along - off / tan(turn)), float(off / sin(turn))


def by_points(element: ET.Element) -> Bit:
    """Believe the points and which kind an element is: what fits Start, PI and End."""
    start, end = place(element, "Start"), place(element, "End")
    if element.tag == NS + "Line":
        way = end - start
        return Bit(*start, np.arctan2(way[1], way[0]), hypot(*way), 0.0, 0.0)
    first, second = place(element, "PI") - start, end - place(element, "PI")
    bearing = float(np.arctan2(first[1], first[0]))
    turn = float(np.arctan2(crossed(first, second), first @ second))
    one, two, side = hypot(*first), hypot(*second), np.sign(turn)
    if element.tag == NS + "Curve":
        radius = (one + two) / 2 / tan(abs(turn) / 2)
        return Bit(*start, bearing, radius * abs(turn), side / radius, side / radius)

    def over(share: float) -> float:
        a, b = tangents(share, abs(turn))
        return a / (a + b) - one / (one + two)

    low, high = over(0.0), over(1.0)
    beyond = low * high >= 0  # of a clothoid that is straight at one end
    share = float(abs(low) > abs(high)) if beyond else float(brentq(over, 0.0, 1.0, xtol=1e-15))
    length = (one + two) / sum(tangents(share, abs(turn)))
    return Bit(*start, bearing, length, 2 * turn * share / length, 2 * turn * (1 - share) / length)


def rebuilt(bits: Sequence[Bit], s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places at distances, each element from its own start in steps of a metre at most."""
    edges = np.r_[0.0, np.cumsum([bit.length for bit in bits])]
    out = np.empty((len(s), 2))
    cuts = [0, *np.searchsorted(s, edges[1:-1]), len(s)]
    for i, bit in enumerate(bits):
        mine = slice(cuts[i], cuts[i + 1])
        t = np.r_[0.0, s[mine] - edges[i]]
        step = np.diff(t)
        nodes = t[:-1, None] + step[:, None] * (NODES + 1) / 2
        angle = bit.bearing + bit.k0 * nodes + (bit.k1 - bit.k0) / bit.length * nodes**2 / 2
        for axis, (origin, way) in enumerate(((bit.x, np.cos(angle)), (bit.y, np.sin(angle)))):
            out[mine, axis] = origin + np.cumsum((way * WEIGHTS).sum(axis=1) * step / 2)
    return out


def levels(alignment: ET.Element, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels by the offsets of parabolas, one after the other."""
    line = alignment.find(f"{NS}Profile/{NS}ProfAlign")
    assert line is not None
    rows = [(*map(float, (pvi.text or "").split()), float(pvi.get("length", 0))) for pvi in line]
    at, level, curve = np.array(rows).T
    station = float(alignment.attrib["staStart"]) + s
    out = np.interp(station, at, level)
    grade = np.diff(level) / np.diff(at)
    for i in range(1, len(at) - 1):
        if curve[i] > 0:
            half = curve[i] / 2
            d = np.clip(station - (at[i] - half), 0, curve[i])
            on = (d > 0) & (d < curve[i])
            begin = level[i] - grade[i - 1] * half
            parabola = begin + grade[i - 1] * d + (grade[i] - grade[i - 1]) * d**2 / (2 * curve[i])
            out[on] = parabola[on]
    return out


def geometry(alignment: ET.Element) -> list[ET.Element]:
    found = alignment.find(f"{NS}CoordGeom")
    assert found is not None
    return list(found)


def only(root: ET.Element) -> ET.Element:
    found = root.find(f"{NS}Alignments/{NS}Alignment")
    assert found is not None
    return found


def stations(plan: Plan) -> NDArray[np.float64]:
    return plan.stations(1.0)


def apart(road: Stationed, *, how: str) -> float:
    """Farthest that a reader's line is from the alignment, at equal distances [m]."""
    reader = {"directions": by_directions, "points": by_points}[how]
    s = stations(road.alignment.plan)
    line = rebuilt([reader(each) for each in geometry(only(written(road)))], s)
    return float(np.hypot(*(line - road.alignment.plan.poses(s)[:, :2]).T).max())


@given(road=roads())
def test_starts_directions_lengths_and_radii_give_the_plan(road: Stationed) -> None:
    assert apart(road, how="directions") < FINE


@given(road=roads())
def test_points_alone_give_the_plan(road: Stationed) -> None:
    assert apart(road, how="points") < FINE


@given(road=roads())
def test_pvis_and_parabolas_give_the_levels(road: Stationed) -> None:
    s = stations(road.alignment.plan)
    found = levels(only(written(road)), s)
    assert np.abs(found - road.alignment.grades.at(s)).max() < 1e-6


def test_a_road_of_two_hundred_kilometres_is_kept() -> None:
    bits = [
        bit
        for i in range(400)
        for side in (1 if i % 2 else -1,)
        for bit in (
            (320.0, 0.0, 0.0),
            (50.0, 0.0, side / 150),
            (80.0, side / 150, side / 150),
            (50.0, side / 150, 0.0),
        )
    ]
    road = simple(chained(bits, 0.7))
    assert road.alignment.length == pytest.approx(200_000)
    assert apart(road, how="directions") < FINE
    assert apart(road, how="points") < FINE


# ---------------------------------------------------------------- sanity that importers ask for


@given(road=roads())
def test_every_element_says_the_same_by_points_and_by_numbers(road: Stationed) -> None:
    for element in geometry(only(written(road))):
        bit = by_directions(element)
        end = rebuilt([bit], np.arange(0, bit.length + 1, 1.0).clip(max=bit.length))[-1]
        assert np.hypot(*(end - place(element, "End"))) < 1e-5
        if element.tag == NS + "Line":
            continue
        out = radians(90 - float(element.attrib["dirEnd"]))
        turned = bit.bearing + (bit.k0 + bit.k1) / 2 * bit.length
        assert cos(out - turned) == pytest.approx(1)
        angle = float(element.get("delta") or element.attrib["theta"])
        assert 0 < angle <= degrees(WIDEST) + 1e-6
        assert radians(angle) == pytest.approx(abs(bit.k0 + bit.k1) / 2 * bit.length, abs=1e-7)
        pi_ = place(element, "PI")
        for here, bearing, sign in (("Start", bit.bearing, 1), ("End", out, -1)):
            way = (pi_ - place(element, here)) * sign
            assert crossed(way, (cos(bearing), sin(bearing))) == pytest.approx(0, abs=1e-6)
            assert way @ (cos(bearing), sin(bearing)) > 0


@given(road=roads())
def test_curves_close_on_their_centre(road: Stationed) -> None:
    for element in geometry(only(written(road))):
        if element.tag != NS + "Curve":
            continue
        start, middle, end = (place(element, tag) for tag in ("Start", "Center", "End"))
        radius = float(element.attrib["radius"])
        blur = 1e-6 + 1e-15 * radius
        assert np.hypot(*(start - middle)) == pytest.approx(radius, rel=1e-12, abs=blur)
        assert np.hypot(*(end - middle)) == pytest.approx(radius, rel=1e-12, abs=blur)
        chord = float(element.attrib["chord"])
        assert np.hypot(*(end - start)) == pytest.approx(chord, abs=1e-6)
        left = crossed(end - start, middle - start) > 0
        turn = float(element.attrib["delta"])
        assert turn > 179.9 or left == (element.attrib["rot"] == "ccw")
        tangent = float(element.attrib["tangent"])
        assert np.hypot(*(place(element, "PI") - start)) == pytest.approx(tangent, abs=1e-6)
        outside = np.hypot(*(place(element, "PI") - middle)) - radius
        assert outside == pytest.approx(float(element.attrib["external"]), abs=blur * 10)


@pytest.mark.parametrize("turn", [2.79, 2.81, 3.0, pi, 3.2, 3.5, 4.0])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_hairpins_that_have_no_pi_are_written_in_parts_that_have(turn: float, share: float) -> None:
    """A turn of half a circle and more, of arcs (share 1) and of clothoids."""
    sharp = 2 * turn / (1 + share) / 60
    for k0, k1 in ((share * sharp, sharp), (-sharp, -share * sharp)):
        road = simple(chained([(60, k0, k1)], 0.4))
        found = geometry(only(written(road)))
        angles = [float(each.get("delta") or each.attrib["theta"]) for each in found]
        assert max(angles) < 161
        assert sum(angles) == pytest.approx(degrees(turn))
        assert (len(found) == 1) == (turn < 2.8)
        assert apart(road, how="points") < FINE
        assert apart(road, how="directions") < FINE


@given(length=st.floats(20, 100), radius=st.floats(80, 2000), side=st.sampled_from([-1, 1]))
def test_a_clothoid_from_a_tangent_has_the_numbers_of_the_tables(
    length: float, radius: float, side: int
) -> None:
    """Series of the clothoid in the turn, and the tangents that follow; the same on the way out."""
    theta = length / (2 * radius)
    x = length * (1 - theta**2 / 10 + theta**4 / 216 - theta**6 / 9360 + theta**8 / 685440)
    y = length * (
        theta / 3 - theta**3 / 42 + theta**5 / 1320 - theta**7 / 75600 + theta**9 / 6894720
    )
    wanted = {
        "theta": degrees(theta),
        "totalX": x,
        "totalY": y,
        "tanLong": x - y / tan(theta),
        "tanShort": y / sin(theta),
        "constant": (length * radius) ** 0.5,
        "chord": hypot(x, y),
    }
    for k0, k1 in ((0.0, side / radius), (side / radius, 0.0)):
        (element,) = geometry(only(written(simple(chained([(length, k0, k1)], 2.0)))))
        assert element.tag == NS + "Spiral"
        assert ("INF" in element.attrib["radiusStart"]) == (k0 == 0)
        assert ("INF" in element.attrib["radiusEnd"]) == (k1 == 0)
        for name, value in wanted.items():
            assert float(element.attrib[name]) == pytest.approx(value, abs=1e-5), name


def test_a_clothoid_between_two_arcs_has_both_radii() -> None:
    (element,) = geometry(only(written(simple(chained([(40, -1 / 300, -1 / 100)], 0.0)))))
    found = [element.attrib[name] for name in ("radiusStart", "radiusEnd", "rot")]
    assert found == ["300.00000000", "100.00000000", "cw"]
    assert float(element.attrib["constant"]) == pytest.approx((40 * 150) ** 0.5)


def test_a_clothoid_that_changes_side_is_two() -> None:
    first, second = geometry(only(written(simple(chained([(90, 1 / 100, -1 / 200)], 0.0)))))
    assert [first.attrib["radiusEnd"], second.attrib["radiusStart"]] == ["INF", "INF"]
    assert [first.attrib["rot"], second.attrib["rot"]] == ["ccw", "cw"]
    assert [first.attrib["length"], second.attrib["length"]] == ["60.00000000", "30.00000000"]


@pytest.mark.parametrize(
    ("bearing", "azimuth"), [(0, 90), (pi / 2, 0), (pi, 270), (-pi / 2, 180), (pi / 4, 45)]
)
def test_directions_are_azimuths_clockwise_from_north(bearing: float, azimuth: float) -> None:
    (line,) = geometry(only(written(simple(chained([(100, 0, 0)], bearing)))))
    assert float(line.attrib["dir"]) == pytest.approx(azimuth, abs=1e-9)
    north, east = (place(line, "End") - place(line, "Start"))[::-1]
    assert (north, east) == pytest.approx((100 * sin(bearing), 100 * cos(bearing)), abs=1e-6)


@given(bearing=st.floats(-1e-12, 1e-12).map(lambda small: pi / 2 + small))
def test_no_direction_is_a_full_circle(bearing: float) -> None:
    (line,) = geometry(only(written(simple(chained([(100, 0, 0)], bearing)))))
    assert 0 <= float(line.attrib["dir"]) < 360


@given(road=roads())
def test_the_pieces_follow_each_other_to_the_closing_station_to_the_last_digit(
    road: Stationed,
) -> None:
    alignment = only(written(road))
    at = Decimal(alignment.attrib["staStart"])
    close = at + Decimal(alignment.attrib["length"])
    for element in geometry(alignment):
        assert Decimal(element.attrib["staStart"]) == at
        at += Decimal(element.attrib["length"])
    assert at == close
    for before, after in pairwise(geometry(alignment)):
        assert np.hypot(*(place(after, "Start") - place(before, "End"))) < 1e-6
    line = alignment.find(f"{NS}Profile/{NS}ProfAlign")
    assert line is not None
    pvis = [float((pvi.text or "").split()[0]) for pvi in line]
    assert pvis == sorted(pvis)
    assert (pvis[0], pvis[-1]) == pytest.approx((road.start, float(close)), abs=1e-6)


# ---------------------------------------------------------------- structure

DOUBLE, TEXT = "double", "text"
ANGULAR = {"radians", "grads", "decimal degrees", "decimal dd.mm.ss"}
TURN = {"cw", "ccw"}
# By element, after the schema's documentation: its children in the order in which the schema lists
# them, whether that order binds, required attributes, and optional ones.
SCHEMA: dict[str, tuple[list[str], bool, dict[str, object], dict[str, object]]] = {
    "LandXML": (
        ["Units", "CoordinateSystem", "Project", "Application", "Alignments"],
        False,
        {"date": TEXT, "time": TEXT, "version": {"1.2"}},
        {"language": TEXT, "readOnly": {"true", "false"}},
    ),
    "Units": (["Metric"], True, {}, {}),
    "Metric": (
        [],
        True,
        {
            "areaUnit": {"squareMeter", "hectare"},
            "linearUnit": {"meter"},
            "volumeUnit": {"cubicMeter"},
            "temperatureUnit": {"celsius", "kelvin"},
            "pressureUnit": {"HPA", "milliBars", "mmHG", "millimeterHG"},
        },
        {"angularUnit": ANGULAR, "directionUnit": ANGULAR},
    ),
    "CoordinateSystem": (
        [],
        True,
        {},
        dict.fromkeys(["name", "epsgCode", "ogcWktCode"], TEXT)
        | dict.fromkeys(["horizontalDatum", "verticalDatum"], TEXT)
        | {"horizontalCoordinateSystemName": TEXT},
    ),
    "Project": ([], True, {"name": TEXT}, {"desc": TEXT}),
    "Application": ([], True, {"name": TEXT}, {"version": TEXT, "timeStamp": TEXT}),
    "Alignments": (["Alignment"], True, {}, {"name": TEXT}),
    "Alignment": (
        ["CoordGeom", "StaEquation", "Profile", "CrossSects"],
        True,
        {"name": TEXT, "length": DOUBLE, "staStart": DOUBLE},
        {"desc": TEXT},
    ),
    "CoordGeom": (["Line", "Curve", "Spiral"], False, {}, {"name": TEXT}),
    "Line": (["Start", "End"], True, {}, dict.fromkeys(["dir", "length", "staStart"], DOUBLE)),
    "Curve": (
        ["Start", "Center", "End", "PI"],
        True,
        {"rot": TURN},
        {
            "crvType": {"arc", "chord"},
            **dict.fromkeys(["chord", "delta", "dirEnd", "dirStart", "external"], DOUBLE),
            **dict.fromkeys(["length", "midOrd", "radius", "staStart", "tangent"], DOUBLE),
        },
    ),
    "Spiral": (
        ["Start", "PI", "End"],
        True,
        {
            "length": DOUBLE,
            "radiusEnd": DOUBLE,
            "radiusStart": DOUBLE,
            "rot": TURN,
            "spiType": {"clothoid"},
        },
        {
            **dict.fromkeys(["chord", "constant", "dirEnd", "dirStart", "theta"], DOUBLE),
            **dict.fromkeys(["totalX", "totalY", "staStart", "tanLong", "tanShort"], DOUBLE),
        },
    ),
    "StaEquation": (
        [],
        True,
        {"staAhead": DOUBLE, "staInternal": DOUBLE},
        {"staBack": DOUBLE, "staIncrement": {"increasing", "decreasing"}},
    ),
    "Profile": (["ProfSurf", "ProfAlign"], False, {}, {"name": TEXT}),
    "ProfSurf": (["PntList2D"], True, {"name": TEXT}, {}),
    "ProfAlign": (["PVI", "ParaCurve"], False, {"name": TEXT}, {}),
    "ParaCurve": ([], True, {"length": DOUBLE}, {}),
}
POINTS = {"Start": 2, "End": 2, "Center": 2, "PI": 2, "PVI": 2, "ParaCurve": 2}
ONCE = {"Start", "End", "Center", "PI", "CoordGeom", "Units", "CoordinateSystem", "Project"}


def check(element: ET.Element) -> None:
    """Hold an element and all within it against the table."""
    tag = element.tag.removeprefix(NS)
    assert element.tag == NS + tag
    if tag in POINTS:
        assert len([float(word) for word in (element.text or "").split()]) == POINTS[tag]
        if tag not in SCHEMA:
            assert not len(element)
            assert not element.attrib
            return
    if tag == "PntList2D":
        values = [float(word) for word in (element.text or "").split()]
        assert len(values) >= 4
        assert len(values) % 2 == 0
        return
    children, ordered, required, optional = SCHEMA[tag]
    inside = [child.tag.removeprefix(NS) for child in element]
    assert set(inside) <= set(children)
    assert not ordered or inside == sorted(inside, key=children.index)
    assert all(inside.count(name) <= 1 for name in ONCE)
    if tag in ("Line", "Curve", "Spiral"):
        assert inside == children
    attributes = {key: value for key, value in element.attrib.items() if not key.startswith("{")}
    assert set(required) <= set(attributes)
    assert set(attributes) <= set(required) | set(optional)
    for key, value in attributes.items():
        kind = {**required, **optional}[key]
        if kind == DOUBLE:
            assert value == "INF" or np.isfinite(float(value))
            assert "e" not in value
        elif isinstance(kind, set):
            assert value in kind
    for child in element:
        check(child)


GROUND = np.array([[0, 900], [20, 901], [40, np.nan], [60, 903], [80, np.nan], [90, 5], [110, 6]])


@given(road=roads())
def test_the_structure_is_that_of_the_schema(road: Stationed) -> None:
    equations = ((road.alignment.length / 2, 17.0, 4.0),)
    check(
        written(simple(road.alignment.plan, equations=equations, ground=GROUND), road_named(road))
    )


def road_named(road: Stationed) -> Stationed:
    return Stationed("Other", road.alignment, start=road.start)


def test_units_system_and_dates_are_stated() -> None:
    root = ET.fromstring(  # noqa: S314
        document(
            [simple()],
            project="A & B",
            crs=CRS_,
            made=MADE,
            vertical_datum="EGM2008",
            version="0.1.0",
        )
    )
    assert [child.tag.removeprefix(NS) for child in root] == SCHEMA["LandXML"][0]
    assert (root.attrib["date"], root.attrib["time"]) == ("2026-03-04", "05:06:07")
    metric = root.find(f"{NS}Units/{NS}Metric")
    system = root.find(f"{NS}CoordinateSystem")
    application = root.find(f"{NS}Application")
    assert metric is not None
    assert system is not None
    assert application is not None
    assert metric.attrib["linearUnit"] == "meter"
    assert metric.attrib["directionUnit"] == metric.attrib["angularUnit"] == "decimal degrees"
    assert system.attrib["epsgCode"] == "32643"
    assert system.attrib["name"] == "WGS 84 / UTM zone 43N"
    assert system.attrib["verticalDatum"] == "EGM2008"
    assert application.attrib == {
        "name": "realign",
        "version": "0.1.0",
        "timeStamp": "2026-03-04T05:06:07",
    }


def test_a_system_without_a_code_is_given_as_text() -> None:
    own = CRS.from_proj4("+proj=tmerc +lat_0=0 +lon_0=75.5 +k=1 +x_0=500000 +ellps=WGS84 +units=m")
    root = ET.fromstring(document([simple()], project="P", crs=own, made=MADE))  # noqa: S314
    system = root.find(f"{NS}CoordinateSystem")
    assert system is not None
    assert "epsgCode" not in system.attrib
    assert CRS.from_wkt(system.attrib["ogcWktCode"]).equals(own)


@given(name=st.text(min_size=1), description=st.text())
def test_names_come_back_as_they_went(name: str, description: str) -> None:
    kept = "".join(c for c in name if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
    if not kept:
        with pytest.raises(OutputError, match="name"):
            written(simple(name=name))
        return
    alignment = only(written(simple(name=name, description=description)))
    assert alignment.attrib["name"] == kept


def test_markup_in_names_stays_text() -> None:
    name = "Mouth <b>&\"Head'</b> → ä"
    alignment = only(written(simple(name=name, description="a < b & c")))
    assert alignment.attrib["name"] == name
    assert alignment.attrib["desc"] == "a < b & c"


def test_roads_come_in_their_order() -> None:
    some = [simple(name=name) for name in ("c", "a", "b")]
    found = [each.attrib["name"] for each in written(*some).iter(f"{NS}Alignment")]
    assert found == ["c", "a", "b"]


@pytest.mark.parametrize("some", [[], [simple(), simple()], [simple(name="")]])
def test_roads_need_names_of_their_own(some: list[Stationed]) -> None:
    with pytest.raises(OutputError, match="name of its own"):
        document(some, project="P", crs=CRS_, made=MADE)


def test_station_equations_are_kept() -> None:
    equations = ((100.5, 1100.5, 192_400.0), (200.25, 192_499.75, 193_000.125))
    alignment = only(written(simple(start=1000.0, equations=equations)))
    found = [
        tuple(float(each.attrib[key]) for key in ("staInternal", "staBack", "staAhead"))
        for each in alignment.findall(f"{NS}StaEquation")
    ]
    assert found == [(1000 + at, back, ahead) for at, back, ahead in equations]


@pytest.mark.parametrize("at", [(-1.0,), (1e4,), (50.0, 20.0)])
def test_station_equations_off_the_road_or_out_of_order_are_refused(at: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError, match="station equations"):
        simple(equations=tuple((s, 0.0, 1.0) for s in at))


def test_ground_is_kept_with_its_gaps() -> None:
    alignment = only(written(simple(start=500.0, ground=GROUND)))
    lists = alignment.findall(f"{NS}Profile/{NS}ProfSurf/{NS}PntList2D")
    found = [[float(word) for word in (each.text or "").split()] for each in lists]
    assert found == [[500, 900, 520, 901], [590, 5, 610, 6]]


def test_unknown_ground_is_left_out() -> None:
    nothing = np.array([[0.0, np.nan], [10.0, 5.0]])
    assert not list(written(simple(ground=nothing)).iter(f"{NS}ProfSurf"))


def test_the_same_roads_give_the_same_bytes() -> None:
    once, again = (document([simple()], project="P", crs=CRS_, made=MADE) for _ in range(2))
    assert once == again
    assert once.startswith(b"<?xml")
