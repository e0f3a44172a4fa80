"""What the report says of closures: months, kinds, stretches that matter, protections."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realign import cost
from realign.allweather import Critical, Worth
from realign.chainage import Section
from realign.hazard import KINDS, MONTH_DAYS
from realign.options import DO_NOTHING
from realign.outputs import charts
from realign.outputs.report import choice
from realign.plan import Plan
from realign.yearround import YearRound

TOP = 10
"""Critical stretches and protections that are listed."""
EQUAL = 1e-9
"""Days by which two availabilities may differ and still be told as one."""
HOUR = 3600.0  # [s]
CLOSERS = dict(
    zip(
        KINDS,
        (
            "Slides and rockfall",
            "Debris flows and floods of side valleys",
            "Avalanches",
            "The river",
            "Snow on the road",
        ),
        strict=True,
    )
)
"""What closes a road, in words."""


def same_days(year: YearRound) -> bool:
    """Whether the wider corridor is as surely open as the highway."""
    return bool(np.allclose(year.highway.closed_days, year.corridor.closed_days, atol=EQUAL))


def corridor_name(plan: Plan) -> str:
    """Name the wider corridor by its ends."""
    weather, own = plan.study.all_weather, plan.study.existing
    return f"{weather.start or own.start_name}\u2013{weather.end or own.end_name}"


def months(plan: Plan) -> dict[str, Any]:
    """Lay out closed days of each month: the road today, options, and the wider corridor."""
    road, far = (
        f"{plan.study.existing.start_name}\u2013{plan.study.existing.end_name}",
        corridor_name(plan),
    )
    kept = plan.region.kept
    today = MONTH_DAYS * (1 - np.exp(-kept.rates(kept.whole)))
    series: list[tuple[str, NDArray[np.float64]]] = [
        (f"{road}: the road as it stands, before the lakes", today)
    ]
    cut, same = [], []
    named = dict.fromkeys((DO_NOTHING, plan.announced, plan.best))
    titles = choice.titles_of(plan)
    for name in named:
        if name not in plan.years or name not in titles:
            continue
        year = plan.years[name]
        if year.highway.closed_days_a_year >= MONTH_DAYS.sum() - EQUAL:
            cut.append(titles[name])
            continue
        series.append((f"{road}: {titles[name]}", year.highway.closed_days))
        if far != road and same_days(year):
            same.append(titles[name])
        elif far != road and year.corridor.closed_days_a_year < MONTH_DAYS.sum() - EQUAL:
            series.append((f"{far}: {titles[name]}", year.corridor.closed_days))
        elif far != road:
            cut.append(f"{titles[name]} ({far})")
    year = plan.years[plan.best]
    told = [
        f"{name}: {float(values.sum()):.1f} days a year, most in "
        f"{charts.MONTHS[int(np.argmax(values))]} with {float(values.max()):.2f}"
        for name, values in series
    ]
    return {
        "chart": charts.months(series),
        "words": f"Closed days by month. {'; '.join(told)}",
        "series": series,
        "rows": [
            (month, [float(values[i]) for _, values in series])
            for i, month in enumerate(charts.MONTHS)
        ],
        "sums": [float(values.sum()) for _, values in series],
        "cut": cut,
        "same": same,
        "far": far,
        "quiet": not any(each.closed_days for each in plan.study.approaches),
        "lasting": year.highway.longest_below(0.99),
    }


def _days_by_kind(year: YearRound) -> NDArray[np.float64]:
    """Sum of the durations of closures along the highway by kind, shape (5,) [d/year]."""
    out = np.zeros(len(KINDS))
    for each in year.stretches:
        road, part = each.road, each.section
        ends = [[np.interp(s, road.edge, c) for c in road.days.T] for s in (part.start, part.end)]
        out += np.array(ends[1]) - np.array(ends[0])
    return out


def hazard(plan: Plan) -> dict[str, Any]:
    """Say what closes the road, how rates were scaled, and how good the score of slides is."""
    region = plan.region
    fit, found = region.calibration, region.receiver
    year = plan.years[plan.best]
    now = region.kept.days[-1] - region.kept.days[0]
    then = _days_by_kind(year)
    recorded = fit.rules.recorded
    widest = max(float(np.max([now, then])), 1e-9)
    return {
        "years": recorded.years,
        "rows": [
            {
                "kind": CLOSERS[kind],
                "events": getattr(recorded, kind),
                "before": fit.before[i],
                "low": fit.low[i],
                "high": fit.high[i],
                "after": fit.after[i],
                "scaled": fit.scaled[i],
                "each": fit.rules.kinds[i].days,
                "now": float(now[i]),
                "closures": float(year.closures[i]),
                "then": float(then[i]),
                "now_pct": 100 * float(now[i]) / widest,
                "then_pct": 100 * float(then[i]) / widest,
            }
            for i, kind in enumerate(KINDS)
        ],
        "now": float(now.sum()),
        "then": float(then.sum()),
        "found": found,
        "curve": None if found is None else charts.receiver(found.false, found.true),
        "blind": found is not None and found.low <= 0.5 <= found.high,
        "landslides": region.landslides,
        "missing": region.scene.missing,
    }


def critical(some: Sequence[Critical]) -> dict[str, Any]:
    """Stretches whose closures cost the corridor most days, the worst first."""
    rows = sorted(some, key=lambda each: (-each.causes, -each.extra_closed_days, each.name))
    return {
        "rows": [
            {
                "name": each.name,
                "causes": each.causes,
                "extra": each.extra_closed_days,
                "months": len(each.detour_months),
                "detour": each.detour,
                "longer": each.extra_time / HOUR,
                "day": each.year_usd / MONTH_DAYS.sum(),
            }
            for each in rows[:TOP]
        ],
        "all": len(some),
        "blocked": sum(not each.detour_months for each in some),
    }


def protections(plan: Plan) -> list[Worth]:
    """Take the best protections, and the best of each kind that is not among them."""
    some = list(plan.protections[:TOP])
    seen = {each.measure.name.split()[0] for each in some}
    for each in plan.protections[TOP:]:
        kind = each.measure.name.split()[0]  # names begin with it, see `protection`
        if kind not in seen:
            seen.add(kind)
            some.append(each)
    return some


def standing(plan: Plan) -> dict[str, Any]:
    """Say what each option does with the existing road, what breaks the standard, and a price."""
    region, money = plan.region, plan.study.money
    whole, titles = Section(0.0, plan.highway.length), choice.titles_of(plan)

    def priced(parts: Sequence[Section]) -> tuple[Any, float]:
        sums: Counter[str] = Counter()
        for part in parts:
            sums.update(region.totals(part))
        return cost.price(dict(sums), plan.rates, money).total, sum(p.length for p in parts) / 1000

    prices = [("All of the highway", *priced([whole]))]
    fates = []
    for option in plan.options:
        title = titles[option.name]
        replaced = sum(link.section.length for link in option.links) / 1000
        better = sum(part.length for part in option.upgraded) / 1000
        rest = plan.highway.length / 1000 - replaced - better
        fates.append((title, max(rest, 0.0), better, replaced))
        if option.name in {plan.best, plan.announced} and option.upgraded:
            prices.append((f"Upgraded by \u201c{title}\u201d", *priced(option.upgraded)))
    kinds = []
    for kind in ("curve", "grade"):
        own = [each for each in region.broken if each.kind == kind]
        again = [each for each in own if each.totals]
        worst = None
        if own:
            worst = (min if kind == "curve" else max)(each.found for each in own)
        kinds.append((kind, len(own), len(again), sum(e.length for e in again) / 1000, worst))
    return {
        "fates": fates,
        "kinds": kinds,
        "standard": region.standard,
        "prices": prices,
        "km": plan.highway.length / 1000,
    }


def places(plan: Plan) -> list[tuple[str, str, float]]:
    """List the places along the existing road: name, name in Urdu or nothing, and chainage [m]."""
    local = {place.name: place.name_ur for place in plan.study.places}
    along = sorted(plan.places.items(), key=lambda each: each[1])
    return [(name, local.get(name, ""), chainage) for name, chainage in along]
