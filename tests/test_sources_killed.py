"""Fetches that are killed, meet each other or run out of disk: the next one ends whole."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import small_osm
import tile_server
from test_sources_osm import FILES, begun, fetch
from tile_server import Server

import realign
from realign.errors import SourceError
from realign.sources import files, ledger

KILLED = -9
EXTRA = "cell_m = 300\nhighway_relation = 77\n"
HERE = Path(__file__).parent
PATHS = {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]), "NO_PROXY": "127.0.0.1"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("store")
    small_osm.write_tile(root)
    with tile_server.running(root) as running:
        running.overpass = small_osm.answer
        yield running


@dataclass
class Fetches:
    """The program in another process, and the server that it asks."""

    process: subprocess.Popen[str]
    url: str

    def run(
        self, study: Path, kill: int = 0, *, names: bool = False, **more: str
    ) -> dict[str, Any]:
        """Fetch the inputs of a study, killed at a moment that is not 0."""
        assert self.process.stdin
        assert self.process.stdout
        case = {"study": str(study), "url": self.url, "kill": kill, "names": names, **more}
        print(json.dumps(case), file=self.process.stdin, flush=True)
        ended: dict[str, Any] = json.loads(self.process.stdout.readline())
        return ended


@contextmanager
def started(url: str, *before: str) -> Iterator[Fetches]:
    """Start the program, within another where that is given."""
    process = subprocess.Popen(
        [*before, sys.executable, str(HERE / "killed_fetch.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **PATHS},
    )
    yield Fetches(process, url)
    assert process.stdin
    process.stdin.close()
    process.wait(30)
    assert process.stdout
    process.stdout.close()


@pytest.fixture
def fetches(server: Server) -> Iterator[Fetches]:
    with started(server.url) as running:
        yield running


def content(folder: Path) -> dict[str, str]:
    """All files of a folder, without the time at which they were fetched."""
    return {
        path.relative_to(folder).as_posix(): re.sub(
            r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "then", path.read_bytes().decode("latin-1")
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


EVERY = int(os.environ.get("REALIGN_EVERY", "9"))
"""Of how many moments one is tried; all of them take some minutes."""


@pytest.mark.parametrize(
    ("names", "most"), [(True, 16), pytest.param(False, 10_000, marks=pytest.mark.slow)]
)
def test_a_fetch_killed_at_any_moment_is_made_whole_by_the_next(
    fetches: Fetches, tmp_path: Path, *, names: bool, most: int
) -> None:
    study = begun(tmp_path, EXTRA)
    inputs = study.parent / "inputs"
    count = fetches.run(study, names=names)["count"]
    wanted = content(inputs)
    assert set(wanted) >= FILES | {"SOURCES.md", "fetched.json"}
    moments = min(count, most)
    assert moments >= (16 if names else 200)
    halves = set()
    for moment in range(1, moments + 1, 1 if names else EVERY):
        shutil.rmtree(inputs, ignore_errors=True)
        assert fetches.run(study, moment, names=names)["code"] == KILLED
        half = str(sorted(content(inputs).items())) if inputs.exists() else ""
        half = re.sub(r"\.\d+-|scratch-\w+", ".1-", half)
        if half in halves:
            continue  # what the next fetch finds is what one before has found
        halves.add(half)
        ended = fetches.run(study)
        assert (ended["code"], ended.get("own")) == (0, []), (moment, ended)
        assert not [note for note in ended["notes"] if "is not made" in note], moment
        assert content(inputs) == wanted, moment
    assert len(halves) > moments / (4 if names else 4 * EVERY)


def test_what_killed_fetches_leave_goes_and_what_is_the_users_stays(
    server: Server, tmp_path: Path
) -> None:
    study = realign.load(begun(tmp_path, EXTRA))
    fetch(study, server)
    wanted = content(study.inputs)
    mine = (".1-mine.tif", ".git-keep", ".x-dem.tif")
    left = (".1-dem.tif", ".99999999-fetched.json", ".fetched/.7-osm-x.json")
    left += (".fetched/tiles/.7-x.json", ".fetched/scratch-abc/0000.tif", ".1-.1-dem.tif.room")
    for name in (*mine, *left):
        path = study.inputs / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x", "utf-8")
    fetch(study, server)
    assert content(study.inputs) == wanted | dict.fromkeys(mine, "x")


def test_a_page_of_sources_that_the_user_changed_stays_where_nothing_is_fetched(
    server: Server, tmp_path: Path
) -> None:
    study = realign.load(begun(tmp_path, EXTRA))
    fetch(study, server)
    page = study.inputs / "SOURCES.md"
    page.write_text(page.read_text("utf-8") + "\n## mine\n", "utf-8")
    fetch(study, server)
    assert "## mine" in page.read_text("utf-8")


def test_a_file_that_was_about_to_come_and_is_another_is_the_users(tmp_path: Path) -> None:
    held = ledger.opened(tmp_path)

    def write(part: Path) -> None:
        part.write_text("new", "utf-8")

    held.put("a.geojson", write, asked="a", origins=(), licence="ODbL-1.0")
    (row,) = json.loads((tmp_path / "fetched.json").read_text("utf-8"))["files"].values()
    table = {"files": {}, "coming": {"a.geojson": row}}
    (tmp_path / "fetched.json").write_text(json.dumps(table), "utf-8")
    assert ledger.opened(tmp_path).state("a.geojson", "a") == "fetched"
    (tmp_path / "a.geojson").write_text("mine", "utf-8")
    again = ledger.opened(tmp_path)
    assert again.state("a.geojson", "a") == "own"
    again.settle()
    assert ledger.opened(tmp_path).state("a.geojson", "a") == "own"
    assert ledger.opened(tmp_path).coming == {}


def test_two_fetches_into_one_folder_are_told_apart(server: Server, tmp_path: Path) -> None:
    study = realign.load(begun(tmp_path, EXTRA))
    server.asked.clear()
    with (
        files.claimed(study.inputs, study.inputs / files.CACHE, ()),
        pytest.raises(SourceError, match="another run is fetching into it"),
    ):
        fetch(study, server)
    assert server.asked == []
    assert set(fetch(study, server).written) == FILES


# ---- disk full


ALONE = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.fixture(scope="module")
def disks(server: Server) -> Iterator[Fetches]:
    """Start the program where it may mount disks of its own."""
    mount = [*ALONE, "mount", "-t", "tmpfs", "none", "/mnt"]
    if not shutil.which("unshare") or subprocess.run(mount, check=False).returncode:
        pytest.skip("no disk may be mounted")
    with started(server.url, *ALONE) as running:
        yield running


@pytest.mark.parametrize("kilobytes", [80, 132, 300, 560])
def test_a_full_disk_is_one_message_that_names_the_folder(
    disks: Fetches, tmp_path: Path, kilobytes: int
) -> None:
    study, said = begun(tmp_path, "cell_m = 20\n"), tmp_path / "said.txt"
    inputs = study.parent / "inputs"
    ended = disks.run(study, disk=f"{kilobytes}k", said=str(said))
    first, *more = ended["error"].splitlines()
    assert first.startswith(f"{inputs}: the disk is full, ")
    assert more == ["What was fetched stays: the same command goes on from there."]
    assert said.read_text("utf-8") == ""  # nothing that libraries say
    assert not [name for name in ended["names"] if re.search(r"/\.\d+-|/scratch-", name)]


def test_a_disk_with_room_is_not_full(disks: Fetches, tmp_path: Path) -> None:
    study, said = begun(tmp_path, "cell_m = 20\n"), tmp_path / "said.txt"
    ended = disks.run(study, disk="4m", said=str(said))
    assert ended["own"] == []
    assert said.read_text("utf-8") == ""
