#!/bin/bash
# Installs what a Debian 12 machine needs to build Runnel. Run as root; running it again is quick.
#
#   setup.sh            build and test
#   setup.sh --tests    and a Vulkan device without a GPU, with its validation layers: tests that need one are skipped without
#   setup.sh --dev      and clang, clang-format, clang-tidy
#   setup.sh --arm64    and the cross compiler and qemu-user, for the arm64 preset
#   setup.sh --all      everything
set -euo pipefail

packages=(g++ make cmake ninja-build ccache pkg-config git ca-certificates python3
  flatbuffers-compiler libflatbuffers-dev libpcre2-dev libutf8proc-dev libssl-dev libcpuinfo-dev
  libxnnpack-dev libpthreadpool-dev libeigen3-dev nlohmann-json3-dev libcli11-dev libgtest-dev
  libsimde-dev libbenchmark-dev libvulkan-dev glslang-tools)
# Header-only packages that Debian 12 lacks, from the next suite: name, suite and version.
newer=(libvulkan-memory-allocator-dev trixie 3.2.1+dfsg-1)
dev=(clang-14 libclang-rt-14-dev llvm-14 clang-format-14 clang-tidy-14 clang-tools-14 lld-14)
tests=(mesa-vulkan-drivers vulkan-validationlayers)
arm64=(g++-aarch64-linux-gnu qemu-user binutils-aarch64-linux-gnu)

for option in "$@"; do
  case $option in
    --dev) packages+=("${dev[@]}") ;;
    --tests) packages+=("${tests[@]}") ;;
    --arm64) packages+=("${arm64[@]}") ;;
    --all) packages+=("${tests[@]}" "${dev[@]}" "${arm64[@]}") ;;
    *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
  esac
done

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
missing_newer=()
for ((i = 0; i < ${#newer[@]}; i += 3)); do
  installed "${newer[i]}" || missing_newer+=("${newer[@]:i:3}")
done
[ $((${#missing[@]} + ${#missing_newer[@]})) -eq 0 ] && exit 0

[ "$(id -u)" = 0 ] || {
  echo "setup: these packages are missing, and only root can install them (sudo ./setup.sh): ${missing[*]} ${missing_newer[*]}" >&2
  exit 1
}
echo "setup: installing ${missing[*]} ${missing_newer[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
work=$(mktemp -d)
trap 'rm -rf "$log" "$work"' EXIT

# A suite's package by itself: apt downloads it with lists of its own and checks its signature, and the system's own
# sources stay as they are.
install_newer() { # install_newer PACKAGE SUITE VERSION
  local mirror key=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
    grep -E '^(URIs:|deb )' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  [ -n "$mirror" ] || { echo "apt's sources name no mirror of Debian to ask for $1 of $2"; return 1; }
  echo "deb [signed-by=$key] $mirror $2 main" > "$work/sources.list"
  local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  "${apt[@]}" update && (cd "$work" && "${apt[@]}" download "$1=$3" && dpkg -i "$1"_*.deb)
}

fail() {
  cat "$log" >&2
  echo "setup: apt-get could not install the packages" >&2
  exit 1
}
if [ ${#missing[@]} -ne 0 ]; then
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > "$log" 2>&1 || fail
fi
for ((i = 0; i < ${#missing_newer[@]}; i += 3)); do
  install_newer "${missing_newer[@]:i:3}" > "$log" 2>&1 || {
    cat "$log" >&2
    echo "setup: ${missing_newer[i]} of ${missing_newer[i + 1]} could not be had; what needs it (the Vulkan back end) will be left out" >&2
  }
done
