#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'acks, and what is gone' <<'TEXT'
When is a record safe? With acks=0 the producer asks nobody, with acks=1 the leader has it, with
acks=all every replica that is in sync. Broker 1 leads our topic, 2 and 3 follow. We hold up the
followers for a moment, send, kill the leader, and count what of the promised records is gone.
TEXT
need_cluster
topic=$lab-orders
quietly scripts/kafka.sh topics --create --topic "$topic" --replica-assignment 1:2:3

pid_of() { cat "$KAFKA_DIR/broker-$1/kafka.pid"; }
produce() { kcat -P -b "$first_broker" -t "$topic" "$@"; }
# send ACKS: five orders; says how many its producer then takes for sent.
send() {
    local n
    n=$(yes "$(jq -c . schemas/examples/new-order.json)" | head -n 5 |
        produce -k "acks=$1" -X acks="$1" -X message.timeout.ms=4000 -vv 2>&1 | grep -c 'Message delivered')
    echo "acks=$1: its producer takes $n of 5 for sent"
}
leader() { kcat -L -b "$broker" -t "$topic" | sed -n 's/.*partition 0, leader \(-\?[0-9]*\).*/\1/p'; }
has_new_leader() { [ "$(leader)" -gt 1 ]; }

say 'All brokers are well:'
show <<'SH'
for acks in 0 1 all; do send $acks; done
SH
check 'all fifteen count as sent' "$(grep -c '5 of 5' <<<"$seen")" -eq 3

say 'The followers are held up, as by a network that stutters:'
show <<'SH'
kill -STOP $(pid_of 2) $(pid_of 3)
SH
# The followers' last request waits at the leader: this record is its answer.
echo '{}' | produce -k bell -X acks=1
show <<'SH'
for acks in 0 1 all; do send $acks; done
SH
check 'acks=0 and acks=1 promise as before' "$(grep -c '5 of 5' <<<"$seen")" -eq 2
check 'acks=all promises nothing' "$(grep -c 'acks=all: .* 0 of 5' <<<"$seen")" -eq 1

say 'The leader dies, the followers go on, and one of them leads:'
show <<'SH'
kill -9 $(pid_of 1); kill -CONT $(pid_of 2) $(pid_of 3)
SH
wait_until 'another broker leads' has_new_leader
show <<'SH'
records $topic | jq -r .key | grep acks | sort | uniq -c | awk '{ print $2 ": " $1 " are there" }'
SH
there() { sed -n "s/^acks=$1: \([0-9]*\) are there/\1/p" <<<"$seen"; }
check 'acks=0: 10 counted as sent, 5 are gone' "$(there 0)" -eq 5
check 'acks=1: 10 were acknowledged, 5 are gone' "$(there 1)" -eq 5
check 'acks=all: 5 were acknowledged, none is gone' "$(there all)" -eq 5

question 'the producer with acks=all knows that five are not safe. What does the shop do with those?' \
    'its relay sends them again until they are acknowledged: they stay in the outbox until then.'
