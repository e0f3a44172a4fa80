"""
A valley of any length at 30 m: time and memory of the stages, and how they grow.

Usage: python -m benchmarks.scale FOLDER [--km 60 125 250 500 1000] [--whole 125] [--curve FILE.svg]

The valley is made by formula: it falls by 2.4 m a kilometre, bends, runs from south-west to
north-east, and has a dam every 100 km that drowns some 20 km of its highway. Its ground is a
square that holds it, so that a study of 1,000 km at 30 m has 6e8 cells. Each study runs in a
process of its own, up to the hazards and one corridor; those up to --whole km run to the end.
A JSON line a stage: seconds, the greatest memory that is not a file, and that with files.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.windows import Window

import realign
from realign import corridor, drowned, formation, plan, region, terrain
from realign.rates import Rates
from realign.standards import load as load_standard

CELL = 30.0
"""Side of a cell of the ground [m]."""
EVERY, FIRST = 100_000.0, 30_000.0
"""Distance from dam to dam, and from the start of the highway to the first [m]."""
FALL = 0.0024
"""Fall of the valley [m/m]."""
DEEP = 75.0
"""Depth of a full lake at its dam [m]."""
BED = 300.0
"""Level of the bed at the start of the highway [m above datum]."""
MARGIN = 12_000.0
"""Ground beside the valley, and beyond its ends [m]."""
POLL_S = 0.1
"""Time between two looks at the memory of a study [s]."""
EPSG = 32643
WEST, SOUTH = 140_000.0, 3_450_000.0  # where the valley begins [m]
RATES = Path(realign.__file__).parents[1] / "data" / "kkh" / "rates.csv"

_STUDY = """\
[study]
name = "valley"
title = "A valley of {km:.0f} km"
question = "How do time and memory grow?"
ground = "A valley made by formula."
crs = "EPSG:{epsg}"

[elevation]
vertical_datum = "EGM2008"
sigma_m = 2.0

[existing]
name = "N-1"
start_name = "Start"
end_name = "End"

[rivers]
file = "rivers.geojson"

[standard]
code = "asian-highway-class-ii"

[corridor]
river = "Long"
band_m = 2500
reach_m = 3000
headroom_m = 80

[branches]
most_branches = 4

[[variants]]
name = "fast"
title = "60 km/h"
speed_kmh = 60

[[variants]]
name = "cheap"
title = "40 km/h"
speed_kmh = 40

[money]
fx_date = 2025-09-25
pkr_per_usd = 281.40
cny_per_usd = 7.12

[phasing]
start = 2026-01-01
budget_pkr_per_year = 1.0e11
new_km_per_month = 0.5
upgrade_km_per_month = 2.0
tunnel_m_per_month_face = 50
mobilisation_months = 3

[finance]
announced_pkr = 1.0e11

[[finance.cases]]
name = "own"
title = "Own means"

[[finance.cases.financiers]]
name = "Owner"
key = "owner"
share = 1.0
source = "made up"
"""

_DAM = """
[[dams]]
name = "Dam {number}"
lon = {lon:.7f}
lat = {lat:.7f}
full_level_m = {full:.2f}
minimum_level_m = {low:.2f}
crest_level_m = {crest:.2f}

[[dams.stages]]
name = "full"
level_m = {full:.2f}
date = 2032-07-01

[[programme]]
name = "Lower {number} to Upper {number}"
start = "Lower {number}"
end = "Upper {number}"
work = "new"
"""


@numba.njit(cache=True)
def river(along: float) -> float:
    """Distance of the river from the straight axis of the valley, to the left [m]."""
    return 2000.0 * math.sin(along / 4000.0) + 500.0 * math.sin(along / 1100.0 + 1.0)


@numba.njit(cache=True)
def levels(left: float, top: float, rows: int, cols: int) -> Any:
    """Levels of the cells of a window by its north-western corner, from the start [m]."""
    out = np.empty((rows, cols), np.float32)
    half = math.sqrt(0.5)
    for row in range(rows):
        for col in range(cols):
            x, y = left + (col + 0.5) * CELL, top - (row + 0.5) * CELL
            along, aside = half * (x + y), half * (y - x)
            away = abs(aside - river(along))
            up = max(away - 150.0, 0.0)
            spur = (
                1.0 + 0.55 * math.sin(along / 150.0) + 0.25 * math.sin(along / 61.0 + aside / 97.0)
            )
            side = 1600.0 * (1.0 - math.exp(-0.65 * spur * up / 1600.0))
            rough = 25.0 * math.sin(x / 110.0) * math.cos(y / 130.0) * min(up / 400.0, 1.0)
            out[row, col] = BED + FALL * along + side + rough
    return out


def main() -> None:
    """Make the valleys, run them, and print a line a stage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where valleys are made; 1 GB for 1,000 km")
    parser.add_argument("--km", type=int, nargs="+", default=[60, 125, 250, 500, 1000])
    parser.add_argument("--whole", type=int, default=125, help="longest that runs to the end [km]")
    parser.add_argument("--curve", type=Path, default=None, help="figure to draw, an SVG file")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS, default=None)
    given = parser.parse_args()
    if given.one:
        _one(given.folder / f"{given.one}km", whole=given.one <= given.whole)
        return
    lines = []
    for km in given.km:
        for line in _apart(given, km):
            print(json.dumps(line), flush=True)
            lines.append(line)
    if given.curve:
        given.curve.write_text(_figure(lines), encoding="utf-8")


