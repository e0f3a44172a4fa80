"""
The numbers of a plan as tables: rows that are written as CSV and JSON, and that the report shows.

Units stand in the names of the columns. Rupees are whole numbers, kilometres have three decimals,
dates are ISO dates, and a value that does not exist is an empty cell (JSON: null).
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from realign.chainage import Section, renumbered, text
from realign.corridor import Alternatives
from realign.estimate import Estimate
from realign.finance import by_year
from realign.options import Option
from realign.outputs import sums
from realign.phasing import Phase, Schedule
from realign.plan import Plan, Programme

Cell = str | int | float | bool | date | None
"""What a cell of a table can hold."""

Row = dict[str, Cell]
"""A row: column to cell, in the order of the columns."""

PHASES_SCHEMA = "realign.phase_costs/3"
"""Name and version of the columns of `phase_costs.csv` and of the keys of `phase_costs.json`."""

_DECIMALS = (  # of a column, by how its name ends; three where none fits
    ("_usd", 2),
    ("_cny", 2),
    ("_pct", 2),
    ("_h", 2),
    ("_min", 2),
    ("_m", 2),
    ("_ha", 3),
    ("_deg", 2),
    ("_probability", 5),
    ("_importance", 5),
    ("_share", 5),
    ("_error", 5),
    ("_a_year", 4),
    ("closed_days", 4),
    ("_km2", 3),
    ("_km3", 4),
    ("_km", 3),
)
_AS_GIVEN = {  # any unit
    *("published", "modelled", "accepted_low", "accepted_high"),
    *("score", "part", "weight", "weighted_total", "low", "high"),
}
_FORMULA = ("=", "+", "-", "@", "\t", "\n")  # a text that begins so is run by a spreadsheet
_KM = 1000.0
_HOUR = 3600.0
_HECTARE = 1e4

ALTERNATIVE_COLUMNS = (
    "rank",
    "shortlisted",
    "name",
    "preferred",
    "price_ratio",
    "construction_usd",
    "gap_to_bound_pct",
    "length_km",
    "bridges_pct",
    "tunnels_pct",
    "other_bank_pct",
    "mean_level_m",
    "leaves_at_m",
    "returns_at_m",
)
"""Columns of the table; `preferred` is what the round of the search preferred."""


def tables(plan: Plan) -> dict[str, list[Row]]:
    """Every table of a plan, by the name of its CSV file without the ending."""
    return {
        "phase_costs": phase_rows(plan),
        "submerged_sections": submerged_rows(plan),
        "reservoirs": reservoir_rows(plan),
        "options": option_rows(plan),
        "old_new_chainage": chainage_rows(plan),
        "validation": validation_rows(plan),
    }


def phase_rows(plan: Plan) -> list[Row]:
    """
    Phases of the programme with dates, money and who pays: the best option first.

    Chainages are those of the existing road. Works that others build are not among them.

    Raises
    ------
    OutputError
        The phases, or the shares of the financiers, do not add up to the rupee.
    """
    rows = []
    for programme in _programmes(plan):
        _add_up(programme)
        for phase, split in zip(programme.schedule.phases, programme.splits, strict=True):
            shares = {f"share_{key}_pkr": rupees for key, rupees in split.amounts.items()}
            row = _phase(plan, programme, phase, shares)
            rows.append(row | _sure(plan, programme.option.name, phase) | _dated(plan))
    return rows


def phase_columns(rows: Sequence[Mapping[str, object]], keys: Iterable[str] = ()) -> list[str]:
    """Columns of `phase_rows`; where there is no row, of a table with financiers of these keys."""
    if rows:
        return list(rows[0])
    shares = [f"share_{key}_pkr" for key in keys]
    return [*_BEFORE_SHARES, *shares, *_SURE, "fx_date", "price_date", "schema"]


def submerged_rows(plan: Plan) -> list[Row]:
    """Sections of the existing road that the lakes take, by chainage."""
    full = {lake.dam.name: lake.dam.full_level_m for lake in plan.reservoirs}
    return [
        {
            "from_km": row.section.start / _KM,
            "to_km": row.section.end / _KM,
            "from_chainage": text(row.section.start),
            "to_chainage": text(row.section.end),
            "length_km": row.section.length / _KM,
            "flooded_km": row.flooded_length / _KM,
            "dam": row.dam,
            "full_level_m": full.get(row.dam),
            "lowest_freeboard_m": row.lowest_freeboard,
            "deepest_water_m": row.deepest_water,
            "probability": row.probability,
            "expected_length_km": row.expected_length / _KM,
            "first_stage": row.first_stage,
            "first_date": row.first_date,
        }
        for row in plan.submergence.sections
    ]


def reservoir_rows(plan: Plan) -> list[Row]:
    """Lakes by dam and stage, and how a lake that the study gives differs from the ground's."""
    rows: list[Row] = []
    for lake in plan.reservoirs:
        seen, names = lake.extent_comparison, {each.stage.name for each in lake.lakes}
        more = () if lake.full.stage.name in names else (lake.full,)
        for each in (*lake.lakes, *more):
            given = seen if each is lake.full else None
            rows.append(
                {
                    "dam": lake.dam.name,
                    "stage": each.stage.name,
                    "date": each.stage.date,
                    "level_m": each.stage.level_m,
                    "area_km2": each.area / _KM**2,
                    "volume_km3": each.volume / _KM**3,
                    "extent": lake.dam.extent if given else None,
                    "extent_area_ratio": given.area_ratio if given else None,
                    "extent_shared_pct": 100 * given.shared if given else None,
                    "extent_shore_above_m": _known(given.shore_above) if given else None,
                    "extent_shore_spread_m": _known(given.shore_spread) if given else None,
                }
            )
    return rows


