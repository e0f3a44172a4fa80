"""
Trunks cut where branches meet them: a directed graph of legs, and the ways through it.

A leg is a piece of a designed road between two nodes. Every way through the legs from
one tie-in on the existing road to another is a candidate link.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from math import inf

import networkx as nx
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point, STRtree

from realign.chainage import Section, text
from realign.corridor import Gap, Laid, Variant
from realign.corridor.layers import charged, taken
from realign.errors import GeometryError
from realign.estimate import Estimate, together
from realign.formation import BRIDGE, TUNNEL
from realign.network import JOIN, KMH, Link
from realign.road import HEADROOM, Rulebook, exposed

PIECE = 500.0
"""Least length of a trunk between two joints of one way: shorter ones are two curves in a row that
a road of its own would not have; an assumption [m]."""
DIFFERENT = 1000.0
"""Length of road that a candidate shares with no cheaper one of its pair of tie-ins, at least [m];
an assumption: less is the same road but for a corner."""
BY_NODE = 50.0
"""Distance from a common node within which two legs meet rather than cross [m]."""
BESIDE = 300.0
"""Width beside a road within which layers may touch the land that it takes [m]."""
KEPT = 60
"""Ways kept at each node while the cheapest are sought."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a leg is worth; those of the legs of one road add up to the whole road's."""

    length: float
    """Length [m]."""
    bridge_length: float
    """Length on bridges [m]."""
    tunnel_length: float
    """Length in tunnels [m]."""
    travel_time: float
    """Time to drive it in one direction [s]."""
    exposed: float
    """Length times exposure to hazards [m]."""
    direct: Estimate
    """Cost before contingency, overheads and taxes, in the currency of the study."""
    cost: Estimate
    """Cost, all in. Its spread is the leg's share of that of its road, so that spreads add up; the
    sum over legs of different roads errs to the wide side."""
    uses: Mapping[str, float] = field(default_factory=dict)
    """Land taken by its use [m2]."""


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """A piece of a new road between two nodes."""

    name: str
    """Unique in a net: "reference 12+340 to 45+120", "branch 3: 176+200 to reference 8+120"."""
    start: str
    """Node where it begins: a tie-in on the existing road, or a joint on a trunk."""
    end: str
    """Node where it ends."""
    road: Link
    """Designed road that it is part of: a trunk, or a branch."""
    part: Section
    """Chainage along that road [m]."""
    values: Values
    """Cost, length and time."""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A branch that was built, and where it begins and ends."""

    link: Link
    """The designed road."""
    ends: tuple[tuple[str, float], tuple[str, float]]
    """Name of the trunk that it leaves and of that which it meets, empty for the existing road,
    with the chainage there [m]."""
    number: int
    """Which of the branches tried it is, from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """All trunks and branches of one gap, cut into legs."""

    gap: Gap
    """What they replace."""
    legs: tuple[Leg, ...]
    """In order of their names."""
    ties: Mapping[str, float]
    """Chainage on the existing highway of the nodes that are tie-ins [m]."""
    failed: Mapping[str, str]
    """Branches that have no road, by name, and why."""
    books: Mapping[str, Rulebook]
    """Tables that rule each road, by its name."""
    variants: Mapping[str, Variant]
    """What each road was looked for as, by its name."""
    short: Mapping[str, str]
    """Variant of each trunk by the name of its link."""
    crossed: frozenset[tuple[str, str]] = frozenset()
    """Pairs of legs, by name and in order, that cross without room for one over the other."""

    def ruling(self, legs: Iterable[Leg]) -> Rulebook:
        """
        Tell the tables that rule a whole way.

        They are those of its fastest road, the first by name where several are as fast,
        and a row of the code that rules one of its roads may rule any stretch of it.
        """
        books = [self.books[name] for name in sorted({leg.road.name for leg in legs})]
        book = max(books, key=lambda each: each.standard.speed_kmh)
        rows = {row.speed_kmh: row for each in books for row in (each.standard, *each.others)}
        return replace(book, others=tuple(row for row in rows.values() if row != book.standard))

    def only(self, way: "Way") -> "tuple[Net, Way]":
        """
        Leave out what a way does not lead through, and what its roads were measured at.

        So they are small, and no other road is part of what they are known by.
        """
        roads = {leg.road.name: replace(leg.road, inventory=None) for leg in way.legs}
        legs = tuple(replace(leg, road=roads[leg.road.name]) for leg in way.legs)
        first = min(self.short)  # by whose rules ground and water about the gap are found
        names = sorted({first, *roads})
        net = Net(
            gap=self.gap,
            legs=legs,
            ties={},
            failed={},
            books={name: self.books[name] for name in names},
            variants={name: self.variants[name] for name in names},
            short={name: self.short[name] for name in names if name in self.short},
        )
        return net, replace(way, legs=legs)


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A candidate link: legs set end to end from one tie-in to another."""

    name: str
    """Trunks in the order in which they are used, and a number: "reference+cheapest 2"; a whole
    trunk has its own name."""
    legs: tuple[Leg, ...]
    """In order of travel."""
    section: Section
    """Chainage of the existing highway that it replaces [m]."""

    @property
    def values(self) -> Values:
        """What its legs are worth together, before it is measured as a whole."""
        each = [leg.values for leg in self.legs]
        uses = sorted({use for values in each for use in values.uses})
        return Values(
            length=sum(values.length for values in each),
            bridge_length=sum(values.bridge_length for values in each),
            tunnel_length=sum(values.tunnel_length for values in each),
            travel_time=sum(values.travel_time for values in each),
            exposed=sum(values.exposed for values in each),
            direct=together(values.direct for values in each),
            cost=together(values.cost for values in each),
            uses={use: sum(values.uses.get(use, 0.0) for values in each) for use in uses},
        )


def valued(
    link: Link, book: Rulebook, layers: Sequence[Laid], cuts: Sequence[float]
) -> list[Values]:
    """
    Share the bill of a road among its parts.

    Parameters
    ----------
    link
        With its inventory.
    book
        Rates and money that priced it.
    layers
        All layers of the site.
    cuts
        Chainages that part it, from its start to its end [m].

    Returns
    -------
    values
        One a part. Items are shared within an interval of the bill by length. The
        spread of independent prices is a root of squares, sqrt(sum d_i^2) over the
        items i; of it a part with the spreads p_i gets sum p_i d_i / sqrt(sum d_i^2),
        so that the parts add up (Euler's rule for functions of degree one).

    Raises
    ------
    GeometryError
        Only totals are known of the link.
    """
    if link.inventory is None:
        msg = f"{link.name}: wanted the whole inventory of the link, found totals only"
        raise GeometryError(msg)
    bill = link.inventory.bill
    run = np.diff(bill.station)
    xy = np.column_stack((bill.x, bill.y))

    def parted(each: NDArray[np.float64]) -> NDArray[np.float64]:
        summed = np.concatenate(([0.0], np.cumsum(each)))
        return np.diff(np.interp(cuts, bill.station, summed))

    items = {item: parted(values) for item, values in bill.items.items()}
    base = sum((q * book.rates[i].price.base for i, q in items.items()), np.zeros(len(cuts) - 1))
    below = _shares([q * _below(book.rates[i].price) for i, q in items.items()])
    above = _shares([q * _above(book.rates[i].price) for i, q in items.items()])
    places = charged(xy, bill.form, layers).values()
    base = base + sum((parted(each) for each in places), np.zeros(len(cuts) - 1))
    bridges, tunnels = (parted(run * (bill.form == form)) for form in (BRIDGE, TUNNEL))
    time = _times(link, cuts)
    risk = parted(exposed(bill, book.rules.steep_deg))
    uses = {use: parted(area) for use, area in taken(xy, bill.items["land"], layers)[0].items()}
    added = link.cost.base / link.direct.base if link.direct.base > 0 else 0.0
    out = []
    for i, (a, b) in enumerate(pairwise(cuts)):
        direct = Estimate(float(base[i] - below[i]), float(base[i]), float(base[i] + above[i]))
        out.append(
            Values(
                length=b - a,
                bridge_length=float(bridges[i]),
                tunnel_length=float(tunnels[i]),
                travel_time=float(time[i]),
                exposed=float(risk[i]),
                direct=direct,
                cost=direct.times(added),
                uses={use: float(area[i]) for use, area in uses.items()},
            )
        )
    return out


def _below(price: Estimate) -> float:
    return price.base - price.low


def _above(price: Estimate) -> float:
    return price.high - price.base


def _shares(spreads: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Share of each part in the root of the squares of whole spreads, item by item."""
    of_parts = np.array(spreads)
    whole = of_parts.sum(axis=1)
    root = float(np.hypot.reduce(whole))
    return np.asarray(whole @ of_parts / root if root > 0 else np.zeros(of_parts.shape[1]))


def _times(link: Link, cuts: Sequence[float]) -> NDArray[np.float64]:
    """Travel time between cuts [s]."""
    at = [link.speeds[0].start, *(zone.end for zone in link.speeds)]
    spent = [(zone.end - zone.start) / zone.speed_kmh * KMH for zone in link.speeds]
    return np.diff(np.interp(cuts, at, np.concatenate(([0.0], np.cumsum(spent)))))


def cut(
    gap: Gap,
    trunks: Sequence[Link],
    branches: Sequence[Branch],
    *,
    books: Mapping[str, Rulebook],
    variants: Mapping[str, Variant],
    layers: Sequence[Laid],
    failed: Mapping[str, str],
) -> Net:
    """
    Cut trunks where branches meet them.

    Parameters
    ----------
    gap
        What all of them replace.
    trunks
        Roads from tie-in to tie-in, in any order.
    branches
        Roads between them.
    books, variants
        By name of the road.
    layers
        All layers of the site.
    failed
        Branches without a road.

    Returns
    -------
    net
        Without branches that cross the road that they leave or meet at grade, or lead
        back to where a way has been; those are added to `failed`.
    """
    told = dict(failed)
    trunks = sorted(trunks, key=lambda link: link.name)
    ties: dict[str, float] = {}
    for s in sorted(
        [
            *(s for link in trunks for s in (link.section.start, link.section.end)),
            *(s for each in branches for name, s in each.ends if not name),
        ]
    ):
        if not ties or s - max(ties.values()) > JOIN:
            ties[text(s)] = s

    def tie(s: float) -> str:
        return min(ties, key=lambda name: abs(ties[name] - s))

    short = {link.name: link.variant for link in trunks}

    def node(name: str, s: float) -> str:
        return f"{short[name]} {text(s)}" if name else tie(s)

    known: dict[tuple[str, tuple[float, ...]], list[Values]] = {}

    def worth(link: Link, cuts: Sequence[float]) -> list[Values]:
        key = link.name, tuple(cuts)
        if key not in known:
            box = (
                float(link.x.min()) - BESIDE,
                float(link.y.min()) - BESIDE,
                float(link.x.max()) + BESIDE,
                float(link.y.max()) + BESIDE,
            )
            about = [each.about(box) for each in layers]
            known[key] = valued(link, books[link.name], about, cuts)
        return known[key]

    kept = sorted(branches, key=lambda each: each.number)
    legs = _legs(trunks, kept, node, tie, worth)
    crossed = _crossed(legs)
    useless = {other for one in legs for other in legs if _bars(one, other, crossed)}
    for each in [each for each in kept if each.link.name in {leg.name for leg in useless}]:
        kept.remove(each)
        told[each.link.name] = "it crosses the road that it leaves or meets at grade"
    legs = _legs(trunks, kept, node, tie, worth)
    while (ring := _ring(legs, ties)) is not None:
        last = max(
            (each for each in kept if {node(*end) for end in each.ends} <= ring),
            key=lambda each: each.number,
        )
        kept.remove(last)
        told[last.link.name] = "it leads back to where another branch comes from"
        legs = _legs(trunks, kept, node, tie, worth)
    return Net(
        gap=gap,
        legs=tuple(sorted(legs, key=lambda leg: leg.name)),
        ties=ties,
        failed=dict(sorted(told.items())),
        books=dict(books),
        variants=dict(variants),
        short=short,
        crossed=_crossed(legs),
    )


def _bars(trunk: Leg, branch: Leg, crossed: Collection[tuple[str, str]]) -> bool:
    """Whether a leg of a trunk that leads to a branch, or on from it, crosses that branch."""
    follows = trunk.end == branch.start or branch.end == trunk.start
    whole = branch.name == branch.road.name and trunk.name != trunk.road.name
    pair = min(trunk.name, branch.name), max(trunk.name, branch.name)
    return whole and follows and pair in crossed


def _crossed(legs: Sequence[Leg]) -> frozenset[tuple[str, str]]:
    """Pairs of legs of two roads that cross without room for one over the other."""
    lines = [_line(leg) for leg in legs]
    shapes = [LineString(line[:, 1:3]) for line in lines]
    out = set()
    for i, j in zip(*STRtree(shapes).query(shapes, predicate="intersects"), strict=True):
        one, other = legs[i], legs[j]
        if one.road is other.road or one.name >= other.name:
            continue
        shared = [
            lines[k][0 if node == leg.start else -1, 1:3]
            for k, leg, others in ((i, one, other), (j, other, one))
            for node in (leg.start, leg.end)
            if node in {others.start, others.end}
        ]
        met = shapely.intersection(shapes[i], shapes[j])
        for x, y in shapely.get_coordinates(met):
            if any(np.hypot(x - a, y - b) < BY_NODE for a, b in shared):
                continue  # they meet there
            levels = [
                np.interp(shapes[k].project(Point(x, y)), lines[k][:, 0], lines[k][:, 3])
                for k in (i, j)
            ]
            if abs(levels[0] - levels[1]) < HEADROOM:
                out.add((one.name, other.name))
    return frozenset(out)


def _line(leg: Leg) -> NDArray[np.float64]:
    """Distance along a leg, east, north and level of points on it, shape (n, 4) [m]."""
    road, part = leg.road, leg.part
    inner = road.station[(road.station > part.start) & (road.station < part.end)]
    s = np.concatenate(([part.start], inner, [part.end]))
    x, y, level = (np.interp(s, road.station, each) for each in (road.x, road.y, road.level))
    along = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))))
    return np.column_stack((along, x, y, level))


