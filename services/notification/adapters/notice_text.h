/* How a notification looks: the lines on stdout, and as JSON. */
#pragma once

#include "base/strbuf.h"
#include "notification/adapters/notice_store.h"
#include "runtime/config.h"

/* Appends what is printed: a headed text, or one JSON object a line. */
void notice_print(const struct stored_notice *notice, enum output_format format,
                  struct strbuf *out);

/* Appends the notification as a JSON object. */
void notice_body_add(const struct stored_notice *notice, struct strbuf *out);
