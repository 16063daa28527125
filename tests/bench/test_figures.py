#!/usr/bin/python3
"""The bench's own arithmetic, on figures whose answer is known."""

import json
import math
import tempfile
import unittest
from pathlib import Path
from unittest import mock
from xml.dom import minidom

import accepts
import bench
import chain
import figures
import instructions
import plot
import report
import settings
import targets
from shop import BenchError

RECORDED = {"order": 1000, "apply": 2000, "publish": 3000}


def rounds_of(name, *values_and_counts):
    return [{"counts": counts, "figures": {name: value}} for value, counts in values_and_counts]


def row(value, n_left_out=0):
    return {"median": value, "low": value, "high": value, "n": 3, "n_left_out": n_left_out}


def result_of(summary, counts=(True, True)):
    rounds = [{"counts": each, "steal": 0, "sync_p99_ms": 0.5, "figures": {}} for each in counts]
    return {"form": "normal", "machine": "2 cores", "minutes": 5, "disk": "ext2/ext3", "broker": "embedded",
            "made": "2026-01-01T00:00:00Z", "summary": summary, "parts": {"accepts": rounds}}


class Statistics(unittest.TestCase):
    def test_percentile__is_the_nearest_rank(self):
        values = list(range(1, 101))
        self.assertEqual([figures.percentile(values, share) for share in (0.5, 0.99, 1, 0)],
                         [50, 99, 100, 1])
        self.assertEqual(figures.percentile([7], 0.99), 7)

    def test_percentile__looks_at_values_in_any_order(self):
        self.assertEqual(figures.percentile([3, 1, 2], 0.5), 2)

    def test_summarize__leaves_out_rounds_that_do_not_count(self):
        summary = figures.summarize(rounds_of("a", (1, True), (100, False), (3, True)))
        self.assertEqual(summary["a"], {"median": 2, "low": 1, "high": 3, "n": 2, "n_left_out": 1})

    def test_summarize__takes_all_rounds_when_none_counts(self):
        summary = figures.summarize(rounds_of("a", (1, False), (5, False), (2, False)))
        self.assertEqual(summary["a"], {"median": 2, "low": 1, "high": 5, "n": 0, "n_left_out": 3})

    def test_ratio__is_nothing_of_nothing(self):
        self.assertEqual((figures.ratio(1, 2), figures.ratio(1, 0)), (0.5, 0))

    def test_change__is_a_share_of_what_was_before(self):
        self.assertEqual(figures.change(200, 150), -0.25)
        self.assertIsNone(figures.change(0, 1))

    def test_flatness__is_the_worst_loss_against_the_smallest(self):
        self.assertEqual(figures.flatness({0: 100, 10: 120, 20: 80}), 1 - 0.8)
        self.assertEqual(figures.flatness({0: 100, 10: 120}), 0)


class Targets(unittest.TestCase):
    def test_is_met__includes_the_limit_in_both_senses(self):
        self.assertTrue(figures.is_met(("a", ">=", 0.5), 0.5))
        self.assertFalse(figures.is_met(("a", ">=", 0.5), 0.49))
        self.assertTrue(figures.is_met(("a", "<=", 10), 10))
        self.assertFalse(figures.is_met(("a", "<=", 10), 10.1))

    def test_figures__have_one_line_each_and_every_target_and_row_has_one(self):
        names = [name for name, _, _ in targets.figures((0, 10))]
        self.assertEqual(len(names), len(set(names)))
        for name in [target[0] for target in targets.TARGETS] + [r[1] for r in report.README_ROWS]:
            self.assertIn(name, names)


