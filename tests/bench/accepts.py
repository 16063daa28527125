"""Durable accepts: the order-service with a broker, at full speed and at fixed
rates. The consumers come afterwards, so that the whole shop can be audited."""

from statistics import mean

from ceilings import noop
from figures import ratio
from load import closed_loop, open_loop
from progress import drain
from shop import CONSUMERS, Shop
from targets import CONNECTIONS, OPEN_RATES

PARTITIONS = 128
WARM_UP_S = 1
# The embedded broker keeps 5 MiB a partition; an order leaves some 2 kB in the
# topic of log actions. Laws about topics cannot be checked on what has gone.
BYTES_AN_ORDER = 2500
PARTITION_BYTES = 5 * 2**20


def topics_hold(shop, n_orders):
    """Does the broker still have every record?"""
    kept = shop.broker.partitions * PARTITION_BYTES * 0.7
    return not shop.broker.is_embedded or n_orders * BYTES_AN_ORDER < kept


def _at_full_speed(port, form):
    figures = {}
    for n in CONNECTIONS:
        result = closed_loop(port, n, form.point_s, f"C{n}")
        figures[f"accepts_{n}"] = result["rate"]
        for share in ("p50", "p99", "p999"):
            figures[f"accepts_{share}_ms_{n}"] = result[f"{share}_ms"]
    return figures


def _at_rates(port, form):
    figures = {}
    for rate in OPEN_RATES:
        result = open_loop(port, rate, form.point_s, f"O{rate}")
        for share in ("p50", "p99", "p999"):
            figures[f"open_{share}_ms_{rate}"] = result[f"{share}_ms"]
    return figures


def finish(shop):
    """Lets the consumers do their part, and audits."""
    shop.start(*(service for service in CONSUMERS if service not in shop.processes))
    end = drain(shop)
    shop.stop(*shop.processes)
    shop.audit(with_broker=topics_hold(shop, end.accepted))


def measure(folder, form):
    """With its ceiling before and behind it: the machine's pace changes."""
    with Shop(folder, PARTITIONS) as shop:
        shop.start("order")
        port = shop.ports["order"]
        closed_loop(port, 64, WARM_UP_S, "WARM")
        before = noop(folder, 128, form.point_s)
        figures = _at_full_speed(port, form)
        figures["noop_128"] = mean([before, noop(folder, 128, form.point_s)])
        figures["accepts_of_noop_128"] = ratio(figures["accepts_128"], figures["noop_128"])
        figures |= _at_rates(port, form)
        finish(shop)
        return figures
