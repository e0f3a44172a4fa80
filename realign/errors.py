"""The errors that realign raises on purpose: each is a situation the caller can act on."""


class RealignError(Exception):
    """Root of the errors that realign raises on purpose."""


class StudyError(RealignError, ValueError):
    """The study file is wrong; the message lists every problem, one a line."""


class InputError(RealignError, ValueError):
    """An input file or layer is wrong; the message names it, what was found and what was wanted."""


class GeometryError(RealignError, ValueError):
    """A geometric value cannot exist as asked: an empty section, an element without length."""


class NoRouteError(RealignError):
    """No road within the design standard joins the two ends."""


class OutputError(RealignError):
    """The results cannot be written where they were asked for."""


class SourceError(RealignError):
    """Public data cannot be had, or what is asked for is no study; the message says what to do."""


class ClusterError(RealignError):
    """The cluster that works does not answer or is of no use; the message says what to do."""
