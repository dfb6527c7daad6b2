-- What wrk sends in the rolling restart and the soak: one endpoint after the other, small bodies and middling ones.
local function row(count)
  local numbers = {}
  for index = 1, count do numbers[index] = string.format("%.6f", math.sin(index) * 9) end
  return "[" .. table.concat(numbers, ",") .. "]"
end

local json = { ["Content-Type"] = "application/json" }
local requests, turn = {}, 0

function init()
  local rows = {}
  for index = 1, 20 do rows[index] = row(50) end
  local batch = "[" .. table.concat(rows, ",") .. "]"
  local target = "[" .. string.rep("3,", 19) .. "4]"
  requests = {
    wrk.format("POST", "/softmax", json, '{"logits":' .. row(10) .. "}"),
    wrk.format("POST", "/loss", json, '{"logits":' .. row(100) .. ',"target":7}'),
    wrk.format("POST", "/gradient", json, '{"logits":' .. row(1000) .. ',"target":7}'),
    wrk.format("POST", "/gradient", json, '{"logits":' .. batch .. ',"target":' .. target .. "}"),
    wrk.format("GET", "/livez"),
  }
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,"p99":%.3f}\n',
    summary.requests, e.connect, e.read, e.write, e.status, e.timeout, latency:percentile(99) / 1000))
end
