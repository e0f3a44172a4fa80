from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import metres_covered

from realign.chainage import (
    Section,
    clip,
    merge,
    parse,
    renumbered,
    subtract,
    text,
    total,
)
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


@st.composite
def realigned(draw: st.DrawFn) -> tuple[Section, list[tuple[Section, float]]]:
    """Draw a road and links that replace some of it, which may touch and reach its ends."""
    apart = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=8)))
    road = Section(draw(st.integers(apart[0] - 3, apart[0])), apart[-1] + draw(st.integers(0, 3)))
    pairs = draw(st.sampled_from([list(pairwise(apart)), list(pairwise(apart))[::2]]))
    lengths = st.floats(0.5, 30.0)
    links = [(Section(a, b), draw(lengths)) for a, b in pairs]
    return road, draw(st.permutations(links))


@given(realigned())
def test_renumbered_roads_are_gapless_in_both_chainages(
    case: tuple[Section, list[tuple[Section, float]]],
) -> None:
    road, links = case
    found = renumbered(road, links)
    assert found[0].old.start == found[0].new.start == road.start
    assert found[-1].old.end == road.end
    for one, other in pairwise(found):
        assert (one.old.end, one.new.end) == (other.old.start, other.new.start)
    assert sum(each.old.length for each in found if not each.kept) == sum(
        section.length for section, _ in links
    )
    for each in found:
        if each.kept:
            assert each.new.length == pytest.approx(each.old.length, abs=1e-9)
    longer = sum(length - section.length for section, length in links)
    assert found[-1].shift == pytest.approx(longer, abs=1e-9)


@pytest.mark.parametrize(
    "links",
    [
        [(Section(-1, 5), 9.0)],
        [(Section(5, 11), 9.0)],
        [(Section(1, 5), 9.0), (Section(4, 6), 9.0)],
    ],
)
def test_links_that_overlap_or_leave_the_road_are_refused(
    links: list[tuple[Section, float]],
) -> None:
    with pytest.raises(GeometryError, match="wanted a section between"):
        renumbered(Section(0, 10), links)
