"""Laws of the inventory: classes add up, culverts stand where water runs, no earth is lost."""

from itertools import pairwise

import numpy as np
import oracles
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_formation import STANDARD, P
from test_profile import HALF, SHAPE, waves
from test_quantities import level_road, plane

from realign import haul, inventory
from realign.formation import BRIDGE, OPEN, TUNNEL, Course, Formation
from realign.hazard import Protection, exposure
from realign.inventory import APART, DECKS, DIP, ROCK, WALLS, Inventory, classes_of, named
from realign.quantities import Bill, Structure

STEEP = 35.0
EARTH = haul.Earth()
HAUL = haul.Prices(haul=0.35, borrow=2.0, disposal=0.6)
seeds = st.integers(0, 99)


def listed(
    bill: Bill,
    *,
    shape: Formation = SHAPE,
    earth: haul.Earth = EARTH,
    price: haul.Prices = HAUL,
    shelter: Protection | None = None,
    gullies: NDArray[np.float64] | None = None,
) -> Inventory:
    site = haul.sites(float(bill.station[-1]), earth.site_every_m)
    return inventory.full(
        bill,
        shape=shape,
        standard=STANDARD,
        prices=P,
        earth=haul.Moving(earth, price, site),
        shelter=shelter or Protection(),
        steep_deg=STEEP,
        gullies=gullies,
    )


def open_runs(bill: Bill) -> list[tuple[float, float]]:
    """Stretches between the structures of a road."""
    ends = [0.0, *(s for each in bill.structures for s in (each.start, each.end))]
    ends.append(float(bill.station[-1]))
    return [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b > a]


def dips(bill: Bill) -> list[float]:
    """Stations from which the ground rises by `DIP` both ways before it falls below them."""

    def rise(ground: NDArray[np.float64], low: float) -> float:
        lower = np.flatnonzero(ground < low)
        reach = ground[: lower[0]] if lower.size else ground
        return float(reach.max() - low)

    z = bill.ground
    return [
        float(bill.station[i])
        for i in range(1, z.size - 1)
        if z[i] < min(z[i - 1], z[i + 1])
        and min(rise(z[i - 1 :: -1], z[i]), rise(z[i + 1 :], z[i])) >= DIP
    ]


# ---------------------------------------------------------------- classes


@given(seed=seeds, high=st.floats(0, 120), side=st.floats(0, 0.8))
@example(seed=57, high=120.0, side=0.0)
def test_classes_add_up_to_their_item_in_every_interval(
    seed: int, high: float, side: float
) -> None:
    bill = level_road(waves(seed, high=high, side=side), 600.0)
    whole = listed(bill)
    items = whole.bill.items
    assert {"rock_excavation", "retaining_wall", "bridge", "tunnel", "culvert"} == set(
        whole.classes
    )
    for item, parts in whole.classes.items():
        assert all((part >= -1e-9).all() for part in parts.values())
        assert sum(parts.values()) == pytest.approx(items[item], abs=1e-9)
    by_class = whole.by_class()
    for item, values in items.items():
        mine = [quantity for (name, _), quantity in by_class.items() if name == item]
        assert sum(mine) == pytest.approx(values.sum(), abs=1e-6)
    kept = set(bill.items) - {"culvert"}
    assert all((items[item] == bill.items[item]).all() for item in kept)


def beneath(height: float, slope: float, depth: float) -> float:
    """Area of a cut below ground that lies some depth lower, by strips of a centimetre [m2]."""
    y = np.arange(-150.0, 150.0, 0.01)
    bottom = P.cut * np.maximum(np.abs(y) - P.half, 0.0)
    ground = slope * y - height - depth
    return float(np.trapezoid(np.maximum(ground - bottom, 0.0), y))


@given(cut=st.floats(3, 20), slope=st.floats(0, 0.35))
def test_on_a_plane_rock_by_depth_is_the_cut_below_a_plane_that_lies_lower(
    cut: float, slope: float
) -> None:
    bill = level_road(plane(slope), 600 - cut)
    assume((bill.form == OPEN).all())
    height, across = float(bill.level[9] - bill.ground[9]), float(bill.slope[9])
    rock = listed(bill).classes["rock_excavation"]
    volumes = [float(part.sum()) for part in rock.values()]
    for k, depth in enumerate(ROCK, start=1):
        wanted = beneath(height, across, P.soil + depth) * 1200.0
        assert sum(volumes[k:]) == pytest.approx(wanted, rel=1e-3, abs=2.0)


