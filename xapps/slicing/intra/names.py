"""Names of the intra-slice policies; without compiled code, for who only has to check one."""

from __future__ import annotations

INTRA_POLICIES = ("madqn", "madqn-tuned", "random", "greedy", "equal", "slnr", "zf-split", "zf-split-mrt")
BEAM_CHOICES = ("best", "random")
DEFAULT_BEAM_CHOICE = {"random": "random", "equal": "best"}
"""The policies that let their beams be chosen, after a colon, and what they take where nothing is said."""

INTRA_NAMES = tuple(
    f"{policy}[{'|'.join(f':{choice}' for choice in BEAM_CHOICES)}]" if policy in DEFAULT_BEAM_CHOICE else policy
    for policy in INTRA_POLICIES
)
"""The names as people read them: what stands in brackets may be left out."""


def split_intra_name(name: str) -> tuple[str, str | None]:
    """Policy and beam choice (None: it has none) of a name.

    Raises:
        ValueError: unknown policy or beam choice; the message lists the names.
    """
    policy, separator, choice = name.partition(":")
    default = DEFAULT_BEAM_CHOICE.get(policy)
    if policy not in INTRA_POLICIES or (separator and (default is None or choice not in BEAM_CHOICES)):
        raise ValueError(f"intra: {name!r} is none of {', '.join(INTRA_NAMES)}")
    return policy, choice if separator else default
