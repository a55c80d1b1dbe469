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

-- new are the jobs that are not there yet.
local result, new, named, keyed, unique = {}, {}, {}, {}, 7
for at = 2, #ARGV, per do
  local id, key, there = ARGV[at], nil, false
  if ARGV[at + 1] == '1' then
    there = (named[id] or redis.call('HEXISTS', ids, id) == 1) and id
  end
  if ARGV[at + 4] == '1' then
    key, unique = KEYS[unique], unique + 1
    there = there or keyed[key] or redis.call('GET', key)
  end
  if not there then
    new[#new + 1] = { at, key }
    if ARGV[at + 1] == '1' then named[id] = true end
    if key then keyed[key] = id end
  end
  result[#result + 1] = there or ''
end

local all = redis.call('ZCARD', delayed)
for lane = 1, 3 do all = all + held(state, KEYS[3 + lane], lane) end
if #new > 0 and all + #new > tonumber(ARGV[1]) then return -all - 1 end

for _, job in ipairs(new) do
  local at, key = job[1], job[2]
  local id, lane, delay, it = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 5]
  if key then redis.call('SET', key, id) end
  if ARGV[at + 1] == '1' then redis.call('HSET', ids, id, '') end
  if delay > 0 then
    redis.call('ZADD', delayed, now() + delay, lane .. it)
  else
    redis.call('XADD', KEYS[3 + lane], '*', 'job', it)
  end
end
count(state, 'enqueued', #new)
return result
