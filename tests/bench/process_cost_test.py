#!/usr/bin/env python3
"""bench/process_cost.py on processes whose time and memory are known.  process_cost_test.py SOURCE_DIR"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

COST = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "bench/process_cost.py"
MB = 10**6

HOLD = "import time; kept = b'x' * {bytes}; time.sleep({seconds})"
MAP = """
import mmap, sys, time
with open(sys.argv[1], 'rb') as file:
    kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    sum(kept[i] for i in range(0, len(kept), 4096))
    time.sleep(0.1)
"""


def python(code, *arguments):
    return ["--", sys.executable, "-c", code, *map(str, arguments)]


class ProcessCost(unittest.TestCase):
    def cost(self, *arguments):
        return subprocess.run([sys.executable, COST, *arguments], capture_output=True, text=True, timeout=60)

    def medians(self, *arguments):
        done = self.cost(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        [last] = [line for line in done.stdout.splitlines() if line.startswith("median of ")]
        return {name: float(value) for name, value in re.findall(r"(\w+) (-?[0-9.]+)(?:,|$)", last.split(": ", 1)[1])}

    def test_time_and_anonymous_memory(self):
        idle = self.medians("--runs", "1", *python(HOLD.format(bytes=0, seconds=0.1)))
        held = self.medians("--runs", "3", *python(HOLD.format(bytes=50 * MB, seconds=0.3)))
        self.assertGreaterEqual(held["seconds"], 0.3)
        self.assertAlmostEqual(held["anon_mb"] - idle["anon_mb"], 50, delta=5)
        self.assertAlmostEqual(held["rss_mb"] - idle["rss_mb"], 50, delta=8)

    def test_a_mapped_file_is_resident_but_not_anonymous(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "file"
            file.write_bytes(b"x" * 40 * MB)
            idle = self.medians("--runs", "1", "--input", str(file), *python("import time; time.sleep(0.1)"))
            mapped = self.medians("--runs", "1", "--input", str(file), *python(MAP, file))
        self.assertAlmostEqual(mapped["rss_mb"] - idle["rss_mb"], 40, delta=8)
        self.assertAlmostEqual(mapped["anon_mb"], idle["anon_mb"], delta=5)
        self.assertAlmostEqual(mapped["rss_over_mb"], mapped["rss_mb"] - 40, delta=0.2)
        self.assertAlmostEqual(mapped["mb_per_s"] * mapped["seconds"], 40, delta=1)

    def test_bounds(self):
        sleeper = python("import time; time.sleep(0.2)")
        held = self.cost("--runs", "1", "--at-most", "seconds=30", "--at-least", "seconds=0.2", *sleeper)
        self.assertEqual(held.returncode, 0)
        self.assertEqual(held.stdout.count(": held"), 2)
        for option, value in (("--at-most", "seconds=0.2"), ("--at-least", "anon_mb=5000")):
            broken = self.cost("--runs", "1", option, value, *sleeper)
            self.assertEqual(broken.returncode, 1, option)
            self.assertIn("NOT HELD", broken.stdout)

    def test_nothing_to_measure(self):
        for arguments, message in (
                (python("import sys; sys.exit('no such model')"), "no such model"),
                (["--", "/no/such/program"], "/no/such/program: No such file"),
                (["--at-most", "mb_per_s=1", *python("")], "needs --input"),
                (["--at-most", "speed=1", *python("")], "'speed' is none of"),
                (["--at-most", "seconds=soon", *python("")], "not seconds=NUMBER"),
                (["--input", "/no/such/file", *python("")], "/no/such/file"),
                (["--runs", "0", *python("")], "--runs must be")):
            done = self.cost(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
