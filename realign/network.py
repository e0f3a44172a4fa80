"""
The road graph: what stands, what is proposed, and whether traffic passes on a day.

The graph is a `networkx.MultiDiGraph` in a metric coordinate system. A node is known by the name
of its place, and by its chainage ("12+340") where it has none. Every edge is there in both
directions, under its name as key. A day belongs to an edge from the day it `opens`, and up to the
day before it `closes`.

Attributes of the graph: `crs`, the coordinate system of the nodes.

Attributes of a node:

- `kind`: "end" of the highway, "place", "tie-in" of a link, "limit" of a submerged section,
  "junction" with another road, "dam" beside it, end of a "structure", or end of a "detour";
- `x`, `y`: coordinates [m];
- `chainage`: along the existing highway [m];
- `name`: name of the place, or its chainage.

Attributes of an edge:

- `kind`: "existing" road or proposed "link";
- `name`: name of the link, or of the highway with the chainage; the key as well;
- `length_m`: length along the road [m];
- `time_s`: travel time [s];
- `opens`: first day of traffic, None where it is open from the beginning;
- `closes`: first day without traffic, None where it never closes;
- `section`: the chainage of the existing highway that it is, or that it replaces;
- `cost_low_usd`, `cost_usd`, `cost_high_usd`: cost of building it, all in, in the currency of the
  rates [USD]; 0 for the existing road;
- `exposure`: mean exposure to hazards [0-1], NaN for the existing road;
- `gap`, `variant`: the gap that a link closes and which of its links it is; empty for the
  existing road.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from math import isfinite
from types import UnionType
from typing import Protocol

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from realign.chainage import Section, merge, text
from realign.errors import GeometryError, NoRouteError
from realign.estimate import Estimate
from realign.geometry.alignment import Alignment, Part
from realign.highway import Highway
from realign.inventory import Inventory
from realign.submergence import Submergence

JOIN = 2.0  # [m] points of the highway nearer than this are one node
KMH = 3.6  # km/h in a metre a second

# the first names the node where several fall
_NODE_KINDS = ("end", "place", "tie-in", "limit", "junction", "dam", "structure", "detour")
_NODE: dict[str, type | UnionType] = {
    "kind": str,
    "x": float,
    "y": float,
    "chainage": float,
    "name": str,
}
_EDGE: dict[str, type | UnionType] = {
    "kind": str,
    "name": str,
    "length_m": float,
    "time_s": float,
    "opens": date | None,
    "closes": date | None,
    "section": Section,
    "cost_low_usd": float,
    "cost_usd": float,
    "cost_high_usd": float,
    "exposure": float,
    "gap": str,
    "variant": str,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a road, as searched and as billed."""

    start: float
    """Chainage along the new road [m]."""
    end: float
    """Chainage along the new road [m]."""
    searched: float
    """Price that the search of the corridor saw, without preferences, in the rates' currency."""
    billed: float
    """Direct cost of the bill at base prices."""

    @property
    def ratio(self) -> float:
        """Bill over search [-]; infinite where the search saw no price."""
        return self.billed / self.searched if self.searched > 0 else float("inf")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Searched:
    """What the search of a corridor found, in the currency of the rates."""

    price: float
    """Price that was minimised, preferences included."""
    bound: float
    """Price below which no road can be."""
    construction: float
    """Price of the road without preferences and without road kept."""
    opened: int = 0
    """States opened."""
    seconds: float = 0.0
    """Time of the search [s]."""
    band_m: float = 0.0
    """Distance from the existing road up to which ground was looked at [m]."""
    at_edge: bool = False
    """True where the road touches the edge of that ground even so."""
    tracked: Mapping[str, float] = field(default_factory=dict)
    """Measures of the tracked layers, by name with unit."""
    pieces: tuple[Piece, ...] = ()
    """The road in pieces of about 5 km, as searched and as billed."""

    @property
    def billed(self) -> float:
        """Direct cost of the road at base prices."""
        return sum(piece.billed for piece in self.pieces)

    @property
    def optimality_gap(self) -> float:
        """Share by which the price may exceed that of the cheapest road at most [-]."""
        return self.price / self.bound - 1

    @property
    def ratio(self) -> float:
        """Direct cost over the price that the search of the corridor saw [-]."""
        return self.billed / self.construction


