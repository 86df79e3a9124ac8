#!lua flags=allow-oom
-- Ends one session. If it is unknown or over, nothing is written and the reply is the same, so a
-- copy of the request gets the first one's answer.
--
-- KEYS  1 expiry index  2 outbox  3 outbox number  4 session
-- ARGV  1 key base  2 digest  3 reason  4 actor
-- Reply 'OK'
--!include bucket
--!include append-event
--!include receipt
--!include end-session
--!include end-live-session

local digest = ARGV[2]
local session = read_session(digest)
if session then end_live_session(digest, session, ARGV[3], ARGV[4]) end
return 'OK'
