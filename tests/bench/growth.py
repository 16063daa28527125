"""Growth: is the shop as quick with millions of orders behind it? They are real
ones, which went through all services. Sent events are forgotten at once, as a shop
that has run for longer than OUTBOX_RETENTION_HOURS forgets as many as it sends;
orders, movements, notifications and the journal stay.

Each size is measured with an embedded broker of its own: a fuller one takes longer
for an order, which must not be taken for the databases' growth."""

import shutil
import sqlite3
import time

from chain import SATURATE_S, saturate
from figures import flatness, summarize
from load import closed_loop, look_up
from progress import drain
from shop import DATABASES, SERVICES_OF_A_SHOP, Shop
from targets import GROWTH, RECENT_ORDERS

SETTINGS = {"OUTBOX_RETENTION_HOURS": "0", "INBOX_RETENTION_HOURS": "1"}
BURST_S = 1  # no more: what the consumers have not read must stay in the broker
SAY_S = 20
ROUNDS = 3
FIRST_ORDERS = 1000  # look-ups need some
AUDIT_MAX = 1_500_000  # an audit takes minutes for each million
LOOK_UPS = (
    ("order", "/orders/FILL-%d"),
    ("order", "/orders?customerId=CUSTOMER-7&limit=20&after=%d"),
    ("inventory", "/movements?orderId=FILL-%d"),
    ("notification", "/notifications?orderId=FILL-%d"),
    ("logging", "/actions?orderId=FILL-%d"),
)


class Filling:
    """Says from time to time how far it is."""

    def __init__(self, n_orders, size):
        self.n_first, self.size = n_orders, size
        self.began = self.said = time.monotonic()

    def say(self, n_orders):
        now = time.monotonic()
        if now < self.said + SAY_S:
            return
        self.said = now
        rate = (n_orders - self.n_first) / (now - self.began)
        left_s = max(0, self.size - n_orders) / rate
        print(f"bench: growth: {n_orders:,} of {self.size:,} orders, {rate:,.0f}/s, "
              f"{left_s / 60:.1f} minutes left", flush=True)


class Growth:
    """One shop that grows."""

    def __init__(self, shop, form):
        self.shop, self.form = shop, form
        self.n_orders = 0  # FILL-0 to this one, with few gaps
        self.n_measured = 0

    def restart(self):
        self.shop.stop(*self.shop.processes)
        self.shop.renew_broker()
        self.shop.start(*SERVICES_OF_A_SHOP)

    def fill(self, size):
        """Bursts, each drained, so that nothing falls out of the broker."""
        filling = Filling(self.n_orders, size)
        while self.n_orders < size:
            result = closed_loop(self.shop.ports["order"], 64, BURST_S, "FILL", self.n_orders)
            self.n_orders += result["requests"] + 64  # those on their way at the end
            drain(self.shop)
            filling.say(self.n_orders)

    def n_stored(self):
        """All orders, those of the measurements too."""
        database = sqlite3.connect(f"file:{self.shop.data / DATABASES['order']}?mode=ro", uri=True)
        try:
            return database.execute("SELECT max(seq) FROM orders").fetchone()[0]
        finally:
            database.close()

    def files_bytes(self):
        return sum(path.stat().st_size for path in self.shop.data.iterdir())

    def has_room_for(self, size):
        n_stored = self.n_stored()
        needed = self.files_bytes() / n_stored * max(0, size - n_stored) * 1.1
        return needed < shutil.disk_usage(self.shop.data).free

    def look_ups(self, n_last):
        """Of so many orders, the last of FILL. The slowest of them decides: each must
        stay quick."""
        return min(look_up(self.shop.ports[service], pattern, self.n_orders - n_last, n_last, 1)
                   for service, pattern in LOOK_UPS)

    def take(self, prefix):
        """One round at this size."""
        result = closed_loop(self.shop.ports["order"], 64, self.form.point_s, f"{prefix}-ACCEPT")
        drain(self.shop)
        return {"accepts": result["rate"],
                "chain": saturate(self.shop, SATURATE_S, f"{prefix}-CHAIN"),
                "recent": self.look_ups(RECENT_ORDERS),
                "lookups": self.look_ups(self.n_orders)}

    def measure(self):
        self.restart()
        prefix = f"G{self.n_measured}"
        self.n_measured += 1
        saturate(self.shop, SATURATE_S, f"{prefix}-WARM")
        rounds = [{"counts": True, "figures": self.take(f"{prefix}-{i}")} for i in range(ROUNDS)]
        figures = {name: row["median"] for name, row in summarize(rounds).items()}
        figures["rss_mb"] = sum(memory["rss"] for name, memory in self.shop.memory_mb().items()
                                if name != "broker")
        figures["files_mb"] = self.files_bytes() / 1e6
        figures["kb_an_order"] = self.files_bytes() / 1e3 / self.n_stored()
        return figures


def measure(folder, form):
    by_size = {}
    with Shop(folder, settings=SETTINGS) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        growth = Growth(shop, form)
        growth.fill(FIRST_ORDERS)
        for size in form.growth_sizes:
            if not growth.has_room_for(size):
                print(f"bench: growth: no room on the disk for {size:,} orders, left out")
                continue
            growth.fill(size)
            by_size[size] = growth.measure()
            if growth.n_stored() <= AUDIT_MAX:
                shop.audit(with_broker=False)
        shop.stop(*SERVICES_OF_A_SHOP)
    figures = {f"growth_{name}_{size}": value
               for size, of_size in by_size.items() for name, value in of_size.items()}
    for name, _ in GROWTH:
        figures[f"growth_{name}_loss"] = flatness(
            {size: of_size[name] for size, of_size in by_size.items()})
    return figures
