"""
What roads give their users: travel time of cars and trucks both ways, and how surely they are open.

A road is judged once as a whole, from end to end; what any stretch of it gives follows from sums
along it, so that stretches of a road add up to it however it is cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from realign import hazard, travel
from realign.allweather import Service
from realign.chainage import Section
from realign.errors import GeometryError
from realign.hazard import MONTH_DAYS, Along, Built, Rules, Scene
from realign.highway import Highway
from realign.network import KMH, Link
from realign.standards import DesignStandard
from realign.travel import CAR, TRUCK, Course, Vehicle
from realign.upgrade import Standing


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A road judged from its first station to its last, by sums along it."""

    name: str
    """Name of the road."""
    along: Along
    """What it has to expect, piece by piece."""
    rules: Rules
    """By which it was judged."""
    edge: NDArray[np.float64]
    """Stations of the ends of the pieces, shape (n + 1,) [m]."""
    closures: NDArray[np.float64]
    """Closures a year by kind from the start to there, shape (n + 1, 5) [1/year]."""
    days: NDArray[np.float64]
    """Sum of their durations, shape (n + 1, 5) [d/year]."""
    station: NDArray[np.float64]
    """Stations of the times, shape (m,) [m]."""
    car: NDArray[np.float64]
    """Time of a car from the start to there, with the chainage and against it, shape (2, m) [s]."""
    truck: NDArray[np.float64]
    """The same of a truck, shape (2, m) [s]."""
    grade: NDArray[np.float64]
    """Grade of each interval between stations, shape (m - 1,) [m/m]."""

    def steepest(self, section: Section) -> float:
        """Steepest grade of a stretch, without sign [m/m]."""
        inside = (self.station[1:] > section.start) & (self.station[:-1] < section.end)
        return float(np.abs(self.grade[inside]).max(initial=0.0))

    def rates(self, section: Section) -> NDArray[np.float64]:
        """Mean number of closures at a moment of each month on a stretch, shape (12,) [-]."""
        months = np.array([kind.months for kind in self.rules.kinds])
        return np.asarray(self._sum(self.edge, self.days, section) @ months / MONTH_DAYS)

    def closures_a_year(self, section: Section) -> NDArray[np.float64]:
        """Closures of a stretch by kind, shape (5,) [1/year]."""
        return self._sum(self.edge, self.closures, section)

    def service(self, section: Section) -> Service:
        """
        Say what a stretch gives its users.

        Raises
        ------
        GeometryError
            The stretch is not on the road.
        """
        car, truck = (self._sum(self.station, each.T, section) for each in (self.car, self.truck))
        return Service(
            open_share=np.exp(-self.rates(section)),
            car=(float(car[0]), float(car[1])),
            truck=(float(truck[0]), float(truck[1])),
        )

    @property
    def whole(self) -> Section:
        """The road from end to end [m]."""
        return Section(float(self.edge[0]), float(self.edge[-1]))

    def _sum(
        self, at: NDArray[np.float64], sums: NDArray[np.float64], section: Section
    ) -> NDArray[np.float64]:
        """Difference of sums between the ends of a stretch."""
        if section.start < at[0] - ROUNDING or section.end > at[-1] + ROUNDING:
            msg = f"{self.name} runs from {at[0]:.1f} to {at[-1]:.1f} m, got the stretch {section}"
            raise GeometryError(msg)
        return np.array(
            [np.interp(section.end, at, c) - np.interp(section.start, at, c) for c in sums.T]
        )


LEVELLED = 150.0
"""Length over which the grade of a road that stands is taken: that of the shortest grade of a code
at 60 km/h [m]."""
ROUNDING = 1.0
"""Length by which a stretch may reach beyond its road from rounding [m]."""


def of_link(link: Link, scene: Scene) -> Judged:
    """
    Judge a new road: forms, galleries, design speeds and grades as designed.

    Raises
    ------
    GeometryError
        The link has no alignment, or leaves the ground of the scene.
    """
    if link.alignment is None:
        msg = f"{link.name}: found no alignment, wanted one to drive on"
        raise GeometryError(msg)
    along = hazard.along(
        scene, link.x, link.y, link.level, form=link.form.astype(np.int64), station=link.station
    )
    covered = np.zeros(along.start.size, np.bool_)
    middle = (along.start + along.end) / 2
    for each in link.inventory.galleries if link.inventory else ():
        covered |= (middle > each.start) & (middle < each.end)
    course = travel.designed(link.alignment, link.speeds)
    return _judged(link.name, along, scene.rules, course, {"gallery": covered})


