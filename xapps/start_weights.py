"""The weights that agents start from, as flags name them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from xapps.agent_flags import refuse
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.weights import Weights, WeightsError, check_trained_options
from xapps.trained import find_weights, is_preset, trained_name


class StartWeights:
    """The weights that a host's flags name: checked at once, chosen when a node's control delay is known."""

    def __init__(
        self,
        variant: str | None,
        agent: str,
        reference: str,
        from_scratch: bool,
        options: AgentOptions = DEFAULT_OPTIONS,
        action_fields: Sequence[str] = (),
    ) -> None:
        """`variant`: a policy that has networks, or None; `agent`: inter, or a slice's; `action_fields`: those of
        `options` that they must be of.

        Raises:
            WeightsError: they are missing, unusable, or trained for another policy, agent or other actions.
        """
        self._by_delay: dict[bool, Weights] = {}
        if variant is None or from_scratch:
            return
        for delayed in (False, True):
            name = trained_name(variant, reference, int(delayed)) if is_preset(reference) else reference
            self._by_delay[delayed] = weights = find_weights(name)
            if weights.metadata.variant != variant:
                was = weights.metadata.variant
                raise WeightsError(f"weights {weights.weights_id}: must be of {variant} (--policy), not of {was}")
            weights.agent(agent)  # raises where it has none
            check_trained_options(weights, options, action_fields)

    def choose(self, control_delay_slots: int) -> Weights | None:
        """The weights for a node; None: there are none, or untrained ones."""
        return self._by_delay.get(control_delay_slots > 0)


def load_start_weights(
    variant: str | None,
    agent: str,
    arguments: argparse.Namespace,
    prog: str,
    options: AgentOptions = DEFAULT_OPTIONS,
    action_fields: Sequence[str] = (),
) -> StartWeights:
    """The weights that the flags name; ends the process where they cannot be used. Arguments as of `StartWeights`."""
    try:
        return StartWeights(variant, agent, arguments.weights, arguments.from_scratch, options, action_fields)
    except WeightsError as error:
        refuse(prog, f"--{error}")
