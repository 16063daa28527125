#include "event/json_check.h"

#include "event/json_name.h"
#include "event/utf8.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name {
    uint32_t hash;
    uint32_t at; /* of its opening quote, in the text */
};

/* One object or array that is open, and which of its values is read, or was last. */
struct level {
    bool is_array;
    size_t index;              /* of an array's value */
    const unsigned char *name; /* of an object's value: its opening quote; NULL: not known yet */
};

/*
 * The names of all objects that are open lie in one stack, an object's own on
 * top. A new name is compared with those of its object alone, of which there
 * are at most JSON_MEMBERS_MAX: the work stays linear in the text.
 */
struct checker {
    const unsigned char *start, *at, *end;
    size_t depth;
    struct level levels[JSON_DEPTH_MAX];
    size_t n_names;
    struct name names[JSON_DEPTH_MAX * JSON_MEMBERS_MAX];
    const char *detail;
};

static bool fail(struct checker *checker, const char *detail) {
    checker->detail = detail;
    return false;
}

static bool fail_at(struct checker *checker, const unsigned char *at, const char *detail) {
    checker->at = at;
    return fail(checker, detail);
}

static bool is_next(const struct checker *checker, char c) {
    return checker->at < checker->end && *checker->at == (unsigned char)c;
}

static bool take(struct checker *checker, char c) {
    bool is_taken = is_next(checker, c);
    checker->at += is_taken ? 1 : 0;
    return is_taken;
}

static void skip_space(struct checker *checker) {
    while (is_next(checker, ' ') || is_next(checker, '\n') || is_next(checker, '\r') ||
           is_next(checker, '\t'))
        checker->at++;
}

static bool is_digit_next(const struct checker *checker) {
    return checker->at < checker->end && *checker->at >= '0' && *checker->at <= '9';
}

static bool take_digits(struct checker *checker) {
    if (!is_digit_next(checker))
        return fail(checker, "a digit is expected");
    while (is_digit_next(checker))
        checker->at++;
    return true;
}

/* Only an exponent can carry a number of this length out of a double's range. */
static bool is_finite(const unsigned char *number, size_t len) {
    char text[JSON_NUMBER_MAX + 1];
    memcpy(text, number, len);
    text[len] = '\0';
    return isfinite(strtod(text, NULL));
}

static bool check_number(struct checker *checker) {
    const unsigned char *number = checker->at;
    take(checker, '-');
    if (take(checker, '0')) {
        if (is_digit_next(checker))
            return fail_at(checker, number, "a number has no leading zeros");
    } else if (!take_digits(checker)) {
        return false;
    }
    if (take(checker, '.') && !take_digits(checker))
        return false;
    bool has_exponent = take(checker, 'e') || take(checker, 'E');
    if (has_exponent) {
        if (!take(checker, '+'))
            take(checker, '-');
        if (!take_digits(checker))
            return false;
    }

    size_t len = (size_t)(checker->at - number);
    if (len > JSON_NUMBER_MAX)
        return fail_at(checker, number, "the number has too many characters");
    if (has_exponent && !is_finite(number, len))
        return fail_at(checker, number, "the number is out of range");
    return true;
}

/* At the 'u' of \uXXXX. */
static bool check_unicode_escape(struct checker *checker) {
    const unsigned char *escape = checker->at - 1;
    int32_t unit = json_hex4(checker->at + 1, checker->end);
    if (unit < 0)
        return fail_at(checker, escape, "\\u needs four hexadecimal digits");
    if (unit == 0)
        return fail_at(checker, escape, "the character NUL is not allowed");
    if (json_is_low_surrogate(unit))
        return fail_at(checker, escape, "a low surrogate without a high one");
    checker->at += 5;
    if (!json_is_high_surrogate(unit))
        return true;

    if (!take(checker, '\\') || !is_next(checker, 'u') ||
        !json_is_low_surrogate(json_hex4(checker->at + 1, checker->end)))
        return fail_at(checker, escape, "a high surrogate without a low one");
    checker->at += 5;
    return true;
}

/* At the character after a backslash. */
static bool check_escape(struct checker *checker) {
    if (is_next(checker, 'u'))
        return check_unicode_escape(checker);
    if (checker->at == checker->end || *checker->at == '\0' || !strchr("\"\\/bfnrt", *checker->at))
        return fail(checker, "one of \"\\/bfnrtu is expected after a backslash");
    checker->at++;
    return true;
}

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* At the first character after the opening quote. */
static bool check_string(struct checker *checker) {
    for (;;) {
        while (checker->at < checker->end && is_plain(*checker->at))
            checker->at++;
        if (take(checker, '"'))
            return true;
        if (checker->at == checker->end)
            return fail(checker, "a closing quote is expected");
        if (take(checker, '\\')) {
            if (!check_escape(checker))
                return false;
            continue;
        }
        if (*checker->at < 0x20)
            return fail(checker, "a control character must be escaped");
        size_t n = utf8_sequence(checker->at, (size_t)(checker->end - checker->at));
        if (n == 0)
            return fail(checker, "not UTF-8");
        checker->at += n;
    }
}

