"""Roads that stand: lines of a map cleaned into a graph, and what cleaning must not do."""

import json
import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from pyproj import CRS, Transformer

from realign.errors import GeometryError, InputError, RealignError
from realign.roads import Cleaning, Report, Roads, Tags, clean, read
from realign.settings import Settings

SNAP = 4.0
GRID = 100.0
RULES = Cleaning(snap_m=SNAP)
UTM = CRS.from_epsg(32643)
ROAD = Tags("trunk")
BRIDGE = Tags("trunk", structure="bridge")
Drawn = list[tuple[shapely.LineString, Tags]]

STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))
OFFSETS = (0.0, 0.0, 0.3, 0.99, 1.01)  # of the tolerance, to the left or right of a grid point


@st.composite
def networks(draw: st.DrawFn, *, alike: bool = False) -> Drawn:
    """Lines along a small grid, whose ends miss its points by about the tolerance."""
    drawn: Drawn = []
    for number in range(draw(st.integers(1, 7))):
        at = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
        walk = [at]
        for dx, dy in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)):
            fresh = (walk[-1][0] + dx, walk[-1][1] + dy)
            if fresh not in walk:
                walk.append(fresh)
        if len(walk) < 2:
            walk.append((at[0] + 1, at[1]))
        xy = np.array(walk) * GRID
        for end in (0, -1):
            off = draw(st.sampled_from(OFFSETS)) * SNAP
            xy[end] += np.array(draw(st.sampled_from(STEPS))) * off
        tags = Tags(
            draw(st.sampled_from(("trunk", "track"))),
            name="" if alike else str(number),
            structure=draw(st.sampled_from(("", "", "bridge", "tunnel", "ford"))),
            oneway=draw(st.sampled_from((0, 0, 1, -1))),
        )
        drawn.append((shapely.LineString(xy), tags))
    return drawn


def cleaned(drawn: Drawn, rules: Cleaning = RULES) -> Roads:
    return clean([line for line, _ in drawn], [tags for _, tags in drawn], rules)


def backwards(line: shapely.LineString, tags: Tags) -> tuple[shapely.LineString, Tags]:
    """Return the same road, drawn from its other end."""
    against = Tags(tags.kind, tags.name, tags.ref, tags.structure, -tags.oneway)
    return shapely.reverse(line), against


def assert_same(one: Roads, two: Roads) -> None:
    assert one.xy.tolist() == two.xy.tolist()
    assert one.start.tolist() == two.start.tolist()
    assert one.end.tolist() == two.end.tolist()
    assert one.length.tolist() == two.length.tolist()
    assert one.component.tolist() == two.component.tolist()
    assert one.tags == two.tags
    assert [line.wkb for line in one.lines] == [line.wkb for line in two.lines]


# ---------------------------------------------------------------- the oracle


def ends(line: shapely.LineString) -> list[shapely.Point]:
    return [shapely.get_point(line, 0), shapely.get_point(line, -1)]


def at_an_end(line: shapely.LineString, point: shapely.Point) -> bool:
    return any(end.distance(point) < 1e-5 for end in ends(line))


def takes(line: shapely.LineString, tags: Tags, point: shapely.Point) -> bool:
    """Whether a line may be met at a point of it."""
    return tags.structure not in {"bridge", "tunnel"} or at_an_end(line, point)


def touch(drawn: Drawn, one: int, two: int) -> bool:
    """Whether two lines meet at grade."""
    (a, a_tags), (b, b_tags) = drawn[one], drawn[two]
    met = [shapely.Point(p) for p in shapely.get_coordinates(a.intersection(b))]
    met += [end for end in ends(a) if end.distance(b) < 1e-6]
    met += [end for end in ends(b) if end.distance(a) < 1e-6]
    return any(takes(a, a_tags, p) and takes(b, b_tags, p) for p in met)


def loose(drawn: Drawn, number: int, end: shapely.Point) -> bool:
    """Whether nothing else is where a line ends."""
    others = [each for i, each in enumerate(drawn) if i != number]
    return not any(line.distance(end) < 1e-6 and takes(line, tags, end) for line, tags in others)


