#!/usr/bin/env bash
# One Apache Kafka broker in KRaft mode on this machine, without Docker.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
pom=$root/scripts/kafka/pom.xml
log4j=$root/scripts/kafka/log4j2.properties
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$pom")

port=${KAFKA_PORT:-29092}
controller_port=${KAFKA_CONTROLLER_PORT:-}
dir=${KAFKA_DIR:-build/kafka}
libs=${KAFKA_LIBS_DIR:-build/kafka/libs}
new_cluster_id=${KAFKA_CLUSTER_ID:-}
heap_opts=${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m}
start_timeout_s=${KAFKA_START_TIMEOUT_S:-60}
stop_timeout_s=${KAFKA_STOP_TIMEOUT_S:-20}

usage() {
    cat <<EOF
One Apache Kafka $version broker in KRaft mode on this machine, without Docker.

  scripts/kafka.sh start [--override KEY=VALUE]...   start it, wait until it answers
  scripts/kafka.sh stop                              stop it; its data stays
  scripts/kafka.sh status                            exit 0 when it runs, 1 when not
  scripts/kafka.sh topics|groups|configs ARGS...     Kafka's own tools against it
  scripts/kafka.sh fetch                             only download what is missing

Settings (environment; relative paths start at the top of the repository):
  KAFKA_PORT             the broker's port on 127.0.0.1 (29092)
  KAFKA_CONTROLLER_PORT  the controller's port on 127.0.0.1 (KAFKA_PORT + 1)
  KAFKA_DIR              data, log, settings and pid of this broker (build/kafka)
  KAFKA_LIBS_DIR         the jars, downloaded once (build/kafka/libs)
  KAFKA_CLUSTER_ID       the cluster id of a broker without data (a random one)
  KAFKA_HEAP_OPTS        the broker's memory (-Xms256m -Xmx512m)
  KAFKA_START_TIMEOUT_S  how long start waits for an answer (60)
  KAFKA_STOP_TIMEOUT_S   how long stop waits before it kills (20)

Several brokers run side by side when each has a KAFKA_PORT and a KAFKA_DIR of
its own. To begin with an empty broker: stop, then delete KAFKA_DIR/data.
EOF
}

say() { printf 'kafka: %s\n' "$*"; }

die() {
    printf 'kafka: %s\n' "$*" >&2
    exit 1
}

# require_number NAME VALUE MAX
require_number() {
    [[ $2 =~ ^[1-9][0-9]{0,4}$ && $2 -le $3 ]] || die "$1=$2 is not a number from 1 to $3"
}

from_root() { (cd "$root" && realpath -m -- "$1"); }

read_settings() {
    require_number KAFKA_PORT "$port" 65534
    : "${controller_port:=$((port + 1))}"
    require_number KAFKA_CONTROLLER_PORT "$controller_port" 65535
    require_number KAFKA_START_TIMEOUT_S "$start_timeout_s" 3600
    require_number KAFKA_STOP_TIMEOUT_S "$stop_timeout_s" 3600
    dir=$(from_root "$dir")
    libs=$(from_root "$libs")
    properties=$dir/server.properties
    pid_file=$dir/kafka.pid
    log=$dir/kafka.log
}

java_is_new_enough() {
    local major
    major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || return 1
    [[ -n $major && $major -ge 17 ]]
}

require_java() {
    java_is_new_enough && return
    "$root/scripts/setup.sh" :openjdk-17-jre-headless
    java_is_new_enough || die "the java in PATH is older than 17: put a newer one first"
}

# The pom stands beside the jars it describes: another pom means other jars.
libs_complete() { cmp -s "$pom" "$libs/pom.xml"; }

# The folder gets its final name only when everything is in it.
download_libs() (
    mkdir -p "$libs"
    exec 9>"$libs.lock"
    flock 9
    libs_complete && return
    "$root/scripts/setup.sh" mvn:maven
    say "downloading Apache Kafka $version (about 50 MB) ..."
    rm -rf "$libs.new"
    # Debian's Maven sends colour codes even where it was told not to.
    mvn -q -B -ntp -f "$pom" -DoutputDirectory="$libs.new" \
        org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies 2>&1 \
        | sed 's/\x1b\[[0-9;]*m//g' \
        || die "the download failed: see Maven's message above, then try again"
    cp "$pom" "$libs.new/"
    rm -rf "$libs"
    mv "$libs.new" "$libs"
)

require_libs() {
    libs_complete || download_libs
}

