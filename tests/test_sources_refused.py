"""What is no address, no ledger, no box, or too much, is refused in words."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import small_osm
import tile_server
from test_sources_new import call
from test_sources_osm import FILES, begun, fetch
from tile_server import Server, client, send
from typer.testing import CliRunner

import realign
from realign import cli
from realign.errors import SourceError
from realign.sources import ledger
from realign.sources import tile as tiles
from realign.sources.client import AskedError, Client
from realign.sources.ledger import Entry

DEEP = "[" * 100_000
"""JSON that is nested more deeply than any reader follows."""
ROW = (
    '{"files": {"a": {"asked": ASKED, "sha256": "", "origins": [], "when": "", "licence": "", '
    '"notes": []}}}'
)
NONE = [
    "http://[::1",
    "http://[bad]/",
    "http://a..b",
    "http://x:99999999",
    "http://",
    "x",
    "http://\u2100",
]


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


# ---- addresses


@pytest.mark.parametrize("url", NONE)
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(AskedError) as found, client().request(url, limit=10):
        pass
    assert str(found.value).startswith(f"{url}: ")
    assert "wanted an address such as https://" in str(found.value)


@pytest.mark.parametrize("to", ["http://[bad", "http://a..b/", "ftp://x/", "//[", "http://x:y/"])
@pytest.mark.parametrize("data", [None, {"data": "x"}])
def test_a_server_that_leads_to_no_address_is_named(
    server: Server, to: str, data: dict[str, str] | None
) -> None:
    def away(handler: BaseHTTPRequestHandler) -> bool:
        send(handler, 302, b"", {"Location": to})
        return True

    server.failures.append(away)
    with (
        pytest.raises(AskedError, match=rf"{server.url}/x: .*wanted an address such as"),
        client().request(f"{server.url}/x", limit=10, data=data),
    ):
        pass


@pytest.mark.parametrize("option", ["--mirror", "--overpass"])
def test_the_command_names_an_address_that_is_none(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(Client, "_wait_for_turn", lambda _: None)
    given = {"--mirror": server.url, "--overpass": f"{server.url}/api", option: "http://[::1"}
    words = [word for pair in given.items() for word in pair]
    done = CliRunner().invoke(cli.app, ["fetch", str(begun(tmp_path)), *words])
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert "http://[::1" in done.stderr
    assert "wanted an address such as https://" in " ".join(done.stderr.split())


# ---- what a disk or somebody else has spoilt


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        '{"files": {"a": ' + "[" * 900 + "]" * 900 + "}}",
        "{",
        '{"files": [1]}',
        ROW.replace("ASKED", "1"),
        ROW.replace("ASKED", '"\\ud800"'),
        ROW.replace("ASKED", "[]"),
    ],
)
def test_a_ledger_that_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / ledger.LEDGER).write_text(text, "utf-8")
    with pytest.raises(SourceError, match=r"fetched\.json: cannot be read as a ledger"):
        ledger.opened(tmp_path)


@pytest.mark.parametrize(
    "text", [DEEP, "{", '{"elements": [[[]]], "origin": "x"}', '{"size": 1e999, "held": []}']
)
def test_answers_and_parts_that_cannot_be_read_are_asked_for_again(
    server: Server, tmp_path: Path, text: str
) -> None:
    study = realign.load(begun(tmp_path))
    fetch(study, server)
    before = (study.inputs / "dem.tif").read_bytes(), len(server.asked)
    for held in (study.inputs / ".fetched").rglob("*.json"):
        held.write_text(text, "utf-8")
    for file in (*FILES, *ledger.FILES):
        (study.inputs / file).unlink(missing_ok=True)
    server.asked.clear()
    fetch(study, server)
    assert ((study.inputs / "dem.tif").read_bytes(), len(server.asked)) == before


@pytest.mark.parametrize("text", [DEEP, '{"size": 1e999, "etag": "", "held": []}', "[]", '"a"'])
def test_notes_of_a_tile_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, "utf-8")
    (tmp_path / "a.tif").write_bytes(b"x")
    assert tiles.Tile(tmp_path / "a.tif", client()).held == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\u2028", "\x0b", "\x85"])
def test_a_name_writes_no_line_of_its_own(tmp_path: Path, end: str) -> None:
    book = ledger.Ledger(tmp_path)
    name = f"N-35{end}## dem.tif{end}- licence: none"
    for file, told in (("a.geojson", "N-35"), ("b.geojson", name)):
        book.put(
            file,
            lambda part: part.write_bytes(b"x"),
            asked="x",
            origins=[f"https://x/{told}"],
            licence="ODbL-1.0",
            notes=[f"the way between both ends: {told}, 3 km"],
        )
    page = (tmp_path / ledger.SOURCES).read_text("utf-8")
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert heads == ["# Sources of these inputs", "## a.geojson", "## b.geojson", "## Licences"]
    assert sum(line.startswith("- licence:") for line in page.splitlines()) == 2
    kept = json.loads((tmp_path / ledger.LEDGER).read_text("utf-8"))["files"]["b.geojson"]
    assert name in kept["notes"][0]  # the ledger itself keeps what was found
    assert isinstance(ledger.opened(tmp_path).entries["b.geojson"], Entry)


# ---- boxes


@pytest.mark.parametrize("box", ["179.9,-17,-179.9,-16", "179.9,-17,180.1,-16"])
def test_a_box_across_the_180th_meridian_is_refused_where_a_study_begins(
    tmp_path: Path, box: str
) -> None:
    code, text = call(tmp_path / "swat", box=box)
    assert code == 2
    assert "on one side of the 180th meridian" in " ".join(text.split())
    assert not (tmp_path / "swat").exists()


def test_more_cells_than_there_is_room_for_are_refused_before_anything_is_asked_for(
    server: Server, tmp_path: Path
) -> None:
    study = realign.load(begun(tmp_path, "cell_m = 1\n"))
    wide = realign.sources.box.Box(76.0, 35.0, 77.0, 36.0)
    with pytest.raises(
        SourceError, match=r"fetch\.cell_m: found cells of 1 m for .*76,35,77,36"
    ) as found:
        fetch(study, server, box=wide)
    assert server.asked == []
    assert "smaller box" in str(found.value)
    for other in ("conditioning", "margin_m", "scratch"):
        assert other not in str(found.value)
    assert not study.inputs.exists() or not list(study.inputs.iterdir())
