import json
import math
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracles import nearest_on_line
from pyproj import CRS, Transformer

from realign import highway
from realign.chainage import Section
from realign.errors import GeometryError, InputError
from realign.highway import Existing, Highway, Line, on_ground, oriented
from realign.terrain import Terrain
from realign.terrain import read as read_terrain

UTM = CRS.from_epsg(32643)
X0, Y0 = 400_000.0, 3_900_000.0


def xy(*points: tuple[float, float]) -> NDArray[np.float64]:
    """Vertices by their distance from the corner of the tests [m]."""
    return np.array(points, dtype=np.float64) + np.array([X0, Y0])


def line(*points: tuple[float, float], bridges: tuple[Section, ...] = ()) -> Line:
    vertices = xy(*points)
    s = np.concatenate(([0], np.cumsum(np.hypot(*np.diff(vertices, axis=0).T))))
    return Line(vertices, s, UTM, bridges)


def existing(**changed: Any) -> Existing:
    return Existing(name="N-35", start_name="Thakot", end_name="Raikot", **changed)


def ground(level: Any, *, crs: CRS = UTM, cell: float = 10.0) -> Terrain:
    """Ground 4 km to the east and 1 km to either side, by a function of x and y [m]."""
    x = np.arange(-50, 4050, cell) + cell / 2
    y = np.arange(1000, -1000, -cell) - cell / 2
    z = np.asarray(level(*np.meshgrid(x, y)), dtype=np.float32)
    z = np.broadcast_to(z, (len(y), len(x))).copy()
    corner = Affine(cell, 0, X0 - 50, 0, -cell, Y0 + 1000)
    return Terrain(z, corner, crs, "EGM2008", 5.0)


def road(*points: tuple[float, float], level: Any = lambda x, _: 0 * x, **changed: Any) -> Highway:
    bridges = changed.pop("bridges", ())
    return on_ground(line(*points, bridges=bridges), ground(level), existing(**changed))


STRAIGHT = ((0.0, 0.0), (3000.0, 0.0))


