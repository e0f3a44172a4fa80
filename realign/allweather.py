"""
Is the road open, month by month, which roads matter, and what protection buys.

The graph is that of `realign.network` with the roads of the wider corridor, see `joined`. Its edges
hold besides

- `open`: chance that the edge is open at a time in each month, January first, shape (12,) [0-1];
- `open_after`, `after`: the same from that day on; None where nothing changes;
- `trucks`: whether trucks may use it;
- `truck_time_s`: travel time of a truck [s].

Days are handled first: `standing` takes the graph of a day, and chances are asked of that. There an
edge is open or closed as a whole and for both directions, independently of every other one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf, isfinite
from typing import Any, Literal

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator, model_validator

from realign import reliability
from realign.errors import GeometryError
from realign.estimate import Estimate, together
from realign.reliability import MONTHS, Block, Leg, State
from realign.settings import Settings

DAYS = np.array([31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0])
"""Days of the months of a normal year [d]."""
NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
HOUR = 3600.0  # [s]
KM = 1000.0  # [m]
PER = 100_000.0  # [m] events are counted on so much road

Kind = Literal["car", "truck"]
Way = tuple[float, tuple[str, ...]]
"""Travel time [s], and names of the roads in order of travel."""


class Approach(Settings):
    """A road of the wider corridor, beyond the highway that is studied."""

    name: str = Field(min_length=1)
    """Name, as the tables show it."""
    start: str = Field(min_length=1)
    """Place at one end; a place of the highway or of another approach."""
    end: str = Field(min_length=1)
    """Place at the other end."""
    length_km: float = Field(gt=0)
    """Length along the road [km]."""
    highest_m: float
    """Highest point of the road [m above datum]; for the reader, nothing is computed from it."""
    months_open: tuple[int, ...]
    """Months in which it is kept open, 1 for January."""
    months_open_after: tuple[int, ...] | None = None
    """Months in which it is kept open from the day `after` on; none where nothing changes."""
    after: date | None = None
    """First day on which `months_open_after` holds."""
    closed_days: float = Field(default=0.0, ge=0)
    """Days of a year on which it is closed in months in which it is kept open."""
    car_kmh: float = Field(gt=0)
    """Mean speed of cars [km/h]."""
    truck_kmh: float = Field(gt=0)
    """Mean speed of trucks [km/h]."""
    carries_trucks: bool = True
    """Whether trucks may use it."""

    @field_validator("months_open", "months_open_after")
    @classmethod
    def _are_months(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is None:
            return None
        wrong = [month for month in value if not 1 <= month <= MONTHS]
        if wrong or len(set(value)) < len(value):
            msg = f"found {list(value)}, wanted numbers of months from 1 to 12, each once"
            raise ValueError(msg)
        return tuple(sorted(value))

    @model_validator(mode="after")
    def _fits(self) -> "Approach":
        if self.start == self.end:
            msg = f"end: found {self.end!r}, wanted another place than start"
            raise ValueError(msg)
        if (self.after is None) != (self.months_open_after is None):
            msg = (
                f"after: found {self.after}, months_open_after: found {self.months_open_after}; "
                "wanted both or none"
            )
            raise ValueError(msg)
        for months in (self.months_open, self.months_open_after):
            days = None if months is None else _days_in(months)
            if days is not None and self.closed_days > days:
                msg = (
                    f"closed_days: found {self.closed_days:g}, wanted at most {days:g}, the days "
                    f"in months {list(months or ())}"
                )
                raise ValueError(msg)
        return self

    def open_share(self, day: date | None = None) -> NDArray[np.float64]:
        """
        Chance that it is open at a time in each month.

        Parameters
        ----------
        day
            Day whose rule holds; None for the first one.

        Returns
        -------
        share
            0 in months in which it is not kept open; closed days spread evenly over the others,
            shape (12,) [0-1].
        """
        later = self.after is not None and day is not None and day >= self.after
        months = (self.months_open_after if later else self.months_open) or ()
        share = np.zeros(MONTHS)
        if months:
            share[np.array(months) - 1] = 1 - self.closed_days / _days_in(months)
        return share


class Weather(Settings):
    """What slides, mudflows, rockfall and floods do to open road."""

    events_per_100km: tuple[float, ...]
    """Closures a month on 100 km of fully exposed road, January first, 12 values."""
    days_each: float = Field(ge=0)
    """Mean time for which one closes the road [d]."""

    @field_validator("events_per_100km")
    @classmethod
    def _twelve(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) != MONTHS or min(value) < 0:
            msg = f"found {list(value)}, wanted 12 numbers of 0 or more"
            raise ValueError(msg)
        return value


class Traffic(Settings):
    """Who uses the road, and what an hour costs them."""

    vehicles_per_day: float = Field(ge=0)
    """Vehicles a day that go from end to end, both directions together."""
    hour_usd: float = Field(ge=0)
    """What an hour of a vehicle costs with driver, load and running, in the currency of the
    rates."""
    closed_h: float = Field(default=24.0, ge=0)
    """Hours that a vehicle of a day on which no way is open loses; 24 where it waits a day."""


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
        return np.asarray(DAYS * (1 - self.open_share))

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
    importance: NDArray[np.float64]
    """How much the chance of an open way rises with that of the road, by month, after Birnbaum
    (1969), shape (12,) [0-1]."""
    detour_months: tuple[int, ...]
    """Months in which a way is open without it, 1 for January."""
    detour: tuple[str, ...]
    """Roads of the fastest way without it, in the month in which that is fastest; none where there
    is no way."""
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
        return float((DAYS * self.day_usd).sum())


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
    """Where there is no way, the roads at which it ends from either side, and why, in words."""

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
    """Roads at which the way ends on the first day, and why, in words."""


def kept_open(length: float, exposure: float, weather: Weather) -> NDArray[np.float64]:
    """
    Chance that a stretch of road is not closed by an event.

    Events come at random and close the road for a random time each, whether or not it is closed
    already. Then the number of those that close it at a time has a Poisson distribution, whatever
    the distribution of the times, with the rate times the mean time as mean (the queue M/G/inf),
    and the road is open where that number is 0. Two stretches are open together as often as the
    whole they make.

    Parameters
    ----------
    length
        Length of the road [m].
    exposure
        Its mean exposure, see `realign.hazard` [0-1].
    weather
        How often events come, and how long they last.

    Returns
    -------
    share
        By month, shape (12,) [0-1].
    """
    if not (0 <= length < inf and 0 <= exposure <= 1):
        msg = f"wanted a length from 0 and an exposure from 0 to 1, got {length} m and {exposure}"
        raise GeometryError(msg)
    a_day = np.array(weather.events_per_100km) / DAYS
    return np.asarray(np.exp(-a_day * weather.days_each * length / PER * exposure))


def joined(
    graph: nx.MultiDiGraph, approaches: Iterable[Approach], *, shares: Mapping[str, ArrayLike]
) -> nx.MultiDiGraph:
    """
    Join the roads of the wider corridor to the road graph, and say how surely each road is open.

    Parameters
    ----------
    graph
        As `realign.network` builds it; it stays as it is.
    approaches
        Roads of the wider corridor; they meet the graph at the names of its nodes.
    shares
        Chance that each edge of `graph` is open at a time in each month, by its name, shape (12,)
        each [0-1]. Trucks take `truck_time_s` on edges that have it, else `time_s`.

    Returns
    -------
    joined
        A new graph with the attributes that this module says; the days on which its edges open
        and close are kept. Edges of the wider corridor have the kind "approach".

    Raises
    ------
    GeometryError
        If two roads share a name, an edge of the graph has no chance, or a chance is given that no
        edge asks for.
    """
    roads = sorted(approaches, key=lambda road: road.name)
    held = {key for _, _, key in graph.edges(keys=True)}
    for name in sorted(held ^ set(shares)):
        wanted = "a chance for it" if name in held else f"one of {', '.join(sorted(held))}"
        found = f"none for '{name}'" if name in held else f"'{name}'"
        msg = f"chances of open roads: found {found}, wanted {wanted}"
        raise GeometryError(msg)
    names = [*held, *(road.name for road in roads)]
    for name in sorted(names):
        if names.count(name) > 1:
            msg = f"more than one road is named '{name}'; wanted a name for each"
            raise GeometryError(msg)
    out = graph.copy()
    for _, _, key, edge in out.edges(keys=True, data=True):
        edge["open"] = reliability.chances(f"road '{key}'", shares[key])
        edge["open_after"] = edge["after"] = None
        edge["trucks"] = True
        edge.setdefault("truck_time_s", edge["time_s"])
    for road in roads:
        for place in (road.start, road.end):
            if place not in out:
                out.add_node(place, kind="place", name=place)
        length = road.length_km * KM
        edge = {
            "kind": "approach",
            "name": road.name,
            "length_m": length,
            "time_s": road.length_km / road.car_kmh * HOUR,
            "truck_time_s": road.length_km / road.truck_kmh * HOUR,
            "trucks": road.carries_trucks,
            "opens": None,
            "closes": None,
            "open": road.open_share(),
            "open_after": None if road.after is None else road.open_share(road.after),
            "after": road.after,
        }
        out.add_edge(road.start, road.end, road.name, **edge)
        out.add_edge(road.end, road.start, road.name, **edge)
    return out


def standing(
    graph: nx.MultiDiGraph,
    day: date,
    *,
    kind: Kind = "truck",
    built: Collection[str] | None = None,
) -> nx.MultiGraph:
    """
    Take the roads that stand on a day, with chances for a year of that state.

    Parameters
    ----------
    graph
        Graph with the attributes that this module says.
    day
        The day; roads that open later or have closed for good are left out.
    kind
        Whose times count; roads without trucks are left out for trucks.
    built
        Names of the links that are built, as those of an option; None for all of them.

    Returns
    -------
    standing
        Every node, and a single edge a road with `name`, `time_s` and `open`.

    Raises
    ------
    GeometryError
        If a road runs in one direction only.
    """
    out = nx.MultiGraph()
    out.add_nodes_from(sorted(graph))
    for a, b, name, edge in _roads(graph):
        if not _missing(edge, day, kind, built):
            time = edge["truck_time_s"] if kind == "truck" else edge["time_s"]
            out.add_edge(a, b, name, name=name, time_s=time, open=_shares(edge, day))
    return out


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
    legs = _legs(graph)
    found = reliability.survey(_blocks(graph, start, end))
    usual = found.usual
    ways = _fastest_by_month(legs, start, end)
    out = []
    for leg in legs:
        without = found.closed.get(leg.name, usual)
        others = ways
        if leg.name in found.closed:
            others = _fastest_by_month([each for each in legs if each is not leg], start, end)
        detour, extra = _best(ways, others)
        lost = _loss(without, _least(ways), traffic) - _loss(usual, _least(ways), traffic)
        out.append(
            Critical(
                name=leg.name,
                importance=found.opened.get(leg.name, usual.share) - without.share,
                detour_months=tuple(m + 1 for m, way in enumerate(others) if way is not None),
                detour=detour,
                extra_time=extra,
                extra_closed_days=float((DAYS * (usual.share - without.share)).sum()),
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
    legs = {leg.name: leg for leg in _legs(graph)}
    worths = []
    for measure in measures:
        # the chance of an open way is linear in that of each road
        rise = np.maximum(measure.open_share - legs[measure.edge].open_share, 0.0)
        factor = annuity(rate, measure.life)
        present = together((measure.cost, measure.yearly.times(factor)))
        worths.append(
            Worth(
                measure=measure,
                days=DAYS * rise * importance.get(measure.edge, 0.0),
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
    _nodes_exist(graph, start, end)
    legs = _legs(standing(graph, day, kind=kind, built=built))
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
    _nodes_exist(graph, start, end)
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


def _days_in(months: Iterable[int]) -> float:
    """Days of some months of a normal year [d]."""
    return float(sum(DAYS[month - 1] for month in months))


def _roads(graph: nx.MultiDiGraph) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Every road once, with its places in the order of their names, sorted by name."""
    for a, b, name, edge in sorted(graph.edges(keys=True, data=True), key=lambda e: (e[2], e[:2])):
        if not graph.has_edge(b, a, name):
            msg = f"road '{name}': found '{a}' to '{b}' only, wanted both directions"
            raise GeometryError(msg)
        if a < b:
            yield a, b, name, edge


