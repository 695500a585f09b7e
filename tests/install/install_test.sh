#!/bin/bash
# Installs a build into a fresh prefix, moves it, builds the two apps against it by find_package and by pkg-config, and asks
# each the demo's question. install_test.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source_dir=$1 build_dir=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
query='sustainable running shoes under $100 in wide fit'

cmake --install "$build_dir" --prefix "$work/first" > /dev/null
mv "$work/first" "$work/prefix"  # an installed tree holds no path of where it was
prefix=$work/prefix
if grep -rIl -e "$build_dir" -e "$source_dir/" "$prefix"; then
  echo "install: these files name the build or source folder" >&2
  exit 1
fi

"$prefix/bin/runnel" convert "$source_dir/tests/data/shop-3m" -o "$work/shop.rnl" --weights q8 > /dev/null
cmake -S "$source_dir/tests/install" -B "$work/apps" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release > /dev/null
cmake --build "$work/apps" > /dev/null

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name runnel.pc)")
read -ra flags <<< "$(pkg-config --cflags runnel)"
read -ra libraries <<< "$(pkg-config --libs runnel)"
cc -std=c11 -Wall -Wextra -Werror -O1 "${flags[@]}" "$source_dir/tests/install/app.c" -o "$work/pc_c" "${libraries[@]}"
c++ -std=c++20 -Wall -Wextra -Werror -O1 "${flags[@]}" "$source_dir/tests/install/app.cpp" -o "$work/pc_cpp" "${libraries[@]}"

answer=
for app in "$work/apps/app_c" "$work/apps/app_cpp" "$work/pc_c" "$work/pc_cpp"; do
  text=$("$app" "$work/shop.rnl" "$query")
  echo "${app##*/}: $text"
  [ -n "$text" ] && [ "${answer:-$text}" = "$text" ] || { echo "install: the apps disagree" >&2; exit 1; }
  answer=$text
done
case $answer in
  '{'*running\ shoes*'}') ;;
  *) echo "install: no filter for running shoes" >&2; exit 1 ;;
esac
