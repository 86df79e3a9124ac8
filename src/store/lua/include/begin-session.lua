-- Begins a session. Its place in the per-user set comes first: a key of a wrong type fails before
-- anything is written.
local function begin_session(digest, session, reason, actor)
  redis.call('ZADD', user_key(session.user), session.ends, digest)
  redis.call('ZADD', expiry_index, session.ends, expiry_member(digest, session))
  append_event('created', digest, session, session.created, reason, actor)
  write_record(digest, session)
  -- A session this short may be gone, by its key's own expiry, before a copy arrives.
  if tonumber(session.ends) < now + REPLAY_WINDOW then leave_receipt(digest, session) end
end