def _ring(legs: Sequence[Leg], ties: Mapping[str, float]) -> set[str] | None:
    """Nodes of a way that comes back to where it was; ways end at tie-ins."""
    graph = nx.DiGraph((leg.start, leg.end) for leg in legs)
    graph.remove_nodes_from(ties)
    try:
        return {end for edge in nx.find_cycle(graph) for end in edge[:2]}
    except nx.NetworkXNoCycle:
        return None


def _legs(
    trunks: Sequence[Link],
    branches: Sequence[Branch],
    node: Callable[[str, float], str],
    tie: Callable[[float], str],
    worth: Callable[[Link, Sequence[float]], list[Values]],
) -> list[Leg]:
    """Cut every trunk at the joints on it; a branch is one leg."""
    out = []
    for link in trunks:
        inner = sorted({s for each in branches for name, s in each.ends if name == link.name})
        cuts = [0.0, *inner, link.length]
        names = [tie(link.section.start), *(node(link.name, s) for s in inner)]
        names.append(tie(link.section.end))
        values = worth(link, cuts)
        for ends, (a, b), each in zip(pairwise(names), pairwise(cuts), values, strict=True):
            name = f"{link.variant} {text(a)} to {text(b)}"
            out.append(Leg(name, *ends, link, Section(a, b), each))
    for branch in branches:
        link = branch.link
        start, end = (node(*end) for end in branch.ends)
        (value,) = worth(link, [0.0, link.length])
        out.append(Leg(link.name, start, end, link, Section(0.0, link.length), value))
    return out