def _known(value: float) -> float | None:
    """Take a number; nothing where it is none."""
    return value if math.isfinite(value) else None


def chainage_rows(plan: Plan) -> list[Row]:
    """
    Old and new chainage of every option, stretch by stretch: its station equations.

    On existing road the new chainage is the old one and the shift of the stretch. At the end of a
    new link, the new chainage back of the tie-in stands beside the old one ahead of it.
    """
    whole = Section(0.0, plan.highway.length)
    return [
        {
            "option": option.name,
            "road": "existing" if each.kept else "new",
            "old_from_m": each.old.start,
            "old_to_m": each.old.end,
            "new_from_m": each.new.start,
            "new_to_m": each.new.end,
            "shift_at_end_m": each.shift,
            "old_from": text(each.old.start),
            "old_to": text(each.old.end),
            "new_from": text(each.new.start),
            "new_to": text(each.new.end),
        }
        for option in plan.options
        if option.links
        for each in renumbered(whole, [(link.section, link.length) for link in option.links])
    ]


def option_rows(plan: Plan) -> list[Row]:
    """
    Options with everything they are compared by; to do nothing is one of them.

    Costs of an option are the sums of its phases, to the rupee; `breaches` counts where its new
    roads do not keep the standard or the limits of their forms. Closed days of a year are those of
    the year after all of it stands, for trucks from one end of the highway to the other; `cut_from`
    is the first day after the start of the works without a way at all.
    """
    rank = ranks(plan)
    return [_option(plan, option, rank) for option in plan.options]


def ranks(plan: Plan) -> dict[str, int]:
    """Place of each option by the weights of the study, 1 for the best."""
    table = plan.decision.table
    return dict(zip(table.options, table.rank.tolist(), strict=True))


def ranked(plan: Plan, names: Iterable[str]) -> list[str]:
    """Sort names of options by their rank; what was not weighed comes last."""
    rank = ranks(plan)
    return sorted(names, key=lambda name: (rank.get(name, len(rank) + 1), name))


def validation_rows(plan: Plan) -> list[Row]:
    """Put published figures beside modelled ones; `ok` is "no" in a row that misses."""
    return [
        {
            "quantity": _about(check.published.quantity, check.published.of),
            "unit": check.unit,
            "published": check.published.value,
            "source": check.published.source,
            "modelled": check.modelled,
            "ratio": check.ratio,
            "accepted_low": check.published.accepted_low,
            "accepted_high": check.published.accepted_high,
            "ok": yes(check.ok),
        }
        for check in plan.checks
    ]


