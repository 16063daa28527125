"""What HTTP, SQLite and Kafka can do here by themselves, each with our own use of it.
Their files stay, as a shop's do."""

import tempfile
from pathlib import Path

from load import closed_loop
from shop import BENCH_BIN, Broker, Process, run_program

WARM_UP_S = 1


def noop(folder, connections, seconds):
    """Requests a second that are answered 201 at once."""
    server = Process([BENCH_BIN / "noop_server"], Path(folder) / "noop")
    try:
        port = server.find(server.out, r"^(\d+)$")
        closed_loop(port, connections, WARM_UP_S, "WARM")
        return closed_loop(port, connections, seconds, "NOOP")["rate"]
    finally:
        server.stop()
        server.out.unlink()


def store(folder, seconds):
    """Orders a second that are stored with their events, 128 a transaction."""
    own = tempfile.mkdtemp(dir=folder)
    return float(run_program([BENCH_BIN / "store_ceiling", own, seconds]))


def kafka(folder, records):
    """Records a second from a producer through the broker to a consumer."""
    own = Path(tempfile.mkdtemp(prefix="ceiling-", dir=folder))
    broker = Broker(own)
    topic = "new-logging-action-topic" if broker.is_embedded else own.name
    try:
        return float(run_program([BENCH_BIN / "kafka_ceiling", broker.address, topic,
                                  broker.partitions, records]))
    finally:
        broker.stop()
        broker.drop_topics(own.name)


def measure(folder, form):
    return {
        "store": store(folder, form.point_s),
        "kafka": kafka(folder, form.kafka_records),
    }