@given(
    limit=st.sampled_from(WALLS),
    off=st.one_of(st.floats(-0.5, -0.01), st.floats(0.01, 0.5)),
    slope=st.floats(0.7, 0.85),
)
def test_on_a_plane_all_walls_fall_into_the_class_of_their_drop(
    limit: float, off: float, slope: float
) -> None:
    bill = level_road(plane(slope), 600 + limit + off - slope * P.half)
    assume((bill.form == OPEN).all())
    assume(bill.totals["retaining_wall"] > 0)
    drop = float((bill.level - bill.ground)[9] + bill.slope[9] * P.half)
    walls = listed(bill).classes["retaining_wall"]
    name = classes_of(WALLS)[sum(drop > each for each in WALLS)]
    assert drop == pytest.approx(limit + off, abs=5e-3)
    assert walls[name].sum() == pytest.approx(bill.totals["retaining_wall"])
    assert sum(float(part.sum()) for part in walls.values()) == pytest.approx(walls[name].sum())


@given(seed=seeds, high=st.floats(40, 160))
def test_bridges_fall_whole_into_the_class_of_their_greatest_height(seed: int, high: float) -> None:
    bill = level_road(waves(seed, high=high), 600.0)
    decks = listed(bill).classes["bridge"]
    names = classes_of(DECKS)
    for each in bill.structures:
        if each.form != BRIDGE:
            continue
        inside = (bill.station[:-1] >= each.start) & (bill.station[1:] <= each.end)
        name = names[sum(each.extent > limit for limit in DECKS)]
        assert decks[name][inside] == pytest.approx(bill.items["bridge"][inside])


@given(seed=seeds, high=st.floats(40, 160))
def test_tunnels_are_bored_where_they_cost_their_plain_rate(seed: int, high: float) -> None:
    bill = level_road(waves(seed, high=high), 600.0)
    parts, run = listed(bill).classes["tunnel"], np.diff(bill.station)
    inside = bill.form == TUNNEL
    bored = parts["bored"] > 0
    assert parts["bored"][bored] == pytest.approx(run[bored])
    covered = inside & ~bored
    assert parts["cut and cover"][covered] == pytest.approx(SHAPE.close_ratio * run[covered])
    cover = ((bill.ground - bill.level)[1:] + (bill.ground - bill.level)[:-1]) / 2
    slope = (bill.slope[1:] + bill.slope[:-1]) / 2
    deep = cover >= SHAPE.min_cover_m * np.sqrt(1 + slope**2)
    assert (bored == (inside & deep)).all()


def test_shares_are_the_same_compiled_and_written() -> None:
    height, slope = np.array([-12.0, -3.0, 6.0, 5.0, -30.0]), np.array([0.3, 0.7, 0.8, 0.7, 0.1])
    form, run = np.array([OPEN, OPEN, OPEN, TUNNEL], np.int8), np.full(4, 20.0)
    given_ = height, slope, form, run, np.array(ROCK), np.array(WALLS), P
    for fast, slow in zip(
        inventory._shares(*given_), inventory._shares.py_func(*given_), strict=True
    ):
        assert fast == pytest.approx(slow)
        assert fast.any()


@given(seed=seeds, high=st.floats(0, 160), on_bridges=st.booleans())
def test_courses_are_width_times_thickness_times_length_off_bridges_unless_they_lie_there(
    seed: int, high: float, *, on_bridges: bool
) -> None:
    courses = (
        Course(name="top", thickness_m=0.1, width="carriageway", on_bridges=on_bridges),
        Course(name="base", thickness_m=0.3),
    )
    shape = SHAPE.model_copy(update={"courses": courses})
    bill = level_road(waves(seed, high=high), 600.0)
    volumes = listed(bill, shape=shape).courses
    bridges = bill.length(BRIDGE)
    length = 1200.0 - (0.0 if on_bridges else bridges)
    assert volumes["top"].sum() == pytest.approx(0.1 * STANDARD.carriageway * length)
    assert volumes["base"].sum() == pytest.approx(0.3 * STANDARD.width * (1200 - bridges))
    assert not volumes["base"][bill.form == BRIDGE].any()


# ---------------------------------------------------------------- culverts


