"""Laws of branches: joints, legs that add up, ways that differ, whole links from pieces."""

from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np
import pytest
import small_study
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box
from small_ground import GAP
from small_ground import plan as valley_road
from small_ground import site as valley
from small_ground import straight as flat
from test_formation import STANDARD, P

import realign
from realign import drowned
from realign import plan as pipeline
from realign.branches import Branching, Net, _meetings, assembled, branched, ways
from realign.branches.compose import joined, merged
from realign.branches.joints import EVEN, LOW, crossing, joints, proposed, standing
from realign.branches.net import DIFFERENT, PIECE, Branch, Leg, Values, _crossed, cut, valued
from realign.chainage import Section
from realign.corridor import Gap, Laid, Layer, Rules, Site, Ties, Variant, gaps
from realign.corridor.layers import taken
from realign.drowned import Clock
from realign.estimate import Estimate, together
from realign.formation import OPEN
from realign.geometry.alignment import BESIDE_JOINT, Alignment, Plan
from realign.geometry.check import breaches
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import Grades
from realign.network import Link
from realign.opened import Opened
from realign.road import HEADROOM, Rulebook
from realign.spread import here
from realign.trunks import designed

SETTINGS = Branching(tie_in_m=1200, near_m=150, reach_m=1000, far_m=1200, band_m=400)


# geometry of pieces


def winding(turns: list[float], grades: list[float]) -> Alignment:
    """Lay tangents of 400 m with a curve at each end but the first, and PVIs every 150 m."""
    elements, at = [Element(Pose(0.0, 0.0, 0.0), 400.0)], 0.0
    for turn in turns:
        for length, k0, k1 in (
            (50.0, 0.0, turn),
            (60.0, turn, turn),
            (50.0, turn, 0.0),
            (400.0, 0.0, 0.0),
        ):
            elements.append(Element(elements[-1].end, length, k0, k1))
    plan = Plan(tuple(elements))
    count = int(plan.length / 150)
    s = np.append(150.0 * np.arange(count), plan.length)
    slope = np.resize(np.array(grades), s.size - 1)
    level = 900.0 + np.concatenate(([0.0], np.cumsum(slope * np.diff(s))))
    curve = np.concatenate(([0.0], 18 * 100 * np.abs(np.diff(slope)), [0.0]))
    return Alignment(plan, Grades(s, level, curve + at))


class Under:
    """Ground that is the level road of `winding` at its start, wherever it is asked."""

    cell = 30.0

    def sample(self, x: Any, _: Any) -> Any:
        """Levels of the ground [m]."""
        return np.full(np.shape(x), 900.0)


ON_ROAD = Under()


def bare(road: Alignment, name: str = "gap / road") -> Any:
    """Make a link that is on the ground everywhere, with nothing but its geometry."""
    s = road.plan.stations(20.0)
    level = road.grades.at(s)
    return SimpleNamespace(
        name=name,
        variant=name.rsplit(maxsplit=1)[-1],
        alignment=road,
        length=road.length,
        hairpins=(),
        station=s,
        level=level,
        ground=level,
        form=np.zeros(s.size - 1, np.int8),
        inventory=None,
        terrain=ON_ROAD,
    )


bends = st.lists(st.sampled_from([-1 / 150, 1 / 150, 1 / 400]), min_size=1, max_size=4)
slopes = st.lists(st.floats(-0.03, 0.03), min_size=2, max_size=7)
roads = st.builds(winding, bends, slopes)
BOOK: Any = SimpleNamespace(standard=STANDARD, others=(), prices=P)


@given(road=roads)
def test_joints_are_pvis_on_tangents_with_room_on_both_sides(road: Alignment) -> None:
    link = bare(road)
    for i in joints(link, BOOK, link.terrain):
        s = road.grades.chainage[i]
        assert abs(road.plan.poses([s - 9.0])[0, 3]) < 1e-12
        assert abs(road.plan.poses([s + 9.0])[0, 3]) < 1e-12
        assert s - road.grades.chainage[i - 1] >= STANDARD.grade_length * (1 - 1e-6)
        assert road.grades.chainage[i + 1] - s >= STANDARD.grade_length * (1 - 1e-6)


