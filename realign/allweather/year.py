"""A year of the state of a day: how surely a way is open, which roads matter, what is bought."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from realign import reliability
from realign.allweather.graph import HOUR, nodes_exist
from realign.allweather.tables import Traffic
from realign.errors import GeometryError
from realign.estimate import Estimate, together
from realign.hazard import MONTH_DAYS
from realign.reliability import MONTHS, Block, Leg, State

__all__ = [
    "Availability",
    "Critical",
    "Measure",
    "Worth",
    "annuity",
    "availability",
    "buys",
    "criticality",
    "raised",
    "two_terminal",
]

Way = tuple[float, tuple[str, ...]]
"""Travel time [s], and names of the roads in order of travel."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Availability:
    """How surely a way is open between two places, in a year of the state of a day."""

    start: str
    """Place at one end."""
    end: str
    """Place at the other end."""
    open_share: NDArray[np.float64]
    """Chance that a way is open at a time in each month, January first, shape (12,) [0-1]."""
    time: NDArray[np.float64]
    """Mean time by the fastest open way while any is open, shape (12,) [s]; NaN where none is."""
    unresolved: NDArray[np.float64]
    """Share of the open time for which `time` has a lower bound only, shape (12,) [0-1]."""

    @property
    def closed_days(self) -> NDArray[np.float64]:
        """Expected closed days of each month, shape (12,) [d]."""
        return np.asarray(MONTH_DAYS * (1 - self.open_share))

    @property
    def closed_days_a_year(self) -> float:
        """Expected closed days of a normal year [d]."""
        return float(self.closed_days.sum())

    @property
    def months_open(self) -> int:
        """Number of months in which a way is open at all."""
        return int((self.open_share > 0).sum())

    def longest_below(self, share: float) -> int:
        """
        Longest run of months in which the chance is below a given one, over the turn of the year.

        Parameters
        ----------
        share
            The chance [0-1].
        """
        below = self.open_share < share
        if below.all():
            return MONTHS
        run = longest = 0
        for month in (*below, *below):
            run = run + 1 if month else 0
            longest = max(longest, run)
        return longest


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Critical:
    """What happens when one road is closed all year."""

    name: str
    """Name of the road."""
    parts: tuple[str, ...]
    """Names of the roads that it was put together of, itself where of none."""
    importance: NDArray[np.float64]
    """How much the chance of an open way rises with that of the road, by month, after Birnbaum
    (1969, not checked), shape (12,) [0-1]."""
    causes: float
    """Closed days of a year that its own closures cost: its importance times the chance that it is
    closed, as the chance of an open way is linear in that of each road [d]."""
    detour_months: tuple[int, ...]
    """Months in which a way is open without it, 1 for January."""
    detour: tuple[str, ...]
    """Roads of the fastest way without it, in the month in which that takes longest over the way
    with it; none where there is no way."""
    extra_time: float
    """How much longer that way takes than the fastest of the same month with it [s]; infinite where
    there is no way."""
    extra_closed_days: float
    """Closed days of a year more than with it [d]."""
    day_usd: NDArray[np.float64]
    """Cost to traffic of a day in each month on which it is closed, over a day on which it is as
    likely closed as usual, shape (12,), in the currency of the rates."""
    unresolved: NDArray[np.float64]
    """Share of the open time without it for which times, and so costs, have a lower bound only,
    shape (12,) [0-1]."""

    @property
    def year_usd(self) -> float:
        """Cost to traffic of a year in which it is closed, in the currency of the rates."""
        return float((MONTH_DAYS * self.day_usd).sum())


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measure:
    """A protection of one road: a gallery, a bridge over a gully, a tunnel, clearing of snow."""

    name: str
    """Name, unique among the measures."""
    edge: str
    """Name of the road."""
    open_share: NDArray[np.float64]
    """Chance that the road is open at a time in each month with it, shape (12,) [0-1]; a month in
    which it would be lower than without stays as it is."""
    cost: Estimate
    """Cost of building it, in the currency of the rates."""
    yearly: Estimate
    """Cost of each year of its life, in the currency of the rates."""
    life: float
    """Life [years]."""

    def __post_init__(self) -> None:
        """Refuse chances that cannot be."""
        reliability.chances(f"measure '{self.name}'", self.open_share)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Worth:
    """What a measure buys by itself."""

    measure: Measure
    """The measure."""
    days: NDArray[np.float64]
    """Closed days of each month that it avoids, shape (12,) [d]."""
    present: Estimate
    """Present value of building it and of its yearly cost over its life."""
    yearly: Estimate
    """The same as an even sum at the end of each year of its life."""

    @property
    def days_a_year(self) -> float:
        """Closed days of a normal year that it avoids [d]."""
        return float(self.days.sum())

    @property
    def per_day(self) -> Estimate | None:
        """Cost of a closed day avoided; None where it avoids none."""
        return self.yearly.times(1 / self.days_a_year) if self.days_a_year > 0 else None

    @property
    def days_per_million(self) -> float:
        """Closed days avoided for a million of yearly cost; infinite where they are free."""
        if self.days_a_year == 0:
            return 0.0
        return 1e6 * self.days_a_year / self.yearly.base if self.yearly.base > 0 else inf


