"""What the manager needs of whatever runs xApps: local processes and containers behind one interface."""

from __future__ import annotations

from typing import Protocol

from near_rt_ric.xapp_manager.descriptor import Descriptor

MAX_LOG_LINES = 10_000


class CannotStartError(Exception):
    """An xApp could not be started now; the message says why. It is tried again."""


class Instance(Protocol):
    """One running copy of an xApp."""

    def poll(self) -> int | None:
        """Exit code (negative: signal) once it has ended; to be called now and then while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it at once, with all that it started."""

    def where(self) -> str:
        """How a person finds it: "pid 123", "container 0a1b2c"."""

    def health(self) -> str:
        """What its own health check says; empty where it has none."""


class Backend(Protocol):
    """One way to run xApps."""

    @property
    def poll_s(self) -> float:
        """How long an instance may go without being asked whether it has ended: what asking costs decides."""

    def check(self, descriptor: Descriptor) -> None:
        """Whether it can run here; raises DescriptorError."""

    def start(self, descriptor: Descriptor) -> Instance:
        """Start it; raises CannotStartError."""

    def logs(self, name: str, lines: int) -> list[str]:
        """The last lines that it printed, over its restarts; raises NotReadyError."""

    def forget(self, name: str) -> None:
        """Remove what is left of it: its logs."""

    def close(self) -> None:
        """Nothing more will be started."""
