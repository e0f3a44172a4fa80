"""
Charts of the report, laid out as numbers that its template draws as inline SVG.

Each function takes values and gives places in a drawing, in pixels from its upper left corner, with
round grid lines and words; nothing here knows a plan.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSES = (("#0b3c6f", 2.6), ("#3b7bb8", 3.4), ("#b06a1a", 4.4), ("#7a2e0e", 5.6))
"""Colour and size [px] of the dots of a cloud from the least to the greatest values: blue to brown,
small to large, so that no one needs the colour."""
BADGE = 9.0
"""Radius of a numbered mark [px]."""
MOST_DOTS = 1_500
"""Dots of a cloud that are drawn at most."""

_WIDE, _TALL = 720.0, 260.0  # of charts of columns and of speeds [px]
_LEFT, _UNDER = 64.0, 28.0  # of their margins [px]
_LINE = 13.0  # height of a line of text in a chart [px]
_LINES = 5  # grid lines of a chart, about
_CLOUD = (620.0, 400.0)  # width and height of the cloud [px]
_YEAR = (560.0, 250.0)  # of the chart of months [px]
_SQUARE = 300.0  # of the receiver curve [px]
_CORNERS = 240  # of the receiver curve that are drawn, about
_FAR = (17.0, 26.0, 36.0, 48.0, 62.0, 80.0, 100.0, 125.0)  # of a mark from its dot [px]
_AROUND = 16  # directions that are tried
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Names of months in charts and tables."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A straight scale from values to places in a chart, with round grid lines."""

    low: float
    """Value of the first grid line."""
    high: float
    """Value of the last one."""
    start: float
    """Place of the first grid line [px]."""
    end: float
    """Place of the last one [px]."""
    ticks: tuple[tuple[str, float], ...]
    """Words and place of each grid line."""

    def at(self, values: Any) -> NDArray[np.float64]:
        """Places of values [px]."""
        share = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return np.asarray(self.start + share * (self.end - self.start))


def axis(values: Any, start: float, end: float, *, zero: bool = False) -> Axis:
    """
    Make a scale with round grid lines that holds some values.

    Parameters
    ----------
    values
        At least one finite value.
    start, end
        Places of the first and the last grid line [px].
    zero
        Whether the scale begins at 0.
    """
    low, high = float(np.min(values)), float(np.max(values))
    if zero:
        low = min(low, 0.0)
    step = round_step(max(high - low, abs(high) * 1e-3, 1e-6) / _LINES)
    first, last = math.floor(low / step), math.ceil(high / step)
    last = max(last, first + 1)
    lines = [k * step for k in range(first, last + 1)]
    places = np.linspace(start, end, len(lines)).tolist()
    ticks = tuple((f"{each:,.10g}", at) for each, at in zip(lines, places, strict=True))
    return Axis(lines[0], lines[-1], start, end, ticks)


def round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below a value."""
    power = 10.0 ** math.floor(math.log10(max(least, 1e-6)))
    return next((k * power for k in (1, 2, 5) if k * power >= least), 10 * power)


# ---------------------------------------------------------------- design speeds


@dataclass(frozen=True, slots=True)
class Road:
    """A new road in the chart of design speeds."""

    name: str
    """Name of its variant."""
    speed_kmh: int
    """Design speed [km/h]."""
    values: tuple[float, ...]
    """What each panel shows of it."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A new road in a panel of the chart of speeds."""

    x: float
    y: float
    label_y: float
    name: str
    words: str


def speeds(roads: Sequence[Road], titles: Sequence[str]) -> dict[str, Any]:
    """Values of roads against their design speed, a panel a title; at least one road."""
    panels = [_panel(roads, number, title) for number, title in enumerate(titles)]
    return {"wide": _WIDE, "tall": _TALL, "panels": panels}


