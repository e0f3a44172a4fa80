"""Laws of the pages in a browser: they work from disk, ask for nothing, and never complain."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_plan import LONG, SHORT, small

from realign import outputs
from realign.options import table as weighed

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver", "chromium.chromedriver")
SIZES = [(1440, 900), (390, 844)]
ALLOWED = ("data:", "file:", "about:")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def found(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("maps") / "small"
    outputs.write(small(), target)
    return target


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a network: whatever it asks for goes to a proxy that is not there."""
    program, driver = found(BROWSERS), found(DRIVERS)
    if program is None or driver is None:
        pytest.skip(f"no browser: wanted one of {', '.join(BROWSERS)} and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--proxy-server=127.0.0.1:9",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(driver)
    with webdriver.Chrome(options=options, service=service) as chrome:
        yield chrome


def open_page(browser: Any, path: Path, size: tuple[int, int] = SIZES[0]) -> None:
    wide, tall = size
    browser.get_log("browser")
    browser.get_log("performance")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": wide, "height": tall, "deviceScaleFactor": 1, "mobile": wide < 500},
    )
    browser.get(path.as_uri())


def run(browser: Any, script: str) -> Any:
    return browser.execute_script(script)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["index.html", "map.html"])
def test_a_page_asks_for_nothing_and_never_complains(
    browser: Any, folder: Path, name: str, size: tuple[int, int]
) -> None:
    open_page(browser, folder / name, size)
    events = [json.loads(row["message"])["message"] for row in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert asked
    assert [url for url in asked if not url.startswith(ALLOWED)] == []
    assert [event for event in events if event["method"] == "Network.loadingFailed"] == []
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["index.html", "map.html"])
def test_a_page_never_scrolls_sideways(
    browser: Any, folder: Path, name: str, size: tuple[int, int]
) -> None:
    open_page(browser, folder / name, size)
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


# ---------------------------------------------------------------- the report


def moved(browser: Any, weights: dict[int, int]) -> None:
    """Move sliders to weights, by the number of the objective."""
    for number, value in weights.items():
        run(
            browser,
            f"""const slider = document.querySelectorAll("#weighing input")[{number}];
                slider.value = {value};
                slider.dispatchEvent(new Event("input", {{ bubbles: true }}));""",
        )


def shown_totals(browser: Any) -> list[list[str]]:
    """Rank, name and total of the rows of the decision, as they stand."""
    return run(
        browser,
        """return Array.from(document.querySelectorAll("#decision tbody tr"), (row) => [
             row.querySelector(".rank").textContent, row.dataset.name,
             (row.querySelector(".total") || { textContent: "cut" }).textContent])""",
    )


def test_weights_change_the_winner_by_the_formula_of_the_decision(
    browser: Any, folder: Path
) -> None:
    open_page(browser, folder / "index.html")
    table = small().decision.table
    before = shown_totals(browser)
    assert [name for _, name, _ in before] == [table.options[i] for i in table.rank.argsort()]
    titles = {option.name: option.title for option in small().options}
    objectives = [each.name for each in table.objectives]
    winners = set()
    telling = [j for j, part in enumerate(table.parts[1:].T) if part.any()]
    assert len(telling) > 1
    for favoured in telling:
        chosen = dict.fromkeys(range(len(objectives)), 0) | {favoured: 60}
        moved(browser, chosen)
        own = weighed(
            table.options,
            table.scores,
            table.objectives,
            weights={name: float(chosen[j]) for j, name in enumerate(objectives)},
        )
        rows = shown_totals(browser)
        assert [name for _, name, _ in rows] == [own.options[i] for i in own.rank.argsort()]
        assert [int(rank) for rank, _, _ in rows] == sorted(own.rank.tolist())
        for _, name, total in rows[:-1]:
            assert float(total) == pytest.approx(own.totals[own.options.index(name)], abs=6e-4)
        said = run(browser, "return document.getElementById('winner').innerText")
        assert said == f"{titles[own.winner]} comes first with your weights."
        winners.add(own.winner)
    assert winners == {SHORT, LONG}


def test_reset_brings_the_weights_of_the_study_back(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "index.html")
    before = shown_totals(browser)
    visible = "return getComputedStyle(document.getElementById('reset')).display !== 'none'"
    assert not run(browser, visible)
    moved(browser, {0: 0, 3: 100})
    assert shown_totals(browser) != before
    assert run(browser, visible)
    run(browser, "document.getElementById('reset').click()")
    assert shown_totals(browser) == before
    assert "weights of the study" in run(
        browser, "return document.getElementById('winner').innerText"
    )


def test_weights_that_are_all_nothing_choose_nobody(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "index.html")
    moved(browser, dict.fromkeys(range(len(small().decision.table.objectives)), 0))
    said = run(browser, "return document.getElementById('winner').innerText")
    assert said.startswith("Nothing counts")
    assert browser.get_log("browser") == []


def test_the_table_of_options_sorts_by_every_column_both_ways(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "index.html")
    count = run(browser, "return document.querySelectorAll('#shortlist thead th').length")
    for column in range(count):
        orders = []
        for state in ("ascending", "descending"):
            run(
                browser,
                f"""const head = document.querySelectorAll("#shortlist thead th")[{column}];
                    if (head.getAttribute("aria-sort") !== "{state}") {{
                      head.querySelector("button").click(); }}""",
            )
            found = run(
                browser,
                f"""return [document.querySelectorAll("#shortlist thead th")[{column}]
                     .getAttribute("aria-sort"),
                   Array.from(document.querySelectorAll("#shortlist tbody tr"), (row) => {{
                     const cell = row.cells[{column}];
                     return cell.dataset.value || cell.textContent.trim(); }})]""",
            )
            assert found[0] == state
            orders.append([number(each) for each in found[1]])
        assert orders[0] == sorted(orders[0])
        assert orders[1] == sorted(orders[1], reverse=True)


