#!lua flags=allow-oom
-- Slides a session's idle expiry to now + idle timeout, but not beyond its absolute expiry.
-- Sparse: a use within a tenth of the idle timeout after the last one writes nothing, which also
-- makes a copy of the request harmless.
--
-- KEYS  1 session; if it declared more, Redis would reply TRYAGAIN while the slot moves, which makes
--       ioredis wait
-- ARGV  1 key base  2 digest  3 idle timeout (ms)
-- Reply OK, last use, idle expiry (joined by U+001F), or GONE for a session that is over
--!include bucket

local digest, idle_timeout = ARGV[2], tonumber(ARGV[3])

local session = read_session(digest)
if not session then return 'GONE' end

if now - tonumber(session.used) >= idle_timeout / 10 then
  session.used = text(now)
  session.idle_expires_at = idle_expiry(session.expires_at, idle_timeout)
  redis.call('ZADD', user_key(session.user), 'XX', session.idle_expires_at, digest)
  redis.call('ZADD', expiry_index, 'XX', session.idle_expires_at, expiry_member(digest, session))
  write_record(digest, session)
end
return 'OK\31' .. session.used .. '\31' .. session.idle_expires_at
