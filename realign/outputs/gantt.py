"""
Schedules as Gantt charts, laid out as numbers that the template of the report draws.

A chart shows one phase: what opens together, its lots, and the activities of these as bars on a
common calendar. As in `charts`, nothing here knows a plan.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

MONTH_PX = (7.0, 18.0)
"""Least and greatest width of a month [px]."""
WIDE = 830.0
"""Width that a calendar takes where that does not make its months too narrow or too wide [px]."""
NAMES = 230.0
"""Width of the names of rows [px]."""
FOLD = 22
"""Letters of a line of a name where a narrow screen breaks it in two."""
HEAD = 34.0
"""Height of years and months above the rows [px]."""
LANE = 10.0
"""Height of a lane of bars [px]."""
BAR = 7.0
"""Height of a bar [px]."""
LEAST = 26.0
"""Height of a row with two lines of text [px]."""
KINDS = {
    "land": 4,
    "access": 5,
    "earthworks": 1,
    "bridges": 0,
    "tunnel": 3,
    "pavement": 2,
    "upgrade": 6,
}
"""Look of each kind of activity, a place in `series.LOOKS`."""

_MONTH_D = 365.2425 / 12  # [d]
_LETTERS = "JFMAMJJASOND"
_NAMED = 9.0  # width of a month from which on it has a letter [px]
_ROOM = 8  # last month in which a first year still has room for its name
_PAD = 4.0  # above and below the lanes of a row [px]


@dataclass(frozen=True, slots=True)
class Job:
    """An activity."""

    name: str
    """What it is called within its lot."""
    kind: str
    """Key of `KINDS`."""
    start: date
    """First day."""
    finish: date
    """First day after it."""
    slack_months: int
    """Months by which it may begin later."""
    critical: bool
    """Whether a delay of it delays an opening."""
    words: str
    """What it says where it is pointed at."""


@dataclass(frozen=True, slots=True)
class Lot:
    """A stretch that is built by itself."""

    name: str
    more: str
    """What stands below the name."""
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Lots that open together."""

    name: str
    more: str
    """What stands below the name."""
    opens: date
    """First day of traffic."""
    by: date | None
    """Day on which it is wanted."""
    water: date | None
    """Day on which the water takes what it replaces."""
    lots: tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A scale of days, the same for all phases of an option."""

    first: date
    """First day of the month before the first one."""
    last: date
    """First day of the month after the last one."""
    month: float
    """Width of a month of mean length [px]."""
    years: tuple[tuple[str, float], ...]
    """Years and where they begin [px]."""
    months: tuple[tuple[str, float, float], ...]
    """Letter, left edge and middle of each month [px]; no letters where months are narrow."""
    seasons: tuple[tuple[str, int, float, float], ...]
    """Name and number of each season, its left edge and its width [px]."""

    @property
    def wide(self) -> float:
        """Width of all of it [px]."""
        return self.at(self.last)

    def at(self, day: date) -> float:
        """Place of a day [px]."""
        return (day - self.first).days / _MONTH_D * self.month


@dataclass(frozen=True, slots=True)
class Row:
    """A row with its name."""

    y: float
    """Upper edge [px]."""
    height: float
    name: str
    more: str
    group: bool
    """Whether it heads a group of lots."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An activity as a bar."""

    x: float
    y: float
    width: float
    slack: float
    """Width of the line behind it: months by which it may begin later [px]."""
    job: Job
    lot: str


