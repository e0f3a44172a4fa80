from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import metres_covered

from realign.chainage import Section, clip, merge, parse, subtract, text, total
from realign.errors import GeometryError, RealignError


@st.composite
def section(draw: st.DrawFn) -> Section:
    start = draw(st.integers(0, 40))
    return Section(start, start + draw(st.integers(1, 15)))


sections = st.lists(section(), max_size=6)


@given(st.integers(-1_000_000, 1_000_000))
def test_parse_reads_what_text_writes(s: int) -> None:
    assert parse(text(s)) == s


@given(st.floats(-1e6, 1e6))
def test_text_is_right_to_half_a_metre(s: float) -> None:
    assert abs(parse(text(s)) - s) <= 0.5


@pytest.mark.parametrize(
    ("s", "written"), [(0, "0+000"), (999.6, "1+000"), (-0.4, "0+000"), (282_049.01, "282+049")]
)
def test_text_carries_into_the_kilometre(s: float, written: str) -> None:
    assert text(s) == written


def test_parse_keeps_parts_of_a_metre() -> None:
    assert parse(" 12+340.5 ") == 12_340.5


@pytest.mark.parametrize("written", ["", "12", "12+34", "12+3400", "a+000", "12.5+000", "1+000 m"])
def test_what_is_no_chainage_is_an_error_that_shows_one(written: str) -> None:
    with pytest.raises(GeometryError, match=r'"192\+400"'):
        parse(written)


def test_no_chainage_is_nan() -> None:
    with pytest.raises(GeometryError, match="nan"):
        text(float("nan"))


@pytest.mark.parametrize(
    ("start", "end"), [(5, 5), (5, 4), (float("nan"), 5), (5, float("nan")), (0, float("inf"))]
)
def test_a_section_without_length_is_an_error(start: float, end: float) -> None:
    with pytest.raises(RealignError, match="ends behind its start"):
        Section(start, end)


def test_a_section_tells_its_chainages() -> None:
    one = Section(12_340, 15_000)
    assert (str(one), one.length, one.middle) == ("12+340 to 15+000", 2_660, 13_670)


def test_a_section_contains_its_ends() -> None:
    one = Section(10, 20)
    assert [one.contains(s) for s in (9.9, 10, 15, 20, 20.1)] == [False, True, True, True, False]


@given(section(), section())
def test_overlap_is_mutual_and_more_than_a_point(one: Section, other: Section) -> None:
    shared = metres_covered([one]) & metres_covered([other])
    assert one.overlaps(other) == other.overlaps(one) == bool(shared)


@given(sections)
def test_merged_sections_cover_the_same_metres_once(given_: list[Section]) -> None:
    merged = merge(given_)
    assert metres_covered(merged) == metres_covered(given_)
    assert total(given_) == len(metres_covered(given_)) == sum(each.length for each in merged)
    assert all(one.end < other.start for one, other in pairwise(merged))


@given(sections, st.integers(0, 5))
def test_no_gap_up_to_the_given_one_is_left(given_: list[Section], gap: int) -> None:
    merged = merge(given_, gap=gap)
    assert metres_covered(given_) <= metres_covered(merged)
    assert all(b.start - a.end > gap for a, b in pairwise(merged))
    assert merge(merged, gap=gap) == merged


@given(sections, sections)
def test_sections_minus_others_is_what_only_they_cover(
    one: list[Section], other: list[Section]
) -> None:
    rest = subtract(one, other)
    assert metres_covered(rest) == metres_covered(one) - metres_covered(other)
    assert merge(rest) == rest


@given(sections, sections)
def test_minus_plus_is_the_whole(one: list[Section], other: list[Section]) -> None:
    shared = [part for each in merge(other) for part in clip(one, each)]
    assert merge((*subtract(one, other), *shared)) == merge(one)


@given(sections, section())
def test_clipped_is_what_both_cover(given_: list[Section], window: Section) -> None:
    clipped = clip(given_, window)
    assert metres_covered(clipped) == metres_covered(given_) & metres_covered([window])


@given(sections)
def test_order_of_sections_is_irrelevant(given_: list[Section]) -> None:
    assert merge(given_[::-1]) == merge(given_)
