-- ioredis resends unanswered commands when it reconnects, so a script that creates a session may
-- run twice, the second time after the session has already ended. Two things keep such a copy from
-- creating the session again: the request's deadline, and a receipt that outlives every session
-- that ends while a copy could still arrive.

local REPLAY_WINDOW = 10000 -- ms; twice the longest time that a caller waits

-- An answer is one text, its fields joined like a record's.
local function answer(session)
  return 'OK\31' .. session.user .. '\31' .. session.created .. '\31' .. session.signed_in
    .. '\31' .. session.expires_at .. '\31' .. session.idle_expires_at
end

local function rejection(status, number) return status .. '\31' .. text(number) end

-- The answer that the first run gave, or nil if this is the first.
local function earlier_answer(digest)
  -- One call settles nearly every case.
  if redis.call('EXISTS', session_key(digest), receipt_key(digest)) == 0 then return nil end
  local session = read_session(digest)
  if session then return answer(session) end
  return redis.call('GET', receipt_key(digest)) or nil
end

-- A deadline too far ahead is as wrong as one that has passed: the receipt would not cover it.
local function is_stale(deadline)
  return deadline < now or deadline >= now + REPLAY_WINDOW
end

local function leave_receipt(digest, session)
  local left = session.created + REPLAY_WINDOW - now
  if left <= 0 then return end
  redis.call('SET', receipt_key(digest), answer(session), 'PX', left)
end
