"""Laws of the tables and layers of the road network."""

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from math import isfinite, nan
from pathlib import Path
from time import process_time

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString
from small_plan import LONG, SHORT, changed, rates, small

from realign import options, outputs
from realign import roads as standing_roads
from realign.allweather import Passage
from realign.candidates import COLUMNS
from realign.chainage import Section, parse, text
from realign.errors import OutputError
from realign.hazard import MONTH_DAYS
from realign.options import OBJECTIVES, Leg, Ways
from realign.outputs import answers, geopackage, roads, standing, tables, weather
from realign.outputs.tables import Row
from realign.plan import Plan
from realign.upgrade import Breach

DOCS = Path(__file__).parents[1] / "docs" / "tables.md"
FORMULA = "=1+1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("maps") / "small"
    outputs.write(told(), target)
    return target


def told() -> Plan:
    """Plan in which every table has rows: broken road, asked days, other roads, a formula."""
    plan = small()
    asked = {
        "kind": "truck",
        "start": "Start",
        "end": "5+806",
    }
    passages = (
        Passage(
            **asked, day=date(2033, 1, 15), way=("N-1 0+000 to 0+700", "new"), time=360.0,
            chance=0.75, closed=(),
        ),
        Passage(
            **asked, day=date(2030, 8, 1), way=(), time=float("inf"), chance=0.0,
            closed=("N-1 1+097 to 3+000 is closed for good since 2030-07-01",),
        ),
    )  # fmt: skip
    years = {name: replace(year, passages=passages) for name, year in plan.years.items()}
    named = replace(plan.choice.candidates[0], name=FORMULA)
    return changed(
        years=years,
        region=replace(plan.region, broken=broken(), roads=other_roads()),
        choice=replace(plan.choice, candidates=(*plan.choice.candidates, named)),
    )


def broken() -> tuple[Breach, ...]:
    again = {"common_excavation": 120.0, "fill": 40.0, "land": 900.0}
    return (
        Breach(
            section=Section(400.0, 480.0), kind="curve", found=40.0, wanted=60.0, turn=1.0,
            offset=4.0, length=75.0, totals=again,
        ),
        Breach(
            section=Section(100.0, 150.0), kind="curve", found=58.0, wanted=60.0, turn=0.5,
            offset=0.2, length=49.0, totals={},
        ),
        Breach(
            section=Section(4600.0, 4800.0), kind="grade", found=0.08, wanted=0.07, turn=0.0,
            offset=0.0, length=230.0, totals=again,
        ),
    )  # fmt: skip


def other_roads() -> standing_roads.Roads:
    crs = small().terrain.crs
    lines = [
        LineString([(650_100.0, 3_928_100.0), (650_900.0, 3_928_100.0)]),
        LineString([(650_500.0, 3_928_100.0), (650_500.0, 3_928_700.0)]),
    ]
    tags = [
        standing_roads.Tags("track", name="=Path", ref="", structure=""),
        standing_roads.Tags("secondary", name="", ref="S-1", oneway=1),
    ]
    return standing_roads.clean(lines, tags, standing_roads.Cleaning(), crs=crs)


def rows_of(plan: Plan) -> dict[str, tuple[Sequence[str], list[Row]]]:
    """Tables of the network as a run makes them."""
    return {
        "options": (tuple(tables.option_rows(plan)[0]), tables.option_rows(plan)),
        "links": (answers.LINKS, answers.link_rows(plan)),
        "pareto": (answers.PARETO, list(answers.pareto_rows(plan))),
        "decision": (answers.DECISION, answers.decision_rows(plan)),
        "sensitivity": (answers.SENSITIVITY, answers.sensitivity_rows(plan)),
        "wins": (answers.WINS, answers.win_rows(plan)),
        "availability": (weather.AVAILABILITY, weather.availability_rows(plan)),
        "passages": (weather.PASSAGES, weather.passage_rows(plan)),
        "criticality": (weather.CRITICALITY, weather.criticality_rows(plan)),
        "protections": (weather.PROTECTIONS, weather.protection_rows(plan)),
        "hazard": (standing.HAZARD, standing.hazard_rows(plan.region.kept)),
        "upgrades": (standing.UPGRADES, standing.upgrade_rows(plan)),
    }


