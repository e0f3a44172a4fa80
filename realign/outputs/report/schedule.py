"""What the report says of the schedule: a Gantt chart of every option, phase by phase."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from realign.outputs import gantt
from realign.phasing import Opened, Phase, Schedule, Timed, months_later
from realign.plan import Plan


@dataclass(frozen=True, slots=True)
class Part:
    """A phase of an option as a chart."""

    phase: Phase
    chart: gantt.Chart
    activities: int
    """Number of its activities."""
    critical: int
    """How many of them are critical."""
    words: str
    """What the chart shows, for those who do not see it."""


def charts(plan: Plan) -> dict[str, tuple[Part, ...]]:
    """Lay out the schedule of each option that builds, by its name, on a calendar of its own."""
    seasons = {each.name: each.months for each in plan.study.phasing.seasons}
    out = {}
    for name, programme in plan.programmes.items():
        dated = programme.schedule
        if dated.activities:
            on = gantt.calendar(_days(dated), seasons)
            out[name] = tuple(_part(dated, phase, on) for phase in dated.phases)
    return out


def _days(dated: Schedule) -> list[date]:
    """List every day that a chart has to hold; of slack, only what openings leave in sight."""
    days = [day for each in dated.activities for day in (each.start, each.finish)]
    days += [one.opens for one in dated.openings]
    days += [day for one in dated.openings for day in (one.by, one.water) if day is not None]
    return days


def _part(dated: Schedule, phase: Phase, on: gantt.Calendar) -> Part:
    """Lay out one phase."""
    name = phase.work.name
    own = [each for each in dated.activities if each.activity.work == name]
    groups = [_group(one, own) for one in dated.openings if one.work == name]
    critical = sum(each.critical for each in own)
    late = [g.name for g in groups if g.by is not None and g.opens > g.by]
    words = (
        f"Schedule of phase {phase.number}, {name}: {len(own)} activities from {phase.start} to "
        f"{phase.opens}, {critical} of them critical, {len(groups)} "
        f"opening{'' if len(groups) == 1 else 's'}"
    )
    words += f"; later than wanted: {', '.join(late)}" if late else "; none later than wanted"
    return Part(phase, gantt.phase(groups, on), len(own), critical, words)


def _group(one: Opened, own: Sequence[Timed]) -> gantt.Group:
    """Put the lots of an opening together; a work that was never cut is one lot."""
    names = [lot.name for lot in one.lots] or list(dict.fromkeys(t.activity.lot for t in own))
    sections = {lot.name: f"{lot.section}, {lot.length / 1000:,.1f} km" for lot in one.lots}
    lots = []
    for name in names:
        mine = [each for each in own if each.activity.lot == name]
        alike: dict[tuple[object, ...], list[Timed]] = {}
        for each in mine:
            key = (each.activity.kind, each.start, each.finish, each.slack_months)
            alike.setdefault(key, []).append(each)
        jobs = [_job(some) for some in alike.values()]
        shown = name.removeprefix(f"{one.name}, ")
        shown = f"{shown[0].upper()}{shown[1:]}" if shown != name else name
        lots.append(gantt.Lot(shown, sections.get(name, ""), tuple(jobs)))
    water = f"; water {one.water}" if one.water else ""
    return gantt.Group(
        name=one.name,
        more=f"opens {one.opens}{water}",
        opens=one.opens,
        by=one.by,
        water=one.water,
        lots=tuple(lots),
    )


def _job(some: Sequence[Timed]) -> gantt.Job:
    """Give activities of a lot that are alike in kind and days, faces of tunnels for instance."""
    one = some[0]
    of = one.activity
    name = ", ".join(each.activity.name.removeprefix(f"{of.lot}: ") for each in some)
    count = sum(each.activity.crews for each in some)
    crews = f", {count} crew{'' if count == 1 else 's'}" if count else ""
    cost = sum(each.activity.cost for each in some) / 1e9
    until = months_later(one.start, max(one.slack_months, 0))
    free = "critical" if one.critical else f"may begin as late as {until}"
    words = f"{of.lot}: {name}: {one.start} to {one.finish}; {free}{crews}; Rs {cost:,.2f} bn"
    return gantt.Job(name, of.kind, one.start, one.finish, one.slack_months, one.critical, words)