def of_highway(
    highway: Highway,
    road: Standing,
    scene: Scene,
    *,
    speed_kmh: float,
    upgraded: DesignStandard | None = None,
) -> Judged:
    """
    Judge the road that stands, as it is or upgraded.

    Parameters
    ----------
    highway
        The road.
    road
        Its plan and levels, from `upgrade.standing`.
    scene
        What is dangerous about the region.
    speed_kmh
        Speed that its class and surface allow [km/h].
    upgraded
        Row of the code whose least radius and greatest grade are kept throughout; None for the
        road as it is. What closes it stays the same.
    """
    form = _bridged(highway)
    x, y = highway.at(highway.station).T
    along = hazard.along(scene, x, y, highway.level, form=form, station=highway.station)
    course = course_of(road, speed_kmh=speed_kmh, upgraded=upgraded)
    judged = _judged(highway.name, along, scene.rules, course, None)
    # levels of a raster make short steps that no road has
    over = max(round(LEVELLED / float(np.diff(course.station).mean())), 1)
    return replace(judged, grade=uniform_filter1d(course.grade, over, mode="nearest"))


def course_of(
    road: Standing, *, speed_kmh: float, upgraded: DesignStandard | None = None
) -> Course:
    """Take the course of the road that stands, for vehicles; as for `of_highway`."""
    curvature, level = road.curvature, road.level
    if upgraded is not None:
        curvature = np.clip(curvature, -1 / upgraded.radius, 1 / upgraded.radius)
        rise = np.clip(road.grade(), -upgraded.grade, upgraded.grade) * np.diff(road.station)
        level = level[0] + np.concatenate(([0.0], np.cumsum(rise)))
    limit = np.full(road.station.size - 1, speed_kmh / KMH)
    return travel.surveyed(road.station, level, curvature, limit)


def in_series(parts: Sequence[Service]) -> Service:
    """Service of stretches of road one after the other, in the order of the chainage."""
    share = np.ones(12)
    for part in parts:
        share = share * part.open_share
    car, truck = (
        (sum(t[0] for t in times), sum(t[1] for t in times))
        for times in ([p.car for p in parts], [p.truck for p in parts])
    )
    return Service(open_share=share, car=car, truck=truck)


def _judged(name: str, along: Along, rules: Rules, course: Course, built: Built | None) -> Judged:
    """Add up along a road."""
    closures, days = hazard.left(along, rules, built)
    zero = np.zeros((1, closures.shape[1]))
    return Judged(
        name=name,
        along=along,
        rules=rules,
        edge=np.append(along.start, along.end[-1]),
        closures=np.vstack((zero, np.cumsum(np.nan_to_num(closures), axis=0))),
        days=np.vstack((zero, np.cumsum(np.nan_to_num(days), axis=0))),
        station=course.station,
        car=_times(course, CAR),
        truck=_times(course, TRUCK),
        grade=course.grade,
    )


def _times(course: Course, vehicle: Vehicle) -> NDArray[np.float64]:
    """Time from the start to each station in both directions, shape (2, m) [s]."""
    out = []
    for drive in travel.drives(course, vehicle):
        each = 2 * np.diff(course.station) / (drive.speed[1:] + drive.speed[:-1])
        # the motion is followed in finer steps; its whole time is the true one
        out.append(np.concatenate(([0.0], np.cumsum(each * (drive.time / each.sum())))))
    return np.array(out)


def _bridged(highway: Highway) -> NDArray[np.int64]:
    """Form of the road between its stations: on a bridge, or open."""
    middle = (highway.station[1:] + highway.station[:-1]) / 2
    on = np.zeros(middle.size, np.int64)
    for each in highway.bridges:
        on[(middle >= each.start) & (middle <= each.end)] = 1
    return on
