"""
Is the road open, month by month, which roads matter, and what protection buys.

The graph is that of `realign.network` with the roads of the wider corridor, see `joined`. Its edges
hold besides

- `open`: chance that the edge is open at a time in each month, January first, shape (12,) [0-1];
- `open_after`, `after`: the same from that day on; None where nothing changes;
- `trucks`: whether trucks may use it;
- `time_s`, `truck_time_s`: travel time of a car and of a truck in the direction of the edge [s].

Days are handled first: `standing` takes the graph of a day, and chances are asked of that. There an
edge is open or closed as a whole and for both directions, independently of every other one.
"""

from realign.allweather.day import Cut, Passage, can_pass, first_cut
from realign.allweather.graph import Kind, Service, joined, standing
from realign.allweather.tables import Approach, Traffic, Weather, chainage_of
from realign.allweather.year import (
    Availability,
    Critical,
    Measure,
    Worth,
    annuity,
    availability,
    buys,
    criticality,
    parts_of,
    raised,
    two_terminal,
)

__all__ = [
    "Approach",
    "Availability",
    "Critical",
    "Cut",
    "Kind",
    "Measure",
    "Passage",
    "Service",
    "Traffic",
    "Weather",
    "Worth",
    "annuity",
    "availability",
    "buys",
    "can_pass",
    "chainage_of",
    "criticality",
    "first_cut",
    "joined",
    "parts_of",
    "raised",
    "standing",
    "two_terminal",
]
