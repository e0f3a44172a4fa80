"""Laws of the choice between options: the shortlist, its names, and what weights decide."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from realign import options
from realign.errors import GeometryError, NoRouteError
from realign.options import Feature, Objective, Stable, Table, Weighing

CLOSE = 1e-9
value = st.integers(0, 4).map(float)
rows = st.lists(st.lists(value, min_size=3, max_size=3), min_size=1, max_size=8)
weighting = st.lists(st.integers(0, 4).map(float), min_size=3, max_size=3).filter(any)
OBJECTIVES = tuple(Objective(name, "m") for name in ("cost", "length", "time"))


def table(scores: list[list[float]] | NDArray[np.float64], weights: list[float]) -> Table:
    names = [f"option {n:02d}" for n in range(len(scores))]
    given_weights = {each.name: w for each, w in zip(OBJECTIVES, weights, strict=True)}
    return options.table(names, scores, OBJECTIVES, weights=given_weights)


def total(table: Table, option: str, column: int, weight: float) -> float:
    """Weighted sum with another weight of one objective, the others in proportion."""
    weights = table.weights.copy()
    weights[column] = 0.0
    if not weights.any():
        weights += 1.0
        weights[column] = 0.0
    weights *= (1 - weight) / weights.sum()
    weights[column] = weight
    return float(weights @ table.parts[table.options.index(option)])


def least(table: Table, column: int, weight: float) -> float:
    return min(total(table, option, column, weight) for option in table.options)


@given(scores=rows, weights=weighting)
def test_the_winner_has_the_least_total_and_ranks_ascend(
    scores: list[list[float]], weights: list[float]
) -> None:
    found = table(scores, weights)
    assert found.totals[found.options.index(found.winner)] == found.totals.min()
    assert sorted(found.rank) == list(range(1, len(scores) + 1))
    assert (np.diff(found.totals[found.rank.argsort()]) >= 0).all()
    assert found.weights.sum() == pytest.approx(1)


@given(scores=rows, weights=weighting)
def test_an_option_that_is_beaten_never_wins(
    scores: list[list[float]], weights: list[float]
) -> None:
    found = table(scores, weights)
    names = np.array(found.options)
    assert found.winner in names[found.unbeaten]
    for each in options.wins(found, seed=1, draws=50):
        if each.option not in names[found.unbeaten]:
            assert each.everywhere == each.near == 0


@given(scores=rows, weights=weighting, factor=st.sampled_from([0.25, 1024.0]))
def test_units_are_irrelevant(
    scores: list[list[float]], weights: list[float], factor: float
) -> None:
    one = table(scores, weights)
    two = table(np.array(scores) * [1.0, factor, 1.0], weights)
    assert (one.totals == two.totals).all()
    assert options.stable(one) == options.stable(two)
    assert options.wins(one, seed=2, draws=50) == options.wins(two, seed=2, draws=50)


@given(scores=rows, weights=weighting, seed=st.integers(0, 9))
def test_the_order_of_options_is_irrelevant(
    scores: list[list[float]], weights: list[float], seed: int
) -> None:
    one = table(scores, weights)
    order = np.random.default_rng(seed).permutation(len(scores))
    two = options.table(
        [one.options[row] for row in order],
        one.scores[order],
        OBJECTIVES,
        weights={each.name: w for each, w in zip(OBJECTIVES, weights, strict=True)},
    )
    assert one.winner == two.winner
    assert (one.rank[order] == two.rank).all()
    for a, b in zip(options.stable(one), options.stable(two), strict=True):
        assert (a.below, a.above) == (b.below, b.above)
        assert (a.low, a.high) == pytest.approx((b.low, b.high))


@given(scores=rows, weights=weighting)
def test_at_a_break_point_two_totals_are_equal_and_beyond_it_the_other_is_less(
    scores: list[list[float]], weights: list[float]
) -> None:
    found = table(scores, weights)
    for column, each in enumerate(options.stable(found)):
        assert 0 <= each.low <= each.weight <= each.high <= 1
        for side, limit, other in ((-1, each.low, each.below), (1, each.high, each.above)):
            won = total(found, found.winner, column, limit)
            assert won == pytest.approx(least(found, column, limit), abs=CLOSE)
            if not other:
                assert limit in (0.0, 1.0)
                continue
            assert won == pytest.approx(total(found, other, column, limit), abs=CLOSE)
            beyond = limit + side * 1e-6
            if 0 <= beyond <= 1:
                assert total(found, other, column, beyond) < total(
                    found, found.winner, column, beyond
                )
                assert total(found, other, column, beyond) == pytest.approx(
                    least(found, column, beyond), abs=CLOSE
                )


@given(scores=rows, weights=weighting, share=st.floats(0, 1))
def test_the_winner_stays_between_its_break_points(
    scores: list[list[float]], weights: list[float], share: float
) -> None:
    found = table(scores, weights)
    for column, each in enumerate(options.stable(found)):
        weight = each.low + share * (each.high - each.low)
        won = total(found, found.winner, column, weight)
        assert won == pytest.approx(least(found, column, weight), abs=CLOSE)


def test_two_options_share_the_weightings_where_their_lines_cross() -> None:
    # totals with weight t of cost: cheap 1 - t, short t, middle 0.3 t + 0.4 (1 - t)
    found = options.table(
        ["cheap", "short", "middle"],
        [[0.0, 1.0], [1.0, 0.0], [0.3, 0.4]],
        OBJECTIVES[:2],
        weights={},
    )
    assert found.winner == "middle"
    cost, length = options.stable(found)
    assert (cost.low, cost.high) == pytest.approx((0.4 / 1.1, 0.6 / 0.9))
    assert (cost.below, cost.above) == ("short", "cheap")
    assert (length.low, length.high) == pytest.approx((1 - cost.high, 1 - cost.low))
    assert (length.below, length.above) == ("cheap", "short")
    won = {each.option: each for each in options.wins(found, seed=3)}
    for name, share in (
        ("short", cost.low),
        ("cheap", 1 - cost.high),
        ("middle", cost.high - cost.low),
    ):
        each = won[name]
        assert abs(each.everywhere - share) < 4 * each.everywhere_error
        assert each.everywhere_error == pytest.approx(
            (share * (1 - share) / 20_000) ** 0.5, rel=0.1
        )
    # near equal weights t lies between 1/4 and 3/4
    assert won["middle"].near > won["middle"].everywhere


def test_equal_options_share_their_wins() -> None:
    found = table([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0], [1.0, 2.0, 2.0]], [1.0, 1.0, 1.0])
    wins = options.wins(found, seed=4, draws=10)
    assert [each.everywhere for each in wins] == [0.5, 0.5, 0]
    assert found.winner == "option 00"


def test_an_option_whose_road_is_cut_loses_and_widens_no_span() -> None:
    with_cut = table([[0.0, 0.0, inf], [5.0, 1.0, 1.0], [6.0, 0.5, 2.0]], [1.0, 1.0, 0.0])
    without = table([[5.0, 1.0, 1.0], [6.0, 0.5, 2.0]], [1.0, 1.0, 0.0])
    assert with_cut.rank[0] == 3
    assert with_cut.totals[1:].tolist() == without.totals.tolist()
    assert options.wins(with_cut, seed=5, draws=20)[0].everywhere == 0
    with pytest.raises(NoRouteError, match="infinite"):
        table([[inf, 0.0, 0.0]], [1.0, 1.0, 1.0])


def test_one_option_wins_with_all_weights() -> None:
    found = table([[1.0, 2.0, 3.0]], [1.0, 2.0, 1.0])
    assert found.totals.tolist() == [0.0]
    for each in options.stable(found):
        assert (each.low, each.high, each.below, each.above) == (0.0, 1.0, "", "")
    one = options.table(["a", "b"], [[1.0], [2.0]], OBJECTIVES[:1], weights={})
    assert options.stable(one) == (
        Stable(objective=OBJECTIVES[0], weight=1.0, low=0.0, high=1.0, below="", above=""),
    )


@pytest.mark.parametrize(
    ("scores", "weights", "words"),
    [
        ([[1.0, nan, 0.0]], {}, "'option'.*nan in 'length'"),
        ([[1.0, 0.0]], {}, "shape"),
        ([[1.0, 0.0, 0.0]], {"beauty": 1.0}, "'beauty'"),
        ([[1.0, 0.0, 0.0]], {"cost": -1.0}, "weights"),
        ([[1.0, 0.0, 0.0]], {"cost": 0.0}, "weights"),
    ],
)
def test_tables_that_cannot_be_are_refused(
    scores: list[list[float]], weights: dict[str, float], words: str
) -> None:
    with pytest.raises(GeometryError, match=words):
        options.table(["option"], scores, OBJECTIVES, weights=weights)


def test_names_of_a_table_are_unique() -> None:
    with pytest.raises(GeometryError, match="each once"):
        options.table(["a", "a"], [[1.0], [2.0]], OBJECTIVES[:1], weights={})


def test_weights_below_nothing_are_refused_in_a_study() -> None:
    assert Weighing(weights={"cost": 2.0}).alike == 0.7
    with pytest.raises(ValidationError, match="cost"):
        Weighing(weights={"cost": -1.0})
    with pytest.raises(ValidationError, match="shortlist_least"):
        Weighing(shortlist_least=9)


# ---- shortlist


@st.composite
def choices(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores and lengths on six roads, with ties, clones and near clones."""
    n = draw(st.integers(1, 14))
    scores = draw(st.lists(st.lists(value, min_size=3, max_size=3), min_size=n, max_size=n))
    used = draw(
        st.lists(
            st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=6, max_size=6).filter(any),
            min_size=n,
            max_size=n,
        )
    )
    return np.array(scores), np.array(used)


