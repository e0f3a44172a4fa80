"""The answer of the report in five lines, its key figures, and the reasons behind it."""

import math
from dataclasses import dataclass

import numpy as np

from realign.allweather import Passage
from realign.finance import total
from realign.hazard import MONTH_DAYS
from realign.options import Option
from realign.outputs.report import choice, weather, wording
from realign.plan import Plan, Programme

_HOUR = 3600.0  # [s]
_TELLING = 0.005  # parts of a total below this explain nothing
_SHOWN = 3  # shut roads that an answer by day names
_LIKELY = 0.9  # a chance below this is shown as a warning
_CHANCE = 0.5  # area of a receiver curve that tells nothing
_FILLING = "filling to the level that takes the first of it begins on"


@dataclass(frozen=True, slots=True)
class Card:
    """A key figure."""

    label: str
    """What it is."""
    value: str
    """The figure with its unit."""
    more: str
    """Its spread, or what it is held against."""
    bad: bool = False
    """Whether it misses what it should be."""


def lines(plan: Plan) -> list[tuple[str, str]]:
    """Answer the question in five lines; the first word says about what."""
    option = next((o for o in plan.options if o.name == plan.best), None)
    programme = plan.programmes.get(plan.best)
    if option is None or programme is None:
        return [("Build", "No option builds anything."), ("Not sure", _unsure(plan))]
    share = (option.bridge_length + option.tunnel_length) / max(option.new_length, 1.0)
    return [
        (
            "Build",
            (
                f"Option \u201c{option.name}\u201d ({option.title}): "
                f"{option.new_length / 1000:,.1f} km of new road{_by_others(programme)}, "
                f"{wording.share(share)} on bridges or in tunnels; "
                f"{option.upgrade_length / 1000:,.1f} km are upgraded{_broken(option)}."
            ),
        ),
        ("Cost", _programme_cost(plan, programme)),
        ("Open", _time(plan, programme)),
        ("Paid", _paid(plan, programme)),
        ("Not sure", _unsure(plan)),
    ]


def more(plan: Plan) -> list[tuple[str, str]]:
    """Say what stands behind the answer: the choice, what was compared, and the water."""
    return [*_network_answer(plan), ("Water", _water(plan))]


def cards(plan: Plan) -> list[Card]:
    """Key figures of the preferred option, each with its spread or what it is held against."""
    programme, risk = plan.programmes.get(plan.best), plan.risks.get(plan.best)
    out = []
    if programme is not None:
        usd = plan.study.money.exchange("USD", of="PKR")
        cost = programme.schedule.total_pkr
        spread = f"US$ {cost * usd / 1e9:,.2f} bn"
        if risk is not None:
            low, high = risk.whole.cost_pkr.p10 / 1e9, risk.whole.cost_pkr.p90 / 1e9
            spread += f"; P10 to P90: Rs {low:,.1f} to {high:,.1f} bn"
        option = programme.option
        built = f"{option.bridge_length / 1000:,.1f} km of bridges"
        built += f", {option.tunnel_length / 1000:,.1f} km of tunnels"
        out = [
            Card("Cost of the programme", f"Rs {cost / 1e9:,.1f} bn", spread),
            Card("New road", f"{option.new_length / 1000:,.1f} km", built),
        ]
    if risk is not None:
        whole = risk.whole
        opens = f"P10 to P90: {whole.opens.p10} to {whole.opens.p90}"
        out.append(Card("All of it is open", f"{whole.planned}", opens))
        if whole.chance is not None:
            water = (
                f"in the draws, each road before its own water; the first comes on {whole.deadline}"
            )
            sure = wording.share(whole.chance)
            out.append(Card("In time before the water", sure, water, bad=whole.chance < _LIKELY))
    funds = plan.funds.get(plan.best)
    if funds is not None and funds.financings:
        paid = funds.financings[0].summary
        if paid.peak_debt_year is not None:
            service = f"in {paid.peak_debt_year}; at most Rs {paid.peak_service_pkr / 1e9:,.1f} bn "
            service += f"are paid in a year ({paid.peak_service_year})"
            out.append(Card("Most owed", f"Rs {paid.peak_debt_pkr / 1e9:,.1f} bn", service))
    if plan.best in plan.years:
        closed = plan.years[plan.best].highway.closed_days_a_year
        kept = plan.region.kept
        today = float((MONTH_DAYS * (1 - np.exp(-kept.rates(kept.whole)))).sum())
        was = f"a year, expected; the road as it stands: {today:,.1f}"
        out.append(Card("Closed", f"{closed:,.1f} days", was))
    if plan.checks:
        met = sum(check.ok for check in plan.checks)
        missed = [check.published.label.lower() for check in plan.checks if not check.ok]
        told = f"missed: {'; '.join(missed)}" if missed else "none is missed"
        value = f"{met} of {len(plan.checks)}"
        out.append(Card("Published figures met", value, told, bad=bool(missed)))
    return out


