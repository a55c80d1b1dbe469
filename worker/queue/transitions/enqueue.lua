-- Adds jobs, all or, when the queue has no room for them, none.
--
-- KEYS: state, delayed, ids, lane high, lane normal, lane low, then the key (of
--       uniqueness) of each job that has one, in the jobs' order
-- ARGV: how many jobs the queue may hold; then of each job its ID, 1 if the caller chose
--       the ID, lane (1 to 3), delay in ms (0: none), 1 if it has a key, the job
-- Returns an array with, for each job, '' when it was added, or the ID of the one there
-- was already; or one negative number, how many jobs there are, when the queue is full.
local state, delayed, ids = KEYS[1], KEYS[2], KEYS[3]
local per = 6
local jobs = (#ARGV - 1) / per

local there = redis.call('ZCARD', delayed)
for lane = 1, 3 do there = there + held(state, KEYS[3 + lane], lane) end
if there + jobs > tonumber(ARGV[1]) then return -there - 1 end

local result, added, unique = {}, 0, 7
for job = 1, jobs do
  local at = 2 + (job - 1) * per
  local id, named, lane, delay, keyed, it =
    ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5]
  local there = ''
  if named == '1' and redis.call('HEXISTS', ids, id) == 1 then there = id end
  if keyed == '1' then
    local key = KEYS[unique]
    unique = unique + 1
    if there == '' then
      there = redis.call('GET', key) or ''
      if there == '' then redis.call('SET', key, id) end
    end
  end
  if there == '' then
    if named == '1' then redis.call('HSET', ids, id, '') end
    if delay > 0 then
      redis.call('ZADD', delayed, now() + delay, lane .. it)
    else
      redis.call('XADD', KEYS[3 + lane], '*', 'job', it)
    end
    added = added + 1
  end
  result[job] = there
end
count(state, 'enqueued', added)
return result
