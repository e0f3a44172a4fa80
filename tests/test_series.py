"""Laws of the charts of money, spreads and schedules: places follow from values."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realign.outputs import gantt, series

amounts = st.integers(0, 10**12)
years = st.dictionaries(
    st.integers(2025, 2060),
    st.fixed_dictionaries({"a": amounts, "b": amounts, "c": amounts}),
    min_size=1,
    max_size=12,
).filter(lambda held: max(sum(each.values()) for each in held.values()) >= 10**7)
NAMES = [("a", "A"), ("b", "B"), ("c", "C")]


@given(held=years)
def test_columns_stand_on_each_other_and_are_as_high_as_their_amounts(
    held: dict[int, dict[str, int]],
) -> None:
    chart = series.columns(held, NAMES, "Rs bn")
    assert chart.y
    foot = float(chart.y.at(0.0))
    scale = (foot - float(chart.y.at(chart.y.high))) / chart.y.high
    for year, own in held.items():
        bars = [bar for bar in chart.bars if bar.words.startswith(f"{year}, ")]
        assert len(bars) == sum(amount > 0 for amount in own.values())
        top = foot
        for bar in bars:
            amount = own[NAMES[bar.look][0]] / 1e9
            assert bar.height == pytest.approx(amount * scale, abs=1e-6)
            assert bar.y + bar.height == pytest.approx(top, abs=1e-6)
            top = bar.y
        for bar in bars:
            left, right = chart.x.at([year, year + 1])
            assert left < bar.x < bar.x + bar.width < right
    assert min((bar.y for bar in chart.bars), default=foot) >= chart.top - 1e-6


@given(first=st.integers(2020, 2030), span=st.integers(0, 60))
def test_years_are_named_evenly_and_never_crowd(first: int, span: int) -> None:
    held = {year: float(year) * 1e9 for year in range(first, first + span + 1)}
    chart = series.curves([("only", held)], "Rs bn")
    named = [int(word) for word, _ in chart.x.ticks]
    assert 1 <= len(named) <= 17
    assert len({b - a for a, b in pairwise(named)}) <= 1
    for word, place in chart.x.ticks:
        assert place == pytest.approx(float(chart.x.at(int(word))))
    (curve,) = chart.curves
    assert len(curve.points) == len(curve.words) == len(held)
    steps = np.diff([x for x, _ in curve.points])
    assert steps == pytest.approx(steps[0] if steps.size else 0.0)
    assert (np.diff([y for _, y in curve.points]) < 0).all()  # more is higher up


def test_curves_of_chances_pass_through_their_quantiles() -> None:
    draws = np.random.default_rng(4).normal(300e9, 40e9, 20_001)
    chart = series.chances([("one", draws), ("twice as dear", 2 * draws)], 310e9)
    assert chart.y
    one, other = ([np.array(axis) for axis in zip(*c.points, strict=True)] for c in chart.curves)
    for x, y in (one, other):
        assert (np.diff(x) >= 0).all()
        assert (np.diff(y) < 0).all()
    for share in (10.0, 50.0, 90.0):
        wanted = float(chart.x.at(np.quantile(draws, share / 100) / 1e9))
        found = float(np.interp(-float(chart.y.at(share)), -one[1], one[0]))
        assert found == pytest.approx(wanted, abs=1.0)
    (mark,) = chart.marks
    assert mark.x == pytest.approx(float(chart.x.at(310.0)))


@given(
    values=st.lists(st.tuples(*[st.floats(-500, 500)] * 3).map(sorted), min_size=1, max_size=8),
    planned=st.none() | st.floats(-500, 500),
)
def test_bodies_of_spreads_reach_from_low_to_high_within_the_frame(
    values: list[list[float]], planned: float | None
) -> None:
    rows = [series.Spread(str(k), *each, "words") for k, each in enumerate(values)]
    chart = series.spreads(rows, planned)
    for row, bar, (name, y) in zip(rows, chart.bars, chart.rows, strict=True):
        assert name == row.name
        low, high = (float(each) for each in chart.x.at([row.low, row.high]))
        assert bar.x == pytest.approx(low)
        assert bar.width == pytest.approx(max(high - low, 1.0))
        assert bar.y + bar.height / 2 == pytest.approx(y)
        assert chart.x.start - 1e-6 <= low <= high <= chart.x.end + 1e-6
        assert chart.top < y < chart.foot
    lines = [mark.x for mark in chart.marks if mark.shape == "line"]
    assert lines == ([] if planned is None else [pytest.approx(float(chart.x.at(planned)))])


days = st.dates(date(2025, 1, 1), date(2040, 12, 31))


@given(some=st.lists(days, min_size=1, max_size=5))
def test_axes_of_days_begin_and_end_at_quarters_that_hold_all_days(some: list[date]) -> None:
    values = [float(day.toordinal()) for day in some]
    scale = series.days_axis(values, 100.0, 700.0)
    assert scale.low <= min(values)
    assert max(values) < scale.high
    assert 2 <= len(scale.ticks) <= 18
    for word, place in scale.ticks:
        year, _, month = word.partition("-")
        day = date(int(year), int(month or 1), 1)
        assert day.month in {1, 4, 7, 10}
        assert place == pytest.approx(float(scale.at(day.toordinal())))


# ---------------------------------------------------------------- schedules


def job(start: date, months: int, slack: int = 0) -> gantt.Job:
    finish = start + timedelta(days=30 * months)
    return gantt.Job("x", "land", start, finish, slack, slack == 0, "words")


starts = st.integers(0, 12).map(lambda k: date(2028, 1, 1) + timedelta(days=30 * k))
"""Days on which others end, too."""
jobs = st.lists(
    st.builds(job, starts, st.integers(1, 6), st.integers(-1, 40)), min_size=1, max_size=12
)


@given(some=jobs)
def test_bars_of_a_lot_never_lie_on_each_other_and_keep_their_days(some: list[gantt.Job]) -> None:
    ends = [each.finish for each in some]
    on = gantt.calendar([*ends, *(each.start for each in some)], {})
    lot = gantt.Lot("lot", "", tuple(some))
    group = gantt.Group("g", "", max(ends), None, None, (lot,))
    chart = gantt.phase([group], on)
    (row,) = chart.rows
    for bar in chart.bars:
        assert bar.x == pytest.approx(on.at(bar.job.start))
        assert bar.width == pytest.approx(on.at(bar.job.finish) - on.at(bar.job.start))
        assert bar.x + bar.width + bar.slack <= on.wide + 1e-6
        assert bar.slack <= max(bar.job.slack_months, 0) * on.month + 1e-6
        assert row.y < bar.y
        assert bar.y + gantt.BAR < row.y + row.height
    lanes: dict[float, list[gantt.Bar]] = {}
    for bar in sorted(chart.bars, key=lambda bar: bar.x):
        lanes.setdefault(bar.y, []).append(bar)
    for own in lanes.values():
        assert all(a.job.finish <= b.job.start for a, b in pairwise(own))
    most = max(sum(a.start <= b.start < a.finish for a in some) for b in some)
    assert len(lanes) == most  # no more lanes than things go on at once


@given(first=days, months=st.integers(0, 200))
def test_a_calendar_holds_its_days_and_every_month_once(first: date, months: int) -> None:
    last = date(first.year + months // 12, first.month, 1)
    some = [first, max(first, last)]
    seasons = {"winter": (12, 1, 2), "monsoon": (7, 8)}
    on = gantt.calendar(some, seasons)
    assert 0.0 <= on.at(some[0]) <= on.at(some[1]) < on.wide
    edges = [left for _, left, _ in on.months]
    assert edges[0] == 0.0
    assert all(b > a for a, b in pairwise(edges))
    begun = {int(word): left for word, left in on.years if left > 0}
    for year, left in begun.items():
        assert left == pytest.approx(on.at(date(year, 1, 1)))
    whole = [year for year in begun if date(year + 1, 1, 1) <= on.last]
    for year in whole:
        for number, count in enumerate(map(len, seasons.values())):
            inside = [
                wide
                for _, k, left, wide in on.seasons
                if k == number
                and on.at(date(year, 1, 1)) - 1e-6 <= left < on.at(date(year + 1, 1, 1)) - 1e-6
            ]
            assert len(inside) == count


def test_openings_stand_in_their_group_and_are_held_against_its_days() -> None:
    start = date(2028, 3, 1)
    lots = tuple(gantt.Lot(f"Lot {k}", "", (job(start, 6),)) for k in range(3))
    water, by = date(2030, 7, 1), date(2029, 7, 1)
    several = gantt.Group("road", "", date(2029, 1, 1), by, water, lots)
    alone = gantt.Group("upgrade", "", date(2029, 5, 1), None, None, lots[:1])
    on = gantt.calendar([start, water], {})
    chart = gantt.phase([several, alone], on)
    assert [row.group for row in chart.rows] == [True, False, False, False, False]
    assert [x for x, _, _ in chart.openings] == [on.at(several.opens), on.at(alone.opens)]
    for (_, y, _), row in zip(chart.openings, (chart.rows[0], chart.rows[4]), strict=True):
        assert y == pytest.approx(row.y + row.height / 2)
    found = {line.kind: (line.x, line.y, line.y + line.height) for line in chart.lines}
    assert found == {
        "wanted": (on.at(by), chart.rows[0].y, pytest.approx(chart.rows[4].y)),
        "water": (on.at(water), chart.rows[0].y, pytest.approx(chart.rows[4].y)),
    }