@given(road=roads, data=st.data())
def test_no_joint_lies_on_a_structure_on_high_fill_or_in_a_hairpin(
    road: Alignment, data: st.DataObject
) -> None:
    link = bare(road)
    found = joints(link, BOOK, link.terrain)
    if not found.size:
        return
    i = data.draw(st.sampled_from(found.tolist()))
    s = road.grades.chainage[i]
    k = int(np.searchsorted(link.station, s, side="right")) - 1
    for harm in ("form", "high", "hairpin"):
        other = bare(road)
        if harm == "form":
            other.form = np.where(np.arange(link.form.size) == k, 1 - OPEN, OPEN)
        elif harm == "high":
            other.ground = link.ground - np.where(np.arange(link.station.size) == k, LOW + 1, 0.0)
        else:
            other.hairpins = ((s - 1.0, s + 1.0),)
        assert i not in joints(other, BOOK, link.terrain)


@given(road=roads, data=st.data())
def test_pieces_of_one_road_set_end_to_end_are_the_road(
    road: Alignment, data: st.DataObject
) -> None:
    link = bare(road)
    found = joints(link, BOOK, link.terrain)
    cuts = sorted(
        data.draw(st.sets(st.sampled_from(found.tolist()), max_size=3)) if found.size else []
    )
    at = [0.0, *road.grades.chainage[cuts], road.length]
    parts = [(link, Section(a, b)) for a, b in pairwise(at)]
    whole, _ = joined(parts, (STANDARD,))
    s = np.linspace(0.0, road.length, 200)
    assert whole.length == pytest.approx(road.length, abs=1e-6)
    assert whole.plan.poses(s) == pytest.approx(road.plan.poses(s), abs=1e-6)
    tangents = [np.interp(s, g.chainage, g.level) for g in (whole.grades, road.grades)]
    assert tangents[0] == pytest.approx(tangents[1], abs=1e-6)
    told = breaches(road.plan.elements, road.grades, STANDARD)
    assert len(breaches(whole.plan.elements, whole.grades, STANDARD)) == len(told)
    own = road.plan.stations(20.0)
    apart = np.abs(whole.plan.stations(20.0)[:, None] - np.concatenate((own, at))).min(axis=1)
    assert apart.max() < 1e-6
    if not cuts:
        assert whole.plan.elements == road.plan.elements
        assert not whole.plan.pieces


@given(road=roads, change=st.floats(-0.005, 0.005), data=st.data())
def test_a_joint_with_a_change_of_grade_gets_the_parabola_that_the_standard_asks(
    road: Alignment, change: float, data: st.DataObject
) -> None:
    link = bare(road)
    found = joints(link, BOOK, link.terrain)
    if not found.size:
        return
    i = int(data.draw(st.sampled_from(found.tolist())))
    s, z, grade = road.grades.chainage[i], road.grades.level[i], road.grades.grade[i - 1]
    x, y, bearing = road.plan.poses([s])[0, :3]
    branch = Alignment(
        Plan((Element(Pose(float(x), float(y), float(bearing)), 600.0),)),
        Grades(np.array([0.0, 600.0]), z + (grade + change) * np.array([0.0, 600.0]), np.zeros(2)),
    )
    whole, _ = joined(
        [(link, Section(0.0, float(s))), (bare(branch), Section(0.0, 600.0))], (STANDARD,)
    )
    before = [b for b in breaches(road.plan.elements, road.grades, STANDARD) if b.end <= s]
    now = breaches(whole.plan.elements, whole.grades, STANDARD)
    assert {b.rule for b in now} <= {b.rule for b in before}
    ends = [each.end for each in whole.plan.elements]
    for end, after in zip(ends, whole.plan.elements[1:], strict=False):
        assert np.hypot(end.x - after.start.x, end.y - after.start.y) < 1e-6


