"""Laws of the comparison with the usual way: its grade line is the best, its prices are right."""

import itertools
from math import inf, isclose
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS
from shapely import LineString
from small_ground import CLOSE

from benchmarks.usual import CLIMBS, Stations, evaluate, grade_line, stations, too_tight, usual
from realign import formation
from realign.errors import NoRouteError
from realign.formation import BRIDGE, TUNNEL
from realign.standards import load
from realign.terrain import Terrain

STANDARD = load("jtg-class-ii-mountain", 60)
RUN = 20.0
STEP = STANDARD.grade * RUN / CLIMBS

Array = NDArray[Any]


def line_of(ground: Array, *, slope: float = 0.0, **given: Any) -> Stations:
    """Stations over given ground."""
    n = len(ground)
    rules: dict[str, Any] = {"wet": np.zeros(n, bool), "floor": np.full(n, -inf)}
    rules |= given
    return Stations(RUN, np.asarray(ground, float), np.full(n, slope), **rules)


def by_hand(line: Stations, start: float, climbs: tuple[int, ...]) -> float:
    """Price of a grade line by its climbs, read off the rules one by one."""
    total, level = 0.0, start
    for i, climb in enumerate(climbs, start=1):
        level += climb * STEP
        height, slope = level - line.ground[i], line.slope[i]
        forms = [] if line.wet[i] else [formation.open_road(height, slope, CLOSE).price]
        free = CLOSE._replace(max_deck=inf)
        if abs(climb) * STEP <= STANDARD.grade_bridge * RUN + 1e-9:
            forms.append(formation.structure(BRIDGE, height, slope, free).price)
        if abs(climb) * STEP <= STANDARD.grade_tunnel * RUN + 1e-9:
            forms.append(formation.structure(TUNNEL, height, slope, free).price)
        total += min(forms, default=inf) * (RUN if i < len(climbs) else RUN / 2)
    return total


# ground so close to the grade line that cut, fill, bridge and tunnel are all near things
@given(
    ground=st.lists(st.floats(-25, 25), min_size=4, max_size=4),
    slope=st.sampled_from([0.0, 0.3, 0.8]),
    wet=st.lists(st.booleans(), min_size=4, max_size=4),
    rise=st.integers(-8, 8),
)
@settings(max_examples=12)
def test_no_grade_line_on_the_levels_is_cheaper(
    ground: list[float], slope: float, wet: list[bool], rise: int
) -> None:
    line = line_of(np.array(ground), slope=slope, wet=np.array(wet))
    choices = itertools.product(range(-CLIMBS, CLIMBS + 1), repeat=3)
    best = min(by_hand(line, 0.0, climbs) for climbs in choices if sum(climbs) == rise)
    if best == inf:
        with pytest.raises(NoRouteError):
            grade_line(line, (0.0, rise * STEP), STANDARD, CLOSE)
        return
    level, price = grade_line(line, (0.0, rise * STEP), STANDARD, CLOSE)
    assert isclose(price, best, rel_tol=1e-9)
    found = tuple(int(c) for c in np.rint(np.diff(level) / STEP))
    assert isclose(by_hand(line, 0.0, found), best, rel_tol=1e-9)


@given(
    ground=st.lists(st.floats(-40, 40), min_size=3, max_size=40), slope=st.sampled_from([0.0, 0.5])
)
def test_the_evaluator_confirms_the_grade_line(ground: list[float], slope: float) -> None:
    line = line_of(np.array(ground), slope=slope)
    level, price = grade_line(line, (0.0, 0.0), STANDARD, CLOSE)
    priced = evaluate(line, level, standard=STANDARD, prices=CLOSE)
    climb = abs(level[1] - level[0]) / RUN
    first = formation.by_form(
        level[:1] - line.ground[:1], line.slope[:1], CLOSE._replace(max_deck=inf)
    )[0]
    # the first station has no road that arrives there, so that any form may be
    assert isclose(priced.cost, price + first.min() * RUN / 2, rel_tol=1e-9)
    assert climb <= priced.steepest <= STANDARD.grade + 1e-9
    assert isclose(priced.open_m + priced.bridge_m + priced.tunnel_m, priced.length_m)


@pytest.mark.parametrize("height", [-12.0, 0.0, 3.0, 25.0, 200.0])
def test_a_road_at_one_height_over_a_plane_costs_its_metre_times_its_length(height: float) -> None:
    line = line_of(np.full(31, 500.0), slope=0.2)
    level = line.ground + height
    priced = evaluate(line, level, standard=STANDARD, prices=CLOSE)
    metre = formation.section(height, 0.2, CLOSE._replace(max_deck=inf)).price
    assert isclose(priced.cost, 600 * metre, rel_tol=1e-12)
    assert priced.length_m == 600
    assert priced.beyond_limits_m == (600 if height == 200.0 else 0)


