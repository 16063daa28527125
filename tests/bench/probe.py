"""Was the machine fit for a measurement? fdatasync must be quick, and the host
must not take the processor away."""

import os
import time
from pathlib import Path

from figures import percentile

SYNCS = 200
SYNC_P99_MAX_MS = 1.0
STEAL_MAX = 0.03
# What was removed before may keep the disk busy for a while: so long it is waited for.
SETTLE_S = 40
SETTLE_PAUSE_S = 1


def sync_p99_ms(folder):
    """p99 of writing a page and syncing it, in milliseconds."""
    path = Path(folder) / "probe"
    times = []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for i in range(SYNCS):
            began = time.perf_counter()
            os.pwrite(fd, b"\0" * 4096, 4096 * i)
            os.fdatasync(fd)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(fd)
        path.unlink()
    return percentile(times, 0.99)


def settled_sync_p99_ms(folder):
    """As soon as it is good, or the last one."""
    deadline = time.monotonic() + SETTLE_S
    p99 = sync_p99_ms(folder)
    while p99 > SYNC_P99_MAX_MS and time.monotonic() < deadline:
        time.sleep(SETTLE_PAUSE_S)
        p99 = sync_p99_ms(folder)
    return p99


def _processor_times():
    with open("/proc/stat", encoding="ascii") as stat:
        return [int(field) for field in stat.readline().split()[1:9]]


class Probe:
    """From its making to `verdict`."""

    def __init__(self, folder):
        self.folder = folder
        self.sync_before_ms = settled_sync_p99_ms(folder)
        self.began = _processor_times()

    def verdict(self):
        """{"counts", "steal", "sync_p99_ms"}: the worse of before and after. To be taken
        before the files of what was measured are removed."""
        spent = [now - then for now, then in zip(_processor_times(), self.began)]
        steal = spent[7] / max(1, sum(spent))
        sync = max(self.sync_before_ms, sync_p99_ms(self.folder))
        return {
            "counts": bool(sync <= SYNC_P99_MAX_MS and steal <= STEAL_MAX),
            "steal": steal,
            "sync_p99_ms": sync,
        }


def machine():
    """What the figures were made on, without its name."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory_gb:.0f} GB"
