"""What a study says of the wider corridor, of traffic, and of protection against closures."""

import re
from collections.abc import Iterable
from datetime import date

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from realign.chainage import parse
from realign.hazard import MONTH_DAYS
from realign.reliability import MONTHS
from realign.settings import Settings

__all__ = ["Approach", "Traffic", "Weather"]

_CHAINAGE = re.compile(r"\d+\+\d{3}(\.\d+)?")


def chainage_of(place: str) -> float | None:
    """
    Read a chainage written as `187+400` [m]; None where the text is the name of a place.

    Examples
    --------
    >>> chainage_of("187+400"), chainage_of("Chilas")
    (187400.0, None)
    """
    return parse(place) if _CHAINAGE.fullmatch(place) else None


class Approach(Settings):
    """One row of `[[approaches]]`: a road beside or beyond the highway, for good or as a detour."""

    name: str = Field(min_length=1)
    """Name, as the tables show it."""
    start: str = Field(min_length=1)
    """Place at one end: a place of the highway, a chainage of it such as "187+400", or a place of
    another approach."""
    end: str = Field(min_length=1)
    """Place at the other end."""
    length_km: float = Field(ge=0.001, le=1e5)
    """Length along the road [km]."""
    highest_m: float = Field(ge=-1000, le=10_000)
    """Highest point of the road [m above datum]; for the reader, nothing is computed from it."""
    months_open: tuple[int, ...]
    """Months in which it is kept open, 1 for January."""
    months_open_after: tuple[int, ...] | None = None
    """Months in which it is kept open from the day `after` on; none where nothing changes."""
    after: date | None = None
    """First day on which `months_open_after` holds."""
    closed_days: float = Field(default=0.0, ge=0, le=366)
    """Days of a year on which it is closed in months in which it is kept open."""
    car_kmh: float = Field(ge=1, le=300)
    """Mean speed of cars [km/h]."""
    truck_kmh: float = Field(ge=1, le=300)
    """Mean speed of trucks [km/h]."""
    carries_trucks: bool = True
    """Whether trucks may use it."""
    opens: date | None = None
    """First day of traffic, of a detour for the time being; none where it is open already."""
    closes: date | None = None
    """First day without traffic; none where it stays."""
    cost_usd: float = Field(default=0.0, ge=0, le=1e13)
    """Cost of building and removing it, in the currency of the rates."""

    @field_validator("months_open", "months_open_after")
    @classmethod
    def _are_months(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is None:
            return None
        wrong = [month for month in value if not 1 <= month <= MONTHS]
        if wrong or len(set(value)) < len(value):
            msg = f"found {list(value)}, wanted numbers of months from 1 to 12, each once"
            raise ValueError(msg)
        return tuple(sorted(value))

    @model_validator(mode="after")
    def _fits(self) -> "Approach":
        if self.start == self.end:
            msg = f"end: found {self.end!r}, wanted another place than start"
            raise ValueError(msg)
        if (self.after is None) != (self.months_open_after is None):
            msg = (
                f"after: found {self.after}, months_open_after: found {self.months_open_after}; "
                "wanted both or none"
            )
            raise ValueError(msg)
        if self.opens is not None and self.closes is not None and self.closes <= self.opens:
            msg = f"closes: found {self.closes}, wanted a day after opens, {self.opens}"
            raise ValueError(msg)
        for months in (self.months_open, self.months_open_after):
            days = None if months is None else days_in(months)
            if days is not None and self.closed_days > days:
                msg = (
                    f"closed_days: found {self.closed_days:g}, wanted at most {days:g}, the days "
                    f"in months {list(months or ())}"
                )
                raise ValueError(msg)
        return self

    def open_share(self, day: date | None = None) -> NDArray[np.float64]:
        """
        Chance that it is open at a time in each month.

        Parameters
        ----------
        day
            Day whose rule holds; None for the first one.

        Returns
        -------
        share
            0 in months in which it is not kept open; closed days spread evenly over the others,
            shape (12,) [0-1].
        """
        later = self.after is not None and day is not None and day >= self.after
        months = (self.months_open_after if later else self.months_open) or ()
        share = np.zeros(MONTHS)
        if months:
            share[np.array(months) - 1] = 1 - self.closed_days / days_in(months)
        return share


class Traffic(Settings):
    """The table `[traffic]`: who uses the road, and what an hour costs them."""

    vehicles_per_day: float = Field(default=2000.0, ge=0, le=1e6)
    """Vehicles a day that go from end to end, both directions together."""
    hour_usd: float = Field(default=10.0, ge=0, le=1e6)
    """What an hour of a vehicle costs with driver, load and running, in the currency of the
    rates."""
    closed_h: float = Field(default=24.0, ge=0, le=8760)
    """Hours that a vehicle of a day on which no way is open loses; 24 where it waits a day."""


class Weather(Settings):
    """The table `[all_weather]`: which way has to stay open, and what protection of it costs."""

    start: str = ""
    """Place at one end of the wider corridor; the start of the highway where it is empty."""
    end: str = ""
    """Place at its other end; the end of the highway where it is empty."""
    asked: tuple[date, ...] = ()
    """Days on which it is asked whether a truck gets through."""
    discount: float = Field(default=0.09, ge=-0.05, le=1)
    """Discount rate a year of building and keeping protections [fraction]."""
    life_years: float = Field(default=50.0, ge=1, le=1000)
    """Life of galleries, bridges and tunnels [years]."""
    upkeep: float = Field(default=0.01, ge=0, le=1)
    """Yearly upkeep of them over their cost [fraction]."""
    gully_bridge_m: float = Field(default=60.0, ge=1, le=10_000)
    """Length of a bridge above the flows of a gully [m]."""
    clearance_usd_per_km_year: float = Field(default=6000.0, ge=0, le=1e9)
    """Yearly cost of a crew with machines that stands ready to clear snow and slides [/km], in the
    currency of the rates."""
    stretch_m: float = Field(default=1000.0, ge=10, le=1e6)
    """Length of road for which a gallery or a tunnel is looked at [m]."""
    worst: int = Field(default=5, ge=1, le=1000)
    """Number of the places with most closures for which each protection is looked at."""


def days_in(months: Iterable[int]) -> float:
    """Days of some months of a normal year [d]."""
    return float(sum(MONTH_DAYS[month - 1] for month in months))
