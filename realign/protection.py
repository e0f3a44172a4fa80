"""What galleries, tunnels, bridges over gullies and crews would buy, place by place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from realign import allweather, cost
from realign.allweather import Approach, Measure, Weather, Worth
from realign.chainage import text
from realign.estimate import Estimate, together
from realign.formation import OPEN
from realign.hazard import DEBRIS, MONTH_DAYS, Along
from realign.rates import Money, Rates
from realign.yearround import Stretch, YearRound, merged

MOST = 700.0
"""Mean number of closures at a moment above which a road is shut for good: its chance to be open is
no number of the machine any more [-]."""
Edge = tuple[str, str, str]
"""Ends and name of a road of the merged graph."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A protection that may be built or kept."""

    kind: str
    """Gallery, tunnel, bridge or crew."""
    name: str
    """What and where."""
    edge: Edge
    """Road that it protects."""
    gain: NDArray[np.float64]
    """Mean number of closures at a moment of each month that it takes away, shape (12,) [-]."""
    totals: Mapping[str, float]
    """Quantities by item of the rates."""
    yearly: float = 0.0
    """Yearly cost besides upkeep, in the currency of the rates."""


def protections(
    year: YearRound,
    weather: Weather,
    *,
    rates: Rates,
    money: Money,
    approaches: Sequence[Approach] = (),
) -> tuple[Worth, ...]:
    """
    Rank protections by the closed days of the highway that each avoids by itself for its cost.

    Galleries and tunnels are looked at on the stretches of road with most closures, bridges on the
    worst gullies that open road crosses, crews on every stretch between places. Clearing an
    approach that is kept open in more months from a day on is set against the months before, and
    counts closed days of the wider corridor.

    Parameters
    ----------
    year
        The option.
    weather
        Costs and lives, lengths, how many places.
    rates, money
        Unit prices, and what is added on the direct cost.
    approaches
        Roads of the wider corridor.

    Returns
    -------
    worths
        Most days for the yearly cost first.
    """
    state = merged(allweather.standing(year.graph, year.day), year.graph, {year.start, year.end})
    measures = []
    for each in candidates(year, state, weather):
        priced = cost.price(each.totals, rates, money).total
        edge = state.edges[each.edge]
        measures.append(
            Measure(
                name=each.name,
                edge=edge["name"],
                open_share=np.minimum(edge["open"] * np.exp(np.minimum(each.gain, MOST)), 1.0),
                cost=priced,
                yearly=together((priced.times(weather.upkeep), Estimate.exact(each.yearly))),
                life=weather.life_years,
            )
        )
    worths = allweather.buys(state, year.start, year.end, measures, rate=weather.discount)
    cleared = [each for road in approaches for each in _cleared(year, road, weather)]
    return tuple(
        sorted(
            (*worths, *cleared), key=lambda w: (-w.days_per_million, -w.days_a_year, w.measure.name)
        )
    )


def _cleared(year: YearRound, road: Approach, weather: Weather) -> tuple[Worth, ...]:
    """Set clearing an approach in more months against the months in which it was open before."""
    if road.months_open_after is None:
        return ()
    state = allweather.standing(year.graph, year.day)
    edges = [edge for _, _, edge in state.edges(data=True) if edge["name"] == road.name]
    if not edges:
        return ()
    (edge,) = edges
    after, edge["open"] = edge["open"], road.open_share()
    yearly = Estimate.exact(weather.clearance_usd_per_km_year * road.length_km)
    measure = Measure(
        name=f"clearance of snow, {road.name}",
        edge=road.name,
        open_share=after,
        cost=Estimate.exact(0.0),
        yearly=yearly,
        life=weather.life_years,
    )
    ends = year.corridor.start, year.corridor.end
    return allweather.buys(state, *ends, [measure], rate=weather.discount)