@given(choice=choices(), weights=weighting, alike=st.sampled_from([0.0, 0.5, 0.7]))
def test_no_two_on_the_shortlist_are_alike_and_it_is_no_longer_than_asked(
    choice: tuple[NDArray[np.float64], NDArray[np.float64]], weights: list[float], alike: float
) -> None:
    scores, lengths = choice
    chosen = options.shortlisted(scores, lengths, weights=weights, least=3, most=4, alike=alike)
    assert 1 <= len(chosen) <= 4
    assert len(set(chosen)) == len(chosen)
    for one in chosen:
        others = [row for row in chosen if row != one]
        assert (options.shared(lengths[one], lengths[others]) <= alike).all()
    if len(chosen) < 3:
        for row in set(range(len(scores))) - set(chosen):
            assert options.shared(lengths[row], lengths[chosen]).max() > alike


@given(choice=choices(), weights=weighting)
def test_the_best_by_weights_comes_first(
    choice: tuple[NDArray[np.float64], NDArray[np.float64]], weights: list[float]
) -> None:
    scores, lengths = choice
    first = options.shortlisted(scores, lengths, weights=weights)[0]
    found = table(scores, weights)
    assert found.totals[first] == pytest.approx(found.totals.min())


@given(choice=choices(), weights=weighting)
def test_the_best_of_each_objective_that_matters_is_there_or_one_alike(
    choice: tuple[NDArray[np.float64], NDArray[np.float64]], weights: list[float]
) -> None:
    scores, lengths = choice
    chosen = options.shortlisted(scores, lengths, weights=weights, most=8, alike=0.7)
    for column in np.flatnonzero(weights):
        best = np.flatnonzero(scores[:, column] == scores[:, column].min())
        shares = [options.shared(lengths[row], lengths[chosen]).max() for row in best]
        assert set(best) & set(chosen) or max(shares) > 0.7


