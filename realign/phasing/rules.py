"""The tables of the study that say how fast works go, with what crews and what money."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from realign.settings import Settings

Kind = Literal["land", "access", "earthworks", "bridges", "tunnel", "pavement", "upgrade"]
"""What an activity does."""
KINDS: tuple[Kind, ...] = (
    "land",
    "access",
    "earthworks",
    "bridges",
    "tunnel",
    "pavement",
    "upgrade",
)
"""All kinds, in the order in which they are done."""
Month = Annotated[int, Field(ge=1, le=12)]
Share = Annotated[float, Field(gt=0, le=1)]
Year = Annotated[int, Field(ge=1900, le=2200)]
Rupees = Annotated[float, Field(ge=0, le=1e15)]
MONTHS = 12


class Task(Settings):
    """A piece of the programme: a stretch of the highway that is built anew or upgraded."""

    name: str
    """Name of the work, as the tables show it."""
    start: str
    """Place where the work begins."""
    end: str
    """Place where the work ends."""
    work: Literal["new", "upgrade"]
    """New road where the old one is lost, or an upgrade of the road that stands."""
    builder: str = "programme"
    """Who builds it."""
    in_programme: bool = True
    """Whether the programme builds and pays it; otherwise others do, and `opens` says when."""
    opens: date | None = None
    """First day of traffic of a work that others build; the schedule dates the programme's own."""
    starts_after: date | None = None
    """Day before which nothing of it begins; the schedule decides where none is given."""
    opens_by: date | None = None
    """Day on which all of it is open at the latest, besides that of the water."""
    after: tuple[str, ...] = ()
    """Names of works that are open before anything of this one begins."""

    @model_validator(mode="after")
    def _possible(self) -> "Task":
        if self.start == self.end:
            msg = f"start and end are both '{self.start}'; a work needs two places"
            raise ValueError(msg)
        if self.in_programme and self.opens is not None:
            msg = "opens is given for a work of the programme; its date comes out of the schedule"
            raise ValueError(msg)
        if not self.in_programme and self.opens is None:
            msg = "opens is missing; a work outside the programme needs the day on which it opens"
            raise ValueError(msg)
        if self.name in self.after:
            msg = f"after: found '{self.name}' itself; wanted other works"
            raise ValueError(msg)
        return self


class Season(Settings):
    """Months of the year in which works go slower."""

    name: str = Field(min_length=1)
    """Name, such as "winter"."""
    months: tuple[Month, ...] = Field(min_length=1)
    """Its months, 1 for January."""
    factors: dict[Kind, Share]
    """Share of its usual pace at which each kind of activity goes [0-1]; those not named go on."""


class Crews(Settings):
    """The table `[phasing.crews]`: what works at the same time at most."""

    earthworks: int = Field(default=12, ge=1, le=10_000)
    """Fleets of excavators, tippers and rollers."""
    bridges: int = Field(default=60, ge=1, le=10_000)
    """Crews that build bridges."""
    tunnel: int = Field(default=16, ge=1, le=10_000)
    """Faces of tunnels."""
    pavement: int = Field(default=4, ge=1, le=10_000)
    """Paving trains with their plants."""
    upgrade: int = Field(default=5, ge=1, le=10_000)
    """Crews that upgrade road that stands."""


class Alternative(Settings):
    """One row of `[[phasing.alternatives]]`: the same programme under other conditions."""

    name: str = Field(min_length=1)
    """Name, as the tables show it."""
    budget_pkr_per_year: float | None = Field(default=None, ge=1, le=1e15)
    """Money for a calendar year [PKR]; that of the study where none is given."""
    water_months: int = Field(default=0, ge=-600, le=600)
    """Months by which the water comes later, or sooner where below 0."""
    start: date | None = None
    """Earliest day of work; that of the study where none is given."""


