-- wrk's part: every request a new order, as tests/bench/sample_order.c makes
-- them; at the end a line of JSON. Arguments: the prefix
-- of the orders' ids, and the number of the first.

local products = 24 -- in catalogue.json
local head = "POST /orders HTTP/1.1\r\nHost: localhost\r\n" ..
    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
local body = '{"orderId":"%s-%d","customerId":"CUSTOMER-%d","products":[' ..
    '{"productId":"PRODUCT-%d","quantity":%d,"totalPrice":%.2f},' ..
    '{"productId":"PRODUCT-%d","quantity":%d,"totalPrice":%.2f}]}'
local prefix, n

function init(args)
    prefix, n = args[1], tonumber(args[2])
end

function request()
    local first = math.floor(n / 7) % 3 + 1
    local second = (math.floor(n / 7) + 1) % 3 + 1
    local order = body:format(prefix, n, n % 1000, 100 + n % products, first, 26.5 * first,
        100 + (n + 1) % products, second, 26.5 * second)
    n = n + 1
    return head:format(#order, order)
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"seconds": %f, "requests": %d, "refused": %d, "failed": %d, ' ..
        '"p50_ms": %f, "p99_ms": %f, "p999_ms": %f}\n',
        summary.duration / 1e6, summary.requests, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        latency:percentile(99.9) / 1000))
end
