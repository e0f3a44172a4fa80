"""A problem of this form, read from its file and checked whole."""

import json
from dataclasses import dataclass
from math import tan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmarks.mountain.sections import height
from realign.errors import InputError


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class Term(_Table):
    """One hill: max(d (l^2 - ((x - s1) / m)^2 - ((y - s2) / n)^2), qmin)^2, in units."""

    s1: float
    """x of the centre [unit]."""
    s2: float
    """y of the centre [unit]."""
    l: float  # noqa: E741  the name in the published formula
    """Radius before stretching [unit]."""
    m: float = Field(gt=0)
    """Stretch along x [-]."""
    n: float = Field(gt=0)
    """Stretch along y [-]."""
    d: float
    """Factor of height [1/unit]."""
    qmin: float
    """Least value of the bracket [-]."""


class Ground(_Table):
    """The surface."""

    unit_m: float = Field(gt=0)
    """One unit [m]."""
    base: float
    """Level without hills [unit]."""
    domain_m: tuple[float, float, float, float] = Field(strict=False)
    """x from, to, y from, to [m]."""
    terms: tuple[Term, ...] = Field(strict=False)
    """Hills."""


class Ends(_Table):
    """The two ends, both on the ground."""

    A: tuple[float, float] = Field(strict=False)
    """x and y of the start [m]."""
    B: tuple[float, float] = Field(strict=False)
    """x and y of the end [m]."""


class Rules(_Table):
    """What a road must keep."""

    grade_min: float = Field(ge=0)
    """Least size of a grade between curves [-]."""
    grade_max: float = Field(gt=0)
    """Greatest size of a grade between curves [-]."""
    radius_min_m: float = Field(gt=0)
    """Least radius [m]."""
    clothoid_m: float = Field(ge=0)
    """Length of each clothoid [m]."""
    arc_min_m: float = Field(ge=0)
    """Least length of an arc [m]."""
    tangent_min_m: float = Field(ge=0)
    """Least length of a tangent [m]."""
    tangent_max_m: float = Field(gt=0)
    """Greatest length of a tangent [m]."""
    last_tangent_min_m: float = Field(ge=0)
    """Least length of the last tangent [m]."""
    grade_length_min_m: float = Field(ge=0)
    """Least length of straight grade between curves [m]."""
    vertical_radius_m: float = Field(gt=0)
    """Length of a vertical curve over its change of grade [m]."""
    half_width_m: float = Field(gt=0)
    """Half width of the platform [m]."""
    cut_face_rad: float = Field(gt=0, lt=1.57)
    """Inclination of a cut face [rad]."""
    fill_face_rad: float = Field(gt=0, lt=1.57)
    """Inclination of a fill face [rad]."""
    toe_max_m: float = Field(gt=0)
    """Greatest distance of a toe from the edge of the platform [m]."""
    top_stratum_m: float = Field(ge=0)
    """Thickness of the upper stratum, vertically [m]."""
    end_tolerance_horizontal_m: float = Field(gt=0)
    """How far the road may miss an end in plan [m]."""
    end_tolerance_vertical_m: float = Field(gt=0)
    """How far it may miss it in level [m]."""


class Costs(_Table):
    """Prices in the order in which the compiled parts take them."""

    land: float = Field(ge=0)
    """Land [1/m2]."""
    land_margin_m: float = Field(ge=0)
    """Width of land beyond the footprint [m]."""
    clearing: float = Field(ge=0)
    """Clearing of the footprint [1/m2]."""
    pavement: float = Field(ge=0)
    """Pavement [1/m]."""
    maintenance: float = Field(ge=0)
    """Maintenance [1/m]."""
    cut_1: float = Field(ge=0)
    """Excavation of the lower stratum [1/m3]."""
    cut_2: float = Field(ge=0)
    """Excavation of the upper stratum [1/m3]."""
    reuse: float = Field(ge=0)
    """Cut placed as fill [1/m3]."""
    borrow: float = Field(ge=0)
    """Fill from elsewhere [1/m3]."""
    waste: float = Field(ge=0)
    """Cut taken away [1/m3]."""
    keep_1: float = Field(ge=0, le=1)
    """Share of the lower stratum that is not lost [-]."""
    keep_2: float = Field(ge=0, le=1)
    """Share of the upper stratum that is not lost [-]."""
    reusable_1: float = Field(ge=0, le=1)
    """Share of what is kept of the lower stratum that is fit for fill [-]."""
    reusable_2: float = Field(ge=0, le=1)
    """Share of what is kept of the upper stratum that is fit for fill [-]."""
    swell_1: float = Field(gt=0)
    """Swell of the lower stratum [-]."""
    swell_2: float = Field(gt=0)
    """Swell of the upper stratum [-]."""
    compaction: float = Field(gt=0)
    """Volume in the fill over volume in the ground [-]."""


