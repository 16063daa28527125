#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'consumer groups' <<'TEXT'
Who reads which records of a topic depends on one thing alone: the name of the group that a
consumer joins, if it joins any. Our topic of orders has two partitions; ann and bob are in the
group "packing", eve is alone in "billing". Then six customers place two orders each.
TEXT
need_kafka
export TOPIC_PARTITIONS=2
need_shop order

# join NAME GROUP: a console consumer, whose records go to the file NAME.
join() {
    in_background "$work/$1" kcat -b "$broker" -u -f '%k\n' \
        -X client.id="$1" -X auto.offset.reset=earliest -X partition.assignment.strategy=range -G "$2" "$orders"
    wait_until "$1 is in the group $2" grep -q assigned "$work/$1.log"
}
read_by() { cat "${@/#/$work/}" | wc -l; }
have_read() { [ "$(read_by "${@:2}")" -ge "$1" ]; }

join ann "$lab-packing"
join bob "$lab-packing"
join eve "$lab-billing"
for n in {1..12}; do order "ORDER-$n" "CUSTOMER-$((n % 6))"; done
wait_until 'packing has read them' have_read 12 ann bob
wait_until 'billing has read them' have_read 12 eve

show <<'SH'
for who in ann bob eve; do echo "$who read $(sort $work/$who | uniq -c | tr -s ' \n' ' ')"; done
SH
check 'in one group the work is shared: both have read something' "$(read_by ann)" -lt 12
check 'and each order was read by one of them alone' "$(read_by ann bob)" -eq 12
check 'no customer is with both' \
    "$(sort -u "$work/ann" | comm -12 - <(sort -u "$work/bob") | wc -l)" -eq 0
check 'another group gets everything, too' "$(read_by eve)" -eq 12

say 'Without a group, every reader sees everything, as often as it likes:'
show <<'SH'
for time in 1 2; do kcat -C -b $broker -t $orders -o beginning -e -q -f '%k\n' | wc -l; done
SH
check 'twelve, and twelve once more' "$(tr '\n' ' ' <<<"$seen")" = '12 12 '

say 'A third member joins packing. The topic has only two partitions:'
join cid "$lab-packing"
settled() {
    scripts/kafka.sh groups --describe --members --group "$lab-packing" >"$work/members" 2>/dev/null &&
        [ "$(awk '$5 == 1' "$work/members" | wc -l)" = 2 ]
}
wait_until 'the partitions are shared out anew' settled
show <<'SH'
awk '$5 ~ /^[0-9]/ { print "a member of " $1 " with " $5 " partitions" }' $work/members | sort
SH
check 'three members are there' "$(wc -l <<<"$seen")" -eq 3
check 'one of them has nothing to do' "$(grep -c 'with 0' <<<"$seen")" -eq 1

question 'packing falls behind. How many consumers can you add that help?' \
    'as many as the topic has partitions, counted together; whoever comes after them idles.'
