#!/bin/bash
# Installs what a Debian 12 machine needs to build Runnel. Run as root; running it again is quick.
#
#   setup.sh            build and test
#   setup.sh --dev      and clang, clang-format, clang-tidy
#   setup.sh --arm64    and the cross compiler and qemu-user, for the arm64 preset
#   setup.sh --all      everything
set -euo pipefail

packages=(g++ make cmake ninja-build ccache pkg-config git ca-certificates python3
  flatbuffers-compiler libflatbuffers-dev libpcre2-dev libutf8proc-dev libssl-dev libcpuinfo-dev
  libxnnpack-dev libpthreadpool-dev libeigen3-dev nlohmann-json3-dev libcli11-dev libgtest-dev
  libsimde-dev libbenchmark-dev)
dev=(clang-14 libclang-rt-14-dev llvm-14 clang-format-14 clang-tidy-14 clang-tools-14 lld-14)
arm64=(g++-aarch64-linux-gnu qemu-user binutils-aarch64-linux-gnu)

for option in "$@"; do
  case $option in
    --dev) packages+=("${dev[@]}") ;;
    --arm64) packages+=("${arm64[@]}") ;;
    --all) packages+=("${dev[@]}" "${arm64[@]}") ;;
    *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

[ "$(id -u)" = 0 ] || { echo "setup: these packages are missing, and only root can install them (sudo ./setup.sh): ${missing[*]}" >&2; exit 1; }
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > "$log" 2>&1 || {
  cat "$log" >&2
  echo "setup: apt-get could not install the packages" >&2
  exit 1
}
