"""Laws of layers over the ground: costs are paid, preferences steer, prohibitions hold."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import cos, sin
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely import GeometryCollection, LineString, MultiLineString, MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry
from small_ground import (
    CLOSE,
    GAP,
    PRICES,
    VALLEY,
    Array,
    ground_of,
    number,
    plan,
    raster,
    repriced,
    site,
    tariff_of,
)

from realign import formation
from realign.corridor import Corridor, Laid, Layer, Site, Variant
from realign.corridor.lattice import MOVES
from realign.corridor.layers import charged, measured, taken
from realign.corridor.price import move_price
from realign.corridor.site import overlay
from realign.drowned import _classes
from realign.errors import InputError
from realign.formation import BRIDGE
from realign.terrain import Terrain

ALL = ("open", "bridge", "tunnel")


def laid(*shapes: BaseGeometry, **rule: Any) -> Laid:
    """Lay shapes over the ground."""
    given = {"name": "layer", "file": "layer.gpkg", "forms": ALL} | rule
    return Laid(Layer.model_validate(given), shapes)


# the settings


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "cost"}, "a layer of kind 'cost' wants per_crossing or per_m"),
        ({"kind": "preference"}, "a layer of kind 'preference' wants factor"),
        ({"kind": "cost", "per_m": 1, "factor": 2}, "factor: found in a layer of kind 'cost'"),
        ({"kind": "preference", "factor": 2, "per_m": 1}, "per_m: found in a layer of kind"),
        ({"kind": "preference", "factor": 2, "per_crossing": 0}, "per_crossing: found.*factor"),
        (
            {"kind": "prohibition", "per_m": 1, "factor": 2},
            "factor, per_m: found in a layer of kind 'prohibition'; wanted none of them",
        ),
        ({"kind": "tracked", "factor": 2}, "wanted none of them"),
        ({"kind": "cost", "per_m": -1}, "greater than or equal to 0"),
        ({"kind": "cost", "per_crossing": -1}, "greater than or equal to 0"),
        ({"kind": "preference", "factor": 0}, "greater than or equal to 0.001"),
        ({"kind": "barrier"}, "'cost', 'preference', 'prohibition' or 'tracked'"),
        ({"kind": "tracked", "name": "Two words"}, "name"),
        ({"kind": "tracked", "forms": ["rail"]}, "'open', 'bridge' or 'tunnel'"),
        ({"kind": "tracked", "weight": 1}, "weight"),
    ],
)
def test_a_layer_that_does_not_fit_its_kind_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Layer.model_validate({"name": "layer", "file": "layer.gpkg"} | rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "cost", "per_m": 0.0},
        {"kind": "cost", "per_crossing": 5.0},
        {"kind": "cost", "per_m": 1.0, "per_crossing": 5.0},
        {"kind": "preference", "factor": 0.5},
        {"kind": "prohibition"},
        {"kind": "tracked"},
    ],
)
def test_a_layer_that_fits_its_kind_falls_on_open_road_and_bridges(rule: dict[str, Any]) -> None:
    layer = Layer.model_validate({"name": "layer", "file": "layer.gpkg"} | rule)
    assert Laid(layer, ()).on.tolist() == [True, True, False]
    assert not layer.required


# shapes


def test_edges_and_areas_are_those_of_all_parts_of_a_shape() -> None:
    one, other = box(0, 0, 10, 10), box(20, 0, 30, 10).difference(box(22, 2, 24, 4))
    line = LineString([(0, 0), (5, 5), (9, 0)])
    many = laid(MultiPolygon([one, other]), MultiLineString([line, line]), kind="tracked")
    assert sorted(len(each) for each in many.lines) == [3, 3, 5, 5, 5]
    assert shapely.union_all(many.areas).area == 100 + 100 - 4
    mixed = laid(GeometryCollection([MultiPolygon([one, other]), line]), kind="tracked")
    assert shapely.union_all(mixed.areas).area == 100 + 100 - 4
    assert sorted(len(each) for each in mixed.lines) == [3, 5, 5, 5]


# a straight road over level ground

SIDE = 2160.0
SMALL = 840.0


def added(
    cell: float, heading: int, world: tuple[Laid, ...], *, level: int = 200, moves: int = 2
) -> float:
    """Price that layers add to a straight road from the middle of level ground."""
    side = SIDE if moves > 2 else SMALL
    z = np.full((int(side / cell) + 1,) * 2, 1000.0)
    land, total = raster(z, cell), 0.0
    grounds = []
    for layers in (world, ()):
        rasters, crossed, forbidden = over(land, layers)
        grounds.append(
            ground_of(z, cell, layers=rasters, crossed=crossed, forbidden=forbidden, deck=40.0)
        )
    at = number(grounds[0], int(side / cell / 2), int(side / cell / 2))
    prices = tariff_of(cell=cell)
    for _ in range(moves * int(60 / cell)):
        rich, bare = (move_price(each, prices, at, heading, level, level) for each in grounds)
        total += rich - bare
        at = int(grounds[0].neighbour[at, heading])
    return total


def over(land: Terrain, layers: tuple[Laid, ...], *, sunk: bool = False, **variant: Any) -> Any:
    """Lay layers over ground without rivers, all of it deep under a lake or none."""
    world = replace(site(), rivers=(), layers=layers)
    given = {"name": "test", "title": "test", "speed_kmh": 60}
    return overlay(
        world,
        Variant.model_validate(given | variant),
        land,
        exposed=np.zeros(land.shape),
        load=None,
        crossing=(0.0, 0.0),
        half=0.0,
        sunk=np.full(land.shape, sunk),
    )


def along(cell: float, heading: int, moves: int = 2) -> LineString:
    """Draw that road."""
    middle = cell * (int((SIDE if moves > 2 else SMALL) / cell / 2) + 0.5)
    east, north = MOVES[heading]
    reach = moves * 60
    return LineString([(middle, middle), (middle + reach * east, middle + reach * north)])


EVERYWHERE = box(-100, -100, SIDE + 200, SIDE + 200)


@given(heading=st.integers(0, 15), cell=st.sampled_from([60.0, 30.0]), per_m=st.floats(0.1, 9))
@settings(max_examples=10)
def test_a_cost_by_the_metre_is_paid_for_every_metre_inside(
    heading: int, cell: float, per_m: float
) -> None:
    layer = laid(EVERYWHERE, kind="cost", per_m=per_m)
    length = along(cell, heading).length
    assert added(cell, heading, (layer,)) == pytest.approx(per_m * length, rel=1e-5)
    # costs of several layers add up
    assert added(cell, heading, (layer, layer)) == pytest.approx(2 * per_m * length, rel=1e-5)


@given(
    heading=st.integers(0, 15),
    cell=st.sampled_from([60.0, 30.0, 20.0]),
    first=st.floats(0.1, 0.4),
    length=st.floats(0.1, 0.5),
)
@settings(max_examples=8)
def test_a_cost_by_the_metre_is_that_of_the_length_inside_to_a_cell(
    heading: int, cell: float, first: float, length: float
) -> None:
    road = along(cell, heading, moves=5)
    part = shapely.ops.substring(road, first, first + length, normalized=True)
    area = part.buffer(200, cap_style="flat")
    paid = added(cell, heading, (laid(area, kind="cost", per_m=2.0),), moves=5)
    # at both ends the place of a sample and the cells that the polygon touches are rounded
    assert paid == pytest.approx(2.0 * part.length, abs=2.0 * 2 * 2 * cell)


@given(
    heading=st.integers(0, 15),
    share=st.floats(0.1, 0.9),
    angle=st.floats(0.2, np.pi - 0.2),
    price=st.floats(1, 1000),
)
@settings(max_examples=15)
def test_a_crossing_of_a_line_is_paid_once_on_cells_of_any_size(
    heading: int, share: float, angle: float, price: float
) -> None:
    for cell in (60.0, 30.0, 20.0):
        road = along(cell, heading)
        at = road.interpolate(share, normalized=True)
        bearing = angle + float(np.arctan2(*MOVES[heading][::-1]))
        way = 3000 * np.array([cos(bearing), sin(bearing)])
        line = LineString(np.array([at.x, at.y]) + np.array([[-1], [0.1], [1]]) * way)
        layer = laid(line, kind="cost", per_crossing=price)
        assert added(cell, heading, (layer,)) == pytest.approx(price, rel=1e-5)


@given(
    heading=st.integers(0, 15),
    x=st.floats(0.1, 0.9),
    size=st.floats(20, 400),
    spin=st.floats(0, 1),
)
@settings(max_examples=15)
def test_the_edge_of_a_polygon_is_paid_going_in_and_going_out(
    heading: int, x: float, size: float, spin: float
) -> None:
    for cell in (60.0, 20.0):
        road = along(cell, heading)
        at = road.interpolate(x, normalized=True)
        area = shapely.affinity.rotate(at.buffer(size, quad_segs=2), spin, use_radians=True)
        met = shapely.get_num_coordinates(road.intersection(area.exterior))
        layer = laid(area, kind="cost", per_crossing=10.0)
        assert added(cell, heading, (layer,)) == pytest.approx(10.0 * met, abs=1e-2)


def test_a_cost_falls_on_the_forms_it_names() -> None:
    deck = 202  # 10 m over the ground, where a bridge is cheaper
    for forms, level, paid in (
        (("open",), 200, True),
        (("open",), deck, False),
        (("bridge",), deck, True),
        (("bridge",), 200, False),
        (("tunnel",), 200, False),
    ):
        layer = laid(EVERYWHERE, kind="cost", per_m=0.5, forms=forms)
        wanted = 0.5 * 360 if paid else 0.0
        assert added(60.0, 0, (layer,), level=level) == pytest.approx(wanted, rel=1e-5), forms


def test_preferences_multiply_and_fall_on_the_forms_they_name() -> None:
    land = raster(np.full((20, 20), 1000.0))
    half = box(0, 0, 600, 1200)
    one = laid(half, kind="preference", factor=2.0, forms=("open",))
    two = laid(EVERYWHERE, kind="preference", factor=0.5, forms=("open", "tunnel"))
    layers, crossed, forbidden = over(land, (one, two))
    assert layers.per_metre.shape[1] == 0
    assert crossed.piece.size == 0
    assert not forbidden.any()
    assert (layers.factor[0][:, :10] == 1.0).all()
    assert (layers.factor[0][:, 11:] == 0.5).all()
    assert (layers.factor[1] == 1.0).all()
    assert (layers.factor[2] == 0.5).all()
    same, _, _ = over(land, (two, one))
    assert (same.factor == layers.factor).all()


def test_distance_makes_a_metre_dearer_by_its_share_for_each_kilometre() -> None:
    land = site().terrain
    layers, _, _ = over(land, (), distance_weight=0.5)
    road = land.index(np.array([3000.0]), np.array([1900.0]))
    row, col = round(float(road[0][0])), round(float(road[1][0]))
    for away in (0, 5, 20):
        wanted = 1 + 0.5 * away * 0.06
        assert layers.factor[:, row - away, col] == pytest.approx([wanted] * 3)


def test_a_prohibition_and_ground_beside_a_void_are_forbidden() -> None:
    z = np.full((20, 20), 1000.0)
    z[3, 3] = np.nan
    area = box(610, 610, 690, 690)
    _, _, forbidden = over(raster(z), (laid(area, kind="prohibition"),))
    touched = np.zeros(z.shape, bool)
    touched[8:10, 10:12] = True
    touched[1:6, 1:6] = True  # a level two cells from a void needs it, or its slope does
    assert (forbidden == touched).all()


# roads


FIELD = Polygon([(2700, 1950), (3700, 1950), (3700, 2300), (2700, 2200)])


def with_layers(*layers: Laid) -> Site:
    return replace(site(1), layers=layers)


def same_road(one: Corridor, other: Corridor) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("x", "y", "level")
    )


def old_road(road: Corridor) -> float:
    """Price of the old road that stays in use."""
    assert GAP.before is not None
    assert GAP.after is not None
    kept = road.section.start - GAP.before.start + GAP.after.end - road.section.end
    return float(kept * tariff_of(PRICES).price.min())


def drawn(road: Corridor) -> LineString:
    return LineString(np.column_stack((road.x, road.y)))


def test_a_cost_is_part_of_the_construction_and_steers() -> None:
    free, taxed = site(1), with_layers(laid(FIELD, kind="cost", per_m=300.0))
    plain, road = plan(free), plan(taxed)
    assert plain.price <= road.price <= repriced(plain, taxed) * (1 + 1e-3)
    assert repriced(plain, free) <= repriced(road, free) * (1 + 1e-3)
    paid = repriced(plain, taxed) - repriced(plain, free)
    inside = drawn(plain).intersection(FIELD).length
    assert inside > 300
    assert paid == pytest.approx(300.0 * inside, abs=300.0 * 4 * 60)
    cost = repriced(road, taxed) - repriced(road, free)
    assert cost < paid
    assert road.price - road.construction == pytest.approx(old_road(road), rel=1e-2)


def test_a_cost_of_everything_is_paid_to_the_metre() -> None:
    everywhere = box(-1e4, -1e4, 2e4, 2e4)
    taxed = with_layers(laid(everywhere, kind="cost", per_m=7.0))
    road = plan(taxed)
    bare = repriced(road, site(1)) - (road.price - road.construction)
    assert road.construction == pytest.approx(bare + 7.0 * drawn(road).length, rel=2e-3)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_preference_changes_the_price_and_no_cost(factor: float) -> None:
    free = site(1)
    liked = with_layers(laid(FIELD, kind="preference", factor=factor))
    plain, road = plan(free), plan(liked)
    near = 1 + 1e-3
    # what is paid is the plain price of the road, forms chosen anew, whatever was preferred
    assert road.construction == pytest.approx(repriced(road, free) - old_road(road), rel=2e-3)
    # each is the cheapest by its own count
    assert road.price == pytest.approx(repriced(road, liked), rel=1e-3)
    assert road.price <= repriced(plain, liked) * near
    assert plain.price <= repriced(road, free) * near
    assert (drawn(road).intersection(FIELD).length > drawn(plain).intersection(FIELD).length) == (
        factor < 1
    )


def test_a_preference_on_everything_multiplies_all_but_the_ends_of_structures() -> None:
    everywhere = box(-1e4, -1e4, 2e4, 2e4)
    free, road = plan(site(1)), plan(with_layers(laid(everywhere, kind="preference", factor=2.0)))
    counted = road.price - old_road(road)
    assert road.construction < counted <= 2 * road.construction * (1 + 1e-3)
    plain = plan(with_layers(laid(everywhere, kind="preference", factor=1.0)))
    assert same_road(plain, free)
    assert plain.price == free.price


def test_a_prohibition_keeps_every_road_off_as_no_go_does() -> None:
    world = with_layers(laid(FIELD, kind="prohibition"))
    road = plan(world)
    assert not drawn(road).intersects(FIELD)
    assert drawn(plan(site(1))).intersects(FIELD)
    other = plan(site(1, (FIELD,)))
    assert same_road(road, other)
    assert road.price == other.price


def test_what_is_tracked_is_measured_and_changes_nothing() -> None:
    line = LineString([(3000, 0), (3300, 3600)])
    tracked = (
        laid(FIELD, FIELD.buffer(10), kind="tracked", name="field"),
        laid(line, MultiLineString([line.parallel_offset(500)]), kind="tracked", name="track"),
        laid(FIELD, line, kind="tracked", name="both"),
    )
    plain, road = plan(site(1)), plan(with_layers(*tracked))
    assert same_road(plain, road)
    assert (plain.price, plain.bound, plain.opened) == (road.price, road.bound, road.opened)
    assert plain.paid.tolist() == road.paid.tolist()
    assert plain.tracked == {}
    way = drawn(road)
    assert road.tracked == {
        "field_m": pytest.approx(way.intersection(FIELD.buffer(10)).length),
        "track_crossings": 2.0,
        "both_m": pytest.approx(way.intersection(FIELD).length),
        "both_crossings": 1.0,
    }


@given(
    ys=st.lists(st.floats(-50, -0.002) | st.floats(0.002, 50), min_size=2, max_size=8),
    cut=st.floats(5, 30),
)
def test_crossings_and_lengths_are_those_counted_piece_by_piece(ys: Array, cut: float) -> None:
    road = LineString([(-10, 0), (10.0 * len(ys), 0)])
    line = LineString([(10.0 * i, y) for i, y in enumerate(ys)])
    changes = sum((a > 0) != (b > 0) for a, b in pairwise(ys))
    area = box(0, -1, cut, 1)
    got = measured(
        road, [laid(line, area, kind="tracked"), laid(line, kind="cost", per_crossing=1)]
    )
    assert got == {
        "layer_crossings": float(changes),
        "layer_m": pytest.approx(min(cut, 10.0 * len(ys))),
    }


def test_layers_of_all_kinds_hold_at_once() -> None:
    world = with_layers(
        laid(FIELD, kind="prohibition", name="a"),
        laid(box(2600, 1700, 3300, 1950), kind="cost", per_m=5.0, per_crossing=50.0, name="b"),
        laid(box(3300, 1700, 4000, 1950), kind="preference", factor=1.5, name="c"),
        laid(box(0, 0, 9000, 1900), kind="tracked", name="d"),
    )
    road = plan(world, prices=PRICES)
    assert not drawn(road).intersects(FIELD)
    assert road.price == pytest.approx(repriced(road, world), rel=1e-3)
    inside = drawn(road).intersection(box(0, 0, 9000, 1900)).length
    assert road.tracked == {"d_m": pytest.approx(inside)}


@settings(max_examples=20)
@given(
    inside=st.floats(100, 900),
    per_m=st.floats(0, 50),
    crossings=st.lists(st.floats(11.0, 989.0), max_size=4, unique=True),
    each=st.floats(0, 1e5),
)
def test_a_road_is_charged_for_metres_inside_and_for_crossings(
    inside: float, per_m: float, crossings: list[float], each: float
) -> None:
    xy = np.column_stack((np.linspace(0, 1000, 101), np.zeros(101)))
    form = np.zeros(100, np.int8)
    form[50:] = BRIDGE
    zone = laid(box(0, -5, inside, 5), kind="cost", per_m=per_m)
    # off the points of the road, and no two of as many points
    lines = [
        LineString([(s + 0.123, -9), *[(s + 0.123, 1 + k) for k in range(i)], (s + 0.123, 9)])
        for i, s in enumerate(crossings)
    ]
    rule = {"kind": "cost", "per_crossing": each, "name": "gully", "forms": ("open",)}
    gully = laid(*lines, **rule)
    costs = charged(xy, form, (zone, gully) if lines else (zone,))
    assert costs[zone.layer.name].sum() == pytest.approx(per_m * inside, abs=10.001 * per_m)
    if lines:
        assert costs["gully"].sum() == pytest.approx(each * sum(s + 0.123 < 500 for s in crossings))
        for s in crossings:
            assert bool(costs["gully"][int((s + 0.123) // 10)]) == (s + 0.123 < 500 and each > 0)


def test_a_layer_without_shapes_charges_nothing() -> None:
    xy = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    rule = Layer(name="gullies", kind="cost", file="x", per_crossing=5.0, per_m=1.0)
    (paid,) = charged(xy, np.zeros(2, np.int8), (Laid(rule, ()),)).values()
    assert paid.tolist() == [0.0, 0.0]


def test_what_is_no_cost_is_not_charged() -> None:
    xy = np.array([[0.0, 0.0], [20.0, 0.0]])
    zone = laid(box(-9, -9, 99, 9), kind="preference", factor=2.0)
    assert charged(xy, np.zeros(1, np.int8), (zone,)) == {}


def test_deep_in_a_lake_a_road_is_a_bridge_with_both_its_ends() -> None:
    z = np.full((15, 15), 1000.0)
    rasters, crossed, forbidden = over(raster(z, 60.0), (), sunk=True)
    given = {"layers": rasters, "crossed": crossed, "forbidden": forbidden, "deck": 40.0}
    ground, prices = ground_of(z, **given), tariff_of()
    at = number(ground, 7, 7)
    metre = formation.structure(BRIDGE, 5.5, 0.025, CLOSE).price
    assert formation.open_road(5.5, 0.025, CLOSE).price < metre
    wanted = float(prices.length[0]) * metre + 2 * CLOSE.abutment
    assert move_price(ground, prices, at, 0, 201, 201) == pytest.approx(wanted, rel=1e-5)


def test_no_road_is_cheaper_for_a_lake_that_bears_no_embankment() -> None:
    world = site()
    free, strict = (
        plan(world, rules=VALLEY.model_copy(update={"embankment_m": depth}), prices=PRICES)
        for depth in (500.0, 0.0)
    )
    assert strict.price >= free.price


# land that a road takes

STRAIGHT = np.column_stack((np.linspace(0, 1000, 51), np.zeros(51)))
WIDE = np.full(50, 20.0 * 30.0)  # a strip of 30 m, 15 m on either side
# edges off the stations, the way and each other, so that touching is sure
boxes = st.tuples(
    st.floats(-50, 950), st.floats(0.1, 300), st.floats(-40, 40), st.floats(0.1, 60)
).map(lambda b: box(b[0], b[2], b[0] + b[1], b[2] + b[3]))


def used(*shapes: BaseGeometry, classes: Sequence[str], name: str = "use") -> Laid:
    """Lay shapes over the ground by which land is listed."""
    return replace(laid(*shapes, kind="tracked", name=name, land_by="use"), classes=tuple(classes))


@given(
    shapes=st.lists(boxes, max_size=6),
    names=st.lists(st.sampled_from(["field", "forest", "other", "unknown"]), min_size=6),
    split=st.integers(0, 6),
)
def test_land_by_use_adds_up_to_all_land_and_is_counted_once(
    shapes: list[Polygon], names: list[str], split: int
) -> None:
    two = (
        used(*shapes[:split], classes=names[:split]),
        used(*shapes[split:], classes=names[split : len(shapes)], name="more"),
    )
    uses, counts = taken(STRAIGHT, WIDE, two)
    assert counts == {}
    assert sum(uses.values()) == pytest.approx(WIDE)
    assert all((area >= 0).all() for area in uses.values())
    strip, wanted = box(0, -15, 1000, 15), dict.fromkeys([*names, "other"], 0.0)
    for shape, name in zip(shapes, names, strict=False):
        wanted[name] += strip.intersection(shape).area
        strip = strip.difference(shape)  # the first of two that overlap has it
    wanted["other"] += strip.area
    found = {name: float(area.sum()) for name, area in uses.items()}
    assert found == pytest.approx({name: wanted[name] for name in found}, abs=1e-3)
    assert sum(wanted.values()) == pytest.approx(sum(found.values()))


def test_a_polygon_twice_is_land_once() -> None:
    half = box(-10, 0, 1010, 99)
    uses, _ = taken(STRAIGHT, WIDE, [used(half, half, classes=["field", "forest"])])
    found = {name: float(area.sum()) for name, area in uses.items()}
    assert found == pytest.approx({"field": 15_000, "forest": 0, "other": 15_000})


@pytest.mark.parametrize("inverse", [False, True])
def test_land_follows_a_bend_and_none_is_taken_in_a_tunnel(inverse: bool) -> None:  # noqa: FBT001
    turn = np.linspace(0, np.pi / 2, 60)
    xy = np.column_stack((300 * np.sin(turn), 300 - 300 * np.cos(turn)))
    land = np.hypot(*np.diff(xy, axis=0).T) * 20.0
    land[20:40] = 0.0
    inner = shapely.Point(0, 300).buffer(300, quad_segs=500)
    uses, _ = taken(xy[::-1] if inverse else xy, land, [used(inner, classes=["in"])])
    assert sum(uses.values()) == pytest.approx(land)
    assert not any(area[20:40].any() for area in uses.values())
    assert uses["in"].sum() == pytest.approx(land.sum() / 2, rel=0.02)


@given(
    houses=st.lists(
        st.tuples(st.floats(-50, 1050), st.floats(-60, 60), st.floats(0.5, 80)), max_size=12
    ),
    tunnel=st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted),
)
def test_every_building_on_the_strip_is_counted_once(
    houses: list[tuple[float, float, float]], tunnel: list[int]
) -> None:
    shapes = [box(x, y, x + size, y + 5.0) for x, y, size in houses]
    land = WIDE.copy()
    land[tunnel[0] : tunnel[1]] = 0.0
    lots = [box(20.0 * i, -15, 20.0 * i + 20, 15) for i in np.flatnonzero(land)]
    strip = shapely.union_all(lots) if lots else Polygon()
    wanted = sum(shape.intersects(strip) for shape in shapes)
    close = [
        abs(shape.distance(strip)) < 1e-6 and shape.intersection(strip).area < 1e-6
        for shape in shapes
        if lots
    ]
    assume(not any(close))
    _, counts = taken(STRAIGHT, land, [laid(*shapes, kind="tracked", counted=True, name="houses")])
    assert counts == ({"houses": wanted} if shapes else {})


def test_what_neither_lists_nor_counts_is_left_out() -> None:
    everywhere = box(-99, -99, 1099, 99)
    plain = [laid(everywhere, kind="tracked"), laid(everywhere, kind="cost", per_m=1.0)]
    uses, counts = taken(STRAIGHT, WIDE, plain)
    assert list(uses) == ["other"]
    assert uses["other"] == pytest.approx(WIDE)
    assert counts == {}


def test_land_is_listed_by_an_attribute_of_the_file_or_not_at_all() -> None:
    frame = gpd.GeoDataFrame({"class": ["field", None], "no": [1, 2]}, geometry=[FIELD, FIELD])
    layer = used(FIELD, classes=["x"]).layer.model_copy(update={"land_by": "class"})
    path, stands = Path("inputs/use.gpkg"), np.array([True, True])
    assert _classes(frame, layer, path, stands) == ("field", "unknown")
    assert _classes(frame, layer, path, ~stands) == ()
    wrong = layer.model_copy(update={"land_by": "kind"})
    message = "inputs/use.gpkg: found the attributes class, no; wanted 'kind', as land_by says"
    with pytest.raises(InputError, match=message):
        _classes(frame, wrong, path, stands)
    with pytest.raises(InputError, match="found the attributes none; wanted 'kind'"):
        _classes(frame[["geometry"]], wrong, path, stands)
    plain = layer.model_copy(update={"land_by": ""})
    assert _classes(frame, plain, path, stands) == ()
    numbered = frame.assign(**{"class": [7.5, np.nan]})
    assert _classes(numbered, layer, path, stands) == ("7.5", "unknown")
    with pytest.raises(InputError, match="wanted 'geometry'"):
        _classes(frame, layer.model_copy(update={"land_by": "geometry"}), path, stands)


@pytest.mark.parametrize("kind", ["cost", "preference", "prohibition"])
@pytest.mark.parametrize("rule", [{"land_by": "use"}, {"counted": True}])
def test_only_tracked_layers_list_land_or_are_counted(kind: str, rule: dict[str, Any]) -> None:
    price = {"cost": {"per_m": 1.0}, "preference": {"factor": 2.0}, "prohibition": {}}[kind]
    message = f"land_by or counted: found in a layer of kind '{kind}'; wanted 'tracked'"
    with pytest.raises(ValidationError, match=message):
        laid(kind=kind, **price, **rule)
