"""
The bill of quantities: item by item and class by class, for every option, phase and road.

The rows of a phase add to what it costs: every item stands in its classes only, and the last row of
a road that has an amount holds what is added on its direct cost. The courses of the pavement, the
loose volume of what is excavated, and what stands on the land are quantities without an amount.
Structures and the haul of the earth have tables of their own.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import isclose
from typing import Any

import numpy as np
import xlsxwriter

from realign import cost
from realign.chainage import text
from realign.errors import OutputError
from realign.haul import owners
from realign.network import Link
from realign.options import Option, numbered
from realign.phasing import Phase
from realign.plan import Plan, Programme
from realign.rates import ITEMS

Row = dict[str, Any]
"""A row: column to cell."""

COLUMNS = (
    "option",
    "phase",
    "name",
    "builder",
    "road",
    "item",
    "class",
    "unit",
    "quantity",
    "rate_low",
    "rate",
    "rate_high",
    "amount",
    "currency",
    "amount_pkr",
    "price_date",
)
"""Columns of the bill; `phase` is 0 for what others build and pay."""
STRUCTURES = (
    "road",
    "kind",
    "name",
    "from_m",
    "to_m",
    "from_new_chainage",
    "to_new_chainage",
    "length_m",
    "extent_m",
)
"""Columns of the list of structures; `from_m` and `to_m` count from the start of the road, new
chainages are those of the first option that has it. `extent_m` is the greatest height of a deck
over the ground or the greatest cover of a tunnel."""
HAUL = (
    "road",
    "from_m",
    "to_m",
    "supply_m3",
    "fill_m3",
    "borrowed_m3",
    "wasted_m3",
    "ordinate_m3",
    "carried_m3",
)
"""Columns of the mass haul; volumes as fill. `ordinate_m3` is that at `to_m`, and `carried_m3` what
passes there, positive ahead: it grows by supply and borrow, and falls by fill and waste."""
UNITS = {"bridge": "m at plain rate", "tunnel": "m at plain rate"}
"""Units of items that count more than they measure: high decks, structures close to the ground."""
TOLERANCE = 1e-9
"""Share by which sums may differ, from rounding [-]."""
SHEET = 31
"""Longest name of a sheet of a workbook."""
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']|[^ -\ud7ff\ue000-\ufffd]")
"""What a name of a sheet may not hold, and what counts as two characters there."""


def rows(plan: Plan) -> list[Row]:
    """
    Bill of every option, phase by phase and road by road.

    Returns
    -------
    rows
        With `COLUMNS`, the best option first.

    Raises
    ------
    OutputError
        The rows of a phase do not add to its cost.
    """
    out: list[Row] = []
    for programme in _programmes(plan):
        dated = programme.schedule
        for phase in (*dated.phases, *dated.outside):
            mine = list(_phase(plan, programme, phase))
            paid = sum(float(row["amount_pkr"] or 0) for row in mine)
            if not isclose(paid, phase.work.cost.base, rel_tol=TOLERANCE):
                msg = (
                    f"option {programme.option.name!r}, {phase.work.name!r}: the bill adds to "
                    f"{paid:,.0f} PKR, not to {phase.work.cost.base:,.0f}; nothing was written"
                )
                raise OutputError(msg)
            out += mine
    return out


def structure_rows(plan: Plan) -> list[Row]:
    """Bridges, tunnels, galleries and culverts of every new road, in order of chainage."""
    out = []
    for link in plan.links:
        own = next((option for option in _best_first(plan) if link in option.links), None)
        start = numbered(own, plan.highway.length)[link.name].start if own else None
        out += list(_structures(link, start))
    return out


def haul_rows(plan: Plan) -> list[Row]:
    """Where the earth of every new road goes, interval by interval."""
    return [row for link in plan.links for row in _haul(link)]


def workbook(plan: Plan, bill: Sequence[Row]) -> bytes:
    """
    Write the bill as an XLSX workbook: a sheet of totals, and one for each option and phase.

    Parameters
    ----------
    plan
        What came out.
    bill
        From `rows`.

    Returns
    -------
    workbook
        The same bill gives the same bytes.
    """
    stream = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, {"in_memory": True, **plain})
    made = datetime(2000, 1, 1)  # noqa: DTZ001 - the library takes no zone
    book.set_properties({"title": plan.study.study.title, "created": made})
    bold = book.add_format({"bold": True, "bottom": 1})
    formats = {
        "number": book.add_format({"num_format": "#,##0.0"}),
        "money": book.add_format({"num_format": "#,##0"}),
        "rate": book.add_format({"num_format": "#,##0.00"}),
        "total": book.add_format({"num_format": "#,##0", "bold": True, "top": 1}),
        "bold": bold,
    }
    groups: dict[tuple[str, int, str], list[Row]] = {}
    for row in bill:
        groups.setdefault(
            (str(row["option"]), int(row["phase"] or 0), str(row["name"])), []
        ).append(row)
    summary = book.add_worksheet("Totals")
    head = ("option", "phase", "name", "sheet", "amount", "amount_pkr")
    summary.write_row(0, 0, head, bold)
    summary.freeze_panes(1, 0)
    summary.set_column(0, 5, 18)
    used = {"totals"}
    for line, ((option, phase, name), own) in enumerate(groups.items(), start=1):
        sheet = _sheet_name(option, phase, name, used)
        last = _sheet(book.add_worksheet(sheet), own, formats)
        summary.write_row(line, 0, (option, phase or "others", name))
        summary.write_url(line, 3, f"internal:'{sheet}'!A1", string=sheet)
        for column, letter in ((4, "M"), (5, "O")):
            value = sum(float(row[COLUMNS[ord(letter) - 65]] or 0) for row in own)
            formula = f"='{sheet}'!{letter}{last + 1}"
            summary.write_formula(line, column, formula, formats["money"], value)
    book.close()
    return stream.getvalue()


def _sheet_name(option: str, phase: int, name: str, used: set[str]) -> str:
    """Name a sheet uniquely within what a workbook allows."""
    whole = _FORBIDDEN.sub("-", f"{option} {phase or 'others'} {name}").strip()
    short, number = whole[:SHEET].strip(), 2
    while short.lower() in used:
        end = f" {number}"
        short, number = whole[: SHEET - len(end)] + end, number + 1
    used.add(short.lower())
    return short


def _sheet(
    sheet: "xlsxwriter.worksheet.Worksheet", own: Sequence[Row], formats: Mapping[str, object]
) -> int:
    """Fill in a sheet with its totals; gives the row of the totals."""
    sheet.write_row(0, 0, COLUMNS, formats["bold"])
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(COLUMNS) - 1, 14)
    sheet.set_column(4, 6, 28)
    how = {"quantity": "number", "amount": "money", "amount_pkr": "money"}
    for line, row in enumerate(own, start=1):
        for column, name in enumerate(COLUMNS):
            value = row[name]
            if isinstance(value, float | int):
                form = how.get(name, "rate" if name.startswith("rate") else None)
                sheet.write_number(line, column, value, *([formats[form]] if form else []))
            elif value is not None:
                sheet.write_string(line, column, str(value))
    last = len(own) + 1
    sheet.write_string(last, 0, "total", formats["bold"])
    for column, name in ((12, "amount"), (14, "amount_pkr")):
        letter = chr(65 + column)
        value = sum(float(row[name] or 0) for row in own)
        formula = f"=SUM({letter}2:{letter}{last})"
        sheet.write_formula(last, column, formula, formats["total"], value)
    sheet.autofilter(0, 0, last - 1, len(COLUMNS) - 1)
    return last


def _programmes(plan: Plan) -> list[Programme]:
    names = sorted(plan.programmes, key=lambda name: name != plan.best)
    return [plan.programmes[name] for name in names]


def _phase(plan: Plan, programme: Programme, phase: Phase) -> Iterator[Row]:
    """Rows of one phase: its roads, then the existing road that it upgrades."""
    number = phase.number if phase.work.in_programme else 0
    head = {
        "option": programme.option.name,
        "phase": number,
        "name": phase.work.name,
        "builder": phase.work.builder,
    }
    for link in programme.option.links:
        if link.name in phase.work.links:
            yield from _road(plan, head, link)
    if phase.work.upgrade_length > 0:
        bill = {(item, ""): amount for item, amount in phase.work.upgrade.items()}
        yield from _priced(plan, {**head, "road": "existing"}, bill, {})


def _road(plan: Plan, head: Row, link: Link) -> Iterator[Row]:
    whole = link.inventory
    bill = {(item, ""): value for item, value in link.totals.items()}
    if whole is not None:
        bill = whole.by_class()
    land = bill.pop(("land", ""), 0.0)
    known = sum(link.uses.values())
    if land > 0 and known > 0:
        bill |= {("land", use): area * land / known for use, area in link.uses.items()}
    elif land > 0:
        bill["land", ""] = land
    yield from _priced(plan, {**head, "road": link.name}, bill, link.places)
    blank = dict.fromkeys(COLUMNS)
    for item, kind, unit, quantity in _unpaid(link):
        row = {"item": item, "class": kind, "unit": unit, "quantity": quantity}
        yield {**blank, **head, "road": link.name, **row}


def _unpaid(link: Link) -> Iterator[tuple[str, str, str, float]]:
    """Item, class, unit and quantity of what is paid with something else, or not at all."""
    for name, length in (("bridge", link.bridge_length), ("tunnel", link.tunnel_length)):
        if length > 0:
            yield f"{name}_length", "", "m", length
    if link.inventory is not None:
        for name, volume in link.inventory.courses.items():
            yield "pavement_course", name, "m3", float(volume.sum())
        for name, volume in link.inventory.loose.items():
            if volume.any():
                yield "loose_excavation", name, "m3", float(volume.sum())
    for name, count in link.counts.items():
        yield "affected", name, "each", float(count)


def _priced(
    plan: Plan,
    head: Row,
    bill: Mapping[tuple[str, str], float],
    places: Mapping[str, float],
) -> Iterator[Row]:
    """Rows with an amount, the last for what comes on the direct cost."""
    money, rates = plan.study.money, plan.rates
    pkr = money.exchange("PKR")
    blank = dict.fromkeys(COLUMNS)
    common = {"currency": money.currency, "price_date": rates.price_date}
    order = {item: i for i, item in enumerate(ITEMS)}
    direct = 0.0
    totals: dict[str, float] = {}
    for (item, kind), quantity in sorted(bill.items(), key=lambda part: order[part[0][0]]):
        if not quantity > 0:
            continue
        price = rates[item].price
        amount = price.base * quantity
        direct += amount
        totals[item] = totals.get(item, 0.0) + quantity
        yield {
            **blank,
            **head,
            **common,
            "item": item,
            "class": kind,
            "unit": UNITS.get(item, ITEMS[item]),
            "quantity": quantity,
            "rate_low": price.low,
            "rate": price.base,
            "rate_high": price.high,
            "amount": amount,
            "amount_pkr": amount * pkr,
        }
    for name, amount in places.items():
        if amount > 0:
            direct += amount
            row = {"item": name, "class": "by place", "unit": "sum", "quantity": 1.0}
            paid = {"amount": amount, "amount_pkr": amount * pkr}
            yield {**blank, **head, **common, **row, **paid}
    whole = cost.price(totals, rates, money, places=sum(places.values())).total.base
    added = {
        "item": "additions",
        "class": "contingency, engineering, protection, taxes",
        "unit": "sum",
        "quantity": 1.0,
        "amount": whole - direct,
        "amount_pkr": (whole - direct) * pkr,
    }
    yield {**blank, **head, **common, **added}


def _best_first(plan: Plan) -> list[Option]:
    return sorted(plan.options, key=lambda option: option.name != plan.best)


def _structures(link: Link, start: float | None) -> Iterator[Row]:
    if link.inventory is None:
        return
    found: list[tuple[float, Row]] = []

    def add(kind: str, name: str, a: float, b: float, extent: float | None) -> None:
        row: Row = {
            "road": link.name,
            "kind": kind,
            "name": name,
            "from_m": a,
            "to_m": b,
            "from_new_chainage": None if start is None else text(start + a),
            "to_new_chainage": None if start is None else text(start + b),
            "length_m": b - a,
            "extent_m": extent,
        }
        found.append((a, row))

    for part, each in zip(link.structures, link.inventory.bill.structures, strict=True):
        add(part.form, part.name, part.start, part.end, each.extent)
    for i, section in enumerate(link.inventory.galleries, start=1):
        add("gallery", f"Gallery {i}", section.start, section.end, None)
    for i, one in enumerate(link.inventory.culverts, start=1):
        where = "in a gully" if one.gully else "between gullies"
        add("culvert", f"Culvert {i} {where}", one.at, one.at, None)
    yield from (row for _, row in sorted(found, key=lambda pair: pair[0]))


def _haul(link: Link) -> Iterator[Row]:
    if link.inventory is None:
        return
    earth = link.inventory.earth
    carried, ordinate = np.append(earth.flow, 0.0), earth.ordinate
    owner, count = owners(earth.station, earth.site), earth.supply.size
    borrowed = np.bincount(owner, earth.borrowed, count)
    wasted = np.bincount(owner, earth.wasted, count)
    for i, (a, b) in enumerate(zip(earth.station, earth.station[1:], strict=False)):
        yield {
            "road": link.name,
            "from_m": float(a),
            "to_m": float(b),
            "supply_m3": float(earth.supply[i]),
            "fill_m3": float(earth.fill[i]),
            "borrowed_m3": float(borrowed[i]),
            "wasted_m3": float(wasted[i]),
            "ordinate_m3": float(ordinate[i + 1]),
            "carried_m3": float(carried[i]),
        }
