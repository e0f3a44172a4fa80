"""Sums that the tables of money keep: what does not add up is refused, so nothing is written."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from realign.errors import OutputError
from realign.finance import Cash, Exchange, Financing, Outlay
from realign.phasing import Schedule
from realign.risk import Outcome

EXACT = 1e-9
"""Part of a mean by which the means of its parts may differ from it, as floating point does [-]."""


class Sum(NamedTuple):
    """Something that has to be equal to its parts, or to the same thing elsewhere."""

    what: str
    """What it is, with its place."""
    found: int
    """What the parts come to, in whole rupees or units of account."""
    wanted: int
    """What it is said to be."""


def hold(where: str, sums: Iterable[Sum]) -> None:
    """
    Refuse sums that do not hold.

    Raises
    ------
    OutputError
        With every sum that is wrong.
    """
    wrong = [
        f"{what}: found {found:,}, wanted {wanted:,}"
        for what, found, wanted in sums
        if found != wanted
    ]
    if wrong:
        msg = f"{where}: " + "; ".join(wrong) + "; nothing was written"
        raise OutputError(msg)


def of_schedule(dated: Schedule) -> list[Sum]:
    """Phases, years and activities against the money of a schedule."""
    out = [
        Sum("the phases", sum(phase.cost_pkr for phase in dated.phases), dated.total_pkr),
        Sum("the years", sum(rupees for _, rupees in dated.spending), dated.total_pkr),
    ]
    whole = dict(dated.spending)
    years: dict[int, int] = dict.fromkeys(whole, 0)
    for phase in dated.phases:
        for year, rupees in phase.spending:
            years[year] = years.get(year, 0) + rupees
        own = [t.activity.cost for t in dated.activities if t.activity.work == phase.work.name]
        spent = sum(rupees for _, rupees in phase.spending)
        out.append(Sum(f"the years of phase {phase.number}", spent, phase.cost_pkr))
        out.append(Sum(f"the activities of phase {phase.number}", sum(own), phase.cost_pkr))
    out += [Sum(f"the phases in {year}", years[year], whole.get(year, 0)) for year in sorted(years)]
    return out


def of_cash(paid: Financing, fx: Exchange) -> list[Sum]:
    """
    Cash flow of a case against itself: each row, each balance, and what is drawn for each phase.

    Parameters
    ----------
    paid
        The case.
    fx
        Exchange rates of the years.
    """
    loans = {f.key for f in paid.case.financiers if f.kind == "loan"}
    out: list[Sum] = []
    rates: dict[tuple[str, int], Fraction] = {}
    rows: dict[tuple[int, str], list[Cash]] = {}
    for row in paid.cash:
        what = f"phase {row.phase}, {row.source} in {row.year}"
        before = rows.setdefault((row.phase, row.source), [])
        owed = (before[-1].balance if before else 0) + row.drawdown + row.capitalised
        left = owed - row.principal if row.source in loans else 0
        served = row.fees + row.interest - row.capitalised + row.principal
        out.append(Sum(f"balance of {what}", row.balance, left))
        out.append(Sum(f"service of {what}", row.service, served))
        key = row.currency, row.year
        rate = rates.get(key) or rates.setdefault(key, fx.rate(*key))
        out += [
            Sum(f"rupees of {name} of {what}", rupees, round(amount * rate))
            for name, rupees, amount in (
                ("interest", row.interest_pkr, row.interest),
                ("service", row.service_pkr, row.service),
                ("balance", row.balance_pkr, row.balance),
            )
            if abs(rupees - amount * rate) > Fraction(1, 2)  # half a rupee goes either way
        ]
        before.append(row)
    for split in paid.splits:
        for source, rupees in split.amounts.items():
            own = rows.pop((split.number, source), [])
            out += _of_source(f"phase {split.number}, {source}", own, rupees, fx)
    lost = [row.drawdown_pkr for own in rows.values() for row in own]
    return [*out, Sum("drawdown of sources that no phase has", sum(lost), 0)]


def _of_source(what: str, own: Sequence[Cash], rupees: int, fx: Exchange) -> list[Sum]:
    """Rows of a phase and a source against what the source pays."""
    drawn = {row.year: row.drawdown_pkr for row in own}
    bought = fx.bought(drawn, own[0].currency) if own else {}
    return [
        Sum(f"drawdown of {what}", sum(drawn.values()), rupees),
        Sum(f"last balance of {what}", own[-1].balance if own else 0, 0),
        *(Sum(f"{row.currency} drawn of {what} in {row.year}", row.drawdown, bought[row.year])
          for row in own),
    ]  # fmt: skip


def of_financing(paid: Financing, planned: Sequence[Outlay], risen: Sequence[Outlay]) -> list[Sum]:
    """
    Shares and summary of a case against what the programme costs and its cash flow.

    Parameters
    ----------
    paid
        The case.
    planned, risen
        What is spent at the price date, and at the prices of the years.
    """
    found, cash = paid.summary, paid.cash
    phases = {each.phase for each in risen} | {split.number for split in paid.splits}
    shared = {split.number: sum(split.amounts.values()) for split in paid.splits}
    spent = {n: sum(each.rupees for each in risen if each.phase == n) for n in phases}
    years = sorted({row.year for row in cash})
    debts = [sum(row.balance_pkr for row in cash if row.year == year) for year in years]
    served = [sum(row.service_pkr for row in cash if row.year == year) for year in years]
    last = max((row.year for row in cash if row.drawdown_pkr), default=0)
    during = sum(row.interest_pkr for row in cash if row.year <= last)
    return [
        *(Sum(f"the shares of phase {n}", shared.get(n, 0), spent[n]) for n in sorted(phases)),
        Sum("the cost", found.cost_pkr, sum(each.rupees for each in planned)),
        Sum("the cost at prices of spending", found.nominal_pkr, sum(r.drawdown_pkr for r in cash)),
        Sum("the interest", found.interest_pkr, sum(row.interest_pkr for row in cash)),
        Sum("the interest during construction", found.construction_interest_pkr, during),
        Sum("the debt service", found.service_pkr, sum(row.service_pkr for row in cash)),
        Sum("the greatest debt", found.peak_debt_pkr, max(debts, default=0)),
        Sum("the greatest debt service", found.peak_service_pkr, max(served, default=0)),
    ]


def of_risk(found: Outcome, dated: Schedule) -> list[Sum]:
    """Cost in the plan and mean of the draws, of all and of each phase, against the schedule."""
    means = sum(each.cost_pkr.mean for each in found.phases)
    near = abs(found.whole.cost_pkr.mean - means) <= max(1.0, EXACT * abs(means))
    whole = round(found.whole.cost_pkr.mean)
    return [
        Sum("the planned cost of all", found.whole.planned_pkr, dated.total_pkr),
        Sum("the number of phases", len(found.phases), len(dated.phases)),
        *(
            Sum(f"the planned cost of phase {phase.number}", each.planned_pkr, phase.cost_pkr)
            for each, phase in zip(found.phases, dated.phases, strict=False)
        ),
        Sum("the means of the phases", whole if near else round(means), whole),
    ]
