/*
 * For SANITIZE=thread alone: librdkafka starts and locks its threads with C11's
 * calls, which the thread sanitizer does not know: it crashes in such a thread.
 * These stand in for glibc's and use POSIX threads, as glibc's do.
 */
#pragma once

#if defined(__SANITIZE_THREAD__)

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

struct c11_thread {
    thrd_start_t main;
    void *argument;
};

static void *c11_thread_main(void *context) {
    struct c11_thread thread = *(struct c11_thread *)context;
    free(context);
    return (void *)(intptr_t)thread.main(thread.argument);
}

int thrd_create(thrd_t *out, thrd_start_t start, void *argument) {
    struct c11_thread *thread = malloc(sizeof *thread);
    if (!thread)
        return thrd_nomem;
    *thread = (struct c11_thread){start, argument};
    pthread_t id;
    if (pthread_create(&id, NULL, c11_thread_main, thread) != 0) {
        free(thread);
        return thrd_error;
    }
    *out = id;
    return thrd_success;
}

int thrd_join(thrd_t thread, int *out) {
    void *result;
    if (pthread_join(thread, &result) != 0)
        return thrd_error;
    if (out)
        *out = (int)(intptr_t)result;
    return thrd_success;
}

static int c11_result(int code) {
    return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int mtx_init(mtx_t *mutex, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int code = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return c11_result(code);
}

void mtx_destroy(mtx_t *mutex) {
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int mtx_lock(mtx_t *mutex) {
    return c11_result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex) {
    return c11_result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int cnd_init(cnd_t *condition) {
    return c11_result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

void cnd_destroy(cnd_t *condition) {
    pthread_cond_destroy((pthread_cond_t *)condition);
}

int cnd_signal(cnd_t *condition) {
    return c11_result(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition) {
    return c11_result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex) {
    return c11_result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    return c11_result(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

/* librdkafka is not built for the sanitizer, which cannot see how its atomics
 * order things. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
    return "race:librdkafka.so\n";
}

#endif
