"""
How long a car and a loaded truck take over a road, in both directions, by a profile of their speed.

As in the free speed of HDM-III and HDM-4 (Watanatada et al. 1987; Bennett and Greenwood 2004) a
driver goes as fast as the least of several speeds lets him: that of the limit, of the curve, of the
brakes downhill, and of the engine uphill. The first three are known place by place. The last is
not: a vehicle takes its speed into a hill and loses it there, so it follows from the motion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from realign.errors import GeometryError
from realign.geometry.alignment import ROUNDING, Alignment
from realign.settings import Settings

GRAVITY = 9.81
"""Acceleration of gravity [m/s2]."""
KMH = 3.6
"""Kilometres an hour in a metre a second [-]."""
STEP = 2.5
"""Greatest distance over which acceleration counts as even: times of roads of 20 km whose grades,
curves and limits change every 20 to 200 m come within 0.05 % of those in steps of 0.5 m and less
[m]."""
STATION = 20.0
"""Greatest distance between stations of a designed road, as in its bill [m]."""
NEAR = 1e-13
"""Relative change of a root at which Newton's method stops [-]."""


class Vehicle(Settings):
    """What a vehicle and its driver can do and will do; the defaults are those of a car."""

    name: str = "car"
    """What it is."""
    power_w_kg: float = Field(default=25.0, gt=0)
    """Power at the wheels that is used, over mass [W/kg]."""
    rolling: float = Field(default=0.013, ge=0, lt=1)
    """Rolling resistance over weight [-]."""
    drag_per_m: float = Field(default=3.3e-4, gt=0)
    """Half the density of air times drag coefficient and frontal area, over mass [1/m]."""
    acceleration_m_s2: float = Field(default=0.85, gt=0)
    """Greatest acceleration, however much power there is [m/s2]."""
    braking_m_s2: float = Field(default=0.85, gt=0)
    """Braking ahead of a curve or a lower limit [m/s2]."""
    side_friction: float = Field(default=0.19, ge=0)
    """Side friction accepted in curves [-]."""
    superelevation: float = Field(default=0.06, gt=0)
    """Superelevation of curves [fraction]."""
    retarding_w_kg: float = Field(default=20.0, gt=0)
    """Power that engine brake, retarder and brakes take up all the way down a hill, over mass
    [W/kg]."""
    crawl_kmh: float = Field(default=5.0, gt=0)
    """Speed in the lowest gear, below which no grade takes it [km/h]."""
    fastest_kmh: float = Field(default=100.0, gt=0)
    """Speed that the driver does not exceed anywhere [km/h]."""


CAR = Vehicle(
    sources={
        "power_w_kg": "assumption: 65 kW and 1,300 kg, half of the power used, as drivers of "
        "HDM-III and HDM-4 use less than an engine has",
        "rolling": "assumption: car tyres on a worn asphalt road",
        "drag_per_m": "assumption: drag coefficient 0.36, 2.2 m2, air of 1.1 kg/m3 at about "
        "1,000 m, 1,300 kg",
        "acceleration_m_s2": "Lamm, Choueiri and Hayward 1988: 0.85 m/s2 out of curves; "
        "assumption: taken from common knowledge, not checked against the paper",
        "braking_m_s2": "Lamm, Choueiri and Hayward 1988: 0.85 m/s2 into curves; "
        "assumption: taken from common knowledge, not checked against the paper",
        "side_friction": "AASHTO Green Book 2018, table 3-7, at 50 km/h",
        "superelevation": "assumption: what curves of a mountain road have, below the 8 % of codes",
        "retarding_w_kg": "assumption: low gear and brakes",
        "crawl_kmh": "assumption: first gear",
        "fastest_kmh": "assumption: speed limit of cars on rural highways",
    }
)
"""A car of an ordinary family."""