def _panel(roads: Sequence[Road], number: int, title: str) -> dict[str, Any]:
    """Lay out one panel: dots, round grid lines, speeds, and a line through the least of each."""
    left = _LEFT + number * _WIDE / 2
    wide = _WIDE / 2 - _LEFT - 90
    values = [road.values[number] for road in roads]
    kinds = sorted({road.speed_kmh for road in roads})
    at = {speed: left + wide * ((i + 0.5) / len(kinds)) for i, speed in enumerate(kinds)}
    scale = axis([0.0, max(values)], _TALL - _UNDER, 24.0, zero=True)
    heights = scale.at(values).tolist()
    dots = [
        Dot(
            x=at[road.speed_kmh],
            y=y,
            label_y=label,
            name=road.name,
            words=f"{road.name}, {road.speed_kmh} km/h: {title} {value:,.1f}",
        )
        for road, value, y, label in zip(
            roads, values, heights, _labels(roads, heights), strict=True
        )
    ]
    least = {
        speed: max(y for road, y in zip(roads, heights, strict=True) if road.speed_kmh == speed)
        for speed in kinds
    }
    return {
        "title": title,
        "left": left,
        "right": left + wide,
        "dots": dots,
        "line": " ".join(f"{at[speed]:.1f},{y:.1f}" for speed, y in least.items()),
        "speeds": [(f"{speed} km/h", x) for speed, x in at.items()],
        "grid": scale.ticks,
    }


def _labels(roads: Sequence[Road], heights: Sequence[float]) -> list[float]:
    """Heights of labels, moved down where dots of one speed lie too close for their names."""
    out = list(heights)
    lowest: dict[int, float] = {}
    for i in sorted(range(len(out)), key=out.__getitem__):
        speed = roads[i].speed_kmh
        out[i] = max(out[i], lowest.get(speed, -math.inf) + _LINE)
        lowest[speed] = out[i]
    return out


