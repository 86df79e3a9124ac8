#!lua flags=allow-oom
-- Finds members of a user's set that stand for no session, and removes them: they would count towards
-- the session limit, and keep the set for ever. A session that has just expired has no record
-- either, but the sweep removes it from the set, so only members that the sweep has left are stale.
--
-- KEYS  1 expiry index  2 outbox  3 per-user set  4... the members' records
-- ARGV  1 key base  2 'find', which changes nothing, or 'repair'
--       3 the time (ms since 1970) up to which the bucket is swept  4... digests
-- Reply the digests that were stale
--!include bucket

local user_set, mode, swept_until = KEYS[3], ARGV[2], tonumber(ARGV[3])

local function is_stale(digest)
  local at = tonumber(redis.call('ZSCORE', user_set, digest))
  if not at or redis.call('EXISTS', session_key(digest)) == 1 then return false end
  return at > now or at <= swept_until
end

local stale = {}
for i = 4, #ARGV do
  if is_stale(ARGV[i]) then
    stale[#stale + 1] = ARGV[i]
    if mode == 'repair' then redis.call('ZREM', user_set, ARGV[i]) end
  end
end
return stale
