import csv
import errno
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import small_study
from click.testing import Result
from rich.console import Console
from rich.progress import Progress
from typer.testing import CliRunner

import realign
from realign import cli, outputs
from realign import plan as planning
from realign.errors import NoRouteError
from realign.outputs import claim
from realign.plan import Plan
from realign.store import Store
from realign.study import Study

COMMANDS = ("run", "check", "submerged", "costs", "alternatives")
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call the program in this process; the small study is planned once for all calls."""

    def planned(study: Study, **_: object) -> Plan:
        planning.check(study)
        return small_study.planned()

    monkeypatch.setattr(planning, "run", planned)
    runner = CliRunner()

    def call(*words: object) -> Result:
        return runner.invoke(cli.app, [str(word) for word in words], catch_exceptions=False)

    return call


@pytest.fixture(scope="module")
def study() -> Path:
    return small_study.folder() / "study.toml"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the results of the small study."""
    folder = tmp_path_factory.mktemp("results") / "small"
    realign.write(small_study.planned(), folder)
    return folder


def plain(text: str) -> str:
    """Text without colours, in one line."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


def test_the_version_is_that_of_the_package(run: Run) -> None:
    found = run("--version")
    assert found.exit_code == 0
    assert found.stdout == f"realign {realign.__version__}\n"


def test_no_command_shows_what_there_is(run: Run) -> None:
    shown = plain(run().output)
    assert all(command in shown for command in COMMANDS)


def test_the_help_names_the_exit_codes(run: Run) -> None:
    shown = plain(run("--help").stdout)
    assert "2 study, inputs or folder of results are wrong" in shown
    assert "3 no road" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(run: Run, command: str) -> None:
    found = run(command, "--help")
    assert found.exit_code == 0
    shown = plain(found.stdout)
    assert f"Example: realign {command} data/kkh/study.toml" in shown
    assert "Study file, such as data/kkh/study.toml." in shown
    assert "--inputs" in shown


def test_an_unknown_command_is_wrong_usage(run: Run) -> None:
    assert run("walk").exit_code == 2


def test_check_searches_and_writes_nothing(
    run: Run, study: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("a stage was run")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(planning, "run", never)
    found = run("check", study)
    assert found.exit_code == 0
    assert found.stdout == f"{study}: 1 dams, 3 variants: all is well\n"
    assert list(tmp_path.iterdir()) == []


def test_run_writes_the_results_and_says_where(run: Run, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    found = run("run", study, "--out", out)
    assert found.exit_code == 0
    assert found.stderr == ""
    assert (out / "index.html").is_file()
    assert (out / "manifest.json").is_file()
    assert f"files in {out}; open {out / 'index.html'}" in found.stdout
    parts = small_study.planned().submergence.sections
    flooded = sum(part.flooded_length for part in parts) / 1000
    assert f"{flooded:.1f} km of N-1 under water\n" in found.stdout
    assert "2 of 3 published figures reproduced\n   missed: New road\n" in found.stdout
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for road in manifest["corridors"]:
        said = re.search(
            rf"   {road['link']}: .* (\S+)% above the proved bound; .* (\S+) of the price searched",
            found.stdout,
        )
        assert said
        assert float(said[1]) == pytest.approx(road["gap_to_bound_pct"], abs=0.51)
        assert float(said[2]) == pytest.approx(road["ratio"], abs=0.006)


def test_run_writes_into_a_folder_of_its_own_by_default(
    run: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("run", study, "--quiet").exit_code == 0
    assert (tmp_path / "maps" / "small" / "index.html").is_file()


def test_a_quiet_run_says_nothing(run: Run, study: Path, tmp_path: Path) -> None:
    found = run("run", study, "--out", tmp_path / "results", "-q")
    assert (found.exit_code, found.output) == (0, "")


def test_submerged_lists_the_sections(run: Run, study: Path) -> None:
    found = run("submerged", study)
    assert found.exit_code == 0
    assert found.stderr == ""
    part = small_study.planned().submergence.sections[0]
    shown = plain(found.stdout)
    assert "N-1: sections without freeboard" in shown
    assert "partial" in shown
    assert part.first_date.isoformat() in shown
    assert f"{part.section.length / 1000:.3f}" in shown


def test_names_that_look_like_markup_are_shown_as_they_are(run: Run, tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    text = file.read_text("utf-8").replace('"Narrows"', '"[/b] Narrows"')
    file.write_text(text, "utf-8")
    found = run("submerged", file)
    assert found.exit_code == 0
    assert "[/b] Narrows" in found.stdout


def test_costs_as_csv_add_to_the_totals_of_the_project(run: Run, study: Path) -> None:
    found = run("costs", study, "--format", "csv")
    assert found.exit_code == 0
    assert found.stderr == ""
    rows = list(csv.DictReader(io.StringIO(found.stdout)))
    document = json.loads(run("costs", study, "--format", "json").stdout)
    assert [row["name"] for row in rows] == [row["name"] for row in document["phases"]]
    totals = {option["option"]: option["total_pkr"] for option in document["options"]}
    programmes = small_study.planned().programmes
    assert set(totals) == set(programmes)
    for name, total in totals.items():
        own = [row for row in rows if row["option"] == name]
        assert sum(int(row["cost_pkr"]) for row in own) == total
        assert total == programmes[name].schedule.total_pkr
        shares = sum(int(row[f"share_{key}_pkr"]) for row in own for key in ("lender", "owner"))
        assert shares == total


def test_costs_as_a_table_show_every_phase(run: Run, study: Path) -> None:
    found = run("costs", study)
    assert found.exit_code == 0
    shown = plain(found.stdout)
    assert "A small valley: phase costs, Rs bn (low-high)" in shown
    phases = [p for each in small_study.planned().programmes.values() for p in each.schedule.phases]
    assert all(f"{phase.cost_pkr / 1e9:.1f}" in shown for phase in phases)
    assert shown.count("Lower-Upper") == len(small_study.planned().programmes)


def test_costs_of_a_former_run_are_used_again(
    run: Run, study: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = run("costs", study, "--format", "json").stdout

    def never(*_: object, **__: object) -> None:
        pytest.fail("the study was run again")

    monkeypatch.setattr(planning, "run", never)
    found = run("costs", study, "--out", results, "--format", "json")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == json.loads(fresh)


def test_costs_of_other_inputs_are_not_used(run: Run, results: Path, tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    file.write_text(file.read_text("utf-8") + "\n# another study\n", "utf-8")
    (results / "phase_costs.json").rename(results / "kept.json")
    try:
        (results / "phase_costs.json").write_text('{"phases": "wrong"}', "utf-8")
        found = run("costs", file, "--out", results, "--format", "csv")
    finally:
        (results / "kept.json").replace(results / "phase_costs.json")
    assert found.exit_code == 0
    assert "Lower-Upper" in found.stdout


def test_alternatives_are_listed_and_written(run: Run, study: Path, tmp_path: Path) -> None:
    out = run("alternatives", study, "--out", tmp_path / "few", "--count", 3)
    assert out.exit_code == 0
    assert "3 roads rated" in plain(out.output)
    with (tmp_path / "few" / "alternatives.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert float(rows[0]["price_ratio"]) == 1.0
    layer = gpd.read_file(tmp_path / "few" / "alternatives.gpkg")
    assert layer.length.to_numpy() / 1000 == pytest.approx(layer["length_km"].to_numpy())
    assert all(line.has_z for line in layer.geometry)
    assert [round(v, 3) for v in layer["price_ratio"]] == [float(r["price_ratio"]) for r in rows]


def test_alternatives_are_exchanged_both_or_none_and_beside_them_nothing_is_lost(
    run: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "few"
    ask = ("alternatives", study, "--out", folder, "--count", 2)
    assert run(*ask).exit_code == 0
    (folder / "notes.txt").write_text("mine", "utf-8")
    former = {path.name: path.read_bytes() for path in folder.iterdir()}
    exchange = claim.exchange

    def fails(_: Path, hidden: Path) -> None:
        assert {path.name for path in (hidden / claim.FRESH).iterdir()} == set(former)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(claim, "exchange", fails)
    assert run(*ask).exit_code == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == former
    assert [path.name for path in tmp_path.iterdir()] == ["few"]
    monkeypatch.setattr(claim, "exchange", exchange)
    with outputs.claimed(folder):
        command = [sys.executable, "-m", "realign", *map(str, ask)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "another run is writing into it" in done.stderr
    assert run(*ask).exit_code == 0
    assert {path.name for path in folder.iterdir()} == set(former)


@pytest.mark.parametrize("what", ["gap", "variant"])
def test_alternatives_of_something_unknown_are_an_error(run: Run, study: Path, what: str) -> None:
    out = run("alternatives", study, f"--{what}", "nowhere")
    assert out.exit_code == 2
    assert f"found no {what} 'nowhere', wanted one of" in plain(out.output + out.stderr)


def test_a_costs_format_that_is_none_is_wrong_usage(run: Run, study: Path) -> None:
    assert run("costs", study, "--format", "xml").exit_code == 2


def test_what_is_piped_holds_no_codes(study: Path) -> None:
    """The program itself, as a shell starts it."""
    command = [sys.executable, "-m", "realign", "submerged", str(study)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert "Narrows" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_an_output_that_cannot_be_written_is_one_message(study: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "realign", "submerged", str(study)]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120
        )
    assert done.returncode == 2
    assert re.fullmatch(r"the output cannot be written: .*No space left on device\n", done.stderr)


def test_letters_that_a_terminal_lacks_end_nothing(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    text = file.read_text("utf-8").replace('"Narrows"', '"\u062a\u0646\u06af"')
    file.write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "realign", "submerged", str(file)],
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u062a\u0646\u06af" in done.stdout


def test_progress_is_one_line_a_stage() -> None:
    shown = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress(console=shown) as progress:
        tell = cli._teller(progress)
        tell("ground", "")
        tell("corridors", "Dasu / cheap: bound, 10 states")
        tell("corridors", "Dasu / cheap: search, 20 states")
        tell("corridors", "Dasu [/b] / short: search, 30 states")
    assert [task.description.replace("\\", "") for task in progress.tasks] == [
        "ground",
        "corridors Dasu / cheap: search, 20 states",
        "corridors Dasu [/b] / short: search, 30 states",
    ]


def test_progress_is_shown_in_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()

    def console(**_: object) -> Console:
        return Console(file=written, force_terminal=True, width=100)

    monkeypatch.setattr(cli, "Console", console)
    with cli._told(quiet=False) as tell:
        assert tell is not None
        tell("ground", "")
    assert "ground" in written.getvalue()
    with cli._told(quiet=True) as tell:
        assert tell is None


def test_the_entry_point_is_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["realign", "--version"])
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code == 0


def test_the_first_run_says_that_it_compiles_and_later_ones_do_not(
    run: Run, study: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stages(
        _: object,
        *,
        tell: Callable[[str, str], None] | None = None,
        scheduler: str = "",
        store: Store | None = None,
    ) -> None:
        assert scheduler == "threads"
        assert store is not None
        for stage in ("ground", "corridors and roads", "corridors and roads"):
            if tell:
                tell(stage, "")
        msg = "enough"
        raise NoRouteError(msg)

    monkeypatch.setattr(planning, "run", stages)
    for compiled, told in ((False, 1), (True, 0)):
        monkeypatch.setattr(cli, "_compiled", lambda compiled=compiled: compiled)
        found = run("run", study, "--out", tmp_path / "out")
        assert found.stderr.count("first run: compiling") == told
        assert run("run", study, "--quiet", "--out", tmp_path / "out").stderr == "enough\n"
