#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'keys and order' <<'TEXT'
Three customers order in turn, three times. The key of an event is its customerId, and the key
chooses the partition. We look in which sequence the orders can be read.
TEXT
need_kafka
need_shop order
for n in 1 2 3; do
    for customer in 1 2 4; do order "ORDER-$customer-$n" "CUSTOMER-$customer"; done
done
wait_until 'all orders are in the topic' has_records "$orders" 9

say 'As they were accepted:'
show <<'SH'
curl -s $ORDER_URL/orders?limit=100 | jq -r '.items[].orderId' | tr '\n' ' '
SH
accepted=$seen

say 'As they stand in the topic, partition by partition:'
show <<'SH'
records $orders | jq -rs 'sort_by(.partition, .offset)[] |
    "partition \(.partition), offset \(.offset): \(.key) \(.payload | fromjson.orderId)"'
SH
check 'nine orders' "$(wc -l <<<"$seen")" -eq 9
for customer in CUSTOMER-1 CUSTOMER-2 CUSTOMER-4; do
    own=$(grep "$customer " <<<"$seen")
    check "$customer is in one partition" "$(cut -d, -f1 <<<"$own" | sort -u | wc -l)" -eq 1
    check "and its orders are in sequence there" "$(grep -o '.$' <<<"$own" | tr -d '\n')" = 123
done
in_topic=$(grep -o 'ORDER-.*' <<<"$seen" | tr '\n' ' ')
check 'across customers the sequence is not that of the shop' "${in_topic% }" != "$accepted"

question 'two orders of one customer must never overtake each other. What sees to it?' \
    'their key: the same key, the same partition, and within a partition order is kept.'
