#!/usr/bin/env bash
# Checks the code's form; `make check` installs what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

all_checks=(layers headers format warnings lint scripts)

usage() {
    cat <<'TEXT'
usage: scripts/check.sh [CHECK...]

  layers    includes point only downward, libraries stay in their layer
  headers   each header compiles by itself and has #pragma once
  format    clang-format finds nothing to change
  warnings  clang builds everything without a warning (make builds with gcc)
  lint      clang-tidy finds nothing
  scripts   shellcheck finds nothing, Python can read its own

Without a CHECK, all of them.
TEXT
}

cores=$(nproc)
language=(-std=c17 -D_GNU_SOURCE -Ishared -Iservices -Itests)

c_files() {
    find shared services tests -name '*.[ch]' | LC_ALL=C sort
}

# --- layers: what a file may include, by the folder it is in --------------------------------------

check_layers() {
    # shellcheck disable=SC2046 # the names have no spaces
    awk '
    BEGIN {
        below["base"] = "base"
        below["event"] = "event base"
        below["store"] = "store event base"
        below["bus"] = "bus event base"
        below["http"] = "http event base"
        below["runtime"] = "runtime bus store http event base"
        for (layer in below)
            is_layer[layer] = 1
    }
    function complain(why) {
        printf "%s:%d: includes %s: %s\n", FILENAME, FNR, name, why
        n_faults++
    }
    function contains(list, word) {
        return index(" " list " ", " " word " ") > 0
    }
    # Which library does it belong to, and where may that one be used?
    function check_library() {
        if (name ~ /^librdkafka\// && part != "tests" && folder !~ /^(shared\/bus|services\/dev-broker)$/)
            complain("only shared/bus and services/dev-broker speak to librdkafka")
        if (name ~ /^sqlite3/ && part != "tests" && folder !~ /^(shared\/store|services\/[^\/]*\/adapters)$/)
            complain("only shared/store and adapters speak to SQLite")
        if (name ~ /^microhttpd/ && part != "tests" && folder != "shared/http")
            complain("only shared/http speaks to libmicrohttpd")
        if (name ~ /^curl\// && part != "tests" && folder != "services/orderctl")
            complain("only services/orderctl speaks to libcurl")
        if (name ~ /^cjson\// && part != "tests" && FILENAME ~ /\.h$/)
            complain("cJSON stays inside .c files")
        if (name ~ /^cjson\// && folder ~ /\/domain$/)
            complain("the domain is pure: no JSON")
    }
    function check_shared() {
        if (is_layer[top] && !contains(below[unit], top))
            complain("layer " unit " may include only " below[unit])
        if (!is_layer[top])
            complain("the shared library knows no service and no test")
    }
    function check_service() {
        if (!is_layer[top] && top != unit)
            complain("services never include each other, nor tests")
        if (folder ~ /\/domain$/ && top != "base" && top != "event" && name !~ "^" unit "/domain/")
            complain("the domain is pure: only its own headers, event and base")
        if (folder ~ /\/adapters$/ && name ~ "^" unit "/[^/]*$")
            complain("adapters know the domain, not the handlers above them")
    }
    FNR == 1 {
        split(FILENAME, at, "/")
        part = at[1]
        unit = at[2]
        folder = FILENAME
        sub(/\/[^\/]*$/, "", folder)
    }
    /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
        name = $0
        sub(/^[^<"]*[<"]/, "", name)
        is_quoted = $0 ~ /include[ \t]*"/
        sub(/[>"].*$/, "", name)
        top = name
        sub(/\/.*$/, "", top)
        check_library()
        if (is_quoted && part == "shared")
            check_shared()
        if (is_quoted && part == "services")
            check_service()
    }
    END { exit n_faults > 0 }
    ' $(c_files)
}

# --- headers ---------------------------------------------------------------------------------------

check_header() {
    local header=$1 status=0
    grep -q '^#pragma once$' "$header" || {
        echo "$header:1: has no #pragma once"
        status=1
    }
    gcc "${language[@]}" -fsyntax-only -include "$header" -x c /dev/null || status=1
    return $status
}

check_headers() {
    local header status=0
    while read -r header; do
        check_header "$header" || status=1
    done < <(c_files | grep '\.h$')
    return $status
}

# --- format, warnings, lint, scripts ---------------------------------------------------------------

check_format() {
    local files
    # shellcheck disable=SC2046 # the names have no spaces
    files=$(clang-format --dry-run -Werror $(c_files) 2>&1 | sed -n 's/:[0-9]*:[0-9]*: error:.*//p' |
        sort -u)
    [ -n "$files" ] || return 0
    xargs printf '%s: is not as clang-format would have it\n' <<<"$files"
    echo "to see:  clang-format FILE | diff FILE -;  to mend:  clang-format -i FILE"
    return 1
}

check_warnings() {
    local log=build/clang/check.log
    mkdir -p build/clang
    make -k -j"$cores" BUILD=build/clang CC=clang CFLAGS=-Werror build tests bench-programs failpoint-programs >"$log" 2>&1 && return 0
    grep -E '(error|warning):|\*\*\*' "$log" || tail -n 20 "$log"
    return 1
}

# Left out: what gcc's warnings say already (narrowing, widening), what cannot be
# otherwise in C (strcpy and memcpy "insecure", two parameters of one type), and
# three that are wrong here in clang 14: sizeof of pointers, va_list, macros.
tidy_checks='-*,clang-analyzer-*,bugprone-*'
for name in bugprone-{easily-swappable-parameters,narrowing-conversions,sizeof-expression} \
    bugprone-{implicit-widening-of-multiplication-result,macro-parentheses} \
    bugprone-not-null-terminated-result clang-analyzer-valist.Uninitialized \
    clang-analyzer-security.insecureAPI.{strcpy,DeprecatedOrUnsafeBufferHandling}; do
    tidy_checks+=",-$name"
done

check_lint() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    c_files | grep -v '^tests/' | grep '\.c$' | xargs -P "$cores" -n 4 bash -c '
        checks=$1 language=$2
        shift 2
        out=$(clang-tidy --quiet --warnings-as-errors="*" --checks="$checks" "$@" -- $language 2>/dev/null) && exit
        echo "$out"
        exit 1
    ' _ "$tidy_checks" "${language[*]}"
}

check_scripts() {
    # shellcheck disable=SC2046 # the names have no spaces
    shellcheck -x -P SCRIPTDIR $(grep -rlE '^#!.*\b(ba)?sh\b' scripts tests services .ci 2>/dev/null | LC_ALL=C sort) || return 1
    # shellcheck disable=SC2046 # the names have no spaces
    python3 -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]' \
        $({ grep -rlE '^#!.*\bpython3$' scripts tests; find tests -name '*.py'; } | LC_ALL=C sort -u)
}

# ---------------------------------------------------------------------------------------------------

checks=("$@")
for name in "${checks[@]}"; do
    case " ${all_checks[*]} " in
    *" $name "*) ;;
    *)
        [ "$name" = -h ] || [ "$name" = --help ] && { usage; exit 0; }
        usage >&2
        exit 2
        ;;
    esac
done
[ ${#checks[@]} -gt 0 ] || checks=("${all_checks[@]}")

n_failed=0
for name in "${checks[@]}"; do
    echo "check: $name"
    start=$SECONDS
    if (set +e; "check_$name"); then
        echo "check: $name passed, $((SECONDS - start)) s"
    else
        echo "check: $name FAILED, $((SECONDS - start)) s"
        n_failed=$((n_failed + 1))
    fi
done
echo "check: $((${#checks[@]} - n_failed)) of ${#checks[@]} checks passed, $n_failed failed"
[ "$n_failed" = 0 ]
