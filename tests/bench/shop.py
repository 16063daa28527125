"""A shop to measure: a broker and the services, in a folder of their own, all
of which end with this process."""

import ctypes
import http.client
import math
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

BIN = Path(os.environ.get("BIN_DIR", "build/bin"))
BENCH_BIN = BIN.parent / "bench"
CATALOGUE = "tests/bench/catalogue.json"
READY_S = 60
PATIENCE_S = 300
# Of each topic, where nothing more is said. A producer sends each partition's
# records in a request of its own, so many partitions cost speed: with 16, orders at
# 5,000 a second were notified with a p99 of 100 ms, with 8 of 35 ms.
PARTITIONS = 8
# What the embedded broker keeps of a partition, and the share of it that is
# counted on: keys do not spread evenly.
PARTITION_BYTES = 5 * 2**20
SURE_SHARE = 0.8
STOP_S = 20
ASK_S = 0.25
DATABASES = {"order": "order.db", "inventory": "inventory.db",
             "notification": "notification.db", "logging": "logging.db"}
SERVICES_OF_A_SHOP = ("order", "inventory", "notification", "logging")
CONSUMERS = SERVICES_OF_A_SHOP[1:]

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class BenchError(Exception):
    """A measurement cannot be made, or found a shop that is not as it must be."""


