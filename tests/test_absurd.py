"""Every number of a study has bounds: what is beyond is refused, and at them plans are right."""

import copy
import math
import tomllib
from collections.abc import Callable, Iterator, Sequence
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

ABSURD = (0, -1, 1e-12, 1e-3, 1e7, 1e16, 1e300, math.nan, math.inf, -math.inf, True)
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


def refused(reader: TypeAdapter[Any], table: Any) -> list[tuple[str, ...]]:
    """Say which keys of a table are refused."""
    try:
        reader.validate_python(table)
    except ValidationError as problem:
        return [tuple(map(str, each["loc"])) for each in problem.errors()]
    return []


def named(found: list[tuple[str, ...]], at: Way) -> bool:
    """Whether a problem is told of a number, or of a table or list that it is in."""
    plain = tuple(str(part) for part in at[1:] if part not in {KEY, VALUE})
    return any(loc[: len(plain)] == plain or plain[: len(loc)] == loc for loc in found)


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
            fits = least is not None and most is not None and least <= value <= most
            found = refused(reader, given(at, value))
            assert found or (fits and value is not True), f"{key} = {value} is taken"
            assert not found or named(found, at), f"{key} = {value}: {found}"


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("item", rates.ITEMS)
def test_a_price_is_refused_or_taken_as_it_is(tmp_path: Path, item: str, value: float) -> None:
    lines = small_study.RATES.read_text("utf-8").splitlines()
    (row,) = (number for number, line in enumerate(lines) if line.startswith(f"{item},"))
    name, unit, *_, rest = lines[row].split(",", 5)
    lines[row] = ",".join((name, unit, *3 * [str(value)], rest))
    path = tmp_path / "rates.csv"
    path.write_text("\n".join(lines), "utf-8")
    if 0 <= value <= rates.DEAREST and value is not True:
        assert rates.read(path)[item].price.base == value
    else:
        with pytest.raises(InputError, match=rf"rates\.csv:{row + 1}: column low: found"):
            rates.read(path)


# ---------------------------------------------------------------- whole plans


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Keep what most of the plans have in common."""
    return Store(tmp_path_factory.mktemp("store"))


def planned(store: Store, *changes: tuple[str, float]) -> Plan:
    """Plan a small study with one variant, in which some numbers are others."""
    was = realign.load(small_study.folder() / "study.toml")
    tables: dict[str, Any] = _lists(was.model_dump())
    tables["variants"] = tables["variants"][:1]
    tables["branches"]["most_branches"] = 0
    tables["risk"]["draws"] = 200
    tables["phasing"]["seconds"] = 1.0
    for key, value in changes:
        *above, last = key.split(".")
        own: Any = tables
        for part in above:
            own = own[part]
        own[int(last) if isinstance(own, list) else last] = value
    study = Study.model_validate(tables).placed(was.file, was.inputs, was.places, was.loaded)
    return realign.run(study, store=store, workers=1)


def assert_sound(plan: Plan) -> None:
    """Refuse costs, days and returns that are no numbers, or below zero where none is."""
    for option in plan.options:
        amounts = (option.cost.low, option.cost.high, option.present_cost, option.detour_cost)
        assert all(0 <= each < math.inf for each in amounts)
        assert 0 <= option.closed_days <= 366
    for each in plan.programmes.values():
        assert math.isfinite(each.schedule.objective_pkr)
        assert each.schedule.total_pkr >= 0
    for risk in plan.risks.values():
        cost, opens = risk.whole.cost_pkr, risk.whole.opens
        assert 0 <= cost.p10 <= cost.p50 <= cost.p90 < math.inf
        assert opens.p10 <= opens.p50 <= opens.p90
        assert np.isfinite(risk.drawn.shift).all()
    for funds in plan.funds.values():
        assert np.isfinite(funds.stream.benefits).all()


AT_BOUNDS = (
    ("elevation.sigma_m", max),
    ("hazard.recorded.slide", max),
    ("traffic.hour_usd", max),
    ("all_weather.upkeep", max),
    ("phasing.budget_pkr_per_year", max),
    ("phasing.works_delay_h", max),
    ("phasing.crews.tunnel", max),
    ("risk.ground_sigma_m", max),
    ("risk.water_months.2", max),
)
"""Keys that once ended in a traceback or in nonsense, at that end of their range."""


@pytest.mark.parametrize(("key", "end"), AT_BOUNDS)
def test_a_plan_at_the_bounds_of_a_key_is_sound(
    store: Store, key: str, end: Callable[[Limits], float]
) -> None:
    _, limits = NUMBERS[key]
    with suppress(RealignError):
        assert_sound(planned(store, (key, end(limits))))


def test_a_road_that_is_always_shut_is_worth_no_protection_that_is_no_number(store: Store) -> None:
    shut = [("hazard.recorded.slide", 10_000.0), ("hazard.slide.days", 3650.0)]
    plan = planned(store, *shut)
    assert_sound(plan)
    assert all(0 <= worth.days_a_year <= 366 for worth in plan.protections)
