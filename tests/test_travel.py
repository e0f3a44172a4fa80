"""Laws of speed profiles: no limit is passed, nothing harder is faster, and motion is physics."""

from dataclasses import replace
from itertools import pairwise
from math import inf, sqrt
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import brentq

from realign.errors import GeometryError
from realign.geometry import zones
from realign.geometry.alignment import Alignment, Plan
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import Grades
from realign.network import Paced
from realign.standards import Zone, load
from realign.travel import (
    CAR,
    GRAVITY,
    TRUCK,
    Course,
    Vehicle,
    ceilings,
    designed,
    drives,
    surveyed,
    sustained,
    travel_time,
)

STANDARD = load("jtg-class-ii-mountain", 60)
KMH = 3.6
SLACK = 1e-9
"""Share by which times may differ from rounding [-]."""

vehicles = st.sampled_from([CAR, TRUCK])
# grades about those at which power, brakes and limits take turns; radii about those of the limits
steep = st.sampled_from([0.0, *(sign * g / 100 for g in (1, 3, 5, 6, 8, 12) for sign in (1, -1))])
bends = st.sampled_from([0.0, 0.0, 1 / 400, 1 / 125, 1 / 60, 1 / 30, 1 / 15])
limits = st.sampled_from([20.0, 30.0, 40.0, 60.0, 80.0])


def even(lengths: list[float], k: list[float], grade: list[float], kmh: list[float]) -> Course:
    station = np.concatenate(([0.0], np.cumsum(lengths)))
    return Course(station, np.array(k), np.array(grade), np.array(kmh) / KMH)


def constant(length: float, *, grade: float = 0.0, kmh: float = 80.0) -> Course:
    n = round(length / 20)
    return even([20.0] * n, [0.0] * n, [grade] * n, [kmh] * n)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    n = draw(st.integers(1, 12))
    each = {"min_size": n, "max_size": n}
    return even(
        draw(st.lists(st.sampled_from([20.0, 40.0, 100.0, 200.0]), **each)),
        draw(st.lists(bends, **each)),
        draw(st.lists(steep, **each)),
        draw(st.lists(limits, **each)),
    )


def split(course: Course, parts: int) -> Course:
    """Part every interval into equal ones."""
    pieces = [np.linspace(a, b, parts, endpoint=False) for a, b in pairwise(course.station)]
    station = np.append(np.concatenate(pieces), course.station[-1])
    rest = (np.repeat(x, parts) for x in (course.curvature, course.grade, course.limit))
    return Course(station, *rest)


def simulated(course: Course, vehicle: Vehicle, entry: float, dt: float = 0.02) -> float:
    """Drive by the clock: look at every limit ahead, then press a pedal for a moment."""
    side = GRAVITY * (vehicle.superelevation + vehicle.side_friction)
    top = []
    for k, g, limit in zip(course.curvature, course.grade, course.limit, strict=True):
        v = min(limit, vehicle.fastest_kmh / KMH, sqrt(side / k) if k else inf)
        fall = -g - vehicle.rolling
        top.append(min(v, vehicle.retarding_w_kg / (GRAVITY * fall)) if fall > 0 else v)
    s, v, t, i = 0.0, min(entry, top[0]), 0.0, 0
    while True:
        ahead = [
            sqrt(top[j] ** 2 + 2 * vehicle.braking_m_s2 * (course.station[j] - s))
            for j in range(i + 1, len(top))
        ]
        resistance = GRAVITY * (course.grade[i] + vehicle.rolling) + vehicle.drag_per_m * v**2
        a = min(vehicle.power_w_kg / max(v, 1e-6) - resistance, vehicle.acceleration_m_s2)
        new = max(v + a * dt, vehicle.crawl_kmh / KMH)
        new = min(new, top[i], *ahead)
        step = (v + new) / 2 * dt
        if s + step >= course.station[-1]:
            return t + dt * (course.station[-1] - s) / step
        s, v, t = s + step, new, t + dt
        while s >= course.station[i + 1]:
            i += 1


