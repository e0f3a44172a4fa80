"""The road graph with the wider corridor: how surely roads are open, and what stands on a day."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from realign import reliability
from realign.allweather.tables import Approach, chainage_of
from realign.errors import GeometryError

__all__ = ["Kind", "Service", "joined", "standing"]

HOUR = 3600.0
"""Seconds of an hour [s]."""
NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""Names of the months."""
NOT_BUILT, NO_TRUCKS = "is not built", "takes no trucks"
"""Why a road is never open, in words."""
KM = 1000.0  # [m]
NEAR = 2.0  # [m] a chainage this near to a node is that node

Kind = Literal["car", "truck"]
"""Who travels."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Service:
    """What a road gives its users."""

    open_share: NDArray[np.float64]
    """Chance that it is open at a time in each month, January first, shape (12,) [0-1]."""
    car: tuple[float, float]
    """Travel time of a car with the chainage and against it [s]."""
    truck: tuple[float, float]
    """Travel time of a truck with the chainage and against it [s]."""


def joined(
    graph: nx.MultiDiGraph, approaches: Iterable[Approach], *, services: Mapping[str, Service]
) -> nx.MultiDiGraph:
    """
    Join the roads of the wider corridor to the road graph, and say how surely each road is open.

    Parameters
    ----------
    graph
        As `realign.network` builds it; it stays as it is.
    approaches
        Roads of the wider corridor; they meet the graph at the names of its nodes.
    services
        What each edge of `graph` gives its users, by its name.

    Returns
    -------
    joined
        A new graph with the attributes that this module says; the days on which its edges open
        and close are kept. Edges of the wider corridor have the kind "approach".

    Raises
    ------
    GeometryError
        If two roads share a name, an edge of the graph has no service, one is given that no edge
        asks for, or an approach begins at a chainage that is no node.
    """
    roads = sorted(approaches, key=lambda road: road.name)
    held = {key for _, _, key in graph.edges(keys=True)}
    for name in sorted(held ^ set(services)):
        wanted = "one for it" if name in held else f"one of {', '.join(sorted(held))}"
        found = f"none for '{name}'" if name in held else f"'{name}'"
        msg = f"services of roads: found {found}, wanted {wanted}"
        raise GeometryError(msg)
    names = [*held, *(road.name for road in roads)]
    for name in sorted(names):
        if names.count(name) > 1:
            msg = f"more than one road is named '{name}'; wanted a name for each"
            raise GeometryError(msg)
    out = graph.copy()
    for a, b, key, edge in out.edges(keys=True, data=True):
        service = services[key]
        back = out.nodes[b].get("chainage", 0.0) < out.nodes[a].get("chainage", 0.0)
        edge["open"] = reliability.chances(f"road '{key}'", service.open_share)
        edge["open_after"] = edge["after"] = None
        edge["trucks"] = True
        edge["time_s"], edge["truck_time_s"] = service.car[back], service.truck[back]
    for road in roads:
        start, end = (_node(out, road, place) for place in (road.start, road.end))
        length = road.length_km * KM
        edge = {
            "kind": "approach",
            "name": road.name,
            "length_m": length,
            "time_s": road.length_km / road.car_kmh * HOUR,
            "truck_time_s": road.length_km / road.truck_kmh * HOUR,
            "trucks": road.carries_trucks,
            "opens": road.opens,
            "closes": road.closes,
            "open": road.open_share(),
            "open_after": None if road.after is None else road.open_share(road.after),
            "after": road.after,
        }
        out.add_edge(start, end, road.name, **edge)
        out.add_edge(end, start, road.name, **edge)
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
        Every node, and a single edge a road with `name`, `time_s`, the mean of both directions, and
        `open`.

    Raises
    ------
    GeometryError
        If a road runs in one direction only.
    """
    out = nx.MultiGraph()
    out.add_nodes_from(sorted(graph))
    key = "truck_time_s" if kind == "truck" else "time_s"
    for a, b, name, edge in roads_of(graph):
        if not missing(edge, day, kind, built):
            time = (edge[key] + graph.edges[b, a, name][key]) / 2
            out.add_edge(a, b, name, name=name, time_s=time, open=shares_of(edge, day))
    return out


def _node(graph: nx.MultiDiGraph, road: Approach, place: str) -> str:
    """Find the node at which a road of the wider corridor begins; a new one for a new place."""
    s = chainage_of(place)
    if s is None:
        if place not in graph:
            graph.add_node(place, kind="place", name=place)
        return place
    for name, held in graph.nodes(data=True):
        if abs(held.get("chainage", float("inf")) - s) < NEAR:
            return str(name)
    msg = f"approach '{road.name}': found the chainage {place}, wanted a node of the road graph"
    raise GeometryError(msg)


def roads_of(graph: nx.MultiDiGraph) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Every road once, with its places in the order of their names, sorted by name."""
    for a, b, name, edge in sorted(graph.edges(keys=True, data=True), key=lambda e: (e[2], e[:2])):
        if not graph.has_edge(b, a, name):
            msg = f"road '{name}': found '{a}' to '{b}' only, wanted both directions"
            raise GeometryError(msg)
        if a < b:
            yield a, b, name, edge


def missing(edge: Mapping[str, Any], day: date, kind: Kind, built: Collection[str] | None) -> str:
    """Why a road does not stand on a day, in words; empty where it does."""
    if edge["kind"] == "link" and built is not None and edge["name"] not in built:
        return NOT_BUILT
    if edge["opens"] is not None and day < edge["opens"]:
        return f"opens on {edge['opens']}"
    if edge["closes"] is not None and day >= edge["closes"]:
        return f"is closed for good since {edge['closes']}"
    return NO_TRUCKS if kind == "truck" and not edge["trucks"] else ""


def shut(edge: Mapping[str, Any], day: date, kind: Kind, built: Collection[str] | None) -> str:
    """Why a road cannot be used on a day, in words; empty where it can."""
    why = missing(edge, day, kind, built)
    if not why and not shares_of(edge, day)[day.month - 1] > 0:
        why = f"is closed in {NAMES[day.month - 1]}"
    return why


def shares_of(edge: Mapping[str, Any], day: date) -> NDArray[np.float64]:
    """Chance by month that a road is open, by the rule of a day."""
    later = edge["after"] is not None and day >= edge["after"]
    return np.asarray(edge["open_after"] if later else edge["open"], np.float64)


def nodes_exist(graph: nx.Graph, *nodes: str) -> None:
    for node in nodes:
        if node not in graph:
            known = ", ".join(sorted(graph))
            msg = f"the roads have no place '{node}'; they have {known}"
            raise GeometryError(msg)
