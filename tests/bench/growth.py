"""Growth: is the shop as quick with millions of orders behind it? They are real
ones, which went through all services."""

import shutil
import sqlite3

from accepts import topics_hold
from chain import saturate
from figures import flatness, summarize
from load import closed_loop, look_up
from progress import drain
from shop import DATABASES, SERVICES_OF_A_SHOP, Shop

PARTITIONS = 128
BURST_S = 2
ROUNDS = 3
FIRST_ORDERS = 1000  # look-ups need some
AUDIT_MAX = 1_500_000  # the audit's memory and time grow with the orders: 2 GB, 5 minutes
LOOK_UPS = (
    ("order", "/orders/FILL-%d"),
    ("order", "/orders?customerId=CUSTOMER-7&limit=20&after=%d"),
    ("inventory", "/movements?orderId=FILL-%d"),
    ("notification", "/notifications?orderId=FILL-%d"),
    ("logging", "/actions?orderId=FILL-%d"),
)


class Growth:
    """One shop that grows."""

    def __init__(self, shop, form):
        self.shop, self.form = shop, form
        self.n_orders = 0  # FILL-0 to this one, with few gaps
        self.n_measured = 0

    def restart(self):
        self.shop.stop(*self.shop.processes)
        self.shop.start(*SERVICES_OF_A_SHOP)

    def fill(self, size):
        """Bursts, each drained, so that nothing falls out of the broker."""
        while self.n_orders < size:
            result = closed_loop(self.shop.ports["order"], 64, BURST_S, "FILL", self.n_orders)
            self.n_orders += result["requests"] + 64  # those on their way at the end
            drain(self.shop)

    def n_stored(self):
        """All orders, those of the measurements too."""
        database = sqlite3.connect(f"file:{self.shop.data / DATABASES['order']}?mode=ro", uri=True)
        try:
            return database.execute("SELECT max(seq) FROM orders").fetchone()[0]
        finally:
            database.close()

    def files_mb(self):
        return sum(path.stat().st_size for path in self.shop.data.iterdir()) / 1e6

    def has_room_for(self, size):
        needed = self.files_mb() * 1e6 * size / self.n_stored() * 1.1
        return needed < shutil.disk_usage(self.shop.data).free

    def look_ups(self):
        """The slowest of them decides: each must stay quick."""
        return min(look_up(self.shop.ports[service], pattern, self.n_orders, 1)
                   for service, pattern in LOOK_UPS)

    def take(self, prefix):
        """One round at this size."""
        result = closed_loop(self.shop.ports["order"], 64, self.form.point_s, f"{prefix}-ACCEPT")
        drain(self.shop)
        return {"accepts": result["rate"],
                "chain": saturate(self.shop, self.form.point_s, f"{prefix}-CHAIN"),
                "lookups": self.look_ups()}

    def measure(self):
        self.restart()
        prefix = f"G{self.n_measured}"
        self.n_measured += 1
        saturate(self.shop, 1, f"{prefix}-WARM")
        rounds = [{"counts": True, "figures": self.take(f"{prefix}-{i}")} for i in range(ROUNDS)]
        figures = {name: row["median"] for name, row in summarize(rounds).items()}
        figures["rss_mb"] = sum(memory["rss"] for name, memory in self.shop.memory_mb().items()
                                if name != "broker")
        figures["files_mb"] = self.files_mb()
        return figures


def measure(folder, form):
    by_size = {}
    with Shop(folder, PARTITIONS) as shop:
        shop.start(*SERVICES_OF_A_SHOP)
        growth = Growth(shop, form)
        growth.fill(FIRST_ORDERS)
        for size in form.growth_sizes:
            if not growth.has_room_for(size):
                print(f"bench: growth: no room on the disk for {size:,} orders, left out")
                continue
            growth.fill(size)
            by_size[size] = growth.measure()
        n_stored = growth.n_stored()
        shop.stop(*SERVICES_OF_A_SHOP)
        if n_stored <= AUDIT_MAX:
            shop.audit(with_broker=topics_hold(shop, n_stored))
    figures = {f"growth_{name}_{size}": value
               for size, of_size in by_size.items() for name, value in of_size.items()}
    for name in ("accepts", "chain", "lookups"):
        figures[f"growth_{name}_loss"] = flatness(
            {size: of_size[name] for size, of_size in by_size.items()})
    return figures