@given(vehicles, limits, st.integers(1, 300))
def test_a_level_straight_road_takes_its_length_over_the_limit(
    vehicle: Vehicle, kmh: float, n: int
) -> None:
    course = constant(20.0 * n, kmh=kmh)
    assert travel_time(course, vehicle) == pytest.approx([course.length / (kmh / KMH)] * 2)


@pytest.mark.parametrize("nothing", [0.0, -0.0, 5e-324])
@pytest.mark.parametrize("rolling", [0.0, 0.01])
def test_hardly_a_curve_and_hardly_a_grade_are_none(nothing: float, rolling: float) -> None:
    course = even([20.0] * 9, [nothing] * 9, [-nothing - rolling] * 9, [60.0] * 9)
    free = Vehicle(rolling=rolling)
    for road in (course, course.reversed()):
        assert travel_time(road, free) == pytest.approx([180 / (60 / KMH)] * 2)


def test_a_start_at_rest_costs_half_the_time_of_speeding_up() -> None:
    strong = Vehicle(power_w_kg=1e4, acceleration_m_s2=0.8)
    course = constant(1000.0, kmh=72.0)
    # 25 s and 250 m to 20 m/s, on the grid of steps
    assert drives(course, strong, entry=0.0)[0].time == pytest.approx(25 + 750 / 20)


def test_braking_ends_where_the_lower_limit_begins() -> None:
    quick = Vehicle(power_w_kg=1e4, braking_m_s2=0.75)
    course = even([1000.0, 400.0], [0.0, 0.0], [0.0, 0.0], [72.0, 36.0])
    # 200 m from 20 to 10 m/s, on the grid of steps
    ahead, _ = drives(course, quick)
    assert ahead.time == pytest.approx(800 / 20 + 10 / 0.75 + 400 / 10)
    assert ahead.speed == pytest.approx([20, 10, 10])


def test_with_power_alone_speed_grows_with_the_third_root_of_distance() -> None:
    light = Vehicle(
        power_w_kg=10.0, rolling=0.0, drag_per_m=1e-12, acceleration_m_s2=1e6, fastest_kmh=1e6
    )
    ahead, _ = drives(split(constant(4000.0, kmh=1e5), 100), light, entry=0.0)
    v = (3 * 10.0 * 4000.0) ** (1 / 3)
    assert ahead.speed[-1] == pytest.approx(v, rel=1e-4)
    assert ahead.time == pytest.approx(v**2 / (2 * 10.0), rel=0.002)


@given(courses(), vehicles)
def test_a_road_turned_round_swaps_the_two_times(course: Course, vehicle: Vehicle) -> None:
    ahead, back = drives(course, vehicle)
    there, again = drives(course.reversed(), vehicle)
    assert (ahead.time, back.time) == (again.time, there.time)
    assert (ahead.speed == again.speed[::-1]).all()


@given(courses(), vehicles, st.sampled_from([0.0, 5.0, inf]))
def test_no_ceiling_is_passed_and_nobody_stands(
    course: Course, vehicle: Vehicle, entry: float
) -> None:
    for drive, ceiling in zip(
        drives(course, vehicle, entry=entry), ceilings(course, vehicle), strict=True
    ):
        assert (drive.speed[:-1] <= ceiling * (1 + SLACK)).all()
        assert (drive.speed[1:] <= ceiling * (1 + SLACK)).all()
        assert (ceiling <= course.limit).all()
        assert (drive.speed[1:-1] > 0).all()
        assert drive.time >= (np.diff(course.station) / ceiling).sum() * (1 - SLACK)


@given(courses(), vehicles)
def test_speed_changes_no_faster_than_drivers_like(course: Course, vehicle: Vehicle) -> None:
    fine = split(course, 40)
    ahead, back = drives(fine, vehicle)
    ds = np.diff(fine.station)
    for speed, grade, along in (
        (ahead.speed, fine.grade, ds),
        (back.speed[::-1], -fine.grade[::-1], ds[::-1]),
    ):
        change = np.diff(speed**2) / (2 * along)
        assert change.max() <= vehicle.acceleration_m_s2 + 1e-6
        hill = GRAVITY * (grade + vehicle.rolling) + vehicle.drag_per_m * speed[:-1] ** 2
        assert (change >= -np.maximum(hill, vehicle.braking_m_s2) - 1e-6).all()


