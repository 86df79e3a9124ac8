#!lua flags=allow-oom
-- Continues a bucket's outbox numbers behind those that Postgres has committed, after Redis has
-- gone back to an earlier state: a number never stands for two events.
--
-- KEYS  1 outbox number
-- ARGV  1 the last number that Postgres has committed
-- Reply 'OK'
local number = tonumber(redis.call('GET', KEYS[1]) or '0')
if number < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 'OK'