def test_a_steep_road_is_no_structure() -> None:
    line = line_of(np.arange(11) * 0.9, wet=np.arange(11) == 5)
    priced = evaluate(line, line.ground, standard=STANDARD, prices=CLOSE)
    assert priced.cost == inf
    assert isclose(priced.steepest, 0.045)


def test_a_grade_line_keeps_above_water_between_its_ends() -> None:
    floor = np.full(101, 9.0)
    level, _ = grade_line(line_of(np.zeros(101), floor=floor), (0.0, 0.0), STANDARD, CLOSE)
    climbing = int(np.ceil(9.0 / (STANDARD.grade * RUN)))
    assert (level[climbing : 101 - climbing] >= 9).all()
    priced = evaluate(line_of(np.zeros(101), floor=floor), level, standard=STANDARD, prices=CLOSE)
    assert priced.below_freeboard_m == 2 * (climbing - 1) * RUN


def test_ends_too_far_apart_in_level_have_no_grade_line() -> None:
    with pytest.raises(NoRouteError, match="no grade line"):
        grade_line(line_of(np.zeros(11)), (0.0, 14.0), STANDARD, CLOSE)


def plane(east: float, north: float) -> Terrain:
    """Make a plane of given rise, 60-m cells, the south-west corner at 0, 0."""
    rows, cols = np.indices((50, 60))
    z = 100 + east * (cols + 0.5) * 60 + north * (50 - rows - 0.5) * 60
    return Terrain(
        z.astype(np.float32), Affine(60, 0, 0, 0, -60, 3000), CRS.from_epsg(32643), "test", 1.0
    )


def test_stations_read_ground_slope_and_rivers() -> None:
    ground = plane(0.1, 0.3)
    water = np.full(ground.shape, -inf, np.float32)
    xy = np.array([[300.0, 600.0], [1300.0, 600.0], [1300.0, 1600.0]])
    river = LineString([(800.0, 0.0), (800.0, 3000.0)])
    line = stations(xy, ground, water, [river], 30.0, deep=15.0)
    assert line.run == 20.0
    assert line.ground.size == 101
    np.testing.assert_allclose(line.ground[:51], 100 + 0.1 * (300 + 20 * np.arange(51)) + 180, 1e-6)
    np.testing.assert_allclose(line.slope[:50], 0.3, rtol=1e-4)
    np.testing.assert_allclose(line.slope[51:], 0.1, rtol=1e-3)
    assert np.flatnonzero(line.wet).tolist() == [24, 25, 26]
    water[:] = 325.0  # over ground that rises from 310 to 410 m, then to 710 m
    line = stations(xy, ground, water, [], 30.0, deep=15.0)
    np.testing.assert_array_equal(line.wet, line.ground < 310.0)
    assert line.wet.sum() == 0
    line = stations(xy, ground, water, [], 30.0, deep=10.0)
    np.testing.assert_array_equal(line.wet, line.ground < 315.0)
    assert line.wet.sum() == 3


def test_the_usual_path_goes_around_what_is_forbidden() -> None:
    ground = plane(0.0, 0.0)
    cost = np.ones(ground.shape, np.float32)
    cost[10:, 30] = -1.0
    ends = np.array([600.0, 300.0]), np.array([3000.0, 300.0])
    path, smooth = usual(cost, ground, ends)
    for xy in (path, smooth):
        np.testing.assert_array_equal(xy[[0, -1]], ends)
        assert LineString(xy).length > 2 * np.hypot(1200, 2100)
    assert len(smooth) < len(path) / 5
    assert LineString(path).hausdorff_distance(LineString(smooth)) <= ground.cell + 1e-9


def test_corners_are_too_tight_where_two_tangents_do_not_fit() -> None:
    # two right angles need 2 (R + p) + 2 q, some 300 m at a radius of 125 m
    def bent(middle: float) -> Array:
        return np.array([[0.0, 0], [1000, 0], [1000, middle], [2000, middle]])

    assert too_tight(bent(500.0), STANDARD) == 0
    assert too_tight(bent(250.0), STANDARD) == 2
    assert too_tight(np.array([[0.0, 0], [50, 0], [100, 0]]), STANDARD) == 0
