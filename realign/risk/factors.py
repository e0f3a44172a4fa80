"""What is uncertain, drawn: factors on cost and on time, and the shift of the water."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from realign.phasing import KINDS, Kind
from realign.risk.model import Model
from realign.risk.rules import Driver

GROUND: tuple[Kind, ...] = ("earthworks", "bridges", "tunnel")
"""Kinds whose quantities change with the level of the ground."""


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """What one or more drivers do to a programme."""

    cost: NDArray[np.float64]
    """Factor on the cost of each activity, shape (draws, n)."""
    time: NDArray[np.float64]
    """Factor on the time of each activity, shape (draws, n)."""
    shift: NDArray[np.float64]
    """Months by which the water comes later, shape (draws,)."""


def factors(of: Model, driver: Driver, draws: int, rng: Generator) -> Factors:
    """
    Draw what one driver does by itself.

    Parameters
    ----------
    of
        The programme.
    driver
        What varies.
    draws
        Number of draws.
    rng
        Generator of this driver alone.
    """
    one = np.ones((draws, len(of.kind)))
    none = np.zeros(draws)
    if driver in ("ground", "quantities"):
        grown = _grown(of, driver, draws, rng)
        return Factors(grown, grown, none)
    if driver == "productivity":
        return Factors(one, _slowness(of, draws, rng), none)
    if driver == "water":
        return Factors(one, one, _shift(of, draws, rng))
    return Factors(one * _dearer(of, driver, draws, rng), one, none)


def together(of: Model, parts: Mapping[Driver, Factors], draws: int) -> Factors:
    """Multiply what several drivers do, and add their shifts; none of them leaves the plan."""
    one = np.ones((draws, len(of.kind)))
    cost, time, shift = one, one, np.zeros(draws)
    for each in parts.values():
        cost, time, shift = cost * each.cost, time * each.time, shift + each.shift
    return Factors(cost, time, shift)


def ground(of: Model, draws: int, rng: Generator) -> NDArray[np.float64]:
    """
    Error of the ground at each lot: normal, with the correlation exp(-distance / length).

    From one lot to the next along the road it is r g + (1 - r^2)^0.5 z, which has exactly that
    correlation between any two (Ornstein-Uhlenbeck, the Gauss-Markov process on a line).

    Returns
    -------
    errors
        Shape (draws, lots) [m].
    """
    along = np.argsort(of.chainage, kind="stable")
    z = rng.standard_normal((draws, len(along)))
    length = of.risk.ground_correlation_m
    out = np.empty_like(z)
    out[:, along[0]] = z[:, 0]
    for k in range(1, len(along)):
        apart = of.chainage[along[k]] - of.chainage[along[k - 1]]
        r = float(np.exp(-apart / length)) if length > 0 else 0.0
        out[:, along[k]] = r * out[:, along[k - 1]] + (1 - r * r) ** 0.5 * z[:, k]
    return of.sigma * out


def _grown(of: Model, driver: Driver, draws: int, rng: Generator) -> NDArray[np.float64]:
    """Return factors on quantities, by the ground or by themselves, shape (draws, n)."""
    if driver == "quantities":
        return np.exp(_spread(of, of.risk.quantities) * _by_lot(of, draws, rng))
    grows = np.where(_in(of, GROUND), of.sensitivity[of.lot], 0.0)
    return np.exp(grows * ground(of, draws, rng)[:, of.lot])


def _dearer(of: Model, driver: Driver, draws: int, rng: Generator) -> NDArray[np.float64]:
    """Return factors on prices, by kind, for all or by the dollar, shape (draws, n or 1)."""
    if driver == "prices":
        return _prices(of, draws, rng)
    if driver == "exchange":
        return _exchange(of, draws, rng)
    return np.exp(of.risk.price_level * rng.standard_normal((draws, 1)))


def _in(of: Model, kinds: tuple[Kind, ...]) -> NDArray[np.bool_]:
    """Whether each activity is of some kinds, shape (n,)."""
    return np.isin(of.kind, [KINDS.index(kind) for kind in kinds])


def _spread(of: Model, by_kind: Mapping[Kind, float]) -> NDArray[np.float64]:
    """Spread of each activity by its kind, shape (n,); none where the kind is not named."""
    return np.array([by_kind.get(kind, 0.0) for kind in KINDS])[of.kind]


def _by_lot(of: Model, draws: int, rng: Generator) -> NDArray[np.float64]:
    """Draw normal deviates, one for each kind in each lot, shape (draws, n)."""
    z = rng.standard_normal((draws, len(of.chainage), len(KINDS)))
    return z[:, of.lot, of.kind]


def _prices(of: Model, draws: int, rng: Generator) -> NDArray[np.float64]:
    """Return factors on cost of two half lognormals a kind, joined at the base (draws, n)."""
    z = rng.standard_normal((draws, len(KINDS)))
    return np.exp(np.where(z < 0, of.below, of.above) * z)[:, of.kind]


def _exchange(of: Model, draws: int, rng: Generator) -> NDArray[np.float64]:
    """Return factors on cost of a dollar that walks at random from the price date (draws, n)."""
    years, place = np.unique(of.years, return_inverse=True)
    steps = rng.standard_normal((draws, len(years))) * np.diff(years, prepend=0.0) ** 0.5
    dollar = np.exp(of.risk.exchange * np.cumsum(steps, axis=1))[:, place]
    foreign = np.array([of.risk.foreign(kind) for kind in KINDS])[of.kind]
    factor: NDArray[np.float64] = 1.0 + foreign * (dollar - 1.0)
    return factor


def _slowness(of: Model, draws: int, rng: Generator) -> NDArray[np.float64]:
    """Return factors on time, in part shared by all lots of a kind, shape (draws, n)."""
    shared = of.risk.productivity_shared
    common = rng.standard_normal((draws, len(KINDS)))[:, of.kind]
    z: NDArray[np.float64] = shared**0.5 * common + (1 - shared) ** 0.5 * _by_lot(of, draws, rng)
    return np.exp(_spread(of, of.risk.productivity) * z)


def _shift(of: Model, draws: int, rng: Generator) -> NDArray[np.float64]:
    """Months by which the water comes later: triangular, shape (draws,)."""
    first, likely, last = of.risk.water_months
    u = rng.random(draws)
    width = last - first
    if width == 0:
        return np.full(draws, first)
    rising = first + (u * width * (likely - first)) ** 0.5
    falling = last - ((1 - u) * width * (last - likely)) ** 0.5
    shift: NDArray[np.float64] = np.where(u < (likely - first) / width, rising, falling)
    return shift
