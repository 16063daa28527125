#include "support/process.h"

#include "support/scratch.h"
#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 64, EXIT_NOT_STARTED = 127 };

struct process {
    pid_t pid;
    bool has_ended;
    int exit_code;
    char *out_path, *err_path;
    off_t err_start;
};

static const char *const inherited[] = {"PATH",         "HOME",         "TMPDIR",
                                        "LANG",         "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                        "TSAN_OPTIONS", "LSAN_OPTIONS"};

static void make_environment(const char *const settings[], const char *out[ENVIRONMENT_MAX + 1]) {
    size_t n = 0;
    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++) {
        const char *value = getenv(inherited[i]);
        if (value)
            out[n++] = scratch_printf("%s=%s", inherited[i], value);
    }
    for (; *settings; settings++) {
        assert_true(n < ENVIRONMENT_MAX);
        out[n++] = *settings;
    }
    out[n] = NULL;
}

static int open_output(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    return fd;
}

/* In the child: only calls that are safe after a fork of a process with threads. */
static _Noreturn void become(const char *const argv[], const char *const environment[],
                             pid_t parent, int out_fd, int err_fd) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_NOT_STARTED);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int in_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in_fd, STDIN_FILENO);
    dup2(out_fd, STDOUT_FILENO);
    dup2(err_fd, STDERR_FILENO);
    execve(argv[0], (char *const *)argv, (char *const *)environment);
    static const char text[] = "the program cannot be executed\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(EXIT_NOT_STARTED);
}

struct process *process_start(const char *const argv[], const char *const settings[],
                              const char *output_prefix) {
    const char *environment[ENVIRONMENT_MAX + 1];
    make_environment(settings, environment);
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        abort();
    process->out_path = scratch_printf("%s.out", output_prefix);
    process->err_path = scratch_printf("%s.err", output_prefix);
    int out_fd = open_output(process->out_path);
    int err_fd = open_output(process->err_path);
    process->err_start = lseek(err_fd, 0, SEEK_END);

    pid_t parent = getpid();
    process->pid = fork();
    if (process->pid == 0)
        become(argv, environment, parent, out_fd, err_fd);
    close(out_fd);
    close(err_fd);
    if (process->pid < 0)
        fail_msg("fork: %s", strerror(errno));
    setpgid(process->pid, process->pid); /* in both, whoever comes first */
    return process;
}

static void collect(struct process *process, int options) {
    int status;
    if (process->has_ended || waitpid(process->pid, &status, options) != process->pid)
        return;
    process->has_ended = true;
    process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void process_free(struct process *process) {
    if (!process)
        return;
    if (!process->has_ended) {
        kill(-process->pid, SIGKILL);
        collect(process, 0);
    }
    free(process);
}

pid_t process_pid(const struct process *process) {
    return process->pid;
}

bool process_is_running(struct process *process) {
    collect(process, WNOHANG);
    return !process->has_ended;
}

void process_signal(struct process *process, int signal) {
    if (process_is_running(process))
        kill(-process->pid, signal);
}

int process_wait(struct process *process, int timeout_ms) {
    assert_within(timeout_ms, !process_is_running(process));
    return process->exit_code;
}

static const char *read_file(const char *path, off_t start) {
    FILE *file = fopen(path, "re");
    struct stat stat;
    if (!file || fstat(fileno(file), &stat) != 0)
        fail_msg("%s: %s", path, strerror(errno));
    size_t size = stat.st_size > start ? (size_t)(stat.st_size - start) : 0;
    char *text = scratch_alloc(size + 1);
    fseeko(file, start, SEEK_SET);
    text[fread(text, 1, size, file)] = '\0';
    fclose(file);
    return text;
}

const char *process_stdout(const struct process *process) {
    return read_file(process->out_path, 0);
}

const char *process_stderr(const struct process *process) {
    return read_file(process->err_path, process->err_start);
}

int process_run(const char *const argv[], const char *const settings[], const char *output_prefix,
                int timeout_ms, struct process **out) {
    struct process *process = process_start(argv, settings, output_prefix);
    scratch_keep(process, (void (*)(void *))process_free);
    if (out)
        *out = process;
    return process_wait(process, timeout_ms);
}
