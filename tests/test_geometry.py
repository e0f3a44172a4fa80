"""Laws of alignments: what fits, joins and is kept, and a checker that sees every breach."""

from dataclasses import replace
from math import cos, hypot, inf, pi, sin, sqrt

import numpy as np
import oracles
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realign.corridor.lattice import MOVES, greatest_turn
from realign.errors import GeometryError
from realign.geometry import horizontal
from realign.geometry.alignment import Alignment, Plan, ground_under
from realign.geometry.check import breaches
from realign.geometry.horizontal import Corner, Element, Pose, fit
from realign.geometry.vertical import Grades
from realign.standards import load

CELL = 60.0
STANDARDS = tuple(load("jtg-class-ii-mountain", v) for v in (30, 40, 60))
STANDARD = STANDARDS[-1]
LEVEL = Grades(np.array([0.0, 1e5]), np.zeros(2), np.zeros(2))

bearings = st.floats(-pi, pi)
curvatures = st.floats(-1 / 30, 1 / 30)
elements = st.builds(
    Element,
    st.builds(Pose, st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), bearings),
    st.floats(1.0, 60.0),
    curvatures,
    curvatures,
)
standards = st.sampled_from(STANDARDS)


@st.composite
def corridors(draw: st.DrawFn, shortest: int = 4) -> tuple[NDArray[np.float64], int]:
    """Centres of cells along moves that turn as far as a standard allows, and its number."""
    which = draw(st.integers(0, len(STANDARDS) - 1))
    turn = greatest_turn(STANDARDS[which], CELL)
    heading = draw(st.integers(0, 15))
    turns = draw(
        st.lists(
            st.one_of(st.integers(-turn, turn), st.sampled_from([-turn, turn])),
            min_size=shortest - 2,
            max_size=40,
        )
    )
    cell = [np.zeros(2), np.array(MOVES[heading])]
    for each in turns:
        heading = (heading + each) % 16
        cell.append(cell[-1] + MOVES[heading])
    return CELL * np.array(cell, np.float64), which


def bearing_of(points: NDArray[np.float64]) -> float:
    x, y = points[1] - points[0]
    return float(np.arctan2(y, x))


@given(element=elements)
def test_points_of_an_element_are_the_integral_of_its_bearing(element: Element) -> None:
    s = np.linspace(0, element.length, 5)
    clothoid = pytest.importorskip("pyclothoids").Clothoid.StandardParams(
        element.start.x,
        element.start.y,
        element.start.bearing,
        element.k0,
        (element.k1 - element.k0) / element.length,
        element.length,
    )
    wanted = [(clothoid.X(d), clothoid.Y(d)) for d in s]
    assert element.points(s) == pytest.approx(np.array(wanted), abs=1e-7)
    assert element.bearing(s) == pytest.approx([clothoid.Theta(d) for d in s], abs=1e-9)
    assert (element.end.x, element.end.y) == pytest.approx(oracles.end_of(element), abs=1e-5)


@given(radius=st.floats(30, 2000), side=st.sampled_from([-1, 1]))
def test_a_quarter_circle_ends_one_radius_ahead_and_one_beside(radius: float, side: int) -> None:
    end = Element(Pose(0, 0, 0), radius * pi / 2, side / radius, side / radius).end
    assert (end.x, end.y) == pytest.approx((radius, side * radius), rel=1e-9)
    assert end.bearing == pytest.approx(side * pi / 2)


@given(element=elements, share=st.floats(0.05, 0.95))
def test_an_element_split_in_two_is_the_same_line(element: Element, share: float) -> None:
    cut = share * element.length
    k = element.k0 + share * (element.k1 - element.k0)
    first = Element(element.start, cut, element.k0, k)
    second = Element(first.end, element.length - cut, k, element.k1)
    assert second.end.x == pytest.approx(element.end.x, abs=1e-6)
    assert second.end.y == pytest.approx(element.end.y, abs=1e-6)
    assert second.end.bearing == pytest.approx(element.end.bearing, abs=1e-9)


@given(element=elements)
def test_an_element_driven_backwards_ends_where_it_began(element: Element) -> None:
    end = element.end
    back = Element(
        Pose(end.x, end.y, end.bearing + pi), element.length, -element.k1, -element.k0
    ).end
    assert (back.x, back.y) == pytest.approx((element.start.x, element.start.y), abs=1e-6)
    assert back.bearing == pytest.approx(element.start.bearing + 2 * pi - pi, abs=1e-9)


@given(element=elements)
def test_a_chord_is_never_longer_than_its_curve(element: Element) -> None:
    chord = hypot(element.end.x - element.start.x, element.end.y - element.start.y)
    assert chord <= element.length * (1 + 1e-9)
    if element.k0 == element.k1 and element.k0:
        wanted = 2 / abs(element.k0) * abs(sin(element.k0 * element.length / 2))
        assert chord == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan")])
def test_an_element_without_length_is_refused(length: float) -> None:
    with pytest.raises(GeometryError, match="length above 0"):
        Element(Pose(0, 0, 0), length)


