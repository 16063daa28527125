#!/usr/bin/env bash
set -euo pipefail
export LOG4J_FILE=/etc/kafka/docker/tools-log4j2.yaml
export KAFKA_HEAP_OPTS='-Xmx256m -XX:TieredStopAtLevel=1'
exec /opt/kafka/bin/kafka-run-class.sh org.apache.kafka.tools.TopicCommand "$@"
