"""Laws of what closes a road: exposure, pieces of a road, an open road, evidence."""

from dataclasses import fields, replace
from functools import cache
from math import atan, degrees, exp, radians, tan
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from pyproj import CRS
from shapely import LineString, Point

from realign import hazard, highway, terrain
from realign.errors import GeometryError, InputError
from realign.formation import BRIDGE, OPEN, TUNNEL
from realign.hazard import (
    KINDS,
    MONTH_DAYS,
    PROTECTIONS,
    Along,
    Kind,
    Recorded,
    Rules,
    Scene,
    along,
    at_places,
    calibrated,
    closed_days,
    exposure,
    left,
    near,
    open_by_month,
    rated,
    receiver,
    survey,
)
from realign.hazard.along import _scored
from realign.terrain import Terrain

CELL = 50.0
YEAR = float(MONTH_DAYS.sum())
SLIDE, DEBRIS, AVALANCHE, RIVER, SNOW = range(len(KINDS))
RULES = Rules(snow_line_m=1400.0, snow_band_m=300.0)

steeps = st.floats(20.0, 50.0)


@given(slopes=st.lists(st.floats(0, 3), min_size=2, max_size=20), steep=steeps)
def test_exposure_grows_with_slope_between_none_and_all(slopes: list[float], steep: float) -> None:
    out = exposure(np.sort(slopes), steep)
    assert (np.diff(out) >= 0).all()
    assert ((out > 0) & (out < 1)).all()


@given(slope=st.floats(0, 3), steep=steeps, more=st.floats(0.1, 10))
def test_ground_that_counts_as_steep_later_is_less_exposed(
    slope: float, steep: float, more: float
) -> None:
    assert exposure(np.array([slope]), steep + more) < exposure(np.array([slope]), steep)


@given(steep=steeps, off=st.floats(0, 15))
def test_exposure_is_one_half_at_the_steep_slope_and_symmetric_about_it(
    steep: float, off: float
) -> None:
    slopes = np.array([tan(radians(steep + each)) for each in (-off, 0.0, off)])
    low, half, high = exposure(slopes, steep)
    assert half == pytest.approx(0.5)
    assert low + high == pytest.approx(1)


def test_exposure_rises_from_a_tenth_to_nine_tenths_over_fifteen_degrees() -> None:
    slopes = np.array([tan(radians(35 - 7.5)), tan(radians(35 + 7.5))])
    assert exposure(slopes, 35) == pytest.approx([0.1, 0.9], abs=1e-3)
    assert degrees(atan(slopes[1])) == pytest.approx(42.5)


# ---------------------------------------------------------------- a valley to judge


def ground(z: NDArray[np.float64]) -> Terrain:
    """Put levels on cells of 50 m whose south-west corner is (0, 0)."""
    transform = Affine(CELL, 0.0, 0.0, 0.0, -CELL, z.shape[0] * CELL)
    return Terrain(z.astype(np.float32), transform, CRS.from_epsg(32643), "test", 1.0)


def slope_with_gullies(steep: float = 0.8, side: float = 0.6) -> Terrain:
    """Slope that rises to the north from y = 2,000 m, with a gully at 25 m of each kilometre."""
    rows, cols = np.mgrid[0:120, 0:160]
    y = (120 - rows - 0.5) * CELL
    x = (cols + 0.5) * CELL
    from_axis = np.abs((x - 25 + 500) % 1000 - 500)
    spur = side * from_axis * np.clip((y - 2000) / 500, 0, 1)
    return ground(1000 + steep * np.maximum(y - 2000, 0) + 0.02 * y + spur)


LAYERS: dict[str, list[Any]] = {
    "rivers": [LineString([(0, 1900), (3000, 1900), (5000, 2050), (8000, 1800)])],
    "landslides": [Point(2500, 2100), Point(6000, 2500)],
    "faults": [LineString([(4000, 0), (4300, 6000)])],
    "lakes": [Point(3020, 5000)],
}
COLUMNS = {
    "rivers": {"river", "river_distance"},
    "landslides": {"landslide"},
    "faults": {"fault"},
    "lakes": {"lake"},
}
JUDGED = {"susceptibility", "score", "grade", "closures", "days", "missing"}


@cache
def scene(missing: str = "") -> Scene:
    """Survey the slope with all layers but one."""
    given_layers = {name: layer for name, layer in LAYERS.items() if name != missing}
    return survey(slope_with_gullies(), **given_layers, rules=RULES)


