"""The ground as a picture under the map, in the projection of the map."""

import base64
import io
import math
import warnings

import folium
import numpy as np
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import calculate_default_transform, reproject

from realign import terrain as ground

_ACROSS = "+proj=webmerc +datum=WGS84 +lon_0=180 +units=m +no_defs"
"""The plane of the map where ground lies on both sides of the 180th meridian."""
_PIXELS = 2600  # along the longer side of the hillshade
_HEAVIEST = 3_000_000  # bytes of the hillshade; beyond, it is made coarser
_QUALITY = 72  # of WebP
_LIGHTEST = 0.5  # part of the hillshade that lies under white, so that lines stand out
_LOW, _HIGH = np.array([222.0, 226.0, 205.0]), np.array([250.0, 246.0, 240.0])  # valley, summit


def data_uri(content: bytes, kind: str) -> str:
    """Write a file as an address that holds all of it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def overlay(terrain: ground.Terrain) -> folium.raster_layers.ImageOverlay:
    """
    Lit ground as a picture in the projection of the map, so that it lies exactly.

    Leaflet stretches a picture evenly between its corners in EPSG:3857, hence it is warped
    onto cells that are square there.
    """
    factor = max(1, math.ceil(max(terrain.shape) / _PIXELS))
    while True:
        picture, corners = _warped(terrain, factor)
        if len(picture) <= _HEAVIEST or min(terrain.shape) < 4 * factor:
            break
        factor = math.ceil(factor * 1.4)
    layer = folium.raster_layers.ImageOverlay(
        image=data_uri(picture, "image/webp"),
        bounds=corners,
        pixelated=False,
        control=False,
        alt="Hillshade of the study ground",
        zindex=1,
    )
    layer._id = "hillshade"  # noqa: SLF001 - folium has random names otherwise
    return layer


def _warped(terrain: ground.Terrain, factor: int) -> tuple[bytes, list[list[float]]]:
    """
    WebP of the tinted hillshade in EPSG:3857, and its corners [deg].

    Beyond the 180th meridian longitudes go on, as Leaflet has them.
    """
    shade = ground.hillshade(terrain, factor=factor)
    rows, cols = shade.shape
    level = terrain.z[: rows * factor : factor, : cols * factor : factor]
    low, high = (float(v) for v in np.nanpercentile(terrain.z[::4, ::4], [2, 98]))
    height = np.clip((np.nan_to_num(level, nan=low) - low) / max(high - low, 1.0), 0, 1)[..., None]
    tint = _LOW + (_HIGH - _LOW) * height
    light = (1 - _LIGHTEST) * shade[..., None] / 255 + _LIGHTEST
    alpha = np.where(shade > 0, 255, 0)[..., None]
    source = np.concatenate((np.clip(tint * light * 1.12, 0, 255), alpha), axis=2)
    a, b, c, d, e, f = tuple(terrain.transform)[:6]
    transform = rasterio.Affine(a * factor, b, c, d, e * factor, f)
    own = rasterio.crs.CRS.from_wkt(terrain.crs.to_wkt())
    with warnings.catch_warnings():
        # rasterio 1.4 multiplies transforms by `*`, which affine 3 warns of
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        edges = array_bounds(rows, cols, transform)
        onto = Transformer.from_crs(terrain.crs, 4326, always_xy=True)
        first, _, last, _ = onto.transform_bounds(*edges)
        across = first > last
        web = rasterio.crs.CRS.from_string(_ACROSS if across else "EPSG:3857")
        target, width, tall = calculate_default_transform(own, web, cols, rows, *edges)
        warped = np.zeros((4, tall, width), dtype=np.uint8)
        reproject(
            np.ascontiguousarray(source.transpose(2, 0, 1)).astype(np.uint8),
            warped,
            src_transform=transform,
            src_crs=own,
            dst_transform=target,
            dst_crs=web,
            resampling=Resampling.bilinear,
        )
        left, bottom, right, top = array_bounds(tall, width, target)
    back = Transformer.from_crs(web.to_wkt(), 4326, always_xy=True)
    (west, east), (south, north) = back.transform((left, right), (bottom, top))
    if across:
        west, east = west % 360, east % 360
    file = io.BytesIO()
    Image.fromarray(warped.transpose(1, 2, 0)).save(file, "WEBP", quality=_QUALITY, method=4)
    return file.getvalue(), [[south, west], [north, east]]
