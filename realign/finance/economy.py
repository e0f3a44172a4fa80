"""The return to the economy: what building costs against what users save, at constant prices."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from realign.errors import InputError
from realign.finance.terms import Economy

_STEEPEST = 512.0  # logarithm of a rate beyond which none is looked for


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Costs and benefits of consecutive years, at constant prices."""

    first: int
    """Calendar year of the first entry."""
    costs: NDArray[np.float64]
    """Cost to the economy, shape (n,) [PKR]."""
    benefits: NDArray[np.float64]
    """Savings of users, and what the works are worth after the last year, shape (n,) [PKR]."""

    @property
    def net(self) -> NDArray[np.float64]:
        """Benefits less costs, shape (n,) [PKR]."""
        return self.benefits - self.costs


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What a programme brings to the economy."""

    present: tuple[tuple[float, float, float], ...]
    """
    Rate of discount [% a year], net present value in the first year [PKR], and present benefits
    over present costs [-]; the latter is infinite where nothing is spent.
    """
    eirr_pct: float | None
    """Economic internal rate of return [% a year]; None where there is not one such rate."""
    payback: int | None
    """First calendar year from whose end on the benefits have made up for the costs, not
    discounted; None where they never do."""


def grown(saved: float, *, of: int, years: Sequence[int], growth_pct: float) -> NDArray[np.float64]:
    """
    Let the savings of users grow with the traffic.

    Parameters
    ----------
    saved
        Savings at the traffic of the year `of` [PKR a year].
    of
        Calendar year of that traffic.
    years
        Calendar years asked.
    growth_pct
        Growth [% a year].

    Returns
    -------
    savings
        saved (1 + g)^(year - of), shape of `years` [PKR].

    Examples
    --------
    >>> grown(100.0, of=2025, years=(2025, 2027), growth_pct=10.0).round(6)
    array([100., 121.])
    """
    return np.asarray(saved * (1 + growth_pct / 100) ** (np.asarray(years, np.float64) - of))


def stream(
    first: int, building: ArrayLike, upkeep: ArrayLike, saved: ArrayLike, economy: Economy
) -> Stream:
    """
    Put the years together in which a programme is judged.

    Parameters
    ----------
    first
        Calendar year of the first entry.
    building, upkeep
        Cost of building, and upkeep over that of doing nothing, by year; shape (n,) [PKR at the
        price date]. Upkeep is below 0 where the old road costs more.
    saved
        What users save by year, shape (n,) [PKR at the price date].
    economy
        Years that count, conversion of costs, and what the works are worth in the end.

    Returns
    -------
    stream
        Until `economy.years` after the last year of building, or to the last entry if that is
        earlier.

    Raises
    ------
    InputError
        If the arrays differ in length, are empty, or hold what is not finite, or if building has a
        negative cost.
    """
    rows = [np.atleast_1d(np.asarray(row, np.float64)) for row in (building, upkeep, saved)]
    shapes = [row.shape for row in rows]
    if len(set(shapes)) > 1 or rows[0].ndim != 1 or not rows[0].size:
        msg = f"building, upkeep and savings have the shapes {shapes}; wanted one and the same (n,)"
        raise InputError(msg)
    if not all(np.isfinite(row).all() for row in rows) or (rows[0] < 0).any():
        msg = "building, upkeep and savings have to be finite in every year, building 0 or more"
        raise InputError(msg)
    spent = np.flatnonzero(rows[0])
    end = (spent[-1] + 1 if spent.size else 0) + economy.years
    built, kept, used = (row[:end] for row in rows)
    benefits = used.copy()
    benefits[-1] += economy.residual * economy.conversion * built.sum()
    return Stream(first, economy.conversion * (built + kept), benefits)


def npv(amounts: ArrayLike, *, discount_pct: float) -> float:
    """
    Net present value in the first year: the sum of a_t / (1 + d)^t; at 0 % the sum.

    Examples
    --------
    >>> npv([-100, 60, 60], discount_pct=0)
    20.0
    >>> round(npv([-100, 0, 242], discount_pct=10), 9)
    100.0
    """
    row = np.asarray(amounts, np.float64)
    return float(math.fsum(row * (1 + discount_pct / 100) ** -np.arange(row.size, dtype=float)))


def eirr(net: ArrayLike) -> float | None:
    """
    Rate of discount at which a net stream is worth nothing.

    It is given only where it is the only one: where the stream changes its sign once (one root
    above -100 %, by Descartes' rule), or else its running sum does (one root above 0, Norstrom
    1972; cited from memory, not checked).

    Parameters
    ----------
    net
        Benefits less costs by year, shape (n,).

    Returns
    -------
    rate
        [% a year]; None where no sign changes, or where there may be several rates.

    Examples
    --------
    >>> round(eirr([-100, 0, 121]), 9)
    10.0
    >>> eirr([100, 0, 121]) is None
    True
    """
    row = np.trim_zeros(np.asarray(net, np.float64))
    if _changes(row) == 1:
        lowest = -_STEEPEST
    elif _changes(np.cumsum(row)) == 1:
        lowest = 0.0
    else:
        return None
    scaled, years = row / np.abs(row).max(), np.arange(row.size, dtype=float)

    def worth(pace: float) -> float:
        """Value at the rate exp(pace) - 1, in the first year or, below 0, in the last."""
        return math.fsum(scaled * np.exp(-pace * (years if pace >= 0 else years - years[-1])))

    low, high = -1e-3, 1e-3
    while low > lowest and np.sign(worth(low)) == np.sign(row[0]):
        low *= 2
    while high < _STEEPEST and np.sign(worth(high)) != np.sign(row[0]):
        high *= 2
    low = max(low, lowest)
    if np.sign(worth(low)) == np.sign(worth(high)):
        return None
    return 100 * math.expm1(float(brentq(worth, low, high, xtol=1e-14)))


def appraised(found: Stream, economy: Economy) -> Appraisal:
    """Judge a stream at the rates of discount of the study."""
    present = []
    for rate in economy.discounts_pct:
        costs = npv(found.costs, discount_pct=rate)
        benefits = npv(found.benefits, discount_pct=rate)
        present.append((rate, benefits - costs, benefits / costs if costs > 0 else math.inf))
    return Appraisal(tuple(present), eirr(found.net), _payback(found))


def _payback(found: Stream) -> int | None:
    """Year after which the running sum of the net stream never is below nothing again."""
    below = np.flatnonzero(np.cumsum(found.net) < 0)
    last = int(below[-1]) + 1 if below.size else 0
    return found.first + last if last < found.net.size else None


def _changes(row: NDArray[np.float64]) -> int:
    """How often the sign changes, zeros left out."""
    signs = np.sign(row[row != 0])
    return int(np.count_nonzero(signs[1:] != signs[:-1]))
