#!/usr/bin/env python3
"""Cycles of the Arm matmul rows' inner loops, by llvm-mca's models of four processors, from the objects of the arm64 build.

    tools/arm_loops.py [--rows REGEX] [--listing]      after cmake --build --preset arm64

A row's inner loop is the innermost loop of its object that has most products. llvm-mca takes every load for a hit in
first-level cache and every branch for a right guess: the figures are what the instructions alone cost. Needs llvm-mca
(package llvm-19 has models of all four; LLVM_MCA names another) and aarch64-linux-gnu-objdump.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OBJECTS = ROOT / "build/arm64/kernels/CMakeFiles/runnel_kernels.dir/matmul"
# Name and the best of our instruction sets that it has.
PROCESSORS = {"cortex-a55": "neon_dotprod", "cortex-a510": "neon_i8mm",
              "neoverse-n1": "neon_dotprod", "neoverse-v2": "neon_i8mm"}
ISAS = ["neon", "neon_dotprod", "neon_i8mm"]
# Multiply-adds of an instruction on whole registers.
PRODUCTS = {"smull": 8, "smull2": 8, "smlal": 8, "smlal2": 8, "sdot": 16, "smmla": 32}
ITERATIONS = 200


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"arm_loops: {' '.join(map(str, command))}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def loops(path):
    """Innermost loops of an object: lists of (address, mnemonic, operands)."""
    functions, current = [], []
    for line in run("aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", path).splitlines():
        if re.match(r"[0-9a-f]+ <.*>:$", line):
            current = []
            functions.append(current)
        elif match := re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*([^/]*)", line):
            current.append((int(match[1], 16), match[2], match[3].strip()))
    found = []
    for function in functions:
        index = {address: i for i, (address, _, _) in enumerate(function)}
        spans = []
        for i, (address, mnemonic, operands) in enumerate(function):
            target = re.search(r"([0-9a-f]+) <", operands)
            if re.match(r"(b\.|b$|cbn?z|tbn?z)", mnemonic) and target and index.get(int(target[1], 16), i + 1) <= i:
                spans.append((index[int(target[1], 16)], i))
        for begin, end in spans:
            if not any(begin <= b and e <= end and (b, e) != (begin, end) for b, e in spans):
                found.append(function[begin : end + 1])
    return found


def multiply_adds(loop):
    return sum(PRODUCTS.get(mnemonic, 0) for _, mnemonic, _ in loop)


def listing(loop):
    body = [f"{mnemonic} {re.sub('[0-9a-f]+ <.*>', 'again', operands)}" for _, mnemonic, operands in loop]
    return "again:\n" + "\n".join(body) + "\n"


def cycles(loop, processor, mca):
    report = run(mca, "-mtriple=aarch64", f"-mcpu={processor}", f"-iterations={ITERATIONS}", "-instruction-info=false",
                 "-resource-pressure=false", text=listing(loop))
    return int(re.search(r"Total Cycles:\s+(\d+)", report)[1]) / ITERATIONS


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", default=r"q8g32_(q4g32|q4ag32|q8g32)_", help="of matmul.inc (%(default)s)")
    arguments.add_argument("--listing", action="store_true", help="print the loops")
    options = arguments.parse_args()
    mca = os.environ.get("LLVM_MCA") or shutil.which("llvm-mca-19") or shutil.which("llvm-mca")
    if mca is None:
        sys.exit("arm_loops: llvm-mca is not there (package llvm-19)")
    # Objects of rows that are no more may lie in the folder too.
    paths = sorted(p for p in OBJECTS.glob("matmul_*_neon*.cpp.o")
                   if re.search(options.rows, p.name) and (ROOT / "kernels/matmul" / p.stem).exists())
    if not paths:
        sys.exit(f"arm_loops: no object of such a row in {OBJECTS}: build the preset arm64 first")
    print("Cycles of the inner loop (multiply-adds a cycle)\n")
    print("| row | instructions | multiply-adds | " + " | ".join(PROCESSORS) + " |")
    print("|---|---|---|" + "---|" * len(PROCESSORS))
    for path in paths:
        row = re.sub(r"^matmul_f32_|\.cpp\.o$", "", path.name)
        isa = re.search(r"neon.*$", row)[0]
        candidates = [loop for loop in loops(path) if multiply_adds(loop)]
        if not candidates:
            sys.exit(f"arm_loops: {path.name} has no loop of products")
        loop = max(candidates, key=multiply_adds)
        cells = []
        for processor, best in PROCESSORS.items():
            if ISAS.index(isa) > ISAS.index(best):
                cells.append("")
                continue
            took = cycles(loop, processor, mca)
            cells.append(f"{took:.0f} ({multiply_adds(loop) / took:.1f})")
        print(f"| `{row}` | {len(loop)} | {multiply_adds(loop)} | " + " | ".join(cells) + " |")
        if options.listing:
            print(listing(loop))


main()
