#!/usr/bin/env python3
"""Which rows moved between two runs of runnel_bench, beyond their noise.

  runnel_bench --benchmark_repetitions=7 --benchmark_out=before.json --benchmark_out_format=json
  (change something, build, run again with after.json)
  bench/compare.py before.json after.json

A row's figure is the median of its repetitions. It moved when the medians lie further apart than the threshold and than
three times the noise of both (1.4826 times the median distance from the median, which for normal noise is its standard
deviation). Compared is processor time; with --figure another time or any counter: "GMAC/s", or "mac%" to take a drifting
machine out of it.

Exit code: 0 when no row is slower, 1 when one is or is wrong now, 2 for input that cannot be compared.
"""
import argparse
import json
import math
import statistics
import sys

TIMES = ("cpu_time", "real_time")
NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
LEAST_REPETITIONS = 3


class Row:
    def __init__(self):
        self.values = []
        self.error = None

    def median(self):
        return statistics.median(self.values)

    def noise(self):
        """Standard deviation as a share of the median, by the median distance from it."""
        middle = self.median()
        return 1.4826 * statistics.median(abs(v - middle) for v in self.values) / abs(middle) if middle else math.inf


def read(path, figure):
    try:
        with open(path, encoding="utf-8") as file:
            entries = json.load(file)["benchmarks"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{path}: not the JSON of a benchmark run: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    rows = {}
    for entry in entries:
        if entry.get("run_type") == "aggregate":
            continue
        row = rows.setdefault(entry.get("run_name", entry["name"]), Row())
        if entry.get("error_occurred"):
            row.error = entry.get("error_message", "an error")
        elif figure in entry:
            scale = NANOSECONDS[entry.get("time_unit", "ns")] if figure in TIMES else 1
            row.values.append(entry[figure] * scale)
    return {name: row for name, row in rows.items() if row.values or row.error}


def judge(before, after, threshold, lower_is_better):
    """'slower', 'faster' or None, how much time (or its like) the row takes now, 1 being as much, and the bound."""
    ratio = after.median() / before.median() if before.median() else math.inf
    ratio = ratio if lower_is_better else (1 / ratio if ratio else math.inf)
    bound = max(threshold, 3 * math.hypot(before.noise(), after.noise()))
    # Symmetric: twice as slow and twice as fast are as far.
    if abs(math.log(ratio) if 0 < ratio < math.inf else math.inf) <= math.log1p(bound):
        return None, ratio, bound
    return ("slower" if ratio > 1 else "faster"), ratio, bound


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--figure", default="cpu_time", help="cpu_time (default), real_time, or the name of a counter")
    parser.add_argument("--threshold", type=float, default=0.03, help="share below which nothing counts as moved (0.03)")
    parser.add_argument("--all", action="store_true", help="print the rows that did not move too")
    options = parser.parse_args()
    before, after = read(options.before, options.figure), read(options.after, options.figure)
    common = [name for name in before if name in after]
    timed = [n for n in common if before[n].values and after[n].values]
    if not timed:
        print(f"no row has {options.figure} in both files", file=sys.stderr)
        return 2
    few = [n for n in timed if min(len(before[n].values), len(after[n].values)) < LEAST_REPETITIONS]
    if few:
        print(f"{len(few)} rows have fewer than {LEAST_REPETITIONS} repetitions, so their noise is not known "
              f"(--benchmark_repetitions=7), {few[0]} for one", file=sys.stderr)
        return 2

    found = {"slower": 0, "faster": 0, None: 0}
    ratios = []
    for name in timed:
        verdict, ratio, bound = judge(before[name], after[name], options.threshold, options.figure in TIMES)
        found[verdict] += 1
        ratios.append(ratio)
        if verdict or options.all:
            print(f"{verdict or 'same':7} {100 * (ratio - 1):+7.1f}%  (noise bound {100 * bound:.1f}%)  "
                  f"{before[name].median():.6g} -> {after[name].median():.6g}  {name}")
    broken = [n for n in common if after[n].error and not before[n].error]
    for name in broken:
        print(f"wrong now: {name}: {after[name].error}")
    for name in sorted(set(before) - set(after)):
        print(f"gone: {name}")
    for name in sorted(set(after) - set(before)):
        print(f"new: {name}")
    print(f"{found['slower']} slower, {found['faster']} faster, {found[None]} as before, {len(broken)} wrong now; "
          f"all rows together {100 * (statistics.median(ratios) - 1):+.1f}%")
    return 1 if found["slower"] or broken else 0


if __name__ == "__main__":
    sys.exit(main())
