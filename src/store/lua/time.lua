#!lua flags=no-writes
-- The time by which a bucket's sessions expire: that of the node which holds the bucket, as in a
-- Cluster every node has a clock of its own.
--
-- KEYS  1 any key of the bucket
-- Reply the time, ms
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
