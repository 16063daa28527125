"""The whole chain: how many orders a second go through all four services, and
how long one takes."""

import sqlite3
import time
from collections import namedtuple

from accepts import ACTIONS_BYTES, topics_hold
from figures import percentile, ratio
from load import closed_loop, open_loop
from progress import Progress, drain
from shop import DATABASES, SERVICES_OF_A_SHOP, BenchError, Shop
from targets import CHAIN_RATES

# A rate is held when no order is accepted later than this behind its time, and what is
# on its way at the end is done within this time.
HELD_S = 1.0
STEP = 0.95
# Of a burst's rate: the search begins above what is held, for such a hold ends early.
GUESS = 1.1
TRIES = 20
# A hold ends early when more is on its way than comes in this time, or than this
# share of what the broker has room for: what finds none is lost, and the fullest
# partition was seen to have 1.5 times its share. For the same reason customers
# order as fast as they can for no longer than this.
BEHIND_MAX_S = 3
ROOM_SHARE = 0.5
SATURATE_S = 1
# So long comes at a rate before its latencies count: connections are made, caches and
# batches find their size.
WARM_UP_S = 2
# The embedded broker looks for a record from the oldest batch of its partition on, so
# its own part of a latency, and of the processor time of an order, grows with what was
# sent before, and with about the square of the number of partitions (an order cost it
# 24 us with 8, 13 with 4). Each rate has a shop of its own for that, with so few
# partitions as still have room for what the log may be behind.
FEW_PARTITIONS = 4

# orders a second; records that consumers handled a second; {service: its memory}
Held = namedtuple("Held", "rate deliveries memory")

STEP_QUERIES = {
    "stock": ("inventory", "SELECT order_id, max(moved_ms) FROM movements"
                           " WHERE order_id GLOB ? GROUP BY order_id"),
    "notified": ("notification", "SELECT order_id, max(sent_ms) FROM notifications"
                                 " WHERE kind = 'order' AND order_id GLOB ? GROUP BY order_id"),
    "logged": ("logging", "SELECT order_id, max(logged_ms) FROM actions"
                          " WHERE order_id GLOB ? GROUP BY order_id"),
}
ACCEPTED_QUERY = ("order", "SELECT order_id, accepted_ms FROM orders WHERE order_id GLOB ?")


def saturate(shop, seconds, prefix):
    """Orders a second through all services, from the first order to the last
    effect, when customers order as fast as they can."""
    before = Progress(shop)
    began = time.monotonic()
    closed_loop(shop.ports["order"], 64, seconds, prefix)
    end = drain(shop)
    return (end.accepted - before.accepted) / (end.at - began)


def _send(shop, rate, seconds, prefix):
    """What the load generator says; None when it ended because too much was behind."""
    behind_max = min(BEHIND_MAX_S * rate, ROOM_SHARE * shop.broker.room_for(ACTIONS_BYTES))
    before = Progress(shop)

    def may_go_on():
        now = Progress(shop)
        due = rate * (now.at - before.at)
        return (now.n_behind() < behind_max
                and due - (now.accepted - before.accepted) < HELD_S * rate)

    return open_loop(shop.ports["order"], rate, seconds, prefix, may_go_on=may_go_on)


def hold(folder, rate, seconds):
    """Held, when the rate was; None when it was not. The shop is its own, so the
    memory is that of this rate."""
    with Shop(folder, FEW_PARTITIONS) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        _send(shop, rate, WARM_UP_S, "WARM")
        before = drain(shop)
        began = time.monotonic()
        result = _send(shop, rate, seconds, "HOLD")
        ended = time.monotonic()
        end = drain(shop)
        is_held = (result is not None and result["seconds"] < seconds + HELD_S
                   and end.at - ended < HELD_S)
        memory = shop.memory_mb()
        shop.stop(*SERVICES_OF_A_SHOP)
        shop.audit(with_broker=topics_hold(shop, end.accepted))
    deliveries = (end.deliveries() - before.deliveries()) / (end.at - began)
    return Held(rate, deliveries, memory) if is_held else None


def find_rate(folder, guess, seconds):
    """The highest rate that is held, in steps of a twentieth: a twentieth more was not."""
    rate, best, has_failed = max(100, guess), None, False
    for _ in range(TRIES):
        held = hold(folder, rate, seconds)
        best = held or best
        has_failed |= not held
        if best and has_failed:
            return best
        rate *= 1 / STEP if held else STEP
    if best:
        return best
    raise BenchError(f"no rate down to {rate:,.0f} orders a second was held for {seconds} s")


def _query(shop, query, prefix):
    service, sql = query
    database = sqlite3.connect(f"file:{shop.data / DATABASES[service]}?mode=ro", uri=True)
    try:
        return dict(database.execute(sql, (f"{prefix}-*",)))
    finally:
        database.close()


def send_for_latencies(shop, rate, seconds):
    """Sends at a rate, for the warm-up and for so long behind it; all have had their
    effects when it returns."""
    open_loop(shop.ports["order"], rate, WARM_UP_S + seconds, f"L{rate}")
    drain(shop)


def read_latencies(shop, rate):
    """Of what was sent for them, but the warm-up. From the times in the rows of the
    stopped databases, in whole milliseconds: an order's own event to the row that is
    its effect."""
    prefix = f"L{rate}"
    first = WARM_UP_S * rate
    accepted = {order: at for order, at in _query(shop, ACCEPTED_QUERY, prefix).items()
                if int(order.rsplit("-", 1)[1]) >= first}
    figures = {}
    for step, query in STEP_QUERIES.items():
        done = _query(shop, query, prefix)
        latencies = [done[order] - at for order, at in accepted.items()]
        for share in (50, 99):
            figures[f"{step}_p{share}_ms_{rate}"] = percentile(latencies, share / 100)
    return figures


def measure_latencies(folder, rate, seconds):
    with Shop(folder, FEW_PARTITIONS) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        send_for_latencies(shop, rate, seconds)
        n_orders = Progress(shop).accepted
        shop.stop(*SERVICES_OF_A_SHOP)
        figures = read_latencies(shop, rate)
        shop.audit(with_broker=topics_hold(shop, n_orders))
    return figures


def measure_burst(folder):
    """(orders a second of a burst, the memory before it)"""
    with Shop(folder) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        memory = shop.memory_mb()
        rate = saturate(shop, SATURATE_S, "SATURATE")
        n_orders = Progress(shop).accepted
        shop.stop(*SERVICES_OF_A_SHOP)
        shop.audit(with_broker=topics_hold(shop, n_orders))
    return rate, memory


def measure_capacity(folder, form, ceilings):
    """The rate that is held, and the memory that it takes."""
    burst, at_rest = measure_burst(folder)
    held = find_rate(folder, GUESS * burst, form.hold_s)
    figures = {"chain_rate": held.rate, "deliveries": held.deliveries,
               "deliveries_of_kafka": ratio(held.deliveries, ceilings["kafka"])}
    for name, rest in at_rest.items():
        figures[f"rest_rss_mb_{name}"] = rest["rss"]
        figures[f"rest_pss_mb_{name}"] = rest["pss"]
        figures[f"load_rss_mb_{name}"] = held.memory[name]["peak"]
        figures[f"load_pss_mb_{name}"] = held.memory[name]["pss"]
    return figures


def measure(folder, form, ceilings):
    figures = {}
    for rate in CHAIN_RATES:
        figures |= measure_latencies(folder, rate, form.latency_s)
    return figures | measure_capacity(folder, form, ceilings)
