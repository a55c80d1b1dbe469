-- Moves delayed jobs that are due to their lanes, unless the queue is paused, and sees to
-- it that the lanes can be read.
--
-- KEYS: state, delayed, lane high, lane normal, lane low
-- ARGV: how many to move at most
-- Returns 1 if the queue is paused or else 0; and in how many ms the next delayed job is
-- due (-1: there is none).
if redis.call('HEXISTS', KEYS[1], 'paused') == 1 then return { 1, -1 } end

local time = now()
for _, delayed in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', time, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
  local lane, job = string.match(delayed, '^[123]'), string.sub(delayed, 2)
  if not lane then lane, job = 2, delayed end -- it is no job: whoever claims it will say so
  redis.call('XADD', KEYS[2 + lane], '*', 'job', job)
  redis.call('ZREM', KEYS[2], delayed)
end
for lane = 3, 5 do
  if not delivered(KEYS[lane]) then group(KEYS[lane]) end
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return { 0, first[2] and math.max(0, first[2] - time) or -1 }
