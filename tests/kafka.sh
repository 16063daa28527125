#!/usr/bin/env bash
# Runs the integration tests given as arguments against real Apache Kafka: one
# broker for all of them, with a port and a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

export KAFKA_PORT=${KAFKA_PORT:-29392} KAFKA_DIR=${KAFKA_DIR:-build/kafka-test}

stop() { scripts/kafka.sh stop; }

# A broker of an earlier run that was cut off would bring its topics along.
scripts/kafka.sh stop >/dev/null
rm -rf "$KAFKA_DIR"
trap stop EXIT
scripts/kafka.sh start
# Starting and stopping Kafka takes some of them minutes.
export TEST_TIMEOUT_S=${TEST_TIMEOUT_S:-400}
TEST_KAFKA=apache KAFKA_BROKERS=localhost:$KAFKA_PORT tests/run.sh "$@"
