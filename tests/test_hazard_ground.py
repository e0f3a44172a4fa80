"""Laws of the ground as a hazard: where water gathers, where avalanches reach."""

from collections import deque
from itertools import product
from math import radians, sqrt, tan

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pyproj import CRS

from realign.hazard import avalanche
from realign.hazard.drainage import OUT, SIDES, Drainage, downstream, drain, rise
from realign.terrain import Terrain

CELL = 50.0


def ground(z: NDArray[np.floating]) -> Terrain:
    """Put levels on cells of 50 m."""
    transform = Affine(CELL, 0.0, 0.0, 0.0, -CELL, z.shape[0] * CELL)
    return Terrain(np.asarray(z, np.float32), transform, CRS.from_epsg(32643), "test", 1.0)


# whole levels out of few, so that pits, flats and ties are common
rough = hnp.arrays(
    np.float32,
    st.tuples(st.integers(3, 9), st.integers(3, 9)),
    elements=st.integers(0, 6).map(float),
)
holed = rough.flatmap(
    lambda z: st.sets(st.integers(0, z.size - 1), max_size=3).map(lambda at: _without(z, at))
)


def _without(z: NDArray[np.float32], at: set[int]) -> NDArray[np.float32]:
    out = z.copy()
    out.flat[list(at)] = np.nan
    if np.isnan(out).all():
        out[0, 0] = 1.0
    return out


def neighbours(shape: tuple[int, int], row: int, col: int) -> list[tuple[int, int, int]]:
    return [
        (side, row + down, col + right)
        for side, (down, right) in enumerate(SIDES)
        if 0 <= row + down < shape[0] and 0 <= col + right < shape[1]
    ]


def at_edge(z: NDArray[np.float32], row: int, col: int) -> bool:
    near = neighbours((z.shape[0], z.shape[1]), row, col)
    return len(near) < 8 or any(np.isnan(z[r, c]) for _, r, c in near)


