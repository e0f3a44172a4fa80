"""The commands: arguments, progress and exit codes, and nothing else."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Annotated

import typer
from platformdirs import user_cache_path
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from realign import __version__, outputs
from realign import plan as planning
from realign import replay as replays
from realign import study as studies
from realign.chainage import text
from realign.errors import NoRouteError, OutputError, RealignError, SourceError
from realign.outputs import tables
from realign.plan import Plan, Tell
from realign.sources import box as boxes
from realign.sources import elevation, overpass
from realign.sources.client import Client
from realign.sources.fetching import Servers
from realign.sources.fetching import fetch as fetch_inputs
from realign.sources.new import Begun
from realign.sources.new import new as begin
from realign.store import Store

DIFFERENT = 1
"""Exit code when a replay gives other results."""
WRONG_INPUT = 2
"""Exit code when study or inputs are wrong, or the results cannot be written."""
NO_ROAD = 3
"""Exit code when no road within the design standard exists."""

app = typer.Typer(
    help="Plan the realignment of a highway that a reservoir will drown.",
    epilog="Exit codes: 0 all is well; 1 a replay gives other results; 2 study, inputs or folder "
    "of results are wrong; 3 no road within the design standard exists. docs/study.md explains "
    "every key of a study.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
StudyFile = Annotated[Path, typer.Argument(help="Study file, such as data/kkh/study.toml.")]
Inputs = Annotated[
    Path | None,
    typer.Option("--inputs", help="Folder of the inputs; `inputs` beside the study by default."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the results; maps/NAME of the study by default."),
]
Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Whether roads, schedules and draws of former runs are used again where all that they "
        "depend on is the same, and new ones kept. They lie in the user's cache folder, or in the "
        "one that the environment names as REALIGN_CACHE.",
    ),
]
Scheduler = Annotated[
    str,
    typer.Option(
        metavar="WHERE",
        help="Who works: threads of this machine; its processes, for schedules and draws of "
        "uncertainty; or the Dask cluster at an address such as tcp://10.0.0.5:8786, for these and "
        "for roads. On it the same realign is installed, and its workers see the study and its "
        "inputs under the same paths. The numbers are the same. docs/method.md: how to start one.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")]


class Format(StrEnum):
    """Formats of `realign costs`."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the value of the option
    if asked:
        typer.echo(f"realign {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Plan the realignment of a highway that a reservoir will drown."""
    del version


@app.command()
def run(
    study: StudyFile,
    inputs: Inputs = None,
    out: Out = None,
    scheduler: Scheduler = "threads",
    cache: Cache = True,  # noqa: FBT002
    quiet: Quiet = False,  # noqa: FBT002
) -> None:
    """
    Run the whole study and write map, report, tables and layers.

    Example: realign run data/kkh/study.toml --inputs my/inputs --out maps/mine
    """
    with _told(quiet=quiet) as tell:
        asked = studies.load(study, inputs=inputs)
        folder = out or Path("maps") / asked.study.name
        outputs.check_folder(folder)
        with outputs.claimed(folder.resolve()):
            plan = planning.run(
                asked, tell=tell, scheduler=scheduler, store=_store() if cache else None
            )
            if tell:
                tell("outputs", "")
            files = outputs.write(plan, folder, workers=os.cpu_count() or 1)
    if not quiet:
        _summary(plan)
        typer.echo(f"{len(files)} files in {folder}; open {folder / 'index.html'}")


@app.command()
def replay(
    manifest: Annotated[Path, typer.Argument(help="manifest.json of the results of a run.")],
    inputs: Annotated[
        Path | None,
        typer.Option("--inputs", help="Folder of the inputs; data/NAME/inputs by default."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="New folder of results; that of the manifest with -replay."),
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002
) -> None:
    """
    Run a study again from the manifest of its results, and say what differs. Nothing is cached.

    Example: realign replay maps/kkh/manifest.json --inputs data/kkh/inputs
    """
    with _told(quiet=quiet) as tell, TemporaryDirectory() as place:
        held = replays.read(manifest)
        given = inputs or Path("data") / str(held["study"]) / "inputs"
        former = manifest.resolve().parent
        folder = out or former.with_name(f"{former.name}-replay")
        if folder.resolve() == former:
            msg = f"{folder}: holds the results that are replayed; wanted another --out"
            raise OutputError(msg)
        asked = replays.restored(held, Path(place), inputs=given)
        other = replays.changed(held, asked)
        outputs.check_folder(folder)
        with outputs.claimed(folder.resolve()):
            outputs.write(planning.run(asked, tell=tell), folder, workers=os.cpu_count() or 1)
        found = replays.differences(former, folder)
    for each in (*other, *found):
        typer.echo(str(each))
    if not quiet:
        same = "no difference" if not found else f"{len(found)} files differ"
        typer.echo(f"{same} between {former} and {folder}")
    if found:
        raise typer.Exit(DIFFERENT)


@app.command()
def check(study: StudyFile, inputs: Inputs = None, quiet: Quiet = False) -> None:  # noqa: FBT002
    """
    Validate everything: study file, tables, ground, road, rivers, dams. Search and write nothing.

    Example: realign check data/kkh/study.toml
    """
    with _told(quiet=quiet) as tell:
        asked = studies.load(study, inputs=inputs)
        planning.check(asked)
        found = planning.submerge(asked, tell=tell)
    if not quiet:
        for remark in found.remarks:
            typer.echo(remark)
        typer.echo(f"{study}: {len(asked.dams)} dams, {len(asked.variants)} variants: all is well")


@app.command()
def submerged(
    study: StudyFile,
    inputs: Inputs = None,
    quiet: Quiet = False,  # noqa: FBT002
) -> None:
    """
    Flag the sections of the existing highway that the water takes, and stop there.

    Example: realign submerged data/kkh/study.toml
    """
    with _told(quiet=quiet) as tell:
        found = planning.submerge(studies.load(study, inputs=inputs), tell=tell)
    table = Table(title=escape(f"{found.highway.name}: sections without freeboard"))
    for name, side in (
        ("dam", "left"), ("from", "right"), ("to", "right"), ("km", "right"),
        ("under water km", "right"), ("lowest freeboard m", "right"), ("chance", "right"),
        ("first stage", "left"), ("date", "left"),
    ):  # fmt: skip
        table.add_column(name, justify="right" if side == "right" else "left")
    for part in found.submergence.sections:
        table.add_row(
            escape(part.dam),
            text(part.section.start),
            text(part.section.end),
            f"{part.section.length / 1000:.3f}",
            f"{part.flooded_length / 1000:.3f}",
            f"{part.lowest_freeboard:.1f}",
            f"{part.probability:.2f}",
            escape(part.first_stage),
            part.first_date.isoformat(),
        )
    _console().print(table)


@app.command()
def costs(
    study: StudyFile,
    inputs: Inputs = None,
    out: Out = None,
    form: Annotated[Format, typer.Option("--format", help="table, csv or json.")] = Format.TABLE,
    quiet: Quiet = False,  # noqa: FBT002
) -> None:
    """
    Print the phase costs of every option.

    Results of the same study and inputs in the folder of results are used again;
    otherwise the study is run, without writing anything.

    Example: realign costs data/kkh/study.toml --format csv > costs.csv
    """
    with _told(quiet=quiet) as tell:
        asked = studies.load(study, inputs=inputs)
        folder = out or Path("maps") / asked.study.name
        document = tables.stored_phase_costs(folder, planning.hashes(asked))
        if document is None:
            document = tables.phase_document(planning.run(asked, tell=tell))
    if form is Format.JSON:
        typer.echo(json.dumps(document, indent=2))
        return
    rows = document["phases"]
    if form is Format.CSV:
        typer.echo(tables.as_csv(tables.phase_columns(rows), rows), nl=False)
        return
    table = Table(title=escape(f"{asked.study.title}: phase costs, Rs bn (low-high)"))
    for name in (
        "option",
        "phase",
        "name",
        "km",
        "start",
        "opens",
        "deadline",
        "Rs bn",
        "low-high",
    ):
        table.add_column(name, justify="right" if name in {"phase", "km", "Rs bn"} else "left")
    for row in rows:
        table.add_row(
            escape(str(row["option"])),
            str(row["phase"]),
            escape(str(row["name"])),
            f"{row['length_km']:.1f}",
            str(row["start_date"] or ""),
            str(row["open_date"]),
            str(row["deadline_date"] or ""),
            f"{row['cost_pkr'] / 1e9:.1f}",
            f"{row['low_pkr'] / 1e9:.0f}-{row['high_pkr'] / 1e9:.0f}",
        )
    _console().print(table)


@app.command()
def alternatives(
    study: StudyFile,
    inputs: Inputs = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the results; maps/NAME-alternatives by default."),
    ] = None,
    gap: Annotated[
        str, typer.Option("--gap", help="Name of a gap, that of its dam; the longest by default.")
    ] = "",
    variant: Annotated[
        str, typer.Option("--variant", help="Variant whose price rates; the first by default.")
    ] = "",
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, help="Roads to rate; alternatives.count by default."),
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002
) -> None:
    """
    Rate many roads across one gap, shortlist those that differ, and write both as table and lines.

    Example: realign alternatives data/kkh/study.toml --gap Diamer-Basha --count 100
    """
    with _told(quiet=quiet) as tell:
        asked = studies.load(study, inputs=inputs)
        found = planning.rate(asked, gap=gap, variant=variant, count=count, tell=tell)
        folder = out or Path("maps") / f"{asked.study.name}-alternatives"
        files = outputs.write_alternatives(found, folder, crs=asked.crs)
    if quiet:
        return
    wanted = count or asked.alternatives.count
    table = Table(title=f"{len(found.rated)} of {wanted} roads rated; those that differ")
    columns = ("rank", "name", "price", "construction m", "km", "bridges %", "tunnels %")
    for name in columns:
        table.add_column(name, justify="left" if name == "name" else "right")
    for i in found.shortlist:
        each = found.rated[i]
        table.add_row(
            str(i + 1),
            each.name,
            f"{each.corridor.price / found.rated[0].corridor.price:.3f}",
            f"{each.corridor.construction / 1e6:,.0f}",
            f"{each.length / 1000:.1f}",
            f"{100 * each.bridge:.0f}",
            f"{100 * each.tunnel:.0f}",
        )
    _console().print(table)
    if found.shortfall:
        typer.echo(f"no more: {found.shortfall}")
    typer.echo(
        f"{found.searches} searches, {found.failed} of them without a road; "
        f"{found.passed_over} roads found again; {', '.join(map(str, files))}"
    )


