#!/usr/bin/python3
"""What settings that matter to a user do to the shop's speed.

usage: settings.py

Each value is measured in turn, round after round, with the shop as it is before
and behind them all; a figure's change is that within its round, and the table
shows medians. It takes 6 minutes on two idle cores, prints the table, and writes it to
build/bench/settings.json; `bench.py --publish` puts it into README.md.
KAFKA_BROKERS: measure on that Kafka instead of the embedded broker.
`make bench-settings` builds what is needed and calls this.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import namedtuple
from statistics import mean, median

from accepts import topics_hold
from chain import read_latencies, saturate, send_for_latencies
from figures import change
from load import closed_loop
from probe import machine
from progress import drain
from report import settings_part
from shop import BENCH_BIN, PARTITIONS, SERVICES_OF_A_SHOP, BenchError, Shop
from targets import SETTINGS_COLUMNS

RESULT = BENCH_BIN / "settings.json"
ROUNDS = 3
POINT_S = 1
LATENCY_RATE, LATENCY_S = 2000, 2

Choice = namedtuple("Choice", "label partitions environment properties",
                    defaults=(PARTITIONS, {}, {}))
# The first is the shop as it is.
CHOICES = [
    Choice(f"as in `make bench`: {PARTITIONS} partitions, `linger.ms` 4, no compression, "
           "`OUTBOX_RETENTION_HOURS` 168"),
    Choice("`TOPIC_PARTITIONS` 16", partitions=16),
    Choice("`TOPIC_PARTITIONS` 64", partitions=64),
    Choice("`linger.ms` 0", properties={"linger.ms": "0"}),
    Choice("`linger.ms` 10", properties={"linger.ms": "10"}),
    Choice("`compression.type` lz4", properties={"compression.type": "lz4"}),
    Choice("`OUTBOX_RETENTION_HOURS` 0", environment={"OUTBOX_RETENTION_HOURS": "0"}),
]


def say(text):
    print(f"bench-settings: {text}", flush=True)


def open_shop(folder, choice):
    return Shop(folder, choice.partitions, choice.environment, choice.properties)


def measure_accepts(folder, choice):
    """The order-service alone; no consumer comes, so there is nothing to audit."""
    with open_shop(folder, choice) as shop:
        shop.start("order")
        port = shop.ports["order"]
        closed_loop(port, 128, POINT_S, "WARM")
        return closed_loop(port, 128, POINT_S, "ACCEPT")["rate"]


def measure_chain(folder, choice, with_audit):
    with open_shop(folder, choice) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        send_for_latencies(shop, LATENCY_RATE, LATENCY_S)
        rate = saturate(shop, POINT_S, "SATURATE")
        n_orders = drain(shop).accepted
        shop.stop(*SERVICES_OF_A_SHOP)
        latencies = read_latencies(shop, LATENCY_RATE)
        if with_audit:
            shop.audit(with_broker=topics_hold(shop, n_orders))
    return {"chain": rate} | {f"notified_{share}_ms": latencies[f"notified_{share}_ms_{LATENCY_RATE}"]
                              for share in ("p50", "p99")}


def measure_round(folder, number):
    """{label: figures}; every second round goes through them backwards."""
    found = {choice.label: [] for choice in CHOICES}
    others = CHOICES[1:] if number % 2 == 0 else CHOICES[:0:-1]
    for choice in (CHOICES[0], *others, CHOICES[0]):
        figures = {"accepts": measure_accepts(folder, choice)}
        figures |= measure_chain(folder, choice, with_audit=number == 0)
        found[choice.label].append(figures)
        say(f"round {number + 1} of {ROUNDS}: {choice.label.replace('`', '')}: "
            + ", ".join(f"{name} {value:,.0f}" for name, value in figures.items()))
    return {label: {name: mean(each[name] for each in taken) for name, _ in SETTINGS_COLUMNS}
            for label, taken in found.items()}


def summarize_settings(rounds):
    """Of rounds, [{label: figures}], whose first label is the shop as it is:
    {label: {figure: {"median", "change"}}}; the change is None for the first."""
    base = next(iter(rounds[0]))
    return {label: {name: {
        "median": median(each[label][name] for each in rounds),
        "change": None if label == base else
                  median(change(each[base][name], each[label][name]) or 0 for each in rounds),
    } for name in rounds[0][label]} for label in rounds[0]}


def run():
    began = time.monotonic()
    BENCH_BIN.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="settings-", dir=BENCH_BIN)
    try:
        rounds = []
        for i in range(ROUNDS):
            with tempfile.TemporaryDirectory(dir=folder) as folder_of_round:
                rounds.append(measure_round(folder_of_round, i))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {"minutes": (time.monotonic() - began) / 60, "machine": machine(),
              "broker": "that of KAFKA_BROKERS" if "KAFKA_BROKERS" in os.environ else "embedded",
              "rounds": rounds, "summary": summarize_settings(rounds)}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def main():
    if sys.argv[1:]:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        result = run()
    except BenchError as error:
        sys.exit(f"bench-settings: FAILED: {error}")
    except KeyboardInterrupt:
        sys.exit("bench-settings: interrupted; everything it started has ended")
    print(settings_part(result))
    say(f"{RESULT} is written; `make bench-publish` puts the table into the README")


if __name__ == "__main__":
    main()
