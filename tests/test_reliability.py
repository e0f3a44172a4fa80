"""Laws of chances and times of open ways: as every single state of the roads has them."""

import itertools
from dataclasses import replace
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realign import reliability
from realign.errors import GeometryError
from realign.reliability import Leg, between, fastest, importance, open_share, survey

# chances of 0 and 1 in some months, and of all kinds between, in an order that months share out
chance = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, allow_subnormal=False))
months = st.lists(chance, min_size=3, max_size=3).map(lambda few: np.array(few * 4))
place = st.sampled_from("abcde")


@st.composite
def networks(draw: st.DrawFn, *, most: int = 8) -> list[Leg]:
    """Roads between five places, often several between two, some back to where they begin."""
    count = draw(st.integers(1, most))
    return [
        Leg(f"road {i}", draw(place), draw(place), float(draw(st.integers(1, 9))), draw(months))
        for i in range(count)
    ]


def way(legs: list[Leg], start: str, end: str) -> float | None:
    """Time of the fastest way, by networkx."""
    graph = nx.Graph()
    graph.add_nodes_from([start, end])
    for leg in sorted(legs, key=lambda each: -each.time):
        graph.add_edge(leg.start, leg.end, time=leg.time)
    if not nx.has_path(graph, start, end):
        return None
    return float(nx.dijkstra_path_length(graph, start, end, weight="time"))


def every_state(legs: list[Leg], start: str, end: str) -> tuple[NDArray[np.float64], ...]:
    """Chance of an open way, and mean time of the fastest, over all states of the roads."""
    share, time = np.zeros(12), np.zeros(12)
    for state in itertools.product([False, True], repeat=len(legs)):
        fastest_one = way(list(itertools.compress(legs, state)), start, end)
        if fastest_one is not None:
            here = np.prod(
                [
                    leg.open_share if up else 1 - leg.open_share
                    for leg, up in zip(legs, state, strict=True)
                ],
                axis=0,
            )
            share, time = share + here, time + here * fastest_one
    return share, np.divide(time, share, out=np.full(12, np.nan), where=share > 0)


def road(name: str, start: str, end: str, share: float | NDArray[np.float64]) -> Leg:
    return Leg(name, start, end, 60.0, np.broadcast_to(share, 12))


def sure(leg: Leg, share: float) -> Leg:
    return replace(leg, open_share=np.full(12, share))


def ladder(length: int, overlap: int) -> list[Leg]:
    """Roads in a chain, and a detour from each place over the next few."""
    rng = np.random.default_rng(length)
    share = rng.uniform(0.8, 1.0, (2, length, 12))
    time = rng.uniform(600, 3600, length)
    legs = [Leg(f"r{i}", f"p{i}", f"p{i + 1}", time[i], share[0, i]) for i in range(length)]
    return legs + [
        Leg(f"d{i}", f"p{i}", f"p{i + overlap}", 4000.0 * overlap, share[1, i])
        for i in range(0, length - overlap, max(overlap - 1, 1))
    ]


@given(legs=networks())
def test_chances_and_times_are_those_of_all_states(legs: list[Leg]) -> None:
    share, time = every_state(legs, "a", "b")
    blocks = between(legs, "a", "b")
    found = survey(blocks).usual
    np.testing.assert_allclose(open_share(blocks), share, atol=1e-12)
    np.testing.assert_allclose(found.share, share, atol=1e-12)
    likely = share > 1e-9  # where a way is all but never open its mean time is lost in rounding
    np.testing.assert_allclose(found.time[likely], time[likely], rtol=1e-6)
    assert not found.unresolved[likely].any()


@given(legs=networks(most=7))
def test_a_road_closed_or_open_is_as_if_it_were_so_for_sure(legs: list[Leg]) -> None:
    found = survey(between(legs, "a", "b"))
    matters = importance(between(legs, "a", "b"))
    assert set(found.closed) == set(found.opened) == set(matters)
    for i, leg in enumerate(legs):
        without, _ = every_state([*legs[:i], sure(leg, 0.0), *legs[i + 1 :]], "a", "b")
        within, _ = every_state([*legs[:i], sure(leg, 1.0), *legs[i + 1 :]], "a", "b")
        if leg.name not in matters:
            np.testing.assert_allclose(within, without, atol=1e-12)
            continue
        state = found.closed[leg.name]
        np.testing.assert_allclose(state.share, without, atol=1e-12)
        np.testing.assert_allclose(found.opened[leg.name], within, atol=1e-12)
        np.testing.assert_allclose(matters[leg.name], within - without, atol=1e-12)
        _, time = every_state([*legs[:i], *legs[i + 1 :]], "a", "b")
        likely = without > 1e-9
        np.testing.assert_allclose(state.time[likely], time[likely], rtol=1e-6)


@given(legs=networks(), order=st.randoms(use_true_random=False))
def test_the_order_of_roads_is_irrelevant(legs: list[Leg], order: Random) -> None:
    shuffled = order.sample(legs, len(legs))
    one, other = (survey(between(each, "a", "b")) for each in (legs, shuffled))
    assert (one.usual.share == other.usual.share).all()
    np.testing.assert_array_equal(one.usual.time, other.usual.time)
    assert list(one.closed) == list(other.closed)


@given(legs=networks())
def test_there_and_back_are_alike(legs: list[Leg]) -> None:
    there, back = open_share(between(legs, "a", "b")), open_share(between(legs, "b", "a"))
    np.testing.assert_allclose(there, back, atol=1e-12)