def road(
    bends: tuple[float, ...] = (0.0,), length: float = 6000.0, up: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lay a road along the foot of the slope that swings to and fro."""
    x = np.linspace(1000, 1000 + length, 241)
    swing = sum(b * np.sin((k + 1) * np.pi * (x - 1000) / length) for k, b in enumerate(bends))
    y = 2100 + swing
    return x, y, slope_with_gullies().sample(x, y) + up


roads = st.lists(st.floats(-60, 60), min_size=1, max_size=3).map(tuple)
forms = st.lists(st.sampled_from([OPEN, BRIDGE, TUNNEL]), min_size=6, max_size=6).map(
    lambda each: np.repeat(each, 40)
)


def same(one: Along, other: Along, without: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    for each in fields(Along):
        if each.name in without:
            continue
        a, b = getattr(one, each.name), getattr(other, each.name)
        if isinstance(a, tuple):
            assert a == b
        else:
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=each.name)


@given(bends=roads, form=forms)
def test_a_road_from_its_other_end_has_the_same_pieces_in_reverse(
    bends: tuple[float, ...], form: NDArray[np.int64]
) -> None:
    x, y, level = road(bends)
    there = along(scene(), x, y, level, form=form)
    back = along(scene(), x[::-1], y[::-1], level[::-1], form=form[::-1])
    total = there.end[-1]
    turned = back.where(np.arange(len(back.start))[::-1])  # type: ignore[arg-type]
    same(there, replace(turned, start=total - turned.end, end=total - turned.start))


@given(bends=roads)
def test_pieces_cover_the_road_without_gap_and_near_the_length_asked_for(
    bends: tuple[float, ...],
) -> None:
    x, y, level = road(bends)
    got = along(scene(), x, y, level)
    assert got.length.sum() == pytest.approx(np.hypot(np.diff(x), np.diff(y)).sum())
    np.testing.assert_allclose(got.start[1:], got.end[:-1])
    np.testing.assert_allclose(got.length, RULES.piece_m, rtol=0.02)
    assert got.share.sum(axis=1) == pytest.approx(1)


def test_slopes_above_and_below_are_those_of_a_plane() -> None:
    rows, _ = np.mgrid[0:60, 0:60]
    plane = survey(ground(1000 + 0.6 * CELL * (60 - rows)), rules=RULES)
    x = np.linspace(600, 2400, 50)
    got = along(plane, x, np.full(50, 1500.0), np.full(50, 1030.0))
    assert got.slope_above == pytest.approx(0.6, rel=1e-4)
    assert got.slope_below == pytest.approx(0.6, rel=1e-4)
    up = along(plane, np.full(50, 1500.0), x, np.full(50, 1030.0))
    assert up.slope_above == pytest.approx(0, abs=1e-4)


def test_each_gully_is_crossed_once_and_its_catchment_is_known() -> None:
    got = along(scene(), *road())
    gullies = np.flatnonzero(got.gully >= 0)
    large = got.catchment > 1e6
    assert np.round(got.x[large], -3).tolist() == [1000 * k for k in range(1, 7)]
    # a strip of a kilometre by 3.9 km runs through each, but for what the foot of the spurs keeps
    assert got.catchment[large] == pytest.approx(3.9e6, rel=0.15)
    assert (got.catchment[gullies] >= RULES.gully_least_m2).all()
    assert (got.catchment[got.gully < 0] == 0).all()
    assert got.steepness[large] == pytest.approx(0.82, rel=0.05)


@given(bends=roads)
def test_a_tunnel_has_no_hazard_of_the_surface(bends: tuple[float, ...]) -> None:
    x, y, level = road(bends)
    got = along(scene(), x, y, level, form=np.full(len(x) - 1, TUNNEL))
    assert (got.score == 0).all()
    assert (got.closures == 0).all()
    assert (got.grade == 1).all()
    assert (got.gully == -1).all()
    assert closed_days(got, RULES) == 0


@given(bends=roads, form=forms)
def test_a_structure_in_place_of_open_road_never_adds_closures(
    bends: tuple[float, ...], form: NDArray[np.int64]
) -> None:
    x, y, level = road(bends)
    bare = along(scene(), x, y, level).closures
    assert (along(scene(), x, y, level, form=form).closures <= bare + 1e-12).all()


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_a_missing_layer_is_named_and_changes_only_its_own_columns(layer: str) -> None:
    whole, less = (along(scene(missing), *road()) for missing in ("", layer))
    assert whole.missing == ()
    assert less.missing == (layer,)
    same(whole, less, COLUMNS[layer] | JUDGED)
    for name in COLUMNS[layer]:
        assert np.isfinite(getattr(whole, name)).any()
        assert np.isnan(getattr(less, name)).all()


def test_without_rivers_and_lakes_nothing_is_said_of_the_river() -> None:
    bare = along(survey(slope_with_gullies(), rules=RULES), *road())
    assert bare.missing == hazard.LAYERS
    assert np.isnan(bare.score[:, RIVER]).all()
    assert np.isnan(bare.closures[:, RIVER]).all()
    known = [SLIDE, DEBRIS, AVALANCHE, SNOW]
    assert np.isfinite(bare.score[:, known]).all()
    assert np.isfinite(open_by_month(bare, RULES)).all()


def test_an_empty_layer_is_known_to_hold_nothing() -> None:
    empty: dict[str, list[Any]] = {name: [] for name in LAYERS}
    got = along(survey(slope_with_gullies(), **empty, rules=RULES), *road())
    assert got.missing == ()
    assert np.isinf(got.fault).all()
    assert np.isinf(got.landslide).all()
    assert np.isinf(got.lake).all()
    assert (got.river == 0).all()
    assert (got.score[:, RIVER] == 0).all()


def test_mapped_landslides_are_no_part_of_what_is_tested_against_them() -> None:
    whole, less = (along(scene(missing), *road()) for missing in ("", "landslides"))
    np.testing.assert_array_equal(whole.susceptibility, less.susceptibility)
    assert (whole.score[:, SLIDE] >= less.score[:, SLIDE]).all()
    assert whole.score[:, SLIDE].sum() > less.score[:, SLIDE].sum()


@given(steep=st.floats(0.2, 1.2), more=st.floats(0.02, 0.5))
def test_slides_grow_with_the_slope(steep: float, more: float) -> None:
    x = np.linspace(600, 2400, 50)
    rows, _ = np.mgrid[0:60, 0:60]
    less, much = (
        along(survey(ground(1000 + s * CELL * (60 - rows))), x, np.full(50, 1500.0), x).score
        for s in (steep, steep + more)
    )
    assert (much[:, SLIDE] > less[:, SLIDE]).all()


catchments = st.floats(1e4, 1e7)


@given(area=catchments, more=st.floats(1.0, 3.0), grade=st.floats(0, 0.5), up=st.floats(0, 0.3))
def test_debris_grows_with_catchment_and_steepness(
    area: float, more: float, grade: float, up: float
) -> None:
    got = along(scene(), *road())
    n = len(got.start)

    def score(catchment: float, steepness: float) -> float:
        one = replace(got, catchment=np.full(n, catchment), steepness=np.full(n, steepness))
        return float(_scored(one, np.zeros(n), RULES).score[0, DEBRIS])

    base = score(area, grade)
    assert 0 <= base <= 1
    assert score(area * more, grade) >= base
    assert score(area, grade + up) >= base


@given(line=st.floats(900, 3000), lower=st.floats(1, 1000))
def test_a_lower_snow_line_never_lowers_a_score(line: float, lower: float) -> None:
    small = slope_with_gullies().window(1000, 1500, 3000, 5000)
    x = np.linspace(1300, 2700, 30)
    high, low = (
        along(survey(small, rules=Rules(snow_line_m=each)), x, np.full(30, 2100.0), x)
        for each in (line, line - lower)
    )
    assert (low.score[:, (AVALANCHE, SNOW)] >= high.score[:, (AVALANCHE, SNOW)]).all()


def test_the_outer_side_of_a_bend_is_attacked_more_than_the_inner() -> None:
    turn = np.linspace(0, np.pi, 60)
    bend = LineString(np.column_stack((2000 + 600 * np.cos(turn), 1000 + 600 * np.sin(turn))))
    flat = survey(ground(np.full((60, 80), 1000.0)), rivers=[bend], rules=RULES)
    mid = np.linspace(1.2, 1.9, 30)
    outer, inner = (
        along(
            flat, 2000 + r * np.cos(mid), 1000 + r * np.sin(mid), np.full(30, 1001.0)
        ).river.mean()
        for r in (650.0, 550.0)
    )
    assert outer > 2 * inner
    backwards = survey(ground(np.full((60, 80), 1000.0)), rivers=[bend.reverse()], rules=RULES)
    again = along(
        backwards, 2000 + 650 * np.cos(mid), 1000 + 650 * np.sin(mid), np.full(30, 1001.0)
    )
    assert again.river.mean() == pytest.approx(outer, rel=1e-6)


def test_an_outburst_follows_the_water_and_stays_low() -> None:
    x, y, level = road()
    low, high = (along(scene(), x, y, level + up).lake for up in (0.0, 100.0))
    hit = np.flatnonzero(np.isfinite(low))
    assert len(hit)
    # from y = 5,000 m down to the road at 2,100 m
    assert low[hit].min() == pytest.approx(2900, rel=0.15)
    assert np.isinf(high).all()


def test_roads_that_make_no_sense_are_refused() -> None:
    x, y, level = road()
    with pytest.raises(GeometryError, match="one length"):
        along(scene(), x, y[:-1], level)
    with pytest.raises(GeometryError, match="form less"):
        along(scene(), x, y, level, form=np.zeros(len(x)))
    with pytest.raises(GeometryError, match="rise"):
        along(scene(), x, y, level, station=np.zeros(len(x)))
    with pytest.raises(GeometryError, match="known"):
        along(scene(), x + 5000, y, level)


# ---------------------------------------------------------------- an open road


@given(bends=roads, cut=st.integers(0, 60), form=forms)
def test_parts_in_series_multiply(
    bends: tuple[float, ...], cut: int, form: NDArray[np.int64]
) -> None:
    got = along(scene(), *road(bends), form=form)
    first = np.arange(len(got.start)) < cut
    chance = open_by_month(got, RULES)
    assert ((chance > 0) & (chance <= 1)).all()
    parts = [open_by_month(got.where(part), RULES) for part in (first, ~first)]
    assert parts[0] * parts[1] == pytest.approx(chance)


def test_one_closure_a_year_of_a_day_closes_as_poisson_says() -> None:
    even = tuple(m / YEAR for m in MONTH_DAYS)
    one = along(scene(), *road()).where(np.arange(60) == 0)
    kind = Kind(rate=1.0, days=5.0, months=even)
    rules = RULES.model_copy(update=dict.fromkeys(KINDS, kind))
    closures = np.array([[2.0, 0, 0, 1.0, 0]])
    got = replace(one, closures=closures, days=closures * 5)
    assert open_by_month(got, rules) == pytest.approx(exp(-15 / YEAR))
    assert closed_days(got, rules) == pytest.approx(YEAR * (1 - exp(-15 / YEAR)))


def test_closures_simulated_day_by_day_leave_the_road_open_as_often() -> None:
    draw = np.random.default_rng(7)
    rate, mean, years = 12.0, 6.0, 4000
    for lasts in (
        lambda n: draw.exponential(mean, n),
        lambda n: np.full(n, mean),
    ):
        begin = np.sort(draw.uniform(0, YEAR * years, draw.poisson(rate * years)))
        end = np.maximum.accumulate(begin + lasts(len(begin)))
        closed = (
            np.minimum(end, np.append(begin[1:], YEAR * years)) - begin
        )  # until the next begins
        chance = 1 - closed.sum() / (YEAR * years)
        assert chance == pytest.approx(exp(-rate * mean / YEAR), abs=0.005)


masks = st.lists(st.booleans(), min_size=60, max_size=60).map(np.array)


@given(bends=roads, form=forms, built=st.dictionaries(st.sampled_from(PROTECTIONS), masks))
def test_a_protection_never_adds_closures(
    bends: tuple[float, ...], form: NDArray[np.int64], built: dict[str, NDArray[np.bool_]]
) -> None:
    got = along(scene(), *road(bends), form=form)
    built = {name: np.resize(mask, got.start.shape) for name, mask in built.items()}
    for bare, kept in zip(left(got, RULES), left(got, RULES, built), strict=True):
        assert (kept <= bare).all()
        untouched = ~np.any([*built.values(), np.zeros(len(bare), bool)], axis=0)
        np.testing.assert_array_equal(kept[untouched], bare[untouched])
    assert (open_by_month(got, RULES, built) >= open_by_month(got, RULES)).all()


def test_each_protection_helps_against_what_it_is_for() -> None:
    got = along(scene(), *road())
    everywhere = np.ones(len(got.start), bool)
    bare = left(got, RULES)[1].sum(axis=0)
    for name, kinds in (("gallery", (SLIDE, AVALANCHE)), ("bridge", (DEBRIS,))):
        kept = left(got, RULES, {name: everywhere})[1].sum(axis=0)
        assert (kept[list(kinds)] < bare[list(kinds)]).all()
    with pytest.raises(GeometryError, match="'roof'"):
        left(got, RULES, {"roof": everywhere})
    with pytest.raises(GeometryError, match="gallery"):
        left(got, RULES, {"gallery": everywhere[:-1]})


# ---------------------------------------------------------------- evidence

scores = st.lists(st.integers(0, 6), min_size=2, max_size=30).map(lambda s: np.array(s) / 6)


@given(score=scores, data=st.data())
def test_the_area_is_the_part_of_pairs_in_the_right_order(
    score: NDArray[np.float64], data: st.DataObject
) -> None:
    hit = np.array(data.draw(st.lists(st.booleans(), min_size=len(score), max_size=len(score))))
    if hit.all() or not hit.any():
        with pytest.raises(InputError, match="places hit"):
            receiver(score, hit)
        return
    wins = [(a > b) + 0.5 * (a == b) for a in score[hit] for b in score[~hit]]
    got = receiver(score, hit)
    assert got.area == pytest.approx(np.mean(wins))
    # the area under the points of the curve by trapezia is the same
    under = (np.diff(got.false) * (got.true[1:] + got.true[:-1]) / 2).sum()
    assert under == pytest.approx(got.area)
    assert got.false[0] == got.true[0] == 0
    assert got.false[-1] == got.true[-1] == 1
    assert 0 <= got.low <= got.high <= 1
    assert got.points == got.places == hit.sum()
    other = receiver(score, ~hit)
    assert other.area == pytest.approx(1 - got.area)


def test_the_interval_is_that_of_events_and_not_of_places() -> None:
    draw = np.random.default_rng(3)
    event = np.repeat(np.arange(8), 20)
    score = np.concatenate((draw.normal(0.5, 1, 8)[event], draw.normal(0, 1, 400)))
    hit = np.arange(560) < 160
    group = np.concatenate((event, 100 + np.arange(400) // 10))
    events, places = receiver(score, hit, group=group), receiver(score, hit)
    assert events.area == pytest.approx(places.area)
    assert events.points == 8
    assert events.places == 160
    assert events.high - events.low > 2 * (places.high - places.low)
    assert events.low < events.area < events.high


def test_a_score_that_knows_nothing_has_an_interval_with_one_half_in_it() -> None:
    draw = np.random.default_rng(11)
    inside = 0
    for seed in range(40):
        got = receiver(draw.uniform(size=300), np.arange(300) < 30, seed=seed)
        inside += got.low <= 0.5 <= got.high
    assert inside >= 31  # 36 are expected of an interval of 90 %


def test_pieces_belong_to_the_nearest_event_within_reach() -> None:
    got = along(scene(), *road())
    points = np.array([(2000.0, 2100.0), (2600.0, 2100.0)])
    event = near(got, points, within=400)
    far = np.hypot(got.x[:, None] - points[:, 0], got.y[:, None] - points[:, 1])
    np.testing.assert_array_equal(event >= 0, far.min(axis=1) <= 400)
    np.testing.assert_array_equal(event[event >= 0], far.argmin(axis=1)[event >= 0])
    assert (near(got, np.zeros((0, 2)), within=400) == -1).all()


@given(steep=st.floats(0.1, 1.2), turned=st.booleans())
def test_a_place_off_the_road_is_judged_as_a_road_along_the_contour(
    *, steep: float, turned: bool
) -> None:
    rows, cols = np.mgrid[0:60, 0:60]
    plane = survey(ground(1000 + steep * CELL * (cols if turned else 60 - rows)))
    x, y = np.full(2, 1500.0), np.array([1450.0, 1550.0])
    if turned:
        road_along = along(plane, x, y, np.full(2, 1000.0))
    else:
        road_along = along(plane, y, x, np.full(2, 1000.0))
    got = at_places(plane, np.array([1500.0, -900.0]), np.array([1500.0, 1500.0]))
    assert got[0] == pytest.approx(road_along.susceptibility[0], rel=1e-6)
    assert np.isnan(got[1])


counts = st.one_of(st.just(0.0), st.floats(0.1, 60))


@given(years=st.floats(0.5, 30), slide=counts, debris=counts, river=counts)
def test_rates_are_scaled_to_what_is_recorded(
    years: float, slide: float, debris: float, river: float
) -> None:
    recorded = Recorded(years=years, slide=slide, debris=debris, river=river)
    rules = RULES.model_copy(update={"recorded": recorded})
    got = along(scene(), *road())
    fit = calibrated(got, rules)
    again = rated(got, fit.rules).closures.sum(axis=0)
    assert again == pytest.approx(fit.after)
    assert got.closures.sum(axis=0) == pytest.approx(fit.before)
    for number, count in ((SLIDE, slide), (DEBRIS, debris), (RIVER, river)):
        if count > 0:
            assert fit.after[number] == pytest.approx(count / years)
            assert fit.low[number] <= count / years <= fit.high[number]
        else:
            assert fit.after[number] <= fit.before[number]
            assert fit.after[number] <= 0.5 / years + 1e-12


def test_rates_and_scores_of_a_calibrated_road_stay_apart() -> None:
    got = along(scene(), *road())
    fit = calibrated([got.where(got.start < 3000), got.where(got.start >= 3000)], RULES)
    one = calibrated(got, RULES)
    assert fit.after == pytest.approx(one.after)
    same(rated(got, fit.rules), got, {"closures", "days"})


def test_rules_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="months add up"):
        Kind(rate=1, days=1, months=(0.1,) * 12)
    with pytest.raises(ValidationError, match="release_deg"):
        Rules(release_deg=(30, 45, 34, 50))
    with pytest.raises(ValidationError, match="gully"):
        Rules(gully_least_m2=1e7)
    for kind in Rules().kinds:
        assert sum(kind.months) == pytest.approx(1)


def test_every_assumption_of_the_rules_names_its_reason() -> None:
    for table in (Rules(), Recorded()):
        assert all(text.split(":")[1].strip() for text in table.sources.values())


# ---------------------------------------------------------------- the real inputs


@pytest.mark.real
@pytest.mark.slow
def test_the_real_highway_is_judged_in_time_and_its_score_tells_little(real_inputs: Path) -> None:
    import geopandas as gpd

    land = terrain.read(real_inputs / "dem.tif", crs=None, datum="test", sigma=6.0)

    def layer(name: str) -> list[Any]:
        return list(gpd.read_file(real_inputs / f"{name}.geojson").to_crs(land.crs).geometry)

    line = highway.read(real_inputs / "highway.geojson", crs=land.crs)
    kkh = highway.on_ground(
        line, land, highway.Existing(name="KKH", start_name="Thakot", end_name="Raikot")
    )
    x, y = kkh.at(kkh.station).T
    landslides = layer("landslides")
    given_layers = {"rivers": layer("rivers"), "faults": layer("faults")}
    began = perf_counter()
    region = survey(land, **given_layers, landslides=landslides, lakes=layer("glof_lakes"))
    assert perf_counter() - began < 30
    got = along(region, x, y, kkh.level, station=kkh.station)
    began = perf_counter()
    got = along(region, x, y, kkh.level, station=kkh.station)
    assert perf_counter() - began < 1
    assert region.missing == ()
    fit = calibrated(got, region.rules)
    assert fit.after[SLIDE] == pytest.approx(8 / 4.05)
    # all but a few of the 39 landslides lie far from the road, and those are placed to km only
    points = np.array([(each.x, each.y) for each in landslides])
    event = near(got, points, within=500)
    block = 1000 + (got.start // 1000).astype(np.int64)
    tested = receiver(got.susceptibility, event >= 0, group=np.where(event >= 0, event, block))
    assert tested.points < 15
    assert tested.low < 0.72
    # all landslides against random places of the region
    left_edge, bottom, right, top = land.bounds
    draw = np.random.default_rng(5)
    x = np.append(points[:, 0], draw.uniform(left_edge, right, 1000))
    y = np.append(points[:, 1], draw.uniform(bottom, top, 1000))
    score = at_places(region, x, y)
    hit, known = np.arange(len(x)) < len(points), np.isfinite(score)
    everywhere = receiver(score[known], hit[known])
    assert everywhere.points > 30
    assert everywhere.low < 0.72
    shown = [round(each, 2) for each in (tested.area, everywhere.area)]
    assert all(0.4 < each < 0.7 for each in shown)