@given(road=roads, data=st.data())
def test_a_branch_sees_the_pose_and_the_grade_of_the_trunk_at_a_joint(
    road: Alignment, data: st.DataObject
) -> None:
    link = bare(road)
    at = joints(link, BOOK, link.terrain)
    if not at.size:
        return
    i = int(data.draw(st.sampled_from(at.tolist())))
    line = line_of(link)
    only = line.only(line.joint == road.grades.chainage[i])
    site: Any = SimpleNamespace(highway=SimpleNamespace(name="old", crs=None))
    both = crossing(site, only, only)
    for part, stretch, k in ((both.before, both.first, i - 1), (both.after, both.second, i)):
        (s,) = both.along(stretch, stretch.joint)
        assert part.start < s < part.end
        assert both.at(float(s)) == road.grades.chainage[i]
        x, y = both.road.at(s)[0]
        pose = road.plan.poses([road.grades.chainage[i]])[0]
        assert np.hypot(x - pose[0], y - pose[1]) < 1e-6
        assert abs(np.exp(1j * (both.road.bearing(s)[0] - pose[2])) - 1) < 1e-7
        low, high = both.road.level_at([s - EVEN + 5, s + EVEN - 5])
        assert (high - low) / (2 * EVEN - 10) == pytest.approx(road.grades.grade[k], abs=1e-6)


def line_of(link: Any) -> Any:
    """Take a bare link as a line, its prices left out."""
    bill = SimpleNamespace(items={}, form=link.form)
    priced = SimpleNamespace(**vars(link))
    priced.inventory = SimpleNamespace(bill=bill)
    free: Any = SimpleNamespace(standard=STANDARD, others=(), rates={}, prices=P)
    return proposed(priced, free, {"nothing": np.zeros(link.form.size)}, link.terrain)


def test_the_existing_road_is_left_where_it_lies() -> None:
    road = valley().highway
    line = standing(road, np.array([1500.0, 500.0]))
    assert line.joint.tolist() == [500.0, 1500.0]
    assert line.points(np.array([500.0]))[0, :2] == pytest.approx(road.at(500.0)[0])
    part = line.part(Section(400.0, 900.0))
    assert part.joint.tolist() == [500.0]
    assert part.chainage[[0, -1]].tolist() == [400.0, 900.0]
    assert part.nearest(road.at(700.0))[0] == pytest.approx(700.0, abs=20)


# what a search is told of tie-ins, and of what lies about


@given(
    cuts=st.lists(st.integers(1, 99), min_size=2, max_size=8, unique=True).filter(
        lambda cuts: len(cuts) % 2 == 0
    )
)
def test_dry_stretches_and_drowned_ones_make_up_the_gap(cuts: list[int]) -> None:
    ends = [1000.0 * s for s in sorted(cuts)]
    drowned_ = [Section(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True)]
    road = flat(100_000.0)
    (gap,) = gaps([("A", each) for each in drowned_], road, Rules(reuse_m=200_000.0))
    parts = sorted([*drowned_, *gap.dry])
    assert parts[0].start == gap.section.start
    assert parts[-1].end == gap.section.end
    assert all(a.end == b.start for a, b in pairwise(parts))


@given(at=st.sampled_from([840.0, 1200.0, 1560.0]), beyond=st.sampled_from([0.0, 5e6]))
@settings(max_examples=4)
def test_a_search_leaves_and_meets_where_it_is_told_at_that_price(at: float, beyond: float) -> None:
    told = replace(GAP, leave=Ties((at,), (beyond,)), meet=Ties((4500.0, 5100.0), (0.0, 1e9)))
    found = valley_road(valley(), gap=told)
    assert (found.section.start, found.section.end) == (at, 4500.0)
    assert found.price == pytest.approx(found.construction + beyond, rel=0.01)


