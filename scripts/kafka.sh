#!/usr/bin/env bash
# Apache Kafka brokers in KRaft mode on this machine, without Docker: one, or a
# cluster.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
pom=$root/scripts/kafka/pom.xml
log4j=$root/scripts/kafka/log4j2.properties
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$pom")

single_port=${KAFKA_PORT:-29092}
single_controller_port=${KAFKA_CONTROLLER_PORT:-}
ports_list=${KAFKA_PORTS:-29092,39092,49092}
dir=${KAFKA_DIR:-build/kafka}
libs=${KAFKA_LIBS_DIR:-build/kafka/libs}
new_cluster_id=${KAFKA_CLUSTER_ID:-}
heap_opts=${KAFKA_HEAP_OPTS:-}
start_timeout_s=${KAFKA_START_TIMEOUT_S:-120}
stop_timeout_s=${KAFKA_STOP_TIMEOUT_S:-20}

usage() {
    cat <<EOF
Apache Kafka $version in KRaft mode on this machine, without Docker: one broker, or
a cluster of brokers that are controllers, too.

  scripts/kafka.sh start [--override KEY=VALUE]...   start one broker, wait until it answers
  scripts/kafka.sh start --brokers 3 [...]           a cluster of three: those that do not run
  scripts/kafka.sh start --broker I [...]            one broker of the cluster again
  scripts/kafka.sh stop [--broker I]                 stop all, or one of the cluster; data stays
  scripts/kafka.sh status                            exit 0 when all run, 1 when not
  scripts/kafka.sh topics|groups|configs|quorum ARGS...
                                                     Kafka's own tools against it
  scripts/kafka.sh fetch                             only download what is missing

Settings (environment; relative paths start at the top of the repository):
  KAFKA_PORT             the one broker's port on 127.0.0.1 (29092)
  KAFKA_CONTROLLER_PORT  its controller's port on 127.0.0.1 (KAFKA_PORT + 1)
  KAFKA_PORTS            the ports of a cluster's brokers on 127.0.0.1; the controller
                         of each has the next one (29092,39092,49092)
  KAFKA_DIR              data, log, settings and pid of the one broker; those of a
                         cluster are in broker-1, broker-2, ... in it (build/kafka)
  KAFKA_LIBS_DIR         the jars, downloaded once (build/kafka/libs)
  KAFKA_CLUSTER_ID       the cluster id of brokers without data (a random one)
  KAFKA_HEAP_OPTS        a broker's memory (-Xms256m -Xmx512m; -Xms128m -Xmx384m
                         for each of a cluster)
  KAFKA_START_TIMEOUT_S  how long start waits for an answer (120)
  KAFKA_STOP_TIMEOUT_S   how long stop waits before it kills (20)

In a cluster of three a topic has three replicas, and a record is acknowledged when
two have it (min.insync.replicas). To kill a broker of it:
  kill -9 \$(cat KAFKA_DIR/broker-2/kafka.pid)

Several run side by side when each has ports and a KAFKA_DIR of its own. To begin
with an empty one: stop, then delete KAFKA_DIR/data, or KAFKA_DIR/broker-*.
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
    local listed
    require_number KAFKA_PORT "$single_port" 65534
    : "${single_controller_port:=$((single_port + 1))}"
    require_number KAFKA_CONTROLLER_PORT "$single_controller_port" 65535
    IFS=, read -ra cluster_ports <<<"$ports_list"
    for listed in "${cluster_ports[@]}"; do
        require_number KAFKA_PORTS "$listed" 65534
    done
    require_number KAFKA_START_TIMEOUT_S "$start_timeout_s" 3600
    require_number KAFKA_STOP_TIMEOUT_S "$stop_timeout_s" 3600
    dir=$(from_root "$dir")
    libs=$(from_root "$libs")
}

# --- which brokers there are: 0 is the one without a cluster, 1 to N are a cluster's ---

cluster_size() {
    local n=0
    while [[ -d $dir/broker-$((n + 1)) ]]; do
        n=$((n + 1))
    done
    echo "$n"
}

# use_broker I: what follows is about this one
use_broker() {
    broker=$1
    if ((broker == 0)); then
        name='the broker' home=$dir
        port=$single_port port_setting=KAFKA_PORT
        controller_port=$single_controller_port controller_port_setting=KAFKA_CONTROLLER_PORT
    else
        name="broker $broker" home=$dir/broker-$broker
        port=${cluster_ports[broker - 1]:-} port_setting=KAFKA_PORTS
        [[ -n $port ]] || die "KAFKA_PORTS=$ports_list has no port for broker $broker"
        controller_port=$((port + 1)) controller_port_setting=KAFKA_PORTS
    fi
    properties=$home/server.properties
    pid_file=$home/kafka.pid
    log=$home/kafka.log
}

