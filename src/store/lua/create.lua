#!lua
-- Creates sessions of one bucket. Sessions that were requested at about the same time share the
-- cost of a run; each one is judged by the rules separately.
-- Without allow-oom, so that Redis rejects the whole script when it is out of memory.
--
-- KEYS  1 expiry index  2 outbox  3 outbox number
-- ARGV  1 key base  2 maximum lifetime (ms)  3 idle timeout (ms) or 0  4 sessions per user or 0
--       5 'reject' or 'evict-oldest'  6 backlog limit or 0
--       7... for each session: digest, user, deadline (ms since 1970: when its caller gives up),
--       absolute expiry (a lifetime as '+43200000' or a moment, in ms), ip and user agent (joined),
--       data (each field after a separator)
-- Reply one answer for each session, its fields joined by U+001F; a copy of the request gets the
--       same answers:
--       OK, user, created, signed in, absolute expiry, idle expiry
--       STALE, now: the deadline has passed or is too far ahead; nothing was written
--       PAST, now; TOO_LONG, now; BACKLOG, length; LIMIT, sessions: rejected
--       AGAIN: some of the user's excess sessions were evicted; ask again
--       ERROR, message: a key has the wrong type, for example; the other sessions were created
--!include bucket
--!include append-event
--!include receipt
--!include create-session
--!include end-session
--!include end-live-session
--!include make-room

local SESSION_ARGS = 6

local max_lifetime, idle_timeout = tonumber(ARGV[2]), tonumber(ARGV[3])
local user_limit, overflow = tonumber(ARGV[4]), ARGV[5]
local backlog_limit = tonumber(ARGV[6])

local function requested_expiry(expiry)
  if string.sub(expiry, 1, 1) == '+' then return now + tonumber(expiry) end
  return tonumber(expiry)
end

local function create(digest, user, deadline, expiry, client, data)
  local earlier = earlier_answer(digest)
  if earlier then return earlier end
  if is_stale(tonumber(deadline)) then return rejection('STALE', now) end

  local requested = requested_expiry(expiry)
  if requested <= now then return rejection('PAST', now) end
  if requested > now + max_lifetime then return rejection('TOO_LONG', now) end
  if backlog_limit > 0 and backlog >= backlog_limit then return rejection('BACKLOG', backlog) end
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
for i = 7, #ARGV, SESSION_ARGS do
  -- An error fails one session, not the run: the sessions before it exist and must be reported.
  local done, result = pcall(create, unpack(ARGV, i, i + SESSION_ARGS - 1))
  if not done then result = 'ERROR\31' .. (type(result) == 'table' and result.err or result) end
  answers[#answers + 1] = result
end
return answers
