#!lua
-- Gives a session a new ID: ends the old session and creates the new one in one step. The absolute
-- expiry and the moment of sign-in stay the same, so rotation doesn't prolong a session.
--
-- KEYS  1 expiry index  2 outbox  3 outbox number  4 old session  5 new session
-- ARGV  1 key base  2 old digest  3 new digest  4 idle timeout (ms) or 0
--       5 deadline of this request (ms since 1970)
-- Reply an answer as in create: OK, STALE, or GONE for a session that is over
--!include bucket
--!include append-event
--!include receipt
--!include create-session
--!include end-session
--!include end-live-session

local old_digest, new_digest = ARGV[2], ARGV[3]
local idle_timeout, deadline = tonumber(ARGV[4]), tonumber(ARGV[5])

local earlier = earlier_answer(new_digest)
if earlier then return earlier end
if is_stale(deadline) then return rejection('STALE', now) end

local old = read_session(old_digest)
if not old then return 'GONE' end
redis.call('ZCARD', user_key(old.user)) -- fails before the first write if the type is wrong
if not end_live_session(old_digest, old, 'rotated', '') then return 'GONE' end

local created = text(now)
local new = {
  user = old.user,
  created = created,
  signed_in = old.signed_in,
  expires_at = old.expires_at,
  idle_expires_at = idle_expiry(old.expires_at, idle_timeout),
  used = created,
  client = string.match(old.rest, '^[^\31]*\31[^\31]*'),
  rest = old.rest,
}
create_session(new_digest, new, 'rotated', '')
return answer(new)
