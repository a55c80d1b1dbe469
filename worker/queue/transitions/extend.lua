-- Extends a consumer's leases on jobs, which spends no delivery.
--
-- KEYS: lane high, lane normal, lane low
-- ARGV: consumer, then of each job its lane (1 to 3) and entry
-- Returns for each job 1, or 0 when it is no longer the consumer's.
local result = {}
for at = 2, #ARGV, 2 do
  local lane, entry = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
  local mine = redis.pcall('XPENDING', lane, GROUP, entry, entry, 1, ARGV[1])
  if mine.err or not mine[1] then
    result[#result + 1] = 0
  else -- 0 as well, when somebody has deleted the entry by hand
    result[#result + 1] = #redis.call('XCLAIM', lane, GROUP, ARGV[1], 0, entry, 'JUSTID')
  end
end
return result
