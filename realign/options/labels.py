"""The ways through a network that no other way beats, all of them or a set that stands for them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign.errors import GeometryError
from realign.hazard import MONTH_DAYS
from realign.options.front import beaters
from realign.options.ways import (
    MONTHS,
    MOST,
    Leg,
    Net,
    Ways,
    closed,
    every,
    network,
    scored,
    ways_by_node,
)

WIDTH = 500
"""Labels that are kept at a node at most."""
DRAWS = 1_000
"""Weightings whose cheapest ways are added where labels are thinned."""
SEED = 1984
TINY = 1e-200
"""Least scale of relative errors, so that nothing is divided by 0."""
ROUNDING = 1e-12
"""Share of the greatest score of an objective up to which differences are those of rounding."""
GRAIN = 0.1
"""Share of the span of an objective below which a relative error says nothing, see `best`."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Best:
    """Ways that no way beats, or that stand for these."""

    ways: Ways
    """The ways, one for each row of scores, rows ascending; none beats another."""
    count: int
    """Number of all ways."""
    exact: bool
    """Whether every row of scores that no way beats is there."""
    within: NDArray[np.float64]
    """For every way left out there is one in the set that is worse by at most this in each
    objective, in its unit, shape (a + p + 1,); 0 where exact."""
    epsilon: float
    """The same as a share of the score of the way left out and `grain`, the greatest of all
    objectives [-]."""
    grain: NDArray[np.float64]
    """What is added to scores before shares are taken of them, shape (a + p + 1,)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Labels:
    """Ways from the first node to one node, and what each of them stands for."""

    amounts: NDArray[np.float64]
    peaks: NDArray[np.float64]
    rates: NDArray[np.float64]
    low_amounts: NDArray[np.float64]
    """Least of each among the ways to this node that the label stands for, itself included."""
    low_peaks: NDArray[np.float64]
    low_rates: NDArray[np.float64]
    stands: NDArray[np.bool_]
    """Whether it stands for any way that it does not beat."""
    leg: NDArray[np.int64]
    """Last leg."""
    before: NDArray[np.int64]
    """Label that it continues, at the start of that leg."""

    def taken(self, which: NDArray[np.int64]) -> "_Labels":
        return _Labels(*(getattr(self, name)[which] for name in _Labels.__slots__))

    @staticmethod
    def joined(parts: "Sequence[_Labels]") -> "_Labels":
        return _Labels(
            *(np.concatenate([getattr(p, name) for p in parts]) for name in _Labels.__slots__)
        )

    def scores(self, ahead: "_Ahead") -> NDArray[np.float64]:
        return scored(
            self.amounts + ahead.amounts,
            np.maximum(self.peaks, ahead.peaks),
            self.rates + ahead.least_rates,
        )

    def low_scores(self, ahead: "_Ahead") -> NDArray[np.float64]:
        return scored(
            self.low_amounts + ahead.amounts,
            np.maximum(self.low_peaks, ahead.peaks),
            self.low_rates + ahead.least_rates,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Ahead:
    """Bounds of what ways from a node to the last one add."""

    amounts: NDArray[np.float64]
    """Least of each amount, each for itself."""
    peaks: NDArray[np.float64]
    least_rates: NDArray[np.float64]
    most_rates: NDArray[np.float64]


def best(
    legs: Sequence[Leg],
    start: str,
    end: str,
    *,
    most: int = MOST,
    width: int = WIDTH,
    grain: NDArray[np.float64] | None = None,
) -> Best:
    """
    Find the ways that no other way beats.

    Parameters
    ----------
    legs
        The network, in any order.
    start, end
        The two nodes.
    most
        Number of ways up to which all of them are looked at.
    width
        Labels kept at a node at most, where there are more ways.
    grain
        Score of each objective below which relative errors say nothing, at least 0, shape
        (a + p + 1,); a tenth of the span between the ways that are each the best in one amount or
        peak where it is not given.

    Returns
    -------
    best
        One way for each row of scores that no way beats. Where labels had to be left out, a set of
        ways that no other in the set beats, and how much better a way left out can be. The least of
        each amount and of each peak is in the set even then.

    Raises
    ------
    NoRouteError
        If there is no way.
    GeometryError
        If the network has a cycle, or legs do not fit each other.

    Notes
    -----
    More than `most` ways are found by labels (Martins 1984, not checked): node by node, in an order
    in which every leg leads forward, each way so far is a label, and one that can lead to nothing
    better than another is left out.

    *Why that is safe.* Let labels A and B end at the same node, and let x be any way from there to
    the end. Amounts of A + x are A_j + x_j, peaks max(A_j, x_j), closed days
    f(A + x) = sum_m d_m (1 - exp(-a_m - x_m)) with rates a_m. All three rise or stay with A, so if
    no amount, peak or rate of A is above that of B, A + x is nowhere worse than B + x, for every x:
    leaving out B loses nothing but ways that others equal or beat. The one that does is itself kept
    or nowhere worse than one that is kept.

    Rates of twelve months are rarely all in the same order, but only their sum in closed days
    counts. f(B + x) - f(A + x) = sum_m w_m (d_m exp(-a_m) - d_m exp(-b_m)) with w_m = exp(-x_m),
    and what is ahead bounds x_m, hence w_m. The sum is at least that with the least w_m where the
    bracket is above 0 and the greatest where it is below; if that is not below 0, A is nowhere
    worse in closed days. No other test would be: for each month some w takes these bounds. A peak
    counts as the least peak ahead where that is higher.

    *Where labels are thinned* each carries the least of each value among the ways that it stands
    for, and both grow with every leg alike: amounts by the same sum, peaks and closed days by
    functions that rise with them. So at the end a way W left out has W_j >= low_j of the label that
    stands for it, and no objective of W is better than that of the label by more than its score
    less low_j. This bound is reported, not the error itself, which may be far less. Those that stay
    are the best in each objective, then again and again the one that is stood for worst (Gonzalez
    1985, not checked).
    """
    net = network(legs, start, end)
    total = net.counts()[0]
    objectives = net.amounts.shape[1] + net.peaks.shape[1] + 1
    if grain is None:
        grain = _grain(net)
    grain = np.asarray(grain, np.float64)
    if grain.shape != (objectives,) or not np.all(grain >= 0) or width <= objectives:
        msg = (
            f"grain is {grain} and width {width}; wanted {objectives} values from 0 on, and more "
            "labels than objectives"
        )
        raise GeometryError(msg)
    if total <= most:
        ways = every(legs, start, end, most=most)
        within, epsilon = np.zeros(objectives), 0.0
    else:
        ways, within, epsilon = _by_labels(net, width, grain)
    which = unbeaten(ways.scores)
    return Best(
        ways=Ways(ways.legs, ways.steps[which], ways.scores[which]),
        count=total,
        exact=not within.any(),
        within=within,
        epsilon=epsilon,
        grain=grain,
    )


def joined(front: Best, more: Ways) -> Best:
    """
    Add ways found otherwise to a front.

    Parameters
    ----------
    front
        From `best`.
    more
        Other ways through the same network.

    Returns
    -------
    joined
        The ways of both that no other of them beats; what was said of ways left out holds for it
        as well.

    Raises
    ------
    GeometryError
        If the two are of different networks.
    """
    if front.ways.legs != more.legs:
        msg = (
            f"ways of {len(more.legs)} legs cannot join a front of {len(front.ways.legs)}: "
            "wanted both of one network"
        )
        raise GeometryError(msg)
    wide = max(front.ways.steps.shape[1], more.steps.shape[1])
    steps = np.concatenate(
        [
            np.pad(each.steps, ((0, 0), (0, wide - each.steps.shape[1])), constant_values=-1)
            for each in (front.ways, more)
        ]
    )
    scores = np.concatenate((front.ways.scores, more.scores))
    which = unbeaten(scores)
    return replace(front, ways=Ways(more.legs, steps[which], scores[which]))


def unbeaten(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """
    Give the first of each kind of equal rows that no other row beats, rows ascending.

    Scores that differ by no more than `ROUNDING` of the greatest finite one of their column count
    as equal: sums of the same legs in another order do.
    """
    known = np.where(np.isfinite(scores), scores, 0.0).max(axis=0)
    unit = ROUNDING * np.where(known > 0, known, 1.0)
    rows, first = np.unique(np.round(scores / unit), axis=0, return_index=True)
    return np.asarray(first[beaters(rows) < 0])


def _by_labels(
    net: Net, width: int, grain: NDArray[np.float64]
) -> tuple[Ways, NDArray[np.float64], float]:
    """Ways to the last node, how much better others can be, and that as a share."""
    bounds = _bounds(net)
    labels = [_first(net)]
    for node in range(1, net.nodes):
        new = _Labels.joined([_led_on(net, labels[net.tail[leg]], leg) for leg in net.into(node)])
        if node < net.nodes - 1:
            new = _thinned(new, bounds[node], width, grain)
        labels.append(new)
    low = labels[-1].low_scores(bounds[-1])[labels[-1].stands]
    priced = _cheapest(net, _weightings(net), join=np.add)
    found = ways_by_node(net, np.concatenate((_traced(net, labels), priced)))
    which = unbeaten(found.scores)
    ways = Ways(found.legs, found.steps[which], found.scores[which])
    within, epsilon = np.zeros(len(grain)), 0.0
    if len(low):
        scale = np.maximum(low + grain, TINY)
        nearest = np.zeros(len(low), np.int64)
        far = np.full(len(low), np.inf)
        rows = np.arange(len(which))
        _stand(rows, ways.scores, low, 1 / scale, far, nearest, any_will_do=True)
        within = _over(ways.scores[nearest], low).max(axis=0)
        epsilon = float(far.max())
    return ways, within, epsilon


def _weightings(net: Net) -> NDArray[np.float64]:
    """Price of each leg by many weightings of what adds up, shape (legs, weightings)."""
    parts = np.column_stack((net.amounts, net.rates @ MONTH_DAYS))
    scale = np.array([c[np.isfinite(c)].sum() for c in parts.T])
    parts = parts[:, scale > 0] / scale[scale > 0]
    rng = np.random.default_rng(SEED)
    draws = rng.dirichlet(np.ones(max(1, parts.shape[1])), DRAWS)[:, : parts.shape[1]]
    weights = np.maximum(draws, TINY)
    prices = np.zeros((len(parts), DRAWS))
    for part, weight in zip(parts.T, weights.T, strict=True):
        prices += part[:, None] * weight
    return prices


def _cheapest(net: Net, prices: NDArray[np.float64], *, join: np.ufunc) -> NDArray[np.int32]:
    """Legs of the cheapest way by each column of prices, by the node at which they begin."""
    draws = np.arange(prices.shape[1])
    ahead = np.zeros((net.nodes, len(draws)))
    leads = np.zeros((net.nodes, len(draws)), np.int64)
    for node in range(net.nodes - 2, -1, -1):
        out = net.out_of(node)
        sums = join(prices[out], ahead[net.head[out]])
        leads[node] = out[sums.argmin(axis=0)]
        ahead[node] = sums.min(axis=0)
    taken = np.full((len(draws), net.nodes - 1), -1, np.int32)
    at = np.zeros(len(draws), np.int64)
    for node in range(net.nodes - 1):
        here = draws[at == node]
        taken[here, node] = leads[node, here]
        at[here] = net.head[leads[node, here]]
    return taken


def _thinned(labels: _Labels, ahead: _Ahead, width: int, grain: NDArray[np.float64]) -> _Labels:
    """Labels that no other makes needless, at most `width`; they stand for those left out."""
    own = labels.scores(ahead)
    last = closed(labels.rates + ahead.most_rates)
    by = beaters(
        np.column_stack((labels.amounts, own[:, labels.amounts.shape[1] :], last)),
        open_days=MONTH_DAYS * np.exp(-labels.rates),
        least=np.exp(-ahead.most_rates),
        most=np.exp(-ahead.least_rates),
    )
    kept = np.flatnonzero(by < 0)
    pool = np.flatnonzero((by >= 0) & labels.stands)
    if len(kept) <= width and not pool.size:
        return labels.taken(kept)
    pool = np.concatenate((kept, pool))
    low = labels.low_scores(ahead)[pool]
    scale = np.maximum(low + grain, TINY)
    stay, nearest = _farthest(own[pool], low, scale, of=len(kept), width=width)
    out = labels.taken(pool[stay])
    left = np.ones(len(pool), np.bool_)
    left[stay] = False
    place = np.empty(len(pool), np.int64)
    place[stay] = np.arange(len(stay))
    to, whom = place[nearest[left]], pool[left]
    np.minimum.at(out.low_amounts, to, labels.low_amounts[whom])
    np.minimum.at(out.low_peaks, to, labels.low_peaks[whom])
    np.minimum.at(out.low_rates, to, labels.low_rates[whom])
    out.stands[to] = True
    return out


def _farthest(
    own: NDArray[np.float64],
    low: NDArray[np.float64],
    scale: NDArray[np.float64],
    *,
    of: int,
    width: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """
    Choose rows that stand for all rows.

    Parameters
    ----------
    own
        Scores, shape (n, k).
    low
        Least scores that each row stands for, shape (n, k).
    scale
        What differences are shares of, shape (n, k).
    of
        Only the first `of` rows are chosen.
    width
        Rows chosen at most, where that is more than the columns; else all the first.

    Returns
    -------
    stay
        Rows that are chosen.
    nearest
        For each row the chosen one that is worse by the least share, shape (n,).
    """
    stay = np.arange(of)
    if of > width:
        stay = np.unique(own[:of].argmin(axis=0))
    chosen = [int(row) for row in stay]
    far = np.full(len(low), np.inf)
    nearest = np.full(len(low), stay[0])
    inverse = 1 / scale
    _stand(stay, own, low, inverse, far, nearest, any_will_do=False)
    free = np.ones(of, np.bool_)
    free[stay] = False
    while len(chosen) < width and free.any():
        row = int(np.where(free, far[:of], -1.0).argmax())
        chosen.append(row)
        free[row] = False
        _stand(np.array([row]), own, low, inverse, far, nearest, any_will_do=False)
    return np.array(chosen), nearest


@njit(cache=True, nogil=True)
def _stand(
    rows: NDArray[np.int64],
    own: NDArray[np.float64],
    low: NDArray[np.float64],
    inverse: NDArray[np.float64],
    far: NDArray[np.float64],
    nearest: NDArray[np.int64],
    *,
    any_will_do: bool,
) -> None:
    """
    Let rows stand for those that they are nearer to than all rows before.

    Where any will do that leaves the farthest of all as near, the first such is taken.
    """
    enough = 0.0
    for other in range(len(low)):
        limit = far[other]
        for row in rows:
            worst = 0.0
            for column in range(own.shape[1]):
                share = (own[row, column] - low[other, column]) * inverse[other, column]
                if share > worst:  # never where both are infinite
                    worst = share
                    if worst >= limit:
                        break
            if worst < limit:
                limit = worst
                nearest[other] = row
                if any_will_do and limit <= enough:
                    break
        far[other] = limit
        enough = max(enough, limit)


def _over(one: NDArray[np.float64], low: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much one is above the other; 0 where both are infinite."""
    return np.subtract(one, low, out=np.zeros(one.shape), where=one > low)


