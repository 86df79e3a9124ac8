#!lua flags=allow-oom
-- Ends one session. If it is unknown, over or another user's, nothing is written and the reply is the same, so a
-- copy of the request gets the first one's answer.
--
-- KEYS  1 expiry index  2 outbox  3 outbox number  4 session
-- ARGV  1 key base  2 digest  3 reason  4 actor  5 the user whose session it must be, or ''
-- Reply 'OK'
--!include bucket
--!include append-event
--!include receipt
--!include end-session
--!include end-live-session

local digest, owner = ARGV[2], ARGV[5]
local session = read_session(digest)
local may_end = session and (owner == '' or owner == session.user)
if may_end then end_live_session(digest, session, ARGV[3], ARGV[4]) end
return 'OK'