@given(
    seed=seeds,
    high=st.floats(0, 60),
    streams=st.lists(st.floats(0, 1200), max_size=12),
    spacing=st.floats(60, 400),
)
def test_a_culvert_stands_in_every_gully_of_open_road_and_no_stretch_is_without(
    seed: int, high: float, streams: list[float], spacing: float
) -> None:
    bill = level_road(waves(seed, high=high), 600.0)
    shape = SHAPE.model_copy(update={"culvert_spacing_m": spacing})
    whole = listed(bill, shape=shape, gullies=np.array(streams))
    gullies = [*streams, *dips(bill)]
    at = [each.at for each in whole.culverts]
    assert at == sorted(at)
    for a, b in open_runs(bill):
        mine = [each for each in whole.culverts if a < each.at < b]
        wet = [each.at for each in mine if each.gully]
        for gully in gullies:
            if a < gully < b:
                assert min(abs(gully - each) for each in wet) < APART
        assert all(min(abs(each - gully) for gully in gullies) < 1e-9 for each in wet)
        assert all(other - one >= APART for one, other in pairwise(wet))
        here = [a, *(each.at for each in mine), b]
        assert max(np.diff(here)) <= spacing + 1e-9
        for one, other in pairwise([a, *wet, b]):
            relief = sum(one < each.at < other for each in mine if not each.gully)
            assert relief <= (other - one) / spacing
    inside = sum(a < each < b for each in at for a, b in open_runs(bill))
    assert inside == len(at)


@given(seed=seeds, high=st.floats(0, 60), streams=st.lists(st.floats(0, 1200), max_size=12))
def test_culverts_of_the_bill_are_those_of_the_list_interval_by_interval(
    seed: int, high: float, streams: list[float]
) -> None:
    bill = level_road(waves(seed, high=high), 600.0)
    whole = listed(bill, gullies=np.array(streams))
    counted, edges = np.histogram([each.at for each in whole.culverts], bill.station)
    assert (edges == bill.station).all()
    assert (whole.bill.items["culvert"] == counted).all()
    assert not whole.bill.items["culvert"][bill.form != OPEN].any()
    at_gullies = whole.classes["culvert"]["at gullies"].sum()
    assert at_gullies == sum(each.gully for each in whole.culverts)


def test_streams_at_the_ends_of_a_bridge_pass_under_it() -> None:
    gully = oracles.surface(
        lambda x, y: 600 - np.maximum(0.0, 70 - 0.9 * np.abs(x + 300)) + 0 * y, half=HALF
    )
    bill = level_road(gully, 600.0)
    (bridge,) = bill.structures
    ends = np.array([bridge.start, (bridge.start + bridge.end) / 2, bridge.end])
    dry, wet = listed(bill), listed(bill, gullies=ends)
    assert dry.culverts == wet.culverts
    near = listed(bill, gullies=ends[[0, 2]] + np.array([-1.0, 1.0])).culverts
    assert sum(each.gully for each in near) == 2


# ---------------------------------------------------------------- galleries


