# shellcheck shell=bash
# The frame of the labs, which each of them and all.sh source: what a lab says,
# shows and checks, and the Kafka and the shop that it needs.
#
# A lesson goes to stdout; how its Kafka and its shop are doing goes to stderr.
# `show` evaluates what it prints, so a reader can type the same. `check` decides:
# the first claim that what was seen does not bear out ends the lab with exit 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

lab=lab-$(basename "$0" .sh | cut -d- -f1)
work=
own_kafka=
background=()
n_claims=0
said=
# shellcheck disable=SC2034 # for those who source this
began_ms=$(date +%s%3N)

note() { echo "lab: $*" >&2; }

die() {
    note "$@"
    exit 1
}

# ---- what a lesson is made of --------------------------------------------------------------------

# lesson TITLE, and on stdin what it is about to show.
lesson() {
    printf '=== %s: %s ===\n\n' "$lab" "$1"
    cat
}

say() {
    printf '\n%s\n' "$1"
    said=yes
}

# show, and on stdin a command line: prints it, runs it, keeps its output in $seen.
show() {
    local command
    command=$(cat)
    [ -n "$said" ] || echo
    said=
    printf '$ %s\n' "$command"
    seen=$( (set +o pipefail && eval "$command" </dev/null 2>"$work/stderr.log") | sed 's/ *$//') ||
        { cat "$work/stderr.log" >&2; die "this command failed: $command"; }
    [ -z "$seen" ] || printf '%s\n' "$seen"
}

# check CLAIM SEEN TEST WANTED, where TEST is an operator of test(1): = -eq -gt ...
check() {
    n_claims=$((n_claims + 1))
    if test "$2" "$3" "$4"; then
        echo "ok     $1"
    else
        echo "WRONG  $1"
        die "this claim is not so: $1: saw '$2', claimed $3 '$4'"
    fi
}

# question TEXT ANSWER: ends the lesson.
question() {
    [ $n_claims -gt 0 ] || die "a lab that checks nothing shows nothing"
    printf '\nQuestion: %s\nAnswer:   %s\n' "$1" "$2"
}

# wait_until WHAT COMMAND...: until the command succeeds, for a minute.
wait_until() {
    local what=$1 deadline=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || die "waited 60 s in vain: $what"
        sleep 0.1
    done
}

# in_background FILE COMMAND...: its stdout goes to FILE, its stderr to FILE.log,
# its process id into $started.
in_background() {
    "${@:2}" >"$1" 2>"$1.log" </dev/null &
    started=$!
    background+=("$started")
}

end_of() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# ---- the Kafka of a lab --------------------------------------------------------------------------

port_is_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# One that is free, as is the next one: Kafka's controller takes that. Below the
# ports that the kernel gives out by itself.
free_port() {
    local port
    while port=$((20000 + RANDOM % 6000 * 2)) && (port_is_open "$port" || port_is_open $((port + 1))); do :; done
    echo "$port"
}

# Quiet while all goes well.
quietly() {
    "$@" >"$work/out.log" 2>&1 && return
    cat "$work/out.log" >&2
    die "$1 failed, see above"
}

# need_kafka: $broker is the one that KAFKA_BROKERS names, or one that is the
# lab's own and ends with it.
need_kafka() {
    if [ -n "${KAFKA_BROKERS:-}" ]; then
        [[ $KAFKA_BROKERS =~ ^(localhost|127\.0\.0\.1):([0-9]+)$ ]] ||
            die "KAFKA_BROKERS=$KAFKA_BROKERS: labs run on one broker of this machine, localhost:PORT"
        export KAFKA_PORT=${BASH_REMATCH[2]}
        port_is_open "$KAFKA_PORT" ||
            die "no Kafka at $KAFKA_BROKERS: start it, or unset KAFKA_BROKERS, and labs start their own"
    else
        KAFKA_PORT=$(free_port)
        export KAFKA_PORT KAFKA_DIR=$work/kafka
        note "starting an Apache Kafka for this lab (some 10 s)"
        own_kafka=yes
        quietly scripts/kafka.sh start
    fi
    broker=localhost:$KAFKA_PORT
    [ -n "$own_kafka" ] || delete_topics
}

