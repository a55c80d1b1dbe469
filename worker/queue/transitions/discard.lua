-- Deletes failed jobs.
--
-- KEYS: failed, ids
-- ARGV: of each job its entry in the failed queue and its ID
-- Returns how many there were.
local n = 0
for at = 1, #ARGV, 2 do
  if redis.call('XDEL', KEYS[1], ARGV[at]) == 1 then
    if redis.call('HGET', KEYS[2], ARGV[at + 1]) == ARGV[at] then redis.call('HDEL', KEYS[2], ARGV[at + 1]) end
    n = n + 1
  end
end
return n
