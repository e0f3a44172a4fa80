"""Laws of the options of the report in a browser: weights, order, and the cloud of answers."""

import re
from pathlib import Path
from typing import Any

import pytest
from pages import open_page, run
from small_plan import LONG, SHORT, small

from realign.options import table as weighed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def folder(small_folder: Path) -> Path:
    return small_folder


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