def _water(plan: Plan) -> str:
    """Say what the lakes take, and from when on."""
    lost = plan.submergence
    taken = sum(row.section.length for row in lost.sections) / 1000
    flooded = sum(section.length for section in lost.flooded) / 1000
    first = min((row.first_date for row in lost.sections), default=None)
    water = (
        f"{taken:,.1f} km of the existing road lose their freeboard, {flooded:,.1f} km are flooded"
    )
    return f"{water}; {_FILLING} {first}." if first else f"{water}."


def _by_others(programme: Programme) -> str:
    """Say how much of the new road the programme does not build."""
    others = sum(phase.work.new_length for phase in programme.schedule.outside) / 1000
    return f" ({others:,.1f} km of it built by others)" if others else ""


def _broken(option: Option) -> str:
    """Say that an option does not keep the standard, if so."""
    count = sum(len(link.breaches) for link in option.links)
    return f"; it does not keep the standard in {wording.places(count)}" if count else ""


def _programme_cost(plan: Plan, programme: Programme) -> str:
    """Say what the programme costs, and how surely."""
    phases = programme.schedule.phases
    low, base, high = (
        sum(phase.low_pkr for phase in phases),
        programme.schedule.total_pkr,
        sum(phase.high_pkr for phase in phases),
    )
    usd = plan.study.money.exchange("USD", of="PKR")
    line = f"The programme costs Rs {base / 1e9:,.1f} bn (US$ {base * usd / 1e9:,.2f} bn)"
    line += f" at prices of {plan.rates.price_date}"
    risk = plan.risks.get(plan.best)
    if risk is not None:
        spread = risk.whole.cost_pkr
        line += f"; P10 to P90: Rs {spread.p10 / 1e9:,.1f} to {spread.p90 / 1e9:,.1f} bn"
    return f"{line}; all low Rs {low / 1e9:,.1f} bn, all high Rs {high / 1e9:,.1f} bn."


def _time(plan: Plan, programme: Programme) -> str:
    """Say when it opens against the water, and how surely."""
    needed = [one for one in programme.schedule.openings if one.water is not None]
    last = max((phase.opens for phase in programme.schedule.phases), default=None)
    done = f"All of it is open on {last}" if last else "Nothing is built"
    if needed:
        tight = min(needed, key=lambda one: ((one.water or one.opens) - one.opens, one.opens))
        days = ((tight.water or tight.opens) - tight.opens).days
        done += f"; what the water takes first is replaced on {tight.opens}"
        done += f", {abs(days):,} days {'before' if days >= 0 else 'after'} the water of "
        done += f"{tight.water}"
    risk = plan.risks.get(plan.best)
    if risk is not None and risk.whole.chance is not None:
        done += f", and in {wording.share(risk.whole.chance)} of the draws all of it is in time"
    year = plan.years[programme.option.name]
    if year.cut is not None:
        why = "; ".join(year.cut.closed[:_SHOWN])
        cut = f"the road is cut on {year.cut_days:,} days, first on {year.cut.first_day}"
        return f"{done}; {cut}: {why}."
    return f"{done}; no day of the plan passes without a road."


