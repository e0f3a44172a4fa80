"""Every number of a study: it has bounds, what is beyond them is refused, at them plans are right."""

import copy
import math
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, cast, get_args, get_origin

import numpy as np
import pytest
import small_study
from pydantic import TypeAdapter, ValidationError

import realign
from realign import rates
from realign.errors import InputError, RealignError
from realign.plan import Plan
from realign.settings import Settings
from realign.store import Store
from realign.study import Study

ABSURD = (0, -1, 1e-12, 1e-3, 1e7, 1e16, 1e300, math.nan, math.inf, -math.inf)
KEY, VALUE = "(key)", "(value)"  # of the first entry of a table by name
BY_LIST = {"approaches.0.months_open.0", "approaches.0.months_open_after.0"}
"""Numbers that are bounded by the check of the list that they are in."""

Way = tuple[str | int, ...]
Limits = tuple[float | None, float | None]


def numbers(kind: Any, at: Way = (), rules: Sequence[Any] = ()) -> Iterator[tuple[Way, Limits]]:
    """Find every number below a kind of value, with the least and the greatest that it may be."""
    inner = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Settings):
        for name, field in kind.model_fields.items():
            yield from numbers(field.annotation, (*at, name), field.metadata)
    elif get_origin(kind) is Annotated:
        yield from numbers(inner[0], at, getattr(inner[1], "metadata", ()))
    elif get_origin(kind) is tuple:
        for place, each in enumerate(inner[:1] if inner[-1] is ... else inner):
            yield from numbers(each, (*at, place))
    elif get_origin(kind) is dict:
        yield from numbers(inner[0], (*at, KEY))
        yield from numbers(inner[1], (*at, VALUE))
    elif get_origin(kind) is UnionType:
        for each in inner:
            yield from numbers(each, at, rules)
    elif kind in {int, float}:
        yield at, (_limit(rules, "ge", "gt"), _limit(rules, "le", "lt"))


def _limit(rules: Sequence[Any], *names: str) -> float | None:
    """One limit of a number, whether or not it may be reached."""
    found = [getattr(rule, name, None) for rule in rules for name in names]
    return next((float(each) for each in found if each is not None), None)


NUMBERS = {".".join(map(str, at)): (at, limits) for at, limits in numbers(Study)}


@cache
def whole() -> dict[str, Any]:
    """Every table of a study with every key, and one row at least of what there may be many."""
    table = tomllib.loads((small_study.folder() / "study.toml").read_text("utf-8"))
    table["layers"] = [{"name": "woods", "kind": "cost", "file": "woods.gpkg", "per_m": 1.0}]
    table["approaches"] = [
        {
            "name": "beyond", "start": "East", "end": "Far", "length_km": 50, "highest_m": 3000,
            "months_open": [6, 7], "months_open_after": [5, 6, 7], "after": date(2031, 1, 1),
            "car_kmh": 40, "truck_kmh": 30,
        }
    ]  # fmt: skip
    table["phasing"] |= {
        "budgets": {"2027": 9e9},
        "seasons": [{"name": "winter", "months": [12, 1], "factors": {"upgrade": 0.5}}],
        "alternatives": [{"name": "half", "budget_pkr_per_year": 5e9}],
    }
    table["options"] = {"weights": {"cost": 1.0}}
    table["fetch"] = {"box": [75.0, 35.0, 77.0, 36.0]}
    table["finance"]["escalation"] = {"local_shares": {"land": 0.5}}
    for financier in table["finance"]["cases"][0]["financiers"]:
        financier["shares"] = {"land": financier["share"]}
    return cast("dict[str, Any]", _lists(Study.model_validate(table).model_dump()))


def _lists(value: Any) -> Any:
    """Give the same with lists for tuples, so that parts of it can be changed."""
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value


def given(at: Way, value: float) -> Any:
    """Table of a study in which one number is another."""
    table = copy.deepcopy(whole()[str(at[0])])
    own = table
    for part in at[1:-1]:
        own = own[part]
    if at[-1] == KEY:
        own[value] = own.pop(next(iter(own)))
    else:
        own[next(iter(own)) if at[-1] == VALUE else at[-1]] = value
    return table


def named(problem: ValidationError, at: Way) -> bool:
    """Whether a problem is told of the number, or of a table or list that it is in."""
    plain = [str(part) for part in at[1:] if part not in {KEY, VALUE}]
    return any(
        (loc := [str(part) for part in each["loc"]])[: len(plain)] == plain
        or plain[: len(loc)] == loc
        for each in problem.errors()
    )


# ---------------------------------------------------------------- bounds


def test_every_number_of_a_study_has_a_least_and_a_greatest_value() -> None:
    assert len(NUMBERS) > 250
    loose = {key for key, (_, limits) in NUMBERS.items() if None in limits}
    assert loose == BY_LIST
    # whole numbers of money fit 64 bits
    assert all(abs(limit) < 2e18 for _, limits in NUMBERS.values() for limit in limits if limit)


@pytest.mark.parametrize("table", sorted({str(at[0]) for at, _ in NUMBERS.values()}))
def test_a_number_beyond_its_bounds_is_refused_by_its_key(table: str) -> None:
    reader: TypeAdapter[Any] = TypeAdapter(Study.model_fields[table].annotation)
    for key, (at, (least, most)) in NUMBERS.items():
        if at[0] != table:
            continue
        for value in ABSURD:
            beyond = least is None or most is None or not least <= value <= most
            try:
                reader.validate_python(given(at, value))
            except ValidationError as problem:
                assert named(problem, at), f"{key} = {value}: {problem}"
            else:
                assert not beyond, f"{key} = {value} is taken"
