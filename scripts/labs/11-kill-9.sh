#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'kill -9 in the middle, and the audit after it' <<'TEXT'
Sixty orders are placed, one after the other. In the middle of it the order-service and the
inventory-service are killed, so that they can neither finish nor clean up. A client that gets no
answer sends its order again. Then the auditor holds all databases and topics against each other.
TEXT
need_kafka
need_shop order inventory notification logging

# The client is slow enough to be in the middle: it has half of its orders left.
place_orders() {
    for n in {1..60}; do
        [ "$n" != 30 ] || wait_until 'the kill' test -e "$work/killed"
        order "ORDER-$n" "CUSTOMER-$((n % 6))"
        echo "ORDER-$n"
    done
}
answered() { [ "$(wc -l <"$work/accepted")" = "$1" ]; }

in_background "$work/accepted" place_orders
wait_until 'some orders are in the topic' has_records "$orders" 10
show <<'SH'
kill -9 $(cat $RUN_DIR/order-service.pid $RUN_DIR/inventory-service.pid)
SH
touch "$work/killed"
show <<'SH'
scripts/stack.sh status | grep 'does not run'
SH
check 'two services are dead' "$(wc -l <<<"$seen")" -eq 2
check 'in the middle: not all orders were accepted' "$(wc -l <"$work/accepted")" -lt 60

say 'They are started again, and find everything in their databases:'
start_services order inventory
wait_until 'the client has all its answers' answered 60
show <<'SH'
build/bin/orderctl audit | grep -E 'orders|movements|ledger|refills|notifications|effects|audit'
SH
check 'every order that the client was promised is there' \
    "$(grep -c '^ok    orders .* 60 accepted' <<<"$seen")" -eq 1
check 'each was taken from the stock once' \
    "$(grep -c '60 lines of 60 orders, each has one' <<<"$seen")" -eq 1
check 'and no law is broken' "$(grep -c '^audit: all [0-9]* laws hold$' <<<"$seen")" = 1

question 'the order-service died after its commit, before it published. Who sends the event?' \
    'the same service, once it runs again: the event was committed with the order, in its outbox.'