@dataclass(frozen=True, slots=True)
class Paced:
    """A stretch of a new road with one design speed."""

    start: float
    """Chainage along the new road [m]."""
    end: float
    """Chainage along the new road [m]."""
    speed_kmh: int
    """Design speed [km/h]."""
    why: str
    """What forces it, in words; empty where no faster row of the code is wanted."""


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade line and the bound below which none on the same plan can be."""

    price: float
    """Direct cost of the road at base prices with the preferences of its variant, haul left out, in
    the currency of the rates."""
    bound: float
    """Price below which no grade line on the plan can be, see `realign.bound`."""

    @property
    def gap(self) -> float:
        """Share by which the price may exceed that of the best grade line at most [-]."""
        return self.price / self.bound - 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Link:
    """A proposed road from one tie-in on the existing highway to another."""

    name: str
    """Name, unique in a plan: "Diamer-Basha / cheapest"."""
    gap: str
    """Name of the gap that it closes."""
    variant: str
    """Which of the links of the gap it is."""
    section: Section
    """Chainage of the existing highway that it replaces, tie-in to tie-in [m]."""
    station: NDArray[np.float64]
    """Distance along the link, from 0, at most 20 m apart, shape (n,) [m]."""
    x: NDArray[np.float64]
    """Easting of the centre line, shape (n,) [m]."""
    y: NDArray[np.float64]
    """Northing of the centre line, shape (n,) [m]."""
    level: NDArray[np.float64]
    """Level of the road, shape (n,) [m above datum]."""
    ground: NDArray[np.float64]
    """Level of the ground, shape (n,) [m above datum]."""
    form: NDArray[np.int8]
    """What the road is from each station to the next: 0 open road, 1 bridge, 2 tunnel."""
    length: float
    """Length along the link [m]."""
    bridge_length: float
    """Length on bridges [m]."""
    tunnel_length: float
    """Length in tunnels [m]."""
    travel_time: float
    """Time from end to end [s]."""
    exposure: float
    """Mean exposure to hazards [0-1]."""
    steepest: float
    """Steepest grade, as a fraction without sign."""
    speed_kmh: int
    """Design speed [km/h]."""
    radius: float
    """Smallest radius [m]."""
    totals: dict[str, float]
    """Quantities by item of the rates."""
    cost: Estimate
    """Cost, all in, in the currency of the study."""
    direct: Estimate
    """Cost before contingency, overheads and taxes, in the currency of the study."""
    inventory: Inventory | None = None
    """All that it is made of; None where only totals are known."""
    structures: tuple[Part, ...] = ()
    """Bridges and tunnels by name, chainage along the link."""
    floor: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Lowest level that water allows at each station, far below the ground where any will do, shape
    (n,) [m above datum]; empty where it is not known."""
    uses: Mapping[str, float] = field(default_factory=dict)
    """Land taken by its use [m2]."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Shapes of counted layers on that land, such as buildings, by name of the layer."""
    graded: Graded | None = None
    """How near its grade line comes to the least price that one can have on its plan; None where
    that is not known."""
    places: Mapping[str, float] = field(default_factory=dict)
    """What the layers of costs ask, by name of the layer; part of the direct cost."""
    searched: Searched | None = None
    """What the corridor search found, and how the bill compares; None where no search found it as
    a whole, since it is put together from pieces of others."""
    builder: str
    """Who builds it."""
    opens: date | None = None
    """First day of traffic where it is known without a schedule."""
    breaches: tuple[str, ...] = ()
    """Rules of the standard that the alignment breaks, in words; empty when it keeps them all."""
    advice: tuple[str, ...] = ()
    """Places that keep the standard, but not what it recommends, in words."""
    speeds: tuple[Paced, ...] = ()
    """Stretches of one design speed, from the start of the road to its end."""
    hairpins: tuple[tuple[float, float], ...] = ()
    """Stretches with the hairpin section of the standard: from, to [m]."""
    alignment: Alignment | None = None
    """The alignment it was made from; None where only its course is known."""

    @property
    def slowest_kmh(self) -> int:
        """Design speed of the slowest stretch [km/h]."""
        return min((part.speed_kmh for part in self.speeds), default=self.speed_kmh)

    @property
    def slow_m(self) -> float:
        """Length of the stretches slower than the design speed [m]."""
        return sum(part.end - part.start for part in self.speeds if part.speed_kmh < self.speed_kmh)

    @property
    def pace(self) -> str:
        """Design speed in words, and how much of the road is slower."""
        if self.slow_m == 0:
            return f"{self.speed_kmh} km/h"
        where = f"{self.slow_m / 1000:.1f} of {self.length / 1000:.1f} km"
        return f"{self.speed_kmh} km/h, down to {self.slowest_kmh} km/h on {where}"


