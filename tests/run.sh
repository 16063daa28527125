#!/usr/bin/env bash
# Runs test programs, some at once, and sums up what they say.
set -euo pipefail

jobs=${JOBS:-4}
timeout_s=${TEST_TIMEOUT_S:-180}
log_dir=${TEST_LOG_DIR:-build/test-logs}

usage() {
    cat <<TEXT
usage: tests/run.sh PROGRAM... [--then COMMAND...]

Runs each program with its own log, prints a line as it ends, and its log when
it failed. The last line is "N passed, M failed", over all of them. A program
that crashes, or takes too long, counts as one that failed. Exit 1 when
anything failed or nothing ran. The command behind --then judges what the
programs left: it is run when all have ended, and is one test more.

Settings (environment):
  JOBS            how many run at once (4)
  TEST_TIMEOUT_S  how long one may take (180)
  TEST_LOG_DIR    where the logs go (build/test-logs)
  HTTP_EXCHANGES  where programs note what they say over HTTP; emptied first (nowhere)
TEXT
}

# count_of WORD LOG: from cmocka's summaries, "[  PASSED  ] 3 test(s)"
count_of() {
    sed -n "s/^\[ *$1 *\] \([0-9][0-9]*\) test(s).*/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

speaks_cmocka() { grep -q '^\[==========\]' "$1"; }

# report NAME LOG EXIT_CODE SECONDS: the program's line, and its counts to a file
report() {
    local name=$1 log=$2 code=$3 seconds=$4 passed failed skipped note=
    passed=$(count_of PASSED "$log")
    failed=$(count_of FAILED "$log")
    skipped=$(count_of SKIPPED "$log")
    if ((code != 0 && failed == 0)); then
        failed=1
        note=", exit code $code"
        ((code != 124 && code != 137)) || note=", ended after $timeout_s s"
    elif ((code == 0 && passed == 0)) && ! speaks_cmocka "$log"; then
        passed=1
    fi
    ((skipped == 0)) || note="$note, $skipped skipped"
    speaks_cmocka "$log" || ((failed > 0)) || note=": $(tail -n 1 "$log")"
    {
        flock 9
        printf '%-44s %4d s  %d passed, %d failed%s\n' "$name" "$seconds" "$passed" "$failed" "$note"
        ((failed == 0)) || sed 's/^/    /' "$log"
    } 9>>"$results/lock"
    printf '%d %d\n' "$passed" "$failed" >"$results/$name"
}

# run_one PROGRAM [ARGUMENT...]: in a process group of its own, which is killed
# when it takes too long.
run_one() {
    local name log code=0 began=$SECONDS
    name=$(sed 's:^.*tests/::; s:^[./]*::; s:/:-:g' <<<"$1")
    log=$log_dir/$name.log
    : >"$log"
    # The shell's own word about a crash belongs into the log, too.
    { timeout --kill-after=5 "$timeout_s" "$@" >>"$log" 2>&1 </dev/null || code=$?; } 2>>"$log"
    report "$name" "$log" "$code" $((SECONDS - began))
}

main() {
    case ${1:-} in
    -h | --help)
        usage
        return
        ;;
    esac
    mkdir -p "$log_dir"
    results=$(mktemp -d)
    trap 'rm -rf "$results"' EXIT
    if [ -n "${HTTP_EXCHANGES:-}" ]; then
        mkdir -p "$HTTP_EXCHANGES"
        rm -f "$HTTP_EXCHANGES"/*.exchanges
    fi
    local n_running=0 n_programs=0 passed failed
    while (($# > 0)) && [ "$1" != --then ]; do
        if ((n_running == jobs)); then
            wait -n || true
            n_running=$((n_running - 1))
        fi
        run_one "$1" &
        n_running=$((n_running + 1))
        n_programs=$((n_programs + 1))
        shift
    done
    wait
    if (($# > 1)); then
        run_one "${@:2}"
        n_programs=$((n_programs + 1))
    fi
    read -r passed failed < <(find "$results" -type f ! -name lock -exec cat {} + \
        | awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }')
    # A program whose shell died has left no counts.
    failed=$((failed + n_programs - $(find "$results" -type f ! -name lock | wc -l)))
    printf '%d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0 && passed > 0))
}

main "$@"