# cluster_list addresses|voters: of each broker of the cluster, as a,b,c
cluster_list() {
    local i list=()
    for i in $(seq "$(cluster_size)"); do
        use_broker "$i"
        case $1 in
            addresses) list+=("localhost:$port") ;;
            voters) list+=("$broker@127.0.0.1:$controller_port") ;;
        esac
    done
    (IFS=, && echo "${list[*]}")
}

cluster_runs() {
    local i
    for i in $(seq "$(cluster_size)"); do
        use_broker "$i"
        ! running_pid >/dev/null || return 0
    done
    return 1
}

# The brokers that stop and status are about: those that run, with all of their
# cluster; where nothing runs, those that could.
brokers_in_use() {
    local n
    n=$(cluster_size)
    use_broker 0
    if running_pid >/dev/null; then
        echo 0
        cluster_runs || return 0
    fi
    seq "$n"
    ((n > 0)) || echo 0
}

# Where a client starts from: the cluster, while one of it runs.
bootstrap() {
    if cluster_runs; then
        cluster_list addresses
    else
        echo "localhost:$single_port"
    fi
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

# run_tool topics|groups|configs|quorum ARGS...
run_tool() {
    local class
    case $1 in
        topics) class=org.apache.kafka.tools.TopicCommand ;;
        groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
        configs) class=kafka.admin.ConfigCommand ;;
        quorum) class=org.apache.kafka.tools.MetadataQuorumCommand ;;
    esac
    run_class "$class" --bootstrap-server "$(bootstrap)" "${@:2}"
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

# Three replicas where there are as many brokers; one of them may be away.
write_properties() {
    local n=1 voters=1@127.0.0.1:$controller_port replicas min_isr
    if ((broker > 0)); then
        n=$(cluster_size)
        voters=$(cluster_list voters)
    fi
    replicas=$((n < 3 ? n : 3))
    min_isr=$((replicas > 1 ? replicas - 1 : 1))
    cat >"$properties" <<EOF
# Written by scripts/kafka.sh at each start.
process.roles=broker,controller
node.id=$((broker > 0 ? broker : 1))
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://localhost:$port
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$home/data
default.replication.factor=$replicas
min.insync.replicas=$min_isr
offsets.topic.replication.factor=$replicas
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$min_isr
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$min_isr
group.initial.rebalance.delay.ms=0
EOF
}

# 16 random bytes in base64, without the characters that Kafka's tools could
# take for an option or a path.
random_cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'Aa' | tr -d '='; }

# A broker of a cluster that lost its data goes back to the others.
choose_cluster_id() {
    local known=
    if ((broker > 0)); then
        known=$(cat "$dir"/broker-*/data/meta.properties 2>/dev/null | sed -n 's/^cluster\.id=//p' | head -n 1)
    fi
    : "${known:=$new_cluster_id}"
    echo "${known:-$(random_cluster_id)}"
}

format_storage() {
    [[ ! -e $home/data/meta.properties ]] || return 0
    say "formatting $home/data ..."
    run_class kafka.tools.StorageTool format --ignore-formatted \
        --cluster-id "$(choose_cluster_id)" --config "$properties" >"$log" 2>&1 \
        || die "the storage could not be formatted: see $log"
}

launch() {
    local heap default='-Xms256m -Xmx512m'
    ((broker == 0)) || default='-Xms128m -Xmx384m'
    read -ra heap <<<"${heap_opts:-$default}"
    [[ ! -e $log ]] || mv "$log" "$log.1"
    setsid java "${heap[@]}" -cp "$libs/*" -Dlog4j2.configurationFile="$log4j" \
        kafka.Kafka "$properties" "$@" </dev/null >"$log" 2>&1 8>&- &
    echo $! >"$pid_file"
    # It is not known by its settings file before it is another program than this.
    while ! running_pid >/dev/null && kill -0 $! 2>/dev/null; do sleep 0.01; done
}

# The line comes when the controllers have let it in and it serves clients.
serves() { grep -q 'Kafka Server started' "$log"; }

last_complaint() { grep -E 'ERROR|FATAL|Exception' "$log" | tail -n 1 || tail -n 1 "$log"; }

# The start has failed: what it launched goes, too.
give_up() {
    stop_brokers "${launched[@]}" >/dev/null
    die "$*"
}

# wait_until_it_serves DEADLINE: in seconds of this script
wait_until_it_serves() {
    local next_note=$((SECONDS + 5))
    until serves; do
        running_pid >/dev/null \
            || give_up "$name ended while it started: $(last_complaint) (more in $log)"
        ((SECONDS < $1)) \
            || give_up "$name does not answer within $start_timeout_s s: see $log, or set" \
                "KAFKA_START_TIMEOUT_S; one of a cluster waits until more than half of it runs"
        if ((SECONDS >= next_note)); then
            say "$name is still starting ..."
            next_note=$((SECONDS + 5))
        fi
        sleep 0.2
    done
}

# Makes the broker at hand ready to be launched; 1: it runs already
prepare() {
    local pid
    if pid=$(running_pid); then
        say "$name is already running at localhost:$port (pid $pid)"
        return 1
    fi
    require_free_port "$port_setting" "$port"
    require_free_port "$controller_port_setting" "$controller_port"
    write_properties
    format_storage
}

