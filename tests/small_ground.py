"""Small grounds and a small valley to search roads on, with prices that make close calls."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import pairwise
from math import inf, pi
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import oracles
from affine import Affine
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS
from shapely import LineString, Polygon

from realign import terrain
from realign.chainage import Section
from realign.corridor import Corridor, Gap, Rules, Site, Variant, find
from realign.corridor.ground import NOTHING_CROSSED, Ground, Layers, look, plain_layers
from realign.corridor.lattice import HEADINGS, MOVES, on_ring
from realign.corridor.price import Table, Tariff, move_price, tabulate, tariff
from realign.corridor.problem import prepare
from realign.corridor.search import Ends, Found, Labels, Steps, bounds, guided
from realign.formation import Prices
from realign.highway import Highway
from realign.standards import DesignStandard, load
from realign.terrain import Terrain

if TYPE_CHECKING:
    from realign.reservoir import Reservoir

Array = NDArray[Any]

UTM = CRS.from_epsg(32643)
CELL = 60.0
STEP = 5.0
STANDARD = load("jtg-class-ii-mountain", 60)
STEPS = on_ring(STANDARD, MOVES, cell=CELL, level_step=STEP)

# prices of a metre between 10 and 30, so that every form and detour is a close call
CLOSE = Prices(
    half=5.0,
    cut=2.0,
    fill=0.67,
    soil=2.0,
    max_cut=30.0,
    max_fill=20.0,
    max_wall=10.0,
    wall_top=0.5,
    wall_ratio=0.4,
    min_deck=3.0,
    max_deck=60.0,
    low_deck=20.0,
    high_deck=0.01,
    min_cover=6.0,
    close=1.2,
    margin=5.0,
    common=0.02,
    rock=0.05,
    embankment=0.03,
    wall=0.2,
    land=0.05,
    surface=9.0,
    pavement=3.0,
    bridge=15.0,
    tunnel=18.0,
    abutment=200.0,
    portal=300.0,
)
MONEY = (
    "common",
    "rock",
    "embankment",
    "wall",
    "land",
    "surface",
    "pavement",
    "bridge",
    "tunnel",
    "abutment",
    "portal",
)
"""Fields of `Prices` that are money."""


def dearer(p: Prices, k: float) -> Prices:
    """Multiply all prices."""
    return p._replace(**{name: k * getattr(p, name) for name in MONEY})


def raster(z: Array, cell: float = CELL) -> Terrain:
    """Give levels a place, the south-west corner at 0, 0."""
    top = z.shape[0] * cell
    return Terrain(z.astype(np.float32), Affine(cell, 0, 0, 0, -cell, top), UTM, "test", 1.0)


def laid(shape: tuple[int, int], factor: Array | float = 1.0) -> Layers:
    """Preference on all ground, the same for all forms or one raster each."""
    plain = plain_layers(shape)
    return plain._replace(factor=(plain.factor * factor).astype(np.float32))


def ground_of(z: Array, cell: float = CELL, **given: Any) -> Ground:
    """Look at a small ground of which all cells are usable."""
    land = raster(z, cell)
    rules: dict[str, Any] = {
        "step": STEPS.step,
        "usable": np.ones(z.shape, bool),
        "forbidden": np.zeros(z.shape, bool),
        "floor": np.full(z.shape, -np.inf, np.float32),
        "layers": plain_layers(z.shape),
        "crossed": NOTHING_CROSSED,
        "levels": (float(z.min()) - 10, float(z.max()) + 10),
        "depth": 12.0,
        "deck": 12.0,
        "level_step": STEP,
    }
    return look(land, terrain.slopes(land), **(rules | given))


def tariff_of(
    p: Prices = CLOSE, standard: DesignStandard = STANDARD, cell: float = CELL, **given: Any
) -> Tariff:
    """Prices by form, slope and height on cells of a size."""
    steps = on_ring(standard, MOVES, cell=cell, level_step=STEP)
    return tariff(p, standard, steps, **({"level_step": STEP} | given))


def number(ground: Ground, row: int, col: int) -> int:
    """Cell in a row and a column."""
    return int(np.flatnonzero((ground.row == row) & (ground.col == col))[0])


def state(ground: Ground, cell: int) -> int:
    """Level number nearest to the ground of a cell."""
    return int(np.rint(ground.level[cell] / STEP))


def ends_at(
    ground: Ground, places: list[tuple[int, ...]], prices: list[float], grades: list[float]
) -> Ends:
    """Put ends on cells given by row, column, heading and levels above the ground."""
    cells = [number(ground, place[0], place[1]) for place in places]
    return Ends(
        cell=np.array(cells, np.int32),
        level=np.array(
            [state(ground, c) + p[3] for c, p in zip(cells, places, strict=True)], np.int32
        ),
        heading=np.array([place[2] % HEADINGS for place in places], np.int32),
        grade=np.array(grades, np.float64),
        price=np.array(prices, np.float64),
    )


def one_end(ground: Ground, row: int, col: int, heading: int = 0) -> Ends:
    """Put a single end on level road on the ground of a cell."""
    return ends_at(ground, [(row, col, heading, 0)], [0.0], [0.0])


def driven_back(ends: Ends) -> Ends:
    """Face ends the other way."""
    return ends._replace(heading=(ends.heading + 8) % HEADINGS, grade=-ends.grade)


@dataclass(frozen=True)
class Case:
    """A small ground with ends to both sides, to be searched."""

    ground: Ground
    tariff: Tariff
    starts: Ends
    ends: Ends
    steps: Steps
    climb: int = 2

    @cached_property
    def table(self) -> Table:
        """Prices of all moves in units."""
        return tabulate(self.ground, self.tariff, climb=self.climb)

    @cached_property
    def bound(self) -> Array:
        """Cheapest way without headings from every (cell, level), in units."""
        return bounds(self.ground, self.table, self.ends)

    def search(
        self, bound: Array | None = None, margin: float = 0.0
    ) -> tuple[Found | None, Labels]:
        """Search the cheapest road."""
        bound = self.bound if bound is None else bound
        given = (self.ground, self.table, self.starts, self.ends, bound)
        return guided(*given, steps=self.steps, margin=margin)

    @property
    def price(self) -> float:
        """Price of the cheapest road in units, infinite where there is none."""
        found, _ = self.search()
        return found.price if found else inf

    @property
    def money(self) -> float:
        """Price of the cheapest road."""
        return self.price * self.table.unit

    def units(self, ends: Ends) -> list[int]:
        """Prices of ends in units."""
        return [round(float(price) / self.table.unit) for price in ends.price]

    def graph(self) -> Any:
        """All moves, for networkx."""
        return oracles.lattice(self.ground, self.table)

    def roads(self) -> Any:
        """All roads with their headings and ends, for networkx."""
        return oracles.roads(
            self.graph(),
            oracles.tie_ins(self.starts, self.units(self.starts)),
            oracles.tie_ins(self.ends, self.units(self.ends)),
            turn=self.steps.turn,
            sharp=self.steps.sharp,
            extra=self.steps.extra,
            rise=self.steps.rise.tolist(),
            bend=self.steps.bend.tolist(),
        )

    def turned(self, turn: int) -> "Case":
        """Allow another turn."""
        return replace(
            self, steps=self.steps._replace(turn=turn, sharp=max(turn, self.steps.sharp))
        )

    def back(self) -> "Case":
        """Drive from the ends to the starts."""
        return replace(self, starts=driven_back(self.ends), ends=driven_back(self.starts))


ROWS, COLS = 7, 13


def relief(seed: int, height: float) -> Array:
    """Rough but not wild ground: noise over three cells."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (ROWS + 2, COLS + 2))
    z = sum(coarse[i : i + ROWS, j : j + COLS] for i in range(3) for j in range(3)) / 3
    return 1000 + height * np.asarray(z)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Close calls: rough ground with holes, water, preferences; many ends in few cells."""
    wide = (ROWS, COLS)
    z = relief(draw(st.integers(0, 10_000)), draw(st.sampled_from([3.0, 8.0, 15.0])))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    forbidden = rng.random(wide) < draw(st.sampled_from([0.0, 0.05]))
    forbidden[:, [0, 1, -2, -1]] = False
    floor = np.full(wide, -np.inf, np.float32)
    if draw(st.booleans()):
        floor[3:5, 5:8] = 1003.0
    factor = rng.uniform(1, draw(st.sampled_from([1.0, 1.5])), (3, *wide))
    layers = laid(wide, factor)
    ground = ground_of(z, forbidden=forbidden, floor=floor, layers=layers, depth=10.0, deck=10.0)
    p = CLOSE._replace(
        bridge=draw(st.floats(9, 20)),
        tunnel=draw(st.floats(9, 25)),
        abutment=draw(st.floats(0, 400)),
        rock=draw(st.floats(0.01, 0.2)),
        min_bridge=draw(st.sampled_from([0.0, 100.0])),
    )
    row = draw(st.integers(1, ROWS - 2))
    place = st.tuples(
        st.integers(row - 1, row + 1), st.integers(0, 1), st.integers(-2, 2), st.integers(-1, 1)
    )
    tie_in = st.tuples(place, st.floats(0, 4000), st.sampled_from([-0.05, 0.0, 0.0, 0.03]))

    def tie_ins(col: Callable[[int], int]) -> Ends:
        drawn = draw(st.lists(tie_in, min_size=1, max_size=4))
        places = [(place[0], col(place[1]), *place[2:]) for place, _, _ in drawn]
        return ends_at(ground, places, [d[1] for d in drawn], [d[2] for d in drawn])

    turn, sharper = draw(st.integers(0, 4)), draw(st.integers(0, 2))
    extra = draw(st.integers(0, 2000)) if sharper else 0
    bend = STEPS.bend * draw(st.sampled_from([0.3, 1.0]))
    return Case(
        ground,
        tariff_of(p, per_metre=draw(st.sampled_from([0.0, 3.0]))),
        tie_ins(lambda col: col),
        tie_ins(lambda col: COLS - 1 - col),
        Steps(turn, turn + sharper, extra, STEPS.rise, bend),
    )


# a whole valley

WIDE, LONG = 60, 140  # cells across and along
RIVER_Y, ROAD_Y = 1800.0, 1900.0
FULL, FREEBOARD = 1108.0, 10.0
DAM_X = 2400.0
FAR_OFF = LineString([(-9e3, -9e3), (-9e3, -8e3)])


@dataclass(frozen=True)
class Dam:
    full_level_m: float


@dataclass(frozen=True)
class Stage:
    level_m: float
    date: date


@dataclass(frozen=True)
class Pool:
    """Stands in for a Lake."""

    stage: Stage
    polygon: Polygon


@dataclass(frozen=True)
class Lake:
    """Stands in for a Reservoir."""

    dam: Dam
    full: Pool
    lakes: tuple[Pool, ...] = ()
    wall: LineString = FAR_OFF


def valley(seed: int | None = None) -> Terrain:
    """V valley to the east whose bed rises 2 %, with spurs and gullies by the seed."""
    x, y = np.meshgrid((np.arange(LONG) + 0.5) * CELL, (WIDE - np.arange(WIDE) - 0.5) * CELL)
    side = np.abs(y - RIVER_Y)
    z = 1000 + 0.02 * x + 0.35 * side
    if seed is not None:
        rng = np.random.default_rng(seed)
        for wave in rng.uniform(600, 2500, 6):
            z += np.minimum(side / 600, 1) * 12 * np.sin(2 * pi * (x / wave + rng.random()))
    return raster(z)


def pool(level: float) -> Polygon:
    """Lake at a level in the valley without spurs, above the dam."""
    reach, half = (level - 1000) / 0.02, (level - 1000 - 0.02 * DAM_X) / 0.35
    return Polygon([(DAM_X, RIVER_Y - half), (reach, RIVER_Y), (DAM_X, RIVER_Y + half)])


def straight(length: float, y: float = 0.0, level: float = 1000.0, grade: float = 0.0) -> Highway:
    """Take a road straight to the east."""
    station = np.linspace(0, length, int(length / 20) + 1)
    z = level + grade * station
    return Highway(
        name="old road",
        xy=np.array([[0.0, y], [length, y]]),
        s=np.array([0.0, length]),
        crs=UTM,
        station=station,
        ground=z,
        level=z,
    )


def moved(road: Highway) -> Highway:
    """Move a road half a cell to the east, onto the centres of cells."""
    return Highway(
        name=road.name,
        xy=road.xy + np.array([CELL / 2, 0.0]),
        s=road.s,
        crs=road.crs,
        station=road.station,
        ground=road.ground + 0.02 * CELL / 2,
        level=road.level + 0.02 * CELL / 2,
    )


def site(
    seed: int | None = None,
    no_go: tuple[Polygon, ...] = (),
    *,
    full: float = FULL,
    lakes: tuple[Pool, ...] = (),
    **given: Any,
) -> Site:
    """Put a lake and an old road into the valley."""
    length = (LONG - 1) * CELL
    ground = (ROAD_Y - RIVER_Y) * 0.35
    lake = Lake(Dam(full), Pool(Stage(full, date(2030, 1, 1)), pool(full)), lakes)
    world = Site(
        terrain=valley(seed),
        highway=moved(straight(length, ROAD_Y, 1000 + ground, 0.02)),
        reservoirs=(cast("Reservoir", lake),),
        rivers=(
            ("Indus", LineString([(LONG * CELL, RIVER_Y), (0, RIVER_Y)])),
            ("a brook", LineString([(0, 0), (50, 50)])),
        ),
        no_go=no_go,
        freeboard=FREEBOARD,
    )
    return replace(world, **given)


GAP = Gap("dam", Section(2400, 4100), Section(600, 2300), Section(4100, 7500))
VALLEY = Rules(band_m=1700, deepest_m=60, headroom_m=60, shore_m=150, crossing_m=780)
PRICES = CLOSE._replace(
    max_deck=110.0, bridge=400.0, tunnel=500.0, abutment=3000.0, portal=9000.0, rock=2.0, common=1.0
)


def plan(
    world: Site,
    *,
    gap: Gap = GAP,
    rules: Rules = VALLEY,
    standard: DesignStandard = STANDARD,
    prices: Prices = PRICES,
    tell: Callable[[str, int], None] | None = None,
    **variant: Any,
) -> Corridor:
    """Search a road across the gap."""
    wanted = Variant.model_validate({"name": "test", "title": "test", "speed_kmh": 60} | variant)
    return find(world, gap, wanted, rules=rules, standard=standard, prices=prices, tell=tell)


PLAIN = {
    "bridge_weight": 1.0,
    "tunnel_weight": 1.0,
    "distance_weight": 0.0,
    "exposure_weight": 0.0,
    "length_value_per_m": 0.0,
}
"""A variant without any preference."""


def repriced(road: Corridor, world: Site, prices: Prices = PRICES, **wanted: Any) -> float:
    """Price of a road, with the road kept, as another variant would count it."""
    variant = road.variant.model_validate(road.variant.model_dump() | PLAIN | wanted)
    given = {"rules": VALLEY, "standard": STANDARD, "prices": prices}
    problem = prepare(world, GAP, variant, **given)
    survey = problem.survey()
    row, col = (np.rint(v).astype(int) for v in problem.window.index(road.x, road.y))
    number = np.full(problem.window.shape, -1)
    number[survey.ground.row, survey.ground.col] = np.arange(survey.ground.row.size)
    cells, levels = number[row, col], np.rint(road.level / VALLEY.level_step_m).astype(int)
    start = np.flatnonzero(survey.leave == road.section.start)[0]
    end = np.flatnonzero(survey.meet == road.section.end)[0]
    price = float(survey.starts.price[start] + survey.ends.price[end])
    for (a, first), (b, last) in pairwise(zip(cells, levels, strict=True)):
        move = survey.ground.neighbour[a].tolist().index(b)
        price += move_price(survey.ground, problem.tariff, a, move, first, last)
    return price
