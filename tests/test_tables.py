"""Laws of the tables by which a road is set out, against closed forms and slow counts."""

from math import atan2, cos, degrees, hypot, pi, sin, tan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realign.geometry.alignment import Alignment, Plan, Stationed
from realign.geometry.horizontal import Corner, Element, Pose
from realign.geometry.tables import (
    SHARPEST,
    curves,
    exact,
    marked,
    narrowest,
    pvis,
    stations,
    steps,
    touches,
)
from realign.geometry.vertical import Grades

R = 1 / 125


def chain(rows: list[tuple[float, float, float]]) -> Plan:
    out: list[Element] = []
    for length, k0, k1 in rows:
        start = out[-1].end if out else Pose(433_123.456, 4_012_345.678, 2.5)
        out.append(Element(start, length, k0, k1))
    return Plan(tuple(out))


def level(length: float) -> Grades:
    return Grades(np.array([0.0, length]), np.zeros(2), np.zeros(2))


def test_a_corner_comes_back_from_its_curve() -> None:
    corner = Corner(150 * R, 125.0, 60.0)
    plan = chain([(80, 0, 0), (60, 0, -R), (90, -R, -R), (60, -R, 0), (400, 0, 0)])
    (curve,) = curves(plan)
    assert (curve.start, curve.end) == pytest.approx((80, 290))
    assert (curve.radius, curve.deflection) == pytest.approx((125, -150 * R))
    assert curve.tangents == pytest.approx((corner.tangent, corner.tangent))
    assert curve.clothoids == pytest.approx((60, 60))
    assert curve.tangent_points == pytest.approx((140, 230))
    x, y, bearing, _ = plan.poses([80.0])[0]
    along = corner.tangent * np.array([cos(bearing), sin(bearing)])
    assert curve.pi == pytest.approx(np.array([x, y]) + along)


def test_unequal_clothoids_are_told_apart() -> None:
    plan = chain([(100, 0, 0), (60, 0, R), (90, R, R), (35, R, 0), (100, 0, 0)])
    (curve,) = curves(plan)
    assert curve.clothoids == pytest.approx((60, 35))
    assert curve.tangents[0] > curve.tangents[1]


@given(radius=st.floats(30, 2000), turn=st.floats(0.01, 1.99))
def test_the_tangent_of_an_arc_is_that_of_the_textbook(radius: float, turn: float) -> None:
    (curve,) = curves(chain([(50, 0, 0), (radius * turn, 1 / radius, 1 / radius), (50, 0, 0)]))
    wanted = radius * tan(turn / 2)
    assert curve.tangents == pytest.approx((wanted, wanted), rel=1e-6)
    assert curve.clothoids == pytest.approx((0, 0), abs=1e-9)


curvatures = st.one_of(st.just(0.0), st.floats(-1 / 20, 1 / 20))
pieces = st.lists(st.tuples(st.floats(5.0, 150.0), curvatures, curvatures), min_size=1, max_size=6)


@given(pieces)
def test_curves_are_in_order_and_turn_as_far_as_the_plan(
    rows: list[tuple[float, float, float]],
) -> None:
    plan = chain(rows)
    found = curves(plan)
    turned = sum(length * (k0 + k1) / 2 for length, k0, k1 in rows)
    assert sum(curve.deflection for curve in found) == pytest.approx(turned, abs=1e-3)
    assert all(abs(curve.deflection) < SHARPEST + 1e-9 for curve in found)
    edges = [s for curve in found for s in (curve.start, curve.end)]
    assert edges == sorted(edges)
    for curve in found:
        first, last = curve.tangent_points
        assert curve.start - 1e-6 <= first <= last + 1e-6 <= curve.end + 2e-6
        for s, reach, sign in (
            (curve.start, curve.tangents[0], 1),
            (curve.end, curve.tangents[1], -1),
        ):
            x, y, bearing, _ = plan.poses([s])[0]
            at = (x + sign * reach * cos(bearing), y + sign * reach * sin(bearing))
            assert at == pytest.approx(curve.pi, abs=1e-4)


def test_pvis_are_those_of_the_grade_line() -> None:
    grades = Grades(np.array([0.0, 400, 900]), np.array([10.0, 30, 15]), np.array([0.0, 120, 0]))
    first, middle, last = pvis(grades)
    assert np.isnan((first.before, first.k, last.after, last.k, last.radius)).all()
    assert (middle.before, middle.after) == pytest.approx((0.05, -0.03))
    assert (middle.k, middle.radius) == pytest.approx((15, 1500))
    assert [pvi.at for pvi in (first, middle, last)] == [0, 400, 900]


