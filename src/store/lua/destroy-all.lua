#!lua flags=allow-oom
-- Ends a user's sessions, one chunk per run, so that a user with 100,000 sessions doesn't block
-- Redis. Sessions that were signed in after the cutoff stay: a late copy of the request can't end
-- them, and sign-ins during a long run can't keep it going. Rotation keeps the moment of sign-in,
-- so a rotated session doesn't escape.
--
-- KEYS  1 expiry index  2 outbox  3 outbox number  4 per-user set
-- ARGV  1 key base  2 cutoff (ms since 1970)  3 digest to spare, or ''  4 chunk  5 reason  6 actor
-- Reply 1 if there is more to do, else 0
--!include bucket
--!include append-event
--!include receipt
--!include end-session
--!include end-live-session

local cutoff, spared, chunk = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

-- Signed in since the request was made. A sign-in 'in the future' happened before: Redis's clock
-- was set back, or a Cluster node whose clock is behind took over.
local function is_newer(session)
  local signed_in = tonumber(session.signed_in)
  return signed_in > cutoff and signed_in <= now
end

local done, staying = 0, 0
while done < chunk do
  -- Ended sessions leave the set, so the ones that remain occupy its first ranks.
  local digests = redis.call('ZRANGE', KEYS[4], staying, staying + 99)
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
        redis.call('ZREM', KEYS[4], digest) -- expired already; the sweep writes its end
      end
    end
  end
end
return 1
