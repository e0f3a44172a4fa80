"""
Design standards: what radius, grade and curve a road of a given speed must keep.

One TOML file holds one code. Each row of it is a design speed, and each value
has its source beside it, or says that it is an assumption.
"""

import tomllib
from dataclasses import dataclass
from importlib import resources
from math import ceil

from realign.errors import StudyError

G = 127.0
"""Factor of the radius formula V^2 / (127 (e + f)), V in km/h and R in m: 3.6^2 times g."""
JERK = 1.2
"""Greatest change of lateral acceleration on a clothoid [m/s3], AASHTO Green Book 2018."""
ROUNDING = 5.0
"""Lengths of clothoids are rounded up to this [m]."""


@dataclass(frozen=True, slots=True)
class DesignStandard:
    """What one code asks of a road at one design speed."""

    code: str
    """Name of the file that holds the code."""
    title: str
    """Name of the code as its publisher writes it."""
    speed_kmh: int
    """Design speed [km/h]."""
    radius: float
    """Least radius of a circular arc [m]."""
    clothoid: float
    """Least length of a clothoid between tangent and arc [m]."""
    grade: float
    """Greatest grade on open road [fraction]."""
    grade_bridge: float
    """Greatest grade on a bridge [fraction]."""
    grade_tunnel: float
    """Greatest grade in a tunnel [fraction]."""
    k_crest: float
    """Least length of a crest curve for each percent of change of grade [m/%]."""
    k_sag: float
    """Least length of a sag curve for each percent of change of grade [m/%]."""
    grade_length: float
    """Least distance between two changes of grade [m]."""
    width: float
    """Width of the formation, shoulder to shoulder [m]."""
    carriageway: float
    """Width of the paved carriageway [m]."""
    superelevation: float
    """Greatest superelevation [fraction]."""
    side_friction: float
    """Side friction that drivers accept at the design speed [-]."""
    sources: tuple[tuple[str, str], ...]
    """Where each value comes from: pairs of key and text."""


def least_radius(speed_kmh: float, *, superelevation: float, side_friction: float) -> float:
    """
    Least radius by friction and superelevation, V^2 / (127 (e + f)).

    Parameters
    ----------
    speed_kmh
        Design speed [km/h].
    superelevation
        Superelevation [fraction].
    side_friction
        Side friction factor [-].

    Returns
    -------
    radius
        Least radius [m]; AASHTO Green Book 2018, equation 3-8.

    Examples
    --------
    >>> round(least_radius(60, superelevation=0.08, side_friction=0.17))
    113
    """
    return speed_kmh**2 / (G * (superelevation + side_friction))


def least_clothoid(speed_kmh: float, radius: float, *, floor: float) -> float:
    """
    Least length of a clothoid by jerk, 0.0214 V^3 / (R C), rounded up to 5 m.

    Parameters
    ----------
    speed_kmh
        Design speed [km/h].
    radius
        Radius of the arc that the clothoid leads into [m].
    floor
        The code's own least length [m].

    Returns
    -------
    length
        Length [m]; AASHTO Green Book 2018, equation 3-23.

    Examples
    --------
    >>> least_clothoid(40, 60.0, floor=35.0)
    35.0
    """
    jerk = 0.0214 * speed_kmh**3 / (radius * JERK)
    return float(max(floor, ROUNDING * ceil(jerk / ROUNDING - 1e-9)))


def codes() -> tuple[str, ...]:
    """Names of the codes that come with the package."""
    files = resources.files("realign.standards").iterdir()
    return tuple(sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml")))


def load(code: str, speed_kmh: int) -> DesignStandard:
    """
    Read the rules of one code at one design speed.

    Parameters
    ----------
    code
        Name of a code, one of `codes()`.
    speed_kmh
        Design speed that the code has a row for [km/h].

    Returns
    -------
    standard
        The rules, grades as fractions and lengths in metres.

    Raises
    ------
    StudyError
        The code or the speed does not exist; the message lists those that do.

    Examples
    --------
    >>> load("jtg-class-ii-mountain", 60).radius
    125.0
    """
    if code not in codes():
        msg = f"standard.code: found {code!r}, wanted one of {', '.join(codes())}"
        raise StudyError(msg)
    text = resources.files("realign.standards").joinpath(f"{code}.toml").read_text("utf-8")
    table = tomllib.loads(text)
    rows = {int(row["speed_kmh"]): row for row in table["speed"]}
    if speed_kmh not in rows:
        msg = f"standard {code}: found {speed_kmh} km/h, wanted one of {sorted(rows)}"
        raise StudyError(msg)
    row = rows[speed_kmh]
    return DesignStandard(
        code=code,
        title=str(table["title"]),
        speed_kmh=speed_kmh,
        radius=float(row["radius_m"]),
        clothoid=least_clothoid(speed_kmh, row["radius_m"], floor=row["clothoid_m"]),
        grade=row["grade_pct"] / 100,
        grade_bridge=table["grade_bridge_pct"] / 100,
        grade_tunnel=table["grade_tunnel_pct"] / 100,
        k_crest=float(row["k_crest_m"]),
        k_sag=float(row["k_sag_m"]),
        grade_length=float(row["grade_length_m"]),
        width=float(row["formation_width_m"]),
        carriageway=float(row["carriageway_m"]),
        superelevation=table["superelevation_pct"] / 100,
        side_friction=float(row["side_friction"]),
        sources=tuple(sorted(table["sources"].items())),
    )
