-- wrk's part in look-ups. Arguments: a path with one %d, and the first of the
-- numbers to draw from, and how many.

local pattern, first, count

function init(args)
    pattern, first, count = args[1], tonumber(args[2]), tonumber(args[3])
    math.randomseed(1)
end

function request()
    return wrk.format("GET", pattern:format(first + math.random(0, count - 1)))
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('{"seconds": %f, "requests": %d, "refused": %d, "failed": %d}\n',
        summary.duration / 1e6, summary.requests, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
