"""Reports and contexts for the tests of the inter-slice level."""

import numpy as np
import numpy.typing as npt
import pytest
from second_reports import ReportFactory

from ran_emulator.phy.codes import HWI_PAPER
from xapps.slicing.observation import BudgetContext, SecondReport


def _report(
    second: int, packets: npt.ArrayLike, ssr: npt.ArrayLike = (1.0, 1.0, 1.0), eta_bps_hz: float = 20.0
) -> SecondReport:
    return SecondReport(
        second=second,
        slot=2_000 * second,
        offered_packets=np.array(packets, np.int64),
        offered_bits=8 * np.array(packets, np.int64),
        ssr=np.array(ssr, np.float32),
        queued_bits=np.zeros(3, np.int64),
        bandwidth_hz=np.array([3_400_000, 3_300_000, 3_300_000]),
        power_w=np.full(3, 1_000 / 3, np.float32),
        slice_eta_bps_hz=np.full(3, eta_bps_hz / 3, np.float32),
        eta_bps_hz=eta_bps_hz,
        hwi_model=HWI_PAPER,
        kappa_t=1e-3,
        kappa_r=1e-3,
    )


@pytest.fixture(scope="session")
def report() -> ReportFactory:
    return _report


@pytest.fixture(scope="session")
def context() -> BudgetContext:
    """The paper's cell: 10 MHz, 60 dBm, floors of 2 MHz and 15 dBm."""
    return BudgetContext(10_000_000, 1_000.0, 2_000_000, 10**-1.5, 0)
