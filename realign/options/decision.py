"""Options weighed against each other, and how far weights may change before another one wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from realign.errors import GeometryError, NoRouteError
from realign.options.front import front
from realign.options.labels import WIDTH
from realign.options.ways import MOST
from realign.settings import Settings

DRAWS = 20_000
"""Weightings that are drawn."""
ROUNDING = 1e-12
"""Share by which totals may differ and still count as equal when draws are won."""
NEAR = 0.5
"""Share by which each weight is drawn up or down, for weightings near the given ones."""


class Weighing(Settings):
    """The table `[options]`: how options are found and weighed against each other."""

    weights: dict[str, Annotated[float, Field(ge=0, le=1e6)]] = Field(default_factory=dict)
    """Weight of each objective, by its name; only their ratio counts, and one not named counts 0.
    All count the same where none is given."""
    shortlist_least: int = Field(default=5, ge=1, le=1000)
    """Options that are shortlisted at least, where so many differ."""
    shortlist_most: int = Field(default=8, ge=1, le=1000)
    """Options that are shortlisted at most."""
    alike: float = Field(default=0.7, ge=0, le=1)
    """Share of its length that an option may have in the same roads as another on the shortlist
    [-]."""
    most_ways: int = Field(default=MOST, ge=1, le=10**7)
    """Number of whole ways up to which each of them is looked at."""
    width: int = Field(default=WIDTH, ge=10, le=10**6)
    """Ways to a place that are followed at most where there are more; more of them make the front
    surer and take longer, and there have to be more than objectives."""
    stretch_m: float = Field(default=15000.0, ge=1, le=1e7)
    """Least length of existing road that is kept or upgraded as a whole, between places [m]."""
    replace_m: float = Field(default=0.0, ge=0, le=1e7)
    """Length from which on such a stretch may be replaced by a new road as well [m]; 0 for none."""
    farmland: tuple[str, ...] = (
        "farmland",
        "farmyard",
        "orchard",
        "vineyard",
        "meadow",
        "allotments",
    )
    """Classes of land use, of the layers that list land, which count as farmland."""

    @model_validator(mode="after")
    def _fits(self) -> "Weighing":
        if self.shortlist_least > self.shortlist_most:
            msg = (
                f"shortlist_least: found {self.shortlist_least}, wanted at most shortlist_most, "
                f"{self.shortlist_most}"
            )
            raise ValueError(msg)
        if self.weights and not any(self.weights.values()):
            msg = "weights: found 0 for all, wanted at least one above"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class Objective:
    """What options are compared by; the less the better."""

    name: str
    """Name."""
    unit: str
    """Unit of its scores."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table:
    """Options in rows, objectives in columns, and what they come to."""

    options: tuple[str, ...]
    """Names of the options."""
    objectives: tuple[Objective, ...]
    """What they are compared by."""
    weights: NDArray[np.float64]
    """Weight of each objective, shape (objectives,); their sum is 1."""
    scores: NDArray[np.float64]
    """Scores in the units of the objectives, shape (options, objectives)."""
    parts: NDArray[np.float64]
    """The same between 0, the best of the options compared, and 1, the worst; infinite for options
    that have an infinite score, which are not compared. Shape (options, objectives) [0-1]."""
    totals: NDArray[np.float64]
    """Weighted sum of the parts, shape (options,) [0-1]; infinite where a score is."""
    unbeaten: NDArray[np.bool_]
    """Whether no other option is nowhere worse and somewhere better, shape (options,)."""
    rank: NDArray[np.int64]
    """Place of each option, 1 for the best, shape (options,). Of equal totals one that is not
    beaten comes first, then the first by name."""

    @property
    def winner(self) -> str:
        """Name of the first of all."""
        return self.options[int(self.rank.argmin())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stable:
    """Between which weights of one objective the winner stays, the others in proportion."""

    objective: Objective
    """The objective."""
    weight: float
    """Its weight [0-1]."""
    low: float
    """Least weight with which the winner stays [0-1]."""
    high: float
    """Greatest weight with which the winner stays [0-1]."""
    below: str
    """Option that takes over below `low`; empty where the winner stays down to 0."""
    above: str
    """Option that takes over above `high`; empty where the winner stays up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wins:
    """How often an option wins when weights are drawn; equal winners share."""

    option: str
    """Name of the option."""
    everywhere: float
    """Share of all weightings [0-1]."""
    everywhere_error: float
    """Its standard error [0-1]."""
    near: float
    """Share of weightings with each weight up to half smaller or greater than given [0-1]."""
    near_error: float
    """Its standard error [0-1]."""


def table(
    options: Sequence[str],
    scores: ArrayLike,
    objectives: Sequence[Objective],
    *,
    weights: Mapping[str, float],
) -> Table:
    """
    Weigh options against each other by a weighted sum of what they score.

    Part of option o in objective j: (score - best) / (worst - best), with the best and the worst of
    the options compared; 0 where all are the same. So a weight says what the whole span of an
    objective counts, units do not matter, and an option that is added may change the order of the
    others where it widens a span (rank reversal, Belton and Gear 1983, not checked). Options with
    an infinite score lose whatever the weights, and no span counts them.

    Parameters
    ----------
    options
        Names, each once.
    scores
        The less the better, shape (options, objectives).
    objectives
        What the columns are.
    weights
        Weight by name of objective, at least 0, not all 0; one that is not named counts 0, all
        count the same where none is.

    Raises
    ------
    GeometryError
        If names repeat, shapes do not fit, a score is NaN or minus infinity, or weights cannot be.
    NoRouteError
        If every option has an infinite score.
    """
    scores = np.array(scores, np.float64)
    _fits(options, scores, objectives)
    finite = np.isfinite(scores).all(axis=1)
    if not finite.any():
        msg = "every option has an infinite score; wanted one whose road is not cut"
        raise NoRouteError(msg)
    shares = _weights(objectives, weights)
    parts = np.full(scores.shape, np.inf)
    parts[finite] = normalised(scores[finite])
    totals = np.full(len(scores), np.inf)
    totals[finite] = (parts[finite] * shares).sum(axis=1)
    unbeaten = front(scores)
    rank = np.empty(len(scores), np.int64)
    rank[np.lexsort((np.array(options), ~unbeaten, totals))] = np.arange(1, len(scores) + 1)
    return Table(
        options=tuple(options),
        objectives=tuple(objectives),
        weights=shares,
        scores=scores,
        parts=parts,
        totals=totals,
        unbeaten=unbeaten,
        rank=rank,
    )


def normalised(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Put finite scores between the best and the worst of each objective.

    Parameters
    ----------
    scores
        Finite scores, shape (n, k).

    Returns
    -------
    parts
        0 for the best and 1 for the worst of a column, 0 where all are the same, shape (n, k).
    """
    span = np.ptp(scores, axis=0)
    parts = np.divide(scores - scores.min(axis=0), span, out=np.zeros(scores.shape), where=span > 0)
    return np.asarray(parts)


def stable(table: Table) -> tuple[Stable, ...]:
    """
    Find for each objective the weights with which the winner stays.

    With weight t of objective j and the others in proportion the total of option o is
    t part_oj + (1 - t) rest_o, a straight line, where rest_o is the sum over the other objectives
    with weights whose sum is 1; where these are all 0 they count the same. The winner stays up to
    the first weight at which the line of another crosses its own.
    """
    rivals = np.flatnonzero(np.isfinite(table.totals) & table.unbeaten)
    parts = table.parts[rivals]
    names = [table.options[rival] for rival in rivals]
    won = names.index(table.winner)
    return tuple(
        _stable(table, column, parts, names, won) for column in range(len(table.objectives))
    )


def wins(table: Table, *, seed: int, draws: int = DRAWS) -> tuple[Wins, ...]:
    """
    Draw weights and count which option wins.

    All weightings are drawn alike (Dirichlet with ones); near ones are the given weights, each
    times an even draw from 1 - `NEAR` to 1 + `NEAR`. The standard error is that of the mean of as
    many independent draws.

    Parameters
    ----------
    table
        The options.
    seed
        Seed of the draws.
    draws
        Number of draws of each kind.

    Returns
    -------
    wins
        For each option, in the order of the table. Options that are beaten win never.
    """
    rng = np.random.default_rng(seed)
    k = len(table.objectives)
    everywhere = _won(table, rng.dirichlet(np.ones(k), draws))
    near = _won(table, table.weights * rng.uniform(1 - NEAR, 1 + NEAR, (draws, k)))
    return tuple(
        Wins(option=name, everywhere=a, everywhere_error=a_error, near=b, near_error=b_error)
        for name, (a, a_error), (b, b_error) in zip(table.options, everywhere, near, strict=True)
    )


def _fits(
    options: Sequence[str], scores: NDArray[np.float64], objectives: Sequence[Objective]
) -> None:
    for kind, names in (("option", options), ("objective", [each.name for each in objectives])):
        if not names or len(set(names)) < len(names):
            msg = f"{kind}s are {', '.join(names) or 'none'}; wanted one or more, each once"
            raise GeometryError(msg)
    if scores.shape != (len(options), len(objectives)):
        msg = (
            f"scores have the shape {scores.shape}; wanted {len(options)} options by "
            f"{len(objectives)} objectives"
        )
        raise GeometryError(msg)
    if np.isnan(scores).any() or np.isneginf(scores).any():
        row, column = np.argwhere(np.isnan(scores) | np.isneginf(scores))[0]
        msg = (
            f"option '{options[row]}' scores {scores[row, column]} in "
            f"'{objectives[column].name}'; wanted a number or infinity"
        )
        raise GeometryError(msg)


def _weights(objectives: Sequence[Objective], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Weights of the objectives; their sum is 1."""
    names = [each.name for each in objectives]
    unknown = sorted(set(weights) - set(names))
    if unknown:
        msg = f"a weight is given for '{unknown[0]}'; the objectives are {', '.join(names)}"
        raise GeometryError(msg)
    given = np.array([weights.get(name, 0.0 if weights else 1.0) for name in names])
    if not (np.all(given >= 0) and 0 < given.sum() < np.inf):
        msg = f"weights are {given}; wanted values from 0 on, not all 0"
        raise GeometryError(msg)
    return np.asarray(given / given.sum())


def _stable(
    table: Table, column: int, parts: NDArray[np.float64], names: Sequence[str], won: int
) -> Stable:
    weight = float(table.weights[column])
    others = np.delete(table.weights, column)
    if not others.sum() > 0:
        others = np.ones(len(others))
    rest = np.zeros(len(parts))
    if len(others):
        rest = (np.delete(parts, column, axis=1) * (others / others.sum())).sum(axis=1)
    steep = parts[:, column] - rest
    gap, turn = rest - rest[won], steep - steep[won]  # a rival leads by -(gap + turn t)
    ends = {}
    for side, limit in ((-1, 0.0), (1, 1.0)):
        nears = np.flatnonzero(side * turn < 0).tolist()
        at = np.clip(-gap[nears] / turn[nears], min(weight, limit), max(weight, limit))
        meets = [
            (side * float(t), side * float(turn[rival]), names[rival])
            for t, rival in zip(at, nears, strict=True)
            if side * (limit - t) > 0
        ]
        nearest = min(meets, default=(side * limit, 0.0, ""))
        ends[side] = (side * nearest[0], nearest[2])
    return Stable(
        objective=table.objectives[column],
        weight=weight,
        low=ends[-1][0],
        high=ends[1][0],
        below=ends[-1][1],
        above=ends[1][1],
    )


def _won(table: Table, weights: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Mean share of the wins of each option and its standard error."""
    rivals = np.flatnonzero(np.isfinite(table.totals) & table.unbeaten)
    shares = np.zeros((len(weights), len(table.options)))
    totals = weights @ table.parts[rivals].T
    best = totals <= totals.min(axis=1, keepdims=True) * (1 + ROUNDING)
    shares[:, rivals] = best / best.sum(axis=1, keepdims=True)
    error = shares.std(axis=0) / np.sqrt(len(weights))
    return [(float(a), float(b)) for a, b in zip(shares.mean(axis=0), error, strict=True)]
