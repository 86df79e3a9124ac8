-- Keeps a user within the session limit: returns nil if there is room for a new session, else the
-- answer that says why not. All in one function, so that a create without a limit builds none of
-- its parts.

local EVICTION_CHUNK = 200 -- sessions; keeps one run in the low milliseconds
local evicted = 0 -- by this run

local function make_room(user_set, limit, overflow)
  local function read_live_sessions(count)
    local found = {}
    local live = redis.call('ZRANGE', user_set, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, count)
    for _, member in ipairs(live) do
      local session = read_session(member)
      if session then
        found[#found + 1] = { digest = member, session = session }
      else
        -- Its record was lost, so it doesn't count. The sweep writes its end.
        redis.call('ZREM', user_set, member)
      end
    end
    return found
  end

  local function is_older(a, b)
    local created_a, created_b = tonumber(a.session.created), tonumber(b.session.created)
    if created_a ~= created_b then return created_a < created_b end
    return a.digest < b.digest
  end

  local function evict(sessions, count)
    for i = 1, count do
      evicted = evicted + 1
      end_live_session(sessions[i].digest, sessions[i].session, 'evicted', '')
    end
  end

  -- Sessions that have expired and aren't swept yet don't count.
  local live = redis.call('ZCOUNT', user_set, '(' .. now, '+inf')
  local excess = live - limit + 1
  if excess <= 0 then return nil end
  if overflow == 'reject' then return rejection('LIMIT', live) end
  if evicted >= EVICTION_CHUNK then return 'AGAIN' end
  if excess > EVICTION_CHUNK then
    -- Far above the limit, which was lowered: those that expire soonest go first, because finding
    -- the oldest would mean reading them all in one run.
    local soonest = read_live_sessions(EVICTION_CHUNK)
    evict(soonest, #soonest)
    return 'AGAIN'
  end
  local sessions = read_live_sessions(-1)
  table.sort(sessions, is_older)
  evict(sessions, #sessions - limit + 1)
  return nil
end
