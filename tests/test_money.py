"""Laws of the programme and its money as files, and of what the economy gains."""

import csv
import io
import json
from collections import defaultdict
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import openpyxl
import pytest
from jsonschema import Draft202012Validator
from small_plan import LONG, SHORT, changed, small

from realign import appraisal, outputs, phasing
from realign.errors import OutputError
from realign.finance import Stream
from realign.hazard import MONTH_DAYS
from realign.outputs import programme, tables, workbook
from realign.phasing import Alternative, Opened
from realign.plan import Plan

SCHEMA = json.loads(
    (files("realign.outputs") / "schemas" / "tables.schema.json").read_text(encoding="utf-8")
)
TABLES = {
    "schedule": programme.SCHEDULE,
    "openings": programme.OPENINGS,
    "cash_flow": programme.CASH,
    "financing": programme.FINANCING,
    "economy": programme.ECONOMY,
    "conditions": programme.CONDITIONS,
    "risk": programme.RISK,
    "tornado": programme.TORNADO,
    "convergence": programme.CONVERGENCE,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("money") / "maps"
    outputs.write(small(), target)
    return target


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------- tables


def test_activities_add_to_their_phases_and_opens_follow_them(folder: Path) -> None:
    rows = read(folder / "schedule.csv")
    phases = read(folder / "phase_costs.csv")
    for phase in phases:
        own = [r for r in rows if (r["option"], r["phase"]) == (phase["option"], phase["phase"])]
        assert own
        assert sum(int(r["cost_pkr"]) for r in own) == int(phase["cost_pkr"])
        assert max(r["finish"] for r in own) == phase["open_date"]
        assert min(r["start"] for r in own) == phase["start_date"]
    for row in rows:
        assert row["start"] <= row["finish"]
        months = int(row["float_months"]) if row["float_months"] else 1
        assert (row["critical"] == "yes") == (months <= 0)
    for option in (SHORT, LONG):
        places = [(int(r["phase"]), r["start"]) for r in rows if r["option"] == option]
        assert places == sorted(places) != []
    opened = [r for r in rows if r["kind"] == "opening"]
    openings = {(r["option"], r["opening"]): r for r in read(folder / "openings.csv")}
    assert len(opened) == len(openings)
    for row in opened:
        told = openings[row["option"], row["activity"].removesuffix(": opening")]
        assert row["start"] == row["finish"] == told["opens"]
        assert (row["crews"], row["cost_pkr"], row["phase"]) == ("0", "0", told["phase"])
        assert (row["float_months"] == "") == (told["wanted_by"] == "")
        if told["wanted_by"]:
            by, day = (date.fromisoformat(each) for each in (told["wanted_by"], told["opens"]))
            assert phasing.months_later(day, int(row["float_months"])) == by.replace(day=1)
    assert any(row["float_months"] for row in opened)
    for phase in phases:
        first = [
            r["opens"]
            for r in read(folder / "openings.csv")
            if (r["option"], r["phase"]) == (phase["option"], phase["phase"])
            and r["water_date"] == phase["deadline_date"] != ""
        ]
        assert max(first, default="") == phase["deadline_open_date"]
    assert any(phase["deadline_open_date"] for phase in phases)
    for row in read(folder / "openings.csv"):
        last = max(
            r["finish"] for r in rows if r["option"] == row["option"] and r["work"] == row["work"]
        )
        assert row["opens"] <= last


def test_drawdown_adds_to_what_is_spent_and_debts_end_at_zero(folder: Path) -> None:
    rows = read(folder / "cash_flow.csv")
    drawn: dict[tuple[str, str], int] = defaultdict(int)
    last: dict[tuple[str, ...], tuple[int, float]] = {}
    for row in rows:
        drawn[row["option"], row["case"]] += int(row["drawdown_pkr"])
        key = row["option"], row["case"], row["phase"], row["source"]
        if key in last:
            assert int(row["year"]) > last[key][0]
        last[key] = int(row["year"]), float(row["balance"])
        assert float(row["balance"]) >= 0
    assert last
    assert all(balance == 0 for _, balance in last.values())
    for row in read(folder / "financing.csv"):
        assert drawn[row["option"], row["case"]] == int(row["nominal_pkr"])


def paying(**values: object) -> Plan:
    """Plan whose first case of financing has other values."""
    funds = small().funds[SHORT]
    paid = replace(funds.financings[0], **values)  # type: ignore[arg-type]
    return changed(funds={**small().funds, SHORT: replace(funds, financings=(paid,))})


def first_row(**more: int) -> Plan:
    """Plan whose first row of cash of the loan has more of some amounts."""
    cash = list(small().funds[SHORT].financings[0].cash)
    k = next(k for k, row in enumerate(cash) if row.balance > 0)
    cash[k] = replace(cash[k], **{name: getattr(cash[k], name) + by for name, by in more.items()})
    return paying(cash=tuple(cash))


def debt_left() -> Plan:
    """Plan in which a fen of the loan is never paid back."""
    cash = list(small().funds[SHORT].financings[0].cash)
    k = max(k for k, row in enumerate(cash) if row.source == "china")
    row = cash[k]
    cash[k] = replace(row, principal=row.principal - 1, balance=1, service=row.service - 1)
    return paying(cash=tuple(cash))


def summed(name: str) -> Plan:
    """Plan with a rupee more in a sum of a case."""
    found = small().funds[SHORT].financings[0].summary
    return paying(summary=replace(found, **{name: getattr(found, name) + 1}))


def dearer_split() -> Plan:
    """Plan in which a source pays a rupee more than its phase costs, in shares and cash alike."""
    paid = small().funds[SHORT].financings[0]
    split = next(s for s in paid.splits if s.amounts["pakistan"])
    more = replace(split, amounts={**split.amounts, "pakistan": split.amounts["pakistan"] + 1})
    cash, found = list(paid.cash), paid.summary
    k = next(k for k, c in enumerate(cash) if (c.phase, c.source) == (split.number, "pakistan"))
    row = cash[k]
    cash[k] = replace(row, drawdown_pkr=row.drawdown_pkr + 1, drawdown=row.drawdown + 1)
    return paying(
        splits=tuple(more if s is split else s for s in paid.splits),
        cash=tuple(cash),
        summary=replace(found, nominal_pkr=found.nominal_pkr + 1),
    )


def dated(**values: object) -> Plan:
    """Plan whose schedule has other values."""
    each = small().programmes[SHORT]
    schedule = replace(each.schedule, **values)  # type: ignore[arg-type]
    return changed(programmes={**small().programmes, SHORT: replace(each, schedule=schedule)})


def dearer_activity() -> Plan:
    first, *others = small().programmes[SHORT].schedule.activities
    activity = replace(first.activity, cost=first.activity.cost + 1)
    return dated(activities=(replace(first, activity=activity), *others))


def later_money() -> Plan:
    """Plan with a phase that spends a rupee of its last year a year later."""
    first, *others = small().programmes[SHORT].schedule.phases
    *before, (year, rupees) = first.spending
    spending = (*before, (year, rupees - 1), (year + 1, 1))
    return dated(phases=(replace(first, spending=spending), *others))


def more_money() -> Plan:
    """Plan with a phase whose years have a rupee more than it costs."""
    first, *others = small().programmes[SHORT].schedule.phases
    (year, rupees), *later = first.spending
    return dated(phases=(replace(first, spending=((year, rupees + 1), *later)), *others))


def conditions() -> Plan:
    """Plan with another condition under which a rupee is lost."""
    schedule = small().programmes[SHORT].schedule
    wrong = replace(schedule, total_pkr=schedule.total_pkr + 1)
    return changed(variations=(appraisal.Variation(Alternative(name="poor"), wrong, ""),))


def drawn(*, whole: bool, **more: float) -> Plan:
    """Plan in whose draws the cost of all, or of the first phase, is another."""
    found = small().risks[SHORT]
    old = found.whole if whole else found.phases[0]
    cost = replace(old.cost_pkr, mean=old.cost_pkr.mean + more.get("mean", 0))
    new = replace(old, cost_pkr=cost, planned_pkr=old.planned_pkr + int(more.get("planned", 0)))
    wrong = replace(found, whole=new) if whole else replace(found, phases=(new, *found.phases[1:]))
    return changed(risks={**small().risks, SHORT: wrong})


WRONG = {
    "drawdown of phase .*, china": lambda: first_row(drawdown_pkr=1),
    "CNY drawn of phase": lambda: first_row(drawdown=1, balance=1),
    "last balance of phase": debt_left,
    "balance of phase": lambda: first_row(balance=1),
    "service of phase": lambda: first_row(service=1),
    "service of .*; rupees of interest of": lambda: first_row(interest=1_000),
    "service of phase .*": lambda: first_row(fees=1),
    "rupees of interest of": lambda: first_row(interest_pkr=1),
    "rupees of service of": lambda: first_row(service_pkr=1),
    "rupees of balance of": lambda: first_row(balance_pkr=1),
    "drawdown of sources that no phase has": lambda: paying(splits=()),
    "the shares of phase": dearer_split,
    "the cost: found": lambda: summed("cost_pkr"),
    "the cost at prices of spending": lambda: summed("nominal_pkr"),
    "the interest: found": lambda: summed("interest_pkr"),
    "the interest during construction": lambda: summed("construction_interest_pkr"),
    "the debt service": lambda: summed("service_pkr"),
    "the greatest debt:": lambda: summed("peak_debt_pkr"),
    "the greatest debt service": lambda: summed("peak_service_pkr"),
    "the activities of phase": dearer_activity,
    "the years of phase": more_money,
    "the phases in": later_money,
    "conditions 'poor': the phases": conditions,
    "the planned cost of all": lambda: drawn(whole=True, planned=1),
    "the planned cost of phase 1": lambda: drawn(whole=False, planned=1),
    "the means of the phases": lambda: drawn(whole=True, mean=100),
    "draws of option .*the means": lambda: drawn(whole=False, mean=-100),
}
"""Plans with one number that is wrong, by what is said of them."""


@pytest.mark.parametrize("message", WRONG)
def test_money_that_does_not_add_up_is_never_written(tmp_path: Path, message: str) -> None:
    with pytest.raises(OutputError, match=f"{message}.* nothing was written"):
        outputs.write(WRONG[message](), tmp_path / "maps")
    assert not (tmp_path / "maps").exists()


# ---------------------------------------------------------------- schema


def plain(rows: object) -> object:
    """Rows as JSON knows them."""
    return json.loads(json.dumps(tables._plain(rows)))


@pytest.mark.parametrize("name", [*TABLES, "phase_costs"])
def test_every_row_keeps_the_schema_of_its_table(name: str) -> None:
    plan = small()
    rows = {
        "schedule": programme.schedule_rows,
        "openings": programme.opening_rows,
        "cash_flow": lambda p: list(programme.cash_rows(p)),
        "financing": programme.financing_rows,
        "economy": programme.economy_rows,
        "conditions": programme.condition_rows,
        "risk": programme.risk_rows,
        "tornado": programme.tornado_rows,
        "convergence": programme.convergence_rows,
        "phase_costs": tables.phase_rows,
    }[name](plan)
    assert rows
    checker = Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{name}"})
    assert not list(checker.iter_errors(plain(rows)))
    if name in TABLES:
        assert list(SCHEMA["$defs"][name]["items"]["properties"]) == list(TABLES[name])
    first = {**plain(rows)[0], "more": 1}  # type: ignore[index]
    assert list(checker.iter_errors([first]))
    for key in [k for k in plain(rows)[0] if not k.startswith("share_")]:  # type: ignore[index]
        less = {k: v for k, v in first.items() if k not in {key, "more"}}
        assert list(checker.iter_errors([less])), key


def test_the_document_of_phases_keeps_its_schema(folder: Path) -> None:
    document = json.loads((folder / "phase_costs.json").read_text(encoding="utf-8"))
    checker = Draft202012Validator({**SCHEMA, "$ref": "#/$defs/phase_costs_document"})
    assert not list(checker.iter_errors(document))
    assert list(checker.iter_errors({**document, "phases": [{}]}))


# ---------------------------------------------------------------- workbook


def test_the_workbook_holds_every_table_with_its_numbers_and_a_chart(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "phase_costs.xlsx")
    assert book.sheetnames == ["phase_costs", *TABLES, "spending by year"]
    for name in ("phase_costs", *TABLES):
        sheet, rows = book[name], read(folder / f"{name}.csv")
        assert sheet.freeze_panes == "B2"
        assert [cell.value for cell in sheet[1]] == list(rows[0])
        assert sheet.max_row == len(rows) + 1
        for column in range(1, sheet.max_column + 1):
            if str(sheet.cell(1, column).value).endswith("_pkr"):
                cells = [sheet.cell(line, column) for line in range(2, sheet.max_row + 1)]
                assert all(c.number_format == "#,##0" for c in cells if c.value is not None)
                key = str(sheet.cell(1, column).value)
                wanted = sum(float(row[key] or 0) for row in rows)
                assert sum(c.value or 0 for c in cells) == pytest.approx(wanted, abs=1)
    sheet = book["spending by year"]
    (chart,) = sheet._charts
    assert len(chart.series) == len(small().programmes[SHORT].schedule.phases)
    held = openpyxl.load_workbook(folder / "phase_costs.xlsx", data_only=True)["spending by year"]
    spent = sum(held.cell(line, held.max_column).value for line in range(2, held.max_row + 1))
    assert spent == small().programmes[SHORT].schedule.total_pkr


def test_a_workbook_is_the_same_twice_and_reads_no_text_as_a_formula() -> None:
    made = {"a": (("name", "cost_pkr"), [{"name": "=1+1", "cost_pkr": 5}])}
    one, two = (workbook.workbook("t", made, spending={}) for _ in range(2))
    assert one == two
    cell = openpyxl.load_workbook(io.BytesIO(one))["a"]["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


# ---------------------------------------------------------------- the economy, other conditions


def test_days_of_years_add_to_the_days_between() -> None:
    years = np.arange(2024, 2031)
    found = appraisal._days(years, date(2024, 3, 1), date(2029, 2, 1))
    assert found.sum() == (date(2029, 2, 1) - date(2024, 3, 1)).days
    assert found[1] == 365
    assert found[-1] == 0


def test_users_gain_what_works_save_until_the_water_and_whole_trips_after() -> None:
    plan = small()
    year, study = plan.years[SHORT], plan.study
    flow = plan.funds[SHORT].stream
    traffic = study.traffic
    shut = year.highway.closed_days_a_year / MONTH_DAYS.sum()
    trip = traffic.vehicles_per_day * traffic.hour_usd * traffic.closed_h
    whole = 365 * trip * (1 - shut) * study.money.exchange("PKR")
    growth = 1 + study.finance.economy.traffic_growth_pct / 100
    # the last year is long after the water and all openings
    last = flow.first + flow.benefits.size - 1
    leap = 366 / 365 if last % 4 == 0 else 1.0
    residual = study.finance.economy.residual
    assert residual == 0
    wanted = whole * leap * growth ** (last - flow.first)
    assert flow.benefits[-1] == pytest.approx(wanted, rel=1e-9)
    spent = dict(plan.programmes[SHORT].schedule.spending)
    upkeep = flow.costs[-1]
    years = np.arange(flow.first, last + 1)
    for k, y in enumerate(years):
        assert spent.get(int(y), 0) <= flow.costs[k] + abs(upkeep) + 1


def two_waters(
    monkeypatch: pytest.MonkeyPatch, cuts: tuple[tuple[date, date, str], ...] = ()
) -> tuple[Stream, Stream]:
    """
    Streams of two new roads whose waters lie two years apart, and of the first alone.

    100 vehicles a day, an hour of which is worth 10 dollars at 281.4 rupees. The road is closed on
    a tenth of all days; the new one is a kilometre longer, whose upkeep is 2 dollars a year.
    """
    plan = small()
    economy = plan.study.finance.economy.model_copy(
        update={"traffic_growth_pct": 0.0, "conversion": 0.5, "years": 4, "residual": 0.0}
    )
    study = plan.study.model_copy(
        update={
            "finance": plan.study.finance.model_copy(update={"economy": economy}),
            "traffic": plan.study.traffic.model_copy(
                update={"vehicles_per_day": 100.0, "hour_usd": 10.0, "closed_h": 24.0}
            ),
        }
    )
    dated = plan.programmes[SHORT].schedule
    (phase, *_) = dated.phases
    opened = tuple(
        Opened(name, "w", (), opens, None, water)
        for name, opens, water in (
            ("near", date(2028, 7, 1), date(2029, 7, 1)),
            ("far", date(2030, 4, 1), date(2031, 7, 1)),
        )
    )
    work = replace(phase.work, name="w", saves={"near": 1e6, "far": 2e6})
    only = replace(phase, work=work, opens=date(2030, 4, 1))
    schedules = [
        replace(
            dated,
            phases=(only,),
            outside=(),
            openings=openings,
            spending=((2027, 10**9), (2029, 10**9)),
            cuts=cuts,
        )
        for openings in (opened, opened[:1])
    ]
    given = SimpleNamespace(study=study, highway=SimpleNamespace(length=5000.0))
    world = SimpleNamespace(given=given, prices=plan.rates)
    year = SimpleNamespace(highway=SimpleNamespace(closed_days_a_year=MONTH_DAYS.sum() / 10))
    hours = {"near": 0.5, "far": -0.25}
    monkeypatch.setattr(appraisal, "gained_hours", lambda _, one: hours[one.name])
    both, near = (
        appraisal._stream(world, replace(plan.programmes[SHORT], schedule=each), year)
        for each in schedules
    )
    return both, near


HOUR = 100 * 10 * 281.4 * 0.9
"""Rupees of an hour of all vehicles, on the days on which hazards leave the road open."""


def test_each_opening_counts_from_its_own_day_and_trips_from_the_first_water(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both, _ = two_waters(monkeypatch)
    wanted = [
        0.0,  # 2027
        184 * 1e6,  # 2028: near, from July on
        181 * 1e6 + 184 * 24.5 * HOUR,  # 2029: near, until the water of July; then trips
        365 * 24.5 * HOUR - 275 * 0.25 * HOUR,  # 2030: far opens in April, fifteen months early
        365 * 24.25 * HOUR,  # 2031: nothing changes as the second water comes
        366 * 24.25 * HOUR,
        365 * 24.25 * HOUR,
    ]
    assert both.first == 2027
    assert both.benefits == pytest.approx(wanted)
    upkeep = 2 * 281.4 / MONTH_DAYS.sum()
    days = [0, 0, 0, 275, 365, 366, 365]  # of the whole road
    built = [1e9, 0, 1e9, 0, 0, 0, 0]
    assert both.costs == pytest.approx(
        [0.5 * (b + upkeep * d) for b, d in zip(built, days, strict=True)], rel=1e-12
    )


def test_on_days_without_a_road_nobody_gains_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = two_waters(monkeypatch)
    cuts = (
        (date(2029, 7, 1), date(2029, 7, 11), "w"),
        (date(2029, 7, 6), date(2029, 7, 21), "v"),  # five days of it are in both
        (date(2030, 3, 30), date(2030, 4, 2), "w"),
        (date(2028, 12, 1), date(2028, 12, 3), "others"),
    )
    cut, _ = two_waters(monkeypatch, cuts)
    lost = whole.benefits - cut.benefits
    assert lost == pytest.approx(
        [0, 2 * 1e6, 20 * 24.5 * HOUR, 2 * 24.5 * HOUR + 24.25 * HOUR, 0, 0, 0], abs=1e-3
    )
    assert cut.costs == pytest.approx(whole.costs)


def test_an_opening_more_changes_nothing_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    both, near = two_waters(monkeypatch)
    assert both.benefits[:3] == pytest.approx(near.benefits[:3])
    more = both.benefits[3:] - near.benefits[3:]
    days = np.array([275, 365, 366, 365])
    assert more == pytest.approx(-0.25 * HOUR * days)


def test_later_water_costs_no_more_and_less_money_opens_no_sooner() -> None:
    plan = small()
    works = [each.work for each in plan.programmes[SHORT].schedule.phases]
    pace = plan.study.phasing.model_copy(update={"gap": 0.0})
    asked = [
        Alternative(name="same"),
        Alternative(name="later", water_months=12),
        Alternative(name="poorer", budget_pkr_per_year=pace.budget_pkr_per_year * 0.9),
    ]
    same, later, poorer = (
        phasing.schedule(each.option, each.works, each.pace)
        for each in (appraisal._varied(pace, SHORT, works, one) for one in asked)
    )
    late = [sum(p.days_late for p in each.phases) for each in (same, later, poorer)]
    assert late[1] <= late[0] <= late[2]
    if late[0] == late[1] == 0:
        assert later.objective_pkr <= same.objective_pkr * (1 + 1e-9)
    moved = [p.work.deadline for p in later.phases]
    assert moved == [
        p.work.deadline and phasing.months_later(p.work.deadline, 12) for p in same.phases
    ]
    # every opening has a water of its own, and all of them move
    assert [one.water for one in later.openings] == [
        one.water and phasing.months_later(one.water, 12) for one in same.openings
    ]
    assert any(one.water for one in same.openings)


def test_a_pinned_day_has_the_share_of_draws_that_keep_it() -> None:
    plan = small()
    each, found = plan.programmes[SHORT], plan.risks[SHORT]
    assert all(row["chance_opens_by_pct"] is None for row in programme.risk_rows(plan))
    last, shares = found.phases[-1], []
    for pin in (last.opens.p10, last.opens.p50, last.opens.p90):
        phases = tuple(
            replace(phase, work=replace(phase.work, opens_by=pin))
            if phase.work.name == last.name
            else phase
            for phase in each.schedule.phases
        )
        pinned = replace(each, schedule=replace(each.schedule, phases=phases))
        rows = programme.risk_rows(changed(programmes={**plan.programmes, SHORT: pinned}))
        own = next(row for row in rows if (row["option"], row["name"]) == (SHORT, last.name))
        assert own["opens_by"] == pin
        whole = next(row for row in rows if (row["option"], row["phase"]) == (SHORT, None))
        assert whole["chance_opens_by_pct"] is None
        shares.append(own["chance_opens_by_pct"])
    # quantiles are days, and chances those of opening by their mornings: within what a day holds
    assert shares == sorted(shares)
    assert shares[0] <= 10.0 + 1e-9
    assert shares[1] <= 50.0 + 1e-9 < 100.0
    assert shares[2] > 50.0
    assert shares[2] <= 90.0 + 1e-9


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
def test_all_is_complete_by_a_day_with_the_share_of_draws_that_open_all_by_then(
    share: float,
) -> None:
    plan = small()
    found, begin = plan.risks[SHORT], phasing.whole_month(plan.study.phasing.start)
    last = found.drawn.opens.max(axis=1)
    months = int(np.ceil(np.quantile(last, share)))
    day = phasing.months_later(begin, months)
    rules = plan.study.phasing.model_copy(update={"complete_by": day})
    rows = programme.risk_rows(changed(study=plan.study.model_copy(update={"phasing": rules})))
    whole = next(r for r in rows if (r["option"], r["phase"]) == (SHORT, None))
    drawn = sum(each <= months for each in last.tolist())
    assert whole["chance_complete_pct"] == pytest.approx(100 * drawn / last.size)
    assert 0 < drawn < last.size
    for number, phase in enumerate(found.phases, 1):
        own = next(r for r in rows if (r["option"], r["phase"]) == (SHORT, number))
        mine = [k for k, each in enumerate(found.openings) if each.work == phase.name]
        done = (found.drawn.opens[:, mine] <= months).all(axis=1)
        assert own["chance_complete_pct"] == pytest.approx(100 * done.mean())
        assert own["chance_complete_pct"] >= whole["chance_complete_pct"]
