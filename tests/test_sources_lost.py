"""What servers and folders do not give is told, and never taken for something else."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import geopandas as gpd
import hypothesis.strategies as st
import pytest
import small_osm
import tile_server
from hypothesis import given
from test_sources_osm import BOX, begun, fetch
from tile_server import Server, status, write_tile
from typer.testing import CliRunner

import realign
from realign import cli
from realign.errors import SourceError
from realign.sources import client as clients
from realign.sources import elevation
from realign.sources import fetching as fetches
from realign.sources.box import Box
from realign.sources.fetching import Fetched, Servers
from realign.study import Study

DOWN = "http://127.0.0.1:9"
TWO = Box(76.65, 35.4662, 77.05, 35.5019)
"""Over two tiles."""
FIRST, SECOND = elevation.name(76, 35), elevation.name(77, 35)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a server with the first of two tiles."""
    root = tmp_path_factory.mktemp("half")
    small_osm.write_tile(root)
    return root


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a server with both tiles."""
    root = tmp_path_factory.mktemp("both")
    small_osm.write_tile(root)
    write_tile(root, 77, 35, cells=small_osm.CELLS, ground=small_osm.ground)
    return root


@pytest.fixture
def server(half: Path) -> Iterator[Server]:
    with tile_server.running(half) as running:
        running.overpass = small_osm.answer
        yield running


@pytest.fixture
def whole(both: Path) -> Iterator[Server]:
    with tile_server.running(both) as running:
        running.overpass = small_osm.answer
        yield running


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return realign.load(begun(tmp_path, "cell_m = 300\n"))


def ground(
    study: Study, osm: Server, *elevation: str, tiles: Path | None = None, sea: tuple[str, ...] = ()
) -> Fetched:
    """Fetch a box over two tiles, the ground from some servers or a folder."""
    servers = Servers(elevation, (f"{osm.url}/api",), tiles, sea)
    return fetches.fetch(study, tile_server.client(), servers, box=TWO)


def page(study: Study) -> str:
    """Read what is told of the ground."""
    return (study.inputs / "SOURCES.md").read_text("utf-8").split("## dem.tif")[1].split("\n## ")[0]


# ---- lost ground


@pytest.mark.parametrize("mirrors", [("half", "down"), ("down", "half")])
def test_a_tile_is_no_sea_while_a_server_does_not_answer(
    server: Server, whole: Server, study: Study, mirrors: tuple[str, ...]
) -> None:
    urls = [{"half": server.url, "down": DOWN}[name] for name in mirrors]
    with pytest.raises(SourceError) as found:
        ground(study, server, *urls)
    text = str(found.value)
    assert f"{SECOND}: no server gave it" in text
    assert f"{server.url}/{SECOND}/{SECOND}.tif: 404" in text
    assert "127.0.0.1:9" in text
    assert not (study.inputs / "dem.tif").exists()
    done = ground(study, server, whole.url)
    assert done.written == ["dem.tif"]
    assert "sea" not in page(study)


def test_a_single_tile_that_one_server_lacks_tells_of_the_other_that_is_down(
    server: Server, study: Study, tmp_path: Path
) -> None:
    with tile_server.running(tmp_path / "empty") as empty:
        servers = Servers((empty.url, DOWN), (f"{server.url}/api",))
        with pytest.raises(SourceError) as found:
            fetches.fetch(study, tile_server.client(), servers)
        text = str(found.value)
        assert f"{empty.url}/{FIRST}/{FIRST}.tif: 404" in text
        assert f"{DOWN}/{FIRST}/{FIRST}.tif: cannot be reached" in text


def test_sea_is_what_every_server_lacks_and_is_named(
    server: Server, whole: Server, study: Study, tmp_path: Path
) -> None:
    with tile_server.running(tmp_path / "empty") as empty:
        done = ground(study, server, server.url, empty.url)
        assert "dem.tif" in done.written
        assert f"({server.url}, {empty.url}): {SECOND}" in page(study)
        assert any(SECOND in note for note in done.notes)
        again = ground(study, server, server.url, empty.url)
        assert "dem.tif" in again.stood
    other = ground(study, server, whole.url)  # which may have what those lack
    assert other.written == ["dem.tif"]
    assert "sea" not in page(study)
    assert "dem.tif" in ground(study, server, server.url).stood  # nothing is missing in it


def test_a_folder_that_lacks_a_tile_is_an_error_unless_it_is_named_as_sea(
    server: Server, half: Path, both: Path, study: Study
) -> None:
    with pytest.raises(SourceError) as found:
        ground(study, server, tiles=half)
    text = str(found.value)
    assert f"{half}: found no {SECOND}.tif; wanted" in text
    assert "--sea" in text
    assert "network" not in text
    assert not (study.inputs / "dem.tif").exists()
    done = ground(study, server, tiles=half, sea=(SECOND,))
    assert done.written == ["dem.tif"]
    assert f"tiles named as sea, without ground: {SECOND}" in page(study)
    ground(study, server, tiles=both)
    assert "sea" not in page(study)


def test_a_tile_named_as_sea_that_is_none_of_the_box_is_an_error(
    server: Server, both: Path, study: Study
) -> None:
    with pytest.raises(SourceError, match=rf"--sea: found X; wanted one of {FIRST}, {SECOND}"):
        ground(study, server, tiles=both, sea=("X",))


def test_the_command_takes_tiles_of_the_sea(
    server: Server, half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = begun(tmp_path, "cell_m = 300\n")
    monkeypatch.setattr(cli, "Client", lambda _, **__: tile_server.client())
    words = ["fetch", str(file), "--overpass", server.url, "--tiles", str(half), "--box", str(TWO)]
    done = CliRunner().invoke(cli.app, [*words, "--sea", f"{SECOND}.tif"])
    assert done.exit_code == 0, done.output
    assert f"tiles named as sea, without ground: {SECOND}" in done.output


# ---- bad answers


def spoiled(server: Server, kind: str, bad: object) -> None:
    """Let a server answer one kind of question badly."""
    server.overpass = lambda query: bad if kind in query else small_osm.answer(query)


NO_SHAPE = {"type": "way", "id": 7, "nodes": [1, 2], "tags": {"highway": "trunk"}}
NO_NODES = NO_SHAPE | {"geometry": [{"lon": 76.7, "lat": 35.48}, {"lon": 76.71, "lat": 35.48}]}
del NO_NODES["nodes"]
AWAY = NO_NODES | {"nodes": [1, 2], "geometry": [{"lon": 1, "lat": 1}, {"lon": 2, "lat": 1}]}


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ('"highway"', []),
        ('"highway"', [NO_SHAPE]),
        ('"highway"', [NO_NODES]),
        ('"waterway"~', [AWAY]),
        ('"waterway"~', [{"type": "node"}]),
    ],
)
def test_an_answer_without_what_is_needed_is_not_kept(
    server: Server, study: Study, kind: str, elements: list[object]
) -> None:
    spoiled(server, kind, {"elements": elements})
    with pytest.raises(SourceError, match=r"none of the (roads|rivers) in the box|none that can"):
        fetch(study, server)
    server.overpass = small_osm.answer
    server.asked.clear()
    done = fetch(study, server)
    assert ("rivers.geojson" if "water" in kind else "highway.geojson") in done.written
    assert len(server.asked) == 1


def test_an_empty_answer_of_the_first_server_is_asked_of_the_second(
    server: Server, whole: Server, study: Study
) -> None:
    server.overpass = lambda _: {"elements": []}
    servers = Servers((server.url,), (f"{server.url}/api", f"{whole.url}/api"))
    done = fetches.fetch(study, tile_server.client(), servers)
    assert {"highway.geojson", "rivers.geojson"} <= set(done.written)


def test_a_kept_answer_that_is_of_no_use_is_asked_for_again(server: Server, study: Study) -> None:
    fetch(study, server)
    for path in (study.inputs / ".fetched").glob("osm-rivers-*"):
        path.write_text(json.dumps({"elements": [NO_SHAPE], "origin": "x"}), "utf-8")
    (study.inputs / "rivers.geojson").unlink()
    server.asked.clear()
    assert fetch(study, server).written == ["rivers.geojson"]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "bad",
    [
        NO_SHAPE,
        NO_NODES,
        NO_SHAPE | {"geometry": [None, 1]},
        NO_NODES | {"nodes": [1, 10**30]},
        NO_NODES | {"nodes": ["x", None]},
        NO_NODES | {"id": "7\ud800", "nodes": [1]},
        AWAY | {"geometry": [{"lon": 1e300, "lat": 1}, {"lon": 2, "lat": float("nan")}]},
    ],
)
def test_a_broken_way_is_left_out_and_told(server: Server, study: Study, bad: object) -> None:
    table = small_osm.answer('"highway"')
    spoiled(server, '"highway"', table | {"elements": [bad, *table["elements"]]})
    done = fetch(study, server)
    (note,) = [note for note in done.notes if "left out" in note]
    assert note.startswith("OpenStreetMap, roads: left out, since it cannot be read: way 7")
    assert "cannot be read: way 7" in (study.inputs / "SOURCES.md").read_text("utf-8")
    assert not list((study.inputs / ".fetched").glob("osm-roads-*"))


def test_a_broken_way_that_is_needed_is_named_where_the_highway_breaks_off(
    server: Server, study: Study
) -> None:
    table = small_osm.answer('"highway"')
    (gap,) = [way for way in table["elements"] if way["id"] == 12]
    del gap["geometry"]
    spoiled(server, '"highway"', table)
    with pytest.raises(SourceError, match=r"no road of OpenStreetMap that leads.* way 12 "):
        fetch(study, server)


# ---- heads and names


@pytest.mark.parametrize(
    "given", ["\u00b2", "9" * 5000, "-5", "Wed, 21 Oct 9999999999999 07:28:00"]
)
def test_a_time_to_come_back_that_is_none_is_as_if_not_given(
    server: Server, study: Study, given: str
) -> None:
    server.failures.append(status(429, Retry_After=given))
    waits: list[float] = []
    fetch(study, server, tile_server.client(waits))
    assert len(waits) == 1
    assert 2.0 <= waits[0] <= 4.0


DATE = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001


@given(st.text(max_size=30) | DATE.map(lambda day: day.strftime("%a, %d %b %Y %H:%M:%S +2359")))
def test_a_field_of_any_text_is_a_time_to_wait_or_none(given: str) -> None:
    wait = clients._retry_after(given)
    assert wait is None or wait >= 0
    assert clients._retry_after(datetime(2000, 1, 1, tzinfo=UTC).ctime()) in {0.0, None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Content-Length", "\u00b2"),
        ("Content-Length", "9" * 5000),
        ("Content-Range", "bytes 0-65535/\u00b2"),
        ("Content-Range", f"bytes 0-65535/{'9' * 5000}"),
        ("Content-Range", "bytes \u00b2-9/9"),
        ("Content-Range", "bytes 0-65535/99999999999999"),
    ],
)
def test_a_length_that_is_none_is_an_error(
    server: Server, study: Study, field: str, value: str
) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> bool:
        if handler.command == "POST":
            return False
        handler.close_connection = True
        handler.send_response(206)
        handler.send_header(field, value)
        handler.end_headers()
        handler.wfile.write(b"x" * 100)
        return True

    server.failures += [answer] * 99
    with pytest.raises(SourceError, match=rf"dem\.tif: {FIRST}: no server gave it"):
        fetch(study, server)


def test_a_name_that_no_file_can_hold_is_written_with_a_mark(server: Server, study: Study) -> None:
    place = {"type": "node", "id": 1, "lon": 76.7, "lat": 35.48}
    text = json.dumps({"elements": [place | {"tags": {"place": "town", "name": "a\ud800b"}}]})
    spoiled(server, '"place"', text)
    fetch(study, server)
    (study.inputs / "places.geojson").unlink()
    server.asked.clear()
    fetch(study, server)
    assert server.asked == []  # the answer was kept
    assert list(gpd.read_file(study.inputs / "places.geojson")["name"]) == ["a\ufffdb"]


def test_a_remark_and_a_day_of_any_text_can_be_shown(server: Server, study: Study) -> None:
    answers = iter(['{"elements": [], "remark": "runtime error \\ud800"}'])
    good = small_osm.answer('"place"') | {"osm3s": {"timestamp_osm_base": "\ud800"}}

    def answer(query: str) -> object:
        return next(answers, good) if '"place"' in query else small_osm.answer(query)

    server.overpass = answer
    fetch(study, server)
    assert "data of \ufffd" in (study.inputs / "SOURCES.md").read_text("utf-8")


# ---- relations


def related(server: Server, relations: dict[int, list[tuple[str, int]]]) -> None:
    """Let a server know relations by number, with their members."""

    def answer(query: str) -> object:
        if "rel(" not in query:
            return small_osm.answer(query)
        asked = query.partition("rel(")[2].partition(")")[0].removeprefix("id:").split(",")
        return {
            "elements": [
                {
                    "type": "relation",
                    "id": int(number),
                    "members": [{"type": kind, "ref": ref} for kind, ref in relations[int(number)]],
                }
                for number in asked
                if int(number) in relations
            ]
        }

    server.overpass = answer


def with_relation(tmp_path: Path, number: int) -> Study:
    return realign.load(begun(tmp_path, f"cell_m = 300\nhighway_relation = {number}\n"))


def test_a_relation_without_a_way_in_the_box_is_an_error(server: Server, tmp_path: Path) -> None:
    related(server, {99: [("way", 424242), ("way", 21)]})
    wanted = rf"none of the 2 ways of the relation 99 among the roads in the box {BOX}"
    with pytest.raises(SourceError, match=wanted):
        fetch(with_relation(tmp_path, 99), server)


@pytest.mark.parametrize("inner", [[5], [5, 6], [4, 5]])
def test_relations_of_a_relation_are_followed(
    server: Server, tmp_path: Path, inner: list[int]
) -> None:
    own = [("way", number) for number in (10, 11, 12, 13)]
    related(server, {1: [("relation", number) for number in inner], 5: own, 6: [("way", 424242)]})
    done = fetch(with_relation(tmp_path, 1), server)
    assert "highway.geojson" in done.written


@pytest.mark.parametrize("below", [{}, {5: [("relation", 6)], 6: [("way", 10)]}, {5: []}])
def test_relations_two_levels_down_are_told_not_to_be_followed(
    server: Server, tmp_path: Path, below: dict[int, list[tuple[str, int]]]
) -> None:
    related(server, {1: [("relation", 5)], **below})
    with pytest.raises(SourceError, match=r"relation 1 of .* nor in the 1 relations .* one level"):
        fetch(with_relation(tmp_path, 1), server)


# ---- what is told


def test_an_error_that_no_network_mends_gives_no_such_advice(
    server: Server, tmp_path: Path
) -> None:
    study = realign.load(begun(tmp_path, 'cell_m = 300\nhighway_ref = "N-35"\n'))
    with pytest.raises(SourceError) as found:
        fetch(study, server)
    assert "Without a network" not in str(found.value)
    assert f"Or put these into {study.inputs}" in str(found.value)


def test_the_error_of_sources_is_a_public_name() -> None:
    assert realign.SourceError is SourceError
    assert "SourceError" in realign.__all__
