"""Numbers, days and counts as the report writes them."""

import math
import re
from collections.abc import Sequence
from datetime import date
from textwrap import wrap

from markupsafe import Markup, escape

_KB = 1000  # bytes
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d\b")
NONE = "\u2013"
"""What stands where there is no value."""


def sign(currency: str) -> str:
    """Write a currency as the report does everywhere."""
    return {"USD": "US$", "PKR": "Rs", "CNY": "RMB"}.get(currency, currency)


def bn(rupees: float) -> str:
    """Write rupees in billions."""
    return f"{rupees / 1e9:,.1f}"


def musd(dollars: float) -> str:
    """Write dollars in billions."""
    return f"{dollars / 1e9:,.2f}"


def number(value: float | None, digits: int = 1) -> str:
    """Write a number with thousands separators, or a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:,.{digits}f}"


def percent(fraction: float) -> str:
    """Write a fraction in per cent."""
    return f"{fraction * 100:,.1f}"


def share(fraction: float) -> str:
    """Write a share in whole per cent; no share below all is told as all, none above 0 as none."""
    if 0 < fraction < 0.005:
        return "less than 1 %"
    if 0.995 <= fraction < 1:
        return "more than 99 %"
    return f"{fraction * 100:.0f} %"


def count(number: int) -> str:
    """Write a number of ways, however great it is."""
    if number < 10**12:
        return f"{number:,}"
    power = len(str(number)) - 1
    return f"{number / 10**power:.1f} x 10^{power}"


def days(days: float) -> str:
    """Write days with one decimal."""
    return f"{days:.1f} days"


def listed(words: Sequence[str]) -> str:
    """Join words with commas and an and."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def places(count: int) -> str:
    """Write a number of places."""
    return f"{count:,} place" if count == 1 else f"{count:,} places"


def day(value: date | None) -> str:
    """Write a day as ISO 8601 has it, or a dash where there is none."""
    return value.isoformat() if value else NONE


def size(count: int) -> str:
    """
    Write a size of a file.

    Examples
    --------
    >>> size(999), size(12_345), size(3_456_789)
    ('999 B', '12 kB', '3.5 MB')
    """
    if count < _KB:
        return f"{count} B"
    return f"{count / _KB:,.0f} kB" if count < _KB**2 else f"{count / _KB**2:,.1f} MB"


def cut(text: str, most: int) -> str:
    """
    Shorten a text that has more than some letters.

    Examples
    --------
    >>> cut("Thakot-Raikot", 8), cut("Thor", 8)
    ('Thakot-\u2026', 'Thor')
    """
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def fold(text: str, wide: int) -> tuple[str, ...]:
    """
    Break a text into at most two lines, shortened where they have no room for all of it.

    Examples
    --------
    >>> fold("Thor-Raikot, submerged by Diamer-Basha", 22)
    ('Thor-Raikot, submerged', 'by Diamer-Basha')
    >>> fold("Thor", 22)
    ('Thor',)
    """
    first, *rest = wrap(text, wide) or [""]
    return (first, cut(" ".join(rest), wide)) if rest else (first,)


def name(word: str) -> str:
    """Write a key of the program as words."""
    return word.replace("_", " ")


def dated(text: str) -> Markup:
    """
    Mark up the days in a text, so that no line breaks within one.

    Examples
    --------
    >>> dated("<b> until 2030-07-01.")
    Markup('&lt;b&gt; until <time>2030-07-01</time>.')
    """
    return Markup(_ISO.sub(r"<time>\g<0></time>", str(escape(text))))  # noqa: S704 - escaped
