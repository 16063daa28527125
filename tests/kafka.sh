#!/usr/bin/env bash
# Runs the tests given as arguments against real Apache Kafka: one for all of
# them, with ports and a folder of its own. TEST_BROKERS=3: a cluster.
set -euo pipefail
cd "$(dirname "$0")/.."

brokers=${TEST_BROKERS:-1}
export KAFKA_PORT=${KAFKA_PORT:-29392} KAFKA_PORTS=${KAFKA_PORTS:-29492,29592,29692}
if ((brokers == 1)); then
    export KAFKA_DIR=${KAFKA_DIR:-build/kafka-test}
    start=(start) addresses=localhost:$KAFKA_PORT
else
    export KAFKA_DIR=${KAFKA_DIR:-build/kafka-test-cluster} TEST_TIMEOUT_S=${TEST_TIMEOUT_S:-900}
    # Brokers that start often and live for seconds: cheap ones.
    export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xms128m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}
    start=(start --brokers "$brokers") addresses=localhost:${KAFKA_PORTS//,/,localhost:}
fi

stop() { scripts/kafka.sh stop; }

# Brokers of an earlier run that was cut off would bring their topics along.
scripts/kafka.sh stop >/dev/null
rm -rf "$KAFKA_DIR"
trap stop EXIT
scripts/kafka.sh "${start[@]}"
# Starting and stopping Kafka takes some of them minutes.
export TEST_TIMEOUT_S=${TEST_TIMEOUT_S:-400}
TEST_KAFKA=apache KAFKA_BROKERS=$addresses tests/run.sh "$@"
