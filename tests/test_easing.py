"""Laws of easing: fewer short tangents, nothing broken, and the road stays where it is."""

from itertools import pairwise
from math import cos, hypot, pi, sin

import numpy as np
import oracles
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import LineString

from realign.errors import GeometryError
from realign.geometry.alignment import Alignment, Plan
from realign.geometry.check import advice, breaches
from realign.geometry.easing import WITHIN, eased, short
from realign.geometry.horizontal import Corner, deflections, elements, hairpins, laid, least_corner
from realign.geometry.vertical import Grades
from realign.geometry.zones import zones
from realign.standards import DesignStandard, load

STANDARDS = tuple(load("jtg-class-ii-mountain", v) for v in (30, 40, 60))
SLOW, FAST = STANDARDS[1:]
LEVEL = Grades(np.array([0.0, 1e6]), np.zeros(2), np.zeros(2))

Road = tuple[NDArray[np.float64], list[Corner | None]]


def bent(legs: list[float], turns: list[float]) -> NDArray[np.float64]:
    """Lay a polygon by the lengths of its legs and its turns [rad]."""
    bearing, at = 0.0, [np.zeros(2)]
    for leg, turn in zip(legs, [*turns, 0.0], strict=True):
        at.append(at[-1] + leg * np.array([cos(bearing), sin(bearing)]))
        bearing += turn
    return np.array(at)


@st.composite
def roads(draw: st.DrawFn) -> tuple[NDArray[np.float64], list[Corner | None], DesignStandard]:
    """Curves of a standard with tangents of any length between them."""
    standard = draw(st.sampled_from(STANDARDS))
    turns, curves, legs = [], [], [draw(st.floats(0, 200))]
    for _ in range(draw(st.integers(1, 8))):
        turn = draw(st.sampled_from([-1, 1])) * draw(st.floats(0.05, 1.8))
        least = least_corner(turn, standard)
        radius = least.radius * draw(st.sampled_from([1.0, 1.3, 3.0]))
        curve = Corner(turn, radius, standard.clothoid)
        turns.append(turn)
        curves.append(curve)
        legs[-1] += curve.tangent
        between = draw(st.sampled_from([5.0, 30.0, standard.tangent_reverse, 150.0]))
        legs.append(curve.tangent + between * draw(st.sampled_from([0.9, 1.0])))
    pis = bent(legs, turns)
    return pis, curves, standard


def line(way: Road) -> LineString:
    plan = Plan(elements(*way))
    return LineString(plan.poses(plan.stations(1.0))[:, :2])


@given(road=roads(), within=st.sampled_from([0.5, WITHIN, 8.0]))
def test_an_eased_road_breaks_nothing_moves_little_and_has_fewer_short_places(
    road: tuple[NDArray[np.float64], list[Corner | None], DesignStandard], within: float
) -> None:
    pis, curves, standard = road
    assume(LineString(pis).is_simple)
    chain = elements(pis, curves)
    found = eased(pis, curves, standard, within=within)
    after = elements(*found)
    assert breaches(chain, LEVEL, standard) == ()
    assert breaches(after, LEVEL, standard) == ()
    assert oracles.joints(after) == pytest.approx((0, 0, 0), abs=1e-6)
    assert sum(short(*found, standard)) <= sum(short(pis, curves, standard))
    if sum(short(*found, standard)) == sum(short(pis, curves, standard)):
        assert found[0] == pytest.approx(pis)
        assert [c.radius for c in found[1] if c] == [c.radius for c in curves if c]
    assert len(advice(after, standard)) == sum(short(*found, standard))
    assert len(advice(chain, standard)) == sum(short(pis, curves, standard))
    before, now = line((pis, curves)), line(found)
    assert before.hausdorff_distance(now) <= within + 0.1
    for old, new in ((chain[0].start, after[0].start), (chain[-1].end, after[-1].end)):
        assert (new.x, new.y) == pytest.approx((old.x, old.y), abs=1e-6)
        assert (new.bearing - old.bearing + pi) % (2 * pi) - pi == pytest.approx(0, abs=1e-9)
    for corner in found[1]:
        assert corner is not None
        assert max(corner.clothoids) <= max(corner.radius, standard.clothoid) * (1 + 1e-6)


