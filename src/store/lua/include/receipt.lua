-- ioredis sends a command again when it reconnects, so a script that begins a session may run
-- twice, the second time after the session has already ended. Two things keep such a copy from
-- beginning it again: the request's deadline, and a receipt that outlives any session that ends
-- while a copy could still be on its way.

local REPLAY_WINDOW = 10000 -- ms; twice the longest deadline that the store gives a request

-- Answers are one text each, their fields joined like a record's.
local function answer(session)
  return 'OK\31' .. session.user .. '\31' .. session.created .. '\31' .. session.signed_in
    .. '\31' .. session.expires_at .. '\31' .. session.idle_expires_at
end

local function refusal(why, number) return why .. '\31' .. text(number) end

-- The reply that the first run gave, or nil where this is the first.
local function earlier_answer(digest)
  -- One call for what is nearly always the case.
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
