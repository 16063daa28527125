#!/usr/bin/env bash
# Lets libFuzzer search for inputs that break a fuzz target, and sums up what it did.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${FUZZ_SECONDS:-300}
jobs=${FUZZ_JOBS:-$(nproc)}
dir=${FUZZ_DIR:-build/fuzz}
progress_every=15
memory_mb=1024
input_timeout_s=10

declare -A programs=() began=() # by target
declare -a pids=()              # the target of each process that runs
declare -a sums=()
n_findings=0
n_executions=0

usage() {
    cat <<TEXT
usage: tests/fuzz/run.sh PROGRAM...

Runs each program, fuzz_TARGET of \`make fuzz-programs\`, for a time. Begins with
the target's seeds, regressions and what earlier runs have kept in $dir/corpus.
The last lines are the sums, one for each target. Exit 1 when there is a finding.

Settings (environment):
  FUZZ_SECONDS  for each target (300)
  FUZZ_JOBS     how many run at once (one a core)
  FUZZ_DIR      where inputs, findings and logs go (build/fuzz)
TEXT
}

target_of() {
    local name=${1##*/}
    echo "${name#fuzz_}"
}

dictionary_of() {
    case $1 in
    envelope | http | server) echo "tests/fuzz/dictionaries/$1.dict" ;;
    outbox) echo tests/fuzz/dictionaries/envelope.dict ;;
    *) echo tests/fuzz/dictionaries/json.dict ;;
    esac
}

# The contract's orders as requests, for the target that takes what a client sends.
wrap_orders() {
    local file folder=$1
    mkdir -p "$folder"
    for file in schemas/examples/*.json schemas/counter-examples/new-order/*.json; do
        {
            printf 'POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
            printf 'Content-Length: %d\r\n\r\n' "$(wc -c <"$file")"
            cat "$file"
        } >"$folder/${file##*/}"
    done
}

# Begins a target; a finding ends its program with another code than 0.
start() {
    local program=$1 target=$2 folder
    local folders=("$dir/corpus/$target" schemas/examples schemas/counter-examples)
    mkdir -p "$dir/corpus/$target" "$dir/findings/$target" "$dir/logs"
    [ "$target" != server ] || wrap_orders "$dir/seeds/$target"
    for folder in "$dir/seeds/$target" "tests/fuzz/seeds/$target" "tests/fuzz/regressions/$target"; do
        [ ! -d "$folder" ] || folders+=("$folder")
    done
    "$program" -max_total_time="$seconds" -timeout=$input_timeout_s -rss_limit_mb=$memory_mb \
        -print_final_stats=1 -use_value_profile=1 -dict="$(dictionary_of "$target")" \
        -artifact_prefix="$dir/findings/$target/" "${folders[@]}" \
        >"$dir/logs/$target.log" 2>&1 </dev/null &
    pids[$!]=$target
    echo "fuzz: $target: begun, for $seconds s"
}

# last_of LOG FIELD: its last value in libFuzzer's lines "#1024 NEW cov: 310 ft: 802 corp: 90/12Kb"
last_of() {
    awk -v field="$2" '
        /^#[0-9]/ {
            if (field == "executions") value = substr($1, 2)
            for (i = 1; i < NF; i++)
                if ($i == field ":") value = $(i + 1)
        }
        /^stat::number_of_executed_units:/ && field == "executions" { value = $2 }
        END { print value + 0 }' "$1"
}

describe() {
    local log=$dir/logs/$1.log
    printf '%d executions, %d edges, %d features, %d inputs kept' "$(last_of "$log" executions)" \
        "$(last_of "$log" cov)" "$(last_of "$log" ft)" "$(last_of "$log" corp)"
}

show_progress() {
    local pid target
    for pid in "${!pids[@]}"; do
        target=${pids[$pid]}
        echo "fuzz: $target: $((SECONDS - began[$target])) of $seconds s, $(describe "$target")"
    done
}

explain_finding() {
    local program=$1 target=$2 log=$dir/logs/$2.log input
    input=$(sed -n 's/^.*Test unit written to //p' "$log" | tail -n 1)
    if [ -z "$input" ]; then
        echo "fuzz: $target: FAILED without an input, see $log:"
        tail -n 20 "$log" | sed 's/^/    /'
        return
    fi
    echo "fuzz: $target: FINDING, see $log:"
    grep -m 3 -E 'Assertion|runtime error:|^SUMMARY:|^==[0-9]+== ?ERROR:' "$log" | sed 's/^/    /' || true
    cat <<TEXT
    input:   $input
    replay:  $program $input
    shrink:  $program -minimize_crash=1 -max_total_time=60 -artifact_prefix=$dir/findings/$target/ $input
    keep:    mkdir -p tests/fuzz/regressions/$target && cp $input tests/fuzz/regressions/$target/WHAT-IT-SHOWS
TEXT
}

# Waits for one target to end, and shows meanwhile that the others live.
wait_for_one() {
    local pid code target shown=$SECONDS
    while :; do
        for pid in "${!pids[@]}"; do
            kill -0 "$pid" 2>/dev/null && continue
            target=${pids[$pid]} code=0
            wait "$pid" || code=$?
            unset "pids[$pid]"
            finish "$target" "$code"
            return
        done
        if ((SECONDS - shown >= progress_every)); then
            show_progress
            shown=$SECONDS
        fi
        sleep 1
    done
}

finish() {
    local target=$1 code=$2 executions findings=0
    executions=$(last_of "$dir/logs/$target.log" executions)
    if ((code != 0 || executions == 0)); then
        findings=1
        explain_finding "${programs[$target]}" "$target"
    fi
    n_findings=$((n_findings + findings))
    n_executions=$((n_executions + executions))
    sums+=("$(printf '%-16s %s, %d executions/s, %d findings' "$target" "$(describe "$target")" \
        $((executions / (SECONDS - began[$target] + 1))) $findings)")
    echo "fuzz: $target: ended"
}

stop_all() {
    [ ${#pids[@]} = 0 ] || kill "${!pids[@]}" 2>/dev/null || true
}

main() {
    case ${1:-} in
    -h | --help) usage; return ;;
    '') usage >&2; return 2 ;;
    esac
    local program target
    trap stop_all EXIT
    for program; do
        target=$(target_of "$program")
        programs[$target]=$program began[$target]=$SECONDS
        start "$program" "$target"
        ((${#pids[@]} < jobs)) || wait_for_one
    done
    while ((${#pids[@]} > 0)); do
        wait_for_one
    done
    printf '%s\n' "${sums[@]}"
    echo "$# targets, $n_executions executions, $n_findings findings"
    ((n_findings == 0))
}

main "$@"
