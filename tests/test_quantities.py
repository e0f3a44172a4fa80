"""Laws of bills: parts add to the whole, prices agree with the forms, structures are real ones."""

from itertools import pairwise

import numpy as np
import oracles
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_formation import PRICE, STANDARD, P, prices
from test_profile import HALF, SHAPE, plan, waves

from realign import formation, quantities
from realign.formation import BRIDGE, OPEN, TUNNEL
from realign.geometry.alignment import Alignment
from realign.geometry.vertical import Grades
from realign.quantities import Bill, limits, take_off
from realign.terrain import Terrain


def level_road(
    ground: Terrain, level: float, *, length: float = 1200.0, step: float = 20.0
) -> Bill:
    grades = Grades(np.array([0.0, length]), np.full(2, level), np.zeros(2))
    return take_off(
        Alignment(plan(length), grades),
        ground,
        shape=SHAPE,
        standard=STANDARD,
        prices=P,
        step=step,
    )


def plane(slope: float) -> Terrain:
    return oracles.surface(lambda x, y: 600 + slope * y + 0 * x, half=HALF)


def amount(bill: Bill) -> float:
    return sum(PRICE[item] * value for item, value in bill.totals.items())


@given(height=st.floats(-8, 6), slope=st.floats(0, 0.5))
def test_on_a_plane_at_constant_height_quantities_are_areas_times_length(
    height: float, slope: float
) -> None:
    bill = level_road(plane(slope), 600 + height)
    across = float(bill.slope[10])
    metre = formation.open_road(float(bill.level[10] - bill.ground[10]), across, P)
    totals, length = bill.totals, 1200.0
    if (bill.form != OPEN).any():
        assert not np.isfinite(metre.price) or metre.price > 0
        return
    wanted = (metre.common, metre.rock, metre.fill, metre.wall, metre.land)
    names = ("common_excavation", "rock_excavation", "fill", "retaining_wall", "land")
    for name, area in zip(names, wanted, strict=True):
        assert totals[name] == pytest.approx(area * length, rel=2e-2, abs=length * 0.02)
    assert totals["pavement"] == pytest.approx(length * STANDARD.carriageway)
    assert totals["culvert"] == pytest.approx(length / SHAPE.culvert_spacing_m)
    assert totals["bridge"] == totals["tunnel"] == 0
    assert amount(bill) == pytest.approx(metre.price * length, rel=2e-2)


@given(seed=st.integers(0, 99), high=st.floats(0, 120), side=st.floats(0, 0.8))
def test_the_bill_at_base_prices_is_the_sum_of_what_its_metres_and_ends_cost(
    seed: int, high: float, side: float
) -> None:
    bill = level_road(waves(seed, high=high, side=side), 600.0)
    run, height = np.diff(bill.station), bill.level - bill.ground
    middle = (height[1:] + height[:-1]) / 2, (bill.slope[1:] + bill.slope[:-1]) / 2
    metre = formation.by_form(*middle, P)
    at = formation.by_form(height, bill.slope, P)[:, OPEN]
    metre[:, OPEN] = (at[1:] + at[:-1]) / 2
    chosen = metre[np.arange(run.size), bill.form]
    wanted = (chosen * run).sum()
    ends = [OPEN, *bill.form.tolist(), OPEN]
    wanted += sum(formation.end_price(a, b, P) for a, b in pairwise(ends))
    assert np.isfinite(chosen[~bill.denied]).all()
    if not bill.denied.any():
        assert amount(bill) == pytest.approx(wanted)
    parts = sum((np.array(list(bill.items.values()))[:, i] for i in range(run.size)), start=0)
    assert parts == pytest.approx(np.array(list(bill.totals.values())))
    assert sum(bill.length(form) for form in (OPEN, BRIDGE, TUNNEL)) == pytest.approx(run.sum())


@given(seed=st.integers(0, 99), high=st.floats(40, 160))
@example(seed=57, high=120.0)
def test_structures_are_listed_whole_and_no_shorter_than_they_may_be(
    seed: int, high: float
) -> None:
    bill = level_road(waves(seed, high=high), 600.0)
    least = {BRIDGE: SHAPE.min_bridge_m, TUNNEL: SHAPE.min_tunnel_m}
    for form, kind in ((BRIDGE, "bridge_abutment"), (TUNNEL, "tunnel_portal")):
        mine = [each for each in bill.structures if each.form == form]
        assert sum(each.length for each in mine) == pytest.approx(bill.length(form))
        assert all(each.length >= least[form] - 1e-6 for each in mine)
        assert 0 <= bill.totals[kind] <= 2 * len(mine)
    starts = [each.start for each in bill.structures]
    assert starts == sorted(starts)
    height = bill.level - bill.ground
    for each in bill.structures:
        inside = (bill.station >= each.start) & (bill.station <= each.end)
        sign = 1 if each.form == BRIDGE else -1
        assert each.extent == (sign * height[inside]).max()


