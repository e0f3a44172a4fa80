"""Laws of the map in a browser: it works from disk, asks for nothing, and never complains."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from pages import SIZES, check_quiet, open_page, run
from small_plan import LONG, SHORT, small

NETWORK = ("Candidate links", "Critical stretches of the option shown")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def folder(small_folder: Path) -> Path:
    return small_folder


def boxes(browser: Any) -> dict[str, bool]:
    """Tick boxes of the panel by the first line of their text."""
    return run(
        browser,
        """return Object.fromEntries(Array.from(document.querySelectorAll("#panel label"), (l) =>
           [l.querySelector("span").firstChild.textContent, l.querySelector("input").checked]))""",
    )


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


def test_the_map_opens_on_the_best_option_with_the_others_hidden(
    browser: Any, folder: Path
) -> None:
    open_page(browser, folder / "map.html")
    shown = boxes(browser)
    hidden = {name for name, ticked in shown.items() if not ticked}
    classes = {name for name in shown if name.startswith("Class ")}
    assert hidden == {LONG, *NETWORK} | classes
    assert classes
    assert {"Dry at full level", "Dams", "Tie-ins", "Rivers", "Places"} <= set(shown)
    assert any(name.startswith("Tunnel") for name in shown)
    title = run(browser, "return document.getElementById('title').innerText")
    assert SHORT in title
    assert small().study.study.ground in title


def test_a_tick_box_shows_and_hides_its_layer(browser: Any, folder: Path) -> None:
    open_page(browser, folder / "map.html")
    count = "return document.querySelectorAll('.leaflet-pane path').length"
    all_of_them = run(browser, count)
    classes = [name for name in boxes(browser) if name.startswith("Class ")]
    for label in ("safest", "Dry at full level", *NETWORK, *classes):
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