@given(courses(), vehicles, st.integers(0, 11), st.floats(0.3, 1.0))
def test_a_lower_limit_is_never_faster(course: Course, vehicle: Vehicle, i: int, by: float) -> None:
    limit = course.limit.copy()
    limit[i % limit.size] *= by
    never_faster(course, replace(course, limit=limit), vehicle)


@given(courses(), vehicles, st.integers(0, 11), st.floats(0.0, 0.05))
def test_a_sharper_curve_is_never_faster(
    course: Course, vehicle: Vehicle, i: int, by: float
) -> None:
    k = course.curvature.copy()
    k[i % k.size] += by
    never_faster(course, replace(course, curvature=k), vehicle)


def never_faster(course: Course, harder: Course, vehicle: Vehicle) -> None:
    for easy, hard in zip(drives(course, vehicle), drives(harder, vehicle), strict=True):
        assert (hard.speed <= easy.speed * (1 + SLACK)).all()
        assert hard.time >= easy.time * (1 - SLACK)


@given(courses(), vehicles, st.integers(0, 11), st.floats(0.0, 0.05))
def test_a_steeper_climb_is_never_faster_uphill(
    course: Course, vehicle: Vehicle, i: int, by: float
) -> None:
    # downhill a steeper grade may help, so that only climbs are made steeper
    grade = course.grade.copy()
    j = i % grade.size
    grade[j] = abs(grade[j])
    gentle = replace(course, grade=grade)
    grade = grade.copy()
    grade[j] += by
    easy, hard = drives(gentle, vehicle)[0], drives(replace(course, grade=grade), vehicle)[0]
    assert (hard.speed <= easy.speed * (1 + SLACK)).all()
    assert hard.time >= easy.time * (1 - SLACK)


@given(vehicles, limits, st.floats(0.0, 0.12), st.floats(0.0, 0.12))
def test_up_and_down_together_take_longer_on_the_steeper_of_two_even_grades(
    vehicle: Vehicle, kmh: float, a: float, b: float
) -> None:
    # at a steady speed the time of a metre is convex in grade, and so is the greatest of such times
    gentle, steeper = sorted((a, b))
    there = travel_time(constant(2000.0, grade=gentle, kmh=kmh), vehicle)
    again = travel_time(constant(2000.0, grade=steeper, kmh=kmh), vehicle)
    assert again[0] >= there[0] * (1 - SLACK)
    assert sum(again) >= sum(there) * (1 - SLACK)


@given(courses(), vehicles)
def test_a_weaker_vehicle_is_never_faster(course: Course, vehicle: Vehicle) -> None:
    weak = vehicle.model_copy(update={"power_w_kg": vehicle.power_w_kg * 0.8})
    assert np.all(np.array(travel_time(course, weak)) >= np.array(travel_time(course, vehicle)))


@given(courses(), vehicles)
def test_parted_intervals_change_little(course: Course, vehicle: Vehicle) -> None:
    whole = travel_time(course, vehicle)
    assert travel_time(split(course, 2), vehicle) == pytest.approx(whole, rel=SLACK)
    assert travel_time(split(course, 100), vehicle) == pytest.approx(whole, rel=0.005)


@given(courses(), vehicles)
@settings(max_examples=20)
def test_a_drive_by_the_clock_takes_as_long(course: Course, vehicle: Vehicle) -> None:
    for road in (course, course.reversed()):
        start = drives(road, vehicle)[0]
        wanted = simulated(road, vehicle, float(start.speed[0]))
        assert start.time == pytest.approx(wanted, rel=0.01)