class Proposed(Protocol):
    """What the road graph asks of a proposed road, designed whole or put together of others."""

    @property
    def name(self) -> str:
        """Name, unique in a graph."""

    @property
    def gap(self) -> str:
        """Name of the gap that it closes."""

    @property
    def variant(self) -> str:
        """Which of the roads across the gap it is."""

    @property
    def section(self) -> Section:
        """Chainage of the existing highway that it replaces [m]."""

    @property
    def length(self) -> float:
        """Length [m]."""

    @property
    def travel_time(self) -> float:
        """Time from end to end [s]."""

    @property
    def cost(self) -> Estimate:
        """Cost, all in, in the currency of the rates."""

    @property
    def exposure(self) -> float:
        """Mean exposure to hazards [0-1]."""

    @property
    def opens(self) -> date | None:
        """First day of traffic where it is known."""


def build(  # noqa: PLR0913 - the road, the water, what is proposed, and where it is cut
    highway: Highway,
    submergence: Submergence,
    *,
    stage_dates: Sequence[Sequence[date]],
    links: Iterable[Proposed],
    places: Mapping[str, float],
    opens: Mapping[str, date | None],
    existing_speed_kmh: float,
    cuts: Iterable[tuple[str, float]] = (),
) -> nx.MultiDiGraph:
    """
    Build the graph of the existing highway and the proposed links.

    The highway is cut at its ends, at places, at the tie-ins of links, at the limits of the
    submerged sections, and where else it is asked for. A piece of it closes on the first date on
    which a station of it lacks freeboard, inside the listed sections of `submergence`. Points
    nearer to each other than 2 m are one node.

    Parameters
    ----------
    highway
        The road that stands.
    submergence
        Which stations lose their freeboard to which dam (`dam`), and at which stage (`first`).
    stage_dates
        Dates of the stages of each dam, in the order `submergence.dam` and `.first` count them.
    links
        Proposed roads; their names differ.
    places
        Chainage of each named place [m].
    opens
        First day of traffic by name of link, None for one that stands already. A link that is not
        in it opens at its own date.
    existing_speed_kmh
        Mean speed on the existing highway [km/h].
    cuts
        Kind of node and chainage [m] of other points at which the highway is cut: junctions, dams,
        ends of structures and of detours.

    Returns
    -------
    graph
        The road graph; the module says what its nodes and edges hold.

    Raises
    ------
    GeometryError
        If a place or a tie-in is not on the highway, two links share a name, or the speed is not
        above zero.
    """
    if not existing_speed_kmh > 0:
        msg = f"wanted a speed on the existing highway above 0 km/h, got {existing_speed_kmh:g}"
        raise GeometryError(msg)
    links = sorted(links, key=lambda link: link.name)
    _links_are_known(links, opens)
    graph = nx.MultiDiGraph(crs=highway.crs)
    nodes = _nodes(graph, highway, submergence, links, places, cuts)
    closing = _closing(submergence, stage_dates)
    for (s0, start), (s1, end) in pairwise(sorted(nodes.items())):
        section = Section(s0, s1)
        edge = {
            "kind": "existing",
            "name": f"{highway.name} {section}",
            "length_m": section.length,
            "time_s": section.length / existing_speed_kmh * KMH,
            "opens": None,
            "closes": _closes(section, submergence.station, closing),
            "section": section,
            "cost_low_usd": 0.0,
            "cost_usd": 0.0,
            "cost_high_usd": 0.0,
            "exposure": float("nan"),
            "gap": "",
            "variant": "",
        }
        _both_ways(graph, start, end, edge)
    for link in links:
        start, end = (_nearest(nodes, s) for s in (link.section.start, link.section.end))
        _both_ways(graph, start, end, _link_edge(link, opens.get(link.name, link.opens)))
    check(graph)
    return graph