@given(
    at=st.lists(st.tuples(st.floats(-900, 900), st.floats(-900, 900)), max_size=8),
    half=st.floats(60, 300),
)
def test_layers_about_a_road_cost_it_as_all_of_them(
    at: list[tuple[float, float]], half: float
) -> None:
    rule = {"name": "fields", "file": "f.geojson", "kind": "tracked", "land_by": "use"}
    shapes = tuple(box(x - 30, y - 30, x + 30, y + 30) for x, y in at)
    every = Laid(Layer.model_validate(rule), shapes, tuple(str(i) for i in range(len(at))))
    few = every.about((-half, -half, half, half))
    assert len(few.shapes) == len(few.classes) <= len(every.shapes)
    xy = np.column_stack((np.linspace(-half + 30, half - 30, 9), np.zeros(9)))
    land = np.full(8, 100.0)
    assert taken(xy, land, [few])[0].keys() == taken(xy, land, [every])[0].keys()
    for use, area in taken(xy, land, [every])[0].items():
        assert taken(xy, land, [few])[0][use] == pytest.approx(area)


# where two roads come near each other


@given(
    near=st.lists(st.booleans(), min_size=3, max_size=40),
    step=st.sampled_from([100.0, 2000.0]),
)
def test_roads_meet_between_two_stretches_apart(near: list[bool], step: float) -> None:
    s = step * np.arange(len(near))
    away = np.where(near, 100.0, 900.0)
    for i, j in _meetings(s, away, 400.0):
        assert near[i]
        assert near[j]
        assert not near[i - 1]
        assert not near[j + 1]
        assert i > 0
    if step > 1000:
        runs = "".join("n" if each else "a" for each in near).strip("n")
        assert len(_meetings(s, away, 400.0)) == sum(1 for run in runs.split("a") if run)


# the graph


def plain_leg(name: str, start: str, end: str, road: Any, part: Section, cost: float) -> Leg:
    value = Estimate(cost * 0.8, cost, cost * 1.3)
    values = Values(part.length, 0.0, 0.0, part.length / 10, 0.0, value, value)
    return Leg(name, start, end, road, part, values)


@st.composite
def nets(draw: st.DrawFn) -> Net:
    """Draw some trunks, and branches that lead ahead between joints and tie-ins."""
    trunks = draw(st.integers(1, 3))
    ties = {"0": 0.0, "50": 50_000.0} | {
        f"{s}": 1000.0 * s for s in draw(st.sets(st.integers(10, 40), max_size=2))
    }
    legs, joints_of = [], []
    short = {}
    for k in range(trunks):
        road = SimpleNamespace(name=f"gap / t{k}", breaches=draw(st.sampled_from([(), (), ("x",)])))
        short[road.name] = f"t{k}"
        at = sorted(draw(st.sets(st.integers(1, 49), max_size=4)))
        joints_of.append(at)
        nodes = ["0", *(f"t{k} {s}" for s in at), "50"]
        for (a, b), (n, m) in zip(pairwise([0, *at, 50]), pairwise(nodes), strict=True):
            price = draw(st.integers(1, 20))
            part = Section(1000.0 * a, 1000.0 * b)
            legs.append(plain_leg(f"t{k} {a} to {b}", n, m, road, part, price))
    spots = [(f"t{k} {s}", s) for k, at in enumerate(joints_of) for s in at]
    spots += [(name, s / 1000) for name, s in ties.items()]
    for number in range(draw(st.integers(0, 6))):
        (n, a), (m, b) = draw(st.sampled_from(spots)), draw(st.sampled_from(spots))
        if a >= b or (n in ties and m in ties) or n.split()[0] == m.split()[0]:
            continue
        road = SimpleNamespace(name=f"gap / branch {number}", breaches=())
        part = Section(0.0, 1000.0 * (b - a))
        legs.append(plain_leg(road.name, n, m, road, part, draw(st.integers(1, 20))))
    gap = Gap("gap", Section(1000.0, 49_000.0), None, None)
    return Net(gap, tuple(sorted(legs, key=lambda x: x.name)), ties, {}, {}, {}, short)


