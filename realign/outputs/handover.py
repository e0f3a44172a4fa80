"""
What a design office takes over: for every option LandXML, IFC, DXF and plan-and-profile sheets.

Chainages are the new ones of the option. Where a new road leaves the existing one, and where it
comes back, a station equation gives the old chainage.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from importlib.util import find_spec
from multiprocessing import get_context

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from realign.geometry.alignment import Stationed
from realign.network import Link
from realign.options import numbered
from realign.outputs import drawing, dxf, ifc, landxml, paper
from realign.plan import Plan
from realign.spread import end_with_parent

Points = NDArray[np.float64]
FOLDER = "design"
"""Folder of these files within the results."""
FREEBOARD = 1e-3
"""Rounding in the comparison of levels: those over water are kept in single precision [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Package:
    """One option as the writers need it."""

    file: str
    """Name of its files: that of the option, in letters, digits and hyphens."""
    title: str
    """Name of the project and of the option."""
    roads: tuple[Stationed, ...]
    """New roads with their stations."""
    hauls: tuple[drawing.MassHaul, ...]
    """Where the earth of each goes."""
    existing: Points
    """Points of the existing road, shape (k, 2) [m]."""
    shores: tuple[Points, ...]
    """Water lines at full level, each of shape (k, 2) [m]."""
    crs: CRS
    """Reference system."""
    datum: str
    """Vertical datum."""
    levels: str
    """What the levels rest on."""
    made: datetime
    """Date of the prices, which the files bear, so that the same plan gives the same bytes."""
    version: str
    """Version of this program."""


Job = tuple[Callable[[Package], dict[str, bytes]], Package]
"""A kind of file and the option of which it is written."""


def packages(plan: Plan, version: str) -> tuple[Package, ...]:
    """Put together every option that builds a road; the best one first."""
    shores = tuple(
        np.asarray(ring.coords)[:, :2]
        for lake in plan.reservoirs
        for part in shapely.get_parts(lake.full.polygon)
        for ring in (part.exterior, *part.interiors)
    )
    about = plan.study.study
    out: list[Package] = []
    for option in sorted(plan.options, key=lambda each: each.name != plan.best):
        links = [link for link in option.links if link.alignment is not None]
        if not links:
            continue
        sections = numbered(option, plan.highway.length)
        out.append(
            Package(
                file=_file(option.name, {each.file.lower() for each in out}),
                title=f"{about.title}: {option.name}",
                roads=tuple(_stationed(plan, link, sections[link.name].start) for link in links),
                hauls=tuple(_haul(link) for link in links if link.inventory is not None),
                existing=plan.highway.xy,
                shores=shores,
                crs=plan.terrain.crs,
                datum=plan.terrain.datum,
                levels=about.ground,
                made=datetime.combine(plan.rates.price_date, time(), UTC),
                version=version,
            )
        )
    return tuple(out)


def written(
    plan: Plan, *, version: str, workers: int = 1, say: Callable[[str], None] | None = None
) -> dict[str, bytes]:
    """
    Write the files of all options.

    Parameters
    ----------
    plan
        What came out.
    version
        Version of this program.
    workers
        Processes that write at the same time, this one among them; with more than one,
        the calling program must be one that may be imported (its own work behind `if
        __name__ == "__main__"`).
    say
        Told which file comes next in this process.

    Returns
    -------
    files
        Contents by name, with `FOLDER` in front. IFC is among them where
        ifcopenshell is installed.
    """
    with begun(plan, version=version, workers=workers, say=say) as finished:
        return finished()


@contextmanager
def begun(
    plan: Plan, *, version: str, workers: int = 1, say: Callable[[str], None] | None = None
) -> Iterator[Callable[[], dict[str, bytes]]]:
    """
    Begin to write the files of all options in other processes, beside the work of a block.

    Parameters
    ----------
    plan, version, workers, say
        As of `written`.

    Yields
    ------
    finished
        Writes in this process what no other has begun, and gives all files as `written`
        does.
    """
    kinds = [sheet_files, ifc_file, dxf_file, landxml_file]  # the longest first
    if not find_spec("ifcopenshell"):
        kinds.remove(ifc_file)
    options = packages(plan, version)
    jobs = [(kind, package) for kind in kinds for package in options]
    others = min(workers, len(jobs)) - 1
    if others < 1:
        yield lambda: _gathered(jobs, [], say)
        return
    pool = ProcessPoolExecutor(others, mp_context=get_context("spawn"), initializer=end_with_parent)
    try:
        elsewhere = [pool.submit(_job, job) for job in jobs]
        yield lambda: _gathered(jobs, elsewhere, say)
    finally:
        pool.shutdown(cancel_futures=True)


def _gathered(
    jobs: Sequence[Job],
    elsewhere: Sequence[Future[dict[str, bytes]]],
    say: Callable[[str], None] | None,
) -> dict[str, bytes]:
    """Do what no other process has begun, from the end, and wait for the others; all files."""
    out: dict[str, bytes] = {}
    for i, job in reversed(list(enumerate(jobs))):
        if elsewhere and not elsewhere[i].cancel():
            continue
        if say:
            say(f"{job[1].file}: {job[0].__name__.split('_')[0]}")
        out |= _job(job)
    for each in elsewhere:
        if not each.cancelled():
            out |= each.result()
    return {f"{FOLDER}/{name}": out[name] for name in sorted(out)}


def _job(job: Job) -> dict[str, bytes]:
    kind, package = job
    return kind(package)


def landxml_file(package: Package) -> dict[str, bytes]:
    """LandXML of an option."""
    made = landxml.document(
        package.roads,
        project=package.title,
        crs=package.crs,
        made=package.made,
        vertical_datum=package.datum,
        version=package.version,
    )
    return {f"{package.file}.xml": made}


def ifc_file(package: Package) -> dict[str, bytes]:
    """IFC of an option."""
    made = ifc.document(package.roads, project=package.title, crs=package.crs, made=package.made)
    return {f"{package.file}.ifc": made}


def dxf_file(package: Package) -> dict[str, bytes]:
    """DXF of an option."""
    made = dxf.document(
        package.roads, crs=package.crs, existing=package.existing, shores=package.shores
    )
    return {f"{package.file}.dxf": made}


def sheet_files(package: Package) -> dict[str, bytes]:
    """Sheets of an option, as one PDF and as SVG."""
    about = drawing.About(package.title, package.crs, package.datum, package.levels)
    sheets = drawing.sheets(
        package.roads,
        about=about,
        existing=package.existing,
        shores=package.shores,
        hauls=package.hauls,
    )
    out = {f"sheets/{package.file}/{sheet.name}.svg": paper.svg(sheet).encode() for sheet in sheets}
    return {f"{package.file}.pdf": paper.pdf(sheets, title=package.title), **out}


def _file(option: str, used: set[str]) -> str:
    """Name the files of an option like none of the names used, which are in small letters."""
    name = whole = re.sub(r"[^\w-]+", "-", option).strip("-_") or "option"
    number = 2
    while name.lower() in used:
        name, number = f"{whole}-{number}", number + 1
    return name


def _stationed(plan: Plan, link: Link, start: float) -> Stationed:
    """Give a link the stations of its option."""
    assert link.alignment is not None  # noqa: S101 - only such links are packed
    length = link.alignment.length
    ground = np.column_stack((link.station, link.ground))
    return Stationed(
        name=link.name,
        alignment=link.alignment,
        description=f"{link.pace}; replaces {link.section} of the existing road",
        start=start,
        equations=(
            (0.0, link.section.start, start),
            (length, start + length, link.section.end),
        ),
        ground=ground,
        water=np.column_stack((link.station, _water(plan, link))),
        parts=link.structures,
    )


def _water(plan: Plan, link: Link) -> Points:
    """Full level of the lake that a road keeps its freeboard to, NaN where there is none [m]."""
    out = np.full(link.station.size, np.nan)
    if not link.floor.size:
        return out
    freeboard = plan.study.clearance.freeboard_m
    for lake in plan.reservoirs:
        full = lake.dam.full_level_m
        out[np.abs(link.floor - freeboard - full) < FREEBOARD] = full
    return out


def _haul(link: Link) -> drawing.MassHaul:
    assert link.inventory is not None  # noqa: S101 - only such links are packed
    earth = link.inventory.earth
    sites = zip(earth.site.tolist(), earth.borrowed.tolist(), earth.wasted.tolist(), strict=True)
    return drawing.MassHaul(link.name, earth.station, earth.ordinate, tuple(sites))
