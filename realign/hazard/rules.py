"""What is taken as dangerous, how often a road is closed by it, and for how long."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from realign.hazard.slope import Protection
from realign.inputs import WITHIN
from realign.settings import Settings

__all__ = ["DEBRIS", "KINDS", "SLIDE", "Kind", "Recorded", "Rules"]

KINDS = ("slide", "debris", "avalanche", "river", "snow")
"""What closes a road: slide and rockfall, debris flow and flood of a side valley, avalanche,
attack and flood of the river, snow on the road itself."""
SLIDE, DEBRIS, AVALANCHE, RIVER, SNOW = range(len(KINDS))

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole [0-1]."""
Angle = Annotated[float, Field(ge=0, le=90)]
"""A slope [deg]."""

_MONSOON = (0.05, 0.08, 0.11, 0.09, 0.05, 0.06, 0.18, 0.18, 0.08, 0.04, 0.03, 0.05)
_FLOOD = (0.0, 0.01, 0.02, 0.04, 0.08, 0.12, 0.30, 0.28, 0.11, 0.02, 0.01, 0.01)
_MELT = (0.20, 0.25, 0.25, 0.12, 0.03, 0.0, 0.0, 0.0, 0.0, 0.01, 0.04, 0.10)
_WINTER = (0.27, 0.26, 0.17, 0.06, 0.01, 0.0, 0.0, 0.0, 0.0, 0.02, 0.06, 0.15)


class Kind(Settings):
    """One table `[hazard.KIND]`: how often a kind of event closes the road, and for how long."""

    rate: float = Field(ge=0, le=1000)
    """Closures a year at a score of 1: of a kilometre of open road, or of a crossing of a gully
    for `debris` [1/(km year), 1/year]."""
    days: float = Field(gt=0, le=3650)
    """Mean time until the road is open again [days]."""
    months: tuple[Share, ...] = Field(min_length=12, max_length=12)
    """Parts of the closures of a year that begin in January to December; their sum is 1."""
    on_bridge: Share = 1.0
    """Part of the closures that is left where the road is on a bridge."""
    gallery: Share = 1.0
    """Part that is left under a gallery."""
    bridge: Share = 1.0
    """Part that is left where a gully is bridged above its flows."""
    clearance: Share = 1.0
    """Part of the closed time that is left with a standing crew for clearance."""

    @model_validator(mode="after")
    def _months_are_a_year(self) -> "Kind":
        total = sum(self.months)
        if abs(total - 1) > 1e-6:
            msg = f"months add up to {total:g}; wanted parts of a year, whose sum is 1"
            raise ValueError(msg)
        return self


class Recorded(Settings):
    """The table `[hazard.recorded]`: how recorded closures of the existing road are read."""

    years: float = Field(default=4.05, ge=0.01, le=1000)
    """Time over which events were recorded [years]; from the first event to the last."""
    slide: float = Field(default=8.0, ge=0, le=10_000)
    """Closures by slides and rockfall in it."""
    debris: float = Field(default=2.0, ge=0, le=10_000)
    """Closures by debris flows and floods of side valleys in it."""
    avalanche: float = Field(default=0.0, ge=0, le=10_000)
    """Closures by avalanches in it."""
    river: float = Field(default=0.0, ge=0, le=10_000)
    """Closures by the river in it."""
    snow: float = Field(default=0.0, ge=0, le=10_000)
    """Closures by snow on the road in it."""
    sources: dict[str, str] = Field(
        default_factory=lambda: {
            "years": "assumption: July 2021 (Tatta Pani) to July 2025; of press reports",
            "slide": "assumption: Tatta Pani Jul 2021, the storm of Feb 2024 with 50 points as "
            "one closure of the road, Barseen Apr 2024, five blockages at Lotar Mar 2025; the "
            "press does not report short ones, so this is a lower bound",
            "debris": "assumption: Uchar Nullah Aug 2022 with two bridges lost, and the road cut "
            "until 2025-07-26, of which the cause is taken as flood and mudflow",
            "avalanche": "assumption: none recorded at 500 to 1,200 m",
            "river": "assumption: none recorded as such",
            "snow": "assumption: none recorded at 500 to 1,200 m",
        }
    )
    """Where values come from, by key; a text that begins with "assumption" is one."""


