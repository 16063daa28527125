"""The whole chain: how many orders a second go through all four services, and
how long one takes."""

import sqlite3
import time

from accepts import ACTIONS_BYTES, topics_hold
from figures import percentile, ratio
from load import closed_loop, open_loop
from progress import Progress, drain
from shop import DATABASES, SERVICES_OF_A_SHOP, BenchError, Shop
from targets import CHAIN_RATES

# A rate is held when what is on its way at the end is done within this time.
HELD_S = 1.0
STEP = 0.9
TRIES = 10
# A hold ends early when more is on its way than comes in this time, or than this
# share of what the broker has room for: what finds none is lost, and the fullest
# partition was seen to have 1.5 times its share. For the same reason customers
# order as fast as they can for no longer than this.
BEHIND_MAX_S = 3
ROOM_SHARE = 0.5
SATURATE_S = 1
# Of each rate the first part is left out: caches and batches find their size.
WARM_UP_SHARE = 0.2

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


def hold(shop, rate, seconds, prefix):
    """(is held, deliveries a second)"""
    behind_max = min(BEHIND_MAX_S * rate, ROOM_SHARE * shop.broker.room_for(ACTIONS_BYTES))
    before = Progress(shop)
    began = time.monotonic()
    result = open_loop(shop.ports["order"], rate, seconds, prefix,
                       may_go_on=lambda: Progress(shop).n_behind() < behind_max)
    ended = time.monotonic()
    end = drain(shop)
    is_held = (result is not None and result["seconds"] < seconds + HELD_S
               and end.at - ended < HELD_S)
    return is_held, (end.deliveries() - before.deliveries()) / (end.at - began)


def find_rate(shop, guess, seconds):
    """The highest rate that is held, in steps of a tenth, and its deliveries a second:
    a tenth more was not held."""
    rate, best, has_failed = max(100, guess), None, False
    for attempt in range(TRIES):
        is_held, deliveries = hold(shop, rate, seconds, f"H{attempt}")
        if is_held:
            best = rate, deliveries
        has_failed |= not is_held
        if best and has_failed:
            return best
        rate *= 1 / STEP if is_held else STEP
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


def read_latencies(shop, rate, n_sent):
    """From the times in the rows of the stopped databases, in whole
    milliseconds: an order's own event to the row that is its effect."""
    prefix = f"L{rate}"
    first = n_sent * WARM_UP_SHARE
    accepted = {order: at for order, at in _query(shop, ACCEPTED_QUERY, prefix).items()
                if int(order.rsplit("-", 1)[1]) >= first}
    figures = {}
    for step, query in STEP_QUERIES.items():
        done = _query(shop, query, prefix)
        latencies = [done[order] - at for order, at in accepted.items()]
        for share in (50, 99):
            figures[f"{step}_p{share}_ms_{rate}"] = percentile(latencies, share / 100)
    return figures


def measure(folder, form, ceilings):
    figures = {}
    with Shop(folder) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        memory = {"rest": shop.memory_mb()}
        for rate in CHAIN_RATES:
            open_loop(shop.ports["order"], rate, form.latency_s, f"L{rate}")
            drain(shop)
        guess = saturate(shop, SATURATE_S, "SATURATE")
        figures["chain_rate"], figures["deliveries"] = find_rate(shop, guess, form.hold_s)
        figures["deliveries_of_kafka"] = ratio(figures["deliveries"], ceilings["kafka"])
        memory["load"] = shop.memory_mb()
        n_orders = Progress(shop).accepted
        shop.stop(*SERVICES_OF_A_SHOP)
        for rate in CHAIN_RATES:
            figures |= read_latencies(shop, rate, rate * form.latency_s)
        shop.audit(with_broker=topics_hold(shop, n_orders))
    for service, at_rest in memory["rest"].items():
        figures[f"rest_rss_mb_{service}"] = at_rest["rss"]
        figures[f"rest_pss_mb_{service}"] = at_rest["pss"]
        figures[f"load_rss_mb_{service}"] = memory["load"][service]["peak"]
        figures[f"load_pss_mb_{service}"] = memory["load"][service]["pss"]
    return figures
