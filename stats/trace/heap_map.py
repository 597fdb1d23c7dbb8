"""The heap map: the addresses of a program's objects over time.

Addresses are those of a replay (`memtest replay --addresses`). Regions of 64 KiB that never held
anything are left out, so that a heap in two distant places fits one picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stats.trace.summary import Objects, objects_of, seconds_of
from stats.trace.trace_file import Int64, Trace

REGION = 1 << 16
ROWS, COLUMNS = 360, 720


@dataclass(frozen=True)
class HeapMap:
    """bytes    live bytes in each pixel (row: address from low to high, column: time)
    size     mean size of the objects in a pixel, bytes
    age      mean age in seconds of the bytes in a pixel
    span     bytes of address space that the rows cover, without the regions left out
    seconds  time of the last column
    """

    bytes: np.ndarray
    size: np.ndarray
    age: np.ndarray
    span: int
    seconds: float


def heap_map(trace: Trace, addresses: np.ndarray) -> HeapMap:
    """The map of a trace whose event i received addresses[i]. Raises ValueError when the addresses
    belong to another trace.
    """
    if len(addresses) != len(trace):
        raise ValueError(f"{len(addresses)} addresses for {len(trace)} events")
    objects, times = objects_of(trace), seconds_of(trace)
    place, span = _compact(addresses[objects.made].astype(np.int64), objects.size)
    end = float(times[-1]) if len(times) else 1.0
    born, died = _clipped(times, objects.made), _clipped(times, objects.freed)
    columns = np.stack([_column(born, end), _column(died, end)])
    weights = np.stack([np.ones(len(born)), np.log2(np.maximum(objects.size, 1)), born])
    filled, sized, birth = _paint(place, objects, columns, weights, max(1, -(-span // ROWS)))
    with np.errstate(invalid="ignore", divide="ignore"):
        now = (np.arange(COLUMNS) + 0.5) * end / COLUMNS
        return HeapMap(filled, 2 ** (sized / filled), now - birth / filled, span, end)


def _clipped(times: np.ndarray, events: Int64) -> np.ndarray:
    """The times of events; those past the last one lie beyond the end."""
    return np.append(times, np.inf)[events]


def _column(times: np.ndarray, end: float) -> Int64:
    """The first column whose middle lies at or after the time; COLUMNS where none does."""
    place = np.ceil(np.minimum(times / max(end, 1e-12), 2) * COLUMNS - 0.5)
    return np.clip(place, 0, COLUMNS).astype(np.int64)


def _compact(addresses: Int64, sizes: Int64) -> tuple[Int64, int]:
    """Addresses with the unused regions between them taken out, and the bytes that are left."""
    first, last = addresses // REGION, (addresses + np.maximum(sizes, 1) - 1) // REGION
    long = last > first
    spans = np.unique(np.stack([first[long], last[long]]), axis=1).T
    inner = [np.arange(low, high + 1) for low, high in spans]
    used = np.unique(np.concatenate([first, *inner]))
    return np.searchsorted(used, first) * REGION + addresses % REGION, len(used) * REGION


def _paint(
    place: Int64, objects: Objects, columns: Int64, weights: np.ndarray, row_bytes: int
) -> np.ndarray:
    """Sums weights * bytes over the pixels that each object covers: one plane per row of `weights`.

    Objects are first entered where they begin and taken out where they end; the running sum over
    the columns then fills what lies between.
    """
    planes = np.zeros((len(weights), ROWS * (COLUMNS + 1)))
    row, end = place // row_bytes, place + objects.size
    left = np.flatnonzero(objects.size > 0)
    while left.size:
        low = np.maximum(place[left], row[left] * row_bytes)
        high = np.minimum(end[left], (row[left] + 1) * row_bytes)
        for plane, weight in zip(planes, weights, strict=True):
            amount = weight[left] * (high - low)
            for column, sign in zip(columns, (1, -1), strict=True):
                pixel = row[left] * (COLUMNS + 1) + column[left]
                plane += np.bincount(pixel, sign * amount, len(plane))
        row[left] += 1
        left = left[row[left] * row_bytes < end[left]]
    filled = np.cumsum(planes.reshape(len(weights), ROWS, -1), axis=2)[:, :, :COLUMNS]
    filled[:, filled[0] < 0.5] = 0  # what rounding leaves behind
    return filled
