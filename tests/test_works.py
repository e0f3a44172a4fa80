"""Laws of works: lots are the whole, nothing is lost or cut, and their costs add up."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import small_plan
import small_study

from realign.chainage import Section, merge, total
from realign.drowned import Drowned
from realign.estimate import Estimate
from realign.hazard import MONTH_DAYS
from realign.network import Link
from realign.phasing import Lot, Opened, activities
from realign.service import Judged
from realign.works import (
    DONE,
    EARTH,
    World,
    announced,
    gained_hours,
    lots_of,
    sensitivity,
    unit_prices,
    works_of,
)

LOTS_KM = (0.7, 2.0, 8.0, 100.0)


@cache
def world(lot_km: float, plan_of: str = "study") -> World:
    """World of the small study, or of the plan made by hand, with lots of a length."""
    plan = small_study.planned() if plan_of == "study" else small_plan.small()
    pace = plan.study.phasing.model_copy(update={"lot_km": lot_km})
    given = Drowned(
        study=plan.study.model_copy(update={"phasing": pace}),
        terrain=plan.terrain,
        highway=plan.highway,
        rivers=plan.rivers,
        no_go=(),
        layers=(),
        places=plan.places,
        reservoirs=plan.reservoirs,
        submergence=plan.submergence,
        hashes={},
    )
    return World(given, plan.region, plan.choice.judged, plan.rates)


def links() -> tuple[Link, ...]:
    return small_study.planned().links


@pytest.mark.parametrize("lot_km", LOTS_KM)
def test_lots_of_a_link_lie_end_to_end_and_add_to_it(lot_km: float) -> None:
    for link in links():
        lots = lots_of(world(lot_km), link)
        assert len(lots) == max(1, round(link.length / lot_km / 1000))
        assert lots[0].section.start == link.section.start
        assert lots[-1].section.end == pytest.approx(link.section.end)
        for before, after in pairwise(lots):
            assert before.section.end == pytest.approx(after.section.start)
        assert len({lot.name for lot in lots}) == len(lots)
        assert {lot.opens_with for lot in lots} == {link.name}
        assert sum(lot.length for lot in lots) == pytest.approx(link.length)
        assert sum(map(sum, (lot.bridges for lot in lots))) == pytest.approx(link.bridge_length)
        assert sum(map(sum, (lot.tunnels for lot in lots))) == pytest.approx(link.tunnel_length)
        assert [len(lot.bridges) + len(lot.tunnels) for lot in lots] == [
            sum(a <= (part.start + part.end) / 2 < b for part in link.structures)
            for a, b in pairwise(limits(lots))
        ]


def limits(lots: list[Lot]) -> list[float]:
    """Chainages along a new road at which its lots begin and end."""
    out = [0.0]
    for lot in lots:
        out.append(out[-1] + lot.length)
    return out


@pytest.mark.parametrize("lot_km", [0.15, *LOTS_KM])
def test_no_structure_is_cut(lot_km: float) -> None:
    assert any(link.structures for link in links())
    for link in links():
        for at in limits(lots_of(world(lot_km), link))[1:-1]:
            assert not any(part.start <= at <= part.end for part in link.structures)


@pytest.mark.parametrize("lot_km", LOTS_KM)
def test_costs_and_quantities_of_lots_are_those_of_the_link(lot_km: float) -> None:
    own = world(lot_km)
    rupees = own.given.study.money.exchange("PKR")
    for link in links():
        lots = lots_of(own, link)
        assert sum(sum(lot.costs.values()) for lot in lots) == pytest.approx(
            link.cost.base * rupees, rel=1e-9
        )
        moved = sum(link.totals.get(item, 0.0) for item in EARTH)
        assert sum(lot.earthworks for lot in lots) == pytest.approx(moved)
        assert sum(lot.walls for lot in lots) == pytest.approx(
            link.totals.get("retaining_wall", 0.0)
        )
        share = link.cost.base / link.direct.base * rupees
        for kind in ("bridges", "tunnel", "pavement", "land"):
            items = [item for item, does in DONE.items() if does == kind]
            paid = sum(
                link.totals.get(item, 0.0) * own.prices[item].price.base * share for item in items
            )
            assert sum(lot.costs.get(kind, 0.0) for lot in lots) == pytest.approx(paid)  # type: ignore[call-overload]


def test_a_lot_with_the_cost_of_structures_has_them() -> None:
    for link in links():
        for lot in lots_of(world(0.7), link):
            assert bool(lot.bridges) == (lot.costs.get("bridges", 0.0) > 0)
            assert bool(lot.tunnels) == (lot.costs.get("tunnel", 0.0) > 0)


def test_a_link_without_a_bill_is_one_lot_of_its_totals() -> None:
    own, link = world(1.0, "plan"), small_plan.small().links[0]
    (lot,) = lots_of(own, link)
    assert (lot.section, lot.length) == (link.section, link.length)
    assert sum(lot.tunnels) == pytest.approx(link.tunnel_length)


@pytest.mark.parametrize("lot_km", LOTS_KM)
def test_upgrades_are_cut_into_lots_that_are_the_whole(lot_km: float) -> None:
    own = world(lot_km)
    for link in links():
        upgraded = announced(own.given, [link])
        works = works_of(own, [link], upgraded)
        lots = [lot for work in works for lot in work.lots if lot.upgraded]
        assert merge(lot.section for lot in lots) == merge(upgraded)
        assert total([lot.section for lot in lots]) == pytest.approx(
            sum(lot.section.length for lot in lots)
        )
        assert all(lot.length == lot.section.length for lot in lots)
        assert sum(work.upgrade_length for work in works) == pytest.approx(total(upgraded))


@pytest.mark.parametrize("lot_km", LOTS_KM)
def test_the_lots_of_a_work_add_to_its_cost_and_its_openings_save(lot_km: float) -> None:
    own = world(lot_km)
    for link in links():
        for work in works_of(own, [link], announced(own.given, [link])):
            lots = sum(sum(lot.costs.values()) for lot in work.lots)
            assert lots == pytest.approx(work.cost.base, rel=1e-9)
            done = activities(work, own.given.study.phasing)
            assert sum(each.cost for each in done) == round(work.cost.base)
            assert set(work.saves) == {lot.opens_with or lot.name for lot in work.lots}
            assert all(saved >= 0 for saved in work.saves.values())


def test_a_work_is_due_when_the_first_water_reaches_what_it_replaces() -> None:
    own, link = world(8.0), links()[0]
    (work,) = works_of(own, [link], ())
    assert work.deadline == min(
        part.first_date
        for part in own.given.submergence.sections
        if part.section.overlaps(link.section)
    )
    (_, dry) = works_of(own, (), [Section(link.section.start - 10, link.section.end + 900)])
    assert dry.deadline is None
    assert dry.keeps_road


def saved(link: Link, closed_h: float, vehicles: float) -> float:
    """Rupees a day that a link saves where a closed day takes some hours of every vehicle."""
    own = world(8.0)
    values = {"closed_h": closed_h, "vehicles_per_day": vehicles}
    traffic = own.given.study.traffic.model_copy(update=values)
    study = own.given.study.model_copy(update={"traffic": traffic})
    (work,) = works_of(replace(own, given=replace(own.given, study=study)), [link], ())
    return work.saves[link.name]


def test_a_new_road_saves_the_time_of_every_vehicle_and_never_less_than_nothing() -> None:
    plan = small_study.planned()
    rupees = plan.study.traffic.hour_usd * plan.study.money.exchange("PKR")
    for link in links():
        judged = plan.choice.judged[link.name]
        old, new = plan.region.kept.service(link.section).car, judged.service(judged.whole).car
        hours = (sum(old) - sum(new)) / 2 / 3600
        assert saved(link, 0.0, 1.0) == pytest.approx(max(hours, 0.0) * rupees)
        assert saved(link, 5.0, 700.0) == pytest.approx(700 * saved(link, 5.0, 1.0))
        dry, rough = (
            (MONTH_DAYS * (1 - np.exp(-r))).sum() / MONTH_DAYS.sum()
            for r in (judged.rates(judged.whole), plan.region.kept.rates(link.section))
        )
        assert saved(link, 1e6, 1.0) == pytest.approx(
            max(hours + 1e6 * (rough - dry), 0.0) * rupees
        )


def test_hours_are_gained_where_the_new_road_is_faster_than_the_old_one() -> None:
    own = world(8.0)
    for link in links():
        lots = tuple(lots_of(own, link))
        judged = own.judged[link.name]
        old, new = own.region.kept.service(link.section).car, judged.service(judged.whole).car
        hours = (sum(old) - sum(new)) / 2 / 3600
        assert gained_hours(own, opened(link.name, lots)) == pytest.approx(hours)
        # a road twice as slow loses what the old one takes
        slow = replace(own, judged={link.name: Slow(judged, sum(old))})
        assert gained_hours(slow, opened(link.name, lots)) == pytest.approx(-sum(old) / 2 / 3600)
    part = Section(links()[0].section.start - 900, links()[0].section.start)
    lot = Lot("upgrade", part, part.length, upgraded=True)
    before, after = own.region.kept.service(part).car, own.region.upgraded.service(part).car
    eased = gained_hours(own, opened("upgrade", (lot,)))
    assert eased == pytest.approx((sum(before) - sum(after)) / 2 / 3600)
    quick = replace(own.region, upgraded=Slow(own.region.kept, sum(before) / 4))
    faster = gained_hours(replace(own, region=quick), opened("upgrade", (lot,)))
    assert faster == pytest.approx(sum(before) / 4 / 3600) != 0
    assert gained_hours(own, opened("nothing", ())) == 0.0


@dataclass(frozen=True)
class Slow:
    """A road on which a car takes some seconds in each direction, all else as on another."""

    like: Judged
    seconds: float

    @property
    def whole(self) -> Section:
        return self.like.whole

    def service(self, part: Section) -> SimpleNamespace:
        assert part.length > 0
        return SimpleNamespace(car=(self.seconds, self.seconds))

    def rates(self, part: Section) -> np.ndarray:
        return self.like.rates(part)


def opened(name: str, lots: tuple[Lot, ...]) -> Opened:
    return Opened(name, "work", lots, date(2030, 1, 1), None, None)


def test_a_road_is_lost_on_the_day_of_its_first_water() -> None:
    own, link = world(8.0), links()[0]
    section = link.section
    days = (date(2032, 7, 1), date(2030, 7, 1), date(2031, 7, 1), date(2020, 1, 1))
    places = [
        Section(section.start, section.middle),
        Section(section.middle, section.end),
        Section(section.start, section.end),
        Section(section.end + 10, section.end + 20),  # beside it
    ]
    parts = [
        replace(own.given.submergence.sections[0], section=place, first_date=day)
        for place, day in zip(places, days, strict=True)
    ]
    wet = replace(own.given.submergence, sections=tuple(parts))
    (work,) = works_of(replace(own, given=replace(own.given, submergence=wet)), [link], ())
    assert work.waters == {link.name: date(2030, 7, 1)}
    assert work.deadline == date(2030, 7, 1)


@pytest.mark.parametrize("height", [-20.0, -6.0, 6.0, 20.0])
def test_lots_grow_with_the_ground_as_their_cuts_and_fills_do(height: float) -> None:
    """By finite differences: the area of a cut or fill of height h goes with |h|^1.5."""
    own = world(100.0)
    station = np.array([0.0, 100.0, 200.0, 300.0])
    item = "rock_excavation" if height < 0 else "fill"

    def items(ground: float) -> dict[str, np.ndarray]:
        moved = np.array([30.0, 20.0, 0.0]) * abs(height - ground) ** 1.5
        return {item: moved, "bridge": np.array([0.0, 0.0, 40.0])}

    def cost(ground: float) -> float:
        return float(
            sum(v.sum() * own.prices[name].price.base for name, v in items(ground).items())
        )

    bill = SimpleNamespace(
        station=station, level=np.full(4, height), ground=np.zeros(4), items=items(0.0)
    )
    road = replace(
        links()[0],
        inventory=SimpleNamespace(bill=bill),
        length=300.0,
        station=station,
        structures=(),
    )
    (part,) = sensitivity(own, road).values()
    step = 1e-4
    slope = (cost(step) - cost(-step)) / (2 * step) / cost(0.0)
    assert part == pytest.approx(slope, rel=1e-6)
    assert (part > 0) == (height < 0)


def test_the_spread_of_prices_weighs_items_by_their_quantities() -> None:
    # 3 m3 of fill at 8, 10, 12 and 1 m3 of rock at 20, 40, 70; 2 m of tunnel at 5, 6, 8
    own, link = world(8.0), links()[0]
    prices = {
        "fill": Estimate(8, 10, 12),
        "rock_excavation": Estimate(20, 40, 70),
        "tunnel": Estimate(5, 6, 8),
        "land": Estimate(1, 1, 1),
        "pavement": Estimate(3, 4, 5),
    }
    rates = {name: SimpleNamespace(price=price) for name, price in prices.items()}
    road = replace(
        link, totals={"fill": 2.0, "rock_excavation": 1.0, "tunnel": 2.0, "pavement": 0.0}
    )
    more = replace(link, totals={"fill": 1.0})
    (work,) = works_of(own, [link], ())
    upgrade = replace(work, upgrade={"pavement": 2.0, "land": 5.0})
    found = unit_prices(replace(own, prices=rates), [upgrade], [road, more])
    below, above = np.hypot(3 * 2, 20), np.hypot(3 * 2, 30)
    assert set(found) == {"earthworks", "tunnel", "upgrade", "land"}
    wanted = {
        "earthworks": (70 - below, 70, 70 + above),
        "tunnel": (10, 12, 16),
        "upgrade": (6, 8, 10),
        "land": (5, 5, 5),
    }
    for kind, each in found.items():
        assert (each.low, each.base, each.high) == pytest.approx(wanted[kind])
