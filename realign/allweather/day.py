"""A day: whether a vehicle gets through, where it would stop, and when that is first so."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf, isfinite

import networkx as nx

from realign import reliability
from realign.allweather.graph import (
    HOUR,
    NAMES,
    NO_TRUCKS,
    Kind,
    nodes_exist,
    roads_of,
    shut,
    standing,
)
from realign.allweather.year import legs_of
from realign.reliability import MONTHS

NEVER = 10_000
"""What a road that takes no trucks counts, over one that is shut on the day."""

__all__ = ["Cut", "Passage", "can_pass", "first_cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Whether a vehicle gets from one place to another on a day."""

    start: str
    """Where it sets out."""
    end: str
    """Where it wants to go."""
    day: date
    """The day."""
    kind: Kind
    """The vehicle."""
    way: tuple[str, ...]
    """Roads of the fastest way in order of travel; none where there is no way."""
    time: float
    """Time on it [s]; infinite where there is no way."""
    chance: float
    """Chance that some way is open on a day of that month [0-1]."""
    closed: tuple[str, ...]
    """Where there is no way, the shut roads of the ways on which fewest are, and why, in words."""

    @property
    def passes(self) -> bool:
        """Whether there is a way."""
        return isfinite(self.time)

    def __str__(self) -> str:
        """Give the answer in words."""
        on = f"on {self.day.day} {NAMES[self.day.month - 1]} {self.day.year}"
        what = f"a {self.kind} from {self.start} to {self.end}"
        if not self.passes:
            return f"No way for {what} {on}: {'; '.join(self.closed) or 'no road leads there'}."
        if not self.way:
            return f"{self.start} is {self.end}."
        return (
            f"There is a way for {what} {on}: {self.time / HOUR:.1f} h by {', '.join(self.way)}; "
            f"some way is open on {self.chance:.1%} of such days."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Days in a row without a way."""

    first_day: date
    """First day without one."""
    until: date
    """First day after it with one, or the day after the last day looked at."""
    closed: tuple[str, ...]
    """Shut roads of the ways on which fewest are on the first day, and why, in words."""


def can_pass(
    graph: nx.MultiDiGraph,
    start: str,
    end: str,
    day: date,
    *,
    kind: Kind = "truck",
    built: Collection[str] | None = None,
) -> Passage:
    """
    Say whether a vehicle gets from one place to another on a day, and where it would stop.

    A road counts as open where it stands on the day and has any chance in the month: what only
    chance closes is in `Passage.chance`.

    Parameters
    ----------
    graph
        Graph with the attributes that this module says.
    start, end
        The two nodes.
    day
        The day.
    kind, built
        As in `standing`.

    Raises
    ------
    GeometryError
        If the graph has no such node or a road runs in one direction only.
    """
    nodes_exist(graph, start, end)
    legs = legs_of(standing(graph, day, kind=kind, built=built))
    month = day.month - 1
    way = reliability.fastest([leg for leg in legs if leg.open_share[month] > 0], start, end)
    chance = 0.0
    if way is not None:
        chance = float(reliability.open_share(reliability.between(legs, start, end))[month])
    return Passage(
        start=start,
        end=end,
        day=day,
        kind=kind,
        way=() if way is None else way[1],
        time=inf if way is None else way[0],
        chance=chance,
        closed=_stops(graph, start, end, day, kind, built) if way is None else (),
    )


def first_cut(
    graph: nx.MultiDiGraph,
    start: str,
    end: str,
    first_day: date,
    last_day: date,
    *,
    kind: Kind = "truck",
    built: Collection[str] | None = None,
) -> Cut | None:
    """
    Find the first days of a period on which there is no way, by season or by date.

    What stands changes only on first days of months and on days on which roads open, close or
    change their season, so only those are looked at, and the answer holds for every day between.

    Parameters
    ----------
    graph
        Graph with the attributes that this module says.
    start, end
        The two nodes.
    first_day, last_day
        First and last day of the period.
    kind, built
        As in `standing`.

    Returns
    -------
    cut
        None where there is a way on every day.
    """
    nodes_exist(graph, start, end)
    after = last_day + timedelta(days=1)
    first: date | None = None
    for day in _changes(graph, first_day, last_day):
        open_here = not _reached(graph, start, day, kind, built).isdisjoint({end})
        if first is None and not open_here:
            first = day
        elif first is not None and open_here:
            after = day
            break
    if first is None:
        return None
    closed = _stops(graph, start, end, first, kind, built)
    return Cut(first_day=first, until=after, closed=closed)


def _reached(
    graph: nx.MultiDiGraph, start: str, day: date, kind: Kind, built: Collection[str] | None
) -> set[str]:
    """Places that a vehicle gets to on a day."""
    usable = nx.Graph((a, b) for a, b, _, e in roads_of(graph) if not shut(e, day, kind, built))
    return set(nx.node_connected_component(usable, start)) if start in usable else {start}


def _stops(
    graph: nx.MultiDiGraph,
    start: str,
    end: str,
    day: date,
    kind: Kind,
    built: Collection[str] | None,
) -> tuple[str, ...]:
    """
    Name what shuts the ways on which fewest roads are shut, and why, in words.

    A road that takes no trucks on any day counts more than all others together.
    """
    steps = nx.Graph()
    why: dict[tuple[str, str, str], str] = {}
    for a, b, name, edge in roads_of(graph):
        why[a, b, name] = reason = shut(edge, day, kind, built)
        here = _counts(reason)
        steps.add_edge(a, b, shut=min(here, steps.get_edge_data(a, b, {"shut": here})["shut"]))
    if start not in steps or end not in steps:
        return ()
    ahead, back = (
        nx.single_source_dijkstra_path_length(steps, place, weight="shut") for place in (start, end)
    )
    if end not in ahead:
        return ()
    fewest = ahead[end]
    return tuple(
        f"{name} {reason}"
        for (a, b, name), reason in why.items()
        if reason
        and min(ahead.get(a, inf) + back.get(b, inf), ahead.get(b, inf) + back.get(a, inf))
        == fewest - _counts(reason)
    )


def _counts(reason: str) -> int:
    """Count an obstacle: 0 for an open road."""
    if not reason:
        return 0
    return NEVER if reason == NO_TRUCKS else 1


def _changes(graph: nx.MultiDiGraph, first_day: date, last_day: date) -> list[date]:
    """First day of a period, and the days in it on which something may change."""
    days = {first_day}
    for _, _, _, edge in roads_of(graph):
        days |= {edge[key] for key in ("opens", "closes", "after") if edge[key] is not None}
    for year in range(first_day.year, last_day.year + 1):
        days |= {date(year, month + 1, 1) for month in range(MONTHS)}
    return sorted(day for day in days if first_day <= day <= last_day)
