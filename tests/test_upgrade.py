"""Laws of the standing road: its curves, what breaks a standard, and what mending it takes."""

from dataclasses import replace
from math import cos, exp, pi, tan

import numpy as np
import pytest
import small_ground
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS

from realign.chainage import Section, total
from realign.errors import GeometryError
from realign.formation import Formation
from realign.highway import Highway
from realign.standards import load
from realign.terrain import Terrain
from realign.upgrade import Breach, Upgrading, breaches, standing, totals, within

UTM = CRS.from_epsg(32643)
STANDARD = load("jtg-class-ii-mountain", 60)  # 125 m, 6 %
SHAPE = Formation()
PRICES = small_ground.CLOSE
RULES = Upgrading(smooth_m=10.0)
TANGENT = 400.0


def plane(slope: float = 0.0) -> Terrain:
    """Ground that rises to the north."""
    rows = np.arange(200)[:, None] * 30.0
    z = 1000 + slope * (6000 - rows) + np.zeros((200, 200))
    return Terrain(z.astype(np.float32), Affine(30, 0, -1000, 0, -30, 3000), UTM, "test", 1.0)


def bent(radius: float, turn: float, *, hand: int = 1, grade: float = 0.0) -> Highway:
    """Two tangents and an arc between them, from the origin to the east."""
    k = int(np.ceil(radius * turn))
    angle = np.linspace(0, turn, k + 1)
    arc = radius * np.column_stack((np.sin(angle), hand * (1 - np.cos(angle))))
    way = np.array([cos(turn), hand * np.sin(turn)])
    arc[:, 0] += TANGENT
    xy = np.vstack(([(0.0, 0.0)], arc, arc[-1] + TANGENT * way))
    return road_of(xy, grade)


def road_of(xy: NDArray[np.float64], grade: float = 0.0) -> Highway:
    s = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    station = np.linspace(0, s[-1], max(int(s[-1] / 20), 2) + 1)
    level = 1000 + grade * station
    return Highway("test", xy, s, UTM, station, level.copy(), level)


def found(
    road: Highway, terrain: Terrain | None = None, rules: Upgrading = RULES
) -> tuple[Breach, ...]:
    return breaches(
        standing(road, smooth=rules.smooth_m),
        terrain or plane(),
        standard=STANDARD,
        shape=SHAPE,
        prices=PRICES,
        rules=rules,
    )


@given(radius=st.floats(60, 400), turn=st.floats(0.6, 1.8), hand=st.sampled_from([1, -1]))
def test_a_circle_keeps_its_radius_but_for_what_smoothing_takes(
    radius: float, turn: float, hand: int
) -> None:
    road = standing(bent(radius, turn, hand=hand), smooth=10.0)
    middle = TANGENT + radius * turn / 2
    here = float(np.interp(middle, road.station, road.curvature))
    if radius * turn > 80:  # the weights of the middle do not reach the tangents
        assert 1 / here == pytest.approx(hand * radius * exp(-((10 / radius) ** 2) / 2), rel=0.02)
    turned = float((road.curvature[1:] * np.diff(road.station)).sum())
    assert turned == pytest.approx(hand * turn, rel=0.03)


@given(radius=st.floats(60, 200), turn=st.floats(0.6, 1.8), hand=st.sampled_from([1, -1]))
def test_a_curve_is_found_where_it_is_sharper_than_the_standard(
    radius: float, turn: float, hand: int
) -> None:
    got = found(bent(radius, turn, hand=hand))
    if radius * turn < 80 or 0.97 < radius / STANDARD.radius < 1.03:
        return
    assert len(got) == (radius < STANDARD.radius)
    for each in got:
        assert each.kind == "curve"
        assert each.wanted == STANDARD.radius
        assert each.found == pytest.approx(radius, rel=0.03)
        assert each.turn == pytest.approx(turn, rel=0.06)
        # closed form: between the same tangents the wider circle lies farther inside
        inside = (STANDARD.radius - radius) * (1 / cos(turn / 2) - 1)
        assert each.offset == pytest.approx(inside, rel=0.25, abs=1.0)


def test_a_curve_laid_again_begins_earlier_by_the_difference_of_tangents() -> None:
    (each,) = found(bent(60.0, 1.2))
    earlier = (STANDARD.radius - 60) * tan(0.6)
    assert TANGENT - each.section.start == pytest.approx(earlier, abs=20)
    saved = 2 * earlier - (STANDARD.radius - 60) * 1.2
    assert each.section.length - each.length == pytest.approx(saved, abs=5)


