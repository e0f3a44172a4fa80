import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_plan
import small_study
from small_study import planned

import realign
from realign import network, programme, road, validation, yearround
from realign import plan as planning
from realign.allweather import Approach
from realign.chainage import Section, total
from realign.drowned import PLACE_M, Drowned
from realign.errors import InputError, NoRouteError, RealignError, StudyError
from realign.opened import LATER, base_of
from realign.phasing import Alternative
from realign.plan import Plan
from realign.programme import Programme
from realign.spread import Memory
from realign.store import Store, digest
from realign.study import Replay, Study
from realign.yearround import Built

GOLDEN = Path(__file__).parent / "golden" / "small.json"


def asked() -> Study:
    return realign.load(small_study.folder() / "study.toml")


def changed(study: Study, table: str, **values: object) -> Study:
    """Return the same study with other values in one table."""
    other = getattr(study, table).model_copy(update=values)
    return study.model_copy(update={table: other})


def numbers(plan: Plan) -> dict[str, object]:
    """Lengths, volumes, costs and dates of a plan."""
    return {
        "lakes": {
            lake.dam.name: {
                "area_m2": lake.full.area,
                "volume_m3": lake.full.volume,
                "live_m3": lake.live_volume,
                "river_m": lake.river_length,
            }
            for lake in plan.reservoirs
        },
        "submerged": [
            {
                "from_m": part.section.start,
                "to_m": part.section.end,
                "flooded_m": part.flooded_length,
                "expected_m": part.expected_length,
                "lowest_freeboard_m": part.lowest_freeboard,
                "first_date": part.first_date.isoformat(),
            }
            for part in plan.submergence.sections
        ],
        "links": {
            link.name: {
                "from_m": link.section.start,
                "to_m": link.section.end,
                "length_m": link.length,
                "bridge_m": link.bridge_length,
                "tunnel_m": link.tunnel_length,
                "steepest": link.steepest,
                "exposure": link.exposure,
                "direct_usd": link.direct.base,
                "cost_usd": [link.cost.low, link.cost.base, link.cost.high],
                "totals": link.totals,
            }
            for link in plan.links
        },
        "options": {
            option.name: {
                "length_m": option.length,
                "new_m": option.new_length,
                "upgrade_m": option.upgrade_length,
                "cost_usd": option.cost.base,
                "flooded_left_m": option.flooded_left,
                "exposure": option.exposure,
                "pareto": option.pareto,
            }
            for option in plan.options
        },
        "phases": {
            name: [
                {
                    "work": phase.work.name,
                    "start": phase.start.isoformat(),
                    "opens": phase.opens.isoformat(),
                    "deadline": phase.deadline.isoformat() if phase.deadline else None,
                    "cost_pkr": phase.cost_pkr,
                    "shares_pkr": dict(split.amounts),
                }
                for phase, split in zip(each.schedule.phases, each.splits, strict=True)
            ]
            for name, each in plan.programmes.items()
        },
        "checks": {check.published.quantity: check.modelled for check in plan.checks},
    }


def flat(value: object, path: str = "") -> dict[str, object]:
    """Leaves of nested mappings and lists by their path."""
    if isinstance(value, Mapping):
        items = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list | tuple):
        items = [(str(i), each) for i, each in enumerate(value)]
    else:
        return {path: value}
    return {k: v for key, each in items for k, v in flat(each, f"{path}/{key}").items()}


# ---------------------------------------------------------------- the whole


def test_the_small_study_gives_the_golden_numbers() -> None:
    found = numbers(planned())
    if small_study.REGENERATE:
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        pytest.skip("rewritten: read the numbers by eye")
    wanted, leaves = flat(json.loads(GOLDEN.read_text("utf-8"))), flat(found)
    assert set(leaves) == set(wanted)
    figures = {key for key, value in wanted.items() if isinstance(value, int | float)}
    assert {k: leaves[k] for k in set(wanted) - figures} == {
        k: wanted[k] for k in set(wanted) - figures
    }
    assert {k: leaves[k] for k in figures} == pytest.approx(
        {k: wanted[k] for k in figures}, rel=1e-6, abs=1e-9
    )


