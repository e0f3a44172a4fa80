"""Tables as one XLSX workbook: a sheet a table, frozen headers, number formats, and a chart."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import xlsxwriter

Cell = str | int | float | bool | date | None
"""What a cell can hold."""
Table = tuple[Sequence[str], Iterable[Mapping[str, Cell]]]
"""Columns and rows."""

WIDE = 40
"""Widest column, in characters."""
FORMATS = (
    ("_pkr", "#,##0"),
    ("_usd", "#,##0.00"),
    ("_cny", "#,##0.00"),
    ("_pct", "0.00"),
    ("_km", "#,##0.000"),
    ("_ratio", "0.00"),
)
"""Format of numbers by how the name of a column ends."""


def workbook(
    title: str,
    tables: Mapping[str, Table],
    *,
    spending: Mapping[str, Mapping[int, int]],
) -> bytes:
    """
    Write tables as an XLSX workbook.

    Parameters
    ----------
    title
        Title of the document.
    tables
        Columns and rows by name of the sheet, 31 characters at most.
    spending
        Rupees of each calendar year by name of the series, drawn as stacked columns on a sheet
        "spending by year" [PKR].

    Returns
    -------
    workbook
        The same tables give the same bytes. Texts are never read as formulas.
    """
    stream = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, {"in_memory": True, **plain})
    made = datetime(2000, 1, 1)  # noqa: DTZ001 - the library takes no zone
    book.set_properties({"title": title, "created": made})
    formats = {kind: book.add_format({"num_format": kind}) for _, kind in FORMATS}
    formats["head"] = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
    formats["day"] = book.add_format({"num_format": "yyyy-mm-dd"})
    for name, (columns, rows) in tables.items():
        _sheet(book.add_worksheet(name), columns, rows, formats)
    _spending(book, spending, formats)
    book.close()
    return stream.getvalue()


def _sheet(
    sheet: xlsxwriter.worksheet.Worksheet,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Cell]],
    formats: Mapping[str, xlsxwriter.format.Format],
) -> None:
    """Fill a sheet: header, rows, widths, a filter."""
    sheet.write_row(0, 0, columns, formats["head"])
    sheet.freeze_panes(1, 1)
    wide = [len(name) for name in columns]
    of = [next((f for end, f in FORMATS if name.endswith(end)), "") for name in columns]
    line = 0
    for line, row in enumerate(rows, 1):
        for column, name in enumerate(columns):
            value = row[name]
            if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
                continue
            if isinstance(value, date):
                sheet.write_datetime(line, column, value, formats["day"])
                continue
            if isinstance(value, bool | str):
                sheet.write_string(line, column, str(value))
            else:
                sheet.write_number(line, column, value, formats.get(of[column]))
            wide[column] = max(wide[column], min(len(str(value)), WIDE))
    for column, width in enumerate(wide):
        sheet.set_column(column, column, max(10, min(width, WIDE) + 2))
    sheet.autofilter(0, 0, line, len(columns) - 1)


def _spending(
    book: xlsxwriter.Workbook,
    spending: Mapping[str, Mapping[int, int]],
    formats: Mapping[str, xlsxwriter.format.Format],
) -> None:
    """Write spending by year with its sum, and draw it."""
    name = "spending by year"
    sheet = book.add_worksheet(name)
    years = sorted({year for own in spending.values() for year in own})
    sheet.write_row(0, 0, ["year", *spending, "sum"], formats["head"])
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, len(spending) + 1, 22)
    for line, year in enumerate(years, 1):
        sheet.write_number(line, 0, year)
        values = [own.get(year, 0) for own in spending.values()]
        for column, value in enumerate(values, 1):
            sheet.write_number(line, column, value, formats["#,##0"])
        last = xlsxwriter.utility.xl_col_to_name(len(values))
        formula = f"=SUM(B{line + 1}:{last}{line + 1})"
        sheet.write_formula(line, len(values) + 1, formula, formats["#,##0"], sum(values))
    if not years:
        return
    chart = book.add_chart({"type": "column", "subtype": "stacked"})
    for column, series in enumerate(spending, 1):
        chart.add_series(
            {
                "name": series,
                "categories": [name, 1, 0, len(years), 0],
                "values": [name, 1, column, len(years), column],
            }
        )
    chart.set_title({"name": "Spending by year"})
    chart.set_y_axis({"name": "rupees", "num_format": "#,##0", "display_units": "billions"})
    chart.set_x_axis({"name": "calendar year"})
    sheet.insert_chart(0, len(spending) + 3, chart, {"x_scale": 1.4, "y_scale": 1.4})
