"""The table `[risk]`: how far what the programme rests on may be off."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from realign.phasing import Kind
from realign.settings import Settings

Driver = Literal[
    "ground", "quantities", "prices", "price_level", "exchange", "productivity", "water"
]
"""Something that is not known exactly."""
DRIVERS: tuple[Driver, ...] = (
    "ground",
    "quantities",
    "prices",
    "price_level",
    "exchange",
    "productivity",
    "water",
)
"""All drivers; each draws from a generator of its own, so this order is part of the numbers."""
Drivers = frozenset[Driver]
"""The drivers that are at work; all others stay at what the plan assumes."""
Log = Annotated[float, Field(ge=0, le=2)]
Part = Annotated[float, Field(ge=0, le=1)]
Months = Annotated[float, Field(ge=-600, le=600)]


class Risk(Settings):
    """
    How sure the programme is.

    A spread is the standard deviation of the natural logarithm: 0.2 is 22 % up or 18 % down. All
    spreads leave the median at what the plan assumes.
    """

    seed: int = Field(default=1, ge=0, le=10**18)
    """Seed of all draws; any will do, as long as it stays."""
    draws: int = Field(default=10_000, ge=100, le=10**6)
    """Draws; with 10,000 the P90 is known to about a fiftieth of its distance from the P50."""
    drivers: tuple[Driver, ...] = DRIVERS
    """What varies; the rest stays at what the plan assumes. All, as nothing of it is known."""
    ground_sigma_m: float | None = Field(default=None, ge=0, le=100)
    """Standard deviation of the mean level of the ground along a lot [m]; that of the elevation
    where none is given, which is too much where errors even out within a lot."""
    ground_correlation_m: float = Field(default=10_000.0, ge=0, le=1e12)
    """Distance along the road over which errors of the ground lose all but 1/e of what they share
    [m]: those of orbits and of the datum run over tens of kilometres, those of slopes over
    hundreds of metres."""
    quantities: dict[Kind, Log] = Field(
        default={
            "land": 0.10,
            "access": 0.10,
            "earthworks": 0.20,
            "bridges": 0.12,
            "tunnel": 0.06,
            "pavement": 0.05,
            "upgrade": 0.15,
        }
    )
    """Spread of the quantities of a lot by kind of activity, each lot by itself: wide where rock
    and slope decide, narrow where the length does."""
    price_level: float = Field(default=0.10, ge=0, le=2)
    """Spread of all prices together: offers against the estimate of an engineer."""
    exchange: float = Field(default=0.07, ge=0, le=2)
    """Volatility of the rupees that a dollar costs, a year, beyond what prices at home rise: costs
    are at constant prices, so what inflation makes good does not count."""
    foreign_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the cost that is bought for dollars [0-1]: the half that finance takes too."""
    foreign_shares: dict[Kind, Part] = Field(default={"land": 0.0})
    """That share for single kinds of activity [0-1]; land is bought for rupees."""
    productivity: dict[Kind, Log] = Field(
        default={
            "land": 0.40,
            "access": 0.20,
            "earthworks": 0.20,
            "bridges": 0.15,
            "tunnel": 0.25,
            "pavement": 0.10,
            "upgrade": 0.15,
        }
    )
    """Spread of the time that a unit of work takes, by kind of activity: widest for land, which
    courts decide, and for tunnels, which rock does."""
    productivity_shared: float = Field(default=0.5, ge=0, le=1)
    """Part of the variance of that time which all lots of a kind have in common, by contractor and
    plant; the rest each lot has by itself [0-1]."""
    water_months: tuple[Months, Months, Months] = (-6.0, 0.0, 24.0)
    """Shift of the days of the water: the earliest, the likeliest and the latest [months], below 0
    for sooner. Dams are seldom filled before their day and often years after."""
    sources: dict[str, str] = Field(
        default={
            "ground_correlation_m": "assumption: between the two lengths, not fitted to the ground",
            "quantities": "assumption: a preliminary design, AACE 18R-97 class 4, not checked",
            "price_level": "assumption: bids within 10 % of the estimate two times in three",
            "exchange": "assumption: of the real rate; the nominal one moves about twice as much",
            "foreign_share": "assumption: as finance.escalation.local_share by default",
            "foreign_shares": "assumption: land is bought from those who live there",
            "productivity": "assumption: no record of works on this road was found",
            "productivity_shared": "assumption: half of it, as nothing tells the parts apart",
            "water_months": "assumption: the first filling of large dams seldom keeps its day",
        }
    )
    """Where values of this table come from, by key; a text that begins with "assumption" is one."""

    @field_validator("water_months")
    @classmethod
    def _in_order(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if not value[0] <= value[1] <= value[2]:
            found = ", ".join(f"{each:g}" for each in value)
            msg = f"found {found}; wanted the earliest, the likeliest and the latest, in order"
            raise ValueError(msg)
        return value

    @property
    def at_work(self) -> Drivers:
        """The drivers that vary."""
        return frozenset(self.drivers)

    def foreign(self, kind: Kind) -> float:
        """Share of a kind of activity that is bought for dollars [0-1]."""
        return self.foreign_shares.get(kind, self.foreign_share)