TRUCK = Vehicle(
    name="truck",
    power_w_kg=5.5,
    rolling=0.009,
    drag_per_m=1.35e-4,
    acceleration_m_s2=0.5,
    braking_m_s2=0.6,
    side_friction=0.14,
    superelevation=0.06,
    retarding_w_kg=6.7,
    crawl_kmh=5.0,
    fastest_kmh=80.0,
    sources={
        "power_w_kg": "assumption: the 27.5 t that the National Highway Authority of Pakistan "
        "allows three axles, an engine of 190 kW, a fifth of it lost in the gears and in thin air; "
        "145 kg/kW, where the design truck of AASHTO Green Book 2018 has 120 kg/kW",
        "rolling": "assumption: truck tyres on a worn asphalt road",
        "drag_per_m": "assumption: drag coefficient 0.9, 7.5 m2, air of 1.1 kg/m3 at about "
        "1,000 m, 27.5 t",
        "acceleration_m_s2": "assumption: a driver who spares load and gears",
        "braking_m_s2": "assumption: a driver who spares load and brakes",
        "side_friction": "assumption: with superelevation about half of the 0.35 to 0.4 g at which "
        "a loaded truck tips over",
        "superelevation": "assumption: what curves of a mountain road have, below the 8 % of codes",
        "retarding_w_kg": "HDM-III (Watanatada et al. 1987): 250 metric horsepower of braking for "
        "a heavy truck, over 27.5 t; assumption: taken from common knowledge, not checked against "
        "the book",
        "crawl_kmh": "assumption: first gear",
        "fastest_kmh": "assumption: speed limit of trucks on rural highways",
    },
)
"""A loaded truck of three axles, as they drive the Karakoram Highway."""


