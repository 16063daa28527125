/*
 * Whether topics still hold records that they are known to have held. A broker
 * that lost its disk, or the end of a topic, can come back under the same
 * cluster id; only its records tell. Any thread; each call connects anew.
 */
#pragma once

#include "bus/kafka.h"
#include "event/record.h"

#include <stddef.h>

enum landmark {
    LANDMARK_THERE,
    LANDMARK_GONE,
    LANDMARK_OUT_OF_SIGHT, /* no broker leads its partition now: ask again later */
};

/*
 * Looks for the records that stood at `n` places, one in a partition at most.
 * LANDMARK_GONE says that places[i] lies behind the end of its partition now, or
 * holds a record of another time. A place before what its topic still keeps is
 * not called gone: nobody can tell. Where the timestamp is not known, only the
 * end is looked at.
 * ERR_UNAVAILABLE: the brokers did not answer all within `timeout_ms`.
 */
enum status landmarks_check(const struct kafka_config *config, const struct record_place *places,
                            size_t n, int timeout_ms, enum landmark out[], struct error *err);
