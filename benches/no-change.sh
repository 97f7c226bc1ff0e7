#!/usr/bin/env bash
# no-change.sh STACKCTL CONFIG SSH_COMMAND [RUNS]
# How long provision and deploy take when nothing differs, beside `ssh HOST true` in the same minute: medians in
# milliseconds and their ratio. Runs alternate, so that both meet the same noise.
#
#   benches/no-change.sh target/release/stackctl path/to/stackctl.yaml "ssh -i key -p 2222 ubuntu@127.0.0.1"
set -euo pipefail
stackctl=$1 config=$2 ssh=$3 runs=${4:-11}

milliseconds() {
	local begun ended
	begun=$(date +%s%N)
	"$@" >/dev/null 2>&1
	ended=$(date +%s%N)
	echo $(((ended - begun) / 1000000))
}

median() { sort -n | sed -n "$(((runs + 1) / 2))p"; }

declare -a plain provision deploy
for ((run = 0; run < runs; run++)); do
	# shellcheck disable=SC2086 # a command line, given as one argument
	plain+=("$(milliseconds $ssh true)")
	provision+=("$(milliseconds "$stackctl" -c "$config" provision --yes)")
	deploy+=("$(milliseconds "$stackctl" -c "$config" deploy --yes)")
done
base=$(printf '%s\n' "${plain[@]}" | median)
for name in provision deploy; do
	declare -n times=$name
	middle=$(printf '%s\n' "${times[@]}" | median)
	awk -v name="$name" -v ours="$middle" -v ssh="$base" \
		'BEGIN { printf "%-10s %4d ms, ssh HOST true %4d ms, ratio %.2f\n", name, ours, ssh, ours / ssh }'
done
