-- Ends a session before its time. A copy of the request that began it may still be on its way.
local function end_live_session(digest, session, reason, actor)
  -- Not before it began, though Redis's clock was set back.
  local at = math.max(now, tonumber(session.created))
  local ended = end_session(digest, session, at, reason, actor)
  if ended then leave_receipt(digest, session) end
  return ended
end
