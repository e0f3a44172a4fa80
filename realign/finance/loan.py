"""The life of a loan, payment by payment: what is drawn, borne, paid back and still owed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from realign.errors import StudyError
from realign.finance.outlay import CENT, exact, nearest
from realign.finance.terms import Loan


@dataclass(frozen=True, slots=True)
class Day:
    """
    What happens to a loan on one day of payment; amounts are whole units of account.

    First what is due is paid, then the money of the year is drawn.
    """

    time: float
    """Calendar year counted from its middle [years]: 2027 is the first of July 2027, 2027.5 the
    first of January 2028."""
    year: int
    """Calendar year in which it counts."""
    drawdown: int = 0
    """Drawn."""
    fees: int = 0
    """Management and commitment fees, paid."""
    interest: int = 0
    """Interest that falls due."""
    capitalised: int = 0
    """Part of the interest that is added to the debt and not paid: all of it or nothing."""
    principal: int = 0
    """Paid back."""
    balance: int = 0
    """Owed after this day."""

    @property
    def service(self) -> int:
        """Paid to the lender: fees, principal and interest that is not added to the debt."""
        return self.fees + self.interest - self.capitalised + self.principal


def life(draws: Mapping[int, int], loan: Loan, *, signed: int) -> tuple[Day, ...]:
    """
    Follow a loan from its signing to its last payment.

    The money of a calendar year is drawn in its middle, and so is the loan signed; payment k of p a
    year falls due k / p years later. With the balance B of the period before, i the interest of a
    period and n payments left, this one among them, interest is B i, and after the grace the
    principal is

    B / n (equal principal)        B i / ((1 + i)^n - 1) (level payments; B / n without interest)

    Each amount is rounded by itself and the next ones follow from the balance that is left, so the
    last payment takes all of it. What is drawn after the grace, or after payments have begun, is
    spread over the payments left in the same way.

    Parameters
    ----------
    draws
        Units of account drawn by calendar year; their sum is what is committed.
    loan
        Its terms.
    signed
        Calendar year of the signing.

    Returns
    -------
    days
        From the signing to the last payment; the last balance is 0.

    Raises
    ------
    StudyError
        If money is drawn before the signing, or with the last payment or later.
    """
    _drawn_in_time(draws, loan, signed)
    per, last = loan.payments_per_year, loan.years * loan.payments_per_year
    interest_rate = exact(loan.interest_pct) * CENT / per
    commitment_fee = exact(loan.commitment_fee_pct) * CENT / per
    management_fee = exact(loan.management_fee_pct) * CENT
    committed = undrawn = sum(draws.values())
    days, balance = [], 0
    for number in range(last + 1):
        fees = nearest(undrawn * commitment_fee if number else committed * management_fee)
        interest = nearest(balance * interest_rate)
        principal = capitalised = 0
        if number > loan.grace_years * per:
            principal = nearest(_instalment(balance, loan, interest_rate, last - number + 1))
        elif loan.capitalised:
            capitalised = interest
        drawdown = draws.get(signed + number // per, 0) if number % per == 0 else 0
        balance += capitalised + drawdown - principal
        undrawn -= drawdown
        days.append(
            Day(
                time=signed + number / per,
                year=signed - (-number // per),
                drawdown=drawdown,
                fees=fees,
                interest=interest,
                capitalised=capitalised,
                principal=principal,
                balance=balance,
            )
        )
    return tuple(days)


def given(draws: Mapping[int, int]) -> tuple[Day, ...]:
    """List the days of money that is not owed: a grant, or the government's own."""
    return tuple(Day(float(year), year, amount) for year, amount in sorted(draws.items()) if amount)


def present(amounts: Iterable[tuple[float, int]], *, at: float, discount_pct: float) -> float:
    """
    Value amounts on a day: the sum of a (1 + d)^-(t - at).

    Parameters
    ----------
    amounts
        Time, as of `Day.time`, and units of account.
    at
        Day on which they are valued, likewise.
    discount_pct
        Rate of discount d, compounded yearly [% a year]; at 0 the value is the sum.
    """
    base = 1 + discount_pct / 100
    return math.fsum(amount * base ** (at - time) for time, amount in amounts)


def worth(days: Iterable[Day], *, at: float, discount_pct: float) -> tuple[float, float]:
    """Present value of what is drawn, and of what is paid to the lender, as `present` has it."""
    events = list(days)
    drawn = ((day.time, day.drawdown) for day in events)
    paid = ((day.time, day.service) for day in events)
    return (
        present(drawn, at=at, discount_pct=discount_pct),
        present(paid, at=at, discount_pct=discount_pct),
    )


def grant_element(days: Iterable[Day], *, discount_pct: float) -> float | None:
    """
    Part of a loan that is as good as given.

    1 - PV(fees, interest and principal paid) / PV(drawn)

    both at the same rate, compounded yearly, on any day. For a loan that is drawn at once this is
    the grant element of OECD, IMF and World Bank, the face value less the present value of debt
    service, over the face value; dividing by the present value of what is drawn extends it to money
    drawn in several years. It is negative where the loan is dearer than the rate of discount.

    Parameters
    ----------
    days
        Of one loan or of several in the same currency.
    discount_pct
        Rate of discount [% a year].

    Returns
    -------
    element
        At most 1; None where nothing is drawn.

    Examples
    --------
    >>> half = (Day(2027.0, 2027, drawdown=100), Day(2028.0, 2028, principal=42, interest=10))
    >>> round(grant_element(half, discount_pct=4), 6)
    0.5
    """
    events = list(days)
    at = min((day.time for day in events), default=0.0)
    drawn, paid = worth(events, at=at, discount_pct=discount_pct)
    return 1 - paid / drawn if drawn > 0 else None


def _instalment(balance: int, loan: Loan, rate: Fraction, left: int) -> Fraction:
    """Principal that falls due with the first of the payments left."""
    if loan.repayment == "level" and rate > 0:
        return balance * rate / ((1 + rate) ** left - 1)
    return Fraction(balance, left)


def _drawn_in_time(draws: Mapping[int, int], loan: Loan, signed: int) -> None:
    late = [
        year for year, amount in sorted(draws.items()) if amount and year >= signed + loan.years
    ]
    early = [year for year, amount in sorted(draws.items()) if amount and year < signed]
    if late or early:
        msg = (
            f"loan '{loan.name}' of {signed} runs {loan.years} years; found money drawn in "
            f"{(early + late)[0]}, wanted none before {signed} or from {signed + loan.years} on"
        )
        raise StudyError(msg)