def phase_document(plan: Plan) -> dict[str, Any]:
    """
    Everything that `phase_rows` says, with the totals of each option: `phase_costs.json`.

    `phases` are the rows, `options` their totals, years and works of others; every
    value is one that JSON knows.

    Raises
    ------
    OutputError
        As `phase_rows`.
    """
    money = plan.study.money
    return {
        "schema": PHASES_SCHEMA,
        "study": plan.study.study.name,
        "ground": plan.study.study.ground,
        "best_option": plan.best,
        "pkr_per_usd": money.pkr_per_usd,
        "cny_per_usd": money.cny_per_usd,
        "fx_date": money.fx_date.isoformat(),
        "price_date": plan.rates.price_date.isoformat(),
        "phases": _plain(phase_rows(plan)),
        "options": [_plain(_project(plan, programme)) for programme in _programmes(plan)],
    }


def stored_phase_costs(folder: Path, hashes: Mapping[str, str]) -> dict[str, Any] | None:
    """
    Read the phase costs that a former run left, if they are those of the same inputs.

    Parameters
    ----------
    folder
        Folder of results.
    hashes
        SHA-256 of the inputs as they are now, by name.

    Returns
    -------
    document
        As `phase_document`; None where there are no results, or those of other
        inputs or of another version of the program.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        document = json.loads((folder / "phase_costs.json").read_text(encoding="utf-8"))
        known = manifest["inputs_sha256"] == dict(hashes)
        same = known and manifest["realign"] == version("realign")
        return document if same and document["schema"] == PHASES_SCHEMA else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, PackageNotFoundError):
        return None


def write(plan: Plan, made: Mapping[str, Sequence[Row]], folder: Path) -> None:
    """Write the tables of `tables`, and the JSON of the phases, into a folder."""
    keys = [financier.key for financier in plan.study.finance.financiers]
    empty = {**_COLUMNS, "phase_costs": phase_columns((), keys)}
    for name, rows in made.items():
        columns = list(rows[0]) if rows else empty[name]
        write_csv(folder / f"{name}.csv", columns, rows)
    write_json(folder / "phase_costs.json", phase_document(plan))


def corridors(plan: Plan) -> list[dict[str, Any]]:
    """
    Tell what the search of every corridor found, and how its bill compares.

    Returns
    -------
    rows
        One a link that a search found as a whole: price that was minimised, its
        bound and the gap between them, effort, and the bill over the price of the
        search, for the whole and for pieces of about 5 km. Money in the currency of
        the rates.
    """
    return [
        {
            "link": link.name,
            "speed_kmh": link.speed_kmh,
            "price": round(searched.price),
            "bound": round(searched.bound),
            "gap_to_bound_pct": round(100 * searched.optimality_gap, 2),
            "construction": round(searched.construction),
            "billed": round(searched.billed),
            "ratio": round(searched.ratio, 3),
            "states_opened": searched.opened,
            "seconds": round(searched.seconds, 2),
            "band_m": searched.band_m,
            "at_edge": searched.at_edge,
            "tracked": {key: round(value, 1) for key, value in searched.tracked.items()},
            "places": {key: round(value) for key, value in link.places.items()},
            "pieces": [
                {
                    "from_m": round(piece.start),
                    "to_m": round(piece.end),
                    "searched": round(piece.searched),
                    "billed": round(piece.billed),
                    "ratio": round(piece.ratio, 3) if piece.searched > 0 else None,
                }
                for piece in searched.pieces
            ],
        }
        for link in plan.links
        if (searched := link.searched) is not None
    ]


def alternative_rows(found: Alternatives) -> list[dict[str, Any]]:
    """
    Give one row a road, cheapest first.

    Parameters
    ----------
    found
        From `corridor.alternatives`.

    Returns
    -------
    rows
        With the keys of `ALTERNATIVE_COLUMNS`; money in the currency of the rates.
    """
    best = found.rated[0].corridor.price
    return [
        {
            "rank": i + 1,
            "shortlisted": i in found.shortlist,
            "name": each.name,
            "preferred": each.theme,
            "price_ratio": each.corridor.price / best,
            "construction_usd": each.corridor.construction,
            "gap_to_bound_pct": 100 * each.corridor.optimality_gap,
            "length_km": each.length / 1000,
            "bridges_pct": 100 * each.bridge,
            "tunnels_pct": 100 * each.tunnel,
            "other_bank_pct": 100 * each.crossed_over,
            "mean_level_m": each.level,
            "leaves_at_m": each.corridor.section.start,
            "returns_at_m": each.corridor.section.end,
            **{f"tracked_{name}": value for name, value in each.corridor.tracked.items()},
        }
        for i, each in enumerate(found.rated)
    ]


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    r"""
    Write rows as CSV with plain numbers.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.

    Examples
    --------
    >>> as_csv(["name", "new_km"], [{"name": "=A1", "new_km": 2.0}])
    "name,new_km\n'=A1,2.000\n"
    """
    file = io.StringIO()
    _into(file, columns, rows)
    return file.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as `as_csv`, one after the other, so that there may be many."""
    with path.open("w", encoding="utf-8", newline="") as file:
        _into(file, columns, rows)


