#!/bin/sh
# Runs inside the agent's container as the agent's uid: opens the way to the proxy socket, puts the seed
# files into $HOME, waits until the supervisor has tested the container, then becomes the agent.
set -eu
doors=/run/ironcurtain

die() {
  echo "ironcurtain: $1" >&2
  exit 69 # EX_UNAVAILABLE
}

# Succeeds once somebody listens on 127.0.0.1:18080 (written as the kernel does; 0A is LISTEN).
listening() { grep -q ' 0100007F:46A0 [0-9A-F:]* 0A ' /proc/net/tcp; }

# In TCP mode the proxy is named in the environment, and there is no socket to lead to.
if [ "${IRONCURTAIN_NETWORK_MODE:-uds}" = uds ]; then
  # A session of its own, so that the agent's Ctrl-C does not end it; silent, because the terminal is
  # the agent's; -t leaves half-closed connections time to finish.
  setsid socat -t 60 TCP-LISTEN:18080,bind=127.0.0.1,backlog=128,fork,reuseaddr \
    "UNIX-CONNECT:$doors/proxy.sock" </dev/null >/dev/null 2>&1 &
  forwarder=$!
  tries=100
  until listening; do
    kill -0 "$forwarder" 2>/dev/null || die "the forwarder to the proxy ended at once"
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "the forwarder to the proxy does not listen on 127.0.0.1:18080 after 5 s"
    sleep 0.05
  done
fi

if [ -d "$doors/seed" ]; then
  cp -R "$doors/seed/." "$HOME/"
  chmod -R u+rwX "$HOME"
fi

# The supervisor starts the agent only after the self-test has passed, by creating this file.
if [ -n "${IRONCURTAIN_RELEASE_FILE:-}" ]; then
  tries=2400
  until [ -e "$IRONCURTAIN_RELEASE_FILE" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "not released within two minutes; the agent was not started"
    sleep 0.05
  done
  unset IRONCURTAIN_RELEASE_FILE
fi

exec "$@"
