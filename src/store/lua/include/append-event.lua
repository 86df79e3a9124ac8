-- The only place where an audit event is born. One field, joined by U+001F like a record;
-- its name is the layout's version. The end that goes with it: at the beginning the hard end, at
-- the end the one that stood then.
local function append_event(event, digest, session, at, reason, actor)
  local ends, ip, user_agent = session.ends, '', ''
  if event == 'created' then
    ends = session.hard_end
    ip, user_agent = string.match(session.rest, '^([^\31]*)\31([^\31]*)')
  end
  redis.call('XADD', outbox, '*', 'v1', table.concat({
    event, digest, session.created, session.user, at, ends, reason, actor, ip, user_agent,
  }, '\31'))
end
