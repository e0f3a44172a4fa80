"""Slow and obvious versions of what the program does fast; the tests compare the two."""

import itertools
import math
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

import networkx as nx
import numpy as np
from affine import Affine
from numpy import float64
from numpy.typing import NDArray
from pyproj import CRS
from shapely import Polygon

from realign.chainage import Section
from realign.corridor.ground import Ground
from realign.corridor.price import NONE, Table
from realign.corridor.search import Ends, entry
from realign.geometry.horizontal import Element
from realign.geometry.vertical import Grades
from realign.hazard import MONTH_DAYS
from realign.options import Leg
from realign.phasing import Kind, Pace
from realign.phasing.model import Problem
from realign.terrain import Terrain


def finish_by_months(kind: Kind, effort: float, pace: Pace, first: int, start: int) -> int:
    """Work month by month until an effort is done; `first` is the month of the year of month 0."""
    done, month = 0.0, start
    while done < effort - 1e-9 or month == start:
        done += pace.pace(kind, (first - 1 + month) % 12 + 1)
        month += 1
    return month


class Programmes(NamedTuple):
    """All programmes in which each activity follows those it has to, by the last month."""

    starts: NDArray[np.int64]
    """Shape (programmes, activities)."""
    cost: NDArray[float64]
    """Present value [PKR]."""
    late: NDArray[np.int64]
    """Months by which openings are late, together."""
    short: NDArray[np.int64]
    """Money that years lack, together [PKR]."""
    lacking: NDArray[np.int64]
    """Crews that are lacking in the worst month, all kinds together."""

    @property
    def keeps(self) -> NDArray[np.bool_]:
        """Which of them keep all limits."""
        return (self.late == 0) & (self.short == 0) & (self.lacking == 0)