class Pace(Settings):
    """The table `[phasing]`: how fast the works go, and how much money there is for them."""

    start: date
    """Earliest day of work; the first whole month from here on is the first of the plan."""
    complete_by: date | None = None
    """Day on which all of the programme is open; that of the last water or five years after `start`
    where none is given, and later where it cannot be."""
    budget_pkr_per_year: float = Field(ge=1, le=1e15)
    """Money for a calendar year at the prices of the study [PKR], the most that is spent in it;
    what is drawn at the prices of that year may be more."""
    budgets: dict[Year, Rupees] = Field(default_factory=dict)
    """The same for single years, by year."""
    discount_pct: float = Field(default=9.0, ge=0, le=100)
    """Rate of discount of costs and of what users lose [%/year]."""
    reserve_months: int = Field(default=6, ge=0, le=600)
    """Months that a section is open before the water takes the road that it replaces."""
    lot_km: float = Field(default=8.0, ge=0.1, le=10_000)
    """Length into which works are cut, at places without structures [km]."""
    new_km_per_month: float = Field(gt=0, le=1000)
    """New road completed in a month where only its length is known [km]."""
    upgrade_km_per_month: float = Field(gt=0, le=1000)
    """Existing road that one crew upgrades in a month [km]."""
    earthworks_m3_per_month: float = Field(default=120_000.0, gt=0, le=1e9)
    """Cut and fill that one fleet moves in a month [m3]."""
    wall_m3_per_month: float = Field(default=4_000.0, gt=0, le=1e9)
    """Retaining walls that go up beside one fleet in a month [m3]."""
    bridge_m_per_month: float = Field(default=12.0, gt=0, le=1e5)
    """Bridge that one crew builds in a month [m]."""
    bridge_m_per_crew: float = Field(default=100.0, ge=1, le=1e5)
    """Length of a bridge for which one crew finds room; a longer one takes several [m]."""
    bridge_crews_per_lot: int = Field(default=6, ge=1, le=10_000)
    """Crews that build bridges of one section at the same time at most."""
    tunnel_m_per_month_face: float = Field(gt=0, le=1e5)
    """Advance of one tunnel face in a month [m]."""
    tunnel_faces: int = Field(default=2, ge=1, le=2)
    """Faces from which a tunnel is driven: both portals, or one."""
    tunnel_finish_months: float = Field(default=4.0, ge=0, le=600)
    """Portals before and fitting out after the drive [months]."""
    pavement_km_per_month: float = Field(default=5.0, gt=0, le=1000)
    """Road that one train paves in a month [km]."""
    land_months: float = Field(default=4.0, ge=0, le=600)
    """Time to survey, buy and hand over the land of a section [months]."""
    access_months: float = Field(default=2.0, ge=0, le=600)
    """Camp, tracks and plant of a section [months]."""
    mobilisation_months: float = Field(ge=0, le=600)
    """Time before a work advances at all where only its length is known [months]."""
    works_delay_h: float = Field(default=0.0, ge=0, le=1000)
    """Time that a vehicle loses at a section that is being upgraded under traffic [h]."""
    seasons: tuple[Season, ...] = ()
    """Months in which works go slower; where seasons meet, the slower one counts."""
    crews: Crews = Field(default_factory=Crews)
    """What works at the same time at most."""
    alternatives: tuple[Alternative, ...] = ()
    """Other budgets and dates of the water, to be set beside the programme."""
    gap: float = Field(default=0.02, ge=0, lt=1)
    """Share by which a programme may cost more than the best one, at most, for the search to
    stop [-]."""
    seconds: float = Field(default=60.0, ge=0.1, le=1e6)
    """Time after which the search stops with what it has [s]; where it stops so, the answer depends
    on the machine."""

    @model_validator(mode="after")
    def _fits(self) -> "Pace":
        if self.complete_by is not None and self.complete_by <= self.start:
            msg = f"complete_by: found {self.complete_by}, wanted a day after start, {self.start}"
            raise ValueError(msg)
        names = [each.name for each in self.alternatives]
        if len(set(names)) < len(names):
            msg = f"alternatives: found the names {', '.join(names)}; wanted each once"
            raise ValueError(msg)
        return self

    def budget(self, year: int) -> float:
        """Money of a calendar year [PKR]."""
        return self.budgets.get(year, self.budget_pkr_per_year)

    def pace(self, kind: Kind, month: int) -> float:
        """Share of its usual pace at which a kind of activity goes in a month of the year."""
        return min(
            (s.factors.get(kind, 1.0) for s in self.seasons if month in s.months), default=1.0
        )


def months_later(day: date, months: int) -> date:
    """
    Return the first day of the month that lies a number of months after that of `day`.

    Examples
    --------
    >>> months_later(date(2027, 11, 1), 3)
    datetime.date(2028, 2, 1)
    """
    year, month = divmod(day.year * MONTHS + day.month - 1 + months, MONTHS)
    return date(year, month + 1, 1)
