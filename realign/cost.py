"""Bill of quantities times unit prices: what a road costs, item by item, with its spread."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from realign.errors import InputError
from realign.estimate import Estimate, independent, together
from realign.rates import ITEMS, Money, Rates

YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the estimate."""

    item: str
    """Key of `rates.ITEMS`."""
    unit: str
    """Unit of the quantity."""
    quantity: float
    """Quantity of the item, above zero [unit]."""
    price: Estimate
    """Price of one unit [currency per unit]."""
    amount: Estimate
    """Quantity times price [currency]."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a bill costs."""

    lines: tuple[CostLine, ...]
    """A line for each item with a quantity, in the order of `rates.ITEMS`."""
    direct: Estimate
    """Sum of the lines, and what places cost besides [currency]."""
    total: Estimate
    """Direct cost with contingency, engineering, protection and taxes [currency]."""
    currency: str
    """Currency of all amounts."""


def price(totals: Mapping[str, float], rates: Rates, money: Money, *, places: float = 0.0) -> Cost:
    """
    Price a bill of quantities.

    One unit price holds wherever an item is used, so the amounts of one item
    in different sections rise and fall together: their quantities are added
    first. Prices of different items are independent, so their spreads add in
    squares. What is added on the direct cost follows

    total = direct (1 + contingency + engineering + protection) (1 + taxes) calibration

    Parameters
    ----------
    totals
        Quantity of each item over all sections, in the units of `rates.ITEMS`.
        An item with quantity zero drops out.
    rates
        Unit prices.
    money
        Currency of the rates and the fractions added on the direct cost.
    places
        What the layers of costs ask besides, without a spread [currency].

    Raises
    ------
    InputError
        If an item is unknown, a quantity is negative or not finite, or the
        rates are in another currency than `money` says.
    """
    _check(totals, rates, money)
    lines = tuple(
        CostLine(item, unit, totals[item], rates[item].price, rates[item].price.times(totals[item]))
        for item, unit in ITEMS.items()
        if totals.get(item, 0.0) > 0
    )
    direct = together((independent(line.amount for line in lines), Estimate.exact(places)))
    added = 1 + money.contingency + money.engineering + money.protection
    total = direct.times(added).times(1 + money.taxes).times(money.calibration)
    return Cost(lines, direct, total, money.currency)


def present_share(first: date, last: date, *, base: date, discount: float) -> float:
    """
    Value on a base day of one unit of money that is spent evenly between two days.

    The mean of (1 + i)^-t over the years t from the base day: (q^a - q^b) / (-ln(q) (b - a)) with
    q = 1 / (1 + i).

    Parameters
    ----------
    first, last
        Days between which it is spent; the same day for money spent at once.
    base
        Day on which it is valued; money spent earlier counts more than 1.
    discount
        Rate of discount, compounded yearly [1/year].

    Returns
    -------
    share
        Present value over amount [-].

    Examples
    --------
    >>> day = date(2026, 1, 1)
    >>> present_share(day, day, base=day, discount=0.09)
    1.0
    >>> round(present_share(day, date(2028, 1, 1), base=day, discount=0.09), 4)
    0.9186
    """
    a, b = ((day - base).days / YEAR_DAYS for day in (first, last))
    pace = math.log1p(discount)
    wide = pace * (b - a)
    return math.exp(-pace * a) * (-math.expm1(-wide) / wide if wide > 0 else 1.0)


def _check(totals: Mapping[str, float], rates: Rates, money: Money) -> None:
    """Refuse what cannot be priced; the message lists every problem, one a line."""
    problems = [
        f"found a quantity of {item!r}, wanted one of {', '.join(ITEMS)}"
        for item in totals
        if item not in ITEMS
    ]
    problems += [
        f"found {quantity:g} {ITEMS[item]} of {item}, wanted a finite quantity of at least 0"
        for item, quantity in totals.items()
        if item in ITEMS and not (math.isfinite(quantity) and quantity >= 0)
    ]
    if rates.currency != money.currency:
        problems.append(
            f"found rates in {rates.currency}, wanted {money.currency} as [money] currency says"
        )
    if problems:
        raise InputError("the bill cannot be priced:\n" + "\n".join(problems))
