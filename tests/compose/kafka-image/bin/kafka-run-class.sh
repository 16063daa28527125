#!/usr/bin/env bash
set -euo pipefail
read -ra heap <<<"${KAFKA_HEAP_OPTS:--Xmx512m}"
exec java "${heap[@]}" -cp '/opt/kafka/libs/*' \
    -Dlog4j2.configurationFile="${LOG4J_FILE:-/etc/kafka/docker/log4j2.yaml}" "$@"
