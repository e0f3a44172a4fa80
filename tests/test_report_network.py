"""Laws of what the report and the map say of the road network."""

import json
import math
import re
from dataclasses import replace
from datetime import date
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from small_plan import LONG, SHORT, changed, small
from small_study import planned

from realign.allweather import Passage
from realign.chainage import total
from realign.hazard import MONTH_DAYS
from realign.options import DO_NOTHING, OBJECTIVES
from realign.outputs import charts, report, tables
from realign.outputs.report import answer, choice, weather, wording
from realign.plan import Plan


class Words(HTMLParser):
    """Text of a page without its scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.held: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, _: object) -> None:
        self.inside = tag in {"script", "style"}

    def handle_endtag(self, _: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.held.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.held).split())


def page(plan: Plan) -> str:
    return report.page(plan, tables.tables(plan), versions={"realign": "0"}, seconds={})


@cache
def small_page() -> str:
    return page(small())


def words(html: str, start: str = "", end: str = "") -> str:
    """Text of a page, or of it from one heading to another."""
    a = html.index(f'id="{start}"') if start else 0
    b = html.index(f'id="{end}"') if end else len(html)
    return Words(html[a:b]).text


def held(html: str, name: str) -> Any:
    """Read the data that the page holds for its script."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html)
    assert found
    return json.loads(found[1])


# ---------------------------------------------------------------- the answer


def test_the_answer_names_the_winner_of_the_decision_and_how_much_was_compared() -> None:
    plan = planned()
    text = words(page(plan))
    titles = {option.name: option.title for option in plan.options}
    assert f"\u201c{titles[plan.decision.table.winner].partition(':')[0]}\u201d comes first" in text
    assert f"make {plan.choice.front.count:,} whole answers" in text
    assert f"{len(plan.choice.front.ways.scores):,} of them no other beats" in text
    assert ("every answer counted" in text) == plan.choice.front.exact
    closed = plan.years[plan.best].highway.closed_days_a_year
    assert f"is expected to be closed {closed:.1f} days of a year" in text


def test_a_front_that_is_not_exact_says_how_much_better_what_is_left_out_can_be() -> None:
    plan = small()
    front = replace(plan.choice.front, exact=False, epsilon=0.234, count=8 * 10**15)
    text = words(page(changed(choice=replace(plan.choice, front=front))))
    assert "make 8.0 x 10^15 whole answers" in text
    assert "by at most 23% of its score" in text
    assert "every answer counted" not in text


def test_the_announced_programme_is_held_against_the_preferred_one_in_units() -> None:
    plan = changed(announced=LONG)
    one, other = (next(o for o in plan.options if o.name == n) for n in (SHORT, LONG))
    assert other.closed_days < one.closed_days
    line = answer._against(plan)
    assert f"closed {one.closed_days - other.closed_days:.2f} days a year less" in line
    saved = (other.present_cost - one.present_cost) / 1e6
    assert f"US$ {abs(saved):,.0f} m {'more' if saved > 0 else 'less'}" in line
    assert answer._against(small()) == ""


@pytest.mark.parametrize("closed", [0, 1, 3, 4, 90])
def test_an_answer_by_day_names_few_of_the_roads_that_are_shut(closed: int) -> None:
    shut = tuple(f"road {k} is closed" for k in range(closed))
    passage = Passage(
        start="A",
        end="B",
        day=date(2024, 1, 15),
        kind="truck",
        way=(),
        time=math.inf,
        chance=0.0,
        closed=shut,
    )
    line = answer.passage_words(passage)
    assert line.startswith("2024-01-15, a truck from A to B: no. ")
    assert line.count("is closed") == min(closed, 3)
    assert ("and" in line) == (closed > 3)
    if closed > 3:
        assert f"and {closed - 3} more." in line
    open_one = replace(passage, time=3600.0 * 24.4, chance=0.9931, closed=())
    assert "yes, in 24.4 h; some way is open on 99.3% of such days" in answer.passage_words(
        open_one
    )


