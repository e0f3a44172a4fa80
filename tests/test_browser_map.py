"""Laws of the map in a browser: what is clicked, slid, searched and compared does what it says."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import SIZES, check_quiet, open_page, run
from pyproj import Geod, Transformer
from small_plan import LONG, SHORT, changed, small

from realign.chainage import text
from realign.outputs import geopackage, write
from realign.outputs.map import courses
from realign.plan import Plan

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

DRAWN = "return document.querySelectorAll('.leaflet-pane path, .leaflet-pane img').length"
BRIDGE = """const line = realign.panel.entries.find((e) => e.key === "bridge")
    .layers[0].getLayers()[0];"""
ONLINE = ("OpenStreetMap", "OpenTopoMap")


@pytest.fixture
def folder(small_folder: Path) -> Path:
    return small_folder


def opened(browser: Any, folder: Path, more: str = "", size: tuple[int, int] = SIZES[0]) -> None:
    """Open the map afresh; `more` follows the `#`."""
    browser.get("about:blank")
    open_page(browser, folder / "map.html", size)
    if more:
        browser.get("about:blank")
        browser.get((folder / "map.html").as_uri() + more)


def quiet(browser: Any) -> None:
    assert browser.get_log("browser") == []


def day(browser: Any, wanted: date) -> dict[str, Any]:
    """Slide to the first day that is not before a day; give what the map says of it."""
    run(browser, f"realign.days.set('{wanted.isoformat()}')")
    return run(browser, "return realign.days.facts(realign.days.now())")


def spent(plan: Plan, option: str, at: date) -> float:
    """Rupees until a day, evenly over whole months."""

    def months(a: date, b: date) -> float:
        return (b.year - a.year) * 12 + b.month - a.month + (b.day - a.day) / 30.4375

    total = 0.0
    for each in plan.programmes[option].schedule.activities:
        part = months(each.start, at) / months(each.start, each.finish)
        total += each.activity.cost * min(max(part, 0.0), 1.0)
    return total


def built_on(plan: Plan, option: str, at: date) -> float:
    """Give the new road on which more than land and access goes on [m]."""
    schedule = plan.programmes[option].schedule
    total = 0.0
    for phase in schedule.phases:
        own = [
            t
            for t in schedule.activities
            if t.activity.work == phase.work.name and t.activity.kind not in ("land", "access")
        ]
        begun = min((t.start for t in own), default=date.max)
        if begun <= at < max((t.finish for t in own), default=date.min):
            total += phase.work.new_length
    return total


# ---------------------------------------------------------------- layers


def test_chainages_stay_readable_when_the_map_is_moved(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    visible = """return Array.from(document.querySelectorAll(".label.tick"), (l) =>
        getComputedStyle(l).visibility).filter((v) => v === "visible").length"""
    first = run(browser, visible)
    assert first > 3
    for script in ("realign.map.panBy([30, 10], { animate: false })", "realign.map.zoomIn(1)"):
        run(browser, script)
        time.sleep(0.5)
        assert run(browser, visible) > 3, script


def test_lines_are_no_stops_for_the_keyboard_and_a_list_says_what_they_say(
    browser: Any, folder: Path
) -> None:
    opened(browser, folder)
    time.sleep(0.2)
    paths = """return Array.from(document.querySelectorAll(".leaflet-pane path"), (p) =>
        p.tabIndex).filter((t) => t >= 0).length"""
    assert run(browser, paths) == 0
    link = next(o for o in small().options if o.name == SHORT).links[0]
    run(browser, "document.getElementById('profile-open').click()")
    run(
        browser,
        f"""const list = document.getElementById("road"); list.value = {json.dumps(link.name)};
            list.dispatchEvent(new Event("change"));""",
    )
    words = run(browser, "return document.querySelector('.leaflet-popup-content').innerText")
    assert link.name in words
    assert "Rs 5.6 / 8.4 / 12.7 bn" in words


def test_the_profile_draws_levels_water_and_structures_where_they_are(
    browser: Any, folder: Path
) -> None:
    opened(browser, folder)
    link = next(o for o in small().options if o.name == SHORT).links[0]
    run(browser, f"realign.profile.open({json.dumps(link.name)})")
    drawn = run(
        browser,
        """const points = (path) => path.getAttribute("d").slice(1).split("L").map((p) =>
             p.split(" ").map(Number));
           const all = (name) => Array.from(document.querySelectorAll("#section ." + name), points);
           const box = document.getElementById("section").viewBox.baseVal;
           return { grade: all("grade")[0], ground: all("ground")[0], water: all("water"),
             cut: all("cut"), fill: all("fill"), structure: all("structure"), wide: box.width };""",
    )
    scale = (drawn["wide"] - 70) / link.length
    x, y = (np.array(v) for v in zip(*drawn["grade"], strict=True))
    s = (x - 56) / scale
    level = np.interp(s, link.station, link.level)
    slope, zero = np.polyfit(y, level, 1)
    assert np.abs(slope * y + zero - level).max() < 1.5
    gx, gy = (np.array(v) for v in zip(*drawn["ground"], strict=True))
    ground = np.interp((gx - 56) / scale, link.station, link.ground)
    assert np.abs(slope * gy + zero - ground).max() < 1.5
    found = sorted({round(slope * line[0][1] + zero) for line in drawn["water"]})
    assert found == sorted(stage.level_m for stage in small().reservoirs[0].dam.stages)
    for kind, sign in (("cut", 1), ("fill", -1)):  # a level below the ground is a cut
        for area in drawn[kind]:
            assert sign * (area[0][1] + area[1][1] - area[2][1] - area[3][1]) >= -0.2
    spans = sorted((line[0][0] - 56) / scale for line in drawn["structure"])
    wanted = sorted(part[0] for part in courses.parts(link) if part[2])
    assert spans == pytest.approx(wanted, abs=15.0)


def test_a_link_pasted_into_an_open_map_leaves_nothing_of_the_old_state(
    browser: Any, folder: Path
) -> None:
    opened(browser, folder)
    run(
        browser,
        f"""realign.panel.entries.find((e) => e.name === "Rivers").box.click();
            realign.profile.open("*"); realign.days.set("2030-08-01");
            location.hash = "#option=" + encodeURIComponent({json.dumps(LONG)});""",
    )
    time.sleep(0.3)
    state = """return [realign.option.shown().name, realign.days.now(), realign.profile.key(),
        realign.panel.difference().length]"""
    assert run(browser, state) == [LONG, None, "", 0]
    quiet(browser)


def test_every_box_shows_and_hides_its_layer_and_the_legend_follows(
    browser: Any, folder: Path
) -> None:
    opened(browser, folder)
    run(browser, "document.getElementById('legend').open = true")
    names = run(browser, "return realign.panel.entries.map((e) => [e.name, e.label.hidden])")
    legend = "return document.getElementById('legend').innerText"
    tried = 0
    for number, (name, hidden) in enumerate(names):
        if name in ONLINE or hidden:
            continue
        box = f"realign.panel.entries[{number}].box"
        empty = run(
            browser,
            f"""return realign.panel.entries[{number}].layers.every((l) =>
                 l.getLayers && l.getLayers().length === 0 && !realign.panel.entries[{number}].fill)
            """,
        )
        shown, before = run(browser, f"return {box}.checked"), run(browser, DRAWN)
        assert (name in run(browser, legend)) == shown, name
        run(browser, f"{box}.click()")
        after = run(browser, DRAWN)
        assert (name in run(browser, legend)) == (not shown), name
        if not empty:
            assert (after < before) if shown else (after > before), name
            tried += 1
        run(browser, f"{box}.click()")
        assert run(browser, DRAWN) == before, name
    assert tried > 12
    quiet(browser)


def test_the_box_of_a_group_is_half_ticked_while_some_are_shown(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    group = """const g = realign.panel.entries.find((e) => e.name === "Dams").group;"""
    state = group + "return [g.box.checked, g.box.indeterminate]"
    assert run(browser, state) == [True, False]
    run(browser, """realign.panel.entries.find((e) => e.name === "Dams").box.click()""")
    assert run(browser, state) == [False, True]
    run(browser, group + "g.box.click()")
    assert run(browser, state) == [True, False]
    run(browser, group + "g.box.click()")
    assert run(browser, state) == [False, False]
    shown = group + "return g.rows.some((e) => e.layers.some((l) => realign.map.hasLayer(l)))"
    assert not run(browser, shown)


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a study that offers the base maps of others."""
    study = small().study
    about = study.study.model_copy(update={"online_maps": True})
    folder = tmp_path_factory.mktemp("online") / "small"
    write(changed(study=study.model_copy(update={"study": about})), folder)
    return folder


