#!lua
-- Merges a patch into a session's data, field by field: two writers of different fields never
-- overwrite each other. The values stay the caller's JSON text; Redis does not re-encode them.
--
-- KEYS  1 expiry index  2 outbox  3 session
-- ARGV  1 key base  2 digest  3 limit of the data as JSON (bytes)
--       4 deadline of this request (ms since 1970)
--       5... name, value, name, value... as JSON texts; the value '' removes the field
-- Reply OK, GONE, or, with a number after U+001F: TOO_LARGE and the bytes, STALE and the time
--!include bucket

local digest, limit, deadline = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- A late copy of the request would overwrite newer values.
if deadline < now then return 'STALE\31' .. text(now) end
local session = read_session(digest)
if not session then return 'GONE' end

local fields = {}
for field in string.gmatch(session.rest .. '\31', '(.-)\31') do fields[#fields + 1] = field end

local values, names = {}, {}
local function set(name, value)
  if not values[name] then names[#names + 1] = name end
  values[name] = value
end
for i = 3, #fields, 2 do set(fields[i], fields[i + 1]) end
for i = 5, #ARGV, 2 do set(ARGV[i], ARGV[i + 1]) end

local rest, bytes = { fields[1], fields[2] }, 1
for _, name in ipairs(names) do
  if values[name] ~= '' then
    rest[#rest + 1] = name
    rest[#rest + 1] = values[name]
    bytes = bytes + #name + #values[name] + 2
  end
end
if bytes > limit then return 'TOO_LARGE\31' .. bytes end

session.rest = table.concat(rest, '\31')
write_record(digest, session)
return 'OK'
