"""Laws of the lake: what it covers, what it holds, what stays dry, and what cannot be dammed."""

import datetime as dt
import math
import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import oracles
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from pyproj import CRS, Transformer
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon

from realign import reservoir
from realign.errors import InputError
from realign.reservoir import Comparison, Dam, Reservoir, fill, read_extent
from realign.terrain import Terrain, read

UTM = CRS.from_epsg(32643)
LEFT, TOP = 400_000.0, 3_930_000.0
CELL = 30.0
BED, GRADE, SIDE = 900.0, 0.02, 0.2  # of the valley below: level at the axis, rises per metre
AXIS = 60  # row of the axis, counted from the south
ROWS, COLS = 200, 121
FULL, CREST = 940.0, 945.0

Array = NDArray[np.float64]


def plane(rows: int = ROWS, cols: int = COLS) -> tuple[Array, Array]:
    """Distance of each cell centre east of the middle column and north of the axis [m]."""
    east = (np.arange(cols) - cols // 2) * CELL
    north = (rows - 1 - np.arange(rows) - AXIS) * CELL
    return np.meshgrid(east, north)


def valley(rows: int = ROWS, cols: int = COLS, grade: float = GRADE) -> Array:
    """Make a straight V valley that rises to the north; its walls rise 0.2 m/m."""
    east, north = plane(rows, cols)
    return np.asarray(BED + grade * north + SIDE * np.abs(east))


def terrain(z: Array) -> Terrain:
    transform = Affine(CELL, 0.0, LEFT, 0.0, -CELL, TOP)
    return Terrain(z.astype(np.float32), transform, UTM, "test", 1.0)


def at(ground: Terrain, east: float, north: float) -> tuple[float, float]:
    """Point so far east of the middle of the valley and north of the axis [m]."""
    rows, cols = ground.shape
    return LEFT + (cols // 2 + 0.5) * CELL + east, TOP - (rows - 0.5 - AXIS) * CELL + north


def river(ground: Terrain, *points: tuple[float, float]) -> gpd.GeoDataFrame:
    """Make one line through points (east, north); drawn downstream through the valley if none."""
    south, north = -AXIS * CELL, (ground.shape[0] - 1 - AXIS) * CELL
    line = LineString([at(ground, *point) for point in points or ((0, north), (0, south))])
    return gpd.GeoDataFrame({"name": ["Indus"]}, geometry=[line], crs=UTM)


def dam(ground: Terrain, east: float = 0, north: float = 0, **changed: object) -> Dam:
    back = Transformer.from_crs(UTM, CRS.from_epsg(4326), always_xy=True)
    lon, lat = back.transform(*at(ground, east, north))
    values: dict[str, object] = {
        "name": "Test",
        "lon": lon,
        "lat": lat,
        "full_level_m": FULL,
        "minimum_level_m": 915.0,
        "crest_level_m": CREST,
        "stages": [
            {"name": "half", "level_m": 920.0, "date": "2030-07-01"},
            {"name": "full", "level_m": FULL, "date": "2032-07-01"},
        ],
    }
    return Dam.model_validate(values | changed)


def filled(z: Array, **changed: object) -> Reservoir:
    ground = terrain(z)
    return fill(ground, dam(ground, **changed), river(ground))


def everywhere(lake: Reservoir, shape: tuple[int, int]) -> Array:
    """Levels at which water comes, over the whole terrain."""
    rises = np.full(shape, np.inf)
    r0, r1, c0, c1 = lake.window
    rises[r0:r1, c0:c1] = lake.rises
    return rises


# ---------------------------------------------------------------- closed forms


def test_a_lake_in_an_inclined_v_valley_has_the_area_volume_and_length_of_the_formula() -> None:
    lake = filled(valley())
    depth = FULL - BED
    assert lake.full.area == pytest.approx(depth**2 / (GRADE * SIDE), rel=0.04)
    assert lake.full.volume == pytest.approx(depth**3 / (3 * GRADE * SIDE), rel=0.04)
    assert lake.river_length == pytest.approx(depth / GRADE, abs=2 * CELL)
    assert lake.bed == pytest.approx(BED, abs=GRADE * CELL)
    live = (depth**3 - (915 - BED) ** 3) / (3 * GRADE * SIDE)
    assert lake.live_volume == pytest.approx(live, rel=0.04)


def test_a_cone_holds_pi_r2_h_over_3() -> None:
    r, c = np.mgrid[:301, :301] - 150.0
    slope, height = 0.02, 60.0
    z = (slope * CELL * np.hypot(r, c)).astype(np.float32)
    rises, _, _ = reservoir._spread(z, np.zeros(z.shape, np.uint8), (150, 150), 1e9)
    flood = reservoir._Flood((0, 0, 0, 0), Affine(CELL, 0, 0, 0, -CELL, 0), z, rises, 0, 0, (0, 0))
    ground = terrain(valley())
    storage = reservoir._Storage.of(flood, dam(ground))
    radius = height / slope
    assert storage.area(height) == pytest.approx(math.pi * radius**2, rel=0.01)
    assert storage.volume(height) == pytest.approx(math.pi * radius**2 * height / 3, rel=0.01)


def test_a_wall_through_the_apex_of_a_cone_holds_half_of_it() -> None:
    east, north = plane(241, 241)
    z = 900 + 0.04 * np.hypot(east, north - 60 * CELL)
    lake = fill(terrain(z), dam(terrain(z), north=60 * CELL), river(terrain(z)))
    radius = 40 / 0.04
    half = math.pi * radius**2 * 40 / 6
    assert lake.full.volume == pytest.approx(half, rel=0.05)
    # the bed rises both ways alike, so the river as drawn says that upstream is in the north
    assert not lake.mask(FULL)[-1].any() or lake.window[1] <= 241 - 2 * AXIS


def test_the_wall_ends_at_the_first_ground_above_the_crest() -> None:
    lake = filled(valley())
    half = (CREST - BED) / SIDE
    assert lake.wall.length == pytest.approx(2 * half, abs=2 * CELL)
    assert lake.wall.length > 2 * half
    (x0, y0), (x1, y1) = lake.wall.coords
    assert y0 == pytest.approx(y1, abs=0.01)
    assert (x0 + x1) / 2 == pytest.approx(lake.axis[0], abs=CELL)


# ---------------------------------------------------------------- laws of a lake


@st.composite
def rough(draw: st.DrawFn) -> Array:
    """Make the valley with bumps and hollows of up to 12 m in its bed and on its sides."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    east, _ = plane(130, 101)
    return np.asarray(valley(130, 101) + rng.uniform(0, draw(st.floats(0, 12)), east.shape))


@settings(deadline=None)
@given(rough())
def test_area_and_volume_grow_with_level_and_volume_is_at_least_the_integral_of_area(
    z: Array,
) -> None:
    lake = filled(z)
    area, volume, step = lake.curve_area, lake.curve_volume, np.diff(lake.curve_level)
    assert (np.diff(area) >= 0).all()
    # what is under water stays so; hollows behind sills come on top when they are reached
    assert (np.diff(volume) >= area[:-1] * step - 1e-3).all()
    for lower, upper in ((905.0, 912.0), (912.0, 912.1), (912.1, FULL)):
        assert not (lake.mask(lower) & ~lake.mask(upper)).any()


def test_volume_is_the_integral_of_area_where_there_are_no_hollows() -> None:
    lake = filled(valley())
    area, volume, step = lake.curve_area, lake.curve_volume, np.diff(lake.curve_level)
    assert (np.diff(volume) >= area[:-1] * step - 1e-3).all()
    assert (np.diff(volume) <= area[1:] * step + 1e-3).all()
    assert volume[-1] == pytest.approx(lake.full.volume)
    assert area[-1] == pytest.approx(lake.full.area)
    assert {915.0, 920.0, FULL} <= set(lake.curve_level.tolist())
    assert lake.curve_level[0] == lake.bed
    assert step.max() <= 5.0


@settings(deadline=None)
@given(rough(), st.floats(901, FULL))
def test_the_lake_is_what_a_breadth_first_flood_finds(z: Array, level: float) -> None:
    ground = terrain(z)
    lake = filled(z)
    row = ground.shape[0] - 2 - AXIS  # just upstream of the wall
    start = (row, int(np.argmin(ground.z[row])))
    r0, _, c0, _ = lake.window
    blocked = np.zeros(ground.shape, bool)
    blocked[ground.shape[0] - 1 - AXIS :] = True  # the wall, and all below it
    wet = oracles.flooded(ground.z.tolist(), blocked.tolist(), start, level)
    assert {(int(r) + r0, int(c) + c0) for r, c in np.argwhere(lake.mask(level))} == wet


GROUNDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(deadline=None)
@given(rng=GROUNDS, level=st.integers(-1, 8), plain=st.booleans())
def test_the_spread_is_the_breadth_first_flood_at_every_level(
    *, rng: np.random.Generator, level: int, plain: bool
) -> None:
    z = rng.integers(0, 8, (9, 11)).astype(np.float32)
    z[rng.random(z.shape) < 0.1] = np.nan
    barrier = (rng.random(z.shape) < 0.2).astype(np.uint8)
    z[4, 5], barrier[4, 5] = 0, 0
    spread = reservoir._spread.py_func if plain else reservoir._spread
    rises, sides, bypass = spread(z, barrier, (4, 5), 7.0)
    wet = oracles.flooded(z.tolist(), (barrier == 1).tolist(), (4, 5), level)
    assert {(int(r), int(c)) for r, c in np.argwhere(rises <= level)} == wet
    ever = np.isfinite(rises)
    assert list(sides) == [ever[0].any(), ever[-1].any(), ever[:, 0].any(), ever[:, -1].any()]
    assert bypass == np.inf


@settings(deadline=None)
@given(rng=GROUNDS, plain=st.booleans())
def test_the_spread_ends_at_the_lowest_level_at_which_water_comes_below_the_wall(
    *, rng: np.random.Generator, plain: bool
) -> None:
    z = rng.integers(0, 8, (7, 8)).astype(np.float32)
    barrier = rng.choice(np.array([0, 1, 2], np.uint8), z.shape, p=[0.7, 0.2, 0.1])
    z[3, 4], barrier[3, 4] = 0, 0
    spread = reservoir._spread.py_func if plain else reservoir._spread
    rises, _, bypass = spread(z, barrier, (3, 4), 9.0)
    for level in range(8):
        wet = oracles.flooded(z.tolist(), (barrier == 1).tolist(), (3, 4), level)
        assert (bypass <= level) == any(barrier[cell] == 2 for cell in wet)
        if level < bypass:
            assert {(int(r), int(c)) for r, c in np.argwhere(rises <= level)} == wet


@settings(deadline=None)
@given(rng=GROUNDS, plain=st.booleans())
def test_the_length_on_water_is_that_of_the_longest_shortest_way(
    *, rng: np.random.Generator, plain: bool
) -> None:
    water = rng.random((9, 12)) < 0.7
    water[4, 5] = True
    reach = reservoir._reach.py_func if plain else reservoir._reach
    assert reach(water, (4, 5)) == pytest.approx(oracles.longest_way(water.tolist(), (4, 5)))


@settings(deadline=None)
@given(rough())
def test_nothing_below_the_dam_is_reached_at_any_level(z: Array) -> None:
    ground = terrain(z)
    lake = filled(z)
    inside = everywhere(lake, ground.shape)
    east, north = plane(*ground.shape)
    assert np.isinf(inside[(north <= 0) & (np.abs(east) < 450)]).all()
    # past the ends of the line that holds levels above the crest, where the ground is rough
    assert (inside[north <= 0] > CREST + 45).all()
    assert lake.ceiling > CREST + 45
    below = [at(ground, east, -1.0 * CELL) for east in range(-200, 201, 10)]
    assert np.isinf(lake.reaches(*np.array(below).T)).all()


def test_a_slanting_wall_lets_nothing_through() -> None:
    for turn in np.linspace(0.1, math.pi / 2 - 0.1, 7):
        east, north = plane(200, 200)
        along, across = np.array(
            [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]
        ) @ (np.array([east.ravel(), north.ravel() - 1200]))
        z = (BED + GRADE * along + SIDE * np.abs(across)).reshape(east.shape)
        ground = terrain(z)
        line = [(k * math.cos(turn), 1200 + k * math.sin(turn)) for k in (1500, -1500)]
        lake = fill(ground, dam(ground, north=1200), river(ground, *line))
        inside = everywhere(lake, ground.shape).ravel()
        assert np.isinf(inside[along < -CELL]).all()
        points = [
            (k * math.cos(turn), 1200 + k * math.sin(turn)) for k in (-1.5 * CELL, 1.5 * CELL)
        ]
        levels = lake.reaches(*np.array([at(ground, *point) for point in points]).T)
        assert np.isinf(levels[0])
        assert levels[1] < BED + 10


def test_a_hollow_behind_a_sill_stays_dry_until_the_sill_is_under_water() -> None:
    east, north = plane()
    z = valley()
    side_valley = (east > 200) & (east < 500) & (np.abs(north - 800) < 100)
    z[side_valley] = 905.0  # lower than the sill beside the lake, which is the slope at 930 m
    z[(np.abs(north - 800) < 100) & (east >= 60) & (east <= 200)] = 930.0
    lake = filled(z)
    hollow = at(terrain(z), 350, 800)
    assert lake.reaches(*hollow) == 930.0
    assert not shapely.intersects(lake.lakes[0].polygon, Point(hollow))
    assert shapely.intersects(lake.full.polygon, Point(hollow))


def test_a_dry_hollow_behind_an_island_leaves_a_hole_in_the_lake() -> None:
    east, north = plane()
    z = valley()
    z[(np.abs(east) < 20) & (np.abs(north - 600) < 20)] = 990.0
    lake = filled(z)
    assert len(lake.full.polygon.interiors) == 1
    assert lake.full.polygon.area == pytest.approx(lake.full.area)


def test_each_stage_has_a_valid_polygon_of_its_area_and_the_last_is_the_full_lake() -> None:
    lake = filled(valley())
    assert [each.stage.name for each in lake.lakes] == ["half", "full"]
    assert lake.full is lake.lakes[-1]
    for each in lake.lakes:
        assert each.polygon.is_valid
        assert each.polygon.area == pytest.approx(each.area)
        assert each.area == lake.mask(each.stage.level_m).sum() * CELL**2
    assert lake.full.polygon.contains(lake.lakes[0].polygon.representative_point())


def test_a_stage_below_the_bed_is_an_empty_lake_and_full_need_not_be_a_stage() -> None:
    stages = [
        {"name": "diverted", "level_m": 890.0, "date": "2027-01-01"},
        {"name": "partial", "level_m": 920.0, "date": "2030-01-01"},
    ]
    lake = filled(valley(), stages=stages)
    assert lake.lakes[0].polygon.is_empty
    assert lake.lakes[0].area == lake.lakes[0].volume == 0
    assert lake.full.stage.level_m == FULL
    assert lake.full.stage.date == dt.date(2030, 1, 1)
    assert lake.full.area > lake.lakes[1].area


def test_water_reaches_points_beside_it_and_none_outside() -> None:
    lake = filled(valley())
    ground = terrain(valley())
    spots = np.array([at(ground, 0, 500), at(ground, 60, 500), at(ground, 1e6, 0)])
    level = lake.reaches(spots[:, 0], spots[:, 1])
    # the lowest of nine cells, which is one cell down the valley and one nearer to the river
    assert level[0] == pytest.approx(BED + GRADE * 470, abs=1)
    assert level[1] == pytest.approx(BED + GRADE * 470 + SIDE * 30, abs=1)
    assert level[2] == np.inf
    assert lake.reaches(*at(ground, 0, 500)).shape == ()


def test_the_window_grows_with_the_lake_and_no_further() -> None:
    flat = valley(700, COLS, grade=0.002)  # a lake of 20 km in rows of 21 km, first window 4 km
    ground = terrain(flat)
    lake = fill(
        ground, dam(ground, full_level_m=930.0, crest_level_m=931.0, stages=STAGE), river(ground)
    )
    assert lake.full.area == pytest.approx(30**2 / (0.002 * SIDE), rel=0.03)
    r0, r1, _, _ = lake.window
    assert np.isfinite(lake.rises[[0, -1]]).any(axis=1).all()
    assert r1 == 700 - AXIS - 1
    assert r0 == 0  # above the crest the water goes on to the edge of the terrain
    short = filled(valley())
    assert short.rises.shape[0] < ROWS - AXIS


STAGE = [{"name": "full", "level_m": 930.0, "date": "2032-07-01"}]


# ---------------------------------------------------------------- river and wall


def same(one: Reservoir, other: Reservoir) -> bool:
    return one.window == other.window and bool((one.rises == other.rises).all())


def test_direction_pieces_gaps_and_names_of_the_river_do_not_change_the_lake() -> None:
    ground = terrain(valley())
    whole = fill(ground, dam(ground), river(ground))
    top, bottom = (0, 4000), (0, -1700)
    pieces = [[top, (0, 300)], [(0, -200), (0, 290)], [(0, -230), bottom]]  # one upstream, gaps
    lines = [LineString([at(ground, *point) for point in piece]) for piece in pieces]
    for frame in (
        river(ground, bottom, top),
        gpd.GeoDataFrame({"name": ["Indus", None, "Sindh"]}, geometry=lines, crs=UTM),
        gpd.GeoDataFrame(geometry=[MultiLineString(lines), None], crs=UTM),
        gpd.GeoDataFrame(geometry=[shapely.force_3d(line) for line in lines], crs=UTM),
        river(ground).to_crs(4326),
    ):
        lake = fill(ground, dam(ground), frame)
        assert same(lake, whole)
        assert lake.river_length == pytest.approx(whole.river_length, abs=2 * CELL)


def test_the_river_is_followed_by_name_before_direction() -> None:
    ground = terrain(valley())
    fork = at(ground, 0, 400)
    lines = [
        LineString([at(ground, 0, -1500), fork]),
        LineString([fork, at(ground, 0, 4000)]),  # straight on, another name
        LineString([fork, at(ground, 300, 700), at(ground, 0, 1000), at(ground, 0, 4000)]),
    ]
    lengths = []
    for names in (["Indus", "Other", "Indus"], ["Indus", "Indus", "Other"], ["", "", ""]):
        frame = gpd.GeoDataFrame({"name": names}, geometry=lines, crs=UTM)
        lengths.append(fill(ground, dam(ground), frame).river_length)
    around = 2 * math.hypot(300, 300) - 600
    assert lengths[0] - lengths[1] == pytest.approx(around, abs=2 * CELL)
    assert lengths[1] == lengths[2]


def test_where_the_river_breaks_off_the_length_is_that_on_the_water() -> None:
    ground = terrain(valley())
    short = river(ground, (0, 600), (0, -1500))
    assert fill(ground, dam(ground), short).river_length == pytest.approx(2000, abs=2 * CELL)


def test_a_river_drawn_beside_its_bed_gives_the_same_wall() -> None:
    ground = terrain(valley())
    whole = fill(ground, dam(ground), river(ground))
    beside = fill(ground, dam(ground), river(ground, (60, 4000), (60, -1700)))
    assert beside.snapped_by == pytest.approx(60, abs=1)
    assert same(beside, whole)


def test_the_axis_moves_onto_the_river() -> None:
    ground = terrain(valley())
    lake = fill(ground, dam(ground, east=700), river(ground))
    assert lake.snapped_by == pytest.approx(700, abs=1)
    assert lake.axis == pytest.approx(at(ground, 0, 0), abs=1)


def test_levels_above_the_crest_end_where_water_goes_round_the_wall() -> None:
    east, north = plane()
    z = np.minimum(valley(), 955.0 + 0.001 * np.abs(east))  # a plateau little above the crest
    z[(np.abs(east) > 1500) | (north > 3500) | (north < -1500)] += 200
    z[(east > 1570) & (east < 1700) & (np.abs(north) < 1000)] = 958.0  # a way behind the ridge
    z[(east > 1400) & (east < 1700) & (np.abs(np.abs(north) - 900) < 100)] = 958.0
    lake = filled(z)
    assert lake.ceiling == 958.0
    inside = everywhere(lake, z.shape)
    assert np.isinf(inside[north <= 0]).all()
    assert inside[np.isfinite(inside)].max() < lake.ceiling
    assert lake.full.volume == pytest.approx(filled(valley()).full.volume)


# ---------------------------------------------------------------- what cannot be dammed


def pit(z: Array, east: float, north: float, level: float) -> Array:
    """Put a level into the cells about a point."""
    here = plane(*z.shape)
    return np.where((np.abs(here[0] - east) < 50) & (np.abs(here[1] - north) < 50), level, z)


@pytest.mark.parametrize(
    ("z", "changed", "told"),
    [
        (valley(), {"snap_m": 500, "east": 700}, "nearest river 700 m away from the axis, wanted"),
        (valley(), {"east": 5000, "snap_m": 9000}, "wanted it on the terrain"),
        (valley() + 45, {}, "wanted it above the bed of the river at the axis, 945.0 m"),
        (valley()[:, 58:63], {}, "cannot close the valley, found the edge of the terrain"),
        (pit(valley(), 140, 0, np.nan), {}, "no data 105 m from the axis on the east side"),
        (pit(valley(), 0, 0, np.nan) * np.nan, {}, "found no data at the axis"),
        (pit(valley(), 0, 900, np.nan), {}, "beside no data or the edge of the terrain"),
        (valley()[100:], {}, "beside no data or the edge of the terrain"),
        (
            pit(valley(), 0, 60, 990),
            {
                "full_level_m": 900.5,
                "minimum_level_m": 900.1,
                "stages": [{"name": "full", "level_m": 900.5, "date": "2032-07-01"}],
            },
            "found no ground below full_level_m 900.5 just upstream",
        ),
    ],
)
def test_a_dam_that_cannot_stand_there_is_an_error(
    z: Array, changed: dict[str, object], told: str
) -> None:
    with pytest.raises(InputError, match="dam 'Test'") as error:
        filled(z, **changed)
    assert told in str(error.value)


def test_a_valley_wider_than_five_kilometres_each_side_cannot_be_closed() -> None:
    z = np.full((60 + AXIS, 401), 920.0)
    z[:, 198:203] = valley(60 + AXIS, 5)
    with pytest.raises(InputError, match=r"no ground above the crest 945 m within 5000 m .* east"):
        filled(z)


def test_water_that_goes_round_the_wall_is_an_error() -> None:
    east, north = plane()
    z = valley()
    z[(east > 500) & (east < 600) & (np.abs(north) < 1000)] = 935.0  # a way behind the ridge
    z[(east > 0) & (east < 600) & (np.abs(np.abs(north) - 900) < 100)] = 935.0
    with pytest.raises(InputError, match=r"found water going round it at 935\.0 m"):
        filled(z)


def test_rivers_that_say_nothing_are_an_error() -> None:
    ground = terrain(valley())
    spot = LineString([at(ground, 0, 0), at(ground, 0, 10)])
    for frame, told in (
        (river(ground).set_crs(None, allow_override=True), "rivers without a reference system"),
        (river(ground).iloc[:0], "found no river line"),
        (gpd.GeoDataFrame(geometry=[Point(at(ground, 0, 0))], crs=UTM), "found no river line"),
        (gpd.GeoDataFrame(geometry=[spot], crs=UTM), "found 10 m of river at the axis"),
    ):
        with pytest.raises(InputError, match=told):
            fill(ground, dam(ground), frame)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"minimum_level_m": 950.0}, "minimum_level_m 950 has to be below full_level_m 940"),
        ({"crest_level_m": 940.0}, "full_level_m 940 has to be below crest_level_m 940"),
        ({"full_level_m": 930.0}, "stage 'full' at 940 m has to be at or below full_level_m 930"),
        ({"stages": []}, "at least 1 item"),
        ({"lon": 190}, "less than or equal to 180"),
        ({"height": 3}, "Extra inputs are not permitted"),
    ],
)
def test_levels_out_of_order_are_refused(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as error:
        dam(terrain(valley()), **changed)
    assert told in str(error.value)


def test_stages_out_of_order_are_refused_all_at_once() -> None:
    stages = [
        {"name": "a", "level_m": 930, "date": "2031-01-01"},
        {"name": "b", "level_m": 930, "date": "2030-01-01"},
    ]
    with pytest.raises(ValidationError) as error:
        dam(terrain(valley()), stages=stages)
    assert "stage 'b' of 2030-01-01 has to be later than 'a' of 2031-01-01" in str(error.value)
    assert "stage 'b' at 930 m has to be higher than 'a' at 930 m" in str(error.value)


# ---------------------------------------------------------------- the shore of the user


def write(path: Path, *polygons: object, crs: CRS | None = UTM) -> Path:
    gpd.GeoDataFrame(geometry=list(polygons), crs=crs).to_file(path)
    return path


def test_a_given_shore_is_the_full_lake_and_is_compared_with_the_ground(tmp_path: Path) -> None:
    ground = terrain(valley())
    own = fill(ground, dam(ground), river(ground))
    path = write(tmp_path / "lake.gpkg", own.full.polygon)
    shore = read_extent(path, crs=UTM)
    lake = fill(ground, dam(ground, extent="lake.gpkg"), river(ground), shore=shore)
    told = lake.extent_comparison
    assert told is not None
    assert told.area_ratio == pytest.approx(1)
    assert told.shared == pytest.approx(1)
    assert abs(told.shore_above) < SIDE * CELL
    assert lake.full.polygon is shore
    assert lake.lakes[-1] is lake.full
    assert lake.full.volume == own.full.volume
    assert own.extent_comparison is None


def test_a_shore_too_high_shows_by_how_much() -> None:
    ground = terrain(valley())
    half, length = (FULL + 20 - BED) / SIDE, (FULL + 20 - BED) / GRADE
    corners = ((-half, 0), (half, 0), (0, length))  # the level line 20 m above full
    shore = Polygon([at(ground, *corner) for corner in corners])
    lake = fill(ground, dam(ground, extent="x"), river(ground), shore=shore)
    told = lake.extent_comparison
    assert told is not None
    assert told.shore_above == pytest.approx(20, abs=2)
    assert told.area_ratio == pytest.approx(1.5**2, rel=0.05)
    assert told.shared == pytest.approx(1 / 1.5**2, rel=0.05)
    assert lake.full.area == shore.area


def test_a_shore_that_is_not_at_the_wall_is_refused() -> None:
    ground = terrain(valley())
    shore = Point(at(ground, 1e5, 0)).buffer(500)
    with pytest.raises(InputError, match=r"begins \d+ m from the wall, wanted it to begin there"):
        fill(ground, dam(ground, extent="x"), river(ground), shore=shore)


def test_what_is_not_known_of_a_shore_is_said_so() -> None:
    seen = Comparison(area_ratio=1.3, shared=0.7, shore_above=math.nan, shore_spread=math.nan)
    assert seen.differs
    assert "of the ground on its shore nothing is known" in seen.words
    assert "nan" not in seen.words


def test_a_shore_goes_with_its_key() -> None:
    ground = terrain(valley())
    with pytest.raises(InputError, match="none was given"):
        fill(ground, dam(ground, extent="lake.gpkg"), river(ground))
    with pytest.raises(InputError, match="the dam names no extent"):
        fill(ground, dam(ground), river(ground), shore=Polygon())


SQUARE = shapely.box(LEFT, TOP - 100, LEFT + 100, TOP)


def test_a_shore_is_read_from_any_format_and_brought_to_the_reference_system(
    tmp_path: Path,
) -> None:
    parts = MultiPolygon([SQUARE, shapely.affinity.translate(SQUARE, 500)])
    lonlat = gpd.GeoSeries([parts], crs=UTM).to_crs(4326)
    path = write(tmp_path / "lake.geojson", *lonlat.explode(), crs=CRS.from_epsg(4326))
    assert read_extent(path, crs=UTM).symmetric_difference(parts).area < 1
    path = write(tmp_path / "lake.shp", SQUARE)
    assert read_extent(path, crs=UTM).equals(SQUARE)


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ([Polygon()], "feature 1 is empty"),
        ([SQUARE, None], "feature 2 is empty"),
        ([LineString([(0, 0), (1, 1)])], "feature 1 is a LineString, wanted a polygon"),
        ([Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])], "no proper polygon: Self-intersection"),
        ([], "is empty"),
    ],
)
def test_a_shore_that_is_none_is_an_error(tmp_path: Path, shapes: list[object], told: str) -> None:
    path = write(tmp_path / "lake.gpkg", *shapes)
    with pytest.raises(InputError, match=r"lake\.gpkg") as error:
        read_extent(path, crs=UTM)
    assert told in str(error.value)


def test_a_shore_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.gpkg"):
        read_extent(tmp_path / "none.gpkg", crs=UTM)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"table\.csv"):
        read_extent(table, crs=UTM)


def test_a_shore_without_reference_system_or_beyond_the_projection_is_an_error(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "lake.shp", SQUARE)
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match="found no reference system"):
        read_extent(path, crs=UTM)
    far = write(tmp_path / "far.gpkg", shapely.box(165, 0, 166, 1), crs=CRS.from_epsg(4326))
    with pytest.raises(InputError, match=r"far\.gpkg"):
        read_extent(far, crs=UTM)


# ---------------------------------------------------------------- the real case

INPUTS = os.environ.get("REALIGN_REAL_INPUTS")


@pytest.mark.real
@pytest.mark.skipif(not INPUTS, reason="REALIGN_REAL_INPUTS names no folder")
@pytest.mark.parametrize(
    ("place", "levels", "published"),
    [
        # area km2, gross and live storage km3, length along the river km
        ((73.7392, 35.5195), (1060, 1160, 1170), (115, 10.0, 7.9, 100)),
        ((73.1933, 35.3173), (900, 950, 957), None),
    ],
)
def test_the_real_lakes_are_those_published(
    place: tuple[float, float],
    levels: tuple[float, float, float],
    published: tuple[float, ...] | None,
) -> None:
    folder = Path(str(INPUTS))
    ground = read(folder / "dem.tif", crs=None, datum="EGM96", sigma=5.0)
    rivers = gpd.read_file(folder / "rivers.geojson")
    low, full, crest = levels
    stages = [{"name": "full", "level_m": full, "date": "2032-07-01"}]
    values = {"name": "real", "lon": place[0], "lat": place[1], "stages": stages}
    values |= {"minimum_level_m": low, "full_level_m": full, "crest_level_m": crest}
    lake = fill(ground, Dam.model_validate(values), rivers)
    found = (
        lake.full.area / 1e6,
        lake.full.volume / 1e9,
        lake.live_volume / 1e9,
        lake.river_length / 1e3,
    )
    if published is not None:
        assert found == pytest.approx(published, rel=0.1)
    else:
        assert found[:2] == pytest.approx((21, 1.8), rel=0.03)
    assert lake.full.polygon.is_valid
    assert lake.snapped_by < 50
