"""Catching up: a backlog in the topic, drained by one cold consumer after the other."""

import os
from math import ceil

from accepts import finish, topics_hold
from load import closed_loop, open_loop
from progress import Progress
from shop import PARTITION_BYTES, PARTITIONS, PATIENCE_S, SURE_SHARE, Shop, wait_for
from targets import CONNECTIONS

# The embedded broker answers with one batch of a partition at a time, which it looks
# for from the oldest on. So its backlog is sent in large batches, compressed: a quarter
# of the partitions keeps it, in a fraction of the batches.
EMBEDDED_PROPERTIES = {"compression.type": "lz4", "linger.ms": "20"}
# The log actions of an order, so sent; 24 partitions held those of 200,000 orders,
# 20 did not.
ACTIONS_BYTES = 520
LINES_AN_ORDER = 2
BURST_S = 1
# No burst has more than that.
BURST_MAX = 60_000
REST_RATE = 10_000


def partitions_needed(n_orders):
    """So many that the embedded broker keeps everything until it is read."""
    return ceil(n_orders * ACTIONS_BYTES / (PARTITION_BYTES * SURE_SHARE))


def wait_until_published(shop):
    return wait_for("the backlog is published",
                    lambda: (now := Progress(shop)).backlog == 0 and now, PATIENCE_S, 0.05)


def fill(shop, n_orders):
    """Orders in the topic, BURST_MAX at least."""
    batch = 0
    while Progress(shop).accepted + BURST_MAX <= n_orders:
        closed_loop(shop.ports["order"], CONNECTIONS[3], BURST_S, f"B{batch}")
        batch += 1
    end = wait_until_published(shop)
    n_missing = n_orders - end.accepted
    if n_missing > 0:
        open_loop(shop.ports["order"], REST_RATE, n_missing / REST_RATE, "REST")
        wait_until_published(shop)


def drain_by(shop, service, expected):
    """Records a second, from the first that was handled to the last. What it
    does before that, joining its group, is seconds of Kafka's own."""
    shop.start(service)
    first = wait_for(f"{service} begins",
                     lambda: (now := Progress(shop)).handled[service] > 0 and now, PATIENCE_S,
                     0.002)
    last = wait_for(f"{service} has caught up",
                    lambda: (now := Progress(shop)).handled[service] >= expected(now) and now,
                    PATIENCE_S, 0.02)
    n_records = last.handled[service] - first.handled[service]
    return n_records / (last.at - first.at) if n_records else 0.0


def measure(folder, form):
    is_kafka = "KAFKA_BROKERS" in os.environ
    partitions = PARTITIONS if is_kafka else partitions_needed(form.backlog_orders)
    properties = {} if is_kafka else EMBEDDED_PROPERTIES
    with Shop(folder, partitions, properties=properties) as shop:
        shop.start("order")
        fill(shop, form.backlog_orders)
        accepted = Progress(shop).accepted
        figures = {"catch_up_inventory": drain_by(shop, "inventory", lambda _: accepted)}
        wait_for("inventory-service has published", lambda: Progress(shop).backlog == 0, PATIENCE_S)
        published = Progress(shop).published
        # An order makes two events; each of its lines an action; a product that
        # is empty a report and an action.
        n_empty = (published - accepted * (2 + LINES_AN_ORDER)) / 2
        figures["catch_up_notification"] = drain_by(shop, "notification",
                                                    lambda _: accepted + n_empty)
        wait_for("notification-service has published", lambda: Progress(shop).backlog == 0,
                 PATIENCE_S)
        n_actions = Progress(shop).published - accepted - n_empty
        figures["catch_up_logging"] = drain_by(shop, "logging", lambda _: n_actions)
        finish(shop)
        shop.stop(*shop.processes)
        shop.audit(with_broker=topics_hold(shop, accepted, ACTIONS_BYTES))
        return figures
