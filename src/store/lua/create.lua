#!lua
-- Begins sessions of one bucket, each unless a rule stands against it: those that were asked for
-- at about the same time share the cost of a run.
-- Without allow-oom, so a Redis that is out of memory refuses it whole.
--
-- KEYS  1 expiry index  2 outbox
-- ARGV  1 key base  2 maximum lifetime, ms  3 idle timeout, ms or 0  4 deadline of this request, ms
--       5 sessions per user or 0  6 'reject' or 'evict-oldest'  7 backlog limit or 0
--       8... of each session: digest, user, its hard end in ms (a lifetime as '+43200000', else the
--       moment), ip and user agent (joined), data (each field after a separator)
-- Reply an answer for each session, its fields joined by U+001F: the same for a copy of the request
--       OK, user, created, signed in, hard end, end
--       STALE, now: the deadline has passed or is too far ahead; nothing was written
--       PAST, now; TOO_LONG, now; BACKLOG, length; LIMIT, sessions: refused
--       AGAIN: a chunk of the user's excess sessions was evicted; ask again
--       ERROR, message: a key of a wrong type, say; the other sessions have begun all the same
--!include bucket
--!include append-event
--!include receipt
--!include create-session
--!include end-session
--!include end-live-session
--!include make-room

local SESSION_ARGS = 5

local max_lifetime, idle_timeout = tonumber(ARGV[2]), tonumber(ARGV[3])
local deadline = tonumber(ARGV[4])
local user_limit, overflow = tonumber(ARGV[5]), ARGV[6]
local backlog_limit = tonumber(ARGV[7])

local function expiry_of(wish)
  if string.sub(wish, 1, 1) == '+' then return now + tonumber(wish) end
  return tonumber(wish)
end

local function create(digest, user, wish, client, data)
  local earlier = earlier_answer(digest)
  if earlier then return earlier end
  if is_stale(deadline) then return refusal('STALE', now) end

  local requested = expiry_of(wish)
  if requested <= now then return refusal('PAST', now) end
  if requested > now + max_lifetime then return refusal('TOO_LONG', now) end
  if backlog_limit > 0 and backlog >= backlog_limit then return refusal('BACKLOG', backlog) end
  if user_limit > 0 then
    local no_room = make_room(user_key(user), user_limit, overflow)
    if no_room then return no_room end
  end

  local created, expires_at = text(now), text(requested)
  local session = {
    user = user,
    created = created,
    signed_in = created,
    expires_at = expires_at,
    idle_expires_at = idle_expiry(expires_at, idle_timeout),
    used = created,
    client = client,
    rest = client .. data,
  }
  create_session(digest, session, '', '')
  return answer(session)
end

local answers = {}
for i = 8, #ARGV, SESSION_ARGS do
  -- An error ends one create, not the run: the sessions before it have begun, and are told so.
  local done, result = pcall(create, unpack(ARGV, i, i + SESSION_ARGS - 1))
  if not done then result = 'ERROR\31' .. (type(result) == 'table' and result.err or result) end
  answers[#answers + 1] = result
end
return answers
