"""What holds a plan against the world: published figures, assumptions, notes for the reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from pydantic import BaseModel
from scipy.spatial import cKDTree

from realign import allweather, cost
from realign.allweather import Approach
from realign.chainage import text
from realign.drowned import Drowned
from realign.formation import BRIDGE, OPEN, TUNNEL
from realign.hazard import SPREAD_DEG
from realign.network import Link
from realign.phasing import Task
from realign.programme import Programme
from realign.rates import Rates
from realign.reservoir import Reservoir, Stage
from realign.road import BESIDE
from realign.standards import load as load_standard
from realign.study import QUANTITIES, Published, Study
from realign.works import task_of
from realign.yearround import YearRound


@dataclass(frozen=True, slots=True)
class Check:
    """A published figure beside the modelled one."""

    published: Published
    """The published figure with its source and what is accepted."""
    unit: str
    """Unit of both."""
    modelled: float
    """Modelled value; NaN where the stages cannot answer."""

    @property
    def ratio(self) -> float:
        """Modelled over published [-]."""
        return self.modelled / self.published.value if self.published.value else float("nan")

    @property
    def ok(self) -> bool:
        """Whether the modelled value lies within what is accepted."""
        return self.published.accepted_low <= self.modelled <= self.published.accepted_high


@dataclass(frozen=True, slots=True)
class Assumption:
    """A value of the study that no source states."""

    key: str
    """Key in the study file, with its table."""
    value: str
    """Its value."""
    reason: str
    """What the study says of it."""


def replayed(study: Study, prices: Rates, best: Programme) -> dict[str, float]:
    """
    Price announced quantities with the unit prices of the study.

    Parameters
    ----------
    study
        With the table `[replay]`.
    prices
        Unit prices.
    best
        Programme whose new road says what a kilometre of open road costs: all but its structures.

    Returns
    -------
    rupees
        By part of the programme, all in [PKR]; nothing where nothing was announced.
    """
    asked, money = study.replay, study.money
    if not any((asked.upgrade_km, asked.open_road_km, asked.bridge_km, asked.tunnel_km)):
        return {}
    links = [link for link in best.option.links if link.builder == "programme"]
    run = sum(link.length - link.bridge_length - link.tunnel_length for link in links) / 1000
    forms = ("bridge", "bridge_abutment", "tunnel", "tunnel_portal")
    direct = sum(
        link.direct.base
        - sum(link.totals.get(item, 0.0) * prices[item].price.base for item in forms)
        for link in links
    )
    open_road = asked.open_road_km * (direct / run if run > 0 else 0.0)
    priced = {
        "tunnels": cost.price({"tunnel": asked.tunnel_km * 1000}, prices, money),
        "bridges": cost.price({"bridge": asked.bridge_km * 1000}, prices, money),
        "open road": cost.price({}, prices, money, places=open_road),
        "upgrades": cost.price({"upgrade_existing": asked.upgrade_km}, prices, money),
    }
    return {name: each.total.base * money.exchange("PKR") for name, each in priced.items()}


def new_road_replayed(study: Study, rupees: Mapping[str, float]) -> float:
    """Give what a kilometre of new road of `replayed` costs [PKR]; NaN without any."""
    asked = study.replay
    km = asked.open_road_km + asked.bridge_km + asked.tunnel_km
    parts = (rupees[name] for name in ("tunnels", "bridges", "open road"))
    return sum(parts) / km if km > 0 else float("nan")


def checks(given: Drowned, best: Programme, year: YearRound, prices: Rates) -> tuple[Check, ...]:
    """Put every published figure beside the one that an option gives."""
    return tuple(
        Check(row, QUANTITIES[row.quantity], _modelled(given, best, year, prices, row))
        for row in given.study.published
    )


def assumptions(study: Study, prices: Rates) -> tuple[Assumption, ...]:
    """
    List every value that no source states: of study, rates, standard and program.

    Values whose source speaks of an assumption come first, then numbers that are
    used without any source: the program's own defaults.
    """
    out: list[Assumption] = []
    defaults: list[Assumption] = []

    def walk(table: BaseModel, path: str) -> None:
        sources = getattr(table, "sources", {})
        for name, field in type(table).model_fields.items():
            value, key = getattr(table, name), f"{path}{name}"
            reason = sources.get(name, "")
            if "assumption" in reason.lower():
                out.append(Assumption(key, _shown(value), reason))
            elif name not in {*table.model_fields_set, *sources} and isinstance(value, float | int):
                text_of = " ".join((field.description or "").split())
                defaults.append(Assumption(key, _shown(value), f"program default: {text_of}"))
            rows = value if isinstance(value, list | tuple) else [value]
            for row in rows:
                if isinstance(row, BaseModel):
                    label = getattr(row, "name", None) if isinstance(value, list | tuple) else None
                    walk(row, f"{key}{f'[{label}]' if label else ''}.")

    walk(study, "")
    out += [
        Assumption(
            f"rates.{item}", f"{rate.price.base:,g} {rate.currency}/{rate.unit}", rate.source
        )
        for item, rate in prices.items.items()
        if "assum" in rate.source.lower()
    ]
    for speed in sorted({variant.speed_kmh for variant in study.variants}):
        standard = load_standard(study.standard.code, speed)
        out += [
            Assumption(f"standard[{speed} km/h].{key}", "see the standard", reason)
            for key, reason in standard.sources
            if "assumption" in reason.lower()
        ]
    out += [
        Assumption("exposure.spread_deg", f"{SPREAD_DEG:g}", "assumption: scale of its curve"),
        Assumption("exposure.bridge", f"{BESIDE[BRIDGE]:g}", "assumption: over that of open road"),
        Assumption("exposure.tunnel", f"{BESIDE[TUNNEL]:g}", "assumption: over that of open road"),
    ]
    return (*out, *defaults)


def _shown(value: object) -> str:
    """
    Write a value as a reader writes it: thousands separators, rows by name, nothing of Python.

    Examples
    --------
    >>> _shown(12_000.0), _shown(True), _shown({"truck_time": 10.0}), _shown((9.0, 12.0))
    ('12,000', 'yes', 'truck time 10', '9; 12')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{value:,.10g}" if abs(value) < 1e15 else f"{value:g}"
    if isinstance(value, Stage):
        return f"{value.name}: {value.level_m:g} m from {value.date.isoformat()}"
    if isinstance(value, BaseModel):
        kept = {key: getattr(value, key) for key in type(value).model_fields if key != "sources"}
        value = {key: each for key, each in kept.items() if each is not None and each != ""}
    if isinstance(value, Mapping):
        name = value.get("name")
        rest = [f"{_words(k)} {_shown(v)}" for k, v in value.items() if k != "name"]
        return (f"{name}: " if name else "") + ", ".join(rest)
    if isinstance(value, list | tuple):
        return "; ".join(_shown(row) for row in value)
    return str(value)


