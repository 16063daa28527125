#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'topics' <<'TEXT'
A topic is a name for a number of partitions, and each partition is a log of its own. We create a
topic, describe it, give it more partitions, and see what that does to a customer's events.
TEXT
need_kafka
topic=$lab-orders

# Java's partitioner, as in schemas/README.md: one key means one partition, whoever writes.
produce() {
    kcat -P -b "$broker" -t "$topic" -X partitioner=murmur2_random -k CUSTOMER-7 \
        schemas/examples/new-order.json
}

show <<'SH'
scripts/kafka.sh topics --create --topic $topic --partitions 2
SH
show <<'SH'
scripts/kafka.sh topics --list | grep $lab
SH
check 'the topic is there' "$seen" = "$topic"

say 'An event of CUSTOMER-7 goes into one of its two partitions. Then there are five:'
produce
show <<'SH'
scripts/kafka.sh topics --alter --topic $topic --partitions 5
SH
produce
show <<'SH'
scripts/kafka.sh topics --describe --topic $topic | tail -n +2 |
    cut -f 2-5 | tr '\t' ' '
SH
check 'it has five partitions now' "$(grep -c 'Partition: ' <<<"$seen")" -eq 5
check 'each has a leader' "$(grep -c ' Leader: [0-9]' <<<"$seen")" -eq 5
show <<'SH'
kcat -C -b $broker -t $topic -o beginning -e -q -f '%k in partition %p\n' | sort
SH
check 'both events are there' "$(wc -l <<<"$seen")" -eq 2
check 'the same key went to another partition than before' "$(sort -u <<<"$seen" | wc -l)" -eq 2

say 'Partitions cannot be taken away again, only the whole topic:'
show <<'SH'
scripts/kafka.sh topics --alter --topic $topic --partitions 2 2>&1 |
    grep -o 'would not be an increase' | head -n 1
SH
check 'fewer partitions are refused' "$seen" = 'would not be an increase'
show <<'SH'
scripts/kafka.sh topics --delete --topic $topic
SH
wait_until 'the topic is gone' lacks_topic "$topic"
check 'no topic of this lab is left' "$(topic_names | grep -c "^$lab")" -eq 0

question 'a busy topic has 2 partitions and its orders have to stay in sequence. May you add more?' \
    'not while it is in use: a customer could have orders in two partitions. Begin with many.'
