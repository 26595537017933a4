"""The cell: one slot at a time, decisions in, outcomes and observations out. Pure: no clock, no sockets."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator import places, sensing, slot_calls
from ran_emulator import slot as kernels
from ran_emulator import state as st
from ran_emulator.constraints import Refused, check_budgets, decision_refusal
from ran_emulator.events import KEPT_EVENTS, TimedChange
from ran_emulator.loads import Loads
from ran_emulator.phy import codes, geometry
from ran_emulator.phy.channel import fading_correlation, random_common_beams
from ran_emulator.phy.codebook import CODEBOOKS
from ran_emulator.phy.random_streams import normal_pair, stream_key, stream_seed
from ran_emulator.scenario import PATHS, SLICE_NAMES, SLOT_S, SLOT_US, SLOTS_PER_SECOND, Csi, Impairments, Scenario
from ran_emulator.timeline import Timeline
from ran_emulator.traffic import arrivals, queues

COMMON_BEAM_POOL = 4_096


@dataclass(slots=True)
class SecondWindow:
    """One closed second: measures a slice, and the budgets, impairments and mix of loads in force at its end."""

    second: int
    slot: int
    counts: npt.NDArray[np.int64]  # [S, len(COUNTS)]
    sums: npt.NDArray[np.float64]  # [S, len(SUMS)]
    delays: npt.NDArray[np.int64]  # [S, DELAY_BINS + 1]
    queued_packets: npt.NDArray[np.int64]  # [S]
    queued_bits: npt.NDArray[np.int64]  # [S]
    bandwidth_hz: npt.NDArray[np.int64]  # [S]
    power_w: npt.NDArray[np.float32]  # [S]
    hwi: Impairments
    regime: int | None

    def ssr(self) -> npt.NDArray[np.float32]:
        """SSR a slice (Eq. 4): successes / resolved; 1 where nothing was resolved. float32 [S]."""
        return ssr_of(self.counts).astype(np.float32)


def resolved(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Packets delivered or dropped, a slice."""
    total = counts[:, st.DELIVERED] + counts[:, st.DROPPED_FULL] + counts[:, st.DROPPED_LATE]
    return np.asarray(total)


