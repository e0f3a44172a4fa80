"""Laws of a metre of road: its areas, its form, its price."""

import itertools
from datetime import date
from math import inf, isclose, isinf, sqrt

import numpy as np
import oracles
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from realign import formation
from realign.estimate import Estimate
from realign.formation import BRIDGE, OPEN, TUNNEL, Formation, Metre, Prices, section
from realign.rates import ITEMS, Rate, Rates
from realign.standards import load

PRICE = {
    "common_excavation": 3.0,
    "rock_excavation": 10.0,
    "fill": 4.5,
    "haul": 0.35,
    "borrow": 2.0,
    "disposal": 0.6,
    "retaining_wall": 300.0,
    "bridge": 20_000.0,
    "bridge_abutment": 150_000.0,
    "tunnel": 24_000.0,
    "tunnel_portal": 500_000.0,
    "pavement": 45.0,
    "culvert": 25_000.0,
    "upgrade_existing": 2_200_000.0,
    "land": 1.5,
    "maintenance": 7_900.0,
    "gallery": 12_300.0,
}
UNIT_PRICES = (
    *("common", "rock", "embankment", "wall", "land", "surface"),
    *("pavement", "bridge", "tunnel", "abutment", "portal"),
)
STANDARD = load("jtg-class-ii-mountain", 60)


def prices(settings: Formation | None = None, times: float = 1.0, **changed: float) -> Prices:
    """Plain numbers of the default road, with some of them changed."""
    items = {
        item: Rate(item, unit, Estimate.exact(times * PRICE[item]), "USD", date(2025, 9, 25), "t")
        for item, unit in ITEMS.items()
    }
    return formation.prices(settings or Formation(), STANDARD, Rates(items))._replace(**changed)


P = prices()
slopes = st.floats(0.0, 2.3)
heights = st.one_of(st.floats(-60, 40), st.floats(-8, 8))


@st.composite
def near_kinks(draw: st.DrawFn) -> tuple[float, float]:
    """Height and slope where the platform's edges pass from cut to fill, or faces fail."""
    slope = draw(st.one_of(slopes, st.sampled_from([0.0, 1e-9, P.fill, P.cut])))
    height = draw(st.sampled_from([-1.0, 0.0, 1.0])) * slope * P.half
    return height + draw(st.floats(-1e-3, 1e-3)), slope


def test_settings_and_rates_reach_the_plain_numbers() -> None:
    p = prices(Formation(cut_face_deg=45, fill_face_deg=26.565, culvert_spacing_m=100))
    assert p.cut == pytest.approx(1)
    assert p.fill == pytest.approx(0.5, rel=1e-4)
    assert p.half == STANDARD.width / 2
    assert p.pavement == pytest.approx(45 * STANDARD.carriageway)
    assert p.surface == pytest.approx(p.pavement + 25_000 / 100)
    assert (p.common, p.rock, p.embankment, p.wall) == (3, 10, 4.5, 300)
    assert (p.bridge, p.tunnel, p.abutment, p.portal, p.land) == (2e4, 2.4e4, 1.5e5, 5e5, 1.5)


def test_a_setting_out_of_its_range_is_refused() -> None:
    with pytest.raises(ValidationError, match="cut_face_deg"):
        Formation(cut_face_deg=95)


def test_nothing_is_moved_at_zero_height_on_level_ground() -> None:
    assert formation.earthwork(0.0, 0.0, P) == (0, 0, 0, 2 * P.half, 0, 0)
    metre = section(0.0, 0.0, P)
    assert (metre.form, metre.common, metre.rock, metre.fill, metre.wall) == (OPEN, 0, 0, 0, 0)
    assert metre.price == pytest.approx(P.surface + (2 * P.half + P.margin) * P.land)


@given(depth=st.floats(0.0, 25.0))
def test_cut_on_level_ground_is_the_trapezium(depth: float) -> None:
    cut, fill, width, _, face, drop = formation.earthwork(-depth, 0.0, P)
    assert isclose(cut, depth * (2 * P.half + depth / P.cut), abs_tol=1e-9)
    assert fill == drop == 0 or depth == 0
    assert isclose(face, depth, abs_tol=1e-9)
    assert depth == 0 or isclose(width, 2 * (P.half + depth / P.cut))


@given(height=st.floats(0.01, 24.0))
def test_fill_on_level_ground_is_the_trapezium(height: float) -> None:
    metre = formation.open_road(height, 0.0, P._replace(wall=1e9))
    assert isclose(metre.fill, height * (2 * P.half + height / P.fill))
    assert isclose(metre.land, 2 * (P.half + height / P.fill) + P.margin)
    assert metre.wall == metre.common == metre.rock == 0