# start_brokers ARGS...: those in `brokers`, all at once
start_brokers() {
    local i deadline launched=()
    for i in "${brokers[@]}"; do
        use_broker "$i"
        ! prepare || launched+=("$i")
    done
    ((${#launched[@]} > 0)) || return 0
    say "starting Apache Kafka $version ..."
    for i in "${launched[@]}"; do
        use_broker "$i"
        launch "$@"
    done
    deadline=$((SECONDS + start_timeout_s))
    for i in "${launched[@]}"; do
        use_broker "$i"
        wait_until_it_serves "$deadline"
        say "$name is ready at localhost:$port (pid $(running_pid), log $log)"
    done
    say "scripts/kafka.sh stop ends it"
}

# choose_cluster N: a new one or the one that there is
choose_cluster() {
    local i n max=${#cluster_ports[@]}
    [[ $1 =~ ^[2-9]$ && $1 -le $max ]] \
        || die "--brokers $1: a cluster has 2 to $max brokers, as many as KAFKA_PORTS has ports"
    n=$(cluster_size)
    ((n == 0 || n == $1)) \
        || die "the cluster in $dir has $n brokers: --brokers $n, or stop it and delete $dir/broker-*"
    for ((i = 1; i <= $1; i++)); do
        mkdir -p "$dir/broker-$i"
    done
    mapfile -t brokers < <(seq "$1")
}

choose_from_cluster() {
    local n
    n=$(cluster_size)
    ((n > 0)) || die "there is no cluster in $dir: scripts/kafka.sh start --brokers 3 makes one"
    [[ $1 =~ ^[1-9]$ && $1 -le $n ]] || die "--broker $1: the cluster has the brokers 1 to $n"
    brokers=("$1")
}

start() {
    local brokers=(0)
    mkdir -p "$dir"
    exec 8>"$dir/lock"
    flock 8
    case ${1:-} in
        --brokers) choose_cluster "${2:-}" && shift 2 ;;
        --broker) choose_from_cluster "${2:-}" && shift 2 ;;
    esac
    require_java
    require_libs
    start_brokers "$@"
}

gone() { ! running_pid >/dev/null; }

# n_running I...: how many of these run
n_running() {
    local i n=0
    for i in "$@"; do
        use_broker "$i"
        gone || n=$((n + 1))
    done
    echo "$n"
}

# A broker that ends says so to the controllers, and waits for their answer for
# minutes: none comes when half of them are gone.
has_no_quorum() {
    local n
    n=$(cluster_size)
    # shellcheck disable=SC2046 # numbers
    ((n > 0 && 2 * $(n_running $(seq "$n")) <= n))
}

# kill_brokers I...: those that do not end by themselves
kill_brokers() {
    local i pid deadline
    for i in "$@"; do
        use_broker "$i"
        pid=$(running_pid) || continue
        say "$name does not end by itself, killing pid $pid"
        kill -KILL "$pid" 2>/dev/null || true
        deadline=$((SECONDS + 5))
        until gone; do
            ((SECONDS < deadline)) || die "pid $pid does not end"
            sleep 0.1
        done
    done
}

# stop_brokers I...: all at once
stop_brokers() {
    local i pid deadline=$((SECONDS + stop_timeout_s)) without_quorum=
    for i in "$@"; do
        use_broker "$i"
        ! pid=$(running_pid) || kill -TERM "$pid" 2>/dev/null || true
    done
    while (($(n_running "$@") > 0 && SECONDS < deadline)); do
        if [[ -z $without_quorum && $1 != 0 ]] && has_no_quorum; then
            without_quorum=yes
            deadline=$((SECONDS + 3 < deadline ? SECONDS + 3 : deadline))
        fi
        sleep 0.1
    done
    kill_brokers "$@"
    for i in "$@"; do
        use_broker "$i"
        rm -f "$pid_file"
        say "stopped $name; its data stays in $home/data"
    done
}

stop() {
    local i brokers running=()
    mapfile -t brokers < <(brokers_in_use)
    case ${1:-} in
        --broker) choose_from_cluster "${2:-}" ;;
    esac
    for i in "${brokers[@]}"; do
        use_broker "$i"
        gone || running+=("$i")
    done
    if ((${#running[@]} == 0)); then
        say "not running"
        return
    fi
    stop_brokers "${running[@]}"
}

status() {
    local i pid code=0
    for i in $(brokers_in_use); do
        use_broker "$i"
        if pid=$(running_pid); then
            say "$name is running at localhost:$port (pid $pid, log $log)"
        else
            say "$name is not running"
            code=1
        fi
    done
    ((code == 0)) || say "scripts/kafka.sh start, with --brokers N for a cluster, starts what is missing"
    return "$code"
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
        start | stop | status | fetch | topics | groups | configs | quorum) ;;
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
