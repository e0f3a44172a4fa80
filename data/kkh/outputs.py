"""Files of the schematic ground: GeoJSON in longitude and latitude, and a GeoTIFF."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer

if TYPE_CHECKING:
    from pathlib import Path

    from relief import Frame

Array = NDArray[np.float64]

CRS = 32643
"""Projected coordinates of the ground: UTM zone 43 N (EPSG code)."""

NODATA = -9999.0
"""Missing level in dem.tif [m]; the schematic ground has none."""

BRIDGE_HALF = 70.0
"""Half length of a bridge either side of a crossing [m]; judged by eye."""

TO_GROUND = Transformer.from_crs(4326, CRS, always_xy=True)
TO_GLOBE = Transformer.from_crs(CRS, 4326, always_xy=True)


def feature(kind: str, xy: Array, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a GeoJSON feature from projected points [m]."""
    lon, lat = TO_GLOBE.transform(xy[:, 0], xy[:, 1])
    points = [[round(float(a), 6), round(float(b), 6)] for a, b in zip(lon, lat, strict=True)]
    shape = {"type": kind, "coordinates": points[0] if kind == "Point" else points}
    return {"type": "Feature", "properties": properties, "geometry": shape}


def write_features(path: Path, features: list[dict[str, Any]]) -> None:
    """Write a GeoJSON file in longitude and latitude."""
    text = json.dumps({"type": "FeatureCollection", "features": features})
    path.write_text(text + "\n", encoding="utf-8")


def write_ground(path: Path, frame: Frame, ground: Array) -> None:
    """Write the ground as a tiled, deflated GeoTIFF."""
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "nodata": NODATA, "crs": f"EPSG:{CRS}",
        "width": frame.cols, "height": frame.rows, "compress": "deflate", "predictor": 3,
        "tiled": True, "blockxsize": 256, "blockysize": 256,
        "transform": rasterio.Affine(frame.cell, 0, frame.west, 0, -frame.cell, frame.north),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.round(ground, 2).astype(np.float32), 1)


def segment_features(line: Array, bridges: Array) -> list[dict[str, Any]]:
    """Cut the road at the ends of its bridges."""
    total = float(np.sum(np.hypot(*np.diff(line, axis=0).T)))
    at = np.linspace(0.0, total, len(line))
    spans: list[list[float]] = []
    for bridge in bridges:
        low, high = max(0.0, bridge - BRIDGE_HALF), min(total, bridge + BRIDGE_HALF)
        if spans and low <= spans[-1][1]:
            spans[-1][1] = high
        else:
            spans.append([low, high])
    cuts = [0.0, *[cut for span in spans for cut in span], total]
    features = []
    for number, (low, high) in enumerate(pairwise(cuts)):
        if high <= low:
            continue
        to = np.concatenate([[low], at[(at > low) & (at < high)], [high]])
        xy = np.column_stack([np.interp(to, at, line[:, k]) for k in (0, 1)])
        kind = "bridge" if number % 2 else None
        span_km = {"from_km": round(low / 1000, 3), "to_km": round(high / 1000, 3)}
        features.append(feature("LineString", xy, {"brunnel": kind, **span_km}))
    return features
