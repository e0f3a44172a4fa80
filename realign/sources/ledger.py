"""
What was fetched into a folder of inputs: from where, when, under which licence, with which hash.

A file that is not in the ledger, or was changed since, belongs to the user and is never
written over.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from realign.errors import SourceError
from realign.sources.files import UNREADABLE, sha256, whole, write_text

LEDGER = "fetched.json"
"""Name of the ledger in the folder of inputs."""

SOURCES = "SOURCES.md"
"""Name of the same for readers."""

FILES = (LEDGER, SOURCES, f"fetched-{SOURCES}")
"""Names of all files that are written here."""

LICENCES: Mapping[str, str] = {
    "Copernicus DEM": (
        "Licence for Copernicus WorldDEM-30 (GLO-30): free use with this notice: produced using "
        "Copernicus WorldDEM-30 © DLR e.V. 2010-2014 and © Airbus Defence and Space GmbH 2014-2018 "
        "provided under COPERNICUS by the European Union and ESA; all rights reserved."
    ),
    "ODbL-1.0": (
        "Open Data Commons Open Database License 1.0 (opendatacommons.org/licenses/odbl): "
        "© OpenStreetMap contributors (openstreetmap.org/copyright). A database made from it is "
        "shared under the same licence."
    ),
}
"""Licences by the name that the ledger has, with the notice that they ask for."""

_SCHEMA = "realign.fetched/1"
_HEAD = "# Sources of these inputs"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the ledger."""

    asked: str
    """What was asked for; another question makes another file."""
    sha256: str
    """SHA-256 of the file as it was written."""
    origins: tuple[str, ...]
    """Addresses or files that it comes from."""
    when: str
    """Day and time of the fetch, UTC."""
    licence: str
    """Key of `LICENCES`."""
    notes: tuple[str, ...] = ()
    """What is missing in it or was decided."""


@dataclass(slots=True)
class Ledger:
    """
    The ledger of a folder, kept on disk before and after every file.

    A file is entered with its hash before it takes its name: whenever the run is killed, what
    stands there is known.
    """

    folder: Path
    """Folder of inputs."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """What was fetched, by name of the file."""
    coming: dict[str, Entry] = field(default_factory=dict)
    """What was about to take its name; it did where the hash of the file says so."""
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    """Tells the time."""

    def state(self, name: str, *asked: str) -> str:
        """
        Tell what stands under a name.

        Parameters
        ----------
        name
            Name of the file.
        asked
            Questions, any of which it may answer.

        Returns
        -------
        state
            `missing`, `fetched` (what is asked for stands there), `other` (fetched for another
            question) or `own` (the user's, or changed by the user).
        """
        path = self.folder / name
        if not path.exists():
            return "missing"
        known = [each[name] for each in (self.coming, self.entries) if name in each]
        found = sha256(path) if known else ""
        entry = next((entry for entry in known if entry.sha256 == found), None)
        if entry is None:
            return "own"
        return "fetched" if entry.asked in asked else "other"

    def put(
        self,
        name: str,
        write: Callable[[Path], None],
        *,
        asked: str,
        origins: Sequence[str],
        licence: str,
        notes: Sequence[str] = (),
    ) -> None:
        """Have a file written, whole or not at all, and enter it."""
        with whole(self.folder / name) as part:
            write(part)
            self.coming[name] = Entry(
                asked=asked,
                sha256=sha256(part),
                origins=tuple(origins),
                when=self.now().strftime("%Y-%m-%d %H:%M UTC"),
                licence=licence,
                notes=tuple(notes),
            )
            self._save()
        self.settle()

    def settle(self) -> None:
        """Enter what took its name, and forget what did not."""
        for name, entry in self.coming.items():
            path = self.folder / name
            if path.is_file() and sha256(path) == entry.sha256:
                self.entries[name] = entry
        self._tell()  # the page first: while something is coming on disk, it is written anew
        self.coming = {}
        self._save()

    def _save(self) -> None:
        """Keep the ledger on disk."""
        table: dict[str, Any] = {"schema": _SCHEMA, "files": _rows(self.entries)}
        if self.coming:
            table["coming"] = _rows(self.coming)
        write_text(self.folder / LEDGER, json.dumps(table, indent=1, ensure_ascii=False) + "\n")

    def _tell(self) -> None:
        """Write the page for readers, unless a page of the user's stands there."""
        path = self.folder / SOURCES
        if path.exists() and not path.read_text("utf-8", errors="replace").startswith(_HEAD):
            path = self.folder / f"fetched-{SOURCES}"
        write_text(path, _page(self.entries))


def opened(folder: Path) -> Ledger:
    """
    Open the ledger of a folder, an empty one where there is none.

    Raises
    ------
    SourceError
        The ledger cannot be read.
    """
    path = folder / LEDGER
    if not path.exists():
        return Ledger(folder)
    try:
        table = json.loads(path.read_text("utf-8"))
        entries, coming = _entries(table["files"]), _entries(table.get("coming", {}))
    except UNREADABLE as problem:
        msg = (
            f"{path}: cannot be read as a ledger of fetched files ({problem}); delete it, and the "
            "files that are to be fetched again"
        )
        raise SourceError(msg) from problem
    return Ledger(folder, entries, coming)


def _entries(table: Mapping[str, Any]) -> dict[str, Entry]:
    """Entries of a table of the ledger."""
    return {
        _text(name): Entry(
            asked=_text(row["asked"]),
            sha256=_text(row["sha256"]),
            origins=tuple(map(_text, row["origins"])),
            when=_text(row["when"]),
            licence=_text(row["licence"]),
            notes=tuple(map(_text, row["notes"])),
        )
        for name, row in table.items()
    }


def _text(value: object) -> str:
    """Refuse what is no text, or none that a file can hold."""
    if not isinstance(value, str):
        msg = f"found {value!r:.80}; wanted text"
        raise TypeError(msg)
    value.encode()
    return value


def _rows(entries: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """Table of the ledger."""
    return {name: asdict(entry) for name, entry in sorted(entries.items())}


def _page(entries: Mapping[str, Entry]) -> str:
    """Write the ledger for readers."""
    lines = [
        _HEAD,
        "",
        "Written by `realign fetch`, which keeps the same in `fetched.json`. A file that is",
        "changed by hand is kept as it is from then on. To fetch anew, delete the file and the",
        "folder `.fetched`, which keeps the answers of the servers.",
    ]
    for name, entry in sorted(entries.items()):
        told = [("fetched", entry.when), ("SHA-256", entry.sha256), ("licence", entry.licence)]
        told += [("from", origin) for origin in entry.origins]
        told += [("note", note) for note in entry.notes]
        lines += ["", f"## {one_line(name)}", ""]
        lines += [f"- {what}: {one_line(value)}" for what, value in told]
    lines += ["", "## Licences", ""]
    used = sorted({entry.licence for entry in entries.values()})
    lines += [f"- **{one_line(name)}**: {LICENCES.get(name, '')}" for name in used]
    return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    r"""
    Write text in one line: a name may hold others, which would pass for lines of the page.

    Examples
    --------
    >>> one_line("Road\n\n## dem.tif\u2028- licence:  none")
    'Road ## dem.tif - licence: none'
    """
    return " ".join(text.split())
