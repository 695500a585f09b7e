#!/bin/bash
# Unpacks the arm64 packages that the arm64 preset links and runs against into build/sysroot-arm64. They cannot be
# installed beside amd64's, so apt only downloads them (and checks their signatures) with lists of its own; the mirror and
# suite are the host's. Does nothing when the sysroot is there.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/build/sysroot-arm64
[ -e "$root/.complete" ] && exit 0

sources=$(find /etc/apt/sources.list /etc/apt/sources.list.d -type f \( -name '*.list' -o -name '*.sources' \) 2>/dev/null || true)
mirror() { # of main Debian, from either form of apt's sources
  # shellcheck disable=SC2086
  { grep -hE '^URIs:' $sources | awk '{print $2}'; grep -hE '^deb ' $sources | grep -oE 'https?://[^ ]+'; } |
    grep -E '/debian/*$' | head -1
}
work=$PWD/build/sysroot-arm64.part
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs" "$root"
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
url=$(mirror || true)
[ -n "$url" ] || { echo "arm64_sysroot: no Debian mirror in apt's sources" >&2; exit 1; }
key=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [arch=arm64 signed-by=$key] $url $codename main" > "$work/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
  -o "Dir::Cache=$work/cache" -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root)
"${apt[@]}" update

(cd "$work/debs" && "${apt[@]}" download libc6 libgcc-s1 libstdc++6 libgtest-dev libgmock-dev googletest libbenchmark-dev \
  libbenchmark1debian libflatbuffers-dev libpcre2-dev libpcre2-8-0 libpcre2-16-0 libpcre2-32-0 libpcre2-posix3 \
  libutf8proc-dev libutf8proc2 libcpuinfo-dev libcpuinfo0 libxnnpack-dev libxnnpack0 \
  libpthreadpool-dev libpthreadpool0 libssl-dev libssl3 zlib1g zlib1g-dev libeigen3-dev nlohmann-json3-dev libcli11-dev \
  libasan8 libubsan1)
for package in "$work"/debs/*.deb; do dpkg -x "$package" "$root"; done
rm -rf "$work"
touch "$root/.complete"
echo "arm64_sysroot: $(du -sh "$root" | cut -f1) in build/sysroot-arm64"
