-- Begins a session: its event first, then its record and its places in the two indexes.
local function begin_session(digest, session, reason, actor)
  append_event('created', digest, session, session.created, reason, actor)
  write_record(digest, session)
  redis.call('ZADD', expiry_index, session.ends, expiry_member(digest, session))
  redis.call('ZADD', user_key(session.user), session.ends, digest)
  prolong_user_set(session)
  -- A session this short may be gone, by its key's own expiry, before a copy arrives.
  if session.ends < now + REPLAY_WINDOW then leave_receipt(digest, session) end
end
