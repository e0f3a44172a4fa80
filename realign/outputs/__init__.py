"""
A plan as files: tables, layers, a map and a report, written whole or not at all.

`write` makes everything in a temporary folder beside the target and only then
puts it in the place of the former results, so a run that fails leaves them as
they were. A folder that holds anything but results of this program and a
`README.md` is refused or keeps what is not ours: nobody's files are deleted.
"""

import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from time import perf_counter

from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS

from realign.corridor import Alternatives
from realign.errors import OutputError
from realign.outputs import (
    answers,
    bill,
    claim,
    geopackage,
    handover,
    kml,
    programme,
    report,
    roads,
    standing,
    tables,
    weather,
    workbook,
)
from realign.outputs import map as folium_map
from realign.outputs.claim import claimed, unwritable
from realign.plan import Plan

__all__ = ["check_folder", "claimed", "write", "write_alternatives"]

MANIFEST = "manifest.json"
"""The file by which a folder of results is known."""

MANIFEST_SCHEMA = "realign.manifest/1"
"""Name and version of the keys of the manifest."""

HAZARD_NEW = "hazard_new"
"""Name of the layer of hazards of the best option's new roads, which no file of its own lists."""

README = "README.md"
"""A file that any folder of results may hold besides."""

LIBRARIES = (
    "realign",
    "dask",
    "ezdxf",
    "folium",
    "geopandas",
    "networkx",
    "numba",
    "numpy",
    "ortools",
    "pandas",
    "pydantic",
    "pyogrio",
    "pyproj",
    "rasterio",
    "scipy",
    "shapely",
    "xstatic-leaflet",
)
"""Packages whose versions the manifest gives."""

_SIDE_FILES = ("-journal", "-shm", "-wal")  # SQLite leaves them beside a database in use

_log = logging.getLogger(__name__)


def write(plan: Plan, folder: Path | str, *, workers: int = 1) -> tuple[Path, ...]:
    """
    Write everything that came out into a folder, in the place of former results.

    Parameters
    ----------
    plan
        What came out.
    folder
        Folder of the results; made where it does not exist, and its parents too.
    workers
        Processes that write at the same time, this one among them; more than one only from
        a program that may be imported, see `handover.written`.

    Returns
    -------
    files
        The written files, the report first.

    Raises
    ------
    OutputError
        The folder holds files that are no results of this program, cannot be
        written, or the numbers of the plan do not add up. Former results are
        untouched then.
    """
    target = Path(folder).resolve()
    check_folder(target)
    with _exchanged(target) as fresh:
        names = _fill(plan, fresh, workers)
        _keep(target, fresh)
    return tuple(target / name for name in names)