@app.command()
def new(  # noqa: PLR0913, PLR0917 - one for each option
    name: Annotated[
        str, typer.Argument(help="Short name of the study: small letters, digits, - and _.")
    ],
    box: Annotated[
        str,
        typer.Option(
            metavar="W,S,E,N",
            help="Region, in degrees: western, southern, eastern and northern edge. It holds the "
            "dam, the whole lake, both ends of the highway and all ground for new roads.",
        ),
    ],
    dam: Annotated[
        str, typer.Option(metavar="LON,LAT", help="Axis of the dam, in the middle of the river.")
    ],
    level: Annotated[
        float, typer.Option(metavar="M", help="Full level of the lake, in metres above EGM2008.")
    ],
    start: Annotated[
        str, typer.Option("--from", metavar="LON,LAT", help="Where the highway begins.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="LON,LAT", help="Where it ends.")],
    river: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the river that is dammed, or part of it.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the study; data/NAME by default.")
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002
) -> None:
    """
    Begin a study of another dam and highway: a folder with study.toml, places.csv and rates.csv.

    What is given stands in the files as given; whatever else a study needs is an assumption with
    its reason beside it, yours to replace. `realign fetch` then fills its inputs.

    The numbers of the example only show the form.

    Example: realign new swat --box 72.2,34.9,72.8,35.5 --dam 72.53,35.15 --level 1420 --from
    72.44,34.96 --to 72.59,35.48 --river Swat
    """
    with _told(quiet=quiet):
        begun = Begun(
            name=name,
            box=boxes.parsed("--box", box),
            dam=boxes.point("--dam", dam),
            level=level,
            start=boxes.point("--from", start),
            end=boxes.point("--to", end),
            river=river,
        )
        file = begin(begun, folder or Path("data") / name)
    if not quiet:
        typer.echo(
            f"{file} is written, with places.csv and rates.csv beside it. Next:\n"
            f"  realign fetch {file}    fetches ground, roads and rivers\n"
            f"  realign check {file}    says what is still wrong\n"
            f"  realign run {file}"
        )


@app.command()
def fetch(  # noqa: PLR0913, PLR0917 - one for each option
    study: StudyFile,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the inputs; `inputs` beside the study by default."),
    ] = None,
    box: Annotated[
        str, typer.Option(metavar="W,S,E,N", help="Region in degrees; fetch.box by default.")
    ] = "",
    mirror: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Server of elevation tiles, in place of the public ones; several are tried in "
            "the order given.",
        ),
    ] = None,
    tiles: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of elevation tiles, read in place of a server."
        ),
    ] = None,
    sea: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TILE",
            help="Name of an elevation tile that lies in the sea, such as "
            "Copernicus_DSM_COG_10_N24_00_E066_00_DEM; may be given again.",
        ),
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(
            "--overpass",
            metavar="URL",
            help="Server of OpenStreetMap (Overpass API), in place of the public ones; several "
            "are tried in the order given.",
        ),
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002
) -> None:
    """
    Fill the inputs of a study from public sources: Copernicus GLO-30 and OpenStreetMap.

    Fetches ground, highway, its bridges, roads, rivers, places, and the layers streams, buildings
    and land use that the study names. What stands is left alone, so that the same command goes on
    where it ended; a file of yours is never written over. SOURCES.md beside the inputs says where
    each comes from, with its licence.

    Example: realign fetch data/swat/study.toml
    """
    with _told(quiet=quiet) as tell:
        asked = studies.load(study, inputs=out)
        client = Client(
            f"realign/{__version__} (open highway realignment planner)",
            say=(lambda text: tell("waiting", text)) if tell else None,
        )
        servers = Servers(
            elevation=tuple(mirror or elevation.SERVERS),
            overpass=tuple(server or overpass.SERVERS),
            tiles=tiles,
            sea=tuple(tile.removesuffix(".tif") for tile in sea or ()),
        )
        region = boxes.parsed("--box", box) if box else None
        if tiles and not tiles.is_dir():
            msg = f"--tiles: found no folder {tiles}; wanted one with tiles of Copernicus GLO-30"
            raise SourceError(msg)
        done = fetch_inputs(asked, client, servers, box=region, tell=tell)
    if quiet:
        return
    for names, what in (
        (done.written, "fetched"),
        (done.stood, "stood already"),
        (done.own, "yours, left as they are"),
    ):
        if names:
            typer.echo(f"{what}: {', '.join(names)}")
    for note in done.notes:
        typer.echo(f"   {note}")
    typer.echo(f"inputs in {done.folder}; next: realign check {study}")


