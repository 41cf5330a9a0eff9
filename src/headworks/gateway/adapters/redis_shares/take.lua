-- Note what a gateway tells of its share, and give it more where there is more. The rules are those of gateway/domain/shares.py, which
-- explains them; a test compares the two. Numbers are exact up to 2^53: nine million dollars of a limit on spend.
--
-- KEYS[1]: a hash with a field for each life of a gateway, 'number heard_ms cap used waits(1 or 0) in_ms:amount,...'
-- ARGV: life, amount, number, cap, used, need, want, passing, whole_ms, grace_ms, heard_ms, young (1 or 0), unit
local life = ARGV[1]
local amount, number, cap, used = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local need, want, passing = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local whole, grace, near = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local young, unit = ARGV[12] == '1', ARGV[13]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function parts(text)
  local found = {}
  for in_ms, part in string.gmatch(text, '(%d+):(%d+)') do
    found[#found + 1] = { tonumber(in_ms), tonumber(part) }
  end
  return found
end

local function plain(value)
  return string.format('%.0f', value)
end

local before
local others, count, taken, used_by_others, lenders = {}, 0, 0, 0, {}
local stored = redis.call('HGETALL', KEYS[1])
local is_new = #stored == 0
for index = 1, #stored, 2 do
  local its_number, heard, its_cap, its_used, waits, its_passing =
    string.match(stored[index + 1], '^(%d+) (%d+) (%d+) (%d+) (%d) (.*)$')
  heard, its_cap, its_used = tonumber(heard), tonumber(its_cap), tonumber(its_used)
  if now >= heard + whole + grace then
    redis.call('HDEL', KEYS[1], stored[index])
  elseif stored[index] == life then
    before = tonumber(its_number)
  else
    local passed = 0
    local its_parts = parts(its_passing)
    for _, one in ipairs(its_parts) do
      if now >= heard + one[1] + grace then
        passed = passed + one[2]
      end
    end
    count = count + 1
    others[count] = { heard, its_parts }
    taken = taken + math.max(0, its_cap - passed)
    used_by_others = used_by_others + math.max(0, its_used - passed)
    local may_have_more = its_cap > its_used or (unit ~= 'requests' and its_cap > 0)
    if may_have_more and waits == '0' and now < heard + near then
      lenders[#lenders + 1] = stored[index] .. '@' .. its_number
    end
  end
end

if before and number < before then
  return { plain(cap), plain(used + used_by_others), need == 0 and 1 or 0, '-1', {} }
end

local free = math.max(0, amount - cap - taken)
local enough = need <= free
local granted, free_in = 0, -1
if enough then
  local ahead = 0
  if not (young or is_new) then
    ahead = math.floor((free - need) / (2 * (count + 1)))
  end
  granted = need + math.min(math.max(0, want - need), ahead)
elseif unit ~= 'concurrent' and need <= amount then
  local coming = parts(passing)
  for _, other in ipairs(others) do
    for _, one in ipairs(other[2]) do
      coming[#coming + 1] = { math.max(0, other[1] + one[1] - now), one[2] }
    end
  end
  table.sort(coming, function(one, two) return one[1] < two[1] end)
  free_in = whole
  for _, one in ipairs(coming) do
    free = free + one[2]
    if free >= need then
      free_in = one[1]
      break
    end
  end
end

local given = cap + granted
if given > 0 or used > 0 then
  redis.call('HSET', KEYS[1], life, table.concat({ plain(number), plain(now), plain(given), plain(used),
    enough and '0' or '1', passing }, ' '))
  redis.call('PEXPIRE', KEYS[1], plain(whole + 2 * grace))
else
  redis.call('HDEL', KEYS[1], life)
end
return {
  plain(given), plain(used + used_by_others), enough and 1 or 0, plain(free_in), lenders,
}
