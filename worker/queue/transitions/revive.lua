-- Puts a failed job back into its lane.
--
-- KEYS: state, failed, ids, lane; where it has one, its key
-- ARGV: its entry in the failed queue, ID, 1 if the caller chose the ID; the fields and
--       values of its new entry
-- Returns '' when it was put back, the ID of the job that has its key meanwhile, or nil
-- when it is not in the failed queue any more.
local entry, id = ARGV[1], ARGV[2]
if not fields(KEYS[2], entry) then return nil end
if KEYS[5] then
  local there = redis.call('GET', KEYS[5])
  if there and there ~= id then return there end
  redis.call('SET', KEYS[5], id)
end
redis.call('XADD', KEYS[4], '*', unpack(ARGV, 4))
redis.call('XDEL', KEYS[2], entry)
if redis.call('HGET', KEYS[3], id) == entry then
  if ARGV[3] == '1' then redis.call('HSET', KEYS[3], id, '') else redis.call('HDEL', KEYS[3], id) end
end
count(KEYS[1], 'enqueued', 1)
return ''
