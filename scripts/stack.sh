#!/usr/bin/env bash
# Runs the shop on this machine: the embedded broker and the four services.
# `make run`, `make up` and `make down` call it.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: scripts/stack.sh run|up|down|status
       scripts/stack.sh start|stop SERVICE...

  run     start, post the sample order, show the logging-service's output until
          Ctrl-C, then stop everything
  up      start in the background
  down    stop what `up` started
  status  say what runs
  start   start only these services (order, inventory, notification, logging),
          on KAFKA_BROKERS or on the embedded broker that `up` started
  stop    stop these, in order; the others go on

Settings (environment variables):

  KAFKA_BROKERS      -          a Kafka of your own; unset: the embedded broker
  DATA_DIR           ./data     the services' databases
  RUN_DIR            build/run  process ids and logs
  BIN_DIR            build/bin  the programs
  ORDER_PORT         3000       HTTP ports
  INVENTORY_PORT     3001
  NOTIFICATION_PORT  3002
  LOGGING_PORT       3003
  PLAYGROUND_TOPICS  test       what POST /topics/{topic} of the order-service takes
  GROUP_PREFIX       -          before the names of the consumer groups: another
                                shop on the same Kafka, with topics of its own

All settings of the services (see their --help) are passed on to them.
TEXT
}

RUN_DIR=${RUN_DIR:-build/run}
BIN_DIR=${BIN_DIR:-build/bin}
export DATA_DIR=${DATA_DIR:-./data}
export PLAYGROUND_TOPICS=${PLAYGROUND_TOPICS-test}
READY_TIMEOUT_S=30
STOP_TIMEOUT_S=7

declare -A PORTS=(
    [order]=${ORDER_PORT:-3000}
    [inventory]=${INVENTORY_PORT:-3001}
    [notification]=${NOTIFICATION_PORT:-3002}
    [logging]=${LOGGING_PORT:-3003}
)
SERVICES=(order inventory notification logging)

say() { echo "stack: $*"; }
fail() { echo "stack: $*" >&2; exit 1; }