def _words(key: object) -> str:
    """Write a key of a table as words."""
    return str(key).replace("_", " ")


def notes(
    given: Drowned, programmes: Mapping[str, Programme], best: str, failed: Mapping[str, str]
) -> tuple[str, ...]:
    """Say what a reader must know before using a number: misses, late openings, breaches."""
    out = []
    if given.study.study.ground:
        out.append(given.study.study.ground)
    out += given.remarks
    out += [note for lake in given.reservoirs for note in _of_lake(given, lake)]
    for name, reason in failed.items():
        out.append(f"No road for {name}: {reason}")
    laid = {each.layer.name for each in given.layers}
    out += [
        f"Layer {layer.name} is left out: the inputs have no file {layer.file}."
        for layer in given.study.layers
        if layer.name not in laid
    ]
    for name, programme in programmes.items():
        out += [
            f"Option {name}: {cut[2]} opens after the water: the old road is lost from {cut[0]} "
            f"on, the new one opens on {cut[1]}."
            for cut in programme.schedule.cuts
        ]
        count = sum(len(link.breaches) for link in programme.option.links)
        if count:
            first = next(link for link in programme.option.links if link.breaches)
            out.append(
                f"Option {name}: {count} breaches of the standard or of the limits of forms, the "
                f"first on {first.name}: {first.breaches[0]}."
            )
    found = {name: _ratio(each.option.links) for name, each in programmes.items()}
    ratios = [f"{name} {ratio:.2f}" for name, ratio in found.items() if ratio is not None]
    if ratios:
        out.append(
            "Bill of the fitted roads over the price that the corridor search saw for them, by "
            f"option: {', '.join(ratios)}."
        )
    links = programmes[best].option.links if best in programmes else ()
    inside = sum(_in_lakes(given, link) for link in links)
    if inside > 0:
        out.append(
            f"{inside / 1000:.1f} km of open road of option {best} stands on embankments within a "
            "full lake, above its level; they are priced as dry fill, without protection against "
            "drawdown."
        )
    return tuple(out)


def _ratio(links: Sequence[Link]) -> float | None:
    """Direct cost of the bills over the price that the searches saw; None where none saw one."""
    found = [link.searched for link in links if link.searched is not None]
    seen = sum(each.construction for each in found)
    return sum(each.billed for each in found) / seen if seen > 0 else None


