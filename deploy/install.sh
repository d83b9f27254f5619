#!/bin/sh
# In a build stage: install a lock below /packages, for the image to copy, without what it never
# runs: tests, headers, the compiler's library, symbol tables. `compile` adds the bytecode.
set -eu

pip install --quiet --no-deps --require-hashes --no-compile --ignore-installed \
  --prefix /packages --requirement "$1"
cd /packages/lib/python3*/site-packages
find . -type d -name tests -prune -exec rm -r {} +
rm -rf tensorflow/include clang libclang-* onnx/backend/test
if [ -d tensorflow ]; then
  strip --strip-unneeded tensorflow/libtensorflow_cc.so.2 tensorflow/libtensorflow_framework.so.2
fi
if [ "${2:-}" = compile ]; then python -m compileall -q -j 0 .; fi
