-- What one connection of wrk sends: the beats of one learner, each claiming what was played since the one before.
-- wrk runs one thread per connection (-t64 -c64), so that an answer is always the answer to the last request.
--
-- Arguments: the plan (one line per learner: path, headers, kind, seq, position, session's opening, fixed fields,
-- segments in a beat, film in a beat: 0 for what the clock has room for),
-- the seconds to send for, and the folder that each thread writes what it sent and was answered to.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } instant;
  int clock_gettime(int clock, instant *now);
]]
local REALTIME = 0
local instant = ffi.new("instant")

local function now()
  ffi.C.clock_gettime(REALTIME, instant)
  return tonumber(instant.seconds) + tonumber(instant.nanoseconds) / 1e9
end

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local head, kind, seq, position, opened_at, fixed, segments, step
local seconds, output
local kept = {}
local ends_at, sent_at, start, answered
local lost = 0
-- wrk asks the first thread for one request before the run, looks at it, and never sends it.
local to_be_looked_at

function init(args)
  local wanted, line = number, nil
  for one in io.lines(args[1]) do
    if wanted == 0 then line = one end
    wanted = wanted - 1
  end
  local fields = {}
  for field in (line .. "\t"):gmatch("(.-)\t") do fields[#fields + 1] = field end
  local headers = fields[2]:gsub("|", "\r\n")
  head = "POST " .. fields[1] .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    .. headers .. "Content-Length: "
  kind, seq, position, opened_at = fields[3], tonumber(fields[4]), tonumber(fields[5]), tonumber(fields[6])
  fixed, segments, step = fields[7], tonumber(fields[8]), tonumber(fields[9])
  seconds, output = tonumber(args[2]), args[3] .. "/" .. number
  to_be_looked_at = number == 0
  answered = true
end

function request()
  if to_be_looked_at then
    to_be_looked_at = false
    return head .. "2\r\n\r\n{}"
  end
  if not answered then lost = lost + 1 end
  answered = false
  sent_at = now()
  ends_at = ends_at or sent_at + seconds
  start = position
  if step > 0 then
    position = start + step
  else
    -- At the film's own speed: the server allows more, so that a claim always fits.
    position = math.max(start + 0.001, math.floor((sent_at - opened_at) * 1000) / 1000)
  end
  local body
  if kind == "completion" then
    body = string.format('{%s:%.9f}}', fixed, position / 86400)
  else
    local parts, length = {}, (position - start) / segments
    for part = 1, segments do
      parts[part] = string.format('{"from":%.3f,"to":%.3f,"rate":1.0}', start + (part - 1) * length, start + part * length)
    end
    body = string.format('{"seq":%d,"segments":[%s]}', seq, table.concat(parts, ","))
  end
  return head .. #body .. "\r\n\r\n" .. body
end

function response(status, _, body)
  local done_at = now()
  kept[#kept + 1] = string.format("%d\t%.3f\t%.3f\t%d\t%.6f\t%.6f\t%s", seq, start, position, status, sent_at, done_at,
    (body:gsub("%s+", " ")))
  seq = seq + 1
  answered = true
  if done_at >= ends_at then
    local file = io.open(output .. ".part", "w")
    file:write("lost\t", lost, "\n", table.concat(kept, "\n"), "\n")
    file:close()
    os.rename(output .. ".part", output)
    wrk.thread:stop()
  end
end
