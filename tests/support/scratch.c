#include "support/scratch.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct kept {
    struct kept *next;
    void *resource;
    void (*release)(void *resource);
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct kept *resources, *memory;

static void push(struct kept **list, void *resource, void (*release)(void *resource)) {
    struct kept *kept = malloc(sizeof *kept);
    if (!kept)
        abort();
    pthread_mutex_lock(&mutex);
    *kept = (struct kept){*list, resource, release};
    *list = kept;
    pthread_mutex_unlock(&mutex);
}

static bool release_youngest(struct kept **list) {
    pthread_mutex_lock(&mutex);
    struct kept *kept = *list;
    if (kept)
        *list = kept->next;
    pthread_mutex_unlock(&mutex);
    if (!kept)
        return false;
    kept->release(kept->resource);
    free(kept);
    return true;
}

void scratch_keep(void *resource, void (*release)(void *resource)) {
    push(&resources, resource, release);
}

void *scratch_alloc(size_t size) {
    void *bytes = calloc(1, size > 0 ? size : 1);
    if (!bytes)
        abort();
    push(&memory, bytes, free);
    return bytes;
}

char *scratch_printf(const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0)
        abort();
    push(&memory, text, free);
    return text;
}

void scratch_release(void) {
    while (release_youngest(&resources)) {
    }
    while (release_youngest(&memory)) {
    }
}
