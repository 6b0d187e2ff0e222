#!/usr/bin/env bash
# A study as a job array: every element runs one shard of its chunks, all in one directory on a shared file system.
#
#     sbatch --array=1-16 experiments/slurm/batch.sh smoke results/smoke
#
# Further arguments go to `trainwright batch`. The same command again goes on where it stopped; elements that are done
# end at once. A study whose replications follow from a precision ([until]) takes a second array after the first:
#
#     first=$(sbatch --parsable --array=1-16 experiments/slurm/batch.sh STUDY DIR)
#     sbatch --array=1-16 --dependency="afterany:$first" experiments/slurm/batch.sh STUDY DIR
#
#SBATCH --job-name=trainwright
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --requeue
set -euo pipefail

[ "$#" -ge 2 ] || { echo "usage: sbatch --array=1-N $0 STUDY DIR [OPTION]..." >&2; exit 2; }
[ -n "${SLURM_ARRAY_TASK_ID:-}" ] || { echo "$0: no job array; expected sbatch --array=1-N" >&2; exit 2; }
[ "${SLURM_ARRAY_TASK_MIN:-1}" = 1 ] || { echo "$0: got an array from $SLURM_ARRAY_TASK_MIN; expected 1-N" >&2; exit 2; }
study=$1 directory=$2
shift 2

# Replaces this shell, so that the signal before the time limit reaches the batch: what is done stays.
exec "${TRAINWRIGHT:-trainwright}" batch "$study" --out "$directory" --workers "${SLURM_CPUS_PER_TASK:-1}" \
    --shard "$SLURM_ARRAY_TASK_ID/${SLURM_ARRAY_TASK_MAX:-1}" "$@"
