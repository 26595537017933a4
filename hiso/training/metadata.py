"""What trained weights say of themselves."""

from __future__ import annotations

from hiso.training.variety import LARGEST_KAPPA
from ran_emulator.scenario import Scenario
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.weights import ANY_HWI_MODEL, WeightsMetadata


def training_metadata(
    scenario: Scenario,
    variant: str,
    seed: int,
    trained_slots: int,
    control_delay_slots: int,
    command: str,
    epsilon: float = 0.0,
    options: AgentOptions = DEFAULT_OPTIONS,
    varied: bool = False,
) -> WeightsMetadata:
    """Metadata of weights of `variant` trained in `scenario`; `epsilon`: the exploration rate that was reached.

    `varied`: under impairments drawn anew all the time rather than the scenario's.
    """
    return WeightsMetadata(
        variant=variant,
        preset=scenario.name,
        hwi_model=ANY_HWI_MODEL if varied else scenario.hwi.model,
        kappa_t=LARGEST_KAPPA if varied else scenario.hwi.kappa_t,
        kappa_r=LARGEST_KAPPA if varied else scenario.hwi.kappa_r,
        control_delay_slots=control_delay_slots,
        seed=seed,
        trained_slots=trained_slots,
        epsilon=epsilon,
        command=command,
        bandwidth_step_hz=options.bandwidth_step_hz,
        power_levels=options.power_levels,
        action=options.action,
        state=options.state,
        power_scale=options.power_scale,
        antennas=scenario.antennas,
        access=scenario.access,
        precoder=scenario.precoder,
    )
