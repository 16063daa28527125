#!/usr/bin/env bash
# Runs labs one after the other, and holds what they print against README.md.
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

usage() {
    cat <<'TEXT'
usage: scripts/labs/all.sh [--write] [NN...]

  NN       only these labs (01, 02, ...); without any, all of them
  --write  put what they print into scripts/labs/README.md instead of comparing

All labs share one Apache Kafka: the one at KAFKA_BROKERS (localhost:PORT), or
one that is started here and stopped at the end. Those about several brokers
start a cluster of their own.
TEXT
}

outputs=build/labs/output
page_mode=--check
case "${1:-}" in
-h | --help) usage; exit 0 ;;
--write) page_mode=--write; shift ;;
esac

labs=()
for number in "${@:-[0-9][0-9]}"; do
    # shellcheck disable=SC2206 # a pattern
    found=(scripts/labs/$number-*.sh)
    [ -e "${found[0]}" ] || die "there is no lab '$number': see scripts/labs/README.md"
    labs+=("${found[@]}")
done


need_kafka
export KAFKA_BROKERS=$broker
mkdir -p "$outputs"
failed=()
for script in "${labs[@]}"; do
    name=$(basename "$script" .sh)
    rm -f "$outputs/$name.txt"
    if "$script" | tee "$work/output"; then
        mv "$work/output" "$outputs/$name.txt"
    else
        failed+=("make lab-${name%%-*}")
    fi
    echo
done
scripts/labs/page.py "$page_mode" "$outputs" "${labs[@]}" || failed+=("the page scripts/labs/README.md")
[ ${#failed[@]} = 0 ] || die "${#failed[@]} of ${#labs[@]} labs and their page failed: ${failed[*]}"
echo "labs: ${#labs[@]} labs, all that they claim is so, and README.md shows what they print (${SECONDS} s)"