def costs(plan: Plan, name: str, cost: Estimate) -> Row:
    """Low, base and high of a cost in the currency of the rates, in rupees and in dollars."""
    return _money(plan, name, _in_rupees(plan, cost))


def yes(flag: bool) -> str:  # noqa: FBT001 - the value itself
    """Write a truth: yes or no."""
    return "yes" if flag else "no"


def write_json(path: Path, document: object) -> None:
    """Write a value as indented UTF-8 JSON; numbers that are none become null."""
    written = json.dumps(_plain(document), ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(written + "\n", encoding="utf-8")


def _into(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(name, row[name]) for name in columns] for row in rows)


def _programmes(plan: Plan) -> list[Programme]:
    """Programmes in the order of the tables: the best one, then in the order of the options."""
    names = [option.name for option in plan.options if option.name in plan.programmes]
    names.sort(key=lambda name: name != plan.best)
    return [plan.programmes[name] for name in names]


def _add_up(programme: Programme) -> None:
    """Refuse a programme whose parts are not its whole, to the rupee."""
    dated, splits = programme.schedule, programme.splits
    parts = sums.of_schedule(dated)
    parts.append(sums.Sum("the shares of phases, in number,", len(splits), len(dated.phases)))
    for phase, split in zip(dated.phases, splits, strict=False):
        shared = sum(split.amounts.values())
        parts.append(sums.Sum(f"the shares of phase {phase.number}", shared, phase.cost_pkr))
    sums.hold(f"option {programme.option.name!r}", parts)


_BEFORE_SHARES = (
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
)
_SURE = (
    "p10_pkr",
    "p50_pkr",
    "p90_pkr",
    "open_p10_date",
    "open_p50_date",
    "open_p90_date",
    "chance_in_time_pct",
)
_COLUMNS = {  # of tables that may be empty
    "submerged_sections": [
        "from_km",
        "to_km",
        "from_chainage",
        "to_chainage",
        "length_km",
        "flooded_km",
        "dam",
        "full_level_m",
        "lowest_freeboard_m",
        "deepest_water_m",
        "probability",
        "expected_length_km",
        "first_stage",
        "first_date",
    ],
    "old_new_chainage": [
        "option",
        "road",
        "old_from_m",
        "old_to_m",
        "new_from_m",
        "new_to_m",
        "shift_at_end_m",
        "old_from",
        "old_to",
        "new_from",
        "new_to",
    ],
    "validation": [
        "quantity",
        "unit",
        "published",
        "source",
        "modelled",
        "ratio",
        "accepted_low",
        "accepted_high",
        "ok",
    ],
}


def _phase(plan: Plan, programme: Programme, phase: Phase, shares: Mapping[str, int]) -> Row:
    work, money = phase.work, plan.study.money
    row: Row = {
        "option": programme.option.name,
        "phase": phase.number,
        "name": work.name,
        "from_km": work.section.start / _KM,
        "to_km": work.section.end / _KM,
        "length_km": (work.new_length + work.upgrade_length) / _KM,
        "new_km": work.new_length / _KM,
        "upgrade_km": work.upgrade_length / _KM,
        "bridge_km": work.bridge_length / _KM,
        "tunnel_km": work.tunnel_length / _KM,
        "start_date": phase.start,
        "open_date": phase.opens,
        "deadline_date": phase.deadline,
        "deadline_open_date": programme.schedule.deadline_opens(phase),
        "cost_pkr": phase.cost_pkr,
        "cost_usd": round(phase.cost_pkr * money.exchange("USD", of="PKR"), 2),
        "cost_cny": round(phase.cost_pkr * money.exchange("CNY", of="PKR"), 2),
        "low_pkr": phase.low_pkr,
        "high_pkr": phase.high_pkr,
    }
    row.update(shares)
    return row