def _missing(edge: Mapping[str, Any], day: date, kind: Kind, built: Collection[str] | None) -> str:
    """Why a road does not stand on a day, in words; empty where it does."""
    if edge["kind"] == "link" and built is not None and edge["name"] not in built:
        return "is not built"
    if edge["opens"] is not None and day < edge["opens"]:
        return f"opens on {edge['opens']}"
    if edge["closes"] is not None and day >= edge["closes"]:
        return f"is closed for good since {edge['closes']}"
    return "takes no trucks" if kind == "truck" and not edge["trucks"] else ""


def _shut(edge: Mapping[str, Any], day: date, kind: Kind, built: Collection[str] | None) -> str:
    """Why a road cannot be used on a day, in words; empty where it can."""
    why = _missing(edge, day, kind, built)
    if not why and not _shares(edge, day)[day.month - 1] > 0:
        why = f"is closed in {NAMES[day.month - 1]}"
    return why


def _shares(edge: Mapping[str, Any], day: date) -> NDArray[np.float64]:
    """Chance by month that a road is open, by the rule of a day."""
    later = edge["after"] is not None and day >= edge["after"]
    return np.asarray(edge["open_after"] if later else edge["open"], np.float64)


def _reached(
    graph: nx.MultiDiGraph, start: str, day: date, kind: Kind, built: Collection[str] | None
) -> set[str]:
    """Places that a vehicle gets to on a day."""
    usable = nx.Graph((a, b) for a, b, _, e in _roads(graph) if not _shut(e, day, kind, built))
    return set(nx.node_connected_component(usable, start)) if start in usable else {start}


