"""Laws of alignments: what fits, joins and is kept, and a checker that sees every breach."""

from dataclasses import replace
from itertools import pairwise
from math import cos, hypot, inf, pi, sin, sqrt

import numpy as np
import oracles
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import LineString

from realign.corridor.lattice import MOVES, greatest_turn
from realign.errors import GeometryError
from realign.geometry import horizontal
from realign.geometry.alignment import Alignment, Part, Plan, Stationed, ground_under
from realign.geometry.check import breaches
from realign.geometry.horizontal import Corner, Element, Pose, fit
from realign.geometry.vertical import Grades
from realign.geometry.zones import zones
from realign.standards import DesignStandard, load

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
    clothoid=st.one_of(st.just(0.0), st.floats(1, 80)),
    side=st.sampled_from([-1, 1]),
)
def test_a_curve_ends_on_the_second_tangent_as_far_from_the_corner_as_it_began(
    deflection: float, radius: float, clothoid: float, side: int
) -> None:
    assume(clothoid / radius <= deflection)
    corner = Corner(side * deflection, radius, clothoid)
    far = corner.tangent + 10
    pis = np.array([[-far, 0.0], [0.0, 0.0], [far * cos(deflection), side * far * sin(deflection)]])
    chain = horizontal.elements(pis, [corner])
    assert (chain[-1].end.x, chain[-1].end.y) == pytest.approx(tuple(pis[-1]), abs=1e-6)
    assert sum(e.length for e in chain) == pytest.approx(20 + radius * deflection + clothoid)
    assert oracles.joints(chain)[:2] == pytest.approx((0, 0), abs=1e-6)
    assert clothoid == 0 or oracles.joints(chain)[2] <= 1e-9


@given(
    deflection=st.floats(0.01, 2.9),
    radius=st.floats(30, 500),
    clothoids=st.tuples(*2 * [st.one_of(st.just(0.0), st.floats(1, 150))]),
    side=st.sampled_from([-1, 1]),
)
def test_a_curve_with_two_clothoids_ends_on_the_second_tangent_where_it_says(
    deflection: float, radius: float, clothoids: tuple[float, float], side: int
) -> None:
    assume(sum(clothoids) / 2 / radius <= deflection)
    corner = Corner(side * deflection, radius, *clothoids)
    way = np.array([cos(deflection), side * sin(deflection)])
    before, behind = corner.tangent + 10, corner.tangent_behind + 10
    assume(min(before, behind) > 1)
    pis = np.vstack(([-before, 0.0], [0.0, 0.0], behind * way))
    chain = horizontal.elements(pis, [corner])
    assert (chain[-1].end.x, chain[-1].end.y) == pytest.approx(tuple(pis[-1]), abs=1e-6)
    assert oracles.joints(chain)[:2] == pytest.approx((0, 0), abs=1e-6)
    assert sum(e.length for e in chain) == pytest.approx(20 + corner.arc + sum(clothoids))
    back = Corner(corner.deflection, radius, *clothoids[::-1])
    assert (back.tangent, back.tangent_behind) == (corner.tangent_behind, corner.tangent)


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
    for pose, wanted in ((chain[0].start, start), (chain[-1].end, end)):
        assert (pose.x, pose.y) == pytest.approx((wanted.x, wanted.y), abs=1e-6)
        assert (pose.bearing - wanted.bearing + pi) % (2 * pi) - pi == pytest.approx(0, abs=1e-6)
    line = LineString(Plan(chain).poses(Plan(chain).stations(10.0))[:, :2])
    far = line.distance(shapely.points(points[1:-1]))
    assert far.max() <= 2 * CELL
    # the tolerance of the tangents, and how far a curve may leave its corner
    assert far[10:-10].max() <= 20 + horizontal.EXTERNAL


