#!/usr/bin/env bash
# Proves docker-compose.yml, unmodified: builds the images, starts everything, orders,
# stops, starts again, and looks at how the containers are confined; then the same shop
# on the three brokers of docker-compose.cluster.yml, of which one is killed.
set -Eeuo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
build=$root/build
project=orderflow-test-$$
files=(--file "$root/docker-compose.yml")
brokers=(kafka)
services=(order-service inventory-service notification-service logging-service)
images_from=${COMPOSE_TEST_IMAGES:-auto}
order_url=http://localhost:${ORDER_PORT:-3000}
inventory_url=http://localhost:${INVENTORY_PORT:-3001}
notification_url=http://localhost:${NOTIFICATION_PORT:-3002}
logging_url=http://localhost:${LOGGING_PORT:-3003}
passed=0
failed=0
complete=false
stopped_at='interrupted'

usage() {
    cat <<'EOF'
Proves docker-compose.yml and docker-compose.cluster.yml with an engine that answers,
or with one of its own (as root).

  tests/compose/run.sh

Settings (environment):
  COMPOSE_TEST_IMAGES  auto: pull debian and apache/kafka, make stand-ins where that
                       fails (the default); pull: fail instead; stand-in: never pull
  COMPOSE_COMMAND      the compose program (docker compose, else docker-compose)
  KAFKA_PORT, KAFKA_2_PORT, KAFKA_3_PORT, ORDER_PORT, INVENTORY_PORT,
  NOTIFICATION_PORT, LOGGING_PORT
                       ports on this machine, as the compose files take them
EOF
}

say() { printf '# %s\n' "$*"; }

die() {
    printf 'not ok - %s\n' "$*"
    failed=$((failed + 1))
    exit 1
}