def _paid(plan: Plan, programme: Programme) -> str:
    """Say who pays how much, and what is owed, in the first case of the study."""
    case = plan.study.finance.cases[0]
    shares = total(programme.splits, case)
    whole = max(sum(shares.values()), 1)
    paid = [
        f"{f.name} {wording.share(shares[f.key] / whole)} (Rs {shares[f.key] / 1e9:,.1f} bn)"
        for f in plan.study.finance.financiers
    ]
    line = f"Paid by {', '.join(paid)}"
    funds = plan.funds.get(plan.best)
    if funds is None or not funds.financings:
        return f"{line}."
    found = funds.financings[0].summary
    if found.peak_debt_year is None:
        return f"{line}; nothing is owed."
    return (
        f"{line}; Rs {found.peak_debt_pkr / 1e9:,.1f} bn are owed at most ({found.peak_debt_year}),"
        f" and Rs {found.peak_service_pkr / 1e9:,.1f} bn paid in the heaviest year "
        f"({found.peak_service_year})."
    )


def _unsure(plan: Plan) -> str:
    """Say what misses, what moves the result most, and how much rests on assumptions."""
    parts = []
    missed = [check.published.label.lower() for check in plan.checks if not check.ok]
    if missed:
        parts.append(
            f"{len(missed)} of {len(plan.checks)} published figures are missed "
            f"({'; '.join(missed)})"
        )
    elif plan.checks:
        parts.append(f"all {len(plan.checks)} published figures are met")
    risk = plan.risks.get(plan.best)
    if risk is not None:
        cost = risk.tornado[0].driver.replace("_", " ")
        opening = risk.tornado_opening[0].driver.replace("_", " ")
        parts.append(f"cost hangs most on {cost}, the first opening most on {opening}")
    assumed = sum(not row.reason.lower().startswith("program default") for row in plan.assumptions)
    if assumed:
        parts.append(f"{assumed} values of the study are assumptions without a source")
    found = plan.region.receiver
    if found is not None and found.low <= _CHANCE <= found.high:
        parts.append("the score of slides is not shown to be better than chance")
    line = "; ".join(parts) or "nothing is published to compare with"
    return f"{line[0].upper()}{line[1:]}."


def _network_answer(plan: Plan) -> list[tuple[str, str]]:
    """Lines on the choice: which answer, of how many, how surely, and how well it stays open."""
    table = plan.decision.table
    titles = choice.titles_of(plan)
    order = np.argsort(table.rank)
    best, runner = int(order[0]), next((int(i) for i in order[1:]), None)
    line = f"\u201c{titles[table.winner]}\u201d comes first with the weights of the study"
    if runner is not None and math.isfinite(table.totals[runner]):
        line += (
            f": {table.totals[best]:.3f}, where 0 would be the best in everything and 1 the worst; "
            f"the next is \u201c{titles[table.options[runner]]}\u201d with "
            f"{table.totals[runner]:.3f}. {_why(plan, best, runner)}"
        )
    lines = [("Answer", f"{line.rstrip('.')}."), ("Compared", _compared(plan))]
    against = _against(plan)
    if against:
        lines.append(("Announced", against))
    lines.append(("How sure", _sure(plan)))
    lines.append(("Open", _open(plan)))
    if plan.years[plan.best].passages:
        asked = " ".join(passage_words(each) for each in plan.years[plan.best].passages)
        lines.append(("By day", asked))
    return lines


def _why(plan: Plan, best: int, runner: int) -> str:
    """Say in which objectives the first is ahead of the next one, and in which behind."""
    table = plan.decision.table
    lead = table.weights * (table.parts[runner] - table.parts[best])
    labels = [each.label.lower() for each in choice.measures_of(plan)]
    ahead = [labels[j] for j in np.argsort(-lead) if lead[j] > _TELLING][:3]
    behind = [labels[j] for j in np.argsort(lead) if lead[j] < -_TELLING][:3]
    words = (
        f"It is ahead of that in {wording.listed(ahead)}" if ahead else "The two are almost equal"
    )
    return words + (f", behind in {wording.listed(behind)}." if behind else ".")