# The process that a pid file names, if it is still the program we started.
pid_of() {
    local pid
    pid=$(cat "$RUN_DIR/$1.pid" 2>/dev/null) || return 1
    [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$(readlink -f "$BIN_DIR/$1")" ] || return 1
    echo "$pid"
}

# In a session of its own, so that Ctrl-C reaches this script alone and the
# programs are stopped in order.
start_program() {
    local name=$1
    shift
    setsid env "$@" "$BIN_DIR/$name" "${PROGRAM_ARGS[@]}" </dev/null >"$RUN_DIR/$name.out" 2>"$RUN_DIR/$name.log" &
    echo $! >"$RUN_DIR/$name.pid"
}

why_it_ended() {
    local last
    last=$(tail -n 1 "$RUN_DIR/$1.log" 2>/dev/null)
    fail "$1 has ended: ${last:-it said nothing} (all of it: $RUN_DIR/$1.log)"
}

# Waits until `check` succeeds, while the program lives.
wait_until() {
    local name=$1 deadline=$((SECONDS + READY_TIMEOUT_S))
    shift
    until "$@" >/dev/null 2>&1; do
        pid_of "$name" >/dev/null || sleep 0.1 # just started: its exe may not be there yet
        pid_of "$name" >/dev/null || why_it_ended "$name"
        [ $SECONDS -lt $deadline ] || fail "$name is not ready after $READY_TIMEOUT_S s; see $RUN_DIR/$name.log"
        sleep 0.05
    done
}

port_is_busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

check_ports() {
    local service
    for service in "$@"; do
        if port_is_busy "${PORTS[$service]}"; then
            fail "port ${PORTS[$service]} is in use: stop what uses it (make down?), or set ${service^^}_PORT to another one"
        fi
    done
}

start_broker() {
    PROGRAM_ARGS=(--address-file "$RUN_DIR/broker.address")
    rm -f "$RUN_DIR/broker.address"
    start_program dev-broker
    wait_until dev-broker test -s "$RUN_DIR/broker.address"
    KAFKA_BROKERS=$(cat "$RUN_DIR/broker.address")
    export KAFKA_BROKERS
    say "embedded broker on $KAFKA_BROKERS (in memory)"
}

start_services() {
    local service
    PROGRAM_ARGS=()
    for service in "$@"; do
        start_program "$service-service" HTTP_PORT="${PORTS[$service]}" \
            ${GROUP_PREFIX:+CONSUMER_GROUP="$GROUP_PREFIX$service-service-group"}
    done
    say "waiting until the services are ready (joining their groups takes some seconds)"
    for service in "$@"; do
        wait_until "$service-service" env HTTP_PORT="${PORTS[$service]}" "$BIN_DIR/$service-service" --healthcheck
        say "$service-service is ready on http://localhost:${PORTS[$service]}"
    done
}

check_programs() {
    local service
    for service in "$@"; do
        [ -x "$BIN_DIR/$service-service" ] || fail "$BIN_DIR/$service-service is missing: run make"
    done
}

up() {
    local service
    check_programs "${SERVICES[@]}"
    for service in "${SERVICES[@]}"; do
        if pid_of "$service-service" >/dev/null; then
            fail "the shop runs already; stop it with: make down"
        fi
    done
    check_ports "${SERVICES[@]}"
    mkdir -p "$RUN_DIR"
    trap stop_after_failure EXIT
    if [ -z "${KAFKA_BROKERS:-}" ]; then
        start_broker
    else
        say "using Kafka at $KAFKA_BROKERS"
    fi
    start_services "${SERVICES[@]}"
}

check_names() {
    local service
    [ $# -gt 0 ] || fail "name the services: ${SERVICES[*]}"
    for service in "$@"; do
        [ -n "${PORTS[$service]:-}" ] || fail "no service '$service': these are ${SERVICES[*]}"
    done
}

start() {
    local service
    check_names "$@"
    check_programs "$@"
    for service in "$@"; do
        if pid_of "$service-service" >/dev/null; then
            fail "$service-service runs already"
        fi
    done
    if [ -z "${KAFKA_BROKERS:-}" ]; then
        pid_of dev-broker >/dev/null || fail "no embedded broker runs here: set KAFKA_BROKERS, or run: make up"
        KAFKA_BROKERS=$(cat "$RUN_DIR/broker.address")
        export KAFKA_BROKERS
    fi
    check_ports "$@"
    mkdir -p "$RUN_DIR"
    start_services "$@"
}

stop() {
    local service
    check_names "$@"
    for service in "$@"; do
        if stop_program "$service-service"; then
            say "$service-service has stopped"
        else
            say "$service-service does not run"
        fi
    done
}

stop_program() {
    local name=$1 pid deadline=$((SECONDS + STOP_TIMEOUT_S))
    pid=$(pid_of "$name") || { rm -f "$RUN_DIR/$name.pid"; return 1; }
    kill -TERM "$pid" 2>/dev/null || true
    while pid_of "$name" >/dev/null; do
        if [ $SECONDS -ge $deadline ]; then
            say "$name did not stop within $STOP_TIMEOUT_S s; ending it the hard way, nothing is lost"
            kill -KILL "$pid" 2>/dev/null || true
        fi
        sleep 0.05
    done
    rm -f "$RUN_DIR/$name.pid"
}

# The order-service first, so that what it accepted still reaches the others.
stop_all() {
    local name
    STOPPED=0
    for name in order-service inventory-service notification-service logging-service dev-broker; do
        if stop_program "$name"; then STOPPED=$((STOPPED + 1)); fi
    done
}

stop_after_failure() {
    if [ $? != 0 ]; then stop_all; fi
}

down() {
    stop_all
    say "stopped $STOPPED programs; the data is in $DATA_DIR"
}

status() {
    local service running=0
    for service in "${SERVICES[@]}"; do
        if pid_of "$service-service" >/dev/null; then
            say "$service-service runs as process $(pid_of "$service-service")"
            running=$((running + 1))
        else
            say "$service-service does not run"
        fi
    done
    [ $running -gt 0 ]
}

post_sample() {
    local code
    say "POST http://localhost:${PORTS[order]}/orders < schemas/examples/new-order.json"
    code=$(curl -sS -o "$RUN_DIR/answer.json" -w '%{http_code}' -H 'Content-Type: application/json' \
        --data-binary @schemas/examples/new-order.json "http://localhost:${PORTS[order]}/orders")
    case $code in
    201) say "201: the order is on disk; here is what the logging-service shows (Ctrl-C stops everything)" ;;
    200) say "200: $DATA_DIR has this order from an earlier run, so nothing happens twice; post another one" \
        "(scripts/simulate.sh does), and watch the logging-service here (Ctrl-C stops everything)" ;;
    *) fail "the order was answered $code: $(cat "$RUN_DIR/answer.json")" ;;
    esac
}

run() {
    trap 'exit 130' INT TERM HUP # while it starts, that is a failure
    up
    trap 'down' EXIT
    trap 'exit 0' INT TERM HUP
    post_sample
    tail --pid=$$ -n +1 -f "$RUN_DIR/logging-service.out" &
    wait $! || true
}

case "${1:-}" in
run) run ;;
up)
    up
    say "the shop is up: POST orders to http://localhost:${PORTS[order]}/orders; logs in $RUN_DIR; stop it with: make down"
    ;;
down) down ;;
status) status ;;
start | stop) "$@" ;;
-h | --help) usage ;;
*) usage >&2; exit 2 ;;
esac
