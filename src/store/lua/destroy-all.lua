#!lua flags=allow-oom
-- Ends a user's sessions, a chunk a run, so that a user with 100,000 doesn't stop Redis.
-- Those that were signed in after the cutoff stay: a late copy of the request can't end them,
-- and a sign-in during a long run can't keep it going. A rotated session keeps the moment of its
-- sign-in, so rotation doesn't escape.
--
-- KEYS  1 expiry index  2 outbox  3 per-user set
-- ARGV  1 key base  2 cutoff, ms  3 digest to spare, or ''  4 chunk  5 reason  6 actor
-- Reply 1 where there is more to do, else 0
--!include bucket
--!include append-event
--!include receipt
--!include end-session
--!include end-live-session

local cutoff, spared, chunk = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

-- Signed in since the request was made. One from the future was there before: Redis's clock was set
-- back, or a Cluster's node took over whose clock is behind.
local function is_newer(session)
  local signed_in = tonumber(session.signed_in)
  return signed_in > cutoff and signed_in <= now
end

local done, staying = 0, 0
while done < chunk do
  -- What was ended has left the set, so those that stay fill its first ranks.
  local digests = redis.call('ZRANGE', KEYS[3], staying, staying + 99)
  if #digests == 0 then return 0 end
  for _, digest in ipairs(digests) do
    local session = read_session(digest)
    if digest == spared or (session and is_newer(session)) then
      staying = staying + 1
    else
      done = done + 1
      if session then
        end_live_session(digest, session, ARGV[5], ARGV[6])
      else
        redis.call('ZREM', KEYS[3], digest) -- expired already; the sweep writes its end
      end
    end
  end
end
return 1