# ---------------------------------------------------------------- a cloud of answers


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered mark beside its dot."""

    number: int
    """What stands in it."""
    name: str
    """What it marks."""
    x: float
    """Place of the dot [px]."""
    y: float
    """Place of the dot [px]."""
    badge_x: float
    """Middle of the number [px]."""
    badge_y: float
    """Middle of the number [px]."""


def cloud(
    points: NDArray[np.float64],
    group: NDArray[np.int64],
    marks: Sequence[tuple[int, str, tuple[float, float]]],
) -> dict[str, Any]:
    """
    Dots of many answers, and numbered marks of some.

    Parameters
    ----------
    points
        Two values of each answer, shape (n, 2), n at least 1.
    group
        Class of each in `CLASSES`, shape (n,).
    marks
        Number, name and the two values of those that are marked.
    """
    wide, tall = _CLOUD
    own = np.array([values for _, _, values in marks]).reshape(-1, 2)
    x = axis(np.concatenate((points[:, 0], own[:, 0])), _LEFT, wide - 26.0)
    y = axis(np.concatenate((points[:, 1], own[:, 1])), tall - 44.0, 14.0)
    at = np.column_stack((x.at(points[:, 0]), y.at(points[:, 1])))
    dots = np.column_stack((x.at(own[:, 0]), y.at(own[:, 1])))
    badges = placed(dots, (x.start, y.end, x.end, y.start))
    return {
        "wide": wide,
        "tall": tall,
        "x": x,
        "y": y,
        "dots": [
            (colour, size, "".join(f"M{a:.1f} {b:.1f}h0" for a, b in at[group == number]))
            for number, (colour, size) in enumerate(CLASSES)
        ],
        "marks": [
            Mark(number, name, *map(float, (*dot, *badge)))
            for (number, name, _), dot, badge in zip(marks, dots, badges, strict=True)
        ],
        "badge": BADGE,
    }


def placed(
    dots: NDArray[np.float64], frame: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """
    Find places for numbered marks beside their dots: within a frame, none on another or on a dot.

    Parameters
    ----------
    dots
        Shape (n, 2) [px].
    frame
        Left, top, right and bottom limit [px].

    Returns
    -------
    badges
        Middle of each mark, shape (n, 2) [px]: the nearest free place of those tried; where none is
        free, the one that is farthest from the marks before it.
    """
    turns = 2 * np.pi * (np.arange(_AROUND) + 1.5) / _AROUND
    tries = np.array([(r * np.sin(t), -r * np.cos(t)) for r, t in product(_FAR, turns)])
    left, top, right, bottom = frame
    out: list[NDArray[np.float64]] = []
    for dot in dots:
        here = dot + tries
        inside = (here[:, 0] >= left + BADGE) & (here[:, 0] <= right - BADGE)
        inside &= (here[:, 1] >= top + BADGE) & (here[:, 1] <= bottom - BADGE)
        here = here[inside] if inside.any() else here
        others = np.array(out).reshape(-1, 2)
        apart = np.hypot(*np.moveaxis(here[:, None] - others, -1, 0)).min(axis=1, initial=np.inf)
        clear = np.hypot(*np.moveaxis(here[:, None] - dots, -1, 0)).min(axis=1)
        free = np.flatnonzero((apart > 2 * BADGE + 1) & (clear > BADGE + 4))
        out.append(here[free[0] if free.size else int(np.argmax(apart))])
    return np.array(out).reshape(-1, 2)


def thinned(
    scores: NDArray[np.float64], keep: NDArray[np.bool_], *, seed: int
) -> NDArray[np.int64]:
    """
    Choose the rows of a large table that are drawn.

    Parameters
    ----------
    scores
        The less the better, shape (n, k).
    keep
        Rows that are drawn whatever happens, shape (n,).
    seed
        Of the even draw of the others.

    Returns
    -------
    rows
        All where there are `MOST_DOTS` at most; else those to keep, the least in each column, and
        an even draw of the others; rising.
    """
    if len(scores) <= MOST_DOTS:
        return np.arange(len(scores))
    keep = keep.copy()
    keep[scores.argmin(axis=0)] = True
    rest = np.flatnonzero(~keep)
    count = min(max(MOST_DOTS - int(keep.sum()), 0), rest.size)
    keep[np.random.default_rng(seed).choice(rest, count, replace=False)] = True
    return np.flatnonzero(keep)


# ---------------------------------------------------------------- months and receiver


def months(series: Sequence[tuple[str, NDArray[np.float64]]]) -> dict[str, Any]:
    """
    Lines over the months of a year from 0 on.

    Parameters
    ----------
    series
        Name and finite values of each line, shape (12,); at least one.
    """
    wide, tall = _YEAR
    scale = axis(np.concatenate([values for _, values in series]), tall - 30.0, 14.0, zero=True)
    x = _LEFT + (np.arange(12) + 0.5) * (wide - _LEFT - 8) / 12
    return {
        "wide": wide,
        "tall": tall,
        "left": _LEFT,
        "grid": scale.ticks,
        "months": list(zip(MONTHS, x.tolist(), strict=True)),
        "lines": [
            (name, list(zip(x.tolist(), scale.at(values).tolist(), strict=True)))
            for name, values in series
        ],
    }


def receiver(false: NDArray[np.float64], true: NDArray[np.float64]) -> dict[str, Any]:
    """
    Curve of a score against chance.

    Parameters
    ----------
    false, true
        Parts of the places not hit and hit, rising from 0 to 1, shape (k,).
    """
    x = axis([0.0, 1.0], 44.0, _SQUARE - 8.0)
    y = axis([0.0, 1.0], _SQUARE - 40.0, 12.0)
    few = np.unique(np.linspace(0, len(false) - 1, min(len(false), _CORNERS)).round().astype(int))
    points = np.column_stack((x.at(false[few]), y.at(true[few])))
    return {
        "wide": _SQUARE,
        "x": x,
        "y": y,
        "line": " ".join(f"{a:.1f},{b:.1f}" for a, b in points),
    }
