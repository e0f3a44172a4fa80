"""The road that stands, and new roads beside it, piece by piece, as rows: hazards and breaches."""

from math import degrees

import numpy as np

from realign import cost
from realign.chainage import text
from realign.formation import BRIDGE, TUNNEL
from realign.hazard import KINDS
from realign.outputs.tables import Row, costs, yes
from realign.plan import Plan
from realign.service import Judged
from realign.upgrade import Breach

HAZARD = (
    "from_km",
    "to_km",
    "from_chainage",
    "to_chainage",
    "class",
    *(f"{kind}_score" for kind in KINDS),
    "slope_above_deg",
    "slope_below_deg",
    "gully_km2",
    "channel_deg",
    "river_distance_m",
    "landslide_distance_m",
    "fault_distance_m",
    "lake_distance_m",
    "bridge_pct",
    "tunnel_pct",
    "closures_a_year",
    "closed_days_a_year",
)
"""Columns of the hazards of a road."""
UPGRADES = (
    "from_km",
    "to_km",
    "from_chainage",
    "to_chainage",
    "kind",
    "found",
    "wanted",
    "unit",
    "turn_deg",
    "offset_m",
    "length_m",
    "laid_again",
    "direct_low_pkr",
    "direct_base_pkr",
    "direct_high_pkr",
    "direct_low_usd",
    "direct_base_usd",
    "direct_high_usd",
)
"""Columns of the places at which the highway breaks the standard of an upgrade."""


def hazard_rows(road: Judged) -> list[Row]:
    """
    Give what a road has to expect, piece by piece in order of chainage.

    Parameters
    ----------
    road
        As judged, with its protections.

    Returns
    -------
    rows
        With `HAZARD`. Closures and closed days are sums over the kinds of the layers that the
        study has, those at one time counted each, and add up to those of the road; what no layer
        tells is missing, and so is a distance to what is not there.
    """
    along = road.along
    closures, days = (np.diff(each, axis=0).sum(axis=1) for each in (road.closures, road.days))
    columns = {
        "class": along.grade,
        **{f"{kind}_score": along.score[:, k] for k, kind in enumerate(KINDS)},
        "slope_above_deg": np.degrees(np.arctan(along.slope_above)),
        "slope_below_deg": np.degrees(np.arctan(along.slope_below)),
        "gully_km2": np.where(along.gully >= 0, along.catchment / 1e6, np.nan),
        "channel_deg": np.where(along.gully >= 0, np.degrees(np.arctan(along.steepness)), np.nan),
        "river_distance_m": along.river_distance,
        "landslide_distance_m": along.landslide,
        "fault_distance_m": along.fault,
        "lake_distance_m": along.lake,
        "bridge_pct": along.share[:, BRIDGE] * 100,
        "tunnel_pct": along.share[:, TUNNEL] * 100,
        "closures_a_year": closures,
        "closed_days_a_year": days,
    }
    listed = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [
        {
            "from_km": start / 1000,
            "to_km": end / 1000,
            "from_chainage": text(start),
            "to_chainage": text(end),
            **dict(zip(columns, values, strict=True)),
        }
        for start, end, values in zip(along.start.tolist(), along.end.tolist(), listed, strict=True)
    ]


def upgrade_rows(plan: Plan) -> list[Row]:
    """
    Give the places at which the highway breaks the standard of an upgrade, by chainage.

    Returns
    -------
    rows
        With `UPGRADES`. The direct cost is that of the road laid again, without what widening the
        rest costs; 0 where widening alone does.
    """
    broken = sorted(plan.region.broken, key=lambda each: (each.section, each.kind))
    return [_breach(plan, each) for each in broken]


def _breach(plan: Plan, each: Breach) -> Row:
    factor, unit = (1.0, "m") if each.kind == "curve" else (100.0, "%")
    direct = cost.price(each.totals, plan.rates, plan.study.money).direct
    return {
        "from_km": each.section.start / 1000,
        "to_km": each.section.end / 1000,
        "from_chainage": text(each.section.start),
        "to_chainage": text(each.section.end),
        "kind": each.kind,
        "found": each.found * factor,
        "wanted": each.wanted * factor,
        "unit": unit,
        "turn_deg": degrees(each.turn) if each.kind == "curve" else None,
        "offset_m": each.offset if each.kind == "curve" else None,
        "length_m": each.length,
        "laid_again": yes(bool(each.totals)),
        **costs(plan, "direct", direct),
    }