# ---------------------------------------------------------------- the valley


def made(folder: Path, km: float) -> Path:
    """Write a valley of a length with its study; the study file."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    length = 1000.0 * km
    _write_ground(inputs / "dem.tif", length)
    along = np.arange(0.0, length + 1, 60.0)
    _write_line(inputs / "highway.geojson", _bent(along, 200.0), "N-1")
    wide = np.arange(-MARGIN / 2, length + MARGIN / 2, 60.0)
    _write_line(inputs / "rivers.geojson", _bent(wide, 0.0)[::-1], "Long River")
    shutil.copy(RATES, folder / "rates.csv")
    at = {"Start": 0.0, "End": length}
    text = _STUDY.format(km=km, epsg=EPSG)
    for number, dam in enumerate(np.arange(FIRST, length - 2e4, EVERY), start=1):
        at[f"Lower {number}"], at[f"Upper {number}"] = dam - 4000.0, dam + 26_000.0
        (lon, lat), full = _degrees(_bent(np.array([dam]), 0.0))[0], BED + FALL * dam + DEEP
        text += _DAM.format(
            number=number, lon=lon, lat=lat, full=full, low=full - 30, crest=full + 8
        )
    rows = ["name,lon,lat,source"]
    for name, s in at.items():
        lon, lat = _degrees(_bent(np.array([s]), 200.0))[0]
        rows.append(f"{name},{lon:.7f},{lat:.7f},made by formula")
    (folder / "places.csv").write_text("\n".join(rows) + "\n", "utf-8")
    file = folder / "study.toml"
    file.write_text(text, "utf-8")
    return file


def _bent(along: NDArray[np.float64], aside: float) -> NDArray[np.float64]:
    """Points beside the river, to its left, shape (n, 2) [m]."""
    half = math.sqrt(0.5)
    off = np.array([river(float(s)) for s in along]) + aside
    return np.column_stack((WEST + half * (along - off), SOUTH + half * (along + off)))


def _degrees(xy: NDArray[np.float64]) -> list[list[float]]:
    back = Transformer.from_crs(EPSG, 4326, always_xy=True)
    return np.column_stack(back.transform(xy[:, 0], xy[:, 1])).round(8).tolist()


def _write_line(path: Path, xy: NDArray[np.float64], name: str) -> None:
    shape = {"type": "LineString", "coordinates": _degrees(xy)}
    feature = {"type": "Feature", "properties": {"name": name}, "geometry": shape}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")


def _write_ground(path: Path, length: float) -> None:
    side = math.ceil((length * math.sqrt(0.5) + 2 * MARGIN) / CELL)
    left, top = -MARGIN, side * CELL - MARGIN
    profile = {
        "driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "float32",
        "crs": f"EPSG:{EPSG}", "transform": Affine(CELL, 0, WEST + left, 0, -CELL, SOUTH + top),
        "nodata": -9999.0, "tiled": True, "blockxsize": 512, "blockysize": 512, "bigtiff": "yes",
        "compress": "deflate", "zlevel": 1, "predictor": 3, "num_threads": "all_cpus",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        for tile in terrain.tiles((side, side), side=4096):
            rows, cols = tile.inner
            z = levels(left + cols.start * CELL, top - rows.start * CELL, *tile.shape)
            # a centimetre, as real ground is no more exact; it packs better too
            target.write(np.round(z, 2), 1, window=Window.from_slices(rows, cols))


# ---------------------------------------------------------------- running it


def _apart(given: argparse.Namespace, km: int) -> Iterator[dict[str, object]]:
    """Run a study in a process of its own and look at its memory from outside."""
    folder = given.folder / f"{km}km"
    if not (folder / "study.toml").is_file():
        made(folder, km)
    command = [sys.executable, "-m", "benchmarks.scale", str(given.folder), "--one", str(km)]
    command += ["--whole", str(given.whole)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        if child.stdout is None:
            return
        peak = _Peak(child.pid)
        for line in _polled(child.stdout, peak):
            found = json.loads(line)
            yield {"benchmark": "scale", "km": km, **found, **peak.taken()}
    if child.returncode:
        raise SystemExit(child.returncode)


def _polled(lines: Any, peak: "_Peak") -> Iterator[str]:
    """Lines as they come, with a look at the memory while there are none."""
    from queue import Empty, SimpleQueue
    from threading import Thread

    queue: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in lines:
            queue.put(line)
        queue.put("")

    Thread(target=read, daemon=True).start()
    while True:
        try:
            line = queue.get(timeout=POLL_S)
        except Empty:
            peak.look()
            continue
        if not line:
            return
        yield line


class _Peak:
    """Greatest memory of a process since it was asked last."""

    def __init__(self, pid: int) -> None:
        """Look at a process."""
        self.status, self.anonymous, self.all = Path(f"/proc/{pid}/status"), 0, 0

    def look(self) -> None:
        """Look once more."""
        try:
            lines = self.status.read_text().splitlines()
        except OSError:
            return
        kib = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith("kB")}
        own, whole = int(kib.get("RssAnon", 0)), int(kib.get("VmRSS", 0))
        self.anonymous, self.all = max(self.anonymous, own), max(self.all, whole)

    def taken(self) -> dict[str, float]:
        """Give what was found, and begin anew."""
        out = {"own_mib": round(self.anonymous / 1024), "with_files_mib": round(self.all / 1024)}
        self.anonymous = self.all = 0
        return out


def _one(folder: Path, *, whole: bool) -> None:
    """Run the stages of a valley, a line each; the rest of them where it runs to the end."""
    study = realign.load(folder / "study.toml")
    clock = drowned.Clock(None)
    prices = drowned.check(study)
    given = _timed("ground, highway, water", lambda: drowned.submerge(study, clock=clock), _water)
    _timed(
        "hazards and standing road",
        lambda: region.survey(given, prices, lambda _: None),
        lambda area: {"pieces": int(area.kept.along.start.size)},
    )
    _timed("one corridor", lambda: _corridor(given, prices), _road)
    if whole:
        _timed("whole run", lambda: realign.run(study), _answer)


def _corridor(given: drowned.Drowned, prices: Rates) -> corridor.Corridor:
    """Search the road of the first variant across the longest gap."""
    study, kind = given.study, given.study.variants[0]
    lost = [(part.dam, part.section) for part in given.submergence.sections]
    gaps = corridor.gaps(lost, given.highway, study.corridor)
    standard = load_standard(study.standard.code, kind.speed_kmh)
    return corridor.find(
        plan.site_of(given),
        max(gaps, key=lambda gap: gap.section.length),
        kind,
        rules=study.corridor,
        standard=standard,
        prices=formation.prices(study.formation, standard, prices),
        workers=2,
    )


def _road(found: corridor.Corridor) -> dict[str, object]:
    return {
        "musd": round(found.construction / 1e6, 1),
        "km": round(float(np.hypot(np.diff(found.x), np.diff(found.y)).sum()) / 1000, 1),
        "opened": found.opened,
    }


def _timed(stage: str, work: Any, answer: Any) -> Any:
    began = time.perf_counter()
    found = work()
    seconds = round(time.perf_counter() - began, 1)
    print(json.dumps({"stage": stage, "seconds": seconds, "answer": answer(found)}), flush=True)
    return found


def _water(given: drowned.Drowned) -> dict[str, object]:
    return {
        "cells": int(given.terrain.z.size),
        "on_disk": isinstance(given.terrain.z.base, np.memmap),
        "lakes": len(given.reservoirs),
        "flooded_km": round(sum(s.length for s in given.submergence.flooded) / 1000, 1),
    }


def _answer(done: plan.Plan) -> dict[str, object]:
    return {
        "best": done.best,
        "present_bn": round(
            next(o for o in done.options if o.name == done.best).present_cost / 1e9, 3
        ),
        "stages_s": {name: round(seconds, 1) for name, seconds in done.seconds.items()},
    }


def _figure(lines: list[dict[str, Any]]) -> str:
    """Seconds and memory against the length of the valley, stage by stage."""
    from io import StringIO

    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    parts = (("seconds", "time [s]", 1.0), ("own_mib", "memory that is not a file [GiB]", 1024.0))
    stages = list(dict.fromkeys(line["stage"] for line in lines))
    for number, (key, what, unit) in enumerate(parts, start=1):
        axes = figure.add_subplot(1, 2, number)
        for stage in stages:
            found = [line for line in lines if line["stage"] == stage]
            x, y = [line["km"] for line in found], [line[key] / unit for line in found]
            axes.plot(x, y, "o-", label=stage)
        axes.set(xlabel="length of the highway [km]", ylabel=what)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.4)
        if number == 1:
            axes.legend(fontsize="small", loc="upper left")
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


if __name__ == "__main__":
    main()