def wait_for(what, condition, timeout_s=READY_S, pause_s=0.02):
    """Returns what the condition gives, as soon as that is true."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(pause_s)


def run_program(arguments, timeout_s=600, may_go_on=lambda: True, **options):
    """Runs one to its end and returns what it printed; None when `may_go_on`, which is
    asked now and then, said no, and it was ended."""
    name = Path(arguments[0]).name
    deadline = time.monotonic() + timeout_s
    with subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options) as child:
        try:
            while True:
                try:
                    output, errors = child.communicate(timeout=ASK_S)
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() > deadline:
                        raise BenchError(f"{name} is not done within {timeout_s} s") from None
                    if not may_go_on():
                        return None
        finally:
            child.kill()  # one that has ended is not hurt
    if child.returncode != 0:
        raise BenchError(f"{name} failed ({child.returncode}):\n{output[-2000:]}{errors[-2000:]}")
    return output


class Process:
    """A program whose output goes to PREFIX.out and PREFIX.err."""

    def __init__(self, arguments, prefix, environment=None):
        self.name = Path(arguments[0]).name
        self.out, self.err = Path(f"{prefix}.out"), Path(f"{prefix}.err")
        with open(self.out, "ab") as out, open(self.err, "wb") as err:
            self.began = time.monotonic()
            self.child = subprocess.Popen(
                [str(a) for a in arguments], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                env=environment,
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))

    def check(self):
        if self.child.poll() is not None:
            raise BenchError(f"{self.name} has ended ({self.child.returncode}): "
                             f"{self.err.read_text(errors='replace')[-1000:]}")

    def find(self, path, pattern):
        """Waits until a line of its output matches; returns the first group."""
        def look():
            self.check()
            return re.search(pattern, path.read_text(errors="replace"), re.MULTILINE)
        return wait_for(f"{self.name} says {pattern}", look, pause_s=0.0005).group(1)

    def memory_mb(self):
        """{"rss", "pss", "peak"}: now, and the highest RSS so far."""
        folder = Path(f"/proc/{self.child.pid}")
        text = "".join((folder / name).read_text(encoding="ascii")
                       for name in ("smaps_rollup", "status"))
        return {key: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1024
                for key, name in (("rss", "Rss"), ("pss", "Pss"), ("peak", "VmHWM"))}

    def stop(self, sig=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(sig)
            try:
                self.child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode


class Broker:
    """The embedded one, or that of KAFKA_BROKERS."""

    def __init__(self, folder, partitions=PARTITIONS):
        self.process = None
        self.partitions = partitions
        self.address = os.environ.get("KAFKA_BROKERS")
        self.is_embedded = not self.address
        if self.is_embedded:
            self.process = Process([BIN / "dev-broker", "--partitions", partitions],
                                   Path(folder) / "broker")
            self.address = self.process.find(self.process.out, r"^(\S+:\d+)$")

    def room_for(self, n_bytes):
        """How many pieces of that size a topic holds; what comes then pushes out the first."""
        if not self.is_embedded:
            return math.inf
        return int(self.partitions * PARTITION_BYTES * SURE_SHARE / n_bytes)

    def drop_topics(self, prefix):
        """Those of a run, which a broker that is not the embedded one keeps."""
        if not self.is_embedded:
            run_program([BENCH_BIN / "drop_topics", self.address, prefix])

    def stop(self):
        if self.process:
            self.process.stop()


class Shop:
    """`with Shop(parent) as shop`: nothing runs yet but the broker. Its files stay, in a
    folder of their own in the parent: to remove many keeps a disk busy, and that must
    not be while something is measured. Kafka `properties` come behind those of the
    KAFKA_CONFIG_FILE of whoever measures."""

    def __init__(self, parent, partitions=PARTITIONS, settings=None, properties=None):
        self.folder = Path(tempfile.mkdtemp(prefix="shop-", dir=parent))
        self.data = self.folder / "data"
        self.data.mkdir()
        self.processes, self.ports = {}, {}
        self.n_settled = 0  # orders that the consumers handled before they last came
        self.settings = {"DATA_DIR": str(self.data), "OUTBOX_BACKLOG_MAX": "100000000",
                         "CATALOGUE_FILE": CATALOGUE,
                         "PATH": os.environ["PATH"]} | (settings or {})
        self.broker = Broker(self.folder, partitions)
        self.settings["KAFKA_BROKERS"] = self.broker.address
        if not self.broker.is_embedded:
            self._use_own_topics(partitions)
        if properties:
            self._add_properties(properties)

    def _add_properties(self, properties):
        known = self.settings.get("KAFKA_CONFIG_FILE")
        path = self.folder / "kafka.properties"
        path.write_text((Path(known).read_text(encoding="utf-8") + "\n" if known else "")
                        + "".join(f"{name}={value}\n" for name, value in properties.items()),
                        encoding="utf-8")
        self.settings["KAFKA_CONFIG_FILE"] = str(path)

    def renew_broker(self):
        """For services that have stopped: an empty one in place of the embedded one."""
        if self.broker.is_embedded:
            self.broker.stop()
            self.broker.process.out.unlink()
            self.broker = Broker(self.folder, self.broker.partitions)
            self.settings["KAFKA_BROKERS"] = self.broker.address

    def _use_own_topics(self, partitions):
        mark = self.folder.name
        self.settings |= {
            "TOPIC_NEW_ORDER": f"{mark}-new-order",
            "TOPIC_INVENTORY_EMPTY": f"{mark}-inventory-empty",
            "TOPIC_NEW_LOGGING_ACTION": f"{mark}-new-logging-action",
            "TOPIC_PARTITIONS": str(partitions),
        }
        if "KAFKA_CONFIG_FILE" in os.environ:
            self.settings["KAFKA_CONFIG_FILE"] = os.environ["KAFKA_CONFIG_FILE"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.stop(signal.SIGKILL)
        self.broker.stop()
        self.broker.drop_topics(self.folder.name)

    def start_listening(self, service):
        """Returns when its port is known."""
        settings = self.settings | {"HTTP_PORT": "0"}
        if service in CONSUMERS and not self.broker.is_embedded:
            settings["CONSUMER_GROUP"] = f"{self.folder.name}-{service}"
        process = Process([BIN / f"{service}-service"], self.folder / service, settings)
        self.processes[service] = process
        self.ports[service] = int(process.find(process.err, r"listens on http://[\d.]+:(\d+)"))

    def start(self, *services):
        """Returns when all are ready."""
        for service in services:
            self.start_listening(service)
        for service in services:
            wait_for(f"{service}-service is ready",
                     lambda s=service: self.get(s, "/readyz")[0] == 200)

    def stop(self, *services):
        for service in services:
            process = self.processes.pop(service)
            code = process.stop()
            if code != 0:
                raise BenchError(f"{service}-service did not stop cleanly: exit code {code}\n"
                                 f"{process.err.read_text(errors='replace')[-1000:]}")

    def get(self, service, target):
        """(status, body); 0 when nobody answers."""
        self.processes[service].check()
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=30)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def url(self, service, path):
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    def metrics(self, service):
        """{'name{labels}': value}"""
        found = {}
        for line in self.get(service, "/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def memory_mb(self):
        """{service: its memory}, and the embedded broker's."""
        processes = dict(self.processes)
        if self.broker.process:
            processes["broker"] = self.broker.process
        return {name: process.memory_mb() for name, process in processes.items()}

    def audit(self, with_broker=True):
        """Raises when a law is broken."""
        arguments = [BIN / "orderctl", "audit", "--timeout", "300"]
        if not with_broker:
            arguments.append("--no-broker")
        run_program(arguments, timeout_s=3600, env=self.settings)
