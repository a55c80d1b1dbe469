-- Deletes a consumer that owes nothing.
--
-- KEYS: workers, leases, lane high, lane normal, lane low
-- ARGV: consumer
-- Returns 1, or 0 when it still owes something.
for lane = 3, 5 do
  if redis.pcall('XPENDING', KEYS[lane], GROUP, '-', '+', 1, ARGV[1])[1] then return 0 end
end
for lane = 3, 5 do
  redis.pcall('XGROUP', 'DELCONSUMER', KEYS[lane], GROUP, ARGV[1])
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
