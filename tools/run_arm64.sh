#!/bin/sh
# Runs an arm64 program under qemu-user with the sysroot's libraries. RUNNEL_QEMU_CPU: cortex-a53, cortex-a76, max (default).
root=$(dirname "$0")/../build/sysroot-arm64
exec qemu-aarch64 -L "$root" -cpu "${RUNNEL_QEMU_CPU:-max}" \
  -E LD_LIBRARY_PATH="$root/usr/lib/aarch64-linux-gnu:$root/lib/aarch64-linux-gnu" "$@"