def _store() -> Store:
    """Results of former runs."""
    return Store(Path(os.environ.get("REALIGN_CACHE") or user_cache_path("realign")))


def _console() -> Console:
    """Make a console that is wide enough for whole tables when it writes to a file."""
    return Console(width=None if sys.stdout.isatty() else 160)


def _summary(plan: Plan) -> None:
    """Say in some lines what came out."""
    flooded = sum(part.flooded_length for part in plan.submergence.sections) / 1000
    typer.echo(f"{flooded:.1f} km of {plan.highway.name} under water")
    for option in plan.options[1:]:
        mark = "*" if option.pareto else " "
        breaches = sum(len(link.breaches) for link in option.links)
        dated = plan.programmes[option.name].schedule
        last = max((phase.opens for phase in dated.phases), default=None)
        typer.echo(
            f" {mark} {option.name}: {option.new_length / 1000:.1f} km new, "
            f"{option.bridge_length / 1000:.1f} km bridges, {option.tunnel_length / 1000:.1f} km "
            f"tunnels, {dated.total_pkr / 1e9:.0f} bn PKR, {breaches} breaches; complete {last}, "
            f"programme within {dated.gap:.1%} of the cheapest"
        )
        if dated.conflict:
            typer.echo(f"      {dated.conflict}")
        for link in option.links:
            for breach in link.breaches:
                typer.echo(f"      {link.name}: {breach}")
    for link in plan.links:
        if link.searched is None:
            continue
        typer.echo(
            f"   {link.name}: {link.searched.price / 1e6:.0f} m {plan.rates.currency} searched, "
            f"{link.searched.optimality_gap:.0%} above the proved bound; bill of the fitted road "
            f"{link.searched.ratio:.2f} of the price searched"
            + (f"; grade line within {link.graded.gap:.1%} of its bound" if link.graded else "")
        )
    missed = [check.published.label for check in plan.checks if not check.ok]
    agreed = len(plan.checks) - len(missed)
    typer.echo(f"{agreed} of {len(plan.checks)} published figures reproduced")
    for label in missed:
        typer.echo(f"   missed: {label}")


