#!/usr/bin/env bash
# Sends orders as a shop would see them: random customers and products, an id
# of its own each, one every few seconds, until Ctrl-C.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/simulate.sh [--every SECONDS] [--count N]

  --every 5s   time between two orders (0.5s, 5s, 2m); default 5s
  --count N    stop after N orders; default: go on until Ctrl-C

Setting: ORDER_URL (http://localhost:3000), the order-service.
TEXT
}

every=5
count=0
ORDER_URL=${ORDER_URL:-http://localhost:3000}

fail() { echo "simulate: $*" >&2; exit 2; }

seconds_of() {
    [[ $1 =~ ^([0-9]+(\.[0-9]+)?)(s|m)?$ ]] || fail "--every $1: must be a time such as 5s, 0.5s or 2m"
    if [ "${BASH_REMATCH[3]}" = m ]; then
        awk "BEGIN { print ${BASH_REMATCH[1]} * 60 }"
    else
        echo "${BASH_REMATCH[1]}"
    fi
}

while [ $# -gt 0 ]; do
    case "$1" in
    --every) every=$(seconds_of "${2:-}"); shift 2 ;;
    --every=*) every=$(seconds_of "${1#*=}"); shift ;;
    --count) count=${2:-}; shift 2 ;;
    --count=*) count=${1#*=}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument $1" ;;
    esac
done
[[ $count =~ ^[0-9]+$ ]] || fail "--count $count: must be a whole number"
command -v curl >/dev/null || fail "curl is missing: install it (apt-get install curl)"

products() {
    curl -fsS --max-time 5 "$ORDER_URL/products?limit=100" | grep -o '"productId":"[^"]*"' | cut -d'"' -f4
}

# An order of one to three lines; the service fills in the totals.
make_order() {
    local lines='' n=$((RANDOM % 3 + 1)) i
    for ((i = 0; i < n; i++)); do
        lines+="${lines:+,}{\"productId\":\"${PRODUCTS[RANDOM % ${#PRODUCTS[@]}]}\",\"quantity\":$((RANDOM % 4 + 1))}"
    done
    printf '{"orderId":"ORDER-%s-%d-%d","customerId":"CUSTOMER-%03d","products":[%s]}' \
        "$(date +%s)" $$ "$1" $((RANDOM % 200)) "$lines"
}

# Accepted, or tried again: the orderId makes that safe.
send() {
    local order=$1 code
    until code=$(curl -sS -o /dev/null -w '%{http_code}' --max-time 10 -H 'Content-Type: application/json' \
        --data-binary "$order" "$ORDER_URL/orders" 2>/dev/null) && [[ $code = 20[01] ]]; do
        [[ $code = 4* ]] && fail "the order-service refuses an order ($code): $order"
        echo "simulate: $ORDER_URL answers ${code:-nothing}; trying the same order again in 2 s" >&2
        sleep 2
    done
    echo "simulate: $code $order"
}

sent=0
trap 'echo "simulate: sent $sent orders"; exit 0' INT TERM
until mapfile -t PRODUCTS < <(products 2>/dev/null) && [ ${#PRODUCTS[@]} -gt 0 ]; do
    echo "simulate: waiting for the order-service at $ORDER_URL" >&2
    sleep 2
done
while [ "$count" = 0 ] || [ $sent -lt "$count" ]; do
    send "$(make_order $sent)"
    sent=$((sent + 1))
    [ $sent = "$count" ] || sleep "$every" &
    wait $! || true
done
echo "simulate: sent $sent orders"
