"""What a learner keeps of each xApp that it serves: the session of its agent at one node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from xapps import learner_wire as wire
from xapps.codec import decode_observation, decode_report
from xapps.slicing.inter.base import InterWeights
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS
from xapps.slicing.intra.config import CONFIGS
from xapps.slicing.intra.policies import network_layers
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import BudgetContext, SliceContext
from xapps.slicing.options import AgentOptions

if TYPE_CHECKING:
    from xapps.slicing.inter.learning import InterLearner
    from xapps.slicing.intra.dqn import IntraLearner


REALTIME_FRAMES_PER_UPDATE = 4
"""An update costs four times what the rest of a frame does, on cores that the loop needs."""
MAX_SESSIONS = 64
"""As many as a RIC has nodes: of more, those unused for longest are given up."""


class Session(ABC):
    """The learner of one xApp's agent at one node."""

    version: int

    def __init__(self, hello: dict[str, Any]) -> None:
        """`hello`: the xApp's greeting."""
        self.hello = hello
        self.news = False
        """Whether the newest weights have not been sent yet."""
        self.lockstep = bool(hello["lockstep"])
        self.options = AgentOptions.model_validate(hello["options"])

    def fits(self, hello: dict[str, Any]) -> bool:
        """Whether a greeting is for what this session has learned."""
        return all(hello[part] == self.hello[part] for part in ("context", "options", "lockstep", "slots_a_frame"))

    @abstractmethod
    def weights(self) -> wire.WeightsParts:
        """The newest weights."""

    @abstractmethod
    def learn(self, header: bytes, message: bytes, previous: bytes) -> bool:
        """Learn from a frame; whether there was an update.

        Raises:
            ValueError: a frame that cannot be used.
        """

    @abstractmethod
    def measures(self) -> dict[str, float]:
        """updates, reward, version, epsilon (where it explores so), and loss.NAME."""


class SlotSession(Session):
    """A slice's."""

    def __init__(self, hello: dict[str, Any], policy: str, seed: int, training_slots: int, start: IntraWeights) -> None:
        """Goes on from `start`."""
        super().__init__(hello)
        self._policy = policy
        self._seed = seed
        self._training_slots = training_slots
        self._learner = self._make(start)
        self._actions = network_layers(policy, self._learner.context.beams, self.options)[-1]
        self._last_slot = -1
        self._last_users = 0
        self._updates_before = 0

    def _make(self, start: IntraWeights) -> IntraLearner:
        from xapps.slicing.intra.dqn import IntraLearner

        context = SliceContext(**self.hello["context"])
        slots = self._training_slots * int(self.hello["slots_a_frame"])  # exploration fades by the cell's slots
        config = CONFIGS[self._policy]
        if not self.lockstep:
            config = replace(config, frames_per_update=config.frames_per_update * REALTIME_FRAMES_PER_UPDATE)
        return IntraLearner(self._policy, context, self._seed, slots, start, config, self.options)

    @property
    def version(self) -> int:  # type: ignore[override]
        """Of the newest weights."""
        return self._learner.weights.version

    def weights(self) -> wire.WeightsParts:
        """The newest weights."""
        return wire.encode_intra_weights(self._learner.weights)

    def learn(self, header: bytes, message: bytes, previous: bytes) -> bool:
        """One frame of the slot function."""
        observation = decode_observation(header, message)
        decision = wire.decode_decision(previous)
        if decision is not None and len(decision.beams) != self._last_users:
            raise ValueError(f"previous: of {len(decision.beams)} users, the frame before was of {self._last_users}")
        if decision is not None and decision.actions is not None:
            self._check("actions", decision.actions, self._actions)
            self._check("beams", decision.beams, self._learner.context.beams)
        if observation.observed_slot <= self._last_slot:
            # Another world has begun: what was open in the old one never ends.
            self._updates_before += self._learner.stats.updates
            self._learner = self._make(self._learner.weights)
            decision = None
        elif not self.lockstep:
            self._learner.cut_off(observation.observed_slot)
        self._last_slot = observation.observed_slot
        self._last_users = len(observation.user_ids)
        return self._learner.on_frame(observation, decision) is not None

    @staticmethod
    def _check(name: str, numbers: NDArray[Any], count: int) -> None:
        if wrong := numbers[(numbers < 0) | (numbers >= count)].tolist():
            raise ValueError(f"previous.{name}: must be 0 to {count - 1}, not {wrong[0]}")

    def measures(self) -> dict[str, float]:
        """What the learner says of itself."""
        stats = self._learner.stats
        return {
            "updates": self._updates_before + stats.updates,
            "reward": stats.reward,
            "version": self.version,
            "epsilon": stats.epsilon,
            "loss.td": stats.loss,
        }


class BudgetSession(Session):
    """The inter-slice level's."""

    def __init__(self, hello: dict[str, Any], policy: str, seed: int, start: InterWeights) -> None:
        """Goes on from `start`."""
        super().__init__(hello)
        from xapps.slicing.inter.learners import make_inter_learner

        context = BudgetContext(**hello["context"])
        self._learner: InterLearner = make_inter_learner(
            COMA2C_CONFIGS[policy], context, seed, start, self.options.bandwidth_step_hz
        )

    @property
    def version(self) -> int:  # type: ignore[override]
        """Of the newest weights."""
        return self._learner.version

    def weights(self) -> wire.WeightsParts:
        """The newest weights."""
        return wire.encode_inter_weights(self._learner.weights())

    def learn(self, header: bytes, message: bytes, previous: bytes) -> bool:
        """One report of the budget function."""
        return self._learner.on_second(decode_report(header, message), wire.decode_actions(previous)) is not None

    def measures(self) -> dict[str, float]:
        """What the learner says of itself; losses are means over the agents."""
        stats = self._learner.stats
        return {
            "updates": stats.updates,
            "reward": stats.reward,
            "version": self.version,
            "loss.actor": mean(agent.actor_loss for agent in stats.agents.values()),
            "loss.critic": mean(agent.critic_loss for agent in stats.agents.values()),
        }


class Sessions:
    """The sessions of a learner by the names of their xApps, those unused for longest first; of too many they end."""

    def __init__(self) -> None:
        """None yet."""
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self.ended_updates = 0.0
        """Of sessions that have ended."""

    def get(self, name: bytes) -> Session | None:
        """An xApp's; None: it has none."""
        return self._open.get(name)

    def keep(self, name: bytes, session: Session) -> None:
        """Put an xApp's session last, in the place of the one that it had."""
        before = self._open.get(name)
        if before is not None and before is not session:
            self._end(before)
        self._open[name] = session
        self._open.move_to_end(name)
        while len(self._open) > MAX_SESSIONS:
            self._end(self._open.popitem(last=False)[1])

    def in_use(self) -> list[Session]:
        """Those that have not ended, the one used last at the end; from any thread."""
        return list(self._open.values())

    def _end(self, session: Session) -> None:
        self.ended_updates += session.measures()["updates"]
