"""Laws of the year: the way there, what is lost, what leads on, and what protection buys."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import small_plan
from small_study import planned

from realign import allweather, chainage, protection, service, yearround
from realign.allweather import Approach
from realign.chainage import Section, total
from realign.estimate import Estimate
from realign.hazard import MONTH_DAYS
from realign.plan import Plan, submerge
from realign.yearround import Built, YearRound, merged

ALL = tuple(range(1, 13))


def year(name: str = small_plan.SHORT) -> YearRound:
    return small_plan.small().years[name]


def built(plan: Plan, name: str) -> Built:
    option = next(each for each in plan.options if each.name == name)
    opens = {link.name: date(2029, 1, 1) for link in option.links}
    return Built(option.links, option.upgraded, opens)


def asked(approaches: list[Approach], **weather: object) -> yearround.YearRound:
    """Judge the best option of the small study with a wider corridor."""
    plan = planned()
    given = submerge(plan.study)
    table = plan.study.all_weather.model_copy(update=weather)
    study = plan.study.model_copy(update={"approaches": tuple(approaches), "all_weather": table})
    given = replace(given, study=study)
    return yearround.yearround(given, plan.region, built(plan, plan.best), plan.choice.judged)


def approach(name: str, start: str, end: str, **more: object) -> Approach:
    values = {
        "name": name,
        "start": start,
        "end": end,
        "length_km": 30.0,
        "highest_m": 1000.0,
        "months_open": ALL,
        "car_kmh": 40.0,
        "truck_kmh": 20.0,
    }
    return Approach.model_validate(values | more)


def test_doing_nothing_cuts_the_road_when_the_water_comes() -> None:
    nothing = planned().years["do-nothing"]
    assert nothing.cut is not None
    assert nothing.cut.first_day == planned().submergence.sections[0].first_date
    assert not np.isfinite(nothing.truck_time)
    assert nothing.highway.closed_days_a_year == pytest.approx(MONTH_DAYS.sum())


def test_every_option_that_builds_keeps_the_road_open_and_the_stretches_make_the_way() -> None:
    plan = planned()
    for option in plan.options[1:]:
        one = plan.years[option.name]
        assert one.cut is None
        assert np.isfinite(one.truck_time)
        length = sum(each.section.length for each in one.stretches)
        assert length == pytest.approx(option.length, rel=1e-6)
        new = [s for s in one.stretches if s.road.name in {k.name for k in option.links}]
        assert len(new) == len(option.links)
        # in series the chances multiply: no detour in this valley
        rates = np.sum([each.road.rates(each.section) for each in one.stretches], axis=0)
        assert one.highway.open_share == pytest.approx(np.exp(-rates))
        assert option.closed_days == pytest.approx(one.highway.closed_days_a_year)


def test_the_wider_corridor_is_as_open_as_highway_and_approaches_together() -> None:
    table = planned().study.existing
    winter = approach("Pass", table.end_name, "Border", months_open=(5, 6, 7, 8))
    one = asked([winter], end="Border", asked=(date(2040, 1, 15), date(2040, 7, 15)))
    open_months = np.isin(np.arange(1, 13), winter.months_open)
    assert one.corridor.open_share == pytest.approx(one.highway.open_share * open_months)
    no, yes = one.passages
    assert no.closed == ("Pass is closed in January",)
    assert yes.passes
    assert yes.way[-1] == "Pass"
    assert not any(
        a.startswith(planned().highway.name) and b.startswith(planned().highway.name)
        for a, b in pairwise(yes.way)
    )


def test_an_approach_to_a_place_that_the_lake_takes_leads_on_to_the_new_road() -> None:
    plan = planned()
    (option,) = (each for each in plan.options if each.name == plan.best)
    link = option.links[0]
    s = (link.section.start + link.section.end) / 2
    given = submerge(plan.study)
    study = plan.study.model_copy(
        update={"approaches": (approach("Side road", "Village", "Market"),)}
    )
    given = replace(given, study=study, places={**plan.places, "Village": s})
    graph = yearround.graph_of(given, plan.region, built(plan, plan.best), plan.choice.judged)
    later = "Side road, to the new road"
    assert graph.has_edge("Village, new road", "Market", later)
    assert graph.edges["Village", "Market", "Side road"]["closes"] == date(2029, 1, 1)
    assert graph.edges["Village, new road", "Market", later]["opens"] == date(2029, 1, 1)
    parts = [edge for _, _, edge in graph.edges(data=True) if edge.get("link") == link.name]
    assert sum(edge["length_m"] for edge in parts) == pytest.approx(2 * link.length)
    before = allweather.can_pass(graph, "Market", graph_end(graph), date(2026, 7, 1))
    after = allweather.can_pass(graph, "Market", graph_end(graph), date(2040, 7, 1))
    assert before.way[0] == "Side road"
    assert after.way[0] == later


def graph_end(graph: nx.MultiDiGraph) -> str:
    nodes = graph.nodes(data="chainage")
    return max((s, name) for name, s in nodes if s is not None)[1]


def test_roads_in_series_put_together_keep_times_and_chances() -> None:
    plan = small_plan.small()
    for one in plan.years.values():
        state = allweather.standing(one.graph, one.day)
        less = merged(state, one.graph, {one.start, one.end})
        assert len(less.edges) <= len(state.edges)
        before, after = (allweather.availability(g, one.start, one.end) for g in (state, less))
        assert after.open_share == pytest.approx(before.open_share)
        assert np.nan_to_num(after.time) == pytest.approx(np.nan_to_num(before.time))
        names = [part for _, _, edge in less.edges(data=True) for part in allweather.parts_of(edge)]
        assert sorted(names) == sorted(edge["name"] for _, _, edge in state.edges(data=True))


def test_protections_avoid_no_more_than_there_is_and_cost_what_they_are_made_of() -> None:
    plan = small_plan.small()
    one = year()
    worths = plan.protections
    kinds = {each.measure.name.split()[0] for each in worths}
    assert {"gallery", "tunnel", "crew"} <= kinds
    closed = one.highway.closed_days_a_year
    for each in worths:
        assert -1e-12 <= each.days_a_year <= closed
        assert (each.measure.open_share <= 1).all()
    crews = [each for each in worths if each.measure.name.startswith("crew")]
    assert all(each.measure.cost == Estimate.exact(0.0) for each in crews)
    weather = plan.study.all_weather
    km = sum(each.section.length for each in one.stretches) / 1000
    yearly = sum(each.measure.yearly.base for each in crews)
    assert yearly == pytest.approx(weather.clearance_usd_per_km_year * km, rel=0.05)
    assert [w.days_per_million for w in worths] == sorted(
        (w.days_per_million for w in worths), reverse=True
    )


def test_a_tunnel_takes_all_that_a_gallery_takes() -> None:
    one = year()
    state = merged(allweather.standing(one.graph, one.day), one.graph, {one.start, one.end})
    found = protection.candidates(one, state, small_plan.small().study.all_weather)
    by_place: dict[str, dict[str, protection.Candidate]] = {}
    for each in found:
        kind, _, place = each.name.partition(" ")
        by_place.setdefault(place, {})[kind] = each
    pairs = [kinds for kinds in by_place.values() if {"gallery", "tunnel"} <= set(kinds)]
    assert pairs
    for kinds in pairs:
        assert (kinds["tunnel"].gain >= kinds["gallery"].gain - 1e-15).all()
        assert kinds["tunnel"].totals["tunnel"] >= kinds["gallery"].totals["gallery"] - 1e-9


def test_the_critical_stretches_are_those_of_the_way() -> None:
    plan = planned()
    one = plan.years[plan.best]
    found = plan.critical["truck"]
    assert found
    for each in found:
        assert each.extra_closed_days == pytest.approx(
            MONTH_DAYS.sum() - one.corridor.closed_days_a_year
        )  # no detour in this valley


def test_what_stands_of_the_highway_is_kept_upgraded_or_replaced_and_nothing_twice() -> None:
    plan = planned()
    for option in plan.options:
        whole = Section(0.0, plan.highway.length)
        replaced = [link.section for link in option.links]
        parts = [*option.kept, *option.upgraded, *replaced]
        assert total(parts) == pytest.approx(whole.length, abs=5.0)
        assert sum(part.length for part in parts) == pytest.approx(whole.length, abs=5.0)


def test_links_without_a_date_never_open() -> None:
    plan = planned()
    option = plan.options[1]
    none = Built(option.links, option.upgraded, {})
    given = submerge(plan.study)
    graph = yearround.graph_of(given, plan.region, none, plan.choice.judged)
    opens = [
        e["opens"] for _, _, k, e in graph.edges(keys=True, data=True) if k == option.links[0].name
    ]
    assert set(opens) == {date.max}


def with_detours(opens: date, some: list[Approach], **more: object) -> YearRound:
    """Judge the best option of the small study where its roads open on a day."""
    plan = planned()
    study = plan.study.model_copy(update={"approaches": tuple(some)})
    given = replace(submerge(plan.study), study=study)
    area = replace(plan.region, cuts=(*plan.region.cuts, *((("detour", s)) for s in round_lake())))
    (option,) = (each for each in plan.options if each.name == plan.best)
    links = option.links if more.pop("links", True) else ()
    dated = Built(links, option.upgraded, {link.name: opens for link in links}, **more)  # type: ignore[arg-type]
    return yearround.yearround(given, area, dated, plan.choice.judged)


def round_lake() -> tuple[float, float]:
    """Chainages before and after all that the lake takes."""
    lost = [each.section for each in planned().submergence.sections]
    return min(s.start for s in lost) - 10.0, max(s.end for s in lost) + 10.0


@pytest.mark.parametrize("cost", [0.0, 5e6])
def test_a_detour_is_needed_where_a_road_opens_after_the_water_and_not_before(cost: float) -> None:
    first = min(each.first_date for each in planned().submergence.sections)
    before, after = (chainage.text(s) for s in round_lake())
    road = approach("Detour", before, after, cost_usd=cost)
    dear = approach("Dear detour", before, after, cost_usd=2 * cost)
    late = date(first.year + 2, 1, 1)
    wanted = ("Detour",) if cost else ()
    assert with_detours(late, [road]).detours == wanted
    # of two that serve the same, the dearer is not needed
    assert with_detours(late, [dear, road]).detours == wanted
    assert with_detours(first, [road]).detours == ()


def test_a_detour_that_is_removed_counts_until_then_and_never_after() -> None:
    first = min(each.first_date for each in planned().submergence.sections)
    late, gone = date(first.year + 2, 1, 1), date(first.year + 4, 1, 1)
    before, after = (chainage.text(s) for s in round_lake())
    road = approach("Detour", before, after, cost_usd=5e6, closes=gone)
    none, some = with_detours(late, []), with_detours(late, [road])
    assert none.cut_days == (late - first).days
    assert some.cuts == ()
    assert some.day > gone
    assert some.highway.open_share == pytest.approx(none.highway.open_share)
    # where nothing is built and the detour stays, the road is cut from the day on which it goes
    nothing = with_detours(late, [road], links=False)
    assert nothing.cut is not None
    assert nothing.cut.first_day == gone
    assert nothing.highway.closed_days_a_year == pytest.approx(MONTH_DAYS.sum())
    refused = with_detours(late, [road], links=False, detours=False)
    assert refused.cut is not None
    assert refused.cut.first_day == first
    assert refused.detours == ()


def test_an_upgrade_counts_from_the_day_on_which_it_opens() -> None:
    plan = planned()
    option = next(each for each in plan.options if each.upgraded)
    opens = date(2032, 1, 1)
    days = (opens - timedelta(days=1), opens)
    given = submerge(plan.study)
    table = plan.study.all_weather.model_copy(update={"asked": days})
    given = replace(given, study=plan.study.model_copy(update={"all_weather": table}))
    links = {link.name: date(2026, 1, 1) for link in option.links}
    slow = service.of_highway(plan.highway, plan.region.standing, plan.region.scene, speed_kmh=15.0)
    area = replace(plan.region, kept=slow)

    def times(**more: object) -> list[float]:
        dated = Built(option.links, option.upgraded, links, **more)  # type: ignore[arg-type]
        found = yearround.yearround(given, area, dated, plan.choice.judged)
        return [each.time for each in found.passages]

    always = times()
    never = times(improved=dict.fromkeys(option.upgraded, date(2090, 1, 1)))
    dated = times(improved=dict.fromkeys(option.upgraded, opens))
    assert always[0] == always[1] < never[0] == never[1]
    assert dated == [never[0], always[1]]


def test_clearing_snow_is_worth_the_months_that_it_opens() -> None:
    end = planned().study.existing.end_name
    road = approach(
        "Pass",
        end,
        "Border",
        months_open=(5, 6, 7, 8),
        months_open_after=ALL,
        after=date(2024, 12, 1),
        closed_days=12.0,
    )
    one = asked([road], end="Border")
    plan = planned()
    worths = protection.protections(
        one,
        plan.study.all_weather,
        rates=plan.rates,
        money=plan.study.money,
        approaches=[road],
    )
    (clear,) = (each for each in worths if each.measure.name == "clearance of snow, Pass")
    open_days = MONTH_DAYS * one.highway.open_share
    gained = np.maximum(road.open_share(road.after) - road.open_share(), 0.0)
    assert clear.days_a_year == pytest.approx(open_days @ gained)
    assert clear.days_a_year > 200
    per_km = plan.study.all_weather.clearance_usd_per_km_year
    assert clear.yearly.base == pytest.approx(per_km * road.length_km)
