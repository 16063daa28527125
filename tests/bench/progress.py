"""How far a shop has come, by the services' own metrics."""

import time

from shop import CONSUMERS, BenchError

PAUSE_S = 0.05
STILL_S = 60


class Progress:
    """A reading of all counters that matter, at one moment."""

    def __init__(self, shop):
        self.at = time.monotonic()
        topics = shop.settings
        empty = topics.get("TOPIC_INVENTORY_EMPTY", "inventory-empty-topic")
        self.accepted = self.published = self.backlog = 0
        self.handled = {service: 0 for service in CONSUMERS}
        self.n_empty = 0
        for service in shop.processes:
            metrics = shop.metrics(service)
            self.accepted += metrics.get('orderflow_orders_total{result="accepted"}', 0)
            self.published += metrics.get("orderflow_events_published_total", 0)
            self.backlog += metrics.get("orderflow_outbox_backlog_events", 0)
            for name, value in metrics.items():
                if name.startswith("orderflow_events_handled_total") and service in CONSUMERS:
                    self.handled[service] += value
                    if service == "notification" and f'"{empty}"' in name:
                        self.n_empty = value
        # An order makes two events of the order-service.
        self.accepted -= shop.n_settled
        self.published -= 2 * shop.n_settled
        self.n_notified = self.handled["notification"] - self.n_empty

    def is_drained(self):
        """Every accepted order has had all its effects, and all of them are logged."""
        return (self.backlog == 0 and self.handled["inventory"] >= self.accepted
                and self.n_notified >= self.accepted
                and self.handled["logging"] >= self.n_actions())

    def n_actions(self):
        """What the logging-service is to handle."""
        return self.published - self.accepted - self.n_empty

    def n_behind(self):
        """Orders that a consumer has not handled yet; of the logging-service's, all
        have the same number of actions."""
        n_logged = self.accepted * self.handled["logging"] / max(1, self.n_actions())
        return self.accepted - min(self.handled["inventory"], self.n_notified, n_logged)

    def deliveries(self):
        return sum(self.handled.values())

    def describe(self):
        return (f"{self.accepted:,.0f} orders accepted, {self.backlog:,.0f} events not published; "
                f"handled: {self.handled['inventory']:,.0f} orders by inventory-service, "
                f"{self.n_notified:,.0f} by notification-service, and of "
                f"{self.n_actions():,.0f} log actions "
                f"{self.handled['logging']:,.0f}")


def drain(shop, still_s=STILL_S):
    """Waits until the shop is drained; the reading that said so. The consumers must
    have run since it was empty. Where nothing moves any more, records are lost."""
    last = now = Progress(shop)
    while not now.is_drained():
        if now.deliveries() > last.deliveries() or now.published > last.published:
            last = now
        elif now.at - last.at > still_s:
            raise BenchError(f"nothing was handled for {still_s} s, so the broker has lost records "
                             f"(too many for its partitions?): {now.describe()}")
        time.sleep(PAUSE_S)
        now = Progress(shop)
    return now
