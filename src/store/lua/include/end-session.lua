-- Ends a session once; true for the one caller that ended it.
-- The removal from the expiry index, which only one caller can win, is the right to write the end.
-- The record goes in any case: what isn't in the index must not live on. A per-user set of a wrong
-- type is left alone (hence pcall): it may not keep this session, or the sweep, from ending.
local function end_session(digest, session, at, reason, actor)
  local ended = redis.call('ZREM', expiry_index, expiry_member(digest, session)) == 1
  if ended then append_event('destroyed', digest, session, at, reason, actor) end
  redis.call('DEL', session_key(digest))
  redis.pcall('ZREM', user_key(session.user), digest)
  return ended
end
