"""Laws of the outputs: what is written reads back, adds up, and replaces whole or not at all."""

import csv
import io
import json
import math
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from small_plan import FORMULA, LONG, SHORT, changed, small

from realign import outputs
from realign.choice import Decision
from realign.errors import OutputError
from realign.finance import total
from realign.options import OBJECTIVES, objectives, stable, wins
from realign.options import table as weighed
from realign.outputs import geopackage, report, tables
from realign.outputs.report import wording
from realign.plan import Plan

NAMES = ("cheapest", "safest")
FILES = {
    "index.html",
    "map.html",
    "phase_costs.csv",
    "phase_costs.json",
    "phase_costs.xlsx",
    "schedule.csv",
    "openings.csv",
    "cash_flow.csv",
    "financing.csv",
    "economy.csv",
    "conditions.csv",
    "risk.csv",
    "tornado.csv",
    "convergence.csv",
    "submerged_sections.csv",
    "reservoirs.csv",
    "options.csv",
    "old_new_chainage.csv",
    "validation.csv",
    "links.csv",
    "pareto.csv",
    "decision.csv",
    "sensitivity.csv",
    "wins.csv",
    "availability.csv",
    "passages.csv",
    "criticality.csv",
    "protections.csv",
    "hazard.csv",
    "upgrades.csv",
    "bill_of_quantities.csv",
    "bill_of_quantities.xlsx",
    "structures.csv",
    "mass_haul.csv",
    "plan.gpkg",
    "plan.kmz",
    "manifest.json",
    *(f"design/{name}.{kind}" for name in NAMES for kind in ("xml", "ifc", "dxf", "pdf")),
}
PHASE_COLUMNS = [
    "option",
    "phase",
    "name",
    "from_km",
    "to_km",
    "length_km",
    "new_km",
    "upgrade_km",
    "bridge_km",
    "tunnel_km",
    "start_date",
    "open_date",
    "deadline_date",
    "deadline_open_date",
    "cost_pkr",
    "cost_usd",
    "cost_cny",
    "low_pkr",
    "high_pkr",
    "share_china_pkr",
    "share_pakistan_pkr",
    "p10_pkr",
    "p50_pkr",
    "p90_pkr",
    "open_p10_date",
    "open_p50_date",
    "open_p90_date",
    "chance_in_time_pct",
    "fx_date",
    "price_date",
    "schema",
]
LAYERS = [
    "existing_highway",
    "lakes",
    "dams",
    "submerged_sections",
    "options_links",
    "phases",
    "tie_ins",
    "chainages",
    "places",
]


