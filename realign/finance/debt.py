"""What a case of financing brings: cash flow by phase and source, debt service, its weight."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from realign.finance.exchange import Exchange, escalated, exchange
from realign.finance.loan import Day, given, life, worth
from realign.finance.outlay import Outlay
from realign.finance.split import Split, by_year, split
from realign.finance.terms import Case, Finance, Financier
from realign.rates import Money


@dataclass(frozen=True, slots=True)
class Tranche:
    """What one phase takes from one financier, in the currency of the agreement."""

    phase: int
    """Number of the phase."""
    financier: Financier
    """Who pays."""
    rupees: Mapping[int, int]
    """Rupees that it pays, by calendar year [PKR]."""
    days: tuple[Day, ...]
    """Days of drawing and payment; of drawing alone where nothing is owed."""


@dataclass(frozen=True, slots=True)
class Cash:
    """
    One row of the cash flow: a phase and a source in a calendar year.

    Amounts without a currency in their name are whole units of account of `currency`: rupees, cents
    or fen. In each row `service == fees + interest - capitalised + principal`, and the balance is
    that of the year before with `drawdown + capitalised - principal`.
    """

    case: str
    """Name of the case of financing."""
    phase: int
    """Number of the phase."""
    source: str
    """Key of the financier."""
    year: int
    """Calendar year."""
    drawdown: int
    """Drawn."""
    fees: int
    """Management and commitment fees."""
    interest: int
    """Interest that falls due, paid or added to the debt."""
    capitalised: int
    """Part of the interest that is added to the debt."""
    principal: int
    """Paid back."""
    balance: int
    """Owed at the end of the year."""
    currency: str
    """Currency of these amounts."""
    service: int
    """Paid to the lender in the year."""
    drawdown_pkr: int
    """Rupees that it pays of the outlays of the phase; they add to these [PKR]."""
    interest_pkr: int
    """Interest at the exchange rate of the year [PKR]."""
    service_pkr: int
    """Debt service at the exchange rate of the year [PKR]."""
    balance_pkr: int
    """Debt at the end of the year, at its exchange rate [PKR]."""


@dataclass(frozen=True, slots=True)
class Year:
    """All debts of a case in a calendar year."""

    year: int
    """Calendar year."""
    service: Mapping[str, int]
    """Debt service in units of account, by currency."""
    balance: Mapping[str, int]
    """Owed at the end of the year in units of account, by currency."""
    drawdown_pkr: int
    """Drawn from all sources, those included to which nothing is owed [PKR]."""
    service_pkr: int
    """Debt service [PKR]."""
    balance_pkr: int
    """Owed at the end of the year [PKR]."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A case in some numbers; rupees of later years are at the exchange rates of these."""

    cost_pkr: int
    """Cost of the programme at the price date [PKR]."""
    nominal_pkr: int
    """The same at the prices of the years of spending: what is drawn [PKR]."""
    construction_interest_pkr: int
    """Interest that falls due up to the last year of spending [PKR]."""
    interest_pkr: int
    """All interest [PKR]."""
    service_pkr: int
    """All debt service: fees, interest and principal [PKR]."""
    peak_debt_pkr: int
    """Most that is owed at the end of a year [PKR]."""
    peak_debt_year: int | None
    """First such year; None without debt."""
    peak_service_pkr: int
    """Most debt service of a year [PKR]."""
    peak_service_year: int | None
    """First such year; None without debt."""
    present_service_pkr: int
    """Present value of debt service in the first year of spending, at its exchange rate [PKR]."""
    grant_elements: Mapping[str, float]
    """Grant element of every loan and grant that is drawn on, by key of the financier [-]."""
    grant_element: float | None
    """That of all of them together; None where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Financing:
    """A programme paid in one way."""

    case: Case
    """Who pays."""
    splits: tuple[Split, ...]
    """Money of each phase by financier, at the prices of the years of spending."""
    cash: tuple[Cash, ...]
    """By phase, source and year; years in which nothing happens and nothing is owed left out."""
    years: tuple[Year, ...]
    """Debt by calendar year, from the first to the last with any cash."""
    summary: Summary
    """Some numbers."""


def financed(
    outlays: Iterable[Outlay], case: Case, finance: Finance, money: Money, *, price_year: int
) -> Financing:
    """
    Pay for a programme in one way.

    Outlays rise to the prices of their years and are shared. Every financier has one agreement for
    the programme, signed in the first year in which it pays; each phase takes its tranche of it and
    has its own rows, which add exactly.

    Parameters
    ----------
    outlays
        What is spent, at the price date.
    case
        Who pays.
    finance
        Terms of loans, how prices rise, and the rate of discount.
    money
        Dated exchange rates.
    price_year
        Calendar year of the price date.

    Raises
    ------
    StudyError
        If money is drawn from a loan when its last payment falls due, or later.
    """
    planned = tuple(outlays)
    fx = exchange(money, finance.escalation)
    risen = escalated(planned, finance.escalation, price_year=price_year, fx_year=fx.year)
    splits = split(risen, case)
    drawn = tranches(splits, case, finance, fx)
    cash = tuple(row for each in drawn for row in _rows(each, case, fx))
    years = debt(cash)
    return Financing(
        case=case,
        splits=splits,
        cash=cash,
        years=years,
        summary=_summary(
            sum(each.rupees for each in planned),
            cash,
            years,
            _elements(drawn, finance.discount_pct, fx),
        ),
    )


def tranches(
    splits: Sequence[Split], case: Case, finance: Finance, fx: Exchange
) -> tuple[Tranche, ...]:
    """Follow what every phase takes from every financier, by phase and in the order of the case."""
    sums = by_year(splits, case)
    signed = {
        f.key: min((year for year, row in sums.items() if row[f.key]), default=0)
        for f in case.financiers
    }
    out = []
    for part in splits:
        for financier in case.financiers:
            rupees = {year: row[financier.key] for year, row in part.years if row[financier.key]}
            if not rupees:
                continue
            draws, loan = fx.bought(rupees, financier.currency), finance.terms(financier)
            days = life(draws, loan, signed=signed[financier.key]) if loan else given(draws)
            out.append(Tranche(part.number, financier, rupees, days))
    return tuple(out)


def _rows(each: Tranche, case: Case, fx: Exchange) -> list[Cash]:
    """Rows of a tranche by calendar year."""
    currency, out = each.financier.currency, []
    years = {day.year for day in each.days} | set(each.rupees)
    for year in sorted(years):
        days = [day for day in each.days if day.year == year]
        interest, service = sum(day.interest for day in days), sum(day.service for day in days)
        balance = days[-1].balance if days else 0
        row = Cash(
            case=case.name,
            phase=each.phase,
            source=each.financier.key,
            year=year,
            drawdown=sum(day.drawdown for day in days),
            fees=sum(day.fees for day in days),
            interest=interest,
            capitalised=sum(day.capitalised for day in days),
            principal=sum(day.principal for day in days),
            balance=balance,
            currency=currency,
            service=service,
            drawdown_pkr=each.rupees.get(year, 0),
            interest_pkr=fx.rupees(interest, currency, year),
            service_pkr=fx.rupees(service, currency, year),
            balance_pkr=fx.rupees(balance, currency, year),
        )
        if row.drawdown_pkr or row.drawdown or row.fees or row.interest or row.balance or service:
            out.append(row)
    return out


def debt(cash: Sequence[Cash]) -> tuple[Year, ...]:
    """Add up the rows of each calendar year, from the first to the last."""
    rows: dict[int, list[Cash]] = {}
    for row in cash:
        rows.setdefault(row.year, []).append(row)
    if not rows:
        return ()
    return tuple(_year(year, rows.get(year, [])) for year in range(min(rows), max(rows) + 1))


def _year(year: int, rows: Sequence[Cash]) -> Year:
    return Year(
        year=year,
        service=_by_currency(rows, lambda row: row.service),
        balance=_by_currency(rows, lambda row: row.balance),
        drawdown_pkr=sum(row.drawdown_pkr for row in rows),
        service_pkr=sum(row.service_pkr for row in rows),
        balance_pkr=sum(row.balance_pkr for row in rows),
    )


def _by_currency(rows: Sequence[Cash], amount: Callable[[Cash], int]) -> dict[str, int]:
    """Add one amount up by currency; sums of nothing are left out."""
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + amount(row)
    return {currency: each for currency, each in sorted(sums.items()) if each}


def _summary(
    cost: int, cash: Sequence[Cash], years: Sequence[Year], elements: "_Elements"
) -> Summary:
    last = max((row.year for row in cash if row.drawdown_pkr), default=0)
    owed = max(years, key=lambda each: each.balance_pkr, default=None)
    paid = max(years, key=lambda each: each.service_pkr, default=None)
    return Summary(
        cost_pkr=cost,
        nominal_pkr=sum(row.drawdown_pkr for row in cash),
        construction_interest_pkr=sum(row.interest_pkr for row in cash if row.year <= last),
        interest_pkr=sum(row.interest_pkr for row in cash),
        service_pkr=sum(row.service_pkr for row in cash),
        peak_debt_pkr=owed.balance_pkr if owed else 0,
        peak_debt_year=owed.year if owed and owed.balance_pkr else None,
        peak_service_pkr=paid.service_pkr if paid else 0,
        peak_service_year=paid.year if paid and paid.service_pkr else None,
        present_service_pkr=elements.paid,
        grant_elements=elements.each,
        grant_element=elements.together,
    )


@dataclass(frozen=True, slots=True)
class _Elements:
    """Present value of debt service [PKR], and grant elements by source and together."""

    paid: int
    each: Mapping[str, float]
    together: float | None


def _elements(drawn: Sequence[Tranche], discount_pct: float, fx: Exchange) -> _Elements:
    """Weigh what is not the government's own, in the first year in which anything is drawn."""
    at = min((year for each in drawn for year in each.rupees), default=0)
    sums: dict[str, tuple[float, float]] = {}
    for each in drawn:
        if each.financier.kind == "budget":
            continue
        key, rate = each.financier.key, float(fx.rate(each.financier.currency, at))
        taken, paid = worth(each.days, at=at, discount_pct=discount_pct)
        before = sums.get(key, (0.0, 0.0))
        sums[key] = (before[0] + taken * rate, before[1] + paid * rate)
    together = sum(taken for taken, _ in sums.values()), sum(paid for _, paid in sums.values())
    return _Elements(
        paid=round(together[1]),
        each={key: 1 - paid / taken for key, (taken, paid) in sums.items() if taken > 0},
        together=1 - together[1] / together[0] if together[0] > 0 else None,
    )
