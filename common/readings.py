"""How many readings of a curve a mean needs."""

FEWEST = 20


def too_few(readings: int) -> str:
    """Why there is no mean."""
    return f"a mean takes {FEWEST} readings, and there are {readings}"
