"""
What a page may do: run its own scripts, show its own pictures, and nothing else.

Every script is allowed by its digest, so that markup that found its way in cannot run, and every
address but those that are named is refused by the browser itself.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

_SCRIPT = re.compile(r"<script(?P<about>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)
_HEAD = re.compile(r"<head[^>]*>")


def sealed(page: str, *, images: Sequence[str] = ()) -> str:
    """
    Give a page the policy that holds it to itself.

    Parameters
    ----------
    page
        HTML with a head and with its scripts inside.
    images
        Hosts whose pictures a reader may switch on, as `https://tile.example.org`.

    Returns
    -------
    page
        The same page with a `Content-Security-Policy` as the first thing in its head.
    """
    digests = sorted(
        {
            base64.b64encode(hashlib.sha256(match["text"].encode()).digest()).decode()
            for match in _SCRIPT.finditer(page)
            if "json" not in match["about"]
        }
    )
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(f"'sha256-{each}'" for each in digests) or "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": " ".join(("data:", *images)),
        "font-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    policy = "; ".join(f"{key} {value}" for key, value in rules.items())
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return _HEAD.sub(lambda match: f"{match.group()}\n{meta}", page, count=1)
