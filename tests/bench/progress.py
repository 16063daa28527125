"""How far a shop has come, by the services' own metrics."""

import time

from shop import CONSUMERS, wait_for


class Progress:
    """A reading of all counters that matter, at one moment."""

    def __init__(self, shop):
        self.at = time.monotonic()
        topics = shop.settings
        new_order = topics.get("TOPIC_NEW_ORDER", "new-order-topic")
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
        self.n_notified = self.handled["notification"] - self.n_empty
        self.new_order = new_order

    def is_drained(self):
        """Every accepted order has had all its effects, and all of them are logged."""
        return (self.backlog == 0 and self.handled["inventory"] >= self.accepted
                and self.n_notified >= self.accepted
                and self.handled["logging"] >= self.published - self.accepted - self.n_empty)

    def deliveries(self):
        return sum(self.handled.values())


def drain(shop, timeout_s=900):
    """Waits until the shop is drained; the reading that said so. The services
    must have run since the shop was empty."""
    return wait_for("the shop is drained",
                    lambda: (now := Progress(shop)).is_drained() and now, timeout_s, 0.05)
