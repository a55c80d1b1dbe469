-- Looks at a queue, and changes nothing.
--
-- KEYS: state, rate, delayed, failed, workers, lane high, lane normal, lane low
-- ARGV: the time in ms after which a worker that was not heard of counts no more
-- Returns waiting, running, delayed, failed; the age in ms of the oldest that waits (-1:
-- none does); how many were done in the last minute; workers; 1 if the queue is paused;
-- and since it exists: enqueued, done, retried, failures, handed back.
local time = now()
local waiting, running, oldest = 0, 0, -1
for lane = 6, 8 do
  local key = KEYS[lane]
  local all, pending, last = held(KEYS[1], key, lane - 5), 0, '0-0'
  for _, g in ipairs(redis.pcall('XINFO', 'GROUPS', key)) do -- an error, when there is no stream
    if g[2] == GROUP then pending, last = g[6], g[8] end
  end
  waiting, running = waiting + math.max(0, all - pending), running + pending
  local first = redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', 1)[1]
  if first then oldest = math.max(oldest, time - tonumber(string.match(first[1], '^%d+'))) end
end
local recent, step = 0, math.floor(time / 5000)
local steps = redis.call('HGETALL', KEYS[2])
for at = 1, #steps, 2 do
  if tonumber(steps[at]) > step - 12 then recent = recent + steps[at + 1] end
end
local s = redis.call('HMGET', KEYS[1], 'enqueued', 'done', 'retried', 'failures', 'handed_back')
return { waiting, running, redis.call('ZCARD', KEYS[3]), redis.call('XLEN', KEYS[4]), oldest, recent,
  redis.call('ZCOUNT', KEYS[5], time - ARGV[1], '+inf'), redis.call('HEXISTS', KEYS[1], 'paused'),
  tonumber(s[1] or 0), tonumber(s[2] or 0), tonumber(s[3] or 0), tonumber(s[4] or 0), tonumber(s[5] or 0) }
