-- Claims the jobs of consumers that have let their leases run out.
--
-- A lease says something only if it could have been extended: somebody has to have been
-- here, about once a second, for all of its time. After an outage of Redis, or of
-- everybody, nobody reclaims until a lease has passed; nor while Redis's clock is behind
-- where it was.
--
-- What comes back to its own consumer, as an answer was lost, was not delivered once more.
--
-- KEYS: state, workers, leases, lane high, lane normal, lane low
-- ARGV: consumer, its lease in ms, the longest time in ms that may pass between two calls of
--       this by anybody, how many at most
-- Returns for each lane its jobs, each as entry, fields, how often it was delivered (this
-- time included).
local consumer, lease, gap, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lanes, time = { {}, {}, {} }, now()
redis.call('ZADD', KEYS[2], time, consumer)
redis.call('HSET', KEYS[3], consumer, lease)

local watch = redis.call('HMGET', KEYS[1], 'watched', 'since', 'searched', 'paused')
local watched, since, searched = tonumber(watch[1] or 0), tonumber(watch[2] or time), tonumber(watch[3] or 0)
if math.abs(time - watched) > gap then since = time end
redis.call('HSET', KEYS[1], 'watched', time, 'since', since)
if watch[4] or want <= 0 or time - since < lease then return lanes end

-- A search looks at all that is pending, so that many workers share one.
if math.abs(time - searched) < math.min(250, lease / 2) then return lanes end

for lane, jobs in ipairs(lanes) do
  local key = KEYS[3 + lane]
  local overdue = redis.pcall('XPENDING', key, GROUP, 'IDLE', lease, '-', '+', 1000)
  if overdue.err then
    group(key)
    overdue = {}
  end
  for _, p in ipairs(overdue) do
    local entry, owner, idle, deliveries = p[1], p[2], p[3], p[4]
    local its = tonumber(redis.call('HGET', KEYS[3], owner) or lease)
    if idle >= its and time - since >= its then
      if owner ~= consumer then deliveries = deliveries + 1 end
      local claimed = redis.call('XCLAIM', key, GROUP, consumer, 0, entry, 'RETRYCOUNT', deliveries)
      if claimed[1] then -- else the entry was deleted by hand, and now is no longer pending
        jobs[#jobs + 1] = entry
        jobs[#jobs + 1] = claimed[1][2]
        jobs[#jobs + 1] = deliveries
        want = want - 1
      end
      if want == 0 then return lanes end
    end
  end
  if tonumber(redis.call('HGET', KEYS[1], 'spent' .. lane) or 0) > 0 then trim(KEYS[1], key, lane) end
end
redis.call('HSET', KEYS[1], 'searched', time)

-- Consumers that owe nothing and were not heard of for long have died.
local long = 10 * lease
for _, dead in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', '(' .. time - long, 'BYSCORE')) do
  local its = tonumber(redis.call('HGET', KEYS[3], dead) or lease)
  if time - redis.call('ZSCORE', KEYS[2], dead) > 10 * its then
    redis.call('ZREM', KEYS[2], dead)
    redis.call('HDEL', KEYS[3], dead)
  end
end
for lane = 4, 6 do
  for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[lane], GROUP)) do
    if c[4] == 0 and c[6] > long and not redis.call('ZSCORE', KEYS[2], c[2]) then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[lane], GROUP, c[2])
    end
  end
end
return lanes