@given(choice=choices(), weights=weighting, seed=st.integers(0, 9))
def test_the_order_of_rows_has_no_effect_on_the_shortlist(
    choice: tuple[NDArray[np.float64], NDArray[np.float64]], weights: list[float], seed: int
) -> None:
    scores, lengths = choice
    order = np.random.default_rng(seed).permutation(len(scores))
    one = options.shortlisted(scores, lengths, weights=weights)
    two = order[options.shortlisted(scores[order], lengths[order], weights=weights)]
    assert (scores[one] == scores[two]).all()
    assert (lengths[one] == lengths[two]).all()


def test_an_option_that_is_cut_is_not_shortlisted() -> None:
    scores = np.array([[0.0, inf], [1.0, 1.0]])
    chosen = options.shortlisted(scores, np.eye(2), weights=[1.0, 1.0])
    assert chosen.tolist() == [1]
    with pytest.raises(NoRouteError, match="infinite"):
        options.shortlisted(scores[:1], np.eye(2)[:1], weights=[1.0, 1.0])
    with pytest.raises(GeometryError, match="from 3 to 2"):
        options.shortlisted(scores, np.eye(2), weights=[1.0, 1.0], least=3, most=2)


# ---- names

BANK, LEVEL, CROSSINGS, TUNNEL, LENGTH = range(5)


def features(values: NDArray[np.float64]) -> list[Feature]:
    """Bank, level, crossings, tunnels and length of options, a row each."""
    bank, level, crossings, tunnel, length = values.T
    return [
        Feature(
            values=bank, margin=0.2, low="right bank", high="left bank", below=0.25, above=0.75
        ),
        Feature(values=level, margin=15.0, low="low level", high="high level"),
        Feature(
            values=crossings,
            margin=1.0,
            one="with one Indus crossing",
            several="with {} Indus crossings",
        ),
        Feature(values=tunnel, margin=500.0, high="tunnel-rich"),
        Feature(values=length, margin=300.0, least="shortest", most="longest"),
    ]


