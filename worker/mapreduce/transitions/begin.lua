-- Begins with a shard.
--
-- KEYS: run, recorded, started
-- ARGV: epoch, stage, shard
-- Returns nothing when the run is over, gone or was begun again. Else the spec; whether the
-- shard is recorded already (1 or 0); whether all of its stage are (1 or 0).
local run = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'spec', 'expires', 'total' .. ARGV[2])
if run[1] ~= 'running' or run[2] ~= ARGV[1] then return {} end
if redis.call('SISMEMBER', KEYS[2], ARGV[3]) == 1 then
  return { run[3], 1, redis.call('SCARD', KEYS[2]) == tonumber(run[5]) and 1 or 0 }
end
if redis.call('SADD', KEYS[3], ARGV[3]) == 0 then redis.call('HINCRBY', KEYS[1], 'retries', 1) end
redis.call('PEXPIREAT', KEYS[3], run[4])
return { run[3], 0, 0 }
