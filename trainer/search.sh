#!/bin/sh
# Ranks small networks as students of a style: a short distillation of each with equal steps, then its
# cost, its likeness to the teacher on held-out photos, and its time in the CPU engine.
# usage: trainer/search.sh NIJIGEN TEACHER PREPARED OUT [DEVICE]   (networks: trainer/configs/search/networks/*.toml)
set -eu
nijigen=$1 teacher=$2 prepared=$3 out=$4 device=${5:-flex}
here=$(dirname "$0")
mkdir -p "$out"
set --
for network in "$here"/configs/search/networks/*.toml; do
    name=$(basename "$network" .toml)
    "$nijigen" distill --config "$here/configs/search/short.toml" --teacher "$teacher" \
        --student "$network" --prepared "$prepared" --runs "$out/$name" --device "$device"
    "$nijigen" export "$out/$name"/* "$out/$name.safetensors" --name "$name" \
        --provenance "A short search run." --data-licence "none"
    set -- "$@" --style "$out/$name.safetensors"
done
"$nijigen" compare --teacher "$teacher" --prepared "$prepared" --limit 8 "$@"