@given(
    seed=seeds,
    limit=st.floats(0.6, 0.99),
    least=st.floats(20, 200),
    side=st.floats(0.7, 1.1),
    gully=st.sampled_from([0.0, 90.0, -150.0]),
)
def test_galleries_cover_open_road_over_the_exposure_and_none_is_shorter_than_the_least(
    seed: int, limit: float, least: float, side: float, gully: float
) -> None:
    rng = np.random.default_rng(seed)
    wave, shift = rng.uniform(40, 150), rng.uniform(0, 6)

    def level(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        hole = gully * np.maximum(0.0, 1 - np.abs(x) / 150)  # a bridge, or a tunnel where below 0
        return np.asarray(600 + y * (side + 0.2 * np.sin(x / wave + shift)) - hole)

    ground = oracles.surface(level, half=HALF)
    bill = level_road(ground, 600.0)
    shelter = Protection(gallery_exposure=limit, gallery_least_m=least)
    whole = listed(bill, shelter=shelter)
    at = exposure(bill.slope, STEEP)
    asked = (bill.form == OPEN) & ((at[1:] + at[:-1]) / 2 >= limit)
    covered = whole.bill.items["gallery"] > 0
    assert not (covered & ~asked).any()
    run = np.diff(bill.station)
    assert whole.bill.items["gallery"][covered] == pytest.approx(run[covered])
    lengths = sum(each.length for each in whole.galleries)
    assert whole.bill.totals["gallery"] == pytest.approx(lengths)
    assert all(each.length >= least - 1e-6 for each in whole.galleries)
    assert all(one.end < other.start for one, other in pairwise(whole.galleries))
    bare, left = 0.0, []
    for wanted, roofed, length in zip(asked, covered, run, strict=True):
        bare = bare + length if wanted and not roofed else 0.0
        left.append(bare)
    assert max(left) < least


# ---------------------------------------------------------------- earth


@given(seed=seeds, high=st.floats(0, 160), side=st.floats(0, 0.6), every=st.floats(200, 5000))
def test_haul_items_are_those_of_the_balance_which_closes(
    seed: int, high: float, side: float, every: float
) -> None:
    bill = level_road(waves(seed, high=high, side=side), 600.0)
    whole = listed(bill, earth=haul.Earth(site_every_m=every))
    earth, totals = whole.earth, whole.bill.totals
    assert totals["haul"] == pytest.approx(earth.moved)
    assert totals["borrow"] == pytest.approx(earth.borrowed.sum())
    assert totals["disposal"] == pytest.approx(earth.wasted.sum())
    assert np.abs(earth.residual()).max() < 1e-6
    supply = totals["common_excavation"] * EARTH.common_to_fill
    tunnels = bill.length(TUNNEL) * EARTH.tunnel_m2
    supply += (totals["rock_excavation"] + tunnels) * EARTH.rock_to_fill
    assert earth.supply.sum() == pytest.approx(supply)
    assert earth.ordinate[0] == 0
    assert earth.ordinate[-1] == pytest.approx(supply - totals["fill"], abs=1e-6)
    left = supply + totals["borrow"] - totals["fill"] - totals["disposal"]
    assert left == pytest.approx(0, abs=1e-6)
    price = totals["haul"] * HAUL.haul + totals["borrow"] * HAUL.borrow
    assert earth.cost == pytest.approx(price + totals["disposal"] * HAUL.disposal)
    for item, sites in (("borrow", earth.borrowed), ("disposal", earth.wasted)):
        owner = haul.owners(bill.station, earth.site)
        for place, volume in zip(owner, sites, strict=True):
            assert whole.bill.items[item][place] == pytest.approx(volume)


@given(seed=seeds, high=st.floats(0, 160), soil=st.floats(1, 2), rock=st.floats(1, 2))
def test_loose_volume_is_that_in_the_ground_times_the_swell_of_its_material(
    seed: int, high: float, soil: float, rock: float
) -> None:
    bill = level_road(waves(seed, high=high), 600.0)
    loose = listed(bill, earth=haul.Earth(common_swell=soil, rock_swell=rock)).loose
    firm = listed(bill, earth=haul.Earth(common_swell=1, rock_swell=1)).loose
    assert loose["common"] == pytest.approx(soil * bill.items["common_excavation"])
    assert loose["rock"] == pytest.approx(rock * bill.items["rock_excavation"])
    assert firm["common"] == pytest.approx(bill.items["common_excavation"])
    tunnels = loose["rock from tunnels"]
    assert tunnels.sum() == pytest.approx(rock * EARTH.tunnel_m2 * bill.length(TUNNEL))
    assert not tunnels[bill.form != TUNNEL].any()


def test_a_cut_that_makes_its_fill_is_neither_borrowed_nor_wasted() -> None:
    def level(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(600 + 0.01 * x + 0 * y)  # cut in one half, fill in the other

    bill = level_road(oracles.surface(level, half=HALF), 600.0)
    cut = bill.totals["common_excavation"] + bill.totals["rock_excavation"]
    even = bill.totals["fill"] / cut
    earth = haul.Earth(common_to_fill=even, rock_to_fill=even)
    dear = haul.Prices(haul=0.01, borrow=5.0, disposal=5.0)
    whole = listed(bill, earth=earth, price=dear)
    assert whole.earth.ordinate[-1] == pytest.approx(0, abs=1e-6)
    assert whole.bill.totals["borrow"] == pytest.approx(0, abs=1e-3)
    assert whole.bill.totals["disposal"] == pytest.approx(0, abs=1e-3)
    # all of it passes the middle of the road
    assert np.abs(whole.earth.flow).max() == pytest.approx(bill.totals["fill"], rel=0.02)


# ---------------------------------------------------------------- names


@given(st.lists(st.sampled_from([BRIDGE, TUNNEL]), max_size=20))
def test_structures_are_counted_by_form_and_no_two_share_a_name(forms: list[int]) -> None:
    structures = [Structure(form, 100.0 * i, 100.0 * i + 50, 5.0) for i, form in enumerate(forms)]
    names = named(structures, ["near A"] * len(forms))
    assert len(set(names)) == len(names)
    for form, word in ((BRIDGE, "Bridge"), (TUNNEL, "Tunnel")):
        mine = [name for name, each in zip(names, forms, strict=True) if each == form]
        assert mine == [f"{word} {i} near A" for i in range(1, len(mine) + 1)]