def every_programme(of: Problem) -> Programmes:
    """Try all months for all activities; costs are whole rupees a month however long they take."""
    first, pace, last = of.begin.month, of.pace, of.horizon
    index = {each.name: i for i, each in enumerate(of.activities)}
    ends = np.array(
        [
            [finish_by_months(a.kind, a.effort, pace, first, m) for m in range(last)]
            for a in of.activities
        ]
    )
    starts = np.array(list(itertools.product(range(last), repeat=len(of.activities))))
    ended = np.column_stack([ends[i][starts[:, i]] for i in range(len(of.activities))])
    fits = (ended <= last).all(axis=1)
    for i, each in enumerate(of.activities):
        fits &= starts[:, i] >= of.not_before.get(each.work, 0)
        for name in each.follows:
            fits &= starts[:, i] >= ended[:, index[name]]
    starts, ended = starts[fits], ended[fits]
    months = np.arange(last)
    busy = (months >= starts[:, :, None]) & (months < ended[:, :, None])
    monthly = np.array([each.cost for each in of.activities]) // np.maximum(ended - starts, 1)
    paid = (busy * monthly[:, :, None]).sum(axis=1)
    worth = (1 + pace.discount_pct / 100) ** -((months + 0.5) / 12)
    lost = np.array([each.delays for each in of.activities]) * 365.25 / 12
    cost = (paid + (busy * lost[:, None]).sum(axis=1)) @ worth
    late = np.zeros(len(starts), np.int64)
    for opening in of.openings:
        opens = ended[:, [index[name] for name in opening.follows]].max(axis=1)
        saved = opening.saves * 365.25 / 12 * worth
        cost = cost - ((months >= opens[:, None]) * saved).sum(axis=1)
        if opening.by is not None:
            by = 12 * (opening.by.year - of.begin.year) + opening.by.month - first
            late += np.maximum(opens - by, 0)
    years = of.begin.year + (first - 1 + months) // 12
    short = np.zeros(len(starts), np.int64)
    for year in np.unique(years).tolist():
        count = int((years == year).sum())
        lacks = paid[:, years == year].sum(axis=1) - int(pace.budget(year)) * count // 12
        short += np.maximum(-(-12 * lacks // count), 0)  # of the money of the whole year
    lacking = np.zeros(len(starts), np.int64)
    for kind in ("earthworks", "bridges", "tunnel", "pavement", "upgrade"):
        own = np.array([each.crews * (each.kind == kind) for each in of.activities])
        needed = (busy * own[:, None]).sum(axis=1).max(axis=1, initial=0)
        lacking += np.maximum(needed - getattr(pace.crews, kind), 0)
    return Programmes(starts, cost, late, short, lacking)


def days_without_road(spans: list[tuple[date, date]]) -> int:
    """Count the days from the first to before the second of any span, one by one."""
    days: set[date] = set()
    for first, end in spans:
        days.update(first + timedelta(days=n) for n in range((end - first).days))
    return len(days)


def traffic_passes(
    edges: list[tuple[str, str, str, date | None, date | None, int]],
    day: date,
    start: str,
    end: str,
    built: set[str],
) -> bool:
    """Search breadth first over edges (from, to, link or "", opens, closes, time), both ways."""
    reached, queue = {start}, [start]
    while queue:
        here = queue.pop(0)
        for a, b, link, opens, closes, _ in edges:
            if link and link not in built:
                continue
            if (opens is not None and day < opens) or (closes is not None and day >= closes):
                continue
            for one, other in ((a, b), (b, a)):
                if one == here and other not in reached:
                    reached.add(other)
                    queue.append(other)
    return end in reached


def metres_covered(sections: Iterable[Section]) -> set[int]:
    """Whole metres that sections with whole limits cover, each by the number of its start."""
    return {metre for section in sections for metre in range(int(section.start), int(section.end))}


def fastest(
    edges: list[tuple[str, str, str, date | None, date | None, int]],
    day: date,
    start: str,
    end: str,
    built: set[str],
) -> float:
    """Shorten the time to each node edge by edge until nothing changes, as Bellman and Ford do."""
    times = {start: 0.0}
    changed = True
    while changed:
        changed = False
        for a, b, link, opens, closes, time in edges:
            if link and link not in built:
                continue
            if (opens is not None and day < opens) or (closes is not None and day >= closes):
                continue
            for one, other in ((a, b), (b, a)):
                if one in times and times[one] + time < times.get(other, float("inf")):
                    times[other] = times[one] + time
                    changed = True
    return times[end]


def flooded(
    ground: list[list[float]], blocked: list[list[bool]], start: tuple[int, int], level: float
) -> set[tuple[int, int]]:
    """Cells under water at a level: breadth first over side neighbours not above the level."""
    rows, cols = len(ground), len(ground[0])
    if not ground[start[0]][start[1]] <= level:
        return set()
    wet, queue = {start}, [start]
    while queue:
        row, col = queue.pop(0)
        for r, c in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            inside = 0 <= r < rows and 0 <= c < cols
            if inside and (r, c) not in wet and not blocked[r][c] and ground[r][c] <= level:
                wet.add((r, c))
                queue.append((r, c))
    return wet


def longest_way(water: list[list[bool]], start: tuple[int, int]) -> float:
    """Longest of all shortest ways over water [cells], by relaxing every move until none helps."""
    wet = {(r, c) for r, line in enumerate(water) for c, cell in enumerate(line) if cell}
    moves = {}  # move -> cells it passes between, which have to be water too
    for a in (-1, 1):
        moves |= {(a, 0): (), (0, a): ()}
        for b in (-1, 1):
            moves |= {
                (a, b): (),
                (2 * a, b): ((a, 0), (a, b)),
                (a, 2 * b): ((0, b), (a, b)),
            }
    away = {start: 0.0}
    better = True
    while better:
        better = False
        for (r, c), length in list(away.items()):
            for (down, right), between in moves.items():
                cell = (r + down, c + right)
                if cell in wet and all((r + i, c + j) in wet for i, j in between):
                    further = length + (down**2 + right**2) ** 0.5
                    if further < away.get(cell, float("inf")):
                        away[cell] = further
                        better = True
    return max(away.values())


def nearest_on_line(xy: NDArray[float64], point: tuple[float, float]) -> float:
    """Distance from a point to a line of vertices (n, 2), piece by piece."""
    best = math.inf
    for (ax, ay), (bx, by) in pairwise(xy.tolist()):
        dx, dy = bx - ax, by - ay
        share = ((point[0] - ax) * dx + (point[1] - ay) * dy) / (dx * dx + dy * dy)
        share = min(max(share, 0.0), 1.0)
        best = min(best, math.hypot(ax + share * dx - point[0], ay + share * dy - point[1]))
    return best


def freeboard_lacks(road: float, reach: float, lake: float, freeboard: float) -> bool:
    """Whether a lake at a level takes a station, water coming to it at the level `reach` [m]."""
    return road < lake + freeboard and reach <= lake + freeboard


def cross_section(
    height: float,
    slope: float,
    *,
    half: float,
    cut_face: float,
    fill_face: float,
    toe: bool = False,
) -> tuple[float, float]:
    """
    Areas of cut and fill between road and ground, as polygons clipped by each other.

    Beside the platform goes a face, up where the edge is under the ground and down
    where it stands above; it ends where it meets the ground. Without `toe` the
    drop below the downhill edge is left open.
    """
    far = 5e3

    def between(x: tuple[float, float], road: tuple[float, float]) -> tuple[float, float]:
        ground = [slope * each for each in x]
        deep = min(*ground, *road) - 1.0
        foot = [(x[1], deep), (x[0], deep)]
        below_ground = Polygon([(x[0], ground[0]), (x[1], ground[1]), *foot])
        below_road = Polygon([(x[0], road[0]), (x[1], road[1]), *foot])
        cut, fill = below_ground.difference(below_road), below_road.difference(below_ground)
        return float(cut.area), float(fill.area)

    cut, fill = between((-half, half), (height, height))
    for side in (-1, 1):
        edge = side * half
        in_cut = slope * edge > height
        far_end = height + (cut_face if in_cut else -fill_face) * far
        x, road = (edge, edge + side * far), (height, far_end)
        if side < 0:
            x, road = x[::-1], road[::-1]
        more = between(x, road)
        if in_cut:
            cut += more[0]
        elif side > 0 or toe:
            fill += more[1]
    return cut, fill


def lattice(ground: Ground, table: Table) -> nx.DiGraph:
    """All moves between states (cell, level number), each with its price and its number."""
    graph = nx.DiGraph()
    levels = [
        range(low, low + int(ground.start[cell + 1] - ground.start[cell]))
        for cell, low in enumerate(ground.lowest.tolist())
    ]
    for cell, neighbours in enumerate(ground.neighbour.tolist()):
        for move, other in enumerate(neighbours):
            if other < 0:
                continue
            for first in levels[cell]:
                for climbed in range(-table.climb, table.climb + 1):
                    price = entry(ground, table, cell, move, first, first + climbed)
                    if price < NONE:
                        there = (other, first + climbed)
                        graph.add_edge(
                            (cell, first), there, price=price, move=move, climbed=climbed
                        )
    return graph


def cheapest_to_end(
    graph: nx.DiGraph, ends: Iterable[tuple[tuple[int, int], int]]
) -> dict[tuple[int, int], int]:
    """Price from every (cell, level) to the cheapest end, headings left aside."""
    graph = graph.reverse()
    for there, price in ends:
        known = graph.get_edge_data("end", there, {"price": math.inf})
        graph.add_edge("end", there, price=min(price, known["price"]))
    prices = nx.single_source_dijkstra_path_length(graph, "end", weight="price")
    return {state: price for state, price in prices.items() if state != "end"}


class TieIn(NamedTuple):
    """A state in which a road may begin or end."""

    at: tuple[int, int]
    """Cell and level number."""
    heading: int
    """Heading of the old road, of 16."""
    grade: float
    """Grade of the old road [fraction]."""
    price: int
    """Price outside of it [units]."""


def tie_ins(ends: Ends, units: list[int]) -> list[TieIn]:
    """Take ends one by one."""
    return [
        TieIn((int(cell), int(level)), int(heading), float(grade), price)
        for cell, level, heading, grade, price in zip(
            ends.cell, ends.level, ends.heading, ends.grade, units, strict=True
        )
    ]


def roads(  # noqa: C901 - moves, starts and ends one after the other
    graph: nx.DiGraph,
    starts: list[TieIn],
    ends: list[TieIn],
    *,
    turn: int,
    sharp: int,
    extra: int,
    rise: list[float],
    bend: list[float],
) -> nx.DiGraph:
    """
    All roads from "start" to "end" over nodes (state, heading of arrival).

    A road turns by `turn` of 16 steps at each joint, or up to `sharp` for a price
    besides, and joins the old road within one step of its heading and a change of
    grade within `bend`.
    """

    def off(one: int, other: int) -> int:
        return min((one - other) % 16, (other - one) % 16)

    def joins(tie: TieIn, move: int, climbed: int) -> bool:
        kink = abs(climbed * rise[move] - tie.grade)
        return off(tie.heading, move) <= min(turn, 1) and kink <= bend[move]

    out = nx.DiGraph()
    out.add_nodes_from(["start", "end"])

    def cheaper(one: object, other: object, price: int) -> None:
        known = out.get_edge_data(one, other, {"price": math.inf})
        out.add_edge(one, other, price=min(price, known["price"]))

    for here, there, data in graph.edges(data=True):
        move, climbed, price = data["move"], data["climbed"], data["price"]
        leaving = (here, move, "leaving")
        out.add_edge(leaving, (there, move), price=price)
        for heading in range(-sharp, sharp + 1):
            price_of_bend = extra if abs(heading) > turn else 0
            out.add_edge((here, (move + heading) % 16), leaving, price=price_of_bend)
        begun = (there, move, "begun", climbed)
        for tie in starts:
            if tie.at == here and joins(tie, move, climbed):
                cheaper("start", begun, tie.price + price)
                out.add_edge(begun, (there, move), price=0)
        for tie in ends:
            if tie.at == there and joins(tie, move, climbed):
                cheaper(leaving, "end", price + tie.price)
                if out.has_edge("start", begun):
                    cheaper(begun, "end", tie.price)
    return out


def cheapest_road(roads: nx.DiGraph) -> float:
    """Price of the cheapest of all roads."""
    try:
        return float(nx.dijkstra_path_length(roads, "start", "end", weight="price"))
    except nx.NetworkXNoPath:
        return math.inf


def labels(roads: nx.DiGraph) -> dict[tuple[tuple[int, int], int], tuple[int, int]]:
    """Price from the start to every (state, heading) and on to the end, where there is a road."""
    spent = nx.single_source_dijkstra_path_length(roads, "start", weight="price")
    left = nx.single_source_dijkstra_path_length(roads.reverse(copy=False), "end", weight="price")
    inner = {"start", "end"}
    return {
        node: (spent[node], left[node])
        for node in spent.keys() & left.keys() - inner
        if len(node) == 2
    }


def cheapest_mixture(
    metre: NDArray[float64],
    first: int,
    last: int,
    ends: NDArray[float64],
    short: NDArray[float64],
) -> float:
    """Price of the cheapest of all forms of the samples of a move between two given forms."""
    best = math.inf
    for forms in itertools.product(range(3), repeat=len(metre)):
        price = sum(float(metre[i, form]) for i, form in enumerate(forms))
        chain = (first, *forms, last)
        price += sum(float(ends[a, b]) for a, b in pairwise(chain))
        for before, form, after in zip(chain, chain[1:], chain[2:], strict=False):
            if before != form != after:
                price += float(short[form])
        best = min(best, price)
    return best


def cheapest_forms(
    price: list[list[float]], ends: list[list[float]], least: list[int]
) -> tuple[float, list[int]]:
    """Price of the cheapest sequence of forms of all there are, open before and after, and it."""
    best, forms = math.inf, [0] * len(price)
    for sequence in itertools.product(range(3), repeat=len(price)):
        runs = [(form, len(list(run))) for form, run in itertools.groupby(sequence)]
        if any(form and length < least[form] for form, length in runs):
            continue
        total = sum(row[form] for row, form in zip(price, sequence, strict=True))
        total += sum(ends[a][b] for a, b in pairwise([0, *sequence, 0]))
        if total < best:
            best, forms = total, list(sequence)
    return best, forms


def end_of(element: Element) -> tuple[float, float]:
    """End of an element, by many small chords in the bearing of their middles."""
    steps = 20_000
    h = element.length / steps
    x, y = element.start.x, element.start.y
    for i in range(steps):
        s = (i + 0.5) * h
        turned = element.k0 * s + (element.k1 - element.k0) * s * s / (2 * element.length)
        x += h * math.cos(element.start.bearing + turned)
        y += h * math.sin(element.start.bearing + turned)
    return x, y


def joints(chain: Iterable[Element]) -> tuple[float, float, float]:
    """Greatest gap [m], kink [rad] and jump of curvature [1/m] between neighbouring elements."""
    gap = kink = jump = 0.0
    for this, after in pairwise(chain):
        end = this.end
        gap = max(gap, math.hypot(after.start.x - end.x, after.start.y - end.y))
        kink = max(kink, abs(math.remainder(after.start.bearing - end.bearing, math.tau)))
        jump = max(jump, abs(after.k0 - this.k1))
    return gap, kink, jump


def surface(
    level: Callable[[NDArray[float64], NDArray[float64]], NDArray[float64]],
    *,
    half: float,
    cell: float = 30.0,
) -> Terrain:
    """Ground of a formula, on a square about the origin."""
    n = int(2 * half / cell)
    at = (np.arange(n) + 0.5) * cell - half
    z = level(at[None, :], at[::-1, None]) + np.zeros((n, n))
    transform = Affine(cell, 0.0, -half, 0.0, -cell, half)
    return Terrain(z.astype(np.float32), transform, CRS.from_epsg(32643), "EGM2008", 4.0)


def cheapest_grade_line(
    pvi: list[float],
    choices: list[list[float]],
    curve: float,
    allowed: Callable[[Grades], bool],
    price: Callable[[Grades], float],
) -> float:
    """Least price of all grade lines with these levels at their PVIs that are allowed."""
    best = math.inf
    curves = np.array([0.0, *[curve] * (len(pvi) - 2), 0.0])
    for levels in itertools.product(*choices):
        line = Grades(np.array(pvi), np.array(levels), curves)
        if allowed(line):
            best = min(best, price(line))
    return best


def unbeaten(scores: list[list[float]]) -> list[bool]:
    """Rows that no other row dominates, each compared with each."""

    def beats(one: list[float], other: list[float]) -> bool:
        pairs = list(zip(one, other, strict=True))
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    return [not any(beats(other, row) for other in scores) for row in scores]


def all_ways(legs: Iterable[Leg], start: str, end: str) -> dict[tuple[str, ...], list[float]]:
    """
    Every way through a network, one by one, by the names of its legs.

    With each way go its amounts, its peaks and its closed days a year.
    """
    by_name = {leg.name: leg for leg in legs}
    graph = nx.MultiDiGraph()
    graph.add_edges_from((leg.start, leg.end, leg.name) for leg in by_name.values())
    if start not in graph or end not in graph:
        return {}
    ways = {}
    for path in nx.all_simple_edge_paths(graph, start, end):
        way = [by_name[key] for _, _, key in path]
        amounts = [sum(values) for values in zip(*(leg.amounts for leg in way), strict=True)]
        peaks = [max(values) for values in zip(*(leg.peaks for leg in way), strict=True)]
        closed = 0.0
        for month, days in enumerate(MONTH_DAYS):
            chance = 1.0
            for leg in way:
                chance *= math.exp(-leg.rates[month])
            closed += days * (1 - chance)
        ways[tuple(leg.name for leg in way)] = [*amounts, *peaks, closed]
    return ways


def cheapest_ways(
    legs: Iterable[Leg], start: str, end: str, price: Callable[[Leg], float], number: int
) -> list[float]:
    """Prices of the cheapest ways, by Yen's method; each leg is a node, so that none is hidden."""
    graph = nx.DiGraph()
    for leg in legs:
        graph.add_edge(("node", leg.start), ("leg", leg.name), price=price(leg))
        graph.add_edge(("leg", leg.name), ("node", leg.end), price=0.0)
    ways = nx.shortest_simple_paths(graph, ("node", start), ("node", end), weight="price")
    return [nx.path_weight(graph, way, "price") for way in itertools.islice(ways, number)]


def ended_by_hand(start: float, work: float, rates: list[float]) -> float:
    """Go on month by month, at the rate of each month of a year, until work is done."""
    at, left = start, work
    while left > 0:
        month = math.floor(at)
        rate = rates[month % 12]
        span = month + 1 - at
        if rate * span >= left:
            return at + left / rate
        left -= rate * span
        at = float(month + 1)
    return at


def dated_by_hand(
    jobs: list[tuple[float, str, int, float, list[int]]],
    crews: dict[str, int],
    rates: dict[str, list[float]],
) -> list[float]:
    """
    Try one start after the other for each job in turn; return when they end.

    A job is (first start, kind, crews, work, jobs that it follows). It may begin when it is ready,
    or when any other job ends, if at no moment that matters more crews work than there are; what
    takes no time takes no crews.
    """
    spans: list[tuple[float, float]] = []
    for number, (first, kind, need, work, before) in enumerate(jobs):
        ready = max([first, *(spans[j][1] for j in before)])
        same = [j for j in range(number) if jobs[j][1] == kind]
        for start in sorted({ready, *(spans[j][1] for j in same if spans[j][1] > ready)}):
            end = ended_by_hand(start, work, rates[kind])
            moments = [start, *(spans[j][0] for j in same if start <= spans[j][0] < end)]
            used = [
                sum(jobs[j][2] for j in same if spans[j][0] <= moment < spans[j][1])
                for moment in moments
            ]
            if not need or not work or max(used) + need <= crews[kind]:
                spans.append((start, end))
                break
    return [end for _, end in spans]
