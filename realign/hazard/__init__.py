"""
What closes a road, where, how often and for how long.

`survey` works out once what a region holds: slopes, gullies and their catchments, reach of
avalanches, rivers and their bends, mapped landslides, faults and glacial lakes. `along` judges any
road of it piece by piece; `calibrated` scales rates to recorded closures, and `open_by_month` gives
the chance of an open road. `receiver` tells how far a score can be trusted.
"""

from realign.hazard.along import Along, along, rated
from realign.hazard.closed import (
    MONTH_DAYS,
    PROTECTIONS,
    Built,
    closed_days,
    left,
    open_by_month,
)
from realign.hazard.evidence import Calibration, Receiver, at_places, calibrated, near, receiver
from realign.hazard.rules import DEBRIS, KINDS, Kind, Recorded, Rules
from realign.hazard.scene import LAYERS, Scene, survey
from realign.hazard.slope import SPREAD_DEG, Protection, exposure

__all__ = [
    "DEBRIS",
    "KINDS",
    "LAYERS",
    "MONTH_DAYS",
    "PROTECTIONS",
    "SPREAD_DEG",
    "Along",
    "Built",
    "Calibration",
    "Kind",
    "Protection",
    "Receiver",
    "Recorded",
    "Rules",
    "Scene",
    "along",
    "at_places",
    "calibrated",
    "closed_days",
    "exposure",
    "left",
    "near",
    "open_by_month",
    "rated",
    "receiver",
    "survey",
]
