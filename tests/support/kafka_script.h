/* scripts/kafka.sh, for tests that start and stop brokers of Apache Kafka. */
#pragma once

/*
 * Runs it with these arguments (NULL ends) and settings ("NAME=value", NULL
 * ends), and with the jars that the other tests use. `folder` is for its output.
 * Fails the test, and shows what it said, when it fails.
 */
void kafka_script_run(const char *const arguments[], const char *const settings[],
                      const char *folder);
