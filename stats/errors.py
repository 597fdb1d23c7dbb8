"""The error that stats.py prints as one line."""

from records.record import RecordError


class DataError(RecordError):
    """A run that cannot be used: the text names the place and what helps; the program ends with
    status 2.
    """
