/*
 * The cluster of three brokers of Apache Kafka that tests/kafka.sh starts for
 * the tests in tests/cluster/. A broker is named by its id, 1 to 3. All
 * functions fail the test when they cannot do what they say.
 */
#pragma once

enum { CLUSTER_BROKERS = 3 };

/* kill -9 */
void cluster_kill(int broker);

/* The clean way; until it has ended. `folder` is for the script's output. */
void cluster_stop(int broker, const char *folder);

/* Again, with its data; until it serves clients. More than half of the brokers
 * must run then. */
void cluster_start(int broker, const char *folder);
