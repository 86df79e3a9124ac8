#!lua flags=allow-oom
-- Records the end of a session that is open in SQL and whose record Redis has lost. If it is not in
-- the expiry index either, this script can't make sure that it is the only one to write the end: the
-- drain records one end and drops the others. A marker keeps a copy of this request from adding a
-- second event.
--
-- KEYS  1 expiry index  2 outbox  3 outbox number  4 session
-- ARGV  1 key base  2 digest  3 created (ms since 1970)  4 user or ''  5 absolute expiry (ms)
-- Reply 'OK'
--!include bucket
--!include append-event

local digest, created, user, expires_at = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local MARKER_LIFETIME = 60000 -- ms; by then the event is in SQL

local session = { user = user, created = created, idle_expires_at = expires_at }
if redis.call('EXISTS', KEYS[4]) == 1 then return 'OK' end
-- Expired but not swept yet: the sweep knows the true moment and reason.
local member = expiry_member(digest, session)
local ends_at = tonumber(redis.call('ZSCORE', expiry_index, member))
if ends_at and ends_at <= now then return 'OK' end
if not redis.call('SET', base .. 'l:' .. digest, '', 'NX', 'PX', MARKER_LIFETIME) then return 'OK' end

if expires_at <= now then
  append_event('missing', digest, session, expires_at, 'expired', '')
else
  append_event('missing', digest, session, now, 'lost', '')
end
-- Only its record was lost: without this, the sweep would end it a second time.
if ends_at then redis.call('ZREM', expiry_index, member) end
redis.pcall('ZREM', user_key(user), digest)
return 'OK'