def check(graph: nx.MultiDiGraph) -> None:
    """
    Make sure that a graph holds what the module says.

    Raises
    ------
    GeometryError
        Naming the first node or edge with a missing or impossible attribute, and the attribute.
    """
    for node, held in graph.nodes(data=True):
        where = f"node '{node}'"
        _attributes_fit(where, held, _NODE)
        _wanted(held["kind"] in _NODE_KINDS, where, "kind", held["kind"], " or ".join(_NODE_KINDS))
        for name in ("x", "y", "chainage"):
            _wanted(isfinite(held[name]), where, name, held[name], "a finite number")
    for start, end, key, held in graph.edges(keys=True, data=True):
        where = f"edge '{key}' from '{start}' to '{end}'"
        _attributes_fit(where, held, _EDGE)
        kind, opens, closes = held["kind"], held["opens"], held["closes"]
        _wanted(kind in {"existing", "link"}, where, "kind", kind, "existing or link")
        _wanted(held["name"] == key, where, "name", held["name"], "the key of the edge")
        for name in ("length_m", "time_s"):
            _wanted(0 < held[name] < float("inf"), where, name, held[name], "more than 0")
        for name in ("cost_low_usd", "cost_usd", "cost_high_usd"):
            _wanted(0 <= held[name] < float("inf"), where, name, held[name], "0 or more")
        ordered = opens is None or closes is None or opens < closes
        _wanted(ordered, where, "closes", closes, f"a day after it opens on {opens}")
        _wanted(start != end, where, "section", held["section"], "two different nodes")
        back = graph.has_edge(end, start, key)
        _wanted(back, where, "name", key, "an edge of the same name in the other direction")


def passable(
    graph: nx.MultiDiGraph, day: date, *, allowed: Collection[str] | None = None
) -> nx.MultiDiGraph:
    """
    Return the part of a graph that takes traffic on a day.

    Parameters
    ----------
    graph
        The road graph.
    day
        The day.
    allowed
        Names of the links that are built; None for all of them. The existing road always counts.

    Returns
    -------
    view
        A read-only view with every node, and the edges that are open on the day.
    """

    def is_open(start: str, end: str, key: str) -> bool:
        edge = graph.edges[start, end, key]
        built = edge["kind"] == "existing" or allowed is None or edge["name"] in allowed
        opened = edge["opens"] is None or edge["opens"] <= day
        return built and opened and (edge["closes"] is None or day < edge["closes"])

    return nx.subgraph_view(graph, filter_edge=is_open)


def connected(
    graph: nx.MultiDiGraph,
    day: date,
    start: str,
    end: str,
    *,
    links: Collection[str] | None = None,
) -> bool:
    """Whether traffic passes from one node to another on a day; `links` as in `passable`."""
    _nodes_exist(graph, start, end)
    return bool(nx.has_path(passable(graph, day, allowed=links), start, end))


def route(
    graph: nx.MultiDiGraph,
    day: date,
    start: str,
    end: str,
    *,
    links: Collection[str] | None = None,
) -> tuple[float, list[str]]:
    """
    Find the fastest way from one node to another on a day.

    Parameters
    ----------
    graph
        The road graph.
    day
        The day.
    start, end
        The two nodes.
    links
        Names of the links that are built; None for all of them.

    Returns
    -------
    time
        Travel time [s].
    names
        Names of the edges in the order of travel.

    Raises
    ------
    NoRouteError
        If no open road joins the two on the day.
    GeometryError
        If the graph has no such node.
    """
    _nodes_exist(graph, start, end)
    view = passable(graph, day, allowed=links)
    try:
        time, path = nx.single_source_dijkstra(view, start, end, weight="time_s")
    except nx.NetworkXNoPath:
        where = _where(graph, view, start, end)
        msg = f"no open road joins '{start}' and '{end}' on {day}: {where}"
        raise NoRouteError(msg) from None
    names = [
        min((edge["time_s"], key) for key, edge in view[a][b].items())[1] for a, b in pairwise(path)
    ]
    return float(time), names