def _compared(plan: Plan) -> str:
    """Say how many answers were compared, and how completely."""
    held = plan.choice.front
    links, rows = len(plan.choice.candidates), len(held.ways.scores)
    words = (
        f"{links:,} candidate links and the existing road, kept or upgraded, make "
        f"{wording.count(held.count)} whole answers. {rows:,} of them no other beats in all "
        "objectives at once"
    )
    if held.exact:
        words += ": every answer counted."
    else:
        words += (
            "; there are too many to follow each. An answer left out is better than one of these "
            f"by at most {held.epsilon:.0%} of its score and a tenth of the span, in each "
            "objective."
        )
    some = len(plan.choice.shortlisted)
    return f"{words} {some} of them {'is' if some == 1 else 'are'} on the shortlist."


def _against(plan: Plan) -> str:
    """Hold the best option against the announced programme, in units."""
    held = {option.name: option for option in plan.options}
    if plan.best == plan.announced or not {plan.best, plan.announced} <= set(held):
        return ""
    one, other = held[plan.best], held[plan.announced]
    if not math.isfinite(one.truck_time) or not math.isfinite(other.truck_time):
        return ""
    saved = (other.present_cost - one.present_cost) / 1e6
    minutes = (one.truck_time - other.truck_time) / 60
    days = one.closed_days - other.closed_days
    currency = wording.sign(plan.rates.currency)
    return (
        f"The present cost of the programme as announced is {currency} {abs(saved):,.0f} m "
        f"{'more' if saved > 0 else 'less'}, with what others build; a truck takes "
        f"{abs(minutes):,.0f} minutes {'less' if minutes > 0 else 'more'} on it, and it is closed "
        f"{abs(days):.2f} days a year {'less' if days > 0 else 'more'}."
    )


def _sure(plan: Plan) -> str:
    """Say how often the winner wins when weights are drawn."""
    wins = {each.option: each for each in plan.decision.wins}
    own = wins[plan.decision.table.winner]
    words = (
        f"It wins with {wording.share(own.everywhere)} of all weightings there are, and with "
        f"{wording.share(own.near)} of those in which each weight is up to half smaller or greater "
        "than that of the study"
    )
    rest = sorted(
        (each for each in wins.values() if each is not own), key=lambda each: -each.everywhere
    )
    if rest and rest[0].everywhere > 0:
        titles = choice.titles_of(plan)
        next_one = titles[rest[0].option]
        words += f"; next is \u201c{next_one}\u201d with {wording.share(rest[0].everywhere)} of all"
    return f"{words}."


def _open(plan: Plan) -> str:
    """Say how many days a year the road is closed, and the corridor that it is part of."""
    year = plan.years[plan.best]
    study = plan.study.existing
    road = f"{study.start_name}\u2013{study.end_name}"
    if plan.years[plan.best].highway.closed_days_a_year >= MONTH_DAYS.sum() - weather.EQUAL:
        return f"{road} is cut all year."
    kept = plan.region.kept
    today = float((MONTH_DAYS * (1 - np.exp(-kept.rates(kept.whole)))).sum())
    words = (
        f"{road} is expected to be closed {wording.days(year.highway.closed_days_a_year)} of a year"
    )
    words += f" (the road as it stands, before the lakes: {today:.1f})"
    far = weather.corridor_name(plan)
    if far == road:
        return f"{words}."
    words += f", {far} {wording.days(year.corridor.closed_days_a_year)}"
    if weather.same_days(year) and not any(each.closed_days for each in plan.study.approaches):
        words += (
            " as well: the study counts no closed days of the roads beyond in their open months"
        )
    return f"{words}."


def passage_words(passage: Passage) -> str:
    """
    Answer in words whether a vehicle gets through, with few of the roads that are shut.

    Parameters
    ----------
    passage
        From `allweather.can_pass`.
    """
    what = f"{passage.day.isoformat()}, a {passage.kind} from {passage.start} to"
    what += f" {passage.end}:"
    if not passage.passes:
        some = "; ".join(passage.closed[:_SHOWN]) or "no road leads there"
        rest = len(passage.closed) - _SHOWN
        return f"{what} no. {some}{f'; and {rest} more' if rest > 0 else ''}."
    return (
        f"{what} yes, in {passage.time / _HOUR:.1f} h; some way is open on {passage.chance:.1%} of "
        "such days."
    )