def test_a_road_that_leaves_no_room_for_its_curves_is_refused() -> None:
    pis = np.array([[0.0, 0.0], [100.0, 0.0], [120.0, 30.0], [120.0, 200.0]])
    with pytest.raises(GeometryError, match="two curves overlap by"):
        horizontal.elements(pis, horizontal.corners(pis, STANDARD))
    hairpin = np.array([[0.0, 0.0], [400.0, 0.0], [0.0, 1.0], [400.0, 2.0]])
    with pytest.raises(GeometryError, match="two curves overlap by"):
        fit(hairpin, STANDARD)
    with pytest.raises(GeometryError, match="at least four points"):
        fit(pis[:3], STANDARD)


SLOW = load("jtg-class-ii-mountain", 40)
TURNED = [load("jtg-class-ii-mountain", v) for v in (30, 40)]


def turned_back(width: float, *, askew: float = 0.0, side: int = 1) -> NDArray[np.float64]:
    """Points of a corridor that runs 600 m, turns back, and runs as far again."""
    apart = np.array([cos(askew), sin(askew)])
    end = np.array([600.0, width])
    back = [end - 300 * apart, end - 600 * apart]
    points = np.array([[0, 0], [300, 0], [600, 0], [600 + width / 2, width / 2], end, *back])
    return points * (1, side)


@given(
    width=st.floats(1.0, 400.0),
    askew=st.floats(-0.4, 0.4),
    side=st.sampled_from([-1, 1]),
    standard=st.sampled_from(TURNED),
)
def test_a_corridor_that_turns_back_gets_a_hairpin_where_the_standard_finds_no_room(
    width: float, askew: float, side: int, standard: DesignStandard
) -> None:
    points = turned_back(width, askew=askew, side=side)
    try:
        pis, curves = horizontal.laid(points, standard)
        chain = horizontal.elements(pis, curves)
    except GeometryError:
        # the way round is narrower than the arc of a hairpin, or the legs meet before it
        assert standard.hairpin is not None
        assert width < 4 * standard.radius
        return
    assert oracles.joints(chain) == pytest.approx((0, 0, 0), abs=1e-6)
    assert (chain[-1].end.x, chain[-1].end.y) == pytest.approx(tuple(points[-1]), abs=1e-6)
    found = horizontal.hairpins(pis, curves, standard)
    own = zones(Alignment(Plan(chain), LEVEL), [standard], hairpins=found)
    assert breaches(chain, LEVEL, own) == ()
    assert [(z.start, z.end) for z in own if z.hairpin] == [
        pytest.approx(stretch) for stretch in found
    ]
    assert (breaches(chain, LEVEL, standard) == ()) == (found == ())


@pytest.mark.parametrize(
    ("width", "radius"), [(62.0, None), (64.0, 30.8), (100.0, 49.2), (130.0, 64.2), (300.0, 60.0)]
)
def test_a_hairpin_is_as_wide_as_its_legs_are_apart(width: float, radius: float | None) -> None:
    if radius is None:
        with pytest.raises(GeometryError, match="two curves overlap"):
            fit(turned_back(width), SLOW)
        return
    pis, curves = horizontal.laid(turned_back(width), SLOW)
    assert min(c.radius for c in curves if c) == pytest.approx(radius, abs=0.2)
    found = horizontal.hairpins(pis, curves, SLOW)
    assert len(found) == (radius < SLOW.radius)
    for start, end in found:
        arc = end - start - 30.0
        assert arc / radius == pytest.approx(pi, rel=0.01)
    with pytest.raises(GeometryError, match="two curves overlap"):
        fit(turned_back(min(width, 100.0)), replace(SLOW, hairpin=None))


def test_corners_too_close_for_the_standard_are_left_out() -> None:
    points = np.array([[0, 0], [400, 0], [800, 60], [830, 0], [1200, 0], [1600, 0]], np.float64)
    chain = fit(points, STANDARD)
    assert breaches(chain, LEVEL, STANDARD) == ()


