-- Records that a shard is done, and stores what was made of it. A shard counts once,
-- however often it is done: its ID is in a set.
--
-- Redis may lose the end of what a transition wrote, when it is killed, and keep the rest.
-- So the shard is in the set only after all that it needs, and what was spent goes last.
--
-- KEYS: run, recorded, samples, the data that went into it, the stage's data of each of
--       the 16 partitions; what is to be deleted when the run is done
-- ARGV: epoch, stage, shard; 1 if the data that went into it is to be deleted, and the
--       partition that it is; what follows when all shards of the stage are recorded: the
--       number of a stage, "done", or "" (nothing by itself); how many bytes the run may
--       store; for how many ms a result stays; then lists, each after how many there are
--       in it: facts, each its name and what it is; counters, each its name and what is to
--       be added; samples; data, each its partition (from 1), its field and its bytes
-- Returns "over" when the run is over, gone or was begun again; "none" when there is no such
-- shard; "full" when it would store too much; else "recorded", or "again" if the shard was
-- recorded before: then nothing has changed, nor when it is over, none or full. And 1 when
-- all of the stage are recorded.
local epoch, stage, shard, spend, from, follows, most, stay = unpack(ARGV, 1, 8)
local run = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'expires', 'stored', 'total' .. stage, 'next')
if run[1] ~= 'running' or run[2] ~= epoch then return { 'over', 0 } end
local expires, total = tonumber(run[3]), tonumber(run[5] or 0)
if tonumber(shard) >= total then return { 'none', 0 } end
local recorded = redis.call('SCARD', KEYS[2])
if redis.call('SISMEMBER', KEYS[2], shard) == 1 then return { 'again', recorded == total and 1 or 0 } end

local lists, at = {}, 9
for n = 1, 4 do
  lists[n] = { from = at + 1, to = at + ARGV[at] }
  at = lists[n].to + 1
end
local facts, counters, samples, data = unpack(lists)
-- Lines that have been put out, before Redis lost that they were recorded, are not kept.
if stage == '1' and tonumber(shard) < tonumber(run[6]) then data.to = data.from - 1 end

local added, spent = 0, 0
for at = data.from, data.to, 3 do added = added + #ARGV[at + 2] end
if spend == '1' then spent = tonumber(redis.call('HGET', KEYS[1], 'stored' .. stage - 1 .. ':' .. from) or 0) end
if tonumber(run[4] or 0) - spent + added > tonumber(most) then return { 'full', 0 } end

for at = data.from, data.to, 3 do
  local partition = tonumber(ARGV[at])
  redis.call('HSET', KEYS[4 + partition], ARGV[at + 1], ARGV[at + 2])
  redis.call('PEXPIREAT', KEYS[4 + partition], expires)
end
for at = facts.from, facts.to, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
local all = recorded + 1 == total
if all and follows == 'done' then
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  expires = math.min(expires, now + stay)
  redis.call('HSET', KEYS[1], 'state', 'done', 'ended', now, 'expires', expires)
  redis.call('PEXPIREAT', KEYS[1], expires)
  for partition = 1, 16 do redis.call('PEXPIREAT', KEYS[4 + partition], expires) end
elseif all and follows ~= '' then
  redis.call('HSET', KEYS[1], 'stage', follows)
end
redis.call('SADD', KEYS[2], shard)
redis.call('PEXPIREAT', KEYS[2], expires)

for at = counters.from, counters.to, 2 do redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1]) end
for at = data.from, data.to, 3 do
  redis.call('HINCRBY', KEYS[1], 'stored' .. stage .. ':' .. ARGV[at] - 1, #ARGV[at + 2])
end
redis.call('HINCRBY', KEYS[1], 'stored', added - spent)
for at = samples.from, samples.to do
  if redis.call('LLEN', KEYS[3]) < 20 then redis.call('RPUSH', KEYS[3], ARGV[at]) end
end
redis.call('PEXPIREAT', KEYS[3], expires)
if spend == '1' then
  redis.call('UNLINK', KEYS[4])
  redis.call('HDEL', KEYS[1], 'stored' .. stage - 1 .. ':' .. from)
end
if all and KEYS[21] then
  redis.call('HINCRBY', KEYS[1], 'stored', 0 - (redis.call('HGET', KEYS[1], 'stored0:0') or 0))
  redis.call('UNLINK', unpack(KEYS, 21))
end
return { 'recorded', all and 1 or 0 }