NETWORK = [
    "candidate_links",
    "hazard",
    "hazard_new",
    "criticality",
    "availability",
    "pareto",
]  # roads of the region are in `test_answers`


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("maps") / "small"
    outputs.write(small(), target)
    return target


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path, *, sheets: bool = False) -> dict[str, bytes]:
    """Files by name, without the sheets of drawings unless asked for."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (sheets or "sheets" not in path.parts)
    }


def wrong_sum(plan: Plan) -> Plan:
    """Make a plan whose total is a rupee more than its phases."""
    best = plan.programmes[SHORT]
    schedule = replace(best.schedule, total_pkr=best.schedule.total_pkr + 1)
    return changed(programmes={**plan.programmes, SHORT: replace(best, schedule=schedule)})


# ---------------------------------------------------------------- the folder


def test_every_file_is_there_and_nothing_else(folder: Path) -> None:
    assert set(contents(folder)) == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_the_written_files_are_returned(tmp_path: Path) -> None:
    files = outputs.write(small(), tmp_path / "new" / "deep")
    target = tmp_path / "new" / "deep"
    names = {path.relative_to(target).as_posix() for path in files}
    assert {name for name in names if "sheets" not in name} == FILES
    sheets = {name for name in names if name.startswith("design/sheets/")}
    assert len(sheets) == sum(name.endswith(".svg") for name in names) > 3
    assert files[0].name == "index.html"
    assert all(path.is_file() for path in files)


def test_the_same_plan_gives_the_same_files_but_for_seconds(folder: Path, tmp_path: Path) -> None:
    outputs.write(small(), tmp_path / "again")
    again, once = contents(tmp_path / "again"), contents(folder)
    for name in FILES - {"index.html", "manifest.json"}:
        assert again[name] == once[name], name


def test_former_results_are_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "maps"
    outputs.write(small(), target)
    (target / "phase_costs.csv").write_text("former", encoding="utf-8")
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    manifest["files_bytes"]["dropped.csv"] = 3
    (target / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (target / "dropped.csv").write_text("old", encoding="utf-8")
    outputs.write(small(), target)
    assert set(contents(target)) == FILES
    assert read(target / "phase_costs.csv")


def test_files_that_are_not_ours_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "maps"
    target.mkdir()
    (target / "README.md").write_text("ours to keep", encoding="utf-8")
    outputs.write(small(), target)
    (target / "mine.qgz").write_text("a project", encoding="utf-8")
    (target / "styles").mkdir()
    (target / "styles" / "a.qml").write_text("a style", encoding="utf-8")
    (target / "design" / "notes.txt").write_text("of an engineer", encoding="utf-8")
    (target / "plan.gpkg-wal").write_text("of the former plan", encoding="utf-8")
    outputs.write(small(), target)
    assert set(contents(target)) == FILES | {
        "README.md",
        "mine.qgz",
        "styles/a.qml",
        "design/notes.txt",
    }
    assert (target / "styles" / "a.qml").read_text(encoding="utf-8") == "a style"


@pytest.mark.parametrize("name", ["thesis.docx", "manifest.json"])
def test_a_folder_of_someone_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(OutputError, match=name):
        outputs.write(small(), tmp_path)
    assert contents(tmp_path) == {name: b"{}"}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "maps"
    target.write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match="wanted a folder"):
        outputs.write(small(), target)
    with pytest.raises(OutputError, match="cannot be written"):
        outputs.write(small(), target / "below")
    assert target.read_text(encoding="utf-8") == "a file"


def test_a_failed_run_leaves_the_former_results_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "maps"
    outputs.write(small(), target)
    before = contents(target)

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "page", full)
    with pytest.raises(OutputError, match="No space left"):
        outputs.write(small(), target)
    with pytest.raises(OutputError, match="nothing was written"):
        outputs.write(wrong_sum(small()), target)
    assert contents(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]


def test_a_failed_exchange_brings_the_former_results_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "maps"
    outputs.write(small(), target)
    before = contents(target)
    rename = Path.rename

    def once(self: Path, other: Path) -> Path:
        if self.name == "fresh":
            raise PermissionError(13, "Permission denied")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(OutputError, match=re.escape(str(target))):
        outputs.write(small(), target)
    assert contents(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]


def test_a_write_protected_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "maps"
    outputs.write(small(), target)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match="write-protected"):
        outputs.write(small(), target)


def test_the_manifest_tells_inputs_versions_settings_and_seconds(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    plan = small()
    assert manifest["inputs_sha256"] == dict(plan.hashes)
    assert manifest["settings"] == plan.study.model_dump(mode="json")
    assert manifest["ground"] == plan.study.study.ground
    assert set(plan.seconds) < set(manifest["seconds"])
    assert {"realign", "python", "numpy", "folium"} <= set(manifest["versions"])
    sizes = {name: len(held) for name, held in contents(folder, sheets=True).items()}
    del sizes["manifest.json"]
    assert manifest["files_bytes"] == sizes
    assert str(Path.cwd()) not in json.dumps(manifest)


# ---------------------------------------------------------------- tables


def test_phase_costs_have_the_promised_columns(folder: Path) -> None:
    with (folder / "phase_costs.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == PHASE_COLUMNS
    assert tables.phase_columns(tables.phase_rows(small())) == PHASE_COLUMNS
    assert tables.phase_columns((), ("china", "pakistan")) == PHASE_COLUMNS


def test_phases_add_to_the_total_to_the_rupee(folder: Path) -> None:
    plan = small()
    rows = read(folder / "phase_costs.csv")
    for name, programme in plan.programmes.items():
        own = [row for row in rows if row["option"] == name]
        assert sum(int(row["cost_pkr"]) for row in own) == programme.schedule.total_pkr
        shares = total(programme.splits, plan.study.finance.cases[0])
        for key, rupees in shares.items():
            assert sum(int(row[f"share_{key}_pkr"]) for row in own) == rupees
    for row in rows:
        assert int(row["share_china_pkr"]) + int(row["share_pakistan_pkr"]) == int(row["cost_pkr"])


def test_phases_of_the_best_option_come_first(folder: Path) -> None:
    rows = read(folder / "phase_costs.csv")
    assert [row["option"] for row in rows] == [SHORT, SHORT, LONG, LONG]
    assert [row["phase"] for row in rows] == ["1", "2", "1", "2"]


def test_phase_costs_read_back_equal(folder: Path) -> None:
    plan = small()
    programme = plan.programmes[SHORT]
    for phase, row in zip(
        programme.schedule.phases, read(folder / "phase_costs.csv"), strict=False
    ):
        assert row["name"] == phase.work.name
        assert float(row["from_km"]) == round(phase.work.section.start / 1000, 3)
        assert float(row["new_km"]) == pytest.approx(phase.work.new_length / 1000, abs=5e-4)
        assert row["open_date"] == phase.opens.isoformat()
        assert row["deadline_date"] == (phase.deadline.isoformat() if phase.deadline else "")
        assert (int(row["low_pkr"]), int(row["high_pkr"])) == (phase.low_pkr, phase.high_pkr)
        assert float(row["cost_usd"]) == pytest.approx(phase.cost_pkr / 281.4, abs=0.005)
        assert float(row["cost_cny"]) == pytest.approx(phase.cost_pkr / 281.4 * 7.12, abs=0.005)
        assert (row["fx_date"], row["price_date"]) == ("2025-09-25", "2025-09-01")
        assert row["schema"] == "realign.phase_costs/3"


def test_numbers_are_plain(folder: Path) -> None:
    for row in read(folder / "phase_costs.csv"):
        for column, cell in row.items():
            if column.endswith("_km"):
                assert re.fullmatch(r"-?\d+\.\d{3}", cell), column
            if column.endswith("_pkr"):
                assert re.fullmatch(r"\d+", cell), column
            if column.endswith("_date"):
                assert re.fullmatch(r"(\d{4}-\d\d-\d\d)?", cell), column


def test_json_holds_the_numbers_of_the_csv(folder: Path) -> None:
    document = json.loads((folder / "phase_costs.json").read_text(encoding="utf-8"))
    rows = read(folder / "phase_costs.csv")
    phases = document["phases"]
    assert document["schema"] == "realign.phase_costs/3"
    for row, phase in zip(rows, phases, strict=True):
        assert list(row) == list(phase)
        for column, cell in row.items():
            value = phase[column]
            if isinstance(value, int | float):
                assert float(cell) == value
            else:
                assert cell.lstrip("'") == (value or "")


def test_json_totals_are_the_sums_of_its_parts(folder: Path) -> None:
    document = json.loads((folder / "phase_costs.json").read_text(encoding="utf-8"))
    for option in document["options"]:
        own = [phase for phase in document["phases"] if phase["option"] == option["option"]]
        assert sum(phase["cost_pkr"] for phase in own) == option["total_pkr"]
        assert sum(year["pkr"] for year in option["spending"]) == option["total_pkr"]
        assert sum(option["share_pkr"].values()) == option["total_pkr"]
        for year in option["spending"]:
            assert sum(year["share_pkr"].values()) == year["pkr"]


def test_works_of_others_stand_in_the_json_only(folder: Path) -> None:
    document = json.loads((folder / "phase_costs.json").read_text(encoding="utf-8"))
    assert [work["builder"] for work in document["options"][0]["outside_programme"]] == ["WAPDA"]
    assert "WAPDA" not in (folder / "phase_costs.csv").read_text(encoding="utf-8")
    assert "Head-End, by others" in (folder / "index.html").read_text(encoding="utf-8")


def test_phases_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(OutputError, match="the phases: found 9,004,912,560, wanted 9,004,912,561"):
        tables.phase_rows(wrong_sum(small()))
    plan = small()
    best = plan.programmes[SHORT]
    fewer = changed(programmes={SHORT: replace(best, splits=best.splits[:1])})
    with pytest.raises(OutputError, match="in number"):
        tables.phase_rows(fewer)


def test_options_hold_every_objective_and_do_nothing(folder: Path) -> None:
    rows = read(folder / "options.csv")
    assert [row["option"] for row in rows] == ["do-nothing", SHORT, LONG]
    assert rows[2]["title"] == "'" + FORMULA
    nothing, best = rows[0], rows[1]
    assert (nothing["passable"], nothing["car_time_h"]) == ("no", "")
    assert nothing["complete_date"] == ""
    assert int(nothing["cut_days"]) == small().years["do-nothing"].cut_days > 0
    assert nothing["cut_from"] == str(small().years["do-nothing"].cuts[0].first_day)
    assert float(nothing["flooded_left_km"]) == 1.9
    option = small().options[1]
    assert float(best["cost_base_usd"]) == pytest.approx(option.cost.base)
    assert int(best["cost_high_pkr"]) == pytest.approx(option.cost.high * 281.4, abs=2)
    assert (best["best"], best["passable"]) == ("yes", "yes")
    assert [row["pareto"] == "yes" for row in rows] == [o.pareto for o in small().options]


def test_costs_of_options_are_the_sums_of_their_phases_to_the_rupee(tmp_path: Path) -> None:
    plan = small()
    other = tuple(  # an estimate that is not the sum of the phases must not be seen
        replace(o, cost=o.cost.times(1.01)) if o.name in plan.programmes else o
        for o in plan.options
    )
    outputs.write(changed(options=other), tmp_path / "maps")
    rows = {row["option"]: row for row in read(tmp_path / "maps" / "options.csv")}
    document = json.loads((tmp_path / "maps" / "phase_costs.json").read_text(encoding="utf-8"))
    assert {option["option"] for option in document["options"]} == set(plan.programmes)
    for option in document["options"]:
        row = rows[option["option"]]
        own = [phase for phase in document["phases"] if phase["option"] == option["option"]]
        for part, key in (("low", "low_pkr"), ("base", "cost_pkr"), ("high", "high_pkr")):
            rupees = sum(phase[key] for phase in own)
            assert int(row[f"cost_{part}_pkr"]) == rupees
            assert float(row[f"cost_{part}_usd"]) == pytest.approx(rupees / 281.4, abs=0.005)
        assert int(row["cost_base_pkr"]) == option["total_pkr"]
        assert float(row["cost_base_usd"]) == option["total_usd"]
        assert option["total_cny"] == pytest.approx(option["total_usd"] * 7.12, abs=0.05)
    assert int(rows["do-nothing"]["cost_high_pkr"]) == 0


def test_breaches_of_an_option_are_counted_and_told_beside_its_name(folder: Path) -> None:
    assert [row["breaches"] for row in read(folder / "options.csv")] == ["0", "0", "1"]
    text = Page((folder / "index.html").read_text(encoding="utf-8")).text
    told = f"{LONG} {FORMULA} does not keep the standard in 1 place"
    assert told in text
    assert text.count("does not keep the standard") == 1
    plan = small()
    broken = replace(plan.links[0], breaches=("a", "b", "c"))
    options = [replace(o, links=(broken,)) if o.name == SHORT else o for o in plan.options]
    worse = changed(options=tuple(options))
    made = tables.tables(worse)
    assert [row["breaches"] for row in made["options"]] == [0, 3, 1]
    page = Page(report.page(worse, made, versions={"realign": "0"}, seconds={})).text
    assert f"{SHORT} (shown) Least cost does not keep the standard in 3 places" in page
    assert "are upgraded; it does not keep the standard in 3 places." in page


def test_a_missed_figure_says_so(folder: Path) -> None:
    rows = read(folder / "validation.csv")
    assert list(rows[0]) == [
        "quantity",
        "unit",
        "published",
        "source",
        "modelled",
        "ratio",
        "accepted_low",
        "accepted_high",
        "ok",
    ]
    assert [row["ok"] for row in rows] == ["yes", "no", "yes"]
    assert rows[0]["quantity"] == "lake_area_km2: Upper <dam>"
    assert float(rows[0]["modelled"]) == small().checks[0].modelled
    assert (rows[1]["modelled"], rows[1]["ratio"]) == ("", "")
    assert "1 of 3 published figures are missed" in (folder / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("modelled", "words"),
    [
        (82.0, "agrees"),
        (50.0, "misses: 32% below what is accepted"),
        (150.0, "misses: 50% above what is accepted"),
        (100.1, "misses: just above"),
        (math.nan, "not modelled"),
    ],
)
def test_the_report_says_how_far_a_figure_is_missed(modelled: float, words: str) -> None:
    checks = list(small().checks)
    plan = changed(checks=(replace(checks[1], modelled=modelled),))
    page = report.page(plan, tables.tables(plan), versions={"realign": "0"}, seconds={})
    assert words in page


def test_submerged_sections_read_back_equal(folder: Path) -> None:
    (row,) = read(folder / "submerged_sections.csv")
    (lost,) = small().submergence.sections
    assert float(row["from_km"]) == round(lost.section.start / 1000, 3)
    assert float(row["lowest_freeboard_m"]) == round(lost.lowest_freeboard, 2)
    assert (row["first_date"], row["first_stage"]) == (lost.first_date.isoformat(), "partial")
    assert (row["from_chainage"], row["dam"]) == ("1+097", "Upper <dam>")


def test_stretches_of_an_option_are_gapless_and_as_long_as_its_road(folder: Path) -> None:
    rows = read(folder / "old_new_chainage.csv")
    plan = small()
    built = [option for option in plan.options if option.links]
    assert {row["option"] for row in rows} == {option.name for option in built}
    for option in built:
        mine = [row for row in rows if row["option"] == option.name]
        for way in ("old", "new"):
            ends = [(float(row[f"{way}_from_m"]), float(row[f"{way}_to_m"])) for row in mine]
            assert ends[0][0] == 0
            assert [end for _, end in ends[:-1]] == [start for start, _ in ends[1:]]
        longer = sum(link.length - link.section.length for link in option.links)
        assert ends[-1][1] == pytest.approx(plan.highway.length + longer, abs=0.01)
        new = [row for row in mine if row["road"] == "new"]
        assert len(new) == len(option.links)
        for row, link in zip(new, option.links, strict=True):
            long = float(row["new_to_m"]) - float(row["new_from_m"])
            assert long == pytest.approx(link.length, abs=0.011)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\tx"])
def test_a_text_is_never_a_formula(text: str) -> None:
    written = tables.as_csv(["name", "x_km"], [{"name": text, "x_km": -1.0}])
    assert list(csv.DictReader(io.StringIO(written))) == [{"name": "'" + text, "x_km": "-1.000"}]


def test_stored_phase_costs_are_those_of_the_same_inputs_only(folder: Path) -> None:
    hashes = small().hashes
    stored = tables.stored_phase_costs(folder, hashes)
    assert stored == tables.phase_document(small())
    assert tables.stored_phase_costs(folder, {**hashes, "dem.tif": "1" * 64}) is None
    assert tables.stored_phase_costs(folder / "nowhere", hashes) is None
    columns = tables.phase_columns(stored["phases"])
    csv_file = (folder / "phase_costs.csv").read_text(encoding="utf-8")
    assert tables.as_csv(columns, stored["phases"]) == csv_file


def test_a_plan_without_programme_still_has_its_columns(tmp_path: Path) -> None:
    plan = small()
    nothing = replace(plan.options[0], truck_time=600.0, closed_days=1.0)
    alone = weighed([nothing.name], [objectives(nothing)], OBJECTIVES, weights={})
    bare = changed(
        options=(nothing,),
        decision=Decision(alone, stable(alone), wins(alone, seed=1)),
        programmes={},
        funds={},
        risks={},
        links=(),
        links_open={},
        best="do-nothing",
        critical={"truck": (), "car": ()},
        checks=(),
        assumptions=(),
        notes=(),
        submergence=replace(plan.submergence, sections=(), flooded=()),
    )
    outputs.write(bare, tmp_path / "bare")
    with (tmp_path / "bare" / "phase_costs.csv").open(encoding="utf-8") as file:
        assert file.read().strip().split(",") == PHASE_COLUMNS
    assert read(tmp_path / "bare" / "validation.csv") == []
    page = (tmp_path / "bare" / "index.html").read_text(encoding="utf-8")
    assert "Nothing is built" in page
    assert "No option builds anything" in page


# ---------------------------------------------------------------- layers


@pytest.mark.filterwarnings("ignore:Measured")  # pyogrio knows no measures
def test_every_layer_reads_back_equal(folder: Path) -> None:
    made = geopackage.layers(small())
    names = [name for name, _ in pyogrio.list_layers(folder / "plan.gpkg")]
    assert set(names) == {*LAYERS, *NETWORK, geopackage.LINES}
    for name, frame in made.items():
        back = gpd.read_file(folder / "plan.gpkg", layer=name)
        assert back.crs == small().terrain.crs, name
        assert list(back.columns) == list(frame.columns), name
        assert back.geometry.geom_equals_exact(frame.geometry, 1e-6).all(), name
        for column in frame.columns.drop("geometry"):
            same = (back[column] == frame[column]) | (back[column].isna() & frame[column].isna())
            assert same.all(), (name, column)


def test_centre_lines_carry_level_and_chainage_to_a_millimetre(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "plan.gpkg")) as base:
        rows = base.execute("SELECT link, geom FROM centre_lines").fetchall()
        kind = base.execute(
            "SELECT geometry_type_name, z, m FROM gpkg_geometry_columns WHERE table_name = ?",
            (geopackage.LINES,),
        ).fetchone()
    assert kind == ("LINESTRING", 1, 1)
    roads = {link.name: link.alignment for link in small().links}
    assert {name for name, _ in rows} == set(roads)
    for name, blob in rows:
        line = shapely.from_wkb(blob[8:])
        assert line.has_z
        assert line.has_m
        points = shapely.get_coordinates(line, include_z=True, include_m=True)
        road = roads[name]
        assert road is not None
        s = points[:, 3]
        assert s[[0, -1]] == pytest.approx([0, road.length])
        assert np.abs(points[:, :2] - road.plan.poses(s)[:, :2]).max() < 1e-3
        assert np.abs(points[:, 2] - road.grades.at(s)).max() < 1e-3
        between = (s[1:] + s[:-1]) / 2
        chord = (points[1:, :2] + points[:-1, :2]) / 2
        assert np.abs(chord - road.plan.poses(between)[:, :2]).max() < 1e-3


def test_the_existing_road_is_cut_into_states_without_gap_or_overlap() -> None:
    frame = geopackage.layers(small())["existing_highway"]
    assert frame["from_km"].iloc[0] == 0
    assert frame["to_km"].iloc[-1] == pytest.approx(small().highway.length / 1000, abs=1e-3)
    assert (frame["to_km"].to_numpy()[:-1] == frame["from_km"].to_numpy()[1:]).all()
    assert frame["length_m"].sum() == pytest.approx(small().highway.length, abs=0.1)
    assert list(frame["state"]) == ["dry", "submerged", "submerged", "short of freeboard", "dry"]
    days = [day if isinstance(day, str) else "" for day in frame["first_date"]]
    assert days == ["", "2030-07-01", "2032-07-01", "2032-07-01", ""]


def test_road_is_submerged_exactly_where_the_level_says() -> None:
    frame = geopackage.layers(small())["existing_highway"]
    wet = frame[frame["state"] == "submerged"]
    flooded = small().submergence.flooded
    assert wet["length_m"].sum() == pytest.approx(
        sum(section.length for section in flooded), rel=0.3
    )


def test_parts_of_a_link_add_to_the_link() -> None:
    frame = geopackage.layers(small())["options_links"]
    for link in small().links:
        own = frame[frame["link"] == link.name]
        by_form = own.groupby("form")["length_m"].sum()
        assert own["length_m"].sum() == pytest.approx(link.length, abs=0.1)
        assert by_form["bridge"] == pytest.approx(link.bridge_length, abs=0.1)
        assert by_form["tunnel"] == pytest.approx(link.tunnel_length, abs=0.1)
        assert list(own["form"]) == ["open", "bridge", "open", "tunnel", "open"]


def test_a_link_of_no_option_is_still_a_layer() -> None:
    plan = small()
    frame = geopackage.layers(changed(options=plan.options[:2]))["options_links"]
    assert set(frame["option"]) == {SHORT, ""}


def test_a_link_opens_when_the_plan_says_or_its_phase_does() -> None:
    frame = geopackage.layers(small())["options_links"].groupby("option").first()
    assert frame.loc[SHORT, "open_date"] == "2030-01-01"
    phase = next(p for p in small().programmes[LONG].schedule.phases if "new" in p.work.name)
    assert frame.loc[LONG, "open_date"] == phase.opens.isoformat()
    assert frame.loc[SHORT, "deadline_date"] == "2030-07-01"


def test_phases_lie_on_their_roads() -> None:
    plan = small()
    frame = geopackage.layers(plan)["phases"]
    best = frame[frame["option"] == SHORT].set_index("name").geometry.length
    assert best["Mouth-Head, new"] == pytest.approx(
        np.hypot(np.diff(plan.links[0].x), np.diff(plan.links[0].y)).sum()
    )
    assert best["Start-Mouth, upgrade"] == pytest.approx(700.0, abs=0.1)
    assert best["Head-End, by others"] == pytest.approx(1400.0, abs=0.1)


def test_a_work_that_upgrades_beside_its_new_road_lies_on_both() -> None:
    plan = small()
    best = plan.programmes[SHORT]
    first = best.schedule.phases[0]
    both = replace(first, work=replace(first.work, upgrade_length=200.0))
    schedule = replace(best.schedule, phases=(both, *best.schedule.phases[1:]))
    frame = geopackage.layers(changed(programmes={SHORT: replace(best, schedule=schedule)}))[
        "phases"
    ]
    alone = geopackage.layers(plan)["phases"]
    assert frame.geometry.length.iloc[0] == pytest.approx(alone.geometry.length.iloc[0] + 200.0)


def test_a_stage_below_the_bed_has_no_lake_and_is_written(tmp_path: Path) -> None:
    plan = small()
    lake = plan.reservoirs[0]
    empty = replace(lake.lakes[0], area=0.0, volume=0.0, polygon=shapely.Polygon())
    dry = replace(lake, lakes=(empty, *lake.lakes[1:]))
    outputs.write(changed(reservoirs=(dry, *plan.reservoirs[1:])), tmp_path / "maps")
    frame = gpd.read_file(tmp_path / "maps" / "plan.gpkg", layer="lakes")
    assert frame.geometry.is_empty.sum() == 1


def test_lakes_keep_level_area_and_date() -> None:
    frame = geopackage.layers(small())["lakes"]
    for lake, row in zip(small().reservoirs[0].lakes, frame.itertuples(index=False), strict=True):
        assert row.level_m == lake.stage.level_m
        assert row.geometry.area == pytest.approx(lake.area)
        assert row.date == lake.stage.date.isoformat()


# ---------------------------------------------------------------- pages


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("name", ["index.html", "map.html"])
def test_a_page_loads_nothing_from_outside(folder: Path, name: str) -> None:
    html = (folder / name).read_text(encoding="utf-8")
    page = Page(html)
    for tag, attrs in page.tags:
        for key in ("src", "srcset", "data", "action", "poster"):
            value = attrs.get(key) or ""
            assert not value or value.startswith("data:"), (tag, attrs)
        if tag == "link":
            assert (attrs["href"] or "").startswith("data:"), attrs
        if tag == "a":
            where = attrs["href"] or ""
            assert where.startswith("#") or (folder / where.partition("#")[0]).is_file(), where
    assert "@import" not in html
    assert all(url.startswith("data:") for url in re.findall(r"url\(\s*['\"]?([^'\"#)]+)", html))


def test_names_are_never_markup(folder: Path) -> None:
    for name in ("index.html", "map.html"):
        html = (folder / name).read_text(encoding="utf-8")
        assert "<dam>" not in html, name
        assert "<after>" not in html, name
        assert "Mouth <b>" not in html, name


def test_the_report_shows_what_was_asked_and_every_part(folder: Path) -> None:
    plan = small()
    text = Page((folder / "index.html").read_text(encoding="utf-8")).text
    for words in (
        plan.study.study.title,
        plan.study.study.question,
        plan.study.study.ground,
        *plan.notes,
        plan.assumptions[0].key,
        "grade 8.2 % at 1+200",
        f"{max(p.days_late for p in plan.programmes[plan.best].schedule.phases):,} days late",
        "Paid by China 85 % (Rs 7.7 bn), Pakistan 15 % (Rs 1.4 bn); Rs ",
        "all low Rs 5.9 bn, all high Rs 13.5 bn",
    ):
        assert words in text, words


def test_assumptions_stand_by_table_and_defaults_are_folded(folder: Path) -> None:
    html = (folder / "index.html").read_text(encoding="utf-8")
    part = html[html.index('<h2 id="assumptions">') : html.index('<h2 id="submerged">')]
    given, defaults = (Page(piece).text for piece in part.split("2 program defaults, by table"))
    first, second, third = (given.index(key) for key in (".stages", ".snap_m", "rates.fill"))
    assert first < second < third
    assert [a.value in given for a in small().assumptions] == [True, True, False, True, False]
    assert "clearance.freeboard_m 10 m program default: of no source" in defaults
    assert "corridor.steep_deg" in defaults
    folded = re.findall(r"<details class=\"paper assumed\"><summary>(\w+): (\d+)</summary>", part)
    assert folded == [("dams", "2"), ("rates", "1"), ("clearance", "1"), ("corridor", "1")]


def test_a_date_of_a_stage_is_the_begin_of_its_filling(folder: Path) -> None:
    report_text = Page((folder / "index.html").read_text(encoding="utf-8")).text
    assert "filling to the level that takes the first of it begins on 2030-07-01" in report_text
    assert "Filling to it begins" in (folder / "map.html").read_text(encoding="utf-8")


def test_a_bare_day_is_a_dash() -> None:
    assert wording.day(None) == "\u2013"
    assert wording.day(date(2030, 7, 1)) == "2030-07-01"


def test_rows_of_every_table_of_the_report_are_as_wide_as_its_head(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    found = 0
    for table in re.findall(r"<table.*?</table>", text, flags=re.DOTALL):
        rows = re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
        if "<thead>" not in table or len(rows) < 2:
            continue
        widths = []
        for row in rows:
            cells = re.findall(r"<t[hd][ >][^>]*", row)
            spans = [re.search(r'colspan="(\d+)"', cell) for cell in cells]
            widths.append(sum(int(span[1]) if span else 1 for span in spans))
        assert set(widths) == {widths[0]}, rows[0]
        found += 1
    assert found > 5