def two_terminal(graph: nx.MultiGraph, start: str, end: str, month: int) -> float:
    """
    Chance that a way is open at a time in a month: exact, see `realign.reliability`.

    Parameters
    ----------
    graph
        Roads of one day, see `standing`, or any graph whose edges hold `name`, `time_s`, `open`.
    start, end
        The two nodes.
    month
        1 for January.

    Raises
    ------
    GeometryError
        If the graph has no such node, an edge lacks an attribute, or the roads are too interwoven.
    """
    if not 1 <= month <= MONTHS:
        msg = f"month: found {month}, wanted 1 to 12"
        raise GeometryError(msg)
    return float(reliability.open_share(_blocks(graph, start, end))[month - 1])


def availability(graph: nx.MultiGraph, start: str, end: str) -> Availability:
    """
    How surely a way is open between two places, and how long it takes, month by month.

    Parameters
    ----------
    graph
        Roads of one day, as in `two_terminal`, which says what is raised.
    start, end
        The two nodes.
    """
    found = reliability.survey(_blocks(graph, start, end))
    return Availability(
        start=start,
        end=end,
        open_share=found.usual.share,
        time=found.usual.time,
        unresolved=found.usual.unresolved,
    )


def criticality(
    graph: nx.MultiGraph, start: str, end: str, traffic: Traffic
) -> tuple[Critical, ...]:
    """
    Say of every road what happens when it alone is closed.

    A vehicle loses `traffic.closed_h` while no way is open, and otherwise the time by which the
    fastest open way is longer than the fastest of all. While a detour loses less than waiting,
    closing a road never saves anything.

    Parameters
    ----------
    graph
        Roads of one day, as in `two_terminal`, which says what is raised.
    start, end
        The two nodes.
    traffic
        Who uses the road.

    Returns
    -------
    critical
        One a road, the dearest year first; of those the one with most closed days, then by name.
    """
    legs = legs_of(graph)
    found = reliability.survey(_blocks(graph, start, end))
    usual = found.usual
    ways = _fastest_by_month(legs, start, end)
    parts = {edge["name"]: parts_of(edge) for _, _, edge in graph.edges(data=True)}
    out = []
    for leg in legs:
        without = found.closed.get(leg.name, usual)
        others = ways
        if leg.name in found.closed:
            others = _fastest_by_month([each for each in legs if each is not leg], start, end)
        detour, extra = _detour(ways, others)
        lost = _loss(without, _least(ways), traffic) - _loss(usual, _least(ways), traffic)
        importance = found.opened.get(leg.name, usual.share) - without.share
        out.append(
            Critical(
                name=leg.name,
                parts=parts.get(leg.name, (leg.name,)),
                importance=importance,
                causes=float((MONTH_DAYS * importance * (1 - leg.open_share)).sum()),
                detour_months=tuple(m + 1 for m, way in enumerate(others) if way is not None),
                detour=detour,
                extra_time=extra,
                extra_closed_days=float((MONTH_DAYS * (usual.share - without.share)).sum()),
                day_usd=lost * traffic.vehicles_per_day * traffic.hour_usd,
                unresolved=without.unresolved,
            )
        )
    return tuple(sorted(out, key=lambda c: (-c.year_usd, -c.extra_closed_days, c.name)))


def raised(graph: nx.MultiGraph, measures: Iterable[Measure]) -> nx.MultiGraph:
    """
    Give a new graph in which measures are built.

    Two on one road keep it open as well as the better of them does in each month, and no better.

    Raises
    ------
    GeometryError
        If a measure names no road of the graph.
    """
    out = graph.copy()
    edges = {edge["name"]: edge for _, _, edge in out.edges(data=True)}
    for measure in measures:
        if measure.edge not in edges:
            known = ", ".join(sorted(edges))
            msg = (
                f"measure '{measure.name}': found the road '{measure.edge}', wanted one of {known}"
            )
            raise GeometryError(msg)
        edge = edges[measure.edge]
        edge["open"] = np.maximum(edge["open"], measure.open_share)
    return out


