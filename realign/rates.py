"""Unit prices with their spread, currency, price date and source, read from a CSV table."""

import csv
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pydantic import Field

from realign.errors import InputError
from realign.estimate import Estimate
from realign.settings import Settings

ITEMS: Mapping[str, str] = MappingProxyType(
    {
        "common_excavation": "m3",
        "rock_excavation": "m3",
        "fill": "m3",
        "haul": "m3-km",
        "borrow": "m3",
        "disposal": "m3",
        "retaining_wall": "m3",
        "bridge": "m",
        "bridge_abutment": "each",
        "tunnel": "m",
        "tunnel_portal": "each",
        "pavement": "m2",
        "culvert": "each",
        "upgrade_existing": "km",
        "land": "m2",
        "maintenance": "km-yr",
        "gallery": "m",
    }
)
"""Every item that a table of rates has to price, and the unit it is measured in."""

CURRENCIES = ("USD", "PKR", "CNY")
"""The currencies (ISO 4217) that rates may be in and amounts are given in."""

COLUMNS = ("item", "unit", "low", "base", "high", "currency", "price_date", "source")
"""The columns of a table of rates, in any order."""

BOUNDS = ("low", "base", "high")

DEAREST = 1e12
"""Greatest price of a unit of anything [currency of the rates]."""


class Money(Settings):
    """The table `[money]`: what amounts are given in and what is added to the direct cost."""

    currency: str = Field(default="USD", pattern=f"^({'|'.join(CURRENCIES)})$")
    """Currency of the rates, and of all costs until they are converted."""
    fx_date: dt.date
    """Day of the exchange rates."""
    pkr_per_usd: float = Field(ge=0.001, le=1e7)
    """Pakistani rupees for one US dollar."""
    cny_per_usd: float = Field(ge=0.001, le=1e7)
    """Chinese yuan for one US dollar."""
    contingency: float = Field(default=0.0, ge=0, le=1)
    """Contingency as a fraction of the direct cost."""
    engineering: float = Field(default=0.0, ge=0, le=1)
    """Design, supervision and administration as a fraction of the direct cost."""
    protection: float = Field(default=0.0, ge=0, le=1)
    """Slope protection, drainage and environment as a fraction of the direct cost."""
    taxes: float = Field(default=0.0, ge=0, le=1)
    """Taxes and duties as a fraction of the direct cost with all that is added before."""

    calibration: float = Field(default=1.0, ge=0.01, le=100)
    """Factor on every cost, to meet a published total; 1 where none is used."""

    def exchange(self, to: str, *, of: str | None = None) -> float:
        """
        Units of one currency that one unit of another buys.

        Parameters
        ----------
        to
            Currency wanted, one of `CURRENCIES`.
        of
            Currency held; that of the rates unless given.

        Examples
        --------
        >>> money = Money(fx_date="2025-09-25", pkr_per_usd=281.40, cny_per_usd=7.12)
        >>> money.exchange("PKR")
        281.4
        >>> round(money.exchange("PKR", of="CNY"), 2)
        39.52
        """
        per_usd = {"USD": 1.0, "PKR": self.pkr_per_usd, "CNY": self.cny_per_usd}
        held = self.currency if of is None else of
        for currency in (to, held):
            if currency not in per_usd:
                msg = f"no exchange rate for {currency!r}: it has to be one of {_any(CURRENCIES)}"
                raise InputError(msg)
        return per_usd[to] / per_usd[held]


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of an item costs, and who says so."""

    item: str
    """Key of `ITEMS`."""
    unit: str
    """Unit the item is measured in: m, m2, m3, m3-km, km, km-yr or each."""
    price: Estimate
    """Price of one unit [currency per unit]."""
    currency: str
    """Currency of the price, one of `CURRENCIES`."""
    price_date: dt.date
    """Day at whose prices the rate is given."""
    source: str
    """Where the price comes from; begins with "assumption" where no source states it."""

    @property
    def assumed(self) -> bool:
        """Whether no source states the price."""
        return self.source.lower().startswith("assumption")


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """A whole table of unit prices: every item of `ITEMS`, one currency, one price date."""

    items: Mapping[str, Rate]
    """The rate of each item, in the order of the table."""

    def __getitem__(self, item: str) -> Rate:
        """Rate of one item."""
        return self.items[item]

    @property
    def price_date(self) -> dt.date:
        """Day at whose prices all rates are given."""
        return next(iter(self.items.values())).price_date

    @property
    def currency(self) -> str:
        """Currency of all rates."""
        return next(iter(self.items.values())).currency


def read(path: Path) -> Rates:
    """
    Read a table of unit prices from CSV (UTF-8) with the columns `COLUMNS`.

    All prices have to be in one currency and of one date, since amounts of
    different dates cannot be added without escalation.

    Raises
    ------
    InputError
        If the table cannot be read or is wrong; the message lists every problem,
        one a line, with file, line and column, what was found and what was wanted.
    """
    rows = _rows(path)
    problems: list[str] = []
    rates: dict[str, Rate] = {}
    first: dict[str, int] = {}
    for line, row in rows:
        where = f"{path.name}:{line}"
        rate = _rate(row, where, problems)
        item = row["item"]
        if item in first:
            problems.append(
                f"{where}: column item: found {item!r} again, wanted each item once; "
                f"it stands on line {first[item]} already"
            )
        elif item in ITEMS:
            first[item] = line
        if rate is not None:
            rates.setdefault(item, rate)
    problems.extend(
        f"{path.name}: found no row for {item!r}, wanted one with unit {unit}"
        for item, unit in ITEMS.items()
        if item not in first
    )
    problems.extend(_mixed(rates, first, path.name))
    if problems:
        msg = f"the table of rates {path} is wrong:\n" + "\n".join(problems)
        raise InputError(msg)
    return Rates(MappingProxyType(rates))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows of the file as (line, cells by column), the cells stripped of blanks."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True, restkey="", restval="")
            found = [name.strip() for name in reader.fieldnames or ()]
            _check_columns(found, path)
            reader.fieldnames = found
            return [(reader.line_num, _strip(row)) for row in reader]
    except FileNotFoundError:
        msg = f"found no table of rates {path}, wanted a CSV file"
        raise InputError(msg) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"cannot read the table of rates {path}, wanted CSV in UTF-8: {error}"
        raise InputError(msg) from error


def _check_columns(found: list[str], path: Path) -> None:
    """Refuse a heading that is not exactly `COLUMNS`, in any order."""
    problems = [f"{path.name}:1: found no column {name!r}" for name in COLUMNS if name not in found]
    problems += [
        f"{path.name}:1: found an unknown column {name[:40]!r}"
        for name in found[:20]
        if name not in COLUMNS
    ]
    problems += [
        f"{path.name}:1: found column {name!r} {found.count(name)} times, wanted it once"
        for name in COLUMNS
        if found.count(name) > 1
    ]
    if problems:
        wanted = f"wanted the columns {', '.join(COLUMNS)}"
        msg = f"the table of rates {path} is wrong, {wanted}:\n" + "\n".join(problems)
        raise InputError(msg)


def _strip(row: dict[str, str]) -> dict[str, str]:
    """Cells without blanks around; the key "" is kept only where a row has cells too many."""
    return {
        column: cell.strip() if isinstance(cell, str) else ",".join(cell)
        for column, cell in row.items()
    }


def _rate(row: Mapping[str, str], where: str, problems: list[str]) -> Rate | None:
    """Rate of one row, or None after its problems have been noted."""
    before = len(problems)
    if "" in row:
        problems.append(
            f"{where}: found more than {len(COLUMNS)} cells, wanted text with commas in quotes"
        )
    item, unit, currency = row["item"], row["unit"], row["currency"]
    if item not in ITEMS:
        problems.append(f"{where}: column item: found {item!r}, wanted one of {_any(tuple(ITEMS))}")
    elif unit != ITEMS[item]:
        problems.append(f"{where}: column unit: found {unit!r}, wanted {ITEMS[item]!r} for {item}")
    if currency not in CURRENCIES:
        problems.append(
            f"{where}: column currency: found {currency!r}, wanted one of {_any(CURRENCIES)}"
        )
    if not row["source"]:
        problems.append(f"{where}: column source: found nothing, wanted where the price comes from")
    price_date = _date(row["price_date"], where, problems)
    price = _price(row, where, problems)
    if len(problems) > before or price is None or price_date is None:
        return None
    return Rate(item, unit, price, currency, price_date, row["source"])


def _date(text: str, where: str, problems: list[str]) -> dt.date | None:
    """Date of a cell, or None after the problem has been noted."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        problems.append(
            f"{where}: column price_date: found {text!r}, wanted a date like 2025-09-25"
        )
        return None


