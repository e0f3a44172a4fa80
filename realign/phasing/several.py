"""Schedules of several options at once, each on its own, found again where works and pace are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from realign.errors import RealignError
from realign.phasing.lots import Work
from realign.phasing.rules import Pace
from realign.phasing.schedule import Schedule, schedule
from realign.spread import Keep, Spread


class Asked(NamedTuple):
    """What is to be dated."""

    option: str
    """Name of the option."""
    works: tuple[Work, ...]
    """What it builds."""
    pace: Pace
    """Rates, money, crews, seasons."""


def schedules(asked: Sequence[Asked], spread: Spread[Any]) -> list[Schedule | RealignError]:
    """
    Date every activity of some options.

    Parameters
    ----------
    asked
        The options.
    spread
        Who works.

    Returns
    -------
    schedules
        From `schedule`, or the error that it raised. Those that the solver left before it was as
        near the best as asked are not kept, since they depend on the machine.
    """
    plain: dict[str, object] = {"sources": {}, "alternatives": ()}  # no schedule depends on these
    some = [each._replace(pace=each.pace.model_copy(update=plain)) for each in asked]
    gaps = {each.pace.gap for each in some}
    keep = Keep(
        "schedule",
        [(each.works, each.pace) for each in some],
        sure=lambda plan: plan.gap <= min(gaps),
    )
    found = spread.plain(_dated, some, keep=keep)
    return [
        plan if isinstance(plan, RealignError) else plan.renamed(each.option)
        for plan, each in zip(found, some, strict=True)
    ]


def _dated(asked: Asked) -> Schedule:
    """Date one option."""
    return schedule(asked.option, asked.works, asked.pace)