def _sure(plan: Plan, option: str, phase: Phase) -> Row:
    """Give spreads of cost and opening of a phase; nothing where none were drawn."""
    row: Row = dict.fromkeys(_SURE)
    found = plan.risks.get(option)
    each = found.phases[phase.number - 1] if found is not None else None
    if each is not None:
        row |= {f"p{p}_pkr": round(getattr(each.cost_pkr, f"p{p}")) for p in (10, 50, 90)}
        row |= {f"open_p{p}_date": getattr(each.opens, f"p{p}") for p in (10, 50, 90)}
        row["chance_in_time_pct"] = None if each.chance is None else 100 * each.chance
    return row


def _dated(plan: Plan) -> Row:
    """Give what amounts are dated by."""
    money = plan.study.money
    return {
        "fx_date": money.fx_date,
        "price_date": plan.rates.price_date,
        "schema": PHASES_SCHEMA,
    }


def _option(plan: Plan, option: Option, rank: Mapping[str, int]) -> Row:
    programme = plan.programmes.get(option.name)
    dated = programme.schedule if programme else None
    totals = dict(zip(plan.decision.table.options, plan.decision.table.totals, strict=True))
    year = plan.years.get(option.name)
    cut = year.cut if year else None
    return {
        "option": option.name,
        "title": option.title,
        "best": yes(option.name == plan.best),
        "pareto": yes(option.pareto),
        "breaches": sum(len(link.breaches) for link in option.links),
        **_money(plan, "cost", _rupees(plan, option, dated)),
        **costs(plan, "outside_cost", option.outside_cost),
        **_both(plan, "present_cost", option.present_cost),
        **_both(plan, "detour_cost", option.detour_cost),
        "detours": "; ".join(option.detours),
        "length_km": option.length / _KM,
        "new_km": option.new_length / _KM,
        "upgrade_km": option.upgrade_length / _KM,
        "bridge_km": option.bridge_length / _KM,
        "tunnel_km": option.tunnel_length / _KM,
        "passable": yes(math.isfinite(option.travel_time)),
        "exposure": option.exposure,
        "flooded_left_km": option.flooded_left / _KM,
        "steepest_pct": option.steepest * 100,
        "programme_gap_pct": 100 * dated.gap if dated else None,
        "conflict": dated.conflict if dated else None,
        "cut_days": year.cut_days if year else None,
        "complete_date": _complete(dated) if dated else None,
        "announced": yes(option.name == plan.announced),
        "rank": rank.get(option.name),
        "weighted_total": float(totals.get(option.name, math.inf)),
        "truck_time_h": option.truck_time / _HOUR,
        "car_time_h": option.travel_time / _HOUR,
        "closed_days_a_year": option.closed_days,
        "closures_a_year": option.closures,
        "structures_km": (option.bridge_length + option.tunnel_length) / _KM,
        "buildings": option.buildings,
        "farmland_ha": option.farmland / _HECTARE,
        "cut_from": cut.first_day if cut else None,
        "cut_until": cut.until if cut else None,
        "cut_why": "; ".join(cut.closed) if cut else None,
        "links": "; ".join(link.name for link in option.links),
        "upgraded": "; ".join(map(str, option.upgraded)),
        "kept": "; ".join(map(str, option.kept)),
    }


