#!/usr/bin/env bash
# CIFAR-10-LT (tau 0.01) on one CUDA device: CE, SETF and CAL, three seeds each; steps per second and memory; whether an
# interrupted training goes on bit for bit, and whether torchrun works. Needs this checkout and torch, and no network.
# It was never run on a card, only with --smoke on a CPU.
#
#   scripts/gpu.sh pack DATA     where CIFAR-10 is (ufm data): writes OUT/cifar10-lt.tgz, about 40 MB
#   scripts/gpu.sh run           where the GPU is: unpacks it, trains, reports; called again, it goes on
#   scripts/gpu.sh run --smoke   a few synthetic batches on the CPU, CAL with a small network: does it run?
#
# Environment: OUT (runs/gpu), METHODS (ce setf cal), SEEDS (0 1 2), EPOCHS (200), LIMIT (1700 seconds for a call),
# PYTHON (python).
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=${OUT:-runs/gpu} METHODS=${METHODS:-ce setf cal} SEEDS=${SEEDS:-0 1 2} EPOCHS=${EPOCHS:-200} LIMIT=${LIMIT:-1700} PYTHON=${PYTHON:-python}
began=$SECONDS

pack() {
    rm -rf "$OUT/data"
    "$PYTHON" -m ufm data cifar10 --data "$1" --tau 0.01 --export "$OUT/data/own/cifar10-lt"
    tar -czf "$OUT/cifar10-lt.tgz" -C "$OUT/data" own
    ls -l "$OUT/cifar10-lt.tgz"
}

# Where a training is to be, how it is named, and flags: begun, gone on with, or left alone if it is finished.
training() {
    local folder=$OUT/$1 name=$2 left=$((LIMIT - SECONDS + began))
    shift 2
    [ -e "$folder/report.json" ] && return
    [ "$left" -gt 0 ] || { echo "LIMIT is over: call again to go on"; exit 0; }
    if [ -e "$folder/config.json" ]; then
        set -- --resume "$folder" "${placed[@]}"
    else
        set -- "$name" "$@" "${placed[@]}" "${smoke[@]}" --out "$folder"
    fi
    timeout --signal=INT "$left" "$PYTHON" -m ufm train "$@" || stopped $?
}

stopped() {
    case $1 in
        124 | 130) echo "LIMIT is over: call again to go on"; exit 0 ;;
        *) exit "$1" ;;
    esac
}

run() {
    local large=$METHODS
    network=resnet32 placed=(--device cuda --data "$OUT/data") smoke=() batches=()
    if [ "${1:-}" = --smoke ]; then
        network=cnn placed=(--device cpu) smoke=(--smoke) batches=(--batch-size 2) large="" METHODS=cal SEEDS=0 OUT=$(mktemp -d)
        trap 'rm -rf "$OUT"' EXIT
    else
        [ -d "$OUT/data" ] || { mkdir -p "$OUT/data" && tar -xzf "$OUT/cifar10-lt.tgz" -C "$OUT/data"; }
        nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits --loop=5 >> "$OUT/memory.txt" &
        trap "kill $!" EXIT
    fi
    local images=(--dataset own/cifar10-lt --tau 1 --precision bf16)
    for seed in $SEEDS; do
        for method in $METHODS; do
            training "$network-$method/seed$seed" "table2/cifar10-resnet50-$method-0.01" "${images[@]}" \
                --network "$network" --epochs "$EPOCHS" --measure-every 20 --seed "$seed"
        done
    done
    for method in $large; do
        training "resnet50-$method/seed0" "table2/cifar10-resnet50-$method-0.01" "${images[@]}" --epochs 2
    done
    twice "${images[@]}"
    "$PYTHON" -m scripts.gpu "$OUT"
}

# The same training in one go and interrupted in the middle; and by torchrun.
twice() {
    local short=(table2/cifar10-resnet50-cal-0.01 "$@" "${batches[@]}" --network "$network" --epochs 4 --measure-every 1)
    placed+=(--deterministic --checkpoint-every 1)
    training whole "${short[@]}"
    if [ ! -e "$OUT/parts/report.json" ]; then
        for _ in 1 2 3; do # a short training can be over before it is interrupted
            rm -rf "$OUT/parts"
            "$PYTHON" -m ufm train "${short[@]}" "${placed[@]}" "${smoke[@]}" --out "$OUT/parts" &
            until [ -n "$(newest parts)" ] || ! kill -0 $! 2> /dev/null; do sleep 0.05; done
            kill -INT $! 2> /dev/null || true
            wait $! || true
            if [[ ! -e $OUT/parts/report.json && -n $(newest parts) && $(newest parts) < $(newest whole) ]]; then
                break
            fi
            rm -rf "$OUT/parts" # a further call is to try again
        done
        if [ ! -e "$OUT/parts" ]; then
            echo "the training that was to be interrupted has no checkpoint before its last step: nothing to resume" >&2
            exit 1
        fi
        training parts "${short[@]}"
    fi
    if [ ! -e "$OUT/torchrun/report.json" ]; then
        rm -rf "$OUT/torchrun"
        "$PYTHON" -m torch.distributed.run --nproc-per-node 1 -m ufm train "${short[@]}" "${placed[@]}" "${smoke[@]}" \
            --out "$OUT/torchrun"
    fi
}

# The last checkpoint of a training, by whose name later ones come later.
newest() {
    ls "$OUT/$1/checkpoints" 2> /dev/null | tail -n 1
}

case "${1:-}" in
    pack) pack "${2:?the folder of CIFAR-10}" ;;
    run) run "${2:-}" ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
