#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'from the beginning, and where a group goes on' <<'TEXT'
Reading takes nothing out of a topic. What a group has read is one number for each partition, the
committed offset: where it goes on. One partition, six orders, and a group that takes its time.
TEXT
need_kafka
export TOPIC_PARTITIONS=1
need_shop order
for n in {1..6}; do order "ORDER-$n" CUSTOMER-1; done
wait_until 'all orders are in the topic' has_records "$orders" 6

say 'A new group, told to begin with the oldest record, reads three and leaves:'
show <<'SH'
kcat -b $broker -q -X auto.offset.reset=earliest -f '%o ' -c 3 -G $lab-new $orders
SH
check 'it read the offsets 0, 1, 2' "$seen" = '0 1 2'
show <<'SH'
scripts/kafka.sh groups --describe --group $lab-new | awk 'NF { print $2, $3, $4 }'
SH
check 'its committed offset is the next one to read' "$(tail -n 1 <<<"$seen")" = "$orders 0 3"

say 'It comes back, with the same command:'
show <<'SH'
kcat -b $broker -q -X auto.offset.reset=earliest -f '%o ' -c 3 -G $lab-new $orders
SH
check 'it went on where it was, not at the beginning' "$seen" = '3 4 5'

say 'An operator sends it back to the beginning (the group must be empty for that):'
show <<'SH'
scripts/kafka.sh groups --reset-offsets --to-earliest --topic $orders --group $lab-new --execute |
    awk 'NF { print $2, $3, $4 }'
SH
show <<'SH'
kcat -b $broker -q -X auto.offset.reset=earliest -f '%o ' -c 6 -G $lab-new $orders
SH
check 'everything is there once more' "$seen" = '0 1 2 3 4 5'

question 'auto.offset.reset=earliest is set. Does a restarted consumer begin at the beginning?' \
    'no: it counts only for a group without a committed offset. The shop sets it, too.'
