"""Laws of what is made of OpenStreetMap, and of `realign fetch` as a whole."""

import datetime as dt
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import hypothesis.strategies as st
import networkx as nx
import numpy as np
import pytest
import shapely
import small_osm
import small_study
import tile_server
from hypothesis import given
from pyproj import CRS, Transformer
from tile_server import Server, send, status
from typer.testing import CliRunner

import realign
from realign import cli, highway
from realign import roads as networks
from realign.errors import SourceError, StudyError
from realign.plan import check
from realign.sources import features, ledger, overpass, roads
from realign.sources import fetching as fetches
from realign.sources.box import Box
from realign.sources.client import Client
from realign.sources.fetching import Fetched, Servers
from realign.sources.new import Begun, new
from realign.sources.overpass import Answer, Asker, Way
from realign.study import Study

UTM = CRS.from_epsg(small_study.EPSG)
DAY = dt.date(2025, 6, 1)
WEST, EAST = (
    small_study.point(x, float(small_study.river_y(x)) + small_study.ASIDE)
    for x in (400.0, 12_800.0)
)
DAM = small_study.point(small_study.DAM, float(small_study.river_y(small_study.DAM)))
BOX = Box(76.6499, 35.4662, 76.8027, 35.5019)
FILES = {
    "dem.tif", "highway.geojson", "highway_segments.geojson", "roads.geojson", "rivers.geojson",
    "places.geojson", "landuse.geojson",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a server with the tile of the valley."""
    root = tmp_path_factory.mktemp("store")
    small_osm.write_tile(root)
    return root


@pytest.fixture
def server(store: Path) -> Iterator[Server]:
    with tile_server.running(store) as running:
        running.overpass = small_osm.answer
        yield running


def begun(folder: Path, extra: str = "cell_m = 60\n") -> Path:
    """Begin a study of the valley, with keys of `[fetch]`."""
    known = Begun("small", BOX, DAM, 858.0, WEST, EAST, river="Clear")
    file = new(known, folder / "study", today=DAY)
    file.write_text(file.read_text("utf-8").replace("[fetch]\n", f"[fetch]\n{extra}"), "utf-8")
    return file


def fetch(study: Study, server: Server, by: Client | None = None, **other: object) -> Fetched:
    servers = Servers(elevation=(server.url,), overpass=(f"{server.url}/api",))
    return fetches.fetch(study, by or tile_server.client(), servers, **other)


def asker(server: Server, cache: Path, waits: list[float] | None = None, **manners: float) -> Asker:
    return Asker(tile_server.client(waits, **manners), [server.url], cache)


# ---- the whole


def test_a_new_study_is_fetched_and_passes_the_check(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    done = fetch(study, server)
    assert set(done.written) == FILES
    assert done.own == done.stood == []
    check(study)
    lost = realign.plan.submerge(study)
    flooded = sum(part.flooded_length for part in lost.submergence.sections)
    true = realign.plan.submerge(realign.load(small_study.folder() / "study.toml"))
    wanted = sum(part.flooded_length for part in true.submergence.sections)
    assert flooded == pytest.approx(wanted, rel=0.05)  # the same valley, made at another cell


def test_a_second_run_asks_for_nothing(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    before = {path: path.read_bytes() for path in study.inputs.rglob("*") if path.is_file()}
    server.asked.clear()
    done = fetch(study, server)
    assert server.asked == []
    assert (done.written, set(done.stood)) == ([], FILES)
    assert before == {path: path.read_bytes() for path in before}


def test_a_run_that_failed_goes_on_where_it_ended(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))

    def refuses(handler: BaseHTTPRequestHandler) -> bool:
        if "waterway" not in server.asked[-1].body:
            return False
        send(handler, 400, b"no")
        return True

    server.failures.append(refuses)
    with pytest.raises(SourceError, match=r"rivers.geojson: .*400"):
        fetch(study, server)
    assert {path.name for path in study.inputs.glob("*.*son")} >= {
        "roads.geojson",
        "landuse.geojson",
    }
    server.asked.clear()
    done = fetch(study, server)
    assert done.written == ["rivers.geojson"]
    assert len(server.asked) == 1


def test_sources_name_origin_day_licence_and_hash(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    page = (study.inputs / "SOURCES.md").read_text("utf-8")
    held = ledger.opened(study.inputs)
    assert set(held.entries) == FILES
    for name, entry in held.entries.items():
        part = page.split(f"## {name}\n")[1].split("\n## ")[0]
        assert f"- SHA-256: {entry.sha256}" in part
        assert f"- licence: {'Copernicus DEM' if name == 'dem.tif' else 'ODbL-1.0'}" in part
        assert server.url in part
        assert entry.when in part
    assert "data of 2025-06-01" in page
    assert all(notice in page for notice in ledger.LICENCES.values())


def test_files_of_the_user_are_left_as_they_are(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    study.inputs.mkdir()
    (study.inputs / "highway.geojson").write_text("mine", "utf-8")
    (study.inputs / "SOURCES.md").write_text("# My sources", "utf-8")
    done = fetch(study, server)
    assert done.own == ["highway.geojson"]
    assert not (study.inputs / "highway_segments.geojson").exists()
    assert any("highway.geojson is yours" in note for note in done.notes)
    assert (study.inputs / "highway.geojson").read_text("utf-8") == "mine"
    assert (study.inputs / "SOURCES.md").read_text("utf-8") == "# My sources"
    assert "# Sources" in (study.inputs / "fetched-SOURCES.md").read_text("utf-8")
    (study.inputs / "rivers.geojson").write_text("changed", "utf-8")
    assert set(fetch(study, server).own) == {"highway.geojson", "rivers.geojson"}


def test_another_box_is_another_question(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    smaller = Box(BOX.west, BOX.south, BOX.east - 0.002, BOX.north)
    done = fetch(study, server, box=smaller)
    assert set(done.written) == FILES


def test_nothing_is_asked_for_what_the_study_does_not_read(server: Server, tmp_path: Path) -> None:
    file = begun(tmp_path)
    text = file.read_text("utf-8")
    for layer in ("streams", "buildings", "landuse"):
        text = text.replace(f'"{layer}.geojson"', f'"my_{layer}.geojson"')
    file.write_text(text, "utf-8")
    done = fetch(realign.load(file), server)
    assert set(done.written) == FILES - {"landuse.geojson"}
    assert len([asked for asked in server.asked if asked.body]) == 3


def test_without_a_network_one_message_says_what_to_put_where(tmp_path: Path) -> None:
    file = begun(tmp_path)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        client = tile_server.client(waits := [])
        servers = Servers(elevation=(down,), overpass=(down,))
        study = realign.load(file)
        with pytest.raises(SourceError) as found:
            fetches.fetch(study, client, servers)
    text = str(found.value)
    assert len(waits) == 2  # the first three attempts tell that nobody is there
    for name in ("dem.tif", "highway.geojson", "highway_segments.geojson", "rivers.geojson"):
        assert f"\n  {name}: " in text
    assert "Copernicus_DSM_COG_10_N35_00_E076_00_DEM.tif" in text
    assert f"put these into {study.inputs}, then realign check {file}" in text
    assert not list(tmp_path.rglob("*.tif"))


def test_the_command_ends_with_code_2_and_no_traceback(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = begun(tmp_path)
    monkeypatch.setattr(cli, "Client", lambda _, **__: tile_server.client())
    server.failures += [status(403)] * 99
    words = ["fetch", str(file), "--mirror", server.url, "--overpass", server.url]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert "Without a network, put these into" in done.output + done.stderr


def test_the_command_takes_mirror_folder_box_and_out(
    server: Server, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = begun(tmp_path)
    monkeypatch.setattr(cli, "Client", lambda _, **__: tile_server.client())
    out = tmp_path / "elsewhere"
    words = ["fetch", str(file), "--overpass", server.url, "--out", str(out)]
    words += ["--tiles", str(store), "--box", str(BOX)]
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert all(asked.body for asked in server.asked)  # tiles came from the folder
    assert f"inputs in {out}; next: realign check {file}" in done.output
    again = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert "stood already: dem.tif" in again.output
    assert "fetched:" not in again.output
    wrong = CliRunner().invoke(cli.app, [*words, "--tiles", str(tmp_path / "none")])
    assert wrong.exit_code == 2
    assert "--tiles: found no folder" in wrong.output + wrong.stderr


def test_the_help_of_fetch_shows_an_example() -> None:
    shown = " ".join(CliRunner().invoke(cli.app, ["fetch", "--help"]).output.split())
    assert "Example: realign fetch data/swat/study.toml" in shown


def test_the_box_is_that_of_places_and_dams_where_the_study_has_none(tmp_path: Path) -> None:
    file = begun(tmp_path)
    text = file.read_text("utf-8")
    start = text.index("box = [")
    file.write_text(text[:start] + text[text.index("\n", start) :], "utf-8")
    box = fetches._box(realign.load(file))
    for lon, lat in (WEST, EAST, DAM):
        assert box.holds(lon - 0.149, lat - 0.149)
        assert box.holds(lon + 0.149, lat + 0.149)


@pytest.mark.parametrize("name", ["dem.vrt", "sub/dem.tif"])
def test_a_file_name_that_leads_elsewhere_is_refused(
    server: Server, tmp_path: Path, name: str
) -> None:
    file = begun(tmp_path)
    file.write_text(file.read_text("utf-8").replace('"dem.tif"', f'"{name}"'), "utf-8")
    with pytest.raises(SourceError, match=r"fetch writes NAME\.tif, no folder"):
        fetch(realign.load(file), server)
    assert server.asked == []


@pytest.mark.parametrize("name", ["../dem.tif", "/root/dem.tif"])
def test_a_study_that_leads_out_of_its_inputs_is_refused_before_anything_is_fetched(
    tmp_path: Path, name: str
) -> None:
    file = begun(tmp_path)
    file.write_text(file.read_text("utf-8").replace('"dem.tif"', f'"{name}"'), "utf-8")
    with pytest.raises(StudyError, match="wanted a name within the folder"):
        realign.load(file)


def test_a_ledger_that_is_damaged_is_an_error(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    study.inputs.mkdir()
    (study.inputs / "fetched.json").write_text('{"files": {"dem.tif": {}}}', "utf-8")
    with pytest.raises(SourceError, match="cannot be read as a ledger"):
        fetch(study, server)


def test_the_river_of_the_dam_is_named_where_the_study_names_another(
    server: Server, tmp_path: Path
) -> None:
    file = begun(tmp_path)
    file.write_text(file.read_text("utf-8").replace('river = "Clear"', 'river = "Indus"'), "utf-8")
    done = fetch(realign.load(file), server)
    assert any("the nearest to Dam with a name: Clear River" in note for note in done.notes)


# ---- Overpass


@pytest.mark.parametrize(
    "bad",
    [
        "<html><body>The server is probably too busy</body></html>",
        '{"elements": [',
        "[]",
        {"remark": "runtime error: Query timed out in query at line 4", "elements": [{}]},
    ],
)
def test_what_is_no_whole_answer_is_asked_for_again(
    server: Server, tmp_path: Path, bad: object
) -> None:
    answers = iter([bad, small_osm.answer('"place"')])
    server.overpass = lambda _: next(answers)
    waits: list[float] = []
    found = asker(server, tmp_path, waits).within(BOX, "places")
    assert len(found.elements) == 2
    assert len(waits) == 1


def test_a_page_for_ever_is_an_error_that_shows_it(server: Server, tmp_path: Path) -> None:
    server.overpass = lambda _: "<html> <b>log in</b>"
    with pytest.raises(SourceError, match="found '<html> <b>log in</b>'; wanted JSON"):
        asker(server, tmp_path).within(BOX, "places")
    assert list(tmp_path.iterdir()) == []


def test_429_of_overpass_is_waited_for(server: Server, tmp_path: Path) -> None:
    server.failures.append(status(429, Retry_After="9"))
    waits: list[float] = []
    asker(server, tmp_path, waits).within(BOX, "rivers")
    assert waits == [9.0]


def test_the_question_holds_the_box_as_overpass_wants_it(server: Server, tmp_path: Path) -> None:
    asked: list[str] = []
    server.overpass = lambda query: asked.append(query) or small_osm.answer(query)
    asker(server, tmp_path).within(Box(1.5, 2.5, 3.5, 4.5), "places")
    assert "[bbox:2.5,1.5,4.5,3.5]" in asked[0]  # south, west, north, east
    assert "[out:json][timeout:" in asked[0]


def test_a_relation_that_is_none_is_an_error(server: Server, tmp_path: Path) -> None:
    assert asker(server, tmp_path).members(77) == {10, 11, 12, 13}
    server.overpass = small_osm.answer
    with pytest.raises(SourceError, match="no way in the relation 78"):
        asker(server, tmp_path).members(78)


# ---- highway


def ways(*elements: object) -> list[Way]:
    return list(overpass.ways(Answer(tuple(elements), "")))


def lattice(rows: int, cols: int) -> dict[int, tuple[float, float]]:
    """Points of a lattice of about 1 km, by number [deg]."""
    return {
        100 * r + c: (76.66 + 0.011 * c, 35.468 + 0.009 * r)
        for r in range(rows)
        for c in range(cols)
    }


CLASS = st.sampled_from(["trunk", "primary", "secondary", "tertiary", "residential", "track"])


@given(st.lists(CLASS, min_size=24, max_size=24), st.integers(0, 23))
def test_the_highway_is_the_cheapest_way_on_the_lattice(kinds: list[str], own: int) -> None:
    at = lattice(3, 5)
    pairs = [(n, n + 1) for n in at if n + 1 in at] + [(n, n + 100) for n in at if n + 100 in at]
    kinds = kinds[: len(pairs)]
    own_ref = {"ref": "N 35"}
    elements = [
        small_osm.way(i, pair, [at[n] for n in pair], highway=kind, **(own_ref if i == own else {}))
        for i, (pair, kind) in enumerate(zip(pairs, kinds, strict=True))
    ]
    lines = ways(*elements)
    prefer = roads.with_ref("n-35", lines) if own < len(pairs) else None
    found = roads.highway(lines, (at[0], at[204]), crs=UTM, box=BOX, preferred=prefer)
    project = Transformer.from_crs(4326, UTM, always_xy=True)
    graph = nx.Graph()
    for i, ((a, b), kind) in enumerate(zip(pairs, kinds, strict=True)):
        factor = roads.PREFERRED if i == own else roads.CLASSES[kind]
        far = float(np.hypot(*np.subtract(project.transform(*at[a]), project.transform(*at[b]))))
        graph.add_edge(a, b, cost=factor * far)
    wanted = nx.shortest_path_length(graph, 0, 204, weight="cost")
    numbers = {tuple(np.round(lonlat, 9)): n for n, lonlat in at.items()}
    path = [numbers[tuple(np.round(point, 9))] for point in found.lonlat]
    got = sum(graph.edges[pair]["cost"] for pair in pairwise(path))
    aside = 10.0 * sum(found.aside)
    assert got + aside <= wanted + 1e-6
    assert (path[0], path[-1]) == (0, 204) or aside > 0


def test_the_highway_read_back_is_the_line_that_was_drawn(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    segments = study.inputs / "highway_segments.geojson"
    line = highway.read(study.inputs / "highway.geojson", crs=UTM, segments=segments)
    true = shapely.LineString(small_study.road())
    assert shapely.LineString(line.xy).hausdorff_distance(true) < 60.0  # ends lie between points
    assert line.length == pytest.approx(true.length, rel=0.01)
    (bridge,) = line.bridges
    xy = small_study.road()
    s = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    assert bridge.length == pytest.approx(s[70] - s[60], abs=0.5)


@pytest.mark.parametrize("extra", ['highway_ref = "n1"', "highway_relation = 77"])
def test_the_highway_keeps_to_its_number_or_relation(
    server: Server, tmp_path: Path, extra: str
) -> None:
    lonlat = small_study.degrees(small_study.road())
    straight = small_osm.way(50, [60, 70], [lonlat[60], lonlat[70]], highway="motorway")
    shortcut = small_osm.way(51, [0, 249], [lonlat[0], lonlat[249]], highway="motorway")

    def answer(query: str) -> object:
        table = small_osm.answer(query)
        if '"highway"' in query:
            table["elements"] += [straight, shortcut]
        return table

    server.overpass = answer
    bare = realign.load(begun(tmp_path / "bare"))
    fetch(bare, server)
    named = realign.load(begun(tmp_path / "named", f"cell_m = 60\n{extra}\n"))
    fetch(named, server)
    lengths = [
        float(gpd.read_file(study.inputs / "highway.geojson")["length_km"][0])
        for study in (bare, named)
    ]
    assert lengths[0] < lengths[1] - 0.05  # by the shortcut, where nothing says which road


def test_a_number_that_no_road_has_is_an_error(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path, 'cell_m = 60\nhighway_ref = "N-35"\n'))
    with pytest.raises(SourceError, match=r"no road 'N-35' in the box; the numbers there are N-1"):
        fetch(study, server)
    assert (study.inputs / "roads.geojson").exists()
    assert not (study.inputs / "highway.geojson").exists()


def test_ends_without_a_road_are_named() -> None:
    line = ways(small_osm.way(1, [1, 2], [(76.66, 35.48), (76.67, 35.48)], highway="trunk"))
    far = (76.79, 35.48)
    with pytest.raises(SourceError, match=r"within 5 km of the end of the highway at 76.79,35.48"):
        roads.highway(line, ((76.66, 35.48), far), crs=UTM, box=BOX)
    other = ways(small_osm.way(2, [3, 4], [(76.78, 35.48), far], highway="trunk"))
    with pytest.raises(SourceError, match="no road of OpenStreetMap that leads from the start"):
        roads.highway(line + other, ((76.66, 35.48), far), crs=UTM, box=BOX)
    with pytest.raises(SourceError, match="both ends of the highway at one point"):
        roads.highway(line, ((76.66, 35.48), (76.6601, 35.48)), crs=UTM, box=BOX)


def test_points_outside_of_the_box_are_not_used() -> None:
    inside, outside = [(76.66, 35.48), (76.70, 35.48)], (76.68, 35.40)
    direct = small_osm.way(1, [1, 2], inside, highway="track")
    around = small_osm.way(2, [1, 3, 2], [inside[0], outside, inside[1]], highway="motorway")
    found = roads.highway(ways(direct, around), (inside[0], inside[1]), crs=UTM, box=BOX)
    assert {way.number for way in found.pieces} == {1}


# ---- the other files


def test_roads_read_back_as_a_network(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    net = networks.read(study.inputs / "roads.geojson", UTM, study.roads)
    assert net.report.left_out == 0
    assert {tags.kind for tags in net.tags} == {"trunk", "track"}
    assert {tags.structure for tags in net.tags} == {"", "bridge"}
    assert len(net.report.components) == 1


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ({"bridge": "yes"}, "bridge"),
        ({"bridge": "viaduct", "tunnel": "no"}, "bridge"),
        ({"bridge": "no"}, ""),
        ({"tunnel": "avalanche_protector"}, "tunnel"),
        ({"tunnel": "building_passage"}, ""),
        ({"ford": "yes"}, "ford"),
        ({}, ""),
    ],
)
def test_what_a_road_runs_on(tags: dict[str, str], wanted: str) -> None:
    assert roads.structure(tags) == wanted


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ({}, "no"),
        ({"oneway": "yes"}, "yes"),
        ({"oneway": "-1"}, "-1"),
        ({"oneway": "reversible"}, "no"),
        ({"junction": "roundabout"}, "yes"),
        ({"junction": "roundabout", "oneway": "no"}, "no"),
    ],
)
def test_the_direction_of_traffic(tags: dict[str, str], wanted: str) -> None:
    shape = [(76.66, 35.48), (76.67, 35.48)]
    line = ways(small_osm.way(1, [1, 2], shape, highway="trunk", **tags))
    ((_, row),) = roads.road_rows(line, BOX, networks.Cleaning())
    assert row["oneway"] == wanted


def test_rivers_run_on_downstream_under_one_name(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    rivers = gpd.read_file(study.inputs / "rivers.geojson")
    assert list(rivers["name"]) == ["Clear River"]  # two pieces, joined
    assert list(rivers["name_local"]) == ["صاف"]
    line = rivers.geometry[0]
    assert line.coords[0][0] > line.coords[-1][0]  # the valley falls to the west
    assert BOX.west <= line.bounds[0] <= line.bounds[2] <= BOX.east


def test_places_keep_their_names_on_the_spot_and_in_urdu(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    places = gpd.read_file(study.inputs / "places.geojson").set_index("name")
    assert places.loc["Midway", "name_ur"] == places.loc["Midway", "name_local"] == "درمیان"
    assert places.loc["Up", "name_ur"] == ""


def test_areas_of_relations_keep_their_holes(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    land = gpd.read_file(study.inputs / "landuse.geojson").set_index("class")
    assert land.loc["farmland"].geometry.area == pytest.approx(0.004**2 - 0.002**2)
    assert land.loc["residential"].geometry.area == pytest.approx(0.001**2)


def test_points_not_known_are_left_out() -> None:
    shape = [{"lon": 1.0, "lat": 2.0}, None, {"lon": 1.1, "lat": 2.0}]
    (way,) = ways({"type": "way", "id": 7, "nodes": [1, 2, 3], "geometry": shape})
    assert way.nodes == (1, 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "nodes", "geometry", "tags", "members", "lon", "lat", "ref", "role"]
            ),
            inner | st.sampled_from(["way", "node", "relation"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(["type", "id", "nodes", "geometry", "tags",
       "members", "lon", "lat"]), JSON | st.sampled_from(["way", "node", "relation"]),
       max_size=6), max_size=4))  # fmt: skip
def test_elements_of_any_form_are_left_out(elements: list[dict[str, object]]) -> None:
    answer = Answer(tuple(elements), "")
    for rows in (features.place_rows, lambda a: features.area_rows(a, BOX, "landuse")):
        assert all(shape.is_valid for shape, _ in rows(answer))


def test_a_folder_that_is_a_file_is_an_error_before_anything_is_asked(
    server: Server, tmp_path: Path
) -> None:
    study = realign.load(begun(tmp_path))
    study.inputs.write_text("", "utf-8")
    with pytest.raises(SourceError, match="inputs: cannot be written"):
        fetch(study, server)
    assert server.asked == []


def test_a_kept_answer_that_is_damaged_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    asker(server, tmp_path).within(BOX, "places")
    (kept,) = tmp_path.iterdir()
    kept.write_text(kept.read_text("utf-8")[:100], "utf-8")
    assert len(asker(server, tmp_path).within(BOX, "places").elements) == 2
    assert len(server.asked) == 2


def test_names_with_markup_and_quotes_come_back_as_they_are(tmp_path: Path) -> None:
    name = 'a "b" <script>\\ \u2028'
    rows = features.place_rows(
        Answer(({"type": "node", "id": 1, "lon": 1, "lat": 2, "tags": {"name": name}},), "")
    )
    overpass.write(tmp_path / "places.geojson", rows)
    table = json.loads((tmp_path / "places.geojson").read_text("utf-8"))
    assert table["features"][0]["properties"]["name"] == name


@pytest.mark.slow
def test_a_new_study_fetched_from_a_server_gives_options(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    plan = realign.run(study)
    built = [option for option in plan.options if option.new_length > 0]
    assert built
    assert any(option.pareto for option in plan.options)
    assert all(plan.programmes[option.name].schedule.total_pkr > 0 for option in built)
