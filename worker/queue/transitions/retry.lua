-- Puts a job that has failed, or is put off, among the delayed ones.
--
-- KEYS: state, lane, delayed
-- ARGV: entry, lane (1 to 3), the job as it is from now on, delay in ms, what it
--       counts as: retried or handed_back
-- Returns 1, or 0 when somebody has ended it before.
redis.call('ZCARD', KEYS[3]) -- what Redis refuses is refused before anything has changed
if not take(KEYS[2], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[3], now() + ARGV[4], ARGV[2] .. ARGV[3])
count(KEYS[1], ARGV[5], 1)
return 1
