#!lua
-- Lets time pass for one bucket. For tests only.
--
-- Redis's clock can't be set. But it only matters as the difference between now and a stored time,
-- so moving all stored times back by d ms has the same effect as moving the clock forward by d.
-- Keys whose expiry is moved into the past are deleted by Redis itself.
--
-- KEYS  1 any key of the bucket
-- ARGV  1 key base  2 d (ms)
local base, d = ARGV[1], tonumber(ARGV[2])

local function split(text)
  local fields = {}
  for field in string.gmatch(text .. '\31', '(.-)\31') do fields[#fields + 1] = field end
  return fields
end

local function moved(time)
  if time == '' then return '' end -- in a record: equal to another time, which is moved as well
  return string.format('%.0f', tonumber(time) - d)
end

local function move_fields(text, first, last)
  local fields = split(text)
  for i = first, last do fields[i] = moved(fields[i]) end
  return table.concat(fields, '\31')
end

local function move_expiry(key)
  local at = redis.call('PEXPIRETIME', key)
  if at > 0 then redis.call('PEXPIREAT', key, at - d) end
end

-- A session's record: user, creation, sign-in, absolute expiry, idle expiry, last use, ...
local function move_record(key)
  redis.call('SET', key, move_fields(redis.call('GET', key), 2, 6), 'KEEPTTL')
  move_expiry(key)
end

-- A receipt: OK, user, creation, sign-in, absolute expiry, idle expiry
local function move_receipt(key)
  redis.call('SET', key, move_fields(redis.call('GET', key), 3, 6), 'KEEPTTL')
  move_expiry(key)
end

local function move_user_set(key)
  local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for i = 1, #members, 2 do redis.call('ZADD', key, moved(members[i + 1]), members[i]) end
end

-- Members are digest:creation:user; the creation time is in hex.
local function move_expiry_index(key)
  local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  redis.call('DEL', key)
  for i = 1, #members, 2 do
    local digest, created, user = string.match(members[i], '^([^:]*):(%x+):(.*)$')
    local member = digest .. string.format(':%x:', moved(tonumber(created, 16))) .. user
    redis.call('ZADD', key, moved(members[i + 1]), member)
  end
end

-- Events: number, event, digest, creation, user, time, expiry, ... The IDs of stream entries are times too.
local function move_outbox(key)
  local entries = redis.call('XRANGE', key, '-', '+')
  redis.call('DEL', key)
  for _, entry in ipairs(entries) do
    local ms, sequence = string.match(entry[1], '^(%d+)-(%d+)$')
    local text = move_fields(move_fields(entry[2][2], 4, 4), 6, 7)
    redis.call('XADD', key, moved(ms) .. '-' .. sequence, entry[2][1], text)
  end
end

local movers = { s = move_record, r = move_receipt, u = move_user_set, l = move_expiry }
for _, key in ipairs(redis.call('KEYS', base .. '*')) do
  local kind = string.sub(key, #base + 1, #base + 1)
  if key == base .. 'x' then
    move_expiry_index(key)
  elseif key == base .. 'o' then
    move_outbox(key)
  elseif key ~= base .. 'n' then
    movers[kind](key)
  end
end
