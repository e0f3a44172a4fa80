"""Laws of the search over a raster: equal to scikit-image, whatever the prices and the queue."""

from math import hypot, inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.graph import MCP_Geometric

from realign.corridor import raster
from realign.corridor.raster import NONE, STEPS, Path, Spread, route, spread
from realign.errors import GeometryError, NoRouteError

Array = NDArray[Any]
WALL = -1.0

# prices so close that every detour is a near thing, so far apart that no wheel of buckets holds
# them, and a few values only, so that many ways are equal
CLOSE = st.floats(1.0, 1.5, width=32)
FAR = st.floats(-30.0, 30.0).map(lambda power: float(np.float32(10.0**power)))
FEW = st.sampled_from([0.0, 1.0, 2.0, 1000.0])
SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@st.composite
def grids(draw: st.DrawFn) -> Array:
    """Draw a raster of prices, some of its cells impassable."""
    shape = draw(SHAPES)
    cost = draw(arrays(np.float64, shape, elements=draw(st.sampled_from([CLOSE, FAR, FEW]))))
    walls = draw(arrays(np.float64, shape, elements=st.floats(0, 1)))
    cost[walls < draw(st.sampled_from([0.0, 0.3, 0.5]))] = draw(st.sampled_from([WALL, nan, inf]))
    return cost.astype(draw(st.sampled_from([np.float32, np.float64])))


def open_cells(cost: Array) -> list[tuple[int, int]]:
    """Cells that can be passed."""
    return [(int(r), int(c)) for r, c in np.argwhere(np.isfinite(cost) & (cost >= 0))]


def reference(cost: Array, starts: list[tuple[int, int]]) -> Array:
    """Prices by scikit-image."""
    walled = np.where(np.isfinite(cost) & (cost >= 0), cost, WALL)
    price, _ = MCP_Geometric(walled).find_costs(starts)
    return np.asarray(price)


def summed(cost: Array, path: Path) -> float:
    """Price of a way by its definition, and that every step leads to a neighbour."""
    total = 0.0
    for a, b in zip(path.cells[:-1], path.cells[1:], strict=True):
        assert max(abs(a - b)) == 1
        total += (float(cost[tuple(a)]) + float(cost[tuple(b)])) / 2 * hypot(*(b - a))
    return total


def rough(kind: str, side: int = 120) -> Array:
    """Make a raster large enough that wheels turn and overflow."""
    rng = np.random.default_rng(len(kind))
    if kind == "uniform":
        return rng.uniform(1, 100, (side, side))
    if kind == "log-normal":
        return np.exp(2 * rng.standard_normal((side, side)))
    if kind == "wide":
        return np.asarray(10.0 ** rng.uniform(-12, 12, (side, side)))
    # a few cells so dear that they lie beyond the wheel, on ground that is cheap
    return np.where(rng.random((side, side)) < 0.4, 1e4, rng.uniform(1, 2, (side, side)))


KINDS = ("uniform", "log-normal", "wide", "beyond")


@given(cost=grids(), data=st.data())
@example(cost=np.zeros((3, 4)), data=None)
def test_prices_are_those_of_scikit_image_to_the_last_bit(cost: Array, data: Any) -> None:
    cells = open_cells(cost)
    if not cells:
        return
    starts = data.draw(st.lists(st.sampled_from(cells), min_size=1, max_size=3)) if data else cells
    found = spread(cost, starts)
    np.testing.assert_array_equal(found.price, reference(cost, starts))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("queue", ["chosen", "radix heap", "wheel that gives up"])
