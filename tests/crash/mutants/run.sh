#!/usr/bin/env bash
# Plants a bug at a time in the services and audits what comes of it; `make
# mutants` builds what it needs.
set -euo pipefail
cd "$(dirname "$0")/../../.."

build=${BUILD:-build}
jobs=${JOBS:-4}
work=$build/mutants
patches=tests/crash/mutants

usage() {
    cat <<TEXT
usage: tests/crash/mutants/run.sh [NAME...]

For each tests/crash/mutants/NAME.patch: builds the services with it, lets a
shop of them go through the patch's scenario (tests/crash/mutants/scenario.c), and audits
it. The law that the patch names must object. The services as they are go
through each scenario, too, and must pass.

A patch is what \`git diff\` prints, behind a text that says what the bug is, a
line "Law: NAME" and a line "Scenario: NAME". One that does not apply is a
failure: adapt it to the code. Without a NAME, all of them.

Settings (environment):
  JOBS   how many run at once (4)
  BUILD  where the programs are, and where the logs go: BUILD/mutants (build)
TEXT
}

field() { sed -n "s/^$1: //p;/^---/q" "$2"; }

# play SCENARIO BIN_DIR LOG: a shop of these programs goes through it
play() {
    SCENARIO=$1 BIN_DIR=$2 timeout --kill-after=5 180 "$build/tests/crash/mutants/scenario" >"$3" 2>&1
}

# result WORD NAME SECONDS TEXT: one line, and a mark for the summary
result() {
    printf '%-7s %-32s %3d s  %s\n' "$1" "$2" "$3" "$4"
    echo "$1" >"$work/$2.result"
}

judge_original() {
    local scenario=$1 log=$work/original-$1.log began=$SECONDS
    if play "$scenario" "$build/bin" "$log"; then
        result passes "original-$scenario" $((SECONDS - began)) "all laws hold"
    else
        result FAILED "original-$scenario" $((SECONDS - began)) "see $log"
    fi
}

# build_mutant NAME: a copy of the tree and of what is built, patched; make then
# compiles the one file and links.
build_mutant() {
    local tree=$work/$1
    rm -rf "$tree"
    mkdir -p "$tree/build/obj" "$tree/build/bin"
    cp -a Makefile schemas shared services "$tree"
    cp -a "$build"/obj/{shared,services} "$tree/build/obj"
    cp -a "$build"/lib "$tree/build"
    cp -a "$build"/bin/*-service "$tree/build/bin"
    patch -d "$tree" -p1 --fuzz=0 --no-backup-if-mismatch <"$patches/$1.patch" || return 1
    make -C "$tree" BUILD=build build/bin/{order,inventory,notification,logging}-service || return 1
    cp -a "$build/bin/orderctl" "$tree/build/bin" # the auditor is not a mutant
}

broken_laws() { sed -n 's/^FAIL  \([a-z]*\) .*/\1/p' "$1" | tr '\n' ' '; }

judge_mutant() {
    local name=$1 patch=$patches/$1.patch log=$work/$1.log began=$SECONDS law scenario broken
    law=$(field Law "$patch")
    scenario=$(field Scenario "$patch")
    if ! build_mutant "$name" >"$work/$name.build.log" 2>&1; then
        result FAILED "$name" $((SECONDS - began)) "the patch does not apply or build, see $work/$name.build.log"
    elif play "$scenario" "$work/$name/build/bin" "$log"; then
        result FAILED "$name" $((SECONDS - began)) "survived: no law objected, see $log"
    else
        broken=$(broken_laws "$log")
        case " $broken" in
        *" $law "*) result caught "$name" $((SECONDS - began)) "by ${broken% }" ;;
        *) result FAILED "$name" $((SECONDS - began)) "$law did not object, see $log" ;;
        esac
    fi
    rm -rf "${work:?}/$name"
}

# run_all FUNCTION NAME...: some at once
run_all() {
    local function=$1 n_running=0 name
    shift
    for name; do
        if ((n_running == jobs)); then
            wait -n || true
            n_running=$((n_running - 1))
        fi
        "$function" "$name" &
        n_running=$((n_running + 1))
    done
    wait
}

main() {
    case ${1:-} in
    -h | --help)
        usage
        return
        ;;
    esac
    local names=("$@") scenarios n_failed
    [ $# -gt 0 ] || mapfile -t names < <(basename -a -s .patch "$patches"/*.patch)
    rm -rf "$work"
    mkdir -p "$work"
    mapfile -t scenarios < <(for name in "${names[@]}"; do
        field Scenario "$patches/$name.patch"
    done | LC_ALL=C sort -u)
    echo "mutants: ${#names[@]} bugs, ${#scenarios[@]} scenarios, $jobs at once"
    run_all judge_original "${scenarios[@]}"
    run_all judge_mutant "${names[@]}"
    n_failed=$(cat "$work"/*.result | grep -c FAILED || true)
    echo "mutants: $(cat "$work"/*.result | grep -c caught || true) of ${#names[@]} bugs caught by the audit, $n_failed failures, $SECONDS s"
    ((n_failed == 0))
}

main "$@"