@given(vehicles, st.floats(-0.01, 0.12))
def test_a_long_climb_ends_at_the_speed_that_power_sustains(vehicle: Vehicle, grade: float) -> None:
    def lacking(v: float) -> float:
        pull = GRAVITY * (grade + vehicle.rolling) + vehicle.drag_per_m * v**2
        return pull * v - vehicle.power_w_kg

    wanted = brentq(lacking, 1e-3, 1e3, xtol=1e-12)
    assert sustained(vehicle, grade) == pytest.approx(wanted, rel=1e-10)
    free = vehicle.model_copy(update={"fastest_kmh": 1e3, "retarding_w_kg": 1e3})
    level = constant(20.0, kmh=900.0)
    climb = constant(60_000.0, grade=grade, kmh=900.0)
    for first in (level, constant(20.0, kmh=6.0)):
        road = Course(
            np.concatenate((first.station, first.length + climb.station[1:])),
            np.concatenate((first.curvature, climb.curvature)),
            np.concatenate((first.grade, climb.grade)),
            np.concatenate((first.limit, climb.limit)),
        )
        assert drives(road, free)[0].speed[-1] == pytest.approx(wanted, rel=1e-4)


def test_a_truck_takes_its_speed_into_a_hill_and_loses_it_there() -> None:
    course = even([20.0] * 200, [0.0] * 200, [0.0] * 100 + [0.06] * 100, [60.0] * 200)
    speed = drives(course, TRUCK)[0].speed
    assert speed[100] == pytest.approx(60 / KMH)
    assert (np.diff(speed[100:]) <= SLACK).all()
    # v dv/ds = P/v - g (0.06 + rolling) - drag v^2 in steps of a millimetre
    v = speed[100]
    for _ in range(200_000):
        v += (5.5 / v - GRAVITY * 0.069 - 1.35e-4 * v**2) / v * 1e-3
    assert speed[110] == pytest.approx(v, rel=0.005)


def test_no_grade_takes_a_vehicle_below_its_lowest_gear() -> None:
    wall = constant(400.0, grade=1.0)
    assert drives(wall, TRUCK)[0].speed == pytest.approx(TRUCK.crawl_kmh / KMH)


def test_trucks_creep_down_steep_hills_and_cars_less_so() -> None:
    ahead, back = ceilings(constant(200.0, grade=0.08), TRUCK)
    assert ahead == pytest.approx(80 / KMH)
    assert back == pytest.approx(6.7 / (GRAVITY * (0.08 - 0.009)))
    assert (ceilings(constant(200.0, grade=0.08), CAR)[1] > back).all()


def rounded(length: float, radius: float) -> Alignment:
    """Lay a curve with clothoids between two tangents, and a crest in its middle."""
    out: list[Element] = []
    k = 1 / radius
    for span, k0, k1 in ((length, 0, 0), (50, 0, k), (80, k, k), (50, k, 0), (length, 0, 0)):
        out.append(Element(out[-1].end if out else Pose(0.0, 0.0, 0.0), span, k0, k1))
    plan = Plan(tuple(out))
    whole = plan.length
    grades = Grades(
        np.array([0.0, whole / 2, whole]),
        np.array([900.0, 900 + 0.05 * whole / 2, 900.0]),
        np.array([0.0, 100.0, 0.0]),
    )
    return Alignment(plan, grades)


@given(st.floats(100.0, 2000.0), st.floats(20.0, 300.0), vehicles, st.floats(0.1, 0.9))
def test_a_designed_road_is_driven_as_it_is_designed(
    length: float, radius: float, vehicle: Vehicle, share: float
) -> None:
    road = rounded(length, radius)
    end = road.length
    parts = [Zone(0.0, share * end, STANDARD), Zone(share * end, end, load(STANDARD.code, 40))]
    course = designed(road, parts)
    assert (course.station[0], course.station[-1]) == (0.0, end)
    assert np.diff(course.station).max() <= 20 + 1e-9
    bend = np.abs(road.plan.poses(course.station)[:, 3])
    assert (course.curvature >= np.maximum(bend[:-1], bend[1:]) * (1 - 1e-6) - 1e-9).all()
    assert course.curvature.max() == pytest.approx(1 / radius)
    level = road.grades.at(course.station)
    assert 900 + np.cumsum(course.grade * np.diff(course.station)) == pytest.approx(level[1:])
    assert course.limit == pytest.approx(
        np.where(course.station[1:] <= share * end + 1e-3, 60, 40) / KMH
    )
    assert min(travel_time(course, vehicle)) >= zones.travel_time(parts) * (1 - SLACK)
    paced = [Paced(z.start, z.end, z.speed_kmh, "") for z in parts]
    assert travel_time(designed(road, paced), vehicle) == travel_time(course, vehicle)


