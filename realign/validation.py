"""What holds a plan against the world: published figures, assumptions, notes for the reader."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel
from scipy.spatial import cKDTree

from realign.chainage import text
from realign.drowned import Drowned
from realign.network import Link
from realign.phasing import Task
from realign.programme import Programme, task_of
from realign.rates import Rates
from realign.standards import load as load_standard
from realign.study import QUANTITIES, Published, Study


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


def checks(given: Drowned, best: Programme) -> tuple[Check, ...]:
    """Put every published figure beside the one that an option gives."""
    return tuple(
        Check(row, QUANTITIES[row.quantity], _modelled(given, best, row))
        for row in given.study.published
    )


def assumptions(study: Study, prices: Rates) -> tuple[Assumption, ...]:
    """List every value that its source calls an assumption: study, rates, standard."""
    out: list[Assumption] = []

    def walk(table: BaseModel, path: str) -> None:
        for key, reason in getattr(table, "sources", {}).items():
            if reason.lower().startswith("assumption"):
                out.append(Assumption(f"{path}{key}", str(getattr(table, key)), reason))
        for name in type(table).model_fields:
            value = getattr(table, name)
            rows = value if isinstance(value, list | tuple) else [value]
            for row in rows:
                if isinstance(row, BaseModel):
                    label = getattr(row, "name", None) if isinstance(value, list | tuple) else None
                    walk(row, f"{path}{name}{f'[{label}]' if label else ''}.")

    walk(study, "")
    out += [
        Assumption(f"rates.{item}", f"{rate.price.base:g} {rate.currency}/{rate.unit}", rate.source)
        for item, rate in prices.items.items()
        if rate.assumed
    ]
    speeds = {variant.speed_kmh for variant in study.variants}
    for speed in sorted(speeds):
        standard = load_standard(study.standard.code, speed)
        out += [
            Assumption(f"standard[{speed} km/h].{key}", "see the standard", reason)
            for key, reason in standard.sources
            if "assumption" in reason.lower()
        ]
    return tuple(out)


def notes(
    given: Drowned, programmes: Mapping[str, Programme], best: str, failed: Mapping[str, str]
) -> tuple[str, ...]:
    """Say what a reader must know before using a number: misses, late openings, breaches."""
    out = []
    if given.study.study.ground:
        out.append(given.study.study.ground)
    road = given.highway
    for lake in given.reservoirs:
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
    for name, reason in failed.items():
        out.append(f"No road for {name}: {reason}")
    for name, programme in programmes.items():
        out += [
            f"Option {name}: {cut[2]} opens after the water: no road from {cut[0]} to {cut[1]}."
            for cut in programme.schedule.cuts
        ]
        count = sum(len(link.breaches) for link in programme.option.links)
        if count:
            first = next(link for link in programme.option.links if link.breaches)
            out.append(
                f"Option {name}: {count} breaches of the standard or of the limits of forms, the "
                f"first on {first.name}: {first.breaches[0]}."
            )
    chosen = programmes[best].option.links
    ratio = sum(link.direct.base for link in chosen) / sum(link.searched_price for link in chosen)
    out.append(
        f"The bill of the fitted roads of option {best} is {ratio:.2f} times the price that the "
        "corridor search saw for them."
    )
    return tuple(out)


def _modelled(given: Drowned, best: Programme, row: Published) -> float:
    """Modelled value of a published quantity, NaN where the stages cannot answer."""
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
    if row.quantity == "programme_bn_pkr":
        return best.schedule.total_pkr / 1e9
    if row.quantity == "share_pct":
        paid = sum(split.amounts.get(row.of, 0) for split in best.splits)
        return round(
            100 * paid / max(best.schedule.total_pkr, 1), 6
        )  # beyond that rupees are rounded
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
    }.get(row.quantity, float("nan"))


def _between(given: Drowned, link: Link, task: Task) -> slice:
    """Intervals of a link between the places that a task is named by."""
    tree = cKDTree(np.column_stack((link.x, link.y)))
    ends = []
    for name in (task.start, task.end):
        place = given.highway.at(given.places[name])[0]
        ends.append(int(tree.query(place)[1]))
    return slice(ends[0], max(ends[1], ends[0] + 1))