class Report(unittest.TestCase):
    def test_table__says_which_targets_are_met(self):
        text = report.table(result_of({"accepts_of_noop_128": row(0.6), "start_ms_order": row(30)}))
        self.assertRegex(text, r"of the no-op's.* 0\.60 .*≥ 0\.50: met")
        self.assertRegex(text, r"first 2xx, order .* 30\.0 .*≤ 25\.0: not met")

    def test_table__says_how_many_rounds_did_not_count(self):
        text = report.table(result_of({"store": row(1)}, (True, False)))
        self.assertIn("accepts 1 of 2", text)
        self.assertNotIn("none counts", text)
        self.assertIn("none counts", report.table(result_of({"store": row(1)}, (False, False))))

    def test_comparison__shows_the_change_and_only_what_both_have(self):
        text = report.comparison(result_of({"store": row(200)}),
                                 result_of({"store": row(150), "kafka": row(1)}))
        self.assertIn("-25 %", text)
        self.assertNotIn("librdkafka", text)

    def test_write_readme__replaces_what_is_between_the_marks(self):
        with tempfile.TemporaryDirectory() as folder:
            report.README = Path(folder) / "README.md"
            begin, end = report.marks("bench")
            report.README.write_text(f"before\n{begin}old\n{end}behind\n")
            report.write_readme("bench", report.readme_part(result_of({"store": row(12345)})))
            text = report.README.read_text()
        self.assertTrue(text.startswith("before\n") and text.endswith("behind\n"))
        self.assertNotIn("old", text)
        self.assertIn("12,345 orders/s", text)

    def test_write_readme__finds_its_marks_in_the_readme(self):
        readme = Path("README.md").read_text(encoding="utf-8")
        for part in ("bench", "bench-settings"):
            for mark in report.marks(part):
                self.assertEqual(readme.count(mark), 1, mark)

    def test_settings_part__shows_the_change_within_a_round(self):
        names = [name for name, _ in targets.SETTINGS_COLUMNS]
        rounds = [{"base": dict.fromkeys(names, base), "`x` 1": dict.fromkeys(names, value)}
                  for base, value in ((100, 110), (200, 220), (50, 25))]
        summary = settings.summarize_settings(rounds)
        self.assertEqual(summary["base"][names[0]], {"median": 100, "change": None})
        self.assertAlmostEqual(summary["`x` 1"][names[0]]["change"], 0.1)
        text = report.settings_part({"minutes": 5, "machine": "2 cores", "broker": "embedded",
                                     "rounds": rounds, "summary": summary})
        self.assertIn("| base | 100 | 100 | 100 | 100 |\n", text)
        self.assertIn("| `x` 1 | 110 (+10 %) |", text)

    def test_choices__differ_in_one_thing_each_from_the_first(self):
        base = settings.CHOICES[0]
        for choice in settings.CHOICES[1:]:
            self.assertEqual(sum(a != b for a, b in zip(choice[1:], base[1:])), 1, choice.label)

    def test_plot__is_xml_with_gaps_for_what_was_not_measured(self):
        minidom.parseString(plot.svg({"noop_128": row(10), "accepts_64": row(5)}))
        minidom.parseString(plot.svg({}))


class Accepts(unittest.TestCase):
    def test_whole_seconds__are_as_many_as_fit(self):
        for wanted, rate, room, fit in ((2, 35000, 70000, 2), (2, 35001, 70000, 1), (3, 1, 10, 3),
                                        (2, 90000, 70000, 1), (2, 50000, math.inf, 2)):
            self.assertEqual(accepts.whole_seconds(wanted, rate, room), fit, (wanted, rate, room))


def hold_up_to_9000(_folder, rate, _seconds):
    return chain.Held(rate, 6 * rate, {}) if rate <= 9000 else None


class Chain(unittest.TestCase):
    def test_find_rate__is_held_and_a_step_more_is_not(self):
        for guess in (5000, 8999, 9001, 20000):
            with mock.patch("chain.hold", hold_up_to_9000):
                held = chain.find_rate(None, guess, 60)
            self.assertTrue(held.rate <= 9000 < 1.0001 * held.rate / chain.STEP, (guess, held))
            self.assertEqual(held.deliveries, 6 * held.rate)

    def test_find_rate__fails_when_nothing_is_held(self):
        with mock.patch("chain.hold", lambda *_: None), self.assertRaises(BenchError):
            chain.find_rate(None, 9000, 60)


class Resuming(unittest.TestCase):
    def setUp(self):
        for name in ("digest_of_services", "say"):
            patch = mock.patch.object(bench, name, return_value="the services")
            patch.start()
            self.addCleanup(patch.stop)
        done = bench.Bench(Path("tests"), "full")
        done.parts = {part: [{"counts": True, "sync_p99_ms": 0.5, "seconds": 60, "figures": {}}] * n
                      for part, n in (("ceilings", 4), ("accepts", 3), ("chain", 2))}
        self.earlier = done.result()

    def test_resume__leaves_out_the_round_that_was_interrupted(self):
        new = bench.Bench(Path("tests"), "full")
        new.resume(self.earlier)
        self.assertEqual({part: len(rounds) for part, rounds in new.parts.items()},
                         {"ceilings": 4, "accepts": 2, "chain": 2})
        self.assertEqual(new.result()["minutes"], 8)

    def test_resume__is_for_the_same_measurement(self):
        for name in ("form", "machine", "broker", "services"):
            with self.assertRaisesRegex(BenchError, f"{name}: .* not another"):
                bench.Bench(Path("tests"), "full").resume(self.earlier | {name: "another"})


class Instructions(unittest.TestCase):
    def test_complaints__begin_above_a_tenth(self):
        self.assertEqual(instructions.complaints(RECORDED, RECORDED | {"order": 1100}), [])
        found = instructions.complaints(RECORDED, RECORDED | {"order": 1101})
        self.assertEqual(len(found), 1)
        self.assertIn("1,101 instructions, recorded are 1,000 (+10.1 %)", found[0])

    def test_record__has_every_path_and_version(self):
        record = json.loads(instructions.RECORD.read_text())
        self.assertEqual(set(record["instructions"]), set(instructions.PATHS))
        self.assertLessEqual(set(instructions.PACKAGES), set(record["versions"]))


if __name__ == "__main__":
    unittest.main()
