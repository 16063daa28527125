#include "http/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void deadline_start__keeps_order_when_several_run(void **state) {
    (void)state;
    struct deadline_queue queue = {.timeout_ms = 100};
    struct deadline a = {0}, b = {0}, c = {0};

    deadline_start(&queue, &a, 10);
    deadline_start(&queue, &b, 20);
    deadline_start(&queue, &c, 30);

    assert_ptr_equal(queue.first, &a);
    assert_ptr_equal(queue.last, &c);
    assert_int_equal(queue.first->due_ms, 110);
}

static void deadline_start__goes_to_the_end_when_started_again(void **state) {
    (void)state;
    struct deadline_queue queue = {.timeout_ms = 100};
    struct deadline a = {0}, b = {0};
    deadline_start(&queue, &a, 10);
    deadline_start(&queue, &b, 20);

    deadline_start(&queue, &a, 30);

    assert_ptr_equal(queue.first, &b);
    assert_ptr_equal(queue.last, &a);
    assert_int_equal(a.due_ms, 130);
}

static void deadline_start__leaves_other_queue_when_moved(void **state) {
    (void)state;
    struct deadline_queue from = {.timeout_ms = 100};
    struct deadline_queue to = {.timeout_ms = DEADLINE_NEVER};
    struct deadline a = {0};
    deadline_start(&from, &a, 10);

    deadline_start(&to, &a, 20);

    assert_null(from.first);
    assert_null(from.last);
    assert_ptr_equal(to.first, &a);
    assert_int_equal(a.due_ms, DEADLINE_NEVER);
}

static void deadline_stop__closes_the_gap_when_one_in_the_middle_stops(void **state) {
    (void)state;
    struct deadline_queue queue = {.timeout_ms = 100};
    struct deadline a = {0}, b = {0}, c = {0};
    deadline_start(&queue, &a, 10);
    deadline_start(&queue, &b, 20);
    deadline_start(&queue, &c, 30);

    deadline_stop(&b);
    deadline_stop(&b);

    assert_ptr_equal(a.next, &c);
    assert_ptr_equal(c.prev, &a);
    assert_null(b.queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadline_start__keeps_order_when_several_run),
        cmocka_unit_test(deadline_start__goes_to_the_end_when_started_again),
        cmocka_unit_test(deadline_start__leaves_other_queue_when_moved),
        cmocka_unit_test(deadline_stop__closes_the_gap_when_one_in_the_middle_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
