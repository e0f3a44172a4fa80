"""
Plan the realignment of a highway that a reservoir will drown.

>>> import realign
>>> study = realign.load("data/kkh/study.toml")  # doctest: +SKIP
>>> plan = realign.run(study)  # doctest: +SKIP
>>> realign.write(plan, "maps/kkh")  # doctest: +SKIP
"""

from realign.errors import (
    GeometryError,
    InputError,
    NoRouteError,
    OutputError,
    RealignError,
    SourceError,
    StudyError,
)
from realign.options import Option
from realign.outputs import write
from realign.plan import Plan, run
from realign.study import Study, load

__all__ = [
    "GeometryError",
    "InputError",
    "NoRouteError",
    "Option",
    "OutputError",
    "Plan",
    "RealignError",
    "SourceError",
    "Study",
    "StudyError",
    "load",
    "run",
    "write",
]
__version__ = "0.1.0"
