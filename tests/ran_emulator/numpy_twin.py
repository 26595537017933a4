"""A cell in plain numpy, written from the model's words and equations: the oracle of the compiled step.

It keeps a world of its own, started from the seed, with h over the antennas, beams as vectors and distortion summed
antenna by antenna. Only the bits that a slot carries are computed at a rate that is handed in, since floor() would
turn a rounding of the rate into another integer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np

from ran_emulator.phy.random_streams import bits64, normal_pair, stream_key, stream_seed, uniform
from ran_emulator.scenario import Csi, Impairments, Scenario

SLOT_MS = 0.5
SLOT_S = 5e-4
PATHS = 4
GROUP = 8
KNOT_SLOTS = 200
REFRESH_SLOTS = 20
HELD_SLOTS = 20
POOL = 4_096
CONTROL, HELD, DEFAULT = 0, 1, 2
SPEED_OF_LIGHT_M_S = 299_792_458.0


def bessel_j0(x: float) -> float:
    """J0 by its power series, sum (-1)^k (x/2)^2k / (k!)^2."""
    term, total = 1.0, 1.0
    for k in range(1, 60):
        term *= -((x / 2) ** 2) / k**2
        total += term
    return total


@dataclass
class Packet:
    """Bits still to be sent, and the slot of arrival."""

    bits: int
    slot: int


@dataclass
class TwinUser:
    """One user of the twin."""

    user_id: int
    slice_id: int
    x_m: float
    y_m: float
    path_offset_rad: Any
    next_arrival_ms: float = 0.0
    draws: int = 0
    queue: list[Packet] = field(default_factory=list)
    shadowing: list[float] = field(default_factory=list)
    geometry_slot: int | None = None
    amplitude: float = 0.0
    path_cos: Any = None
    fading: Any = None
    fading_slot: int | None = None
    measured: dict[int, Any] = field(default_factory=dict)  # slot -> h [N]
    grants_in_flight: int = 0
    rate_bps: float | None = None
    held: tuple[int, int, float] | None = None  # slot, beam, watts

    @property
    def bits(self) -> int:
        """Queued bits."""
        return sum(packet.bits for packet in self.queue)


@dataclass
class TwinGrant:
    """A group chosen for a slot, and what was decided for it."""

    user_ids: list[int]
    beams: list[int] | None = None
    private_w: list[float] | None = None
    common_w: float | None = None


@dataclass
class TwinOutcome:
    """One slice's executed slot."""

    user_ids: list[int]
    beams: Any
    sources: list[int]
    private_w: Any
    common_w: float
    sdnr: Sdnr
    common_share: Any
    private_rate: Any
    rate_bps: Any
    gains: Any  # [K, N]
    channel_gain: Any
    common_gain: Any


@dataclass
class Accounts:
    """Integer measures of a slice since slot 0."""

    offered: int = 0
    delivered: int = 0
    succeeded: int = 0
    dropped_full: int = 0
    dropped_late: int = 0
    offered_bits: int = 0
    delivered_bits: int = 0
    dropped_bits: int = 0
    by_source: list[int] = field(default_factory=lambda: [0, 0, 0])
    active: int = 0
    delay_ms: float = 0.0


def common_beams(seed: int, antennas: int) -> Any:
    """The pool of random common beams over the antennas, [pool, N], unit norm and constant modulus."""
    rng = np.random.default_rng(stream_seed(seed, "common beam"))
    return np.exp(1j * rng.uniform(0, 2 * math.pi, (POOL, antennas))) / math.sqrt(antennas)