def buys(
    graph: nx.MultiGraph, start: str, end: str, measures: Sequence[Measure], *, rate: float
) -> tuple[Worth, ...]:
    """
    Rank measures by the closed days that each avoids by itself for its cost.

    What several avoid together is not the sum: ask `buys(raised(graph, built), ...)` for what is
    worth building after some are built, and `availability(raised(...))` for the whole.

    Parameters
    ----------
    graph
        Roads of one day, as in `two_terminal`, which says what is raised.
    start, end
        The two nodes.
    measures
        The measures; their names differ.
    rate
        Discount rate a year [fraction].

    Returns
    -------
    worths
        Most days for the yearly cost first; of those with more days, then by name.
    """
    names = [measure.name for measure in measures]
    for name in sorted(names):
        if names.count(name) > 1:
            msg = f"more than one measure is named '{name}'; wanted a name for each"
            raise GeometryError(msg)
    raised(graph, measures)
    blocks = _blocks(graph, start, end)
    importance = reliability.importance(blocks)
    legs = {leg.name: leg for leg in legs_of(graph)}
    worths = []
    for measure in measures:
        # the chance of an open way is linear in that of each road
        rise = np.maximum(measure.open_share - legs[measure.edge].open_share, 0.0)
        factor = annuity(rate, measure.life)
        present = together((measure.cost, measure.yearly.times(factor)))
        worths.append(
            Worth(
                measure=measure,
                days=MONTH_DAYS * rise * importance.get(measure.edge, 0.0),
                present=present,
                yearly=present.times(1 / factor),
            )
        )
    return tuple(
        sorted(worths, key=lambda w: (-w.days_per_million, -w.days_a_year, w.measure.name))
    )


def annuity(rate: float, years: float) -> float:
    """
    Present value of 1 at the end of each year.

    Parameters
    ----------
    rate
        Discount rate a year, above -1 [fraction].
    years
        Number of years, above 0.

    Examples
    --------
    >>> annuity(0.0, 20.0), round(annuity(0.09, 20.0), 4)
    (20.0, 9.1285)
    """
    if not (years > 0 and rate > -1):
        msg = f"wanted years above 0 and a rate above -1, got {years:g} years and {rate:g}"
        raise GeometryError(msg)
    return years if rate == 0 else float(-np.expm1(-years * np.log1p(rate)) / rate)


def parts_of(edge: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the roads that an edge was put together of, see `parts`; its own where of none."""
    return tuple(edge.get("parts", (edge["name"],)))


def legs_of(graph: nx.MultiGraph) -> list[Leg]:
    """Roads of the graph of a day, sorted by name."""
    if graph.is_directed():
        msg = "found a graph with directions, wanted the roads of one day: see `standing`"
        raise GeometryError(msg)
    legs = []
    for a, b, edge in graph.edges(data=True):
        lacks = [key for key in ("name", "time_s", "open") if key not in edge]
        if lacks:
            msg = f"an edge from '{a}' to '{b}' lacks the attribute '{lacks[0]}'"
            raise GeometryError(msg)
        shares = np.asarray(edge["open"], np.float64)
        legs.append(Leg(edge["name"], min(a, b), max(a, b), float(edge["time_s"]), shares))
    return sorted(legs, key=lambda leg: leg.name)


def _blocks(graph: nx.MultiGraph, start: str, end: str) -> tuple[Block, ...]:
    """Chain of blocks between two nodes."""
    nodes_exist(graph, start, end)
    return reliability.between(legs_of(graph), start, end)


def _fastest_by_month(legs: Sequence[Leg], start: str, end: str) -> tuple[Way | None, ...]:
    """Fastest way of each month in which all roads that may be open are."""
    ways: dict[tuple[bool, ...], Way | None] = {}
    out = []
    for month in range(MONTHS):
        usable = tuple(bool(leg.open_share[month] > 0) for leg in legs)
        if usable not in ways:
            some = [leg for leg, use in zip(legs, usable, strict=True) if use]
            ways[usable] = reliability.fastest(some, start, end)
        out.append(ways[usable])
    return tuple(out)


def _detour(
    ways: Sequence[Way | None], others: Sequence[Way | None]
) -> tuple[tuple[str, ...], float]:
    """Other way of the month in which it takes longest over the way then, and how much longer."""
    pairs = [
        (other, way)
        for way, other in zip(ways, others, strict=True)
        if way is not None and other is not None
    ]
    if not pairs:
        return (), inf
    other, way = max(pairs, key=lambda pair: pair[0][0] - pair[1][0])
    return other[1], other[0] - way[0]


def _least(ways: Iterable[Way | None]) -> float:
    """Least time of the ways of all months [s]."""
    return min((way[0] for way in ways if way is not None), default=0.0)


def _loss(state: State, least: float, traffic: Traffic) -> NDArray[np.float64]:
    """Hours that a vehicle loses against a way of the least time, by month, shape (12,) [h]."""
    extra = np.where(np.isnan(state.time), 0.0, state.time - least) / HOUR
    return np.asarray((1 - state.share) * traffic.closed_h + state.share * extra)