TABLES = tuple(rows_of(small()))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def described() -> dict[str, list[str]]:
    """Columns by file as the page of tables has them."""
    out: dict[str, list[str]] = {}
    name = ""
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = line.removeprefix("## ")
        elif line.startswith("| `") and name.endswith(".csv"):
            out.setdefault(name, []).extend(re.findall(r"`([^`]+)`", line.split("|")[1]))
    return out


# ---------------------------------------------------------------- columns and cells


def test_the_page_of_tables_tells_every_column_of_every_file(folder: Path) -> None:
    page = described()
    assert set(page) == {path.name for path in folder.glob("*.csv")}
    for name, told_of in page.items():
        with (folder / name).open(encoding="utf-8", newline="") as file:
            found = next(csv.reader(file))
        keys = [f.key for f in small().study.finance.financiers]
        shares = [f"share_{key}_pkr" for key in keys]
        wanted = [c for each in told_of for c in (shares if each == "share_KEY_pkr" else [each])]
        assert found == wanted, name


@pytest.mark.parametrize("name", TABLES)
def test_rows_have_the_promised_columns_and_no_others(name: str) -> None:
    columns, rows = rows_of(told())[name]
    assert rows
    assert all(tuple(row) == tuple(columns) for row in rows)


@pytest.mark.parametrize("name", TABLES)
def test_what_is_written_reads_back_equal(folder: Path, name: str) -> None:
    _, rows = rows_of(told())[name]
    back = read(folder / f"{name}.csv")
    assert len(back) == len(rows)
    for row, cells in zip(rows, back, strict=True):
        for column, value in row.items():
            cell = cells[column]
            if value is None or (isinstance(value, float) and not isfinite(value)):
                assert not cell, column
            elif isinstance(value, str):
                assert cell == ("'" + value if value.startswith("=") else value), column
            elif isinstance(value, date):
                assert date.fromisoformat(cell) == value, column
            else:
                size = len(cell.partition(".")[2])
                off = 0.5 * 10.0**-size if size else 1e-9 * abs(value)
                assert float(cell) == pytest.approx(value, abs=off * 1.0001), column


def test_a_link_named_like_a_formula_is_a_text(folder: Path) -> None:
    names = [row["name"] for row in read(folder / "links.csv")]
    assert "'" + FORMULA in names
    assert FORMULA not in names


def turned(plan: Plan) -> Plan:
    """Make the same plan with what it holds in another order."""
    ways = plan.choice.front.ways
    count = len(ways.scores)
    front = replace(plan.choice.front, ways=Ways(ways.legs, ways.steps[::-1], ways.scores[::-1]))
    return replace(
        plan,
        years=dict(reversed(plan.years.items())),
        critical={kind: each[::-1] for kind, each in reversed(plan.critical.items())},
        protections=plan.protections[::-1],
        region=replace(plan.region, broken=plan.region.broken[::-1]),
        decision=replace(plan.decision, wins=plan.decision.wins[::-1]),
        options=plan.options[::-1],
        choice=replace(
            plan.choice,
            candidates=plan.choice.candidates[::-1],
            front=front,
            rows={name: count - 1 - row for name, row in plan.choice.rows.items()},
        ),
    )


@pytest.mark.parametrize("name", [name for name in TABLES if name != "options"])
def test_the_order_of_the_input_does_not_matter(name: str) -> None:
    columns, rows = rows_of(told())[name]
    _, other = rows_of(turned(told()))[name]
    assert tables.as_csv(columns, rows) == tables.as_csv(columns, other)


# ---------------------------------------------------------------- options


def test_options_hold_rank_total_and_what_becomes_of_every_stretch() -> None:
    plan = changed(announced=LONG)
    table = plan.decision.table
    for option, row in zip(plan.options, tables.option_rows(plan), strict=True):
        i = table.options.index(option.name)
        assert row["rank"] == table.rank[i]
        assert row["weighted_total"] == table.totals[i]
        assert (row["announced"] == "yes") == (option.name == plan.announced)
        assert row["car_time_h"] == option.travel_time / 3600
        words = [
            each.split(" to ")
            for key in ("upgraded", "kept")
            for each in filter(None, str(row[key]).split("; "))
        ]
        length = sum(parse(b) - parse(a) for a, b in words)
        left = sum(part.length for part in (*option.upgraded, *option.kept))
        assert length == pytest.approx(left, abs=len(words))
        assert row["links"] == "; ".join(link.name for link in option.links)