@dataclass(frozen=True, slots=True)
class Line:
    """A day that a group is held against."""

    x: float
    y: float
    height: float
    kind: str
    """"water" or "wanted"."""
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One phase on its calendar."""

    tall: float
    calendar: Calendar
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    openings: tuple[tuple[float, float, str], ...]
    """Place of each opening [px], and what it says."""
    lines: tuple[Line, ...]


def calendar(days: Sequence[date], seasons: Mapping[str, Sequence[int]]) -> Calendar:
    """
    Lay out a calendar from the month before the first of some days to the month of the last.

    Parameters
    ----------
    days
        At least one.
    seasons
        Name of each season and its months, 1 for January.
    """
    first = (min(days).replace(day=1) - timedelta(days=1)).replace(day=1)
    last = _next(max(days))
    count = 12 * (last.year - first.year) + last.month - first.month
    month = min(max(WIDE / count, MONTH_PX[0]), MONTH_PX[1])
    bare = Calendar(first, last, month, (), (), ())
    starts = [_month(first, k) for k in range(count + 1)]
    cells = list(itertools.pairwise(starts))
    letters = month >= _NAMED
    bands = []
    for number, (name, some) in enumerate(seasons.items()):
        for begin, end in cells:
            if begin.month in some:
                left = bare.at(begin)
                bands.append((name, number, left, bare.at(end) - left))
    return Calendar(
        first,
        last,
        month,
        tuple((str(d.year), bare.at(d)) for d in starts[:-1] if d.month == 1 or _told(d, first)),
        tuple(
            (_LETTERS[a.month - 1] if letters else "", bare.at(a), (bare.at(a) + bare.at(b)) / 2)
            for a, b in cells
        ),
        tuple(bands),
    )


def phase(groups: Sequence[Group], on: Calendar) -> Chart:
    """
    Lay out one phase.

    A group of one lot takes one row, several lots stand below a row with the opening. Bars of a
    lot that overlap in time lie in lanes below each other.

    Parameters
    ----------
    groups
        From top to bottom.
    on
        Calendar that holds all of their days.
    """
    rows: list[Row] = []
    bars: list[Bar] = []
    openings, lines = [], []
    y = HEAD
    for group in groups:
        top = y
        alone = len(group.lots) == 1
        if not alone:
            rows.append(Row(y, LEAST, group.name, group.more, group=True))
            y += LEAST
        for lot in group.lots:
            lanes = _lanes(lot.jobs)
            height = max(LANE * (1 + max(lanes, default=0)) + 2 * _PAD, LEAST)
            more = lot.more if not alone else group.more
            rows.append(Row(y, height, lot.name, more, group=False))
            bars += [
                _bar(job, lane, y, lot.name, on) for job, lane in zip(lot.jobs, lanes, strict=True)
            ]
            y += height
        middle = top + (LEAST if not alone else y - top) / 2
        openings.append((on.at(group.opens), middle, f"{group.name} opens on {group.opens}"))
        lines += _lines(group, top, y - top, on)
    return Chart(y + 2, on, tuple(rows), tuple(bars), tuple(openings), tuple(lines))


def _lanes(jobs: Sequence[Job]) -> list[int]:
    """Give each job the first lane that is free when it begins."""
    ends: list[date] = []
    lanes = [0] * len(jobs)
    for k in sorted(range(len(jobs)), key=lambda k: (jobs[k].start, jobs[k].finish)):
        free = next((i for i, end in enumerate(ends) if end <= jobs[k].start), len(ends))
        ends[free : free + 1] = [jobs[k].finish]
        lanes[k] = free
    return lanes


def _bar(job: Job, lane: int, y: float, lot: str, on: Calendar) -> Bar:
    """Lay out an activity; its slack ends at the edge of the calendar."""
    left, right = on.at(job.start), on.at(job.finish)
    slack = min(max(job.slack_months, 0) * on.month, max(on.wide - right, 0.0))
    top = y + _PAD + LANE * lane + (LANE - BAR) / 2
    return Bar(left, top, max(right - left, 1.0), slack, job, lot)


def _lines(group: Group, top: float, height: float, on: Calendar) -> list[Line]:
    """Lines of the days that a group is held against."""
    out = []
    if group.by is not None:
        words = f"{group.name} is wanted by {group.by}"
        out.append(Line(on.at(group.by), top, height, "wanted", words))
    if group.water is not None:
        words = f"the water takes the road that {group.name} replaces from {group.water} on"
        out.append(Line(on.at(group.water), top, height, "water", words))
    return out


def _told(day: date, first: date) -> bool:
    """Whether a calendar names its first year at its first day: where the next one leaves room."""
    return day == first and day.month <= _ROOM


def _month(first: date, later: int) -> date:
    """First day of a month, some months after the first day of another."""
    at = first.month - 1 + later
    return date(first.year + at // 12, 1 + at % 12, 1)


def _next(day: date) -> date:
    """First day of the month after a day."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
