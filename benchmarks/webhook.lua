-- POST /webhooks/sandbox: one signed webhook after another, each of a payment of its own.

local webhooks, place, refused = {}, 0, 0

function init(args)
  for line in io.lines(args[5]) do
    local signature, body = line:match("^(%S+) (.*)$")
    webhooks[#webhooks + 1] = { signature, body }
  end
end

function request()
  place = place + 1
  local one = webhooks[place]
  if one == nil then
    io.stderr:write("first refusal: the webhooks ran out\n")
    os.exit(1)
  end
  return wrk.format("POST", "/webhooks/sandbox",
    { ["sandbox-signature"] = one[1], ["content-type"] = "application/json" }, one[2])
end

function response(status, headers, body)
  if status ~= 200 and refused == 0 then
    refused = 1
    io.stderr:write("first refusal: ", status, " ", body, "\n")
  end
end
