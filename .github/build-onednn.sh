#!/usr/bin/env bash
# oneDNN as a static library with the kernels for the processor, and the licences that belong to it:
#     ONEDNN_TAG=v2.6.3 bash .github/build-onednn.sh FOLDER
set -euo pipefail
folder=$1
git clone --quiet --depth 1 --branch "$ONEDNN_TAG" https://github.com/oneapi-src/oneDNN "$folder/source"
cmake -S "$folder/source" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$folder" \
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DDNNL_LIBRARY_TYPE=STATIC -DDNNL_CPU_RUNTIME=OMP -DDNNL_GPU_RUNTIME=NONE \
  -DDNNL_BUILD_EXAMPLES=OFF -DDNNL_BUILD_TESTS=OFF
cmake --build "$folder/build" --parallel --target install
mkdir -p "$folder/licences"
cat "$folder/source/LICENSE" "$folder/source/THIRD-PARTY-PROGRAMS" > "$folder/licences/libdnnl.txt"
# GCC's OpenMP runtime is GPL-3.0 with the GCC Runtime Library Exception; the package of libgcc has both texts.
if [ -d /usr/share/licenses/libgcc ]; then cat /usr/share/licenses/libgcc/* > "$folder/licences/libgomp.txt"; fi
