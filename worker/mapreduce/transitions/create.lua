-- Creates a run.
--
-- The run's hash has: spec (what it is to do, JSON), state (running, done, failed or
-- cancelled), error, created, ended and expires (ms, Redis's clock), epoch (how often it
-- was begun again), stage, totalN (how many shards stage N has), stored (bytes of data
-- that there are now), storedN:P (of these, in a data key), next and reader (of ordered
-- runs: the first shard whose lines nobody has put out, and who puts them out), pieces:P (of
-- how many the result of a partition is), and counters.
--
-- KEYS: run
-- ARGV: for how many ms it lives; then fields and values
-- Returns 1, or 0 when it is there already.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('HSET', KEYS[1], 'state', 'running', 'created', now, 'expires', now + ARGV[1], 'epoch', 0,
  'stage', 0, 'total0', 1, 'next', 0, unpack(ARGV, 2))
redis.call('PEXPIREAT', KEYS[1], now + ARGV[1])
return 1
