"""Durable accepts: the order-service with a broker, at full speed and at fixed
rates. The consumers come now and then, before the topics overflow, and at the
end, so that the whole shop can be audited."""

from statistics import mean

from ceilings import noop
from figures import ratio
from load import closed_loop, open_loop
from progress import Progress, drain
from shop import CONSUMERS, PATIENCE_S, Shop, wait_for
from targets import CONNECTIONS, OPEN_RATES

WARM_UP_S = 1
# What comes at full speed in one point must find room in the embedded broker.
PARTITIONS = 16
# In new-order-topic, with what the logging-service is behind in the topic of log
# actions while the inventory-service catches up; and in that topic, when all
# services have logged: 2,100 bytes, and some for what frames them.
ORDER_BYTES = 900
ACTIONS_BYTES = 2300
# One customer who waits for each answer gets fewer than this; and how much faster
# than before the next point may be.
RATE_OF_ONE = 5000
FASTER = 1.3


def topics_hold(shop, n_orders, bytes_an_order=ACTIONS_BYTES):
    """Does the broker still have every record? Laws about topics cannot be
    checked on what has gone."""
    return n_orders < shop.broker.room_for(bytes_an_order)


def finish(shop):
    """Lets the consumers do their part, one after the other: two at a time write log
    actions faster than the logging-service takes them out of their topic."""
    for service in ("logging", "inventory", "notification"):
        if service not in shop.processes:
            shop.start(service)
        if service == "logging":
            wait_for("logging-service has caught up",
                     lambda: (now := Progress(shop)).handled["logging"] >= now.accepted,
                     PATIENCE_S)
        if service == "inventory":
            wait_for("inventory-service has caught up",
                     lambda: (now := Progress(shop)).backlog == 0
                     and now.handled["inventory"] >= now.accepted, PATIENCE_S)
    return drain(shop)


def whole_seconds(wanted, rate, room):
    """How many, 1 at least, such a rate fits into the room."""
    while wanted > 1 and wanted * rate > room:
        wanted -= 1
    return wanted


class Customers:
    """Orders for an order-service that is alone, as long as the broker has room."""

    def __init__(self, shop):
        self.shop = shop
        self.fastest = 0  # orders a second so far
        self.n_waiting = 0  # in the topic, for the consumers

    def _make_room(self, n_orders):
        if self.n_waiting + n_orders <= self.shop.broker.room_for(ORDER_BYTES):
            return
        finish(self.shop)
        self.shop.stop(*CONSUMERS)
        self.shop.n_settled += Progress(self.shop).accepted
        self.n_waiting = 0

    def as_fast_as_they_can(self, connections, seconds, prefix):
        """For so many seconds at most."""
        expected = min(RATE_OF_ONE * connections, FASTER * self.fastest)
        seconds = whole_seconds(seconds, expected, self.shop.broker.room_for(ORDER_BYTES))
        self._make_room(expected * seconds)
        result = closed_loop(self.shop.ports["order"], connections, seconds, prefix)
        self.fastest = max(self.fastest, result["rate"])
        self.n_waiting += result["requests"]
        return result

    def at_rate(self, rate, seconds, prefix):
        self._make_room(rate * seconds)
        self.n_waiting += rate * seconds
        return open_loop(self.shop.ports["order"], rate, seconds, prefix)


def _at_full_speed(customers, form):
    figures = {}
    for n in CONNECTIONS:
        result = customers.as_fast_as_they_can(n, form.point_s, f"C{n}")
        figures[f"accepts_{n}"] = result["rate"]
        for share in ("p50", "p99", "p999"):
            figures[f"accepts_{share}_ms_{n}"] = result[f"{share}_ms"]
    return figures


def _at_rates(customers, form):
    figures = {}
    for rate in OPEN_RATES:
        result = customers.at_rate(rate, form.point_s, f"O{rate}")
        for share in ("p50", "p99", "p999"):
            figures[f"open_{share}_ms_{rate}"] = result[f"{share}_ms"]
    return figures


def measure(folder, form):
    """With its ceiling before and behind it: the machine's pace changes."""
    with Shop(folder, PARTITIONS) as shop:
        shop.start("order")
        customers = Customers(shop)
        customers.as_fast_as_they_can(64, WARM_UP_S, "WARM")
        before = noop(folder, 128, form.point_s)
        figures = _at_full_speed(customers, form)
        figures["noop_128"] = mean([before, noop(folder, 128, form.point_s)])
        figures["accepts_of_noop_128"] = ratio(figures["accepts_128"], figures["noop_128"])
        figures |= _at_rates(customers, form)
        n_orders = shop.n_settled + finish(shop).accepted
        shop.stop(*shop.processes)
        shop.audit(with_broker=topics_hold(shop, n_orders))
        return figures
