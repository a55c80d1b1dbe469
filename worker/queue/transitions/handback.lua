-- Hands what a consumer owes back to the lanes: no attempt is spent, and what a job was is
-- kept, also that workers have died with it.
--
-- KEYS: state, lane high, lane normal, lane low
-- ARGV: consumer; then lane (1 to 3) and entry of each job, or nothing for all that it
--       owes, what was on its way to it included
-- Returns how many jobs it handed back.
local function back(lane, entry, deliveries)
  local job = fields(lane, entry)
  if job and #job > MOST then return 0 end -- it is no job: its lease runs out
  if not take(lane, entry) then return 0 end
  local first, crashes, others = entry, deliveries - 1, {}
  for at = 1, #job, 2 do
    local name, value = job[at], job[at + 1]
    if name == 'entry' then
      first = value
    elseif name == 'crashes' then
      crashes = crashes + (tonumber(value) or 0)
    else
      others[#others + 1] = name
      others[#others + 1] = value
    end
  end
  redis.call('XADD', lane, '*', 'entry', first, 'crashes', crashes, unpack(others))
  return 1
end

local n = 0
for at = 2, #ARGV, 2 do
  local lane, entry = KEYS[1 + ARGV[at]], ARGV[at + 1]
  local mine = redis.pcall('XPENDING', lane, GROUP, entry, entry, 1, ARGV[1])
  if mine[1] then n = n + back(lane, entry, mine[1][4]) end
end
for lane = 2, ARGV[2] and 1 or 4 do
  local from = '-'
  repeat
    local pending = redis.pcall('XPENDING', KEYS[lane], GROUP, from, '+', 100, ARGV[1])
    for _, p in ipairs(pending) do
      n = n + back(KEYS[lane], p[1], p[4])
      from = '(' .. p[1]
    end
  until not pending[1]
end
count(KEYS[1], 'handed_back', n)
return n
