#!/usr/bin/env bash
# For a Linux machine that has a card, Python 3.12 and torch, and no network. From the repository's root:
#
#   bash tests/gpu/bare.sh pack [FOLDER]    here, where .venv stands: what that machine lacks, at most 64 MB (.gpu)
#   bash tests/gpu/bare.sh [...]            there, with FOLDER beside launch.py: makes .venv, then --test --gpu ...
#
# GPU_FOLDER: what was packed (.gpu). GPU_PYTHON: the Python that holds torch there (python3).
set -euo pipefail
[ -f launch.py ] || { echo "Run this in the folder that holds launch.py." >&2; exit 2; }
folder=${GPU_FOLDER:-.gpu}
most_mb=64

# Pure Python, as it is installed here; of bitsandbytes the libraries for the newest CUDA alone.
pure="unsloth unsloth_zoo trl peft datasets dill gguf auto_round auto_round_extension ftfy stdnum wakepy platformdirs
wcwidth annotated_types pydantic typing_inspection cpuinfo bitsandbytes filelock psutil jinja2 markupsafe"
modules="pynvml.py typing_extensions.py"
# Compiled: fetched for the Python that is there.
wheels="orjson rensa pydantic-core multiprocess msgspec xllamacpp"

pack() {
  local to=$1 python=$PWD/.venv/bin/python site name version names=()
  site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  rm -rf "$to" && mkdir -p "$to"
  for name in $pure $modules; do
    if [ -e "$site/$name" ]; then names+=("$name"); else echo "not installed here: $name" >&2; fi
  done
  # Their metadata too: some are asked for their version.
  while read -r name; do names+=("$name"); done < <(cd "$site" && "$python" - $pure $modules <<'PYTHON'
import sys
from importlib.metadata import packages_distributions, distribution
owners = packages_distributions()
for module in sys.argv[1:]:
    for owner in owners.get(module.removesuffix(".py"), []):
        print(distribution(owner)._path.name)
PYTHON
)
  tar -C "$site" --exclude='__pycache__' --exclude='libbitsandbytes_cuda1[12]*' --exclude='libbitsandbytes_rocm*' \
    --exclude='libbitsandbytes_xpu*' --exclude='*/tests' -cf - "${names[@]}" | xz -T2 -6 > "$to/pure.tar.xz"
  for name in $wheels; do
    version=$("$python" -c "from importlib.metadata import version; print(version('$name'))")
    "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
      --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
      --platform manylinux2014_x86_64 --platform manylinux1_x86_64 -d "$to" "$name==$version"
  done
  PYTHONPATH=. "$python" -c 'import sys; from pathlib import Path; from tests.gpu.__main__ import starter_tokenizer
print(starter_tokenizer(Path(sys.argv[1])))' "$to" > /dev/null
  rm -rf "$to/starter"  # its weights
  local size; size=$(du -sm "$to" | cut -f1)
  echo "$to: $size MB"
  [ "$size" -le "$most_mb" ]
}

if [ "${1:-}" = pack ]; then
  pack "${2:-$folder}"
  exit
fi

if [ ! -f .venv/tunesmith-stamp ]; then
  base=$(command -v "${GPU_PYTHON:-python3}")
  "$base" -c 'import torch' || { echo "$base holds no torch." >&2; exit 2; }
  rm -rf .venv
  "$base" -m venv --without-pip .venv
  site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  # What the machine has comes after what was brought.
  "$base" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1])' > "$site/zz_machine.pth"
  tar -C "$site" -xJf "$folder/pure.tar.xz"
  "$base" -m pip install -q --disable-pip-version-check --no-index --no-deps --no-compile --target "$site" "$folder"/*.whl
  .venv/bin/python -c 'from pathlib import Path; from studio.environment import write_stamp
write_stamp(Path(), with_tests=False)'
fi
exec .venv/bin/python launch.py --test --gpu --tokenizer "$folder/tokenizer" --out "${OUT:-gpu-checks}" "$@"
