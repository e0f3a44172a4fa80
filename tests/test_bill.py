"""Laws of the bill: rows add to what phases cost, and both files of it hold the same numbers."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_plan import LONG, SHORT, changed, link, option, small
from small_plan import programme as dated
from test_formation import PRICE
from test_inventory import listed
from test_profile import waves
from test_quantities import level_road

from realign import cost
from realign.chainage import Section
from realign.errors import OutputError
from realign.estimate import Estimate, together
from realign.formation import BRIDGE, FORMS, TUNNEL
from realign.geometry.alignment import Part
from realign.hazard import Protection
from realign.inventory import named
from realign.network import Link
from realign.options import Option
from realign.outputs import bill, tables
from realign.phasing import Phase
from realign.plan import Plan, Programme
from realign.rates import ITEMS, Money, Rate, Rates

SPREAD = 0.8, 1.0, 1.3
MONEY = {"contingency": 0.1, "engineering": 0.05, "protection": 0.03, "taxes": 0.08}
HOSTILE = "=1+1 [a]:*?/\\'b' of a very long name indeed"


@cache
def table() -> Rates:
    """Make unit prices that differ, with a spread."""
    return Rates(
        {
            item: Rate(
                item,
                unit,
                Estimate(*(PRICE[item] * share for share in SPREAD)),
                "USD",
                date(2025, 9, 1),
                "assumption: made by hand",
            )
            for item, unit in ITEMS.items()
        }
    )


@cache
def plan() -> Plan:
    """
    Plan whose first option has two roads in one work, the second one of totals only.

    What is added on the direct cost is not nothing; a road has a cost of places, land by use, and
    buildings on it.
    """
    bare = small()
    study = bare.study.model_copy(update={"money": bare.study.money.model_copy(update=MONEY)})
    first = measured(link(bare.highway, SHORT, Section(700.0, 2400.0), 400.0), seed=57, high=120.0)
    second = measured(link(bare.highway, SHORT, Section(2600.0, 4200.0), 50.0), seed=3, high=40.0)
    second = replace(second, name="Upper <dam> 2 / cheapest", uses={}, counts={}, places={})
    third = link(bare.highway, LONG, Section(600.0, 4400.0), -500.0)
    roads = [priced(each, study.money) for each in (first, second, third)]
    made = [answer("Least cost", roads[:2]), answer(HOSTILE, roads[2:])]
    whole = replace(
        bare,
        study=study,
        rates=table(),
        links=tuple(roads),
        options=(bare.options[0], *made),
        programmes={
            each.name: Programme(each, dated(each, study), bare.programmes[each.name].splits)
            for each in made
        },
    )
    return costed(whole)


def measured(road: Link, *, seed: int, high: float) -> Link:
    """Give a road the inventory of another one, over hills."""
    taken = level_road(waves(seed, high=high, side=0.5), 600.0)
    shelter = Protection(gallery_exposure=0.05)
    whole = listed(taken, shelter=shelter, gullies=np.array([333.0, 1000.0]))
    near = [f"over <Indus> {i}" for i in range(len(taken.structures))]
    names = named(taken.structures, near)
    return replace(
        road,
        totals=whole.bill.totals,
        inventory=whole,
        bridge_length=taken.length(BRIDGE),
        tunnel_length=taken.length(TUNNEL),
        length=float(taken.station[-1]),
        structures=tuple(
            Part(FORMS[each.form], each.start, each.end, name)
            for each, name in zip(taken.structures, names, strict=True)
        ),
        uses={"field": 2.0, "other": 1.0, "none of it": 0.0},
        counts={"buildings": 7},
        places={"=gully": 5.0e4, "free": 0.0},
        alignment=None,
    )


def priced(road: Link, money: Money) -> Link:
    """Give a road the cost of what it is made of."""
    found = cost.price(road.totals, table(), money, places=sum(road.places.values()))
    return replace(road, cost=found.total, direct=found.direct)


def answer(title: str, roads: Sequence[Link]) -> Option:
    """Make the whole way with new roads."""
    one = option(roads[0], title)
    return replace(one, links=tuple(roads))


def costed(whole: Plan) -> Plan:
    """Give every work the cost of its roads and of what it upgrades."""
    money = whole.study.money
    links = {each.name: each for each in whole.links}

    def phase(each: Phase, mine: tuple[str, ...]) -> Phase:
        upgrade = {"upgrade_existing": each.work.upgrade_length / 1000}
        parts = [links[name].cost for name in mine]
        parts.append(cost.price(upgrade, whole.rates, money).total)
        paid = together(parts).times(money.exchange("PKR"))
        return replace(each, work=replace(each.work, links=mine, cost=paid))

    programmes = {}
    for name, each in whole.programmes.items():
        builds = tuple(road.name for road in each.option.links)
        schedule = replace(
            each.schedule,
            phases=tuple(phase(p, builds if p.work.links else ()) for p in each.schedule.phases),
            outside=tuple(phase(p, ()) for p in each.schedule.outside),
        )
        programmes[name] = replace(each, schedule=schedule)
    return replace(whole, programmes=programmes)


def of(rows: Sequence[bill.Row], **wanted: object) -> list[bill.Row]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


# ---------------------------------------------------------------- rows


def test_rows_of_a_phase_add_to_its_cost() -> None:
    rows = bill.rows(plan())
    for name, programme in plan().programmes.items():
        dates = programme.schedule
        assert {row["phase"] for row in of(rows, option=name)} == {
            0,
            *(phase.number for phase in dates.phases),
        }
        for phase in (*dates.phases, *dates.outside):
            mine = of(rows, option=name, name=phase.work.name)
            paid = sum(row["amount_pkr"] or 0 for row in mine)
            assert paid == pytest.approx(phase.work.cost.base, rel=1e-9)
            assert all(row["builder"] == phase.work.builder for row in mine)
            number = phase.number if phase.work.in_programme else 0
            assert all(row["phase"] == number for row in mine)


def test_rows_of_an_option_cover_all_its_roads_and_their_items() -> None:
    rows = bill.rows(plan())
    assert {row["option"] for row in rows} == set(plan().programmes)
    for name, programme in plan().programmes.items():
        mine = of(rows, option=name)
        names = {each.name for each in programme.option.links}
        assert {row["road"] for row in mine} == names | {"existing"}
        for road in programme.option.links:
            for item, quantity in road.totals.items():
                found = of(mine, road=road.name, item=item)
                assert sum(row["quantity"] for row in found) == pytest.approx(quantity)
                assert all(row["quantity"] > 0 for row in found)
            assert len({(row["item"], row["class"]) for row in of(mine, road=road.name)}) == len(
                of(mine, road=road.name)
            )


def test_the_best_option_comes_first() -> None:
    for best in (SHORT, LONG):
        rows = bill.rows(replace(plan(), best=best))
        assert rows[0]["option"] == best
        assert len({row["option"] for row in rows}) == 2


def test_amount_is_rate_times_quantity_in_the_currency_of_the_rates_and_in_rupees() -> None:
    rows = bill.rows(plan())
    rated = [row for row in rows if row["rate"] is not None]
    assert len(rated) > 30
    for row in rated:
        price = PRICE[row["item"]]
        assert [row["rate_low"], row["rate"], row["rate_high"]] == pytest.approx(
            [price * share for share in SPREAD]
        )
        assert row["amount"] == pytest.approx(row["rate"] * row["quantity"])
        assert row["unit"] == bill.UNITS.get(row["item"], ITEMS[row["item"]])
    for row in rows:
        if row["amount"] is None:
            assert row["amount_pkr"] is row["currency"] is row["price_date"] is None
        else:
            assert row["amount_pkr"] == pytest.approx(row["amount"] * 281.4)
            assert (row["currency"], row["price_date"]) == ("USD", date(2025, 9, 1))


def test_what_comes_on_the_direct_cost_is_the_last_amount_of_a_road() -> None:
    rows = bill.rows(plan())
    added = (1 + 0.1 + 0.05 + 0.03) * (1 + 0.08)
    for road in plan().links:
        paid = [row for row in of(rows, road=road.name) if row["amount"] is not None]
        assert [row["item"] for row in paid].index("additions") == len(paid) - 1
        direct = sum(row["amount"] for row in paid[:-1])
        assert direct == pytest.approx(road.direct.base)
        assert paid[-1]["amount"] == pytest.approx(direct * (added - 1))
    places = of(rows, **{"class": "by place"})
    assert [(row["item"], row["amount"]) for row in places] == [("=gully", 5.0e4)]


def test_land_is_shared_out_by_its_use() -> None:
    rows = bill.rows(plan())
    first, second, _ = plan().links
    land = {row["class"]: row["quantity"] for row in of(rows, road=first.name, item="land")}
    whole = first.totals["land"]
    assert land == pytest.approx({"field": whole * 2 / 3, "other": whole / 3})
    (plain,) = of(rows, road=second.name, item="land")
    assert (plain["class"], plain["quantity"]) == ("", second.totals["land"])


def test_courses_loose_volumes_and_buildings_are_quantities_without_an_amount() -> None:
    rows = [row for row in bill.rows(plan()) if row["amount"] is None]
    first, second, third = plan().links
    wanted = {"pavement_course", "loose_excavation", "affected", "bridge_length", "tunnel_length"}
    assert {row["item"] for row in rows} == wanted
    for road in (first, second, third):
        lengths = {row["item"]: row["quantity"] for row in of(rows, road=road.name)}
        assert lengths.get("bridge_length", 0.0) == pytest.approx(road.bridge_length)
        assert lengths.get("tunnel_length", 0.0) == pytest.approx(road.tunnel_length)
    assert {row["item"] for row in of(rows, road=third.name)} <= {"bridge_length", "tunnel_length"}
    assert of(rows, road="existing") == []
    assert [row["quantity"] for row in of(rows, item="affected")] == [7.0]
    for road in (first, second):
        whole = road.inventory
        assert whole is not None
        for item, parts in (
            ("pavement_course", whole.courses),
            ("loose_excavation", whole.loose),
        ):
            found = {row["class"]: row["quantity"] for row in of(rows, road=road.name, item=item)}
            volumes = {name: float(each.sum()) for name, each in parts.items()}
            assert found == pytest.approx({k: v for k, v in volumes.items() if v > 0})
            assert all(row["unit"] == "m3" for row in of(rows, item=item))


@pytest.mark.parametrize("share", [1e-6, -1e-6])
def test_rows_that_do_not_add_to_their_phase_are_refused(share: float) -> None:
    whole = plan()
    first, _, third = whole.links
    assert first.inventory is not None
    items = dict(first.inventory.bill.items)
    items["fill"] = items["fill"] * (1 + 1e3 * share)
    inventory = replace(first.inventory, bill=replace(first.inventory.bill, items=items))
    totals = {item: value * (1 + share) for item, value in third.totals.items()}
    for number, (road, other) in enumerate(
        [(first, replace(first, inventory=inventory)), (third, replace(third, totals=totals))]
    ):
        each = list(whole.programmes.values())[number]
        links = tuple(other if mine is road else mine for mine in each.option.links)
        wrong = replace(each, option=replace(each.option, links=links))
        message = rf"option '{each.option.name}', 'Mouth-Head, new': the bill adds to [\d,]+ PKR"
        with pytest.raises(OutputError, match=message):
            bill.rows(replace(whole, programmes={**whole.programmes, each.option.name: wrong}))


def test_a_road_that_an_option_does_not_have_is_missed() -> None:
    whole = plan()
    each = whole.programmes[SHORT]
    wrong = replace(each, option=replace(each.option, links=each.option.links[:1]))
    with pytest.raises(OutputError, match="the bill adds to"):
        bill.rows(replace(whole, programmes={SHORT: wrong}))


def test_a_plan_that_builds_nothing_has_an_empty_bill() -> None:
    nothing = changed(programmes={}, links=())
    assert bill.rows(nothing) == bill.structure_rows(nothing) == bill.haul_rows(nothing) == []
    assert sheets(bill.workbook(nothing, [])) == ["Totals"]


# ---------------------------------------------------------------- files


def sheets(made: bytes) -> list[str]:
    return openpyxl.load_workbook(io.BytesIO(made)).sheetnames


@cache
def made() -> bytes:
    return bill.workbook(plan(), bill.rows(plan()))


def test_csv_and_workbook_hold_the_same_numbers() -> None:
    rows = bill.rows(plan())
    written = list(csv.DictReader(io.StringIO(tables.as_csv(bill.COLUMNS, rows))))
    book = openpyxl.load_workbook(io.BytesIO(made()), data_only=True)
    cells = []
    for name in book.sheetnames[1:]:
        head, *lines, total = book[name].iter_rows(values_only=True)
        assert head == bill.COLUMNS
        assert total[0] == "total"
        cells += lines
    assert len(cells) == len(written) == len(rows)
    for line, text, row in zip(cells, written, rows, strict=True):
        for value, (column, held) in zip(line, text.items(), strict=True):
            if isinstance(row[column], int | float):
                assert value == pytest.approx(row[column], rel=1e-12)
                assert float(held) == pytest.approx(row[column], abs=5.001e-4)
            else:
                whole = str(row[column]) if row[column] is not None else ""
                assert (value or "") == whole
                assert held in (whole, "'" + whole)


def test_formulas_add_what_they_show() -> None:
    live = openpyxl.load_workbook(io.BytesIO(made()))
    shown = openpyxl.load_workbook(io.BytesIO(made()), data_only=True)
    for name in live.sheetnames[1:]:
        last = live[name].max_row
        for letter in "MO":
            formula = live[name][f"{letter}{last}"].value
            assert formula == f"=SUM({letter}2:{letter}{last - 1})"
            cells = [shown[name][f"{letter}{i}"].value or 0 for i in range(2, last)]
            assert shown[name][f"{letter}{last}"].value == pytest.approx(sum(cells))
    rows = list(live["Totals"].iter_rows(min_row=2))
    assert len(rows) == len(live.sheetnames) - 1
    phases = [
        (name, phase)
        for name, each in plan().programmes.items()
        for phase in (*each.schedule.phases, *each.schedule.outside)
    ]
    for row, (name, phase) in zip(rows, phases, strict=True):
        assert (row[0].value, row[2].value) == (name, phase.work.name)
        assert row[1].value == (phase.number if phase.work.in_programme else "others")
        for cell in row[4:6]:
            sheet, letter, line = re.fullmatch(r"='(.+)'!([MO])(\d+)", cell.value).groups()  # type: ignore[union-attr]
            assert sheet == row[3].value
            assert shown[sheet][f"A{line}"].value == "total"
            cached = shown["Totals"][cell.coordinate].value
            assert cached == pytest.approx(shown[sheet][f"{letter}{line}"].value)
        assert cached == pytest.approx(phase.work.cost.base)


def test_the_same_bill_gives_the_same_bytes() -> None:
    assert made() == bill.workbook(plan(), bill.rows(plan()))


def row(option_: str, phase: int, name: str, item: str = "fill") -> bill.Row:
    blank = dict.fromkeys(bill.COLUMNS)
    cells = {"option": option_, "phase": phase, "name": name, "road": name, "item": item}
    return {**blank, **cells, "quantity": 2.0, "amount": 3.0, "amount_pkr": 4.0}


NAMES = (
    *("=1+1", "{=SUM(A1)}", "+1", "@A1", "12", " ", "History", "'quoted'", "\x01\t\n"),
    *("http://a.b/c", "internal:'x'!A1", "mailto:a@b", "A" * 90, "a" * 90, "\U0001f600" * 40),
)
hostile = st.one_of(st.text(max_size=60), st.sampled_from(NAMES))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(hostile, st.integers(0, 3), hostile), min_size=1, max_size=8, unique=True)
)
def test_sheets_have_names_of_their_own_that_a_workbook_may_have(
    keys: list[tuple[str, int, str]],
) -> None:
    written = bill.workbook(small(), [row(*key) for key in keys])
    book = openpyxl.load_workbook(io.BytesIO(written))
    names = book.sheetnames
    assert len(names) == len(keys) + 1
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\'")
    links = [cell.hyperlink.location for cell in book["Totals"]["D"][1:]]
    assert links == [f"'{name}'!A1" for name in names[1:]]


def test_many_phases_of_one_name_have_sheets_of_their_own() -> None:
    used = {"totals"}
    names = [bill._sheet_name("a" * 50, 1, f"{i:04}", used) for i in range(1100)]
    assert len({name.lower() for name in names}) == 1100
    assert {len(name) for name in names} == {bill.SHEET}


@pytest.mark.parametrize(
    "text", ["=1+1", "{=1+1}", "+1", "-1", "@A1", "http://a.b/c", "internal:Totals!A1", "12"]
)
def test_a_name_is_text_whatever_it_begins_with(text: str) -> None:
    written = bill.workbook(small(), [row(text, 1, text, text)])
    book = openpyxl.load_workbook(io.BytesIO(written))
    for name, line in zip(book.sheetnames, (("A", "C"), ("A", "C", "E", "F")), strict=True):
        for letter in line:
            cell = book[name][f"{letter}2"]
            assert (cell.value, cell.data_type) == (text, "s")
            assert cell.hyperlink is None
    with zipfile.ZipFile(io.BytesIO(written)) as pack:
        formulas = [
            found
            for part in pack.namelist()
            if part.startswith("xl/worksheets/")
            for found in re.findall(r"<f[ >].*?</f>", pack.read(part).decode())
        ]
    assert len(formulas) == 4


# ---------------------------------------------------------------- structures and haul


def test_structures_stand_in_order_with_names_of_their_own() -> None:
    rows = bill.structure_rows(plan())
    kinds = {row["kind"] for row in rows}
    assert kinds == {"bridge", "tunnel", "gallery", "culvert"}
    assert {row["road"] for row in rows} == {each.name for each in plan().links[:2]}
    for road in plan().links[:2]:
        mine = of(rows, road=road.name)
        starts = [row["from_m"] for row in mine]
        assert starts == sorted(starts)
        assert len({row["name"] for row in mine}) == len(mine)
        for row_ in mine:
            assert 0 <= row_["from_m"] <= row_["to_m"] <= road.length + 1e-6
            assert row_["length_m"] == row_["to_m"] - row_["from_m"]
            assert (row_["extent_m"] is None) == (row_["kind"] in {"gallery", "culvert"})
        lengths = {kind: sum(r["length_m"] for r in of(mine, kind=kind)) for kind in kinds}
        assert lengths["bridge"] == pytest.approx(road.bridge_length)
        assert lengths["tunnel"] == pytest.approx(road.tunnel_length)
        assert lengths["gallery"] == pytest.approx(road.totals["gallery"])
        assert len(of(mine, kind="culvert")) == road.totals["culvert"]


def test_the_haul_balances_interval_by_interval_as_it_is_written() -> None:
    rows = bill.haul_rows(plan())
    assert all(tuple(each) == bill.HAUL for each in rows)
    for road in plan().links[:2]:
        mine = of(rows, road=road.name)
        assert mine[0]["from_m"] == 0
        assert mine[-1]["to_m"] == pytest.approx(road.length)
        assert [each["from_m"] for each in mine[1:]] == [each["to_m"] for each in mine[:-1]]
        before, ordinate = 0.0, 0.0
        for each in mine:
            net = each["supply_m3"] - each["fill_m3"]
            ordinate += net
            assert each["ordinate_m3"] == pytest.approx(ordinate, abs=1e-6)
            wanted = before + net + each["borrowed_m3"] - each["wasted_m3"]
            assert each["carried_m3"] == pytest.approx(wanted, abs=1e-6)
            before = each["carried_m3"]
        assert before == 0
        for item, column in (("borrow", "borrowed_m3"), ("disposal", "wasted_m3")):
            assert sum(each[column] for each in mine) == pytest.approx(road.totals[item])


@pytest.mark.slow
def test_the_bill_of_a_whole_run_adds_up_and_lists_every_structure() -> None:
    from small_study import planned

    whole = planned()
    rows = bill.rows(whole)
    used = {link.name: link for option in whole.options for link in option.links}
    assert {each["road"] for each in rows} == {*used, "existing"}
    structures = bill.structure_rows(whole)
    for road in used.values():
        mine = of(structures, road=road.name)
        bridges = sum(each["length_m"] for each in of(mine, kind="bridge"))
        assert bridges == pytest.approx(road.bridge_length)
        assert len({each["name"] for each in mine}) == len(mine)
        assert sum(road.uses.values()) == pytest.approx(road.totals["land"])
        assert road.inventory is not None
        assert np.abs(road.inventory.earth.residual()).max() < 1e-6
