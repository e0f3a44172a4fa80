"""What to call options beside each other: by what they are, and by what sets them apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from realign.errors import GeometryError

WORDS = 4
"""Phrases of a name at most; where these do not tell options apart, a number does."""
THIRD = 1 / 3
"""Part of the span of a feature at either end that is called low or high."""
MOST = 2 / 3
"""Share of the options that low or high may name at most; what more have sets none apart [-]."""
NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Feature:
    """Something that options differ in, and the words for it."""

    values: NDArray[np.float64]
    """Value of each option, shape (options,); NaN where it has none and no word is used."""
    margin: float
    """Least difference that words are made of, above 0, in the unit of the values."""
    low: str = ""
    """What is said of low values, such as "low level"; nothing where empty, as for all words."""
    high: str = ""
    """What is said of high values, such as "high level"."""
    least: str = ""
    """What is said of the one least value, such as "shortest"."""
    most: str = ""
    """What is said of the one greatest value."""
    one: str = ""
    """What is said of a count of one, such as "with one Indus crossing"."""
    several: str = ""
    """What is said of another count, such as "with {} Indus crossings"; "{}" is its number."""
    below: float | None = None
    """Value up to which it is low; where not given, in the lowest third of the span, if no more
    than `MOST` of the options are."""
    above: float | None = None
    """Value from which on it is high; where not given, in the highest third, if no more than
    `MOST` of the options are."""

    def __post_init__(self) -> None:
        """Refuse a margin that would make words of nothing."""
        if not self.margin > 0:
            msg = f"margin is {self.margin:g}; wanted more than 0"
            raise GeometryError(msg)


def named(features: Sequence[Feature]) -> tuple[str, ...]:
    """
    Name options by what they are.

    A phrase is true of an option by its value alone, but for superlatives, which belong to the one
    option that is ahead of all others by the margin. A name is the first set of phrases, by number
    of phrases and then in the order of features, that no other option has all of; it has two where
    there is such a pair, since a superlative alone says little of a road, and each is one that not
    all options have. Options that are equal in every feature share their phrases and are numbered;
    the words of others do not change by them.

    Parameters
    ----------
    features
        What options differ in, the most telling first; all with as many values.

    Returns
    -------
    names
        A name for each option, each different, in the order of the values. Of options equal in
        every feature the first in the order of the values has the first number; otherwise order
        does not matter.

    Raises
    ------
    GeometryError
        If features do not have as many values each, or there is none.

    Examples
    --------
    >>> bank = Feature(
    ...     values=np.array([0.0, 0.1, 0.9]),
    ...     margin=0.2,
    ...     low="right bank",
    ...     high="left bank",
    ...     below=0.25,
    ...     above=0.75,
    ... )
    >>> level = Feature(values=np.array([20.0, 90.0, 85.0]), margin=15, high="high level")
    >>> length = Feature(values=np.array([8.0, 9.0, 9.5]), margin=0.3, least="shortest")
    >>> named([bank, level, length])
    ('right bank, shortest', 'right bank, high level', 'left bank, high level')
    """
    sizes = {len(feature.values) for feature in features}
    if len(sizes) != 1:
        msg = f"features have {sorted(sizes)} values; wanted one or more, with as many each"
        raise GeometryError(msg)
    table = np.array([feature.values for feature in features], np.float64).T
    unknown = np.isnan(table)
    keys = np.column_stack((unknown, np.where(unknown, 0.0, table)))  # NaN equals no NaN
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    kinds, which = table[first], which.ravel()
    phrases = [_phrases(feature, values) for feature, values in zip(features, kinds.T, strict=True)]
    of_kind = [[place for each in phrases for place in each[kind]] for kind in range(len(kinds))]
    names = _numbered([_name(kind, of_kind) for kind in range(len(kinds))])
    out = []
    for option, kind in enumerate(which):
        twins = int((which == kind).sum())
        before = int((which[:option] == kind).sum())
        out.append(names[kind] if twins == 1 else f"{names[kind]} ({before + 1})")
    return tuple(out)


def _phrases(feature: Feature, values: NDArray[np.float64]) -> list[list[str]]:
    """Phrases that are true of each distinct option."""
    known = values[~np.isnan(values)]
    if not known.size or np.ptp(known) < feature.margin:
        return [[] for _ in values]
    low, high = float(known.min()), float(known.max())
    below = low + THIRD * (high - low) if feature.below is None else feature.below
    above = high - THIRD * (high - low) if feature.above is None else feature.above
    # what most have sets nobody apart, unless it is low or high by itself
    few_low = feature.below is not None or (known <= below).sum() <= MOST * len(known)
    few_high = feature.above is not None or (known >= above).sum() <= MOST * len(known)
    out: list[list[str]] = []
    for place, value in enumerate(values):
        others = np.delete(values, place)
        others = others[~np.isnan(others)]
        said = [
            (feature.low, few_low and value <= below),
            (feature.high, few_high and value >= above),
            (_count(feature, value), not np.isnan(value)),
            (feature.least, others.size > 0 and bool((others - value >= feature.margin).all())),
            (feature.most, others.size > 0 and bool((value - others >= feature.margin).all())),
        ]
        out.append([words for words, holds in said if words and holds])
    return out


def _count(feature: Feature, value: float) -> str:
    if np.isnan(value) or not (feature.one or feature.several):
        return ""
    number = round(value)
    if number == 1 and feature.one:
        return feature.one
    return feature.several.format(NUMBERS[number] if 0 <= number < len(NUMBERS) else number)


def _name(kind: int, of_kind: Sequence[Sequence[str]]) -> str:
    """First set of phrases that only this option has; all of its phrases where there is none."""
    others = [set(phrases) for other, phrases in enumerate(of_kind) if other != kind]
    telling = [
        phrase
        for phrase in dict.fromkeys(of_kind[kind])
        if not others or not all(phrase in each for each in others)
    ]
    for size in (2, 1, *range(3, WORDS + 1)):
        for some in combinations(telling, size):
            if not any(each.issuperset(some) for each in others):
                return _joined(some)
    return _joined(telling[:WORDS]) or "option"


def _joined(phrases: Sequence[str]) -> str:
    """Phrases in a row; one that begins with "with" follows without a comma."""
    text = ""
    for phrase in phrases:
        comma = "" if not text else " " if phrase.startswith("with") else ", "
        text += comma + phrase
    return text


def _numbered(names: Sequence[str]) -> list[str]:
    """Add a variant number to names that repeat."""
    out = []
    for place, name in enumerate(names):
        same = [i for i, each in enumerate(names) if each == name]
        number = same.index(place) + 1
        out.append(name if len(same) == 1 else f"{name}, variant {number}")
    return out
