"""The cheapest ways through a network, and the cheapest that a planner would call different."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realign.errors import GeometryError
from realign.options.ways import Leg, Net, Ways, network, ways_by_node

FACTOR = 1.4
"""How much dearer a leg is found each time it has been used."""
RANKED = 1_000
"""Cheapest ways that are looked at for each way that is asked for."""
ROUNDS = 20
"""Rounds of penalties for each way that is asked for."""

Mode = Literal["penalty", "ranked"]


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """Ways in ascending order of price."""

    ways: Ways
    """The ways, cheapest first."""
    prices: NDArray[np.float64]
    """Price of each, shape (ways,), ascending."""


def shared(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Tell how much of a way others share with it.

    Parameters
    ----------
    one
        Length of the way on each leg, 0 where it does not use it, shape (legs,) [m].
    others
        The same of others, shape (n, legs) [m].

    Returns
    -------
    share
        Length in the same legs over the length of the shorter of the two, shape (n,) [0-1]; 1
        where that has none.

    Examples
    --------
    >>> shared(np.array([1.0, 3.0, 0.0]), np.array([[1.0, 0.0, 7.0], [0.0, 0.0, 2.0]]))
    array([0.25, 0.  ])
    """
    same = np.minimum(one, others).sum(axis=1)
    shorter = np.minimum(one.sum(), others.sum(axis=1))
    share = np.ones(len(others))
    np.divide(same, shorter, out=share, where=shorter > 0)
    return share


def shortest(
    legs: Sequence[Leg], start: str, end: str, *, weights: ArrayLike, number: int
) -> Priced:
    """
    Find the cheapest ways from one node to another.

    A network without cycles needs no detours from a way already found (Yen 1971, not checked): the
    cheapest `number` ways to a node continue some of the cheapest `number` to the nodes before it,
    so one pass finds them all (Bellman and Kalaba 1960, not checked).

    Parameters
    ----------
    legs
        The network, in any order.
    start, end
        The two nodes.
    weights
        Price of a unit of each amount, at least 0, shape (a,).
    number
        How many.

    Returns
    -------
    shortest
        So many ways, or all where there are fewer. Of equal ones the first by the names of legs.

    Raises
    ------
    NoRouteError
        If there is no way.
    GeometryError
        If the network has a cycle, legs do not fit each other, or a weight is below 0.
    """
    net = network(legs, start, end)
    return _shortest(net, _prices(net, weights), number)


def diverse(  # noqa: PLR0913 - the network takes three
    legs: Sequence[Leg],
    start: str,
    end: str,
    *,
    weights: ArrayLike,
    length: int,
    number: int,
    alike: float = 0.7,
    mode: Mode = "penalty",
) -> Priced:
    """
    Find cheap ways of which no two are alike.

    Parameters
    ----------
    legs, start, end, weights
        As in `shortest`.
    length
        Which of the amounts is the length.
    number
        How many.
    alike
        Share of the length of the shorter one that two ways may have in the same legs at most
        [0-1], see `shared`.
    mode
        "penalty": round by round the cheapest way, each leg of which then counts `FACTOR` dearer;
        what differs enough from all before is taken. Each metre counts at least as much as the mean
        metre of the cheapest way, so that free legs are left too.
        "ranked": of the `RANKED` times `number` cheapest, in their order, each that differs enough
        from all before.

    Returns
    -------
    diverse
        So many ways or fewer, among them the cheapest of all, which comes first.

    Raises
    ------
    NoRouteError
        If there is no way.
    GeometryError
        If the network has a cycle, legs do not fit each other, or a weight is below 0.
    """
    net = network(legs, start, end)
    prices = _prices(net, weights)
    lengths = net.amounts[:, length]
    found = (
        _shortest(net, prices, number * RANKED)
        if mode == "ranked"
        else _penalised(net, prices, lengths, number * ROUNDS)
    )
    taken: list[int] = []
    by_leg = found.ways.lengths(length)
    for row in range(len(by_leg)):
        if len(taken) == number:
            break
        if not taken or shared(by_leg[row], by_leg[taken]).max() <= alike:
            taken.append(row)
    order = np.array(taken)[np.argsort(found.prices[taken], kind="stable")]
    ways = found.ways
    return Priced(Ways(ways.legs, ways.steps[order], ways.scores[order]), found.prices[order])


def _prices(net: Net, weights: ArrayLike) -> NDArray[np.float64]:
    """Price of each leg."""
    each = np.asarray(weights, np.float64)
    if each.shape != net.amounts.shape[1:] or not np.all(each >= 0):
        msg = f"weights are {each}; wanted {net.amounts.shape[1]} values from 0 on"
        raise GeometryError(msg)
    used = each > 0
    return np.asarray(net.amounts[:, used] @ each[used])


def _shortest(net: Net, prices: NDArray[np.float64], number: int) -> Priced:
    """Find the cheapest ways, node by node."""
    if number < 1:
        msg = f"found {number} ways asked for; wanted 1 or more"
        raise GeometryError(msg)
    costs = [np.zeros(1)]
    comes: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = [(np.zeros(0, np.int64),) * 2]
    for node in range(1, net.nodes):
        into = net.into(node)
        sums = np.concatenate([costs[net.tail[leg]] + prices[leg] for leg in into])
        sizes = [len(costs[net.tail[leg]]) for leg in into]
        by = np.repeat(into, sizes)
        before = np.concatenate([np.arange(size) for size in sizes])
        order = np.argsort(sums, kind="stable")[:number]
        costs.append(sums[order])
        comes.append((by[order], before[order]))
    n = len(costs[-1])
    taken = np.full((n, net.nodes - 1), -1, np.int32)
    at, label = np.full(n, net.nodes - 1), np.arange(n)
    for node in range(net.nodes - 1, 0, -1):
        here = np.flatnonzero(at == node)
        by, before = comes[node]
        legs = by[label[here]]
        taken[here, net.tail[legs]] = legs
        at[here], label[here] = net.tail[legs], before[label[here]]
    return Priced(ways_by_node(net, taken), costs[-1])


def _penalised(
    net: Net, prices: NDArray[np.float64], lengths: NDArray[np.float64], rounds: int
) -> Priced:
    """Ways of as many rounds, each once, in the order in which they were found."""
    uses = np.zeros(len(prices))
    least = np.zeros(len(prices))
    found: dict[bytes, tuple[NDArray[np.int32], float]] = {}
    for _ in range(rounds):
        dearer = np.where(np.isfinite(prices), np.maximum(prices, least), 0.0)
        penalty = (FACTOR**uses - 1) * dearer
        steps = _shortest(net, prices + penalty, 1).ways.steps[0]
        if not found:
            length, price = lengths[steps].sum(), prices[steps].sum()
            least = lengths * (price / length if length > 0 and 0 < price < np.inf else 1.0)
        taken = np.full(net.nodes - 1, -1, np.int32)
        taken[net.tail[steps]] = steps
        found.setdefault(taken.tobytes(), (taken, float(np.cumsum(prices[steps])[-1])))
        uses[steps] += 1
    ways = ways_by_node(net, np.array([taken for taken, _ in found.values()]))
    return Priced(ways, np.array([price for _, price in found.values()]))
