#!/usr/bin/env python3
"""What a whole process costs: seconds from start to end, peak resident memory, peak anonymous memory, bytes of input a second.

  bench/process_cost.py -- runnel run MODEL.rnl -p hi -n 1 --threads 2
  bench/process_cost.py --runs 1 --input MODEL.gguf --at-most anon_mb=400 --at-least mb_per_s=150 -- \\
      runnel convert MODEL.gguf -o MODEL.rnl --weights q4

One line a run, then the medians. The figures, which --at-most and --at-least hold the medians to:

  seconds        from the start of the process to its end
  rss_mb         the most it had resident, files that it maps among it: the system's own count (getrusage)
  anon_mb        the most anonymous memory seen in /proc/PID/status, read every millisecond: a shorter peak is not seen
  rss_over_mb    rss_mb less the size of --input
  mb_per_s       the size of --input over the seconds

A megabyte is 10^6 bytes. Exit code: 0, or 1 when a median is out of its bound, 2 when there is nothing to measure (wrong
arguments, or the command failed). Linux only.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

OF_INPUT = ("rss_over_mb", "mb_per_s")
FIGURES = ("seconds", "rss_mb", "anon_mb") + OF_INPUT


class Unmeasurable(Exception):
    pass


def anonymous_bytes(pid):
    """What /proc says now, or 0 where the process has no memory (any more)."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def measure(command, input_bytes):
    """One run's figures by name."""
    began = time.monotonic()
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except OSError as error:
        raise Unmeasurable(f"{command[0]}: {error.strerror}") from None
    os.set_blocking(process.stderr.fileno(), False)
    anonymous, said = 0, b""
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        said = (said + (process.stderr.read() or b""))[-4096:]
        if pid != 0:
            break
        anonymous = max(anonymous, anonymous_bytes(process.pid))
        time.sleep(0.001)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        raise Unmeasurable(f"{command[0]} ended with {process.returncode}: {lines[-1] if lines else 'no word why'}")
    figures = {"seconds": seconds, "rss_mb": usage.ru_maxrss * 1024 / 1e6, "anon_mb": anonymous / 1e6}
    if input_bytes is not None:
        figures["rss_over_mb"] = figures["rss_mb"] - input_bytes / 1e6
        figures["mb_per_s"] = input_bytes / 1e6 / seconds
    return figures


def line(figures):
    return ", ".join(f"{name} {figures[name]:.3f}" if name == "seconds" else f"{name} {figures[name]:.1f}" for name in figures)


def bound(text):
    name, _, value = text.partition("=")
    if name not in FIGURES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(FIGURES)}")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {name}=NUMBER") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="how many (default 5)")
    parser.add_argument("--input", metavar="FILE", help="the file whose size rss_over_mb and mb_per_s are measured by")
    parser.add_argument("--at-most", metavar="FIGURE=VALUE", type=bound, action="append", default=[])
    parser.add_argument("--at-least", metavar="FIGURE=VALUE", type=bound, action="append", default=[])
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be 1 or more")
    bounds = [(name, value, "most") for name, value in options.at_most]
    bounds += [(name, value, "least") for name, value in options.at_least]
    for name, _, _ in bounds:
        if name in OF_INPUT and options.input is None:
            parser.error(f"{name} needs --input")
    try:
        input_bytes = os.path.getsize(options.input) if options.input else None
        runs = []
        for _ in range(options.runs):
            runs.append(measure(options.command, input_bytes))
            print(line(runs[-1]), flush=True)
    except (OSError, Unmeasurable) as error:
        print(f"process_cost: {error}", file=sys.stderr)
        return 2
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(f"median of {len(runs)}: {line(medians)}")
    broken = 0
    for name, value, side in bounds:
        held = medians[name] <= value if side == "most" else medians[name] >= value
        print(f"{name} {medians[name]:g}, at {side} {value:g}: {'held' if held else 'NOT HELD'}")
        broken += not held
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