@given(height=st.floats(-20, 20), slope=st.floats(0.0, 0.6))
def test_cut_and_fill_change_places_when_the_road_is_turned_upside_down(
    height: float, slope: float
) -> None:
    p = P._replace(cut=P.fill, wall=inf, max_fill=inf, max_cut=inf)
    up, down = formation.open_road(height, slope, p), formation.open_road(-height, slope, p)
    assert isclose(up.common + up.rock, down.fill, rel_tol=1e-9, abs_tol=1e-9)
    assert isclose(up.fill, down.common + down.rock, rel_tol=1e-9, abs_tol=1e-9)


@given(height=heights)
def test_a_slope_that_vanishes_is_level_ground(height: float) -> None:
    level = np.array(formation.earthwork(height, 0.0, P))
    for slope in (0.9e-9, 1.1e-9, 1e-8):
        almost = np.array(formation.earthwork(height, slope, P))
        assert almost[[0, 1, 4, 5]] == pytest.approx(level[[0, 1, 4, 5]], abs=1e-4)


@given(at=st.one_of(near_kinks(), st.tuples(heights, slopes)), angle=st.floats(0, 6.3))
@example(at=(0.0, 0.0), angle=0.0)
def test_areas_are_continuous_in_height_and_slope(at: tuple[float, float], angle: float) -> None:
    height, slope = at
    assume(P.cut - slope > 0.01)
    small = 1e-7
    here = formation.earthwork(height, slope, P)
    slope_near = abs(slope + small * np.sin(angle))
    near = formation.earthwork(height + small * np.cos(angle), slope_near, P)
    for which in (0, 1, 4, 5):  # areas, face and drop; widths jump on level ground alone
        steepness = 100 + abs(height) + 100 / (P.cut - slope) ** 2
        assert abs(here[which] - near[which]) < small * 100 * steepness


@given(at=st.one_of(near_kinks(), st.tuples(heights, slopes)))
def test_areas_are_the_integral_over_the_cross_section(at: tuple[float, float]) -> None:
    height, slope = at
    assume(P.cut - slope > 0.02)
    assume(height > -40)
    assume(height == 0 or abs(height) > 1e-9)  # below that the oracle loses the crossing point
    got = formation.earthwork(height, slope, P)
    wanted = oracles.cross_section(height, slope, half=P.half, cut_face=P.cut, fill_face=P.fill)
    assert got[0] == pytest.approx(wanted[0], rel=1e-6, abs=1e-6)
    assert got[1] == pytest.approx(wanted[1], rel=1e-6, abs=1e-6)


@given(height=st.floats(-15, 15), slope=st.floats(0, 0.6))
def test_a_fill_face_down_the_slope_takes_up_the_drop(height: float, slope: float) -> None:
    p = P._replace(wall=inf, max_fill=inf)
    metre = formation.open_road(height, slope, p)
    _, fill = oracles.cross_section(
        height, slope, half=p.half, cut_face=p.cut, fill_face=p.fill, toe=True
    )
    assert metre.fill == pytest.approx(fill, rel=1e-6, abs=1e-6)


@given(at=st.one_of(near_kinks(), st.tuples(heights, slopes)))
def test_common_material_and_rock_are_the_whole_cut(at: tuple[float, float]) -> None:
    metre = formation.open_road(*at, P)
    if isinf(metre.price):
        return
    cut, _, width, *_ = formation.earthwork(*at, P)
    assert metre.common + metre.rock == pytest.approx(cut)
    assert 0 <= metre.common <= P.soil * width + 1e-9
    assert metre.rock >= 0


@given(at=st.one_of(near_kinks(), st.tuples(heights, slopes)))
def test_the_form_is_the_cheapest_that_is_admissible(at: tuple[float, float]) -> None:
    every = [
        formation.open_road(*at, P),
        formation.structure(BRIDGE, *at, P),
        formation.structure(TUNNEL, *at, P),
    ]
    best = section(*at, P)
    assert best.price == min(metre.price for metre in every)
    assert best.form in [metre.form for metre in every if metre.price == best.price]


@given(height=st.floats(0, 25), slope=st.floats(0, 0.6), rate=st.floats(500, 20_000))
def test_a_bridge_is_never_chosen_where_fill_is_cheaper(
    height: float, slope: float, rate: float
) -> None:
    p = P._replace(bridge=rate)
    metre, open_road = section(height, slope, p), formation.open_road(height, slope, p)
    if metre.form == BRIDGE:
        assert formation.structure(BRIDGE, height, slope, p).price < open_road.price
    if open_road.price <= rate:
        assert metre.form != BRIDGE


