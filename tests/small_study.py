"""A whole study on a valley made by formula, small enough to run in some seconds."""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer

import realign
from realign.plan import Plan

REGENERATE = bool(os.environ.get("REALIGN_REGENERATE"))
"""Whether tests write what they compare with: the golden numbers and the page of keys."""

EPSG = 32643
LEFT, TOP = 650_000.0, 3_930_000.0
CELL = 60.0
ROWS, COLS = 70, 220
RATES = Path(realign.__file__).parents[1] / "data" / "kkh" / "rates.csv"

BED, FALL = 800.0, 0.006  # m at the western edge; m per m of valley
SIDE = 0.35  # slope of the sides of the valley
FLOOR = 100.0  # m from the river to the foot of the sides
ASIDE = 150.0  # m from the river to the highway, which runs on its northern bank
DAM = 3000.0  # m from the western edge
GULLY, ROCK = 6900.0, 4900.0  # m from the western edge: what asks for a bridge, and a tunnel
PLACES = {"West": 400.0, "Lower": 1500.0, "Upper": 9500.0, "East": 12_800.0}

STUDY = """\
[study]
name = "small"
title = "A small valley"
question = "Where does the road go when the lake comes?"
ground = "A valley made by formula."
crs = "EPSG:32643"

[elevation]
vertical_datum = "EGM2008"
sigma_m = 2.0
sources.sigma_m = "assumption: made by formula"

[existing]
name = "N-1"
start_name = "West"
end_name = "East"

[rivers]
file = "rivers.geojson"

[[dams]]
name = "Narrows"
lon = {lon:.6f}
lat = {lat:.6f}
full_level_m = 858
minimum_level_m = 835
crest_level_m = 865

[[dams.stages]]
name = "partial"
level_m = 842
date = 2031-07-01

[[dams.stages]]
name = "full"
level_m = 858
date = 2032-07-01

[standard]
code = "asian-highway-class-ii"

[formation]
max_cut_m = 15
max_fill_m = 8
max_wall_m = 6

[corridor]
river = "Clear"
band_m = 1500
reach_m = 2500
crossing_m = 1500
headroom_m = 60
deepest_m = 80

[branches]
most_branches = 4

[[variants]]
name = "short"
title = "60 km/h, either bank, with a value on length"
speed_kmh = 60
length_value_per_m = 1500
sources.length_value_per_m = "assumption: a preference"

[[variants]]
name = "cheap"
title = "40 km/h, either bank, least cost"
speed_kmh = 40

[[variants]]
name = "other-bank"
title = "40 km/h, on the other bank"
speed_kmh = 40
bank = "other"

[money]
fx_date = 2025-09-25
pkr_per_usd = 281.40
cny_per_usd = 7.12
contingency = 0.10
taxes = 0.08

[phasing]
start = 2026-01-01
budget_pkr_per_year = 1.0e10
new_km_per_month = 0.5
upgrade_km_per_month = 2.0
tunnel_m_per_month_face = 50
mobilisation_months = 3

[[programme]]
name = "Lower-Upper"
start = "Lower"
end = "Upper"
work = "new"

[[programme]]
name = "Upper-East"
start = "Upper"
end = "East"
work = "upgrade"

[finance]
announced_pkr = 1.0e10

[[finance.loans]]
name = "long"
interest_pct = 2
years = 20
grace_years = 5

[[finance.cases]]
name = "lent"
title = "A loan for most of it"

[[finance.cases.financiers]]
name = "Lender"
key = "lender"
share = 0.85
kind = "loan"
loan = "long"
currency = "USD"
source = "made up"

[[finance.cases.financiers]]
name = "Owner"
key = "owner"
share = 0.15
source = "made up"

[[published]]
quantity = "flooded_km"
label = "Highway under water"
of = "Narrows"
value = 3.7
accepted_low = 3.0
accepted_high = 5.0
source = "by hand: the road lies some 17 m above the bed, which falls by 6 m a kilometre"

[[published]]
quantity = "share_pct"
label = "Share of the lender"
of = "lender"
value = 85
accepted_low = 85
accepted_high = 85
source = "made up"

[[published]]
quantity = "new_road_km"
label = "New road"
of = "Lower-Upper"
value = 1.0
accepted_low = 0.5
accepted_high = 1.5
source = "wrong on purpose: a miss has to be shown"
"""


