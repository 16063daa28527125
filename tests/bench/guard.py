#!/usr/bin/python3
"""The short form that every commit must pass: ratios and instruction counts.

usage: guard.py

Durable accepts against the no-op POST, and the records that the chain delivers
against librdkafka alone, each measured in turn. The best of some rounds must
reach a floor (targets.py); on a busy machine more rounds are tried, up to
a bound. Then the instruction counts (instructions.py).
"""

import shutil
import signal
import sys
import tempfile
import time

import accepts
import ceilings
import instructions
from figures import ratio
from load import closed_loop
from progress import drain
from shop import BENCH_BIN, SERVICES_OF_A_SHOP, BenchError, Shop
from targets import GUARD_FLOORS

ROUNDS_MAX = 5
CONNECTIONS = 64
SECONDS = 1
KAFKA_RECORDS = 100_000
GUARDED = {"accepts_of_noop_128": "durable accepts of the no-op's rate",
           "deliveries_of_kafka": "records that the chain delivers of librdkafka's alone"}


def is_reached(best):
    return all(best[name] >= GUARD_FLOORS[name] for name in GUARDED)


def measure_accepts(folder):
    """The order-service alone, as in the bench: the chain has a load of its own."""
    noop = ceilings.noop(folder, CONNECTIONS, SECONDS)
    with Shop(folder, accepts.PARTITIONS) as shop:
        shop.start("order")
        port = shop.ports["order"]
        closed_loop(port, CONNECTIONS, SECONDS, "WARM")
        return ratio(closed_loop(port, CONNECTIONS, SECONDS, "GUARD")["rate"], noop)


def measure_chain(folder):
    kafka = ceilings.kafka(folder, KAFKA_RECORDS)
    with Shop(folder) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        closed_loop(shop.ports["order"], CONNECTIONS, SECONDS, "WARM")
        before = drain(shop).deliveries()
        began = time.monotonic()
        closed_loop(shop.ports["order"], CONNECTIONS, SECONDS, "GUARD")
        end = drain(shop)
        shop.stop(*SERVICES_OF_A_SHOP)
        shop.audit(with_broker=accepts.topics_hold(shop, end.accepted))
        return ratio((end.deliveries() - before) / (end.at - began), kafka)


def measure_ratios(folder):
    """The best of each ratio, over as many rounds as it takes."""
    best = dict.fromkeys(GUARDED, 0.0)
    for i in range(ROUNDS_MAX):
        now = {"accepts_of_noop_128": measure_accepts(folder),
               "deliveries_of_kafka": measure_chain(folder)}
        best = {name: max(best[name], now[name]) for name in GUARDED}
        print(f"bench: round {i + 1}: " + ", ".join(
            f"{label} {now[name]:.2f} (at least {GUARD_FLOORS[name]:.2f})"
            for name, label in GUARDED.items()), flush=True)
        if is_reached(best):
            break
    return best


def run(folder):
    best = measure_ratios(folder)
    faults = [f"{label}: {best[name]:.2f} in the best of {ROUNDS_MAX} rounds, must be "
              f"{GUARD_FLOORS[name]:.2f}"
              for name, label in GUARDED.items() if best[name] < GUARD_FLOORS[name]]
    return faults + instructions.check()


def main():
    if sys.argv[1:]:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="guard-", dir=BENCH_BIN)
    try:
        faults = run(folder)
    except BenchError as error:
        faults = [str(error)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if faults:
        sys.exit("bench-guard FAILED:\n  " + "\n  ".join(faults))
    print("bench-guard passed")


if __name__ == "__main__":
    main()
