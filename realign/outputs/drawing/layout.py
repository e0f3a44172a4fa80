"""Where things are on a sheet, in millimetres of paper, and what every sheet says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from realign.outputs.paper import Box

Points = NDArray[np.float64]

SHEET = 2000.0
"""Length of road on a sheet [m]."""
ALONG, UP = 10.0, 1.0
"""A millimetre of paper in plan and along the profile, and in level [m]."""
PLAN: Box = (22.0, 183.0, 253.0, 285.0)
"""Window of the plan."""
CENTRE = np.array([(PLAN[0] + PLAN[2]) / 2, (PLAN[1] + PLAN[3]) / 2])
"""Middle of the window of the plan."""
STRIP, BOTTOM, TOP = 50.0, 50.0, 177.0
"""Left edge, lower and upper edge of the profile [mm]."""
END = STRIP + SHEET / ALONG
"""Right edge of the profile [mm]."""
COLUMN: Box = (256.0, 12.0, 408.0, 285.0)
"""Column of tables, legend and title."""
TITLE, LEGEND = 58.0, 88.0
"""Upper edges of the title block and the legend [mm]."""
LOW, HIGH = 8.0, 40.0
"""Room that the grade line keeps from the lower and the upper edge of the profile [mm]."""
TICK, LABEL = 100.0, 500.0
"""Chainages that are marked, and those written in the plan [m]."""
RISE = 10.0
"""Levels at which the grid of a profile has lines [m]."""
DATUMS = 5.0
"""Data of profiles are multiples of this [m]."""
GRID = 500.0
"""Distance between the crosses of the coordinate grid [m]."""
STEP = 4.0
"""Points of the centre line in plan are this far apart: chords keep within 0.01 mm [m]."""
CHORD = 0.02
"""Chords of the grade line pass no farther than this from it [m]."""
PITCH = 3.5
"""Height of a row of a table [mm]."""


@dataclass(frozen=True, slots=True)
class About:
    """What every sheet says."""

    title: str
    """Name of the project and the option."""
    crs: CRS
    """Reference system of the coordinates."""
    datum: str
    """Vertical datum."""
    levels: str
    """What the levels rest on, in a sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class MassHaul:
    """Earth moved along a road."""

    road: str
    """Name of the road."""
    distance: Points
    """Distances from the start of the road, ascending, shape (n,) [m]."""
    ordinate: Points
    """Cut less fill up to there, in fill-equivalent volume, shape (n,) [m3]."""
    sites: tuple[tuple[float, float, float], ...] = ()
    """Distance from the start [m], and volumes borrowed and wasted there [m3]."""
