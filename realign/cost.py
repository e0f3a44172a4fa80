"""Bill of quantities times unit prices: what a road costs, item by item, with its spread."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from realign.errors import InputError
from realign.estimate import Estimate, independent, together
from realign.rates import ITEMS, Money, Rates


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

    total = direct (1 + contingency + engineering + protection) (1 + taxes)

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
    total = direct.times(added).times(1 + money.taxes)
    return Cost(lines, direct, total, money.currency)


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