def groups(drawn: Drawn) -> list[set[int]]:
    """Numbers of the lines that hang together: the union of everything that touches."""
    union = nx.Graph()
    union.add_nodes_from(range(len(drawn)))
    for one, two in combinations(range(len(drawn)), 2):
        if touch(drawn, one, two):
            union.add_edge(one, two)
    for one, (line, _) in enumerate(drawn):
        for end in ends(line):
            if not loose(drawn, one, end):
                continue
            for two, (other, tags) in enumerate(drawn):
                near = min(end.distance(there) for there in ends(other)) <= SNAP
                crossed = tags.structure not in {"bridge", "tunnel"}
                if near or (crossed and end.distance(other) <= SNAP):
                    union.add_edge(one, two)
    return list(nx.connected_components(union))


@given(networks())
def test_what_touches_is_connected_and_nothing_else(drawn: Drawn) -> None:
    roads = cleaned(drawn)
    found: dict[int, set[int]] = {}
    for edge, tags in enumerate(roads.tags):
        found.setdefault(int(tags.name), set()).add(int(roads.component[roads.start[edge]]))
    assert all(len(parts) == 1 for parts in found.values())
    wanted = [group & set(found) for group in groups(drawn)]
    assert all(wanted)  # a line that lies upon others leaves them
    by_part: dict[int, set[int]] = {}
    for number, (part,) in found.items():
        by_part.setdefault(part, set()).add(number)
    assert sorted(map(sorted, by_part.values())) == sorted(map(sorted, wanted))


# ---------------------------------------------------------------- laws


@given(st.data())
def test_order_and_direction_of_lines_do_not_matter(data: st.DataObject) -> None:
    drawn = data.draw(networks(alike=True))
    mixed = data.draw(st.permutations(drawn))
    turned = [backwards(*each) if data.draw(st.booleans()) else each for each in mixed]
    one, two = cleaned(drawn), cleaned(turned)
    assert_same(one, two)
    assert one.report == two.report


@given(networks(alike=True), st.sampled_from((0.0, 6.0)))
def test_cleaning_again_changes_nothing(drawn: Drawn, stub: float) -> None:
    rules = Cleaning(snap_m=SNAP, stub_m=stub)
    once = cleaned(drawn, rules)
    again = clean(list(once.lines), once.tags, rules)
    assert_same(once, again)
    report = again.report
    done = (report.empty, report.duplicates, report.crossings, report.snapped, report.merged)
    assert done == (0, 0, 0, 0, 0)


@given(networks(alike=True))
def test_length_grows_by_no_more_than_the_gaps(drawn: Drawn) -> None:
    roads = cleaned(drawn)
    report = roads.report
    grown = roads.length.sum() - sum(line.length for line, _ in drawn)
    assert grown <= report.snapped * report.farthest + 1e-3
    assert report.farthest <= SNAP
    if not report.duplicates:
        assert grown >= -1e-3


@given(networks(alike=True))
def test_edges_run_from_node_to_node_and_parts_add_up(drawn: Drawn) -> None:
    roads = cleaned(drawn)
    for edge, line in enumerate(roads.lines):
        xy = shapely.get_coordinates(line)
        assert xy[0].tolist() == roads.xy[roads.start[edge]].tolist()
        assert xy[-1].tolist() == roads.xy[roads.end[edge]].tolist()
        assert line.length == pytest.approx(roads.length[edge])
    assert roads.component[roads.start].tolist() == roads.component[roads.end].tolist()
    parts = np.bincount(roads.component[roads.start], weights=roads.length)
    assert parts == pytest.approx(np.array(roads.report.components))
    assert (np.diff(parts) <= 1e-6).all()
    assert len(np.unique(roads.xy, axis=0)) == len(roads.xy)


@given(
    snap=st.floats(0.5, 50),
    bearing=st.floats(0, 2 * math.pi),
    turn=st.floats(0.2, math.pi - 0.2),
    inside=st.booleans(),
    structure=st.booleans(),
)
def test_an_end_joins_within_the_tolerance_and_not_beyond(
    *, snap: float, bearing: float, turn: float, inside: bool, structure: bool
) -> None:
    way = np.array([math.cos(bearing), math.sin(bearing)])
    side = np.array([-way[1], way[0]])
    lean = math.cos(turn) * way + math.sin(turn) * side
    for share, joined in ((0.99, True), (1.01, False)):
        near = share * snap * side
        first = -30 * snap * way if inside else 0 * way
        main = shapely.LineString([first, 30 * snap * way])
        other = shapely.LineString([near, near + 30 * snap * lean])
        tags = BRIDGE if structure and not inside else ROAD
        roads = clean([main, other], [tags, Tags("track")], Cleaning(snap_m=snap))
        assert (len(roads.report.components) == 1) == joined
        assert roads.report.snapped == joined
        if joined:
            assert roads.report.farthest == pytest.approx(share * snap, rel=1e-3)
            # the way along both is now open
            assert roads.length.sum() == pytest.approx(main.length + other.length + share * snap)


