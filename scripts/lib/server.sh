# Sourced after tools.sh: a softmaxd of our own on a free port of 127.0.0.1, stopped by its own process id.

# start_server [OPTION …]: sets URL, PORT and SERVER (the process id). The log goes to $SERVER_LOG.
start_server() {
  local binary=${SOFTMAXD:-$(swift build -c release --show-bin-path)/softmaxd}
  SERVER_OUT=$(mktemp) SERVER_LOG=${SERVER_LOG:-$(mktemp)}
  "$binary" --port 0 "$@" >"$SERVER_OUT" 2>"$SERVER_LOG" &
  SERVER=$!
  URL=""
  for _ in $(seq 200); do
    URL=$(grep -oEm1 'http://[^ ]+:[0-9]+' "$SERVER_OUT") && break
    kill -0 "$SERVER" 2>/dev/null || break
    sleep 0.05
  done
  [ -n "$URL" ] || { cat "$SERVER_OUT" "$SERVER_LOG" >&2; echo "softmaxd did not start" >&2; return 1; }
  PORT=${URL##*:}
}

# stop_server: SIGTERM, and the exit code that it ends with.
stop_server() {
  [ -n "${SERVER:-}" ] || return 0
  local code=0
  kill -TERM "$SERVER" 2>/dev/null || true
  wait "$SERVER" || code=$?
  SERVER=""
  return $code
}
