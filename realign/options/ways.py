"""
Whole answers as ways through a network of legs: how many there are, and what each scores.

The network is directed and has no cycles; several legs may join the same two nodes. What adds up
along a way (cost, length, time), what counts by its greatest value (grade) and how surely each leg
is open are all that is known of a leg. Less is better in everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from realign.errors import GeometryError, NoRouteError
from realign.hazard import MONTH_DAYS

MONTHS = 12
MOST = 200_000
"""Ways up to which all of them are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """A piece of a way, from one node to another."""

    name: str
    """Name, unique in the network."""
    start: str
    """Node at which it begins."""
    end: str
    """Node at which it ends."""
    amounts: NDArray[np.float64]
    """What adds up along a way, each at least 0, shape (a,)."""
    peaks: NDArray[np.float64]
    """Of what the greatest of a way counts, each at least 0, shape (p,)."""
    rates: NDArray[np.float64]
    """Minus the logarithm of the chance that it is open in each month, January first, shape (12,),
    at least 0; infinite where it is never open."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be."""
        if self.start == self.end:
            msg = f"leg '{self.name}' leads from '{self.start}' to itself"
            raise GeometryError(msg)
        for key, found in (("amounts", self.amounts), ("peaks", self.peaks), ("rates", self.rates)):
            if np.ndim(found) != 1 or not np.all(np.asarray(found) >= 0):
                msg = f"leg '{self.name}': {key} are {found}; wanted a row of values from 0 on"
                raise GeometryError(msg)
        if np.shape(self.rates) != (MONTHS,):
            msg = f"leg '{self.name}': found {len(self.rates)} rates; wanted one a month"
            raise GeometryError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Some ways from one node to another, and their scores."""

    legs: tuple[Leg, ...]
    """Legs that lie on any way between the two nodes, in the order of their starts, then names."""
    steps: NDArray[np.int32]
    """Legs of each way in order of travel, as places in `legs`, filled up with -1,
    shape (ways, longest)."""
    scores: NDArray[np.float64]
    """Amounts, peaks and expected closed days a year [d] of each way, shape (ways, a + p + 1)."""

    def way(self, number: int) -> tuple[Leg, ...]:
        """Legs of one way in order of travel."""
        return tuple(self.legs[step] for step in self.steps[number] if step >= 0)

    def names(self, number: int) -> tuple[str, ...]:
        """Names of the legs of one way in order of travel."""
        return tuple(leg.name for leg in self.way(number))

    def lengths(self, column: int) -> NDArray[np.float64]:
        """
        Tell how much of each way is on each leg.

        Parameters
        ----------
        column
            Which of the amounts is the length.

        Returns
        -------
        lengths
            Length of the leg where the way takes it, else 0, shape (ways, legs) [m].
        """
        used = np.zeros((len(self.steps), len(self.legs) + 1))
        np.put_along_axis(used, self.steps.astype(np.intp), 1.0, axis=1)  # -1 is the column more
        each = np.array([leg.amounts[column] for leg in self.legs], np.float64)
        return np.where(used[:, :-1] > 0, each, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Legs that lie on a way from the first node to the last, as arrays."""

    legs: tuple[Leg, ...]
    nodes: int
    """Number of nodes, in an order in which every leg leads forward."""
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    amounts: NDArray[np.float64]
    peaks: NDArray[np.float64]
    rates: NDArray[np.float64]

    def out_of(self, node: int) -> NDArray[np.int64]:
        """Legs that begin at a node."""
        return np.flatnonzero(self.tail == node)

    def into(self, node: int) -> NDArray[np.int64]:
        """Legs that end at a node."""
        return np.flatnonzero(self.head == node)

    def counts(self) -> list[int]:
        """Ways from each node to the last."""
        counts = [0] * self.nodes
        counts[-1] = 1
        for leg in range(len(self.legs) - 1, -1, -1):  # legs are in the order of their starts
            counts[self.tail[leg]] += counts[self.head[leg]]
        return counts


def count(legs: Sequence[Leg], start: str, end: str) -> int:
    """
    Count the ways from one node to another.

    Raises
    ------
    NoRouteError
        If there is none.
    GeometryError
        If the network has a cycle, or legs that do not fit each other.
    """
    return network(legs, start, end).counts()[0]


