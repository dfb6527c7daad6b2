-- A client in Lua with LuaSocket and dkjson.
--
-- Debian: lua5.4 lua-socket lua-dkjson
-- Run: lua5.4 client.lua http://127.0.0.1:8080

local http = require("socket.http")
local json = require("dkjson")
local ltn12 = require("ltn12")

local url = (arg[1] or "http://127.0.0.1:8080"):gsub("/$", "")

-- Lua's JSON writers cut numbers to 14 digits; %.17g loses nothing.
local function exact_text(value)
  if type(value) == "number" then return string.format("%.17g", value) end
  local items = {}
  for index, item in ipairs(value) do items[index] = exact_text(item) end
  return "[" .. table.concat(items, ",") .. "]"
end

local function post(path, message)
  local members, answer = {}, {}
  for name, value in pairs(message) do table.insert(members, ('"%s":%s'):format(name, exact_text(value))) end
  local body = "{" .. table.concat(members, ",") .. "}"
  local _, status = assert(http.request {
    url = url .. path,
    method = "POST",
    headers = { ["Content-Type"] = "application/json", ["Content-Length"] = #body },
    source = ltn12.source.string(body),
    sink = ltn12.sink.table(answer),
  })
  return assert(json.decode(table.concat(answer))), status
end

local softmax = post("/softmax", { logits = { 0.1 + 0.2, 1 / 3, -2.5 } }).probabilities
local loss = post("/loss", { logits = { 40, 0 }, target = 0 }).loss
local gradient = post("/gradient", { logits = { { 2, 1, 0.1 }, { 0.5, 2.5, -1 } }, target = { 0, 2 } }).gradient
print("softmax  " .. exact_text(softmax))
print("loss     " .. exact_text(loss))
print("gradient " .. exact_text(gradient))
local problem, status = post("/loss", { logits = { 1, 2 }, target = 5 })
print("refused  " .. status .. " " .. tostring(problem.detail))
assert(status == 422, "a target that does not exist was answered")

local expected = {
  { 0.47739415140192576, 0.49357548035441035, 0.02903036824366389 },
  4.248354255291589e-18,
  { { -0.17049943055701605, 0.12121648535235696, 0.04928294520465908 },
    { 0.05805726733707059, 0.42898840530422866, -0.4870456726412992 } },
}
assert(exact_text { softmax, loss, gradient } == exact_text(expected), "a number differs")