@contextmanager
def _told(*, quiet: bool) -> Iterator[Tell | None]:
    """Progress while the work goes on, and exit codes instead of tracebacks."""
    console = Console(stderr=True)
    shown = not quiet and console.is_terminal
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, disable=not shown) as progress:
            tell = _teller(progress) if shown else None
            yield tell if quiet or _compiled() else _warned(console, tell)
    except NoRouteError as problem:
        console.print(str(problem), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(NO_ROAD) from problem
    except RealignError as problem:
        console.print(str(problem), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(WRONG_INPUT) from problem


def _warned(console: Console, tell: Tell | None) -> Tell:
    """Say once, before the search, that its kernels are compiled first."""
    said: set[str] = set()

    def both(stage: str, detail: str) -> None:
        if stage.startswith("corridors") and not said:
            said.add(stage)
            console.print("first run: compiling, once, for half a minute or so", highlight=False)
        if tell:
            tell(stage, detail)

    return both


def _compiled() -> bool:
    """Whether the compiled kernels are cached on disk, by this run's place of the cache."""
    places = (
        Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent),
        Path(__file__).parent,
    )
    return any(next(place.rglob("*.nbi"), None) is not None for place in places)


def _teller(progress: Progress) -> Tell:
    """Turn what the stages say into one line a stage."""
    lines: dict[str, int] = {}
    lock = Lock()

    def tell(stage: str, detail: str) -> None:
        with lock:
            key = detail.split(":", maxsplit=1)[0] if ": " in detail else stage
            name = f"{stage}: {key}" if key != stage else stage
            if name not in lines:
                lines[name] = int(progress.add_task(escape(name), total=None))
            progress.update(
                progress.task_ids[lines[name]], description=escape(f"{stage} {detail}".strip())
            )

    return tell


def main() -> None:
    """Entry point of the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # letters that a terminal lacks end no run
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as problem:
        with suppress(OSError):
            sys.stderr.write(f"the output cannot be written: {problem}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush
        raise SystemExit(WRONG_INPUT) from problem