def every(legs: Sequence[Leg], start: str, end: str, *, most: int = MOST) -> Ways:
    """
    List all ways from one node to another.

    Way i is read off i itself: where c(leg) ways lead on by each leg of a node, in order, i falls
    to the leg whose share of the numbers it lies in.

    Parameters
    ----------
    legs
        The network, in any order.
    start, end
        The two nodes.
    most
        Number of ways from which on it refuses.

    Returns
    -------
    ways
        All ways, in the order of `Ways.legs`.

    Raises
    ------
    NoRouteError
        If there is none.
    GeometryError
        If there are more than `most`, the network has a cycle, or legs do not fit each other.
    """
    net = network(legs, start, end)
    counts = net.counts()
    if counts[0] > most:
        msg = f"{counts[0]} ways lead from '{start}' to '{end}'; wanted at most {most}"
        raise GeometryError(msg)
    left = np.arange(counts[0])
    at = np.zeros(counts[0], np.int64)
    taken = np.full((counts[0], net.nodes - 1), -1, np.int32)  # by the node at which they begin
    for node in range(net.nodes - 1):
        here = np.flatnonzero(at == node)
        out = net.out_of(node)
        shares = np.cumsum([counts[head] for head in net.head[out]])
        place = np.searchsorted(shares, left[here], side="right")
        left[here] -= np.concatenate(([0], shares))[place]
        at[here] = net.head[out[place]]
        taken[here, node] = out[place]
    return ways_by_node(net, taken)


def network(legs: Sequence[Leg], start: str, end: str) -> Net:
    """Legs that lie on a way, sorted, so that the order in which they come has no effect."""
    if start == end:
        msg = f"a way leads from '{start}' to itself; wanted two nodes"
        raise GeometryError(msg)
    names = sorted(leg.name for leg in legs)
    for one, other in pairwise(names):
        if one == other:
            msg = f"more than one leg is named '{one}'; wanted a name for each"
            raise GeometryError(msg)
    for leg in legs:
        shapes = [(len(each.amounts), len(each.peaks)) for each in (legs[0], leg)]
        if shapes[0] != shapes[1]:
            msg = (
                f"leg '{leg.name}' has {shapes[1]} amounts and peaks, leg '{legs[0].name}' "
                f"{shapes[0]}; wanted the same for all"
            )
            raise GeometryError(msg)
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(sorted({node for leg in legs for node in (leg.start, leg.end)}))
    graph.add_edges_from(sorted((leg.start, leg.end, leg.name) for leg in legs))
    if not nx.is_directed_acyclic_graph(graph):
        cycle = ", ".join(f"'{name}'" for _, _, name in nx.find_cycle(graph))
        msg = f"legs {cycle} lead round in a cycle; wanted legs that all lead onward"
        raise GeometryError(msg)
    if not (graph.has_node(start) and graph.has_node(end) and nx.has_path(graph, start, end)):
        msg = f"no way leads from '{start}' to '{end}'"
        raise NoRouteError(msg)
    between = (nx.descendants(graph, start) | {start}) & (nx.ancestors(graph, end) | {end})
    order = nx.lexicographical_topological_sort(graph.subgraph(between))
    place = {node: number for number, node in enumerate(order)}
    used = sorted(
        (leg for leg in legs if leg.start in between and leg.end in between),
        key=lambda leg: (place[leg.start], leg.name),
    )
    return Net(
        legs=tuple(used),
        nodes=len(place),
        tail=np.array([place[leg.start] for leg in used]),
        head=np.array([place[leg.end] for leg in used]),
        amounts=np.array([leg.amounts for leg in used], np.float64),
        peaks=np.array([leg.peaks for leg in used], np.float64),
        rates=np.array([leg.rates for leg in used], np.float64),
    )


def closed(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the expected closed days of a year, shape (n,) [d], by rates of shape (n, 12)."""
    return np.asarray((-np.expm1(-rates) * MONTH_DAYS).sum(axis=1))


def scored(
    amounts: NDArray[np.float64], peaks: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put together the scores of ways, a row each."""
    return np.column_stack((amounts, peaks, closed(rates)))


def ways_by_node(net: Net, taken: NDArray[np.int32]) -> Ways:
    """Ways by the leg on which they leave each node, -1 where they do not come by."""
    order = np.argsort(taken < 0, axis=1, kind="stable")
    steps = np.take_along_axis(taken, order, axis=1)
    steps = steps[:, : int((steps >= 0).sum(axis=1).max())]
    amounts = np.zeros((len(steps), net.amounts.shape[1]))
    peaks = np.zeros((len(steps), net.peaks.shape[1]))
    rates = np.zeros((len(steps), MONTHS))
    for column in steps.T:
        rows = np.flatnonzero(column >= 0)
        legs = column[rows]
        amounts[rows] += net.amounts[legs]
        peaks[rows] = np.maximum(peaks[rows], net.peaks[legs])
        rates[rows] += net.rates[legs]
    return Ways(net.legs, np.ascontiguousarray(steps), scored(amounts, peaks, rates))
