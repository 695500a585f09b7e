#!/bin/bash
# librunnel's share of a minimal app (C, CPU only, without XNNPACK), stripped: the app's size with librunnel.a less the
# size of an app that does nothing. Fails above 1.5 MB (1,500,000 bytes).
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/app-size
# Only what the app reaches is linked: each function a section of its own, the unreached ones dropped.
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DRUNNEL_XNNPACK=OFF -DRUNNEL_CONVERTERS=OFF -DRUNNEL_TOOLS=OFF \
  -DRUNNEL_TESTS=OFF -DRUNNEL_BENCH=OFF -DCMAKE_CXX_FLAGS="-ffunction-sections -fdata-sections" > /dev/null
cmake --build $build > /dev/null
cmake --install $build --prefix $build/prefix > /dev/null
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$PWD/$build/prefix" -name runnel.pc)")
# shellcheck disable=SC2046
cc -Os -s -Wl,--gc-sections $(pkg-config --cflags runnel) tests/install/app.c -o $build/app $(pkg-config --libs runnel)
echo 'int main(void) { return 0; }' > $build/empty.c
cc -Os -s $build/empty.c -o $build/empty
app=$(stat -c %s $build/app) empty=$(stat -c %s $build/empty)
share=$((app - empty))
echo "minimal app: $app bytes, of which librunnel $share (an app that does nothing: $empty)"
[ $share -le 1500000 ] || { echo "app_size: more than 1,500,000 bytes" >&2; exit 1; }