def every_way(net: Net) -> set[tuple[str, ...]]:
    """All ways from tie-in to tie-in, by their legs; the slow and obvious way."""
    out = set()

    def on(at: str, legs: tuple[Leg, ...]) -> None:
        for leg in net.legs:
            if leg.start != at:
                continue
            if leg.end in net.ties:
                out.add(tuple(each.name for each in (*legs, leg)))
            else:
                on(leg.end, (*legs, leg))

    for tie in net.ties:
        on(tie, ())
    return out


@given(net=nets())
def test_every_way_is_a_way_and_every_pair_has_its_cheapest(net: Net) -> None:
    possible = every_way(net)
    found = ways(net, most=10_000)
    names = [way.name for way in found]
    assert len(set(names)) == len(names)
    by_legs = [tuple(leg.name for leg in way.legs) for way in found]
    assert set(by_legs) <= possible
    assert len(set(by_legs)) == len(by_legs)
    legs = {leg.name: leg for leg in net.legs}

    def rank(way: tuple[str, ...]) -> tuple[int, float]:
        roads_ = {legs[name].road.name: legs[name].road for name in way}
        flawed = sum(bool(road.breaches) for road in roads_.values())
        return flawed, sum(legs[name].values.cost.base for name in way)

    pairs: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for way in possible:
        pairs.setdefault((legs[way[0]].start, legs[way[-1]].end), []).append(way)
    served: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for way in by_legs:
        served.setdefault((legs[way[0]].start, legs[way[-1]].end), []).append(way)
    assert set(served) == set(pairs)
    for pair, some in served.items():
        flawless_twice = min(rank(way) for way in pairs[pair])
        assert min(rank(way) for way in some) == flawless_twice
        for one in some:
            for other in some:
                if one != other and rank(other) <= rank(one):
                    assert sum(legs[n].part.length for n in one if n not in other) >= DIFFERENT


@given(net=nets(), most=st.integers(1, 6))
def test_fewer_ways_are_the_first_of_all_in_turns(net: Net, most: int) -> None:
    few, every = ways(net, most=most), ways(net, most=10_000)
    assert len(few) == min(most, len(every))
    sections = {way.section for way in every}
    assert len({way.section for way in few}) == min(most, len(sections))


@given(net=nets(), seed=st.integers(0, 100))
def test_the_order_of_legs_does_not_matter(net: Net, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(net.legs))
    other = replace(net, legs=tuple(net.legs[i] for i in sorted(order)))
    one, two = ways(net, most=50), ways(other, most=50)
    assert [(w.name, w.section) for w in one] == [(w.name, w.section) for w in two]


def test_a_way_keeps_a_trunk_for_some_length_between_two_joints() -> None:
    roads_ = [SimpleNamespace(name=f"gap / {n}", breaches=()) for n in ("t0", "on", "off")]
    near = PIECE - 1
    legs = [
        plain_leg("t0 a", "0", "t0 1", roads_[0], Section(0, 5000), 5),
        plain_leg("t0 b", "t0 1", "t0 2", roads_[0], Section(5000, 5000 + near), 1),
        plain_leg("t0 c", "t0 2", "50", roads_[0], Section(5000 + near, 9000), 5),
        plain_leg("on", "10", "t0 1", roads_[1], Section(0, 2000), 1),
        plain_leg("off", "t0 2", "40", roads_[2], Section(0, 2000), 1),
    ]
    ties = {"0": 0.0, "10": 1e4, "40": 4e4, "50": 5e4}
    gap = Gap("gap", Section(1000.0, 49_000.0), None, None)
    net = Net(gap, tuple(legs), ties, {}, {}, {}, {"gap / t0": "t0"})
    found = {tuple(leg.name for leg in way.legs) for way in ways(net, most=99)}
    assert ("on", "t0 b", "off") not in found
    assert found == {
        ("t0 a", "t0 b", "t0 c"),
        ("t0 a", "t0 b", "off"),
        ("on", "t0 b", "t0 c"),
    }