class Stretch(Protocol):
    """A stretch of road with one speed, such as `standards.Zone` or `network.Paced`."""

    @property
    def start(self) -> float:
        """Chainage where it begins [m]."""
        ...

    @property
    def end(self) -> float:
        """Chainage where it ends [m]."""
        ...

    @property
    def speed_kmh(self) -> float:
        """Speed on it [km/h]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What a driver meets along a road, interval by interval."""

    station: NDArray[np.float64]
    """Ends of the intervals, ascending, shape (n,) [m]."""
    curvature: NDArray[np.float64]
    """Greatest curvature in each interval, without sign, shape (n - 1,) [1/m]."""
    grade: NDArray[np.float64]
    """Mean grade of each interval, positive uphill along the chainage, shape (n - 1,)
    [fraction]."""
    limit: NDArray[np.float64]
    """Greatest speed allowed in each interval, shape (n - 1,) [m/s]."""

    def __post_init__(self) -> None:
        """Refuse stations out of order and values that no road has."""
        n = self.station.size
        if n < 2 or not (np.diff(self.station) > 0).all():
            msg = "a course needs at least two stations in order of chainage"
            raise GeometryError(msg)
        for name, value, least in (
            ("curvature", self.curvature, 0.0),
            ("grade", self.grade, -inf),
            ("limit", self.limit, np.nextafter(0.0, 1.0)),
        ):
            if value.shape != (n - 1,):
                msg = f"{name} of a course: found shape {value.shape}, wanted ({n - 1},)"
                raise GeometryError(msg)
            good = np.isfinite(value) & (value >= least)
            if not good.all():
                i = int(np.argmin(good))
                msg = f"{name} at {self.station[i]:.0f} m: found {value[i]:g}, which no road has"
                raise GeometryError(msg)

    @property
    def length(self) -> float:
        """Length in plan [m]."""
        return float(self.station[-1] - self.station[0])

    def reversed(self) -> "Course":
        """Turn the road round: chainages from its end, up is down."""
        return Course(
            self.station[-1] - self.station[::-1],
            self.curvature[::-1],
            -self.grade[::-1],
            self.limit[::-1],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """A vehicle's way along a road in one direction."""

    speed: NDArray[np.float64]
    """Speed at the stations of the course, in order of chainage whichever the direction, shape
    (n,) [m/s]."""
    time: float
    """Time from end to end [s]."""


class _Motion(NamedTuple):
    """A vehicle as plain numbers for compiled code."""

    power: float
    """Over mass [W/kg]."""
    rolling: float
    """Over weight [-]."""
    drag: float
    """Over mass [1/m]."""
    acceleration: float
    """Greatest [m/s2]."""
    braking: float
    """Greatest, before curves and limits [m/s2]."""
    crawl: float
    """Least speed [m/s]."""


def designed(
    alignment: Alignment, stretches: Sequence[Stretch], *, step: float = STATION
) -> Course:
    """
    Take the course of a designed road from its alignment and design speeds.

    Parameters
    ----------
    alignment
        The road.
    stretches
        Its design speeds, in order and without gaps from its start to its end.
    step
        Greatest distance between stations [m]. Joints of elements and borders of
        stretches are stations too, so that a curve counts from where it begins
        and a clothoid by the sharper end of each interval.

    Returns
    -------
    course
        Limits are design speeds.

    Raises
    ------
    GeometryError
        The stretches do not cover the road.

    Examples
    --------
    >>> from realign.geometry.alignment import Plan
    >>> from realign.geometry.horizontal import Element, Pose
    >>> from realign.geometry.vertical import Grades
    >>> from realign.standards import Zone, load
    >>> plan = Plan((Element(Pose(0.0, 0.0, 0.0), 1200.0),))
    >>> grades = Grades(np.array([0.0, 1200.0]), np.array([900.0, 936.0]), np.zeros(2))
    >>> zone = Zone(0.0, 1200.0, load("jtg-class-ii-mountain", 60))
    >>> course = designed(Alignment(plan, grades), [zone])
    >>> [round(t, 1) for t in travel_time(course, CAR)]
    [72.0, 72.0]
    >>> [round(t, 1) for t in travel_time(course, TRUCK)]
    [88.8, 72.0]
    """
    end = alignment.length
    border = np.array([0.0, *(each.end for each in stretches)])
    start = np.array([*(each.start for each in stretches), end])
    if not stretches or np.abs(border - start).max() > ROUNDING:
        told = ", ".join(f"{each.start:.3f}-{each.end:.3f} m" for each in stretches)
        msg = f"design speeds of a road of {end:.3f} m: found {told or 'none'}, wanted all of it"
        raise GeometryError(msg)
    joints = np.concatenate((alignment.plan.start, border))
    station = np.unique(np.concatenate((alignment.plan.stations(step), np.clip(joints, 0.0, end))))
    station = station[np.append(True, np.diff(station) > ROUNDING)]
    station[-1] = end
    # curvature is linear in each interval; its value at a joint is that of the next element
    middle = (station[:-1] + station[1:]) / 2
    first = alignment.plan.poses(station[:-1])[:, 3]
    last = 2 * alignment.plan.poses(middle)[:, 3] - first
    speed = np.array([each.speed_kmh for each in stretches]) / KMH
    owner = np.clip(np.searchsorted(border, middle, side="right") - 1, 0, speed.size - 1)
    return Course(
        station,
        np.maximum(np.abs(first), np.abs(last)),
        np.diff(alignment.grades.at(station)) / np.diff(station),
        speed[owner],
    )


def surveyed(
    station: NDArray[np.float64],
    level: NDArray[np.float64],
    curvature: NDArray[np.float64],
    limit: NDArray[np.float64],
) -> Course:
    """
    Take the course of a road that stands from its line and levels.

    Parameters
    ----------
    station
        Chainages along the line, ascending, shape (n,) [m].
    level
        Level of the road there, shape (n,) [m above datum]. From a raster it must be
        smoothed: what is noise in levels is grades here.
    curvature
        Curvature there, of either sign, smoothed so that the corners of a digitised
        line do not count as curves, shape (n,) [1/m].
    limit
        Speed of each interval by the class and surface of the road, shape (n - 1,)
        [m/s].

    Returns
    -------
    course
        Each interval with the sharper curvature of its ends.
    """
    bend = np.abs(curvature)
    return Course(
        station, np.maximum(bend[:-1], bend[1:]), np.diff(level) / np.diff(station), limit
    )


def travel_time(course: Course, vehicle: Vehicle, *, entry: float = inf) -> tuple[float, float]:
    """
    Time that a vehicle takes over a road in both directions.

    Parameters
    ----------
    course
        The road.
    vehicle
        What drives it.
    entry
        As for `drives`.

    Returns
    -------
    ahead, back
        With the chainage and against it [s].
    """
    ahead, back = drives(course, vehicle, entry=entry)
    return ahead.time, back.time


def drives(course: Course, vehicle: Vehicle, *, entry: float = inf) -> tuple[Drive, Drive]:
    """
    Drive a vehicle over a road in both directions, alone on it.

    Parameters
    ----------
    course
        The road.
    vehicle
        What drives it.
    entry
        Speed at which the road is entered at either end [m/s], where the first
        interval allows and sustains it: a vehicle that comes along a like road brings
        that speed and no more. 0 starts at rest.

    Returns
    -------
    ahead, back
        Speeds and times with the chainage and against it.

    Raises
    ------
    GeometryError
        The speed of entry is below 0.

    Notes
    -----
    First braking is followed backwards from each fall of the `ceilings`, v0^2 = v1^2 + 2 b ds,
    then motion forwards below it, v1^2 = v0^2 + 2 a ds with the lesser of the comfortable
    acceleration and

        a = P / (m v) - g (grade + rolling) - drag v^2

    Time of an interval is 2 ds / (v0 + v1). Acceleration is that at the end of the interval
    (implicit Euler): the end speed is then the only positive root of a cubic equation, speeds at
    which power and resistance balance are kept exactly, and no speed rises where a limit falls, a
    curve sharpens or an uphill grade steepens. Intervals are parted to at most `STEP`.
    """
    if not entry >= 0:
        msg = f"wanted a speed of entry of at least 0 m/s, got {entry:g} m/s"
        raise GeometryError(msg)
    motion = _Motion(
        power=vehicle.power_w_kg,
        rolling=vehicle.rolling,
        drag=vehicle.drag_per_m,
        acceleration=vehicle.acceleration_m_s2,
        braking=vehicle.braking_m_s2,
        crawl=vehicle.crawl_kmh / KMH,
    )
    ahead, back = ceilings(course, vehicle)
    ds = np.diff(course.station)
    there = _drive(ds, course.grade, ahead, motion, entry)
    again = _drive(ds[::-1], -course.grade[::-1], back[::-1], motion, entry)
    return there, Drive(again.speed[::-1], again.time)


def ceilings(course: Course, vehicle: Vehicle) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Greatest speeds that limits, curves and brakes allow.

    Parameters
    ----------
    course
        The road.
    vehicle
        What drives it.

    Returns
    -------
    ahead, back
        With the chainage and against it, by interval, shape (n - 1,) [m/s]: the least of the
        limit, of the driver's own, of v^2 k = g (e + f) in curves, and downhill of v = B / (m g
        (grade - rolling)) with the retarding power B, air left out to the safe side.
    """
    side = GRAVITY * (vehicle.superelevation + vehicle.side_friction)
    # no curve and no fall allow any speed; the absolute values are for zeros with a minus
    with np.errstate(divide="ignore", over="ignore"):
        curve = np.sqrt(side / np.abs(course.curvature))
        held, falling = (
            vehicle.retarding_w_kg / np.abs(GRAVITY * np.maximum(down - vehicle.rolling, 0.0))
            for down in (-course.grade, course.grade)
        )
    level = np.minimum(np.minimum(course.limit, vehicle.fastest_kmh / KMH), curve)
    return np.minimum(level, held), np.minimum(level, falling)


def sustained(vehicle: Vehicle, grade: float) -> float:
    """
    Speed at which the power of a vehicle balances its resistances.

    Parameters
    ----------
    vehicle
        What drives.
    grade
        Positive uphill [fraction].

    Returns
    -------
    speed
        The positive root of drag v^3 + g (grade + rolling) v = P / m [m/s].

    Examples
    --------
    >>> [round(3.6 * sustained(TRUCK, grade)) for grade in (0.0, 0.04, 0.06, 0.08)]
    [101, 40, 29, 23]
    """
    resistance = GRAVITY * (grade + vehicle.rolling)
    return float(_root(vehicle.drag_per_m, resistance, vehicle.power_w_kg))


def _drive(
    ds: NDArray[np.float64],
    grade: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    motion: _Motion,
    entry: float,
) -> Drive:
    """Drive in the direction of the arrays, in steps of at most `STEP`."""
    count = np.maximum(np.ceil(ds / STEP - 1e-9).astype(np.int64), 1)
    speed, time = _profile(
        np.repeat(ds / count, count),
        np.repeat(grade, count),
        np.repeat(ceiling, count),
        motion,
        entry,
    )
    return Drive(speed[np.concatenate(([0], np.cumsum(count)))], float(time))


@njit(cache=True, nogil=True)
def _profile(
    ds: NDArray[np.float64],
    grade: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    motion: _Motion,
    entry: float,
) -> tuple[NDArray[np.float64], float]:
    """
    Speeds at the ends of intervals, and the time over all of them.

    Parameters
    ----------
    ds
        Lengths, shape (n,) [m].
    grade
        Positive uphill in the direction of travel, shape (n,) [fraction].
    ceiling
        Greatest speed in each interval, shape (n,) [m/s].
    motion
        The vehicle.
    entry
        Speed at the start, if the first interval allows and sustains it [m/s].

    Returns
    -------
    speed, time
        Shape (n + 1,) [m/s], and seconds.
    """
    n = ds.size
    # squares of speeds: first the greatest from which braking is in time, then those driven
    w = np.empty(n + 1)
    w[n] = ceiling[n - 1] ** 2
    for i in range(n - 1, -1, -1):
        w[i] = min(ceiling[i] ** 2, w[i + 1] + 2 * motion.braking * ds[i])
        if i > 0:
            w[i] = min(w[i], ceiling[i - 1] ** 2)
    pull = GRAVITY * (grade[0] + motion.rolling)
    first = max(_root(motion.drag, pull, motion.power), motion.crawl)
    w[0] = min(w[0], min(first, entry) ** 2)
    v = np.sqrt(w[0])
    speed = np.empty(n + 1)
    speed[0] = v
    time = 0.0
    for i in range(n):
        twice = 2 * ds[i]
        pull = GRAVITY * (grade[i] + motion.rolling)
        powered = _root(1 + twice * motion.drag, twice * pull - v * v, twice * motion.power)
        top = max(min(powered**2, v * v + twice * motion.acceleration), motion.crawl**2)
        after = np.sqrt(min(top, w[i + 1]))
        time += twice / (v + after)
        v = after
        speed[i + 1] = v
    return speed, time


@njit(cache=True, nogil=True)
def _root(a: float, b: float, q: float) -> float:
    """
    Positive root of a v^3 + b v = q with a and q above 0: there is just one.

    Newton's method from above, where the cubic is convex, so that it falls to the root without
    leaving it behind. The start is the least of bounds that follow from leaving terms out.
    """
    v = np.cbrt(q / a)
    if b > 0:
        v = min(v, q / b)
    elif b < 0:
        v = np.sqrt(-b / a) + min(v, q / (-2 * b))
    for _ in range(100):
        better = v - ((a * v * v + b) * v - q) / (3 * a * v * v + b)
        if v - better <= NEAR * v:
            break
        v = better
    return float(v)
