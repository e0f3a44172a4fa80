"""
What is built when, for one option.

`rules` holds the tables of the study, `lots` cuts works into lots and activities, `model` finds the
months in which they begin, `schedule` puts dates, money and openings together, and `several` does
so for many options at once.
"""

from realign.phasing.lots import Activity, Lot, Opening, Work, activities
from realign.phasing.rules import (
    KINDS,
    Alternative,
    Crews,
    Kind,
    Pace,
    Season,
    Task,
    months_later,
)
from realign.phasing.schedule import (
    Opened,
    Phase,
    Schedule,
    Timed,
    duration,
    schedule,
    whole_month,
)
from realign.phasing.several import Asked, schedules

__all__ = [
    "KINDS",
    "Activity",
    "Alternative",
    "Asked",
    "Crews",
    "Kind",
    "Lot",
    "Opened",
    "Opening",
    "Pace",
    "Phase",
    "Schedule",
    "Season",
    "Task",
    "Timed",
    "Work",
    "activities",
    "duration",
    "months_later",
    "schedule",
    "schedules",
    "whole_month",
]
