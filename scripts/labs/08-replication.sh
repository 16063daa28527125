#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'replication: leader, in-sync replicas, failover' <<'TEXT'
The topic of orders has one partition with three replicas on three brokers. One of them leads and
takes all reads and writes, the others copy; those that keep up are "in sync" (isrs). We kill the
leader while customers order.
TEXT
need_cluster
export TOPIC_PARTITIONS=1 TOPIC_REPLICATION_FACTOR=3
need_shop order

# $1 orders more; n_orders counts them.
n_orders=0
place_orders() {
    local last=$((n_orders + $1))
    while ((n_orders < last)); do
        n_orders=$((n_orders + 1))
        order "ORDER-$n_orders" CUSTOMER-1
    done
}
partition() { kcat -L -b "$broker" -t "$orders" 2>/dev/null | grep 'partition 0'; }
leader() { partition | sed 's/.*leader \(-\?[0-9]*\).*/\1/'; }
n_in_sync() { partition | sed 's/.*isrs: //' | tr , '\n' | wc -l; }
has_in_sync() { [ "$(n_in_sync)" = "$1" ]; }
has_new_leader() { [ "$(leader)" -gt 0 ] && [ "$(leader)" != "$old" ]; }

place_orders 5
wait_until 'all replicas are in sync' has_in_sync 3
show <<'SH'
kcat -L -b $broker -t $orders | grep 'partition 0'
SH
old=$(leader)
check 'three replicas are in sync' "$(n_in_sync)" -eq 3

say 'Its leader is killed, and five more orders are placed at once:'
show <<'SH'
kill -9 $(cat $KAFKA_DIR/broker-$old/kafka.pid)
SH
place_orders 5
check 'the customers did not wait for Kafka: all ten orders are accepted' \
    "$(curl -s "$ORDER_URL/orders" | jq '.items | length')" -eq 10
wait_until 'another broker leads' has_new_leader
wait_until 'the dead one is not in sync' has_in_sync 2
show <<'SH'
kcat -L -b $broker -t $orders | grep 'partition 0'
SH
check 'another broker leads' "$(leader)" -ne "$old"
check 'two replicas are in sync' "$(n_in_sync)" -eq 2
wait_until 'all orders are in the topic' has_records "$orders" 10
show <<'SH'
records $orders | jq -r '.payload | fromjson.orderId' | awk '!n[$0]++' | tr '\n' ' '
SH
check 'all ten are there, in sequence' \
    "$seen" = "$(for n in {1..10}; do printf 'ORDER-%d ' "$n"; done | sed 's/ $//')"

say 'The dead broker comes back and copies what it missed:'
show <<'SH'
scripts/kafka.sh start --broker $old | grep -o 'is ready'
SH
wait_until 'it is in sync again' has_in_sync 3
check 'three replicas are in sync again' "$(n_in_sync)" -eq 3

question 'two of three brokers die. May the third one take orders (min.insync.replicas is 2)?' \
    'no: a record needs two homes. The shop accepts on its own disk, and publishes later.'
