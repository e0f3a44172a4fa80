"""What the map says of a thing that is clicked: a title, and rows of a label and a value."""

from collections.abc import Mapping
from typing import Any

from realign.branches import Leg
from realign.chainage import text
from realign.hazard import MONTH_DAYS
from realign.plan import Plan
from realign.region import SideRoad

FORM_NAMES = {"open": "Open road", "bridge": "Bridge", "tunnel": "Tunnel", "gallery": "Gallery"}


def sign(currency: str) -> str:
    """Write a currency as the report does."""
    return {"USD": "US$", "PKR": "Rs"}.get(currency, currency)


def leg_popup(plan: Plan, leg: Leg, count: int) -> dict[str, object]:
    """Tell of a piece of new road that candidates use."""
    low, base, high = (getattr(leg.values.cost, key) / 1e6 for key in ("low", "base", "high"))
    rows = [
        ("Of the road", leg.road.name),
        ("Length", km(leg.values.length)),
        ("Bridges, tunnels", f"{km(leg.values.bridge_length)}, {km(leg.values.tunnel_length)}"),
        ("Cost", f"{sign(plan.rates.currency)} {low:,.0f} / {base:,.0f} / {high:,.0f} m"),
        ("Used by", f"{count:,} of {len(plan.choice.candidates):,} candidate links"),
    ]
    return {"title": f"Candidate: {leg.name}", "rows": rows}


def beside_popup(road: SideRoad) -> dict[str, object]:
    """Tell of another road beside the highway."""
    days = float((MONTH_DAYS * (1 - road.service.open_share)).sum())
    rows = [
        ("From, to", f"{road.start}, {road.end}"),
        ("Length", km(float(road.line.length))),
        ("Time of a truck", f"{sum(road.service.truck) / 2 / 60:,.0f} minutes"),
        ("Closed", f"{days:.2f} days a year"),
        ("Taken by a lake", road.closes.isoformat() if road.closes else "never"),
    ]
    return {"title": f"Other road: {road.name}", "rows": rows}


def existing_popup(record: Mapping[str, Any]) -> dict[str, object]:
    """Tell of a stretch of the existing road in one state."""
    rows = [
        ("State", str(record["state"])),
        ("Length", km(record["length_m"])),
        ("Lowest road level", _level(record["lowest_level_m"])),
    ]
    if record["state"] != "dry":
        rows += [
            ("Taken by", str(record["dam"])),
            ("Filling to it begins", f"{record['first_date']} ({record['first_stage']})"),
            ("Full level", _level(record["full_level_m"])),
            ("Road above full level", f"{record['lowest_freeboard_m']:,.1f} m at the lowest"),
        ]
    return {"title": f"Existing road {_reach(record)}", "rows": rows, "profile": True}


def lake_popup(record: Mapping[str, Any]) -> dict[str, object]:
    """Tell of a lake at a stage of filling."""
    rows = [
        ("Stage", str(record["stage"])),
        ("Filling to it begins", str(record["date"])),
        ("Level", _level(record["level_m"])),
        ("Area", f"{record['area_km2']:,.2f} km\u00b2"),
        ("Volume", f"{record['volume_km3']:,.3f} km\u00b3"),
    ]
    return {"title": f"Reservoir of {record['dam']}", "rows": rows}


def dam_popup(record: Mapping[str, Any]) -> dict[str, object]:
    """Tell of a dam."""
    rows = [
        ("Full level", _level(record["full_level_m"])),
        ("Minimum level", _level(record["minimum_level_m"])),
        ("Crest", _level(record["crest_level_m"])),
        ("River bed", _level(record["bed_level_m"])),
        ("Gross / live storage", _pair(record["gross_storage_km3"], record["live_storage_km3"])),
        ("Length of the lake", f"{record['lake_length_km']:,.1f} km"),
    ]
    return {"title": str(record["name"]), "rows": rows}


def _speed(record: Mapping[str, Any]) -> str:
    """Design speed, and how much of the road is slower."""
    slow = (
        f", down to {record['slowest_kmh']} km/h on {km(record['slow_m'])}"
        if record["slow_m"]
        else ""
    )
    return f"{record['speed_kmh']} km/h{slow}"


