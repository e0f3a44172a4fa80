"""
Charts of money and of what is not known exactly: columns, curves and spreads, laid out as numbers.

As in `charts`, each function takes values and gives places in a drawing [px]; nothing here knows a
plan. What belongs together is told apart by pattern, dash and shape as well as by colour: a look is
a place in `LOOKS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from realign.outputs.charts import Axis, axis


class Look(NamedTuple):
    """How one of several things is drawn."""

    colour: str
    """Of lines and areas; 4.5 to 1 or more against white."""
    hatch: str
    """Path in white on a tile of 8 px, for areas; empty for plain ones."""
    dash: str
    """Dashes of lines [px]; empty for unbroken ones."""


LOOKS = (
    Look("#1f4e79", "", ""),
    Look("#a65200", "M-2 2l4-4M0 8l8-8M6 10l4-4", "9 4"),
    Look("#00705a", "M2 2h.1M6 6h.1", "2 4"),
    Look("#8c2d62", "M0 0l8 8M0 8l8-8", "12 3 2 3"),
    Look("#4d5761", "M0 4h8", "5 2"),
    Look("#7a5c00", "M4 0v8", "1 3"),
    Look("#0b6f99", "M-2 6l4 4M0 0l8 8M6-2l4 4", "14 5"),
    Look("#a3150b", "M0 4h8M4 0v8", "6 2 1 2"),
)
"""Looks in the order in which they are given out."""

WIDE, TALL = 720.0, 280.0
"""Size of charts by year [px]."""
_LEFT, _RIGHT, _TOP, _UNDER = 64.0, 14.0, 14.0, 30.0  # margins [px]
_MOST_YEARS = 16  # that are all named below a chart
_GAP = 0.15  # of a year left free at both sides of its column [-]
_NAMES, _ROW = 240.0, 26.0  # width of the names of spreads, and height of a row [px]
_STEPS = 60  # of a curve of chances
_MONTHS = (1, 4, 7, 10)  # that axes of days may name


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a column, or the body of a spread."""

    x: float
    y: float
    width: float
    height: float
    look: int
    """Place in `LOOKS`."""
    words: str
    """What it says."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line with its dots."""

    name: str
    look: int
    """Place in `LOOKS`."""
    points: tuple[tuple[float, float], ...]
    """Corners [px]."""
    words: tuple[str, ...]
    """What each corner says; none where corners are no values of their own."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A single value: the planned one, or the median."""

    x: float
    y: float
    shape: str
    """"diamond", "tick" or "line", the last from `y` down to the foot of the chart."""
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing."""

    wide: float
    tall: float
    x: Axis
    """Across."""
    y: Axis | None
    """Upward; None where rows are named."""
    rows: tuple[tuple[str, float], ...] = ()
    """Names of rows and their middle [px]."""
    bars: tuple[Bar, ...] = ()
    curves: tuple[Curve, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def foot(self) -> float:
        """Place of the lower edge [px]."""
        return self.tall - _UNDER

    @property
    def top(self) -> float:
        """Place of the upper edge [px]."""
        return _TOP


def columns(
    years: Mapping[int, Mapping[str, float]], names: Sequence[tuple[str, str]], unit: str
) -> Chart:
    """
    Stacked columns, one a year, in billions.

    Parameters
    ----------
    years
        Amount of each year by key; at least one year. Years between that are missing stay free.
    names
        Key and name of each piece, the lowest first.
    unit
        What a billion is called, such as "Rs bn".
    """
    first, last = min(years), max(years)
    highest = max(sum(amounts.values()) for amounts in years.values()) / 1e9
    y = axis([0.0, highest], TALL - _UNDER, _TOP, zero=True)
    x = _years(first, last + 1, middle=True)
    bars = []
    for year, amounts in years.items():
        left, right = (float(each) for each in x.at([year + _GAP, year + 1 - _GAP]))
        foot = 0.0
        for look, (key, name) in enumerate(names):
            amount = amounts.get(key, 0.0) / 1e9
            low, high = (float(each) for each in y.at([foot, foot + amount]))
            foot += amount
            if amount:
                words = f"{year}, {name}: {unit} {amount:,.2f}"
                bars.append(Bar(left, high, right - left, low - high, look % len(LOOKS), words))
    return Chart(WIDE, TALL, x, y, bars=tuple(bars))


def curves(
    series: Sequence[tuple[str, Mapping[int, float]]], unit: str, *, tall: float = TALL
) -> Chart:
    """
    Lines over years, in billions, from 0 on.

    Parameters
    ----------
    series
        Name and the amount of each year; at least one of them has a year.
    unit
        What a billion is called.
    tall
        Height of the chart [px].
    """
    every = [year for _, amounts in series for year in amounts]
    highest = max(amount for _, amounts in series for amount in amounts.values()) / 1e9
    y = axis([0.0, highest], tall - _UNDER, _TOP, zero=True)
    x = _years(min(every), max(every), middle=False)
    lines = []
    for look, (name, amounts) in enumerate(series):
        own = {year: amounts[year] / 1e9 for year in sorted(amounts)}
        across = x.at(list(own)).tolist()
        upward = y.at(list(own.values())).tolist()
        words = tuple(f"{year}, {name}: {unit} {amount:,.1f}" for year, amount in own.items())
        corners = tuple(zip(across, upward, strict=True))
        lines.append(Curve(name, look % len(LOOKS), corners, words))
    return Chart(WIDE, tall, x, y, curves=tuple(lines))


def chances(series: Sequence[tuple[str, NDArray[np.float64]]], planned: float) -> Chart:
    """
    Share of draws that do not exceed a cost, as one curve for each of several, in billions.

    Parameters
    ----------
    series
        Name and draws, shape (n,), of each; at least one.
    planned
        Cost in the plan, marked by a line.
    """
    shares = np.linspace(0.005, 0.995, _STEPS)
    found = [(name, np.quantile(draws, shares) / 1e9) for name, draws in series]
    values = np.concatenate([[planned / 1e9], *(each for _, each in found)])
    x = axis(values, _LEFT, WIDE - _RIGHT)
    y = axis([0.0, 100.0], TALL - _UNDER, _TOP, zero=True)
    lines = tuple(
        Curve(
            name,
            look % len(LOOKS),
            tuple(zip(x.at(own).tolist(), y.at(100 * shares).tolist(), strict=True)),
            (),
        )
        for look, (name, own) in enumerate(found)
    )
    mark = Mark(float(x.at(planned / 1e9)), _TOP, "line", f"planned: {planned / 1e9:,.1f} bn")
    return Chart(WIDE, TALL, x, y, curves=lines, marks=(mark,))


@dataclass(frozen=True, slots=True)
class Spread:
    """A row of a chart of spreads."""

    name: str
    low: float
    """Value that one draw in ten undercuts."""
    middle: float
    """Median."""
    high: float
    """Value that one draw in ten exceeds."""
    words: str
    """What it says."""
    planned: float | None = None
    """Value in the plan; None where it is that of all rows."""


def spreads(rows: Sequence[Spread], planned: float | None = None, *, days: bool = False) -> Chart:
    """
    Bodies from low to high, a row each, with a tick at the median and the plan as a mark.

    Parameters
    ----------
    rows
        At least one.
    planned
        Value in the plan that all rows share, drawn as a line; None for none.
    days
        Whether values are days as `date.toordinal` counts them.
    """
    tall = _TOP + _ROW * len(rows) + _UNDER
    own = [each.planned for each in rows if each.planned is not None]
    values = [v for each in rows for v in (each.low, each.middle, each.high)]
    values += own + ([] if planned is None else [planned])
    make = days_axis if days else axis
    x = make(values, _NAMES, WIDE - _RIGHT - 10)
    names, bars, marks = [], [], []
    for number, each in enumerate(rows):
        middle = _TOP + _ROW * (number + 0.5)
        low, mid, high = (float(at) for at in x.at([each.low, each.middle, each.high]))
        names.append((each.name, middle))
        bars.append(Bar(low, middle - 7, max(high - low, 1.0), 14, 0, each.words))
        marks.append(Mark(mid, middle, "tick", f"{each.name}: median"))
        if each.planned is not None:
            at = float(x.at(each.planned))
            marks.append(Mark(at, middle, "diamond", f"{each.name}: as planned"))
    if planned is not None:
        marks.append(Mark(float(x.at(planned)), _TOP, "line", "as planned"))
    return Chart(WIDE, tall, x, None, tuple(names), tuple(bars), marks=tuple(marks))


def days_axis(values: Sequence[float], start: float, end: float) -> Axis:
    """
    Make a scale of days with a line at the beginnings of years, of halves, or of quarters.

    Parameters
    ----------
    values
        Days as `date.toordinal` counts them, at least one.
    start, end
        Places of the first and the last line [px].
    """
    low, high = date.fromordinal(int(min(values))), date.fromordinal(int(max(values)))
    months = 12 * (high.year - low.year) + high.month - low.month
    step = 3 if months <= 18 else 6 if months <= 36 else 12
    first = date(low.year, 1 + (low.month - 1) // step * step, 1)
    lines = [first]
    while lines[-1].toordinal() <= max(values):
        last = lines[-1]
        at = last.month - 1 + step
        lines.append(date(last.year + at // 12, 1 + at % 12, 1))
    begin, until = lines[0].toordinal(), lines[-1].toordinal()
    places = start + (np.array([d.toordinal() for d in lines]) - begin) / (until - begin) * (
        end - start
    )
    words = [f"{d.year}" if step == 12 else f"{d:%Y-%m}" for d in lines]
    ticks = tuple(zip(words, places.tolist(), strict=True))
    return Axis(float(begin), float(until), start, end, ticks)


def _years(first: int, last: int, *, middle: bool) -> Axis:
    """Scale of calendar years; names stand in the middle of years, or at their lines."""
    last = max(last, first + 1)
    every = range(first, last if middle else last + 1)
    step = -(-len(every) // _MOST_YEARS)
    scale = Axis(float(first), float(last), _LEFT, WIDE - _RIGHT, ())
    places = scale.at([year + (0.5 if middle else 0.0) for year in every[::step]]).tolist()
    words = [str(year) for year in every[::step]]
    return Axis(
        scale.low, scale.high, scale.start, scale.end, tuple(zip(words, places, strict=True))
    )
