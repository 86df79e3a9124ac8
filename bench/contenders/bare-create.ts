/** As a string, since the compiler copies no other files. */
export const bareCreate = `
-- Writes the same keys as a new session of ours and does nothing else: no check, no clock.
--
-- KEYS  1 session  2 per-user set  3 expiry index  4 outbox
-- ARGV  1 record  2 end, ms  3 digest  4 member of the expiry index  5 event
redis.call('XADD', KEYS[4], '*', 'v1', ARGV[5])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[2], ARGV[2])
return 'OK'`;
