"""Rupees, dollars and yuan by calendar year, and prices of the year of spending."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from realign.finance.outlay import Outlay, exact, growth, nearest
from realign.finance.terms import Escalation
from realign.rates import Money

UNITS: Mapping[str, int] = {"PKR": 1, "USD": 100, "CNY": 100}
"""Units of account in one unit of a currency: whole rupees, cents and fen."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Exchange rates by calendar year: dated ones that the rupee falls from."""

    pkr_per_usd: float
    """Rupees for a dollar in `year` and before."""
    cny_per_usd: float
    """Yuan for a dollar in every year."""
    year: int
    """Calendar year of the rates."""
    depreciation_pct: float = 0.0
    """Rise of the rupees that a dollar costs [% a year]."""

    def rate(self, currency: str, year: int) -> Fraction:
        """
        Rupees that one unit of account of a currency costs in a calendar year.

        Examples
        --------
        >>> fx = Exchange(280.0, 7.0, 2025, depreciation_pct=10.0)
        >>> [float(fx.rate("USD", year)) for year in (2024, 2025, 2026)]
        [2.8, 2.8, 3.08]
        >>> float(fx.rate("CNY", 2025))
        0.4
        """
        if currency == "PKR":
            return Fraction(1)
        per_usd = exact(self.pkr_per_usd) * growth(self.depreciation_pct, year - self.year)
        per_unit = per_usd / (exact(self.cny_per_usd) if currency == "CNY" else 1)
        return per_unit / UNITS[currency]

    def rupees(self, amount: int, currency: str, year: int) -> int:
        """Rupees for an amount in units of account, to the nearest one [PKR]."""
        return nearest(amount * self.rate(currency, year))

    def bought(self, years: Mapping[int, int], currency: str) -> dict[int, int]:
        """
        Buy a currency year by year, by cumulative rounding.

        Parameters
        ----------
        years
            Rupees by calendar year [PKR].
        currency
            Currency that is bought.

        Returns
        -------
        bought
            Units of account by calendar year, in order; what is bought up to a year is never half
            a unit away from the exact amount, so none is negative.
        """
        out, before, sum_of = {}, 0, Fraction(0)
        for year, rupees in sorted(years.items()):
            sum_of += rupees / self.rate(currency, year)
            out[year] = nearest(sum_of) - before
            before += out[year]
        return out


def exchange(money: Money, escalation: Escalation) -> Exchange:
    """Take the dated rates of a study, and how fast the rupee falls from them."""
    return Exchange(
        pkr_per_usd=money.pkr_per_usd,
        cny_per_usd=money.cny_per_usd,
        year=money.fx_date.year,
        depreciation_pct=escalation.depreciation_pct,
    )


def escalated(
    outlays: Iterable[Outlay], escalation: Escalation, *, price_year: int, fx_year: int
) -> tuple[Outlay, ...]:
    """
    Give outlays at the prices of the years in which they are spent.

    With the share l that is bought for rupees, n whole calendar years from the price date and m
    from the day of the exchange rates (not below 0), rupees are multiplied by

    l (1 + local)^n + (1 - l) (1 + foreign)^n (1 + depreciation)^m

    Parameters
    ----------
    outlays
        At the price date.
    escalation
        How prices rise.
    price_year, fx_year
        Calendar years of the price date and of the exchange rates.

    Returns
    -------
    outlays
        In the same order, every amount to the nearest rupee.
    """
    out = []
    for each in outlays:
        local = exact(escalation.local(each.component))
        years = tuple(
            (year, nearest(rupees * _factor(escalation, local, year - price_year, year - fx_year)))
            for year, rupees in each.years
        )
        out.append(replace(each, years=years))
    return tuple(out)


def _factor(escalation: Escalation, local: Fraction, prices: int, fx: int) -> Fraction:
    """Rupees of the year of spending for one of the price date, years after it and the rates."""
    foreign = growth(escalation.foreign_pct, prices) * growth(escalation.depreciation_pct, fx)
    return local * growth(escalation.local_pct, prices) + (1 - local) * foreign
