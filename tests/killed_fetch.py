"""
`realign fetch` in a process of its own that is killed at a given moment.

Reads one case a line from its input, forks, fetches, and writes a line about how that ended. A
moment is one before the disk is changed or a server asked, or, by `names`, before a file of the
inputs takes its name; they are counted as Python tells them.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import tile_server

import realign
from realign.errors import RealignError
from realign.sources import fetching
from realign.sources.fetching import Servers

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "socket.connect", "tempfile.mkdtemp"}


class Moments:
    """Counts the moments in a folder, and ends the process at one of them."""

    def __init__(self, folder: str, kill: int, *, names: bool) -> None:
        self.folder, self.kill, self.names = folder, kill, names
        self.count = 0

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Be told what is about to happen."""
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        if event not in CHANGES and not writes:
            return
        if self.names and (event != "os.rename" or "/.fetched/" in str(args[0])):
            return
        if event != "socket.connect" and not str(args[0]).startswith(self.folder):
            return
        self.count += 1
        if self.count == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)


def mount(folder: Path, size: str) -> None:
    """Lay a disk of a size over a folder; what was in the folder lies on it again."""
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    for name, data in held.items():
        (folder / name).write_bytes(data)


def fetch(case: dict[str, Any]) -> dict[str, Any]:
    """Fetch, and say what came of it."""
    if "disk" in case:
        mount(Path(case["study"]).parent, case["disk"])
        os.dup2(os.open(case["said"], os.O_WRONLY | os.O_CREAT), 2)
    study = realign.load(case["study"])
    servers = Servers((case["url"],), (f"{case['url']}/api",))
    moments = Moments(str(study.inputs), case["kill"], names=case["names"])
    sys.addaudithook(moments)
    try:
        done = fetching.fetch(study, tile_server.client(), servers)
    except RealignError as problem:
        names = [str(path) for path in study.inputs.rglob("*")]
        return {"error": str(problem), "names": names}
    return {"count": moments.count, "own": done.own, "notes": done.notes}


def main() -> None:
    for line in sys.stdin:
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            with os.fdopen(theirs, "w", encoding="utf-8") as said:
                json.dump(fetch(json.loads(line)), said)
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours, encoding="utf-8") as said:
            told = said.read()
        _, status = os.waitpid(pid, 0)
        ended = {"code": os.waitstatus_to_exitcode(status), **json.loads(told or "{}")}
        sys.stdout.write(f"{json.dumps(ended)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
