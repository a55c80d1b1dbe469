-- Ends a job that is done and leaves something behind: its result for a time, or as the
-- payload of a job in another queue. Of one that was delivered to several workers the
-- first counts, and the others change nothing. Where the other queue has a job of this ID
-- still, the new one's is the ID, "@" and this entry.
--
-- KEYS: state, rate, lane, ids, result; where it has one, its key, or else its result
--       again; where the result goes on: the other queue's state, ids and lane
-- ARGV: entry, ID, 1 if the caller chose the ID, result, for how many ms to keep it
--       (0: not), 1 if it has a key; where the result goes on: the job that takes it there
-- Returns 1, or 0 when somebody has ended it before.
local entry, id, named, result, keep, keyed = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
if KEYS[7] then -- what Redis refuses is refused before anything has changed
  redis.call('HLEN', KEYS[7])
  redis.call('HLEN', KEYS[8])
  redis.call('XLEN', KEYS[9])
end
if not take(KEYS[3], entry) then return 0 end
count(KEYS[1], 'done', 1)
rate(KEYS[2], 1)
if named == '1' then redis.call('HDEL', KEYS[4], id) end
if keep > 0 then redis.call('SET', KEYS[5], result, 'PX', keep) end
if keyed == '1' and redis.call('GET', KEYS[6]) == id then
  if keep > 0 then redis.call('PEXPIRE', KEYS[6], keep) else redis.call('DEL', KEYS[6]) end
end
if KEYS[7] then
  local job = ARGV[7]
  if named == '1' and redis.call('HSETNX', KEYS[8], id, '') == 0 then -- an earlier one of that ID is there
    job = id .. '@' .. entry .. string.sub(job, #id + 1)
    redis.call('HSET', KEYS[8], id .. '@' .. entry, '')
  end
  redis.call('XADD', KEYS[9], '*', 'job', job)
  count(KEYS[7], 'enqueued', 1)
end
return 1
