/* What a handler can ask a request. */
#include "http/internal.h"
#include "http/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *http_request_path(const struct http_request *request) {
    return request->target.path;
}

const char *http_request_parameter(const struct http_request *request, const char *name) {
    return route_parameter(request->route, &request->target, name);
}

const char *http_request_query(const struct http_request *request, const char *name) {
    return target_query(&request->target, name);
}

const char *http_request_header(const struct http_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_body(const struct http_request *request, size_t *out_len) {
    *out_len = request->body.len;
    return request->body.data;
}

bool http_request_is_json(const struct http_request *request) {
    static const char json[] = "application/json";
    const char *type = http_request_header(request, "Content-Type");
    if (!type || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    const char *rest = type + sizeof json - 1;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}

enum status http_request_query_int(const struct http_request *request, const char *name,
                                   int64_t min, int64_t max, int64_t fallback, int64_t *out,
                                   struct error *err) {
    const char *text = http_request_query(request, name);
    if (!text) {
        *out = fallback;
        return OK;
    }
    char *end_of_number;
    errno = 0;
    long long number = strtoll(text, &end_of_number, 10);
    size_t n_digits = strspn(*text == '-' ? text + 1 : text, "0123456789");
    if (n_digits == 0 || *end_of_number != '\0' || errno != 0 || number < min || number > max)
        return error_set(err, ERR_INVALID, "%s must be a whole number from %lld to %lld", name,
                         (long long)min, (long long)max);
    *out = number;
    return OK;
}
