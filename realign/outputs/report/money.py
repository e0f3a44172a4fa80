"""What the report says of money: spending by year, debt, and how sure cost and dates are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from realign.finance import Financing, by_year
from realign.outputs import series
from realign.outputs.report import choice
from realign.outputs.tables import ranked
from realign.plan import Plan, Programme
from realign.risk import Outcome

UNIT = "Rs bn"
_BN = 1e9
_SHORT = 130.0  # height of the lower panels of the charts of debt [px]


@dataclass(frozen=True, slots=True)
class Spending:
    """Columns of yearly spending, with their numbers."""

    option: str
    """Name of the option."""
    by: str
    """"financier" or "phase"."""
    names: tuple[tuple[str, int], ...]
    """Names of the pieces and their looks."""
    chart: series.Chart
    rows: tuple[tuple[int, tuple[float, ...]], ...]
    """Year and the amount of each piece [PKR]."""
    words: str
    """What the chart shows, for those who do not see it."""


@dataclass(frozen=True, slots=True)
class Debt:
    """Cash flow of the cases of an option: three charts and their numbers."""

    option: str
    names: tuple[tuple[str, int], ...]
    """Titles of the cases and their looks."""
    panels: tuple[tuple[str, series.Chart, str], ...]
    """Title, chart, and what it shows."""
    rows: tuple[tuple[int, tuple[tuple[float, float, float], ...]], ...]
    """Year, and of each case what is drawn, paid and owed [PKR]."""


def spending(plan: Plan) -> list[Spending]:
    """Lay out what is spent by year, of each option by financier and by phase, the best first."""
    out = []
    for name in _built(plan, plan.programmes):
        programme = plan.programmes[name]
        if programme.schedule.spending:
            out += [_by_financier(plan, programme), _by_phase(programme)]
    return out


def _built(plan: Plan, some: Mapping[str, Any]) -> list[str]:
    """Names of options by rank, the best first."""
    return sorted(ranked(plan, some), key=lambda name: name != plan.best)


def _by_financier(plan: Plan, programme: Programme) -> Spending:
    """Stack by who pays, in the first case of the study."""
    payers = [(f.key, f.name) for f in plan.study.finance.financiers]
    years = by_year(programme.splits, plan.study.finance.cases[0])
    return _spending(programme.option.name, "financier", payers, years)


def _by_phase(programme: Programme) -> Spending:
    """Stack by phase, in the order of opening."""
    phases = programme.schedule.phases
    years: dict[int, dict[str, int]] = {}
    for phase in phases:
        for year, rupees in phase.spending:
            years.setdefault(year, {})[str(phase.number)] = rupees
    names = [(str(p.number), f"{p.number}. {p.work.name}") for p in phases]
    return _spending(programme.option.name, "phase", names, dict(sorted(years.items())))


def _spending(
    option: str,
    by: str,
    names: list[tuple[str, str]],
    years: Mapping[int, Mapping[str, int]],
) -> Spending:
    sums = {year: sum(amounts.values()) for year, amounts in years.items()}
    most = max(sums, key=sums.__getitem__)
    words = (
        f"Spending of option {option} by {by}: Rs {sum(sums.values()) / _BN:,.1f} bn from "
        f"{min(years)} to {max(years)}, most of it, Rs {sums[most] / _BN:,.1f} bn, in {most}"
    )
    return Spending(
        option=option,
        by=by,
        names=tuple((name, k % len(series.LOOKS)) for k, (_, name) in enumerate(names)),
        chart=series.columns(years, names, UNIT),
        rows=tuple(
            (year, tuple(float(amounts.get(key, 0)) for key, _ in names))
            for year, amounts in years.items()
        ),
        words=words,
    )


def debt(plan: Plan) -> list[Debt]:
    """Lay out drawdown, debt service and debt by year in every case, the best option first."""
    return [
        _debt(name, plan.funds[name].financings)
        for name in _built(plan, plan.funds)
        if plan.funds[name].financings
    ]


def _debt(option: str, cases: Iterable[Financing]) -> Debt:
    cases = tuple(cases)
    first = min(case.years[0].year for case in cases)
    last = max(case.years[-1].year for case in cases)
    panels = []
    for title, key in (
        ("Drawn in the year", "drawdown_pkr"),
        ("Debt service in the year", "service_pkr"),
        ("Owed at the end of the year", "balance_pkr"),
    ):
        found = []
        for case in cases:
            amounts = dict.fromkeys(range(first, last + 1), 0.0)
            amounts |= {each.year: float(getattr(each, key)) for each in case.years}
            found.append((case.case.title or case.case.name, amounts))
        told = [
            f"{name}: at most Rs {max(amounts.values()) / _BN:,.1f} bn in "
            f"{max(amounts, key=amounts.__getitem__)}"
            for name, amounts in found
        ]
        chart = series.curves(found, UNIT, tall=_SHORT + 60)
        panels.append((title, chart, f"{title}, option {option}. {'; '.join(told)}"))
    years = {case.case.name: {each.year: each for each in case.years} for case in cases}
    rows = []
    for year in range(first, last + 1):
        cells = []
        for own in years.values():
            each = own.get(year)
            flow = (each.drawdown_pkr, each.service_pkr, each.balance_pkr) if each else (0, 0, 0)
            cells.append((float(flow[0]), float(flow[1]), float(flow[2])))
        rows.append((year, tuple(cells)))
    names = tuple(
        (case.case.title or case.case.name, k % len(series.LOOKS)) for k, case in enumerate(cases)
    )
    return Debt(option, names, tuple(panels), tuple(rows))


# ---------------------------------------------------------------- how sure


def risks(plan: Plan) -> dict[str, Any] | None:
    """Lay out spreads of cost by option, the chances of the best one's cost, and what drives it."""
    found = plan.risks.get(plan.best)
    if found is None:
        return None
    titles = choice.titles_of(plan)
    names = _built(plan, plan.risks)
    every = [(name, plan.risks[name]) for name in names]
    return {
        "options": _options(every, titles),
        "opens": _opens(every, titles),
        "chances": _chances(every, titles, plan.best),
        "drivers": _drivers(found),
        "openings": _opening_drivers(found),
    }


