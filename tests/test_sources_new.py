"""Laws of `realign new`."""

import csv
import datetime as dt
import errno
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import realign
from realign import cli, rates
from realign.errors import SourceError
from realign.sources import box as boxes
from realign.sources.box import Box
from realign.sources.new import Begun, new

GIVEN = {
    "--box": "72.2,34.9,72.8,35.5",
    "--dam": "72.53,35.15",
    "--level": "1420",
    "--from": "72.44,34.96",
    "--to": "72.59,35.48",
}
DAY = dt.date(2025, 6, 1)
DEFAULT = Path(realign.__file__).parents[1] / "data" / "kkh" / "rates.csv"


def begun(**other: object) -> Begun:
    known = {
        "name": "swat",
        "box": Box(72.2, 34.9, 72.8, 35.5),
        "dam": (72.53, 35.15),
        "level": 1420.0,
        "start": (72.44, 34.96),
        "end": (72.59, 35.48),
    }
    return Begun(**{**known, **other})


def call(folder: Path, name: str = "swat", **other: str) -> tuple[int, str]:
    """Exit code and output of the command with some options other than usual."""
    given = {**GIVEN, **{f"--{key}": value for key, value in other.items()}}
    words = [word for option in given.items() for word in option]
    done = CliRunner().invoke(cli.app, ["new", name, *words, "--folder", str(folder)])
    return done.exit_code, done.output + done.stderr


def test_a_new_study_is_valid_and_holds_what_was_given(tmp_path: Path) -> None:
    study = realign.load(new(begun(), tmp_path / "swat", today=DAY))
    dam = study.dams[0]
    assert (dam.lon, dam.lat, dam.full_level_m) == (72.53, 35.15, 1420)
    assert study.fetch.box == (72.2, 34.9, 72.8, 35.5)
    assert study.study.crs == "EPSG:32643"
    ends = {place.name: (place.lon, place.lat) for place in study.places}
    assert ends[study.existing.start_name] == (72.44, 34.96)
    assert ends[study.existing.end_name] == (72.59, 35.48)
    assert [task.work for task in study.programme] == ["new"]
    assert study.phasing.start == dt.date(2026, 1, 1)
    assert all(stage.date > study.phasing.start for stage in dam.stages)


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"), [(-71.5, -33.2, 32719), (9.0, 46.0, 32632), (2.99, 0.5, 32631)]
)
def test_a_study_is_in_the_zone_of_its_box(lon: float, lat: float, epsg: int) -> None:
    assert Box(lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1).utm.to_epsg() == epsg


def test_every_figure_that_was_not_given_says_where_it_comes_from(tmp_path: Path) -> None:
    table = tomllib.loads(new(begun(), tmp_path / "swat", today=DAY).read_text("utf-8"))
    told = {"fetch", "variants", "layers", "programme"}  # given, or choices with names
    choices = {"name", "title", "file", "segments", "start_name", "end_name", "currency", "crs"}
    for name, rows in table.items():
        for row in rows if isinstance(rows, list) else [rows]:
            reasons = row.get("sources", {})
            if name in told:
                continue
            bare = {
                key
                for key, value in row.items()
                if not isinstance(value, dict | list) and key not in choices | set(reasons)
            }
            assert not bare - {"question", "rates", "places", "snap_m", "lat"}, (name, bare)
            assert all(isinstance(text, str) and text for text in reasons.values())


def test_default_rates_are_those_of_the_default_study_and_all_are_assumptions(
    tmp_path: Path,
) -> None:
    new(begun(), tmp_path / "swat", today=DAY)
    own, default = rates.read(tmp_path / "swat" / "rates.csv"), rates.read(DEFAULT)
    assert {item: rate.price for item, rate in own.items.items()} == {
        item: rate.price for item, rate in default.items.items()
    }
    assert all(rate.assumed and "to be replaced" in rate.source for rate in own.items.values())


def test_the_same_words_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        new(begun(), tmp_path / name, today=DAY)
    for file in ("places.csv", "rates.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    texts = [(tmp_path / name / "study.toml").read_text("utf-8") for name in ("one", "two")]
    assert texts[0].replace("/one/", "/two/") == texts[1]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("box", "72.8,34.9,72.2,35.5", "wanted west,south,east,north with west < east"),
        ("box", "34.9,72.2,35.5,72.8,1", "wanted W,S,E,N as numbers"),
        ("box", "72.2,34.9,nan,35.5", "wanted W,S,E,N as numbers"),
        ("box", "-72,34.9,172,35.5", "wanted at most 12 degrees"),
        ("box", "72.2,89,72.8,89.5", "wanted latitudes from -84 to 84"),
        ("dam", "35.15,72.53", "(latitude and longitude swapped?)"),
        ("dam", "73.53,35.15", "outside of the box 72.2,34.9,72.8,35.5"),
        ("dam", "here", "wanted LON,LAT as numbers"),
        ("from", "72.1999,34.96", "--from: found 72.1999,34.96, outside of the box"),
        ("to", "72.59,35.5001", "--to: found 72.59,35.5001, outside of the box"),
        ("to", "72.4401,34.9601", "found the point of --from"),
        ("level", "6001", "--level: found 6001; wanted the full level of the lake"),
        ("level", "-401", "--level: found -401"),
        ("river", 'the "Swat"', "wanted a name without quotes"),
        ("river", "A\x01b", "wanted a name without quotes"),
        ("river", "A\udcff", "wanted a name without quotes"),
    ],
)
def test_a_wrong_option_is_named_with_what_was_wanted(
    tmp_path: Path, option: str, value: str, said: str
) -> None:
    code, output = call(tmp_path / "swat", **{option: value})
    assert code == 2
    assert f"--{option}" in output
    assert said in " ".join(output.split())
    assert not (tmp_path / "swat").exists()


