"""The learner's process: it learns what the learner's class learns, and survives what it is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
import numpy as np
import pytest
import zmq
from free_ports import free_port, has_ipv6_loopback
from messages import EMBB, observation, outcome, report

from xapps import learner as learner_module
from xapps import learner_sessions
from xapps import learner_wire as wire
from xapps.codec import decode_observation, decode_report
from xapps.learner_link import learner_endpoint
from xapps.sdk.management import connected_socket
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS, action_counts, initial_weights
from xapps.slicing.intra.policies import make_intra_policy, untrained_weights
from xapps.slicing.observation import BudgetContext, SlotDecision

pytestmark = [pytest.mark.torch, pytest.mark.slow]

POLICY = "madqn-tuned"
BUDGETS = BudgetContext(10_000_000, 1_000.0, 2_000_000, 10**-1.5, 0)
FRAMES = 200


class Learner:
    """A learner process, and the socket of an xApp."""

    def __init__(self, folder: Path, agent: str, policy: str, *options: str) -> None:
        self.port = free_port()
        self.endpoint = f"ipc://{folder}/learner"
        command = [sys.executable, "-m", "xapps.learner", "--agent", agent, "--policy", policy, "--seed", "1"]
        command += ["--listen", self.endpoint, "--metrics-port", str(self.port), *options]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IDENTITY, b"xapp/node")
        self.socket.connect(self.endpoint)

    def ask(self, *parts: bytes) -> list[bytes]:
        self.socket.send_multipart(parts)
        assert self.socket.poll(60_000), "no answer within 60 s"
        return self.socket.recv_multipart()

    def learn(self, number: int, frame: tuple[bytes, bytes], previous: bytes) -> list[bytes]:
        answer = self.ask(wire.FRAME, wire.encode_number(number), *frame, previous)
        assert answer[:2] == [wire.LEARNED, wire.encode_number(number)]
        return answer[2:]

    def get(self, path: str) -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False).text

    def metric(self, name: str, **labels: str) -> float:
        parts = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(f"{name}{{")]
        (line,) = (line for line in lines if all(part in line for part in parts))
        return float(line.rpartition(" ")[2])

    def close(self) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Learner]]:
    made: list[Learner] = []

    def make(agent: str, policy: str, *options: str) -> Learner:
        made.append(Learner(tmp_path, agent, policy, *options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def slot_hello(policy: str = POLICY, *, lockstep: bool = True, slots_a_frame: int = 1) -> tuple[bytes, ...]:
    start = untrained_weights(POLICY, EMBB, 1)
    hello = wire.encode_hello("embb", policy, lockstep, asdict(EMBB), slots_a_frame=slots_a_frame)
    return wire.HELLO, hello, *wire.encode_intra_weights(start)


def frames(first_slot: int = 0) -> Iterator[tuple[tuple[bytes, bytes], SlotDecision]]:
    """Frames of three users, decided at random; each brings the outcome of the one before."""
    policy = make_intra_policy(POLICY, EMBB, 1)
    users = [17, 20, 41]
    executed: list[Any] = []
    for slot in range(first_slot, first_slot + FRAMES):
        frame = observation(slot, users, executed)
        decision = policy.decide(decode_observation(*frame))
        yield frame, decision
        ended = outcome(np.random.default_rng(slot), slot, users)
        ended.beams = decision.beams.tobytes()
        ended.private_power_w = decision.private_power_w.tobytes()
        executed = [ended]


def test_a_slice_is_learned_as_in_process(start: Callable[..., Learner]) -> None:
    from xapps.slicing.intra.dqn import IntraLearner

    learner = start("embb", POLICY)
    assert learner.ask(*slot_hello())[0] == wire.WELCOME
    in_process = IntraLearner(POLICY, EMBB, 1, 20_000, untrained_weights(POLICY, EMBB, 1))
    previous: SlotDecision | None = None
    for number, (frame, decision) in enumerate(frames(), 1):
        head, body = learner.learn(number, frame, wire.encode_decision(previous))
        expected = in_process.on_frame(decode_observation(*frame), previous)
        assert bool(body) == (expected is not None)
        if expected is not None:
            found = wire.decode_intra_weights((head, body))
            assert (found.version, found.epsilon) == (expected.version, expected.epsilon)
            assert found.flat.tobytes() == expected.flat.tobytes()
        previous = decision
    assert in_process.stats.updates > 50
    assert learner.metric("hiso_learner_updates_total") == in_process.stats.updates
    assert learner.metric("hiso_learner_version") == in_process.weights.version
    assert learner.metric("hiso_learner_epsilon") == pytest.approx(in_process.stats.epsilon)
    assert learner.metric("hiso_learner_loss") == pytest.approx(in_process.stats.loss)
    assert '"status": "ok"' in learner.get("/healthz")


def test_in_real_time_it_updates_now_and_then_and_sends_only_the_newest_weights(
    start: Callable[..., Learner],
) -> None:
    learner = start("embb", POLICY, "--training-slots", "100")
    learner.ask(*slot_hello(lockstep=False, slots_a_frame=16))
    previous = b""
    for number, (frame, decision) in enumerate(frames(), 1):  # none waits for the answer to the one before
        learner.socket.send_multipart((wire.FRAME, wire.encode_number(number), *frame, previous))
        previous = wire.encode_decision(decision)
    answers = [learner.socket.recv_multipart() for _ in range(FRAMES)]
    assert [wire.decode_number(answer[1]) for answer in answers] == list(range(1, FRAMES + 1))
    found = [wire.decode_intra_weights((answer[2], answer[3])) for answer in answers if answer[3]]
    updates = learner.metric("hiso_learner_updates_total")
    assert 0 < updates <= FRAMES / 4
    assert len(found) < updates
    assert found[-1].version == updates
    # Of 1,600 slots: with 100 it would explore no more.
    assert found[-1].epsilon > 0.3


def test_another_world_goes_on_from_what_was_learned(start: Callable[..., Learner]) -> None:
    learner = start("embb", POLICY)
    learner.ask(*slot_hello())
    versions = []
    for world in range(2):
        previous = b""
        for number, (frame, decision) in enumerate(frames(), 1 + FRAMES * world):
            head, body = learner.learn(number, frame, previous)
            if body:
                found = wire.decode_intra_weights((head, body))
                assert 0 < found.epsilon <= 1
                versions.append(found.version)
            previous = wire.encode_decision(decision)
    assert versions == list(range(1, len(versions) + 1))
    assert learner.metric("hiso_learner_updates_total") == versions[-1]


@pytest.mark.parametrize(("policy", "trained_seconds"), [("coma2c-tuned", 0), ("coma2c-tuned", 1_000), ("sa2c-t", 0)])
def test_budgets_are_learned_as_in_process(start: Callable[..., Learner], policy: str, trained_seconds: int) -> None:
    from xapps.slicing.inter.learners import make_inter_learner

    config = COMA2C_CONFIGS[policy]
    first = initial_weights(config, action_counts(BUDGETS), 1)
    first.metadata["trained_seconds"] = trained_seconds
    learner = start("inter", policy)
    hello = wire.encode_hello("inter", policy, True, asdict(BUDGETS))
    assert learner.ask(wire.HELLO, hello, *wire.encode_inter_weights(first))[0] == wire.WELCOME
    in_process = make_inter_learner(config, BUDGETS, 1, first)
    for second in range(30):
        actions = (second % 10, second % 15) if second > 1 else None
        frame = report(second, (200 + second, 5_000, 280))
        head, body = learner.learn(second + 1, frame, wire.encode_actions(actions))
        expected = in_process.on_second(decode_report(*frame), actions)
        assert bool(body) == (expected is not None)
        if expected is not None:
            found = wire.decode_inter_weights((head, body))
            assert found.version == expected.version
            assert found.metadata == expected.metadata
            assert all(found.arrays[name].tobytes() == array.tobytes() for name, array in expected.arrays.items())
    assert in_process.stats.updates >= 2
    assert learner.metric("hiso_learner_updates_total") == in_process.stats.updates
    agents = in_process.stats.agents.values()
    for loss in ("actor", "critic"):
        expected_loss = mean(getattr(agent, f"{loss}_loss") for agent in agents)
        assert learner.metric("hiso_learner_loss", loss=loss) == pytest.approx(expected_loss)


def test_what_cannot_be_used_is_refused_and_learning_goes_on(start: Callable[..., Learner]) -> None:
    learner = start("embb", POLICY)
    assert learner.ask(wire.FRAME, wire.encode_number(1), b"", b"", b"") == [wire.UNKNOWN]
    for parts in (
        (b"nonsense",),
        (wire.HELLO, b"{", b"", b""),
        (wire.HELLO, b"{}", *wire.encode_intra_weights(untrained_weights(POLICY, EMBB, 1))),
        slot_hello("madqn"),
        (*slot_hello()[:3], b"short"),
    ):
        assert learner.ask(*parts)[0] == wire.REFUSED
    assert learner.ask(*slot_hello())[0] == wire.WELCOME
    assert learner.ask(wire.FRAME, wire.encode_number(1), b"\xff", b"\xff", b"")[0] == wire.REFUSED
    frame, _ = next(frames())
    learner.learn(2, frame, b"")
    lacking = json.dumps({"agent": "embb", "policy": POLICY}).encode()
    assert learner.ask(wire.HELLO, lacking, *slot_hello()[2:])[0] == wire.REFUSED
    learner.learn(3, frame, b"")
    users = len(decode_observation(*frame).user_ids)
    others = SlotDecision(
        np.zeros(users + 1, np.int16), np.ones(users + 1, np.float32), None, np.zeros(users + 1, "i4")
    )
    refused = learner.ask(wire.FRAME, wire.encode_number(4), *frame, wire.encode_decision(others))
    assert refused == [wire.REFUSED, f"previous: of {users + 1} users, the frame before was of {users}".encode()]
    for beam, action, text in (
        (0, 40, "actions: must be 0 to 39, not 40"),
        (128, 0, "beams: must be 0 to 127, not 128"),
    ):
        wrong = SlotDecision(np.full(users, beam, "i2"), np.ones(users, np.float32), None, np.full(users, action, "i4"))
        refused = learner.ask(wire.FRAME, wire.encode_number(4), *frame, wire.encode_decision(wrong))
        assert refused == [wire.REFUSED, f"previous.{text}".encode()]
    hello = json.loads(slot_hello()[1])
    hello["slots_a_frame"] = float("inf")
    assert learner.ask(wire.HELLO, json.dumps(hello).encode(), *slot_hello()[2:])[0] == wire.REFUSED
    learner.learn(5, frame, b"")


class Counting:
    """A session that has made some updates."""

    def __init__(self, updates: int) -> None:
        self.updates = updates

    def measures(self) -> dict[str, float]:
        return {"updates": self.updates, "version": 1.0, "reward": 0.0}


def test_updates_of_sessions_that_have_ended_stay_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner_sessions, "MAX_SESSIONS", 2)
    sessions = learner_sessions.Sessions()
    metrics = learner_module.LearnerMetrics("embb", sessions)
    counted = []
    for name, session in ((b"a", Counting(5)), (b"b", Counting(70)), (b"a", Counting(0)), (b"c", Counting(300))):
        sessions.keep(name, session)  # type: ignore[arg-type]
        counted.append(next(iter(metrics.collect())).samples[0].value)
    assert counted == [5, 75, 75, 375]
    assert [session.measures()["updates"] for session in sessions.in_use()] == [0, 300]


def test_of_too_many_sessions_the_one_unused_for_longest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner_sessions, "MAX_SESSIONS", 2)
    flags = ("--agent", "embb", "--policy", POLICY, "--listen", f"ipc://{tmp_path}/learner")
    learner = learner_module.Learner(learner_module.parse_arguments(flags), None)
    frame, _ = next(frames())

    def learns(identity: bytes) -> bool:
        return learner._answer(identity, [wire.FRAME, wire.encode_number(1), *frame, b""])[0] == wire.LEARNED

    for identity in (b"a", b"b"):
        assert learner._answer(identity, [*slot_hello()])[0] == wire.WELCOME
    assert learns(b"a")
    assert learner._answer(b"c", [*slot_hello()])[0] == wire.WELCOME
    assert {identity: learns(identity) for identity in (b"a", b"b", b"c")} == {b"a": True, b"b": False, b"c": True}
    assert len(learner.sessions.in_use()) == 2
    learner._socket.close()


@pytest.mark.skipif(not has_ipv6_loopback(), reason="there is no IPv6 here")
def test_it_listens_to_ipv6_and_an_xapp_reaches_it() -> None:
    endpoint = f"tcp://[::1]:{free_port()}"
    flags = ("--agent", "embb", "--policy", POLICY, "--listen", endpoint)
    learner = learner_module.Learner(learner_module.parse_arguments(flags), None)
    with zmq.Context() as context, connected_socket(context, zmq.DEALER, learner_endpoint(endpoint)) as xapp:
        xapp.send(b"greeting")
        assert learner._socket.poll(10_000)
    learner._socket.close()


def test_it_ends_when_asked(start: Callable[..., Learner]) -> None:
    learner = start("embb", POLICY)
    learner.ask(*slot_hello())
    learner.process.terminate()
    assert learner.process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--agent", "embb", "--policy", "greedy"), "madqn-tuned"),
        (("--agent", "inter", "--policy", "madqn"), "coma2c"),
        (("--agent", "nobody", "--policy", "madqn"), "--agent"),
        (("--agent", "embb", "--policy", "madqn", "--listen", "nowhere"), "--listen: must be ipc:///path or tcp://"),
        (("--agent", "embb", "--policy", "madqn", "--listen", "ipc:/x"), "--listen: must be ipc:///path or tcp://"),
        (("--agent", "embb", "--policy", "madqn", "--weights", "/nowhere.npz"), "/nowhere.npz"),
        (("--agent", "embb", "--policy", "madqn", "--weights", "madqn-tuned-regimes-d2"), "must be of madqn"),
        (("--agent", "embb", "--policy", "madqn", "--training-slots", "0"), "--training-slots"),
    ],
)
def test_bad_flags_end_with_exit_code_2(arguments: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    listen = () if "--listen" in arguments else ("--listen", f"ipc://{tmp_path}/learner")
    command = [sys.executable, "-m", "xapps.learner", *arguments, *listen]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert expected in done.stderr
