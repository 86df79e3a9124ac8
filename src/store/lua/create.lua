#!lua
-- Begins a session, unless a rule stands against it.
-- Without allow-oom, so a Redis that is out of memory refuses it whole.
--
-- KEYS  1 expiry index  2 outbox  3 session  4 per-user set
-- ARGV  1 key base  2 digest  3 user
--       4 'for' or 'until'  5 the lifetime or the moment of the hard end, ms
--       6 maximum lifetime, ms  7 idle timeout, ms or 0  8 deadline of this request, ms
--       9 sessions per user or 0  10 'reject' or 'evict-oldest'  11 backlog limit or 0
--       12 ip and user agent, joined  13 data, each field after a separator
-- Reply {'OK', user, created, signed in, hard end, end}: the same for a copy of the request
--       {'STALE', now}: the deadline has passed or is too far ahead; nothing was written
--       {'PAST', now}, {'TOO_LONG', now}, {'BACKLOG', length}, {'LIMIT', sessions}: refused
--       {'AGAIN'}: a chunk of the user's excess sessions was evicted; ask again
--!include bucket
--!include append-event
--!include receipt
--!include begin-session
--!include end-session
--!include end-live-session
--!include make-room

local digest, user = ARGV[2], ARGV[3]
local expiry_kind, expiry_value = ARGV[4], tonumber(ARGV[5])
local max_lifetime, idle_timeout = tonumber(ARGV[6]), tonumber(ARGV[7])
local deadline = tonumber(ARGV[8])
local user_limit, overflow = tonumber(ARGV[9]), ARGV[10]
local backlog_limit = tonumber(ARGV[11])

local earlier = earlier_answer(digest)
if earlier then return earlier end
if is_stale(deadline) then return { 'STALE', now } end

local hard_end = expiry_value
if expiry_kind == 'for' then hard_end = now + expiry_value end
if hard_end <= now then return { 'PAST', now } end
if hard_end > now + max_lifetime then return { 'TOO_LONG', now } end
if backlog_limit > 0 and backlog >= backlog_limit then return { 'BACKLOG', backlog } end

if user_limit > 0 then
  local refusal = make_room(KEYS[4], user_limit, overflow)
  if refusal then return refusal end
end

local created, latest_end = text(now), text(hard_end)
local session = {
  user = user,
  created = created,
  signed_in = created,
  hard_end = latest_end,
  ends = end_by_idle_timeout(latest_end, idle_timeout),
  used = created,
  client = ARGV[12],
  rest = ARGV[12] .. ARGV[13],
}
begin_session(digest, session, '', '')
return answer(session)