@given(st.floats(0, 2 * math.pi), st.floats(0.1, 0.9), st.sampled_from(("bridge", "tunnel")))
def test_a_structure_joins_nothing_that_it_passes(
    bearing: float, share: float, structure: str
) -> None:
    way = 500 * np.array([math.cos(bearing), math.sin(bearing)])
    over = shapely.LineString([-share * way, (1 - share) * way])
    under = shapely.LineString([(-1000, 3), (0, 0), (1000, 7)])
    # ends near the other line would be led to it
    near = min(under.distance(shapely.Point(end)) for end in over.coords)
    assume(over.intersection(under).geom_type == "Point" and near > 1.01 * RULES.snap_m)
    apart = clean([over, under], [Tags("trunk", structure=structure), ROAD], RULES)
    assert len(apart.report.components) == 2
    assert (apart.report.passed, apart.report.crossings, len(apart.lines)) == (1, 0, 2)
    level = clean([over, under], [Tags("trunk", structure="ford"), ROAD], RULES)
    assert len(level.report.components) == 1
    assert (level.report.passed, level.report.crossings, len(level.lines)) == (0, 1, 4)


def test_a_bridge_meets_others_at_its_ends() -> None:
    deck = shapely.LineString([(0, 0), (100, 0)])
    below = shapely.LineString([(50, -50), (50, 50)])
    across = shapely.LineString([(100, -50), (100, 50)])  # the end of the deck is inside of it
    before = shapely.LineString([(-90, 0), (0, 0)])
    beside = shapely.LineString([(30, 1), (30, 50)])  # ends near the inside of the deck
    roads = clean([deck, below, across, before, beside], [BRIDGE, *[ROAD] * 4], RULES)
    assert sorted(roads.report.components) == [49, 100, 290]
    assert (roads.report.crossings, roads.report.passed, roads.report.snapped) == (1, 1, 0)


@given(oneway=st.sampled_from((0, 1, -1)), turned=st.booleans())
def test_one_way_edges_run_one_way(*, oneway: int, turned: bool) -> None:
    line, tags = shapely.LineString([(0, 0), (500, 0)]), Tags("primary", oneway=oneway)
    if turned:
        line, tags = backwards(line, tags)
    graph = clean([line], [tags], RULES).graph()
    west, east = sorted(graph, key=lambda node: graph.nodes[node]["x"])
    assert graph.has_edge(west, east) == (oneway >= 0)
    assert graph.has_edge(east, west) == (oneway <= 0)


@given(networks(alike=True))
def test_the_graph_takes_the_time_of_the_class(drawn: Drawn) -> None:
    roads = cleaned(drawn)
    graph = roads.graph()
    assert graph.number_of_nodes() == len(roads.xy)
    rings = roads.start == roads.end
    assert graph.number_of_edges() == len(roads.lines) + (~roads.oneway & ~rings).sum()
    for start, end, edge, held in graph.edges(keys=True, data=True):
        assert {start, end} == {roads.start[edge], roads.end[edge]}
        speed = RULES.speeds_kmh[held["class"]] / 3.6
        assert held["time_s"] == pytest.approx(held["length_m"] / speed)
        assert held["structure"] == roads.tags[edge].structure


@given(networks(alike=True), st.lists(st.tuples(*[st.floats(-150, 500)] * 2), min_size=1))
def test_nearest_is_the_nearest(drawn: Drawn, points: list[tuple[float, float]]) -> None:
    roads = cleaned(drawn)
    x, y = np.array([*points, (np.nan, 0.0)]).T
    edge, along, offset = roads.nearest(x, y)
    assert edge[-1] == -1
    assert np.isnan([along[-1], offset[-1]]).all()
    for k, point in enumerate(points):
        far = [line.distance(shapely.Point(point)) for line in roads.lines]
        assert offset[k] == pytest.approx(min(far))
        foot = roads.lines[edge[k]].interpolate(along[k])
        assert foot.distance(shapely.Point(point)) == pytest.approx(offset[k])