@st.composite
def wandering(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Give a line that goes east all the way, so that it never meets itself."""
    steps = draw(st.lists(st.tuples(st.floats(1, 200), st.floats(-60, 60)), min_size=1, max_size=8))
    points = np.cumsum([(0.0, 0.0), *steps], axis=0)
    return tuple((float(x), float(y)) for x, y in points)


# ---- places along the road


@given(wandering(), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_the_chainage_of_a_point_on_the_road_is_its_own(
    points: tuple[tuple[float, float], ...], shares: list[float]
) -> None:
    way = road(*points)
    s = np.array(shares) * way.length
    found, offset = way.chainage(*way.at(s).T)
    assert found == pytest.approx(s, abs=1e-6)
    assert offset == pytest.approx(0, abs=1e-6)


@given(wandering(), st.floats(-100, 900), st.floats(-300, 300))
def test_the_nearest_point_is_nearest(
    points: tuple[tuple[float, float], ...], x: float, y: float
) -> None:
    way = road(*points)
    s, offset = way.chainage(X0 + x, Y0 + y)
    assert offset[0] == pytest.approx(nearest_on_line(way.xy, (X0 + x, Y0 + y)), abs=1e-6)
    assert np.hypot(*(way.at(s)[0] - (X0 + x, Y0 + y))) == pytest.approx(offset[0], abs=1e-6)


def test_a_circle_has_its_angle_as_chainage_and_its_tangent_as_bearing() -> None:
    angle = np.linspace(0, math.pi, 2001)
    radius = 400.0
    way = road(*zip(500 + radius * np.cos(angle), radius * np.sin(angle), strict=True))
    assert way.length == pytest.approx(math.pi * radius, rel=1e-6)
    inner = xy(*((500 + 300 * math.cos(a), 300 * math.sin(a)) for a in (0.5, 1.0, 2.5)))
    s, offset = way.chainage(*inner.T)
    assert s == pytest.approx(radius * np.array([0.5, 1.0, 2.5]), abs=0.4)
    assert offset == pytest.approx(100, abs=1e-3)
    turned = np.exp(1j * (way.bearing(s) - s / radius - math.pi / 2))
    assert np.angle(turned) == pytest.approx(0, abs=2e-3)


def test_bearing_turns_at_the_vertex() -> None:
    way = road((0, 0), (100, 0), (100, 100), (0, 100))
    assert way.bearing([0, 99, 100, 200, 300]) == pytest.approx(
        [0, 0, math.pi / 2, math.pi, math.pi]
    )


def test_a_point_that_is_nowhere_has_no_chainage() -> None:
    s, offset = road(*STRAIGHT).chainage([X0 + 10, math.nan], [Y0 + 5, Y0])
    assert (s[0], offset[0]) == (10, 5)
    assert np.isnan([s[1], offset[1]]).all()


def test_one_chainage_is_an_array_of_one() -> None:
    way = road(*STRAIGHT)
    assert way.at(10.0).tolist() == [[X0 + 10, Y0]]
    assert way.level_at(10.0).shape == way.bearing(10.0).shape == (1,)


@pytest.mark.parametrize("s", [-1.0, 3000.1, math.nan])
def test_beyond_the_road_there_is_nothing(s: float) -> None:
    way = road(*STRAIGHT)
    for ask in (way.at, way.bearing, way.level_at):
        with pytest.raises(GeometryError, match=r"N-35 runs from 0 to 3000\.0 m"):
            ask([0.0, s])


def test_a_piece_has_its_ends_and_the_vertices_between() -> None:
    way = road((0, 0), (100, 0), (100, 100), (0, 100))
    assert way.piece(Section(50, 150)).tolist() == xy((50, 0), (100, 0), (100, 50)).tolist()
    assert way.piece(Section(0, 300)).tolist() == way.xy.tolist()


@given(wandering(), st.floats(0, 1), st.floats(0, 1))
def test_a_piece_is_as_long_as_its_section(
    points: tuple[tuple[float, float], ...], one: float, other: float
) -> None:
    way = road(*points)
    low, high = sorted((one * way.length, other * way.length))
    if high - low > 0.01:
        piece = way.piece(Section(low, high))
        assert shapely.LineString(piece).length == pytest.approx(high - low, abs=1e-5)


def test_many_points_are_found_at_once() -> None:
    x = np.linspace(0, 3000, 7000)
    way = road(*zip(x, 50 * np.sin(x / 100), strict=True))
    points = way.at(np.linspace(0, way.length, 20_000))
    begin = time.perf_counter()
    way.chainage(*points.T)
    assert time.perf_counter() - begin < 2


def test_the_line_is_its_vertices() -> None:
    assert shapely.get_coordinates(road(*STRAIGHT).line).tolist() == xy(*STRAIGHT).tolist()


# ---- level


def test_stations_have_even_steps_and_both_ends() -> None:
    way = road((0, 0), (1005, 0), step_m=20)
    assert (way.station[0], way.station[-1]) == (0, 1005)
    assert np.diff(way.station) == pytest.approx(1005 / 51)
    assert len(road((0, 0), (1000, 0), step_m=20).station) == 51


@given(st.floats(-0.2, 0.2), st.floats(500, 1500))
def test_even_ground_is_the_level_of_the_road(grade: float, level: float) -> None:
    way = road(*STRAIGHT, level=lambda x, _: level + grade * x)
    assert way.ground == pytest.approx(level + grade * way.station, abs=1e-3)
    inner = (way.station >= 250) & (way.station <= 2750)
    assert way.level[inner] == pytest.approx(way.ground[inner], abs=1e-3)


def test_the_level_is_the_mean_of_the_ground_around() -> None:
    way = road(*STRAIGHT, level=lambda x, _: 1000 + 5 * np.sin(x / 40), smooth_m=400)
    for i in (0, 3, 75, 149, 150):
        near = np.abs(way.station - way.station[i]) <= 200 + 1e-6
        assert way.level[i] == pytest.approx(way.ground[near].mean(), abs=1e-6)


def test_without_smoothing_the_road_is_the_ground() -> None:
    way = road(*STRAIGHT, level=lambda x, _: 1000 + 5 * np.sin(x / 40), smooth_m=0)
    assert way.level == pytest.approx(way.ground, abs=1e-9)


@given(st.floats(10, 200), st.floats(100, 400), st.floats(0, 600))
def test_a_bridge_deck_is_not_its_valley_floor(depth: float, width: float, smooth: float) -> None:
    valley = Section(1500 - width / 2 - 15, 1500 + width / 2 + 15)
    way = road(
        *STRAIGHT,
        level=lambda x, _: 1000 - depth * (np.abs(x - 1500) < width / 2),
        smooth_m=smooth,
        bridges=(valley,),
    )
    assert way.ground.min() == pytest.approx(1000 - depth, abs=1e-3)
    assert way.level == pytest.approx(1000, abs=1e-3)
    assert way.level_at(1500.0)[0] == pytest.approx(1000, abs=1e-3)


def test_a_deck_is_straight_between_the_levels_of_its_ends() -> None:
    bridge = Section(1000, 1600)
    way = road(
        *STRAIGHT, level=lambda x, _: 1000 + 10 * np.sin(x / 60), bridges=(bridge,), smooth_m=100
    )
    ends = way.level_at([bridge.start, bridge.end])
    s = np.linspace(bridge.start, bridge.end, 50)
    assert way.level_at(s) == pytest.approx(np.interp(s, [1000, 1600], ends), abs=1e-9)


def test_leaving_the_ground_names_the_chainages() -> None:
    with pytest.raises(InputError, match=r"highway: .* at chainage 4\+060 to 5\+000; wanted a DEM"):
        road((0, 0), (5000, 0))


def test_every_hole_under_the_road_is_named() -> None:
    holes = ground(lambda x, _: np.where((x % 500) < 40, np.nan, 1000.0))
    with pytest.raises(InputError, match=r"0\+000 to .*0\+500 to .*and 2 more ranges"):
        on_ground(line(*STRAIGHT), holes, existing())


def test_a_hole_at_the_end_of_a_bridge_is_named_though_no_station_meets_it() -> None:
    hole = ground(lambda x, _: np.where(np.abs(x - 1010) < 2, np.nan, 1000.0), cell=2.0)
    on_ground(line(*STRAIGHT), hole, existing())
    with pytest.raises(InputError, match=r"at chainage 1\+010 to 1\+010; wanted a DEM"):
        on_ground(line(*STRAIGHT, bridges=(Section(1010, 1100),)), hole, existing())


def test_ground_in_another_system_is_an_error() -> None:
    other = ground(lambda x, _: 0 * x, crs=CRS.from_epsg(32642))
    with pytest.raises(InputError, match="zone 43N; wanted WGS 84 / UTM zone 42N"):
        on_ground(line(*STRAIGHT), other, existing())


# ---- direction


def test_a_line_is_turned_to_its_start() -> None:
    way = line((0, 0), (100, 0), (100, 200), bridges=(Section(10, 30), Section(250, 290)))
    turned = oriented(way, (X0 + 100, Y0 + 150))
    assert turned.xy.tolist() == way.xy[::-1].tolist()
    assert turned.s.tolist() == [0, 200, 300]
    assert turned.bridges == (Section(10, 50), Section(270, 290))
    assert oriented(way, (X0, Y0)) is way


@given(wandering())
def test_turning_twice_is_no_turn(points: tuple[tuple[float, float], ...]) -> None:
    way = line(*points, bridges=(Section(0.2, 0.7),))
    back = oriented(oriented(way, tuple(way.xy[-1])), tuple(way.xy[0]))
    assert back.xy.tolist() == way.xy.tolist()
    assert back.s == pytest.approx(way.s, abs=1e-6)
    assert back.bridges[0].start == pytest.approx(0.2, abs=1e-6)


# ---- reading


def degrees(*points: tuple[float, float]) -> list[list[float]]:
    back = Transformer.from_crs(UTM, 4326, always_xy=True)
    return [list(back.transform(*point)) for point in xy(*points)]


def geojson(path: Path, *shapes: dict[str, Any] | None, **columns: list[Any]) -> Path:
    """Write GeoJSON as RFC 7946 has it: WGS 84, without saying so."""
    features = [
        {
            "type": "Feature",
            "properties": {name: values[i] for name, values in columns.items()},
            "geometry": shape,
        }
        for i, shape in enumerate(shapes)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def string(*points: tuple[float, float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": degrees(*points)}


def read(path: Path, segments: Path | None = None) -> Line:
    return highway.read(path, crs=UTM, segments=segments)


def test_geojson_without_a_system_is_wgs_84(tmp_path: Path) -> None:
    way = read(geojson(tmp_path / "road.geojson", string((0, 0), (300, 0), (300, 400))))
    assert way.xy == pytest.approx(xy((0, 0), (300, 0), (300, 400)), abs=1e-3)
    assert way.s == pytest.approx([0, 300, 700], abs=1e-3)
    assert way.length == pytest.approx(700, abs=1e-3)
    assert (way.bridges, way.crs) == ((), UTM)
    assert way.file.endswith("road.geojson")


def test_a_repeated_vertex_counts_once(tmp_path: Path) -> None:
    way = read(geojson(tmp_path / "road.geojson", string((0, 0), (0, 0), (300, 0), (300, 0))))
    assert way.xy == pytest.approx(xy((0, 0), (300, 0)), abs=1e-3)


@given(st.permutations(range(4)), st.lists(st.booleans(), min_size=4, max_size=4))
def test_pieces_in_any_order_and_direction_are_the_same_road(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], turned: list[bool]
) -> None:
    points = [(0.0, 0.0), (200.0, 0.0), (200.0, 100.0), (500.0, 100.0), (900.0, 300.0)]
    pieces = [points[i : i + 2] for i in range(4)]
    pieces = [piece[::-1] if turn else piece for piece, turn in zip(pieces, turned, strict=True)]
    folder = tmp_path_factory.mktemp("pieces")
    way = read(geojson(folder / "road.geojson", *(string(*pieces[i]) for i in order)))
    expected = points[::-1] if turned[order[0]] else points  # as the first piece runs
    assert way.xy == pytest.approx(xy(*expected), abs=1e-3)


def test_parts_of_one_feature_are_joined_over_less_than_a_metre(tmp_path: Path) -> None:
    parts = [degrees((0, 0), (300, 0)), degrees((300.8, 0), (600, 0))]
    way = read(
        geojson(tmp_path / "road.geojson", {"type": "MultiLineString", "coordinates": parts})
    )
    assert way.xy == pytest.approx(xy((0, 0), (300, 0), (600, 0)), abs=1e-3)


def test_gaps_are_named_by_chainage_and_width(tmp_path: Path) -> None:
    pieces = [string((1000, 0), (1500, 0)), string((2100, 0), (1530, 0)), string((0, 0), (950, 0))]
    with pytest.raises(InputError) as caught:
        read(geojson(tmp_path / "road.geojson", *pieces))
    said = str(caught.value)
    assert "road.geojson: the road is in 3 parts" in said
    assert "gaps of 50 m at 0+950, 30 m at 1+450" in said


def test_many_gaps_are_counted(tmp_path: Path) -> None:
    pieces = [string((100 * i, 0), (100 * i + 80, 0)) for i in range(9)]
    with pytest.raises(InputError, match=r"9 parts.* and 3 more"):
        read(geojson(tmp_path / "road.geojson", *pieces))


def test_a_fork_is_an_error(tmp_path: Path) -> None:
    fork = [string((0, 0), (300, 0)), string((300, 0), (600, 0)), string((300, 0), (300, 200))]
    with pytest.raises(InputError, match=r"3 lines meet at \(400300, 3900000\)"):
        read(geojson(tmp_path / "road.geojson", *fork))


def test_a_ring_is_an_error(tmp_path: Path) -> None:
    one, other = string((0, 0), (300, 0), (300, 300)), string((300, 300), (0, 300), (0, 0))
    for number, shapes in enumerate([[one, other], [string((0, 0), (300, 0), (300, 300), (0, 0))]]):
        with pytest.raises(InputError, match="ends where it starts"):
            read(geojson(tmp_path / f"road{number}.geojson", *shapes))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"road\.geojson: no such file"):
        read(tmp_path / "road.geojson")


@pytest.mark.parametrize("said", ["", "{", '{"type": "FeatureCollection", "features": [{"type"'])
def test_a_broken_file_is_named(tmp_path: Path, said: str) -> None:
    path = tmp_path / "road.geojson"
    path.write_text(said)
    with pytest.raises(
        InputError, match=r"road\.geojson: (cannot be read as|is empty; wanted) lines"
    ):
        read(path)


def test_no_feature_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"road\.geojson: is empty; wanted lines"):
        read(geojson(tmp_path / "road.geojson"))


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ({"type": "Point", "coordinates": [74.0, 35.2]}, "Point"),
        ({"type": "Polygon", "coordinates": [degrees((0, 0), (9, 0), (9, 9), (0, 0))]}, "Polygon"),
        (None, "no geometry"),
    ],
)
def test_what_is_no_line_is_an_error(
    tmp_path: Path, shape: dict[str, Any] | None, kind: str
) -> None:
    path = geojson(tmp_path / "road.geojson", string(*STRAIGHT), shape)
    with pytest.raises(InputError, match=f"feature 2 is {kind}; wanted LineString"):
        read(path)


@pytest.mark.parametrize(
    "coordinates", [degrees((0, 0), (0, 0)), [], [degrees((0, 0))[0]]], ids=["point", "none", "one"]
)
def test_a_line_without_length_is_an_error(tmp_path: Path, coordinates: list[Any]) -> None:
    path = geojson(tmp_path / "road.geojson", {"type": "LineString", "coordinates": coordinates})
    with pytest.raises(InputError, match=r"road\.geojson"):
        read(path)


def test_metres_declared_as_degrees_are_an_error(tmp_path: Path) -> None:
    shape = {"type": "LineString", "coordinates": xy(*STRAIGHT).tolist()}
    with pytest.raises(InputError, match=r"feature 1 has coordinates outside .*wanted degrees"):
        read(geojson(tmp_path / "road.geojson", shape))


def test_a_layer_without_a_system_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "road.fgb"
    frame = gpd.GeoDataFrame(geometry=[shapely.LineString(xy(*STRAIGHT))])
    with pytest.warns(UserWarning, match="crs"):
        frame.to_file(path, driver="FlatGeobuf")
    with pytest.raises(InputError, match=r"road\.fgb: has no coordinate reference system"):
        read(path)


def test_several_layers_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "road.gpkg"
    frame = gpd.GeoDataFrame(geometry=[shapely.LineString(xy(*STRAIGHT))], crs=UTM)
    frame.to_file(path, layer="one")
    assert read(path).length == pytest.approx(3000)
    frame.to_file(path, layer="two")
    with pytest.raises(InputError, match="found the layers one, two; wanted one"):
        read(path)


def test_a_table_without_geometry_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "road.csv"
    path.write_text("name,length\nN-35,282\n")
    with pytest.raises(InputError, match=r"road\.csv: found a table without geometry"):
        read(path)


# ---- bridges


def segments(path: Path, *rows: tuple[Any, Any, str | None], **names: str) -> Path:
    """Write pieces of the road; `names` renames columns."""
    columns = dict(zip(("from_km", "to_km", "brunnel"), zip(*rows, strict=True), strict=True))
    renamed = {names.get(name, name): list(values) for name, values in columns.items()}
    return geojson(path, *(string((0, 0), (9, 9)) for _ in rows), **renamed)


def bridges(folder: Path, *rows: tuple[Any, Any, str | None], **names: str) -> tuple[Section, ...]:
    way = geojson(folder / "road.geojson", string(*STRAIGHT))
    return read(way, segments(folder / "segments.geojson", *rows, **names)).bridges


def test_bridges_are_the_pieces_that_say_so(tmp_path: Path) -> None:
    rows = [(2, 2.5, "bridge"), (0, 1, None), (1, 2, "tunnel"), (0.5, 0.6, "bridge")]
    found = bridges(tmp_path, *rows)
    assert [(b.start, b.end) for b in found] == [(500, 600), (2000, 2500)]


def test_bridges_that_touch_are_one(tmp_path: Path) -> None:
    found = bridges(tmp_path, (1, 1.2, "bridge"), (1.2, 1.3, "bridge"), (2, 2, "bridge"))
    assert [(b.start, b.end) for b in found] == [(1000, 1300)]


def test_kilometres_of_another_projection_are_stretched(tmp_path: Path) -> None:
    found = bridges(tmp_path, (0, 1.5, None), (1.5, 1.6, "bridge"), (1.6, 2.985, None))
    assert found[0].start == pytest.approx(1500 * 3000 / 2985, abs=0.01)


def test_bridges_alone_stay_where_they_are(tmp_path: Path) -> None:
    found = bridges(tmp_path, (1.5, 1.6, "bridge"), (2.9, 2.985, "bridge"))
    assert [(b.start, b.end) for b in found] == [(1500, 1600), (2900, 2985)]


def test_a_bridge_beyond_the_end_ends_with_the_road(tmp_path: Path) -> None:
    found = bridges(tmp_path, (1.5, 1.6, "bridge"), (2.9, 3.02, "bridge"))
    assert [each for b in found for each in (b.start, b.end)] == pytest.approx(
        [1500, 1600, 2900, 3000]
    )


def test_kilometres_of_another_road_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"reaches 3\.200 km; wanted a road of 3\.000 km"):
        bridges(tmp_path, (1, 1.2, "bridge"), (1.2, 3.2, None))


@pytest.mark.parametrize(("low", "high"), [(1.2, 1.1), (-0.1, 1), (None, 1)])
def test_a_piece_without_length_names_its_feature(
    tmp_path: Path, low: float | None, high: float
) -> None:
    with pytest.raises(InputError, match=r"feature 2 has from_km .* wanted 0 <= from_km"):
        bridges(tmp_path, (0, 1, None), (low, high, "bridge"))


def test_kilometres_are_numbers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="something other than numbers"):
        bridges(tmp_path, ("zero", "one", "bridge"))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no column to_km; found from_km, end_km, brunnel"):
        bridges(tmp_path, (0, 1, "bridge"), to_km="end_km")


def test_no_bridges_file_where_one_is_named_is_an_error(tmp_path: Path) -> None:
    way = geojson(tmp_path / "road.geojson", string(*STRAIGHT))
    with pytest.raises(InputError, match=r"segments\.geojson: no such file"):
        read(way, tmp_path / "segments.geojson")


# ---- the real road


@pytest.mark.real
def test_the_real_road_is_282_km_on_the_ground(real_inputs: Path) -> None:
    ground = read_terrain(real_inputs / "dem.tif", crs=UTM, datum="EGM2008", sigma=6)
    begin = time.perf_counter()
    way = read(real_inputs / "highway.geojson", real_inputs / "highway_segments.geojson")
    kkh = on_ground(way, ground, existing())
    assert time.perf_counter() - begin < 2
    assert kkh.length == pytest.approx(282_000, abs=100)
    assert len(kkh.bridges) == 46
    assert np.diff(kkh.station).max() <= 20
    grade = np.abs(np.diff(kkh.level) / np.diff(kkh.station))
    assert np.quantile(grade, 0.99) < 0.10
