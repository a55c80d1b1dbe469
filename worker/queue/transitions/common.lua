-- What the transitions share; it is put before each of them.
--
-- A job in a lane (a stream) is an entry with one field, job: three lines with its ID, its
-- handler and its options, a JSON object or nothing, and after them its payload. (One
-- field, as what Redis does with an entry takes longer with each.) Who writes entries by
-- hand gives the fields handler, payload, id and options, of which all but the first may
-- be left out. A job that was handed back has the fields entry, the first that it had, and
-- crashes besides.
--
-- An entry that was delivered is pending in the group until somebody has ended it. Then it
-- is deleted, or stays for a while ("spent", see acknowledge.lua). All times are Redis's
-- own, in milliseconds.

local GROUP = 'workers'
local MOST = 1000 -- fields and values of an entry; jobs have few, and Lua cannot pass on any number

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- delivered is the last entry of a lane that was delivered to anybody; nil: there is no
-- group.
local function delivered(key)
  for _, g in ipairs(redis.pcall('XINFO', 'GROUPS', key)) do -- an error, when there is no stream
    if g[2] == GROUP then return g[8] end
  end
end

-- waits returns whether an entry was not delivered to anybody, as Redis knows it: after a
-- crash it may have forgotten that it was. Numbers of this size are not Lua's.
local function waits(key, entry)
  local last = delivered(key)
  if not last then return true end
  local a, b = { string.match(entry, '^(%d+)-(%d+)$') }, { string.match(last, '^(%d+)-(%d+)$') }
  for n = 1, 2 do
    if a[n] ~= b[n] then
      if #a[n] ~= #b[n] then return #a[n] > #b[n] end
      return a[n] > b[n]
    end
  end
  return false
end

-- take removes an entry from its lane, and returns false when somebody else has ended it.
local function take(key, entry)
  if redis.call('XACK', key, GROUP, entry) == 0 and not waits(key, entry) then return false end
  return redis.call('XDEL', key, entry) == 1
end

-- held is how many jobs a lane (1 to 3) has: all but what is spent.
local function held(state, key, lane)
  return math.max(0, redis.call('XLEN', key) - (redis.call('HGET', state, 'spent' .. lane) or 0))
end

-- fields returns an entry's fields and values, one after the other, or nil.
local function fields(stream, entry)
  local found = redis.call('XRANGE', stream, entry, entry)
  return found[1] and found[1][2]
end

-- trim cuts off what is spent before the first entry of a lane (1 to 3) that is pending or
-- waits.
local function trim(state, key, lane)
  local spent = 'spent' .. lane
  local pending = redis.call('XPENDING', key, GROUP, '-', '+', 1)
  if pending[1] then
    redis.call('HINCRBY', state, spent, 0 - redis.call('XTRIM', key, 'MINID', pending[1][1]))
    return
  end
  local last = delivered(key)
  local first = redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', 1)[1]
  if first then redis.call('XTRIM', key, 'MINID', first[1]) else redis.call('XTRIM', key, 'MAXLEN', 0) end
  redis.call('HSET', state, spent, 0)
end

-- count adds to a counter of the queue's state.
local function count(state, what, n)
  if n ~= 0 then redis.call('HINCRBY', state, what, n) end
end

-- rate adds to the rate of jobs done, which is kept for a minute in steps of 5 s.
local function rate(key, n)
  if n == 0 then return end
  local step = math.floor(now() / 5000)
  if redis.call('HINCRBY', key, step, n) ~= n then return end
  for _, old in ipairs(redis.call('HKEYS', key)) do
    if tonumber(old) < step - 12 then redis.call('HDEL', key, old) end
  end
end

-- group makes the lanes' consumer group where it is missing: in a new lane, or in one
-- that was written to by hand.
local function group(lane)
  redis.pcall('XGROUP', 'CREATE', lane, GROUP, '0', 'MKSTREAM')
end