@dataclass(frozen=True, slots=True)
class _Partial:
    """A way as far as it goes: what it is ranked by, and its legs."""

    flawed: int
    """Roads with breaches on it, and places at which it crosses itself at grade."""
    cost: float
    """Base cost so far."""
    run: float
    """Length along the road that it is on, from where it came to it [m]; infinite from a tie-in."""
    legs: tuple[int, ...]
    """Numbers of its legs."""

    @property
    def rank(self) -> tuple[int, float, tuple[int, ...]]:
        """By what the cheapest are found."""
        return self.flawed, self.cost, self.legs


def ways(net: Net, *, most: int) -> tuple[Way, ...]:
    """
    Find candidate links: for every pair of tie-ins the cheapest few that differ.

    Parameters
    ----------
    net
        Legs of one gap.
    most
        Greatest number of candidates in all. Pairs of tie-ins take turns, the cheapest
        of each first, so that every pair that a way joins is served before any gets more.

    Returns
    -------
    ways
        In order of their sections, then of their names. Those on roads without
        breaches that do not cross themselves at grade come before others, then the
        cheaper; a way keeps `PIECE` on every trunk between two joints, and has
        `DIFFERENT` metres that no better one of its pair has in common with it.
    """
    pairs: dict[tuple[float, float], list[_Partial]] = {}
    for start, s in net.ties.items():
        for end, found in _from(net, start).items():
            if net.ties[end] > s:
                pairs[s, net.ties[end]] = _differing(net, found)
    rounds = max((len(found) for found in pairs.values()), default=0)
    turns = [
        (pair, found[k])
        for k in range(rounds)
        for pair, found in sorted(pairs.items(), key=lambda item: (item[1][0].rank[:2], item[0]))
        if k < len(found)
    ]
    return _named(net, turns[:most])