# ---------------------------------------------------------------- single rules


def line(*xy: tuple[float, float]) -> shapely.LineString:
    with np.errstate(invalid="ignore"):  # numpy warns of NaN, which some of these hold
        return shapely.LineString(xy)


def test_parts_are_taken_apart_and_what_lies_twice_is_dropped() -> None:
    both = shapely.MultiLineString([[(0, 0), (50, 0)], [(90, 0), (200, 0)]])
    point = line((7, 7), (7, 7))
    again = line((50, 0), (25, 0), (25, 0), (0, 0))
    named = Tags("trunk", ref="N-35")
    roads = clean([both, point, line((50, 0), (0, 0)), again], [ROAD, ROAD, named, ROAD], RULES)
    assert roads.length.tolist() == [50, 110]
    assert roads.tags == (named, ROAD)  # the one of which most is known stays
    assert (roads.report.pieces, roads.report.empty, roads.report.duplicates) == (5, 1, 3)


def test_edges_alike_become_one_and_others_stay() -> None:
    lines = [line((0, 0), (50, 0)), line((90, 9), (50, 0)), line((90, 9), (200, 0))]
    assert len(clean(lines, [ROAD, ROAD, ROAD], RULES).lines) == 1
    assert len(clean(lines, [ROAD, ROAD, BRIDGE], RULES).lines) == 2
    east, west = Tags("trunk", oneway=1), Tags("trunk", oneway=-1)
    assert len(clean(lines, [east, west, east], RULES).lines) == 1
    assert len(clean(lines, [east, east, east], RULES).lines) == 3  # traffic meets head on


def test_two_directions_of_one_road_stay_two_edges() -> None:
    road = line((0, 0), (50, 9), (100, 0))
    roads = clean([road, road], [Tags("trunk", oneway=1), Tags("trunk", oneway=-1)], RULES)
    assert (len(roads.xy), roads.report.duplicates, roads.report.merged) == (2, 0, 0)
    assert sorted(zip(roads.start, roads.end, strict=True)) == [(0, 1), (1, 0)]


def test_a_ring_starts_at_its_least_vertex() -> None:
    ring = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)]
    first = clean([line(*ring, ring[0])], [ROAD], RULES)
    for k in range(1, 4):
        turned = [*ring[k:], *ring[:k], ring[k]]
        assert_same(first, clean([line(*turned)], [ROAD], RULES))
        assert_same(first, clean([line(*turned[:3]), line(*turned[2:])], [ROAD, ROAD], RULES))
    open_ring = clean([line(*ring, (0.0, SNAP * 0.9))], [ROAD], RULES)
    assert open_ring.start.tolist() == open_ring.end.tolist()


def test_short_dead_ends_go_where_told() -> None:
    main = line((0, 0), (300, 0))
    lines = [main, line((100, 0), (100, 19)), line((200, 0), (200, 21)), line((0, 80), (9, 80))]
    kept = clean(lines, [ROAD] * 4, RULES)
    assert (kept.report.stubs, len(kept.lines)) == (0, 6)
    pruned = clean(lines, [ROAD] * 4, Cleaning(snap_m=SNAP, stub_m=20))
    assert pruned.report.stubs == 1
    # a road that meets nothing is no dead end
    assert sorted(pruned.length.round(6).tolist()) == [9, 21, 100, 200]


def test_a_short_dead_end_and_a_hairpin_do_not_close_on_themselves() -> None:
    main = line((-200, 0), (200, 0))
    stub = line((0, 0), (0, 0.9 * SNAP))
    roads = clean([main, stub], [ROAD, ROAD], RULES)
    assert (roads.report.snapped, len(roads.lines)) == (0, 3)
    hairpin = line((0, 0), (1.5 * SNAP, 0), (1.5 * SNAP, 0.9 * SNAP), (0, 0.9 * SNAP))
    assert clean([hairpin], [ROAD], RULES).report.snapped == 0


def test_a_line_that_crosses_itself_is_split() -> None:
    loop = line((0, 0), (100, 0), (100, 50), (50, 50), (50, -50))
    roads = clean([loop], [ROAD], RULES)
    assert (roads.report.crossings, len(roads.lines)) == (1, 3)
    assert sorted(roads.length.tolist()) == [50, 50, 200]
    assert len(clean([loop], [BRIDGE], RULES).lines) == 1


