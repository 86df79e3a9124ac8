#!lua flags=allow-oom
-- A page of the expiry index. A cursor is valid only on the server that gave it: another one hashes
-- the members differently, so a scan that goes on there would miss some. It starts again instead.
-- Not flagged no-writes, so that a server that is no longer the master rejects it.
--
-- KEYS  1 expiry index
-- ARGV  1 cursor  2 the server that gave it, or ''  3 how many members to look at
-- Reply the server, the next cursor ('0' at the end), the members
-- INFO may be forbidden. Then a scan that goes on after a failover misses members until the next one.
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
local cursor = server == ARGV[2] and ARGV[1] or '0'

local page = redis.call('ZSCAN', KEYS[1], cursor, 'COUNT', ARGV[3])
local members = {}
for i = 1, #page[2], 2 do members[#members + 1] = page[2][i] end
return { server, page[1], members }
