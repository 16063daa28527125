#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'a poison record' <<'TEXT'
Another program writes a record that is no order. A consumer that tried it again and again would
stand still for ever; one that dropped it would lose it. The shop puts it aside, and goes on.
TEXT
need_kafka
need_shop order inventory notification logging

letters() { build/bin/orderctl dlq list --json "$@" 2>/dev/null; }
has_letters() { [ "$(letters | wc -l)" = "$1" ]; }

say 'A record that is no order, and right behind it, in the same partition, one that is:'
show <<'SH'
echo '{"orderId": "ORDER-1"}' | kcat -P -b $broker -t $orders -p 0 -k CUSTOMER-5 -H ce_id=poison-1
kcat -P -b $broker -t $orders -p 0 -k CUSTOMER-123 -H ce_id=good-1 schemas/examples/new-order.json
SH
wait_until 'both letters are there' has_letters 2

wait_until 'the good one has its effect' has_records "$TOPIC_NEW_LOGGING_ACTION" 3
show <<'SH'
build/bin/orderctl dlq list --json | jq -r '"\(.group): \(.message)"' | sort
SH
check 'each group that reads the topic has put it aside' "$(wc -l <<<"$seen")" -eq 2
check 'and says what is wrong' "$(grep -c '/customerId: is missing' <<<"$seen")" -eq 2
check 'with its value as it was' \
    "$(records "$orders.dlq" | jq -r .payload | sort -u)" = '{"orderId": "ORDER-1"}'
show <<'SH'
curl -s $INVENTORY_URL/movements?orderId=ORDER-123 | jq '.items | length'
SH
check 'the order behind it was handled, both lines of it' "$seen" -eq 2

say 'Back into the topic with one of them, as if its cause had been mended. It has not been:'
show <<'SH'
build/bin/orderctl dlq replay --topic $orders --partition 0 --offset 0 | head -n 1
SH
wait_until 'it has come back' has_letters 3
show <<'SH'
build/bin/orderctl dlq list | tail -n 4 | head -n 3
SH
check 'one was replayed, and each group has refused it again: three are open' "$(letters | wc -l)" -eq 3

say 'So its sender sends a good order instead, and the letters are done with:'
show <<'SH'
build/bin/orderctl dlq discard --topic $orders --reason /customerId | tail -n 1
SH
check 'none is open' "$(letters | wc -l)" -eq 0
check 'none is gone: four can be listed' "$(letters --all-states | wc -l)" -eq 4

question 'a release breaks the reading of good orders. What is lost until it is mended?' \
    'nothing: they wait as dead letters, byte for byte; mend the reader, then replay them.'
