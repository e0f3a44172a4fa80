"""Laws of what the map is drawn from: courses, profiles, days, figures, layers and the ground."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from small_plan import SHORT, changed, small
from small_study import planned

from realign import allweather
from realign.chainage import Section
from realign.network import Link
from realign.outputs import geopackage
from realign.outputs import map as folium_map
from realign.outputs.map import courses, layers, shade
from realign.outputs.map.days import days, fastest
from realign.outputs.map.panel import LOOKS
from realign.plan import Plan
from realign.study import _read_places

BOTH = pytest.mark.parametrize("make", [small, planned], ids=["small", "planned"])


@cache
def page() -> str:
    return folium_map.page(small(), geopackage.layers(small()))


def unpacked(values: list[int], scale: float) -> np.ndarray:
    return np.cumsum(values) / scale


def links(plan: Plan) -> Iterator[Link]:
    yield from {link.name: link for option in plan.options for link in option.links}.values()


# ---------------------------------------------------------------- courses


@given(
    st.lists(st.floats(-1e5, 1e5, allow_nan=False), min_size=1, max_size=400),
    st.sampled_from([1.0, 10.0, 1e6]),
)
def test_packed_values_come_back_and_errors_do_not_add_up(
    values: list[float], scale: float
) -> None:
    found = unpacked(courses.packed(values, scale), scale)
    assert np.abs(found - values).max() <= 0.5 / scale + 1e-9


@given(st.floats(1.0, 5e4), st.sampled_from([20.0, 50.0]))
def test_even_chainages_run_from_end_to_end_without_a_gap(length: float, step: float) -> None:
    s = courses.even(length, step)
    assert s[0] == 0.0
    assert s[-1] == length
    gaps = np.diff(s)
    assert (gaps > 0).all()
    assert gaps.max() <= step + 1e-6
    assert gaps[:-1] == pytest.approx(step)


@BOTH
def test_new_roads_lie_where_they_are_and_parts_cover_them_once(make: Any) -> None:
    plan = make()
    made = courses.new_roads(plan)
    onto = Transformer.from_crs(4326, plan.terrain.crs, always_xy=True)
    assert set(made) == {link.name for link in links(plan)}
    for link in links(plan):
        own = made[link.name]
        x, y = onto.transform(unpacked(own["lon"], 1e6), unpacked(own["lat"], 1e6))
        s = courses.even(float(link.station[-1]), courses.NEW_STEP)
        assert np.abs(x - np.interp(s, link.station, link.x)).max() < 0.2
        assert np.abs(y - np.interp(s, link.station, link.y)).max() < 0.2
        for key, values in (("z", link.level), ("g", link.ground)):
            wanted = np.interp(s, link.station, values)
            assert np.abs(unpacked(own[key], 10.0) - wanted).max() <= 0.051
        parts = own["parts"]
        assert parts[0][0] == 0.0
        assert parts[-1][1] == round(float(link.station[-1]), 1)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))
        by_form = [sum(b - a for a, b, form, _ in parts if form == k) for k in range(4)]
        assert by_form[1] == pytest.approx(link.bridge_length, abs=0.2 * len(parts))
        assert by_form[2] == pytest.approx(link.tunnel_length, abs=0.2 * len(parts))
        assert sum(by_form) == pytest.approx(link.length, abs=0.1)


def test_a_gallery_cuts_open_road_and_nothing_else() -> None:
    link = next(iter(links(small())))
    shelters = (Section(100.0, 150.0), Section(140.0, 200.0), Section(link.length - 30, 1e6))
    own = SimpleNamespace(
        form=link.form,
        station=link.station,
        structures=(),
        inventory=SimpleNamespace(galleries=shelters),
    )
    parts = courses.parts(own)  # type: ignore[arg-type]
    assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))
    under = [(a, b) for a, b, form, _ in parts if form == 3]
    assert sum(b - a for a, b in under if b <= 200.0) == pytest.approx(100.0)
    assert under[-1] == (round(link.length - 30, 1), round(link.length, 1))
    plain = [p for p in courses.parts(link) if p[2] in (1, 2)]
    assert [p[:3] for p in parts if p[2] in (1, 2)] == [p[:3] for p in plain]


@BOTH
def test_an_option_runs_from_end_to_end_in_new_chainage(make: Any) -> None:
    plan = make()
    for option in plan.options:
        pieces = courses.whole(option, plan.highway.length)
        at = 0.0
        for _, start, end, new in pieces:
            assert new == pytest.approx(at, abs=0.3)
            at += end - start
        more = sum(link.length - link.section.length for link in option.links)
        assert at == pytest.approx(plan.highway.length + more, abs=1.0)
        assert [name for name, *_ in pieces if name] == [
            link.name for link in sorted(option.links, key=lambda each: each.section.start)
        ]


def test_figures_are_those_of_the_plan() -> None:
    plan = small()
    rows = {row["label"]: row["of"] for row in courses.figures(plan)}
    for option in plan.options:
        assert rows["Length end to end"][option.name] == pytest.approx(option.length / 1000)
        own = plan.programmes.get(option.name)
        if own:
            assert rows["Cost"][option.name] == own.schedule.total_pkr / 1e9
        risk = plan.risks.get(option.name)
        if risk:
            assert rows["Cost, P10"][option.name] == risk.whole.cost_pkr.p10 / 1e9
            assert rows["Cost, P90"][option.name] == risk.whole.cost_pkr.p90 / 1e9
    assert rows["Cost, P10"]["do-nothing"] is None


def test_water_that_the_road_loses_is_that_of_the_layer() -> None:
    frame = geopackage.layers(small())["existing_highway"]
    found = courses.lost(frame)
    wet = frame[frame["state"] != "dry"]
    assert sum(b - a for a, b, *_ in found) == pytest.approx(wet["length_m"].sum(), abs=2.0)
    assert {day for *_, day, _ in found} == set(wet["first_date"])


# ---------------------------------------------------------------- days


@BOTH
def test_lots_cover_new_roads_once_and_their_money_is_that_of_the_phases(make: Any) -> None:
    plan = make()
    told = days(plan)
    assert told["first"] <= told["last"]
    for option in plan.options:
        own, built = told["options"][option.name], plan.programmes.get(option.name)
        if built is None:
            assert own["lots"] == []
            continue
        for k, phase in enumerate(own["phases"]):
            paid = sum(row[2] for lot in own["lots"] if lot["phase"] == k for row in lot["paid"])
            assert paid == phase["cost"]
        assert sum(phase["cost"] for phase in own["phases"]) == built.schedule.total_pkr
        reach: dict[str, list[tuple[float, float]]] = {}
        for lot in own["lots"]:
            assert lot["start"] is None or lot["start"] <= lot["finish"] <= lot["opens"]
            for road, start, end in lot["places"]:
                reach.setdefault(road, []).append((start, end))
        for link in option.links:
            spans = sorted(reach.get(link.name, []))
            assert spans, link.name
            assert spans[0][0] == 0.0
            assert spans[-1][1] == pytest.approx(link.length, abs=0.2)
            assert all(a[1] == pytest.approx(b[0], abs=0.2) for a, b in itertools.pairwise(spans))


@BOTH
def test_trucks_go_by_roads_that_stand_and_only_while_the_road_is_not_cut(make: Any) -> None:
    plan = make()
    told = days(plan)
    for name, year in plan.years.items():
        flow = told["options"][name]["flow"]
        assert flow[0]["day"] == told["first"]
        assert [each["day"] for each in flow] == sorted({each["day"] for each in flow})
        for each, after in zip(flow, [*flow[1:], None], strict=True):
            day = date.fromisoformat(each["day"])
            shut = any(cut.first_day <= day < cut.until for cut in year.cuts)
            if day < year.day:
                assert each["open"] == (not shut), (name, day)
            assert each["open"] or not each["pieces"]
            if after is not None:
                assert {k: v for k, v in each.items() if k != "day"} != {
                    k: v for k, v in after.items() if k != "day"
                }
            for road, start, end in each["pieces"]:
                assert start < end
                if not road:
                    gone = [s.section for s in plan.submergence.sections if s.first_date <= day]
                    piece = Section(start, end)
                    assert not any(lost.overlaps(piece) for lost in gone), (name, day)


@BOTH
def test_the_way_of_trucks_is_the_fastest_by_brute_force(make: Any) -> None:
    year = make().years[make().best]
    found = fastest(year.graph, year.start, year.end, year.day)
    assert found is not None
    state = allweather.standing(year.graph, year.day, kind="truck")
    times = {name: edge["time_s"] for _, _, name, edge in state.edges(keys=True, data=True)}
    least = min(
        sum(
            min(e["time_s"] for e in state[a][b].values() if e["open"].max() > 0)
            for a, b in itertools.pairwise(way)
        )
        for way in nx.all_simple_paths(nx.Graph(state), year.start, year.end)
    )
    assert sum(times[name] for name in found) == pytest.approx(least)


def test_no_way_is_none() -> None:
    year = small().years["do-nothing"]
    assert fastest(year.graph, year.start, year.end, year.day) is None


# ---------------------------------------------------------------- the page


def test_the_map_names_every_layer_and_stage() -> None:
    for words in (
        "Dry at full level",
        "Short of freeboard",
        "from 2030-07-01: Upper \\u003cdam\\u003e, partial",
        "from 2032-07-01: Upper \\u003cdam\\u003e, full",
        "Mouth-Head, new",
        "Head-End, by others",
        "Open road",
        "Bridge",
        "Tunnel",
        "Gallery",
        "Tie-ins",
        "Rivers",
        small().study.study.ground,
    ):
        assert words in page(), words


def test_the_network_and_hazards_are_hidden_at_first() -> None:
    for name in ("Candidate links", "Critical stretches of the option shown", r"Class \d"):
        assert re.search(rf'name: "{name}.*\n.*shown: false', page()), name


def test_a_map_without_candidates_has_no_layer_of_them() -> None:
    plan = small()
    bare = changed(choice=replace(plan.choice, candidates=()), critical={})
    html = folium_map.page(bare, geopackage.layers(bare))
    assert 'name: "Candidate links"' not in html
    assert 'name: "Critical' not in html


@BOTH
def test_what_the_scripts_draw_from_is_json_without_holes(make: Any) -> None:
    plan = make()
    scene = folium_map._scene(plan, geopackage.layers(plan))
    assert json.loads(json.dumps(scene, allow_nan=False))["best"] == plan.best


def test_the_map_of_a_plan_that_builds_nothing_is_drawn() -> None:
    plan = small()
    none = [replace(o, links=(), upgraded=()) for o in plan.options if o.name == SHORT]
    bare = changed(options=tuple(none), programmes={}, risks={}, funds={})
    assert "Nothing is built by the programme." in folium_map.page(bare, geopackage.layers(bare))


def test_states_and_forms_differ_in_colour_and_pattern() -> None:
    groups = (
        ("dry", "short of freeboard", "submerged"),
        ("open", "bridge", "tunnel", "gallery"),
        ("planned", "works", "built", "open", "drowned"),
    )
    for names in groups:
        assert len({LOOKS[name]["color"] for name in names}) == len(names)
        patterns = {(LOOKS[n].get("dashArray"), LOOKS[n]["weight"]) for n in names}
        assert len(patterns) >= len(names) - (names[0] == "planned")


def test_classes_of_hazard_cover_the_highway_once() -> None:
    plan = planned()
    drawn: list[Any] = []
    drawing = SimpleNamespace(
        plan=plan,
        lines=lambda shapes, look, **_: drawn.append((shapes, look)),
        add=lambda *_: None,
    )
    layers.hazards(drawing)  # type: ignore[arg-type]
    length = sum(shape.length for shapes, _ in drawn for shape, _ in shapes)
    assert length == pytest.approx(plan.highway.length, rel=1e-3)
    looks = [look for _, look in drawn]
    assert len({look["color"] for look in looks}) == len(looks)
    assert [look["weight"] for look in looks] == sorted(look["weight"] for look in looks)


def test_a_part_of_a_road_is_as_long_as_it_says() -> None:
    link = small().links[0]
    part = Section(123.4, 1234.5)
    line = layers._part(link, part)
    whole = layers._part(link, Section(0.0, link.length))
    assert line.length < whole.length
    share = line.length / whole.length
    assert share == pytest.approx(part.length / link.length, rel=0.05)


def test_the_hillshade_lies_where_the_ground_is() -> None:
    terrain = small().terrain
    picture, ((south, west), (north, east)) = shade._warped(terrain, 1)
    assert picture[:4] == b"RIFF"
    onto = Transformer.from_crs(terrain.crs, 4326, always_xy=True)
    edges = onto.transform_bounds(*terrain.bounds, densify_pts=21)
    cell = 2 * terrain.cell / 90_000
    for found, wanted in zip((west, south, east, north), edges, strict=True):
        assert found == pytest.approx(wanted, abs=cell)


def test_the_hillshade_goes_on_beyond_the_180th_meridian() -> None:
    own = small().terrain
    fiji = CRS.from_epsg(32760)
    x, y = Transformer.from_crs(4326, fiji, always_xy=True).transform(180.0, -16.5)
    rows, cols = own.shape
    side = own.cell
    corner = Affine(side, 0, x - cols / 2 * side, 0, -side, y + rows / 2 * side)
    terrain = replace(own, crs=fiji, transform=corner)
    _, ((south, west), (north, east)) = shade._warped(terrain, 1)
    onto = Transformer.from_crs(fiji, "+proj=longlat +datum=WGS84 +pm=180", always_xy=True)
    left, bottom, right, top = onto.transform_bounds(*terrain.bounds, densify_pts=21)
    cell = 2 * side / 90_000
    assert left < 0 < right
    for found, wanted in zip(
        (west, south, east, north), (left + 180, bottom, right + 180, top), strict=True
    ):
        assert found == pytest.approx(wanted, abs=cell)


def test_a_heavy_hillshade_is_made_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shade, "_HEAVIEST", 150)
    light = shade.overlay(small().terrain)
    monkeypatch.undo()
    assert len(light.url) < len(shade.overlay(small().terrain).url)


def test_names_in_urdu_stand_beside_the_others(tmp_path: Path) -> None:
    table = tmp_path / "places.csv"
    table.write_text(
        "name,lon,lat,name_ur,source\nChilas,74.1,35.4,چلاس,x\nThor,73.8,35.5,,x\n", "utf-8"
    )
    assert [place.name_ur for place in _read_places(table)] == ["چلاس", ""]
