-- What wrk found, as JSON. A response function would slow it down, so answers are not looked at one by one.
done = function(summary, latency, requests)
  io.stderr:write(string.format(
    '{"answers": %d, "microseconds": %d, "bytes": %d, "errors": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  ))
end
