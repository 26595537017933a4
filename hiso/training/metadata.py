"""What trained weights say of themselves."""

from __future__ import annotations

from ran_emulator.scenario import Scenario
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.weights import WeightsMetadata


def training_metadata(
    scenario: Scenario,
    variant: str,
    seed: int,
    trained_slots: int,
    control_delay_slots: int,
    command: str,
    epsilon: float = 0.0,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> WeightsMetadata:
    """Metadata of weights of `variant` trained in `scenario`; `epsilon`: the exploration rate that was reached."""
    return WeightsMetadata(
        variant=variant,
        preset=scenario.name,
        hwi_model=scenario.hwi.model,
        kappa_t=scenario.hwi.kappa_t,
        kappa_r=scenario.hwi.kappa_r,
        control_delay_slots=control_delay_slots,
        seed=seed,
        trained_slots=trained_slots,
        epsilon=epsilon,
        command=command,
        bandwidth_step_hz=options.bandwidth_step_hz,
        power_levels=options.power_levels,
        action=options.action,
    )
