#!/bin/bash
# A model larger than the memory it may have: decodes with streamed weights inside a memory control group and compares
# the rate with what the device reads directly, and with a peer that maps the file.
#
#   tools/bench_streaming.sh MODEL.rnl [LIMIT:BUDGET ...]     for example 700M:640M 1200M:1100M (the default)
#
# RUNNEL (the command, default build/release/runnel), TOKENS to decode (default 24), CONTEXT (default 128), ROUNDS (3),
# THREADS (default: the machine's), BESIDE: a command that prints llama-bench's JSON (-o json) for one run, done in the same group.
# CGROUPS: where control groups are mounted (default /sys/fs/cgroup).
# Needs root for the group and for dropping the page cache; says so and goes on without where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
RUNNEL=${RUNNEL:-build/release/runnel}
TOKENS=${TOKENS:-24} CONTEXT=${CONTEXT:-128} ROUNDS=${ROUNDS:-3}
MODEL=${1:?usage: bench_streaming.sh MODEL.rnl [LIMIT:BUDGET ...]}
shift
[ $# -gt 0 ] || set -- 700M:640M 1200M:1100M
[ -x "$RUNNEL" ] || { echo "bench_streaming: $RUNNEL is not there; build it or set RUNNEL" >&2; exit 1; }

CGROUPS=${CGROUPS:-/sys/fs/cgroup}
GROUP=
make_group() { # LIMIT: a group of version 2 or 1, or none
  local name=runnel-stream-$$ bytes
  bytes=$(numfmt --from=iec "$1")
  if [ -w "$CGROUPS/cgroup.subtree_control" ] && grep -qw memory "$CGROUPS/cgroup.controllers" 2>/dev/null; then
    echo +memory >"$CGROUPS/cgroup.subtree_control" 2>/dev/null || true
    if mkdir "$CGROUPS/$name" 2>/dev/null && echo "$bytes" 2>/dev/null >"$CGROUPS/$name/memory.max"; then
      GROUP=$CGROUPS/$name
      echo 0 2>/dev/null >"$GROUP/memory.swap.max" || true
      echo "memory control group, version 2: $1"
      return
    fi
    rmdir "$CGROUPS/$name" 2>/dev/null || true  # the controller is not to be had, for example inside a container
  fi
  if mkdir "$CGROUPS/memory/$name" 2>/dev/null; then
    GROUP=$CGROUPS/memory/$name
    echo "$bytes" >"$GROUP/memory.limit_in_bytes"
    echo 0 2>/dev/null >"$GROUP/memory.swappiness" || true
    echo "memory control group, version 1: $1"
    return
  fi
  echo "NO memory control group can be made here (root, cgroup version 1 or 2): nothing holds the process to $1"
}
drop_group() { [ -z "$GROUP" ] || rmdir "$GROUP" 2>/dev/null || true; GROUP=; }
trap drop_group EXIT
in_group() { # CMD...: runs it inside
  if [ -z "$GROUP" ]; then "$@"; else sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$GROUP" "$@"; fi
}
drop_cache() {
  sync
  if ! echo 1 2>/dev/null >/proc/sys/vm/drop_caches; then echo "page cache NOT dropped (not root)"; fi
}
# What the device reads past the page cache: 4 readers, 1 MiB requests, 3 GiB round the file, into huge pages as ours are
# (small ones make short requests of long ones, at half the rate on some devices).
direct_rate() { # -> bytes a second
  python3 - "$MODEL" <<'P'
import mmap, os, sys, time
path, request, readers = sys.argv[1], 1 << 20, 4
span = os.path.getsize(path) // request * request
total = 3 << 30
def read(reader):  # a process each: threads would wait for each other
    area = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        area.madvise(mmap.MADV_HUGEPAGE)
    area.write(bytes(len(area)))
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    places = [memoryview(area)[at:at + request] for at in range(4 << 20, len(area), request)]
    for i, at in enumerate(range(reader * request, total, readers * request)):
        os.preadv(descriptor, [places[i % len(places)]], at % span)
start = time.monotonic()
children = []
for reader in range(readers):
    child = os.fork()
    if child == 0:
        read(reader)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
print(int(total / (time.monotonic() - start)))
P
}
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

for pair in "$@"; do
  limit=${pair%%:*} budget=${pair##*:}
  make_group "$limit"
  arguments=("$MODEL" --budget "$budget" --context "$CONTEXT" ${THREADS:+--threads "$THREADS"})
  drop_cache
  plan=$(in_group "$RUNNEL" plan "${arguments[@]}" --json)
  mode=$(field weights_mode <<<"$plan")
  bytes=$(field streamed_bytes <<<"$plan")
  echo "budget $budget: weights $mode, $bytes bytes a step; $(field weights_note <<<"$plan")"
  rates=() decodes=() percents=()
  for _ in $(seq "$ROUNDS"); do
    drop_cache
    rates+=("$(direct_rate)")
    answer=$(in_group "$RUNNEL" run "${arguments[@]}" --ids 1,5,9,30,20 -n "$TOKENS" --ignore-eos --json)
    decodes+=("$(field decode_tok_s <<<"$answer")")
    rates+=("$(direct_rate)")
    # Against the mean of the rates before and after: a shared device is not the same from second to second.
    percents+=("$(awk -v d="${decodes[-1]}" -v a="${rates[-1]}" -v b="${rates[-2]}" -v n="$bytes" \
      'BEGIN {printf "%.1f", 100 * d * n / ((a + b) / 2)}')")
  done
  rate=$(printf '%s\n' "${rates[@]}" | median) decode=$(printf '%s\n' "${decodes[@]}" | median)
  percent=$(printf '%s\n' "${percents[@]}" | median)
  awk -v d="$decode" -v r="$rate" -v n="$bytes" -v p="$percent" 'BEGIN {
    printf "decode %.3f tokens/s; the device reads %.2f GB/s directly", d, r * 1e-9
    if (n > 0) printf ": at most %.3f tokens/s; %.1f%% of it (median of rounds)", r / n, p
    print ""}'
  peak=
  [ -z "$GROUP" ] || peak=$(cat "$GROUP"/memory.peak "$GROUP"/memory.max_usage_in_bytes 2>/dev/null | head -1) || true
  [ -z "$peak" ] || echo "most memory the group held: $peak bytes, page cache included"
  if [ -n "${BESIDE:-}" ]; then
    drop_cache
    # shellcheck disable=SC2086  # words of a command
    peer=$(in_group $BESIDE 2>/dev/null | python3 -c '
import json, sys
text = sys.stdin.read()
print(json.loads(text[text.index("[\n"):])[-1]["avg_ts"])' 2>/dev/null) || peer=
    if [ -n "$peer" ]; then
      awk -v d="$decode" -v p="$peer" 'BEGIN {printf "peer %.3f tokens/s; ours is %.2f times that\n", p, d / p}'
    else
      echo "the peer did not finish (killed for memory?)"
    fi
  fi
  drop_group
done