def _bounds(net: Net) -> list[_Ahead]:
    """Bound what ways from each node to the last one add."""
    bounds = [_Ahead(*(np.zeros(n) for n in (net.amounts.shape[1], net.peaks.shape[1], 12, 12)))]
    bounds = bounds * net.nodes
    for node in range(net.nodes - 2, -1, -1):
        out = net.out_of(node)
        then = [bounds[head] for head in net.head[out]]
        bounds[node] = _Ahead(
            (net.amounts[out] + [ahead.amounts for ahead in then]).min(axis=0),
            np.maximum(net.peaks[out], [ahead.peaks for ahead in then]).min(axis=0),
            (net.rates[out] + [ahead.least_rates for ahead in then]).min(axis=0),
            (net.rates[out] + [ahead.most_rates for ahead in then]).max(axis=0),
        )
    return bounds


def _grain(net: Net) -> NDArray[np.float64]:
    """Share of the span of each objective between the ways that are best in one amount or peak."""
    taken = np.concatenate(
        (_cheapest(net, net.amounts, join=np.add), _cheapest(net, net.peaks, join=np.maximum))
    )
    if not len(taken):
        return np.zeros(1)
    scores = ways_by_node(net, taken).scores
    scores = np.where(np.isfinite(scores), scores, np.nan)
    known = ~np.isnan(scores).all(axis=0)
    grain = np.zeros(scores.shape[1])
    grain[known] = GRAIN * np.ptp(_filled(scores[:, known]), axis=0)
    return grain