def test_a_ridge_is_tunnelled_a_gully_bridged_and_both_have_two_ends() -> None:
    def level(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        ridge = np.maximum(0.0, 150 - 0.8 * np.abs(x - 300))
        gully = np.maximum(0.0, 70 - 0.9 * np.abs(x + 300))
        return np.asarray(600 + ridge - gully + 0 * y)

    bill = level_road(oracles.surface(level, half=HALF), 600.0)
    gully, ridge = bill.structures
    assert (gully.form, ridge.form) == (BRIDGE, TUNNEL)
    assert gully.start < 300 < gully.end
    assert ridge.start < 900 < ridge.end
    assert gully.extent == pytest.approx(70, abs=15)
    assert ridge.extent == pytest.approx(150, abs=15)
    assert bill.totals["bridge_abutment"] == bill.totals["tunnel_portal"] == 2
    assert limits(bill, SHAPE, STANDARD) == ()


@given(table=st.integers(0, 99))
def test_quantities_stay_when_all_prices_grow_alike(table: int) -> None:
    ground = waves(table, high=80, side=0.3)
    grades = Grades(np.array([0.0, 600.0]), np.full(2, 600.0), np.zeros(2))
    road = Alignment(plan(600.0), grades)
    bills = [
        take_off(road, ground, shape=SHAPE, standard=STANDARD, prices=prices(times=times))
        for times in (1.0, 3.0)
    ]
    assume(not any(bill.denied.any() for bill in bills))  # that price is no rate
    assert bills[0].totals == pytest.approx(bills[1].totals)


def test_measured_areas_are_the_same_compiled_and_written() -> None:
    height, slope = np.array([0.0, -3.0, 30.0, 40.0, -40.0, -50.0]), np.full(6, 0.4)
    form = np.array([OPEN, OPEN, BRIDGE, TUNNEL, TUNNEL], np.int8)
    run = np.full(5, 20.0)
    fast = quantities._measured(height, slope, form, run, P)
    assert fast == pytest.approx(quantities._measured.py_func(height, slope, form, run, P))


def test_places_beyond_all_limits_are_named_once() -> None:
    cliff = oracles.surface(lambda x, y: 600 + 0 * x + 6.0 * y, half=HALF)
    bill = level_road(cliff, 800.0)
    assert bill.denied.all()
    (place,) = limits(bill, SHAPE, STANDARD)
    assert place.startswith("bridge at 0+000 of the new road: grade line +")
    assert "over ground with cross slope 6.00, wanted a deck up to 120 m above ground" in place
    assert len(limits(bill, SHAPE, STANDARD, merge=10.0)) == bill.denied.size


@given(off=st.floats(-14, 14), slope=st.floats(0, 1.2), which=st.sampled_from([0, -1]))
def test_where_a_road_joins_the_existing_one_that_is_the_ground(
    off: float, slope: float, which: int
) -> None:
    ground = plane(slope)
    way = plan(1200.0)
    under = formation_level = 600.0
    level = np.full(2, formation_level)
    level[which] += off
    road = Alignment(way, Grades(np.array([0.0, 1200.0]), level, np.zeros(2)))
    given_ = {"shape": SHAPE, "standard": STANDARD, "prices": P}
    bare = take_off(road, ground, **given_)  # type: ignore[arg-type]
    joined = take_off(road, ground, joins=(which == 0, which == -1), **given_)  # type: ignore[arg-type]
    assert bare.ground[which] == pytest.approx(under, abs=0.5)
    assert joined.ground[which] == joined.level[which]
    assert joined.slope[which] == 0
    rest = slice(1, None) if which == 0 else slice(None, -1)
    assert joined.ground[rest].tolist() == bare.ground[rest].tolist()
    # on its own platform a road is never beyond the limits
    alone = formation.open_road(0.0, 0.0, P)
    assert np.isfinite(alone.price)
    assert (alone.common, alone.rock, alone.fill, alone.wall) == (0, 0, 0, 0)
