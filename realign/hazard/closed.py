"""From closures to an open road: chance by month, closed days, and what protections buy."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from realign.errors import GeometryError
from realign.hazard.along import Along
from realign.hazard.rules import DEBRIS, Rules

__all__ = ["MONTH_DAYS", "PROTECTIONS", "Built", "closed_days", "left", "open_by_month"]

MONTH_DAYS = np.array([31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0])
"""Days of the months of a normal year, shape (12,) [days]."""
PROTECTIONS = ("gallery", "bridge", "clearance")
"""What may be built or kept on a piece of road; a tunnel is a form and no protection."""

Built = Mapping[str, NDArray[np.bool_]]
"""Pieces that have a protection, shape (n,), by its name in `PROTECTIONS`."""


def left(
    road: Along, rules: Rules, built: Built | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Closures and closed days that protections leave.

    Parameters
    ----------
    road
        Pieces of a road, rated by `rules`.
    rules
        What each protection leaves of each kind.
    built
        Pieces that have it; none where None.

    Returns
    -------
    closures
        By piece and kind, shape (n, 5) [1/year]; NaN where not judged.
    days
        Sum of their durations, shape (n, 5) [days/year]; NaN where not judged.

    Raises
    ------
    GeometryError
        A protection is not one of `PROTECTIONS`, or its mask is of another length.
    """
    closures, days = road.closures.copy(), road.days.copy()
    for name, mask in (built or {}).items():
        if name not in PROTECTIONS or np.shape(mask) != road.start.shape:
            msg = (
                f"found the protection {name!r} for {np.shape(mask)} pieces; wanted one of "
                f"{', '.join(PROTECTIONS)} for {road.start.shape}"
            )
            raise GeometryError(msg)
        for number, kind in enumerate(rules.kinds):
            here = mask & (road.gully == 0) if name == "bridge" and number == DEBRIS else mask
            part = np.where(here, getattr(kind, name), 1.0)
            days[:, number] *= part
            if name != "clearance":
                closures[:, number] *= part
    return closures, days


def open_by_month(road: Along, rules: Rules, built: Built | None = None) -> NDArray[np.float64]:
    """
    Chance that the road is open at a moment of each month.

    Closures come independently of each other (Poisson) and last D on average, whatever the
    distribution: the number that lasts at a moment is that of an M/G/infinity queue, Poisson with
    mean rate x D, and the road is open with chance exp(-sum of rate x D) over pieces and kinds.
    Pieces in series multiply. The rate is taken as even within a month, and closures as short
    against it. Real closures come in storms, many at a time: then fewer days are closed, and
    more is closed at once, than this says.

    Parameters
    ----------
    road, rules, built
        As for `left`.

    Returns
    -------
    chance
        January to December, shape (12,) [0-1]; kinds that are not judged count as none.
    """
    days = np.nansum(left(road, rules, built)[1], axis=0)
    months = np.array([kind.months for kind in rules.kinds])
    return np.asarray(np.exp(-(days @ months) / MONTH_DAYS))


def closed_days(road: Along, rules: Rules, built: Built | None = None) -> float:
    """Expect so many days a year on which the road is closed somewhere [days/year]."""
    return float(((1 - open_by_month(road, rules, built)) * MONTH_DAYS).sum())
