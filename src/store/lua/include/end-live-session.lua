-- Ends a session before it expires. A copy of the request that created it may still arrive, so it
-- leaves a receipt.
local function end_live_session(digest, session, reason, actor)
  -- Never before the creation, even if Redis's clock was set back.
  local at = math.max(now, tonumber(session.created))
  local ended = end_session(digest, session, at, reason, actor)
  if ended then leave_receipt(digest, session) end
  return ended
end