class Given(_Table):
    """The whole file; other keys, such as its name and notes, are left alone."""

    terrain: Ground
    """The surface."""
    ends: Ends
    """The two ends."""
    rules: Rules
    """What a road must keep."""
    costs: Costs
    """Prices."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A problem as the numbers that the compiled parts take."""

    given: Given
    """What the file says."""
    terms: NDArray[np.float64]
    """Hills: centre x, y [m], l squared, 1 / m, 1 / n [1/m], d, qmin, shape (k, 7)."""
    shape: NDArray[np.float64]
    """Base [unit], unit [m] and domain [m], shape (6,)."""
    form: NDArray[np.float64]
    """Half width [m], tangents of cut and fill face, greatest toe and top stratum [m]."""
    rules: NDArray[np.float64]
    """The first ten rules, shape (10,)."""
    prices: NDArray[np.float64]
    """Prices, shape (17,)."""
    ends: NDArray[np.float64]
    """x and y of A and B and their levels, shape (6,) [m]."""


def read(path: str | Path) -> Problem:
    """
    Read a problem.

    Raises
    ------
    realign.errors.InputError
        Where the file cannot be read or does not have this form; the message
        names the file and every wrong key.
    """
    path = Path(path)
    try:
        given = Given.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        message = f"{path}: no JSON file of a problem: {error}"
        raise InputError(message) from error
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(part) for part in each['loc']) or 'file'}: {each['msg']}, "
            f"got {str(each['input'])[:60]}"
            for each in error.errors()
        ]
        raise InputError("\n".join(lines)) from error
    wrong = _contradictions(given)
    if wrong:
        raise InputError("\n".join(f"{path}: {each}" for each in wrong))
    return numbers(given)


def numbers(given: Given) -> Problem:
    """Turn what the file says into what the compiled parts take."""
    ground, rules = given.terrain, given.rules
    unit = ground.unit_m
    terms = np.array(
        [
            (t.s1 * unit, t.s2 * unit, t.l**2, 1 / (t.m * unit), 1 / (t.n * unit), t.d, t.qmin)
            for t in ground.terms
        ],
        np.float64,
    ).reshape(-1, 7)
    levels = [height(terms, ground.base, unit, *end) for end in (given.ends.A, given.ends.B)]
    return Problem(
        given=given,
        terms=terms,
        shape=np.array([ground.base, unit, *ground.domain_m]),
        form=np.array(
            [
                rules.half_width_m,
                tan(rules.cut_face_rad),
                tan(rules.fill_face_rad),
                rules.toe_max_m,
                rules.top_stratum_m,
            ]
        ),
        rules=np.array(list(rules.model_dump().values())[:10], np.float64),
        prices=np.array(list(given.costs.model_dump().values()), np.float64),
        ends=np.array([*given.ends.A, *given.ends.B, *levels]),
    )


def _contradictions(given: Given) -> list[str]:
    rules, (west, east, south, north) = given.rules, given.terrain.domain_m
    out = []
    if not (west < east and south < north):
        out.append("terrain.domain_m: wanted x from < to and y from < to")
    for name, (x, y) in (("A", given.ends.A), ("B", given.ends.B)):
        if not (west <= x <= east and south <= y <= north):
            out.append(f"ends.{name}: ({x:g}, {y:g}) lies outside of terrain.domain_m")
    if given.ends.A == given.ends.B:
        out.append("ends.B: is the same place as ends.A")
    if rules.grade_min > rules.grade_max:
        out.append("rules.grade_min: is above rules.grade_max")
    if rules.tangent_min_m > rules.tangent_max_m:
        out.append("rules.tangent_min_m: is above rules.tangent_max_m")
    if rules.last_tangent_min_m > rules.tangent_max_m:
        out.append("rules.last_tangent_min_m: is above rules.tangent_max_m")
    if rules.clothoid_m > 2 * rules.radius_min_m:
        out.append("rules.clothoid_m: is more than twice rules.radius_min_m, beyond any road")
    return out
