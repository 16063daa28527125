#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'KRaft: the quorum and its controller' <<'TEXT'
Who leads which partition is itself a log, of metadata. In KRaft mode Kafka's own nodes keep it, no
ZooKeeper: the controllers elect one of them by majority, and it decides for the cluster. Here each
of three nodes is broker and controller. We kill the one that leads the others.
TEXT
need_cluster

quorum() {
    show <<'SH'
scripts/kafka.sh quorum describe --status | sed -E 's/, "endpoints": \[[^]]*\]//g' |
    grep -E 'LeaderId|LeaderEpoch|CurrentVoters'
SH
    controller=$(awk '$1 == "LeaderId:" { print $2 }' <<<"$seen")
    epoch=$(awk '$1 == "LeaderEpoch:" { print $2 }' <<<"$seen")
}
has_new_controller() {
    local now
    now=$(scripts/kafka.sh quorum describe --status 2>/dev/null | awk '$1 == "LeaderId:" { print $2 }')
    [ "${now:-$first}" != "$first" ]
}

quorum
first=$controller first_epoch=$epoch
check 'three nodes have a vote' "$(grep -o '"id"' <<<"$seen" | wc -l)" -eq 3
check 'one of them leads' "$controller" -gt 0

say 'It is killed:'
show <<'SH'
kill -9 $(cat $KAFKA_DIR/broker-$first/kafka.pid)
SH
wait_until 'another controller leads' has_new_controller
quorum
check 'the other two have elected another' "$controller" -ne "$first"
check 'in a later epoch: what the old one still said would not count' "$epoch" -gt "$first_epoch"

say 'Two of three are a majority, so metadata can still be changed:'
show <<'SH'
scripts/kafka.sh topics --create --topic $lab-orders --partitions 2 --replication-factor 2
SH
check 'a topic was created' "$seen" = "Created topic $lab-orders."

say 'The dead one comes back, and follows:'
quietly scripts/kafka.sh start --broker "$first"
follows() { scripts/kafka.sh quorum describe --replication 2>/dev/null | grep -q "^$1[[:space:]].*Follower"; }
wait_until 'it is a follower' follows "$first"
show <<'SH'
scripts/kafka.sh quorum describe --replication | awk '{ print $1, $NF }' | sort -k 2
SH
check 'there is one leader' "$(grep -c ' Leader$' <<<"$seen")" -eq 1
check 'and two follow, the killed one among them' "$(grep -c "^$first Follower$" <<<"$seen")" -eq 1

question 'how many of three controllers may fail? And of four?' \
    'one; and of four one, too: three are a majority of four. So their number is odd.'