def test_only_an_option_that_is_cut_says_when_and_why() -> None:
    rows = {str(row["option"]): row for row in tables.option_rows(small())}
    for name, year in small().years.items():
        cells = [rows[name][key] for key in ("cut_from", "cut_until", "cut_why")]
        if year.cut is None:
            assert cells == [None, None, None]
        else:
            assert cells == [year.cut.first_day, year.cut.until, "; ".join(year.cut.closed)]
    assert small().years["do-nothing"].cut is not None


# ---------------------------------------------------------------- answers


def network(seed: int, places: int, each: int) -> Plan:
    """Plan with the whole front of a made-up network of links and upgrades."""
    rng = np.random.default_rng(seed)
    legs, links = [], []
    for a, b in pairwise(range(places)):
        start, end = text(1000.0 * a), text(1000.0 * b)
        for k in range(each):
            kind = ("kept", "upgraded")[k] if k < 2 else f"link {k}"
            name = f"{kind} {start} to {end}"
            if k >= 2:
                links.append(replace(small().choice.candidates[0], name=name))
            amounts = rng.uniform(1.0, 2.0, 7).round(3)
            amounts[0] *= 1e6  # so that rupees tell any two costs apart
            amounts[4] = float(rng.integers(0, 9))
            legs.append(
                Leg(name, start, end, amounts, rng.uniform(0, 0.1, 1), rng.uniform(0, 0.1, 12))
            )
    best = options.best(legs, text(0.0), text(1000.0 * (places - 1)))
    ways = best.ways
    return changed(
        choice=replace(
            small().choice, candidates=tuple(links), front=best, rows={SHORT: 0, LONG: 1}
        ),
        decision=small().decision,
    ) if len(ways.scores) > 1 else small()  # fmt: skip


@given(seed=st.integers(0, 1000))
def test_no_row_of_the_front_is_nowhere_worse_than_another(seed: int) -> None:
    plan = network(seed, 5, 3)
    keys = [name for name in answers.PARETO[2:-2] if name != "present_cost_usd"]
    rows = list(answers.pareto_rows(plan))
    scores = np.array(
        [[row["present_cost_pkr"], *(row[key] for key in keys)] for row in rows], float
    )
    assert len(rows) == len(plan.choice.front.ways.scores)
    for i, own in enumerate(scores):
        worse = (scores <= own).all(axis=1) & (scores < own).any(axis=1)
        assert not worse.any(), i
    assert [row["present_cost_pkr"] for row in rows] == sorted(
        row["present_cost_pkr"] for row in rows
    )


@given(seed=st.integers(0, 1000))
def test_rows_of_the_front_tell_links_upgrades_and_options_of_their_ways(seed: int) -> None:
    plan = network(seed, 4, 4)
    ways = plan.choice.front.ways
    rupees = plan.study.money.pkr_per_usd
    by_cost: dict[tuple[int, str], list[int]] = {}
    for i, score in enumerate(ways.scores):
        links = "; ".join(name for name in ways.names(i) if name.startswith("link"))
        by_cost.setdefault((round(score[COLUMNS.index("cost")] * rupees), links), []).append(i)
    options_of = {row: name for name, row in plan.choice.rows.items()}
    for row in answers.pareto_rows(plan):
        some = by_cost[int(row["present_cost_pkr"] or 0), str(row["links"])]
        length = sum(
            parse(b) - parse(a)
            for a, b in (
                each.split(" to ") for each in filter(None, str(row["upgraded"]).split("; "))
            )
        )
        upgraded = {
            1000.0 * sum(name.startswith("upgraded") for name in ways.names(i)) for i in some
        }
        assert length in upgraded
        assert (row["option"] or None) in {options_of.get(i) for i in some}
    named = sorted(str(row["option"]) for row in answers.pareto_rows(plan) if row["option"])
    assert named == sorted(plan.choice.rows)


def test_stretches_that_follow_each_other_are_upgraded_as_one() -> None:
    legs = ["upgraded 0+000 to 1+000", "upgraded 1+000 to 2+500", "upgraded 3+000 to 4+000"]
    assert answers._joined(legs) == ["0+000 to 2+500", "3+000 to 4+000"]
    with pytest.raises(OutputError, match="wanted 'upgraded 0"):
        answers._joined(["upgraded by hand"])


