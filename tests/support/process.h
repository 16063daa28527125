/*
 * Programs that a test runs. Each is a process group of its own, which dies
 * with the test's process, however that ends. A program must be started from
 * the test's main thread, for it also dies when the thread ends.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct process;

/*
 * Starts argv[0] with the environment `settings` ("NAME=value", NULL ends;
 * nothing else but PATH, TMPDIR, HOME and the sanitizers' options comes from
 * the test's own). Its output is appended to PREFIX.out and PREFIX.err. Fails
 * the test when it cannot be started.
 */
struct process *process_start(const char *const argv[], const char *const settings[],
                              const char *output_prefix);

/* Kills what still runs of it. NULL is fine. */
void process_free(struct process *process);

pid_t process_pid(const struct process *process);
bool process_is_running(struct process *process);
void process_signal(struct process *process, int signal); /* to the whole group */

/* Waits for its end, and fails the test when that does not come. Returns the
 * exit code, or 128 and the signal that ended it. */
int process_wait(struct process *process, int timeout_ms);

/* What it has written until now; of stderr only this run's part. For the rest
 * of the test. */
const char *process_stdout(const struct process *process);
const char *process_stderr(const struct process *process);

/* Runs a program to its end: process_start, process_wait. */
int process_run(const char *const argv[], const char *const settings[], const char *output_prefix,
                int timeout_ms, struct process **out);
