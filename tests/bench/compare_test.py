#!/usr/bin/env python3
"""bench/compare.py on made-up runs whose changes and noise are known.  compare_test.py SOURCE_DIR"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

COMPARE = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "bench/compare.py"


def run_of(rows, noise=0.01, repetitions=7, seed=1, unit="ms", errors=()):
    """JSON as Google Benchmark writes it: rows is name -> time."""
    draw = random.Random(seed)
    entries = []
    for name, time in rows.items():
        for repetition in range(repetitions):
            factor = 1 + draw.uniform(-noise, noise)
            entries.append({"name": name, "run_name": name, "run_type": "iteration", "repetition_index": repetition,
                            "cpu_time": time * factor, "real_time": time * factor * 2, "time_unit": unit,
                            "GMAC/s": 100 / (time * factor)})
        entries.append({"name": name + "_median", "run_name": name, "run_type": "aggregate", "cpu_time": 1e9,
                        "real_time": 1e9, "time_unit": unit})
    for name in errors:
        entries.append({"name": name, "run_name": name, "run_type": "iteration", "error_occurred": True,
                        "error_message": "wrong: row 0", "cpu_time": 0.0, "real_time": 0.0, "time_unit": unit})
    return {"context": {}, "benchmarks": entries}


class Compare(unittest.TestCase):
    def compare(self, before, after, *options):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, run in (("before", before), ("after", after)):
                paths.append(pathlib.Path(folder) / f"{name}.json")
                paths[-1].write_text(run if isinstance(run, str) else json.dumps(run))
            return subprocess.run([sys.executable, COMPARE, *paths, *options], capture_output=True, text=True)

    def test_noise_does_not_move_a_row(self):
        done = self.compare(run_of({"a": 10, "b": 0.1}, seed=1), run_of({"a": 10, "b": 0.1}, seed=2))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 slower, 0 faster, 2 as before", done.stdout)

    def test_a_slower_row_fails(self):
        done = self.compare(run_of({"a": 10, "b": 20}), run_of({"a": 10, "b": 22}, seed=2))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^slower +\+(?:[89]|1[01])\.\d%.* b$")
        self.assertIn("1 slower, 0 faster, 1 as before", done.stdout)

    def test_a_faster_row_does_not(self):
        done = self.compare(run_of({"a": 10, "b": 20}), run_of({"a": 10, "b": 15}, seed=2))
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"(?m)^faster .* b$")

    def test_the_same_change_drowns_in_more_noise(self):
        done = self.compare(run_of({"a": 20}, noise=0.2), run_of({"a": 22}, noise=0.2, seed=5))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_one_interrupted_repetition_hides_nothing(self):
        before = run_of({"a": 20})
        before["benchmarks"][0]["cpu_time"] = 500
        self.assertEqual(self.compare(before, run_of({"a": 22}, seed=2)).returncode, 1)

    def test_threshold(self):
        runs = run_of({"a": 10}, noise=0.001), run_of({"a": 10.2}, noise=0.001, seed=2)
        self.assertEqual(self.compare(*runs).returncode, 0)
        self.assertEqual(self.compare(*runs, "--threshold", "0.01").returncode, 1)

    def test_units_are_converted(self):
        self.assertEqual(self.compare(run_of({"a": 2}, unit="ms"), run_of({"a": 2000}, unit="us", seed=2)).returncode, 0)

    def test_more_of_a_counter_is_better(self):
        runs = run_of({"a": 10}), run_of({"a": 15}, seed=2)
        self.assertEqual(self.compare(*runs, "--figure", "GMAC/s").returncode, 1)
        self.assertEqual(self.compare(*reversed(runs), "--figure", "GMAC/s").returncode, 0)

    def test_a_row_that_became_wrong_fails(self):
        done = self.compare(run_of({"a": 10, "b": 1}), run_of({"a": 10}, seed=2, errors=["b"]))
        self.assertEqual(done.returncode, 1)
        self.assertIn("wrong now: b: wrong: row 0", done.stdout)

    def test_rows_that_come_and_go_are_named(self):
        done = self.compare(run_of({"a": 10, "old": 1}), run_of({"a": 10, "young": 1}, seed=2))
        self.assertEqual(done.returncode, 0)
        self.assertIn("gone: old\nnew: young\n", done.stdout)

    def test_what_cannot_be_compared(self):
        for runs, words in (((run_of({"a": 1}), "{"), "not the JSON"),
                            ((run_of({"a": 1}), "[]"), "not the JSON"),
                            ((run_of({"a": 1}), run_of({"b": 1})), "no row has cpu_time"),
                            ((run_of({"a": 1}, repetitions=2), run_of({"a": 1})), "fewer than 3 repetitions")):
            done = self.compare(*runs)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
