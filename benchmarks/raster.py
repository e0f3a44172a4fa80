"""
Search over a raster, side by side: one JSON line each with seconds, memory and the answer.

Usage: python -m benchmarks.raster [--size 2000 5000] [--kind uniform slope ...] [--seconds 10]

Every engine gets the same prices, whole numbers that all of them can hold, the same start in the
middle, 8 neighbours and the mean of two cells times the distance; it gives the price of the
cheapest way to every cell. It runs in a process of its own, after a small raster that compiles and
imports what it needs. Memory is the peak of that process from before the raster is read, so that
the raster counts. An engine that is not installed is said to be so. Ratios are of processor time,
because a shared machine makes others wait: the least of all repeats, which go on for the same time
for all, and are two at least.
"""

import argparse
import importlib.metadata
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from realign.corridor.raster import spread

KINDS = ("uniform", "log-normal", "slope", "obstacles")
"""Kinds of prices: white noise from 1 to 100; white noise of which a few cells are hundreds of
times as dear; a price by the slope of hills; and that with lakes over a quarter of the ground."""
DEAREST = 65_534
"""Greatest price that all engines hold."""
WALL = -1.0
"""Price of cells that cannot be passed."""
SCIPY_MOST = 9_000_000
"""Cells above which a sparse graph needs more memory than most machines have."""
NETWORKX_SIDE = 200
"""Rows of the raster for networkx, which takes minutes for more."""
WANTED_RATIO = 8.0
"""Times as fast as scikit-image."""
WANTED_BYTES = 16.0
"""Memory a cell, the raster included."""
OTHER_RULE = ("pyorps",)
"""Engines whose answer is another one, because they price a step across otherwise."""
SAME = 1e-9
"""Relative difference below which two sums of prices are equal."""

Array = NDArray[Any]
Answer = tuple[float, float, Array]
"""Seconds of processor to build a graph and to search, and the prices."""