class Rules(Protection):
    """The table `[hazard]`: what is dangerous about a place, and what closes a road there."""

    landslides: Annotated[str, WITHIN] = "landslides.geojson"
    """Mapped landslides, points, lines or areas; read where the inputs folder has the file."""
    faults: Annotated[str, WITHIN] = "faults.geojson"
    """Faults, lines; read where the inputs folder has the file."""
    lakes: Annotated[str, WITHIN] = "glof_lakes.geojson"
    """Glacial lakes that may burst; read where the inputs folder has the file."""
    piece_m: float = Field(default=100.0, ge=1, le=1e5)
    """Length of the pieces for which hazards are told, up to rounding of the whole road [m]."""
    reach_m: float = Field(default=240.0, ge=1, le=10_000)
    """Distance to either side within which slopes above and below count [m]."""
    steep_deg: float = Field(default=35.0, gt=0, lt=90)
    """Angle of the slope above or below at which its exposure is one half [deg]."""
    weight_above: float = Field(default=0.45, gt=0, le=1000)
    """Weight of the slope above in the score of slides [-]."""
    weight_below: float = Field(default=0.15, ge=0, le=1000)
    """Weight of the slope below [-]."""
    weight_fault: float = Field(default=0.25, ge=0, le=1000)
    """Weight of nearness to a fault [-]; left out where the study has no faults."""
    weight_river: float = Field(default=0.15, ge=0, le=1000)
    """Weight of a river that undercuts the slope [-]; left out where it has no rivers."""
    fault_m: float = Field(default=2000.0, ge=1, le=1e6)
    """Distance from a fault over which its effect falls to 1/e [m]."""
    landslide_m: float = Field(default=500.0, ge=1, le=1e6)
    """Distance from a mapped landslide over which its effect falls to 1/e [m]."""
    landslide_gain: Share = 0.2
    """Part of what the score of slides lacks to 1 that a mapped landslide adds at its place; it
    is no part of the score that is tested against the same landslides [0-1]."""
    gully_least_m2: float = Field(default=5.0e4, ge=1, le=1e12)
    """Least catchment of a gully [m2]."""
    gully_full_m2: float = Field(default=5.0e6, ge=1, le=1e12)
    """Catchment from which on the size of a gully adds nothing [m2]."""
    gully_most_m2: float = Field(default=1.0e9, ge=1, le=1e12)
    """Catchment from which on a channel is a river: it is no gully but attacks by its bends
    [m2]."""
    channel_m: float = Field(default=1000.0, ge=1, le=1e6)
    """Way up the channel over which its steepness is taken [m]."""
    channel_deg: tuple[Angle, Angle] = (3.0, 15.0)
    """Steepness of the channel at which debris flows begin to come, and always do [deg]."""
    flood_share: Share = 0.2
    """Score of a gully of full size that is too flat for debris flows: floods [0-1]."""
    snow_line_m: float = Field(default=2500.0, ge=-1000, le=1e5)
    """Level above which snow lies in winter [m above datum]."""
    snow_band_m: float = Field(default=500.0, ge=1, le=10_000)
    """Height above it in which snow becomes full [m]."""
    release_deg: tuple[Angle, Angle, Angle, Angle] = (30.0, 34.0, 45.0, 50.0)
    """Slopes at which avalanches begin to break loose, most do, still do, and no longer do
    [deg]."""
    runout_deg: float = Field(default=30.0, gt=0, lt=90)
    """Slope of the line from the release of an avalanche to where it ends [deg]."""
    river_m: float = Field(default=80.0, ge=1, le=1e5)
    """Distance from a river over which its attack falls to 1/e [m]."""
    river_rise_m: float = Field(default=8.0, ge=0.1, le=1000)
    """Height above a river over which its attack falls to 1/e [m]."""
    bend_m: float = Field(default=500.0, ge=1, le=1e5)
    """Radius of a bend whose outer side is fully attacked and whose inner side is not [m]."""
    lake_m: float = Field(default=20000.0, ge=1, le=1e6)
    """Way of the water from a glacial lake over which the effect of its outburst falls to 1/e
    [m]."""
    lake_gain: Share = 0.5
    """Part of what the score of the river lacks to 1 that an outburst adds beside the lake
    [0-1]."""
    lake_rise_m: float = Field(default=20.0, ge=0.1, le=1000)
    """Height above its way up to which an outburst reaches [m]."""
    grades: tuple[Share, Share, Share, Share] = (0.2, 0.4, 0.6, 0.8)
    """Scores from which on the exposure is of class 2 to 5; below the first it is of class 1."""
    slide: Kind = Kind(
        rate=0.05, days=1.5, months=_MONSOON, on_bridge=0.5, gallery=0.1, clearance=0.7
    )
    """Slides and rockfall."""
    debris: Kind = Kind(
        rate=0.02, days=3.0, months=_FLOOD, on_bridge=0.25, bridge=0.25, clearance=0.8
    )
    """Debris flows, mudflows and floods of side valleys."""
    avalanche: Kind = Kind(
        rate=0.1, days=1.5, months=_MELT, on_bridge=0.7, gallery=0.05, clearance=0.6
    )
    """Avalanches."""
    river: Kind = Kind(rate=0.02, days=7.0, months=_FLOOD, on_bridge=0.3)
    """Attack and flood of the river."""
    snow: Kind = Kind(rate=0.3, days=2.0, months=_WINTER, gallery=0.3, clearance=0.2)
    """Snow on the road itself."""
    recorded: Recorded = Recorded()
    """Recorded closures that the rates are scaled to."""
    sources: dict[str, str] = Field(
        default_factory=lambda: {
            "reach_m": "assumption: four cells of a 60 m ground; rocks come from farther, but not "
            "so often",
            "steep_deg": "assumption: as in the search, half the exposure at 35 degrees",
            "weight_above": "assumption: slope angle and faults lead on this road, in the order of "
            "Ali et al. 2019 (NHESS 19:999), whose own weights use layers that no study has here",
            "weight_below": "assumption: loss of the road to the valley side is rarer",
            "weight_fault": "assumption: as weight_above",
            "weight_river": "assumption: as weight_above",
            "fault_m": "assumption: sheared rock some kilometres wide; faults are mapped to about "
            "a kilometre",
            "landslide_gain": "assumption: small, since most landslides of public lists are placed "
            "to within 5 to 50 km only",
            "landslide_m": "assumption: length of a medium slide along a road",
            "gully_least_m2": "assumption: 14 cells of 60 m; smaller gullies are culverts",
            "gully_full_m2": "assumption: debris flows come from catchments of some km2",
            "gully_most_m2": "assumption: larger valleys carry floods and no debris flows",
            "channel_m": "assumption: the last reach decides whether a flow comes through",
            "channel_deg": "assumption: debris flows lose way below some 10 and stop at about 3 "
            "degrees, floods with much debris go on",
            "flood_share": "assumption: Uchar Nullah lost two bridges to a flood in Aug 2022",
            "snow_line_m": "assumption: lower limit of lasting winter snow in Kohistan and Diamer",
            "snow_band_m": "assumption: aspect and weather move the line by some 500 m",
            "release_deg": "avalanche.org: releases at 30 to 50 degrees, most at 34 to 45",
            "runout_deg": "assumption: some 30 degrees is the mean of large known avalanches (Lied "
            "and Bakkehoi 1980), the farthest go on to 20; with 25 a tenth of the road would be in "
            "their reach, where none is on record",
            "river_m": "assumption: banks fall back by a carriageway or two in one flood",
            "river_rise_m": "assumption: floods of the Indus in gorges rise by several metres",
            "bend_m": "assumption: two to three widths of the river, where bends move fastest "
            "(Hickin and Nanson 1975)",
            "lake_m": "assumption: outbursts lose half their peak in some 15 km",
            "lake_gain": "assumption: an outburst is rare in the life of a road",
            "lake_rise_m": "assumption: depth of an outburst in a gorge",
            "grades": "assumption: even steps",
            "slide": "assumption: rates are scaled to recorded closures; Barseen took 2 days, "
            "Tatta Pani 3 or more, Lotar 2 each at most; months as rain in monsoon and spring",
            "debris": "assumption: rates are scaled to recorded closures; a washed-out culvert "
            "takes days, a lost bridge more; months as melt and monsoon",
            "avalanche": "assumption: a path that reaches a road does so every ten years; months "
            "as snow and its melt",
            "river": "assumption: a bank is lost every fifty years at the worst kilometre, a week "
            "to rebuild a track; months as high water",
            "snow": "assumption: clearance reopens within two days; months as snow",
        }
    )
    """Where values come from, by key; a text that begins with "assumption" is one."""

    @model_validator(mode="after")
    def _in_order(self) -> "Rules":
        problems = [
            f"{name} {values} has to rise"
            for name, values in (
                ("channel_deg", self.channel_deg),
                ("release_deg", self.release_deg),
                ("grades", self.grades),
                ("gully_*_m2", (self.gully_least_m2, self.gully_full_m2, self.gully_most_m2)),
            )
            if any(not low < high for low, high in pairwise(values))
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Settings of each kind, in the order of `KINDS`."""
        return self.slide, self.debris, self.avalanche, self.river, self.snow