@given(height=heights, slope=slopes, times=st.floats(0.1, 10))
def test_prices_are_linear_and_leave_the_form(height: float, slope: float, times: float) -> None:
    once = section(height, slope, P)
    more = section(height, slope, prices(times=times))
    assert more.price == pytest.approx(times * once.price)
    if not isinf(once.price):
        assert more.form == once.form
        assert more[2:] == pytest.approx(once[2:])


@given(height=heights, slope=slopes, item=st.sampled_from(UNIT_PRICES), times=st.floats(1, 3))
def test_a_dearer_item_never_makes_a_cheaper_metre(
    height: float, slope: float, item: str, times: float
) -> None:
    dearer = P._replace(**{item: times * getattr(P, item)})
    assert section(height, slope, dearer).price >= section(height, slope, P).price


@given(height=heights, slope=slopes)
def test_the_price_is_that_of_the_quantities(height: float, slope: float) -> None:
    p = P._replace(pavement=0.0, surface=0.0)
    m = section(height, slope, p)
    assume(not isinf(m.price))
    price = m.common * p.common + m.rock * p.rock + m.fill * p.embankment + m.wall * p.wall
    price += m.land * p.land + m.bridge * p.bridge + m.tunnel * p.tunnel
    assert m.price == pytest.approx(price)


def test_open_road_is_not_admissible_above_its_limits() -> None:
    near = 1e-6
    assert formation.open_road(-P.max_cut + near, 0.0, P).price < inf
    assert isinf(formation.open_road(-P.max_cut - near, 0.0, P).price)
    no_wall = P._replace(max_wall=0.0)
    assert formation.open_road(P.max_fill - near, 0.0, no_wall).price < inf
    assert isinf(formation.open_road(P.max_fill + near, 0.0, no_wall).price)
    edge = P.max_wall - 0.7 * P.half  # steeper than a fill face: only a wall can hold it
    assert formation.open_road(edge - near, 0.7, P).wall > 0
    assert isinf(formation.open_road(edge + near, 0.7, P).price)


@given(slope=st.floats(0, 0.5), excess=st.floats(-2, 2))
def test_a_deck_stays_over_the_ground_and_under_its_greatest_height(
    slope: float, excess: float
) -> None:
    assume(abs(excess) > 1e-6)
    for height in (excess, P.max_deck - slope * P.half - excess):
        assert isinf(formation.structure(BRIDGE, height, slope, P).price) == (excess < 0)


@given(slope=slopes, excess=st.floats(-2, 2))
def test_a_tunnel_stays_under_the_ground(slope: float, excess: float) -> None:
    assume(abs(excess) > 1e-6)
    assert isinf(formation.structure(TUNNEL, -excess, slope, P).price) == (excess < 0)


@given(slope=slopes, excess=st.floats(-2, 2))
def test_a_structure_close_to_the_ground_costs_so_many_times_the_plain_rate(
    slope: float, excess: float
) -> None:
    assume(abs(excess) > 1e-6)
    times = P.close if excess < 0 else 1.0
    cover = P.min_cover * sqrt(1 + slope**2)
    tunnel = formation.structure(TUNNEL, -cover - excess, slope, P)
    assert tunnel.tunnel == times
    assert tunnel.price == pytest.approx(times * P.tunnel + P.pavement)
    deck = max(P.min_deck, slope * P.half) + excess  # the uphill edge stands free as well
    assume(deck + slope * P.half <= P.low_deck)
    bridge = formation.structure(BRIDGE, deck, slope, P)
    assert bridge.bridge == pytest.approx(times)


@given(height=st.floats(35, 100), higher=st.floats(0.1, 5))
def test_a_higher_deck_is_dearer(height: float, higher: float) -> None:
    low = formation.structure(BRIDGE, height, 0.0, P)
    high = formation.structure(BRIDGE, height + higher, 0.0, P)
    assert high.price - low.price == pytest.approx(P.bridge * P.high_deck * higher)
    assert high.bridge > low.bridge > 1


def test_no_form_is_admissible_where_all_limits_are_passed() -> None:
    assert isinf(section(P.max_deck + 1, 0.0, P).price)
    assert isinf(section(0.01, 2.3, P._replace(max_deck=10.0)).price)


@given(left=st.integers(0, 2), right=st.integers(0, 2))
def test_ends_cost_an_abutment_and_a_portal_where_the_form_changes(left: int, right: int) -> None:
    wanted = 0.0
    if left != right:
        wanted = P.abutment * (BRIDGE in (left, right)) + P.portal * (TUNNEL in (left, right))
    assert formation.end_price(left, right, P) == wanted
    assert formation.end_price(right, left, P) == wanted