def number(text: str) -> tuple[float, str]:
    """Key of a cell: numbers first, by size."""
    try:
        return float(text.replace(",", "")), ""
    except ValueError:
        return float("inf"), text.lower()


def test_the_front_is_drawn_on_other_axes_within_its_frame(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "index.html")
    marks = run(browser, "return JSON.parse(document.getElementById('front-data').text).marks")
    labels = set()
    count = run(browser, "return document.querySelectorAll('#axis-x option').length")
    assert count == len(small().decision.table.objectives)
    for across in range(count):
        run(
            browser,
            f"""const axis = document.getElementById("axis-x");
                axis.value = "{across}"; axis.dispatchEvent(new Event("change"));""",
        )
        inside = run(
            browser,
            """const box = document.getElementById("cloud").viewBox.baseVal;
               return Array.from(document.querySelectorAll("#cloud circle"), (c) =>
                 [c.cx.baseVal.value, c.cy.baseVal.value]).every(([x, y]) =>
                   x >= 0 && x <= box.width && y >= 0 && y <= box.height)""",
        )
        assert inside
        label, ticks, places = run(
            browser,
            """return [document.querySelector("#cloud .across").textContent,
                 document.querySelectorAll("#cloud .grid text").length,
                 Array.from(document.querySelectorAll("#cloud .exact"), (c) => c.cx.baseVal.value)]
            """,
        )
        labels.add(label)
        assert ticks >= 4
        values = [mark[2][across] for mark in marks]
        order = sorted(range(len(values)), key=values.__getitem__)
        assert [places[i] for i in order] == sorted(places)
    assert len(labels) == count
    assert browser.get_log("browser") == []


def test_the_drawing_of_the_script_is_that_of_the_page(browser: Any, folder: Path) -> None:
    path = folder / "index.html"
    page = path.read_text(encoding="utf-8")
    still = re.search(r'<g class="marks">(.*?)</g>', page, flags=re.DOTALL)
    assert still
    wanted = [float(x) for x in re.findall(r'class="badge[^"]*" cx="([\d.]+)"', still[1])]
    open_page(browser, path)
    found = run(
        browser,
        """return Array.from(document.querySelectorAll("#cloud .badge"),
             (c) => c.cx.baseVal.value)""",
    )
    assert found == pytest.approx(wanted, abs=0.11)


def test_paper_has_assumptions_and_phases_open(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "index.html")
    shut = "return document.querySelectorAll('details.paper:not([open])').length"
    before = run(browser, shut)
    assert before == 1 + 4  # phases of the other option, four tables of assumptions
    run(browser, "window.dispatchEvent(new Event('beforeprint'))")
    assert run(browser, shut) == 0
    run(browser, "window.dispatchEvent(new Event('afterprint'))")
    assert run(browser, shut) == before


def test_without_scripts_the_weights_of_the_study_stand(browser: Any, folder: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        open_page(browser, folder / "index.html")
        first = browser.find_element("css selector", "#decision tbody tr")
        assert first.get_attribute("data-name") == small().decision.table.winner
        for hidden in (".sliders", "#reset", "#axes"):
            assert not browser.find_element("css selector", hidden).is_displayed()
        assert "With scripts" in browser.find_element("id", "weighing").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


CONTRAST = """
const channel = (v) => v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4);
const parts = (colour) => (colour.match(/[0-9.]+/g) || []).map(Number);
const light = (p) => 0.2126 * channel(p[0] / 255) + 0.7152 * channel(p[1] / 255)
  + 0.0722 * channel(p[2] / 255);
function ground(node) {
  for (let at = node; at instanceof Element; at = at.parentNode) {
    const own = parts(getComputedStyle(at).backgroundColor);
    if (own.length === 3 || own[3] === 1) { return own; }
  }
  return [255, 255, 255];
}
const out = [];
document.querySelectorAll("body *").forEach((node) => {
  const text = Array.from(node.childNodes).filter((n) => n.nodeType === 3)
    .map((n) => n.textContent.trim()).join("");
  if (!text || !node.getClientRects().length || node.closest("script, style, title")) { return; }
  const style = getComputedStyle(node);
  const inside = node.closest("svg");
  const ink = light(parts(inside ? style.fill : style.color));
  const dark = node.classList.contains("number") && node.classList.contains("best");
  const paper = dark ? light([17, 17, 17]) : light(ground(node));
  const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  if (ratio < 4.5) { out.push(text.slice(0, 40) + " " + ratio.toFixed(2)); }
});
return out;
"""
"""Texts whose contrast to what lies behind them is below 4.5, as WCAG 2.1 counts it for AA."""


def test_every_text_of_the_report_has_the_contrast_that_wcag_asks(
    browser: Any, folder: Path
) -> None:
    open_page(browser, folder / "index.html")
    run(browser, "document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert run(browser, CONTRAST) == []
    run(browser, "document.querySelector('h1').style.color = '#777777'")
    assert len(run(browser, CONTRAST)) == 1


def test_every_control_of_the_report_has_a_name(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "index.html")
    nameless = run(
        browser,
        """return Array.from(document.querySelectorAll("input, select, button, summary, a"))
             .filter((c) => !(c.innerText.trim() || (c.labels && c.labels.length)
               || c.getAttribute("aria-label"))).map((c) => c.outerHTML)""",
    )
    assert nameless == []
