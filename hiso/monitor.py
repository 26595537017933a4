"""What a running system says of itself: the metrics of its services, read once a second, as one snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

from hiso import ports
from hiso.loopback import LoopbackClient, Unreachable
from hiso.run_request import AGENTS
from xapps.slicing.observation import SLICE_NAMES

SOURCES = ("control", "held", "default")


class Metrics:
    """Samples of one metrics page, by name and labels."""

    def __init__(self, samples: Iterable[tuple[str, dict[str, str], float]]) -> None:
        """Samples as (name, labels, value)."""
        self._samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        for name, labels, value in samples:
            self._samples.setdefault(name, []).append((labels, value))

    @classmethod
    def parse(cls, text: str) -> Self:
        """From Prometheus's text format."""
        return cls(
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )

    def total(self, name: str, **labels: str) -> float | None:
        """Sum over the samples with these labels; None where there is none."""
        found = [
            value
            for have, value in self._samples.get(name, [])
            if all(have.get(key) == wanted for key, wanted in labels.items())
        ]
        return sum(found) if found else None

    def count(self, name: str, **labels: str) -> int:
        """The same as a whole number, 0 where there is none."""
        return int(self.total(name, **labels) or 0)

    def labels(self, name: str) -> dict[str, str]:
        """Labels of the first sample; empty where there is none."""
        samples = self._samples.get(name)
        return dict(samples[0][0]) if samples else {}

    def marked(self, name: str, label: str) -> list[str]:
        """Values of `label` over the samples that are above 0."""
        return [have.get(label, "") for have, value in self._samples.get(name, []) if value > 0]


@dataclass(frozen=True, slots=True)
class SliceView:
    """One slice in the last simulated second; decisions since slot 0."""

    ssr: float | None
    goodput_bps: float | None
    delay_p50_ms: float | None
    delay_p99_ms: float | None
    active_users: float | None
    bandwidth_hz: float | None
    power_w: float | None
    decisions: dict[str, int]
    missed_deadlines: int


@dataclass(frozen=True, slots=True)
class AgentView:
    """One xApp, and its learner where it has one."""

    alive: bool
    connected: bool
    policy: str
    trigger: str
    weights_id: str
    decisions: int
    trigger_evaluations: int
    inter_slice_updates: int
    mismatches: tuple[str, ...]
    learner_updates: int | None = None
    learner_reward: float | None = None
    learner_epsilon: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A running system at one moment. None: nothing was said about it."""

    simulated_s: float
    real_time_factor: float | None
    late_slots: int
    scenario: dict[str, str]
    kappa: dict[str, float | None]
    connected: bool
    slices: dict[str, SliceView]
    eta_bps_hz: float | None
    goodput_bps_hz: float | None
    utility: float | None
    loop_latency_ms: dict[str, float | None]
    slot_observations: int
    agents: dict[str, AgentView] = field(default_factory=dict)
    changes: tuple[dict[str, Any], ...] = ()
    """Changes made since the snapshot before, as events of a timeline."""
    cell: int = 0

    @property
    def missed_deadlines(self) -> int:
        """Decisions that came too late, or never."""
        return sum(view.missed_deadlines for view in self.slices.values())

    @property
    def weights_ids(self) -> tuple[str, ...]:
        """Ids of all weights in use."""
        return tuple(agent.weights_id for agent in self.agents.values())

    @property
    def agents_asked(self) -> bool:
        """Whether every slice's agent has been asked for decisions, in time or not."""
        return all(view.decisions["control"] + view.missed_deadlines > 0 for view in self.slices.values())

    @property
    def agents_connected(self) -> bool:
        """Whether every xApp is there and connected."""
        return bool(self.agents) and all(agent.connected for agent in self.agents.values())


def slice_view(metrics: Metrics, name: str) -> SliceView:
    """One slice out of the emulator's metrics."""
    return SliceView(
        ssr=metrics.total("hiso_slice_ssr", slice=name),
        goodput_bps=metrics.total("hiso_slice_goodput_bps", slice=name),
        delay_p50_ms=metrics.total("hiso_slice_delay_ms", slice=name, quantile="0.5"),
        delay_p99_ms=metrics.total("hiso_slice_delay_ms", slice=name, quantile="0.99"),
        active_users=metrics.total("hiso_slice_active_users", slice=name),
        bandwidth_hz=metrics.total("hiso_slice_bandwidth_hz", slice=name),
        power_w=metrics.total("hiso_slice_power_w", slice=name),
        decisions={source: metrics.count("hiso_decisions_total", slice=name, source=source) for source in SOURCES},
        missed_deadlines=metrics.count("hiso_missed_deadlines_total", slice=name),
    )


