#!/usr/bin/python3
"""How many instructions the three hot paths take, against what is recorded.

usage: instructions.py [--record]

callgrind counts what tests/bench/hot_paths.c does: decode, validate and encode
an order; apply a batch of 128 orders; publish a batch of 128 events. More than
a tenth above tests/bench/instructions.json fails. --record (`make
bench-instructions`) takes the counts of now: that a path costs more is then a
decision, which the commit explains. Counts of other versions of the compiler or
the libraries cannot be compared; then it says so, and passes.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from shop import BENCH_BIN, BenchError, run_program

RECORD = Path("tests/bench/instructions.json")
PATHS = {"order": "an order decoded, validated and encoded",
         "apply": "a batch of 128 orders applied",
         "publish": "a batch of 128 events published"}
TIMES = {"order": 50, "apply": 5, "publish": 10}
RISE_MAX = 0.10
PACKAGES = ("libc6", "librdkafka1", "libsqlite3-0", "libcjson1", "valgrind")


def versions():
    """Of all that the counts depend on, beside our code."""
    compiler = run_program([os.environ.get("CC", "gcc"), "--version"]).splitlines()[0]
    found = {"machine": platform.machine(), "compiler": compiler}
    for package in PACKAGES:
        result = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                                capture_output=True, text=True, check=False)
        found[package] = result.stdout or "not installed"
    return found


def _collect(path, times):
    folder = tempfile.mkdtemp(prefix="hot-", dir=BENCH_BIN)
    try:
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             BENCH_BIN / "hot_paths", path, folder, str(times)],
            capture_output=True, text=True, check=False)
        found = re.search(r"Collected : (\d+)", result.stderr)
        if result.returncode != 0 or not found:
            raise BenchError(f"counting {path} failed:\n{result.stderr[-2000:]}")
        return int(found[1])
    finally:
        shutil.rmtree(folder)


def count():
    """{path: instructions}, without those of starting and ending."""
    return {path: (_collect(path, 2 * n) - _collect(path, n)) // n for path, n in TIMES.items()}


def complaints(recorded, counted):
    """What has become more than a tenth dearer, for people."""
    return [f"{PATHS[path]}: {counted[path]:,} instructions, recorded are {recorded[path]:,} "
            f"({100 * (counted[path] / recorded[path] - 1):+.1f} %)"
            for path in PATHS if counted[path] > recorded[path] * (1 + RISE_MAX)]


def record():
    counts = count()
    RECORD.write_text(json.dumps({"instructions": counts, "versions": versions()}, indent=2)
                      + "\n", encoding="utf-8")
    for path, n in counts.items():
        print(f"bench: {PATHS[path]}: {n:,} instructions")
    print(f"bench: recorded in {RECORD}; say in the commit why they changed")


def check():
    """Complaints; prints what it saw."""
    known = json.loads(RECORD.read_text(encoding="utf-8"))
    now = versions()
    others = [f"{name} {now[name]} (recorded: {known['versions'].get(name)})"
              for name in now if now[name] != known["versions"].get(name)]
    if others:
        print("bench: instruction counts are not compared, the versions differ: "
              + ", ".join(others))
        return []
    counts = count()
    for path, n in counts.items():
        print(f"bench: {PATHS[path]}: {n:,} instructions "
              f"({100 * (n / known['instructions'][path] - 1):+.1f} % against the recorded ones)")
    faults = complaints(known["instructions"], counts)
    if faults:
        faults.append("to accept that: make bench-instructions, and say why in the commit")
    return faults


def main():
    if sys.argv[1:] == ["--record"]:
        record()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        sys.exit("\n".join(check()) or None)


if __name__ == "__main__":
    main()