def ground(kind: str, side: int) -> Array:
    """
    Make prices.

    Parameters
    ----------
    kind
        One of `KINDS`.
    side
        Rows and columns.

    Returns
    -------
    cost
        Whole numbers from 1 to `DEAREST`, or `WALL`, shape (side, side), float32.
    """
    rng = np.random.default_rng(1)
    if kind == "uniform":
        cost = rng.uniform(1, 100, (side, side))
    elif kind == "log-normal":
        cost = 30 * np.exp(rng.standard_normal((side, side)))
    else:
        height = _hills(rng, side)
        dy, dx = np.gradient(height, 30.0)
        cost = 10 + 2000 * np.hypot(dx, dy) ** 2
        if kind == "obstacles":
            # no lake near the start in the middle and the target in the last corner
            rows, cols = np.ogrid[:side, :side]
            near = [np.hypot(rows - at, cols - at) for at in (side // 2, side - 1)]
            high = height * np.minimum(1, np.minimum(*near) / (side / 10))
            cost[high > np.quantile(high[::7, ::7], 0.75)] = WALL
    cost = np.where(cost == WALL, WALL, np.clip(np.rint(cost), 1, DEAREST))
    return cost.astype(np.float32)


def _hills(rng: np.random.Generator, side: int) -> Array:
    """Heights of hills of every size from a quarter of the side to 16 cells [m]."""
    height = np.zeros((side, side))
    size = side // 4
    while size >= 16:
        knots = side // size + 4
        part = ndimage.zoom(rng.standard_normal((knots, knots)), size, order=3)
        height += part[size : size + side, size : size + side] * size * 2.0
        size //= 2
    return height


def ends(cost: Array) -> tuple[tuple[int, int], tuple[int, int]]:
    """Give the start in the middle and the target in the last corner."""
    rows, cols = cost.shape
    return (rows // 2, cols // 2), (rows - 1, cols - 1)


def _realign(cost: Array) -> Answer:
    began = time.process_time()
    price = spread(cost, [ends(cost)[0]]).price
    return 0.0, time.process_time() - began, price


def _scikit_image(cost: Array) -> Answer:
    from skimage.graph import MCP_Geometric

    began = time.process_time()
    search = MCP_Geometric(cost)
    built = time.process_time()
    price, _ = search.find_costs([ends(cost)[0]])
    return built - began, time.process_time() - built, price


def _scipy(cost: Array) -> Answer:
    began = time.process_time()
    rows, cols = cost.shape
    flat = cost.ravel()
    number = np.arange(cost.size, dtype=np.int32).reshape(cost.shape)
    tails, heads, prices = [], [], []
    for down, right, half in ((0, 1, 0.5), (1, 0, 0.5), (1, 1, sqrt(0.5)), (1, -1, sqrt(0.5))):
        here = number[: rows - down, max(0, -right) : cols - max(0, right)].ravel()
        there = number[down:, max(0, right) : cols - max(0, -right)].ravel()
        usable = (flat[here] > 0) & (flat[there] > 0)
        here, there = here[usable], there[usable]
        tails.append(here)
        heads.append(there)
        prices.append((flat[here].astype(np.float64) + flat[there]) * half)
    tail, head, price = np.concatenate(tails), np.concatenate(heads), np.concatenate(prices)
    both = (np.concatenate((tail, head)), np.concatenate((head, tail)))
    graph = sparse.csr_array((np.concatenate((price, price)), both), shape=(cost.size, cost.size))
    built = time.process_time()
    (row, col), _ = ends(cost)
    found, _ = sparse.csgraph.dijkstra(graph, indices=row * cols + col, return_predecessors=True)
    return built - began, time.process_time() - built, found.reshape(cost.shape)


def _pyorps(cost: Array) -> Answer:
    """
    Search with the binary heap of pyorps, which is the one that gives a price everywhere.

    Its rule is another: a step across costs the mean of four cells, the two beside it among them.
    """
    from pyorps.utils._dijkstra import make_dijkstra_solver
    from pyorps.utils.neighborhood import get_neighborhood_steps

    began = time.process_time()
    whole = np.where(cost > 0, cost, DEAREST + 1).astype(np.uint16)
    solver = make_dijkstra_solver(whole, get_neighborhood_steps(1))
    built = time.process_time()
    (row, col), _ = ends(cost)
    solver.reset_root(row * cost.shape[1] + col)
    solver.settle_all()
    price = solver.dist_array().reshape(cost.shape)
    return built - began, time.process_time() - built, price


def _networkx(cost: Array) -> Answer:
    import networkx as nx

    began = time.process_time()
    graph = nx.Graph()
    rows, cols = cost.shape
    for row, col in np.argwhere(cost > 0).tolist():
        for down, right, half in ((0, 1, 0.5), (1, 0, 0.5), (1, 1, sqrt(0.5)), (1, -1, sqrt(0.5))):
            r, c = row + down, col + right
            if r < rows and 0 <= c < cols and cost[r, c] > 0:
                price = (float(cost[row, col]) + float(cost[r, c])) * half
                graph.add_edge((row, col), (r, c), weight=price)
    built = time.process_time()
    found = nx.single_source_dijkstra_path_length(graph, ends(cost)[0])
    seconds = time.process_time() - built
    out = np.full(cost.shape, np.inf)
    for cell, value in found.items():
        out[cell] = value
    return built - began, seconds, out


def _grass(cost: Array) -> Answer:
    """Run r.cost in a location of its own; its processor time comes from the shell around it."""
    rows, cols = cost.shape
    (row, col), _ = ends(cost)
    with tempfile.TemporaryDirectory() as folder:
        prices, out = Path(folder, "cost.bin"), Path(folder, "price.bin")
        cost.tofile(prices)
        place = str(Path(folder, "location"))
        _quietly("grass", "-e", "-c", "XY", place)
        mapset = f"{place}/PERMANENT"
        raster = [f"input={prices}", "output=cost", "bytes=4", f"anull={WALL:g}"]
        edges = [f"north={rows}", "south=0", f"east={cols}", "west=0"]
        size = [f"rows={rows}", f"cols={cols}"]
        _quietly("grass", mapset, "--exec", "r.in.bin", "-f", *raster, *edges, *size)
        memory = cost.size * 40 // 2**20 + 100
        start = f"{col + 0.5},{rows - row - 0.5}"
        script = (
            f"g.region raster=cost; times; r.cost input=cost output=price memory={memory} "
            f"start_coordinates={start} --quiet; times; r.out.bin input=price output={out} bytes=8 "
            "null=-1 --quiet"
        )
        done = subprocess.run(
            ["grass", mapset, "--exec", "sh", "-c", script],
            check=True,
            capture_output=True,
            text=True,
        )
        words = [line.split() for line in done.stdout.splitlines() if line.count("m") == 2]
        before, after = (sum(_shell_seconds(w) for w in words[i]) for i in (1, 3))
        price = np.fromfile(out).reshape(cost.shape)
    return 0.0, after - before, np.where(price < 0, np.inf, price)


def _quietly(*command: str) -> None:
    """Run a command whose words nobody needs."""
    subprocess.run(command, check=True, capture_output=True)


def _shell_seconds(text: str) -> float:
    """Read a time as a shell writes it, 1m2.5s."""
    minutes, seconds = text.rstrip("s").split("m")
    return 60 * float(minutes) + float(seconds)


ENGINES: dict[str, tuple[str, Callable[[Array], Answer]]] = {
    "realign": ("realign", _realign),
    "scikit-image": ("scikit-image", _scikit_image),
    "scipy": ("scipy", _scipy),
    "pyorps": ("pyorps", _pyorps),
    "grass": ("", _grass),
    "networkx": ("networkx", _networkx),
}
"""Packages, none for a command, and what runs them."""


def _version(engine: str) -> str | None:
    """Version of an engine, None where it is not installed."""
    package, _ = ENGINES[engine]
    if not package:
        command = shutil.which(engine)
        if command is None:
            return None
        said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
        return (said.stdout + said.stderr).split("\n", 1)[0].removeprefix("GRASS GIS ")
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _resident(key: str) -> float:
    """Memory of this process, now (VmRSS) or at its peak (VmHWM) [byte]."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    line = next(line for line in status.read_text().splitlines() if line.startswith(key))
    return float(line.split()[1]) * 1024


def measure(engine: str, grid: Path, least: float) -> dict[str, Any]:
    """
    Run one engine on one raster in this process.

    Parameters
    ----------
    engine
        One of `ENGINES`.
    grid
        File of `numpy.save` with the prices.
    least
        Time to go on for with repeats, of which the fastest counts [s].

    Returns
    -------
    record
        Seconds, memory and the answer.
    """
    run = ENGINES[engine][1]
    run(ground("uniform", 64))
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")  # the peak so far is that of imports and compilation
    before = _resident("VmRSS")
    cost = np.load(grid)
    seconds, best = [], None
    while len(seconds) < 2 or sum(seconds) < least:
        began = time.perf_counter()
        answer = run(cost)
        seconds.append(time.perf_counter() - began)
        if best is None:
            peak = _resident("VmHWM") - before
        if best is None or answer[1] < best[1]:
            best = (answer[0], answer[1])
        price = answer[2]
    if engine == "grass":
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024.0
    build, search = best or (0.0, 0.0)
    reached = np.isfinite(price)
    return {
        "runs": len(seconds),
        "wall_s": round(min(seconds), 3),
        "build_cpu_s": round(build, 3),
        "search_cpu_s": round(search, 3),
        "cells_per_s": round(cost.size / search),
        "peak_mib": round(peak / 2**20, 1),
        "bytes_per_cell": round(peak / cost.size, 1),
        "price_at_target": float(price[ends(cost)[1]]),
        "reached": int(reached.sum()),
        "sum_of_prices": float(price[reached].sum()),
    }


def _apart(engine: str, grid: Path, least: float) -> dict[str, Any]:
    """Measure an engine in a process of its own, with one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.raster"),
            *("--inside", engine, str(grid), "--seconds", str(least)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | threads,
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def compare(kind: str, side: int, engines: list[str], least: float) -> dict[str, Any]:
    """Run all engines on one raster, a line each, and hold ours against scikit-image."""
    records: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for engine in engines:
            rows = min(side, NETWORKX_SIDE) if engine == "networkx" else side
            grid = Path(folder, f"{rows}.npy")
            if not grid.exists():
                np.save(grid, ground(kind, rows))
            version = _version(engine)
            record: dict[str, Any]
            if version is None:
                record = {"not_installed": True}
            elif engine == "scipy" and side * side > SCIPY_MOST:
                record = {"left_out": "a graph of so many cells takes more than 10 GB"}
            else:
                record = _apart(engine, grid, least)
            records[engine] = record
            head = {"engine": engine, "version": version, "kind": kind, "cells": rows * rows}
            print(json.dumps(head | record), flush=True)
    ours, theirs = records.get("realign", {}), records.get("scikit-image", {})
    result: dict[str, Any] = {"kind": kind, "cells": side * side}
    if "search_cpu_s" not in ours or "search_cpu_s" not in theirs:
        return result
    times = {
        name: round(each["search_cpu_s"] / ours["search_cpu_s"], 2)
        for name, each in records.items()
        if "search_cpu_s" in each and name not in {"realign", "networkx"}
    }
    equal = {
        name: all(
            abs(each[key] / theirs[key] - 1) < SAME for key in ("price_at_target", "sum_of_prices")
        )
        for name, each in records.items()
        if "search_cpu_s" in each and name not in {"networkx", *OTHER_RULE}
    }
    return result | {
        "times_as_fast_as": times,
        "equal_to_scikit_image": equal,
        "bytes_per_cell": ours["bytes_per_cell"],
        "met": times["scikit-image"] >= WANTED_RATIO
        and equal["realign"]
        and ours["bytes_per_cell"] <= WANTED_BYTES,
    }


def main() -> None:
    """Compare all engines on all rasters, and tell whether the targets are met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs="+", default=[2000, 5000], help="rows")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--engine", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--seconds", type=float, default=10.0, help="least time for each engine")
    parser.add_argument("--inside", nargs=2, metavar=("ENGINE", "GRID"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        engine, grid = given.inside
        print(json.dumps(measure(engine, Path(grid), given.seconds)))
        return
    results = [
        compare(kind, side, given.engine, given.seconds)
        for side in given.size
        for kind in given.kind
    ]
    print(
        json.dumps(
            {
                "wanted": {
                    "times_as_fast_as_scikit_image": WANTED_RATIO,
                    "bytes_per_cell": WANTED_BYTES,
                },
                "results": results,
                "met": all(each.get("met", False) for each in results),
            }
        )
    )


if __name__ == "__main__":
    main()