def test_ten_times_the_ways_are_written_in_less_than_thirty_times_the_time(tmp_path: Path) -> None:
    plan = network(1, 12, 4)
    ways = plan.choice.front.ways

    def seconds(count: int) -> float:
        many = np.resize(np.arange(len(ways.scores)), count)
        front = replace(
            plan.choice.front, ways=Ways(ways.legs, ways.steps[many], ways.scores[many])
        )
        large = replace(plan, choice=replace(plan.choice, front=front))
        begin = process_time()
        tables.write_csv(tmp_path / "pareto.csv", answers.PARETO, answers.pareto_rows(large))
        taken = process_time() - begin
        assert len(read(tmp_path / "pareto.csv")) == count
        return taken

    few = min(seconds(1_000) for _ in range(3))
    assert seconds(10_000) < 30 * few


def test_links_are_told_with_the_options_that_use_them_and_their_roads() -> None:
    plan = small()
    rows = {str(row["name"]): row for row in answers.link_rows(plan)}
    for each in plan.choice.candidates:
        row = rows[each.name]
        used = {o.name for o in plan.options if each.name in {link.name for link in o.links}}
        assert set(str(row["options"]).split("; ")) == used
        assert row["roads"] == f"{each.way.name} 0.000-{each.length / 1000:.3f} km"
        assert row["cost_base_usd"] == pytest.approx(each.cost.base, abs=0.01)
        assert row["least_open_probability"] == each.service.open_share.min()
        assert row["truck_ahead_min"] == each.service.truck[0] / 60
        days = MONTH_DAYS @ (1 - each.service.open_share)
        assert row["closed_days_a_year"] == pytest.approx(days)
        assert parse(str(row["from_chainage"])) == pytest.approx(1000 * float(row["from_km"] or 0))


def test_parts_and_weights_come_to_the_total_of_an_option() -> None:
    rows = answers.decision_rows(small())
    table = small().decision.table
    for name, total in zip(table.options, table.totals, strict=True):
        own = [row for row in rows if row["option"] == name]
        assert [row["objective"] for row in own] == [each.name for each in OBJECTIVES]
        assert sum(float(row["weight"] or 0) for row in own) == pytest.approx(1.0)
        if isfinite(total):
            summed = sum(float(row["weight"] or 0) * float(row["part"] or 0) for row in own)
            assert summed == pytest.approx(total)
    assert [row["rank"] for row in rows] == sorted(row["rank"] for row in rows)


def test_a_decision_that_does_not_add_up_is_refused() -> None:
    decision = small().decision
    off = replace(decision.table, totals=decision.table.totals + 1e-6)
    with pytest.raises(OutputError, match="parts and weights come to"):
        answers.decision_rows(changed(decision=replace(decision, table=off)))
    fewer = replace(decision, wins=decision.wins[:-2])
    with pytest.raises(OutputError, match=r"everywhere add to .*, not to 1"):
        answers.win_rows(changed(decision=fewer))


def test_scores_have_the_units_of_readers() -> None:
    (option,) = (each for each in small().options if each.name == SHORT)
    own = {
        row["objective"]: (row["score"], row["unit"])
        for row in answers.decision_rows(small())
        if row["option"] == SHORT
    }
    assert own["cost"] == (pytest.approx(option.present_cost / 1e6), "million USD")
    assert own["truck_time"] == (pytest.approx(option.truck_time / 3600), "h")
    assert own["steepest"] == (pytest.approx(6.0), "%")
    assert own["farmland"] == (pytest.approx(0.12), "ha")
    assert set(own) == set(answers.UNITS) == {each.name for each in OBJECTIVES}


# ---------------------------------------------------------------- weather


def test_closed_days_of_the_months_add_to_those_of_the_year() -> None:
    rows = weather.availability_rows(small())
    keys = dict.fromkeys((row["option"], row["corridor"]) for row in rows)
    assert len(keys) == 2 * len(small().years)
    for option, corridor in keys:
        own = [r for r in rows if (r["option"], r["corridor"]) == (option, corridor)]
        months, (year,) = own[:12], own[12:]
        assert [row["month"] for row in own] == [*range(1, 13), None]
        days = sum(float(row["closed_days"] or 0) for row in months)
        assert year["closed_days"] == pytest.approx(days)
        assert year["open_probability"] == pytest.approx(1 - days / 365)
        known = small().years[str(option)]
        way = known.highway if corridor == "highway" else known.corridor
        assert year["closed_days"] == way.closed_days_a_year
        times = [row["mean_time_h"] for row in months if isfinite(float(row["mean_time_h"] or 0))]
        if times:
            assert min(times) - 1e-9 <= float(year["mean_time_h"] or 0) <= max(times) + 1e-9
        else:
            assert year["mean_time_h"] is None