def agent_view(xapp: Metrics | None, learner: Metrics | None) -> AgentView:
    """One xApp and its learner out of their metrics; None: did not answer."""
    alive = xapp is not None
    xapp = xapp or Metrics(())
    info = xapp.labels("hiso_xapp_info")
    return AgentView(
        alive=alive,
        connected=bool(xapp.total("hiso_xapp_connected")),
        policy=info.get("policy", ""),
        trigger=info.get("trigger", ""),
        weights_id=info.get("weights_id", ""),
        decisions=xapp.count("hiso_xapp_decisions_total"),
        trigger_evaluations=xapp.count("hiso_xapp_trigger_evaluations_total"),
        inter_slice_updates=xapp.count("hiso_xapp_inter_slice_updates_total"),
        mismatches=tuple(xapp.marked("hiso_xapp_weights_mismatch", "reason")),
        learner_updates=None if learner is None else learner.count("hiso_learner_updates_total"),
        learner_reward=None if learner is None else learner.total("hiso_learner_reward"),
        learner_epsilon=None if learner is None else learner.total("hiso_learner_epsilon"),
    )


def snapshot(
    emulator: Metrics, agents: dict[str, AgentView], changes: tuple[dict[str, Any], ...] = (), cell: int = 0
) -> Snapshot:
    """A snapshot of one cell out of its emulator's metrics, its agents and what was changed."""
    return Snapshot(
        simulated_s=emulator.total("hiso_simulated_seconds_total") or 0.0,
        real_time_factor=emulator.total("hiso_real_time_factor"),
        late_slots=emulator.count("hiso_late_slots_total"),
        scenario=emulator.labels("hiso_scenario_info"),
        kappa={side: emulator.total("hiso_hwi_kappa", side=side) for side in ("t", "r")},
        connected=bool(emulator.total("hiso_e2_connected")),
        slices={name: slice_view(emulator, name) for name in SLICE_NAMES},
        eta_bps_hz=emulator.total("hiso_cell_eta_bps_hz"),
        goodput_bps_hz=emulator.total("hiso_cell_goodput_bps_hz"),
        utility=emulator.total("hiso_cell_utility"),
        loop_latency_ms={
            quantile: emulator.total("hiso_loop_latency_ms", quantile=quantile) for quantile in ("0.5", "0.99", "1")
        },
        slot_observations=emulator.count(
            "hiso_e2_messages_total", function="slot", procedure="ric_indication", direction="to_ric"
        ),
        agents=agents,
        changes=changes,
        cell=cell,
    )


class RunningTotal:
    """A counter over restarts of the process that counts: one that is below what it was began anew at 0."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        self._before = self._last = 0

    def add(self, count: int | None) -> int:
        """The counter's value now, None where nobody said; returns the total."""
        if count is not None:
            if count < self._last:
                self._before += self._last
            self._last = count
        return self._before + self._last


class Monitor:
    """Reads the metrics of a local system."""

    def __init__(
        self, port_base: int, learning_agents: tuple[str, ...], cells: int = 1, agents: tuple[str, ...] = AGENTS
    ) -> None:
        """The system of so many cells at `port_base`, of the xApps of `agents`, and of the learners of some of them."""

        def client(service: str) -> LoopbackClient:
            return LoopbackClient(ports.port_of(service, port_base))

        self._emulators = [client(f"emulator-{cell}" if cell else "emulator") for cell in range(cells)]
        self._xapps = {agent: client(f"xapp-{agent}") for agent in agents}
        self._learners = {agent: client(f"learner-{agent}") for agent in learning_agents}
        self._evaluations = {agent: RunningTotal() for agent in agents}
        self._updates = {agent: RunningTotal() for agent in agents}
        self._slots = [0] * cells
        self._changes_from_slot = [0] * cells

    def poll(self) -> list[Snapshot]:
        """A snapshot now of each cell whose emulator answers."""
        pages = [_read(client) for client in self._emulators]
        agents = self.agents() if any(page is not None for page in pages) else {}
        answers = [(cell, page) for cell, page in enumerate(pages) if page is not None]
        return [snapshot(page, agents, self._changes(cell, page), cell) for cell, page in answers]

    def _changes(self, cell: int, emulator: Metrics) -> tuple[dict[str, Any], ...]:
        """What was changed in a cell since the last call."""
        before, self._slots[cell] = self._slots[cell], emulator.count("hiso_slots_total")
        if self._slots[cell] < before:  # a new world
            self._changes_from_slot[cell] = 0
        from_slot = self._changes_from_slot[cell]
        try:
            changes = tuple(self._emulators[cell].json(f"/events?from_slot={from_slot}"))
        except Unreachable:
            return ()
        self._changes_from_slot[cell] = max((event["at_slot"] + 1 for event in changes), default=from_slot)
        return changes

    def agents(self) -> dict[str, AgentView]:
        """The xApps and their learners now; evaluations and updates are totals of the run."""
        return {
            agent: self._with_totals(
                agent, agent_view(_read(client), _read(self._learners[agent]) if agent in self._learners else None)
            )
            for agent, client in self._xapps.items()
        }

    def _with_totals(self, agent: str, view: AgentView) -> AgentView:
        return replace(
            view,
            trigger_evaluations=self._evaluations[agent].add(view.trigger_evaluations if view.alive else None),
            inter_slice_updates=self._updates[agent].add(view.inter_slice_updates if view.alive else None),
        )

    def close(self) -> None:
        """Close its connections."""
        for client in (*self._emulators, *self._xapps.values(), *self._learners.values()):
            client.close()


def _read(client: LoopbackClient) -> Metrics | None:
    try:
        return Metrics.parse(client.text("/metrics"))
    except (Unreachable, ValueError):
        return None