def test_points_in_a_row_give_one_tangent() -> None:
    points = np.column_stack((np.arange(6) * 100.0, np.zeros(6)))
    chain = fit(points, STANDARD)
    assert sum(e.length for e in chain) == pytest.approx(500)
    assert all(e.k0 == e.k1 == 0 for e in chain)
    assert Alignment(Plan(chain), LEVEL).radius == inf


@st.composite
def grade_lines(draw: st.DrawFn) -> Grades:
    n = draw(st.integers(2, 7))
    gaps = np.array(draw(st.lists(st.floats(50, 400), min_size=n - 1, max_size=n - 1)))
    s = np.concatenate(([0.0], np.cumsum(gaps)))
    level = np.array(draw(st.lists(st.floats(-20, 20), min_size=n, max_size=n)))
    curve = [0.0]
    for before, after in pairwise(gaps):
        room = 2 * min(before - curve[-1] / 2, after)
        curve.append(room * draw(st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.9, 1.0]))))
    return Grades(s, level, np.array([*curve, 0.0]))


@given(line=grade_lines())
def test_a_parabola_passes_its_pvi_by_an_eighth_of_its_length_times_the_change_of_grade(
    line: Grades,
) -> None:
    inner = slice(1, -1)
    offset = line.at(line.chainage[inner]) - line.level[inner]
    assert offset == pytest.approx(np.diff(line.grade) * line.curve[inner] / 8, abs=1e-7)
    assert line.at(line.chainage[[0, -1]]) == pytest.approx(line.level[[0, -1]])


@given(line=grade_lines(), share=st.floats(0.001, 0.999))
def test_grades_are_the_slope_of_levels_and_never_jump_on_a_parabola(
    line: Grades, share: float
) -> None:
    s = np.array([share * line.chainage[-1]])
    h = 1e-3
    corners = line.chainage[1:-1][line.curve[1:-1] < 1]
    assume((np.abs(s - corners) > 1).all())
    slope = (line.at(s + h) - line.at(s - h)) / (2 * h)
    assert line.grade_at(s) == pytest.approx(slope, abs=1e-5)
    for sign in (-1, 1):
        edge = line.chainage + sign * line.curve / 2
        assert line.at(edge) == pytest.approx(np.interp(edge, line.chainage, line.level), abs=1e-9)


def test_levels_on_a_sag_follow_the_formula() -> None:
    line = Grades(np.array([0.0, 100.0, 200.0]), np.array([10.0, 5.0, 10.0]), np.array([0, 80, 0]))
    d = np.array([0.0, 20.0, 40.0, 60.0, 80.0])
    assert line.at(60 + d) == pytest.approx(7 - 0.05 * d + 0.1 / (2 * 80) * d**2)


def test_grade_lines_out_of_order_or_with_curves_that_overlap_are_refused() -> None:
    with pytest.raises(GeometryError, match="at least two PVIs"):
        Grades(np.array([0.0]), np.zeros(1), np.zeros(1))
    with pytest.raises(GeometryError, match="in order"):
        Grades(np.array([0.0, 10.0, 10.0]), np.zeros(3), np.zeros(3))
    s = np.array([0.0, 100.0, 200.0, 300.0])
    with pytest.raises(GeometryError, match=r"overlap by 5\.000 m after 100\.0 m"):
        Grades(s, np.zeros(4), np.array([0.0, 100.0, 110.0, 0.0]))


@given(given_=corridors(), step=st.floats(3.0, 90.0))
def test_stations_along_a_plan_keep_their_step_and_its_bearing(
    given_: tuple[NDArray[np.float64], int], step: float
) -> None:
    plan = Plan(fit(given_[0], STANDARDS[given_[1]]))
    s = plan.stations(step)
    poses = plan.poses(s)
    gap = np.diff(s)
    assert s[0] == 0
    assert s[-1] == plan.length
    assert gap.max() <= step * (1 + 1e-6)
    assert gap == pytest.approx(gap[0])
    chord = np.hypot(*np.diff(poses[:, :2], axis=0).T)
    assert (chord <= gap + 1e-5).all()
    turn = np.diff(poses[:, 2])
    assert (np.abs(turn) <= gap / STANDARDS[given_[1]].radius + 1e-9).all()
    assert np.abs(poses[:, 3]).max() <= 1 / Alignment(plan, LEVEL).radius + 1e-9