def _from(net: Net, start: str) -> dict[str, list[_Partial]]:
    """Cheapest ways from one tie-in to every other, along the order of the graph."""
    graph = nx.DiGraph()
    out: dict[str, list[int]] = {}
    for i, leg in enumerate(net.legs):
        # a tie-in is left at its start only, and a way ends at the next one that it meets
        graph.add_edge(("from", leg.start), ("to" if leg.end in net.ties else "from", leg.end))
        out.setdefault(leg.start, []).append(i)
    origin = "from", start
    if origin not in graph:
        return {}
    reached: dict[tuple[str, str], list[_Partial]] = {origin: [_Partial(0, 0.0, inf, ())]}
    for at in nx.lexicographical_topological_sort(graph):
        here = sorted(reached.get(at, ()), key=lambda each: each.rank)[:KEPT]
        reached[at] = here
        for i in out.get(at[1], ()) if at[0] == "from" else ():
            leg = net.legs[i]
            to = "to" if leg.end in net.ties else "from", leg.end
            reached.setdefault(to, []).extend(
                more for each in here if (more := _further(net, each, i)) is not None
            )
    return {name: found for (kind, name), found in reached.items() if kind == "to" and found}


def _further(net: Net, way: _Partial, i: int) -> _Partial | None:
    """Add a leg to a way; None where it leaves a trunk too soon."""
    leg = net.legs[i]
    same = bool(way.legs) and net.legs[way.legs[-1]].road is leg.road
    if not same and way.run < PIECE:
        return None
    whole = leg.road.name not in net.short
    fresh = inf if whole or not way.legs else 0.0
    run = inf if leg.end in net.ties else (way.run if same else fresh) + leg.part.length
    flawed = way.flawed + (not same and bool(leg.road.breaches))
    names = (net.legs[k].name for k in way.legs)
    flawed += sum((min(n, leg.name), max(n, leg.name)) in net.crossed for n in names)
    return _Partial(flawed, way.cost + leg.values.cost.base, run, (*way.legs, i))


def _differing(net: Net, found: Iterable[_Partial]) -> list[_Partial]:
    """Leave out ways that nearly are a better one."""
    out: list[_Partial] = []
    for way in sorted(found, key=lambda each: each.rank):
        own = [
            sum(net.legs[i].part.length for i in way.legs if i not in other.legs) for other in out
        ]
        if not own or min(own) >= DIFFERENT:
            out.append(way)
    return out


def _named(net: Net, found: Sequence[tuple[tuple[float, float], _Partial]]) -> tuple[Way, ...]:
    """Name ways by the trunks that they use, and count those of one name."""
    counts: dict[str, int] = {}
    out = []
    for (start, end), way in found:
        legs = tuple(net.legs[i] for i in way.legs)
        used = [net.short[leg.road.name] for leg in legs if leg.road.name in net.short]
        kinds = "+".join(name for name, _ in groupby(used))
        whole = len({leg.road.name for leg in legs}) == 1
        counts[kinds] = counts.get(kinds, 0) + (not whole)
        name = kinds if whole else f"{kinds} {counts[kinds]}"
        out.append(Way(name, legs, Section(start, end)))
    return tuple(sorted(out, key=lambda each: (each.section, each.name)))