def distinct(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows that differ; NaN is as good as NaN."""
    return np.array(sorted({tuple(map(str, row)) for row in values}), np.float64)


@st.composite
def roads(draw: st.DrawFn) -> NDArray[np.float64]:
    row = st.tuples(
        st.sampled_from([0.0, 0.2, 0.5, 0.9]),
        st.sampled_from([20.0, 30.0, 60.0, nan]),
        st.sampled_from([0.0, 1.0, 2.0]),
        st.sampled_from([0.0, 400.0, 3000.0]),
        st.sampled_from([9000.0, 9200.0, 9400.0, 12_000.0]),
    )
    return np.array(draw(st.lists(row, min_size=1, max_size=8)))


@given(values=roads())
def test_names_are_unique(values: NDArray[np.float64]) -> None:
    found = options.named(features(values))
    assert len(set(found)) == len(values)
    assert all(found)


@given(values=roads())
def test_a_superlative_belongs_to_the_one_that_has_it(values: NDArray[np.float64]) -> None:
    kinds = distinct(values)
    for name, row in zip(options.named(features(values)), values, strict=True):
        others = kinds[~((kinds == row) | (np.isnan(kinds) & np.isnan(row))).all(axis=1)]
        if "shortest" in name:
            assert (others[:, LENGTH] - row[LENGTH] >= 300).all()
            assert len(others)
        if "longest" in name:
            assert (row[LENGTH] - others[:, LENGTH] >= 300).all()
        assert ("right bank" not in name) or row[BANK] <= 0.25
        assert ("left bank" not in name) or row[BANK] >= 0.75
        assert ("tunnel-rich" not in name) or row[TUNNEL] >= 2000
        assert ("two Indus" not in name) or row[CROSSINGS] == 2
        assert ("one Indus" not in name) or row[CROSSINGS] == 1


@given(values=roads(), seed=st.integers(0, 9))
def test_the_order_of_options_has_no_effect_on_names(
    values: NDArray[np.float64], seed: int
) -> None:
    kinds = distinct(values)
    order = np.random.default_rng(seed).permutation(len(kinds))
    found = options.named(features(kinds))
    assert options.named(features(kinds[order])) == tuple(found[row] for row in order)


@given(values=roads(), which=st.integers(0, 7))
def test_a_clone_takes_no_words_from_others(values: NDArray[np.float64], which: int) -> None:
    kinds = distinct(values)
    assume(which < len(kinds))
    before = options.named(features(kinds))
    after = options.named(features(np.vstack((kinds, kinds[which]))))
    for row, name in enumerate(before):
        assert after[row] == (f"{name} (1)" if row == which else name)
    assert after[-1] == f"{before[which]} (2)"


def test_options_are_named_by_what_they_are() -> None:
    values = np.array(
        [
            [0.9, 90.0, 0.0, 200.0, 11_000.0],
            [0.1, 30.0, 2.0, 300.0, 10_500.0],
            [0.1, 40.0, 0.0, 4000.0, 8000.0],
            [0.1, 35.0, 0.0, 0.0, 12_000.0],
        ]
    )
    assert options.named(features(values)) == (
        "left bank, high level",
        "right bank with two Indus crossings",
        "right bank, tunnel-rich",
        "right bank, longest",
    )


@given(values=roads())
def test_what_most_share_names_nobody_unless_it_is_so_by_itself(
    values: NDArray[np.float64],
) -> None:
    kinds = distinct(values)
    found = options.named(features(kinds))
    known = (~np.isnan(kinds[:, LEVEL])).sum()
    for word in ("low level", "high level"):
        assert sum(word in name for name in found) <= 2 / 3 * known
    assert sum("tunnel-rich" in name for name in found) <= 2 / 3 * len(kinds)


def test_nothing_is_said_of_what_all_share_or_of_differences_too_small() -> None:
    values = np.array([[0.9, 30.0, 1.0, 0.0, 9000.0], [0.9, 30.0, 1.0, 0.0, 9200.0]])
    assert options.named(features(values)) == ("option, variant 1", "option, variant 2")


def test_features_that_do_not_fit_are_refused() -> None:
    some = Feature(values=np.zeros(2), margin=1.0)
    with pytest.raises(GeometryError, match="as many each"):
        options.named([some, replace(some, values=np.zeros(3))])
    with pytest.raises(GeometryError, match="margin"):
        replace(some, margin=0.0)
