#!lua flags=allow-oom
-- Records the end of a session that SQL knows as open and Redis knows nothing of: its keys were
-- lost. There is no member left to remove from the expiry index, so the right to write the end
-- is the drain's, which records one end and drops the rest. A marker keeps a copy of the request
-- from adding a second event all the same.
--
-- KEYS  1 expiry index  2 outbox  3 session
-- ARGV  1 key base  2 digest  3 session's beginning, ms  4 user or ''  5 hard end, ms
-- Reply 'OK'
--!include bucket
--!include append-event

local digest, created, user, expires_at = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local MARKER_LIFETIME = 60000 -- ms; by then the event is long in SQL

local session = { user = user, created = created, idle_expires_at = expires_at }
if redis.call('EXISTS', KEYS[3]) == 1 then return 'OK' end
-- Over but not yet swept: the sweep knows the true moment and reason.
if redis.call('ZSCORE', expiry_index, expiry_member(digest, session)) then return 'OK' end
if not redis.call('SET', base .. 'l:' .. digest, '', 'NX', 'PX', MARKER_LIFETIME) then return 'OK' end

if expires_at <= now then
  append_event('destroyed', digest, session, expires_at, 'expired', '')
else
  append_event('destroyed', digest, session, now, 'lost', '')
end
return 'OK'
