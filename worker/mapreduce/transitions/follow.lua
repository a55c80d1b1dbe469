-- Makes somebody the one who puts out the lines of an ordered run, from the first. When
-- lines were put out before, and so are gone, the run begins again.
--
-- KEYS: run, recorded, started and data of its lines, samples
-- ARGV: who; then the counters of lines
-- Returns nothing when there is no such run, or it has failed or is cancelled; else its
-- epoch, and how many shards it has (-1: that is not known yet).
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'running' and state ~= 'done' then return {} end
redis.call('HSET', KEYS[1], 'reader', ARGV[1])
if redis.call('HGET', KEYS[1], 'next') ~= '0' then
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  local unfound = tonumber(redis.call('HGET', KEYS[1], 'unfound') or 0)
  redis.call('HSET', KEYS[1], 'state', 'running', 'next', 0, 'problems', unfound, 'stored', redis.call('HGET', KEYS[1], 'stored0:0') or 0)
  redis.call('HDEL', KEYS[1], 'ended', 'stored1:0', unpack(ARGV, 2))
  redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4])
  if unfound == 0 then redis.call('UNLINK', KEYS[5]) else redis.call('LTRIM', KEYS[5], 0, math.min(unfound, 5) - 1) end
end
local run = redis.call('HMGET', KEYS[1], 'epoch', 'total1')
return { tonumber(run[1]), tonumber(run[2] or -1) }
