#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'the first event and its anatomy' <<'TEXT'
A customer orders over HTTP. The order-service stores the order and writes one record into the
topic of new orders: that record is the event. We look at everything it consists of.
TEXT
need_kafka
need_shop order

show <<'SH'
curl -s $ORDER_URL/orders -H 'Content-Type: application/json' \
    -d @schemas/examples/new-order.json | jq -c '{orderId, customerId}'
SH
accepted=$seen
wait_until 'the event is in its topic' has_records "$orders" 1
show <<'SH'
kcat -C -b $broker -t $orders -o beginning -e -q -J >$work/event.json
SH
check 'one order is one record' "$(wc -l <"$work/event.json")" -eq 1

say 'Where it stands and when it was written (ms since 1970), and its key:'
show <<'SH'
jq -c '{topic, partition, offset, ts, key}' $work/event.json
SH
check 'it is the first in its partition: offset 0' "$(jq .offset "$work/event.json")" -eq 0
check 'its key is the customer' "$(jq .key "$work/event.json")" = "$(jq .customerId <<<"$accepted")"
check 'its timestamp is no older than this lab' "$(jq .ts "$work/event.json")" -ge "$began_ms"

say 'Its headers say what it is, which one, of whom, when, and what it is about:'
show <<'SH'
jq -r '.headers | _nwise(2) | "\(.[0]): \(.[1])"' $work/event.json
SH
header() { sed -n "s/^$1: //p" <<<"$seen"; }
check 'its type is new-order' "$(header ce_type)" = new-order
check 'it is about the order' "$(header ce_correlationid)" = "$(jq -r .orderId <<<"$accepted")"
id=$(header ce_id)
check 'its id is a UUID, made for this event alone' ${#id} -eq 36

say 'And its value is the order, plain JSON, nothing around it:'
show <<'SH'
jq -r .payload $work/event.json | fold -w 99
SH
check 'the id stands in no value' "$(grep -c "$id" <<<"$seen")" -eq 0
check 'the value has the order and the customer' \
    "$(tr -d '\n' <<<"$seen" | jq -c '{orderId, customerId}')" = "$accepted"

question 'this event came once. How would you know it again if it came twice?' \
    'by its ce_id: offset and timestamp would be others, and the value may well be the same.'
