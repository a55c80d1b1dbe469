-- Ends jobs that are done and leave nothing behind: no result, no key, no chosen ID.
--
-- To find an entry that is to be deleted, Redis looks through the node of the stream that
-- it is in, which takes longer than all the rest. So entries that are done stay, spent,
-- until nothing before them is pending, and are then cut off together: no entry that is
-- pending or waits is ever among them. Behind a job that takes long there may be SPENT of
-- them; what is more is deleted one by one.
--
-- KEYS: state, rate, lane high, lane normal, lane low
-- ARGV: how many of the entries are of lane high, how many of lane normal; the entries,
--       lane by lane
-- Returns how many of them nobody had ended before, and so count.
local SPENT = 10000

local function finish(lane, from, to)
  local key, spent = KEYS[2 + lane], 'spent' .. lane
  local done, gone = redis.call('XACK', key, GROUP, unpack(ARGV, from, to)), 0
  if done < to - from + 1 then -- some were ended before, unless Redis has forgotten them
    for at = from, to do
      if waits(key, ARGV[at]) then gone = gone + redis.call('XDEL', key, ARGV[at]) end
    end
  end
  if done > 0 then
    redis.call('HINCRBY', KEYS[1], spent, done)
    trim(KEYS[1], key, lane)
    if tonumber(redis.call('HGET', KEYS[1], spent)) > SPENT then
      redis.call('HINCRBY', KEYS[1], spent, 0 - redis.call('XDEL', key, unpack(ARGV, from, to)))
    end
  end
  return done + gone
end

local done, at = 0, 3
local ends = { tonumber(ARGV[1]) + 2, tonumber(ARGV[1]) + tonumber(ARGV[2]) + 2, #ARGV }
for lane = 1, 3 do
  while at <= ends[lane] do
    local last = math.min(ends[lane], at + 999)
    done = done + finish(lane, at, last)
    at = last + 1
  end
end
count(KEYS[1], 'done', done)
rate(KEYS[2], done)
return done