@pytest.mark.parametrize(
    "parts", [[], [(0.0, 100.0)], [(5.0, 1180.0)], [(0.0, 500.0), (600.0, 1180.0)]]
)
def test_design_speeds_that_leave_a_gap_are_refused(parts: list[tuple[float, float]]) -> None:
    with pytest.raises(GeometryError, match="wanted all of it"):
        designed(rounded(500.0, 125.0), [Zone(a, b, STANDARD) for a, b in parts])


def test_a_surveyed_road_is_driven_by_its_class_curves_and_grades() -> None:
    station = np.arange(0.0, 2001.0, 20.0)
    curvature = np.where((station >= 900) & (station <= 1100), -1 / 30, 0.0)
    course = surveyed(station, 800 + 0.05 * station, curvature, np.full(100, 50 / KMH))
    ahead, back = drives(course, TRUCK)
    assert course.grade == pytest.approx(0.05)
    curve = sqrt(GRAVITY * 0.2 * 30)
    assert ahead.speed[44:57] == pytest.approx(curve)
    assert ahead.speed[-1] == pytest.approx(sustained(TRUCK, 0.05), rel=0.02)
    assert back.time < ahead.time
    assert back.speed[-1] == pytest.approx(50 / KMH, rel=SLACK)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"station": np.array([0.0, 20.0, 20.0])}, "in order"),
        ({"station": np.array([0.0])}, "at least two"),
        ({"curvature": np.array([0.0, -0.01])}, "curvature at 20 m: found -0.01"),
        ({"grade": np.array([np.nan, 0.0])}, "grade at 0 m: found nan"),
        ({"limit": np.array([10.0, 0.0])}, "limit at 20 m: found 0"),
        ({"limit": np.array([10.0])}, "found shape"),
    ],
)
def test_courses_that_no_road_has_are_refused(
    change: dict[str, NDArray[np.float64]], told: str
) -> None:
    good = even([20.0, 20.0], [0.0, 0.0], [0.0, 0.0], [40.0, 40.0])
    with pytest.raises(GeometryError, match=told):
        replace(good, **change)


def test_entries_and_vehicles_that_cannot_be_are_refused() -> None:
    with pytest.raises(GeometryError, match="speed of entry"):
        drives(constant(100.0), CAR, entry=-1.0)
    with pytest.raises(ValidationError):
        Vehicle(power_w_kg=0.0)


@pytest.mark.parametrize("vehicle", [CAR, TRUCK], ids=lambda vehicle: vehicle.name)
def test_every_value_of_a_default_vehicle_has_its_source(vehicle: Vehicle) -> None:
    assert set(vehicle.sources) == set(Vehicle.model_fields) - {"name", "sources"}


def test_the_whole_highway_is_quick_to_drive() -> None:
    rng = np.random.default_rng(1)
    n = 12_050
    course = even(
        [20.0] * n,
        list(rng.choice([0.0, 1 / 300, 1 / 60, 1 / 30], n)),
        list(np.clip(np.cumsum(rng.normal(0, 0.01, n)), -0.1, 0.1)),
        list(rng.choice([40.0, 60.0], n)),
    )
    travel_time(course, TRUCK)
    took = []
    for _ in range(5):
        start = perf_counter()
        travel_time(course, TRUCK)
        took.append(perf_counter() - start)
    assert min(took) < 0.05