# need_cluster: three brokers of the lab's own, which are controllers, too.
need_cluster() {
    local ports
    mapfile -t ports < <(for _ in 1 2 3; do free_port; done | sort -u)
    [ ${#ports[@]} = 3 ] || { need_cluster; return; }
    KAFKA_PORTS=$(IFS=, && echo "${ports[*]}")
    export KAFKA_PORTS KAFKA_DIR=$work/kafka
    note "starting three brokers of Apache Kafka for this lab (some 15 s)"
    own_kafka=yes
    quietly scripts/kafka.sh start --brokers 3
    # shellcheck disable=SC2034 # for the labs
    first_broker=localhost:${ports[0]}
    broker=localhost:${ports[0]},localhost:${ports[1]},localhost:${ports[2]}
}

topic_names() { kcat -L -b "$broker" -J | jq -r '.topics[].topic'; }

lacks_topic() { ! topic_names | grep -qxF "$1"; }

# On a Kafka of somebody else, a lab leaves nothing behind.
delete_topics() {
    topic_names | grep -q "^$lab-" || return 0
    quietly scripts/kafka.sh topics --delete --topic "$lab-.*"
}

# records TOPIC: every record in it, one JSON object a line.
records() { kcat -C -b "$broker" -t "$1" -o beginning -e -q -J; }

count_of() { records "$1" | wc -l; }

has_records() { [ "$(count_of "$1")" -ge "$2" ]; }

# ---- the shop of a lab ---------------------------------------------------------------------------

# need_shop SERVICE...: services with data, ports, topics and groups of the
# lab's own, so that a shop that runs on the same Kafka is not disturbed.
need_shop() {
    local service
    [ -x build/bin/order-service ] || die "build/bin is empty: run make first"
    orders=$lab-new-order-topic
    export KAFKA_BROKERS=$broker GROUP_PREFIX=$lab- RUN_DIR=$work/run DATA_DIR=$work/data
    export TOPIC_NEW_ORDER=$orders TOPIC_INVENTORY_EMPTY=$lab-inventory-empty-topic
    export TOPIC_NEW_LOGGING_ACTION=$lab-new-logging-action-topic
    for service in ORDER INVENTORY NOTIFICATION LOGGING; do
        export "${service}_PORT=$(free_port)"
    done
    export ORDER_URL=http://localhost:$ORDER_PORT
    export INVENTORY_URL=http://localhost:$INVENTORY_PORT
    export NOTIFICATION_URL=http://localhost:$NOTIFICATION_PORT
    export LOGGING_URL=http://localhost:$LOGGING_PORT
    note "starting services: $* (some seconds)"
    start_services "$@"
}

start_services() { quietly scripts/stack.sh start "$@"; }

# order ORDER-ID CUSTOMER-ID: an order of one piece, sent until it is accepted.
order() {
    curl -fsS -o /dev/null --retry 30 --retry-delay 1 --retry-all-errors --max-time 10 \
        -H 'Content-Type: application/json' "$ORDER_URL/orders" \
        -d '{"orderId":"'"$1"'","customerId":"'"$2"'","products":[{"productId":"PRODUCT-123","quantity":1}]}' \
        2>>"$work/curl.log" || die "order $1 was not accepted, see $work/curl.log"
}

# has_read_all GROUP TOPIC RECORDS: it has committed so many.
has_read_all() {
    scripts/kafka.sh groups --describe --group "$1" 2>/dev/null |
        awk -v topic="$2" -v wanted="$3" '$2 == topic { n += $4 } END { exit n != wanted }'
}

# ---- beginning and end ---------------------------------------------------------------------------

clean_up() {
    local code=$? process
    trap '' INT TERM HUP
    for process in "${background[@]}"; do end_of "$process"; done
    [ ! -d "$work/run" ] || scripts/stack.sh down >/dev/null 2>&1 || true
    if [ -n "$own_kafka" ]; then
        scripts/kafka.sh stop >/dev/null 2>&1 || true
        rm -rf "$work"/kafka/data "$work"/kafka/broker-*/data
    elif [ -n "${broker:-}" ]; then
        (delete_topics) || true
    fi
    if [ $code = 0 ]; then
        rm -rf "$work"
    else
        note "$lab has failed; its logs are in $work"
    fi
    exit $code
}

scripts/setup.sh labs >&2
mkdir -p build/labs
work=$(mktemp -d "build/labs/$lab.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