def test_base_maps_of_others_are_offered_only_where_the_study_says_so(
    browser: Any, folder: Path, online: Path
) -> None:
    names = "return realign.panel.entries.map((e) => e.name)"
    for page, offered in ((folder, False), (online, True)):
        opened(browser, page)
        assert {each in run(browser, names) for each in ONLINE} == {offered}
        text = (page / "map.html").read_text("utf-8")
        allowed = re.search(r"img-src ([^;]*);", text)
        assert allowed
        assert ("https:" in allowed[1]) == offered
        assert ("https://tile." in text) == offered


def test_online_base_maps_fail_in_silence(browser: Any, online: Path) -> None:
    opened(browser, online)
    script = "realign.panel.entries.find((e) => e.name === 'OpenStreetMap').box.click()"
    run(browser, script)
    deadline = time.monotonic() + 10.0
    broken = """return Array.from(document.querySelectorAll("img.leaflet-tile"),
        (i) => i.src.startsWith("data:"))"""
    while not (found := run(browser, broken)) or not all(found):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    logged = browser.get_log("browser")
    assert all("net::ERR" in row["message"] for row in logged)
    assert "OpenStreetMap contributors" in run(browser, "return document.body.innerText")


def test_another_option_is_drawn_with_its_own_roads_and_figures(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    plan = small()
    for option in plan.options:
        run(browser, f"realign.option.show({json.dumps(option.name)})")
        lengths = run(
            browser,
            """return realign.panel.entries.filter((e) => e.key === "tunnel")[0].name""",
        )
        tunnels = sum(link.tunnel_length for link in option.links) / 1000
        assert lengths == f"Tunnel, {tunnels:.1f} km"
        built = plan.programmes.get(option.name)
        if built and built.schedule.phases:
            words = run(browser, "return document.getElementById('headline').textContent")
            assert f"Rs {built.schedule.total_pkr / 1e9:,.0f} bn" in words
    quiet(browser)


def test_a_popup_tells_chainage_level_and_cost_and_is_no_markup(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(
        browser,
        """const tunnel = realign.panel.entries.find((e) => e.key === "tunnel");
           tunnel.layers[0].getLayers()[0].openPopup();""",
    )
    words = run(browser, "return document.querySelector('.leaflet-popup-content').innerText")
    assert "Upper <dam> / cheapest" in words
    assert "Tunnel" in words
    assert "985 m" in words
    for wanted in (r"Rs 5.6 / 8.4 / 12.7 bn", "2030-07-01", "At most", "Opens", "Deadline"):
        assert wanted in words, wanted


# ---------------------------------------------------------------- the time slider


def test_the_slider_tells_and_draws_every_day(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    plan = small()
    lost = courses.lost(geopackage.layers(plan)["existing_highway"])
    count = int(run(browser, "return document.getElementById('day').max"))
    seen = set()
    for at in sorted({count * k // 12 for k in range(12)} | {count - 1}):
        run(
            browser,
            f"""const slider = document.getElementById("day"); slider.value = {at};
                slider.dispatchEvent(new Event("input"));""",
        )
        told = run(browser, "return realign.days.facts(realign.days.now())")
        now = date.fromisoformat(told["day"])
        assert run(browser, "return document.getElementById('date').textContent") == told["day"]
        assert told["total"] == pytest.approx(spent(plan, SHORT, now), rel=1e-6, abs=1.0)
        under = sum(b - a for a, b, first, _ in lost if date.fromisoformat(first) <= now)
        assert told["lost"] == pytest.approx(under, abs=0.5)
        new = sum(link.length for o in plan.options if o.name == SHORT for link in o.links)
        parts = told["lengths"]
        whole = sum(value for key, value in parts.items() if key != "upgrading")
        assert whole == pytest.approx(new, abs=1.0)
        assert parts["works"] == pytest.approx(built_on(plan, SHORT, now), abs=1.0)
        box = run(browser, "return document.getElementById('today').innerText")
        assert f"Rs {told['total'] / 1e9:,.1f} bn" in box
        assert ("no way through" in box) == (not told["way"]["open"])
        seen.add(run(browser, "return document.querySelector('.leaflet-roads-pane svg').innerHTML"))
    assert len(seen) >= 4
    run(browser, "realign.days.rest()")
    assert not run(browser, "return document.getElementById('today').offsetHeight")
    quiet(browser)


def test_the_lake_of_a_day_is_the_one_that_is_drawn(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    lakes = """return realign.panel.entries.filter((e) => e.role.startsWith("water"))
        .map((e) => [e.role.split("|")[2], realign.map.hasLayer(e.layers[0])])"""
    for wanted, shown in (
        (date(2030, 6, 1), []),
        (date(2030, 7, 1), ["2030-07-01"]),
        (date(2032, 7, 1), ["2032-07-01"]),
    ):
        day(browser, wanted)
        assert [first for first, is_on in run(browser, lakes) if is_on] == shown
    run(browser, "realign.days.rest()")
    assert all(is_on for _, is_on in run(browser, lakes))


def test_a_cut_road_is_said_and_no_truck_is_drawn(browser: Any, folder: Path) -> None:
    opened(browser, folder, "#option=do-nothing")
    cut = small().years["do-nothing"].cuts[0]
    flow = "return document.querySelectorAll('.leaflet-flow-pane path').length"
    told = day(browser, cut.first_day)
    assert not told["way"]["open"]
    assert run(browser, flow) == 0
    assert run(browser, "return document.getElementById('today').className") == "box cut"
    run(browser, "realign.days.set(realign.scene.days.first)")
    assert run(browser, flow) > 0


def test_play_runs_to_the_end_and_pause_stops_it(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    value = "return +document.getElementById('day').value"
    run(browser, "document.getElementById('play').click()")
    first = run(browser, value)
    deadline = time.monotonic() + 10.0
    while run(browser, value) < first + 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run(browser, "document.getElementById('play').click()")
    held = run(browser, value)
    time.sleep(0.8)
    assert run(browser, value) == held
    quiet(browser)


# ---------------------------------------------------------------- the profile


def test_the_cursor_of_the_profile_moves_the_marker_on_the_map(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    link = next(o for o in small().options if o.name == SHORT).links[0]
    run(browser, f"realign.profile.open({json.dumps(link.name)})")
    onto = Transformer.from_crs(small().terrain.crs, 4326, always_xy=True)
    for share in (0.1, 0.37, 0.8):
        told = run(
            browser,
            f"""const svg = document.getElementById("section"), box = svg.getBoundingClientRect();
                const x = box.left + 56 + {share} * (box.width - 70);
                svg.dispatchEvent(new PointerEvent("pointermove", {{ clientX: x,
                  clientY: box.top + 50, bubbles: true }}));
                const at = realign.profile.marker().getLatLng();
                return [realign.profile.cursor(), at.lat, at.lng,
                  document.getElementById("at").textContent,
                  realign.map.hasLayer(realign.profile.marker())];""",
        )
        s, lat, lon, words, drawn = told
        assert drawn
        assert s == pytest.approx(share * link.length, rel=0.01)
        lon_, lat_ = onto.transform(
            np.interp(s, link.station, link.x), np.interp(s, link.station, link.y)
        )
        assert (lat, lon) == pytest.approx((lat_, lon_), abs=2e-5)
        assert f"{link.name} {text(s)}" in words
        assert f"level {np.interp(s, link.station, link.level):,.1f} m" in words


def test_the_mouse_on_the_map_moves_the_cursor_of_the_profile(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    link = next(o for o in small().options if o.name == SHORT).links[0]
    run(
        browser,
        BRIDGE
        + """
           line.fire("click", { latlng: line.getLatLngs()[0] });""",
    )
    assert run(browser, "return document.getElementById('road').value") == link.name
    assert run(browser, "return !document.getElementById('profile').hidden")
    bridge = next(p for p in courses.parts(link) if p[2] == 1)
    assert run(browser, "return realign.profile.cursor()") == pytest.approx(bridge[0], abs=2.0)
    run(
        browser,
        BRIDGE
        + """
           const all = line.getLatLngs();
           line.fire("mousemove", { latlng: all[all.length - 1] });""",
    )
    assert run(browser, "return realign.profile.cursor()") == pytest.approx(bridge[1], abs=2.0)
    words = run(browser, "return document.getElementById('at').textContent")
    assert "bridge" in words


def test_keys_move_the_cursor_and_a_drag_zooms(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(browser, "document.getElementById('profile-open').click()")
    section = browser.find_element("id", "section")
    section.send_keys("\ue010")  # End
    end = run(browser, "return realign.profile.cursor()")
    section.send_keys("\ue012")  # left
    assert run(browser, "return realign.profile.cursor()") < end
    ticks = "return Array.from(document.querySelectorAll('#section text'), (t) => t.textContent)"
    before = run(browser, ticks)
    run(
        browser,
        """const svg = document.getElementById("section"), box = svg.getBoundingClientRect();
           svg.setPointerCapture = function () {};
           [["pointerdown", 0.4], ["pointermove", 0.5], ["pointerup", 0.5]].forEach(([kind, at]) =>
             svg.dispatchEvent(new PointerEvent(kind, { clientX: box.left + at * box.width,
               clientY: box.top + 60, bubbles: true, pointerId: 1 })));""",
    )
    assert run(browser, ticks) != before
    assert run(browser, "return document.querySelectorAll('#section .cut, #section .fill').length")
    run(browser, "document.getElementById('section').dispatchEvent(new Event('dblclick'))")
    assert run(browser, ticks) == before
    quiet(browser)


# ---------------------------------------------------------------- search and measure


def test_search_finds_old_and_new_chainages_and_places(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    plan = small()
    onto = Transformer.from_crs(plan.terrain.crs, 4326, always_xy=True)
    geod = Geod(ellps="WGS84")

    def go(words: str) -> tuple[str, tuple[float, float]]:
        field = browser.find_element("id", "search")
        field.clear()
        field.send_keys(words + "\ue007")
        answer = run(browser, "return document.getElementById('found').textContent")
        at = run(browser, "const c = realign.map.getCenter(); return [c.lng, c.lat]")
        return answer, tuple(at)

    for words, s in (("1+500", 1500.0), ("1.5", 1500.0), ("2.25 km", 2250.0), ("old 0+900", 900.0)):
        answer, at = go(words)
        assert "Existing chainage " + text(s) in answer
        lon, lat = onto.transform(*plan.highway.at([s])[0])
        # the popup may move the map, so the pin counts
        pin = run(
            browser,
            """let p; realign.map.eachLayer((l) => { if (l.options.radius === 10) { p = l; } });
               return [p.getLatLng().lng, p.getLatLng().lat]""",
        )
        assert geod.inv(lon, lat, *pin)[2] < 2.0
        assert geod.inv(lon, lat, *at)[2] < 2_000.0
    assert "Head" in go("head")[0]
    assert "New chainage 2+000" in go("new 2+000")[0]
    assert "The existing road ends at" in go("99+000")[0]
    assert "No place or road is called" in go("nowhere")[0]
    quiet(browser)


def test_the_ruler_measures_along_its_points(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(browser, "document.getElementById('measure').click()")
    ends = run(
        browser,
        """const box = realign.map.getContainer();
           return [[700, 500], [900, 600], [950, 420]].map(([x, y]) => {
             box.dispatchEvent(new MouseEvent("click", { clientX: x, clientY: y, bubbles: true }));
             const p = realign.map.containerPointToLatLng([x, y]); return [p.lng, p.lat]; });""",
    )
    geod = Geod(ellps="WGS84")
    legs = [geod.inv(*a, *b)[2] for a, b in pairwise(ends)]
    said = run(browser, "return document.getElementById('ruler').textContent")
    km = [float(word) for word in said.replace(",", "").split() if word.replace(".", "").isdigit()]
    assert km[0] * (1000 if "km, last" in said else 1) == pytest.approx(sum(legs), rel=0.01)
    run(browser, "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))")
    assert run(browser, "return document.getElementById('ruler').textContent") == ""
    quiet(browser)


# ---------------------------------------------------------------- comparison


def test_the_divider_wipes_one_option_over_the_other(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(browser, f"realign.compare.start({json.dumps(SHORT)}, {json.dumps(LONG)})")
    widths = """return ["left", "right"].map((side) => {
        const [top, right, bottom, left] = realign.map.getPane(side).style.clip
          .match(/-?[0-9.]+/g).map(Number); return right - left; })"""
    wide = run(browser, "return realign.map.getSize().x")
    for share in (0.5, 0.2, 0.9):
        run(browser, f"realign.compare.move({share})")
        left, right = run(browser, widths)
        assert left == pytest.approx(share * wide, abs=1.0)
        assert left + right == pytest.approx(wide, abs=1.0)
    browser.find_element("id", "divider").send_keys("\ue012")
    assert run(browser, widths)[0] == pytest.approx(0.88 * wide, abs=1.0)
    drawn = [
        run(browser, f"return document.querySelectorAll('.leaflet-{side}-pane path').length")
        for side in ("left", "right")
    ]
    assert min(drawn) > 1
    role = "return realign.panel.entries.filter((e) => e.role === 'option' && e.shown)"
    assert not run(browser, role + ".some((e) => realign.map.hasLayer(e.layers[0]))")
    run(browser, "document.getElementById('versus-close').click()")
    assert run(browser, role + ".some((e) => realign.map.hasLayer(e.layers[0]))")
    quiet(browser)


def test_the_table_of_differences_is_that_of_the_figures(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(browser, f"realign.compare.start({json.dumps(SHORT)}, {json.dumps(LONG)})")
    rows = run(
        browser,
        """return Array.from(document.querySelectorAll("#differences tr"), (row) =>
             Array.from(row.cells, (cell) => cell.textContent))""",
    )
    figures = courses.figures(small())
    assert len(rows) == len(figures)
    checked = 0
    for (label, left, right, between), figure in zip(rows, figures, strict=True):
        assert label.startswith(figure["label"])
        a, b = figure["of"][SHORT], figure["of"][LONG]
        if isinstance(a, float) and isinstance(b, float):
            numbers = [float(cell.replace(",", "")) for cell in (left, right, between)]
            wanted = [a, b, b - a]
            assert numbers == pytest.approx(wanted, abs=0.51 * 10 ** -figure["digits"])
            checked += 1
        elif isinstance(a, str) and isinstance(b, str):
            days = (date.fromisoformat(b) - date.fromisoformat(a)).days
            assert between.replace("+", "").replace(",", "") == f"{days} days"
    assert checked > 5


# ---------------------------------------------------------------- link, paper, size


def test_a_link_brings_the_same_map_back(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(
        browser,
        f"""realign.option.show({json.dumps(LONG)});
            realign.panel.entries.find((e) => e.name === "Rivers").box.click();
            realign.panel.entries.find((e) => e.name === "Candidate links").box.click();
            realign.map.setView([35.5, 76.7], 11.5, {{ animate: false }});
            realign.profile.open("*"); realign.profile.put(1234, false);
            realign.days.set("2030-08-01");""",
    )
    saved = run(browser, "return realign.tools.hash()")
    state = """const c = realign.map.getCenter();
        return [realign.option.shown().name, realign.days.now(), realign.profile.key(),
          Math.round(realign.profile.cursor()), realign.panel.difference(),
          c.lat.toFixed(4), c.lng.toFixed(4), realign.map.getZoom()]"""
    before = run(browser, state)
    assert before[:4] == [LONG, "2030-08-01", "*", 1234]
    assert len(before[4]) == 2
    browser.get("about:blank")
    browser.get((folder / "map.html").as_uri() + saved)
    assert run(browser, state) == before
    quiet(browser)


@pytest.mark.parametrize(
    "broken",
    ["#view=x,y,z", "#option=%E0%A4%A", "#date=tomorrow", "#road=none&at=x", "#compare=a|b"],
)
def test_a_broken_link_opens_the_map_as_it_is(browser: Any, folder: Path, broken: str) -> None:
    opened(browser, folder, broken)
    assert run(browser, "return realign.option.shown().name") == SHORT
    assert run(browser, DRAWN) > 10
    quiet(browser)


VIEW = """const m = realign.map, c = m.getCenter();
    return [c.lat, c.lng, m.getZoom(), m.getSize().x, m.getSize().y]"""
UNDER = """
    const map = realign.map, size = map.getSize(), at = [];
    const boxes = ["title", "legend"].map((id) =>
      document.getElementById(id).getBoundingClientRect());
    [realign.old].concat(realign.option.shown().links.map((l) => realign.roads[l])).forEach((r) => {
      for (let k = 0; k <= 50; k++) at.push(map.latLngToContainerPoint(r.at(r.length * k / 50)));
    });
    const span = (a) => Math.max(...at.map((p) => p[a])) - Math.min(...at.map((p) => p[a]));
    return [at.filter((p) => p.x < 0 || p.y < 0 || p.x > size.x || p.y > size.y ||
      boxes.some((b) => p.x > b.left && p.x < b.right && p.y > b.top && p.y < b.bottom)).length,
      Math.max(span("x") / size.x, span("y") / size.y)]"""
"""Points of roads outside the map or under a box, and share of the map that they span."""
CUT = """const b = realign.map.getBounds(), [s, w, n, e] = arguments;
    return Math.max(b.getSouth() - s, b.getWest() - w, n - b.getNorth(), e - b.getEast())"""


@contextmanager
def paper(browser: Any) -> Iterator[None]:
    """Lay the page out for printing, as a browser does that is told to print."""
    run(browser, "window.dispatchEvent(new Event('beforeprint'))")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        run(browser, "window.dispatchEvent(new Event('afterprint'))")


def test_paper_has_the_map_and_its_legend_but_no_buttons(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    with paper(browser):
        seen = """return [".tools", "#dock", "#panel", "#find", "#legend", "#name"].map((s) =>
            document.querySelector(s).getClientRects().length > 0)"""
        assert run(browser, seen) == [False, False, False, False, True, True]
        assert run(browser, "return document.getElementById('legend').open")


def test_a_sheet_of_paper_is_filled_by_the_roads(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    screen = run(browser, VIEW)
    with paper(browser):
        assert run(browser, VIEW)[3:] == pytest.approx([404 * 96 / 25.4, 280 * 96 / 25.4], abs=1)
        hidden, share = run(browser, UNDER)
        assert hidden == 0
        assert share > 0.5
    assert run(browser, VIEW) == pytest.approx(screen, rel=1e-6)


def test_paper_shows_what_the_reader_looked_at(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(browser, "realign.map.setView(realign.old.at(4000), 14, {animate: false})")
    screen = run(browser, VIEW)
    seen = run(
        browser,
        """const b = realign.map.getBounds();
        return [b.getSouth(), b.getWest(), b.getNorth(), b.getEast()]""",
    )
    with paper(browser):
        assert run(browser, CUT, *seen) < (seen[3] - seen[1]) / screen[3]  # a pixel
        assert run(browser, VIEW)[:3] == pytest.approx([*screen[:2], screen[2]], abs=1.2)
    assert run(browser, VIEW) == pytest.approx(screen, rel=1e-6)


def test_everything_is_reached_by_keyboard_and_has_a_name(browser: Any, folder: Path) -> None:
    opened(browser, folder)
    run(
        browser,
        f"""realign.compare.start({json.dumps(SHORT)}, {json.dumps(LONG)});
            realign.profile.open("*");""",
    )
    nameless = run(
        browser,
        """return Array.from(document.querySelectorAll(
               "button, input, select, [role=slider], summary"))
             .filter((n) => n.getClientRects().length)
             .filter((n) => !(n.getAttribute("aria-label") || n.textContent.trim()
               || (n.labels && n.labels.length))).map((n) => n.outerHTML)""",
    )
    assert nameless == []
    order = []
    for _ in range(60):
        browser.switch_to.active_element.send_keys("\ue004")
        order.append(run(browser, "return document.activeElement.id"))
    wanted = {
        "option",
        "search",
        "compare",
        "measure",
        "left",
        "right",
        "divider",
        "road",
        "section",
        "play",
        "day",
        "profile-open",
    }
    assert wanted <= set(order), wanted - set(order)


@pytest.mark.parametrize("size", SIZES)
def test_first_paint_is_quick_and_the_file_is_small(
    browser: Any, folder: Path, size: tuple[int, int]
) -> None:
    opened(browser, folder, size=size)
    browser.get_screenshot_as_png()  # without a reader nothing is painted
    kind = "performance.getEntriesByType('paint').find((e) => e.name === 'first-paint')"
    assert run(browser, f"return {kind}.startTime") < 2000
    assert (folder / "map.html").stat().st_size < 8e6


@pytest.mark.parametrize("size", SIZES)
def test_the_map_asks_for_nothing_and_never_complains(
    browser: Any, folder: Path, size: tuple[int, int]
) -> None:
    open_page(browser, folder / "map.html", size)
    check_quiet(browser)


@pytest.mark.parametrize("size", SIZES)
def test_the_map_never_scrolls_sideways(browser: Any, folder: Path, size: tuple[int, int]) -> None:
    open_page(browser, folder / "map.html", size)
    assert run(browser, "return document.documentElement.scrollWidth") <= size[0]


def test_the_hillshade_is_under_the_roads(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "map.html")
    inside = run(
        browser,
        """const image = document.querySelector("img.leaflet-image-layer");
           const box = image.getBoundingClientRect();
           const roads = Array.from(document.querySelectorAll(".leaflet-roads-pane path"),
             (path) => path.getBoundingClientRect());
           return [image.naturalWidth > 0, roads.length, roads.every((road) =>
             road.left > box.left && road.right < box.right && road.top > box.top
             && road.bottom < box.bottom)];""",
    )
    assert inside[0]
    assert inside[1] > 5
    assert inside[2]


@pytest.mark.parametrize("size", SIZES)
def test_a_popup_moves_out_from_behind_the_boxes(
    browser: Any, folder: Path, size: tuple[int, int]
) -> None:
    open_page(browser, folder / "map.html", size)
    run(
        browser,
        """map_realign.eachLayer(function (layer) {
             if (layer.feature && layer.feature.properties.title === "Start") { layer.openPopup(); }
           });""",
    )
    covered = """const a = document.querySelector(".leaflet-popup").getBoundingClientRect();
        return Array.from(document.querySelectorAll(".box"), (b) => b.getBoundingClientRect())
          .some((b) => a.right > b.left && b.right > a.left
            && a.bottom > b.top && b.bottom > a.top)"""
    deadline = time.monotonic() + 5.0
    while run(browser, covered) and time.monotonic() < deadline:
        time.sleep(0.1)  # the map glides
    assert not run(browser, covered)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_of_the_road_is_hidden_behind_the_boxes(
    browser: Any, folder: Path, size: tuple[int, int]
) -> None:
    open_page(browser, folder / "map.html", size)
    overlaps = run(
        browser,
        """const boxes = Array.from(document.querySelectorAll(".box"),
             (box) => box.getBoundingClientRect());
           return Array.from(document.querySelectorAll(".leaflet-roads-pane path"))
             .map((path) => path.getBoundingClientRect())
             .filter((a) => boxes.some((b) => a.right > b.left && b.right > a.left
               && a.bottom > b.top && b.bottom > a.top)).length;""",
    )
    assert overlaps == 0
