#!lua flags=allow-oom
-- Finds live sessions that are not in the expiry index, or not in their user's set, at their expiry,
-- and puts them there. The record is right: each script that changes a session writes all three. A
-- session that is missing in its user's set would escape a log-out-everywhere, one that is missing in
-- the index would end without a record.
--
-- KEYS  1 expiry index  2 outbox  3... for each session: its record, its user's set
-- ARGV  1 key base  2 'find', which changes nothing, or 'repair'
--       3... for each session: digest, user; '' if the user isn't known, then any key of the bucket
--       can stand for the set, and only the index is looked at
-- Reply for each session that was not right: digest, user, created, and 'expiry-index', 'user-set'
--       or 'both' (joined by U+001F)
--!include bucket

local mode = ARGV[2]

local function is_wrong(set, member, at)
  local score = redis.call('ZSCORE', set, member)
  if score and tonumber(score) == tonumber(at) then return false end
  if mode == 'repair' then redis.call('ZADD', set, at, member) end
  return true
end

-- The set comes first: if its key has the wrong type, nothing is written.
local function check(digest, user, user_set)
  local session = read_session(digest)
  if not session or (user ~= '' and user ~= session.user) then return nil end
  local at = session.idle_expires_at
  local set_wrong = user ~= '' and is_wrong(user_set, digest, at)
  local index_wrong = is_wrong(expiry_index, expiry_member(digest, session), at)
  if not set_wrong and not index_wrong then return nil end
  local where = set_wrong and (index_wrong and 'both' or 'user-set') or 'expiry-index'
  return digest .. '\31' .. session.user .. '\31' .. session.created .. '\31' .. where
end

local wrong = {}
for i = 3, #ARGV, 2 do
  wrong[#wrong + 1] = check(ARGV[i], ARGV[i + 1], KEYS[i + 1])
end
return wrong
