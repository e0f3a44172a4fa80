"""Laws of the report in a browser: it can be read, reached, searched, folded, and printed."""

from base64 import b64decode
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pages import NARROW, SIZES, WIDE, check_quiet, open_page, run
from small_plan import SHORT, small

from realign.outputs import gantt

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
Keys = webdriver.Keys

PAPER = (1032, 700)
"""A4 lying, without its margins [px]."""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def report(small_folder: Path) -> Path:
    return small_folder / "index.html"


def unfold(browser: Any) -> None:
    run(browser, "document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def press(browser: Any, key: str) -> None:
    webdriver.ActionChains(browser).send_keys(key).perform()


# ---------------------------------------------------------------- the page as a whole


@pytest.mark.parametrize("size", SIZES)
def test_the_report_asks_for_nothing_and_never_complains(
    browser: Any, report: Path, size: tuple[int, int]
) -> None:
    open_page(browser, report, size)
    unfold(browser)
    run(browser, "window.scrollTo(0, document.documentElement.scrollHeight)")
    check_quiet(browser)


@pytest.mark.parametrize("size", [*SIZES, (768, 1024)])
def test_the_report_never_scrolls_sideways_even_unfolded(
    browser: Any, report: Path, size: tuple[int, int]
) -> None:
    open_page(browser, report, size)
    unfold(browser)
    assert run(browser, "return document.documentElement.scrollWidth") <= size[0]
    out = run(
        browser,
        """return Array.from(document.querySelectorAll("main *"))
             .filter((n) => !n.closest(".scroll *, [hidden]")
               && n.getBoundingClientRect().right > innerWidth + 1).map((n) => n.outerHTML)""",
    )
    assert out == []  # what is wide scrolls in a region of its own


def test_headings_have_one_first_and_skip_no_level(browser: Any, report: Path) -> None:
    open_page(browser, report)
    levels = run(
        browser,
        """return Array.from(document.querySelectorAll("h1,h2,h3,h4,h5,h6"),
             (h) => Number(h.tagName[1]))""",
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert run(browser, "return document.documentElement.lang") == "en"
    marks = "return ['main', 'nav', 'header'].map((t) => document.querySelectorAll(t).length)"
    assert run(browser, marks) == [1, 1, 1]


def test_contents_name_every_section_and_lead_to_it(browser: Any, report: Path) -> None:
    open_page(browser, report)
    links = run(
        browser,
        """return Array.from(document.querySelectorAll("#contents a[href^='#']"),
             (a) => a.getAttribute("href").slice(1))""",
    )
    heads = run(browser, "return Array.from(document.querySelectorAll('h2'), (h) => h.id)")
    assert links == heads
    for name in ("options", "schedule", "assumptions"):
        run(browser, f"document.querySelector(\"#contents a[href='#{name}']\").click()")
        top = run(browser, f"return document.getElementById('{name}').getBoundingClientRect().top")
        assert -1 <= top < 100


def test_contents_follow_what_is_read(browser: Any, report: Path) -> None:
    open_page(browser, report)
    for name in ("weights", "risk", "answer", "run"):
        current = browser.execute_async_script(
            """const done = arguments[1];
               document.getElementById(arguments[0]).scrollIntoView();
               requestAnimationFrame(() => requestAnimationFrame(() => done(
                 Array.from(document.querySelectorAll("#contents [aria-current]"),
                   (a) => a.getAttribute("href")))));""",
            name,
        )
        assert current == [f"#{name}"]


def test_contents_fold_on_a_phone_and_close_by_key(browser: Any, report: Path) -> None:
    open_page(browser, report, NARROW)
    seen = "return document.getElementById('contents').getClientRects().length > 0"
    button = browser.find_element("id", "contents-button")
    assert not run(browser, seen)
    button.send_keys(Keys.ENTER)
    assert run(browser, seen)
    assert button.get_attribute("aria-expanded") == "true"
    press(browser, Keys.ESCAPE)
    assert not run(browser, seen)
    button.click()
    browser.find_element("css selector", "#contents a[href='#risk']").click()
    assert not run(browser, seen)
    top = run(browser, "return document.getElementById('risk').getBoundingClientRect().top")
    bar = run(browser, "return document.querySelector('.contents').getBoundingClientRect().bottom")
    assert bar <= top < bar + 60  # not behind the bar


def test_the_first_key_reaches_a_link_that_skips_to_the_answer(browser: Any, report: Path) -> None:
    open_page(browser, report)
    press(browser, Keys.TAB)
    inside = """const box = document.activeElement.getBoundingClientRect();
        return [document.activeElement.getAttribute("href"), box.left >= 0 && box.top >= 0]"""
    assert run(browser, inside) == ["#answer", True]
    press(browser, Keys.ENTER)
    assert run(browser, "return document.activeElement.id") == "answer"


def test_whatever_takes_keys_shows_that_it_has_them(browser: Any, report: Path) -> None:
    open_page(browser, report)
    for _ in range(12):
        press(browser, Keys.TAB)
        style = run(
            browser,
            """const s = getComputedStyle(document.activeElement);
               return [s.outlineStyle, parseFloat(s.outlineWidth)]""",
        )
        assert style[0] != "none"
        assert style[1] >= 1


def test_every_drawing_has_a_name_or_is_ornament(browser: Any, report: Path) -> None:
    open_page(browser, report)
    nameless = run(
        browser,
        """return Array.from(document.querySelectorAll("svg")).filter((svg) =>
             svg.getAttribute("aria-hidden") !== "true"
             && !(svg.getAttribute("role") && (svg.getAttribute("aria-label") || "").length > 8))
             .map((svg) => svg.outerHTML.slice(0, 200))""",
    )
    assert nameless == []


def test_every_control_of_the_report_has_a_name(browser: Any, report: Path) -> None:
    open_page(browser, report)
    unfold(browser)
    nameless = run(
        browser,
        """return Array.from(document.querySelectorAll("input, select, button, summary, a"))
             .filter((c) => !(c.innerText.trim() || (c.labels && c.labels.length)
               || c.getAttribute("aria-label"))).map((c) => c.outerHTML)""",
    )
    assert nameless == []


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


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("media", ["screen", "print"])
def test_every_text_of_the_report_has_the_contrast_that_wcag_asks(
    browser: Any, report: Path, size: tuple[int, int], media: str
) -> None:
    open_page(browser, report, size)
    unfold(browser)
    run(browser, "document.querySelectorAll('[hidden]').forEach((n) => { n.hidden = false; })")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
    try:
        assert run(browser, CONTRAST) == []
        run(browser, "document.querySelector('h1').style.color = '#777777'")
        assert len(run(browser, CONTRAST)) == 1
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_links_into_the_map_show_the_option_the_road_and_the_day(
    browser: Any, report: Path
) -> None:
    open_page(browser, report)
    links = run(
        browser,
        "return Array.from(document.querySelectorAll(\"a[href^='map.html#']\"), (a) => a.href)",
    )
    plan = small()
    opens = {phase.opens.isoformat() for phase in plan.programmes[SHORT].schedule.phases}
    roads, days = set(), set()
    for link in sorted(set(links)):
        browser.get("about:blank")
        browser.get(link)
        wanted = {key: value[0] for key, value in parse_qs(urlsplit(link).fragment).items()}
        shown = "return [realign.option.shown().name, realign.profile.key(), realign.days.now()]"
        option, road, day = run(browser, shown)
        assert option == wanted["option"]
        if "road" in wanted:
            assert road == wanted["road"]
            roads.add(road)
        if "date" in wanted:
            assert day == wanted["date"]
            days.add(day)
    assert roads == {link.name for option in plan.options for link in option.links}
    assert opens <= days


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_a_table_sorts_by_key_as_numbers_and_says_so(browser: Any, report: Path, key: str) -> None:
    open_page(browser, report)
    unfold(browser)
    heads = browser.find_elements("css selector", "#shortlist thead th")
    column = next(i for i, head in enumerate(heads) if head.text.startswith("Programme"))
    button = heads[column].find_element("tag name", "button")
    planned = {name: risk.whole.planned_pkr for name, risk in small().risks.items()}
    names = "return Array.from(document.querySelectorAll('#shortlist tbody th .spread'), "
    names += "(n) => n.textContent)"
    for state, order in (("ascending", 1), ("descending", -1)):
        button.send_keys(key)
        assert heads[column].get_attribute("aria-sort") == state
        rows = [name for name in run(browser, names) if name in planned]
        assert [planned[name] for name in rows] == sorted(planned.values())[::order]
        sorted_heads = browser.find_elements("css selector", "#shortlist th[aria-sort]")
        assert len(sorted_heads) == 1


def test_files_sort_by_size_not_by_digits(browser: Any, report: Path) -> None:
    open_page(browser, report)
    table = browser.find_element("css selector", "#files + .scroll table")
    table.find_elements("css selector", "thead th button")[1].click()
    names = run(
        browser, "return Array.from(arguments[0].tBodies[0].rows, (r) => r.innerText)", table
    )
    sizes = [
        path.stat().st_size if path.name != "manifest.json" else 0  # written after the report
        for path in (report.parent / name.split()[0] for name in names)
    ]
    assert len({len(str(size)) for size in sizes}) > 3
    assert sizes == sorted(sizes)


def test_days_sort_as_days_in_the_table_of_activities(browser: Any, report: Path) -> None:
    open_page(browser, report)
    unfold(browser)
    table = browser.find_element("css selector", "#schedule ~ details table.sort")
    head = table.find_elements("css selector", "thead th")[4]
    assert head.text.startswith("Finish")
    head.find_element("tag name", "button").click()
    finish = run(
        browser,
        "return Array.from(arguments[0].tBodies[0].rows, (r) => r.cells[4].textContent)",
        table,
    )
    activities = small().programmes[SHORT].schedule.activities
    assert [date.fromisoformat(day) for day in finish] == sorted(t.finish for t in activities)


def test_a_search_leaves_the_assumptions_that_hold_all_its_words(
    browser: Any, report: Path
) -> None:
    open_page(browser, report)
    box = browser.find_element("id", "filter")
    left = """return Array.from(document.querySelectorAll("details.assumed tbody tr"))
        .filter((row) => row.checkVisibility()).map((row) => row.cells[0].textContent)"""
    plan = small()
    for words in ("dams", "assumption stages", "hand rates", "nothing of the kind"):
        box.clear()
        box.send_keys(words)
        wanted = {
            row.key
            for row in plan.assumptions
            if all(w in f"{row.key} {row.value} {row.reason}".lower() for w in words.split())
        }
        assert set(run(browser, left)) == wanted
        assert browser.find_element("id", "found").text == f"{len(wanted)} found"
    box.clear()
    box.send_keys("x", Keys.BACKSPACE)
    hidden = "return document.querySelectorAll('details.assumed[hidden]').length"
    assert run(browser, hidden) == 0
    assert run(browser, left) == []  # folded again


# ---------------------------------------------------------------- schedule


BARS = """
const svg = document.querySelector("details.gantt svg.bars");
const years = Array.from(svg.querySelectorAll("path.year"), (p) => p.getBoundingClientRect().left);
const names = Array.from(svg.querySelectorAll("path.year + text"), (t) => Number(t.textContent));
return [names, years, Array.from(document.querySelectorAll(
  "details.gantt svg.bars"), (one) => Array.from(one.querySelectorAll(".job"), (g) => {
    const box = g.querySelector("rect").getBoundingClientRect();
    const must = g.classList.contains("must");
    return [g.querySelector("title").textContent, box.left, box.right, must];
  }))];
"""
"""Years and where they begin, and of each phase its bars: words, left, right, critical."""


@pytest.mark.parametrize("size", SIZES)
def test_bars_of_the_schedule_lie_where_their_dates_say(
    browser: Any, report: Path, size: tuple[int, int]
) -> None:
    open_page(browser, report, size)
    names, lines, phases = run(browser, BARS)
    dated = small().programmes[SHORT].schedule
    first, last = date(names[-2], 1, 1), date(names[-1], 1, 1)
    scale = (lines[-1] - lines[-2]) / (last - first).days

    def at(day: date) -> float:
        return lines[-2] + (day - first).days * scale

    assert len(names) > 1
    for phase, bars in zip(dated.phases, phases, strict=False):
        own = [t for t in dated.activities if t.activity.work == phase.work.name]
        assert own
        for each in own:
            label = each.activity.name.removeprefix(f"{each.activity.lot}: ")
            words = f"{each.start} to {each.finish}"
            (bar,) = [b for b in bars if words in b[0] and label in b[0].split(f": {words}")[0]]
            assert bar[1] == pytest.approx(at(each.start), abs=1.5)
            assert bar[2] == pytest.approx(at(each.finish), abs=1.5)
            assert bar[3] == each.critical


def test_arrow_keys_walk_along_the_bars_and_tell_each(browser: Any, report: Path) -> None:
    open_page(browser, report)
    told = "return document.querySelector('details.gantt .readout').textContent"
    own = """return Array.from(document.querySelector("details.gantt").querySelectorAll(".job"),
        (g) => [g.querySelector("title").textContent, g.getAttribute("tabindex")])"""
    bars = run(browser, own)
    assert [stop for _, stop in bars] == ["0"] + ["-1"] * (len(bars) - 1)
    run(browser, "document.querySelector('details.gantt .job').focus()")
    assert run(browser, told) == bars[0][0]
    press(browser, Keys.END)
    assert run(browser, told) == bars[-1][0]
    press(browser, Keys.ARROW_RIGHT)  # there is none
    assert run(browser, told) == bars[-1][0]
    press(browser, Keys.HOME)
    press(browser, Keys.ARROW_RIGHT)
    assert run(browser, told) == bars[min(1, len(bars) - 1)][0]
    assert [stop for _, stop in run(browser, own)].count("0") == 1


def test_phases_and_other_options_unfold(browser: Any, report: Path) -> None:
    open_page(browser, report)
    for selector, before in (("details.gantt", True), ("details.option", False)):
        box = browser.find_element("css selector", selector)
        inside = box.find_element("css selector", "svg.bars")
        assert inside.is_displayed() == before
        box.find_element("tag name", "summary").send_keys(Keys.ENTER)
        assert inside.is_displayed() != before


# ---------------------------------------------------------------- money


def test_columns_of_spending_are_to_scale_for_every_option_and_way(
    browser: Any, report: Path
) -> None:
    open_page(browser, report)
    for option, programme in small().programmes.items():
        for by in ("financier", "phase"):
            shown = run(
                browser,
                """for (const [key, value] of [["option", arguments[0]], ["by", arguments[1]]]) {
                     const node = document.querySelector(
                       "[data-choose=spent] [data-key=" + key + "]");
                     node.value = value; node.dispatchEvent(new Event("change"));
                   }
                   const all = Array.from(document.querySelectorAll("figure[data-of=spent]"))
                     .filter((f) => f.getClientRects().length);
                   return all.map((f) => [f.dataset.option, f.dataset.by, Array.from(
                     f.querySelectorAll("svg.chart rect"), (r) => [Number(
                     r.querySelector("title").textContent.slice(0, 4)), r.height.baseVal.value])])
                """,
                option,
                by,
            )
            ((name, way, bars),) = shown
            assert (name, way) == (option, by)
            sums: dict[int, float] = {}
            for year, height in bars:
                sums[year] = sums.get(year, 0.0) + height
            spent = dict(programme.schedule.spending)
            most = max(spent, key=spent.__getitem__)
            assert set(sums) == set(spent)
            for year, rupees in spent.items():
                assert sums[year] / sums[most] == pytest.approx(rupees / spent[most], abs=1e-3)


def test_debt_is_shown_for_one_option_at_a_time(browser: Any, report: Path) -> None:
    open_page(browser, report)
    shown = """return Array.from(document.querySelectorAll("figure[data-of=debt]"))
        .filter((f) => f.getClientRects().length).map((f) => f.dataset.option)"""
    assert run(browser, shown) == [SHORT]
    choices = browser.find_elements("css selector", "[data-choose=debt] option")
    for choice in choices:
        choice.click()
        assert run(browser, shown) == [choice.get_attribute("value")]
    assert len(choices) == len(small().funds)


def test_a_phone_tells_the_names_of_rows_in_whole_words(browser: Any, report: Path) -> None:
    open_page(browser, report, SIZES[1])
    rows = run(
        browser,
        """const svg = document.querySelector("details.gantt svg.names");
        const edge = svg.getBoundingClientRect().right;
        return Array.from(svg.querySelectorAll("g"), (g) => {
          const seen = Array.from(g.querySelectorAll("text"))
            .filter((t) => t.getClientRects().length);
          return [g.querySelector("title").textContent,
            seen.map((t) => t.textContent).join(" "),
            seen.every((t) => t.getBoundingClientRect().right <= edge)];
        })""",
    )
    assert rows
    for title, seen, inside in rows:
        assert inside, seen
        assert title.replace(": ", " ", 1).startswith(seen.removesuffix("\u2026"))
        assert len(seen) >= min(len(title.split(": ")[0]), gantt.FOLD)


# ---------------------------------------------------------------- paper, and no scripts


def test_a_schedule_on_paper_is_drawn_and_no_pictures(browser: Any, report: Path) -> None:
    open_page(browser, report, WIDE)
    bars = """const shown = document.querySelectorAll("svg.patterns, details.gantt");
        document.body.replaceChildren(...shown);
        return document.querySelectorAll(".job").length"""
    assert run(browser, bars) > 10
    sheet = {"preferCSSPageSize": True, "printBackground": True}
    paper = b64decode(browser.execute_cdp_cmd("Page.printToPDF", sheet)["data"])
    assert paper.startswith(b"%PDF")
    # a browser prints an area with a pattern as a picture, each as large as its chart
    assert paper.count(b"/Subtype /Image") == 0


def test_paper_has_open_what_is_folded_and_cuts_nothing(browser: Any, report: Path) -> None:
    open_page(browser, report, PAPER)
    shut = "return document.querySelectorAll('details.paper:not([open])').length"
    before = run(browser, shut)
    assert before > 4
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        run(browser, "window.dispatchEvent(new Event('beforeprint'))")
        assert run(browser, shut) == 0
        wide = """return Array.from(document.querySelectorAll("svg, table, figure, dl"))
            .filter((n) => n.getBoundingClientRect().right > innerWidth + 1)
            .map((n) => (n.getAttribute("aria-label") || n.outerHTML).slice(0, 90))"""
        assert run(browser, wide) == []
        for hidden in (".contents", ".back", ".axes", ".filter"):
            assert not browser.find_element("css selector", hidden).is_displayed()
        apart = """return Array.from(document.querySelectorAll(".pair")).map((pair) =>
            Array.from(pair.children, (svg) => svg.getBoundingClientRect().height))"""
        for names, bars in run(browser, apart):
            assert names == pytest.approx(bars, abs=1.0)  # rows stay beside their bars
        run(browser, "window.dispatchEvent(new Event('afterprint'))")
        assert run(browser, shut) == before
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_scripts_the_study_stands_as_it_is(browser: Any, report: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        open_page(browser, report, WIDE)
        first = browser.find_element("css selector", "#decision tbody tr")
        assert first.get_attribute("data-name") == small().decision.table.winner
        for hidden in (".sliders", "#reset", "#axes", ".filter", "[data-choose]", ".back"):
            assert not browser.find_element("css selector", hidden).is_displayed()
        for shown in ("#contents", "figure[data-of=spent]", "details.gantt svg.bars"):
            assert browser.find_element("css selector", shown).is_displayed()
        assert "With scripts" in browser.find_element("id", "weighing").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