def test_days_that_the_study_asks_about_are_answered_for_the_preferred_option() -> None:
    plan = small()
    year = plan.years[SHORT]
    asked = Passage(
        start="Start",
        end="<End>",
        day=date(2033, 1, 15),
        kind="truck",
        way=("x",),
        time=7200.0,
        chance=0.5,
        closed=(),
    )
    html = page(changed(years={**plan.years, SHORT: replace(year, passages=(asked,))}))
    told = words(html).replace(" ,", ",")  # a day is an element of its own
    assert "2033-01-15, a truck from Start to <End>: yes, in 2.0 h" in told
    assert "<End>" not in html
    assert "By day" not in words(small_page())


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.0, "0 %"),
        (0.0004, "less than 1 %"),
        (0.12, "12 %"),
        (0.9992, "more than 99 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_is_told_as_all_or_nothing_only_where_it_is(share: float, told: str) -> None:
    assert wording.share(share) == told


# ---------------------------------------------------------------- options and weights


def test_the_shortlist_has_every_option_by_rank_with_every_objective() -> None:
    plan = small()
    shown = choice.shortlist(plan)
    table = plan.decision.table
    assert [row["rank"] for row in shown["rows"]] == list(range(1, len(plan.options) + 1))
    assert {row["option"].name for row in shown["rows"]} == {o.name for o in plan.options}
    assert len(shown["measures"]) == len(OBJECTIVES)
    for row in shown["rows"]:
        i = table.options.index(row["option"].name)
        for j, measure in enumerate(shown["measures"]):
            if np.isfinite(table.scores[i]).all():
                assert row["values"][j] * measure.scale == pytest.approx(table.scores[i, j])
    nothing = next(row for row in shown["rows"] if row["option"].name == DO_NOTHING)
    closed = [each.name for each in OBJECTIVES].index("closed_days")
    assert nothing["values"][closed] == 365.0
    assert nothing["role"] == "to compare with"


def test_data_of_the_page_give_the_totals_and_ranks_of_the_decision() -> None:
    plan = planned()
    data = held(page(plan), "decision-data")
    table = plan.decision.table
    for option in data["options"]:
        i = table.options.index(option["name"])
        if option["parts"] is None:
            assert math.isinf(table.totals[i])
            continue
        sums = np.dot(option["parts"], data["weights"])
        assert sums == pytest.approx(table.totals[i], abs=1e-12)
    assert [o["name"] for o in data["options"]] == [
        table.options[i] for i in np.argsort(table.rank)
    ]


def test_objectives_in_which_all_options_are_alike_are_told() -> None:
    text = words(small_page(), "weights", "front")
    parts = small().decision.table.parts
    alike = [~p.any() for p in parts[np.isfinite(parts).all(axis=1)].T]
    told = re.search(r"All options are the same in (.*?): what", text)
    assert told
    assert len(told[1].split(", ")) == sum(alike)
    assert "buildings taken" in told[1]


# ---------------------------------------------------------------- charts


@given(
    low=st.floats(-1e6, 1e6),
    span=st.sampled_from([0.0, 1e-9, 1e-3, 0.9999, 1.0, 1.0001, 9.99, 1e5]),
    zero=st.booleans(),
)
def test_a_scale_holds_its_values_between_evenly_spaced_round_lines(
    low: float,
    span: float,
    zero: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    values = [low, low + span]
    scale = charts.axis(values, 300.0, 10.0, zero=zero)
    places = scale.at(values)
    assert (places <= 300.0 + 1e-6).all()
    assert (places >= 10.0 - 1e-6).all()
    gaps = np.diff([place for _, place in scale.ticks])
    assert gaps == pytest.approx(gaps[0])
    assert 2 <= len(scale.ticks) <= 9
    if zero and low >= 0:
        assert scale.low == 0


frames = (64.0, 14.0, 594.0, 356.0)
spots = arrays(
    np.float64,
    st.tuples(st.integers(1, 10), st.just(2)),
    elements=st.sampled_from([64.0, 70.0, 200.0, 201.0, 204.0, 210.0, 300.0, 356.0]),
)


@given(dots=spots)
def test_numbers_of_marks_lie_within_the_frame_and_never_on_each_other(dots: Any) -> None:
    badges = charts.placed(dots, frames)
    left, top, right, bottom = frames
    assert (badges[:, 0] >= left).all()
    assert (badges[:, 0] <= right).all()
    assert (badges[:, 1] >= top).all()
    assert (badges[:, 1] <= bottom).all()
    apart = np.hypot(*np.moveaxis(badges[:, None] - badges, -1, 0))
    assert (apart[~np.eye(len(badges), dtype=bool)] > 2 * charts.BADGE).all()
    clear = np.hypot(*np.moveaxis(badges[:, None] - dots, -1, 0))
    assert (clear > charts.BADGE).all()


@pytest.mark.parametrize("count", [1, charts.MOST_DOTS, charts.MOST_DOTS + 1, 9526])
def test_a_thinned_front_keeps_the_best_in_each_and_what_has_to_stay(count: int) -> None:
    scores = np.random.default_rng(3).random((count, 9))
    keep = np.zeros(count, bool)
    keep[count // 2] = True
    rows = charts.thinned(scores, keep, seed=1)
    assert len(rows) == min(count, charts.MOST_DOTS)
    assert (np.diff(rows) > 0).all()
    assert set(scores.argmin(axis=0)) | {count // 2} <= set(rows)


def test_a_front_that_is_drawn_in_part_says_so() -> None:
    plan = small()
    ways = plan.choice.front.ways
    many = np.tile(ways.scores, (1000, 1)) * np.linspace(1, 2, 1000 * len(ways.scores))[:, None]
    front = replace(plan.choice.front, ways=replace(ways, scores=many))
    html = page(changed(choice=replace(plan.choice, front=front)))
    assert f"1,500 of {len(many):,} are drawn" in words(html)
    assert len(held(html, "front-data")["points"]) == charts.MOST_DOTS
    assert "are drawn" in words(small_page())
    assert f"All {len(ways.scores):,} are drawn" in words(small_page())


def test_marks_of_the_front_lie_where_the_scales_say() -> None:
    plan = planned()
    shown = choice.pareto(plan)
    assert shown
    chart = shown["chart"]
    for mark, (_, name, values) in zip(chart["marks"], shown["data"]["marks"], strict=True):
        assert mark.name == name
        assert (mark.x, mark.y) == pytest.approx(
            (float(chart["x"].at(values[shown["x"]])), float(chart["y"].at(values[shown["y"]])))
        )
    drawn = sum(path.count("M") for _, _, path in chart["dots"])
    assert drawn == shown["drawn"] == len(shown["data"]["points"])


# ---------------------------------------------------------------- a year, and what closes the road


def test_months_of_each_line_add_to_its_year() -> None:
    plan = planned()
    months = weather.months(plan)
    for (_, values), together in zip(months["series"], months["sums"], strict=True):
        assert sum(values) == pytest.approx(together)
    best = plan.years[plan.best].highway.closed_days_a_year
    assert any(each == pytest.approx(best) for each in months["sums"])
    kept = plan.region.kept
    today = (MONTH_DAYS * (1 - np.exp(-kept.rates(kept.whole)))).sum()
    assert months["sums"][0] == pytest.approx(today)


def test_an_option_that_is_cut_is_named_and_not_drawn() -> None:
    months = weather.months(small())
    assert "Nothing is built" in months["cut"]
    assert not any("Nothing is built" in name for name, _ in months["series"])


def test_durations_by_kind_add_to_the_rates_of_the_highway() -> None:
    plan = planned()
    year = plan.years[plan.best]
    days = weather._days_by_kind(year)
    together = sum(each.road.rates(each.section) for each in year.stretches) @ MONTH_DAYS
    assert days.sum() == pytest.approx(together)
    shown = weather.hazard(plan)
    assert shown["then"] == pytest.approx(days.sum())
    assert sum(row["closures"] for row in shown["rows"]) == pytest.approx(year.closures.sum())


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.38, 0.65, "no better than chance"),
        (0.5, 0.7, "no better than chance"),
        (0.51, 0.7, "better than chance"),
        (0.2, 0.49, "worse than chance"),
    ],
)
def test_the_report_says_what_the_interval_of_the_receiver_means(
    low: float, high: float, told: str
) -> None:
    plan = small()
    assert plan.region.receiver
    found = replace(plan.region.receiver, low=low, high=high, area=(low + high) / 2, points=8)
    html = page(changed(region=replace(plan.region, receiver=found)))
    text = words(html, "hazard", "critical")
    assert told in text
    assert ("no better" in text) == (low <= 0.5 <= high)
    assert "rests on 8 mapped landslides" in text
    none = page(changed(region=replace(plan.region, receiver=None)))
    assert "Not tested" in words(none, "hazard", "critical")


def test_layers_that_are_missing_are_named() -> None:
    missing = small().region.scene.missing
    assert missing
    assert ", ".join(missing) in words(small_page(), "hazard", "critical")


# ---------------------------------------------------------------- what matters most


def test_what_a_stretch_costs_is_what_never_closing_it_saves() -> None:
    plan = planned()
    year = plan.years[plan.best]
    rows = weather.critical(plan.critical["truck"])["rows"]
    assert rows
    closed = year.corridor.closed_days_a_year
    if len(plan.critical["truck"]) <= weather.TOP and not any(row["months"] for row in rows):
        # in series: 1 - prod p = sum of what each costs up to the order of its square
        assert sum(row["causes"] for row in rows) == pytest.approx(closed, rel=0.2)
    for row in rows:
        assert 0 <= row["causes"] <= closed + 1e-9
    assert [r["causes"] for r in rows] == sorted((r["causes"] for r in rows), reverse=True)


def test_protections_of_every_kind_are_listed() -> None:
    plan = small()
    listed = weather.protections(plan)
    kinds = {each.measure.name.split()[0] for each in plan.protections}
    assert {each.measure.name.split()[0] for each in listed} == kinds
    worth = [each.days_per_million for each in listed[: weather.TOP]]
    assert worth == sorted(worth, reverse=True)


def test_kept_upgraded_and_replaced_add_to_the_highway() -> None:
    plan = planned()
    shown = weather.standing(plan)
    for (_, kept, better, replaced), option in zip(shown["fates"], plan.options, strict=True):
        assert kept + better + replaced == pytest.approx(plan.highway.length / 1000)
        assert better == pytest.approx(total(option.upgraded) / 1000)
    assert sum(count for _, count, *_ in shown["kinds"]) == len(plan.region.broken)
