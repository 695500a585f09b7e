#!/bin/bash
# Instructions that the arm64 build executes for a token, counted under qemu-aarch64: what a change to an Arm kernel costs
# or saves, on a machine without an Arm processor.
#
#   tools/arm_instructions.sh [--by-function] [--cpu NAME]... [MODEL.gguf|MODEL.rnl]
#
#   --cpu NAME      a CPU of qemu's; default: cortex-a53 (NEON), cortex-a76 (dot product), max,sve=off,sme=off (i8mm)
#   --by-function   and the functions that take most of them
#
# One thread. Prefill is the difference between prompts of 192 and 64 tokens, decode between 17 and 1 tokens generated
# after 64, so that start-up drops out. Every CPU must generate the same 17 tokens and the same logits as the first one to
# the bit, and the logits must be the native scalar path's, but for its roundings (root mean square of the difference
# below 3% of the spread): a wrong kernel cannot win.
#
# Without a model: random weights in the shape of SmolLM2-135M, Q4_0, from $RUNNEL_TEST_DATA/tools/synth_gguf.py (default
# ../shared; needs python3-numpy). Builds the presets release and arm64 (with the command) where they are not up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
cpus=()
by=
model=
while [ $# -gt 0 ]; do
  case $1 in
    --by-function) by=,by=function ;;
    --cpu) cpus+=("${2:?--cpu needs a name}"); shift ;;
    -*) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; [ "$1" = --help ] && exit 0; exit 2 ;;
    *) model=$1 ;;
  esac
  shift
done
[ ${#cpus[@]} -gt 0 ] || cpus=(cortex-a53 cortex-a76 max,sve=off,sme=off)
python=/usr/bin/python3
"$python" -c 'import numpy' || { echo "arm_instructions: needs python3-numpy" >&2; exit 1; }

tools/arm64_sysroot.sh
cmake --preset release > /dev/null
cmake --build --preset release --target runnel_command > /dev/null
cmake --preset arm64 -DRUNNEL_TOOLS=ON > /dev/null
cmake --build --preset arm64 --target runnel_command > /dev/null
native=$PWD/build/release/runnel

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden tools/qemu/count_instructions.c -o "$work/count.so"

if [ -z "$model" ]; then
  model=$work/smollm2-135m.gguf
  "$python" "${RUNNEL_TEST_DATA:-../shared}/tools/synth_gguf.py" --shape smollm2-135m --type q4_0 --out "$model" > /dev/null
fi
if [[ $model != *.rnl ]]; then
  "$native" convert "$model" -o "$work/model.rnl" --weights keep 2> /dev/null
  model=$work/model.rnl
fi

root=$PWD/build/sysroot-arm64
on_arm() { # CPU ARGUMENTS...: the arm64 command; its instructions go to $work/count
  local cpu=$1
  shift
  qemu-aarch64 -L "$root" -cpu "$cpu" -E "LD_LIBRARY_PATH=$root/usr/lib/aarch64-linux-gnu:$root/lib/aarch64-linux-gnu" \
    -plugin "$work/count.so,out=$work/count$by" build/arm64/runnel "$@"
}
ids() { seq -s, 100 $((99 + $1)); }
generate() { # CPU PROMPT_TOKENS TOKENS NAME: keeps the count as NAME and the answer as NAME.json
  on_arm "$1" run "$model" --ids "$(ids "$2")" -n "$3" --ignore-eos --threads 1 --context 256 --json > "$work/$4.json"
  mv "$work/count" "$work/$4"
}

"$native" logits "$model" --ids "$(ids 64)" --isa scalar --threads 2 -o "$work/scalar.npy" > /dev/null 2>&1
printf '%-24s %12s %12s   millions of instructions a token\n' CPU prefill decode
for cpu in "${cpus[@]}"; do
  on_arm "$cpu" logits "$model" --ids "$(ids 64)" --threads 1 -o "$work/$cpu.npy" > /dev/null 2>&1
  generate "$cpu" 64 1 short
  generate "$cpu" 192 1 prompt
  generate "$cpu" 64 17 answer
  "$python" - "$work" "$cpu" "${cpus[0]}" << 'PYTHON'
import collections
import json
import subprocess
import sys

import numpy

work, cpu, first = sys.argv[1:]


def count(name):
    total, functions = 0, collections.Counter()
    for line in open(f"{work}/{name}"):
        number, what = line.split(maxsplit=1)
        if number == "total":
            total = int(what)
        else:
            functions[what.strip()] += int(number)
    return total, functions


logits, reference = (numpy.load(f"{work}/{name}.npy") for name in (cpu, "scalar"))
difference = float((logits - reference).std() / reference.std())
if not difference < 0.03:
    sys.exit(f"arm_instructions: {cpu}: logits differ from the scalar path's by {difference:.3g} of their spread")
if not numpy.array_equal(logits, numpy.load(f"{work}/{first}.npy")):
    sys.exit(f"arm_instructions: {cpu}: logits are not those of {first} to the bit")
answer = json.load(open(f"{work}/answer.json"))["ids"]
try:
    expected = json.load(open(f"{work}/expected.json"))
except FileNotFoundError:
    expected = answer
    json.dump(answer, open(f"{work}/expected.json", "w"))
if answer != expected or len(answer) != 17:
    sys.exit(f"arm_instructions: {cpu}: generated {answer}, not {expected}")

base, base_functions = count("short")
phases = {"prefill": (count("prompt"), 128), "decode": (count("answer"), 16)}
print(f"{cpu:24}" + "".join(f" {(total - base) / tokens / 1e6:12.2f}" for (total, _), tokens in phases.values()), flush=True)
for phase, ((_, functions), tokens) in phases.items():
    functions.subtract(base_functions)
    for name, instructions in functions.most_common(8):
        readable = subprocess.run(["c++filt", "-p", name], capture_output=True, text=True).stdout.strip()
        readable = readable.replace("(anonymous namespace)::", "").replace("runnel::", "")
        print(f"    {phase:8} {instructions / tokens / 1e6:8.2f}  {readable[:100]}", flush=True)
PYTHON
done
