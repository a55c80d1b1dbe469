-- Takes the lines of a shard of an ordered run, once those before have been put out: that
-- they have is what asking for this shard says.
--
-- KEYS: run, data of its lines
-- ARGV: who, epoch, shard
-- Returns the state of the run ("lost": somebody else puts out its lines now); and the
-- shard's lines, if they are there.
local run = redis.call('HMGET', KEYS[1], 'state', 'reader', 'epoch', 'next', 'total1')
if not run[1] then return { 'gone' } end
if not run[2] then -- Redis has lost it
  run[2] = ARGV[1]
  redis.call('HSET', KEYS[1], 'reader', ARGV[1])
end
if run[2] ~= ARGV[1] or run[3] ~= ARGV[2] then return { 'lost' } end
local shard = tonumber(ARGV[3])
for before = tonumber(run[4]), shard - 1 do
  local bytes = redis.call('HSTRLEN', KEYS[2], before)
  redis.call('HDEL', KEYS[2], before)
  redis.call('HINCRBY', KEYS[1], 'stored', 0 - bytes)
  redis.call('HSET', KEYS[1], 'next', before + 1)
end
if shard == tonumber(run[5]) and run[1] == 'running' then
  local t = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'state', 'done', 'ended', t[1] * 1000 + math.floor(t[2] / 1000))
  return { 'done' }
end
return { run[1], redis.call('HGET', KEYS[2], ARGV[3]) }