def ssr_of(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """SSR a slice (Eq. 4) from counts [S, len(COUNTS)]: successes / resolved, 1 for an empty window."""
    return success_ratio(counts[:, st.SUCCEEDED], resolved(counts))


def success_ratio(successes: npt.NDArray[np.int64], done: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Successes / resolved packets (Eq. 4), elementwise; 1 where nothing was resolved."""
    return np.asarray(np.where(done > 0, successes / np.maximum(done, 1), 1.0))


@dataclass(order=True, slots=True)
class _PendingBudgets:
    slot: int
    bandwidth_hz: tuple[int, ...] = field(compare=False)
    power_w: tuple[float, ...] = field(compare=False)


def cell_name(index: int) -> str:
    """Name of one of several cells of a seed; the first is the cell that a run of one cell has."""
    return f"cell {index}/" if index else ""


class Cell:
    """A cell with its users, channel, queues and budgets.

    A slot: `begin_slot`, then `submit` for the groups it chose (D = 0) or earlier ones chose, then `execute_slot`.
    At the end of a second `execute_slot` returns its window.
    """

    def __init__(self, scenario: Scenario, seed: int, control_delay_slots: int = 0, name: str = "") -> None:
        """`name` tells several cells of one seed apart (child streams "cell K/...")."""
        self.scenario = scenario
        self.seed = seed
        self.control_delay_slots = control_delay_slots
        self._prefix = name
        users = scenario.users_by_slice(np.random.default_rng(self._seed("world")))
        pool_rng = np.random.default_rng(self._seed("common beam"))
        codebook = CODEBOOKS[scenario.codebook](scenario.antennas)
        by_fft = scenario.codebook == "dft"
        pool = random_common_beams(pool_rng, COMMON_BEAM_POOL, scenario.antennas, None if by_fft else codebook)
        self.state = st.allocate(sum(users), scenario.antennas, scenario.queue_packets, codebook, pool)
        self.users_by_slice = users
        self._pending: list[_PendingBudgets] = []
        self._pending_csi: Csi | None = None
        self._timeline = Timeline()
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        """Changes that were made, the latest: a timeline that gives the same run again."""
        self.on_event: Callable[[dict[str, Any]], None] = lambda _event: None
        """Called with each change that is made."""
        self._addresses = slot_calls.state_addresses(self.state)
        # What Python reads every slot, as plain arrays: a field of a record costs it several times as much.
        self._slot = self.state.cell["slot"]
        self._trace_length = self.state.cell["trace_length"]
        self._group_sizes = self.state.frames["count"]
        self._grant_slots, self._grant_sizes = self.state.grants["slot"], self.state.grants["count"]
        self._powers_w = self.state.slices["power_w"]
        self._digest = hashlib.sha256()
        self._begun = False
        self._set_up_cell()
        self._set_up_slices()
        self._set_up_users()
        self._apply_csi(scenario.csi)
        self._loads = Loads(scenario, self.state.slices, np.random.default_rng(self._seed("regimes")))
        self._next_event_slot = 0
        arrivals.first_arrivals(self.state)

    def _seed(self, name: str) -> np.random.SeedSequence:
        return stream_seed(self.seed, self._prefix + name)

    def _key(self, name: str) -> np.uint64:
        return stream_key(self.seed, self._prefix + name)

    def _set_up_cell(self) -> None:
        scenario = self.scenario
        cell = self.state.cell
        cell["control_delay"] = self.control_delay_slots
        cell["decision_period"] = scenario.decision_period_slots
        cell["antennas"] = scenario.antennas
        cell["access"] = codes.ACCESS.index(scenario.access)
        cell["common_stream"] = scenario.has_common_stream
        cell["common_split"] = codes.COMMON_SPLITS.index(scenario.common_split)
        cell["codebook"] = codes.CODEBOOKS.index(scenario.codebook)
        cell["precoder"] = codes.PRECODERS.index(scenario.precoder)
        cell["common_beam"] = codes.COMMON_BEAMS.index(scenario.common_beam)
        cell["coverage"] = codes.COVERAGE.index(scenario.coverage)
        cell["coverage_radius_m"] = scenario.coverage_radius_m
        cell["noise_w_per_hz"] = scenario.noise_w_per_hz
        for name in ("side_m", "distance_floor_m", "path_loss_at_1km_db", "path_loss_slope_db", "shadowing_std_db"):
            cell[name] = getattr(scenario, name)
        cell["traffic_key"] = self._key("traffic")
        cell["size_key"] = self._key("traffic/size")
        cell["injected_key"] = self._key("traffic/injected")
        cell["shadowing_key"] = self._key("shadowing")
        cell["fading_key"] = self._key("fading")
        cell["common_beam_key"] = self._key("common beam/choice")
        cell["csi_key"] = self._key("csi")
        self.set_hwi(scenario.hwi)

    def _set_up_slices(self) -> None:
        scenario = self.scenario
        directions = np.random.default_rng(self._seed("mobility")).uniform(0, 2 * math.pi, len(SLICE_NAMES))
        vonr, embb, urllc = scenario.slices.in_order()
        parameters = (
            (vonr.interarrival_max_ms, 0.0, 0.0),
            (embb.pareto_shape, embb.pareto_scale_ms, embb.interarrival_cap_ms),
            (urllc.interarrival_mean_ms, 0.0, 0.0),
        )
        first = 0
        self._directions = directions
        for index, part in enumerate(scenario.slices.in_order()):
            record = self.state.slices[index]
            record["first_user"] = first
            record["users"] = self.users_by_slice[index]
            record["min_rate_bps"] = part.min_rate_bps
            record["max_latency_slots"] = round(part.max_latency_ms * 1e3 / SLOT_US)
            record["bytes_min"] = part.packet_bytes_min
            record["bytes_max"] = part.packet_bytes_max
            record["arrival_parameters"] = parameters[index]
            record["rule"] = st.RULE_DEFAULT if part.undecided == "default" else st.RULE_WAIT
            record["last_granted"] = first - 1
            record["last_default"] = first - 1
            record["held_common_w"] = -1.0
            record["heading_x"] = math.cos(directions[index])
            record["heading_y"] = math.sin(directions[index])
            first += self.users_by_slice[index]
            self._set_velocity(index, part.speed_m_s)
        power = [float(np.float32(share * scenario.total_power_w)) for share in scenario.initial_power_share]
        self._apply_budgets(scenario.initial_bandwidth_hz, power)

    def _set_up_users(self) -> None:
        scenario = self.scenario
        users = self.state.users
        count = len(users)
        half = scenario.side_m / 2
        rng = np.random.default_rng(self._seed("world/positions"))
        x_m, y_m = rng.uniform(-half, half, count), rng.uniform(-half, half, count)
        if scenario.coverage == "confined":  # of the same numbers, uniform in the disc
            radius_m = scenario.coverage_radius_m * np.sqrt(x_m / scenario.side_m + 0.5)
            angle = 2 * math.pi * y_m / scenario.side_m
            x_m, y_m = radius_m * np.cos(angle), radius_m * np.sin(angle)
        users["anchor_x_m"], users["anchor_y_m"] = x_m, y_m
        spread = math.radians(scenario.angular_spread_deg) / 2
        users["path_offset_rad"] = rng.uniform(-spread, spread, (count, PATHS))
        users["geometry_slot"] = -1
        users["fading_slot"] = -1
        users["held_slot"] = -1
        users["ssr"] = 1.0
        key = self.state.cell[0]["shadowing_key"]
        for index in range(len(SLICE_NAMES)):
            part = self.state.slices[index]
            for user in range(part["first_user"], part["first_user"] + part["users"]):
                low = normal_pair(key, user, 0)[0]
                users[user]["shadowing_low"] = low
                users[user]["shadowing_high"] = geometry.shadowing_step(low, part["shadowing_rho"], key, user, 1)

    @property
    def slot(self) -> int:
        """The slot that is next to begin, or under way between `begin_slot` and `execute_slot`."""
        return int(self._slot.item(0))

    @property
    def next_event_slot(self) -> int:
        """The first slot at whose start something other than the slot itself is due."""
        return self._next_event_slot

    def begin_slot(self) -> None:
        """Steps 1 to 4: what is due takes effect, packets arrive, late ones drop, groups are chosen and observed."""
        self.apply_due()
        slot_calls.begin(self._addresses)
        self._begun = True

    def group_size(self, slice_id: int) -> int:
        """Users of a slice that this slot's frame asks a decision for."""
        return int(self._group_sizes.item(slice_id))

    def group_ids(self, slice_id: int, decided_slot: int) -> bytes:
        """Users of the group that a slot is decided for, u16 [K] in ascending order; none where it is unknown."""
        grant = self.state.grants[decided_slot % st.RING, slice_id]
        count = grant["count"] if grant["slot"] == decided_slot else 0
        return bytes(grant["user_ids"][:count].astype(np.uint16).tobytes())

    def power_w(self, slice_id: int, slot: int) -> float:
        """A slice's power budget in a slot from now on, as it is known now."""
        return float(self._budgets_at(slot)[1][slice_id] if self._pending else self._powers_w.item(slice_id))

    def check(
        self, slice_id: int, decided_slot: int, beams: Any, private_power_w: Any, common_power_w: float | None
    ) -> None:
        """Whether a decision for a group may be carried out (C7-C10, C12, finite numbers).

        Raises:
            Refused: naming the constraint.
        """
        place = decided_slot % st.RING, slice_id
        count = self._grant_sizes.item(place)
        if self._grant_slots.item(place) != decided_slot or decided_slot < self.slot:
            raise Refused("decided_slot", f"no group waits for a decision for slot {decided_slot}")
        if len(beams) != count or len(private_power_w) != count:
            raise Refused("user_ids", f"{len(beams)} beams and {len(private_power_w)} powers for {count} users")
        if common_power_w is not None and common_power_w < 0:
            raise Refused("C8-C10", f"common_power_w {common_power_w:g} must be at least 0 W")
        power_w = self.power_w(slice_id, decided_slot)
        common = 0.0 if common_power_w is None else common_power_w
        rule = kernels.check_decision(count, beams, private_power_w, common, power_w, self.scenario.antennas)
        if rule != kernels.VALID:
            raise decision_refusal(rule, power_w, self.scenario.antennas)

    def submit(
        self, slice_id: int, decided_slot: int, beams: Any, private_power_w: Any, common_power_w: float | None
    ) -> None:
        """Take a checked decision. beams int16 [K], private_power_w float32 [K], common None: the rest of P_s."""
        common = -1.0 if common_power_w is None else common_power_w
        slot_calls.submit(self._addresses, slice_id, decided_slot, beams, private_power_w, common)

    def execute_slot(self) -> SecondWindow | None:
        """Steps 5 to 7: the slot is executed with the decisions for it; the window of a second that it ends."""
        slot_calls.execute(self._addresses)
        self._begun = False
        if self._trace_length.item(0) > st.TRACE_BYTES - 1024:
            self.flush_trace()
        if self.slot % SLOTS_PER_SECOND == 0:
            return self.close_second()
        return None

    def flush_trace(self) -> None:
        """Hash what the trace holds."""
        length = int(self.state.cell[0]["trace_length"])
        self._digest.update(self.state.trace[:length].data)
        self.state.cell["trace_length"] = 0

    def trace_sha256(self) -> str:
        """Digest of every slot so far (docs/e2.md: trace)."""
        self.flush_trace()
        return self._digest.hexdigest()

    def close_second(self) -> SecondWindow:
        """Close the running window: its measures, which go into the totals."""
        window = self.window()
        kernels.close_second(self.state)
        return window

    def window(self) -> SecondWindow:
        """The running window's measures, copied."""
        state = self.state
        packets = np.array([0, 0, 0], np.int64)
        bits = np.array([0, 0, 0], np.int64)
        for index in range(len(SLICE_NAMES)):
            users = self.slice_users(index)
            packets[index] = state.users["packets"][users].sum()
            bits[index] = state.backlog_bits[users].sum()
        return SecondWindow(
            second=math.ceil(self.slot / SLOTS_PER_SECOND),
            slot=self.slot,
            counts=state.window_counts.copy(),
            sums=state.window_sums.copy(),
            delays=state.delays[0].copy(),
            queued_packets=packets,
            queued_bits=bits,
            bandwidth_hz=state.slices["bandwidth_hz"].copy(),
            power_w=state.slices["power_w"].copy(),
            hwi=self.hwi,
            regime=self.regime,
        )

    def places_m(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Where users are in this slot: x [U] and y [U], the BS at the origin."""
        x_m, y_m = np.zeros(len(self.state.users)), np.zeros(len(self.state.users))
        places.places_m(self.state, x_m, y_m)
        return x_m, y_m

    def slice_users(self, slice_id: int) -> slice:
        """The ids of a slice's users."""
        part = self.state.slices[slice_id]
        return slice(int(part["first_user"]), int(part["first_user"] + part["users"]))

    # Budgets

    def set_budgets(self, bandwidth_hz: Sequence[int], power_w: Sequence[float]) -> int:
        """Give slices new budgets from the next slot start + D on; returns that first slot.

        Raises:
            Refused: C1-C4.
        """
        check_budgets(self.scenario, bandwidth_hz, power_w)
        first = self.slot + self._begun + self.control_delay_slots
        values = tuple(float(np.float32(watts)) for watts in power_w)
        self._pending = [p for p in self._pending if p.slot < first]
        self._pending.append(_PendingBudgets(first, tuple(int(hz) for hz in bandwidth_hz), values))
        self._next_event_slot = min(self._next_event_slot, self.slot)
        return first

    def fix_budgets(self, bandwidth_hz: Sequence[int], power_w: Sequence[float]) -> None:
        """Put budgets in force at once, unchecked: for tables that look at each slice alone (C4 is not held)."""
        self._apply_budgets(bandwidth_hz, power_w)

    def _budgets_at(self, slot: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """The budgets in force in a slot from now on."""
        part = self.state.slices
        result = (tuple(part["bandwidth_hz"]), tuple(part["power_w"]))
        for pending in self._pending:
            if pending.slot <= slot:
                result = (pending.bandwidth_hz, pending.power_w)
        return result

    def _apply_budgets(self, bandwidth_hz: Sequence[int], power_w: Sequence[float]) -> None:
        self.state.slices["bandwidth_hz"] = bandwidth_hz
        self.state.slices["power_w"] = power_w
        self.state.slices["decided_bandwidth_hz"] = bandwidth_hz
        self.state.slices["decided_power_w"] = power_w

    # What people change

    def apply_due(self) -> None:
        """Step 1: budgets, CSI, regimes, ends of bursts and the timeline's events that are due at this slot's start."""
        slot = self.slot
        if slot < self._next_event_slot:
            return
        while self._pending and self._pending[0].slot <= slot:
            due = self._pending.pop(0)
            self._apply_budgets(due.bandwidth_hz, due.power_w)
        decided = self._budgets_at(slot + self.control_delay_slots)
        self.state.slices["decided_bandwidth_hz"], self.state.slices["decided_power_w"] = decided
        self._loads.apply(slot)
        for event in self._timeline.due(slot):
            self.make(event)
        if self._pending_csi is not None:
            self._apply_csi(self._pending_csi)
            self._pending_csi = None
        # A pending budget changes what is decided D slots before it holds.
        budgets = [max(slot + 1, p.slot - self.control_delay_slots) for p in self._pending]
        pending = [p.slot for p in self._pending]
        self._next_event_slot = min(self._loads.next_slot, self._timeline.next_slot, *budgets, *pending)

    def schedule(self, events: Sequence[TimedChange]) -> list[int]:
        """Have changes made at the start of their slots; their numbers.

        Raises:
            ValueError: one cannot be made, or its slot has begun; none will be made.
        """
        first = self.slot + self._begun
        for entry, event in enumerate(events, 1):
            try:
                event.check(self.scenario)
            except ValueError as error:
                raise ValueError(f"entry {entry}: {error}") from error
            if event.slot < first:
                raise ValueError(
                    f"entry {entry}: at_slot: must be at least {first}, the next slot to begin (given {event.slot})"
                )
        numbers = self._timeline.add(events)
        self._next_event_slot = min(self._next_event_slot, self._timeline.next_slot)
        return numbers

    def unschedule(self, number: int | None) -> None:
        """Take a change that waits out of the timeline; None: all.

        Raises:
            ValueError: none of this number waits.
        """
        if number is None:
            self._timeline.clear()
        else:
            self._timeline.remove(number)

    def make(self, event: TimedChange) -> None:
        """Make a change at the start of this slot, and keep it among the events.

        Raises:
            ValueError: it cannot be made; nothing has changed.
        """
        event.check(self.scenario)
        self._loads.apply(self.slot)  # as in a timeline, where they come first
        event.make(self)
        record = event.record()
        self.events.append(record)
        self.on_event(record)

    def set_hwi(self, hwi: Impairments) -> None:
        """Change the hardware impairments."""
        cell = self.state.cell
        cell["hwi_model"] = codes.HWI_MODELS.index(hwi.model)
        cell["kappa_t"] = hwi.kappa_t
        cell["kappa_r"] = hwi.kappa_r
        cell["default_private_share"] = self.scenario.private_share(hwi.model)
        self.hwi = hwi

    @property
    def next_csi(self) -> Csi:
        """The CSI that holds from the next slot start on."""
        return self.csi if self._pending_csi is None else self._pending_csi

    def set_csi(self, csi: Csi) -> int:
        """Change what is known of the channel from the next slot start on, with a new measurement of each user.

        Returns that first slot.
        """
        self._pending_csi = csi
        self._next_event_slot = min(self._next_event_slot, self.slot)
        return self.slot + self._begun

    def _apply_csi(self, csi: Csi) -> None:
        cell = self.state.cell
        cell["csi_delay"] = csi.csi_delay_slots
        cell["csi_period"] = csi.csi_period_slots
        cell["csi_noise"] = csi.csi_noise
        cell["csi_perfect"] = csi.csi_is_perfect
        sensing.restart_measurements(self.state)
        self.csi = csi

    def set_load_scale(self, slice_id: int, scale: float) -> None:
        """Change a slice's load factor."""
        self._loads.set_scale(slice_id, scale)

    def burst(self, slice_id: int, factor: float, slots: int) -> None:
        """Multiply a slice's load for a number of slots."""
        self._loads.burst(slice_id, factor, self.slot + slots)
        self._next_event_slot = min(self._next_event_slot, self._loads.next_slot)

    def inject(self, slice_id: int, packets: int) -> None:
        """Packets at once, round robin over the slice's users."""
        queues.inject(self.state, slice_id, packets)

    def inject_users(self, users: Sequence[int], packets: int) -> None:
        """Packets at once for each of some users, of their slices' sizes."""
        queues.inject_users(self.state, np.array(users, np.int64), packets)

    def set_speed(self, slice_id: int, speed_m_s: float) -> None:
        """Change a slice's speed; its users go on from where they are."""
        part = self.state.slices[slice_id]
        users = self.state.users[self.slice_users(slice_id)]
        sensing.settle_past(self.state, slice_id)
        elapsed_s = (self.slot - users["anchor_slot"]) * SLOT_S
        users["anchor_x_m"] += part["velocity_x_m_s"] * elapsed_s
        users["anchor_y_m"] += part["velocity_y_m_s"] * elapsed_s
        users["anchor_slot"] = self.slot
        self._set_velocity(slice_id, speed_m_s)

    def set_regime(self, index: int | None) -> None:
        """Hold one regime's mix from now on; None: let them switch again, from this one.

        Raises:
            ValueError: the scenario has no regimes, or not this one.
        """
        self._loads.set_regime(index, self.slot)
        self._next_event_slot = min(self._next_event_slot, self._loads.next_slot)

    @property
    def regime(self) -> int | None:
        """The regime of load that holds; None where the scenario has none."""
        return self._loads.regime

    @property
    def regime_fixed(self) -> bool:
        """Whether it is held."""
        return self._loads.regime_fixed

    @property
    def loads(self) -> tuple[float, ...]:
        """Effective load factor a slice."""
        return tuple(float(value) for value in self.state.slices["load"])

    def _set_velocity(self, slice_id: int, speed_m_s: float) -> None:
        scenario = self.scenario
        part = self.state.slices[slice_id]
        part["velocity_x_m_s"] = speed_m_s * math.cos(self._directions[slice_id])
        part["velocity_y_m_s"] = speed_m_s * math.sin(self._directions[slice_id])
        if scenario.fading == "jakes":
            rho = fading_correlation(speed_m_s, scenario.carrier_hz, SLOT_S)
        else:
            rho = scenario.fading_rho if scenario.fading == "fixed" else 0.0
        part["fading_rho"] = rho
        knot_m = speed_m_s * geometry.KNOT_SLOTS * SLOT_S
        part["shadowing_rho"] = math.exp(-knot_m / scenario.shadowing_decorrelation_m)
