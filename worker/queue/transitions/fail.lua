-- Puts a job into the failed queue, which nothing trims, with all the fields that it had.
--
-- KEYS: state, lane, failed, ids; where it has one, its key
-- ARGV: entry, lane (1 to 3), ID, error, attempts
-- Returns 1, or 0 when somebody has ended it before.
local job = fields(KEYS[2], ARGV[1])
redis.call('XLEN', KEYS[3]) -- what Redis refuses is refused before anything has changed
redis.call('HLEN', KEYS[4])
if not take(KEYS[2], ARGV[1]) then return 0 end
if #job > MOST then job = { 'raw', cmsgpack.pack(job) } end
local failed = redis.call('XADD', KEYS[3], '*', 'failed-lane', ARGV[2], 'failed-id', ARGV[3],
  'failed-error', ARGV[4], 'failed-attempts', ARGV[5], 'failed-entry', ARGV[1], unpack(job))
redis.call('HSET', KEYS[4], ARGV[3], failed)
if KEYS[5] and redis.call('GET', KEYS[5]) == ARGV[3] then redis.call('DEL', KEYS[5]) end
count(KEYS[1], 'failures', 1)
return 1
