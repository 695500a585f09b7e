#!/bin/bash
# Builds the libFuzzer targets and runs each of them.
#
#   tools/fuzz.sh [SECONDS]          each for so long (default 60)
#   tools/fuzz.sh --runs N           each on N inputs
#   tools/fuzz.sh [...] NAME ...     only these (template, gguf, ...)
#
# New inputs of a corpus are kept in build/fuzz/corpus; a finding is written to build/fuzz/findings, and ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=-max_total_time=60
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --runs) limit=-runs=$2; shift 2 ;;
    --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    [0-9]*) limit=-max_total_time=$1; shift ;;
    *) names+=("$1"); shift ;;
  esac
done
./setup.sh --dev
cmake --preset asan > /dev/null
cmake --build --preset fuzz -j "${RUNNEL_JOBS:-$(nproc)}"
mkdir -p build/fuzz/findings
if [ ${#names[@]} -eq 0 ]; then
  for target in build/asan/tests/fuzz/fuzz_*; do [ -f "$target" ] && [ -x "$target" ] && names+=("${target##*/fuzz_}"); done
fi
for name in "${names[@]}"; do
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  [ -d "tests/fuzz/corpus/$name" ] && cp -n "tests/fuzz/corpus/$name"/* "$corpus"/
  echo "fuzz: $name"
  status=0
  "build/asan/tests/fuzz/fuzz_$name" "$corpus" "$limit" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix=build/fuzz/findings/ > "build/fuzz/$name.log" 2>&1 || status=$?
  if [ $status != 0 ]; then
    tail -n 40 "build/fuzz/$name.log" >&2
    echo "fuzz: $name has a finding in build/fuzz/findings" >&2
    exit 1
  fi
  grep -E 'stat::number_of_executed_units|stat::peak_rss_mb' "build/fuzz/$name.log"
done
