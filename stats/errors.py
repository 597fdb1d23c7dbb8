"""The one error that a user of stats.py is meant to see."""

from records.record import RecordError


class DataError(RecordError):
    """A run directory that cannot be used: the text names the place and the cure; the program ends
    with status 2.
    """
