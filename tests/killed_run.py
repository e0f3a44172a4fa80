"""
The program, started as `python -m realign`, that is killed or runs out of disk at a given moment.

Reads one case a line from its input, forks, runs the command with the case's words, and writes a
line about how that ended. One import of the package serves all cases.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from realign import cli, drowned, outputs


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after(owner: Any, name: str, times: int = 1) -> None:
    """Let a function of the program be the last thing that it does."""
    own = getattr(owner, name)
    left = [times]

    def wrapped(*args: Any, **more: Any) -> Any:
        out = own(*args, **more)
        left[0] -= 1
        if not left[0]:
            die()
        return out

    setattr(owner, name, wrapped)


def prepare(case: dict[str, Any]) -> None:
    """Set what is to happen to this process."""
    own = drowned.Clock.say

    def say(self: drowned.Clock, stage: str, detail: str) -> None:
        sys.stdout.write(f"{json.dumps([stage, detail])}\n")
        sys.stdout.flush()
        own(self, stage, detail)
        if stage == case.get("stage") and (detail == "") == (not case.get("within")):
            die()

    drowned.Clock.say = say  # type: ignore[method-assign]
    moments = {
        "tables": (outputs.tables, "write"),
        "network": (outputs, "_network"),
        "layers": (outputs.geopackage, "write"),
        "report": (outputs.report, "page"),
        "first rename": (Path, "rename"),
        "second rename": (Path, "rename", 2),
        "temporary folder": (tempfile, "mkdtemp"),
    }
    if "moment" in case:
        killed_after(*moments[case["moment"]])
    if "bytes" in case:
        resource.setrlimit(resource.RLIMIT_FSIZE, (case["bytes"], case["bytes"]))


def main() -> None:
    for line in sys.stdin:
        case = json.loads(line)
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.dup2(theirs, 1)
            os.dup2(theirs, 2)
            os.close(ours)
            os.close(theirs)
            prepare(case)
            sys.argv = ["realign", *case["words"]]
            with contextlib.suppress(BrokenPipeError):
                cli.app()
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours, encoding="utf-8") as said:
            log = said.read()  # ends with the last process that could say something
        _, status = os.waitpid(pid, 0)
        ended = {"code": os.waitstatus_to_exitcode(status), "group": pid, "log": log}
        sys.stdout.write(f"{json.dumps(ended)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
