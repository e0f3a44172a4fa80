"""
The grade line of a long road with its haul (B4): seconds, memory and how near the bound it comes.

Usage: python -m benchmarks.profile data/kkh/study.toml [--inputs DIR] [--km 241]

The plan is the course of the existing highway as a chain of tangents, from its start on: the
corridor as it lies, without regard to lakes. Forms are chosen by the dynamic program, then one
linear program with haul places the PVIs. The bound is that of `realign.bound`, haul left out, and
the price of the bill at the same stations, haul left out too, stands beside it.
"""

import argparse
import json
import resource
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Case, case
from realign import bound, haul, inventory, quantities
from realign import plan as planning
from realign.geometry.alignment import Alignment, Plan, beside, crossings
from realign.geometry.horizontal import Element, Pose, simplified
from realign.profile import LOW, Task, grade_line
from realign.rates import Rates

KIB = 1024.0
"""Kibibytes in a mebibyte."""
STEP = 25.0
"""Distance between stations [m]."""
NEAR = 15.0
"""Points of the highway nearer to the line of their neighbours are left out [m]."""


def main() -> None:
    """Lay the grade line and print a line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", help="study file")
    parser.add_argument("--inputs", help="folder of the inputs", default=None)
    parser.add_argument("--km", type=float, default=241.0, help="length of the road")
    given = parser.parse_args()
    found = case(given.study, given.inputs)
    rates = planning.check(found.study)
    _laid(found, rates, 2.0)  # compiles
    print(json.dumps(_laid(found, rates, given.km)))


def _laid(found: Case, rates: Rates, km: float) -> dict[str, object]:
    plan = _course(found.site.highway.xy, km * 1000)
    s = plan.stations(STEP)
    terrain, prices, standard = found.site.terrain, found.prices, found.standard
    xy = plan.poses(s)[:, :2]
    ground = terrain.sample(*xy.T)
    half = found.study.formation.river_half_m
    rivers = crossings(plan, [line for _, line in found.site.rivers])[:, None]
    spans = rivers + np.array([-half, half])
    earth = haul.Moving(
        found.study.haul,
        haul.prices(rates),
        haul.sites(plan.length, found.study.haul.site_every_m),
    )
    task = Task(
        start=float(ground[0]),
        end=float(ground[-1]),
        corridor_s=s,
        corridor_level=_smoothed(ground),
        water_s=s,
        water_level=np.full(s.size, LOW),
        spans=spans,
        earth=earth,
    )
    begin = perf_counter()
    line = grade_line(
        plan,
        terrain,
        task,
        line=found.study.profile.model_copy(update={"check_m": STEP, "passes": 1}),
        standard=standard,
        shape=found.study.formation,
        prices=prices,
    )
    seconds = perf_counter() - begin
    bill = quantities.take_off(
        Alignment(plan, line.alignment.grades),
        terrain,
        shape=found.study.formation,
        standard=standard,
        prices=prices,
        spans=spans,
        step=STEP,
    )
    way = bound.Way(
        bill.ground, bill.slope, np.full(s.size, LOW), beside(s, spans), np.ones(s.size)
    )
    run = float(bill.station[1])
    price = bound.price_of(way, run, bill.level, (bill.form, bill.denied), prices)
    begin = perf_counter()
    least = bound.least_price(way, run, (task.start, task.end), standard=standard, prices=prices)
    moved = inventory.moved(bill, earth)
    return {
        "benchmark": "profile",
        "km": round(plan.length / 1000, 3),
        "stations": int(s.size),
        "pvis": int(line.alignment.grades.chainage.size),
        "seconds": round(seconds, 2),
        "bound_seconds": round(perf_counter() - begin, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB),
        "price_musd": round(price / 1e6, 3),
        "bound_musd": round(least / 1e6, 3),
        "gap_pct": round(100 * (price / least - 1), 2),
        "haul_musd": round(moved.cost / 1e6, 3),
        "haul_mm3_km": round(moved.moved / 1e6, 3),
        "denied": int(bill.denied.sum()),
    }


def _smoothed(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels averaged over half a kilometre."""
    wide = int(500 / STEP)
    padded = np.pad(level, wide // 2, mode="edge")
    return np.convolve(padded, np.ones(wide + 1) / (wide + 1), mode="valid")


def _course(xy: NDArray[np.float64], length: float) -> Plan:
    """Tangents along the first metres of a line."""
    kept = xy[simplified(xy, NEAR)]
    s = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(kept, axis=0).T))))
    kept = kept[: int(np.searchsorted(s, length)) + 1]
    way = np.diff(kept, axis=0)
    return Plan(
        tuple(
            Element(Pose(*map(float, at), float(np.arctan2(to[1], to[0]))), float(np.hypot(*to)))
            for at, to in zip(kept, way, strict=False)
        )
    )


if __name__ == "__main__":
    main()
