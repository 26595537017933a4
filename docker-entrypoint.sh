#!/bin/sh
# Starts a service of ours as the image's own user.
set -eu

# numba refuses a cache folder in which it cannot write, and the root may be read-only, or the user another one.
if ! mkdir -p "$HISO_CACHE_DIR" 2>/dev/null || [ ! -w "$HISO_CACHE_DIR" ]; then
    HISO_CACHE_DIR=$(mktemp -d)
    export HISO_CACHE_DIR
fi
cp -R /opt/hiso/kernels/. "$HISO_CACHE_DIR"

# An engine gives an added capability to root alone. keep-nice may take CAP_SYS_NICE where the container was
# given it, and hands it on, so that SCHED_FIFO needs no root; without it the service runs all the same.
keep_nice="keep-nice --inh-caps=+sys_nice --ambient-caps=+sys_nice"
if $keep_nice true 2>/dev/null; then
    exec $keep_nice "$@"
fi
exec "$@"
