"""Schedulers by name: an inter-slice policy, an intra-slice policy and a trigger."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xapps.slicing.inter.policies import check_inter_name
from xapps.slicing.intra.names import split_intra_name
from xapps.slicing.options import DEFAULT_OPTIONS, AgentOptions
from xapps.slicing.triggers import TRIGGER_NAMES, TriggerError

REFERENCE_INTER = ("clairvoyant", "clairvoyant-late", "clairvoyant-utility")
REFERENCE_INTRA = ("oracle",)
"""References that know what no xApp can, the future or the slot's own channel: for runs in process."""


class SchedulerError(ValueError):
    """An unknown scheduler or part; the message lists the names."""


@dataclass(frozen=True, slots=True)
class Scheduler:
    """What decides: policies and trigger by name, and the scenario fields that they need."""

    name: str
    inter: str
    intra: str
    trigger: str
    access: str | None = None
    """The access that the scenario must have; None: any."""
    precoder: str | None = None
    """The precoder that the scenario must have; None: any."""
    common_beam: str | None = None
    """The common beam that the scenario must have; None: any."""
    options: AgentOptions = DEFAULT_OPTIONS
    """What its agents see and choose from."""

    @property
    def in_process_only(self) -> bool:
        """Whether it has a part that knows what no xApp can."""
        return self.inter in REFERENCE_INTER or self.intra in REFERENCE_INTRA


SCHEDULERS = {
    scheduler.name: scheduler
    for scheduler in (
        Scheduler("hiso-coma", "coma2c", "madqn", "10-percent"),
        Scheduler("hiso-coma-tuned", "coma2c-tuned", "madqn-tuned", "z-ref"),
        Scheduler("sota", "coma2c", "madqn", "always"),
        Scheduler("sota-tuned", "coma2c-tuned", "madqn-tuned", "always"),
        Scheduler("gga", "greedy", "greedy", "always"),
        Scheduler("eea", "equal", "equal", "never"),
        Scheduler("rra", "random", "random", "always"),
        # Nearly all of its power is on the common stream, which only this access has.
        Scheduler("slnr", "constant:2,6,2", "slnr", "never", access="rsma"),
        Scheduler("load-proportional", "load-proportional", "slnr", "always", access="rsma"),
        Scheduler("ssr-pi", "ssr-pi", "slnr", "always", access="rsma"),
        # With a precoder of the node's own a policy sets powers; its beams count nothing.
        Scheduler("sa2c-t", "sa2c-t", "greedy", "always", access="ofdma", precoder="zf"),
        Scheduler("sdma-zf", "constant:2,6,2", "greedy", "never", access="sdma", precoder="zf"),
        Scheduler("sdma-rzf", "constant:2,6,2", "greedy", "never", access="sdma", precoder="rzf"),
        Scheduler("rsma-zf", "constant:2,6,2", "zf-split", "never", access="rsma", precoder="zf", common_beam="random"),
        Scheduler(
            "rsma-zf-mrt",
            "constant:2,6,2",
            "zf-split-mrt",
            "never",
            access="rsma",
            precoder="zf",
            common_beam="sum-mrt",
        ),
    )
}


def resolve(
    name: str,
    inter: str | None = None,
    intra: str | None = None,
    trigger: str | None = None,
    options: AgentOptions = DEFAULT_OPTIONS,
) -> Scheduler:
    """A scheduler by its name, with parts exchanged.

    With parts exchanged its name is the triple; what it pinned is free with another intra-slice policy.

    Args:
        name: one of `SCHEDULERS`.
        inter: another inter-slice policy, of `INTER_NAMES` or `REFERENCE_INTER`.
        intra: another intra-slice policy, of `INTRA_NAMES` or `REFERENCE_INTRA`.
        trigger: another trigger, of `TRIGGER_NAMES`.
        options: of its agents.

    Raises:
        SchedulerError: unknown scheduler or intra-slice policy.
        InterPolicyError: unknown inter-slice policy.
        TriggerError: unknown trigger.
    """
    if name not in SCHEDULERS:
        raise SchedulerError(f"scheduler: {name!r} is none of {', '.join(SCHEDULERS)}")
    preset = SCHEDULERS[name]
    if inter is not None and inter not in REFERENCE_INTER:
        check_inter_name(inter)
    if intra is not None and intra not in REFERENCE_INTRA:
        try:
            split_intra_name(intra)
        except ValueError as error:
            raise SchedulerError(str(error)) from error
    if trigger is not None and trigger not in TRIGGER_NAMES:
        raise TriggerError(f"trigger: {trigger!r} is none of {', '.join(TRIGGER_NAMES)}")
    parts = (inter or preset.inter, intra or preset.intra, trigger or preset.trigger)
    if parts == (preset.inter, preset.intra, preset.trigger):
        return replace(preset, options=options)
    own_intra = parts[1] == preset.intra
    return Scheduler(
        "+".join(parts),
        *parts,
        access=preset.access if own_intra else None,
        precoder=preset.precoder if own_intra else None,
        common_beam=preset.common_beam if own_intra else None,
        options=options,
    )