def filled_by_relaxing(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lowest level from which water gets out: lowered again and again until nothing changes."""
    shape = (z.shape[0], z.shape[1])
    level = np.where(np.isnan(z), np.nan, np.inf).astype(np.float32)
    changed = True
    while changed:
        changed = False
        for row, col in product(*map(range, shape)):
            if np.isnan(z[row, col]):
                continue
            if at_edge(z, row, col):
                out = z[row, col]
            else:
                lowest = min(level[r, c] for _, r, c in neighbours(shape, row, col))
                out = max(z[row, col], lowest)
            if out < level[row, col]:
                level[row, col], changed = out, True
    return level


def cells_by_walking(found: Drainage) -> NDArray[np.int32]:
    """Every cell sends one drop that is counted wherever it comes by."""
    count = np.zeros(found.to.shape, np.int32)
    for row, col in product(*map(range, found.to.shape)):
        for r, c in downstream(found, row, col)[0]:
            count[r, c] += 1
    return count


@given(z=holed)
def test_pits_are_filled_to_the_lowest_sill_and_no_higher(z: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(drain(ground(z)).filled, filled_by_relaxing(z))


@given(z=holed)
def test_the_catchment_of_a_cell_are_the_drops_that_come_by(z: NDArray[np.float32]) -> None:
    found = drain(ground(z))
    np.testing.assert_array_equal(found.cells, cells_by_walking(found))
    np.testing.assert_allclose(found.catchment, found.cells * CELL**2)


@given(z=holed)
def test_all_known_ground_drains_out_and_none_is_lost(z: NDArray[np.float32]) -> None:
    found = drain(ground(z))
    assert found.cells[found.to == OUT].sum() == np.isfinite(z).sum()
    assert ((found.cells > 0) == np.isfinite(z)).all()


@given(z=holed)
def test_water_takes_the_steepest_fall_and_never_rises(z: NDArray[np.float32]) -> None:
    found = drain(ground(z))
    shape = (z.shape[0], z.shape[1])
    for row, col in product(*map(range, shape)):
        if np.isnan(z[row, col]):
            continue
        here = found.filled[row, col]
        falls = {
            side: (here - found.filled[r, c]) / (sqrt(2) if side % 2 else 1)
            for side, r, c in neighbours(shape, row, col)
            if np.isfinite(found.filled[r, c])
        }
        best = max(falls.values(), default=0.0)
        side = int(found.to[row, col])
        if best > 0:
            assert falls[side] == pytest.approx(best)
        elif side != OUT:
            assert falls[side] == 0


def test_the_channel_of_a_trough_has_the_grade_of_the_trough() -> None:
    rows, cols = np.mgrid[0:40, 0:21]
    z = 1000 - 0.2 * CELL * rows + 0.5 * CELL * np.abs(cols - 10)
    found = drain(ground(z))
    at = np.array([30]), np.array([10])
    assert rise(found, *at, length=500, least=CELL**2) == pytest.approx(0.2, rel=1e-5)
    # each row below the first brings both its sides to the middle
    assert found.cells[30, 10] > 500
    assert rise(found, np.array([0]), np.array([10]), length=500, least=1.0)[0] >= 0


def test_where_nothing_runs_in_there_is_no_channel() -> None:
    rows, _ = np.mgrid[0:9, 0:9]
    found = drain(ground(1000.0 - rows))
    assert found.cells[1, 4] >= 1
    ridge = np.flatnonzero(found.cells[4] == 1)
    out = rise(found, np.full(len(ridge), 4), ridge, length=200, least=1.0)
    assert (out == 0).all()


def reach_by_search(
    z: NDArray[np.float32], weight: NDArray[np.float32], runout: float
) -> NDArray[np.float32]:
    """Follow every release by itself, all ways down, and keep the most energy of each cell."""
    shape = (z.shape[0], z.shape[1])
    fall = tan(radians(runout)) * CELL
    out = np.zeros(shape, np.float32)
    for level in avalanche.LEVELS:
        for start in zip(*np.nonzero(weight >= level), strict=True):
            energy = {start: float(z[start])}
            queue = deque([start])
            while queue:
                at = queue.popleft()
                for side, r, c in neighbours(shape, *at):
                    left = energy[at] - fall * (sqrt(2) if side % 2 else 1)
                    lower = z[r, c] < z[at] and left >= z[r, c]
                    if lower and left > energy.get((r, c), -np.inf):
                        energy[r, c] = left
                        queue.append((r, c))
            for at in energy:
                out[at] = max(out[at], level)
    return out


@given(seed=st.integers(0, 2**32 - 1), runout=st.floats(10, 45), rows=st.integers(3, 9))
def test_avalanches_reach_what_a_search_of_all_ways_down_reaches(
    seed: int, runout: float, rows: int
) -> None:
    draw = np.random.default_rng(seed)
    steep = 2 * tan(radians(runout)) * CELL  # falls near the limit that the energy line sets
    z = (draw.uniform(0, steep, (rows, 8)) - 0.5 * steep * np.arange(rows)[:, None]).astype(
        np.float32
    )
    weight = draw.choice(np.array([0, 0, 0.1, 0.3, 0.6, 0.8, 1], np.float32), z.shape)
    got = avalanche.reach(ground(z), weight, runout=runout)
    np.testing.assert_array_equal(got, reach_by_search(z, weight, runout))


def test_on_a_slope_and_a_plain_avalanches_end_at_the_runout_angle() -> None:
    height, runout = 500.0, 25.0
    run = np.arange(60) * CELL
    # 35 degrees down, then a plain that still falls a little, as all ground must
    z = np.maximum(height - tan(radians(35)) * run, -1e-3 * run)
    level = np.tile(z, (5, 1))
    weight = np.zeros(level.shape, np.float32)
    weight[:, 0] = 1.0
    got = avalanche.reach(ground(level), weight, runout=runout)
    last = np.flatnonzero(got[2])[-1] * CELL
    assert last <= height / tan(radians(runout)) + CELL
    assert last >= height / tan(radians(runout)) - 2 * CELL


@given(
    low=st.floats(0, 4000), more=st.floats(1, 2000), seed=st.integers(0, 1000),
    band=st.floats(50, 800),
)  # fmt: skip
def test_a_lower_snow_line_never_takes_an_avalanche_away(
    low: float, more: float, seed: int, band: float
) -> None:
    rows = np.arange(14)[:, None]
    z = 3000 - 35 * rows + np.random.default_rng(seed).uniform(0, 20, (14, 12))
    terrain = ground(z)
    angles = (30.0, 34.0, 45.0, 50.0)
    much, less = (
        avalanche.reach(
            terrain,
            avalanche.release(terrain, angles=angles, line=line, band=band),
            runout=20,
        )
        for line in (low, low + more)
    )
    assert (much >= less).all()


@pytest.mark.parametrize(
    ("slope", "wanted"), [(29.0, 0.0), (32.0, 0.5), (34.5, 1.0), (44.5, 1.0), (51.0, 0.0)]
)
def test_release_is_a_trapezoid_of_the_slope(slope: float, wanted: float) -> None:
    z = 4000 - tan(radians(slope)) * CELL * np.tile(np.arange(8), (8, 1))
    weight = avalanche.release(ground(z), angles=(30.0, 34.0, 45.0, 50.0), line=1000, band=100)
    assert weight == pytest.approx(wanted, abs=0.03)
