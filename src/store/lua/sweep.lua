#!lua flags=allow-oom
-- Ends the sessions that have expired, one batch per run, and records the true moment at which
-- each one ended, however late the sweep is.
--
-- KEYS  1 expiry index  2 outbox  3 outbox number
-- ARGV  1 key base  2 batch
-- Reply 1 if there are more, else 0
--!include bucket
--!include append-event
--!include end-session

local batch = tonumber(ARGV[2])

local due = redis.call('ZRANGE', expiry_index, '-inf', now, 'BYSCORE', 'LIMIT', 0, batch, 'WITHSCORES')
for i = 1, #due, 2 do
  local ended_at = due[i + 1]
  local digest, created, user = string.match(due[i], '^([^:]*):(%x+):(.*)$')
  if digest then
    local session = { user = user, created = text(tonumber(created, 16)), idle_expires_at = ended_at }
    end_session(digest, session, ended_at, 'expired', '')
  else
    redis.call('ZREM', expiry_index, due[i]) -- not ours; it would block the head of the index
  end
end
return redis.call('ZCOUNT', expiry_index, '-inf', now) > 0 and 1 or 0