def test_loose_ends_in_a_row_are_all_joined_each_by_one_gap() -> None:
    gap = 0.9 * SNAP
    fans = [line((k * gap, 0), (k * gap + 70 * (k - 1.5), 300)) for k in range(4)]
    roads = clean(fans, [ROAD] * 4, RULES)
    assert len(roads.report.components) == 1
    assert roads.report.snapped == 3
    assert roads.length.sum() == pytest.approx(sum(each.length for each in fans) + 3 * gap)


def test_speeds_of_ramps_and_of_classes_without_one() -> None:
    assert RULES.speed("trunk_link") == RULES.ramp_kmh
    assert RULES.speed("track_link") == RULES.speeds_kmh["track"]
    assert RULES.speed("runway") is None
    assert issubclass(Cleaning, Settings)
    for wrong in ({"speeds_kmh": {"trunk": 0}}, {"speeds_kmh": {}}, {"snap_m": -1}, {"snap": 1}):
        with pytest.raises(ValidationError):
            Cleaning(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "tags", "message"),
    [
        (shapely.Point(1, 2), ROAD, "line 2 is Point; wanted LineString"),
        (None, ROAD, "line 2 is no geometry"),
        (
            line((0, 0), (math.nan, 1)),
            ROAD,
            "line 2 has coordinates that are no numbers",
        ),
        (
            line((0, 0), (math.inf, 1)),
            ROAD,
            "line 2 has coordinates that are no numbers",
        ),
        (line((0, 0), (1, 1)), Tags("runway"), "class 'runway', which has no speed; wanted"),
    ],
)
def test_lines_that_are_none_are_refused(shape: Any, tags: Tags, message: str) -> None:
    with pytest.raises(RealignError, match=message):
        clean([line((0, 0), (9, 0)), shape], [ROAD, tags], RULES)


def test_tags_that_are_none_are_refused() -> None:
    with pytest.raises(GeometryError, match="structure 'dam'; wanted bridge, tunnel, ford"):
        Tags("trunk", structure="dam")
    with pytest.raises(GeometryError, match="found 2 as direction of traffic"):
        Tags("trunk", oneway=2)
    with pytest.raises(GeometryError, match="found 0 lines with the tags of 1"):
        clean([], [ROAD], RULES)
    with pytest.raises(GeometryError, match="no line with two different points among 1"):
        clean([line((3, 3), (3, 3))], [ROAD], RULES)


# ---------------------------------------------------------------- files

HOME = (500_000.0, 3_900_000.0)


