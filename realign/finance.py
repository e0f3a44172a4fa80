"""Who pays what and when: the shares of the financiers, exact to the rupee."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pydantic import Field, field_validator, model_validator

from realign.phasing import Phase, Schedule
from realign.settings import Settings

TOLERANCE = 1e-9  # by which written shares may miss 1


class Financier(Settings):
    """One who pays a fixed share of every rupee."""

    name: str
    """Name, as the tables show it."""
    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Short name for columns: small letters, digits and underscores."""
    share: float = Field(ge=0, le=1)
    """Share of the cost [0-1]."""
    source: str
    """Where the share comes from; a text that begins with "assumption" is one."""


class Finance(Settings):
    """Who pays."""

    financiers: list[Financier] = Field(min_length=1)
    """All who pay; their shares add to 1. The last takes the rupees that rounding leaves."""
    announced_pkr: float | None = Field(default=None, gt=0)
    """Cost that was announced for the whole programme [PKR], for comparison only."""

    @field_validator("financiers")
    @classmethod
    def _whole(cls, value: list[Financier]) -> list[Financier]:
        total = sum(financier.share for financier in value)
        if abs(total - 1) > TOLERANCE:
            shares = ", ".join(f"{financier.name} {financier.share:g}" for financier in value)
            msg = f"the shares add to {total:.10g}, not to 1: {shares}"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _keys_differ(self) -> "Finance":
        keys = [financier.key for financier in self.financiers]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            msg = f"more than one financier has the key {', '.join(twice)}; wanted a key for each"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class Split:
    """The money of one phase by who pays it."""

    number: int
    """Number of the phase."""
    name: str
    """Name of its work."""
    cost_pkr: int
    """Cost of the phase [PKR]."""
    amounts: Mapping[str, int]
    """Rupees by key of the financier [PKR]; add to `cost_pkr`."""
    years: tuple[tuple[int, Mapping[str, int]], ...]
    """
    Calendar year, and rupees by key of the financier [PKR].

    They add to the spending of the phase in the year, and over the years to `amounts`.
    """


def split(plan: Schedule, finance: Finance) -> tuple[Split, ...]:
    """
    Share the money of every phase among the financiers.

    Within a phase the sum paid up to each year is shared by cumulative rounding: each financier in
    turn gets its share of what those before it leave, to the nearest rupee, and the last the rest.
    So no amount is negative, and both the years and the financiers add up to the rupee.

    Parameters
    ----------
    plan
        Phases with their spending by year.
    finance
        Financiers with their shares.

    Returns
    -------
    splits
        One a phase of the programme, in the order of the schedule.
    """
    return tuple(_phase(phase, finance.financiers) for phase in plan.phases)


def total(splits: Iterable[Split], finance: Finance) -> dict[str, int]:
    """Return what each financier pays in all the phases, by key [PKR]."""
    parts = list(splits)
    return {f.key: sum(part.amounts[f.key] for part in parts) for f in finance.financiers}


def by_year(splits: Iterable[Split], finance: Finance) -> dict[int, dict[str, int]]:
    """Return what each financier pays in each calendar year, by year and key [PKR]."""
    sums: dict[int, dict[str, int]] = {}
    for part in splits:
        for year, amounts in part.years:
            row = sums.setdefault(year, dict.fromkeys((f.key for f in finance.financiers), 0))
            for key, rupees in amounts.items():
                row[key] += rupees
    return dict(sorted(sums.items()))


def _phase(phase: Phase, financiers: Sequence[Financier]) -> Split:
    before = _shares(0, financiers)
    paid = 0
    years = []
    for year, rupees in phase.spending:
        paid += rupees
        after = _shares(paid, financiers)
        years.append((year, {key: after[key] - before[key] for key in after}))
        before = after
    return Split(
        number=phase.number,
        name=phase.work.name,
        cost_pkr=phase.cost_pkr,
        amounts=before,
        years=tuple(years),
    )


def _shares(rupees: int, financiers: Sequence[Financier]) -> dict[str, int]:
    """
    Share a sum: each takes its part of what is left, to the nearest rupee, and the last the rest.

    Every amount, and what it leaves, grows or stays when the sum grows, since each part is at most
    the whole. That is what makes the differences between years non-negative.
    """
    amounts = {}
    left, share_left = rupees, Fraction(1)
    for financier in financiers[:-1]:
        share = Fraction(repr(financier.share))  # 0.85 is 17/20, not its nearest binary number
        part = min(share / share_left, Fraction(1)) if share_left > 0 else Fraction(0)
        amounts[financier.key] = _nearest(left * part)
        left -= amounts[financier.key]
        share_left -= share
    amounts[financiers[-1].key] = left
    return amounts


def _nearest(value: Fraction) -> int:
    """Round to the nearest whole number, halves upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