def test_the_time_of_a_year_is_that_of_a_moment_at_which_a_way_is_open() -> None:
    plan = small()
    year = plan.years[SHORT]
    share, time = np.zeros(12), np.full(12, nan)
    share[[0, 6]], time[[0, 6]] = (0.5, 1.0), (7200.0, 3600.0)
    way = replace(year.highway, open_share=share, time=time)
    odd = changed(years={SHORT: replace(year, highway=way)})
    rows = [row for row in weather.availability_rows(odd) if row["corridor"] == "highway"]
    assert rows[-1]["mean_time_h"] == pytest.approx((2 * 15.5 + 1 * 31) / 46.5)
    assert rows[-1]["open_probability"] == pytest.approx(46.5 / 365)
    cells = [line.split(",")[8] for line in tables.as_csv(weather.AVAILABILITY, rows).splitlines()]
    assert cells[1:] == ["2.00", *[""] * 5, "1.00", *[""] * 5, "1.33"]


def test_a_road_that_is_never_open_has_no_time(folder: Path) -> None:
    own = [row for row in read(folder / "availability.csv") if row["option"] == "do-nothing"]
    assert {row["closed_days"] for row in own if row["month"] == ""} == {"365.0000"}
    assert {(row["mean_time_h"], row["open_probability"]) for row in own} == {("", "0.00000")}


def test_a_day_has_a_way_or_reasons(folder: Path) -> None:
    rows = read(folder / "passages.csv")
    assert len(rows) == 2 * len(small().years)
    for early, late in zip(rows[::2], rows[1::2], strict=True):
        assert (early["day"], late["day"]) == ("2030-08-01", "2033-01-15")
        assert (early["passes"], early["time_h"], early["way"]) == ("no", "", "")
        assert early["reasons"].endswith("since 2030-07-01")
        assert (late["passes"], late["time_h"], late["reasons"]) == ("yes", "0.10", "")
        assert late["way"] == "N-1 0+000 to 0+700; new"


def test_a_closed_stretch_costs_what_its_days_cost() -> None:
    plan = small()
    rows = weather.criticality_rows(plan)
    assert [row["vehicle"] for row in rows] == sorted(
        (str(row["vehicle"]) for row in rows), reverse=True
    )
    for row in rows:
        each = next(c for c in plan.critical[row["vehicle"]] if c.name == row["stretch"])
        assert row["year_usd"] == pytest.approx(MONTH_DAYS @ each.day_usd)
        assert row["dearest_day_usd"] == each.day_usd.max()
        assert row["mean_importance"] == pytest.approx(each.importance @ MONTH_DAYS / 365)
        assert (row["extra_time_h"] is None) == (not each.detour)


def test_protections_say_what_a_day_costs() -> None:
    rows = weather.protection_rows(small())
    assert {str(row["kind"]) for row in rows} <= {"gallery", "tunnel", "bridge", "crew"}
    for row in rows:
        days = float(row["avoided_days_a_year"] or 0)
        if days > 0:
            for part in ("low", "base", "high"):
                per_day = float(row[f"per_day_{part}_usd"] or 0)
                yearly = float(row[f"yearly_{part}_usd"] or 0)
                assert per_day * days == pytest.approx(yearly, abs=0.02, rel=1e-3)
        else:
            assert row["per_day_base_usd"] is None
    worth = [float(row["days_per_million_usd"] or 0) for row in rows]
    assert worth == sorted(worth, reverse=True)


# ---------------------------------------------------------------- standing road


def test_pieces_of_the_highway_are_gapless_and_add_up_to_it() -> None:
    road = small().region.kept
    rows = standing.hazard_rows(road)
    ends = [(float(row["from_km"] or 0), float(row["to_km"] or 0)) for row in rows]
    assert all(a[1] == b[0] for a, b in pairwise(ends))
    assert (ends[0][0], ends[-1][1]) == (0.0, pytest.approx(road.whole.end / 1000))
    whole = road.closures_a_year(road.whole).sum()
    assert sum(float(row["closures_a_year"] or 0) for row in rows) == pytest.approx(whole)
    days = sum(float(row["closed_days_a_year"] or 0) for row in rows)
    assert days == pytest.approx(road.rates(road.whole) @ MONTH_DAYS)
    assert {row["class"] for row in rows} <= {1, 2, 3, 4, 5}