def _price(row: Mapping[str, str], where: str, problems: list[str]) -> Estimate | None:
    """Price of a row with low <= base <= high, or None after its problems have been noted."""
    values: dict[str, float] = {}
    for column in BOUNDS:
        try:
            value = float(row[column])
        except ValueError:
            value = math.nan
        if 0 <= value <= DEAREST:
            values[column] = value
        else:
            problems.append(
                f"{where}: column {column}: found {row[column]!r}, wanted a number from 0 to "
                f"{DEAREST:g}"
            )
    for lower, upper in (("low", "base"), ("base", "high"), ("low", "high")):
        if lower in values and upper in values and values[lower] > values[upper]:
            problems.append(
                f"{where}: column {lower}: found {row[lower]} above the {upper} price "
                f"{row[upper]}, wanted low <= base <= high"
            )
            return None
    if len(values) < len(BOUNDS):
        return None
    return Estimate(low=values["low"], base=values["base"], high=values["high"])


def _mixed(rates: Mapping[str, Rate], lines: Mapping[str, int], name: str) -> Iterator[str]:
    """Problems of rates whose currency or date is not that of the first row."""
    if not rates:
        return
    leader = next(iter(rates.values()))
    for item, rate in rates.items():
        where = f"{name}:{lines[item]}"
        if rate.currency != leader.currency:
            yield (
                f"{where}: column currency: found {rate.currency}, wanted {leader.currency} "
                "as in the first row"
            )
        if rate.price_date != leader.price_date:
            yield (
                f"{where}: column price_date: found {rate.price_date}, wanted "
                f"{leader.price_date} as in the first row"
            )


def _any(names: tuple[str, ...]) -> str:
    return ", ".join(names)