def _of_lake(given: Drowned, lake: Reservoir) -> list[str]:
    """Say where the highway itself ends below a lake."""
    road, out = given.highway, []
    for s, which in ((0.0, "start"), (road.length, "end")):
        level = float(road.level_at(s)[0])
        need = lake.dam.full_level_m + given.study.clearance.freeboard_m
        reached = float(lake.reaches(*road.at(s).T)[0]) <= need
        if reached and level < need:
            out.append(
                f"The {which} of the highway at {text(s)} lies at {level:.0f} m, below the "
                f"{need:.0f} m that {lake.dam.name} asks: the new road ends above it, and the "
                "road beyond has to be raised to meet it."
            )
    return out


def _in_lakes(given: Drowned, link: Link) -> float:
    """Length of open road over ground that a full lake covers [m]."""
    x, y = (link.x[1:] + link.x[:-1]) / 2, (link.y[1:] + link.y[:-1]) / 2
    wet = np.zeros(x.size, bool)
    for lake in given.reservoirs:
        wet |= shapely.contains_xy(lake.full.polygon, x, y)
    return float(np.diff(link.station)[wet & (link.form == OPEN)].sum())


def _modelled(
    given: Drowned, best: Programme, year: YearRound, prices: Rates, row: Published
) -> float:
    """Modelled value of a published quantity, NaN where the stages cannot answer."""
    approach = next((each for each in given.study.approaches if each.name == row.of), None)
    if approach is not None:
        return _months(year, approach, row.quantity)
    lakes = {lake.dam.name: lake for lake in given.reservoirs}
    if row.of in lakes:
        lake = lakes[row.of]
        flooded = sum(
            part.flooded_length for part in given.submergence.sections if part.dam == row.of
        )
        return {
            "lake_area_km2": lake.full.area / 1e6,
            "gross_storage_km3": lake.full.volume / 1e9,
            "live_storage_km3": lake.live_volume / 1e9,
            "lake_length_km": lake.river_length / 1e3,
            "flooded_km": flooded / 1e3,
        }.get(row.quantity, float("nan"))
    if row.quantity in {"replay_bn_pkr", "replay_mcny", "replay_new_road_mcny_per_km"}:
        found = replayed(given.study, prices, best)
        rupees = sum(found.values()) if found else float("nan")
        yuan = given.study.money.exchange("CNY", of="PKR")
        return {
            "replay_bn_pkr": rupees / 1e9,
            "replay_mcny": rupees / 1e6 * yuan,
            "replay_new_road_mcny_per_km": new_road_replayed(given.study, found) / 1e6 * yuan,
        }[row.quantity]
    if row.quantity in {"programme_bn_pkr", "programme_mcny", "share_pct"}:
        paid = sum(split.amounts.get(row.of, 0) for split in best.splits)
        whole = best.schedule.total_pkr
        return {
            "programme_bn_pkr": whole / 1e9,
            "programme_mcny": whole / 1e6 * given.study.money.exchange("CNY", of="PKR"),
            "share_pct": round(100 * paid / max(whole, 1), 6),  # beyond that rupees are rounded
        }[row.quantity]
    task = next((t for t in given.study.programme if t.name == row.of), None)
    link = next((k for k in best.option.links if task and task_of(given, k.section) is task), None)
    if task is None or link is None:
        return float("nan")
    span = _between(given, link, task)
    run, form = np.diff(link.station)[span], link.form[span]
    return {
        "new_road_km": float(run.sum()) / 1e3,
        "structures_pct": 100 * float(run[form > 0].sum() / run.sum()),
        "new_road_musd_per_km": link.cost.base / link.length / 1e3,
        "new_road_mcny_per_km": link.cost.base
        * given.study.money.exchange("CNY")
        / link.length
        / 1e3,
    }.get(row.quantity, float("nan"))


def _months(year: YearRound, road: Approach, quantity: str) -> float:
    """Months of the year before or after its rule changes in which trucks pass an approach."""
    if road.after is None:
        return float("nan")
    when = {"months_open_before": road.after.year - 1, "months_open_after": road.after.year + 1}
    if quantity not in when:
        return float("nan")
    ends = road.start, road.end
    days = [date(when[quantity], month, 15) for month in range(1, 13)]
    return float(sum(allweather.can_pass(year.graph, *ends, day).passes for day in days))


def _between(given: Drowned, link: Link, task: Task) -> slice:
    """Intervals of a link between the places that a task is named by."""
    tree = cKDTree(np.column_stack((link.x, link.y)))
    ends = []
    for name in (task.start, task.end):
        place = given.highway.at(given.places[name])[0]
        ends.append(int(tree.query(place)[1]))
    return slice(ends[0], max(ends[1], ends[0] + 1))
