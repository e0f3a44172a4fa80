"""Laws of the unit prices: what is written is read, and every mistake is named at once."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from realign.errors import InputError
from realign.estimate import Estimate
from realign.rates import COLUMNS, ITEMS, Money, read

KKH = Path(__file__).parents[1] / "data" / "kkh" / "rates.csv"

Rows = list[dict[str, str]]


def rows() -> Rows:
    """Make one right row for each item."""
    return [
        {
            "item": item,
            "unit": unit,
            "low": "8",
            "base": "10",
            "high": "13",
            "currency": "USD",
            "price_date": "2025-09-25",
            "source": "assumption: for a test, with a comma",
        }
        for item, unit in ITEMS.items()
    ]


def write(path: Path, table: Rows, columns: tuple[str, ...] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(table)
    return path


def changed(change: Callable[[Rows], object]) -> Rows:
    table = rows()
    change(table)
    return table


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rates = read(write(tmp_path / "rates.csv", rows()))
    assert list(rates.items) == list(ITEMS)
    assert rates["bridge"].price == Estimate(8.0, 10.0, 13.0)
    assert rates["maintenance"].unit == "km-yr"
    assert rates["bridge"].source == "assumption: for a test, with a comma"
    assert rates["bridge"].assumed
    assert rates.currency == "USD"
    assert rates.price_date == date(2025, 9, 25)


def test_order_of_rows_and_columns_blanks_and_byte_order_mark_do_not_matter(
    tmp_path: Path,
) -> None:
    plain = read(write(tmp_path / "plain.csv", rows()))
    turned = write(tmp_path / "turned.csv", rows()[::-1], COLUMNS[::-1])
    text = turned.read_text(encoding="utf-8").replace("USD,13,10", " USD , 13,10 ")
    turned.write_text(text, encoding="utf-8-sig")
    assert dict(read(turned).items) == dict(plain.items)


def test_the_rates_of_the_karakoram_highway_hold_every_item_and_say_what_is_assumed() -> None:
    rates = read(KKH)
    assert set(rates.items) == set(ITEMS)
    assert rates.price_date == date(2025, 9, 25)
    assert rates["tunnel"].price == Estimate(18000, 24000, 32000)
    assert rates["retaining_wall"].price.base == 300
    assert rates["pavement"].assumed
    assert not rates["gallery"].assumed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t[0].update(low="-1"), "rates.csv:2: column low: found '-1', wanted a number"),
        (lambda t: t[1].update(base="ten"), "rates.csv:3: column base: found 'ten'"),
        (lambda t: t[1].update(high="nan"), "rates.csv:3: column high: found 'nan'"),
        (
            lambda t: t[1].update(high="1e13"),
            "column high: found '1e13', wanted a number from 0 to",
        ),
        (lambda t: t[1].update(high=""), "rates.csv:3: column high: found ''"),
        (lambda t: t[2].update(low="10.1"), "rates.csv:4: column low: found 10.1 above the base"),
        (lambda t: t[2].update(high="9.9"), "rates.csv:4: column base: found 10 above the high"),
        (lambda t: t[3].update(price_date="25.9.2025"), "rates.csv:5: column price_date: found"),
        (lambda t: t[3].update(currency="EUR"), "column currency: found 'EUR', wanted one of USD"),
        (lambda t: t[3].update(currency="PKR"), "found PKR, wanted USD as in the first row"),
        (lambda t: t[3].update(price_date="2024-01-01"), "wanted 2025-09-25 as in the first row"),
        (
            lambda t: t[4].update(unit="km"),
            "rates.csv:6: column unit: found 'km', wanted 'm3' for",
        ),
        (lambda t: t[4].update(item="ferry"), "rates.csv:6: column item: found 'ferry', wanted"),
        (lambda t: t[4].update(source=" "), "rates.csv:6: column source: found nothing"),
        (lambda t: t.append(t[0]), "rates.csv:19: column item: found 'common_excavation' again"),
        (lambda t: t.pop(), "rates.csv: found no row for 'gallery', wanted one with unit m"),
    ],
)
def test_a_mistake_is_named_with_line_and_column(
    tmp_path: Path, change: Callable[[Rows], object], told: str
) -> None:
    path = write(tmp_path / "rates.csv", changed(change))
    with pytest.raises(InputError) as error:
        read(path)
    assert told in str(error.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    table = rows()
    table[0].update(low="x", unit="ton", currency="EUR")
    table[5].update(price_date="soon")
    del table[7]
    with pytest.raises(InputError) as error:
        read(write(tmp_path / "rates.csv", table))
    assert str(error.value).count("\n") == 5


def test_an_empty_table_misses_every_item(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(write(tmp_path / "rates.csv", []))
    assert str(error.value).count("found no row") == len(ITEMS)


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("", "found no column 'item'"),
        (",".join(COLUMNS[:-1]), "found no column 'source'"),
        (",".join((*COLUMNS, "note")), "found an unknown column 'note'"),
        (",".join((*COLUMNS, "low")), "found column 'low' 2 times"),
    ],
)
def test_a_wrong_heading_is_an_error(tmp_path: Path, heading: str, told: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(heading + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read(path)


def test_a_row_with_cells_too_many_or_too_few_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    text = ",".join(COLUMNS) + "\nbridge,m,8,10,13,USD,2025-09-25,a,b\ntunnel,m,8\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read(path)
    assert "rates.csv:2: found more than 8 cells" in str(error.value)
    assert "rates.csv:3: column base: found ''" in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no table of rates .*none\.csv"):
        read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot read the table of rates"):
        read(tmp_path)
    odd = tmp_path / "odd.csv"
    odd.write_bytes(b"item\xff\xfe")
    with pytest.raises(InputError, match="wanted CSV in UTF-8"):
        read(odd)


def test_money_there_and_back_is_the_same_money() -> None:
    money = Money(fx_date=date(2025, 9, 25), pkr_per_usd=281.40, cny_per_usd=7.12)
    for one in ("USD", "PKR", "CNY"):
        assert money.exchange(one, of=one) == 1
        assert money.exchange(one, of="USD") * money.exchange("USD", of=one) == pytest.approx(1)
    assert money.exchange("PKR") == 281.40
    with pytest.raises(InputError, match="no exchange rate for 'EUR'"):
        money.exchange("EUR")


def test_money_refuses_another_currency_and_fractions_given_in_percent() -> None:
    right = {"fx_date": "2025-09-25", "pkr_per_usd": 281.40, "cny_per_usd": 7.12}
    for wrong in ({"currency": "EUR"}, {"taxes": 15}, {"pkr_per_usd": 0}, {"overhead": 0.1}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            Money.model_validate(right | wrong)