def _project(plan: Plan, programme: Programme) -> dict[str, object]:
    """Give one option of the JSON: totals, years, and what others build."""
    dated = programme.schedule
    keys = [f.key for f in plan.study.finance.financiers]
    years = by_year(programme.splits, plan.study.finance.cases[0])
    spent = dict(dated.spending)
    money = plan.study.money
    year = plan.years.get(programme.option.name)
    return {
        "option": programme.option.name,
        "title": programme.option.title,
        "total_pkr": dated.total_pkr,
        "total_usd": round(dated.total_pkr * money.exchange("USD", of="PKR"), 2),
        "total_cny": round(dated.total_pkr * money.exchange("CNY", of="PKR"), 2),
        "low_pkr": sum(phase.low_pkr for phase in dated.phases),
        "high_pkr": sum(phase.high_pkr for phase in dated.phases),
        "share_pkr": {key: sum(s.amounts[key] for s in programme.splits) for key in keys},
        "cut_days": year.cut_days if year else None,
        "cuts": [
            {"from_date": cut.first_day, "to_date": cut.until, "name": "; ".join(cut.closed)}
            for cut in (year.cuts if year else ())
        ],
        "spending": [
            {"year": year, "pkr": spent[year], "share_pkr": years[year]} for year in sorted(spent)
        ],
        "outside_programme": [
            {
                "name": phase.work.name,
                "builder": phase.work.builder,
                "from_km": phase.work.section.start / _KM,
                "to_km": phase.work.section.end / _KM,
                "new_km": phase.work.new_length / _KM,
                "upgrade_km": phase.work.upgrade_length / _KM,
                "open_date": phase.opens,
                "deadline_date": phase.deadline,
            }
            for phase in dated.outside
        ],
    }


def _complete(dated: Schedule) -> date | None:
    """Day on which the last work opens."""
    return max((phase.opens for phase in dated.phases + dated.outside), default=None)


Rupees = tuple[int, int, int]
"""Low, base and high of a cost in whole rupees."""


def _rupees(plan: Plan, option: Option, dated: Schedule | None) -> Rupees:
    """Cost of an option: the sums of its phases, or its estimate where nothing is dated."""
    if dated is None:
        return _in_rupees(plan, option.cost)
    return (
        sum(phase.low_pkr for phase in dated.phases),
        sum(phase.cost_pkr for phase in dated.phases),
        sum(phase.high_pkr for phase in dated.phases),
    )


def _in_rupees(plan: Plan, cost: Estimate) -> Rupees:
    """Whole rupees of a cost in the currency of the rates."""
    rupees = cost.times(plan.study.money.exchange("PKR", of=plan.rates.currency))
    return round(rupees.low), round(rupees.base), round(rupees.high)


def _both(plan: Plan, name: str, amount: float) -> Row:
    """Give an amount in the currency of the rates in whole rupees, and those rupees in dollars."""
    money = plan.study.money
    rupees = round(amount * money.exchange("PKR", of=plan.rates.currency))
    usd = round(rupees * money.exchange("USD", of="PKR"), 2)
    return {f"{name}_pkr": rupees, f"{name}_usd": usd}


def _money(plan: Plan, name: str, rupees: Rupees) -> Row:
    """Low, base and high of a cost in rupees, and those rupees in dollars."""
    usd = plan.study.money.exchange("USD", of="PKR")
    named = list(zip(("low", "base", "high"), rupees, strict=True))
    row: Row = {f"{name}_{part}_pkr": value for part, value in named}
    row.update({f"{name}_{part}_usd": round(value * usd, 2) for part, value in named})
    return row


def _about(quantity: str, of: str) -> str:
    return f"{quantity}: {of}" if of else quantity


def _cell(column: str, value: Cell) -> str:
    """Write a cell the way CSV has it."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        lines = value.replace("\r\n", "\n").replace("\r", "\n")  # csv quotes the latter only
        return "'" + lines if lines.startswith(_FORMULA) else lines
    return _digits(column, value)


def _digits(column: str, value: float) -> str:
    """Write a number: whole ones as they are, others with the decimals of their column."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return ""
    if column in _AS_GIVEN:
        return f"{value:.10g}"
    return f"{value:.{_decimals(column)}f}"


def _decimals(column: str) -> int:
    return next((digits for end, digits in _DECIMALS if column.endswith(end)), 3)


def _plain(value: object) -> Any:
    """Turn a value into what JSON knows; numbers get the decimals of their column."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _rounded(key: str, value: object) -> object:
    if isinstance(value, float) and math.isfinite(value) and key.endswith("_km"):
        return round(value, 3)
    return _plain(value)
