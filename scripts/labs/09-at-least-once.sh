#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'at least once, made visible' <<'TEXT'
After a crash a service may publish an event again: better twice than never. Here an operator does
it on purpose, with everything the shop has ever published, and we look for what it changed.
TEXT
need_kafka
need_shop order inventory notification logging
for n in {1..5}; do order "ORDER-$n" "CUSTOMER-$n"; done
quietly build/bin/orderctl audit

effects() {
    show <<'SH'
curl -s $INVENTORY_URL/stock/PRODUCT-123 $NOTIFICATION_URL/notifications $LOGGING_URL/actions |
    jq -c '.stock // (.items | length)' | tr '\n' ' '
SH
}
topic() {
    show <<'SH'
records $orders | jq -c '.headers[.headers | index("ce_id") + 1]' |
    awk '{ n[$1]++ } END { print NR " records, " length(n) " event ids" }'
SH
}

say 'Five orders: the stock of the product, the notifications, the actions in the journal.'
effects
before=$seen
topic
check 'five orders, five records' "$seen" = '5 records, 5 event ids'

say 'Everything is published once more:'
show <<'SH'
build/bin/orderctl republish --since 1h
SH
quietly build/bin/orderctl audit
topic
check 'the topic has every event twice' "$seen" = '10 records, 5 event ids'
effects
check 'nothing has happened twice' "$seen" = "$before"

say 'The auditor has read all of it:'
show <<'SH'
build/bin/orderctl audit | grep -E 'effects|inbox|audit'
SH
check 'the shop is sound' "$(grep -c '^audit: all [0-9]* laws hold$' <<<"$seen")" = 1

question 'what makes the effect single, although the record is not?' \
    'each consumer keeps the ids of what it has handled, in the same transaction as the effect.'