def test_a_wrong_name_is_refused(tmp_path: Path) -> None:
    code, output = call(tmp_path / "swat", name="../Swat")
    assert code == 2
    assert "NAME: found '../Swat'; wanted small letters" in output


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(SourceError) as found:
        begun(name="Swat", dam=(0.0, 0.0), level=9000.0)
    assert [line.split(":")[0] for line in str(found.value).splitlines()] == [
        "NAME",
        "--dam",
        "--level",
    ]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    code, output = call(tmp_path)
    assert code == 2
    assert "a folder that is not empty; wanted a new or an empty folder" in output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["r\ncrs = 1", "r\udcff"])
def test_a_folder_that_no_text_can_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="wanted a name that can be written"):
        new(begun(), tmp_path / name, today=DAY)
    assert not list(tmp_path.iterdir())


MOMENTS = 24
KILLED = f"""
import os, sys
from pathlib import Path
import test_sources_new as own
place = Path(sys.argv[1])
own.new(own.begun(), place / "warm", today=own.DAY)
for moment in range({MOMENTS}):
    child = os.fork()
    if not child:
        count = 0
        def watch(event, args):
            global count
            writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wx+")
            if writes or event in {{"os.rename", "os.mkdir", "os.rmdir", "os.remove"}}:
                count += 1
                if count > moment:
                    os.kill(os.getpid(), 9)
        sys.addaudithook(watch)
        own.new(own.begun(), place / str(moment), today=own.DAY)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_study_whose_making_was_killed_is_made_by_the_same_command(tmp_path: Path) -> None:
    here = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": here},
        check=True,
        capture_output=True,
        text=True,
    )
    codes = [int(line) for line in done.stdout.split()]
    assert len(codes) == MOMENTS
    assert codes.count(-9) > 12
    assert codes[-1] == 0  # every moment was tried
    for moment, code in enumerate(codes):
        folder = tmp_path / str(moment)
        if not (folder / "study.toml").exists():
            assert code == -9
            new(begun(), folder, today=DAY)
        names = {path.name for path in folder.iterdir()} - {".new"}
        assert names == {"study.toml", "places.csv", "rates.csv"}
        assert realign.load(folder / "study.toml")


@pytest.mark.parametrize("step", range(1, 4))
def test_a_study_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    tried = []

    def full(self: Path, target: Path) -> Path:
        tried.append(target)
        if len(tried) == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    rename = Path.replace
    monkeypatch.setattr(Path, "replace", full)
    for folder in (tmp_path / "deep" / "swat", tmp_path / "empty"):
        tried.clear()
        if folder.name == "empty":
            folder.mkdir()
        with pytest.raises(SourceError, match="the disk is full"):
            new(begun(), folder, today=DAY)
        assert not folder.exists() or not list(folder.iterdir())


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    code, output = call(tmp_path / "swat")
    assert code == 0
    assert f"realign fetch {tmp_path / 'swat' / 'study.toml'}" in output
    with (tmp_path / "swat" / "places.csv").open(encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["Start", "Dam axis", "End"]


def test_numbers_below_zero_are_numbers_and_no_options(tmp_path: Path) -> None:
    ends = {"dam": "-71.2,-33.2", "from": "-71.4,-33.4", "to": "-71.1,-33.1", "level": "-5"}
    code, output = call(tmp_path / "x", box="-71.5,-33.5,-71,-33", **ends)
    assert code == 0, output
    study = realign.load(tmp_path / "x" / "study.toml")
    assert (study.dams[0].lon, study.dams[0].full_level_m) == (-71.2, -5)


def test_the_help_of_the_command_shows_an_example_that_works(tmp_path: Path) -> None:
    shown = " ".join(CliRunner().invoke(cli.app, ["new", "--help"]).output.split())
    example = shown.split("Example: realign ")[1].split("│")[0].split("╭")[0].split()
    done = CliRunner().invoke(
        cli.app, [*example[: example.index("Swat") + 1], "--folder", str(tmp_path / "x")]
    )
    assert done.exit_code == 0, done.output


def test_a_box_around_points_holds_them_with_its_margin() -> None:
    box = boxes.around([(72.0, 35.0), (73.0, 34.0)], 0.15)
    assert box.edges == pytest.approx((71.85, 33.85, 73.15, 35.15))
    assert box.holds(72.0, 35.0)
    assert not box.holds(71.8, 35.0)
