#!/bin/bash
# Builds and tests what a change must pass.
#
#   tools/check.sh [STAGE ...]      default: all stages that this list marks with *
#
#   * format    clang-format of every source
#   * release   release build by g++, all tests
#   * asan      address and undefined behaviour sanitizers, by clang++ 14: tests of all folders, the command's among them
#   * fuzz      each libFuzzer target on $RUNNEL_FUZZ_RUNS inputs (20000); shares the build of asan
#   * tsan      thread sanitizer, by g++: tests that use threads
#   * arm64     cross build, tests of kernels, graph and runtime under qemu-user on three CPUs, of converters on one
#     clang     release build by clang++ 14 (no tests)
#     tidy      clang-tidy of the files that differ from RUNNEL_TIDY_BASE (default: the last commit's parent)
#     tidy-all  clang-tidy of every source (about 20 minutes on 2 cores)
#     accuracy  exact match of the demo model in f32, q8, q4
#
# Test data that does not ship with the project is looked for in $RUNNEL_TEST_DATA (default ../shared); tests that need
# it are skipped where it is absent. Under sanitizers and qemu the longest tests run $RUNNEL_TEST_PERCENT of their rounds
# (CMakePresets.json: 20). RUNNEL_JOBS: parallel jobs (default: the number of processors).
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${RUNNEL_JOBS:-$(nproc)}
stages=()
for argument in "$@"; do
  case $argument in
    release|asan|tsan|arm64|clang|fuzz|format|tidy|tidy-all|accuracy) stages+=("$argument") ;;
    *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; [ "$argument" = --help ] && exit 0; exit 2 ;;
  esac
done
[ ${#stages[@]} -gt 0 ] || stages=(format release asan fuzz tsan arm64)
wants() { [[ " ${stages[*]} " == *" $1 "* ]]; }

setup=(--tests)
if wants asan || wants clang || wants fuzz || wants format || wants tidy || wants tidy-all; then setup+=(--dev); fi
if wants arm64; then setup+=(--arm64); fi
./setup.sh "${setup[@]}"
mkdir -p build/check

results=()
failed=0
stage() { # stage NAME COMMAND...: runs it, keeps its output in build/check, says how it went
  local name=$1 log=build/check/$1.log began=$SECONDS outcome=passed
  shift
  echo "check: $name ..."
  if ! "$@" > "$log" 2>&1; then
    outcome=FAILED
    failed=1
    tail -n 60 "$log"
  fi
  local tests
  tests=$(grep -E 'tests passed|tests failed' "$log" | tail -n 1 || true)
  results+=("$(printf '%-10s %-7s %4d s  %s' "$name" "$outcome" $((SECONDS - began)) "$tests")")
  echo "check: ${results[-1]}"
}

build() { cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"; }
run_tests() { # PRESET CTEST_ARGUMENTS...
  local preset=$1
  shift
  ctest --preset "$preset" -j "$jobs" --timeout 300 "$@"
}
check_release() { build release && run_tests release; }
check_asan() { build asan && run_tests asan; }
check_tsan() { build tsan && run_tests tsan -R 'Pool|Thread|Parallel|Session|Executor|Model|Cancel'; }
check_arm64() {
  tools/arm64_sysroot.sh && build arm64 || return 1
  local cpu
  for cpu in cortex-a53 cortex-a76 max; do
    echo "check: qemu-aarch64 -cpu $cpu"
    # Whole models, the converters' tests, on one of them: they take as long as all others together.
    local folders='kernels|graph|runtime'
    if [ "$cpu" = cortex-a76 ]; then folders+='|converters'; fi
    RUNNEL_QEMU_CPU=$cpu run_tests arm64 -L "$folders" || return 1
  done
}
check_clang() { build clang; }
check_fuzz() { tools/fuzz.sh --runs "${RUNNEL_FUZZ_RUNS:-20000}"; }
sources() { git ls-files '*.h' '*.cpp' '*.c'; }
check_format() { sources | xargs clang-format-14 --dry-run -Werror; }
tidy() { # FILES on stdin
  build tidy
  xargs -r -P "$jobs" -n 4 clang-tidy-14 -p build/tidy --quiet \
    -header-filter="^$PWD/(kernels|graph|runtime|converters|tools|tests)/"
}
check_tidy() {
  local base=${RUNNEL_TIDY_BASE:-HEAD~1}
  git rev-parse -q --verify "$base" > /dev/null || base=$(git hash-object -t tree /dev/null)
  git diff --name-only --diff-filter=d "$base" -- '*.cpp' | grep -vE '_neon|^tests/install/|fuzz_' | head -n 40 | tidy
}
check_tidy_all() { git ls-files '*.cpp' | grep -vE '_neon|^tests/install/|fuzz_' | tidy; }

for name in "${stages[@]}"; do
  case $name in
    accuracy) stage accuracy tools/demo_accuracy.sh; cat build/check/accuracy.log ;;
    *) stage "$name" "check_${name//-/_}" ;;
  esac
done

echo
printf 'check: %s\n' "${results[@]}"
# ctest's own summary of the release run closes the report.
if wants release; then
  echo
  sed -n '/tests passed\|tests failed/,$p' build/check/release.log
fi
exit $failed