def _options(every: list[tuple[str, Outcome]], titles: Mapping[str, str]) -> dict[str, Any]:
    """Spreads of the cost of each option."""
    rows = []
    for name, each in every:
        cost = each.whole.cost_pkr
        words = (
            f"{titles[name]}: P10 Rs {cost.p10 / _BN:,.1f} bn, P50 {cost.p50 / _BN:,.1f}, P90 "
            f"{cost.p90 / _BN:,.1f}; planned {each.whole.planned_pkr / _BN:,.1f}"
        )
        low, mid, high = cost.p10 / _BN, cost.p50 / _BN, cost.p90 / _BN
        rows.append(
            series.Spread(titles[name], low, mid, high, words, each.whole.planned_pkr / _BN)
        )
    return {"chart": series.spreads(rows), "words": "; ".join(row.words for row in rows)}


def _opens(every: list[tuple[str, Outcome]], titles: Mapping[str, str]) -> dict[str, Any]:
    """Spreads of the day on which all of each option is open."""
    rows = []
    for name, each in every:
        opens = each.whole.opens
        words = (
            f"{titles[name]}: all open by {opens.p10} (P10), {opens.p50} (P50), {opens.p90} (P90); "
            f"planned {each.whole.planned}"
        )
        low, mid, high = (float(day.toordinal()) for day in (opens.p10, opens.p50, opens.p90))
        planned = float(each.whole.planned.toordinal())
        rows.append(series.Spread(titles[name], low, mid, high, words, planned))
    chart = series.spreads(rows, days=True)
    return {"chart": chart, "words": "; ".join(row.words for row in rows)}


def _chances(
    every: list[tuple[str, Outcome]], titles: Mapping[str, str], best: str
) -> dict[str, Any]:
    """Chance that a cost is not exceeded, the best option first."""
    draws = [(titles[name], each.drawn.cost.sum(axis=1)) for name, each in every]
    whole = dict(every)[best].whole
    under = float((dict(every)[best].drawn.cost.sum(axis=1) <= whole.planned_pkr).mean())
    words = (
        f"Chance that a cost is not exceeded. The planned Rs {whole.planned_pkr / _BN:,.1f} bn of "
        f"the preferred option are enough in {under:.0%} of the draws"
    )
    return {
        "chart": series.chances(draws, float(whole.planned_pkr)),
        "names": [(name, k % len(series.LOOKS)) for k, (name, _) in enumerate(draws)],
        "words": words,
    }


def _drivers(found: Outcome) -> dict[str, Any]:
    """Tornado of cost: what each driver does by itself."""
    rows = []
    for each in found.tornado:
        name, cost = each.driver.replace("_", " "), each.cost_pkr
        words = f"{name}: Rs {cost.p10 / _BN:,.1f} to {cost.p90 / _BN:,.1f} bn"
        rows.append(series.Spread(name, cost.p10 / _BN, cost.p50 / _BN, cost.p90 / _BN, words))
    chart = series.spreads(rows, found.whole.planned_pkr / _BN)
    told = f"Cost hangs most on {rows[0].name}: {rows[0].words.partition(': ')[2]}, P10 to P90"
    return {"chart": chart, "words": told}


def _opening_drivers(found: Outcome) -> dict[str, Any]:
    """Tornado of the first opening that the water asks for: what each driver does by itself."""
    rows = []
    for each in found.tornado_opening:
        name, opens = each.driver.replace("_", " "), each.opens
        low, mid, high = (float(day.toordinal()) for day in (opens.p10, opens.p50, opens.p90))
        words = f"{name}: {opens.p10} to {opens.p90}"
        rows.append(series.Spread(name, low, mid, high, words))
    waters = [one.deadline for one in found.openings if one.deadline is not None]
    first = min(waters, default=None)
    planned = _first_planned(found, first)
    chart = series.spreads(rows, None if planned is None else planned.toordinal(), days=True)
    told = f"The first opening hangs most on {rows[0].name}: {rows[0].words.partition(': ')[2]}"
    return {"chart": chart, "words": f"{told}, P10 to P90", "water": first}


def _first_planned(found: Outcome, water: date | None) -> date | None:
    """Day in the plan on which all is open that the first water asks for."""
    days = [one.planned for one in found.openings if one.deadline == water]
    return max(days, default=None)