def on_line(name: str, a: tuple[float, ...], b: tuple[float, ...], nodes: tuple[str, str]) -> Leg:
    """Make a leg straight from a point to another, each east, north and level."""
    length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
    s = np.linspace(0.0, length, 50)
    x, y, level = (u + (v - u) * s / length for u, v in zip(a, b, strict=True))
    road = SimpleNamespace(name=f"gap / {name}", station=s, x=x, y=y, level=level, breaches=())
    return plain_leg(name, *nodes, road, Section(0.0, length), 1.0)


@given(apart=st.floats(0, 14), turn=st.floats(0.3, 2.8))
def test_legs_that_cross_without_room_are_told_and_those_that_meet_are_not(
    apart: float, turn: float
) -> None:
    x, y = 400 * np.cos(turn), 400 * np.sin(turn)
    one = on_line("one", (-400.0, 0.0, 900.0), (400.0, 0.0, 900.0), ("a", "b"))
    over = on_line("over", (-x, -y, 900 + apart), (x, y, 900 + apart), ("c", "d"))
    joined_ = on_line("off", (400.0, 0.0, 900.0), (400 + x, y, 900.0), ("b", "e"))
    told = _crossed([one, over, joined_])
    assert told == ({("one", "over")} if apart < HEADROOM else set())


# a whole gap


@dataclass(frozen=True, eq=False)
class Small:
    """The small study with its trunks."""

    site: Site
    gap: Gap
    trunks: tuple[tuple[Link, Variant, Rulebook], ...]
    made: dict[str, Link] = field(default_factory=dict)


@cache
def small() -> Small:
    """Search and design two roads of different standards across the small gap."""
    study = realign.load(small_study.folder() / "study.toml")
    study = study.model_copy(update={"variants": study.variants[:2]})
    opened = Opened(drowned.submerge(study, clock=Clock(None)), drowned.check(study))
    (gap,) = pipeline._gaps(opened.given)
    trunks, _ = designed(here(opened, 2), (gap,), say=lambda _: None)
    return Small(opened.site, gap, trunks)


@cache
def net() -> Net:
    """Join them."""
    case = small()
    return branched(here(case.site), case.gap, case.trunks, settings=SETTINGS)


@cache
def links() -> tuple[Link, ...]:
    """Assemble all candidate links."""
    return tuple(assembled(small().site, net(), way) for way in ways(net(), most=12))


@pytest.mark.slow
def test_legs_of_a_road_add_up_to_it() -> None:
    for link, _, _ in small().trunks:
        legs = [leg for leg in net().legs if leg.road is link]
        assert len(legs) > 1
        total = together(leg.values.cost for leg in legs)
        for name in ("low", "base", "high"):
            assert getattr(total, name) == pytest.approx(getattr(link.cost, name))
        direct = together(leg.values.direct for leg in legs)
        assert direct.base == pytest.approx(link.direct.base)
        for name in ("length", "bridge_length", "tunnel_length", "travel_time"):
            found = sum(getattr(leg.values, name) for leg in legs)
            assert found == pytest.approx(getattr(link, name), abs=1e-6)
        exposed = sum(leg.values.exposed for leg in legs)
        assert exposed / link.length == pytest.approx(link.exposure)
        for use, area in link.uses.items():
            assert sum(leg.values.uses[use] for leg in legs) == pytest.approx(area, abs=1e-6)


@pytest.mark.slow
def test_a_way_of_one_whole_trunk_is_the_trunk() -> None:
    for link, _, _ in small().trunks:
        (found,) = [each for each in links() if each.name == link.name]
        assert found.totals == link.totals
        assert (found.cost, found.direct, found.section) == (link.cost, link.direct, link.section)
        assert found.breaches == link.breaches
        assert found.speeds == link.speeds
        assert found.level.tolist() == link.level.tolist()