def test_what_no_layer_tells_is_empty(folder: Path) -> None:
    rows = read(folder / "hazard.csv")
    missing = small().region.kept.along.missing
    assert {"landslides", "faults", "lakes"} <= set(missing)
    for row in rows:
        assert row["landslide_distance_m"] == row["fault_distance_m"] == ""
        assert row["lake_distance_m"] == ""
        assert float(row["river_distance_m"]) >= 0
        assert (row["gully_km2"] == "") == (row["channel_deg"] == "")
    road = small().region.kept
    unknown = replace(road, along=replace(road.along, score=np.full_like(road.along.score, nan)))
    written = tables.as_csv(standing.HAZARD, standing.hazard_rows(unknown)).splitlines()
    at = standing.HAZARD.index("slide_score")
    assert all(line.split(",")[at : at + 5] == [""] * 5 for line in written[1:])


def test_broken_places_are_priced_by_the_rates_without_what_is_added() -> None:
    study = small().study
    money = study.money.model_copy(update={"contingency": 0.1, "taxes": 0.2})
    plan = replace(told(), study=study.model_copy(update={"money": money}))
    rows = standing.upgrade_rows(plan)
    assert [row["from_km"] for row in rows] == [0.1, 0.4, 4.6]
    by_hand = {
        each.section.start / 1000: sum(
            amount * rates()[item].price.base for item, amount in each.totals.items()
        )
        for each in broken()
    }
    for row in rows:
        assert row["direct_base_usd"] == pytest.approx(by_hand[float(row["from_km"] or 0)])
        assert (row["laid_again"] == "yes") == (float(row["direct_base_pkr"] or 0) > 0)
    curve, grade = rows[1], rows[2]
    assert (curve["found"], curve["wanted"], curve["unit"]) == (40.0, 60.0, "m")
    assert curve["turn_deg"] == pytest.approx(57.29578)
    assert (grade["found"], grade["unit"], grade["turn_deg"]) == (pytest.approx(8.0), "%", None)


# ---------------------------------------------------------------- layers


LAYERS = {"links": "candidate_links", "hazard": "hazard", "pareto": "pareto"}


@pytest.mark.parametrize("table", sorted(LAYERS))
def test_attributes_of_a_layer_are_the_cells_of_its_table(folder: Path, table: str) -> None:
    frame = pyogrio.read_dataframe(folder / "plan.gpkg", layer=LAYERS[table])
    columns, rows = rows_of(told())[table]
    assert [name for name in frame.columns if name != "geometry"] == list(columns)
    assert len(frame) == len(rows)
    for column in columns:
        for value, cell in zip((row[column] for row in rows), frame[column], strict=True):
            if value is None or (isinstance(value, float) and not isfinite(value)):
                assert cell is None or cell != cell  # noqa: PLR0124 - NaN is not itself
            elif isinstance(value, float):
                assert cell == pytest.approx(value, rel=1e-9)
            else:
                assert cell == (value.isoformat() if isinstance(value, date) else value)


@pytest.mark.filterwarnings("ignore:Measured")  # pyogrio knows no measures
def test_tables_without_geometry_are_tables_of_the_geopackage(folder: Path) -> None:
    kinds = dict(pyogrio.list_layers(folder / "plan.gpkg").tolist())
    assert (kinds["availability"], kinds["pareto"]) == (None, None)
    frame = pyogrio.read_dataframe(folder / "plan.gpkg", layer="availability")
    assert "geometry" not in frame
    assert len(frame) == 13 * 2 * len(small().years)


def test_candidates_lie_between_their_tie_ins(folder: Path) -> None:
    frame = gpd.read_file(folder / "plan.gpkg", layer="candidate_links").set_index("name")
    for each in small().choice.candidates:
        line = frame.geometry[each.name]
        road = each.way.legs[0].road
        ends = np.array([line.coords[0], line.coords[-1]])
        assert ends == pytest.approx(
            np.column_stack((road.x, road.y, road.level))[[0, -1]], abs=1e-6
        )
        plan = LineString(np.column_stack((road.x, road.y)))
        assert shapely.hausdorff_distance(shapely.force_2d(line), plan) <= 2 * roads.NEAR


