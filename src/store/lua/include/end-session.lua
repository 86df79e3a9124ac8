-- Ends a session once; true for the one caller that ended it.
-- The order matters: the per-user set first, so that a key of a wrong type fails before anything
-- counts; then the removal from the expiry index, which only one caller can win: it is the right
-- to write the end. The record goes in any case: what isn't in the index must not live on.
local function end_session(digest, session, at, reason, actor)
  redis.call('ZREM', user_key(session.user), digest)
  local ended = redis.call('ZREM', expiry_index, expiry_member(digest, session)) == 1
  if ended then append_event('destroyed', digest, session, at, reason, actor) end
  redis.call('DEL', session_key(digest))
  return ended
end
