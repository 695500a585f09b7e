#!/bin/bash
# Exact match of the demo model on its 1000 held-out queries, in f32, q8 and q4. Fails below 81.0% in any of them.
set -euo pipefail
cd "$(dirname "$0")/.."
runnel=${RUNNEL:-build/release/runnel}
if [ ! -x "$runnel" ]; then
  ./setup.sh
  cmake --preset release > /dev/null
  cmake --build --preset release --target runnel_command > /dev/null
fi
mkdir -p build/demo
status=0
for weights in f32 q8 q4; do
  model=build/demo/shop-3m-$weights.rnl
  "$runnel" convert tests/data/shop-3m -o "$model" --weights $weights > /dev/null 2>&1
  "$runnel" eval "$model" --queries tests/data/shop-3m/test.jsonl --json 2> /dev/null |
    python3 -c "
import json, sys
r = json.load(sys.stdin)
share = 100 * r['exact'] / r['total']
print(f'$weights: {r[\"exact\"]} of {r[\"total\"]} exact ({share:.1f}%)')
sys.exit(share < 81.0)" || status=1
done
exit $status
