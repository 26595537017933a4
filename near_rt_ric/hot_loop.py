"""The hot loop's process: E2 termination, bus and platform, without a face (`near_rt_ric.service`)."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from near_rt_ric.admin import Admin
from near_rt_ric.e2_termination import E2Termination
from near_rt_ric.endpoints import BusEndpoints, EndpointError
from near_rt_ric.platform import RicPlatform
from near_rt_ric.store import Store, StoreError
from near_rt_ric.tap import Tap
from near_rt_ric.xapp_bus import XAppBus
from service_kit.byte_streams import BindingsError, check_bindings
from service_kit.ending import run_and_leave
from service_kit.interpreter import calm_interpreter
from service_kit.logs import configure_logs, fields
from service_kit.placement import place
from service_kit.signals import Stop

_LOG = logging.getLogger(__name__)

PULSE_S = 0.25
USAGE_ERROR = 2


@dataclass(frozen=True, slots=True)
class HotLoopConfig:
    """What the hot loop needs to know; it crosses to the child process as JSON."""

    e2_listen: tuple[str, ...]
    bus: str
    admin: str
    store: str
    cpu: int | None = None
    fifo: int | None = None

    def to_json(self) -> str:
        """As one JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> HotLoopConfig:
        """From `to_json`."""
        fields = json.loads(text)
        return cls(**{**fields, "e2_listen": tuple(fields["e2_listen"])})


class HotLoop:
    """Everything that runs in the hot process; raises StoreError or EndpointError where it cannot start."""

    def __init__(self, config: HotLoopConfig) -> None:
        granted = place(config.cpu, config.fifo)
        endpoints = BusEndpoints.parse(config.bus)
        process = {
            "pid": os.getpid(),
            "cpu": granted.cpu,
            "sched_fifo": granted.sched_fifo,
            "tap": endpoints.tap,
        }
        self._store = Store(Path(config.store))
        self._platform = RicPlatform(self._store, endpoints)
        admin = Admin(self._platform, process)
        self._bus = XAppBus(self._platform, endpoints, config.admin, admin.handle)
        self._platform.attach(self._bus)
        self._tap = Tap(endpoints.tap)
        self._termination = E2Termination(self._platform, self._tap)
        self._stopping = threading.Event()
        self._pulse = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self._bus.start()
        self._tap.start()
        self._termination.start(config.e2_listen)
        self._pulse.start()
        _LOG.info("ric_started", extra=fields(e2=config.e2_listen, bus=config.bus, **process))

    def stop(self) -> None:
        """End streams, bus and store."""
        self._stopping.set()
        self._pulse.join(timeout=2.0)
        self._termination.stop()
        self._bus.stop()
        self._tap.stop()
        self._store.close()
        _LOG.info("ric_stopped")

    def _beat(self) -> None:
        """Heartbeats to nodes, and watch over everybody."""
        due = time.monotonic()
        while True:
            due += PULSE_S
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            overslept_s = max(0.0, time.monotonic() - due)
            due += overslept_s
            try:
                self._beat_once(overslept_s)
            except Exception:
                _LOG.exception("pulse_failed")

    def _beat_once(self, overslept_s: float) -> None:
        now = time.monotonic()
        for connection in self._termination.connections():
            connection.heartbeat()
            if now - connection.last_heard_s - overslept_s > connection.silence_limit_s:
                connection.close(f"silent for more than {connection.silence_limit_s:g} s")
        self._platform.tick(overslept_s)


def main(arguments: Sequence[str]) -> int:
    """Run until SIGTERM or until the parent closes our stdin (0); 2 where it cannot start."""
    configure_logs("near-rt-ric")
    stop = Stop()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group: the service decides
    try:
        check_bindings()
        loop = HotLoop(HotLoopConfig.from_json(arguments[0]))
    except (BindingsError, StoreError, EndpointError) as error:
        _LOG.error("ric_cannot_start", extra=fields(reason=str(error)))
        return USAGE_ERROR

    def watch_parent() -> None:
        sys.stdin.buffer.read()
        stop.set()

    threading.Thread(target=watch_parent, name="parent", daemon=True).start()
    with calm_interpreter():
        stop.wait()
    loop.stop()
    return 0


if __name__ == "__main__":
    run_and_leave(lambda: main(sys.argv[1:]))
