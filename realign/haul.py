"""
What becomes of the earth: from cut to fill along the road, from borrow pits, and to waste sites.

All volumes are counted as fill: a cubic metre of rock in the ground fills more than one of
embankment, one of soil less. The haul that costs least is a flow along the road, solved as a
linear program, so that the balance of every interval closes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from scipy.optimize import linprog

from realign.errors import GeometryError
from realign.rates import Rates
from realign.settings import Settings

KM = 1000.0
"""Metres in a kilometre."""
DUST = 1e-3
"""Less than this comes from the tolerance of the solver [m3]."""
UNIT = 1000.0
"""The linear program counts volumes in this [m3]."""


class Earth(Settings):
    """The table `[haul]`: what cut becomes as fill, and where borrow and waste may go."""

    rock_to_fill: float = Field(default=1.15, ge=0.1, le=10)
    """Fill that one cubic metre of rock in the ground makes [m3/m3]."""
    common_to_fill: float = Field(default=0.9, ge=0.1, le=10)
    """Fill that one cubic metre of common material in the ground makes [m3/m3]."""
    rock_swell: float = Field(default=1.5, ge=1, le=10)
    """Loose volume of one cubic metre of rock in the ground [m3/m3]."""
    common_swell: float = Field(default=1.25, ge=1, le=10)
    """Loose volume of one cubic metre of common material in the ground [m3/m3]."""
    tunnel_m2: float = Field(default=85.0, ge=0, le=10_000)
    """Rock that a metre of tunnel yields, overbreak included [m3/m]."""
    site_every_m: float = Field(default=5000.0, ge=10, le=1e6)
    """Distance between places at which earth may be borrowed and wasted, the first half of it from
    the start of a road [m]."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What moving earth costs, in the currency of the rates."""

    haul: float
    """A cubic metre of fill over a kilometre [/m3-km]."""
    borrow: float
    """A cubic metre of fill from a borrow pit, besides what fill costs [/m3]."""
    disposal: float
    """A cubic metre of fill left at a waste site, besides what its cut costs [/m3]."""


def prices(rates: Rates) -> Prices:
    """Read the base prices of haul, borrow and disposal."""
    base = {item: rates[item].price.base for item in ("haul", "borrow", "disposal")}
    return Prices(**base)


@dataclass(frozen=True, slots=True, eq=False)
class Moving:
    """What a grade line needs to know of earth that is moved along its road."""

    rules: Earth
    """What cut becomes as fill."""
    price: Prices
    """Haul, borrow and disposal."""
    site: NDArray[np.float64]
    """Chainages of borrow and waste, shape (k,) [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class MassHaul:
    """Where the earth of a road goes; every volume as fill."""

    station: NDArray[np.float64]
    """Ends of the intervals, ascending, shape (n,) [m]."""
    supply: NDArray[np.float64]
    """What cuts and tunnels of each interval yield, shape (n - 1,) [m3]."""
    fill: NDArray[np.float64]
    """What its fills take, shape (n - 1,) [m3]."""
    flow: NDArray[np.float64]
    """What passes from the middle of each interval to that of the next, positive ahead, shape
    (n - 2,) [m3]."""
    site: NDArray[np.float64]
    """Chainages of the places of borrow and waste, shape (k,) [m]."""
    borrowed: NDArray[np.float64]
    """What comes from each of them, shape (k,) [m3]."""
    wasted: NDArray[np.float64]
    """What goes to each of them, shape (k,) [m3]."""
    cost: float
    """Price of haul, borrow and disposal at base prices, in the currency of the rates."""

    @property
    def ordinate(self) -> NDArray[np.float64]:
        """Mass-haul ordinate: supply minus fill from the start to each station, shape (n,) [m3]."""
        return np.concatenate(([0.0], np.cumsum(self.supply - self.fill)))

    @property
    def moved(self) -> float:
        """Volume times distance over which it is hauled [m3-km]."""
        middle = (self.station[:-1] + self.station[1:]) / 2
        return float(np.abs(self.flow) @ np.diff(middle)) / KM

    def residual(self) -> NDArray[np.float64]:
        """Add up what the balance of each interval is off, shape (n - 1,) [m3]: rounding only."""
        off = self.supply - self.fill
        owner = owners(self.station, self.site)
        np.add.at(off, owner, self.borrowed - self.wasted)
        off[:-1] -= self.flow
        off[1:] += self.flow
        return off


def sites(length: float, every: float) -> NDArray[np.float64]:
    """
    Chainages at which earth may be borrowed and wasted.

    Parameters
    ----------
    length
        Length of the road [m].
    every
        Distance between them; the ends of the road are half of it away, or nearer [m].

    Returns
    -------
    chainages
        Evenly spaced, at least one, shape (k,) [m].

    Examples
    --------
    >>> sites(12_000.0, 5000.0).tolist()
    [2000.0, 6000.0, 10000.0]
    """
    count = max(int(np.ceil(length / every - 1e-9)), 1)
    return np.asarray((np.arange(count) + 0.5) * length / count)


def owners(station: NDArray[np.float64], site: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find the interval that each site lies in, shape (k,)."""
    return np.clip(np.searchsorted(station, site, side="right") - 1, 0, station.size - 2)