def candidates(year: YearRound, state: nx.MultiGraph, weather: Weather) -> list[Candidate]:
    """
    List protections of the worst places, and crews for the stretches between places.

    Parameters
    ----------
    year
        The option.
    state
        Its roads, from `yearround.merged`.
    weather
        Lengths, and how many places of each kind.
    """
    owner = {
        part: (a, b, key)
        for a, b, key, edge in state.edges(keys=True, data=True)
        for part in allweather.parts_of(edge)
    }
    places: list[Candidate] = []
    crews: dict[Edge, list[tuple[NDArray[np.float64], float]]] = {}
    for each in year.stretches:
        piece = _pieces(each, year.graph, owner)
        if piece is None:
            continue
        places += [*_covers(piece, weather.stretch_m), *_bridges(piece, weather.gully_bridge_m)]
        for i, edge in enumerate(piece.edges):
            if edge is not None:
                gain = piece.gain(i, i + 1, "clearance")
                crews.setdefault(edge, []).append((gain, float(piece.part.length[i])))
    # the worst first; of places as bad the one that comes first by name
    places.sort(key=lambda c: (-float(c.gain @ MONTH_DAYS), c.name))
    out = []
    for kind in ("gallery", "tunnel", "bridge"):
        out += [each for each in places if each.kind == kind][: weather.worst]
    for edge, parts in crews.items():
        km = sum(length for _, length in parts) / 1000
        out.append(
            Candidate(
                kind="crew",
                name=f"crew for clearance, {edge[2]}",
                edge=edge,
                gain=np.sum([gain for gain, _ in parts], axis=0),
                totals={},
                yearly=weather.clearance_usd_per_km_year * km,
            )
        )
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Pieces of a stretch of road with what closes them."""

    stretch: Stretch
    """The stretch."""
    part: Along
    """Its n pieces."""
    days: NDArray[np.float64]
    """Closed days by kind, shape (n, 5) [d/year]."""
    edges: Sequence[Edge | None]
    """Road of the merged graph on which each lies; None where it leads nowhere."""

    def gain(self, a: int, b: int, what: str = "") -> NDArray[np.float64]:
        """Closures at a moment of each month that a protection of some pieces takes, (12,)."""
        kinds = self.stretch.road.rules.kinds
        left = np.array([getattr(kind, what) if what else 0.0 for kind in kinds])
        if what == "bridge":
            left[np.arange(left.size) != DEBRIS] = 1.0
        months = np.array([kind.months for kind in kinds]) / MONTH_DAYS
        return np.asarray((self.days[a:b].sum(axis=0) * (1 - left)) @ months)

    def where(self, a: int, b: int) -> str:
        """Say where some pieces lie."""
        first, last = float(self.part.start[a]), float(self.part.end[b - 1])
        return f"from {text(first)} to {text(last)} of {self.stretch.road.name}"


def _pieces(each: Stretch, graph: nx.MultiDiGraph, owner: Mapping[str, Edge]) -> _Pieces | None:
    """Take the pieces of a stretch; None where it is shorter than one."""
    along = each.road.along
    middle = (along.start + along.end) / 2
    own = (middle >= each.section.start) & (middle < each.section.end)
    if not own.any():
        return None
    part = along.where(own)
    names = _names(graph, each, part)
    return _Pieces(each, part, np.diff(each.road.days, axis=0)[own], [owner.get(n) for n in names])


def _covers(piece: _Pieces, length: float) -> Iterator[Candidate]:
    """Galleries and tunnels on runs of pieces, each about a length [m] long."""
    part = piece.part
    count = max(round(float(part.end[-1] - part.start[0]) / length), 1)
    limits = np.linspace(0, part.start.size, count + 1).round().astype(int).tolist()
    for a, b in pairwise(limits):
        edge = piece.edges[(a + b) // 2] if b > a else None
        open_m = float((part.length * part.share[:, OPEN])[a:b].sum())
        if edge is None or open_m <= 0:
            continue
        where, whole = piece.where(a, b), float(part.end[b - 1] - part.start[a])
        yield Candidate(
            "gallery", f"gallery {where}", edge, piece.gain(a, b, "gallery"), {"gallery": open_m}
        )
        bore = {"tunnel": whole, "tunnel_portal": 2.0}
        yield Candidate("tunnel", f"tunnel {where}", edge, piece.gain(a, b), bore)


def _bridges(piece: _Pieces, length: float) -> Iterator[Candidate]:
    """Bridges of a length [m] over gullies that open road crosses."""
    for i in np.flatnonzero(piece.part.gully == OPEN).tolist():
        edge = piece.edges[i]
        if edge is not None:
            name = f"bridge over the gully {piece.where(i, i + 1)}"
            span = {"bridge": length, "bridge_abutment": 2.0}
            yield Candidate("bridge", name, edge, piece.gain(i, i + 1, "bridge"), span)


def _names(graph: nx.MultiDiGraph, each: Stretch, part: Along) -> list[str]:
    """Name the edge of the graph on which each piece of a stretch lies."""
    held, own = set(), set()
    for _, _, key, edge in graph.edges(keys=True, data=True):
        if edge.get("link", key) == each.road.name:
            own.add((edge.get("part", each.section).start, key))
        if edge["kind"] == "existing":
            held.add((edge["section"].start, key))
    held = own or held
    order = sorted(held)
    middle = (part.start + part.end) / 2
    at = np.searchsorted([s for s, _ in order], middle, side="right") - 1
    return [order[max(int(i), 0)][1] for i in at]