def test_every_queue_finds_the_same(kind: str, queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = rough(kind)
    starts = [(5, 7), (60, 119)]
    if queue == "radix heap":
        monkeypatch.setattr(raster, "_wheel", lambda *_: False)
    elif queue == "wheel that gives up":
        wheel = raster._wheel
        left: list[int] = []

        def weary(*given: Any) -> bool:
            # on the first half of the ground only, so that the heap goes on from marks
            price, mark = given[1], given[2]
            price[price.size // 2 :][price[price.size // 2 :] == inf] = -1.0
            wheel(*given)
            price[price == -1.0] = inf
            mark[price < inf] |= raster._QUEUED
            left.append(1)
            return False

        monkeypatch.setattr(raster, "_wheel", weary)
    np.testing.assert_array_equal(spread(cost, starts).price, reference(cost, starts))


@pytest.mark.parametrize("name", ["_wheel", "_radix"])
def test_a_queue_that_runs_full_loses_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = getattr(raster, name)
    cost = rough("beyond")
    wanted = reference(cost, [(9, 9)])
    if name == "_radix":
        monkeypatch.setattr(raster, "_wheel", lambda *_: False)
    full = 0
    # it runs full at another place each time
    for spare in range(2, 80, 3):

        def told(*given: Any, spare: int = spare) -> bool:
            nonlocal full
            # the wheel adds two blocks a bucket
            blocks = spare - (2 << given[-2]) if name == "_wheel" else spare
            done = bool(queue(*given[:-1], blocks))
            full += not done
            return done

        monkeypatch.setattr(raster, name, told)
        np.testing.assert_array_equal(spread(cost, [(9, 9)]).price, wanted)
    assert full > 5


@given(cost=grids(), data=st.data())
def test_a_path_costs_what_is_said_and_begins_at_a_start(cost: Array, data: Any) -> None:
    cells = open_cells(cost)
    if not cells:
        return
    starts = data.draw(st.lists(st.sampled_from(cells), min_size=1, max_size=3))
    to = data.draw(st.sampled_from(cells))
    found = spread(cost, starts)
    if found.price[to] == inf:
        assert found.step[to] == NONE
        with pytest.raises(NoRouteError, match="no way"):
            found.path(to)
        return
    path = found.path(to)
    assert tuple(path.cells[0]) in starts
    assert tuple(path.cells[-1]) == to
    assert summed(cost, path) == pytest.approx(path.price, rel=1e-12, abs=1e-300)


@given(cost=grids(), data=st.data())
def test_a_search_that_stops_early_finds_the_same(cost: Array, data: Any) -> None:
    cells = open_cells(cost)
    if not cells:
        return
    start, to = data.draw(st.sampled_from(cells)), data.draw(st.sampled_from(cells))
    whole = spread(cost, [start])
    if whole.price[to] == inf:
        with pytest.raises(NoRouteError):
            route(cost, start, to)
        return
    path = route(cost, start, to)
    assert path.price == whole.price[to]
    assert summed(cost, path) == pytest.approx(path.price, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_that_stops_early_finds_the_same_on_large_ground(kind: str) -> None:
    cost = rough(kind)
    whole = spread(cost, [(3, 3)])
    for to in ((4, 4), (60, 20), (119, 119)):
        assert route(cost, (3, 3), to).price == whole.price[to]


def test_a_search_that_stops_early_says_nothing_of_what_is_beyond() -> None:
    found: Spread = raster._search(rough("uniform"), [(60, 60)], (62, 62))
    known = np.isfinite(found.price)
    assert found.price[known].max() == found.price[62, 62]
    assert known.mean() < 0.1


@given(cost=grids(), data=st.data())
def test_a_mirrored_raster_has_mirrored_prices(cost: Array, data: Any) -> None:
    cells = open_cells(cost)
    if not cells:
        return
    row, col = data.draw(st.sampled_from(cells))
    whole = spread(cost, [(row, col)]).price
    np.testing.assert_array_equal(
        spread(cost[:, ::-1], [(row, cost.shape[1] - 1 - col)]).price[:, ::-1], whole
    )
    np.testing.assert_array_equal(spread(cost.T, [(col, row)]).price.T, whole)


@given(cost=grids(), data=st.data(), power=st.integers(-20, 20))
def test_prices_scale(cost: Array, data: Any, power: int) -> None:
    cells = open_cells(cost)
    if not cells:
        return
    start = data.draw(st.sampled_from(cells))
    cost = cost.astype(np.float64)
    scaled = np.where(cost >= 0, cost * 2.0**power, cost)
    # a power of two, so that every rounding stays the same
    np.testing.assert_array_equal(
        spread(scaled, [start]).price, spread(cost, [start]).price * 2.0**power
    )


def test_level_ground_has_octagons_of_equal_price() -> None:
    rows, cols = np.indices((41, 61))
    a, b = abs(rows - 20), abs(cols - 30)
    np.testing.assert_allclose(
        spread(np.full((41, 61), 2.0), [(20, 30)]).price,
        2 * (np.maximum(a, b) - np.minimum(a, b) + np.sqrt(2) * np.minimum(a, b)),
        rtol=1e-13,
    )


def test_steps_are_those_that_the_numbers_name() -> None:
    found = spread(np.ones((3, 3)), [(1, 1)])
    for number, (row, col) in enumerate(STEPS):
        assert found.step[1 + row, 1 + col] == number
    assert found.step[1, 1] == NONE


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float16, bool])
def test_other_kinds_of_numbers_are_prices_too(dtype: type) -> None:
    cost = np.arange(1, 21).reshape(4, 5).astype(dtype)
    np.testing.assert_array_equal(
        spread(cost, [(0, 0)]).price, spread(cost.astype(np.float64), [(0, 0)]).price
    )


def test_the_prices_given_stay_as_they_are() -> None:
    cost = rough("beyond")
    before = cost.copy()
    spread(cost, [(0, 0)])
    np.testing.assert_array_equal(cost, before)


@pytest.mark.parametrize(
    ("cost", "starts", "message"),
    [
        (np.ones(4), [(0, 0)], "rows, columns"),
        (np.ones((0, 4)), [(0, 0)], "rows, columns"),
        (np.ones((2, 2)), [], "needs a start"),
        (np.ones((2, 2)), [(0, 2)], "row 0, column 2 is not in a raster of 2 x 2"),
        (np.ones((2, 2)), [(-1, 0)], "row -1"),
        (np.array([[1.0, WALL]]), [(0, 1)], r"no way begins at \(0, 1\)"),
        (np.array([[1.0, nan]]), [(0, 1)], "no way begins"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    cost: Array, starts: list[tuple[int, int]], message: str
) -> None:
    with pytest.raises(GeometryError, match=message):
        spread(cost, starts)