@given(road=roads())
def test_a_road_that_may_not_move_is_left_as_it_is(
    road: tuple[NDArray[np.float64], list[Corner | None], DesignStandard],
) -> None:
    pis, curves, standard = road
    same, kept = eased(pis, curves, standard, within=-1.0)
    assert same == pytest.approx(pis)
    assert [(c.radius, *c.clothoids) for c in kept if c] == [
        (c.radius, *c.clothoids) for c in curves if c
    ]


def even(turns: list[float], between: float, *, wider: float = 1.0) -> Road:
    """Curves with the same tangent between any two."""
    curves = [Corner(t, SLOW.radius * wider, SLOW.clothoid) for t in turns]
    taken = [0.0, *(c.tangent for c in curves), 0.0]
    legs = [a + b + between for a, b in pairwise(taken)]
    legs[0] += 300
    legs[-1] += 300
    return bent(legs, turns), list(curves)


@pytest.mark.parametrize("turn", [0.8, 1.0, 1.2])
def test_reverse_curves_with_a_short_tangent_become_an_s_curve(turn: float) -> None:
    way = even([turn, -turn], 15.0)
    assert short(*way, SLOW)[0] == 1
    pis, curves = eased(*way, SLOW)
    assert short(pis, curves, SLOW)[0] == 0
    one, two = curves
    assert one is not None
    assert two is not None
    leg = hypot(*(pis[2] - pis[1]))
    assert one.tangent_behind + two.tangent == pytest.approx(leg, abs=1e-6)


def test_wide_reverse_curves_shrink_until_their_tangent_is_long_enough() -> None:
    way = even([0.35, -0.35], 76.0, wider=4.0)
    pis, curves = eased(*way, SLOW, within=1.0)
    (length,) = (e.length for e in elements(pis, curves)[1:-1] if e.k0 == e.k1 == 0)
    assert length == pytest.approx(SLOW.tangent_reverse)


def test_two_slight_curves_of_one_sense_become_one() -> None:
    way = even([0.25, 0.25], 20.0, wider=3.0)
    assert short(*way, SLOW)[0] == 1
    pis, curves = eased(*way, SLOW)
    assert short(pis, curves, SLOW)[0] == 0
    (one,) = curves
    assert one is not None
    assert one.deflection == pytest.approx(0.5)
    assert deflections(pis) == pytest.approx([0.5])


def test_curves_of_the_least_radius_too_far_apart_stay() -> None:
    way = even([1.5, 1.5], 100.0)
    pis, curves = eased(*way, SLOW)
    assert pis == pytest.approx(way[0])
    assert short(pis, curves, SLOW)[0] == short(*way, SLOW)[0] == 1


def test_hairpins_stay_as_they_are() -> None:
    points = np.array([[0, 0], [300, 0], [600, 0], [640, 40], [600, 80], [300, 80], [0, 40]], float)
    points = np.vstack(([-400.0, -200.0], [-90.0, -60.0], points))
    pis, curves = laid(points, SLOW)
    (hairpin,) = hairpins(pis, curves, SLOW)
    found = eased(pis, curves, SLOW)
    (kept,) = hairpins(*found, SLOW)
    assert kept[1] - kept[0] == pytest.approx(hairpin[1] - hairpin[0])
    chain = elements(*found)
    own = zones(Alignment(Plan(chain), LEVEL), [SLOW], hairpins=[kept])
    assert breaches(chain, LEVEL, own) == ()


def test_points_without_a_turn_are_left_out() -> None:
    pis, curves = even([0.8, -0.8], 300.0)
    middle = (pis[1] + pis[2]) / 2
    more = np.insert(pis, 2, middle, axis=0)
    found, kept = eased(more, [curves[0], None, curves[1]], SLOW)
    assert len(found) == 4
    assert all(curve is not None for curve in kept)
    assert line((found, kept)).hausdorff_distance(line((pis, curves))) <= WITHIN


def test_curves_that_overlap_are_refused() -> None:
    pis, curves = even([0.8, -0.8], -1.0)
    with pytest.raises(GeometryError, match="two curves overlap"):
        eased(pis, curves, SLOW)
