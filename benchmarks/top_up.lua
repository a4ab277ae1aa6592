-- Top-ups by a partner: random lines (or one), each with a key and a reference of its own.
local first, lines, key, salt = nil, nil, nil, nil
local count = 0

function init(arguments)
    first, lines, key, salt = tonumber(arguments[1]), tonumber(arguments[2]), arguments[3], arguments[4]
    math.randomseed(tonumber(salt))
end

function request()
    count = count + 1
    local id = salt .. "-" .. count
    local path = string.format("/api/v1/lines/%.0f/topups", first + math.random(0, lines - 1))
    return wrk.format("POST", path, {
        ["Authorization"] = "Bearer " .. key,
        ["Idempotency-Key"] = id,
        ["Content-Type"] = "application/json",
    }, '{"amount":"10.00","currency":"MYR","reference":"' .. id .. '"}')
end

local refused = 0
function response(status)
    if status ~= 201 then
        refused = refused + 1
        if refused == 1 then io.stderr:write("first refusal: " .. status .. "\n") end
    end
end