# install_missing COMMAND:PACKAGE...: the Debian packages whose command is not there
install_missing() {
    "$root/scripts/setup.sh" "$@" || die "packages are missing, see above"
}

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds; 1 when it never did
wait_for() {
    local deadline=$((SECONDS + $1)) next_note=$((SECONDS + 10)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        if ((SECONDS >= next_note)); then
            say "waiting until $what ..."
            next_note=$((SECONDS + 10))
        fi
        sleep 0.3
    done
}

# check WHAT COMMAND...
check() {
    local what=$1
    shift
    if "$@"; then
        printf 'ok - %s\n' "$what"
        passed=$((passed + 1))
    else
        printf 'not ok - %s\n' "$what"
        failed=$((failed + 1))
    fi
}

# check_soon SECONDS WHAT COMMAND...
check_soon() { check "$2" wait_for "$1" "$2" "${@:3}"; }

# shellcheck source=tests/compose/engine.sh
. "$here/engine.sh"
# shellcheck source=tests/compose/images.sh
. "$here/images.sh"

require_compose() {
    if [[ -n ${COMPOSE_COMMAND:-} ]]; then
        read -ra compose_command <<<"$COMPOSE_COMMAND"
    elif docker compose version >/dev/null 2>&1; then
        compose_command=(docker compose)
    else
        install_missing docker-compose:docker-compose
        compose_command=(docker-compose)
    fi
    say "$(docker version --format 'engine {{.Server.Version}}'), $("${compose_command[@]}" version | head -n 1)"
}

compose() {
    "${compose_command[@]}" --project-name "$project" "${files[@]}" "$@"
}

container() { compose --profile simulator ps --all --quiet "$1"; }

# inspect SERVICE FORMAT
inspect() { docker inspect --format "$2" "$(container "$1")"; }

port_is_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

require_free_ports() {
    local setting
    for setting in KAFKA_PORT=29092 KAFKA_2_PORT=39092 KAFKA_3_PORT=49092 ORDER_PORT=3000 \
        INVENTORY_PORT=3001 NOTIFICATION_PORT=3002 LOGGING_PORT=3003; do
        local name=${setting%=*} port=${setting#*=}
        port=${!name:-$port}
        ! port_is_open "$port" || die "port $port is in use: stop what listens there, or set $name"
    done
}

# --- what the services answer -------------------------------------------------

# answers STATUS CURL_ARGS...
answers() { [[ $(curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' "${@:2}") == "$1" ]]; }

# order STATUS ORDER_ID QUANTITY: POST of the example with this id, and this many of PRODUCT-123
order() {
    sed "s/ORDER-123/$2/; s/\"quantity\": 3/\"quantity\": $3/" "$root/schemas/examples/new-order.json" \
        | answers "$1" --header 'Content-Type: application/json' --data-binary @- "$order_url/orders"
}

get() { curl --silent --show-error --max-time 10 "$1"; }

# count WORD URL: how often WORD stands in the answer
count() { get "$2" | { grep -oF -- "$1" || true; } | wc -l; }

# has_notifications ORDER_ID N: as many tell the customer of this order
has_notifications() {
    (($(count "your order $1 has been approved" "$notification_url/notifications?orderId=$1") == $2))
}
n_new_orders() { count '"new-order"' "$logging_url/actions?action=new-order&limit=100"; }
has_more_new_orders_than() { (($(n_new_orders) > $1)); }
stock_is() { get "$inventory_url/stock/$1" | grep -Eq "\"stock\": *$2\b"; }

printed() { docker logs "$(container "$1")" 2>/dev/null; }

# What the logging-service printed as lines "service action", sorted. Fails when
# anything stands there that is not exactly in its format.
printed_actions() {
    printed logging-service | awk '
        expect == 0 && $0 == "" { expect = 1; next }
        expect == 1 && $0 == "--> Logging Service <--" { expect = 2; next }
        expect == 2 && sub(/^serviceName: /, "") { name = $0; expect = 3; next }
        expect == 3 && sub(/^action: /, "") { print name, $0; expect = 0; next }
        { exit bad = 1 }
        END { exit bad || expect != 0 }' | sort
}
prints_actions() { [[ $(printed_actions) == "$1" ]]; }

# prints_notification CUSTOMER_ID ORDER_ID: this one, and nothing else
prints_notification() {
    cmp -s <(printed notification-service) <(
        printf '\n### Notification Service ###\nCongrats %s, your order %s has been approved!\n' "$1" "$2"
    )
}

# --- how the containers are ----------------------------------------------------

is_healthy() { [[ $(inspect "$1" '{{.State.Health.Status}}') == healthy ]]; }

all_healthy() {
    local service
    for service in "${brokers[@]}" "${services[@]}"; do
        is_healthy "$service" || return 1
    done
}

# topics_tool PORT ARGS...: Kafka's own, from this machine
topics_tool() {
    docker run --rm --network host "$kafka_image" /opt/kafka/bin/kafka-topics.sh \
        --bootstrap-server "localhost:$1" "${@:2}" 2>/dev/null
}

kafka_answers_this_machine() { topics_tool "$1" --list >/dev/null; }

# has_replicas PORT TOPIC: 6 partitions with three replicas, of which two must be in sync
has_replicas() {
    local line
    line=$(topics_tool "$1" --describe --topic "$2" | head -n 1)
    [[ $line == *'PartitionCount: 6'*'ReplicationFactor: 3'*'min.insync.replicas=2'* ]]
}

exited_cleanly() { [[ $(inspect "$1" '{{.State.Status}} {{.State.ExitCode}}') == 'exited 0' ]]; }

# process_status SERVICE FIELD: from /proc of the container's first process
process_status() { docker exec "$(container "$1")" sed -n "s/^$2:[[:space:]]*//p" /proc/1/status; }

is_not_root() { [[ $(process_status "$1" Uid) =~ ^[1-9] ]]; }
has_no_capability() { [[ $(process_status "$1" CapBnd) =~ ^0+$ ]]; }
gains_no_privilege() { [[ $(process_status "$1" NoNewPrivs) == 1 ]]; }
cannot_write_root() { ! docker exec --user 0 "$(container "$1")" touch /written 2>/dev/null; }

# --- the scenario ----------------------------------------------------------------

# The example order takes 3 of PRODUCT-123 and 1 of PRODUCT-321, each 109 in stock.
actions_of_first_order='inventory-service inventory-updated
inventory-service inventory-updated
notification-service order-notification-sent
order-service new-order'
stock_after_first_order=106

# The second takes 9 of PRODUCT-123: 97 are 100 or fewer, so it is refilled to 109.
actions_of_second_order='inventory-service inventory-empty
inventory-service inventory-updated
inventory-service inventory-updated
notification-service order-notification-sent
notification-service refill-notification-sent
order-service new-order'
stock_after_second_order=109

start_all() {
    compose up --detach "$@" "${brokers[@]}" "${services[@]}" >"$build/compose-up.log" 2>&1 \
        || { tail -n 40 "$build/compose-up.log"; die "docker-compose up failed: see $build/compose-up.log"; }
    wait_for 180 "all are healthy" all_healthy || die "not all became healthy within 180 s"
}

first_start() {
    say "building the images and starting ..."
    start_all --build
    check "docker-compose up builds and starts all, and all become healthy" all_healthy
    check "Kafka answers this machine at localhost:${KAFKA_PORT:-29092}" \
        kafka_answers_this_machine "${KAFKA_PORT:-29092}"
}

confined() {
    local service
    for service in "${services[@]}"; do
        check "$service runs as a user that is not root" is_not_root "$service"
        check "$service has no capability" has_no_capability "$service"
        check "$service can gain no privilege" gains_no_privilege "$service"
        check "$service cannot write outside its volume" cannot_write_root "$service"
    done
}

first_order() {
    check "a new order is answered with 201" order 201 ORDER-123 3
    check_soon 30 "its actions are printed, exactly" prints_actions "$actions_of_first_order"
    check_soon 10 "its notification is printed, exactly" prints_notification CUSTOMER-123 ORDER-123
    check_soon 10 "its notification is listed once" has_notifications ORDER-123 1
    check "the stock of PRODUCT-123 is $stock_after_first_order" \
        stock_is PRODUCT-123 "$stock_after_first_order"
}

stop_services() {
    local service began=$SECONDS
    compose stop "${services[@]}" >/dev/null 2>&1
    check "the services stop within their 10 s" test $((SECONDS - began)) -lt 10
    for service in "${services[@]}"; do
        check "$service exits with 0 when it is stopped" exited_cleanly "$service"
    done
}

down_and_up() {
    say "docker-compose down, then up again ..."
    compose down >/dev/null 2>&1
    start_all
    check "the order is still there after down and up" answers 200 "$order_url/orders/ORDER-123"
    check "the same order again is answered with 200" order 200 ORDER-123 3
}

# Its customer is the first order's, so its partition is: whatever the restart made
# the services read again came before it.
second_order() {
    check "the next order is answered with 201" order 201 ORDER-124 9
    check_soon 30 "only its own actions are printed, a refill among them" \
        prints_actions "$actions_of_second_order"
    check_soon 10 "its notification is listed once" has_notifications ORDER-124 1
    check "the first order was not notified again" has_notifications ORDER-123 1
    check "the stock of PRODUCT-123 is $stock_after_second_order" \
        stock_is PRODUCT-123 "$stock_after_second_order"
}

simulate() {
    local before began
    before=$(n_new_orders)
    compose --profile simulator up --detach --build simulator >"$build/compose-up.log" 2>&1 \
        || { tail -n 40 "$build/compose-up.log"; die "the simulator does not start"; }
    check_soon 60 "the simulator orders" has_more_new_orders_than "$before"
    began=$SECONDS
    compose --profile simulator stop simulator >/dev/null 2>&1
    check "the simulator stops at once" test $((SECONDS - began)) -lt 5
}

# scale SERVICE SETTING PORTS: two containers of it, on ports of this range
scale() {
    (export "$2=$3" && compose up --detach --no-deps --scale "$1=2" "$1") \
        >"$build/compose-up.log" 2>&1 \
        || { tail -n 40 "$build/compose-up.log"; die "two of $1 do not start"; }
}

has_said() { [[ $(docker logs "$1" 2>&1) == *"$2"* ]]; }

# said_by N SERVICE TEXT: as many containers of it have logged or printed TEXT
said_by() {
    local id n=0
    for id in $(container "$2"); do
        ! has_said "$id" "$3" || n=$((n + 1))
    done
    ((n == $1))
}

each_is_healthy() {
    local id
    for id in $(container "$1"); do
        [[ $(docker inspect --format '{{.State.Health.Status}}' "$id") == healthy ]] || return 1
    done
}

kill_active() {
    local id
    for id in $(container "$1"); do
        has_said "$id" 'standing by' || docker kill "$id" >/dev/null
    done
}

# Each topic has 6 partitions, and the notification-service reads two topics.
share_work() {
    say "two notification-services ..."
    scale notification-service NOTIFICATION_PORT 13002-13009
    check_soon 60 "the second has a folder of its own" \
        said_by 1 notification-service 'data in /data/2,'
    check_soon 60 "each has half of the partitions" \
        said_by 2 notification-service ': 6 partitions of cluster'
    check "an order is answered with 201" order 201 ORDER-125 1
    check_soon 30 "one of them notifies the customer" \
        said_by 1 notification-service 'your order ORDER-125 has been approved'
}

updates_stock_for() { (($(count '"inventory-updated"' "$logging_url/actions?orderId=$1") == 2)); }

stand_by() {
    say "two inventory-services, of which one is killed ..."
    scale inventory-service INVENTORY_PORT 13012-13019
    check_soon 30 "the second stands by" said_by 1 inventory-service 'standing by'
    check_soon 60 "both are healthy" each_is_healthy inventory-service
    kill_active inventory-service
    check_soon 30 "it takes over" said_by 1 inventory-service 'taking over'
    check "an order is answered with 201" order 201 ORDER-126 1
    check_soon 60 "the stock is updated" updates_stock_for ORDER-126
}

# The volumes of the services stay: they publish what their outboxes keep once more,
# and nothing happens twice.
on_a_cluster() {
    local port
    say "the same shop on three brokers ..."
    compose --profile simulator down >/dev/null 2>&1
    files+=(--file "$root/docker-compose.cluster.yml")
    brokers=(kafka kafka-2 kafka-3)
    start_all
    for port in "${KAFKA_PORT:-29092}" "${KAFKA_2_PORT:-39092}" "${KAFKA_3_PORT:-49092}"; do
        check "a broker answers this machine at localhost:$port" kafka_answers_this_machine "$port"
    done
    check_soon 30 "the shop's topics have 6 partitions and three replicas" \
        has_replicas "${KAFKA_2_PORT:-39092}" new-order-topic
    check "an order is answered with 201" order 201 ORDER-127 1
    check_soon 60 "its notification is listed once" has_notifications ORDER-127 1
    docker kill "$(container kafka-2)" >/dev/null
    check "with a broker killed, an order is answered with 201" order 201 ORDER-128 1
    check_soon 60 "its notification is listed once" has_notifications ORDER-128 1
    check "an order from before the cluster was not notified again" has_notifications ORDER-124 1
}

# --- beginning and end -------------------------------------------------------------

show_logs() {
    local service
    for service in "${brokers[@]}" "${services[@]}" simulator; do
        [[ -n $(container "$service") ]] || continue
        printf '\n===== %s =====\n' "$service"
        docker logs --tail 40 "$(container "$service")" 2>&1 || true
        inspect "$service" '{{with .State.Health}}health: {{.Status}}{{range .Log}}
{{.ExitCode}} {{.Output}}{{end}}{{end}}' || true
    done
}

remove_all() {
    say "removing the containers, volumes and images of this test ..."
    compose --profile simulator down --volumes --rmi local --remove-orphans >/dev/null 2>&1 || true
    [[ -n $engine_pid ]] || remove_stand_ins
}

finish() {
    trap - EXIT INT TERM
    if ! $complete && ((failed == 0)); then
        printf 'not ok - ended in the middle: %s\n' "$stopped_at"
        failed=1
    fi
    if [[ -n ${compose_command:-} ]] && engine_answers; then
        ((failed == 0)) || show_logs
        remove_all
    fi
    stop_engine
    say "took $SECONDS s$( ((failed)) && echo "; logs: build/compose-*.log")"
    printf '%d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main() {
    case ${1:-} in
        '') ;;
        -h | --help) usage && exit ;;
        *) echo "no argument '$1': see tests/compose/run.sh --help" >&2 && exit 2 ;;
    esac
    trap 'exit 130' INT TERM
    trap 'stopped_at="line $LINENO: $BASH_COMMAND"' ERR
    trap finish EXIT
    if ! engine_answers && [[ $EUID -ne 0 ]]; then
        command -v sudo >/dev/null || die "no Docker engine answers: start one, or run this as root"
        exec sudo --preserve-env "$0" "$@"
    fi
    mkdir -p "$build"
    unset LOG_FORMAT LOG_LEVEL
    require_engine
    require_compose
    require_free_ports
    require_images
    first_start
    confined
    first_order
    stop_services
    down_and_up
    second_order
    simulate
    share_work
    stand_by
    on_a_cluster
    complete=true
}

main "$@"
