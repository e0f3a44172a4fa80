"""The same inputs give the same files whatever runs them; a replay says what differs."""

import dataclasses
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import small_study
from distributed import LocalCluster
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import realign
from realign import candidates, choice, cli, cluster, plan, replay
from realign.errors import InputError, RealignError
from realign.opened import Opened, head_of
from realign.phasing import Alternative
from realign.spread import Spread, hands
from realign.store import Store, digest

TIMED = {"index.html", "manifest.json"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the small study, written by one process."""
    folder = tmp_path_factory.mktemp("replay") / "small"
    realign.write(small_study.planned(), folder)
    return folder


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """Results that a test spoils."""
    return Path(shutil.copytree(results, tmp_path / "copy"))


def held(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_workers_and_cache_change_no_byte(results: Path, tmp_path: Path) -> None:
    study = realign.load(small_study.folder() / "study.toml")
    store = Store(tmp_path / "cache")
    for workers in (1, 2):  # without what was kept, and with it
        folder = tmp_path / str(workers)
        realign.write(plan.run(study, workers=workers, store=store), folder)
        one, other = held(results), held(folder)
        assert set(one) == set(other)
        assert [name for name in one if one[name] != other[name] and name not in TIMED] == []
        assert replay.differences(results, folder) == ()


def put_together(scheduler: str) -> dict[str, str]:
    """Put every candidate that is no trunk together, which the options of the study need not."""
    planned = small_study.planned()
    given = plan.submerge(planned.study)
    every = {
        each.name: each for each in planned.choice.candidates if not candidates.whole_road(each.way)
    }
    with hands(scheduler) as own:
        work = Spread(own, Opened(given, planned.rates), head_of(given))
        return {name: digest(link) for name, link in choice._assembled(work, every).items()}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_cluster_of_two_workers_changes_no_byte(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = realign.load(small_study.folder() / "study.toml")
    budget = {"name": "less", "budget_pkr_per_year": 5e9}
    other = study.phasing.model_copy(update={"alternatives": (Alternative(**budget),)})
    study = study.model_copy(update={"phasing": other})
    told: list[str] = []
    spread: list[str] = []
    own = cluster.Cluster.each

    def each(self: cluster.Cluster, work: Any, jobs: Any, done: Any) -> None:
        spread.extend(next(a.__name__ for a in job[1:] if callable(a)) for job in jobs)
        own(self, work, jobs, done)

    monkeypatch.setattr(cluster.Cluster, "each", each)
    connected: list[str] = []
    connect = cluster.connected
    monkeypatch.setattr(cluster, "connected", lambda at: connected.append(at) or connect(at))
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as there:
        far = plan.run(
            study,
            scheduler=there.scheduler_address,
            tell=lambda _, detail: told.append(detail),
        )
        assert len(connected) == 1
        links = put_together(there.scheduler_address)
    assert links == put_together("threads")
    assert spread.count("_put_together") == len(links) > 2
    assert set(spread) == {"_road", "_built", "_put_together", "_dated", "chunk"}
    assert spread.count("_built") == study.branches.most_branches
    assert spread.count("_dated") == len(far.options) + 1
    assert not any("states" in each for each in told)  # nothing was searched here
    (varied,) = far.variations
    assert varied.schedule
    # the same study as in the results, but for what was varied
    one = small_study.planned()
    same = dataclasses.replace(far, study=one.study, assumptions=one.assumptions, variations=())
    realign.write(same, tmp_path / "far")
    here, far_ = held(results), held(tmp_path / "far")
    assert set(here) == set(far_)
    assert [name for name in here if here[name] != far_[name] and name not in TIMED] == []
    assert replay.differences(results, tmp_path / "far") == ()


def replayed(results: Path, inputs: Path, out: Path) -> tuple[int, list[str]]:
    words = ["replay", str(results / "manifest.json"), "--inputs", str(inputs), "--out", str(out)]
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    lines = (done.stdout + done.stderr).splitlines()
    return done.exit_code, [line for line in lines if not line.startswith("first run")]


@pytest.mark.slow
def test_a_replay_gives_the_same(results: Path, tmp_path: Path) -> None:
    code, lines = replayed(results, small_study.folder() / "inputs", tmp_path / "again")
    assert lines == [f"no difference between {results} and {tmp_path / 'again'}"]
    assert code == 0


@pytest.mark.slow
def test_a_replay_on_other_ground_says_so(results: Path, tmp_path: Path) -> None:
    inputs = Path(shutil.copytree(small_study.folder() / "inputs", tmp_path / "inputs"))
    small_study.write_dem(inputs / "dem.tif", small_study.ground() + np.float32(1.0))
    code, lines = replayed(results, inputs, tmp_path / "again")
    assert code == 1
    assert lines[0].startswith("input inputs/dem.tif: was '")
    (row,) = [line for line in lines if line.startswith("submerged_sections.csv: ")]
    assert "line 2, column " in row
    assert "%)" in row  # by how much


def test_a_replay_needs_its_inputs(results: Path, tmp_path: Path) -> None:
    code, lines = replayed(results, tmp_path / "nothing", tmp_path / "again")
    assert code == 2
    assert all("no such file" in line for line in lines)
    assert not (tmp_path / "again").exists()


def test_a_replay_never_goes_into_what_it_replays(results: Path) -> None:
    before = held(results)
    code, (line,) = replayed(results, small_study.folder() / "inputs", results)
    assert code == 2
    assert "wanted another --out" in line
    assert held(results) == before


# ---------------------------------------------------------------- what differs


def cell(folder: Path) -> None:
    path = folder / "options.csv"
    lines = path.read_text("utf-8").splitlines()
    column = lines[0].split(",").index("new_km")
    cells = lines[3].split(",")
    cells[column] = str(float(cells[column]) * 1.5)
    lines[3] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def key(folder: Path) -> None:
    path = folder / "phase_costs.json"
    document = json.loads(path.read_text("utf-8"))
    document["phases"][0]["cost_pkr"] += 1000
    path.write_text(json.dumps(document), "utf-8")


def row(folder: Path) -> None:
    with sqlite3.connect(folder / "plan.gpkg") as base:
        base.execute("DELETE FROM dams")
    base.close()


def text(folder: Path) -> None:
    path = next((folder / "design").glob("*.xml"))
    path.write_text(path.read_text("utf-8").replace("Alignment", "Alinement", 1), "utf-8")


def setting(folder: Path) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    document["settings"]["elevation"]["sigma_m"] = 3.0
    path.write_text(json.dumps(document), "utf-8")


def page(folder: Path) -> None:
    path = folder / "index.html"
    path.write_text(path.read_text("utf-8").replace("A small valley", "A big valley", 1), "utf-8")


CHANGES: dict[str, tuple[Callable[[Path], None], str, tuple[str, ...]]] = {
    "cell": (cell, "options.csv", ("line 4, column new_km: ", "+50.000%")),
    "key": (key, "phase_costs.json", ("key phases[1].cost_pkr: ", "+1000,")),
    "row": (row, "plan.gpkg", ("layer dams, line 2, column ", "is nothing")),
    "text": (text, "design/", ("Alinement",)),
    "setting": (
        setting, "manifest.json", ("key settings.elevation.sigma_m: was '2.0', is '3.0'", "+50"),
    ),
    "page": (page, "index.html", ("A big valley",)),
    "lost": (lambda folder: (folder / "wins.csv").unlink(), "wins.csv", ("is no more",)),
    "bytes": (lambda folder: (folder / "plan.kmz").write_bytes(b"\xff"), "plan.kmz", ("1 bytes",)),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_named(results: Path, copy: Path, name: str) -> None:
    change, file, words = CHANGES[name]
    assert replay.differences(results, copy) == ()
    change(copy)
    (found,) = replay.differences(results, copy)
    assert str(found).startswith(file)
    assert all(word in str(found) for word in words), str(found)
    assert len(str(found)) < 400


def test_seconds_are_no_difference(results: Path, copy: Path) -> None:
    path = copy / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    document["seconds"] = {"ground": 1e6}
    document["files_bytes"]["index.html"] += 3
    path.write_text(json.dumps(document), "utf-8")
    page = copy / "index.html"
    said = page.read_text("utf-8").replace(" seconds in all", "0 seconds in all")
    assert said != page.read_text("utf-8")
    page.write_text(said, "utf-8")
    assert replay.differences(results, copy) == ()


# ---------------------------------------------------------------- manifests


def manifest(results: Path, **changes: Any) -> dict[str, Any]:
    return {**json.loads((results / "manifest.json").read_text("utf-8")), **changes}


def test_the_texts_of_a_manifest_are_those_of_the_study(results: Path) -> None:
    folder = small_study.folder()
    for name, said in manifest(results)["texts"].items():
        assert (folder / name).read_bytes() == said.encode()


READ = ("study.toml", "rates.csv", "places.csv", "inputs/dem.tif", "inputs/rivers.geojson")


@pytest.mark.parametrize(
    ("name", "when"), [("study.toml", "loaded"), *((name, "reservoirs") for name in READ)]
)
def test_inputs_that_change_while_they_are_read_are_refused(
    tmp_path: Path, name: str, when: str
) -> None:
    file = small_study.write(tmp_path / "study")
    path = file.parent / name

    def edit() -> None:
        if path.suffix == ".tif":
            with rasterio.open(path, "r+") as raster:
                raster.write(raster.read() + 1)
        else:
            path.write_bytes(path.read_bytes() + b"\n")

    def tell(stage: str, _detail: str) -> None:
        if stage == when:
            edit()

    study = realign.load(file)
    if when == "loaded":
        edit()
    with pytest.raises(InputError, match=rf"{name} changed while the run was reading"):
        plan.run(study, tell=tell)


def test_what_changes_once_all_is_read_changes_nothing(tmp_path: Path) -> None:
    file = small_study.write(tmp_path / "study")
    before = file.read_text("utf-8")

    def tell(stage: str, _detail: str) -> None:
        if stage == "corridors and roads":
            file.write_text(before.replace("contingency", "# contingency"), "utf-8")

    found = plan.run(realign.load(file), tell=tell)
    assert file.read_text("utf-8") != before
    assert found.texts["study.toml"] == before
    assert found.hashes["study.toml"] == hashlib.sha256(before.encode()).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"texts": {}},
        {"texts": 1},
        {"texts": {"a": 1}},
        {"schema": "x"},
        {"versions": None},
        {"versions": {"": "1"}},
        {"versions": ["numpy"]},
        {"files_bytes": 5},
        {"files_bytes": {"../../etc/passwd": 5}},
        {"inputs_sha256": {"a": 5}},
        {"ground": None},
        {"study": "a/../../b"},
        {"a": 1},
    ],
)
def test_a_manifest_that_is_none_is_refused(
    results: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    document = manifest(results, **changes)
    if "a" in changes:
        del document["texts"]
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(InputError, match="wanted"):
        replay.read(path)


@pytest.mark.parametrize("key", ["study", "ground", "files_bytes", "inputs_sha256", "versions"])
def test_a_manifest_without_a_key_is_refused_before_anything_runs(
    results: Path, tmp_path: Path, key: str
) -> None:
    document = manifest(results)
    del document[key]
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(InputError, match=rf"{key}.*wanted"):
        replay.read(path)


@pytest.mark.parametrize(("name", "text"), [("study.toml/x", ""), (".", ""), ("a", "\ud800")])
def test_texts_that_cannot_be_files_are_refused(
    results: Path, tmp_path: Path, name: str, text: str
) -> None:
    held = manifest(results)
    held["texts"] = {"study.toml": next(iter(held["texts"].values())), name: text}
    with pytest.raises(InputError, match=rf"{name}'; wanted"):
        replay.restored(held, tmp_path, inputs=tmp_path)


@pytest.mark.parametrize("name", ["../out.toml", "/out.toml", "", "a\0b"])
def test_texts_stay_in_their_folder(results: Path, tmp_path: Path, name: str) -> None:
    held = manifest(results)
    held["texts"] = {name: next(iter(held["texts"].values()))}
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    with pytest.raises(InputError, match="within"):
        replay.restored(held, inside, inputs=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_file_is_a_manifest_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(RealignError):
        replay.read(path)