@given(
    turns=st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=200),
    climb=st.floats(-2.0, 2.0),
    near=st.floats(0.1, 5.0),
)
def test_a_thinned_line_stays_where_it_was(turns: list[float], climb: float, near: float) -> None:
    bearing = np.cumsum(turns)
    steps = 20.0 * np.column_stack((np.cos(bearing), np.sin(bearing)))
    xy = np.vstack(([0.0, 0.0], np.cumsum(steps, axis=0)))
    z = climb * np.concatenate(([0.0], np.cumsum(np.sin(3 * bearing))))
    points = np.column_stack((xy, z))
    kept = roads.thinned(points, near=near)
    assert (kept[0] == points[0]).all()
    assert (kept[-1] == points[-1]).all()
    thin = LineString(kept[:, :2])
    assert shapely.distance(shapely.points(xy), thin).max() <= 2 * near
    index = [int(np.flatnonzero((points == each).all(axis=1))[0]) for each in kept]
    assert index == sorted(index)
    s = 20.0 * np.arange(len(points))
    assert np.abs(np.interp(s, s[index], kept[:, 2]) - z).max() <= 2 * near * 1.01


def test_a_crest_of_a_straight_road_is_kept() -> None:
    s = np.arange(0.0, 1001.0, 20.0)
    points = np.column_stack((s, np.zeros_like(s), 30.0 - np.abs(s - 500.0) * 0.06))
    assert roads.thinned(points, near=2.0)[:, 0].tolist() == [0.0, 500.0, 1000.0]


def test_hazards_lie_on_their_roads_from_end_to_end(folder: Path) -> None:
    old = gpd.read_file(folder / "plan.gpkg", layer="hazard")
    length = small().highway.length
    assert old.geometry.length.sum() == pytest.approx(length, rel=1e-6)
    new = gpd.read_file(folder / "plan.gpkg", layer="hazard_new")
    (link,) = next(each for each in small().options if each.name == SHORT).links
    assert set(new["road"]) == {link.name}
    plan = LineString(np.column_stack((link.x, link.y)))
    assert new.geometry.length.sum() == pytest.approx(plan.length, rel=1e-3)
    assert shapely.distance(new.geometry.to_numpy(), plan).max() < 1e-6


def test_stretches_that_matter_are_drawn_where_they_lie(folder: Path) -> None:
    frame = gpd.read_file(folder / "plan.gpkg", layer="criticality")
    trucks = frame[frame["vehicle"] == "truck"].set_index("stretch")
    (link,) = next(each for each in small().options if each.name == SHORT).links
    lengths = {
        "N-1 0+000 to 0+700": 700.0,
        "N-1 4+200 to 5+806": small().highway.length - 4200.0,
        link.name: LineString(np.column_stack((link.x, link.y))).length,
    }
    assert set(trucks.index) == set(lengths)
    for name, length in lengths.items():
        assert trucks.geometry[name].length == pytest.approx(length, rel=1e-4)


def test_other_roads_are_those_that_were_cleaned(folder: Path) -> None:
    frame = gpd.read_file(folder / "plan.gpkg", layer="other_roads")
    network = other_roads()
    assert frame.geometry.geom_equals_exact(gpd.GeoSeries(network.lines, crs=frame.crs), 1e-6).all()
    assert frame["length_m"].to_numpy() == pytest.approx(network.length, abs=0.006)
    speeds = dict(zip(frame["class"], frame["speed_kmh"], strict=True))
    assert speeds == {"track": 15.0, "secondary": 35.0}
    assert frame["oneway"].sum() == 1
    assert "=Path" in set(frame["name"])
    assert set(frame["component"]) == {0}


def test_a_study_without_other_roads_has_no_layer_of_them() -> None:
    made = {**rows_of(small()), "hazard_new": ((), [])}
    assert "other_roads" not in roads.layers(small(), made)


def test_the_same_layers_give_the_same_bytes(tmp_path: Path) -> None:
    made = {**rows_of(told()), "hazard_new": (("road", *standing.HAZARD), [])}
    for name in ("a.gpkg", "b.gpkg"):
        layers = geopackage.layers(told()) | roads.layers(told(), made)
        geopackage.write(layers, tmp_path / name)
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    assert pyogrio.read_info(tmp_path / "a.gpkg", layer="hazard_new")["features"] == 0