/* Puts a name on the stack, of which its object's part begins at `first`. */
static bool add_name(struct checker *checker, size_t first, const unsigned char *name) {
    uint32_t hash = json_name_hash(name);
    for (size_t i = first; i < checker->n_names; i++) {
        const struct name *other = &checker->names[i];
        if (other->hash == hash && json_name_equal(checker->start + other->at, name))
            return fail_at(checker, name, "the member is given twice");
    }
    if (checker->n_names - first == JSON_MEMBERS_MAX)
        return fail_at(checker, name, "the object has too many members");
    checker->names[checker->n_names++] = (struct name){hash, (uint32_t)(name - checker->start)};
    return true;
}

static bool check_value(struct checker *checker);

static struct level *enter(struct checker *checker, bool is_array) {
    if (checker->depth == JSON_DEPTH_MAX) {
        fail(checker, "the value is nested too deeply");
        return NULL;
    }
    checker->at++;
    struct level *level = &checker->levels[checker->depth++];
    *level = (struct level){.is_array = is_array};
    return level;
}

static bool check_member(struct checker *checker, struct level *level, size_t first_name) {
    const unsigned char *name = checker->at;
    level->name = NULL;
    if (!take(checker, '"'))
        return fail(checker, "a member's name in quotes is expected");
    if (!check_string(checker))
        return false;
    level->name = name;
    if (!add_name(checker, first_name, name))
        return false;
    skip_space(checker);
    if (!take(checker, ':'))
        return fail(checker, "':' is expected");
    skip_space(checker);
    return check_value(checker);
}

static bool check_object(struct checker *checker) {
    size_t first_name = checker->n_names;
    struct level *level = enter(checker, false);
    if (!level)
        return false;
    skip_space(checker);
    if (!take(checker, '}')) {
        do {
            skip_space(checker);
            if (!check_member(checker, level, first_name))
                return false;
            skip_space(checker);
        } while (take(checker, ','));
        if (!take(checker, '}'))
            return fail(checker, "',' or '}' is expected");
    }
    checker->depth--;
    checker->n_names = first_name;
    return true;
}

static bool check_array(struct checker *checker) {
    struct level *level = enter(checker, true);
    if (!level)
        return false;
    skip_space(checker);
    if (!take(checker, ']')) {
        for (;; level->index++) {
            skip_space(checker);
            if (!check_value(checker))
                return false;
            skip_space(checker);
            if (!take(checker, ','))
                break;
        }
        if (!take(checker, ']'))
            return fail(checker, "',' or ']' is expected");
    }
    checker->depth--;
    return true;
}

static bool check_word(struct checker *checker, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(checker->end - checker->at) < len || memcmp(checker->at, word, len) != 0)
        return fail(checker, "a value is expected");
    checker->at += len;
    return true;
}

/* The recursion is bounded by enter(). */
static bool check_value(struct checker *checker) {
    if (take(checker, '"'))
        return check_string(checker);
    if (is_next(checker, '-') || is_digit_next(checker))
        return check_number(checker);
    if (is_next(checker, '{'))
        return check_object(checker);
    if (is_next(checker, '['))
        return check_array(checker);
    if (is_next(checker, 't'))
        return check_word(checker, "true");
    if (is_next(checker, 'f'))
        return check_word(checker, "false");
    return check_word(checker, "null");
}

static bool check_text(struct checker *checker) {
    if (checker->end - checker->start > UINT32_MAX)
        return fail(checker, "the text is too long");
    if (checker->end - checker->at >= 3 && memcmp(checker->at, "\xef\xbb\xbf", 3) == 0)
        return fail(checker, "a byte order mark is not allowed");
    skip_space(checker);
    if (!check_value(checker))
        return false;
    skip_space(checker);
    return checker->at == checker->end || fail(checker, "nothing is expected after the value");
}

static bool append_index(size_t index, char *pointer, size_t size) {
    size_t used = strlen(pointer);
    int n = snprintf(pointer + used, size - used, "/%zu", index);
    if (n > 0 && (size_t)n < size - used)
        return true;
    pointer[used] = '\0';
    return false;
}

/* A part that cannot be shown ends the pointer: it then names what is around. */
static void write_pointer(const struct checker *checker, char *pointer, size_t size) {
    *pointer = '\0';
    for (size_t i = 0; i < checker->depth; i++) {
        const struct level *level = &checker->levels[i];
        if (!level->is_array && !level->name)
            return;
        if (level->is_array ? !append_index(level->index, pointer, size)
                            : !json_name_append(level->name, pointer, size))
            return;
    }
}

static void describe(const struct checker *checker, struct json_fault *fault) {
    fault->line = 1;
    const unsigned char *line = checker->start;
    for (const unsigned char *at = checker->start; at < checker->at; at++)
        if (*at == '\n') {
            fault->line++;
            line = at + 1;
        }
    fault->column = (size_t)(checker->at - line) + 1;
    write_pointer(checker, fault->pointer, sizeof fault->pointer);
    snprintf(fault->detail, sizeof fault->detail, "%s%s", checker->detail,
             checker->at == checker->end ? ", but the text ends" : "");
}

bool json_check(const char *text, size_t len, struct json_fault *fault) {
    /* Its stacks stay as they are: clearing 9 KiB could cost more than the check. */
    struct checker checker;
    checker.start = checker.at = (const unsigned char *)(text ? text : "");
    checker.end = checker.start + len;
    checker.depth = 0;
    checker.n_names = 0;
    if (check_text(&checker))
        return true;
    describe(&checker, fault);
    return false;
}
