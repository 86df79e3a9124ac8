-- Writes a new session. The per-user set comes first: a key of the wrong type fails before
-- anything is written.
local function create_session(digest, session, reason, actor)
  redis.call('ZADD', user_key(session.user), session.idle_expires_at, digest)
  redis.call('ZADD', expiry_index, session.idle_expires_at, expiry_member(digest, session))
  append_event('created', digest, session, session.created, reason, actor)
  write_record(digest, session)
  -- The record of so short a session may expire before a copy of the request arrives.
  if tonumber(session.idle_expires_at) < now + REPLAY_WINDOW then leave_receipt(digest, session) end
end