def cut_days(
    graph: nx.MultiDiGraph,
    start: str,
    end: str,
    *,
    links: Collection[str] | None = None,
    first_day: date,
    last_day: date,
) -> tuple[tuple[date, date, str], ...]:
    """
    Find the days on which no open road joins two nodes.

    What is open changes only on the days on which an edge opens or closes, so only those are
    looked at, and the answer holds for every day between.

    Parameters
    ----------
    graph
        The road graph.
    start, end
        The two nodes.
    links
        Names of the links that are built; None for all of them.
    first_day, last_day
        First and last day of the period.

    Returns
    -------
    cuts
        First day of each cut, first day after it, and what is closed there. A cut that lasts to
        the end of the period ends on the day after `last_day`. Cuts do not overlap; two that
        follow each other differ in what is closed.
    """
    _nodes_exist(graph, start, end)
    days = [day for day in _events(graph) if first_day < day <= last_day]
    days = [first_day, *days, last_day + timedelta(days=1)]
    cuts: list[tuple[date, date, str]] = []
    for day, after in pairwise(days):
        view = passable(graph, day, allowed=links)
        if nx.has_path(view, start, end):
            continue
        where = _where(graph, view, start, end)
        if cuts and cuts[-1][1:] == (day, where):
            cuts[-1] = (cuts[-1][0], after, where)
        else:
            cuts.append((day, after, where))
    return tuple(cuts)


def _links_are_known(links: Sequence[Proposed], opens: Mapping[str, date | None]) -> None:
    names = [link.name for link in links]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"more than one link is named '{twice[0]}'; wanted a name for each"
        raise GeometryError(msg)
    unknown = sorted(set(opens) - set(names))
    if unknown:
        msg = f"an opening date is given for '{unknown[0]}'; the links are {', '.join(names)}"
        raise GeometryError(msg)


def _nodes(
    graph: nx.MultiDiGraph,
    highway: Highway,
    submergence: Submergence,
    links: Sequence[Proposed],
    places: Mapping[str, float],
    cuts: Iterable[tuple[str, float]],
) -> dict[float, str]:
    """Add the nodes to the graph and return them by chainage."""
    points = [("end", 0.0, ""), ("end", highway.length, "")]
    points += [("place", s, name) for name, s in sorted(places.items())]
    points += [("tie-in", s, link.name) for link in links for s in _ends(link.section)]
    points += [("limit", s, "") for each in submergence.sections for s in _ends(each.section)]
    points += [
        (kind, s, "") for kind, s in sorted(cuts, key=lambda c: (_NODE_KINDS.index(c[0]), c[1]))
    ]
    kinds: dict[float, str] = {}
    names: dict[float, str] = {}
    for kind, s, name in points:
        if not -JOIN < s < highway.length + JOIN:
            msg = (
                f"{kind} {name or text(s)} is at {text(s)}; the highway '{highway.name}' "
                f"runs from {text(0)} to {text(highway.length)}"
            )
            raise GeometryError(msg)
        near = min(kinds, key=lambda known: (abs(known - s), known), default=s)
        node = near if abs(near - s) < JOIN else s
        kinds.setdefault(node, kind)
        if kind == "place":
            if node in names:
                msg = f"places '{names[node]}' and '{name}' are both at {text(node)}"
                raise GeometryError(msg)
            names[node] = name
    for s, kind in kinds.items():
        x, y = np.ravel(highway.at(s))
        name = names.get(s, text(s))
        graph.add_node(name, kind=kind, x=float(x), y=float(y), chainage=float(s), name=name)
    return {s: names.get(s, text(s)) for s in kinds}


def _ends(section: Section) -> tuple[float, float]:
    return section.start, section.end


def _nearest(nodes: Mapping[float, str], s: float) -> str:
    return nodes[min(nodes, key=lambda known: (abs(known - s), known))]


