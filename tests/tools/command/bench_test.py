#!/usr/bin/env python3
"""runnel bench: the figures that scripts read are there, they agree with each other, and text and JSON say the same."""
import json
import re

from command_case import CommandCase, main


class Bench(CommandCase):
    def bench(self, *arguments):
        done = self.run_command("bench", self.model, "--threads", "1", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_rates(self):
        told = json.loads(self.bench("--prefill", "8,16", "--decode", "12", "--depth", "0,20", "--repeats", "2", "--json"))
        self.assertEqual([(r["phase"], r["tokens"], r["depth"]) for r in told["runs"]],
                         [("prefill", 8, 0), ("prefill", 16, 0), ("decode", 12, 0),
                          ("prefill", 8, 20), ("prefill", 16, 20), ("decode", 12, 20)])
        for run in told["runs"]:
            tokens = run["tokens"] if run["phase"] == "prefill" else 1
            self.assertEqual(run["samples"], 2 if run["phase"] == "prefill" else 12)
            self.assertLessEqual(run["p50_ms"], run["p95_ms"])
            self.assertLessEqual(run["p95_ms"], run["p99_ms"])
            self.assertAlmostEqual(run["tok_s"], 1000 * tokens / run["p50_ms"], delta=1e-6 * run["tok_s"])
            limits = told["limits"]
            of_limit = 100 * max(run["bytes"] / 1e6 / run["p50_ms"] / limits["read_gb_s"],
                                 run["macs"] / 1e6 / run["p50_ms"] / limits["int8_gmac_s"])
            self.assertAlmostEqual(run["percent_of_limit"], of_limit, delta=1e-6 * of_limit)
            self.assertEqual(run["joules_per_token"] is not None, told["energy_available"])
        shallow, deep = (next(r for r in told["runs"] if r["phase"] == "decode" and r["depth"] == d) for d in (0, 20))
        self.assertGreater(deep["bytes"], shallow["bytes"], "keys and values are read too")
        self.assertEqual(deep["macs"], shallow["macs"])
        self.assertEqual(told["file_bytes"], self.model.stat().st_size)
        self.assertGreater(told["peak_rss_bytes"], told["anonymous_bytes"])
        # Measuring the limits takes 256 MiB, in a process of its own.
        self.assertLess(told["peak_rss_bytes"], 200 << 20)
        self.assertGreater(told["anonymous_bytes"], 0)
        self.assertLess(told["open_warm_ms"], told["ttft_warm_ms"])
        self.assertLess(told["open_cold_ms"], told["ttft_cold_ms"])
        self.assertGreater(told["tokenizer"]["tokens"], 1000)

    def test_text_says_the_same(self):
        text = self.bench("--prefill", "8", "--decode", "12")
        for wanted in ("limits of this machine, 1 thread", "p99 ms", "of limit", "cold", "warm", "tokenizer", "peak memory",
                       "anonymous"):
            self.assertIn(wanted, text)
        self.assertRegex(text, r"mJ/token|energy: not available")
        self.assertRegex(text, r"(?m)^prefill +8 +0 +1 +5 ")
        self.assertRegex(text, r"(?m)^decode +12 +0 +1 +12 ")

    def test_a_text_of_ones_own(self):
        text = self.folder / "words.txt"
        text.write_text("red shoes under 50 dollars\n" * 10)
        told = json.loads(self.bench("--decode", "1", "--text", text, "--json"))
        self.assertEqual(told["tokenizer"]["bytes"], text.stat().st_size)
        self.fails("No such file", "bench", self.model, "--decode", "1", "--text", self.folder / "absent")

    def test_frames(self):
        told = json.loads(self.bench("--frames", "--json"))["frames"]
        self.assertEqual(told["threads"], 1)
        for name in ("alone", "beside", "beside_yielding"):
            times = told[name]
            self.assertLess(0, times["p50_ms"])
            self.assertLessEqual(times["p50_ms"], times["p99_ms"])
            self.assertLessEqual(times["p99_ms"], times["longest_ms"])
            self.assertTrue(0 <= times["missed"] <= 1)
            self.assertEqual(times["tok_s"] > 0, name != "alone")
        # 5 ms of work at the speed that was measured; other programs make it slower, but not 200 times.
        self.assertLess(told["alone"]["p50_ms"], 1000)

    def test_profile(self):
        told = json.loads(self.bench("--ops", "--prefill", "16", "--decode", "12", "--json"))
        self.assertEqual([p["phase"] for p in told["profiles"]], ["prefill", "decode"])
        for profile in told["profiles"]:
            ops = {op["op"]: op for op in profile["ops"]}
            self.assertIn("linear attn.qkv, multiply", ops)
            self.assertAlmostEqual(sum(op["ms"] for op in ops.values()), profile["ops_ms"], places=9)
            self.assertAlmostEqual(profile["ms"], profile["ops_ms"] + profile["sampling_ms"] + profile["rest_ms"], places=9)
            gemm = sum(op["ms"] for op in ops.values() if op["gemm"])
            self.assertAlmostEqual(profile["non_gemm_percent"], 100 * (1 - gemm / profile["ms"]), places=6)
            self.assertEqual(profile["barriers"], sum(op["barriers"] for op in ops.values()))
        text = self.bench("--ops", "--prefill", "16", "--decode", "12")
        self.assertEqual(len(re.findall(r"non-GEMM share: +[\d.]+%", text)), 2)

    def test_wrong_arguments(self):
        self.fails("--threads 0", "bench", self.model, "--threads", "0")
        self.fails("0 tokens", "bench", self.model, "--decode", "0")
        self.fails("beyond any context", "bench", self.model, "--depth", "4294967295", "--decode", "1")


if __name__ == "__main__":
    main()
