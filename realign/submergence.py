"""
What a reservoir takes from a road: where freeboard lacks, how surely, and from which day on.

A lake at level L takes a station when the road is lower than L + freeboard and the water
comes to it at L + freeboard or below, so that a hollow behind a sill stays dry. On a bridge
the deck counts, not the ground under it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtr

from realign.chainage import Section
from realign.highway import Highway
from realign.reservoir import Dam, Reservoir
from realign.settings import Settings

_FAR = 3.0  # standard deviations; the chance of more is 0.1 % and counts as none
_NEVER = np.iinfo(np.int64).max  # later than the ordinal of any day


class Clearance(Settings):
    """The table `[clearance]`: how far a road must stay above the water."""

    freeboard_m: float = Field(default=10.0, ge=0, le=1000)
    """Height the road must keep above the full reservoir level [m]."""
    river_m: float = Field(default=6.0, ge=0, le=1000)
    """Height that the grade line keeps above the ground at the rivers that it crosses, for floods
    and the deck itself [m]."""
    merge_gap_m: float = Field(default=500.0, ge=0, le=1e6)
    """Stretches of one dam with no more than this between them become one section [m]."""
    shortest_m: float = Field(default=100.0, ge=0, le=1e6)
    """Sections shorter than this are left out: they are the error of the ground [m]."""


@dataclass(frozen=True, slots=True)
class Submerged:
    """A section of the road that a reservoir takes."""

    section: Section
    """From where to where."""
    dam: str
    """Name of the dam."""
    lowest_freeboard: float
    """Lowest road level minus full level [m]; negative under water."""
    deepest_water: float
    """Largest depth of water over the road at full level [m]; 0 if only freeboard lacks."""
    probability: float
    """Largest chance along the section that freeboard lacks [0-1]."""
    expected_length: float
    """Integral of that chance along the section [m]."""
    first_stage: str
    """Name of the first stage of filling that takes a part of the section."""
    first_date: date
    """Day of that stage."""
    flooded_length: float
    """Length of the section below the full level [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Submergence:
    """What reservoirs take from a road, station by station and as sections."""

    station: NDArray[np.float64]
    """Chainages, shape (m,) [m]."""
    level: NDArray[np.float64]
    """Level of the road, shape (m,) [m]."""
    full: NDArray[np.float64]
    """Highest full level that can take the station, shape (m,) [m]; NaN where none can."""
    risk: NDArray[np.float64]
    """Chance that freeboard lacks at full level, shape (m,) [0-1]."""
    first: NDArray[np.int64]
    """Number of the first stage of `dam` that takes the station, shape (m,); -1 where none."""
    dam: NDArray[np.int64]
    """
    Number of the dam that takes the station first, shape (m,).

    Where none does, the dam of `full`; -1 where there is none either.
    """
    sections: tuple[Submerged, ...]
    """Sections without freeboard at full level, sorted and disjoint."""
    flooded: tuple[Section, ...]
    """Where the road is below the full level, sorted and disjoint; nothing is left out."""


def risk(
    road: NDArray[np.float64],
    *,
    level: float,
    freeboard: float,
    sigma: float,
) -> NDArray[np.float64]:
    """
    Chance that the road has less than the required freeboard at each station.

    The error of `road - level` is taken as normal: risk = Phi((level + freeboard - road) /
    sigma). With a sigma of 0 it is a step, and 1/2 at the limit itself.

    Parameters
    ----------
    road
        Road level at each station, shape (n,) [m above datum].
    level
        Reservoir level, on the same datum [m].
    freeboard
        Height the road must keep above the reservoir [m].
    sigma
        Standard deviation of `road - level`, from the DEM and the datum [m].

    Returns
    -------
    risk
        Probability at each station, shape (n,) [0-1]; NaN where `road` is NaN.

    Examples
    --------
    >>> risk(np.array([99.0, 102.0, 110.0]), level=100, freeboard=2, sigma=1).round(3)
    array([0.999, 0.5  , 0.   ])
    """
    missing = level + freeboard - np.asarray(road, dtype=np.float64)
    if sigma == 0:
        return np.asarray((1 + np.sign(missing)) / 2)
    return np.asarray(ndtr(missing / sigma))


def submerge(
    highway: Highway,
    reservoirs: Sequence[Reservoir],
    *,
    sigma: float,
    clearance: Clearance,
) -> Submergence:
    """
    Find what the reservoirs take from a road.

    Parameters
    ----------
    highway
        The road on the ground.
    reservoirs
        In the order in which `Submergence.dam` counts them.
    sigma
        Standard deviation of road level minus lake level [m].
    clearance
        Freeboard, and how stretches become sections.

    Notes
    -----
    The full level counts for what is lost, the stages for when. A lake whose last stage is
    below its full level is taken to rise to it on the day of that stage. Where the chance is
    counted, the water may come up to three standard deviations higher than it does; where
    it does not come even then, the chance is 0.
    """
    freeboard = clearance.freeboard_m
    road, count = highway.level, len(highway.station)
    points = highway.at(highway.station)
    full, chance = np.full(count, np.nan), np.zeros(count)
    first, taker, highest = (np.full(count, -1, dtype=np.int64) for _ in range(3))
    day = np.full(count, _NEVER, dtype=np.int64)
    wet = np.zeros(count, dtype=np.bool_)
    for number, reservoir in enumerate(reservoirs):
        top = reservoir.dam.full_level_m
        comes = reservoir.reaches(points[:, 0], points[:, 1])
        near = comes <= top + freeboard + _FAR * sigma
        own = np.where(near, risk(road, level=top, freeboard=freeboard, sigma=sigma), 0.0)
        chance = np.maximum(chance, own)
        higher = (own > 0) & ~(full >= top)
        full[higher], highest[higher] = top, number
        wet |= (comes <= top) & (road < top)
        stage, taken_on = _taken(reservoir.dam, road, comes, freeboard)
        earlier = taken_on < day
        first[earlier], taker[earlier], day[earlier] = stage[earlier], number, taken_on[earlier]
    found = Submergence(
        station=highway.station,
        level=road,
        full=full,
        risk=chance,
        first=first,
        dam=np.where(taker >= 0, taker, highest),
        sections=(),
        flooded=_stretches(highway.station, wet),
    )
    sections = (
        _submerged(found, wet, span, reservoirs[taker[span.start]].dam)
        for span in _spans(highway.station, taker, clearance.merge_gap_m)
    )
    kept = (each for each in sections if each.section.length >= clearance.shortest_m)
    return replace(found, sections=tuple(kept))


def _taken(
    dam: Dam, road: NDArray[np.float64], comes: NDArray[np.float64], freeboard: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the first stage that takes each station, and the ordinal of its day; -1 and never."""
    stage = np.full(len(road), -1, dtype=np.int64)
    day = np.full(len(road), _NEVER, dtype=np.int64)
    levels = [each.level_m for each in dam.stages[:-1]] + [dam.full_level_m]
    for number in reversed(range(len(levels))):
        needed = levels[number] + freeboard
        lacks = (road < needed) & (comes <= needed)
        stage[lacks], day[lacks] = number, dam.stages[number].date.toordinal()
    return stage, day


def _edges(station: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limits of the stretch each station stands for, half way to its neighbours, (m + 1,) [m]."""
    middle = (station[1:] + station[:-1]) / 2
    return np.concatenate((station[:1], middle, station[-1:]))


def _runs(label: NDArray[np.int64]) -> list[slice]:
    """Stations in a row with one label that is not negative."""
    limits = np.flatnonzero(np.diff(label, prepend=-1, append=-1)).tolist()
    return [slice(a, b) for a, b in pairwise(limits) if label[a] >= 0]


def _stretches(station: NDArray[np.float64], chosen: NDArray[np.bool_]) -> tuple[Section, ...]:
    """Stretches of road for which the chosen stations stand."""
    edges = _edges(station)
    runs = _runs(np.where(chosen, 0, -1))
    return tuple(Section(float(edges[run.start]), float(edges[run.stop])) for run in runs)


def _spans(station: NDArray[np.float64], taker: NDArray[np.int64], gap: float) -> list[slice]:
    """Join the runs of stations of one dam over gaps from which no other dam takes."""
    edges = _edges(station)
    spans: list[slice] = []
    for run in _runs(taker):
        last = spans[-1] if spans else None
        joins = last is not None and taker[last.start] == taker[run.start]
        if last is not None and joins and edges[run.start] - edges[last.stop] <= gap:
            spans[-1] = slice(last.start, run.stop)
        else:
            spans.append(run)
    return spans


def _submerged(found: Submergence, wet: NDArray[np.bool_], span: slice, dam: Dam) -> Submerged:
    """Describe the section of a span of stations, which begins and ends with taken ones."""
    edges = _edges(found.station)
    width = np.diff(edges)[span]
    taken = found.first[span] >= 0
    above = (found.level - found.full)[span]
    under = np.where(wet[span], -above, 0.0)
    stage = dam.stages[int(found.first[span][taken].min())]
    return Submerged(
        section=Section(float(edges[span.start]), float(edges[span.stop])),
        dam=dam.name,
        lowest_freeboard=float(above[taken].min()),
        deepest_water=float(under.max()),
        probability=float(found.risk[span].max()),
        expected_length=float((found.risk[span] * width).sum()),
        first_stage=stage.name,
        first_date=stage.date,
        flooded_length=float(width[wet[span]].sum()),
    )
