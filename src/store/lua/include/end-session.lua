-- Ends a session once; returns true to the one caller that ended it.
-- Only one caller can remove the member from the expiry index, and that caller writes the end.
-- The record is deleted in any case: a session that isn't in the index must not live on. A
-- per-user set of the wrong type is ignored (pcall): it must not keep this session, or the sweep,
-- from ending.
local function end_session(digest, session, at, reason, actor)
  local ended = redis.call('ZREM', expiry_index, expiry_member(digest, session)) == 1
  if ended then append_event('destroyed', digest, session, at, reason, actor) end
  redis.call('DEL', session_key(digest))
  redis.pcall('ZREM', user_key(session.user), digest)
  return ended
end