def river_y(x: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Northing of the river at an easting from the western edge [m]."""
    return np.asarray(TOP - ROWS * CELL / 2 + 250.0 * np.sin(np.asarray(x) / 1800.0))


def ground() -> NDArray[np.float32]:
    """Levels of a valley that falls to the west, shape (ROWS, COLS) [m]."""
    x = (np.arange(COLS) + 0.5) * CELL
    y = TOP - (np.arange(ROWS) + 0.5) * CELL
    away = np.abs(y[:, None] - river_y(x)[None, :])
    spurs = 1.0 + 0.5 * np.sin(x / 200.0)[None, :]
    gully = 60.0 * np.exp(-(((x - GULLY) / 80.0) ** 2))[None, :] * np.clip(away / 150.0 - 1.0, 0, 1)
    rock = 150.0 * np.exp(-(((x - ROCK) / 200.0) ** 2))[None, :] * np.clip(away / 200.0 - 1.0, 0, 1)
    z = BED + FALL * x[None, :] + SIDE * spurs * np.maximum(away - FLOOR, 0.0) - gully + rock
    return z.astype(np.float32)


def road() -> NDArray[np.float64]:
    """Vertices of the highway in the reference system of the study, shape (n, 2) [m]."""
    x = np.linspace(PLACES["West"], PLACES["East"], 250)
    return np.column_stack((LEFT + x, river_y(x) + ASIDE))


def degrees(xy: NDArray[np.float64]) -> list[list[float]]:
    """Points as longitude and latitude."""
    project = Transformer.from_crs(EPSG, 4326, always_xy=True)
    return np.column_stack(project.transform(xy[:, 0], xy[:, 1])).round(8).tolist()


def point(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a point given from the western edge, and by its northing."""
    lon, lat = degrees(np.array([[LEFT + x, y]]))[0]
    return lon, lat


def write_dem(path: Path, z: NDArray[np.float32] | None = None, *, epsg: int | None = EPSG) -> None:
    """Write ground as GeoTIFF, with a reference system or without."""
    z = ground() if z is None else z
    profile = {
        "driver": "GTiff", "width": z.shape[1], "height": z.shape[0], "count": 1,
        "dtype": "float32", "nodata": -9999.0, "transform": Affine(CELL, 0, LEFT, 0, -CELL, TOP),
    }  # fmt: skip
    if epsg is not None:
        profile["crs"] = f"EPSG:{epsg}"
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.where(np.isnan(z), -9999.0, z).astype(np.float32), 1)


def write_features(path: Path, *shapes: tuple[str, object], name: str = "") -> None:
    """Write geometries, each as type and coordinates, as GeoJSON."""
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": kind, "coordinates": coordinates},
        }
        for kind, coordinates in shapes
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")


def ring(xy: Sequence[tuple[float, float]]) -> list[list[list[float]]]:
    """Coordinates of a polygon from corners given from the western edge, and by northing."""
    corners = np.array([*xy, xy[0]], dtype=float)
    return [degrees(corners + np.array([LEFT, 0.0]))]


def write(to: Path) -> Path:
    """
    Write the study with its tables and inputs into a folder.

    Returns
    -------
    file
        The study file.
    """
    inputs = to / "inputs"
    inputs.mkdir(parents=True)
    write_dem(inputs / "dem.tif")
    write_features(inputs / "highway.geojson", ("LineString", degrees(road())))
    x = np.linspace(30.0, COLS * CELL - 30.0, 300)
    river = degrees(np.column_stack((LEFT + x, river_y(x)))[::-1])
    write_features(inputs / "rivers.geojson", ("LineString", river), name="Clear River")
    shutil.copy(RATES, to / "rates.csv")
    lines = ["name,lon,lat,source"]
    for place, along in PLACES.items():
        lon, lat = point(along, float(river_y(along)) + ASIDE)
        lines.append(f"{place},{lon:.6f},{lat:.6f},made by formula")
    (to / "places.csv").write_text("\n".join(lines) + "\n", "utf-8")
    lon, lat = point(DAM, float(river_y(DAM)))
    file = to / "study.toml"
    file.write_text(STUDY.format(lon=lon, lat=lat), "utf-8")
    return file


@cache
def folder() -> Path:
    """Folder with the study, for tests that leave it as it is."""
    made = Path(tempfile.mkdtemp(prefix="small-study-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    write(made)
    return made


@cache
def planned() -> Plan:
    """Plan of the study, for tests that only read it."""
    return realign.run(realign.load(folder() / "study.toml"))