def degrees(xy: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Longitude and latitude of points about `HOME` [m]."""
    back = Transformer.from_crs(UTM, 4326, always_xy=True)
    return [list(back.transform(HOME[0] + x, HOME[1] + y)) for x, y in xy]


def feature(xy: Sequence[tuple[float, float]], **properties: object) -> dict[str, Any]:
    geometry = {"type": "LineString", "coordinates": degrees(xy)}
    return {"type": "Feature", "properties": {"class": "trunk"} | properties, "geometry": geometry}


def written(folder: Path, features: Sequence[dict[str, Any]], **more: object) -> Path:
    path = folder / "roads.geojson"
    held = {"type": "FeatureCollection", "features": features} | more
    path.write_text(json.dumps(held), "utf-8")
    return path


WEST, EAST = [(0.0, 0.0), (1000.0, 0.0)], [(1000.0, 0.0), (2000.0, 50.0)]


@pytest.mark.parametrize(
    ("oneway", "found"),
    [("yes", 1), (1, 1), (1.0, 1), (True, 1), ("-1", -1), (-1, -1), ("no", 0), (0, 0), (None, 0)],
)
def test_a_file_is_read_with_its_tags(tmp_path: Path, oneway: object, found: int) -> None:
    first = feature(WEST, oneway=oneway, brunnel="bridge", ref="N-35", name="Karakoram Highway")
    other = {"class": "path", "oneway": oneway}
    path = written(tmp_path, [first, feature(EAST, ramp=1), feature(EAST, **other)])
    roads = read(path, UTM, RULES)
    bridge, ramp = roads.tags
    assert bridge == Tags("trunk", "Karakoram Highway", "N-35", "bridge", abs(found))
    assert ramp == Tags("trunk_link")
    assert roads.start.tolist() == ([1, 1] if found < 0 else [0, 1])
    assert roads.xy - HOME == pytest.approx(np.array([*WEST, EAST[1]]), abs=1e-3)
    assert roads.crs == UTM
    assert (roads.report.pieces, roads.report.left_out) == (2, 1)


def wrong(**change: object) -> list[dict[str, Any]]:
    return [feature(WEST), feature(EAST, **change)]


def shaped(kind: str, coordinates: object) -> list[dict[str, Any]]:
    geometry = {"type": kind, "coordinates": coordinates}
    return [feature(WEST), feature(EAST) | {"geometry": geometry}]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([], "is empty; wanted roads|cannot be read|without geometry"),
        (wrong(oneway="perhaps"), "feature 2 has oneway 'perhaps'; wanted 1, yes, true, -1"),
        (wrong(brunnel="dam"), "feature 2 has brunnel 'dam'; wanted bridge, tunnel, ford or none"),
        (wrong(**{"class": "runway"}), "feature 2 has the class 'runway'; wanted one that has a"),
        (wrong(**{"class": None}), "feature 2 has the class ''; wanted"),
        (shaped("Point", [75.0, 35.0]), "feature 2 is Point; wanted LineString"),
        (shaped("LineString", [[5e5, 3.9e6], [6e5, 4e6]]), "feature 2 has coordinates outside WGS"),
        ([feature(WEST, **{"class": "path"})], "holds only path; wanted roads for cars"),
        ([feature([WEST[0], WEST[0]])], "no line with two different points among 1"),
    ],
)
def test_a_wrong_file_is_refused_by_name(
    tmp_path: Path, features: list[dict[str, Any]], message: str
) -> None:
    path = written(tmp_path, features)
    with pytest.raises(InputError, match=message) as problem:
        read(path, UTM, RULES)
    assert str(path) in str(problem.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; wanted roads"):
        read(tmp_path / "roads.geojson", UTM, RULES)
    path = written(tmp_path, [feature(WEST)])
    for crs in (CRS.from_epsg(4326), CRS.from_epsg(2263)):  # degrees, feet
        with pytest.raises(InputError, match="wanted a projected system in metres"):
            read(path, crs, RULES)
    path.write_text(path.read_text("utf-8")[:90], "utf-8")
    with pytest.raises(InputError, match="cannot be read as roads"):
        read(path, UTM, RULES)
    (tmp_path / "roads.csv").write_text("class,ref\ntrunk,N-35\n", "utf-8")
    with pytest.raises(InputError, match="without geometry"):
        read(tmp_path / "roads.csv", UTM, RULES)
    bare = feature(WEST) | {"properties": {"kind": "trunk"}}
    with pytest.raises(InputError, match="has no column class; found kind"):
        read(written(tmp_path, [bare]), UTM, RULES)


@pytest.mark.real
def test_the_roads_of_the_real_case_hang_together(real_inputs: Path) -> None:
    began = perf_counter()
    roads = read(real_inputs / "roads.geojson", UTM, Cleaning())
    assert perf_counter() - began < 30
    report: Report = roads.report
    assert report.pieces == 492
    assert (report.empty, report.duplicates, report.left_out, report.stubs) == (0, 0, 0, 0)
    assert report.passed == 4  # bridges of a motorway over roads, and of a town over its river road
    assert report.farthest <= roads.rules.snap_m
    structures = [tags.structure for tags in roads.tags]
    assert structures.count("ford") == 4
    assert 130 < structures.count("bridge") <= 138 + report.crossings
    assert sum(report.components) == pytest.approx(roads.length.sum())
    assert report.components[0] > 0.85 * roads.length.sum()
    highway = np.array([tags.ref == "N-35" for tags in roads.tags])
    main = roads.component[roads.start] == 0
    assert roads.length[highway & main].sum() > 0.99 * roads.length[highway].sum() > 400_000
    assert_same(roads, clean(list(roads.lines), roads.tags, roads.rules))
    graph = roads.graph()
    assert len(list(nx.weakly_connected_components(graph))) == len(report.components)
    edge, _, offset = roads.nearest([roads.xy[0, 0]], [roads.xy[0, 1]])
    assert offset[0] == pytest.approx(0, abs=1e-6)
    assert 0 in (roads.start[edge[0]], roads.end[edge[0]])
