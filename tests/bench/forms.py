"""How much is measured: `make bench BENCH=short`, `make bench`, `make bench BENCH=full`."""

from collections import namedtuple

Form = namedtuple("Form", [
    "rounds",          # that must count, of ceilings, accepts and chain; and of catching up
    "extra_rounds",    # at most, in place of those that do not count
    "point_s",         # at full speed, for each number of connections; whole seconds
    "hold_s",          # how long the chain must hold a rate
    "latency_s",       # for each rate, behind the warm-up
    "kafka_records",   # through librdkafka alone
    "backlog_orders",  # to catch up with
    "growth_sizes",    # orders that are there already
])

# How long they take is mostly the audits' time (0.1 to 0.2 s for 1,000 orders) and that
# of filling for growth (as fast as the chain is). The orders of one point at full speed
# must find room in the broker: 2 s, no more, and 1 s on a fast machine (accepts.py).
FORMS = {
    "short": Form(1, 0, 1, 5, 3, 100_000, 60_000, (0, 100_000)),
    "normal": Form(3, 1, 1, 10, 5, 300_000, 200_000, (0, 300_000)),
    "full": Form(5, 3, 2, 60, 10, 500_000, 200_000, (0, 1_000_000, 10_000_000)),
}
