"""Laws of whole answers: candidates, the network of ways, the shortlist, names, the decision."""

from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from small_study import planned

from realign import branches, candidates, choice, cost, options
from realign import network as network_of_roads
from realign.chainage import Section, subtract, total
from realign.drowned import Drowned
from realign.estimate import Estimate
from realign.hazard import MONTH_DAYS
from realign.opened import Opened, base_of
from realign.options import OBJECTIVES
from realign.plan import submerge
from realign.spread import Memory, here
from realign.store import Store, digest


def given() -> Drowned:
    return submerge(planned().study)


def network(upgradable: list[Section] | None = None) -> candidates.Choices:
    plan = planned()
    some = candidates.stretches(given()) if upgradable is None else upgradable
    return candidates.choices(
        given(), plan.region, plan.choice.candidates, plan.rates, upgradable=some
    )


# ---------------------------------------------------------------- candidates


def test_every_pair_of_tie_ins_that_a_way_joins_has_a_candidate() -> None:
    for net in {id(each.net): each.net for each in planned().choice.candidates}.values():
        graph = nx.DiGraph((leg.start, leg.end) for leg in net.legs)
        pairs = {
            (net.ties[a], net.ties[b])
            for a in net.ties
            for b in net.ties
            if net.ties[a] < net.ties[b] and _joined(graph, a, b, set(net.ties))
        }
        mine = [each.way.section for each in planned().choice.candidates if each.net is net]
        assert {(each.start, each.end) for each in mine} == pairs
        assert len(pairs) > 1  # more than one link a gap


def _joined(graph: nx.DiGraph, a: str, b: str, ties: set[str]) -> bool:
    """Whether new road alone leads from one tie-in to another."""
    inner = graph.subgraph(set(graph) - (ties - {a, b}))
    return a in inner and b in inner and nx.has_path(inner, a, b)


def test_a_candidate_is_worth_the_sum_of_its_legs() -> None:
    plan = planned()
    for each in plan.choice.candidates:
        legs = each.way.legs
        assert each.length == pytest.approx(sum(leg.part.length for leg in legs))
        assert each.cost.base == pytest.approx(sum(leg.values.cost.base for leg in legs))
        assert each.closed_days == pytest.approx((MONTH_DAYS * (1 - np.exp(-each.rates))).sum())
        assert each.service.open_share == pytest.approx(np.exp(-each.rates))
        assert each.opens > plan.study.phasing.start


def test_a_candidate_put_together_is_the_road_that_was_scored() -> None:
    """What the search adds up and what is built differ by joints only."""
    plan = planned()
    links = {link.name: link for link in plan.links}
    seen = 0
    for each in plan.choice.candidates:
        if each.name not in links:
            continue
        link, seen = links[each.name], seen + 1
        assert link.length == pytest.approx(each.length, rel=1e-3)
        assert link.cost.base == pytest.approx(each.cost.base, rel=0.03)
        own = plan.choice.judged[link.name]
        assert own.rates(own.whole) == pytest.approx(each.rates, rel=0.1, abs=1e-4)
        truck = sum(own.service(own.whole).truck) / 2
        assert truck == pytest.approx(each.truck_time, rel=0.05)
    assert seen


def test_the_greatest_number_of_candidates_is_kept() -> None:
    plan = planned()
    nets = tuple({id(e.net): e.net for e in plan.choice.candidates}.values())
    base = given()
    roads = candidates.judged_roads(nets, plan.region)
    for most in (1, 3, 200):
        table = plan.study.branches.model_copy(update={"most_links": most})
        study = plan.study.model_copy(update={"branches": table})
        found = candidates.candidates(replace(base, study=study), nets, roads)
        assert len(found) <= most
        assert len({each.name for each in found}) == len(found)


# ---------------------------------------------------------------- the network