@contextmanager
def _exchanged(target: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of a claimed target in the end, if all is well."""
    with claimed(target):
        try:
            hidden = claim.hidden(target)
        except OSError as problem:
            raise unwritable(target, problem) from problem
        try:
            fresh = hidden / claim.FRESH
            fresh.mkdir()  # with the permissions of any folder, which a temporary one lacks
            yield fresh
            claim.exchange(target, hidden)
        except (OSError, sqlite3.Error, DataSourceError, DataLayerError) as problem:
            raise unwritable(target, problem) from problem
        finally:
            if target.exists() or not (hidden / claim.FORMER).exists():  # else it is the last copy
                shutil.rmtree(hidden, ignore_errors=True)


def write_alternatives(found: Alternatives, folder: Path, *, crs: CRS) -> tuple[Path, ...]:
    """
    Write `alternatives.csv` and `alternatives.gpkg` into a folder.

    Parameters
    ----------
    found
        From `corridor.alternatives`.
    folder
        Made where it does not exist; files of these names in it are replaced, both or none.
    crs
        Reference system of the roads.

    Returns
    -------
    files
        The written files.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    rows = tables.alternative_rows(found)
    columns = [*tables.ALTERNATIVE_COLUMNS]
    columns += [key for key in rows[0] if key not in columns]
    names = ("alternatives.csv", "alternatives.gpkg")
    target = folder.resolve()
    with _exchanged(target) as fresh:
        (fresh / names[0]).write_text(tables.as_csv(columns, rows), encoding="utf-8")
        layers = {"alternatives": geopackage.alternatives(found, rows, crs=crs)}
        geopackage.write(layers, fresh / names[1])
        if target.exists():
            _copy(
                target, fresh, {name + end for name in names for end in ("", *_SIDE_FILES)}, set()
            )
    return tuple(folder / name for name in names)


def check_folder(folder: Path | str) -> None:
    """
    Refuse a target whose files are not ours, before a long run.

    Raises
    ------
    OutputError
        The target is a file, or a folder with files but without the manifest
        of former results.
    """
    target = Path(folder)
    if not target.exists():
        return
    if not target.is_dir():
        msg = f"{target}: found a file, wanted a folder for the results"
        raise OutputError(msg)
    try:
        names = sorted(path.name for path in target.iterdir())
        ours = not set(names) - {README} or _former(target) is not None
    except OSError as problem:
        raise unwritable(target, problem) from problem
    if not ours:
        shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
        msg = (
            f"{target}: found files that are no results of realign ({shown}); wanted an empty "
            f"or a new folder, or one with a {MANIFEST} of a former run"
        )
        raise OutputError(msg)


def _fill(plan: Plan, folder: Path, workers: int) -> list[str]:
    """Write every file; the manifest last, since it tells the size of the others."""
    begin = perf_counter()
    made = tables.tables(plan)
    tables.write(plan, made, folder)
    network = _network(plan, folder)
    money = _money(plan, made, folder)
    release = _version("realign")
    with handover.begun(plan, version=release, workers=workers) as finished:
        layers = geopackage.layers(plan)
        whole = layers | roads.layers(plan, network)
        geopackage.write(whole, folder / "plan.gpkg", geopackage.centre_lines(plan))
        (folder / "plan.kmz").write_bytes(kml.archive(plan, layers))
        quantities = _bill(plan, folder)
        (folder / "map.html").write_text(folium_map.page(plan, layers), encoding="utf-8")
        design = finished()
    for name, content in design.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    versions = {name: _version(name) for name in LIBRARIES} | {"python": python_version()}
    seconds = {**plan.seconds, "outputs": perf_counter() - begin}
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }
    page = report.page(
        plan, made, versions=versions, seconds=seconds, design=list(design), sizes=sizes
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    names = [
        "index.html",
        "map.html",
        "phase_costs.csv",
        "phase_costs.json",
        "submerged_sections.csv",
        "reservoirs.csv",
        "options.csv",
        "old_new_chainage.csv",
        "validation.csv",
        *(f"{name}.csv" for name in network if name != HAZARD_NEW),
        *money,
        *quantities,
        "plan.gpkg",
        "plan.kmz",
        *design,
    ]
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "realign": versions["realign"],
        "study": plan.study.study.name,
        "ground": plan.study.study.ground,
        "best_option": plan.best,
        "versions": versions,
        "inputs_sha256": dict(plan.hashes),
        "texts": dict(plan.texts),
        "settings": plan.study.model_dump(mode="json"),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "notes": list(plan.notes),
        "corridors": tables.corridors(plan),
        "files_bytes": {name: (folder / name).stat().st_size for name in names},
    }
    tables.write_json(folder / MANIFEST, manifest)
    return [*names, MANIFEST]


def _network(plan: Plan, folder: Path) -> dict[str, tuple[Sequence[str], list[tables.Row]]]:
    """Write the tables of the road network; give them with that of the hazards of new roads."""
    best = next(option for option in plan.options if option.name == plan.best)
    ahead = [
        {"road": link.name, **row}
        for link in best.links
        for row in standing.hazard_rows(plan.choice.judged[link.name])
    ]
    made: dict[str, tuple[Sequence[str], list[tables.Row]]] = {
        "links": (answers.LINKS, answers.link_rows(plan)),
        "pareto": (answers.PARETO, list(answers.pareto_rows(plan))),
        "decision": (answers.DECISION, answers.decision_rows(plan)),
        "sensitivity": (answers.SENSITIVITY, answers.sensitivity_rows(plan)),
        "wins": (answers.WINS, answers.win_rows(plan)),
        "availability": (weather.AVAILABILITY, weather.availability_rows(plan)),
        "passages": (weather.PASSAGES, weather.passage_rows(plan)),
        "criticality": (weather.CRITICALITY, weather.criticality_rows(plan)),
        "protections": (weather.PROTECTIONS, weather.protection_rows(plan)),
        "hazard": (standing.HAZARD, standing.hazard_rows(plan.region.kept)),
        "upgrades": (standing.UPGRADES, standing.upgrade_rows(plan)),
    }
    for name, (columns, rows) in made.items():
        tables.write_csv(folder / f"{name}.csv", columns, rows)
    return {**made, HAZARD_NEW: (("road", *standing.HAZARD), ahead)}