@pytest.mark.slow
def test_one_worker_and_two_give_equal_numbers() -> None:
    """And so does the same study run twice."""
    assert numbers(realign.run(asked(), workers=1)) == numbers(planned())
    assert numbers(realign.run(asked(), workers=2)) == numbers(planned())


@pytest.mark.slow
def test_roads_of_a_former_run_are_found_again_and_give_equal_numbers(tmp_path: Path) -> None:
    study = asked()
    told: list[str] = []
    once = realign.run(study, store=Store(tmp_path / "store"))
    twice = realign.run(
        study, store=Store(tmp_path / "store"), tell=lambda _, detail: told.append(detail)
    )
    assert numbers(once) == numbers(twice) == numbers(planned())
    assert "found again" in told
    assert not any("states" in each for each in told)
    # what is spent when changes no road
    again: list[str] = []
    later = changed(study, "phasing", discount_pct=3.0)
    realign.run(later, store=Store(tmp_path / "store"), tell=lambda _, d: again.append(d))
    assert "found again" in again


SPARE: dict[str, dict[str, Any]] = {  # settings on which nothing depends that is kept
    "finance": {"announced_pkr": 3.0e10},
    "risk": {"sources": {"exchange": "assumption: another reason"}},
    "phasing": {"sources": {"discount_pct": "assumption: another reason"}},
    "replay": {"tunnel_km": 3.0},
    "options": {"weights": {"length": 1.0}},
}
TELLING: dict[str, dict[str, Any]] = {  # settings on which some of it depends, but no road
    "phasing": {"discount_pct": 3.0},
    "traffic": {"vehicles_per_day": 123.0},
    "risk": {"seed": 2},
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Run the study with a variation, and give what that keeps."""
    store = Store(tmp_path_factory.mktemp("kept"))
    realign.run(varied(), store=store)
    return store


def varied() -> Study:
    less = Alternative(name="less", budget_pkr_per_year=5e9)
    return changed(asked(), "phasing", alternatives=(less,))


def all_of(plan: Plan) -> dict[str, object]:
    """Everything that may have been kept."""
    return {
        **numbers(plan),
        "risks": {name: digest(each) for name, each in plan.risks.items()},
        "varied": [digest(each) for each in plan.variations],
        "front": digest(plan.choice.front),
        "roads": [digest(link) for link in plan.links],
    }


def files(store: Store) -> set[Path]:
    return set(store.folder.rglob("*.zip"))


@pytest.mark.parametrize("table", SPARE)
def test_a_setting_that_does_not_matter_lets_all_be_found_again(kept: Store, table: str) -> None:
    before = files(kept)
    plan = realign.run(changed(varied(), table, **SPARE[table]), store=kept)
    assert files(kept) == before
    assert plan.study != varied()


@pytest.mark.parametrize("table", TELLING)
def test_a_setting_that_matters_gives_what_a_run_gives_that_finds_nothing_of_it(
    kept: Store, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = changed(varied(), table, **TELLING[table])
    before = files(kept)
    found = all_of(realign.run(study, store=kept))
    assert files(kept) > before
    find = Memory.find

    def roads_only(self: Memory, kind: str, *parts: object) -> object:
        return find(self, kind, *parts) if kind in {"road", "branches"} else None

    assert all_of(realign.run(varied(), store=kept)) != found
    monkeypatch.setattr(Memory, "find", roads_only)
    assert all_of(realign.run(study, store=kept)) == found


def test_roads_are_known_by_inputs_and_by_every_table_that_they_may_depend_on() -> None:
    given = given_of(asked())
    base = base_of(given)
    for key in sorted(type(given.study).model_fields):
        table = getattr(given.study, key)
        if isinstance(table, tuple | dict):
            other: object = (*table, "another") if isinstance(table, tuple) else {"a": "another"}
        else:
            other = table.model_copy(update={"sources": {"": "another"}})
        study = given.study.model_copy(update={key: other})
        assert (base_of(replace(given, study=study)) == base) == (key in LATER), key
    for name in given.hashes:
        hashes = {**given.hashes, name: "another"}
        same = name == given.study.file.name  # its tables are known by themselves
        assert (base_of(replace(given, hashes=hashes)) == base) == same


def test_a_scheduler_that_is_none_is_refused_before_anything_runs() -> None:
    told: list[str] = []
    with pytest.raises(StudyError, match=r"found 'moon'; wanted threads, processes or an address"):
        realign.run(asked(), scheduler="moon", tell=lambda stage, _: told.append(stage))
    assert told == []


def test_the_plan_is_about_the_inputs_it_names() -> None:
    plan = planned()
    assert set(plan.hashes) == {
        "study.toml", "rates.csv", "places.csv", "realign",
        "inputs/dem.tif", "inputs/highway.geojson", "inputs/rivers.geojson",
    }  # fmt: skip
    assert dict(plan.hashes) == planning.hashes(plan.study)
    assert all(len(value) == 64 for value in plan.hashes.values())


def test_every_stage_is_told_and_timed(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    found = planning.submerge(
        realign.load(small_study.write(tmp_path)), tell=lambda *what: told.append(what)
    )
    assert [stage for stage, detail in told if not detail] == [
        "ground", "highway", "reservoirs", "submergence",
    ]  # fmt: skip
    assert ("reservoirs", "Narrows") in told
    assert found.submergence.sections == planned().submergence.sections
    assert set(planned().seconds) == {
        "ground", "highway", "reservoirs", "submergence", "hazards and standing road",
        "corridors and roads", "branches", "network and options", "phases", "all weather", "money",
    }  # fmt: skip


def test_who_is_told_can_cancel() -> None:
    class Cancelled(Exception):  # noqa: N818
        pass

    def tell(stage: str, detail: str) -> None:
        if stage == "corridors and roads" and detail:
            raise Cancelled

    with pytest.raises(Cancelled):
        realign.run(asked(), tell=tell, workers=1)


# ---------------------------------------------------------------- options and programmes


def test_new_and_old_road_are_the_whole_way() -> None:
    plan = planned()
    whole = Section(0.0, plan.highway.length)
    for option in plan.options:
        replaced = [link.section for link in option.links]
        parts = [*replaced, *option.upgraded, *option.kept]
        assert total(parts) == pytest.approx(whole.length)
        assert sum(part.length for part in parts) == pytest.approx(whole.length)
        assert option.length == pytest.approx(
            sum(link.length for link in option.links)
            + sum(part.length for part in (*option.upgraded, *option.kept))
        )


def test_to_do_nothing_costs_nothing_and_leaves_the_road_under_water() -> None:
    nothing, *others = planned().options
    assert nothing.cost.base == 0
    assert nothing.links == ()
    assert nothing.flooded_left == pytest.approx(total(planned().submergence.flooded))
    assert np.isinf(nothing.travel_time)
    assert all(option.flooded_left == 0 for option in others)
    assert all(np.isfinite(option.travel_time) for option in others)


def test_options_are_to_do_nothing_the_programme_as_announced_and_a_shortlist() -> None:
    plan = planned()
    names = [option.name for option in plan.options]
    assert names[:2] == ["do-nothing", "as-announced"]
    assert list(plan.programmes) == names[1:]
    assert set(plan.choice.rows) == set(names[2:])
    assert set(plan.years) == set(names)
    announced = plan.options[1]
    assert [link.name for link in announced.links] == ["Narrows / short"]
    assert announced.upgraded[-1].end == pytest.approx(plan.places["East"])
    assert plan.best == plan.decision.table.winner
    assert plan.checks == validation.checks(
        given_of(plan.study),
        plan.programmes[plan.announced],
        plan.years[plan.announced],
        plan.rates,
    )


def test_the_other_bank_is_kept_where_the_road_may_not_change_it() -> None:
    plan = planned()
    link = next(link for link in plan.links if link.variant == "other-bank")
    gap = plan.gaps[0]
    ends = plan.highway.at([gap.section.start, gap.section.end])
    away = np.hypot(*(np.column_stack((link.x, link.y))[:, None] - ends[None]).transpose(2, 0, 1))
    far = (away > plan.study.corridor.crossing_m + 2 * small_study.CELL).all(axis=1)
    assert far.any()
    assert (link.y[far] < small_study.river_y(link.x[far] - small_study.LEFT)).all()


def test_no_new_road_is_without_freeboard() -> None:
    plan = planned()
    need = plan.study.dams[0].full_level_m + plan.study.clearance.freeboard_m
    lake = plan.reservoirs[0].full.polygon
    for link in plan.links:
        wet = np.array([lake.contains(p) for p in points(link)])
        assert (link.level[wet] >= need - 0.5).all()


def points(link: network.Link) -> list[object]:
    from shapely import points as made

    return list(made(np.column_stack((link.x, link.y))))


def test_shares_and_phases_add_to_the_programme_to_the_rupee() -> None:
    for each in planned().programmes.values():
        phases = each.schedule.phases
        assert sum(phase.cost_pkr for phase in phases) == each.schedule.total_pkr
        for phase, split in zip(phases, each.splits, strict=True):
            assert sum(split.amounts.values()) == phase.cost_pkr


def test_the_cost_of_an_option_is_that_of_its_programme() -> None:
    plan = planned()
    rate = plan.study.money.exchange("PKR")
    for option in plan.options[1:]:
        money = plan.programmes[option.name].schedule.total_pkr
        assert money == pytest.approx(option.cost.base * rate, abs=len(option.links) + 3)


def test_the_water_dates_the_work_that_it_makes_necessary() -> None:
    plan = planned()
    for each in plan.programmes.values():
        new, *upgrades = each.schedule.phases
        assert new.work.deadline == plan.submergence.sections[0].first_date
        assert all(upgrade.work.deadline is None for upgrade in upgrades)
        assert new.work.new_length == each.option.new_length
        both = sum(phase.work.upgrade_length for phase in each.schedule.phases)
        assert both == pytest.approx(each.option.upgrade_length)


# ---------------------------------------------------------------- connectivity


def cut_days(plan: Plan, each: Programme, opened: Mapping[str, date]) -> list[date]:
    """Days on which nothing joins the ends of the highway: every day asked one by one."""
    graph = network.build(
        plan.highway,
        plan.submergence,
        stage_dates=[[stage.date for stage in dam.stages] for dam in plan.study.dams],
        links=plan.links,
        places=plan.places,
        opens={link.name: opened.get(link.name, date.max) for link in plan.links},
        existing_speed_kmh=plan.study.existing.speed_kmh,
    )
    order = sorted(graph.nodes, key=lambda node: graph.nodes[node]["chainage"])
    first = plan.study.phasing.start
    last = max([*opened.values(), *(stage.date for stage in plan.study.dams[0].stages)])
    days = [first + timedelta(days=n) for n in range(0, (last - first).days + 40, 7)]
    names = [link.name for link in each.option.links]
    return [
        day for day in days if not network.connected(graph, day, order[0], order[-1], links=names)
    ]


def test_the_corridor_is_never_cut_unless_the_schedule_says_so() -> None:
    plan = planned()
    for each in plan.programmes.values():
        opened = {phase.work.name: phase.opens for phase in each.schedule.phases}
        links = {link.name: opened["Lower-Upper"] for link in each.option.links}
        assert each.schedule.cuts == ()
        assert cut_days(plan, each, links) == []
    assert set(plan.links_open) == {link.name for link in plan.programmes[plan.best].option.links}


@pytest.fixture(scope="module")
def late() -> Plan:
    """Plan with so little money that the new road opens after the water."""
    costs = [each.schedule.phases[0].cost_pkr for each in planned().programmes.values()]
    return realign.run(changed(asked(), "phasing", budget_pkr_per_year=min(costs) / 8))


def test_a_road_that_opens_late_is_a_cut_that_schedule_network_and_notes_tell(late: Plan) -> None:
    for name, each in late.programmes.items():
        if not each.schedule.phases:
            continue
        found = {one.name: one.opens for one in each.schedule.openings}
        links = {link.name: found[link.name] for link in each.option.links}
        opens = max(links.values())
        assert opens > date(2031, 7, 1)
        assert each.schedule.cut_days == (opens - date(2031, 7, 1)).days
        days = cut_days(late, each, links)
        assert days
        assert all(date(2031, 7, 1) <= day < opens for day in days)
        assert any(f"Option {name}: Lower-Upper opens after the water" in n for n in late.notes)
        cut = late.years[name].cut
        assert cut is not None
        assert (cut.first_day, cut.until) == (date(2031, 7, 1), opens)
        told = f"no way for trucks along {late.highway.name} from 2031-07-01 until {opens}"
        assert any(f"Option {name}: {told}" in note for note in late.notes)


def test_a_schedule_that_contradicts_the_network_is_no_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hopeful(*args: object) -> Programme:
        each = programme.programme(*args)  # type: ignore[arg-type]
        return replace(each, schedule=replace(each.schedule, cuts=((date.min, date.max, "x"),)))

    monkeypatch.setattr(planning, "programme", hopeful)
    with pytest.raises(RuntimeError, match="option as-announced: the schedule says"):
        realign.run(one_variant(asked()))


# ---------------------------------------------------------------- validation


def test_published_figures_stand_beside_modelled_ones() -> None:
    plan = planned()
    flooded, share, new = plan.checks
    assert flooded.ok
    assert flooded.modelled == pytest.approx(plan.submergence.sections[0].flooded_length / 1000)
    assert share.modelled == pytest.approx(85)
    assert share.ratio == pytest.approx(1)
    assert not new.ok
    assert new.unit == "km"


def test_every_quantity_is_answered_and_what_cannot_be_is_not_a_number() -> None:
    from realign.study import QUANTITIES, Published, Replay
    from realign.validation import checks

    plan = planned()
    of = {"share_pct": "lender", "programme_bn_pkr": "", "programme_mcny": ""}
    of |= {"replay_bn_pkr": "", "replay_mcny": "", "replay_new_road_mcny_per_km": ""}
    of |= dict.fromkeys(("months_open_before", "months_open_after"), "Pass")
    road = {"new_road_km", "structures_pct", "new_road_musd_per_km", "new_road_mcny_per_km"}
    rows = [
        Published(
            quantity=quantity,
            label=quantity,
            of=of.get(quantity, "Lower-Upper" if quantity in road else "Narrows"),
            value=0.0,
            accepted_low=0.0,
            accepted_high=1e9,
            source="",
        )
        for quantity in QUANTITIES
    ]
    pass_ = Approach(
        name="Pass",
        start="Pass foot",
        end="Border",
        length_km=50.0,
        highest_m=4000.0,
        months_open=(5, 6, 7),
        months_open_after=(4, 5, 6, 7, 8),
        after=date(2025, 12, 1),
        car_kmh=40.0,
        truck_kmh=20.0,
    )
    told = Replay(upgrade_km=10, open_road_km=5, bridge_km=2, tunnel_km=1)
    study = plan.study.model_copy(
        update={"published": tuple(rows), "approaches": (pass_,), "replay": told}
    )
    given = given_of(study)
    year = yearround.yearround(given, plan.region, Built((), (), {}), plan.choice.judged)
    found = checks(given, plan.programmes[plan.announced], year, plan.rates)
    assert all(np.isfinite(check.modelled) for check in found)
    assert all(np.isnan(check.ratio) for check in found)
    by_name = {check.published.quantity: check.modelled for check in found}
    parts = validation.replayed(study, plan.rates, plan.programmes[plan.announced])
    assert by_name["replay_bn_pkr"] == pytest.approx(sum(parts.values()) / 1e9)
    yuan = plan.study.money.exchange("CNY", of="PKR")
    assert by_name["replay_mcny"] == pytest.approx(sum(parts.values()) / 1e6 * yuan)
    assert parts["tunnels"] / 1000 > parts["bridges"] / 2000 > 0
    new = (sum(parts.values()) - parts["upgrades"]) / 8  # 5 + 2 + 1 km
    assert by_name["replay_new_road_mcny_per_km"] == pytest.approx(new / 1e6 * yuan)
    assert (by_name["months_open_before"], by_name["months_open_after"]) == (3, 5)
    assert by_name["gross_storage_km3"] >= by_name["live_storage_km3"] > 0
    assert by_name["new_road_km"] <= plan.programmes[plan.announced].option.new_length / 1000
    assert by_name["programme_bn_pkr"] == plan.programmes[plan.announced].schedule.total_pkr / 1e9
    wrong = [row.model_copy(update={"of": "Upper-East"}) for row in rows if row.of == "Lower-Upper"]
    wrong += [rows[0].model_copy(update={"of": "lender"})]
    given = given_of(plan.study.model_copy(update={"published": tuple(wrong)}))
    found = checks(given, plan.programmes[plan.announced], plan.years[plan.announced], plan.rates)
    assert all(np.isnan(check.modelled) for check in found)
    assert not any(check.ok for check in found)


def test_announced_quantities_are_priced_by_hand() -> None:
    # every item costs 2 dollars a unit; the road has a direct cost of 20 million
    plan = small_plan.small()
    told = Replay(upgrade_km=137, open_road_km=57.5, bridge_km=26.2, tunnel_km=20.5)
    added = {"contingency": 0.1, "engineering": 0.05, "protection": 0.02}
    money = plan.study.money.model_copy(update={**added, "taxes": 0.08, "calibration": 1.25})
    study = plan.study.model_copy(update={"replay": told, "money": money})
    best = plan.programmes[small_plan.SHORT]
    (link,) = best.option.links
    open_km = (link.length - link.bridge_length - link.tunnel_length) / 1000
    rupees = 1.17 * 1.08 * 1.25 * 281.4
    parts = validation.replayed(study, plan.rates, best)
    assert parts == pytest.approx(
        {
            "tunnels": 20_500 * 2 * rupees,
            "bridges": 26_200 * 2 * rupees,
            "open road": 57.5 * (2.0e7 - 2 * link.tunnel_length) / open_km * rupees,
            "upgrades": 137 * small_plan.UPGRADE.base * rupees,
        }
    )
    new = parts["tunnels"] + parts["bridges"] + parts["open road"]
    assert validation.new_road_replayed(study, parts) == pytest.approx(new / 104.2)
    nothing = study.model_copy(update={"replay": Replay(upgrade_km=1)})
    only = validation.replayed(nothing, plan.rates, best)
    assert np.isnan(validation.new_road_replayed(nothing, only))
    assert validation.replayed(plan.study, plan.rates, best) == {}


@pytest.mark.parametrize(("late", "said"), [(0, 0), (40, 40), (40, 39), (1, 0)])
def test_schedule_and_network_agree_on_every_day_without_a_road(late: int, said: int) -> None:
    """And not only on whether there is one."""
    plan = planned()
    given, each = given_of(plan.study), plan.programmes[plan.best]
    wet = next(one for one in each.schedule.openings if one.water is not None)
    assert wet.water is not None
    water = wet.water
    opens = tuple(
        replace(one, opens=water + timedelta(days=late)) if one is wet else one
        for one in each.schedule.openings
    )
    cuts = ((water, water + timedelta(days=said), wet.work),) if said else ()
    dated = replace(each.schedule, openings=opens, cuts=cuts)
    programmes = {plan.best: replace(each, schedule=dated)}
    if late == said:
        planning._check_connected(given, programmes)
        return
    with pytest.raises(RuntimeError, match=f"they differ from {water + timedelta(days=said)} on"):
        planning._check_connected(given, programmes)


def given_of(study: Study) -> Drowned:
    return planning.submerge(study)


def test_every_assumption_of_study_rates_and_standard_is_listed() -> None:
    found = {each.key: each for each in planned().assumptions}
    assert found["elevation.sigma_m"].value == "2"
    assert not any("Stage(" in each.value for each in planned().assumptions)
    assert found["formation.wall_top_m"].reason.startswith("program default: ")
    assert found["variants[short].length_value_per_m"].reason == "assumption: a preference"
    assert "rates.bridge" in found
    assert any(key.startswith("standard[40 km/h].") for key in found)


def test_assumptions_are_written_as_a_reader_writes_them() -> None:
    study = realign.load(Path(__file__).parents[1] / "data" / "kkh" / "study.toml")
    every = validation.assumptions(study, planned().rates)
    found = {each.key: each.value for each in every}
    assert found["options.weights"].startswith("cost 30, length 5, truck time 15")
    assert found["formation.courses"].startswith("asphalt concrete: thickness m 0.12, ")
    for key, value in found.items():
        assert not re.search(r"[{}'=]|\b(True|False|None)\b", value), f"{key} = {value}"


def test_the_ground_is_named_wherever_results_are() -> None:
    assert planned().notes[0] == planned().study.study.ground


def test_breaches_are_told_by_option() -> None:
    plan = planned()
    for name, each in plan.programmes.items():
        count = sum(len(link.breaches) for link in each.option.links)
        told = [note for note in plan.notes if note.startswith(f"Option {name}: {count} breaches")]
        assert len(told) == (count > 0)


# ---------------------------------------------------------------- other programmes


def one_variant(study: Study) -> Study:
    """Leave a study one variant and no branches."""
    none = study.branches.model_copy(update={"most_branches": 0})
    return study.model_copy(update={"variants": study.variants[:1], "branches": none})


def test_work_of_others_is_outside_the_money() -> None:
    study = one_variant(asked())
    mine, rest = study.programme
    values = {"in_programme": False, "builder": "Dam owner", "opens": date(2030, 1, 1)}
    others = mine.model_copy(update=values)
    plan = realign.run(study.model_copy(update={"programme": (others, rest)}))
    each = plan.programmes["as-announced"]
    assert [phase.work.name for phase in each.schedule.phases] == ["Upper-East"]
    (outside,) = each.schedule.outside
    assert outside.opens == date(2030, 1, 1)
    assert set(plan.links_open.values()) == {date(2030, 1, 1)}
    (link,) = each.option.links
    assert link.builder == "Dam owner"
    assert each.option.outside_cost.base == pytest.approx(link.cost.base)
    rate = plan.study.money.exchange("PKR")
    assert each.option.cost.base * rate == pytest.approx(each.schedule.total_pkr, abs=3)


def test_what_others_build_is_built_where_nothing_else_is() -> None:
    study = asked()
    mine, rest = study.programme
    values = {"in_programme": False, "builder": "Dam owner", "opens": date(2030, 1, 1)}
    others = mine.model_copy(update=values)
    plan = realign.run(study.model_copy(update={"programme": (others, rest)}))
    nothing = plan.options[0]
    assert nothing.name == "do-nothing"
    assert [link.builder for link in nothing.links] == ["Dam owner"]
    assert nothing.cost.base == 0
    assert nothing.outside_cost.base > 0
    assert plan.years["do-nothing"].cuts == ()


def test_a_gap_that_no_task_covers_is_a_work_of_its_own() -> None:
    study = one_variant(asked())
    plan = realign.run(study.model_copy(update={"programme": study.programme[1:]}))
    each = plan.programmes["as-announced"]
    names = [phase.work.name for phase in each.schedule.phases]
    assert sorted(names) == ["Replacement at Narrows", "Upper-East"]
    assert set(plan.links_open) == {link.name for link in plan.links}


def test_a_highway_that_begins_under_water_is_met_above_it(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    xy = small_study.road()
    dry = xy[xy[:, 0] > small_study.LEFT + 3600.0]
    small_study.write_features(
        tmp_path / "inputs" / "highway.geojson", ("LineString", small_study.degrees(dry))
    )
    text = (tmp_path / "places.csv").read_text("utf-8").replace("Lower,", "Drowned,")
    lon, lat = small_study.point(4000.0, float(small_study.river_y(4000.0)) + small_study.ASIDE)
    (tmp_path / "places.csv").write_text(f"{text}Lower,{lon},{lat},\n", "utf-8")
    plan = realign.run(one_variant(realign.load(file)))
    need = plan.study.dams[0].full_level_m + plan.study.clearance.freeboard_m
    link = plan.links[0]
    assert plan.gaps[0].before is None
    assert link.section.start == 0
    assert link.level[0] >= need
    assert list(plan.places) == ["West", "Upper", "East", "Lower"]
    assert any(note.startswith("The start of the highway at 0+000 lies") for note in plan.notes)


def test_a_road_that_crosses_itself_is_told() -> None:
    x, y = np.array([0.0, 2.0, 2.0, 1.0, 1.0]), np.array([0.0, 0, 1, 1, -1])
    station, level = np.arange(5) * 1000.0, np.array([10.0, 10.0, 13.0, 16.0, 19.0])
    straight = SimpleNamespace(x=x[:3], y=np.zeros(3), station=station[:3], level=level[:3])
    loop = SimpleNamespace(x=x, y=y, station=station, level=level)
    high = SimpleNamespace(x=x, y=y, station=station, level=level + 5 * np.arange(5))
    assert road._loops(straight) == road._loops(high) == ()  # type: ignore[arg-type]
    (place,) = road._loops(loop)  # type: ignore[arg-type]
    assert place == (
        "the road crosses itself at 0+000 and 3+000 of its length with 6.0 m between its levels, "
        "wanted 7"
    )


def test_two_gaps_of_one_dam_have_names_of_their_own() -> None:
    given = given_of(asked())
    part = given.submergence.sections[0]
    parts = (
        replace(part, section=Section(2700.0, 3500.0)),
        replace(part, section=Section(7000.0, 8000.0)),
    )
    study = changed(given.study, "corridor", reuse_m=1000.0)
    lost = replace(given.submergence, sections=parts)
    gaps = planning._gaps(replace(given, study=study, submergence=lost))
    assert [gap.name for gap in gaps] == ["Narrows", "Narrows 2"]


def test_a_variant_without_a_road_is_told_and_left_out() -> None:
    study = asked()
    short, _, other = study.variants
    study = changed(study, "corridor", crossing_m=0.0)
    study = one_variant(study).model_copy(update={"variants": (short, other)})
    plan = realign.run(study)
    assert {link.variant for link in plan.links} == {"short"}
    assert any(note.startswith("No road for Narrows / other-bank: ") for note in plan.notes)


# ---------------------------------------------------------------- what is no plan


def test_lakes_that_take_nothing_leave_nothing_to_plan() -> None:
    study = asked()
    (dam,) = study.dams
    stage = dam.stages[0].model_copy(update={"level_m": 820.0})
    low = {"full_level_m": 820.0, "minimum_level_m": 819.0, "stages": (stage,)}
    dams = (dam.model_copy(update=low),)
    with pytest.raises(InputError, match=r"N-1: found no section without freeboard .* Narrows"):
        realign.run(study.model_copy(update={"dams": dams}))


def test_a_place_far_from_the_road_is_named() -> None:
    study = asked()
    away = [place.model_copy(update={"lat": place.lat + 0.2}) for place in study.places]
    study._places = (*away[:2], *study.places[2:])
    with pytest.raises(InputError, match=rf"Lower lies .* km .* at most {PLACE_M / 1000:g} km"):
        planning.submerge(study)


def test_of_places_on_one_point_the_one_that_the_programme_names_is_kept() -> None:
    study = asked()
    west, lower, upper, _ = study.places
    study._places = (*study.places, lower.model_copy(update={"name": "Twin"}))
    assert list(planning.submerge(study).places) == ["West", "Lower", "Upper", "East"]
    study._places = (west, lower, upper, upper.model_copy(update={"name": "East"}))
    first, second = study.programme
    far = second.model_copy(update={"start": "East", "end": "West"})
    study = study.model_copy(update={"programme": (first, far)})
    with pytest.raises(StudyError, match=r"East at .* is not before West"):
        planning.submerge(study)
    near = first.model_copy(update={"name": "West-East", "start": "West", "end": "East"})
    study = study.model_copy(update={"programme": (first, near)})
    with pytest.raises(InputError, match=r"places\.csv: found Upper and East both at 9\+"):
        planning.submerge(study)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("Upper", "Lower", "Upper at .* is not before Lower at"),
        ("Lower", "East", "'Lower-Upper' ends at .*, after 'Upper-East' starts at"),
    ],
)
def test_tasks_follow_the_road_and_do_not_overlap(start: str, end: str, message: str) -> None:
    study = asked()
    first, second = study.programme
    wrong = first.model_copy(update={"start": start, "end": end})
    with pytest.raises(StudyError, match=message):
        planning.submerge(study.model_copy(update={"programme": (wrong, second)}))


def test_prices_in_another_currency_are_refused_before_anything_runs() -> None:
    study = changed(asked(), "money", currency="PKR")
    with pytest.raises(InputError, match=r"rates\.csv: found prices in USD, wanted PKR"):
        planning.check(study)


def test_where_no_variant_has_a_road_every_reason_is_told() -> None:
    study = changed(asked(), "corridor", crossing_m=0.0)
    other = study.variants[2]
    twin = other.model_copy(update={"name": "other-too"})
    with pytest.raises(NoRouteError) as error:
        realign.run(study.model_copy(update={"variants": (other, twin)}))
    assert len(str(error.value).splitlines()) == 2
    assert isinstance(error.value, RealignError)


def test_the_public_names_are_there() -> None:
    assert {"load", "run", "write", "Study", "Plan", "Option"} <= set(realign.__all__)
    assert all(hasattr(realign, name) for name in realign.__all__)