def codebook(name: str, antennas: int) -> Any:
    """Beams over the antennas, [N, beams]."""
    beams = np.zeros((antennas, antennas), np.complex128)
    for n in range(antennas):
        for b in range(antennas):
            turn = n * b / antennas
            if name == "phase-quantised":
                turn = math.floor(16 * n * ((b + antennas // 2) % antennas) / antennas) / 16
            beams[n, b] = np.exp(2j * math.pi * turn) / math.sqrt(antennas)
    return beams


def billiard(start: Any, heading: Any, travelled_m: float, radius_m: float) -> Any:
    """Where a point comes that is thrown back from a circle's rim, one reflection after the other."""
    place, heading, left_m = np.array(start), np.array(heading), travelled_m
    while True:
        along = place @ heading
        to_rim_m = -along + math.sqrt(along**2 + radius_m**2 - place @ place)
        if left_m <= to_rim_m:
            return place + left_m * heading
        place = place + to_rim_m * heading
        place *= radius_m / np.linalg.norm(place)
        normal = place / radius_m
        heading = heading - 2 * (heading @ normal) * normal
        left_m -= to_rim_m


def common_shares(split: str, common: float, wanted: float, private: Any) -> Any:
    """Each user's part of the common rate (Eq. 15)."""
    count = len(private)
    if split == "equal":
        return np.full(count, common / count)
    if split == "deficit":
        deficit = np.maximum(wanted - private, 0)
        if deficit.sum() >= common:
            return common * deficit / deficit.sum()
        return deficit + (common - deficit.sum()) / count
    # Water over sorted vessels: the level over the lowest j, as long as it reaches the next one.
    ordered = np.sort(private)
    level = next(
        level
        for j in range(1, count + 1)
        if (level := (common + ordered[:j].sum()) / j) <= (ordered[j] if j < count else math.inf)
    )
    return np.maximum(level - private, 0)


def precoded(precoder: str, csi: Any, loading: Any) -> Any:
    """Unit-norm beams [K, N] for h_u as known, csi [K, N]; loading [K] is what RZF adds to the Gram matrix."""
    rows = csi.conj()  # H: its rows are h_u^H
    if precoder == "mrt":
        columns = rows.conj().T
    elif precoder == "zf":
        columns = np.linalg.pinv(rows)
    else:
        columns = rows.conj().T @ np.linalg.inv(rows @ rows.conj().T + np.diag(loading))
    return (columns / np.linalg.norm(columns, axis=0)).T


@numba.njit
def normals(key: Any, address: int, first: int, count: int) -> Any:
    """Complex numbers of independent standard normals at counters first..first+count-1, [count]."""
    drawn = np.zeros(count, np.complex128)
    for k in range(count):
        re, im = normal_pair(key, address, first + k)
        drawn[k] = complex(re, im)
    return drawn


def steering(path_cos: Any, antennas: int) -> Any:
    """a(theta) of Eq. 8 at half a wavelength, [N, L]."""
    return np.exp(1j * math.pi * np.outer(np.arange(antennas), path_cos))


@dataclass
class Sdnr:
    """Eq. 13 and 14 of a group, and how much an SDNR changes, relatively, as the entries of h do, relatively."""

    common: Any  # [K]
    private: Any  # [K]
    common_condition: Any  # [K]
    private_condition: Any  # [K]


def sdnr(channels: Any, beams: Any, private_w: Any, common_w: float, noise_w: float, hwi: Impairments) -> Sdnr:
    """SDNR with the distortion of Eq. 11 and 12, which at the transmitter is summed antenna by antenna.

    channels [K, N]: h_u; beams [K + 1, N]: unit-norm private beams, then the common one.
    """
    kappa_t, kappa_r = float(np.float32(hwi.kappa_t)), float(np.float32(hwi.kappa_r))
    count = len(channels)
    powers = np.append(np.asarray(private_w, np.float64), common_w)
    result = Sdnr(*(np.zeros(count) for _ in range(4)))
    for u in range(count):
        gains = abs(beams @ channels[u].conj()) ** 2  # [K + 1]
        received = gains * powers
        transmitter = kappa_t * np.sum(abs(beams * channels[u]) ** 2, axis=1) * powers
        distortion = transmitter + kappa_r * received
        in_common = distortion.sum() if hwi.model == "aggregate" else distortion[count]
        in_private = distortion.sum() if hwi.model == "aggregate" else distortion[u]
        others = sum(received[i] for i in range(count) if i != u)
        below_common = others + received[u] + in_common + noise_w
        below_private = others + in_private + noise_w
        result.common[u] = received[count] / below_common
        result.private[u] = received[u] / below_private
        norm = math.sqrt(np.sum(abs(channels[u]) ** 2))
        moved = 2 * np.sqrt(gains) * norm * powers  # of each received power, to first order
        unsure = moved[:count].sum() + kappa_r * moved.sum()
        own = 2 * norm / np.sqrt(np.maximum(gains, 1e-300))
        result.common_condition[u] = own[count] + unsure / below_common
        result.private_condition[u] = own[u] + (unsure - moved[u]) / below_private
    return result


class NumpyTwin:
    """Arrivals, groups, powers, rates and accounts of a cell without a timeline of events but budgets."""

    def __init__(self, scenario: Scenario, seed: int, control_delay_slots: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.delay = control_delay_slots
        self.slot = 0
        self.hwi = scenario.hwi
        self.parts = scenario.slices.in_order()
        self.bandwidth_hz = list(scenario.initial_bandwidth_hz)
        self.power_w = [float(np.float32(share * scenario.total_power_w)) for share in scenario.initial_power_share]
        self.budgets_due: dict[int, tuple[tuple[int, ...], tuple[float, ...]]] = {}
        self.clock_ms = [0.0, 0.0, 0.0]
        self.accounts = [Accounts(), Accounts(), Accounts()]
        self.grants: dict[tuple[int, int], TwinGrant] = {}
        self.held_common_w: list[float | None] = [None, None, None]
        self.codebook = codebook(scenario.codebook, scenario.antennas)
        self.pool = common_beams(seed, scenario.antennas)
        self.csi = scenario.csi
        self.csi_since = 0
        self._keys = {
            name: stream_key(seed, name)
            for name in ("traffic", "traffic/size", "shadowing", "fading", "common beam/choice", "csi")
        }
        self.rho = [self._rho(s) for s in range(3)]
        self._place_users()

    def _place_users(self) -> None:
        scenario = self.scenario
        counts = scenario.users_by_slice(np.random.default_rng(stream_seed(self.seed, "world")))
        total = sum(counts)
        self.directions = np.random.default_rng(stream_seed(self.seed, "mobility")).uniform(0, 2 * math.pi, 3)
        rng = np.random.default_rng(stream_seed(self.seed, "world/positions"))
        half = scenario.side_m / 2
        x, y = rng.uniform(-half, half, total), rng.uniform(-half, half, total)
        if scenario.coverage == "confined":  # area by x, angle by y
            radius, angle = scenario.coverage_radius_m * np.sqrt((x + half) / (2 * half)), math.pi * y / half
            x, y = radius * np.cos(angle), radius * np.sin(angle)
        spread = math.radians(scenario.angular_spread_deg) / 2
        offsets = rng.uniform(-spread, spread, (total, PATHS))
        slice_of = [s for s in range(3) for _ in range(counts[s])]
        self.users = [TwinUser(u, slice_of[u], x[u], y[u], offsets[u]) for u in range(total)]
        self.members = [[user for user in self.users if user.slice_id == s] for s in range(3)]
        self.last_granted = [members[0].user_id - 1 for members in self.members]
        self.last_default = list(self.last_granted)
        for user in self.users:
            user.next_arrival_ms = self._gap_ms(user)

    # Traffic (Eq. 1-5, Table 2)

    def _gap_ms(self, user: TwinUser) -> float:
        u = uniform(self._keys["traffic"], user.user_id, user.draws)
        user.draws += 1
        vonr, embb, urllc = self.parts
        if user.slice_id == 0:
            return float(u * vonr.interarrival_max_ms)
        if user.slice_id == 1:
            pareto = embb.pareto_scale_ms * (1 - u) ** (-1 / embb.pareto_shape)
            return float(min(pareto, embb.interarrival_cap_ms))
        return float(-urllc.interarrival_mean_ms * math.log(1 - u))

    def _arrive(self) -> None:
        for s in range(3):
            part, account = self.parts[s], self.accounts[s]
            self.clock_ms[s] += part.load_scale * SLOT_MS
            for user in self.members[s]:
                while user.next_arrival_ms < self.clock_ms[s]:
                    if not self._in_reach(user):
                        user.next_arrival_ms += self._gap_ms(user)
                        continue
                    size = part.packet_bytes_min
                    span = part.packet_bytes_max - part.packet_bytes_min + 1
                    if span > 1:
                        size += int(bits64(self._keys["traffic/size"], user.user_id, user.draws)) % span
                    account.offered += 1
                    account.offered_bits += 8 * size
                    if len(user.queue) == self.scenario.queue_packets:
                        account.dropped_full += 1
                        account.dropped_bits += 8 * size
                    else:
                        user.queue.append(Packet(8 * size, self.slot))
                    user.next_arrival_ms += self._gap_ms(user)

    def _drop_late(self) -> None:
        for user in self.users:
            account = self.accounts[user.slice_id]
            limit_ms = self.parts[user.slice_id].max_latency_ms
            late = [packet for packet in user.queue if (self.slot - packet.slot) * SLOT_MS >= limit_ms]
            if not self._in_reach(user):
                late = list(user.queue)
            account.dropped_late += len(late)
            account.dropped_bits += sum(packet.bits for packet in late)
            user.queue = [packet for packet in user.queue if packet not in late]

    def _serve(self, user: TwinUser, rate_bps: float) -> int:
        """Bits sent at a rate, with the packets that it completes (Eq. 2, 3)."""
        part, account = self.parts[user.slice_id], self.accounts[user.slice_id]
        budget = math.floor(rate_bps * SLOT_S)
        sent = 0
        while user.queue and sent < budget:
            packet = user.queue[0]
            portion = min(packet.bits, budget - sent)
            packet.bits -= portion
            sent += portion
            if packet.bits == 0:
                user.queue.pop(0)
                delay_ms = (self.slot - packet.slot) * SLOT_MS + sent / rate_bps * 1e3
                account.delivered += 1
                account.delay_ms += delay_ms
                account.succeeded += rate_bps >= part.min_rate_bps and delay_ms <= part.max_latency_ms
        account.delivered_bits += sent
        return sent

    def _in_reach(self, user: TwinUser) -> bool:
        inside = math.hypot(*self.position_m(user, self.slot)) <= self.scenario.coverage_radius_m
        return inside or self.scenario.coverage != "disc"

    # Channel (Eq. 6-8)

    def _shadowing_db(self, user: TwinUser, slot: int) -> float:
        part = self.parts[user.slice_id]
        step_m = part.speed_m_s * KNOT_SLOTS * SLOT_S
        rho = math.exp(-step_m / self.scenario.shadowing_decorrelation_m)
        knot, rest = divmod(slot, KNOT_SLOTS)
        knots = user.shadowing
        while len(knots) < knot + 2:
            draw = normal_pair(self._keys["shadowing"], user.user_id, len(knots))[0]
            knots.append(rho * knots[-1] + math.sqrt(1 - rho**2) * draw if knots else draw)
        b = rest / KNOT_SLOTS
        a = 1 - b
        unit = (a * knots[knot] + b * knots[knot + 1]) / math.sqrt(a**2 + b**2 + 2 * a * b * rho)
        return float(self.scenario.shadowing_std_db * unit)

    def position_m(self, user: TwinUser, slot: int) -> tuple[float, float]:
        """Where a user is: straight on, folded back at the borders, or thrown back from the rim of the disc."""
        side = self.scenario.side_m
        travelled_m = self.parts[user.slice_id].speed_m_s * slot * SLOT_S
        angle = self.directions[user.slice_id]
        heading = math.cos(angle), math.sin(angle)
        if self.scenario.coverage == "confined":
            x, y = billiard((user.x_m, user.y_m), heading, travelled_m, self.scenario.coverage_radius_m)
            return float(x), float(y)
        place = []
        for start, unit in zip((user.x_m, user.y_m), heading, strict=True):
            unfolded = start + travelled_m * unit + side / 2
            rounds, rest = divmod(unfolded, side)
            place.append((rest if rounds % 2 == 0 else side - rest) - side / 2)
        return place[0], place[1]

    def _refresh_geometry(self, user: TwinUser, slot: int) -> None:
        scenario = self.scenario
        x, y = self.position_m(user, slot)
        distance_km = max(math.hypot(x, y), scenario.distance_floor_m) / 1e3
        loss_db = scenario.path_loss_at_1km_db + scenario.path_loss_slope_db * math.log10(distance_km)
        beta = 10 ** ((self._shadowing_db(user, slot) - loss_db) / 10)
        user.amplitude = math.sqrt(beta / PATHS)
        user.path_cos = np.cos(math.atan2(y, x) + user.path_offset_rad)
        user.geometry_slot = slot

    def _rho(self, slice_id: int) -> float:
        doppler_hz = self.parts[slice_id].speed_m_s * self.scenario.carrier_hz / SPEED_OF_LIGHT_M_S
        return {
            "jakes": bessel_j0(2 * math.pi * doppler_hz * SLOT_S),
            "fixed": self.scenario.fading_rho,
            "iid": 0.0,
        }[self.scenario.fading]

    def _refresh_fading(self, user: TwinUser, slot: int) -> None:
        pairs = [normal_pair(self._keys["fading"], user.user_id, slot * PATHS + path) for path in range(PATHS)]
        fresh = np.array([complex(*pair) for pair in pairs]) / math.sqrt(2)
        if user.fading_slot is None:
            user.fading = fresh
        else:
            correlation = self.rho[user.slice_id] ** (slot - user.fading_slot)
            user.fading = correlation * user.fading + math.sqrt(1 - correlation**2) * fresh
        user.fading_slot = slot

    def _channel_in(self, user: TwinUser, slot: int) -> Any:
        """h over the antennas in a slot, not before the last one that was looked at, [N]."""
        if user.geometry_slot is None or slot - user.geometry_slot > REFRESH_SLOTS:
            self._refresh_geometry(user, slot)
        if user.fading_slot != slot:
            self._refresh_fading(user, slot)
        return user.amplitude * steering(user.path_cos, self.scenario.antennas) @ user.fading

    def _measured_in(self, user: TwinUser, slot: int) -> bool:
        """Whether a user is measured in a slot: in turn, and when the CSI settings begin to hold."""
        return slot == self.csi_since or (slot + user.user_id) % self.csi.csi_period_slots == 0

    def _known_slot(self, user: TwinUser) -> int:
        """The slot of the last measurement that is known now."""
        slot = max(self.slot - self.csi.csi_delay_slots, self.csi_since)
        while not self._measured_in(user, slot):
            slot -= 1
        return slot

    def channel(self, user: TwinUser) -> Any:
        """h over the antennas in this slot, [N], by way of the measurements that are known, or will be."""
        if not self.csi.csi_is_perfect:
            seen = -1 if user.fading_slot is None else user.fading_slot
            for slot in range(max(self._known_slot(user), seen + 1), self.slot + 1):
                if self._measured_in(user, slot):
                    user.measured[slot] = self._channel_in(user, slot)
        return self._channel_in(user, self.slot)

    def known_channel(self, user: TwinUser) -> Any:
        """h as it is known in this slot, [N]: the last measurement with its error, white over the beams."""
        h = self.channel(user)
        if self.csi.csi_is_perfect:
            return h
        slot, antennas = self._known_slot(user), self.scenario.antennas
        h = user.measured[slot]
        if self.csi.csi_noise == 0:
            return h
        error = normals(self._keys["csi"], user.user_id, slot * antennas, antennas)
        error *= math.sqrt(self.csi.csi_noise * np.sum(abs(h) ** 2) / (2 * antennas))  # of h^H c_b
        return h + np.einsum("nb,b->n", self.codebook, error.conj())

    def set_csi(self, csi: Csi) -> None:
        """From this slot on."""
        self.csi, self.csi_since = csi, self.slot

    def _codebook_gains(self, h: Any) -> Any:
        """|h^H C|^2 by the dense product (einsum: small products wait for the threads of a BLAS)."""
        return abs(np.einsum("n,nb->b", h.conj(), self.codebook)) ** 2

    # The slot

    def _covered(self, user: TwinUser) -> bool:
        if user.grants_in_flight == 0:
            return False
        if not user.rate_bps:
            return True
        return user.bits <= user.grants_in_flight * math.floor(user.rate_bps * SLOT_S)

    def _choose(self, slice_id: int) -> None:
        members, first = self.members[slice_id], self.members[slice_id][0].user_id
        start = self.last_granted[slice_id] + 1 - first
        order = [members[(start + k) % len(members)] for k in range(len(members))]
        chosen = [user for user in order if user.bits > 0 and not self._covered(user)][:GROUP]
        for user in chosen:
            user.grants_in_flight += 1
            self.last_granted[slice_id] = user.user_id
        ids = sorted(user.user_id for user in chosen)
        self.grants[self.slot + self.delay, slice_id] = TwinGrant(ids)

    def begin(self) -> list[tuple[list[int], list[Any]]]:
        """Steps 1 to 4; returns per slice the group's ids and |h^H c|^2 [N] of each of its users."""
        if self.slot in self.budgets_due:
            bandwidth_hz, power_w = self.budgets_due.pop(self.slot)
            self.bandwidth_hz, self.power_w = list(bandwidth_hz), list(power_w)
        self._arrive()
        self._drop_late()
        groups = []
        for s in range(3):
            self._choose(s)
            decided_slot = self.slot + self.delay
            asked = decided_slot % self.scenario.decision_period_slots == 0
            ids = self.grants[decided_slot, s].user_ids if asked else []
            gains = [self._codebook_gains(self.known_channel(self.users[u])) for u in ids]
            groups.append((ids, gains))
        return groups

    def submit(self, slice_id: int, decided_slot: int, beams: Any, private_w: Any, common_w: float | None) -> None:
        """A decision for a group."""
        rsma = self.scenario.access in ("rsma", "rsma-split")
        grant = self.grants[decided_slot, slice_id]
        grant.beams = [int(beam) for beam in beams]
        grant.private_w = [float(np.float32(watts)) for watts in private_w]
        grant.common_w = common_w if rsma else 0.0

    def _seats(self, slice_id: int, grant: TwinGrant) -> dict[int, tuple[int, int | None, float | None]]:
        """Who is served: user id -> (source, beam, watts), by id. On what is decided users fall back for a while."""
        seats: dict[int, tuple[int, int | None, float | None]] = {}
        if grant.beams is not None and grant.private_w is not None:
            self.held_common_w[slice_id] = grant.common_w
            for user_id, beam, watts in zip(grant.user_ids, grant.beams, grant.private_w, strict=True):
                self.users[user_id].held = (self.slot, beam, watts)
        for place, user_id in enumerate(grant.user_ids):
            user = self.users[user_id]
            user.grants_in_flight -= 1
            if user.bits == 0:
                continue
            if grant.beams is not None and grant.private_w is not None:
                seats[user_id] = (CONTROL, grant.beams[place], grant.private_w[place])
            elif user.held is not None and self.slot - user.held[0] <= HELD_SLOTS:
                seats[user_id] = (HELD, user.held[1], user.held[2])
            else:
                seats[user_id] = (DEFAULT, None, None)
        if self.parts[slice_id].undecided == "default":
            members = self.members[slice_id]
            start = self.last_default[slice_id] + 1 - members[0].user_id
            for k in range(len(members)):
                user = members[(start + k) % len(members)]
                if len(seats) < GROUP and user.bits > 0 and user.user_id not in grant.user_ids:
                    seats[user.user_id] = (DEFAULT, None, None)
                    self.last_default[slice_id] = user.user_id
        return dict(sorted(seats.items()))

    def _powers(self, slice_id: int, grant: TwinGrant, seats: Any) -> tuple[Any, float]:
        """Private powers [K] and common power in W."""
        budget = self.power_w[slice_id]
        decided = [watts for source, _, watts in seats.values() if source != DEFAULT]
        share = self.scenario.private_share(self.scenario.hwi.model) * budget / len(seats)
        for_default = min(decided) if decided else share
        private = np.array([for_default if watts is None else watts for _, _, watts in seats.values()])
        used = private.sum()
        if used > budget:
            private = private * (budget / used)
            used = budget  # in full: what rounding leaves is no common stream
        named: float | None = None  # what the private streams leave
        if decided:
            named = grant.common_w if grant.beams is not None else self.held_common_w[slice_id]
            if grant.private_w is not None:
                silent = [w for u, w in zip(grant.user_ids, grant.private_w, strict=True) if u not in seats]
                used += sum(silent)
        rest = max(0.0, budget - used)
        common = rest if named is None else min(named, rest)
        if self.scenario.access not in ("rsma", "rsma-split"):
            common = 0.0
        return private, common

    def _execute_slice(self, slice_id: int) -> TwinOutcome | None:
        grant = self.grants.pop((self.slot, slice_id), TwinGrant([]))
        seats = self._seats(slice_id, grant)
        if not seats:
            return None
        ids = list(seats)
        count = len(ids)
        private_w, common_w = self._powers(slice_id, grant, seats)
        channels = np.array([self.channel(self.users[u]) for u in ids])
        csi = np.array([self.known_channel(self.users[u]) for u in ids])
        gains = np.array([self._codebook_gains(h) for h in channels])
        best = [int(np.argmax(self._codebook_gains(h))) for h in csi]
        beams = [best[k] if seats[u][1] is None else seats[u][1] for k, u in enumerate(ids)]
        access = self.scenario.access
        band_hz = self.bandwidth_hz[slice_id] / (count if access in ("ofdma", "rsma-split") else 1)
        noise_w = self.scenario.noise_w_per_hz * band_hz
        if self.scenario.precoder == "codebook":
            private_beams = self.codebook[:, beams].T
        else:
            power = np.sum(abs(csi) ** 2, axis=1)
            error = self.csi.csi_noise * power / self.scenario.antennas
            loading = count * (noise_w / self.power_w[slice_id] + error)
            # alone in a band there is nobody to spare
            private_beams = precoded("mrt" if access == "ofdma" else self.scenario.precoder, csi, loading)
        common_beam = self._common_beam(slice_id, csi)
        vectors = np.vstack([private_beams, common_beam])
        if access == "ofdma":
            quality = Sdnr(*(np.zeros(count) for _ in range(4)))
            for k in range(count):
                own = vectors[[k, count]]
                alone = sdnr(channels[k : k + 1], own, private_w[k : k + 1], 0.0, noise_w, self.hwi)
                quality.private[k], quality.private_condition[k] = alone.private[0], alone.private_condition[0]
        else:
            quality = sdnr(channels, vectors, private_w, common_w, noise_w, self.hwi)
        rate = np.log2(1 + quality.private)
        wanted = self.parts[slice_id].min_rate_bps / band_hz
        share = common_shares(self.scenario.common_split, math.log2(1 + quality.common.min()), wanted, rate)
        return TwinOutcome(
            user_ids=ids,
            beams=beams,
            sources=[seat[0] for seat in seats.values()],
            private_w=private_w,
            common_w=common_w,
            sdnr=quality,
            common_share=share,
            private_rate=rate,
            rate_bps=band_hz * (share + rate),
            gains=gains,
            channel_gain=np.sum(abs(channels) ** 2, axis=1),
            common_gain=abs(channels.conj() @ common_beam) ** 2,
        )

    def _common_beam(self, slice_id: int, csi: Any) -> Any:
        """The common beam over the antennas, [N]; csi [K, N]: the group's channels as known."""
        directions = csi / np.linalg.norm(csi, axis=1, keepdims=True)
        if self.scenario.common_beam == "sum-mrt":
            return directions.sum(axis=0) / np.linalg.norm(directions.sum(axis=0))
        if self.scenario.common_beam == "best-codebook":
            gains = np.array([self._codebook_gains(h) for h in directions])
            return self.codebook[:, np.argmax(gains.min(axis=0))]
        draw = int(bits64(self._keys["common beam/choice"], slice_id, self.slot)) % POOL
        return self.pool[draw]

    def execute(self) -> list[TwinOutcome | None]:
        """Step 5 up to the rates: every slice's outcome in this slot, before its bits are sent."""
        for s in range(3):
            self.accounts[s].active += sum(user.bits > 0 for user in self.members[s])
        return [self._execute_slice(s) for s in range(3)]

    def settle(self, slice_id: int, outcome: TwinOutcome, rate_bps: Any) -> list[int]:
        """Step 6: send each served user's bits at the rate given; returns them."""
        sent = []
        for place, user_id in enumerate(outcome.user_ids):
            user = self.users[user_id]
            self.accounts[slice_id].by_source[outcome.sources[place]] += 1
            user.rate_bps = float(rate_bps[place])
            sent.append(self._serve(user, user.rate_bps))
        return sent
