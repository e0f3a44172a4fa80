"""A found road, as points with road levels, and what was paid for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString

from realign.chainage import Section
from realign.corridor.ground import Ground
from realign.corridor.layers import measured
from realign.corridor.price import Tariff, way_price
from realign.corridor.problem import Problem, Survey
from realign.corridor.search import Found
from realign.corridor.site import Gap, Variant

Tell = Callable[[str, int], None]
"""Called with what is going on and how many states were opened; may raise to cancel."""


@dataclass(frozen=True, slots=True, eq=False)
class Corridor:
    """A found road, as points with road levels."""

    gap: Gap
    """What it replaces."""
    variant: Variant
    """What was looked for."""
    x: NDArray[np.float64]
    """East of the points, shape (n,) [m]."""
    y: NDArray[np.float64]
    """North of the points, shape (n,) [m]."""
    level: NDArray[np.float64]
    """Road level at the points, shape (n,) [m above datum]."""
    paid: NDArray[np.float64]
    """Price of the new road from its start to each point, without preferences, shape (n,)."""
    section: Section
    """Old chainages of the tie-ins."""
    price: float
    """Price the search minimised, preferences included, in the currency of the rates."""
    bound: float
    """Lower bound of `price`: the cheapest way without regard to radius."""
    tracked: Mapping[str, float]
    """Measures of the tracked layers along the points, by name with unit."""
    band_m: float
    """Distance from the existing road up to which ground was looked at in the end [m]."""
    opened: int
    """States opened."""
    seconds: float
    """Time of the search [s]."""
    at_edge: bool
    """True where the road touches the edge of the ground that was looked at even so."""

    @property
    def construction(self) -> float:
        """Price of the new road alone, without preferences and without road kept."""
        return float(self.paid[-1])

    @property
    def optimality_gap(self) -> float:
        """Share by which the price may exceed that of the cheapest road at most [-]."""
        return self.price / self.bound - 1


def corridor(
    problem: Problem, survey: Survey, found: Found, *, unit: float, least: int
) -> Corridor:
    """
    Turn a way through the lattice into a road with its price.

    Parameters
    ----------
    problem, survey, found
        What was searched, on which ground, and what was found.
    unit
        What a unit of its price is worth.
    least
        Lower bound of its price [units].

    Returns
    -------
    corridor
        With no states opened and no time spent.
    """
    points = problem.points(survey.ground, found.cell, found.level)
    return Corridor(
        gap=problem.gap,
        variant=problem.variant,
        x=points[:, 0],
        y=points[:, 1],
        level=points[:, 2],
        paid=_paid(survey.ground, problem.tariff, found),
        section=Section(float(survey.leave[found.first]), float(survey.meet[found.last])),
        price=found.price * unit,
        bound=least * unit,
        tracked=measured(LineString(points[:, :2]), problem.site.layers),
        band_m=problem.rules.band_m,
        opened=0,
        seconds=0.0,
        at_edge=_at_edge(survey.band, survey.ground, found, int(problem.moves.step.max())),
    )


def _paid(ground: Ground, tariff: Tariff, found: Found) -> NDArray[np.float64]:
    """Price of a way from its start to each of its points without any preference."""
    plain = ground._replace(factor=np.ones_like(ground.factor))
    bare = tariff._replace(per_metre=0.0, weight=np.ones_like(tariff.weight))
    return way_price(plain, bare, found.cell, found.level)


def _at_edge(band: NDArray[np.bool_], ground: Ground, found: Found, move: int) -> bool:
    """Whether the road comes within a move [cells] of the edge of the band that was searched."""
    inner = ndimage.distance_transform_edt(np.pad(band, 1))[1:-1, 1:-1] > move
    return not bool(inner[ground.row[found.cell], ground.col[found.cell]].all())
