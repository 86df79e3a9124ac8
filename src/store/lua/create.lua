#!lua
-- Begins a session, unless a rule stands against it.
-- Without allow-oom, so a Redis that is out of memory refuses it whole.
--
-- KEYS  1 expiry index  2 outbox  3 session  4 per-user set
-- ARGV  1 key base  2 digest  3 user
--       4 'for' or 'until'  5 the lifetime or the moment of the hard end, ms
--       6 maximum lifetime, ms  7 idle timeout, ms or 0  8 deadline of this request, ms
--       9 sessions per user or 0  10 'reject' or 'evict-oldest'  11 backlog limit or 0
--       12 ip, user agent and data, joined
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

local EVICTION_CHUNK = 200 -- sessions; keeps one run in the low milliseconds

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

-- Sessions that are over but not yet swept don't count.
local function live_sessions() return redis.call('ZCOUNT', KEYS[4], '(' .. now, '+inf') end

local function evict(digests)
  for _, evicted in ipairs(digests) do
    local session = read_session(evicted)
    if session then end_live_session(evicted, session, 'evicted', '') end
  end
end

local function oldest(count)
  local sessions = {}
  for _, member in ipairs(redis.call('ZRANGE', KEYS[4], '(' .. now, '+inf', 'BYSCORE')) do
    local session = read_session(member)
    if session then sessions[#sessions + 1] = { digest = member, created = session.created } end
  end
  table.sort(sessions, function(a, b)
    if a.created ~= b.created then return a.created < b.created end
    return a.digest < b.digest
  end)
  local digests = {}
  for i = 1, math.min(count, #sessions) do digests[i] = sessions[i].digest end
  return digests
end

if user_limit > 0 then
  local live = live_sessions()
  local excess = live - user_limit + 1
  if excess > 0 and overflow == 'reject' then return { 'LIMIT', live } end
  if excess > EVICTION_CHUNK then
    -- Far above the limit (it was lowered): the soonest to end go first, as finding the oldest
    -- would mean to read them all in one run.
    evict(redis.call('ZRANGE', KEYS[4], '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, EVICTION_CHUNK))
    return { 'AGAIN' }
  end
  if excess > 0 then evict(oldest(excess)) end
end

local session = {
  user = user,
  created = now,
  signed_in = now,
  hard_end = hard_end,
  ends = end_by_idle_timeout(hard_end, idle_timeout),
  used = now,
  rest = ARGV[12],
}
begin_session(digest, session, '', '')
return answer(session)
