#!/usr/bin/env bash
# Installs the Debian packages that a purpose needs and that are missing.
# Without anything missing it does nothing, needs no rights and no network.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/setup.sh PURPOSE...

  run              to build the programs and run them
  test             to build and run the tests, too
  documents        to validate the AsyncAPI and OpenAPI documents
  labs             to go through the labs
  bench            to measure
  fuzz             to search with the fuzzers
  check            to check the code's form and layers
  COMMAND:PACKAGE  a package, unless the command is there
  list PURPOSE     print the packages of a purpose and install nothing
TEXT
}

packages_of() {
    case "$1" in
    run) echo gcc libc6-dev make librdkafka-dev libmicrohttpd-dev libcjson-dev libsqlite3-dev libcurl4-openssl-dev curl ca-certificates ;;
    test) echo libcmocka-dev python3 python3-jsonschema sqlite3 ;;
    documents) packages_of node:nodejs && packages_of npm:npm ;;
    labs) echo curl jq kcat python3 python3-confluent-kafka && packages_of node:nodejs && packages_of npm:npm ;;
    bench) echo python3 wrk valgrind binutils ;;
    fuzz) echo clang libclang-rt-14-dev ;;
    check) echo clang clang-format clang-tidy shellcheck ;;
    *:*) if [ -z "${1%%:*}" ] || ! command -v "${1%%:*}" >/dev/null; then echo "${1#*:}"; fi ;;
    *) return 1 ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup: these packages are missing and installing them needs root: ${missing[*]}" >&2
        echo "setup: run as root: apt-get install -y ${missing[*]}" >&2
        exit 1
    fi
}

[ $# -gt 0 ] || { usage >&2; exit 2; }
case "$1" in
-h | --help) usage; exit 0 ;;
list) packages_of "${2:-}" || { usage >&2; exit 2; }; exit 0 ;;
esac

missing=()
for purpose in "$@"; do
    packages=$(packages_of "$purpose") || { echo "setup: unknown purpose $purpose" >&2; usage >&2; exit 2; }
    for package in $packages; do
        is_installed "$package" || missing+=("$package")
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
    echo "setup: no apt-get here; install the equivalents of: ${missing[*]}" >&2
    exit 1
}
echo "setup: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! as_root apt-get update -q >"$log" 2>&1 ||
    ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: installing failed, see above; mend it and run the command again" >&2
    exit 1
fi
echo "setup: done"
