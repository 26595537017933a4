"""One deployment over its starts and ends: when it is started again, and how it is shown."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import suppress
from typing import Literal

from near_rt_ric.xapp_manager.backend import Backend, CannotStartError, Instance
from near_rt_ric.xapp_manager.descriptor import Descriptor, RestartPolicy
from near_rt_ric.xapp_manager.errors import NotReadyError
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 30.0
STEADY_S = 30.0
"""Who has lived so long begins again with the shortest delay."""
CRASH_LOOP_DEATHS = 5
STOP_GRACE_S = 2.0
_POLL_S = 0.02

State = Literal["running", "restarting", "crash-loop", "ended", "stopped"]


def describe_exit(code: int) -> str:
    """An exit code in words: "exit code 1", "SIGKILL"."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


class Deployment:
    """A descriptor, whether it is to run, and its present instance. One thread at a time."""

    def __init__(self, descriptor: Descriptor, backend: Backend, *, wanted: bool) -> None:
        """Nothing is started yet."""
        self.descriptor = descriptor
        self.backend = backend
        self.wanted = wanted
        self.restarts = 0
        self.last_exit = ""
        self.instance: Instance | None = None
        self._deaths = 0
        self._started_s = 0.0
        self._retry_s = 0.0
        self._poll_s = 0.0
        self._ended = False

    @property
    def state(self) -> State:
        """What people are told."""
        if not self.wanted:
            return "stopped"
        if self.instance is not None:
            return "running"
        if self._ended:
            return "ended"
        return "crash-loop" if self._deaths >= CRASH_LOOP_DEATHS else "restarting"

    def start(self) -> None:
        """Run it, with a clean record; what cannot be started is tried again by `watch`."""
        self.wanted = True
        self.restarts = 0
        self.last_exit = ""
        self._deaths = 0
        self._ended = False
        self._run(time.monotonic())

    def stop(self) -> None:
        """End it: asked first, killed after the grace time."""
        self.wanted = False
        self.ask_to_end()
        self.end_by(time.monotonic() + STOP_GRACE_S)

    def ask_to_end(self) -> None:
        """SIGTERM, without waiting."""
        instance = self.instance
        if instance is not None and instance.poll() is None:
            instance.terminate()

    def end_by(self, deadline_s: float) -> None:
        """Wait for its end until `deadline_s` (monotonic), then kill what is left."""
        instance = self.instance  # whoever watches may forget it meanwhile, where the manager has not waited for that
        if instance is None:
            return
        while instance.poll() is None and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        instance.kill()
        self.instance = None

    def become(self, descriptor: Descriptor, backend: Backend) -> None:
        """Another version, while nothing runs."""
        self.descriptor = descriptor
        self.backend = backend

    def watch(self, now_s: float) -> None:
        """Notice its end, and start it when that is due. `now_s`: time.monotonic()."""
        if self.instance is not None and now_s < self._poll_s:
            return
        self._poll_s = now_s + self.backend.poll_s
        if self.has_ended(now_s) and self.wanted and not self._ended and now_s >= self._retry_s:
            self.restarts += self._deaths > 0
            self._run(now_s)

    def has_ended(self, now_s: float) -> bool:
        """Whether nothing runs; an end that nobody has noticed yet is noted."""
        if self.instance is not None:
            code = self.instance.poll()
            if code is not None:
                self.instance.kill()  # what is left of its group
                self.instance = None
                self._died(now_s, describe_exit(code), failed=code != 0)
        return self.instance is None

    def last_words(self) -> str:
        """How it ended, and the last line that it printed."""
        try:
            lines = [line.strip() for line in self.backend.logs(self.descriptor.name, 20)]
        except NotReadyError as error:
            lines = [str(error)]
        last = next((line for line in reversed(lines) if line), "it has printed nothing")
        return f"{self.last_exit}: {last}"

    def _run(self, now_s: float) -> None:
        self._started_s = now_s
        self._retry_s = now_s + LONGEST_DELAY_S  # of a start that raises what nobody has foreseen
        try:
            self.instance = self.backend.start(self.descriptor)
        except CannotStartError as error:
            self._died(now_s, f"cannot start: {error}", failed=True)
            return
        _LOG.info("xapp_started", extra=fields(xapp=self.descriptor.name, where=self.instance.where()))

    def _died(self, now_s: float, reason: str, *, failed: bool) -> None:
        name = self.descriptor.name
        self.last_exit = reason
        self._deaths = 1 if now_s - self._started_s >= STEADY_S else self._deaths + 1
        policy = self.descriptor.restart
        self._ended = policy is RestartPolicy.NEVER or (policy is RestartPolicy.ON_FAILURE and not failed)
        if self._ended:
            _LOG.warning("xapp_ended", extra=fields(xapp=name, reason=reason))
            return
        delay_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (self._deaths - 1))
        self._retry_s = now_s + delay_s
        _LOG.warning("xapp_died", extra=fields(xapp=name, reason=reason, deaths=self._deaths, retry_s=delay_s))
        if self._deaths == CRASH_LOOP_DEATHS:
            _LOG.error("xapp_crash_loop", extra=fields(xapp=name, deaths=self._deaths, last_words=self.last_words()))