@given(radius=st.floats(60, 110), turn=st.floats(0.6, 1.8))
def test_a_road_and_its_mirror_image_break_the_standard_alike(radius: float, turn: float) -> None:
    one, other = (found(bent(radius, turn, hand=hand)) for hand in (1, -1))
    for a, b in zip(one, other, strict=True):
        assert (a.section.start, a.found, a.offset) == pytest.approx(
            (b.section.start, b.found, b.offset), rel=1e-6
        )
        assert a.totals == pytest.approx(b.totals, abs=1e-6)


def test_a_curve_moved_into_the_hill_is_cut_and_one_moved_off_it_is_not() -> None:
    uphill, downhill = (found(bent(60.0, 1.2, hand=hand), plane(0.5)) for hand in (1, -1))
    cut, fill = (
        sum(sum(each.totals.get(item, 0.0) for item in items) for each in some)
        for some, items in (
            (uphill, ("rock_excavation", "tunnel")),
            (downhill, ("fill", "retaining_wall", "bridge")),
        )
    )
    assert cut > 0
    assert fill > 0
    off = sum(each.totals.get("tunnel", 0.0) for each in downhill)
    assert off == 0


def test_what_moves_within_the_widening_costs_nothing_beyond_it() -> None:
    road = bent(110.0, 0.7)
    (free,) = found(road)
    assert 0 < free.offset < RULES.widening_m
    assert not free.totals
    assert "within the widening" in str(free)
    (paid,) = found(road, rules=RULES.model_copy(update={"widening_m": 0.0}))
    assert paid.totals["pavement"] == pytest.approx(paid.length * STANDARD.carriageway)
    assert "laid again" in str(paid)


def test_a_hairpin_need_not_be_wider_than_the_standard_of_hairpins() -> None:
    slow = load("jtg-class-ii-mountain", 40)
    assert slow.hairpin is not None
    for radius, broken in ((slow.hairpin.radius + 6, 0), (slow.hairpin.radius - 8, 1)):
        road = standing(bent(radius, 170 * pi / 180), smooth=5.0)
        got = breaches(
            road, plane(), standard=slow, shape=SHAPE, prices=PRICES, rules=Upgrading(smooth_m=5)
        )
        assert len(got) == broken
        assert all(each.wanted == slow.hairpin.radius for each in got)


@given(grade=st.floats(0.061, 0.12), up=st.sampled_from([1, -1]))
def test_a_grade_too_steep_is_made_as_long_as_its_rise_asks(grade: float, up: int) -> None:
    (each,) = found(road_of(np.array([(0.0, 0.0), (2000.0, 0.0)]), up * grade))
    assert each.kind == "grade"
    assert each.found == pytest.approx(grade)
    assert each.length == pytest.approx(2000 * grade / STANDARD.grade)
    assert each.totals["pavement"] == pytest.approx(each.length * STANDARD.carriageway)


def test_a_road_that_keeps_the_standard_is_only_widened() -> None:
    road = road_of(np.array([(0.0, 0.0), (3000.0, 0.0)]), 0.059)
    assert found(road) == ()
    assert totals(Section(0.0, 3000.0), ()) == {"upgrade_existing": 3.0}


@given(cut=st.floats(0.01, 0.99))
def test_stretches_of_a_road_add_up_to_it(cut: float) -> None:
    zigzag = np.array([(i * 150.0, 120.0 * (i % 2)) for i in range(13)])
    road = road_of(zigzag)
    got = found(road)
    assert len(got) > 5
    whole = Section(0.0, road.length)
    border = cut * road.length
    parts = [Section(0.0, border), Section(border, road.length)]
    if any(each.section.start < border < each.section.end for each in got):
        # a place that lies across the border belongs to one side of it as a whole
        assert sum(len(within(part, got)) for part in parts) == len(got)
    sums: dict[str, float] = {}
    for part in parts:
        for item, amount in totals(part, got).items():
            sums[item] = sums.get(item, 0.0) + amount
    for item, amount in totals(whole, got).items():
        if item != "upgrade_existing":
            assert sums[item] == pytest.approx(amount)


def test_no_metre_is_both_widened_and_laid_again() -> None:
    (each,) = found(bent(60.0, 1.2))
    whole = Section(0.0, bent(60.0, 1.2).length)
    widened = totals(whole, (each,))["upgrade_existing"] * 1000
    assert widened + total([each.section]) == pytest.approx(whole.length)


def test_a_length_to_smooth_by_is_needed() -> None:
    with pytest.raises(GeometryError, match="above 0 m"):
        standing(bent(60.0, 1.0), smooth=0.0)


def test_the_order_of_breaches_does_not_matter() -> None:
    got = found(road_of(np.array([(i * 150.0, 120.0 * (i % 2)) for i in range(13)])))
    whole = Section(0.0, 5000.0)
    assert totals(whole, got[::-1]) == pytest.approx(totals(whole, got))
    assert [replace(each, kind="curve").section for each in got] == sorted(
        each.section for each in got
    )