@given(chord=st.floats(1e-3, 1.0), begin=st.floats(0, 500), end=st.floats(501, 900))
def test_chords_between_steps_keep_to_the_grade_line(
    chord: float, begin: float, end: float
) -> None:
    grades = Grades(np.array([0.0, 400, 900]), np.array([10.0, 40, 0]), np.array([0.0, 700, 0]))
    s = steps(grades, begin, end, chord=chord)
    fine = np.linspace(begin, end, 5000)
    off = np.abs(np.interp(fine, s, grades.at(s)) - grades.at(fine))
    assert (s[0], s[-1]) == (begin, end)
    assert off.max() <= chord * (1 + 1e-6)


def stationed(length: float, start: float, *equations: tuple[float, float, float]) -> Stationed:
    road = Alignment(chain([(length, 0, 0)]), level(length))
    return Stationed("road", road, start=start, equations=equations)


def test_stations_jump_at_equations() -> None:
    road = stationed(1000.0, 192_340.0, (400.0, 192_740.0, 500.0), (700.0, 800.0, 5000.0))
    assert stations(road, [0, 399, 400, 700, 1000]).tolist() == [192_340, 192_739, 500, 5000, 5300]
    assert stations(road, [400, 700], behind=True).tolist() == [192_740, 800]


def test_marks_stand_at_round_stations_on_both_sides_of_an_equation() -> None:
    road = stationed(1000.0, 192_340.0, (360.0, 192_700.0, 500.0))
    s, written = marked(road, 100.0)
    assert s.tolist() == [60, 160, 260, 360, 360, 460, 560, 660, 760, 860, 960]
    assert written.tolist() == [192_400, 192_500, 192_600, 192_700, *range(500, 1200, 100)]


@given(st.floats(0, 10), st.floats(0, 10), st.floats(2, 4), st.floats(5, 8))
def test_a_stretch_touches_a_window_if_any_of_its_points_is_in_it(
    a: float, b: float, low: float, high: float
) -> None:
    begin, end = min(a, b), max(a, b)
    inside = (np.linspace(begin, end, 5001) > low) & (np.linspace(begin, end, 5001) < high)
    if end - begin > 1 and (inside.sum() == 0 or inside.sum() > 5):
        assert touches(begin, end, (low, high)) == inside.any()


points = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=3, max_size=12)


@given(points)
def test_no_direction_is_narrower_than_the_narrowest(at: list[tuple[float, float]]) -> None:
    xy = np.array(at)

    def width(turn: float) -> float:
        return float(np.ptp(xy @ np.array([-sin(turn), cos(turn)])))

    assert width(narrowest(xy)) <= min(map(width, np.linspace(0, pi, 721))) + 1e-6


def winding(turns: list[float], step: float = 20.0) -> NDArray[np.float64]:
    bearing = np.cumsum(turns)
    return np.cumsum(step * np.column_stack((np.cos(bearing), np.sin(bearing))), axis=0)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=100))
def test_a_road_turned_to_be_narrow_is_no_wider_than_the_broadest_curve(turns: list[float]) -> None:
    xy = winding(turns)
    turn = narrowest(xy)
    assert np.ptp(xy @ np.array([-sin(turn), cos(turn)])) <= 0.4390 * 20.0 * (len(turns) - 1)


def test_exact_chainages_keep_their_centimetres() -> None:
    assert [exact(999.996), exact(1e5 + 0.5, 1), exact(-0.25)] == [
        "1+000.00",
        "100+000.5",
        "-0+000.25",
    ]


def test_a_full_circle_is_in_parts_that_each_have_a_pi() -> None:
    plan = chain([(50, 0, 0), (2 * pi / R, R, R), (50, 0, 0)])
    found = curves(plan)
    assert len(found) == 4
    assert {round(degrees(curve.deflection)) for curve in found} == {90}
    for curve in found:
        centre = plan.poses([50.0])[0]
        middle = (centre[0] - 125 * sin(centre[2]), centre[1] + 125 * cos(centre[2]))
        assert hypot(curve.pi[0] - middle[0], curve.pi[1] - middle[1]) == pytest.approx(
            125 * 2**0.5
        )
    assert len({round(atan2(*curve.pi), 6) for curve in found}) == 4
