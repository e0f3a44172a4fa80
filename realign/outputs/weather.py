"""
How surely roads stay open, as rows: months, asked days, stretches that matter, protections.

Rows are in an order of their own, so that the order in which a plan holds them has no effect.
Amounts are in dollars.
"""

from collections.abc import Iterator
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from realign.allweather import Availability, Critical
from realign.estimate import Estimate
from realign.hazard import MONTH_DAYS
from realign.outputs.tables import Row, ranked, yes
from realign.plan import Plan

AVAILABILITY = (
    "option",
    "corridor",
    "from",
    "to",
    "month",
    "month_name",
    "open_probability",
    "closed_days",
    "mean_time_h",
    "unresolved_probability",
)
"""Columns of the chances by month; the row of the whole year has no month."""
PASSAGES = ("option", "day", "from", "to", "passes", "time_h", "open_probability", "way", "reasons")
"""Columns of the days that the study asks about."""
CRITICALITY = (
    "option",
    "vehicle",
    "stretch",
    "mean_importance",
    "greatest_importance",
    "greatest_month",
    "causes_closed_days_a_year",
    "detour_months",
    "detour",
    "extra_time_h",
    "extra_closed_days_a_year",
    "dearest_day_usd",
    "dearest_month",
    "year_usd",
    "unresolved_probability",
)
"""Columns of the stretches that matter."""
PROTECTIONS = (
    "option",
    "measure",
    "kind",
    "stretch",
    "avoided_days_a_year",
    "cost_low_usd",
    "cost_base_usd",
    "cost_high_usd",
    "yearly_low_usd",
    "yearly_base_usd",
    "yearly_high_usd",
    "per_day_low_usd",
    "per_day_base_usd",
    "per_day_high_usd",
    "days_per_million_usd",
    "days_per_billion_pkr",
)
"""Columns of what protections buy."""
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""Names of the months."""
_HOUR = 3600.0


def availability_rows(plan: Plan) -> list[Row]:
    """
    Chance of an open way by option, corridor and month, when all of an option stands.

    Returns
    -------
    rows
        With `AVAILABILITY`, options by rank; twelve months and then the year, whose chance is the
        mean over its days, closed days the sum, and time the mean over the time that a way is open.
        For trucks.
    """
    return [
        row
        for name in ranked(plan, plan.years)
        for corridor in ("highway", "wider corridor")
        for row in _year(plan, name, corridor)
    ]


def _year(plan: Plan, name: str, corridor: str) -> Iterator[Row]:
    year = plan.years[name]
    way: Availability = year.highway if corridor == "highway" else year.corridor
    held: Row = {"option": name, "corridor": corridor, "from": way.start, "to": way.end}
    for i, month in enumerate(MONTHS):
        yield {
            **held,
            "month": i + 1,
            "month_name": month,
            "open_probability": float(way.open_share[i]),
            "closed_days": float(way.closed_days[i]),
            "mean_time_h": float(way.time[i]) / _HOUR,
            "unresolved_probability": float(way.unresolved[i]),
        }
    open_days = MONTH_DAYS * way.open_share
    some = open_days > 0

    def mean(values: NDArray[np.float64]) -> float | None:
        """Mean over the time that a way is open; None where none ever is."""
        return float(np.average(values[some], weights=open_days[some])) if some.any() else None

    time = mean(way.time)
    yield {
        **held,
        "month": None,
        "month_name": None,
        "open_probability": float(open_days.sum() / MONTH_DAYS.sum()),
        "closed_days": way.closed_days_a_year,
        "mean_time_h": None if time is None else time / _HOUR,
        "unresolved_probability": mean(way.unresolved),
    }


def passage_rows(plan: Plan) -> list[Row]:
    """
    Whether a truck gets through the wider corridor on the days that the study asks about.

    Returns
    -------
    rows
        With `PASSAGES`, options by rank, then by day; the way where there is one, else what is
        shut and why.
    """
    return [
        {
            "option": name,
            "day": each.day,
            "from": each.start,
            "to": each.end,
            "passes": yes(each.passes),
            "time_h": each.time / _HOUR,
            "open_probability": each.chance,
            "way": "; ".join(each.way),
            "reasons": "; ".join(each.closed),
        }
        for name in ranked(plan, plan.years)
        for each in sorted(plan.years[name].passages, key=lambda each: each.day)
    ]


def criticality_rows(plan: Plan) -> list[Row]:
    """
    Stretches of road of the best option, and what happens when each alone is closed all year.

    Returns
    -------
    rows
        With `CRITICALITY`: trucks, then cars; the dearest year first. Time and detour are missing
        where there is no other way. A dearest day lasts as long as any of its month.
    """
    return [
        _critical(plan, kind, each)
        for kind in sorted(plan.critical, key=lambda kind: kind != "truck")
        for each in sorted(
            plan.critical[kind], key=lambda c: (-c.year_usd, -c.extra_closed_days, c.name)
        )
    ]


def _critical(plan: Plan, kind: str, each: Critical) -> Row:
    usd = plan.study.money.exchange("USD", of=plan.rates.currency)
    worst, dearest = int(each.importance.argmax()), int(each.day_usd.argmax())
    return {
        "option": plan.best,
        "vehicle": kind,
        "stretch": each.name,
        "mean_importance": float(np.average(each.importance, weights=MONTH_DAYS)),
        "greatest_importance": float(each.importance[worst]),
        "greatest_month": worst + 1,
        "causes_closed_days_a_year": each.causes,
        "detour_months": " ".join(map(str, each.detour_months)),
        "detour": "; ".join(each.detour),
        "extra_time_h": each.extra_time / _HOUR if isfinite(each.extra_time) else None,
        "extra_closed_days_a_year": each.extra_closed_days,
        "dearest_day_usd": float(each.day_usd[dearest]) * usd,
        "dearest_month": dearest + 1,
        "year_usd": each.year_usd * usd,
        "unresolved_probability": float(np.average(each.unresolved, weights=MONTH_DAYS)),
    }


def protection_rows(plan: Plan) -> list[Row]:
    """
    Give what protections of the best option buy, each by itself, most days for its cost first.

    Returns
    -------
    rows
        With `PROTECTIONS`. `yearly` is building and upkeep as an even sum a year; the cost of a
        day and the days for a million a year are missing where nothing is avoided, or nothing
        paid.
    """
    usd = plan.study.money.exchange("USD", of=plan.rates.currency)
    rupees = plan.study.money.exchange("PKR", of=plan.rates.currency)
    return [
        {
            "option": plan.best,
            "measure": each.measure.name,
            "kind": each.measure.name.split(" ", 1)[0],
            "stretch": each.measure.edge,
            "avoided_days_a_year": each.days_a_year,
            **_dollars("cost", each.measure.cost, usd),
            **_dollars("yearly", each.yearly, usd),
            **_dollars("per_day", each.per_day, usd),
            "days_per_million_usd": each.days_per_million / usd,
            "days_per_billion_pkr": 1e3 * each.days_per_million / rupees,
        }
        for each in sorted(
            plan.protections,
            key=lambda each: (-each.days_per_million, -each.days_a_year, each.measure.name),
        )
    ]


def _dollars(name: str, cost: Estimate | None, usd: float) -> Row:
    """Low, base and high of a cost in dollars; nothing where there is none."""
    parts = ("low", "base", "high")
    return {
        f"{name}_{part}_usd": None if cost is None else round(getattr(cost, part) * usd, 2)
        for part in parts
    }
