"""
Links put together into whole answers, their scores, and which of them nothing beats.

`option` holds one whole answer as the outputs read it. The rest knows nothing of roads: `ways`
lists whole answers as ways through a network of legs, `labels` finds those that no other beats,
`diverse` the cheapest that differ, `front` the rows of a table that nothing beats, `shortlist` the
few to look at, `names` what to call them, and `decision` weighs them against each other.
"""

from realign.options.decision import Objective, Stable, Table, Weighing, Wins, stable, table, wins
from realign.options.diverse import Mode, Priced, diverse, shared, shortest
from realign.options.front import front
from realign.options.labels import Best, best, joined
from realign.options.names import Feature, named
from realign.options.option import (
    DO_NOTHING,
    OBJECTIVES,
    Option,
    judged,
    numbered,
    objectives,
)
from realign.options.shortlist import shortlisted
from realign.options.ways import Leg, Ways, count, every

__all__ = [
    "DO_NOTHING",
    "OBJECTIVES",
    "Best",
    "Feature",
    "Leg",
    "Mode",
    "Objective",
    "Option",
    "Priced",
    "Stable",
    "Table",
    "Ways",
    "Weighing",
    "Wins",
    "best",
    "count",
    "diverse",
    "every",
    "front",
    "joined",
    "judged",
    "named",
    "numbered",
    "objectives",
    "shared",
    "shortest",
    "shortlisted",
    "stable",
    "table",
    "wins",
]
