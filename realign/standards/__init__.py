"""
Design standards: what radius, grade and curve a road of a given speed must keep.

One TOML file holds one code. Each row of it is a design speed, and each value
has its source beside it, or says that it is an assumption.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import ceil
from typing import Any

from realign.errors import StudyError

G = 127.0
"""Factor of the radius formula V^2 / (127 (e + f)), V in km/h and R in m: 3.6^2 times g."""
JERK = 1.2
"""Greatest change of lateral acceleration on a clothoid [m/s3], AASHTO Green Book 2018."""
ROUNDING = 5.0
"""Lengths of clothoids are rounded up to this [m]."""
WHOLE = ("superelevation_pct", "grade_bridge_pct", "grade_tunnel_pct")
"""Values that a code has once for all speeds."""
EACH = (
    "radius_m",
    "clothoid_m",
    "grade_pct",
    "k_crest_m",
    "k_sag_m",
    "grade_length_m",
    "side_friction",
    "formation_width_m",
    "carriageway_m",
    "sight_m",
    "tangent_reverse_m",
    "tangent_same_m",
    "arc_m",
)
"""Values that a code has for every speed."""
TURN = ("speed_kmh", "radius_m", "clothoid_m", "grade_pct", "apart_m")
"""Values of a hairpin section."""


@dataclass(frozen=True, slots=True)
class Hairpin:
    """What a code asks of a hairpin, which is driven slower than the road on either side."""

    speed_kmh: int
    """Design speed on the hairpin [km/h]."""
    radius: float
    """Least radius of its arc [m]."""
    clothoid: float
    """Least length of its clothoids [m]."""
    grade: float
    """Greatest grade on it, clothoids included [fraction]."""
    apart: float
    """Least distance from the end of one hairpin to the start of the next [m]."""


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
    sight: float
    """Stopping sight distance [m]."""
    tangent_reverse: float
    """Recommended least length of a tangent between curves of opposite sense, unless their
    clothoids touch [m]."""
    tangent_same: float
    """Recommended least length of a tangent between curves of the same sense [m]."""
    arc: float
    """Recommended least length of a circular arc between its clothoids [m]."""
    hairpin: Hairpin | None
    """What is asked of hairpins; None where the code has none at this speed."""
    sources: tuple[tuple[str, str], ...]
    """Where each value comes from: pairs of key and text."""


@dataclass(frozen=True, slots=True)
class Slow:
    """What it costs a road to be slower than its standard where the ground forces it."""

    radius: float
    """Least radius of the slowest row of the code [m]."""
    price: float
    """Price of a metre of slow road [/m]."""
    zone_m: float
    """Least length of a stretch with one speed [m]."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of road with one design speed: where which rules hold."""

    start: float
    """Chainage where it begins [m]."""
    end: float
    """Chainage where it ends [m]."""
    standard: DesignStandard
    """The rules there."""
    why: str = ""
    """What forces the speed, in words; empty where no faster row exists."""
    hairpin: bool = False
    """Whether it is a hairpin, for which the hairpin section of the standard rules."""

    @property
    def length(self) -> float:
        """Length [m]."""
        return self.end - self.start

    @property
    def speed_kmh(self) -> int:
        """Design speed [km/h]."""
        section = self.standard.hairpin
        return section.speed_kmh if self.hairpin and section else self.standard.speed_kmh


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
    found = {row.speed_kmh: row for row in rows(code)}
    if speed_kmh not in found:
        msg = f"standard {code}: found {speed_kmh} km/h, wanted one of {sorted(found)}"
        raise StudyError(msg)
    return found[speed_kmh]


@cache
def rows(code: str) -> tuple[DesignStandard, ...]:
    """
    Read the rules of one code at all its design speeds.

    Parameters
    ----------
    code
        Name of a code, one of `codes()`.

    Returns
    -------
    rows
        One a design speed, the slowest first.

    Raises
    ------
    StudyError
        The code does not exist; the message lists those that do.

    Examples
    --------
    >>> [row.speed_kmh for row in rows("jtg-class-iii-mountain")]
    [30, 40]
    """
    if code not in codes():
        msg = f"standard.code: found {code!r}, wanted one of {', '.join(codes())}"
        raise StudyError(msg)
    text = resources.files("realign.standards").joinpath(f"{code}.toml").read_text("utf-8")
    return read(text, code=code)


def read(text: str, *, code: str) -> tuple[DesignStandard, ...]:
    """
    Read the TOML of a code.

    Parameters
    ----------
    text
        TOML with a title, the values of all speeds, a table of sources and a
        table `speed` for each design speed, with a `hairpin` below it where the
        code has hairpins at that speed.
    code
        Name of the code.

    Returns
    -------
    rows
        One a design speed, the slowest first.

    Raises
    ------
    StudyError
        A value or its source is missing, one is unknown, or a speed stands
        twice; the message lists every problem, one a line.
    """
    table = tomllib.loads(text)
    given = table.get("speed", [])
    problems = _problems(table, given)
    speeds = [row.get("speed_kmh") for row in given]
    problems += [
        f"{v} km/h stands twice" for v in sorted({v for v in speeds if speeds.count(v) > 1})
    ]
    if problems:
        msg = "\n".join(f"standard {code}: {problem}" for problem in problems)
        raise StudyError(msg)
    return tuple(_row(table, row, code) for row in sorted(given, key=lambda row: row["speed_kmh"]))


def _problems(table: dict[str, Any], given: list[dict[str, Any]]) -> list[str]:
    """List what is missing in a code, or unknown."""
    sources = table.get("sources", {})
    wanted: list[tuple[dict[str, Any], tuple[str, ...], tuple[str, ...], str]]
    wanted = [(table, ("title", "speed", "sources", *WHOLE), (), "")]
    for row in given:
        where = f"speed[{row.get('speed_kmh')} km/h]."
        wanted.append((row, ("speed_kmh", *EACH), ("hairpin",), where))
        if "hairpin" in row:
            wanted.append((row["hairpin"], TURN, (), f"{where}hairpin."))
    out = []
    for values, keys, optional, where in wanted:
        out += [f"{where}{key} is missing" for key in keys if key not in values]
        out += [f"{where}{key} is unknown" for key in values if key not in (*keys, *optional)]
    hairpins = ("hairpin",) if any("hairpin" in row for row in given) else ()
    needed = (*WHOLE, *EACH, *hairpins)
    out += [f"{key} has no source" for key in needed if not str(sources.get(key, "")).strip()]
    return out + [f"sources.{key} is of no value" for key in sources if key not in needed]


def _row(table: dict[str, Any], row: dict[str, Any], code: str) -> DesignStandard:
    """Rules of a code at one speed, in SI units."""
    turn = row.get("hairpin")
    speed = int(row["speed_kmh"])
    return DesignStandard(
        code=code,
        title=str(table["title"]),
        speed_kmh=speed,
        radius=float(row["radius_m"]),
        clothoid=least_clothoid(speed, row["radius_m"], floor=row["clothoid_m"]),
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
        sight=float(row["sight_m"]),
        tangent_reverse=float(row["tangent_reverse_m"]),
        tangent_same=float(row["tangent_same_m"]),
        arc=float(row["arc_m"]),
        hairpin=None
        if turn is None
        else Hairpin(
            speed_kmh=int(turn["speed_kmh"]),
            radius=float(turn["radius_m"]),
            clothoid=least_clothoid(turn["speed_kmh"], turn["radius_m"], floor=turn["clothoid_m"]),
            grade=turn["grade_pct"] / 100,
            apart=float(turn["apart_m"]),
        ),
        sources=tuple(sorted(table["sources"].items())),
    )
