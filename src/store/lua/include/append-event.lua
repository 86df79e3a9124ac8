-- The only place where an audit event is created. It is one stream field: the name is the version
-- of the layout, the value is joined by U+001F like a record. A 'created' event has the absolute
-- expiry, a 'destroyed' event the expiry in force when the session ended. A 'missing' event is the
-- end of a session that SQL knows and Redis doesn't.
--
-- Each event has the next number of its bucket. Postgres keeps the last number that it has
-- committed, so a Redis that went back to an earlier state is found by its lower number.

local number_key = KEYS[3]

-- A key of the wrong type, or one that isn't a number, must fail here, before the first write.
local last_number = redis.call('GET', number_key)
if last_number and not string.match(last_number, '^%d+$') then
  error('not a number: ' .. number_key)
end

local function append_event(event, digest, session, at, reason, actor)
  local expires_at, client = session.idle_expires_at, '\31'
  if event == 'created' then
    expires_at, client = session.expires_at, session.client
  end
  local number = text(redis.call('INCR', number_key))
  redis.call('XADD', outbox, '*', 'v2',
    number .. '\31' .. event .. '\31' .. digest .. '\31' .. session.created .. '\31' .. session.user
    .. '\31' .. at .. '\31' .. expires_at .. '\31' .. reason .. '\31' .. actor .. '\31' .. client)
  backlog = backlog + 1
end
