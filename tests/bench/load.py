"""The load generators: wrk for as many orders as it can, open_loop for a rate."""

import json
from pathlib import Path

from shop import BENCH_BIN, BenchError, run_program

HERE = Path(__file__).resolve().parent
OPEN_CONNECTIONS = 64
MISSES_MAX = 0.05


def closed_loop(port, connections, seconds, prefix, first=0):
    """As fast as `connections` customers can who each wait for the answer, for
    whole seconds; the orders are PREFIX-FIRST and those behind it.
    {"rate", "p50_ms", "p99_ms", "p999_ms", "requests", …}"""
    output = run_program(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
                          "-s", HERE / "accept.lua", f"http://127.0.0.1:{port}/", "--", prefix, first])
    return _checked(json.loads(output.splitlines()[-1]), f"wrk with {connections} connections")


def open_loop(port, rate, seconds, prefix, **options):
    """At a rate; latencies run from when an order was meant to be sent. None when it
    might not go on (`options` are those of run_program)."""
    output = run_program([BENCH_BIN / "open_loop", port, int(rate), f"{seconds:g}",
                          OPEN_CONNECTIONS, prefix], **options)
    return output and _checked(json.loads(output), f"{rate:,.0f} orders a second")


def _checked(result, what):
    if result["refused"] or result["failed"]:
        raise BenchError(f"{what}: {result['refused']} orders were refused and "
                         f"{result['failed']} not answered")
    result["rate"] = result["requests"] / result["seconds"]
    return result


def look_up(port, pattern, first, count, seconds):
    """Requests a second for pages of existing orders; `pattern` has one %d, which is
    drawn from the `count` numbers that begin with `first`."""
    output = run_program(["wrk", "-t1", "-c8", f"-d{seconds}s", "-s", HERE / "look_up.lua",
                          f"http://127.0.0.1:{port}/", "--", pattern, first, count])
    result = json.loads(output.splitlines()[-1])
    if result["failed"] or result["refused"] > result["requests"] * MISSES_MAX:
        raise BenchError(f"look-ups of {pattern}: {result['refused']} of {result['requests']} "
                         f"found nothing, {result['failed']} were not answered")
    return result["requests"] / result["seconds"]
