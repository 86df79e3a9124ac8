-- The only place where an audit event is born. One field, joined by U+001F like a record;
-- its name is the layout's version. The end that goes with it: at the beginning the hard end, at
-- the end the one that stood then.
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
