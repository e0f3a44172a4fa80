"""Runs that are killed, run out of disk or meet each other: former results stay, the next works."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import small_study

from realign import outputs
from realign.errors import OutputError

KILLED = -9
STAGES = (
    "ground",
    "highway",
    "reservoirs",
    "submergence",
    "hazards and standing road",
    "corridors and roads",
    "branches",
    "network and options",
    "phases",
    "all weather",
    "money",
)
MOMENTS = (
    "temporary folder",
    "tables",
    "network",
    "layers",
    "report",
    "first rename",
    "second rename",
)


@dataclass
class Runs:
    """The program in another process, and where it reads and writes."""

    process: subprocess.Popen[str]
    folder: Path
    log: str = ""

    @property
    def out(self) -> Path:
        return self.folder / "results" / "small"

    def run(self, *more: str, **case: Any) -> int:
        """Run the study, with something that happens meanwhile; gives the exit code."""
        words = [
            "run",
            str(self.folder / "study" / "study.toml"),
            "--quiet",
            "--out",
            str(self.out),
            *more,
        ]
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps({"words": words, **case}), file=self.process.stdin, flush=True)
        done = json.loads(self.process.stdout.readline())
        gone(done["group"])
        self.log = done["log"]
        return int(done["code"])

    def told(self) -> list[str]:
        """Lines that are no stage."""
        return [line for line in self.log.splitlines() if not line.startswith("[")]


def gone(group: int) -> None:
    """Refuse processes that outlive the one that started them."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("processes of a killed run go on")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("killed")
    small_study.write(folder / "study")
    here = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, str(here / "killed_run.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "REALIGN_CACHE": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join([str(here.parent), str(here)]),
        },
    )
    made = Runs(process, folder)
    yield made
    assert process.stdin
    process.stdin.close()
    process.wait(30)
    assert process.stdout
    process.stdout.close()


@pytest.fixture(scope="module")
def former(runs: Runs) -> dict[str, bytes]:
    """Results of a run without the cache, and their content."""
    assert runs.run("--no-cache") == 0, runs.log
    return content(runs.out)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def whole(folder: Path) -> bool:
    """Whether a folder holds what its manifest says, and nothing else."""
    sizes = json.loads((folder / "manifest.json").read_text("utf-8"))["files_bytes"]
    found = {name: len(held) for name, held in content(folder).items() if name != "manifest.json"}
    return bool(found == sizes)


@pytest.mark.parametrize("stage", STAGES)
def test_results_stay_when_a_run_is_killed(
    runs: Runs, former: dict[str, bytes], stage: str
) -> None:
    assert runs.run(stage=stage) == KILLED
    assert content(runs.out) == former
    assert whole(runs.out)


def test_roads_of_a_killed_run_are_found_again(runs: Runs, former: dict[str, bytes]) -> None:
    assert runs.run(stage="network and options") == KILLED  # the cache is warm now in any order
    assert runs.run(stage="network and options") == KILLED
    again = [json.loads(line) for line in runs.log.splitlines() if line.startswith("[")]
    roads = [said for stage, said in again if stage == "corridors and roads" and said]
    assert roads
    assert all(said.endswith("found again") for said in roads), roads
    assert content(runs.out) == former


@pytest.mark.parametrize("moment", MOMENTS)
def test_results_stay_when_a_run_is_killed_while_it_writes(
    runs: Runs, former: dict[str, bytes], moment: str
) -> None:
    assert runs.run(moment=moment) == KILLED
    assert runs.out.exists() == (moment != "first rename")
    with outputs.claimed(runs.out):  # what the next run does first
        assert whole(runs.out)
        assert set(content(runs.out)) == set(former)
    assert sorted(path.name for path in runs.out.parent.iterdir()) == ["small"]


@pytest.mark.slow
def test_the_run_after_all_that_works(runs: Runs, former: dict[str, bytes]) -> None:
    assert runs.run() == 0, runs.log
    assert whole(runs.out)
    assert set(content(runs.out)) == set(former)
    assert sorted(path.name for path in runs.out.parent.iterdir()) == ["small"]


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 20_000, 400_000])
def test_a_full_disk_is_one_message_and_leaves_the_former_results(
    runs: Runs, former: dict[str, bytes], limit: int
) -> None:
    before = content(runs.out)
    assert set(before) == set(former)
    assert runs.run(bytes=limit) == 2
    (line,) = runs.told()
    assert line.startswith(f"{runs.out}: the results cannot be written there: ")
    assert content(runs.out) == before
    assert sorted(path.name for path in runs.out.parent.iterdir()) == ["small"]


_FULL = """
import json, subprocess, sys
from pathlib import Path
import realign, small_study
plan, place = small_study.planned(), Path(sys.argv[1])
for size in sys.argv[2:]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
    try:
        told = str(len(realign.write(plan, place / "out")))
    except realign.RealignError as problem:
        told = str(problem)
    print(json.dumps([told, sorted(path.name for path in place.iterdir())]))
    subprocess.run(["umount", "-l", place], check=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_disk_that_is_full_is_said_whatever_a_library_says(tmp_path: Path) -> None:
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    mount = [*alone, "mount", "-t", "tmpfs", "none", "/mnt"]
    if not shutil.which("unshare") or subprocess.run(mount, check=False).returncode:
        pytest.skip("no disk may be mounted")
    done = subprocess.run(
        [
            *alone,
            sys.executable,
            "-c",
            _FULL,
            str(tmp_path),
            "60k",
            "700k",
            "900k",
            "1100k",
            "2m",
            "64m",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    *full, roomy = map(json.loads, done.stdout.splitlines())
    for told, left in full:
        assert "the results cannot be written there: the disk is full, with " in told
        assert not left
    assert int(roomy[0]) > 50
    assert roomy[1] == ["out"]


def test_two_runs_into_one_folder_are_told_apart(runs: Runs, former: dict[str, bytes]) -> None:
    before = content(runs.out)
    assert set(before) == set(former)
    with outputs.claimed(runs.out):
        assert runs.run() == 2
        (line,) = runs.told()
        assert f"{runs.out}: another run is writing into it" in line
        assert "ground" not in runs.log  # told before anything is computed
        with outputs.claimed(runs.out.with_name("other")):
            pass
    assert content(runs.out) == before


def test_who_holds_a_folder_may_claim_it_again(tmp_path: Path) -> None:
    with outputs.claimed(tmp_path / "a"):
        with outputs.claimed(tmp_path / "a"):
            assert (tmp_path / ".a.lock").exists()
        assert (tmp_path / ".a.lock").exists()
    assert not list(tmp_path.iterdir())


def test_only_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    mine = (".a-12345678/fresh/x", ".a-b-1234567/x", ".a-12345678x/x", ".a-abcdefgh/notes.txt")
    for name in mine:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    with outputs.claimed(tmp_path / "a"):
        pass
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("x*")}
    assert left == {".a-b-1234567/x", ".a-12345678x/x"}
    assert (tmp_path / ".a-abcdefgh" / "notes.txt").exists()


def test_a_folder_where_nothing_can_be_made_is_told() -> None:
    with (
        pytest.raises(OutputError, match="cannot be written there"),
        outputs.claimed(Path("/proc/results/small")),
    ):
        pass