def _money(plan: Plan, made: Mapping[str, Sequence[tables.Row]], folder: Path) -> list[str]:
    """Write the programme and its money, each table as CSV and all of them as a workbook."""
    keys = [financier.key for financier in plan.study.finance.financiers]
    phases = made["phase_costs"]
    own: dict[str, tuple[Sequence[str], list[tables.Row]]] = {
        "schedule": (programme.SCHEDULE, programme.schedule_rows(plan)),
        "openings": (programme.OPENINGS, programme.opening_rows(plan)),
        "cash_flow": (programme.CASH, list(programme.cash_rows(plan))),
        "financing": (programme.FINANCING, programme.financing_rows(plan)),
        "economy": (programme.ECONOMY, programme.economy_rows(plan)),
        "conditions": (programme.CONDITIONS, programme.condition_rows(plan)),
        "risk": (programme.RISK, programme.risk_rows(plan)),
        "tornado": (programme.TORNADO, programme.tornado_rows(plan)),
        "convergence": (programme.CONVERGENCE, programme.convergence_rows(plan)),
    }
    for name, (columns, rows) in own.items():
        tables.write_csv(folder / f"{name}.csv", columns, rows)
    best = plan.programmes.get(plan.best)
    spending = {p.work.name: dict(p.spending) for p in best.schedule.phases} if best else {}
    whole = {"phase_costs": (tables.phase_columns(phases, keys), phases), **own}
    title = plan.study.study.title
    (folder / "phase_costs.xlsx").write_bytes(workbook.workbook(title, whole, spending=spending))
    return [*(f"{name}.csv" for name in own), "phase_costs.xlsx"]


def _bill(plan: Plan, folder: Path) -> list[str]:
    """Write the bill of quantities, its structures and the mass haul."""
    rows = bill.rows(plan)
    made = {
        "bill_of_quantities.csv": (bill.COLUMNS, rows),
        "structures.csv": (bill.STRUCTURES, bill.structure_rows(plan)),
        "mass_haul.csv": (bill.HAUL, bill.haul_rows(plan)),
    }
    for name, (columns, own) in made.items():
        (folder / name).write_text(tables.as_csv(columns, own), encoding="utf-8", newline="")
    (folder / "bill_of_quantities.xlsx").write_bytes(bill.workbook(plan, rows))
    return [*made, "bill_of_quantities.xlsx"]


def _former(target: Path) -> set[str] | None:
    """Names of the files of a former run; None where there was none."""
    try:
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        if not str(manifest["schema"]).startswith("realign.manifest/"):
            return None
        return set(manifest["files_bytes"]) | {MANIFEST}
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _keep(target: Path, fresh: Path) -> None:
    """Copy what is not ours, a README for instance, from the former results to the new ones."""
    if not target.exists():
        return
    ours = (_former(target) or set()) | {
        path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file()
    }
    ours |= {name + end for name in ours for end in _SIDE_FILES}
    folders = {str(parent) for name in ours for parent in Path(name).parents} - {"."}
    _copy(target, fresh, ours, folders)


def _copy(target: Path, fresh: Path, ours: set[str], folders: set[str], inside: str = "") -> None:
    """Copy what is not ours from a folder, also from folders that are."""
    for path in sorted((target / inside).iterdir()):
        name = f"{inside}/{path.name}" if inside else path.name
        if name in ours:
            continue
        if name in folders and path.is_dir() and not path.is_symlink():
            _copy(target, fresh, ours, folders, name)
            continue
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, fresh / name, symlinks=True)
        else:
            shutil.copy2(path, fresh / name, follow_symlinks=False)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a folder that was never installed
        return "unknown"
