-- Packages bought from the credit of random lines, each under a key of its own.
local first, lines, key, salt = nil, nil, nil, nil
local count = 0

function init(arguments)
    first, lines, key, salt = tonumber(arguments[1]), tonumber(arguments[2]), arguments[3], arguments[4]
    math.randomseed(tonumber(salt))
end

function request()
    count = count + 1
    local path = string.format("/api/v1/lines/%.0f/packages", first + math.random(0, lines - 1))
    return wrk.format("POST", path, {
        ["Authorization"] = "Bearer " .. key,
        ["Idempotency-Key"] = salt .. "-" .. count,
        ["Content-Type"] = "application/json",
    }, '{"package":"DATA7"}')
end

local refused = 0
function response(status)
    if status ~= 201 then
        refused = refused + 1
        if refused == 1 then io.stderr:write("first refusal: " .. status .. "\n") end
    end
end
