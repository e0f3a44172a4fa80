"""
Whether a way is open between two places when every road between them may be closed.

A road is open or closed as a whole and in both directions, independently of all others, with a
chance for each month. Nothing here knows of highways, dates or money.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite
from typing import NamedTuple, TypeVar

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from realign.errors import GeometryError

MONTHS = 12
STATES = 20_000
"""States of a diagram beside each other above which a network counts as too interwoven."""
TIMED = 500
"""States told apart beside each other when times count; of more, the least likely are bounded."""
TICK = 6  # digits of a second to which times are told apart

_OPEN, _CUT = -1, -2  # a way is open, or none can be any more, whatever the other roads are


T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """A road from one place to another, for both directions."""

    name: str
    """Name, unique in a network."""
    start: str
    """Place at one end."""
    end: str
    """Place at the other end."""
    time: float
    """Travel time [s]."""
    open_share: NDArray[np.float64]
    """Chance that it is open at a time in each month, January first, shape (12,) [0-1]."""

    def __post_init__(self) -> None:
        """Refuse times and chances that cannot be."""
        if not (isfinite(self.time) and self.time > 0):
            msg = f"road '{self.name}': travel time is {self.time!r} s; wanted more than 0"
            raise GeometryError(msg)
        chances(f"road '{self.name}'", self.open_share)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Roads that no single place parts, between the two places where all ways enter and leave."""

    start: str
    """Place where every way enters."""
    end: str
    """Place where every way leaves."""
    legs: tuple[Leg, ...]
    """Roads in the order of their names; none where nothing leads from start to end."""


