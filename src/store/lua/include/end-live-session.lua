-- Ends a session before its time. A copy of the request that began it may still be on its way.
local function end_live_session(digest, session, reason, actor)
  local ended = end_session(digest, session, now, reason, actor)
  if ended then leave_receipt(digest, session) end
  return ended
end
