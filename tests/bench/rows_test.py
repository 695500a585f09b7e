#!/usr/bin/env python3
"""Every kind of benchmark row runs on one small shape, its result is right, and it prints its figures.

  rows_test.py PATH_OF_RUNNEL_BENCH

Rows check their results by themselves; one that is wrong says so instead of a time.
"""
import json
import os
import subprocess
import sys
import unittest

BENCH = sys.argv[1]
FILTER = "smollm2-135m/(attn.out|decode_512|prefill_4096)$|^vector_.*/(576|1536)$|^quantize_row|^pick/"
SHADERS = "^vulkan_((linear|dot)_q4g32_1/smollm2-135m/attn.out|attention_f16/smollm2-135m/decode_512|rms_norm_1/576)/"


def run(rows, **environment):
    done = subprocess.run([BENCH, f"--benchmark_filter={rows}", "--benchmark_min_time=0", "--benchmark_format=json"],
                          capture_output=True, text=True, check=True, env=os.environ | environment)
    return json.loads(done.stdout)["benchmarks"] if done.stdout else []


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = run(FILTER)

    def kinds(self, beginning):
        return [row for row in self.rows if row["name"].startswith(beginning)]

    def test_every_result_is_right(self):
        for row in self.rows:
            self.assertFalse(row.get("error_occurred"), f"{row['name']}: {row.get('error_message')}")

    def test_every_kind_is_there_with_its_figures(self):
        for beginning, figures in (("matmul_", ("GB/s", "read%", "GMAC/s", "mac%")), ("attention_", ("GMAC/s", "mac%")),
                                   ("eigen_f32_1/", ("GB/s", "mac%")), ("eigen_f32_64/", ("GB/s", "mac%")),
                                   ("vector_", ("GB/s",)), ("quantize_row/q8g32", ("GB/s",)), ("pick/", ("GB/s",))):
            rows = self.kinds(beginning)
            self.assertTrue(rows, f"no row begins with {beginning}")
            for row in rows:
                for figure in figures:
                    self.assertGreater(row[figure], 0, f"{row['name']}: {figure}")

    def test_percentages_are_of_one_limit(self):
        """GMAC/s over mac% is the limit: the same for rows right after one another."""
        int8 = [row["GMAC/s"] / row["mac%"] for row in self.kinds("matmul_f32_q8g32_q4g32_")]
        self.assertLess(max(int8), 2 * min(int8))


class ShaderRows(unittest.TestCase):
    """On a machine with a Vulkan device, in a build with the back end."""

    def test_results_are_right_and_have_figures(self):
        rows = run(SHADERS)
        if not rows:
            self.skipTest("a build without Vulkan")
        self.assertEqual(len(rows), 4)
        errors = {row.get("error_message", "") for row in rows}
        if len(errors) == 1 and (why := errors.pop()).startswith("vulkan: "):  # there is no device
            self.skipTest(why)
        for row in rows:
            if "products of floats, since the driver has none of 8 bits" in row.get("error_message", ""):
                continue
            self.assertFalse(row.get("error_occurred"), f"{row['name']}: {row.get('error_message')}")
            for figure in ("GB/s", "copy%"):
                self.assertGreater(row[figure], 0, f"{row['name']}: {figure}")

    def test_without_the_device_rows_say_so(self):
        for row in run(SHADERS, RUNNEL_BENCH_DEVICE="4096"):
            self.assertTrue(row.get("error_occurred"), row["name"])
            self.assertRegex(row["error_message"], "^vulkan: ")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
