-- One bucket: its clock, its keys and the records in them.
-- Every key built here contains the bucket's hash tag, so it is in the slot of the declared keys.

local base = ARGV[1]
-- Not from KEYS, because touch doesn't declare them.
local expiry_index, outbox = base .. 'x', base .. 'o'

-- While a slot moves to another node of a Cluster, its keys are on two nodes, and here the ones that
-- are on the other node look missing. Redis rejects a command with two keys, of which one is
-- missing, on both of these nodes. The second key never exists, so no script runs until the slot
-- has moved. This fails before the first write.
redis.call('EXISTS', expiry_index, base .. 'p')

-- Redis's own clock (ms) alone decides what has expired. It doesn't advance within a script.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A Lua error keeps what was written before it, so keys of the wrong type must fail here, before
-- the first write.
local backlog = redis.call('XLEN', outbox)
redis.call('ZCARD', expiry_index)

local function session_key(digest) return base .. 's:' .. digest end
local function user_key(user) return base .. 'u:' .. user end
local function receipt_key(digest) return base .. 'r:' .. digest end

-- Holds everything the sweep needs, even after the record has expired. Hex saves two bytes, which
-- with a UUID as the user keeps the member one allocator size class smaller.
local function expiry_member(digest, session)
  return digest .. string.format(':%x:', session.created) .. session.user
end

-- A session's times are texts: Redis formats each number that a script passes to it, which took a
-- sixth of the time of a create. `%d` holds 64 bits here and takes a tenth of the time of `%.0f`.
local function text(time) return string.format('%d', time) end

local function unless_empty(value, other)
  if value == '' then return other end
  return value
end

-- A record is its fields joined by U+001F, which no input contains: user, created, signed in,
-- absolute expiry, idle expiry, last use, ip, user agent, then data as name, JSON, name, JSON...
-- Three of the times are empty if they equal another one.
-- Returns nil for a session that is over.
local function read_session(digest)
  local record = redis.call('GET', session_key(digest))
  if not record then return nil end
  local user, created, signed_in, expires_at, idle_expires_at, used, rest = string.match(
    record, '^([^\31]*)\31(%d+)\31(%d*)\31(%d+)\31(%d*)\31(%d*)\31(.*)$')
  if not user then error('unreadable session record ' .. session_key(digest)) end
  idle_expires_at = unless_empty(idle_expires_at, expires_at)
  -- Over from that millisecond on, as in the sweep; the key may live a moment longer.
  if tonumber(idle_expires_at) <= now then return nil end
  return {
    user = user,
    created = created,
    signed_in = unless_empty(signed_in, created),
    expires_at = expires_at,
    idle_expires_at = idle_expires_at,
    used = unless_empty(used, created),
    rest = rest, -- ip, user agent, data
  }
end

local function unless_equal(value, other)
  if value == other then return '' end
  return value
end

local function write_record(digest, session)
  local record = session.user
    .. '\31' .. session.created
    .. '\31' .. unless_equal(session.signed_in, session.created)
    .. '\31' .. session.expires_at
    .. '\31' .. unless_equal(session.idle_expires_at, session.expires_at)
    .. '\31' .. unless_equal(session.used, session.created)
    .. '\31' .. session.rest
  redis.call('SET', session_key(digest), record, 'PXAT', session.idle_expires_at)
end

local function idle_expiry(expires_at, idle_timeout)
  if idle_timeout == 0 then return expires_at end
  return text(math.min(now + idle_timeout, tonumber(expires_at)))
end
