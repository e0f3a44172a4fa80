"""Who pays what and when: the shares of the financiers, exact to the rupee."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from realign.errors import StudyError
from realign.finance.outlay import Outlay, exact, nearest
from realign.finance.terms import Case

Amounts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Split:
    """The money of one phase by who pays it."""

    number: int
    """Number of the phase."""
    name: str
    """Name of its work."""
    cost_pkr: int
    """Cost of the phase [PKR]."""
    amounts: Amounts
    """Rupees by key of the financier [PKR]; add to `cost_pkr`."""
    years: tuple[tuple[int, Amounts], ...]
    """
    Calendar year, and rupees by key of the financier [PKR].

    They add to the spending of the phase in the year, and over the years to `amounts`.
    """
    components: Mapping[str, Amounts]
    """Rupees by component and key of the financier [PKR]; add to `amounts`."""


def split(outlays: Iterable[Outlay], case: Case) -> tuple[Split, ...]:
    """
    Share the money of every phase among the financiers.

    Within a component of a phase the sum paid up to each year is shared by cumulative rounding:
    each financier in turn gets its share of what those before it leave, to the nearest rupee, and
    the last the rest. So no amount is negative, and years, components and financiers add up to the
    rupee.

    Parameters
    ----------
    outlays
        Phases with their spending by component and year; their order has no influence. A phase
        without money has an outlay without years.
    case
        Financiers with their shares.

    Returns
    -------
    splits
        One a phase, in the order of their numbers.

    Raises
    ------
    StudyError
        If outlays of one phase call it by different names.
    """
    phases: dict[int, list[Outlay]] = {}
    for outlay in outlays:
        phases.setdefault(outlay.phase, []).append(outlay)
    return tuple(_phase(phases[number], case) for number in sorted(phases))


def total(splits: Iterable[Split], case: Case) -> dict[str, int]:
    """Return what each financier pays in all the phases, by key [PKR]."""
    parts = list(splits)
    return {f.key: sum(part.amounts[f.key] for part in parts) for f in case.financiers}


def by_year(splits: Iterable[Split], case: Case) -> dict[int, dict[str, int]]:
    """Return what each financier pays in each calendar year, by year and key [PKR]."""
    sums: dict[int, dict[str, int]] = {}
    for part in splits:
        for year, amounts in part.years:
            _add(sums.setdefault(year, _nothing(case)), amounts)
    return dict(sorted(sums.items()))


def _phase(outlays: Sequence[Outlay], case: Case) -> Split:
    names = sorted({outlay.name for outlay in outlays})
    number = outlays[0].phase
    if len(names) > 1:
        msg = f"phase {number} is called {' and '.join(names)}; wanted one name"
        raise StudyError(msg)
    components: dict[str, dict[int, int]] = {}
    for outlay in outlays:
        spent = components.setdefault(outlay.component, {})
        for year, rupees in outlay.years:
            spent[year] = spent.get(year, 0) + rupees
    years: dict[int, dict[str, int]] = {}
    amounts, of = _nothing(case), {}
    for component, spent in sorted(components.items()):
        of[component] = _nothing(case)
        for year, row in _component(spent, component, case).items():
            for sums in (years.setdefault(year, _nothing(case)), of[component], amounts):
                _add(sums, row)
    return Split(
        number=number,
        name=names[0],
        cost_pkr=sum(outlay.rupees for outlay in outlays),
        amounts=amounts,
        years=tuple(sorted(years.items())),
        components=of,
    )


def _component(spent: Mapping[int, int], component: str, case: Case) -> dict[int, dict[str, int]]:
    """Rupees by year and key of a financier, by cumulative rounding."""
    shares = [(each.key, exact(each.part(component))) for each in case.financiers]
    before, paid, out = _shares(0, shares), 0, {}
    for year, rupees in sorted(spent.items()):
        paid += rupees
        after = _shares(paid, shares)
        out[year] = {key: after[key] - before[key] for key in after}
        before = after
    return out


def _shares(rupees: int, shares: Sequence[tuple[str, Fraction]]) -> dict[str, int]:
    """
    Share a sum: each takes its part of what is left, to the nearest rupee, and the last the rest.

    Every amount, and what it leaves, grows or stays when the sum grows, since each part is at most
    the whole. That is what makes the differences between years non-negative.
    """
    amounts = {}
    left, share_left = rupees, Fraction(1)
    for key, share in shares[:-1]:
        part = min(share / share_left, Fraction(1)) if share_left > 0 else Fraction(0)
        amounts[key] = nearest(left * part)
        left -= amounts[key]
        share_left -= share
    amounts[shares[-1][0]] = left
    return amounts


def _nothing(case: Case) -> dict[str, int]:
    return dict.fromkeys((financier.key for financier in case.financiers), 0)


def _add(sums: dict[str, int], more: Amounts) -> None:
    for key, rupees in more.items():
        sums[key] += rupees