@given(at=st.lists(st.tuples(heights, slopes), min_size=1, max_size=20))
def test_a_table_by_form_agrees_with_section(at: list[tuple[float, float]]) -> None:
    height, slope = np.array(at).T.copy()
    table = formation.by_form(height, slope, P)
    for row, h, t in zip(table, height, slope, strict=True):
        assert row.min() == section(h, t, P).price


@given(at=st.one_of(near_kinks(), st.tuples(heights, slopes)))
def test_compiled_code_does_what_it_says(at: tuple[float, float]) -> None:
    height, slope = at
    compiled: tuple[Metre, ...] = (
        formation.open_road(*at, P),
        section(*at, P),
        *(formation.structure(form, *at, P) for form in (BRIDGE, TUNNEL)),
    )
    read = (
        formation.open_road.py_func(*at, P),
        section.py_func(*at, P),
        *(formation.structure.py_func(form, *at, P) for form in (BRIDGE, TUNNEL)),
    )
    for a, b in zip(compiled, read, strict=True):
        assert a == pytest.approx(b)
    if P.cut - slope > 1e-6:
        assert formation.earthwork(*at, P) == pytest.approx(formation.earthwork.py_func(*at, P))
    assert formation.end_price(0, 1, P) == formation.end_price.py_func(0, 1, P)
    assert formation.end_price.py_func(2, 2, P) == 0
    assert formation.end_price.py_func(2, 1, P) == P.portal + P.abutment
    one = np.array([height]), np.array([slope])
    assert formation.by_form.py_func(*one, P) == pytest.approx(formation.by_form(*one, P))


def test_a_slope_as_steep_as_the_cut_face_cannot_be_cut() -> None:
    assert isinf(formation.earthwork(0.0, P.cut, P)[4])
    assert isinf(formation.earthwork.py_func(0.0, P.cut + 0.1, P)[4])
    assert isinf(formation.open_road(0.0, P.cut, P).price)


@settings(max_examples=40)
@given(
    table=st.lists(st.tuples(*3 * [st.integers(10, 30)]), min_size=1, max_size=7),
    least=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    end=st.tuples(st.integers(0, 15), st.integers(0, 15)),
)
def test_forms_along_a_road_are_the_cheapest_of_all_sequences(
    table: list[tuple[int, int, int]], least: tuple[int, int], end: tuple[int, int]
) -> None:
    price = np.array(table, np.float64)
    p = P._replace(abutment=float(end[0]), portal=float(end[1]))
    ends = np.array([[formation.end_price(a, b, p) for b in range(3)] for a in range(3)])
    shortest = [1, *least]
    wanted, _ = oracles.cheapest_forms(price.tolist(), ends.tolist(), shortest)
    for choose in (formation.choose, formation.choose.py_func):
        form = choose(price, ends, np.array(shortest))
        got = price[np.arange(len(form)), form].sum()
        got += sum(ends[a, b] for a, b in itertools.pairwise([0, *form, 0]))
        assert got == wanted
        runs = [(f, len(list(run))) for f, run in itertools.groupby(form)]
        assert all(length >= shortest[f] for f, length in runs if f)


def test_a_valley_is_bridged_a_spur_tunnelled_and_the_rest_is_open() -> None:
    s = np.arange(0, 2001, 20.0)
    height = np.where((s > 400) & (s < 700), 60.0, 0.0) - np.where((s > 1200) & (s < 1600), 90, 0)
    level = np.zeros_like(s)
    rules = {"shape": Formation(), "standard": STANDARD, "p": P}
    form, denied = formation.forms(height, level, np.diff(s), level[1:], **rules)
    middle = (s[1:] + s[:-1]) / 2
    assert (form[(middle > 420) & (middle < 680)] == BRIDGE).all()
    assert (form[(middle > 1220) & (middle < 1580)] == TUNNEL).all()
    assert (form[(middle < 400) | (middle > 1600)] == OPEN).all()
    assert not denied.any()
    assert formation.forms(level + 300, level, np.diff(s), level[1:], **rules)[1].all()
    steep = np.full(s.shape, STANDARD.grade_tunnel + 1e-3)
    form, denied = formation.forms(height, level, np.diff(s), steep[1:], **rules)
    assert (form[~denied] != TUNNEL).all()
    steep = np.full(s.shape, STANDARD.grade_bridge + 1e-3)
    form, denied = formation.forms(height, level, np.diff(s), steep[1:], **rules)
    assert (form[~denied] == OPEN).all()
    assert (form[denied] == np.where(height[:-1][denied] + height[1:][denied] > 0, 1, 2)).all()
    assert denied.any()
