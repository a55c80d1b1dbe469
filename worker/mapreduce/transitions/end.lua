-- Ends a run that has failed or is cancelled, and deletes what it has stored.
--
-- KEYS: run, samples, all its other keys
-- ARGV: failed or cancelled, why; the epoch, unless any will do
-- Returns 1, or 0 when it had ended before or is gone; what is done can still be cancelled.
local state = redis.call('HGET', KEYS[1], 'state')
if ARGV[3] and redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[3] then return 0 end
if state ~= 'running' and not (state == 'done' and ARGV[1] == 'cancelled') then return 0 end
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'error', ARGV[2], 'ended', t[1] * 1000 + math.floor(t[2] / 1000), 'stored', 0)
local from = 2
if ARGV[1] == 'failed' then from = 3 end -- the samples say more
redis.call('UNLINK', unpack(KEYS, from))
return 1
