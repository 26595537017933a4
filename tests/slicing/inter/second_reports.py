"""Types of what gives the tests of the inter-slice level their reports."""

from typing import Protocol

import numpy.typing as npt

from xapps.slicing.observation import SecondReport


class ReportFactory(Protocol):
    """The fixture `report`."""

    def __call__(
        self, second: int, packets: npt.ArrayLike, ssr: npt.ArrayLike = ..., eta_bps_hz: float = ...
    ) -> SecondReport: ...


class Environment(Protocol):
    def second(self, actions: tuple[int, int] | None, /) -> SecondReport: ...
