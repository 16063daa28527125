#!/usr/bin/python3
"""Measures the shop against what this machine can do at all.

usage: bench.py [--form short|normal|full] [--resume] [--compare FILE]
       bench.py --publish [--from FILE]

Ceilings, accepts and the whole chain are measured in turn, round after round;
then catching up in as many rounds, and the footprint and growth once. On two cores,
the short form takes 7 minutes and the full one some 90; by the sum of its parts, the
normal one takes about 23. A round of the former three that does not count is repeated.
Every shop that was measured is audited, but for one of more than 1.5 million orders,
and a law that is broken ends the run. The
result is a table, and in build/bench/: result.json (for --compare) and result.svg;
a run that is interrupted has what it measured until then, and --resume goes on with it,
if the form, the machine, the broker and the services are the same.
--publish writes the table of a result into README.md, its plot to
tests/bench/result.svg, and the table of `make bench-settings` into README.md, too.
KAFKA_BROKERS: measure on that Kafka instead of the embedded broker.
`make bench` builds what is needed and calls this.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import accepts
import catch_up
import ceilings
import chain
import footprint
import growth
import plot
import report
import settings
from figures import summarize
from forms import FORMS
from probe import Probe, machine
from shop import BENCH_BIN, BIN, PARTITIONS, SERVICES_OF_A_SHOP, BenchError

RESULT = BENCH_BIN / "result.json"
CEILINGS_TRIES = 5  # seconds each; without one that counts, minutes of the chain do not


def say(text):
    print(f"bench: {text}", flush=True)


class Bench:
    """The rounds of one run, as they come."""

    def __init__(self, folder, form_name):
        self.folder, self.form_name, self.form = folder, form_name, FORMS[form_name]
        self.parts = {}

    def resume(self, earlier):
        """Takes over what an earlier run has measured, but no unfinished round."""
        now = self.result()
        for name in ("form", "machine", "broker", "services"):
            if earlier.get(name) != now[name]:
                raise BenchError(f"{RESULT} cannot be resumed, since something else is measured now: "
                                 f"{name}: {now[name]}, not {earlier.get(name)}")
        self.parts = earlier["parts"]
        n_rounds = len(self.parts.get("chain", []))
        del self.parts.get("accepts", [])[n_rounds:]
        say(f"goes on behind {n_rounds} rounds of {earlier['made']}")

    def measure(self, part, take, *arguments, counts=True):
        """One round of a part. It does not count when what it is compared with
        (`counts`) does not."""
        probe = Probe(self.folder)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            figures = take(folder, *arguments)
            verdict = probe.verdict()
        verdict["counts"] = verdict["counts"] and counts
        seconds = time.monotonic() - began
        self.parts.setdefault(part, []).append(verdict | {"seconds": seconds, "figures": figures})
        say(f"{part}: {seconds:.0f} s"
            + ("" if verdict["counts"] else
               f", does not count: fdatasync p99 {verdict['sync_p99_ms']:.1f} ms, "
               f"{100 * verdict['steal']:.1f} % stolen"
               + ("" if counts else ", the ceilings of its round do not count")))
        self.save()
        return self.parts[part][-1]

    def n_counted(self, part):
        return sum(each["counts"] for each in self.parts.get(part, []))

    def run_rounds(self):
        """Each part until enough of its rounds count, within a bound."""
        most = self.form.rounds + self.form.extra_rounds
        for i in range(len(self.parts.get("chain", [])), most):
            if i >= self.form.rounds and min(self.n_counted("accepts"),
                                             self.n_counted("chain")) >= self.form.rounds:
                break
            say(f"round {i + 1} of {self.form.rounds}" + (", again" * (i >= self.form.rounds)))
            for _ in range(CEILINGS_TRIES):
                base = self.measure("ceilings", ceilings.measure, self.form)
                if base["counts"]:
                    break
            self.measure("accepts", accepts.measure, self.form)
            self.measure("chain", chain.measure, self.form, base["figures"],
                         counts=base["counts"])

    def run(self):
        self.run_rounds()
        for part, n_rounds, take, *arguments in (
                ("catching up", self.form.rounds, catch_up.measure, self.form),
                ("footprint", 1, footprint.measure),
                ("growth", 1, growth.measure, self.form)):
            while len(self.parts.get(part, [])) < n_rounds:
                self.measure(part, take, *arguments)

    def result(self):
        return {
            "form": self.form_name,
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "minutes": sum(each["seconds"] for rounds in self.parts.values()
                           for each in rounds) / 60,
            "machine": machine(),
            "services": digest_of_services(),
            "disk": describe_disk(self.folder, self.parts),
            "broker": "that of KAFKA_BROKERS" if "KAFKA_BROKERS" in os.environ else
                      f"embedded, {PARTITIONS} partitions a topic ({accepts.PARTITIONS} for "
                      f"accepts, {chain.FEW_PARTITIONS} for rates and latencies of the chain, as many "
                      "as it takes to catch up)",
            "summary": {name: row for rounds in self.parts.values()
                        for name, row in summarize(rounds).items()},
            "parts": self.parts,
        }

    def save(self):
        result = self.result()
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        RESULT.with_suffix(".svg").write_text(plot.svg(result["summary"]), encoding="utf-8")


def digest_of_services():
    digest = hashlib.sha256()
    for service in SERVICES_OF_A_SHOP:
        digest.update((BIN / f"{service}-service").read_bytes())
    return digest.hexdigest()[:16]


def describe_disk(folder, parts):
    """Its file system, and how long a sync takes."""
    kind = subprocess.run(["findmnt", "-no", "FSTYPE", "-T", folder], capture_output=True, text=True,
                          check=False).stdout.strip() or "unknown"
    syncs = sorted(each["sync_p99_ms"] for rounds in parts.values() for each in rounds)
    return kind + (f", fdatasync p99 {syncs[len(syncs) // 2]:.2f} ms" if syncs else "")


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--form", choices=FORMS, default="normal")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--publish", action="store_true")
    parser.add_argument("--from", dest="source", type=Path, default=RESULT)
    return parser.parse_args()


def load_result(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"bench: {path} is no result of `make bench`: {error}") from error


def publish(path):
    """Both results, as far as they are there."""
    if not path.exists() and not settings.RESULT.exists():
        raise SystemExit(f"bench: neither {path} nor {settings.RESULT} is there; `make bench` and "
                         "`make bench-settings` make them")
    if path.exists():
        result = load_result(path)
        report.write_readme("bench", report.readme_part(result))
        report.PLOT.write_text(plot.svg(result["summary"]), encoding="utf-8")
        say(f"{report.README} and {report.PLOT} show {path}")
    if settings.RESULT.exists():
        report.write_readme("bench-settings", report.settings_part(load_result(settings.RESULT)))
        say(f"{report.README} shows {settings.RESULT}")


def run(form_name, earlier):
    """The result as far as it came, and why it ended there: None, it was to its end.
    `earlier` is the result to go on with, or None."""
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="data-", dir=RESULT.parent)
    bench, trouble = Bench(folder, form_name), None
    try:
        if earlier:
            bench.resume(earlier)
        bench.run()
    except BenchError as error:
        trouble = f"FAILED: {error}"
    except KeyboardInterrupt:
        trouble = "interrupted; everything it started has ended"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return bench.parts and load_result(RESULT), trouble


def main():
    # So that a shop that is being measured is taken down on SIGTERM, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse_arguments()
    before = load_result(options.compare) if options.compare else None
    if options.publish:
        publish(options.source)
        return
    result, trouble = run(options.form, load_result(RESULT) if options.resume else None)
    if result:
        print(report.table(result))
        if before:
            print(f"\nagainst {options.compare} ({before['form']} form, {before['made']}):\n")
            print(report.comparison(before, result))
        say(f"{RESULT} and {RESULT.with_suffix('.svg')} are written; "
            "`make bench-publish` puts them into the README")
    if trouble:
        sys.exit(f"bench: {trouble}")


if __name__ == "__main__":
    main()
