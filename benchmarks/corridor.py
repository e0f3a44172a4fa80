"""
The corridor search on a study: time, peak memory and the answer, and how time grows.

Usage: python -m benchmarks.corridor data/kkh/study.toml [--inputs DIR] [--speeds 60 40]
       python -m benchmarks.corridor data/kkh/study.toml --curve docs/corridor_time.svg

Each search runs in a process of its own and prints one JSON line. With --curve the
gap is also cut to several lengths and the ground resampled to several cell sizes,
and seconds are drawn against both. Compiled code is warmed up on a short piece of
the gap first, so that the seconds are those of the search.
"""

import argparse
import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
from affine import Affine
from scipy import ndimage

from benchmarks.case import Case, case
from realign import corridor
from realign.chainage import Section
from realign.corridor.price import NONE, tabulate
from realign.corridor.problem import prepare
from realign.corridor.search import bounds, guided
from realign.errors import NoRouteError

KIB = 1024.0
"""Kibibytes in a mebibyte."""
LENGTHS = (30, 40, 50, 60, 80)
"""Lengths to which the gap is cut [km]."""
CELLS = (120, 90, 60, 45)
"""Cell sizes to which the ground is resampled [m]."""
NO_ROAD: dict[str, object] = {"road": None}
"""Answer where a gap cut short ends where no road can be above the water."""
WARM = 4000.0
"""Length of the piece on which the compiled code is warmed up [m]."""


def main() -> None:
    """Search, and print a line a search."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", help="study file")
    parser.add_argument("--inputs", help="folder of the inputs", default=None)
    parser.add_argument("--speeds", type=int, nargs="+", default=[60, 40], help="km/h")
    parser.add_argument("--curve", type=Path, default=None, help="figure to draw, an SVG file")
    parser.add_argument("--one", help=argparse.SUPPRESS, default=None)
    given = parser.parse_args()
    if given.one:
        _one(given)
        return
    whole = [_told(given, {"speed": speed}) for speed in given.speeds]
    if given.curve:
        by_length, by_cell = (
            [_told(given, {"speed": given.speeds[0], name: value}) for value in values]
            for name, values in (("km", LENGTHS), ("cell", CELLS))
        )
        given.curve.write_text(_figure([*by_length, whole[0]], by_cell), encoding="utf-8")


def _told(given: argparse.Namespace, what: dict[str, int]) -> dict[str, object]:
    line = _apart(given, what)
    print(json.dumps(line), flush=True)
    return line


def _apart(given: argparse.Namespace, what: dict[str, int]) -> dict[str, object]:
    """Run one search in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, "-m", "benchmarks.corridor", given.study, "--one", json.dumps(what)]
    if given.inputs:
        command += ["--inputs", given.inputs]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _one(given: argparse.Namespace) -> None:
    what = json.loads(given.one)
    asked = case(given.study, given.inputs, speed=what["speed"])
    if "cell" in what:
        asked = _resampled(asked, what["cell"])
    _search(_cut(asked, WARM))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
    if "km" in what:
        asked = _cut(asked, 1000.0 * what["km"])
    began = perf_counter()
    road = _search(asked)
    seconds = perf_counter() - began
    answer: dict[str, object] = dict(NO_ROAD)
    if road is not None:
        answer = {
            "musd": round(road.construction / 1e6, 3),
            "price_musd": round(road.price / 1e6, 3),
            "bound_musd": round(road.bound / 1e6, 3),
            "gap_pct": round(100 * road.optimality_gap, 2),
            "length_km": round(float(np.hypot(np.diff(road.x), np.diff(road.y)).sum()) / 1000, 2),
            "opened": road.opened,
            "at_edge": road.at_edge,
        }
    print(
        json.dumps(
            {
                "benchmark": "corridor",
                **what,
                "cell_m": asked.site.terrain.cell,
                "gap_km": round(asked.gap.section.length / 1000, 1),
                "seconds": round(seconds, 2),
                "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB, 1),
                "before_mib": round(before, 1),
                # the curves tell the time of the search alone
                "stages": {} if {"km", "cell"} & set(what) else _stages(asked),
                "answer": answer,
            }
        )
    )


def _search(asked: Case) -> corridor.Corridor | None:
    try:
        return corridor.find(
            asked.site,
            asked.gap,
            asked.variant,
            rules=asked.study.corridor,
            standard=asked.standard,
            prices=asked.prices,
            workers=2,
        )
    except NoRouteError:
        return None


def _stages(asked: Case) -> dict[str, float]:
    """Seconds of the parts of a search, and the edges of the lattice that it settles in each."""
    rules, clock = asked.study.corridor, [perf_counter()]

    def lap() -> float:
        clock.append(perf_counter())
        return round(clock[-1] - clock[-2], 2)

    problem = prepare(
        asked.site,
        asked.gap,
        asked.variant,
        rules=rules,
        standard=asked.standard,
        prices=asked.prices,
    )
    survey = problem.survey()
    ground, ends = survey.ground, survey.ends
    out = {"ground_s": lap()}
    table = tabulate(ground, problem.tariff, climb=problem.moves.climb, workers=2)
    out["prices_s"] = lap()
    bound, steps = bounds(ground, table, ends), problem.steps(table.unit)
    out["bound_s"] = lap()
    _, labels = guided(ground, table, survey.starts, ends, bound, steps=steps)
    out["search_s"] = lap()
    allowed = table.price != NONE
    edges = 2.0 * np.count_nonzero(allowed) / 1e6
    out["bound_m_edges_per_s"] = round(edges / out["bound_s"], 1)
    # each state opened settles the edges it may leave by; those of several arrivals are one look
    leaving = labels.opened * (2 * steps.turn + 1) * (2 * table.climb + 1) * allowed.mean() / 1e6
    out["search_m_edges_per_s"] = round(float(leaving) / out["search_s"], 1)
    return out


def _cut(asked: Case, length: float) -> Case:
    """Take the first part of a gap; the road beyond counts as drowned."""
    section = Section(asked.gap.section.start, asked.gap.section.start + length)
    return replace(asked, gap=replace(asked.gap, section=section, after=None))


def _resampled(asked: Case, cell: float) -> Case:
    """Ground of another cell size, bilinear."""
    ground = asked.site.terrain
    scale = cell / ground.cell
    rows, cols = (int(n / scale) for n in ground.shape)
    r = (np.arange(rows) + 0.5) * scale - 0.5
    c = (np.arange(cols) + 0.5) * scale - 0.5
    z = ndimage.map_coordinates(
        ground.z, np.meshgrid(r, c, indexing="ij"), order=1, mode="nearest", output=np.float32
    )
    t = ground.transform
    fresh = replace(ground, z=z, transform=Affine(cell, 0, t.c, 0, -cell, t.f))
    return replace(asked, site=replace(asked.site, terrain=fresh))


def _figure(by_length: list[dict[str, object]], by_cell: list[dict[str, object]]) -> str:
    """Seconds against the length of the gap and against the size of a cell."""
    from io import StringIO

    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, lines, key, what in (
        (figure.add_subplot(1, 2, 1), by_length, "gap_km", "length of the gap [km]"),
        (figure.add_subplot(1, 2, 2), by_cell, "cell_m", "size of a cell [m]"),
    ):
        # where no road can end above the water, the search has tried three widths of the band
        found = [line for line in lines if line["answer"] != NO_ROAD]
        axes.plot([line[key] for line in found], [line["seconds"] for line in found], "o-")
        axes.set(xlabel=what, ylabel="time of the search [s]")
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.4)
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


if __name__ == "__main__":
    main()
