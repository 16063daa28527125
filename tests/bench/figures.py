"""Statistics of repeated measurements: pure functions, tested by test_figures.py."""

import math
from statistics import median


def percentile(values, share):
    """The value that `share` (0 to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summarize(rounds):
    """Turns rounds, [{"counts": bool, "figures": {name: value}}], into
    {name: {"median", "low", "high", "n", "n_left_out"}}.

    Only rounds that count are looked at, unless none does: then all are, and
    n is 0."""
    summary = {}
    names = {name: None for each in rounds for name in each["figures"]}
    for name in names:
        measured = [each for each in rounds if name in each["figures"]]
        counted = [each for each in measured if each["counts"]]
        values = [each["figures"][name] for each in counted or measured]
        summary[name] = {
            "median": median(values),
            "low": min(values),
            "high": max(values),
            "n": len(counted),
            "n_left_out": len(measured) - len(counted),
        }
    return summary


def ratio(part, whole):
    """0 where there is nothing to compare with."""
    return part / whole if whole else 0.0


def change(before, after):
    """How much `after` is above `before`, as a share of it; None without one."""
    return (after - before) / before if before else None


def is_met(target, value):
    """A target is (name, "<=" or ">=", limit)."""
    _, sense, limit = target
    return value <= limit if sense == "<=" else value >= limit


def flatness(by_size):
    """The largest loss of {size: value} against the smallest size, as a share:
    0.2 when the worst is a fifth below it."""
    base = by_size[min(by_size)]
    return max(0.0, 1 - min(by_size.values()) / base) if base else 1.0
