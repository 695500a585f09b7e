#!/bin/bash
# From a bare Debian 12 to a streaming answer: installs what is missing, builds, converts the demo model to q8, asks it.
#
#   tools/demo.sh [QUERY]
#
# The model (tests/data/shop-3m, trained by tools/demo/train.py) turns a shopping query into a JSON filter.
set -euo pipefail
cd "$(dirname "$0")/.."
query=${1:-sustainable running shoes under \$100 in wide fit}
started=$SECONDS

./setup.sh
# Only the command: no tests or benchmarks, so that a phone-sized machine is done in minutes. The same folder and cache
# as tools/check.sh, which then adds the rest.
echo "demo: building the command; minutes the first time"
mkdir -p build
log=build/demo.log
cmake --preset release > $log 2>&1 || { cat $log; exit 1; }
build=(cmake --build --preset release --target runnel_command)
if [ -t 1 ]; then
  "${build[@]}"  # a line that counts the steps
else
  "${build[@]}" > $log 2>&1 || { tail -n 40 $log; exit 1; }
fi
runnel=build/release/runnel

echo "demo: installed and built in $((SECONDS - started)) s"
mkdir -p build/demo
"$runnel" convert tests/data/shop-3m -o build/demo/shop-3m-q8.rnl --weights q8
echo
echo "\$ runnel run build/demo/shop-3m-q8.rnl --chat -p \"$query\""
# The answer streams on stdout; time to first token, tokens a second and peak memory follow on stderr.
"$runnel" run build/demo/shop-3m-q8.rnl --chat -p "$query" --temp 0 -n 128
echo
echo "demo: $((SECONDS - started)) s in all"
