"""What the xApp manager starts, without processes or containers."""

from __future__ import annotations

from near_rt_ric.xapp_manager.backend import CannotStartError
from near_rt_ric.xapp_manager.descriptor import Descriptor


class FakeInstance:
    """One that runs until its code is set."""

    def __init__(self) -> None:
        self.polls = 0
        self.code: int | None = None
        self.killed = False

    def poll(self) -> int | None:
        self.polls += 1
        return self.code

    def terminate(self) -> None:
        self.code = 0

    def kill(self) -> None:
        self.killed = True

    def where(self) -> str:
        return "nowhere"

    def health(self) -> str:
        return ""


class FakeBackend:
    """Starts instances that do nothing; `refuses` and `breaks` say of which names it does not."""

    def __init__(self, poll_s: float = 0.0) -> None:
        self.poll_s = poll_s
        self.started: list[FakeInstance] = []
        self.programs: list[str] = []
        self.refuses = False
        self.breaks: set[str] = set()

    def check(self, descriptor: Descriptor) -> None:
        """Everything can run."""

    def start(self, descriptor: Descriptor) -> FakeInstance:
        if self.refuses:
            raise CannotStartError("no room")
        self.programs.append(descriptor.program)
        if descriptor.name in self.breaks:
            raise RuntimeError("nobody has foreseen this")
        self.started.append(FakeInstance())
        return self.started[-1]

    def logs(self, name: str, lines: int) -> list[str]:
        return ["first", "last", ""]

    def forget(self, name: str) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is open."""