def _closing(
    submergence: Submergence, stage_dates: Sequence[Sequence[date]]
) -> NDArray[np.datetime64]:
    """
    Return the day on which each station closes, shape (n,), NaT where it never does.

    Only stations of the listed sections close: the others are too short a stretch to be more than
    the error of the ground.
    """
    listed = np.zeros(submergence.station.shape, dtype=np.bool_)
    for each in submergence.sections:
        listed |= (submergence.station >= each.section.start) & (
            submergence.station <= each.section.end
        )
    closing = np.full(submergence.station.shape, np.datetime64("NaT", "D"))
    for dam, dates in enumerate(stage_dates):
        for stage, day in enumerate(dates):
            closing[(submergence.dam == dam) & (submergence.first == stage)] = np.datetime64(day)
    lost = np.flatnonzero((submergence.first >= 0) & np.isnat(closing))
    if lost.size:
        at = lost[0]
        msg = (
            f"no date for stage {submergence.first[at]} of dam {submergence.dam[at]}, "
            f"which takes the road at {text(float(submergence.station[at]))}"
        )
        raise GeometryError(msg)
    return np.where(listed, closing, np.datetime64("NaT", "D"))


def _closes(
    section: Section, station: NDArray[np.float64], closing: NDArray[np.datetime64]
) -> date | None:
    """
    Return the first day on which a station of a section closes.

    A station stands for the road half way to its neighbours, as the limits of submerged sections
    do. It counts where that reaches more than 2 m into the section, since a limit may have moved
    by as much to become one node with another point.
    """
    middle = (station[1:] + station[:-1]) / 2
    limits = np.concatenate((station[:1], middle, station[-1:]))
    overlap = np.minimum(limits[1:], section.end) - np.maximum(limits[:-1], section.start)
    days = closing[overlap >= min(JOIN, float(overlap.max()))]
    days = days[~np.isnat(days)]
    if not days.size:
        return None
    first: date = days.min().astype(object)
    return first


def _link_edge(link: Proposed, opens: date | None) -> dict[str, object]:
    return {
        "kind": "link",
        "name": link.name,
        "length_m": float(link.length),
        "time_s": float(link.travel_time),
        "opens": opens,
        "closes": None,
        "section": link.section,
        "cost_low_usd": float(link.cost.low),
        "cost_usd": float(link.cost.base),
        "cost_high_usd": float(link.cost.high),
        "exposure": float(link.exposure),
        "gap": link.gap,
        "variant": link.variant,
    }


def _both_ways(graph: nx.MultiDiGraph, start: str, end: str, edge: Mapping[str, object]) -> None:
    graph.add_edge(start, end, edge["name"], **edge)
    graph.add_edge(end, start, edge["name"], **edge)


def _attributes_fit(
    where: str, held: Mapping[str, object], wanted: Mapping[str, type | UnionType]
) -> None:
    for name, kind in wanted.items():
        if name not in held:
            msg = f"{where} lacks the attribute '{name}'"
            raise GeometryError(msg)
        value = held[name]
        _wanted(isinstance(value, kind), where, name, value, getattr(kind, "__name__", str(kind)))


def _wanted(fits: bool, where: str, name: str, found: object, wanted: str) -> None:  # noqa: FBT001
    if not fits:
        msg = f"{where}: attribute '{name}' is {found!r}; wanted {wanted}"
        raise GeometryError(msg)


def _nodes_exist(graph: nx.MultiDiGraph, *nodes: str) -> None:
    for node in nodes:
        if node not in graph:
            known = ", ".join(sorted(str(each) for each in graph))
            msg = f"the road graph has no node '{node}'; it has {known}"
            raise GeometryError(msg)


def _events(graph: nx.MultiDiGraph) -> list[date]:
    days: set[date] = set()
    for _, _, edge in graph.edges(data=True):
        days.update(day for day in (edge["opens"], edge["closes"]) if day is not None)
    return sorted(days)


def _where(graph: nx.MultiDiGraph, view: nx.MultiDiGraph, start: str, end: str) -> str:
    """Say which of the existing road is closed where traffic from either node has to stop."""
    closed: list[Section] = []
    for origin in (start, end):
        reached = nx.descendants(view, origin) | {origin}
        closed += _existing_out_of(graph, reached)
    if not closed:
        return f"nothing leads from '{start}' to '{end}'"
    return "closed from " + ", ".join(str(section) for section in merge(closed))


def _existing_out_of(graph: nx.MultiDiGraph, reached: Collection[str]) -> Iterator[Section]:
    for _, there, edge in graph.out_edges(reached, data=True):
        if there not in reached and edge["kind"] == "existing":
            yield edge["section"]