def link_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give what all parts of a new road have in common."""
    replaced = text(record["replaces_from_km"] * 1000), text(record["replaces_to_km"] * 1000)
    rows = [
        ("Whole new road", km(record["link_length_m"])),
        ("Replaces", f"{replaced[0]} to {replaced[1]}"),
        ("Its cost", _spread(record, "mpkr")),
        ("", _spread(record, "musd")),
        *_builder(record),
        ("Design speed", _speed(record)),
        ("Steepest", f"{record['steepest_pct']:g} %"),
        ("Deadline", _or_none(record["deadline_date"])),
        ("Opens", _or_none(record["open_date"])),
    ]
    breaches = str(record["breaches"]).split("; ") if record["breaches"] else []
    if breaches:
        others = f" and {len(breaches) - 1} more, see the report" if breaches[1:] else ""
        rows.append(("Breaks the standard", breaches[0] + others))
    return rows


def _builder(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say who builds a road that the programme does not."""
    if record["builder"] == "programme":
        return []
    return [("Built by", f"{record['builder']}, outside the programme")]


def phase_popup(plan: Plan, record: Mapping[str, Any], name: str) -> dict[str, object]:
    """Tell of a phase: where, when, what it costs and who pays."""
    lengths = [
        f"{record[key] / 1000:,.1f} km {word}"
        for key, word in (
            ("new_m", "new"),
            ("upgrade_m", "upgraded"),
            ("bridge_m", "bridge"),
            ("tunnel_m", "tunnel"),
        )
        if record[key] > 0
    ]
    late = f" ({record['days_late']:,} days late)" if record["days_late"] else ""
    rows = [
        ("Existing chainage", f"{record['from_chainage']} to {record['to_chainage']}"),
        ("Length", ", ".join(lengths)),
        ("All of it opens", f"{record['open_date']}{late}"),
        *_openings(plan, record),
    ]
    if record["in_programme"]:
        rows.insert(2, ("Starts", str(record["start_date"])))
        rows += [("Cost", _spread(record, "mpkr")), ("", _spread(record, "musd"))]
        rows += _payers(plan, str(record["option"]), int(record["phase"]))
    else:
        rows.append(("Built by", f"{record['builder']}, outside the programme"))
    return {"title": name, "rows": rows}


def _openings(plan: Plan, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the day of each road of a phase that the water asks for, and that of its water."""
    dated = plan.programmes[str(record["option"])].schedule
    return [
        (f"Opens: {one.name}", f"{one.opens}; water {one.water}")
        for one in dated.openings
        if one.work == record["name"] and one.water is not None
    ]


def _payers(plan: Plan, option: str, number: int) -> list[tuple[str, str]]:
    split = next(s for s in plan.programmes[option].splits if s.number == number)
    names = {f.key: f.name for f in plan.study.finance.financiers}
    return [(names[key], _bn(rupees / 1e6)) for key, rupees in split.amounts.items()]


def tie_popup(record: Mapping[str, Any]) -> dict[str, object]:
    """Tell of a tie-in of a new road."""
    rows = [
        ("New road", str(record["link"])),
        ("Existing chainage", str(record["chainage"])),
        ("New chainage", str(record["new_chainage"] or "none")),
        ("Station equation", str(record["equation"] or "none")),
        ("Level", _level(record["level_m"])),
    ]
    return {"title": f"Tie-in, {record['end']} of the new road", "rows": rows}


def place_popup(record: Mapping[str, Any]) -> dict[str, object]:
    """Tell of a place on the existing road."""
    rows = [
        ("Existing chainage", str(record["chainage"])),
        ("Road level", _level(record["road_level_m"])),
    ]
    name, local = str(record["name"]), record["name_ur"]
    return {
        "title": name,
        "rows": rows,
        "label": name,
        "ur": local if isinstance(local, str) else "",
        "kind": "place",
    }


def _reach(record: Mapping[str, Any]) -> str:
    return f"{record['from_chainage']} to {record['to_chainage']}"


def km(metres: float) -> str:
    """Write a length with its unit."""
    return f"{metres / 1000:,.2f} km" if metres >= 1000 else f"{metres:,.0f} m"


def _level(metres: float) -> str:
    return f"{metres:,.1f} m"


def _pair(gross: float, live: float) -> str:
    return f"{gross:,.2f} / {live:,.2f} km\u00b3"


def _bn(millions: float) -> str:
    return f"Rs {millions / 1000:,.2f} bn"


def _spread(record: Mapping[str, Any], unit: str) -> str:
    """Write low / base / high of a cost."""
    low, base, high = (record[f"cost_{part}{unit}"] for part in ("low_", "", "high_"))
    if unit == "mpkr":
        return f"Rs {low / 1000:,.1f} / {base / 1000:,.1f} / {high / 1000:,.1f} bn"
    return f"US$ {low:,.0f} / {base:,.0f} / {high:,.0f} m"


def _or_none(value: object) -> str:
    return value if isinstance(value, str) and value else "none"