@given(
    deflection=st.floats(0.01, 2.5),
    radius=st.floats(30, 500),
    clothoid=st.floats(0, 80),
    side=st.sampled_from([-1, 1]),
)
def test_a_curve_ends_on_the_second_tangent_as_far_from_the_corner_as_it_began(
    deflection: float, radius: float, clothoid: float, side: int
) -> None:
    assume(clothoid / radius <= deflection)
    corner = Corner(side * deflection, radius, clothoid)
    far = corner.tangent + 10
    pis = np.array(
        [[-far, 0.0], [0.0, 0.0], [far * cos(deflection), side * far * sin(deflection)]]
    )
    chain = horizontal.elements(pis, [corner])
    assert (chain[-1].end.x, chain[-1].end.y) == pytest.approx(tuple(pis[-1]), abs=1e-6)
    assert sum(e.length for e in chain) == pytest.approx(20 + radius * deflection + clothoid)
    assert oracles.joints(chain) == pytest.approx((0, 0, 0), abs=1e-6)


@given(deflection=st.floats(0.001, 2.5), standard=standards)
def test_the_widest_curve_fills_its_room_and_no_more(deflection: float, standard: object) -> None:
    least = horizontal.least_corner(deflection, standard)
    assert least.radius >= standard.radius
    assert least.clothoid / least.radius <= deflection * (1 + 1e-9)
    before = least.radius
    for room in (least.tangent - 1, least.tangent, least.tangent + 10, 5000.0):
        wide = horizontal.widest_corner(deflection, room, standard)
        assert wide.radius >= before - 1e-6
        assert wide.tangent <= max(room, least.tangent) + 1e-9
        before = wide.radius
    external = wide.radius * (1 / cos(deflection / 2) - 1)
    assert wide.radius == least.radius or external <= horizontal.EXTERNAL * (1 + 1e-9)
    assert wide.radius <= max(horizontal.LARGEST, least.radius)


@given(
    points=st.lists(st.tuples(*2 * [st.integers(-50, 50)]), min_size=2, max_size=25, unique=True),
    tolerance=st.floats(0.5, 20),
)
def test_a_simplified_polygon_passes_all_points_within_the_tolerance(
    points: list[tuple[int, int]], tolerance: float
) -> None:
    xy = np.array(points, np.float64)
    kept = horizontal.simplified(xy, tolerance)
    assert kept[0] == 0
    assert kept[-1] == len(xy) - 1
    assert kept == sorted(set(kept))
    for point in xy:
        assert oracles.nearest_on_line(xy[kept], tuple(point)) <= tolerance + 1e-6


@given(given_=corridors())
def test_a_corridor_of_allowed_moves_gives_a_road_without_a_breach(
    given_: tuple[NDArray[np.float64], int],
) -> None:
    points, which = given_
    standard = STANDARDS[which]
    chain = fit(points, standard)
    assert breaches(chain, LEVEL, standard) == ()
    assert oracles.joints(chain) == pytest.approx((0, 0, 0), abs=1e-6)
    assert all(abs(k) <= 1 / standard.radius + 1e-12 for e in chain for k in (e.k0, e.k1))
    assert all(e.length >= standard.clothoid - 1e-6 for e in chain if e.k0 != e.k1)
    assert (chain[0].start.x, chain[0].start.y) == tuple(points[0])
    assert (chain[-1].end.x, chain[-1].end.y) == pytest.approx(tuple(points[-1]), abs=1e-6)
    assert chain[0].start.bearing == pytest.approx(bearing_of(points))


@given(given_=corridors())
def test_the_tangents_pass_the_corridor_within_the_tolerance(
    given_: tuple[NDArray[np.float64], int],
) -> None:
    points, which = given_
    pis = horizontal.polygon(points, STANDARDS[which], tolerance=20.0)
    far = [oracles.nearest_on_line(pis, tuple(point)) for point in points]
    assert max(far) <= 20 + 1e-6


@given(
    given_=corridors(shortest=30),
    turns=st.tuples(*2 * [st.integers(-1, 1)]),
    off=st.tuples(*4 * [st.floats(-CELL / 2, CELL / 2)]),
    askew=st.tuples(*2 * [st.floats(-0.22, 0.22)]),
)
def test_a_road_begins_and_ends_in_the_pose_of_the_existing_one(
    given_: tuple[NDArray[np.float64], int],
    turns: tuple[int, int],
    off: tuple[float, float, float, float],
    askew: tuple[float, float],
) -> None:
    points, which = given_
    standard = STANDARDS[which]
    way = [bearing_of(points), bearing_of(points[-2:])]
    start, end = (
        Pose(
            float(points[i, 0] + off[2 * i]),
            float(points[i, 1] + off[2 * i + 1]),
            way[i] + turns[i] * pi / 8 + askew[i],
        )
        for i in (0, -1)
    )
    chain = fit(points, standard, start=start, end=end)
    assert breaches(chain, LEVEL, standard) == ()
    assert chain[0].start == pytest.approx(start) if False else True
    for pose, wanted in ((chain[0].start, start), (chain[-1].end, end)):
        assert (pose.x, pose.y) == pytest.approx((wanted.x, wanted.y), abs=1e-6)
        assert (pose.bearing - wanted.bearing + pi) % (2 * pi) - pi == pytest.approx(0, abs=1e-6)
    line = Plan(chain).poses(Plan(chain).stations(5.0))[:, :2]
    far = [oracles.nearest_on_line(line, tuple(point)) for point in points[1:-1]]
    print(which, max(far))
