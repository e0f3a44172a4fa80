"""
The programme and its money as rows: activities, cash flow, cases of financing, other conditions.

Amounts are whole rupees, or whole units of account of the currency of a loan (cents, fen) written
with two decimals. Tables whose parts do not add to their whole are refused.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from realign import finance
from realign.finance import UNITS, Cash
from realign.outputs import sums
from realign.outputs.tables import Row, ranked, yes
from realign.phasing import Opened, Schedule, whole_month
from realign.plan import Plan
from realign.programme import outlays

MONTHS = 12
SCHEDULE = (
    "option",
    "phase",
    "work",
    "lot",
    "activity",
    "kind",
    "start",
    "finish",
    "critical",
    "float_months",
    "crews",
    "cost_pkr",
)
"""Columns of the activities and openings."""
OPENINGS = (
    "option",
    "phase",
    "work",
    "opening",
    "opens",
    "wanted_by",
    "water_date",
    "lots",
    "length_km",
    "opens_p10",
    "opens_p50",
    "opens_p90",
    "chance_in_time_pct",
)
"""Columns of what opens when, and how surely."""
CASH = (
    "case",
    "option",
    "phase",
    "source",
    "year",
    "currency",
    "drawdown",
    "fees",
    "interest",
    "capitalised",
    "principal",
    "balance",
    "service",
    "drawdown_pkr",
    "interest_pkr",
    "service_pkr",
    "balance_pkr",
)
"""Columns of the cash flow."""
FINANCING = (
    "option",
    "case",
    "title",
    "cost_pkr",
    "nominal_pkr",
    "construction_interest_pkr",
    "interest_pkr",
    "service_pkr",
    "peak_debt_pkr",
    "peak_debt_year",
    "peak_service_pkr",
    "peak_service_year",
    "present_service_pkr",
    "nominal_usd",
    "nominal_cny",
    "service_usd",
    "service_cny",
    "grant_element_pct",
    "grant_elements",
)
"""Columns of the cases of financing."""
ECONOMY = (
    "option",
    "discount_pct",
    "net_present_value_pkr",
    "net_present_value_usd",
    "net_present_value_cny",
    "benefit_cost_ratio",
    "eirr_pct",
    "payback_year",
)
"""Columns of the return to the economy."""
CONDITIONS = (
    "conditions",
    "option",
    "budget_pkr_per_year",
    "water_months",
    "phase",
    "work",
    "start",
    "opens",
    "deadline",
    "days_late",
    "cost_pkr",
    "cost_usd",
    "cost_cny",
    "present_cost_pkr",
    "gap_pct",
    "conflict",
)
"""Columns of the programme under other conditions; the first rows are the programme itself."""


def schedule_rows(plan: Plan) -> list[Row]:
    """
    Activities and openings of every option by rank, phase by phase, in order of their starts.

    The float of an opening is that from its day to the one by which it is wanted.

    Raises
    ------
    OutputError
        Activities do not add to the cost of their phase.
    """
    out: list[Row] = []
    for option in ranked(plan, plan.programmes):
        dated = plan.programmes[option].schedule
        number = {phase.work.name: phase.number for phase in dated.phases}
        sums.hold(f"option {option!r}", sums.of_schedule(dated))
        own: list[Row] = [
            {
                "option": option,
                "phase": number[each.activity.work],
                "work": each.activity.work,
                "lot": each.activity.lot,
                "activity": each.activity.name,
                "kind": each.activity.kind,
                "start": each.start,
                "finish": each.finish,
                "critical": yes(each.critical),
                "float_months": each.slack_months,
                "crews": each.activity.crews,
                "cost_pkr": each.activity.cost,
            }
            for each in dated.activities
        ]
        own += [_opening(option, number[each.work], each) for each in dated.openings]
        out += sorted(own, key=lambda row: (row["phase"], row["start"]))
    return out


def _opening(option: str, phase: int, each: Opened) -> Row:
    """Give an opening as an activity that takes no time."""
    months = None
    if each.by is not None:
        months = (each.by.year - each.opens.year) * MONTHS + each.by.month - each.opens.month
    return {
        "option": option,
        "phase": phase,
        "work": each.work,
        "lot": "; ".join(lot.name for lot in each.lots),
        "activity": f"{each.name}: opening",
        "kind": "opening",
        "start": each.opens,
        "finish": each.opens,
        "critical": yes(months is not None and months <= 0),
        "float_months": months,
        "crews": 0,
        "cost_pkr": 0,
    }


def opening_rows(plan: Plan) -> list[Row]:
    """Say what opens when, by the rank of the option."""
    out: list[Row] = []
    for option in ranked(plan, plan.programmes):
        dated = plan.programmes[option].schedule
        number = {phase.work.name: phase.number for phase in dated.phases}
        found = plan.risks.get(option)
        sure = {each.name: each for each in found.openings} if found else {}
        for each in dated.openings:
            own = sure.get(each.name)
            chance = own.chance if own else None
            out.append(
                {
                    "option": option,
                    "phase": number[each.work],
                    "work": each.work,
                    "opening": each.name,
                    "opens": each.opens,
                    "wanted_by": each.by,
                    "water_date": each.water,
                    "lots": len(each.lots),
                    "length_km": sum(lot.length for lot in each.lots) / 1000,
                    "opens_p10": own.opens.p10 if own else None,
                    "opens_p50": own.opens.p50 if own else None,
                    "opens_p90": own.opens.p90 if own else None,
                    "chance_in_time_pct": None if chance is None else 100 * chance,
                }
            )
    return out


def cash_rows(plan: Plan) -> Iterator[Row]:
    """
    Cash flow of every case and option, by phase, source and year.

    Raises
    ------
    OutputError
        A row is not the sum of its parts or not its currency at the rate of its year, what a
        source draws for a phase does not add to its share of it, or a balance does not end at zero.
    """
    fx = finance.exchange(plan.study.money, plan.study.finance.escalation)
    for option in ranked(plan, plan.funds):
        for paid in plan.funds[option].financings:
            sums.hold(f"option {option!r}, case {paid.case.name!r}", sums.of_cash(paid, fx))
            for each in paid.cash:
                yield _cash(option, each)


def _cash(option: str, each: Cash) -> Row:
    unit = UNITS[each.currency]
    amounts = {
        name: getattr(each, name) / unit
        for name in (
            "drawdown",
            "fees",
            "interest",
            "capitalised",
            "principal",
            "balance",
            "service",
        )
    }
    rupees = {
        name: getattr(each, name)
        for name in ("drawdown_pkr", "interest_pkr", "service_pkr", "balance_pkr")
    }
    head: Row = {
        "case": each.case,
        "option": option,
        "phase": each.phase,
        "source": each.source,
        "year": each.year,
        "currency": each.currency,
    }
    return head | amounts | rupees


def financing_rows(plan: Plan) -> list[Row]:
    """
    Cases of financing of every option, by its rank, in the order of the study.

    Raises
    ------
    OutputError
        Shares are not what phases cost at the prices of the years, or a sum is not that of the cash
        flow.
    """
    out: list[Row] = []
    terms = plan.study.finance.escalation
    price_year, fx_year = plan.rates.price_date.year, plan.study.money.fx_date.year
    for option in ranked(plan, plan.funds):
        planned = outlays(plan.programmes[option].schedule)
        risen = finance.escalated(planned, terms, price_year=price_year, fx_year=fx_year)
        for paid in plan.funds[option].financings:
            found = paid.summary
            where = f"option {option!r}, case {paid.case.name!r}"
            sums.hold(where, sums.of_financing(paid, planned, risen))
            row: Row = {"option": option, "case": paid.case.name, "title": paid.case.title}
            for name in FINANCING[3:-6]:
                row[name] = getattr(found, name)
            for name in ("nominal", "service"):
                row |= _abroad(plan, name, getattr(found, f"{name}_pkr"))
            whole = found.grant_element
            row["grant_element_pct"] = None if whole is None else 100 * whole
            parts = [f"{key} {100 * part:.1f} %" for key, part in found.grant_elements.items()]
            row["grant_elements"] = "; ".join(parts)
            out.append(row)
    return out


def _abroad(plan: Plan, name: str, rupees: float) -> Row:
    """Give an amount in dollars and yuan too, at the rates of `fx_date`."""
    money = plan.study.money
    return {
        f"{name}_{currency.lower()}": round(rupees * money.exchange(currency, of="PKR"), 2)
        for currency in ("USD", "CNY")
    }


def economy_rows(plan: Plan) -> list[Row]:
    """Return of every option to the economy, a row for each rate of discount."""
    return [
        {
            "option": option,
            "discount_pct": rate,
            "net_present_value_pkr": round(value),
            **_abroad(plan, "net_present_value", value),
            "benefit_cost_ratio": ratio,
            "eirr_pct": plan.funds[option].economy.eirr_pct,
            "payback_year": plan.funds[option].economy.payback,
        }
        for option in ranked(plan, plan.funds)
        for rate, value, ratio in plan.funds[option].economy.present
    ]


class _Conditions(NamedTuple):
    """Conditions of a programme, and what came out."""

    name: str
    budget: float
    water_months: int
    schedule: Schedule | None
    problem: str


def condition_rows(plan: Plan) -> list[Row]:
    """
    Give the best option as planned and under other conditions, phase by phase.

    Raises
    ------
    OutputError
        The parts of a schedule do not add to its total.
    """
    pace = plan.study.phasing
    best = plan.programmes.get(plan.best)
    some = (
        [_Conditions("as planned", pace.budget_pkr_per_year, 0, best.schedule, "")] if best else []
    )
    some += [
        _Conditions(
            each.alternative.name,
            each.alternative.budget_pkr_per_year or pace.budget_pkr_per_year,
            each.alternative.water_months,
            each.schedule,
            each.problem,
        )
        for each in plan.variations
    ]
    out: list[Row] = []
    for name, budget, months, dated, problem in some:
        if dated is not None:
            sums.hold(f"conditions {name!r}", sums.of_schedule(dated))
        head: Mapping[str, object] = {
            "conditions": name,
            "option": plan.best,
            "budget_pkr_per_year": round(budget),
            "water_months": months,
        }
        for phase in dated.phases if dated is not None and dated.phases else (None,):
            row: Row = dict.fromkeys(CONDITIONS)
            row.update(head)  # type: ignore[arg-type]
            row["conflict"] = problem if dated is None else dated.conflict
            if phase is not None and dated is not None:
                row |= {
                    "phase": phase.number,
                    "work": phase.work.name,
                    "start": phase.start,
                    "opens": phase.opens,
                    "deadline": phase.deadline,
                    "days_late": phase.days_late,
                    "cost_pkr": phase.cost_pkr,
                    **_abroad(plan, "cost", phase.cost_pkr),
                    "present_cost_pkr": round(dated.present_pkr),
                    "gap_pct": 100 * dated.gap,
                }
            out.append(row)
    return out


# ---------------------------------------------------------------- how sure

RISK = (
    "option",
    "phase",
    "name",
    "cost_planned_pkr",
    "cost_p10_pkr",
    "cost_p50_pkr",
    "cost_p90_pkr",
    "cost_mean_pkr",
    "cost_p10_usd",
    "cost_p10_cny",
    "cost_p50_usd",
    "cost_p50_cny",
    "cost_p90_usd",
    "cost_p90_cny",
    "opens_planned",
    "opens_p10",
    "opens_p50",
    "opens_p90",
    "deadline",
    "chance_in_time_pct",
    "opens_by",
    "chance_opens_by_pct",
    "chance_complete_pct",
)
"""Columns of how sure cost and dates are; the row without a phase is the whole programme."""
TORNADO = (
    "option",
    "driver",
    "cost_p10_pkr",
    "cost_p50_pkr",
    "cost_p90_pkr",
    "cost_rank_correlation",
    "opens_p10",
    "opens_p50",
    "opens_p90",
    "reserve_p10_months",
    "reserve_p50_months",
    "reserve_p90_months",
    "reserve_rank_correlation",
)
"""Columns of what each driver does by itself, the widest spread of cost first."""
CONVERGENCE = ("option", "quantity", "unit", "draws", "p50", "p50_error", "p90", "p90_error")
"""Columns of how well quantiles are known after some draws."""


def risk_rows(plan: Plan) -> list[Row]:
    """
    Give spreads of cost and opening of every option by rank, the whole first.

    Raises
    ------
    OutputError
        Costs or means of the phases are not those of the plan and of the whole.
    """
    out: list[Row] = []
    for option in ranked(plan, plan.risks):
        found = plan.risks[option]
        dated = plan.programmes[option].schedule
        sums.hold(f"draws of option {option!r}", sums.of_risk(found, dated))
        numbered = [(None, found.whole), *enumerate(found.phases, 1)]
        own = plan.programmes.get(option)
        pins = {p.work.name: p.work.opens_by for p in own.schedule.phases} if own else {}
        last = plan.study.phasing.complete_by
        out += [
            {
                "option": option,
                "phase": number,
                "name": each.name,
                "cost_planned_pkr": each.planned_pkr,
                "cost_p10_pkr": round(each.cost_pkr.p10),
                "cost_p50_pkr": round(each.cost_pkr.p50),
                "cost_p90_pkr": round(each.cost_pkr.p90),
                "cost_mean_pkr": round(each.cost_pkr.mean),
                **_abroad(plan, "cost_p10", each.cost_pkr.p10),
                **_abroad(plan, "cost_p50", each.cost_pkr.p50),
                **_abroad(plan, "cost_p90", each.cost_pkr.p90),
                "opens_planned": each.planned,
                "opens_p10": each.opens.p10,
                "opens_p50": each.opens.p50,
                "opens_p90": each.opens.p90,
                "deadline": each.deadline,
                "chance_in_time_pct": None if each.chance is None else 100 * each.chance,
                "opens_by": pins.get(each.name) if number else None,
                "chance_opens_by_pct": _open_by(plan, option, each.name, pins.get(each.name))
                if number
                else None,
                "chance_complete_pct": _open_by(plan, option, each.name if number else "", last),
            }
            for number, each in numbered
        ]
    return out


def _open_by(plan: Plan, option: str, work: str, by: date | None) -> float | None:
    """Chance that a work, or all where none is named, is open by a day [%]; None without a day."""
    if by is None:
        return None
    begin = whole_month(plan.study.phasing.start)
    months = (by.year - begin.year) * MONTHS + by.month - begin.month + (by.day - 1) / 31
    dated = plan.programmes[option].schedule
    own = [k for k, one in enumerate(dated.openings) if work in {"", one.work}]
    opens = plan.risks[option].drawn.opens[:, own].max(axis=1)
    return float(100 * (opens <= months).mean())


def tornado_rows(plan: Plan) -> list[Row]:
    """Give what each driver does by itself, option by option."""
    return [
        {
            "option": option,
            "driver": each.driver,
            "cost_p10_pkr": round(each.cost_pkr.p10),
            "cost_p50_pkr": round(each.cost_pkr.p50),
            "cost_p90_pkr": round(each.cost_pkr.p90),
            "cost_rank_correlation": each.rank_cost,
            "opens_p10": each.opens.p10,
            "opens_p50": each.opens.p50,
            "opens_p90": each.opens.p90,
            "reserve_p10_months": each.reserve_months.p10,
            "reserve_p50_months": each.reserve_months.p50,
            "reserve_p90_months": each.reserve_months.p90,
            "reserve_rank_correlation": each.rank_reserve,
        }
        for option in ranked(plan, plan.risks)
        for each in plan.risks[option].tornado
    ]


def convergence_rows(plan: Plan) -> list[Row]:
    """Give medians and P90 with their errors by the number of draws, option by option."""
    out: list[Row] = []
    for option in ranked(plan, plan.risks):
        found = plan.risks[option]
        for name, unit, scale, steps in (
            ("cost", "Rs bn", 1e9, found.convergence_cost),
            ("first opening", "months", 1.0, found.convergence_opening),
        ):
            out += [
                {
                    "option": option,
                    "quantity": name,
                    "unit": unit,
                    "draws": each.draws,
                    "p50": each.p50 / scale,
                    "p50_error": each.p50_error / scale,
                    "p90": each.p90 / scale,
                    "p90_error": each.p90_error / scale,
                }
                for each in steps
            ]
    return out