def test_the_cost_of_a_way_is_that_of_its_links_and_upgrades() -> None:
    plan, net = planned(), network()
    ways = options.every(net.legs, net.start, net.end)
    scores = candidates.ordered(ways.scores)
    for i in range(0, len(scores), max(len(scores) // 20, 1)):
        names = ways.names(i)
        links = [net.links[n] for n in names if n in net.links]
        upgraded = candidates.upgraded_of(names, net)
        parts = [net.upgrades[n] for n in names if n in net.upgrades]
        paid = [(each.cost.base, *candidates._days(given(), each.section)) for each in links]
        paid += [
            (choice_price(plan.region.totals(part)), *candidates._days(given(), part))
            for part in parts
        ]
        start, rate = plan.study.phasing.start, plan.study.phasing.discount_pct / 100
        priced = sum(
            amount * cost.present_share(first, last, base=start, discount=rate)
            for amount, first, last in paid
        )
        assert scores[i, 0] == pytest.approx(priced, rel=1e-6)
        assert priced < sum(amount for amount, _, _ in paid)
        kept = [net.kept[n] for n in names if n in net.kept]
        whole = Section(0.0, plan.highway.length)
        left = subtract([whole], [*kept, *upgraded, *(each.way.section for each in links)])
        assert total(left) < 5.0
        length = sum(e.length for e in links) + total(kept) + total(upgraded)
        assert scores[i, 1] == pytest.approx(length, rel=1e-6)


def choice_price(totals: dict[str, float]) -> float:
    return cost.price(totals, planned().rates, planned().study.money).total.base


def test_the_front_knows_the_present_cost_of_an_option_within_a_few_percent() -> None:
    plan = planned()
    scores = candidates.ordered(plan.choice.front.ways.scores)
    assert plan.choice.rows
    for option in plan.options:
        row = plan.choice.rows.get(option.name)
        if row is not None:
            assert scores[row, 0] == pytest.approx(option.present_cost, rel=0.1)


def test_no_way_leads_through_the_water() -> None:
    net = network()
    lost = [part.section for part in planned().submergence.sections]
    for section in (*net.kept.values(), *net.upgrades.values()):
        wet = sum(
            min(section.end, s.end) - max(section.start, s.start)
            for s in lost
            if s.overlaps(section)
        )
        assert wet <= 2.0


def test_a_stretch_is_upgraded_as_a_whole_or_not_at_all() -> None:
    net = network()
    ways = options.every(net.legs, net.start, net.end)
    some = candidates.stretches(given())
    for i in range(len(ways.scores)):
        names = ways.names(i)
        upgraded = [net.upgrades[n] for n in names if n in net.upgrades]
        kept = [net.kept[n] for n in names if n in net.kept]
        for stretch in some:
            inside = [
                s for s in upgraded if stretch.start - 5 <= s.start and s.end <= stretch.end + 5
            ]
            plain = [s for s in kept if stretch.start + 5 <= s.start and s.end <= stretch.end - 5]
            links = [net.links[n].way.section for n in names if n in net.links]
            if inside and not any(s.overlaps(stretch) for s in links):
                assert not plain


def test_fewer_choices_never_give_a_better_answer() -> None:
    net, none = network(), network([])
    every = options.every(net.legs, net.start, net.end).scores
    fewer = options.every(none.legs, none.start, none.end).scores
    assert len(fewer) < len(every)
    assert (every.min(axis=0) <= fewer.min(axis=0) * (1 + 1e-9)).all()


def test_the_order_of_candidates_is_irrelevant() -> None:
    plan, one = planned(), network()
    other = candidates.choices(
        given(),
        plan.region,
        plan.choice.candidates[::-1],
        plan.rates,
        upgradable=candidates.stretches(given())[::-1],
    )
    fronts = [options.best(net.legs, net.start, net.end) for net in (one, other)]
    assert np.array_equal(fronts[0].ways.scores, fronts[1].ways.scores)
    assert fronts[0].exact
    names = [[front.ways.names(i) for i in range(len(front.ways.scores))] for front in fronts]
    assert names[0] == names[1]


def test_dry_stretches_are_replaced_only_where_the_study_says_so() -> None:
    base = given()
    assert candidates.replaceable(base) == ()
    table = base.study.options.model_copy(update={"replace_m": 2000.0, "stretch_m": 2000.0})
    asked = replace(base, study=base.study.model_copy(update={"options": table}))
    gaps = candidates.replaceable(asked)
    assert gaps
    for gap in gaps:
        assert gap.before is not None
        assert gap.after is not None
        assert gap.before.end == gap.section.start < gap.section.end == gap.after.start
        lost = [part.section for part in base.submergence.sections]
        assert not any(part.overlaps(gap.section) for part in lost)


# ---------------------------------------------------------------- the choice


def test_the_shortlist_is_on_the_front_and_no_option_is_twice() -> None:
    plan = planned()
    found = plan.choice
    assert found.front.exact
    assert set(found.rows.values()) <= set(found.shortlisted)
    built = [(tuple(k.name for k in o.links), o.upgraded) for o in plan.options]
    assert len(set(built)) == len(built)
    for name, row in found.rows.items():
        option = next(each for each in plan.options if each.name == name)
        links = {link.name for link in option.links}
        assert links == {n for n in found.front.ways.names(row) if n in links}


def test_the_decision_weighs_what_the_table_of_options_says() -> None:
    plan = planned()
    table = plan.decision.table
    assert table.options == tuple(option.name for option in plan.options)
    for row, option in zip(table.scores, plan.options, strict=True):
        if np.isfinite(option.truck_time):
            assert row.tolist() == pytest.approx(list(options.objectives(option)))
        else:
            assert np.isinf(row).all()
    assert table.winner != "do-nothing"
    assert {each.objective.name for each in plan.decision.stable} == {o.name for o in OBJECTIVES}


def test_another_weight_may_change_the_winner_but_never_to_a_beaten_option() -> None:
    plan, base = planned(), given()
    for objective in OBJECTIVES:
        table = base.study.options.model_copy(update={"weights": {objective.name: 1.0}})
        study = base.study.model_copy(update={"options": table})
        found = choice.decided(replace(base, study=study), plan.options, plan.years).table
        place = [o.name for o in OBJECTIVES].index(objective.name)
        least = min(row[place] for row in found.scores if np.isfinite(row).all())
        winner = found.options.index(found.winner)
        assert found.scores[winner, place] == least
        assert found.unbeaten[winner]


def test_options_are_called_by_their_bank_and_crossings() -> None:
    plan, base = planned(), given()
    by_variant = {link.variant: link for link in plan.links}
    like = plan.options[1]
    some = [replace(like, links=(by_variant[name],)) for name in ("short", "other-bank")]
    one, other = choice.named(base, some)
    assert one != other
    assert any(word in other for word in ("bank", "crossing"))
    assert choice._slugs(("a, b", "a b", "do nothing")) == ["a-b", "a-b-2", "do-nothing-2"]


def test_an_option_that_leaves_the_road_cut_loses_whatever_the_weights() -> None:
    plan, base = planned(), given()
    cheap = replace(plan.options[0], name="cut", cost=Estimate.exact(0.0))
    years = {**plan.years, "cut": plan.years["do-nothing"]}
    found = choice.decided(base, (*plan.options, cheap), years)
    assert np.isinf(found.table.totals[[0, -1]]).all()
    assert all(w.everywhere == 0 for w in found.wins if w.option in {"cut", "do-nothing"})


def test_an_option_that_cuts_the_road_while_it_is_built_loses_to_one_that_does_not() -> None:
    plan, base = planned(), given()
    winner = plan.years[plan.best]
    cut = replace(winner, cuts=plan.years["do-nothing"].cuts)
    later = {**plan.years, plan.best: cut}
    found = choice.decided(base, plan.options, later)
    assert found.table.winner != plan.best
    assert np.isinf(found.table.totals[[o.name == plan.best for o in plan.options]]).all()
    # where all of them cut it, they are weighed by what they come to
    every = {name: replace(year, cuts=cut.cuts) for name, year in plan.years.items()}
    assert choice.decided(base, plan.options, every).table.winner == plan.best


def test_links_of_the_shortlist_keep_the_standard_where_their_roads_do() -> None:
    for each in planned().choice.candidates:
        link = next((k for k in planned().links if k.name == each.name), None)
        if link is not None and not each.flawed:
            assert link.breaches == ()


def test_a_link_is_put_together_of_what_its_way_leads_through_only(tmp_path: Path) -> None:
    """And found again by that, whatever else is in its net."""
    plan = planned()
    opened = Opened(given(), plan.rates)
    work = replace(here(opened), memory=Memory(Store(tmp_path), base_of(opened.given)))
    every = {e.name: e for e in plan.choice.candidates if not candidates.whole_road(e.way)}
    assert len(every) > 2
    made = choice._assembled(work, every)
    for name, each in every.items():
        link = branches.assembled(opened.site, each.net, each.way)
        assert digest(replace(made[name], builder=link.builder)) == digest(link)
    kept = set(tmp_path.rglob("*.zip"))
    assert len(kept) == len(every)
    other = {name: replace(e, net=replace(e.net, failed={"x": "y"})) for name, e in every.items()}
    again = choice._assembled(work, other)
    assert {k: digest(v) for k, v in again.items()} == {k: digest(v) for k, v in made.items()}
    assert set(tmp_path.rglob("*.zip")) == kept
    # another rule of a road that it leads through is another link
    name, each = next(iter(every.items()))
    slower = {
        k: replace(book, slow_value=book.slow_value + 1) for k, book in each.net.books.items()
    }
    choice._assembled(work, {name: replace(each, net=replace(each.net, books=slower))})
    assert len(set(tmp_path.rglob("*.zip"))) == len(kept) + 1


def test_a_way_of_one_trunk_is_that_trunk() -> None:
    plan = planned()
    whole = [each for each in plan.choice.candidates if candidates.whole_road(each.way)]
    trunks = {link.name for link in plan.links if link.searched is not None}
    assert {each.way.legs[0].road.name for each in whole} >= trunks
    assert callable(branches.assembled)


def parallel(seed: int, nodes: int = 7, each: int = 3) -> candidates.Choices:
    """Several legs from each node to the next, with amounts of every kind drawn."""
    rng = np.random.default_rng(seed)
    legs = [
        options.Leg(
            f"{node} {k}",
            str(node),
            str(node + 1),
            rng.uniform(1.0, 9.0, len(candidates.AMOUNTS)),
            rng.uniform(0.0, 0.1, 1),
            rng.uniform(0.0, 0.01, 12),
        )
        for node in range(nodes)
        for k in range(each)
    ]
    return candidates.Choices(tuple(legs), "0", str(nodes), {}, {}, {})


@pytest.mark.parametrize("seed", range(5))
def test_where_ways_are_too_many_the_cheapest_that_differ_join_the_front(seed: int) -> None:
    net, some = parallel(seed), planned().study.options
    weights = {each.name: float(seed == k) + 0.1 for k, each in enumerate(OBJECTIVES)}
    labels = options.best(net.legs, net.start, net.end, most=0, width=12)
    assert not labels.exact
    more = choice._with_different(labels, net, some, weights)
    wide = len(candidates.AMOUNTS)
    span = np.ptp(labels.ways.scores[:, :wide], axis=0)
    price = np.array([weights[name] for name in candidates.AMOUNTS]) / span
    every = options.every(net.legs, net.start, net.end).scores[:, :wide] @ price
    found = more.ways.scores[:, :wide] @ price
    assert found.min() == pytest.approx(every.min(), rel=1e-9)
    added = set(map(tuple, more.ways.scores)) - set(map(tuple, labels.ways.scores))
    assert added
    assert options.front(more.ways.scores).all()


def test_the_network_of_a_plan_holds_every_candidate_with_what_it_gives() -> None:
    plan = planned()
    held = {key: edge for _, _, key, edge in plan.graph.edges(keys=True, data=True)}
    for each in plan.choice.candidates:
        edge = held[each.name]
        assert edge["length_m"] == pytest.approx(each.length, rel=1e-3)
        assert edge["cost_usd"] == pytest.approx(each.cost.base, rel=0.01)
        assert edge["cost_low_usd"] < edge["cost_usd"] < edge["cost_high_usd"]
        assert edge["truck_time_s"] > edge["time_s"] > 0
        assert edge["open"].shape == (12,)
        assert edge["section"] == each.section
        assert edge["opens"] is not None
        assert edge["proposed"].name == each.name
    best = next(each for each in plan.options if each.name == plan.best)
    day = max(plan.links_open.values())
    order = sorted((s, name) for name, s in plan.graph.nodes(data="chainage") if s is not None)
    names = [link.name for link in best.links]
    assert network_of_roads.connected(plan.graph, day, order[0][1], order[-1][1], links=names)