def test_a_plan_without_elements_is_refused() -> None:
    with pytest.raises(GeometryError, match="at least one element"):
        Plan(())


@given(bearing=bearings, slope=st.floats(0, 1), aspect=bearings)
def test_ground_under_a_road_on_a_plane_has_its_level_and_the_slope_across(
    bearing: float, slope: float, aspect: float
) -> None:
    plane = oracles.surface(
        lambda x, y: 500 + slope * (cos(aspect) * x + sin(aspect) * y), half=900.0
    )
    plan = Plan((Element(Pose(0.0, 0.0, bearing), 300.0),))
    poses, level, cross = ground_under(plan, plane, plan.stations(50.0))
    across = abs(slope * sin(aspect - bearing))
    assert cross == pytest.approx(across, abs=1e-4)
    wanted = 500 + slope * (cos(aspect) * poses[:, 0] + sin(aspect) * poses[:, 1])
    assert level == pytest.approx(wanted, abs=1e-3)
    assert sqrt(2) * 300 > np.hypot(poses[-1, 0], poses[-1, 1]) == pytest.approx(300)


@given(exponent=st.floats(-9, -2), side=st.sampled_from([-1, 1]))
def test_a_corner_however_slight_leaves_no_breach(exponent: float, side: int) -> None:
    x = np.arange(6) * 400.0
    way = np.column_stack((x, [0.0, 0.0, 0.0, 400 * side * 10**exponent, 60.0, 0.0]))
    chain = horizontal.elements(way, horizontal.corners(way, STANDARD))
    assert breaches(chain, LEVEL, STANDARD) == ()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (("ford", 0.0, 10.0), 'got "ford"'),
        (("bridge", 10.0, 10.0), "not on the road"),
        (("tunnel", 600.0, 700.0), "not on the road"),
    ],
)
def test_structures_that_cannot_be_are_refused(part: tuple[str, float, float], words: str) -> None:
    plan = Plan((Element(Pose(0.0, 0.0, 0.0), 650.0),))
    level = Grades(np.array([0.0, 650.0]), np.array([1.0, 2.0]), np.zeros(2))
    with pytest.raises(GeometryError, match=words):
        Stationed("road", Alignment(plan, level), parts=(Part(*part),))


@given(standard=standards, off=st.floats(1e-4, 1.0), seed=st.integers(0, 99))
def test_chords_keep_as_near_to_the_road_as_asked(
    standard: DesignStandard, off: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    way = np.cumsum(rng.uniform(-0.5, 0.5, 6))
    points = np.cumsum(400 * np.column_stack((np.cos(way), np.sin(way))), axis=0)
    plan = Plan(fit(points, standard))
    gap = plan.length / 5
    curve = np.full(6, gap)
    curve[[0, -1]] = 0.0
    line = Grades(np.arange(6) * gap, rng.uniform(0, 0.03 * gap, 6), curve)
    road = Alignment(plan, line)
    s = road.chords(off)
    assert s[[0, -1]] == pytest.approx([0, plan.length])
    assert (np.diff(s) > 0).all()
    middle = (s[1:] + s[:-1]) / 2
    xy = plan.poses(s)[:, :2]
    away = np.hypot(*((xy[1:] + xy[:-1]) / 2 - plan.poses(middle)[:, :2]).T)
    level = line.at(s)
    assert away.max() <= off * 1.001
    assert np.abs((level[1:] + level[:-1]) / 2 - line.at(middle)).max() <= off * 1.001
    assert s.size < 60 + 2.5 * plan.length * np.sqrt(1 / standard.radius / (8 * off))
