"""When the inter-slice level acts: evaluated once a second on the traffic of that second (Eq. 21-23).

Common to all: second 0, the report without load before slot 0, is not evaluated. The first second with a load
fires, also after a gap in the reports. From 0 to a positive load fires, from 0 to 0 does not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import ClassVar

import numpy as np

from xapps.slicing.inter.seconds import F64, SecondSequence, offered_packets
from xapps.slicing.observation import SecondReport


class TriggerError(ValueError):
    """An unknown trigger; the message lists the names."""


def relative_change_percent(loads: F64, previous: F64) -> F64:
    """Change of each slice's traffic, in percent of the previous second (Eq. 21).

    Args:
        loads: [S] packets of this second.
        previous: [S] packets of the second before.

    Returns:
        [S] percent; infinite from 0 to a positive load, 0 from 0 to 0.
    """
    change = np.abs(loads - previous)
    return 100 * np.divide(change, previous, out=np.where(change > 0, np.inf, 0.0), where=previous > 0)


def poisson_deviation(loads: F64, mean: F64, seconds: int) -> F64:
    """Distance of counts from a mean of earlier counts, in standard deviations of Poisson traffic.

    Args:
        loads: [S] packets of this second.
        mean: [S] mean packets a second of the reference.
        seconds: seconds behind the mean.

    Returns:
        [S] |N - m| / sqrt(m (1 + 1/seconds)); infinite from a mean of 0 to a positive load, 0 from 0 to 0.
    """
    distance = np.abs(loads - mean)
    spread = np.sqrt(mean * (1 + 1 / seconds))
    return np.divide(distance, spread, out=np.where(distance > 0, np.inf, 0.0), where=spread > 0)


class Trigger(ABC):
    """A rule that says in which seconds the inter-slice level acts."""

    name: ClassVar[str]

    def __init__(self) -> None:
        """Before the first second."""
        self.evaluations = 0
        """Seconds evaluated so far."""
        self._sequence = SecondSequence()
        self._begun = False

    def evaluate(self, report: SecondReport) -> bool:
        """Whether this second fires.

        Raises:
            ReportError: the report's traffic is malformed; nothing has changed.
        """
        loads = offered_packets(report)
        if not self._sequence.follows(report.second):
            self._begun = False
        if report.second == 0:
            return False
        self.evaluations += 1
        if self._begun:
            return self._fires(loads)
        self._begun = bool(np.any(loads > 0))
        if self._begun:
            self._begin(loads)
        return self._begun

    @abstractmethod
    def _begin(self, loads: F64) -> None:
        """Take the first second with a load as the reference."""

    @abstractmethod
    def _fires(self, loads: F64) -> bool:
        """Evaluate a later second, and move the reference."""


class Always(Trigger):
    """Fires every second."""

    name = "always"

    def _begin(self, loads: F64) -> None:
        pass

    def _fires(self, loads: F64) -> bool:  # noqa: ARG002
        return True


class Never(Trigger):
    """Never fires after the first second with a load."""

    name = "never"

    def _begin(self, loads: F64) -> None:
        pass

    def _fires(self, loads: F64) -> bool:  # noqa: ARG002
        return False


class EveryTen(Trigger):
    """Fires every tenth second, whatever the traffic does: about as often as `z-ref` in `regimes`."""

    name = "every-10"
    period_seconds = 10

    def _begin(self, loads: F64) -> None:  # noqa: ARG002
        self._since = 0

    def _fires(self, loads: F64) -> bool:  # noqa: ARG002
        self._since = (self._since + 1) % self.period_seconds
        return self._since == 0


class TenPercent(Trigger):
    """Fires where a slice's traffic differs from the second before by more than 10 % (Eq. 21-23)."""

    name = "10-percent"
    threshold_percent = 10.0

    def _begin(self, loads: F64) -> None:
        self._previous = loads

    def _fires(self, loads: F64) -> bool:
        largest_change = np.max(relative_change_percent(loads, self._previous))  # Eq. 22
        self._previous = loads
        return bool(largest_change > self.threshold_percent)  # Eq. 23


class ZRef(Trigger):
    """Fires where a slice's traffic leaves the mean since the last trigger by more than chance allows.

    The mean is of the last 20 seconds at most: a drift adds up over as many, unlike against the second before.
    """

    name = "z-ref"
    threshold = 4.0
    window_seconds = 20

    def _begin(self, loads: F64) -> None:
        self._window = deque([loads], maxlen=self.window_seconds)

    def _fires(self, loads: F64) -> bool:
        mean = np.mean(self._window, axis=0)
        fired = bool(np.max(poisson_deviation(loads, mean, len(self._window))) > self.threshold)
        if fired:
            self._window.clear()
        self._window.append(loads)
        return fired


_TRIGGERS: dict[str, type[Trigger]] = {kind.name: kind for kind in (Always, Never, EveryTen, TenPercent, ZRef)}

TRIGGER_NAMES = tuple(_TRIGGERS)


def make_trigger(name: str) -> Trigger:
    """A trigger by its name.

    Raises:
        TriggerError: unknown name.
    """
    if name not in _TRIGGERS:
        raise TriggerError(f"trigger: {name!r} is none of {', '.join(TRIGGER_NAMES)}")
    return _TRIGGERS[name]()
