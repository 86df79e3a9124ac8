-- The only place where an audit event is created. It is one stream field: the name is the version
-- of the layout, the value is joined by U+001F like a record. A 'created' event has the absolute
-- expiry, a 'destroyed' event the expiry in force when the session ended.
local function append_event(event, digest, session, at, reason, actor)
  local expires_at, client = session.idle_expires_at, '\31'
  if event == 'created' then
    expires_at, client = session.expires_at, session.client
  end
  redis.call('XADD', outbox, '*', 'v1',
    event .. '\31' .. digest .. '\31' .. session.created .. '\31' .. session.user
    .. '\31' .. at .. '\31' .. expires_at .. '\31' .. reason .. '\31' .. actor .. '\31' .. client)
  backlog = backlog + 1
end
