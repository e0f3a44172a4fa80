"""Laws of the pages in a browser: they work from disk, ask for nothing, and never complain."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_plan import SHORT, small

from realign import outputs

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


def boxes(browser: Any) -> dict[str, bool]:
    """Tick boxes of the panel by the first line of their text."""
    return run(
        browser,
        """return Object.fromEntries(Array.from(document.querySelectorAll("#panel label"), (l) =>
           [l.querySelector("span").firstChild.textContent, l.querySelector("input").checked]))""",
    )


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


def test_the_map_opens_on_the_best_option_with_the_others_hidden(
    browser: Any, folder: Path
) -> None:
    open_page(browser, folder / "map.html")
    shown = boxes(browser)
    assert [name for name, ticked in shown.items() if not ticked] == ["safest"]
    assert {"Dry at full level", "Dams", "Tie-ins", "Rivers", "Places"} <= set(shown)
    assert any(name.startswith("Tunnel") for name in shown)
    title = run(browser, "return document.getElementById('title').innerText")
    assert SHORT in title
    assert small().study.study.ground in title


def test_a_tick_box_shows_and_hides_its_layer(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "map.html")
    count = "return document.querySelectorAll('.leaflet-pane path').length"
    all_of_them = run(browser, count)
    for label in ("safest", "Dry at full level"):
        click = f"""const all = Array.from(document.querySelectorAll("#panel label"));
            all.find((l) => l.innerText.startsWith({json.dumps(label)}))
              .querySelector("input").click();"""
        before = run(browser, count)
        ticked = boxes(browser)[label]
        run(browser, click)
        after = run(browser, count)
        assert (after < before) if ticked else (after > before)
        run(browser, click)
        assert run(browser, count) == all_of_them


def test_a_popup_tells_chainage_level_and_cost_and_is_no_markup(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "map.html")
    run(
        browser,
        """map_realign.eachLayer(function (layer) {
             if (layer.feature && layer.feature.properties.title
                 && layer.feature.properties.title.startsWith("Tunnel")) {
               layer.openPopup();
             }
           });""",
    )
    words = run(browser, "return document.querySelector('.leaflet-popup-content').innerText")
    assert "Tunnel: Upper <dam> / cheapest" in words
    assert re.search(r"\d+\+\d{3} to \d+\+\d{3}", words)
    assert "985 m" in words
    assert re.search(r"Rs 5\.6 / 8\.4 / 12\.7 bn", words)
    assert "2030-07-01" in words


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
