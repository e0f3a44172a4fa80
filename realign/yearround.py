"""
Whether the highway stays open with an option: the year after its last opening, and the way there.

The road graph of an option is put together with the wider corridor and other roads; what is asked
of it is in `allweather`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby

import networkx as nx
import numpy as np
import shapely
from numpy.typing import NDArray

from realign import allweather, network, service
from realign.allweather import (
    Approach,
    Availability,
    Critical,
    Cut,
    Kind,
    Passage,
    Service,
    parts_of,
)
from realign.chainage import Section, clip, parse, subtract, text, total
from realign.drowned import Drowned
from realign.highway import Highway
from realign.network import Link, Proposed
from realign.region import Region, SideRoad
from realign.service import Judged

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """What an option builds, and when."""

    links: tuple[Link, ...]
    """New roads."""
    upgraded: tuple[Section, ...]
    """Existing road that is upgraded, old chainage."""
    opens: Mapping[str, date]
    """First day of traffic of each link, by its name."""
    detours: bool = True
    """Whether detours for the time being that cost money are built too."""
    improved: Mapping[Section, date] = field(default_factory=dict)
    """Day from which on each upgraded stretch is as upgraded; from the beginning where none is
    given."""

    def upgraded_on(self, day: date) -> tuple[Section, ...]:
        """Existing road that is upgraded by a day."""
        return tuple(part for part in self.upgraded if self.improved.get(part, day) <= day)


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A stretch of a road as judged, on the way from end to end."""

    road: Judged
    """The road: the highway as kept or as upgraded, or a link."""
    section: Section
    """Chainage along it [m]."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class YearRound:
    """How surely an option keeps the road open."""

    graph: nx.MultiDiGraph
    """Road network with the wider corridor, as `allweather` wants it."""
    stretches: tuple[Stretch, ...]
    """The highway with what is built, from its start to its end."""
    start: str
    """Node at the start of the highway."""
    end: str
    """Node at its end."""
    day: date
    """Day on which all of it is open and all lakes are full."""
    highway: Availability
    """From one end of the highway to the other, after that day; for trucks."""
    corridor: Availability
    """From one end of the wider corridor to the other."""
    closures: NDArray[np.float64]
    """Closures a year along the highway by kind, shape (5,) [1/year]."""
    truck_time: float
    """Time of a truck by the fastest way along the highway in the best month, mean of both
    directions [s]; infinite where there is none."""
    car_time: float
    """The same of a car [s]."""
    cuts: tuple[Cut, ...]
    """Days without a way for trucks along the highway, from the start of the works to that day."""
    passages: tuple[Passage, ...]
    """Whether a truck gets through the wider corridor on the days that the study asks about."""
    detours: tuple[str, ...]
    """Detours for the time being that are paid for and needed until that day, by name."""

    @property
    def cut(self) -> Cut | None:
        """First of the days without a way; None where there is a way on every day."""
        return self.cuts[0] if self.cuts else None

    @property
    def cut_days(self) -> int:
        """Number of days without a way."""
        return sum((each.until - each.first_day).days for each in self.cuts)


def judged_links(region: Region, links: Sequence[Link]) -> dict[str, Judged]:
    """Judge new roads, by name."""
    return {link.name: service.of_link(link, region.scene) for link in links}


def graph_of(
    given: Drowned, region: Region, built: Built, judged: Mapping[str, Judged]
) -> nx.MultiDiGraph:
    """
    Put the road network of an option together.

    Parameters
    ----------
    given, region
        Existing road, water, hazards, other roads.
    built
        New and upgraded roads with their dates; a link without one never opens.
    judged
        New roads as judged, by name.

    Returns
    -------
    graph
        The highway cut at places, tie-ins, limits of the water, junctions, dams and structures;
        links, other roads and the wider corridor, as `allweather` wants them.
    """
    graph = network.build(
        given.highway,
        given.submergence,
        stage_dates=[[stage.date for stage in lake.dam.stages] for lake in given.reservoirs],
        links=built.links,
        places=given.places,
        opens={link.name: built.opens.get(link.name, date.max) for link in built.links},
        existing_speed_kmh=given.study.existing.speed_kmh,
        cuts=region.cuts,
    )
    new = {link.name: judged[link.name].service(judged[link.name].whole) for link in built.links}
    services = _services(graph, region, new, built.upgraded)
    _add_beside(graph, region, services)
    approaches = _led_on(graph, given, built, judged, services)
    return allweather.joined(graph, approaches, services=services)


def network_of(
    given: Drowned,
    region: Region,
    proposed: Mapping[str, tuple[Proposed, Service]],
    opens: Mapping[str, date],
) -> nx.MultiDiGraph:
    """
    Put everything that stands and everything that may be built together in one road network.

    Parameters
    ----------
    given, region
        Existing road, water, hazards, other roads.
    proposed
        New roads, and what they give their users, by name.
    opens
        First day of traffic of those that are built, by name; of others the road itself tells it.

    Returns
    -------
    graph
        As from `graph_of`, but that approaches to a place on drowned road do not lead on to new
        ones. An edge of a proposed road holds the road itself as `proposed`. Which of them are
        built is for `network.passable` to be told.
    """
    graph = network.build(
        given.highway,
        given.submergence,
        stage_dates=[[stage.date for stage in lake.dam.stages] for lake in given.reservoirs],
        links=[road for road, _ in proposed.values()],
        places=given.places,
        opens={name: opens.get(name, road.opens) for name, (road, _) in proposed.items()},
        existing_speed_kmh=given.study.existing.speed_kmh,
        cuts=region.cuts,
    )
    new = {name: service for name, (_, service) in proposed.items()}
    services = _services(graph, region, new, ())
    _add_beside(graph, region, services)
    existing = given.study.existing
    ends = dict(zip((existing.start_name, existing.end_name), _ends(graph), strict=True))
    approaches = [
        road.model_copy(
            update={key: ends.get(at, at) for key in ("start", "end") if (at := getattr(road, key))}
        )
        for road in given.study.approaches
    ]
    out = allweather.joined(graph, approaches, services=services)
    for _, _, name, edge in out.edges(keys=True, data=True):
        if edge["kind"] == "link":
            edge["proposed"] = proposed[name][0]
    return out


def _services(
    graph: nx.MultiDiGraph,
    region: Region,
    new: Mapping[str, Service],
    upgraded: Sequence[Section],
) -> dict[str, Service]:
    """Say what each edge gives its users: new roads as told, existing road as it will stand."""
    services: dict[str, Service] = {}
    for _, _, name, edge in graph.edges(keys=True, data=True):
        if edge["kind"] == "link":
            services[name] = new[name]
        elif name not in services:
            part: Section = edge["section"]
            improved = total(clip(upgraded, part)) > part.length / 2
            services[name] = (region.upgraded if improved else region.kept).service(part)
    return services


def yearround(
    given: Drowned, region: Region, built: Built, judged: Mapping[str, Judged]
) -> YearRound:
    """
    Say how surely an option keeps the road open, when it is complete and until then.

    Parameters
    ----------
    given, region, built, judged
        As for `graph_of`.
    """
    study = given.study
    graph = graph_of(given, region, built, judged)
    stages = [stage.date for lake in given.reservoirs for stage in lake.dam.stages]
    opens = [built.opens[link.name] for link in built.links if link.name in built.opens]
    gone = [road.closes for road in study.approaches if road.closes is not None]
    later = [*opens, *built.improved.values(), *gone]
    day = max([*stages, *later, study.phasing.start]) + DAY
    start, end = _ends(graph)
    far = far_ends(given, start, end)
    state = allweather.standing(graph, day)
    cuts = _cuts(graph, (start, end), (study.phasing.start, day))
    stretches = tuple(_stretches(given, region, built, judged))
    return YearRound(
        graph=graph,
        stretches=stretches,
        start=start,
        end=end,
        day=day,
        highway=allweather.availability(state, start, end),
        corridor=allweather.availability(state, *far),
        closures=np.sum([each.road.closures_a_year(each.section) for each in stretches], axis=0),
        truck_time=_fastest(graph, start, end, day, "truck"),
        car_time=_fastest(graph, start, end, day, "car"),
        cuts=tuple(replace(cut, closed=_in_a_row(given.highway.name, cut.closed)) for cut in cuts),
        passages=tuple(
            _passage(given, region, built, judged, asked) for asked in study.all_weather.asked
        ),
        detours=_needed(given, graph, (start, end), (study.phasing.start, day)),
    )


def _passage(
    given: Drowned, region: Region, built: Built, judged: Mapping[str, Judged], day: date
) -> Passage:
    """Say whether a truck gets through the wider corridor on a day, as roads are by then."""
    by_then = replace(built, upgraded=built.upgraded_on(day))
    graph = graph_of(given, region, by_then, judged)
    far = far_ends(given, *_ends(graph))
    return _condensed(graph, given.highway.name, allweather.can_pass(graph, *far, day))


def _cuts(graph: nx.MultiDiGraph, ends: tuple[str, str], days: tuple[date, date]) -> list[Cut]:
    """List all days of a period without a way for trucks."""
    out: list[Cut] = []
    first, last = days
    while first <= last:
        cut = allweather.first_cut(graph, *ends, first, last)
        if cut is None:
            break
        out.append(cut)
        first = cut.until
    return out


def _needed(
    given: Drowned, graph: nx.MultiDiGraph, ends: tuple[str, str], days: tuple[date, date]
) -> tuple[str, ...]:
    """
    Find the detours that are paid for and without which the road is cut on more days.

    The dearest is left out first.
    """
    paid = sorted(
        (road for road in given.study.approaches if road.cost_usd > 0 and _held(graph, road.name)),
        key=lambda road: (-road.cost_usd, road.name),
    )

    def cut(of: nx.MultiDiGraph) -> int:
        return sum((each.until - each.first_day).days for each in _cuts(of, ends, days))

    less, needed = graph.copy(), []
    least = cut(less) if paid else 0
    for name in (road.name for road in paid):
        # a road that leads on to a new one is another edge of the same work
        own = [e for e in less.edges(keys=True) if e[2] in (name, _onward(name))]
        held = [(*e, dict(less.edges[e])) for e in own]
        less.remove_edges_from(own)
        if cut(less) > least:
            less.add_edges_from(held)
            needed.append(name)
    return tuple(sorted(needed))


def _held(graph: nx.MultiDiGraph, name: str) -> bool:
    """Whether a graph has an approach."""
    return any(key in (name, _onward(name)) for _, _, key in graph.edges(keys=True))


def _onward(name: str) -> str:
    """Name an approach that leads on to a new road."""
    return f"{name}, to the new road"


def far_ends(given: Drowned, start: str, end: str) -> tuple[str, str]:
    """Nodes at the ends of the wider corridor, from those of the highway."""
    existing, weather = given.study.existing, given.study.all_weather
    own = {"": start, existing.start_name: start}, {"": end, existing.end_name: end}
    return own[0].get(weather.start, weather.start), own[1].get(weather.end, weather.end)


def critical(given: Drowned, year: YearRound, *, kind: Kind = "truck") -> tuple[Critical, ...]:
    """
    Say what happens when one stretch of road is closed, for traffic through the wider corridor.

    Roads in series between places, junctions and tie-ins at which something else begins are one
    stretch, named by its ends.
    """
    far = far_ends(given, year.start, year.end)
    state = merged(allweather.standing(year.graph, year.day, kind=kind), year.graph, {*far})
    found = allweather.criticality(state, *far, given.study.traffic)
    return tuple(each for each in found if each.importance.any() or each.extra_closed_days > 0)


def merged(
    state: nx.MultiGraph, graph: nx.MultiDiGraph, keep: set[str] | None = None
) -> nx.MultiGraph:
    """
    Put roads in series together where nothing else begins, except at places.

    Parameters
    ----------
    state
        Roads of a day, from `allweather.standing`.
    graph
        The graph they come from, for the kinds of its nodes.
    keep
        Nodes that stay besides places and ends.

    Returns
    -------
    merged
        Roads with `name`, `time_s` and `open`; chances multiply, times add.
    """
    out = state.copy()
    stay = {n for n, kind in graph.nodes(data="kind") if kind in {"place", "end"}} | (keep or set())
    for node in sorted(set(out) - stay):
        if out.degree(node) != 2:
            continue
        (a, first), (b, second) = ((other, edge) for _, other, edge in out.edges(node, data=True))
        if node in {a, b} or a == b:
            continue
        name = _named(graph, a, b, (first, second))
        out.remove_node(node)
        held = {
            "name": name,
            "time_s": first["time_s"] + second["time_s"],
            "open": np.asarray(first["open"]) * np.asarray(second["open"]),
            "parts": (
                *first.get("parts", (first["name"],)),
                *second.get("parts", (second["name"],)),
            ),
        }
        out.add_edge(a, b, name, **held)
    return out


def course(
    highway: Highway,
    links: Sequence[Link],
    beside: Sequence[SideRoad],
    graph: nx.MultiDiGraph,
    names: Sequence[str],
) -> list[shapely.LineString]:
    """
    Give the course of roads of the graph of an option.

    Parameters
    ----------
    highway, links, beside
        What the roads lie on.
    graph
        From `graph_of`.
    names
        Roads of the graph, such as `Critical.parts`.

    Returns
    -------
    course
        Lines in plan, in the order of the names; none for a road of which only the length is known.
    """
    edges = {key: edge for _, _, key, edge in graph.edges(keys=True, data=True)}
    new = {link.name: link for link in links}
    other = {road.name: road.line for road in beside}
    out = []
    for name in names:
        edge = edges[name]
        if edge["kind"] == "existing":
            out.append(shapely.LineString(highway.piece(edge["section"])))
        elif edge.get("link", name) in new:
            link = new[edge.get("link", name)]
            part = edge.get("part", Section(float(link.station[0]), float(link.station[-1])))
            inside = link.station[(link.station > part.start) & (link.station < part.end)]
            s = np.concatenate(([part.start], inside, [part.end]))
            xy = (np.interp(s, link.station, link.x), np.interp(s, link.station, link.y))
            out.append(shapely.LineString(np.column_stack(xy)))
        elif name in other:
            out.append(other[name])
    return out


def _named(graph: nx.MultiDiGraph, a: str, b: str, parts: Sequence[Mapping[str, object]]) -> str:
    """Name roads in series by the ends that they join."""
    first, last = sorted((a, b), key=lambda n: (graph.nodes[n].get("chainage", np.inf), n))
    of = {
        key: edge.get("link", key)
        for _, _, key, edge in graph.edges(keys=True, data=True)
        if edge["kind"] == "link"
    }
    links = {of[name] for part in parts for name in parts_of(part) if name in of}
    return f"{first} to {last}" + (f" by {', '.join(sorted(links))}" if links else "")


def _stretches(
    given: Drowned, region: Region, built: Built, judged: Mapping[str, Judged]
) -> Iterator[Stretch]:
    """Put the highway together with what is built, in order of old chainage."""
    whole = Section(0.0, given.highway.length)
    standing = subtract([whole], [link.section for link in built.links])
    better = [part for each in standing for part in clip(built.upgraded, each)]
    parts = [(part.start, Stretch(region.upgraded, part)) for part in better]
    parts += [(part.start, Stretch(region.kept, part)) for part in subtract(standing, better)]
    parts += [
        (link.section.start, Stretch(judged[link.name], judged[link.name].whole))
        for link in built.links
    ]
    yield from (stretch for _, stretch in sorted(parts, key=lambda each: each[0]))


def _led_on(
    graph: nx.MultiDiGraph,
    given: Drowned,
    built: Built,
    judged: Mapping[str, Judged],
    services: dict[str, Service],
) -> list[Approach]:
    """
    Lead approaches to where the highway can be reached.

    Those to the ends of the study's road begin at the ends of its line. One to a place that a
    link replaces leads on to the nearest point of the link from the day on which that opens.
    """
    existing = given.study.existing
    ends = dict(zip((existing.start_name, existing.end_name), _ends(graph), strict=True))
    out = []
    for road in given.study.approaches:
        if road.cost_usd > 0 and not built.detours:
            continue
        own = {key: ends.get(getattr(road, key), getattr(road, key)) for key in ("start", "end")}
        whole = road.model_copy(update=own)
        link = next(
            (
                (key, each)
                for key in ("start", "end")
                for each in built.links
                if _replaces(each, given.places.get(own[key]))
            ),
            None,
        )
        if link is None:
            out.append(whole)
            continue
        key, new = link
        opens = built.opens.get(new.name, date.max)
        node, off = _junction(graph, given, new, own[key], judged[new.name], services)
        closes = min(day for day in (opens, whole.closes) if day is not None)
        out.append(whole.model_copy(update={"closes": closes}))
        later = {
            "name": _onward(road.name),
            key: node,
            "opens": max(day for day in (opens, whole.opens) if day is not None),
            "length_km": road.length_km + off / 1000,
        }
        out.append(whole.model_copy(update=later))
    return out


def _replaces(link: Link, s: float | None) -> bool:
    """Whether a place of the highway lies on road that a link replaces."""
    return s is not None and link.section.start < s < link.section.end


def _junction(
    graph: nx.MultiDiGraph,
    given: Drowned,
    link: Link,
    place: str,
    road: Judged,
    services: dict[str, Service],
) -> tuple[str, float]:
    """Cut a link where it comes nearest to a place; the node there, and how far it is [m]."""
    x, y = given.highway.at(given.places[place])[0]
    away = np.hypot(link.x - x, link.y - y)
    i = int(np.argmin(away[1:-1])) + 1
    node = f"{place}, new road"
    s = float(link.station[i])
    share = s / link.length
    old = link.section.start + share * link.section.length
    graph.add_node(
        node, kind="junction", name=node, x=float(link.x[i]), y=float(link.y[i]), chainage=old
    )
    edges = [
        (a, b, key, edge)
        for a, b, key, edge in graph.edges(keys=True, data=True)
        if edge.get("link", key) == link.name and _holds(graph, a, b, old)
    ]
    for a, b, key, edge in edges:
        graph.remove_edge(a, b, key)
        services.pop(key, None)
        first, last = edge.get("part", road.whole).start, edge.get("part", road.whole).end
        ahead = graph.nodes[a]["chainage"] < graph.nodes[b]["chainage"]
        halves = (Section(first, s), Section(s, last))
        for half, (c, d) in zip(
            halves if ahead else halves[::-1], ((a, node), (node, b)), strict=True
        ):
            name = f"{link.name} {half}"
            held = {**edge, "name": name, "length_m": half.length, "link": link.name, "part": half}
            graph.add_edge(c, d, name, **held)
            services[name] = road.service(half)
    return node, float(away[i])


def _holds(graph: nx.MultiDiGraph, a: str, b: str, s: float) -> bool:
    """Whether a chainage lies between two nodes."""
    ends = sorted((graph.nodes[a]["chainage"], graph.nodes[b]["chainage"]))
    return bool(ends[0] < s < ends[1])


def _add_beside(graph: nx.MultiDiGraph, region: Region, services: dict[str, Service]) -> None:
    """Add other roads by which traffic may leave the highway and come back."""
    at = {text(held["chainage"]): name for name, held in graph.nodes(data=True)}
    near = sorted((held["chainage"], name) for name, held in graph.nodes(data=True))
    for road in region.beside:
        ends = []
        for place in (road.start, road.end):
            s = allweather.chainage_of(place)
            if s is None:
                graph.add_node(place, kind="junction", name=place)
                ends.append(place)
            else:
                ends.append(at.get(place) or min(near, key=lambda n: (abs(n[0] - s), n))[1])
        if ends[0] == ends[1]:
            continue
        edge = {
            "kind": "road",
            "name": road.name,
            "length_m": float(road.line.length),
            "time_s": road.service.car[0],
            "opens": None,
            "closes": road.closes,
        }
        graph.add_edge(*ends, road.name, **edge)
        graph.add_edge(*ends[::-1], road.name, **edge)
        services[road.name] = road.service


def _ends(graph: nx.MultiDiGraph) -> tuple[str, str]:
    """First and last node of the highway."""
    order = sorted(
        (held["chainage"], name) for name, held in graph.nodes(data=True) if "chainage" in held
    )
    return order[0][1], order[-1][1]


def _condensed(graph: nx.MultiDiGraph, name: str, passage: Passage) -> Passage:
    """Name existing road in a row on a way as one, and parts of a link as the link."""
    held = {key: edge for _, _, key, edge in graph.edges(keys=True, data=True)}
    way: list[str] = []
    for kind, group in groupby(passage.way, key=lambda n: (held[n]["kind"], held[n].get("link"))):
        names = list(group)
        if kind[0] == "existing":
            ends = [s for n in names for s in (held[n]["section"].start, held[n]["section"].end)]
            way.append(f"{name} {Section(min(ends), max(ends))}")
        else:
            way += [kind[1]] if kind[1] else names
    return replace(passage, way=tuple(way), closed=_in_a_row(name, passage.closed))


def _in_a_row(name: str, closed: Sequence[str]) -> tuple[str, ...]:
    """
    Put sections of the highway that are closed for one reason and follow each other together.

    Examples
    --------
    >>> _in_a_row("N-1", ("N-1 1+000 to 2+000 is wet", "N-1 2+000 to 3+500 is wet", "x is shut"))
    ('N-1 1+000 to 3+500 is wet', 'x is shut')
    """
    section = re.compile(rf"{re.escape(name)} (\d+\+\d{{3}}) to (\d+\+\d{{3}}) (.*)")
    found = [(each, section.fullmatch(each)) for each in closed]
    runs: list[tuple[float, float, str]] = []
    for a, b, why in sorted((parse(m[1]), parse(m[2]), m[3]) for _, m in found if m):
        if runs and runs[-1][2] == why and a <= runs[-1][1] + network.JOIN:
            runs[-1] = runs[-1][0], b, why
        else:
            runs.append((a, b, why))
    own = [f"{name} {Section(a, b)} {why}" for a, b, why in runs]
    return (*own, *(each for each, match in found if not match))


def _fastest(graph: nx.MultiDiGraph, start: str, end: str, day: date, kind: Kind) -> float:
    """Least time from end to end when every road that stands is open [s], or infinite."""
    state = nx.Graph()
    for a, b, edge in allweather.standing(graph, day, kind=kind).edges(data=True):
        if np.max(edge["open"]) > 0:
            known = state.get_edge_data(a, b, {"time_s": np.inf})["time_s"]
            state.add_edge(a, b, time_s=min(known, edge["time_s"]))
    try:
        return float(nx.dijkstra_path_length(state, start, end, weight="time_s"))
    except (nx.NetworkXNoPath, nx.NodeNotFound):
        return float("inf")
