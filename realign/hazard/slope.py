"""What the slope above and below a road does to it: exposure to rockfall and slides."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from realign.settings import Settings

SPREAD_DEG = 3.41
"""Scale of the curve: from 0.1 to 0.9 over 15 degrees [deg]."""


class Protection(Settings):
    """The table `[hazard]`: where a road is covered."""

    gallery_exposure: float = Field(default=0.99, gt=0, le=1)
    """Exposure from which on open road lies under a gallery [0-1]."""
    gallery_least_m: float = Field(default=60.0, gt=0, le=1e5)
    """Shorter stretches of it are left open [m]."""


def exposure(slope: NDArray[np.floating], steep_deg: float) -> NDArray[np.float64]:
    """
    How much open road is exposed to rockfall and slides from the slope it lies on.

    Parameters
    ----------
    slope
        Slope of the ground, without sign, any shape [m/m].
    steep_deg
        Slope at which the exposure is one half [deg].

    Returns
    -------
    exposure
        Between 0 and 1, same shape; a logistic curve of the slope angle. An
        assumption that later calibration may replace, see docs/method.md.

    Examples
    --------
    >>> exposure(np.array([0.0, 0.7002, 2.0]), steep_deg=35).round(2)
    array([0. , 0.5, 1. ])
    """
    angle = np.degrees(np.arctan(np.asarray(slope, np.float64)))
    return np.asarray(1 / (1 + np.exp(-(angle - steep_deg) / SPREAD_DEG)))