Around = Mapping[str, Sequence[tuple[Leg, str]]]
"""Roads out of each place, and where each leads."""
Apart = tuple[tuple[float, ...], ...]
"""Least times to places where roads go on: from the start, less the least of them, and then from
each of these places, infinite where that cannot matter any more [s]."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """How surely and how fast a way is open."""

    share: NDArray[np.float64]
    """Chance that a way is open, by month, shape (12,) [0-1]."""
    time: NDArray[np.float64]
    """Mean time by the fastest open way while any is open, shape (12,) [s]; NaN where none is."""
    unresolved: NDArray[np.float64]
    """Share of the open time in which the fastest way was not told. There the time of the fastest
    of all ways counts, so that `time` is a lower bound where this is above 0; shape (12,) [0-1]."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """A chain of blocks as it is, and with each of its roads closed or open for sure."""

    usual: State
    """As it is."""
    closed: Mapping[str, State]
    """While one road is closed, by its name."""
    opened: Mapping[str, NDArray[np.float64]]
    """Chance of an open way while one road is open, by its name and month, shape (12,) [0-1]."""


def chances(what: str, values: ArrayLike) -> NDArray[np.float64]:
    """
    Take the chances of the months.

    Parameters
    ----------
    what
        What they belong to, for the message.
    values
        Chances by month, January first, shape (12,) [0-1].

    Raises
    ------
    GeometryError
        If they are not 12 or one is not from 0 to 1.
    """
    found = np.array(values, np.float64)
    if found.shape != (MONTHS,) or not ((found >= 0) & (found <= 1)).all():
        msg = f"{what}: open is {found.tolist()}; wanted 12 chances from 0 to 1"
        raise GeometryError(msg)
    return found


def between(legs: Iterable[Leg], start: str, end: str) -> tuple[Block, ...]:
    """
    Take the roads that lie on a way between two places, as a chain of blocks.

    A way is open where it is open in every block; its time is the sum of those in the blocks.

    Parameters
    ----------
    legs
        Roads with names that differ, in any order.
    start, end
        The two places.

    Returns
    -------
    blocks
        From start to end. None where both are one place, and a single one without roads where
        nothing joins them.

    Raises
    ------
    GeometryError
        If two roads share a name.
    """
    roads = sorted((leg for leg in legs if leg.start != leg.end), key=lambda leg: leg.name)
    for one, other in pairwise(roads):
        if one.name == other.name:
            msg = f"more than one road is named '{one.name}'; wanted a name for each"
            raise GeometryError(msg)
    if start == end:
        return ()
    # with one more road from end to start, what lies on a way is what lies on a ring with it
    ring = nx.Graph([(start, end)])
    ring.add_edges_from((leg.start, leg.end) for leg in roads)
    wanted = next(
        places for places in nx.biconnected_components(ring) if start in places and end in places
    )
    on_way = tuple(leg for leg in roads if leg.start in wanted and leg.end in wanted)
    chain = nx.Graph((leg.start, leg.end) for leg in on_way)
    if not on_way:
        return (Block(start, end, ()),)
    parts = [frozenset(places) for places in nx.biconnected_components(chain)]
    blocks, here = [], start
    while here != end:
        places = next(part for part in parts if here in part)
        parts.remove(places)
        out = end if end in places else next(p for p in places if any(p in q for q in parts))
        inside = tuple(leg for leg in on_way if leg.start in places and leg.end in places)
        blocks.append(Block(here, out, inside))
        here = out
    return tuple(blocks)


def open_share(blocks: Iterable[Block]) -> NDArray[np.float64]:
    """Chance that a way is open through all blocks, by month, shape (12,) [0-1]; exact."""
    shares = [_Diagram(block).whole()[0] for block in blocks]
    return np.asarray(np.prod([np.ones(MONTHS), *shares], axis=0))


def importance(blocks: Sequence[Block]) -> dict[str, NDArray[np.float64]]:
    """
    How much the chance of an open way rises with that of each road.

    It is linear in the chance of each road, and this is its derivative: the chance while the road
    is open less that while it is closed (Birnbaum 1969). Exact.

    Returns
    -------
    importance
        By name of the road and month, shape (12,) [0-1].
    """
    diagrams = [_Diagram(block) for block in blocks]
    shares = [diagram.whole()[0] for diagram in diagrams]
    return {
        name: np.prod([*_but(shares, i), opened - closed], axis=0)
        for i, diagram in enumerate(diagrams)
        for name, (closed, opened, _) in diagram.pivots().items()
    }


def survey(blocks: Sequence[Block], *, limit: int = TIMED) -> Survey:
    """
    Say how surely and how fast a way is open, as it is and while each road is closed.

    Parameters
    ----------
    blocks
        Chain of blocks.
    limit
        States told apart beside each other for the times; chances are exact in any case.
    """
    usual: list[State] = []
    closed: list[dict[str, State]] = []
    opened: list[dict[str, NDArray[np.float64]]] = []
    for block in blocks:
        plain, timed = _Diagram(block), _Diagram(block, limit=limit)
        around = _around(block.legs)
        told = timed.pivots()
        usual.append(_state(plain.whole()[0], *timed.whole(), _soonest(around, block, ())))
        closed.append({})
        opened.append({})
        for name, (share, other, _) in plain.pivots().items():
            soonest = _soonest(around, block, (name,))
            closed[-1][name] = _state(share, told[name][0], told[name][2], soonest)
            opened[-1][name] = other
    shares = [state.share for state in usual]
    return Survey(
        usual=_in_series(usual),
        closed={
            name: _in_series([*_but(usual, i), state])
            for i, states in enumerate(closed)
            for name, state in states.items()
        },
        opened={
            name: np.prod([*_but(shares, i), share], axis=0)
            for i, others in enumerate(opened)
            for name, share in others.items()
        },
    )


def fastest(legs: Iterable[Leg], start: str, end: str) -> tuple[float, tuple[str, ...]] | None:
    """
    Find the fastest way when all roads given are open.

    Returns
    -------
    way
        Travel time [s], and names of the roads in order of travel; None where there is no way.
    """
    way = _fastest(_around(legs), start, end, frozenset())
    return None if way is None else (way[0], tuple(leg.name for leg in way[1]))


class _Diagram:
    """
    Decision diagram of a block: its roads in turn, each open or closed.

    After some of the roads all that matters of them is how far the places where further roads begin
    are from the start and from each other. Cases alike in that are one state, so there are few of
    them in a network that is long and narrow (Hardy, Lucet and Limnios 2007, for connection). The
    least time from the start to such a place is taken out of the state and counted on the way to
    it, so that states differ in differences of times only.
    """

    def __init__(self, block: Block, *, limit: int | None = None) -> None:
        """Tell states apart by connection, or up to a number of them by time as well."""
        self.legs = _in_order(block)
        self.layers: list[_Layer] = []
        last = {place: i for i, leg in enumerate(self.legs) for place in (leg.start, leg.end)}
        places = [block.end, block.start]
        states: Sequence[Apart] = [((inf, 0.0), (0.0, inf), (inf, 0.0))]
        reach = np.ones((1, MONTHS))
        for i, leg in enumerate(self.legs):
            new = [place for place in (leg.start, leg.end) if place not in places]
            places += new
            live = [k for k, place in enumerate(places) if last[place] > i]
            a, b = places.index(leg.start), places.index(leg.end)
            after: dict[Apart, int] = {}
            arcs = []
            for state in states:
                wide = _widened(state, len(new))
                near = _nearer(wide, a, b, 0.0 if limit is None else leg.time)
                arcs.append((*_left(near, live, after), *_left(wide, live, after)))
            if limit is None and len(after) > STATES:
                msg = (
                    f"the roads between '{block.start}' and '{block.end}' are too interwoven: "
                    f"more than {STATES:,} cases to tell apart at '{leg.name}', of "
                    f"{len(self.legs)} roads; wanted fewer roads that run beside each other"
                )
                raise GeometryError(msg)
            to, add, back, spare = (np.array(column) for column in zip(*arcs, strict=True))
            layer = _Layer(leg.name, leg.open_share, to, add[:, None], back, spare[:, None])
            reach = layer.forward(reach, len(after))
            if limit is not None and len(after) > limit:
                # the likeliest in any month stay, in the order in which they were found
                stay = np.sort(np.argsort(-reach.max(axis=1), kind="stable")[:limit])
                number = np.full(len(after) + 2, _CUT)
                number[_OPEN] = _OPEN
                number[stay] = np.arange(limit)
                layer = layer._replace(opened=number[to], closed=number[back])
                reach = reach[stay]
                known = list(after)
                states = [known[k] for k in stay]
            else:
                states = list(after)
            self.layers.append(layer)
            places = [block.end, *(places[k] for k in live if k)]

    def whole(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Chance that a way is open, and chance times mean time [s], by month, shape (12,)."""
        share, time = self._tables()[0]
        return share[0], time[0]

    def pivots(self) -> dict[str, tuple[NDArray[np.float64], ...]]:
        """
        Chance while each road is closed, while it is open, and time as in `whole` while closed.

        One pass forward and one backward give them for all roads.
        """
        reach, spent = np.ones((1, MONTHS)), np.zeros((1, MONTHS))
        done, gone = np.zeros(MONTHS), np.zeros(MONTHS)  # chance of and time on ways that are open
        out: dict[str, tuple[NDArray[np.float64], ...]] = {}
        for layer, (share, time) in zip(self.layers, self._tables()[1:], strict=True):
            longer, detour = spent + reach * layer.add, spent + reach * layer.spare
            to, back = layer.opened, layer.closed
            out[layer.name] = (
                done + (reach * share[back]).sum(axis=0),
                done + (reach * share[to]).sum(axis=0),
                gone + (detour * share[back] + reach * time[back]).sum(axis=0),
            )
            p = layer.share
            chance, hours = np.zeros_like(share), np.zeros_like(share)
            np.add.at(chance, to, reach * p)
            np.add.at(chance, back, reach * (1 - p))
            np.add.at(hours, to, longer * p)
            np.add.at(hours, back, detour * (1 - p))
            done, gone = done + chance[_OPEN], gone + hours[_OPEN]
            reach, spent = chance[:_CUT], hours[:_CUT]
        return out

    def _tables(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Chance and time as in `whole` from each state on, before each road and at the end."""
        ends = np.vstack((np.zeros(MONTHS), np.ones(MONTHS)))  # rows _CUT and _OPEN
        still = np.zeros((2, MONTHS))
        tables = [(ends, still)]
        for layer in self.layers[::-1]:
            share, time = tables[-1]
            to, back, p = layer.opened, layer.closed, layer.share
            here = p * share[to] + (1 - p) * share[back]
            then = p * (time[to] + layer.add * share[to])
            then = then + (1 - p) * (time[back] + layer.spare * share[back])
            tables.append((np.vstack((here, ends)), np.vstack((then, still))))
        return tables[::-1]


class _Layer(NamedTuple):
    """What one road does to every state."""

    name: str
    """Name of the road."""
    share: NDArray[np.float64]
    """Chance that it is open, shape (12,)."""
    opened: NDArray[np.int64]
    """State that follows where it is open, shape (n,)."""
    add: NDArray[np.float64]
    """Time that is counted then, shape (n, 1) [s]."""
    closed: NDArray[np.int64]
    """State that follows where it is closed, shape (n,)."""
    spare: NDArray[np.float64]
    """Time that is counted then, shape (n, 1) [s]."""

    def forward(self, reach: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """Chance of each of the states that follow, shape (count, 12)."""
        after = np.zeros((count + 2, MONTHS))
        np.add.at(after, self.opened, reach * self.share)
        np.add.at(after, self.closed, reach * (1 - self.share))
        return after[:count]


def _widened(state: Apart, count: int) -> Apart:
    """State with places that nothing leads to yet."""
    if not count:
        return state
    far = (inf,) * count
    size = len(state[0])
    rows = [row + far for row in state]
    rows += [(inf,) * (size + k) + (0.0,) + (inf,) * (count - 1 - k) for k in range(count)]
    return tuple(rows)


def _nearer(state: Apart, a: int, b: int, time: float) -> Apart:
    """State with a road between two of its places."""
    from_a, from_b = state[1 + a], state[1 + b]
    rows = []
    for row in state:
        by_a, by_b = row[a] + time, row[b] + time
        if by_a < row[b] or by_b < row[a]:
            rows.append(
                tuple(
                    min(t, by_a + tb, by_b + ta)
                    for t, ta, tb in zip(row, from_a, from_b, strict=True)
                )
            )
        else:
            rows.append(row)
    return tuple(rows)


def _left(state: Apart, live: Sequence[int], after: dict[Apart, int]) -> tuple[int, float]:
    """
    Give the number of what is left of a state, a new one where it is, and the time taken out.

    The end is the first place and stays; of the others the live ones do. A way that comes back to
    what lies behind enters it by some place and has taken at least as long as to the nearest. So
    the time from one place to another cannot matter where the other is reached as soon from the
    start, and none matters from the end.
    """
    start = state[0]
    least = min((start[k] for k in live), default=inf)
    if start[0] <= least:
        return (_CUT, 0.0) if start[0] == inf else (_OPEN, start[0])
    kept = live if live and live[0] == 0 else [0, *live]
    if kept is not live and start[0] == inf and all(state[1 + k][0] == inf for k in live):
        return _CUT, 0.0
    near = tuple(round(start[k] - least, TICK) for k in kept)
    rows = [near]
    for i, k in enumerate(kept):
        row = state[1 + k]
        rows.append(
            tuple(
                0.0
                if i == j
                else inf
                if not k or row[other] >= near[j]
                else round(row[other], TICK)
                for j, other in enumerate(kept)
            )
        )
    return after.setdefault(tuple(rows), len(after)), least


def _state(
    share: NDArray[np.float64],
    told: NDArray[np.float64],
    time: NDArray[np.float64],
    soonest: float,
) -> State:
    """State of a block from its exact chance, the part of it that is told, and the time of that."""
    some = share > 0
    safe = np.where(some, share, 1.0)
    rest = np.where(some & (told < share * (1 - 1e-9)), share - told, 0.0)
    mean = np.where(some, (time + rest * soonest) / np.where(rest > 0, safe, told + ~some), np.nan)
    return State(share, mean, rest / safe)


def _soonest(around: Around, block: Block, closed: Collection[str]) -> float:
    """Time of the fastest way through a block without some roads [s]; 0 where there is none."""
    way = _fastest(around, block.start, block.end, closed)
    return 0.0 if way is None else way[0]


def _in_series(states: Sequence[State]) -> State:
    """State of blocks behind each other."""
    none = np.zeros(MONTHS)
    told = np.prod([none + 1, *(1 - state.unresolved for state in states)], axis=0)
    share = np.prod([none + 1, *(state.share for state in states)], axis=0)
    time = np.sum([none, *(state.time for state in states)], axis=0)
    return State(share, time, np.where(share > 0, 1 - told, 0.0))


def _but(items: Sequence[T], i: int) -> list[T]:
    """All items but one."""
    return [*items[:i], *items[i + 1 :]]


def _in_order(block: Block) -> tuple[Leg, ...]:
    """Roads by the time to their farther end, so that few places are open ended at once."""
    times = _times(_around(block.legs), block.start)
    rank = {place: i for i, (_, place) in enumerate(sorted((t, p) for p, t in times.items()))}

    def key(leg: Leg) -> tuple[int, int, str]:
        near, far = sorted((rank[leg.start], rank[leg.end]))
        return far, near, leg.name

    return tuple(sorted(block.legs, key=key))


def _around(legs: Iterable[Leg]) -> dict[str, list[tuple[Leg, str]]]:
    """Roads out of each place, and where each leads."""
    around: dict[str, list[tuple[Leg, str]]] = {}
    for leg in sorted(legs, key=lambda each: each.name):
        around.setdefault(leg.start, []).append((leg, leg.end))
        around.setdefault(leg.end, []).append((leg, leg.start))
    return around


def _times(around: Around, start: str) -> dict[str, float]:
    """Least time from a place to all others."""
    times: dict[str, float] = {}
    heap = [(0.0, start)]
    while heap:
        time, here = heapq.heappop(heap)
        if here in times:
            continue
        times[here] = time
        for leg, there in around.get(here, ()):
            if there not in times:
                heapq.heappush(heap, (time + leg.time, there))
    return times


def _fastest(
    around: Around, start: str, end: str, closed: Collection[str]
) -> tuple[float, tuple[Leg, ...]] | None:
    """Fastest way without some roads, or None; of two as fast the one by earlier names."""
    came: dict[str, Leg | None] = {}
    heap: list[tuple[float, str, str, Leg | None]] = [(0.0, start, "", None)]
    while heap:
        time, here, _, leg = heapq.heappop(heap)
        if here in came:
            continue
        came[here] = leg
        if here == end:
            return time, _back(came, end)
        for out, there in around.get(here, ()):
            if there not in came and out.name not in closed:
                heapq.heappush(heap, (time + out.time, there, out.name, out))
    return None


def _back(came: Mapping[str, Leg | None], end: str) -> tuple[Leg, ...]:
    """Roads from the start to a place, by the road on which each place was reached."""
    way: list[Leg] = []
    leg = came[end]
    while leg is not None:
        way.append(leg)
        end = leg.start if end == leg.end else leg.end
        leg = came[end]
    return tuple(way[::-1])