def _filled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the least of its column in place of what is unknown."""
    return np.where(np.isnan(scores), np.nanmin(scores, axis=0), scores)


def _first(net: Net) -> _Labels:
    """Give the one way that has not set out yet."""
    amounts, peaks, rates = (
        np.zeros((1, n)) for n in (net.amounts.shape[1], net.peaks.shape[1], MONTHS)
    )
    none = np.full(1, -1)
    return _Labels(amounts, peaks, rates, amounts, peaks, rates, np.zeros(1, np.bool_), none, none)


def _led_on(net: Net, labels: _Labels, leg: int) -> _Labels:
    """Lead ways on by one more leg."""
    n = len(labels.leg)
    return _Labels(
        labels.amounts + net.amounts[leg],
        np.maximum(labels.peaks, net.peaks[leg]),
        labels.rates + net.rates[leg],
        labels.low_amounts + net.amounts[leg],
        np.maximum(labels.low_peaks, net.peaks[leg]),
        labels.low_rates + net.rates[leg],
        labels.stands,
        np.full(n, leg),
        np.arange(n),
    )


def _traced(net: Net, labels: Sequence[_Labels]) -> NDArray[np.int32]:
    """Legs of the labels of the last node, by the node at which they begin."""
    n = len(labels[-1].leg)
    taken = np.full((n, net.nodes - 1), -1, np.int32)
    at, label = np.full(n, net.nodes - 1), np.arange(n)
    for node in range(net.nodes - 1, 0, -1):
        here = np.flatnonzero(at == node)
        legs = labels[node].leg[label[here]]
        taken[here, net.tail[legs]] = legs
        at[here], label[here] = net.tail[legs], labels[node].before[label[here]]
    return taken