def hauled(
    station: NDArray[np.float64],
    supply: NDArray[np.float64],
    fill: NDArray[np.float64],
    site: NDArray[np.float64],
    price: Prices,
) -> MassHaul:
    """
    Move earth along a road at the least cost.

    Parameters
    ----------
    station
        Ends of the intervals, ascending, shape (n,) [m].
    supply
        What each interval yields, as fill, shape (n - 1,) [m3].
    fill
        What each interval takes, shape (n - 1,) [m3].
    site
        Chainages at which earth may be borrowed and wasted, at least one, shape (k,) [m].
    price
        Haul, borrow and disposal.

    Returns
    -------
    haul
        The cheapest, by a linear program (HiGHS): a flow from middle to middle of
        the intervals, whose balance closes in every one of them.

    Raises
    ------
    GeometryError
        No site is given, or a volume is negative or no number.
    """
    for name, volume in (("supply", supply), ("fill", fill)):
        if not (np.isfinite(volume) & (volume >= 0)).all():
            at = station[int(np.argmin(np.isfinite(volume) & (volume >= 0)))]
            msg = f"{name} of earth at {at:.0f} m: found a volume below 0 or none, wanted one"
            raise GeometryError(msg)
    if not site.size:
        msg = "earth cannot be balanced without a place of borrow and waste; wanted at least one"
        raise GeometryError(msg)
    n, k = supply.size, site.size
    apart = np.diff((station[:-1] + station[1:]) / 2) / KM
    answer = linprog(
        tolls(station, k, price),
        A_eq=flows(n, owners(station, site)),
        b_eq=(fill - supply) / UNIT,
        bounds=(0, None),
        method="highs",
    )
    if answer.x is None:
        msg = f"earth of {station[-1] / KM:.1f} km cannot be balanced: {answer.message}"
        raise GeometryError(msg)
    borrowed, wasted = np.split(np.maximum(answer.x[2 * n - 2 :], 0.0) * UNIT, 2)
    borrowed, wasted = (np.where(each < DUST, 0.0, each) for each in (borrowed, wasted))
    # what the solver's tolerance leaves goes to the last site, so that the balance closes
    left = float((supply - fill).sum() + (borrowed - wasted).sum())
    borrowed[-1] += max(-left, 0.0)
    wasted[-1] += max(left, 0.0)
    net = supply - fill
    np.add.at(net, owners(station, site), borrowed - wasted)
    flow = np.cumsum(net)[:-1]
    cost = price.haul * np.abs(flow) @ apart
    cost += price.borrow * borrowed.sum() + price.disposal * wasted.sum()
    return MassHaul(station, supply, fill, flow, site, borrowed, wasted, float(cost))


def flows(n: int, owner: NDArray[np.int64]) -> sparse.csr_array:
    """
    Rows of the balance of n intervals: what comes in less what goes out.

    Parameters
    ----------
    n
        Number of intervals.
    owner
        Interval of each site, shape (k,).

    Returns
    -------
    rows
        Shape (n, 2 (n - 1) + 2 k); columns are flows ahead, flows back, borrow and
        waste.
    """
    between = sparse.diags_array([-1.0, 1.0], offsets=[0, -1], shape=(n, n - 1))
    k = owner.size
    at = sparse.csr_array((np.ones(k), (owner, np.arange(k))), shape=(n, k))
    return sparse.csr_array(sparse.hstack((between, -between, at, -at)))


def tolls(station: NDArray[np.float64], k: int, price: Prices) -> NDArray[np.float64]:
    """
    Price of what the columns of `flows` stand for.

    Parameters
    ----------
    station
        Ends of the n intervals, shape (n + 1,) [m].
    k
        Number of sites.
    price
        Haul, borrow and disposal.

    Returns
    -------
    tolls
        Shape (2 (n - 1) + 2 k,) [/m3].
    """
    apart = np.diff((station[:-1] + station[1:]) / 2) / KM
    return np.concatenate(
        (np.tile(price.haul * apart, 2), np.full(k, price.borrow), np.full(k, price.disposal))
    )
