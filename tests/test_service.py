"""Laws of what roads give: sums along a road, upgrades, galleries, both directions."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import small_plan
from hypothesis import given
from hypothesis import strategies as st

from realign import hazard, travel
from realign.chainage import Section
from realign.errors import GeometryError
from realign.hazard import MONTH_DAYS
from realign.network import Link
from realign.service import Judged, course_of, in_series, of_highway, of_link


def kept() -> Judged:
    return small_plan.small().region.kept


def link() -> Link:
    return small_plan.small().links[0]


@given(cuts=st.lists(st.floats(1.0, 5700.0), min_size=1, max_size=5, unique=True))
def test_stretches_of_a_road_give_what_the_road_gives(cuts: list[float]) -> None:
    road = kept()
    ends = [road.whole.start, *sorted(cuts), road.whole.end]
    parts = [Section(a, b) for a, b in pairwise(ends) if b > a]
    whole, sums = road.service(road.whole), in_series([road.service(part) for part in parts])
    assert sums.open_share == pytest.approx(whole.open_share)
    assert sums.car == pytest.approx(whole.car)
    assert sums.truck == pytest.approx(whole.truck)
    closures = np.sum([road.closures_a_year(part) for part in parts], axis=0)
    assert closures == pytest.approx(road.closures_a_year(road.whole))
    steepest = max(road.steepest(part) for part in parts)
    assert steepest == road.steepest(road.whole)


def test_a_whole_road_is_as_open_and_as_fast_as_it_is_by_itself() -> None:
    road, region = kept(), small_plan.small().region
    given = road.service(road.whole)
    assert given.open_share == pytest.approx(hazard.open_by_month(road.along, region.scene.rules))
    course = course_of(region.standing, speed_kmh=40.0)
    assert given.car == pytest.approx(travel.travel_time(course, travel.CAR))
    assert given.truck == pytest.approx(travel.travel_time(course, travel.TRUCK))


def test_the_recorded_closures_of_the_road_come_out_of_it() -> None:
    region = small_plan.small().region
    closures = kept().closures_a_year(kept().whole)
    assert closures == pytest.approx(np.array(region.calibration.after), abs=1e-9)


def test_an_upgrade_is_never_slower_and_closes_as_often() -> None:
    region = small_plan.small().region
    before, after = region.kept, region.upgraded
    assert after.service(after.whole).truck <= before.service(before.whole).truck
    assert after.rates(after.whole) == pytest.approx(before.rates(before.whole))
    assert after.steepest(after.whole) <= region.standard.grade + 1e-12


def test_a_gallery_over_a_road_keeps_it_open_more() -> None:
    region, road = small_plan.small().region, link()
    bare = of_link(road, region.scene)
    covered = replace(
        road,
        inventory=_covered(road, Section(0.0, road.length)),
    )
    under = of_link(covered, region.scene)
    assert (under.rates(under.whole) <= bare.rates(bare.whole)).all()
    assert under.rates(under.whole).sum() < bare.rates(bare.whole).sum()


def _covered(road: Link, part: Section) -> object:
    """Stand in for an inventory of which only the galleries are asked."""

    class Galleries:
        galleries = (part,)

    assert road.length > 0
    return Galleries()


def test_a_stretch_beyond_the_road_is_refused() -> None:
    with pytest.raises(GeometryError, match="got the stretch"):
        kept().rates(Section(0.0, 7000.0))


def test_a_link_without_an_alignment_is_refused() -> None:
    with pytest.raises(GeometryError, match="found no alignment"):
        of_link(replace(link(), alignment=None), small_plan.small().region.scene)


def test_closures_all_year_round_are_those_of_all_months() -> None:
    road = kept()
    days = road._sum(road.edge, road.days, road.whole).sum()
    assert (road.rates(road.whole) * MONTH_DAYS).sum() == pytest.approx(days)


def test_faster_roads_take_less_time() -> None:
    region, road = small_plan.small().region, small_plan.small().highway
    slow, fast = (
        of_highway(road, region.standing, region.scene, speed_kmh=speed) for speed in (30.0, 60.0)
    )
    for way in (0, 1):
        assert fast.service(fast.whole).car[way] < slow.service(slow.whole).car[way]
