-- wrk's part in look-ups. Arguments: a path with one %d, and how many there
-- are to draw from.

local pattern, count

function init(args)
    pattern, count = args[1], tonumber(args[2])
    math.randomseed(1)
end

function request()
    return wrk.format("GET", pattern:format(math.random(0, count - 1)))
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('{"seconds": %f, "requests": %d, "refused": %d, "failed": %d}\n',
        summary.duration / 1e6, summary.requests, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
