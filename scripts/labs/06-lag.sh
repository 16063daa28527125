#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'lag' <<'TEXT'
Lag is what stands in a topic and has not been handled by a group yet. We stop the
notification-service, let customers order, watch its lag grow, start it again, watch it drain.
TEXT
need_kafka
export TOPIC_PARTITIONS=2
need_shop order notification
group=$lab-notification-service-group

place_orders() { for n in $(seq "$1" "$2"); do order "ORDER-$n" "CUSTOMER-$((n % 6))"; done; }
look() {
    show <<'SH'
scripts/kafka.sh groups --describe --group $group | grep $orders | sort |
    awk '{ print "partition " $3 ": committed " $4 ", end " $5 ", lag " $6 }'
SH
    lag=$(awk '{ n += $NF } END { print n }' <<<"$seen")
}

place_orders 1 6
wait_until 'the group has read six orders' has_read_all "$group" "$orders" 6
say 'Six orders were placed while the service ran:'
look
check 'it has handled them all: no lag' "$lag" -eq 0

say 'It stops, and twelve more orders are placed:'
show <<'SH'
scripts/stack.sh stop notification
SH
place_orders 7 18
wait_until 'all orders are in the topic' has_records "$orders" 18
look
check 'its lag is the twelve orders' "$lag" -eq 12
check 'where it goes on has not moved: six are committed' \
    "$(grep -o 'committed [0-9]*' <<<"$seen" | awk '{ n += $2 } END { print n }')" -eq 6

say 'It starts again:'
start_services notification
wait_until 'the lag has drained' has_read_all "$group" "$orders" 18
look
check 'no lag' "$lag" -eq 0
show <<'SH'
curl -s "$NOTIFICATION_URL/notifications?limit=100" | jq '.items | length'
SH
check 'every customer was notified, once' "$seen" -eq 18

question 'lag grows although the consumer runs. What does that tell?' \
    'records come faster than it handles them: it needs more members, or to be faster.'