def _stops(
    graph: nx.MultiDiGraph,
    start: str,
    end: str,
    day: date,
    kind: Kind,
    built: Collection[str] | None,
) -> tuple[str, ...]:
    """Roads at which the way ends from either side, and why, in words."""
    sides = [_reached(graph, place, day, kind, built) for place in (start, end)]
    return tuple(
        f"{name} {_shut(edge, day, kind, built)}"
        for a, b, name, edge in _roads(graph)
        if any((a in side) != (b in side) for side in sides)
    )


def _changes(graph: nx.MultiDiGraph, first_day: date, last_day: date) -> list[date]:
    """First day of a period, and the days in it on which something may change."""
    days = {first_day}
    for _, _, _, edge in _roads(graph):
        days |= {edge[key] for key in ("opens", "closes", "after") if edge[key] is not None}
    for year in range(first_day.year, last_day.year + 1):
        days |= {date(year, month + 1, 1) for month in range(MONTHS)}
    return sorted(day for day in days if first_day <= day <= last_day)


def _legs(graph: nx.MultiGraph) -> list[Leg]:
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
    _nodes_exist(graph, start, end)
    return reliability.between(_legs(graph), start, end)


def _nodes_exist(graph: nx.Graph, *nodes: str) -> None:
    for node in nodes:
        if node not in graph:
            known = ", ".join(sorted(graph))
            msg = f"the roads have no place '{node}'; they have {known}"
            raise GeometryError(msg)


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


def _best(
    ways: Sequence[Way | None], others: Sequence[Way | None]
) -> tuple[tuple[str, ...], float]:
    """Fastest of the other ways in any month, and by how much it is longer than the way then."""
    pairs = [
        (other, way)
        for way, other in zip(ways, others, strict=True)
        if way is not None and other is not None
    ]
    if not pairs:
        return (), inf
    other, way = min(pairs, key=lambda pair: pair[0][0])
    return other[1], other[0] - way[0]


def _least(ways: Iterable[Way | None]) -> float:
    """Least time of the ways of all months [s]."""
    return min((way[0] for way in ways if way is not None), default=0.0)


def _loss(state: State, least: float, traffic: Traffic) -> NDArray[np.float64]:
    """Hours that a vehicle loses against a way of the least time, by month, shape (12,) [h]."""
    extra = np.where(np.isnan(state.time), 0.0, state.time - least) / HOUR
    return np.asarray((1 - state.share) * traffic.closed_h + state.share * extra)