# run_class MAIN_CLASS ARGS...: one of Kafka's command line tools
run_class() {
    java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$libs/*" \
        -Dlog4j2.configurationFile="$log4j" -Dkafka.log.level=ERROR "$@"
}

# run_tool topics|groups|configs ARGS...
run_tool() {
    local class
    case $1 in
        topics) class=org.apache.kafka.tools.TopicCommand ;;
        groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
        configs) class=kafka.admin.ConfigCommand ;;
    esac
    run_class "$class" --bootstrap-server "localhost:$port" "${@:2}"
}

# Prints the broker's process id. The number in the pid file counts only while
# that process was started with our settings file: the kernel reuses numbers.
running_pid() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] || return 1
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "$properties" || return 1
    echo "$pid"
}

port_is_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

require_free_port() {
    ! port_is_open "$2" || die "port $2 is in use: stop what listens there, or set $1"
}

write_properties() {
    cat >"$properties" <<EOF
# Written by scripts/kafka.sh at each start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://localhost:$port
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
EOF
}

# 16 random bytes in base64, without the characters that Kafka's tools could
# take for an option or a path.
random_cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'Aa' | tr -d '='; }

format_storage() {
    [[ ! -e $dir/data/meta.properties ]] || return 0
    say "formatting $dir/data ..."
    run_class kafka.tools.StorageTool format --ignore-formatted \
        --cluster-id "${new_cluster_id:-$(random_cluster_id)}" --config "$properties" >"$log" 2>&1 \
        || die "the storage could not be formatted: see $log"
}

launch() {
    local heap
    read -ra heap <<<"$heap_opts"
    [[ ! -e $log ]] || mv "$log" "$log.1"
    setsid java "${heap[@]}" -cp "$libs/*" -Dlog4j2.configurationFile="$log4j" \
        kafka.Kafka "$properties" "$@" </dev/null >"$log" 2>&1 8>&- &
    echo $! >"$pid_file"
}

answers() { port_is_open "$port" && timeout 20 "$0" topics --list >/dev/null 2>&1; }

wait_until_it_answers() {
    local deadline=$((SECONDS + start_timeout_s)) next_note=$((SECONDS + 5))
    until answers; do
        running_pid >/dev/null || die "the broker ended while it started: see $log"
        if ((SECONDS >= deadline)); then
            stop >/dev/null
            die "no answer within $start_timeout_s s: see $log, or set KAFKA_START_TIMEOUT_S"
        fi
        if ((SECONDS >= next_note)); then
            say "still starting ..."
            next_note=$((SECONDS + 5))
        fi
        sleep 0.2
    done
}

start() {
    local pid
    mkdir -p "$dir"
    exec 8>"$dir/lock"
    flock 8
    if pid=$(running_pid); then
        say "already running at localhost:$port (pid $pid)"
        return
    fi
    require_java
    require_libs
    require_free_port KAFKA_PORT "$port"
    require_free_port KAFKA_CONTROLLER_PORT "$controller_port"
    write_properties
    format_storage
    say "starting Apache Kafka $version ..."
    launch "$@"
    wait_until_it_answers
    say "ready at localhost:$port (pid $(running_pid), log $log); scripts/kafka.sh stop ends it"
}

gone() { ! running_pid >/dev/null; }

wait_until_gone() {
    local deadline=$((SECONDS + $1))
    until gone; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

stop() {
    local pid
    if ! pid=$(running_pid); then
        say "not running"
        return
    fi
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_until_gone "$stop_timeout_s"; then
        say "no end within $stop_timeout_s s, killing pid $pid"
        kill -KILL "$pid" 2>/dev/null || true
        wait_until_gone 5 || die "pid $pid does not end"
    fi
    rm -f "$pid_file"
    say "stopped; its data stays in $dir/data"
}

status() {
    local pid
    if pid=$(running_pid); then
        say "running at localhost:$port (pid $pid, log $log)"
    else
        say "not running (scripts/kafka.sh start)"
        return 1
    fi
}

fetch() {
    require_java
    require_libs
    say "Apache Kafka $version is in $libs"
}

main() {
    local command=${1:---help}
    shift || true
    case $command in
        -h | --help | help)
            usage
            return
            ;;
        start | stop | status | fetch | topics | groups | configs) ;;
        *) die "no command '$command': see scripts/kafka.sh --help" ;;
    esac
    read_settings
    case $command in
        start | stop | status | fetch) "$command" "$@" ;;
        *)
            require_java
            require_libs
            run_tool "$command" "$@"
            ;;
    esac
}

main "$@"
