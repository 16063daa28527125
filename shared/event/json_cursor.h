/*
 * Reads a text that json_check() has accepted, value by value in the text's
 * order. There is no tree: nothing is allocated, and what nobody asks for is
 * only passed over.
 *
 * A cursor stands at a value; each call below moves it behind that, but for
 * json_enter, after which it stands at the first thing inside:
 *
 *     for (bool more = json_enter(&cursor); more; more = json_next(&cursor)) {
 *         json_take_name(&cursor, name, sizeof name);   in an object only
 *         ... take the value, enter it or pass over it ...
 *     }
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json_cursor {
    const unsigned char *at, *end;
};

enum json_kind { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_WORD };

/* At the value that the text is; it is borrowed for as long as the cursor is used. */
struct json_cursor json_cursor(const char *text, size_t len);

/* What the cursor stands at; it stays there. */
enum json_kind json_kind(const struct json_cursor *cursor);

/* At an object or array. False: it is empty, and the cursor behind it. */
bool json_enter(struct json_cursor *cursor);

/* Behind a value inside an object or array: moves to the next name or value.
 * False: there is none, and the cursor is behind the whole. */
bool json_next(struct json_cursor *cursor);

/* At a name: moves to its value. False: the name, unescaped and terminated, is
 * longer than `size`, and cut. */
bool json_take_name(struct json_cursor *cursor, char *out, size_t size);

/* The string at the cursor, unescaped and terminated. False: it is longer than
 * `size`, and cut, or not a string. */
bool json_take_string(struct json_cursor *cursor, char *out, size_t size);

/* The number at the cursor, inside an object or array. False: it is none. */
bool json_take_number(struct json_cursor *cursor, double *out);

/* Passes over the value, whatever it is. */
void json_skip(struct json_cursor *cursor);
