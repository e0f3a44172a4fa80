"""
The days of a programme as the time slider of the map plays them.

Every lot has the days on which work on it begins and ends and on which it opens; every day on which
something opens or closes has the way that traffic takes from then on, found in the road network of
the option. Money is spent evenly over the months of an activity, as the schedule counts it.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise

import networkx as nx
import numpy as np

from realign import allweather
from realign.chainage import Section
from realign.outputs.map.courses import Data, line
from realign.phasing import Lot, Phase, Schedule, Timed, Work, whole_month
from realign.plan import Plan
from realign.yearround import YearRound

_NO = ""


def days(plan: Plan) -> Data:
    """Give first and last day, stages of the water, and what each option does in between."""
    first = whole_month(plan.study.phasing.start)
    stages = [stage.date for lake in plan.reservoirs for stage in lake.dam.stages]
    opened = [
        each.opens for one in plan.programmes.values() for each in _all(one.schedule) if each.opens
    ]
    last = max([first, *stages, *opened])
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "options": {
            option.name: {
                "lots": _lots(plan, option.name),
                "phases": _phases(plan, option.name),
                "flow": _flow(plan, plan.years[option.name], first, last)
                if option.name in plan.years
                else [],
            }
            for option in plan.options
        },
    }


def _all(dated: Schedule) -> tuple[Phase, ...]:
    return dated.phases + dated.outside


def _phases(plan: Plan, option: str) -> list[Data]:
    own = plan.programmes.get(option)
    if own is None:
        return []
    return [
        {
            "number": phase.number if phase.work.in_programme else 0,
            "name": phase.work.name,
            "cost": phase.cost_pkr,
            "opens": phase.opens.isoformat(),
        }
        for phase in _all(own.schedule)
    ]


def _lots(plan: Plan, option: str) -> list[Data]:
    """Lots of an option: where they are, when they are built and opened, and what they cost."""
    own = plan.programmes.get(option)
    if own is None:
        return []
    dated = own.schedule
    opens = {(o.work, lot.name): o.opens for o in dated.openings for lot in o.lots}
    opens |= {(o.work, o.work): o.opens for o in dated.openings if not o.lots}
    water = {(o.work, lot.name): o.water for o in dated.openings for lot in o.lots}
    out = []
    for number, phase in enumerate(_all(dated)):
        for name, places in _places(plan, option, phase.work):
            key = phase.work.name, name
            done = [t for t in dated.activities if (t.activity.work, t.activity.lot) == key]
            limit = water.get(key, phase.deadline)
            out.append(
                {
                    "name": name,
                    "phase": number,
                    "places": places,
                    "land": _iso(min((t.start for t in done), default=None)),
                    "start": _iso(min((t.start for t in done if _works(t)), default=None)),
                    "finish": _iso(max((t.finish for t in done), default=None)),
                    "opens": _iso(opens.get(key, phase.opens)),
                    "water": _iso(limit),
                    "paid": [_paid(t) for t in done if t.activity.cost],
                }
            )
    return out


def _works(each: Timed) -> bool:
    """Whether something is built, rather than land bought or a track made."""
    return each.activity.kind not in ("land", "access")


def _paid(each: Timed) -> list[object]:
    """First day, first day after it, and rupees of an activity."""
    return [each.start.isoformat(), each.finish.isoformat(), each.activity.cost]


def _places(plan: Plan, option: str, work: Work) -> Iterator[tuple[str, list[list[object]]]]:
    """Give lots of a work with where each lies: on a new road, or "" for the existing one."""
    links = {link.name: link for o in plan.options if o.name == option for link in o.links}
    if not work.lots:
        places: list[list[object]] = [
            [name, 0.0, round(links[name].length, 1)] for name in work.links if name in links
        ]
        if not places:
            places = [[_NO, *_ends(work.section, plan.highway.length)]]
        yield work.name, places
        return
    built: dict[str, float] = {}
    for lot in work.lots:
        yield lot.name, [_place(lot, built, plan.highway.length)]


def _place(lot: Lot, built: dict[str, float], length: float) -> list[object]:
    """Where a lot lies; lots of a new road follow each other along it."""
    if lot.upgraded:
        return [_NO, *_ends(lot.section, length)]
    start = built.get(lot.opens_with, 0.0)
    built[lot.opens_with] = start + lot.length
    return [lot.opens_with, round(start, 1), round(start + lot.length, 1)]


def _ends(section: Section, length: float) -> tuple[float, float]:
    return round(max(section.start, 0.0), 1), round(min(section.end, length), 1)


# ---------------------------------------------------------------- traffic


def _flow(plan: Plan, year: YearRound, first: date, last: date) -> list[Data]:
    """Give the fastest way of a truck from end to end, from each day on which it changes."""
    out: list[Data] = []
    for day in _changes(year.graph, first, last):
        way = fastest(year.graph, year.start, year.end, day)
        found = {"open": way is not None, **_pieces(plan, year.graph, way or ())}
        if not out or {k: v for k, v in out[-1].items() if k != "day"} != found:
            out.append({"day": day.isoformat(), **found})
    return out


def _changes(graph: nx.MultiDiGraph, first: date, last: date) -> list[date]:
    """First day, and the days on which a road opens, closes or is open more or less often."""
    found = {
        edge[key]
        for _, _, edge in graph.edges(data=True)
        for key in ("opens", "closes", "after")
        if edge[key] is not None
    }
    return [first, *sorted(day for day in found if first < day <= last)]


def fastest(graph: nx.MultiDiGraph, start: str, end: str, day: date) -> tuple[str, ...] | None:
    """
    Find the fastest way of a truck by the roads that stand on a day.

    Parameters
    ----------
    graph
        Road network of an option, as `YearRound.graph`.
    start, end
        Nodes.
    day
        The day.

    Returns
    -------
    way
        Names of the roads in their order; None where there is no way.
    """
    state = nx.Graph()
    for a, b, edge in allweather.standing(graph, day, kind="truck").edges(data=True):
        known = state.get_edge_data(a, b)
        if np.max(edge["open"]) > 0 and (known is None or edge["time_s"] < known["time_s"]):
            state.add_edge(a, b, time_s=edge["time_s"], name=edge["name"])
    try:
        path = nx.dijkstra_path(state, start, end, weight="time_s")
    except (nx.NetworkXNoPath, nx.NodeNotFound):
        return None
    return tuple(state.edges[a, b]["name"] for a, b in pairwise(path))


def _pieces(plan: Plan, graph: nx.MultiDiGraph, way: tuple[str, ...]) -> Data:
    """Say where a way runs: pieces of the existing and of new roads, others, and lengths."""
    edges: Mapping[str, Mapping[str, object]] = {
        key: edge for _, _, key, edge in graph.edges(keys=True, data=True)
    }
    links = {link.name: link for option in plan.options for link in option.links}
    beside = {road.name: road.line for road in plan.region.beside}
    pieces: list[list[object]] = []
    lines, others = [], []
    for name in way:
        edge = edges[name]
        link = links.get(str(edge.get("link", name)))
        if edge["kind"] == "existing":
            part = edge["section"]
            assert isinstance(part, Section)  # noqa: S101 - the network says so
            _joined(pieces, _NO, part)
        elif link is not None and edge["kind"] == "link":
            part = edge.get("part", Section(0.0, float(link.station[-1])))
            assert isinstance(part, Section)  # noqa: S101 - the network says so
            _joined(pieces, link.name, part)
        else:
            others.append(name)
            if name in beside:
                lines.append(line(plan, beside[name]))
    return {"pieces": pieces, "lines": lines, "others": others}


def _joined(pieces: list[list[object]], road: str, part: Section) -> None:
    """Add a stretch, joined to the one before where it goes on."""
    if pieces and pieces[-1][0] == road and pieces[-1][2] == round(part.start, 1):
        pieces[-1][2] = round(part.end, 1)
    else:
        pieces.append([road, round(part.start, 1), round(part.end, 1)])


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
