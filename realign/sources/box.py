"""A rectangle of the earth in degrees, and the points within it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pyproj import CRS
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info

from realign.errors import SourceError

DATE_LINE = 180.0
"""Meridian at which longitudes begin anew [deg]; no box goes across it."""

WIDEST = 12.0
"""Widest box that is fetched [deg]; a box that is wider is a mistake."""

_SIDES = "on one side of the 180th meridian: a study that goes across it is not supported"
_POLE = 84.0  # degrees; UTM ends here, and Copernicus tiles soon after


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in longitude and latitude [deg, WGS 84]."""

    west: float
    """Western edge [deg]."""
    south: float
    """Southern edge [deg]."""
    east: float
    """Eastern edge [deg]."""
    north: float
    """Northern edge [deg]."""

    def __post_init__(self) -> None:
        """Refuse what is no box, or too large a one."""
        found = f"found {self}"
        if not all(map(math.isfinite, self.edges)):
            msg = f"{found}; wanted four numbers: west, south, east, north in degrees"
            raise SourceError(msg)
        if not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            msg = (
                f"{found}; wanted longitudes from -180 to 180 degrees as first and third number, "
                f"{_SIDES}"
            )
            raise SourceError(msg)
        if not (-_POLE <= self.south <= _POLE and -_POLE <= self.north <= _POLE):
            msg = (
                f"{found}; wanted latitudes from -{_POLE:g} to {_POLE:g} degrees as second and "
                "fourth number"
            )
            raise SourceError(msg)
        if not (self.west < self.east and self.south < self.north):
            msg = f"{found}; wanted west,south,east,north with west < east and south < north"
            raise SourceError(f"{msg}, {_SIDES}" if self.west > self.east else msg)
        if max(self.east - self.west, self.north - self.south) > WIDEST:
            msg = f"{found}; wanted at most {WIDEST:g} degrees on a side"
            raise SourceError(msg)

    def __str__(self) -> str:
        """Edges as the command line takes them."""
        return ",".join(f"{edge:.7g}" for edge in self.edges)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """West, south, east, north [deg]."""
        return self.west, self.south, self.east, self.north

    @property
    def utm(self) -> CRS:
        """UTM zone of its middle, on WGS 84."""
        lon, lat = (self.west + self.east) / 2, (self.south + self.north) / 2
        found = query_utm_crs_info("WGS 84", AreaOfInterest(lon, lat, lon, lat))
        return CRS.from_epsg(int(found[0].code))

    def holds(self, lon: float, lat: float) -> bool:
        """Whether a point lies in it, its edges included."""
        return self.west <= lon <= self.east and self.south <= lat <= self.north


def around(points: Iterable[tuple[float, float]], margin: float) -> Box:
    """
    Smallest box that holds points, each as longitude and latitude, with a margin [deg].

    Examples
    --------
    >>> str(around([(179.9, -17.0), (179.5, -16.5)], 0.2))  # the margin ends at the 180th meridian
    '179.3,-17.2,180,-16.3'
    """
    lon, lat = zip(*points, strict=True)
    west, east = max(min(lon) - margin, -DATE_LINE), min(max(lon) + margin, DATE_LINE)
    return Box(west, min(lat) - margin, east, max(lat) + margin)


def numbers(option: str, given: str, names: str) -> tuple[float, ...]:
    """
    Read numbers that are given as text with commas between them.

    Parameters
    ----------
    option
        Name of the option, for messages.
    given
        Its text.
    names
        What the numbers are, with commas between them.

    Examples
    --------
    >>> numbers("--dam", "73.74,35.52", "LON,LAT")
    (73.74, 35.52)
    """
    parts = given.split(",")
    try:
        values = tuple(float(part) for part in parts)
    except ValueError:
        values = ()
    if len(values) != len(names.split(",")) or not all(map(math.isfinite, values)):
        msg = f"{option}: found {given!r}; wanted {names} as numbers with commas between them"
        raise SourceError(msg)
    return values


def parsed(option: str, given: str) -> Box:
    """Read a box that is given as text."""
    try:
        return Box(*numbers(option, given, "W,S,E,N"))
    except SourceError as problem:
        msg = str(problem)
        raise SourceError(msg if msg.startswith(option) else f"{option}: {msg}") from problem


def point(option: str, given: str) -> tuple[float, float]:
    """Read a longitude and a latitude [deg, WGS 84] that are given as text."""
    lon, lat = numbers(option, given, "LON,LAT")
    return lon, lat
