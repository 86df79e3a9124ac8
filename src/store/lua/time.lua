#!lua flags=no-writes
-- The time that decides when a bucket's sessions expire: that of the node that holds the bucket,
-- because every node of a Cluster has its own clock.
--
-- KEYS  1 any key of the bucket
-- Reply the time (ms since 1970)
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
