-- Records that a shard is done, and stores what was made of it. A shard counts once,
-- however often it is done: its ID is in a set.
--
-- KEYS: run, recorded, samples, the data that went into it, the stage's data of each of
--       the 16 partitions; what is to be deleted when the run is done
-- ARGV: epoch, stage, shard; 1 if the data that went into it is to be deleted, and the
--       partition that it is; what follows when all shards of the stage are recorded: the
--       number of a stage, "done", or "" (nothing by itself); how many bytes the run may
--       store; how many arguments counters are; counters, each its name and what is to be
--       added; how many samples there are; samples; data, each its partition (from 1), its
--       field and its bytes
-- Returns "over" when the run is over, gone or was begun again; "full" when it would store
-- too much; else "recorded", or "again" if the shard was recorded before: then, and when
-- it is over or full, nothing has changed. And 1 when all of the stage are recorded.
local epoch, stage, shard, spend, from, follows, most = unpack(ARGV, 1, 7)
local run = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'expires', 'stored', 'total' .. stage)
if run[1] ~= 'running' or run[2] ~= epoch then return { 'over', 0 } end
local expires = run[3]

local function complete()
  local total = redis.call('HGET', KEYS[1], 'total' .. stage)
  return redis.call('SCARD', KEYS[2]) == tonumber(total) and 1 or 0
end
if redis.call('SISMEMBER', KEYS[2], shard) == 1 then return { 'again', complete() } end

local counters = 9
local samples = counters + tonumber(ARGV[8])
local data = samples + 1 + tonumber(ARGV[samples])

local added = 0
for at = data, #ARGV, 3 do added = added + #ARGV[at + 2] end
local spent = 0
if spend == '1' then spent = tonumber(redis.call('HGET', KEYS[1], 'stored' .. stage - 1 .. ':' .. from) or 0) end
if tonumber(run[4] or 0) - spent + added > tonumber(most) then return { 'full', 0 } end

redis.call('SADD', KEYS[2], shard)
redis.call('PEXPIREAT', KEYS[2], expires)
if spend == '1' then
  redis.call('UNLINK', KEYS[4])
  redis.call('HDEL', KEYS[1], 'stored' .. stage - 1 .. ':' .. from)
end
redis.call('HINCRBY', KEYS[1], 'stored', added - spent)
for at = counters, samples - 1, 2 do redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1]) end
for at = samples + 1, data - 1 do
  if redis.call('LLEN', KEYS[3]) < 20 then redis.call('RPUSH', KEYS[3], ARGV[at]) end
  redis.call('PEXPIREAT', KEYS[3], expires)
end
for at = data, #ARGV, 3 do
  local partition = tonumber(ARGV[at])
  redis.call('HSET', KEYS[4 + partition], ARGV[at + 1], ARGV[at + 2])
  redis.call('HINCRBY', KEYS[1], 'stored' .. stage .. ':' .. partition - 1, #ARGV[at + 2])
  redis.call('PEXPIREAT', KEYS[4 + partition], expires)
end

local all = complete()
if all == 1 and follows == 'done' then
  local t = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'state', 'done', 'ended', t[1] * 1000 + math.floor(t[2] / 1000))
  if KEYS[21] then
    redis.call('HINCRBY', KEYS[1], 'stored', 0 - (redis.call('HGET', KEYS[1], 'stored0:0') or 0))
    redis.call('UNLINK', unpack(KEYS, 21))
  end
elseif all == 1 and follows ~= '' then
  redis.call('HSET', KEYS[1], 'stage', follows)
end
return { 'recorded', all }
