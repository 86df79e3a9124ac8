#!lua
-- Gives a user many copies of the bucket's first session, each with an event and an entry in both
-- indexes. For tests only: much faster than a hundred thousand sign-ins.
--
-- KEYS  1 any key of the bucket
-- ARGV  1 key base  2 digest of that session  3 user  4 number of copies  5 number of the first copy
local base, original, user = ARGV[1], ARGV[2], ARGV[3]
local copies, first = tonumber(ARGV[4]), tonumber(ARGV[5])
local index, outbox, user_set = base .. 'x', base .. 'o', base .. 'u:' .. user

local record = redis.call('GET', base .. 's:' .. original)
local ends = redis.call('ZSCORE', user_set, original)
local event = redis.call('XRANGE', outbox, '-', '+', 'COUNT', 1)[1][2][2]

-- The copies are a minute older, so that ending them leaves no receipts.
local created = string.match(record, '^[^\31]*\31(%d+)')
local earlier = string.format('%.0f', created - 60000)
record = string.gsub(record, created, earlier, 1)
event = string.gsub(event, created, earlier)
local after = string.match(event, '^%d+\31created\31[^\31]*(\31.*)$')

for i = first, first + copies - 1 do
  local digest = redis.sha1hex(i) .. 'AAA' -- as long as any
  redis.call('SET', base .. 's:' .. digest, record, 'PXAT', ends)
  redis.call('ZADD', user_set, ends, digest)
  redis.call('ZADD', index, ends, digest .. string.format(':%x:', earlier) .. user)
  local number = string.format('%d', redis.call('INCR', base .. 'n'))
  redis.call('XADD', outbox, '*', 'v2', number .. '\31created\31' .. digest .. after)
end
