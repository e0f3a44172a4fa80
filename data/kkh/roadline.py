"""The existing highway on schematic ground: course along a contour, levels, bench."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from relief import Frame, resample, smooth_course
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]

SPACING = 45.0
"""Spacing of the vertices of the line [m]."""

ROUNDING = 95.0
"""Standard deviation of the Gaussian that rounds the traced line [m]."""

LEVEL_ROUNDING = 350.0
"""Standard deviation of the Gaussian that rounds the road levels [m]."""

STEEPEST = 0.06
"""Largest grade of the road [-]; the Asian Highway standard allows 0.08."""

OFF_LEVEL = 3.0
"""Height off the wanted level that doubles the cost of a cell [m]."""

BENCH = (45.0, 200.0, 1.0)
"""Half width of the bench [m], reach of its slopes [m] and their steepness [-]."""


def trace(
    frame: Frame, cells: tuple[Index, Index], off_level: Array, start: Array, end: Array
) -> Array:
    """Find the cheapest way between two points that keeps near the wanted level.

    Parameters
    ----------
    frame
        Grid.
    cells
        Rows and columns of the cells the road may use.
    off_level
        Ground level there less the wanted road level [m].
    start, end
        Points [m]; the nearest of the cells are joined.

    Returns
    -------
    Array
        Cell centres from start to end [m].
    """
    x, y = frame.centres()
    centres = np.column_stack([x[cells[1]], y[cells[0]]])
    first, last = cKDTree(centres).query(np.array([start, end]))[1]
    graph = cell_graph(frame, cells, 1.0 + (np.abs(off_level) / OFF_LEVEL) ** 1.5)
    before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)[1]
    path = [last]
    while path[-1] != first:
        path.append(before[path[-1]])
    return np.asarray(centres[path[::-1]])


def cell_graph(frame: Frame, cells: tuple[Index, Index], cost: Array) -> csr_array:
    """Return the graph that joins neighbouring cells, weighted by length [cells] times mean cost.

    Parameters
    ----------
    frame
        Grid.
    cells
        Rows and columns of the cells.
    cost
        Cost of the cells per unit of length.

    Returns
    -------
    csr_array
        Graph with a node per cell, each edge once.
    """
    number = np.full((frame.rows + 2, frame.cols + 2), -1, np.int64)
    number[cells[0] + 1, cells[1] + 1] = np.arange(len(cost))
    edges = []
    for down, across in ((0, 1), (1, -1), (1, 0), (1, 1)):
        other = number[cells[0] + 1 + down, cells[1] + 1 + across]
        one = np.flatnonzero(other >= 0)
        two = other[one]
        edges.append((np.hypot(down, across) * (cost[one] + cost[two]) / 2, one, two))
    weight, one, two = (np.concatenate(part) for part in zip(*edges, strict=True))
    return csr_array((weight, (one, two)), shape=(len(cost), len(cost)))


def round_line(xy: Array) -> Array:
    """Return the traced line rounded and evenly spaced [m]."""
    fine, _ = resample(xy, np.zeros(len(xy)), 30.0)
    return resample(smooth_course(fine, ROUNDING, 30.0), np.zeros(len(fine)), SPACING)[0]


def grade_levels(levels: Array, step: float) -> Array:
    """Return road levels smoothed and within the largest grade.

    Parameters
    ----------
    levels
        Ground level at evenly spaced points [m].
    step
        Spacing of the points [m].

    Returns
    -------
    Array
        Road level [m].
    """
    ramp = STEEPEST * step * np.arange(len(levels))
    upper = np.minimum.accumulate(levels - ramp) + ramp
    upper = np.minimum(upper, np.minimum.accumulate((levels + ramp)[::-1])[::-1] - ramp)
    lower = np.maximum.accumulate(levels + ramp) - ramp
    lower = np.maximum(lower, np.maximum.accumulate((levels - ramp)[::-1])[::-1] + ramp)
    return np.asarray(
        ndimage.gaussian_filter1d((upper + lower) / 2, LEVEL_ROUNDING / step, mode="nearest")
    )


def cut_bench(frame: Frame, ground: Array, line: Array, levels: Array, keep: Mask) -> Array:
    """Ease the ground beside the road to its levels.

    Parameters
    ----------
    frame
        Grid.
    ground
        Level [m].
    line, levels
        Points of the road and its level there [m].
    keep
        Cells that must not change: river beds.

    Returns
    -------
    Array
        New ground level [m].
    """
    i, j, _ = frame.index(line)
    near = np.zeros(ground.shape, bool)
    near[i, j] = True
    near = ndimage.binary_dilation(near, iterations=int(BENCH[1] / frame.cell) + 1) & ~keep
    p, q = np.nonzero(near)
    x, y = frame.centres()
    away, point = cKDTree(line).query(np.column_stack([x[q], y[p]]))
    free = BENCH[2] * np.maximum(away - BENCH[0], 0.0)
    eased = np.clip(ground[p, q], levels[point] - free, levels[point] + free)
    ground = ground.copy()
    ground[p, q] = np.where(away < BENCH[1], eased, ground[p, q])
    return ground
