"""The measures of a run by name: what they mean, and their unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """How a measure is shown."""

    label: str
    unit: str = ""
    digits: int = 2
    """Behind the decimal point."""


_SLICES = {"vonr": "VoNR", "embb": "eMBB", "urllc": "uRLLC"}

EPISODE_MEASURES = {
    "utility": Measure("utility (Eq. 17)"),
    "eta_bps_hz": Measure("spectral efficiency eta", "bit/s/Hz"),
    "eta_sum_bps_hz": Measure("sum over users of bit/s/Hz in their band", "bit/s/Hz"),
    "goodput_bps_hz": Measure("goodput", "bit/s/Hz"),
    **{f"ssr_{name}": Measure(f"SSR of {label} (Eq. 4)", digits=3) for name, label in _SLICES.items()},
    "ssr_mean": Measure("SSR, mean of the slices", digits=3),
    "ssr_margin": Measure("SSR above its threshold, least of the slices (C6 holds from 0 on)", digits=3),
    **{
        f"delay_p99_{name}_ms": Measure(f"delay of {label}'s delivered packets, 99 %", "ms")
        for name, label in _SLICES.items()
    },
    "budget_updates_per_100s": Measure("budget updates in 100 s", digits=1),
}
"""Of an episode; the mean over a seed's episodes is that seed's value."""

SYSTEM_MEASURES = {
    "e2_kbit_per_s": Measure("E2 traffic a simulated second", "kbit/s", 0),
    "e2_messages_per_s": Measure("E2AP messages a simulated second", digits=0),
    "e2_budget_byte_per_s": Measure("E2 traffic of the budgets a simulated second", "byte/s", 0),
    "e2_budget_messages_per_s": Measure("E2AP messages on budgets a simulated second", digits=2),
}
"""Of an episode of the whole system, over E2 in lock-step."""

SNAPSHOT_MEASURES = {
    **{f"share_{name}": Measure(f"share of the oracle's rate, {label}", digits=3) for name, label in _SLICES.items()},
    "share_worst": Measure("share of the oracle's rate, worst slice", digits=3),
    "own_actions_share_embb": Measure("share that the best of the tuned agents' actions has, eMBB", digits=3),
    "greedy_share_embb": Measure("share that best beams without a common stream have, eMBB", digits=3),
    "slnr_share_embb": Measure("share that SLNR beams with a common stream have, eMBB", digits=3),
    "untrained_share_embb": Measure("share of the agents untrained, eMBB", digits=3),
    "shuffled_share_embb": Measure("share of the agents shown other snapshots, eMBB", digits=3),
}
"""Of a world's snapshots, single slots decided on equal channels and queues; against the coordinate-ascent oracle."""

TRAINING_MEASURES = {
    "training_cpu_s": Measure("processor time of the training, both levels", "s", 1),
    "inter_training_cpu_s": Measure("processor time of the inter-slice training", "s", 1),
    "inter_learner_s": Measure("processor time of the inter-slice learner", "s"),
    "inter_updates": Measure("updates of the inter-slice learner", digits=0),
    "inter_loss_first": Measure("inter-slice loss, first fifth of the training", digits=3),
    "inter_loss_last": Measure("inter-slice loss, last fifth of the training", digits=3),
    "inter_critic_loss_first": Measure("critic's loss, first fifth of the training", digits=3),
    "inter_critic_loss_last": Measure("critic's loss, last fifth of the training", digits=3),
    "inter_convergence_s": Measure("simulated time until utility stays near its end under equal loads", "s", 0),
    "online_utility": Measure("utility while the inter-slice level learns"),
    "online_eta_bps_hz": Measure("eta while the inter-slice level learns", "bit/s/Hz"),
    "online_utility_last": Measure("utility, last fifth of the training"),
    "online_eta_last_bps_hz": Measure("eta, last fifth of the training", "bit/s/Hz"),
    "online_variation_early": Measure("standard deviation of utility, first 30 % of the training over the rest"),
    "online_eta_variation_early": Measure("standard deviation of eta, first 30 % of the training over the rest"),
    "intra_training_cpu_s": Measure("processor time of the intra-slice training", "s", 1),
    "intra_updates": Measure("updates of the intra-slice learners", digits=0),
    "intra_loss_first": Measure("intra-slice loss, first fifth of the training", digits=3),
    "intra_loss_last": Measure("intra-slice loss, last fifth of the training", digits=3),
}
"""Of a seed's trainings. "Loss" is that of actors and critic, mean over agents: of the printed agents Eq. 31 + Eq. 32
(inter) and Eq. 34 (intra), of the tuned ones what they minimise in its place."""

MEASURES = {**EPISODE_MEASURES, **SYSTEM_MEASURES, **SNAPSHOT_MEASURES, **TRAINING_MEASURES}

SERIES = {
    "utility": Measure("utility, each second"),
    "eta_bps_hz": Measure("eta, each second", "bit/s/Hz"),
    "goodput_bps_hz": Measure("goodput, each second", "bit/s/Hz"),
    "inter_loss": Measure("inter-slice loss, actors and critic (printed: Eq. 31 + 32)", digits=3),
    "inter_critic_loss": Measure("critic's loss (printed: Eq. 32)", digits=3),
    "intra_loss": Measure("intra-slice loss (printed: Eq. 34)", digits=3),
    "intra_reward": Measure("intra-slice reward, mean over slices", digits=3),
}
"""Curves over a training: `inter_*` and what is of each second over the inter-slice training's seconds, `intra_*`
over the intra-slice training's half seconds."""