@given(legs=networks(), data=st.data(), more=st.floats(0, 1))
def test_a_road_more_often_open_never_closes_a_way(
    legs: list[Leg], data: st.DataObject, more: float
) -> None:
    i = data.draw(st.integers(0, len(legs) - 1))
    better = replace(legs[i], open_share=np.maximum(legs[i].open_share, more))
    before = open_share(between(legs, "a", "b"))
    after = open_share(between([*legs[:i], better, *legs[i + 1 :]], "a", "b"))
    assert (after >= before - 1e-12).all()
    assert ((after >= 0) & (after <= 1 + 1e-12)).all()


@given(shares=st.lists(months, min_size=1, max_size=9))
def test_in_a_row_chances_multiply(shares: list[NDArray[np.float64]]) -> None:
    legs = [road(f"{i}", f"p{i}", f"p{i + 1}", share) for i, share in enumerate(shares)]
    found = open_share(between(legs, "p0", f"p{len(shares)}"))
    np.testing.assert_allclose(found, np.prod(shares, axis=0), atol=1e-15)


@given(shares=st.lists(months, min_size=1, max_size=9))
def test_side_by_side_chances_of_closure_multiply(shares: list[NDArray[np.float64]]) -> None:
    legs = [road(f"{i}", "a", "b", share) for i, share in enumerate(shares)]
    found = open_share(between(legs, "a", "b"))
    np.testing.assert_allclose(1 - found, np.prod([1 - s for s in shares], axis=0), atol=1e-15)


@given(p=st.floats(0, 1))
def test_a_bridge_circuit_has_its_closed_form(p: float) -> None:
    ends = ["ac", "ad", "cd", "cb", "db"]
    legs = [road(pair, *pair, p) for pair in ends]
    closed_form = 2 * p**2 + 2 * p**3 - 5 * p**4 + 2 * p**5
    np.testing.assert_allclose(open_share(between(legs, "a", "b")), closed_form, atol=1e-12)


def test_a_place_is_always_reached_from_itself_and_one_without_roads_never() -> None:
    assert (open_share(between([], "a", "a")) == 1).all()
    nothing = survey(between([road("r", "a", "c", 1.0)], "a", "b")).usual
    assert (nothing.share == 0).all()
    assert np.isnan(nothing.time).all()
    assert fastest([], "a", "b") is None


@given(legs=networks())
def test_the_fastest_way_is_as_fast_as_networkx_finds_it(legs: list[Leg]) -> None:
    found = fastest(legs, "a", "b")
    assume(found is not None)
    assert found is not None
    time, names = found
    assert time == way(legs, "a", "b")
    known = {leg.name: leg for leg in legs}
    here = "a"
    for name in names:
        here = ({known[name].start, known[name].end} - {here}).pop()
    assert here == "b"
    assert time == sum(known[name].time for name in names)


@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_times_with_few_states_are_bounds_that_say_what_they_leave_out(overlap: int) -> None:
    blocks = between(ladder(24, overlap), "p0", "p24")
    whole = survey(blocks, limit=100_000).usual
    assert not whole.unresolved.any()
    for limit in (1, 3, 10):
        few = survey(blocks, limit=limit).usual
        assert (few.share == whole.share).all()
        assert (few.time <= whole.time * (1 + 1e-9)).all()
        assert ((few.unresolved >= 0) & (few.unresolved <= 1)).all()
        exact = few.unresolved == 0
        np.testing.assert_allclose(few.time[exact], whole.time[exact])


def test_roads_woven_too_closely_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability, "STATES", 5)
    legs = [road(f"{a}{b}", a, b, 0.5) for a, b in itertools.combinations("abcdefg", 2)]
    with pytest.raises(GeometryError, match=r"too interwoven: more than 5 cases.*of 21 roads"):
        open_share(between(legs, "a", "b"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time": 0.0}, "road 'r': travel time is 0.0 s; wanted more than 0"),
        ({"open_share": np.ones(11)}, "wanted 12 chances from 0 to 1"),
        ({"open_share": np.full(12, 1.01)}, "wanted 12 chances from 0 to 1"),
        ({"open_share": np.full(12, np.nan)}, "wanted 12 chances from 0 to 1"),
    ],
)
def test_impossible_roads_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        replace(road("r", "a", "b", 0.5), **changes)


def test_two_roads_of_one_name_are_refused() -> None:
    with pytest.raises(GeometryError, match="more than one road is named 'r'"):
        between([road("r", "a", "b", 0.5), road("r", "b", "c", 0.5)], "a", "c")


@given(times=st.lists(st.integers(1, 50), min_size=7, max_size=7))
def test_a_way_may_come_back_through_places_it_could_have_reached_before(times: list[int]) -> None:
    # where the short roads out of `a` are closed, the fastest way goes about by `e` to `c` and `d`
    pairs = ["ac", "ac", "ad", "cd", "ae", "ec", "db"]
    legs = [
        Leg(f"r{i}", *pair, float(seconds), np.full(12, 0.5))
        for i, (pair, seconds) in enumerate(zip(pairs, times, strict=True))
    ]
    share, time = every_state(legs, "a", "b")
    found = survey(between(legs, "a", "b")).usual
    np.testing.assert_allclose(found.share, share)
    np.testing.assert_allclose(found.time, time, rtol=1e-6)
    assert way(legs, "a", "b") is not None


def test_the_roundabout_way_of_one_state_counts() -> None:
    seconds = {"ac": 20.0, "cd": 22.0, "ae": 3.0, "ec": 3.0, "db": 30.0}
    legs = [Leg(pair, *pair, time, np.ones(12)) for pair, time in seconds.items()]
    legs += [Leg(f"{pair} short", *pair, 1.0, np.full(12, 0.1)) for pair in ("ac", "ad")]
    _, time = every_state(legs, "a", "b")
    np.testing.assert_allclose(survey(between(legs, "a", "b")).usual.time, time, rtol=1e-9)