@pytest.mark.slow
def test_whole_links_are_continuous_and_break_no_rule_that_their_roads_keep() -> None:
    found = links()
    assert len({link.name for link in found}) == len(found) > 2
    legs = {way.name: way for way in ways(net(), most=12)}
    mixed = 0
    for link in found:
        road = link.alignment
        assert road is not None
        way = legs[link.variant]
        roads_ = {leg.road.name: leg.road for leg in way.legs}
        assert link.breaches == () or any(each.breaches for each in roads_.values())
        for this, after in pairwise(road.plan.elements):
            assert np.hypot(this.end.x - after.start.x, this.end.y - after.start.y) < 1e-4
            assert abs(np.exp(1j * (this.end.bearing - after.start.bearing)) - 1) < 1e-6
            assert this.k1 == pytest.approx(after.k0, abs=1e-9)
        assert link.level == pytest.approx(road.grades.at(link.station))
        assert link.length == pytest.approx(way.values.length, abs=1e-3)
        assert link.inventory is not None
        assert np.abs(link.inventory.earth.residual()).max() < 1.0
        assert (np.diff(link.station) <= 20.0 + BESIDE_JOINT).all()
        # measured as a whole it costs what its legs cost, but for culverts, haul and joints
        assert link.cost.base == pytest.approx(way.values.cost.base, rel=0.03)
        speeds = {net().books[each].standard.speed_kmh for each in roads_}
        mixed += len(speeds) > 1
    assert mixed > 0


@pytest.mark.slow
def test_the_order_of_trunks_does_not_matter() -> None:
    case = small()
    few = SETTINGS.model_copy(update={"most_branches": 2})
    one = branched(here(case.site, 1), case.gap, case.trunks, settings=few)
    two = branched(here(case.site), case.gap, case.trunks[::-1], settings=few)
    assert [leg.name for leg in one.legs] == [leg.name for leg in two.legs]
    assert [leg.values for leg in one.legs] == [leg.values for leg in two.legs]


@pytest.mark.slow
def test_a_branch_that_cannot_be_built_is_told_and_nothing_else_is_lost() -> None:
    case = small()
    (left, bottom), (right, top) = (f(case.site.highway.xy, axis=0) for f in (np.min, np.max))
    no_go = (*case.site.no_go, box(left - 5000, bottom - 5000, right + 5000, top + 5000))
    few = SETTINGS.model_copy(update={"most_branches": 2})
    found = branched(here(replace(case.site, no_go=no_go)), case.gap, case.trunks, settings=few)
    assert len(found.failed) == 2
    assert all("branch" in name and reason for name, reason in found.failed.items())
    assert {leg.road.name for leg in found.legs} == {link.name for link, _, _ in case.trunks}
    assert len(ways(found, most=9)) == 2


@pytest.mark.slow
def test_branches_that_lead_round_are_left_out() -> None:
    case = small()
    one, other = sorted((link for link, _, _ in case.trunks), key=lambda link: link.name)
    made = next(leg.road for leg in net().legs if leg.road not in (one, other))
    round_ = [
        Branch(replace(made, name="there"), ((one.name, 2000.0), (other.name, 1000.0)), 1),
        Branch(replace(made, name="back"), ((other.name, 3000.0), (one.name, 1500.0)), 2),
    ]
    books = dict(net().books) | dict.fromkeys(("there", "back"), case.trunks[0][2])
    found = cut(
        case.gap,
        [one, other],
        round_,
        books=books,
        variants=net().variants,
        layers=(),
        failed={},
    )
    assert list(found.failed) == ["back"]
    graph = nx.DiGraph((leg.start, leg.end) for leg in found.legs)
    assert nx.is_directed_acyclic_graph(graph)


@pytest.mark.slow
def test_values_of_parts_are_those_of_the_whole_however_it_is_cut() -> None:
    link, _, book = small().trunks[0]
    (whole,) = valued(link, book, (), [0.0, link.length])
    parts = valued(link, book, (), [0.0, 123.4, 5000.0, link.length])
    assert together(each.cost for each in parts).high == pytest.approx(whole.cost.high)
    assert whole.cost.low == pytest.approx(link.cost.low)
    assert len(merged([leg for leg in net().legs if leg.road is link])) == 1
