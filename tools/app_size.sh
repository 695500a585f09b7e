#!/bin/bash
# librunnel's share of a minimal app (tests/install/app.c: C, CPU only), stripped: the app's size with librunnel.a less
# the size of an app that does nothing. Fails above 1.5 MB (1,500,000 bytes).
#
#   tools/app_size.sh              builds the library without XNNPACK and converters, for speed (Release) and for size
#                                  (MinSizeRel), and states the share of each, and what others' libraries would add
#   tools/app_size.sh --of BUILD   of a library that is built already (a build folder); what the test suite runs
set -euo pipefail
cd "$(dirname "$0")/.."
limit=1500000

share() { # share LABEL BUILD: installs BUILD, links the app, states librunnel's share; leaves its link line in $link
  local label=$1 build=$2 work=$2/app-size
  rm -rf "$work"
  cmake --install "$build" --prefix "$work/prefix" > /dev/null
  local pc
  pc=$(dirname "$(find "$work/prefix" -name runnel.pc)")
  read -ra flags <<< "$(PKG_CONFIG_PATH=$pc pkg-config --cflags runnel)"
  read -ra libraries <<< "$(PKG_CONFIG_PATH=$pc pkg-config --libs runnel)"
  # shellcheck disable=SC2054
  link=(cc -Os -s -Wl,--gc-sections "${flags[@]}" tests/install/app.c "${libraries[@]}")
  "${link[@]}" -o "$work/app"
  echo 'int main(void) { return 0; }' > "$work/empty.c"
  cc -Os -s "$work/empty.c" -o "$work/empty"
  app=$(stat -c %s "$work/app")
  local empty librunnel
  empty=$(stat -c %s "$work/empty")
  librunnel=$((app - empty))
  echo "$label: minimal app $app bytes, of which librunnel $librunnel (an app that does nothing: $empty)"
  [ $librunnel -le $limit ] || { echo "app_size: librunnel's share is more than $limit bytes" >&2; exit 1; }
}

# What each library of others that is shared here would add, were it linked statically (where a static one is installed).
theirs() { # theirs BUILD
  local library static
  for library in pcre2-8 utf8proc crypto; do
    static=()
    local word
    for word in "${link[@]}"; do
      # shellcheck disable=SC2054
      [ "$word" = -l$library ] && static+=(-Wl,-Bstatic "$word" -Wl,-Bdynamic) || static+=("$word")
    done
    if "${static[@]}" -o "$1/app-size/static" 2> /dev/null; then
      echo "lib$library, were it linked statically: $(($(stat -c %s "$1/app-size/static") - app)) bytes more"
    fi
  done
}

if [ $# -eq 2 ] && [ "$1" = --of ]; then
  share "$2" "$(realpath "$2")"
  exit
elif [ $# -ne 0 ]; then
  sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'
  exit 2
fi
for type in Release MinSizeRel; do
  build=$PWD/build/app-size/$type
  # Each function is a section of its own, so that the linker drops what the app does not reach.
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=$type -DRUNNEL_XNNPACK=OFF -DRUNNEL_CONVERTERS=OFF -DRUNNEL_TOOLS=OFF \
    -DRUNNEL_TESTS=OFF -DRUNNEL_BENCH=OFF -DCMAKE_CXX_FLAGS="-ffunction-sections -fdata-sections" > /dev/null
  cmake --build "$build" > /dev/null
  share "$type" "$build"
done
theirs "$build"
