"""The command line: every wrong input is named with its range and starts nothing; a run says what it ran."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import stat
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.core import TyperGroup
from typer.testing import CliRunner

from hiso import doctor
from hiso.commands import app
from hiso.run_request import RequestError, parse_control_delay, run_length
from ran_emulator.scenario import MAX_SLOTS
from xapps.slicing.schedulers import resolve
from xapps.slicing.weights import load_weights
from xapps.trained import TRAINED_DIRECTORY, trained_name

SUMMARY_KEYS = {
    "version",
    "config",
    "scenario",
    "scheduler",
    "trigger",
    "weights_id",
    "hwi_model",
    "access",
    "clock",
    "control_delay_slots",
    "seed",
    "slots",
    "simulated_s",
    "wall_s",
    "real_time_factor",
    "eta_bps_hz",
    "eta_sum_bps_hz",
    "goodput_bps_hz",
    "utility",
    "inter_slice_updates",
    "trigger_evaluations",
    "missed_deadlines",
    "decision_source",
    "e2_bytes",
    "e2_bps",
    "loop_latency_ms",
    "trace_sha256",
    "events",
    "slices",
}
SLICE_KEYS = {
    "ssr",
    "ssr_user",
    "throughput_bps",
    "delay_ms",
    "mean_active_users",
    "bandwidth_hz",
    "power_w",
    *(f"{kind}_{unit}" for kind in ("offered", "delivered", "dropped", "queued") for unit in ("packets", "bits")),
}

WIDER_BAND = ["--set", "total_bandwidth_hz=20000000", "--set", "initial_bandwidth_hz=[8000000, 6000000, 6000000]"]
WRONG = [
    (["--scenario", "nowhere"], "scenario: 'nowhere' is neither a preset"),
    (["--set", "users=2"], "users: must be 3..2000"),
    (["--set", "hwi.kappa=2"], "hwi.kappa_t: must be 0..1"),
    (["--set", "hwi.no=1"], "hwi.no: no such field: one of model, kappa_t, kappa_r, kappa, evm_percent"),
    (["--set", "users"], "expected FIELD=VALUE"),
    (["--scheduler", "best"], "scheduler: 'best' is none of hiso-coma"),
    (["--inter", "best"], "inter: 'best' is none of"),
    (["--inter", "constant:1,8,1"], "vonr must have 2 to 6 MHz, not 1 MHz (C3)"),
    (["--intra", "best"], "intra: 'best' is none of"),
    (["--trigger", "best"], "trigger: 'best' is none of always"),
    (["--seed", "-1"], "seed: must be 0.."),
    (["--duration", "0"], "duration: must be 0.0005.."),
    (["--duration", "nan"], "duration: must be 0.0005.."),
    (["--slots", "0"], "slots: must be 1.."),
    (["--slots", "5", "--duration", "5"], "duration, slots: give one of them"),
    (["--control-delay-slots", "21"], "control-delay-slots: must be auto or 0..20"),
    (["--control-delay-slots", "-1"], "control-delay-slots: must be auto or 0..20"),
    (["--json", "/no/such/folder/x.json"], "json: /no/such/folder/x.json must be a file in a folder that exists"),
    (["--scheduler", "slnr", "--set", "access=sdma"], "access: scheduler 'slnr' needs rsma"),
    (["--scheduler", "gga", "--learn"], "learn: nothing in scheduler 'gga' learns"),
    (["--scheduler", "gga", "--from-scratch"], "from-scratch: nothing in scheduler 'gga' has weights"),
    (
        ["--scheduler", "hiso-coma-tuned", "--learn", "--from-scratch", "--set", "access=ofdma"],
        "access: madqn-tuned learns under rsma or sdma, not ofdma",
    ),
    (
        ["--intra", "madqn-tuned", "--learn", "--from-scratch", "--set", "precoder=zf"],
        "precoder: madqn-tuned learns under codebook, not zf",
    ),
    (["--intra", "random:worst"], "intra: 'random:worst' is none of madqn, madqn-tuned, random[:best|:random]"),
    (["--timeline", "/no/such/file"], "timeline: /no/such/file cannot be read"),
    (["--timeline", "/dev/null"], "timeline: must be a list of entries, not NoneType"),
    (["--set-agents", "power_levels=1"], "power_levels: must be 2..16 (given 1)"),
    (
        ["--set-agents", "levels=5"],
        "FIELD one of bandwidth_step_hz, power_levels, power_scale, action, state, observation",
    ),
    (
        ["--scheduler", "hiso-coma-tuned", "--set-agents", "power_levels=9"],
        "trained for power_levels 5, not 9",
    ),
    (
        ["--inter", "coma2c-tuned", "--set-agents", "bandwidth_step_hz=500000"],
        "trained for bandwidth_step_hz 1000000, not 500000",
    ),
    (
        ["--scheduler", "hiso-coma-tuned", *WIDER_BAND],
        ": trained for 15 bandwidth actions, not 120: total_bandwidth_hz, bandwidth_step_hz and the floors",
    ),
    (["--scheduler", "hiso-coma-tuned", *WIDER_BAND], "weights coma2c-tuned-"),
    (["--scheduler", "hiso-coma", "--set", "antennas=64"], "antennas: must be 128 with weights madqn-"),
    (["--scheduler", "hiso-coma", "--set", "antennas=64"], "weights madqn-"),
    (
        ["--scenario", "base", "--inter", "coma2c-tuned-lstm", "--control-delay-slots", "1"],
        "weights: coma2c-tuned-lstm-base-d2 is not shipped: hiso train with this run's --scheduler, --inter and "
        "--scenario and --control-delay-slots 1, then --weights DIR (or --from-scratch)",
    ),
    (["--scenario", "base", "--inter", "coma2c-tuned-lstm"], "weights: coma2c-tuned-lstm-base-d"),
    (["--weights", "/no/such/folder"], "weights: scheduler 'gga' takes none"),
    (["--scheduler", "sota", "--weights", "/no/such/folder"], "/no/such/folder/coma2c-"),
    (["--scheduler", "sota", "--from-scratch", "--weights", "."], "weights: from-scratch takes none"),
    (["--scheduler", "sdma-zf", "--set", "access=rsma"], "access: scheduler 'sdma-zf' needs sdma"),
    (["--set", "control_delay_slots=21"], "control_delay_slots: must be 0..20 or 'auto' (given 21)"),
]

WRONG_UP = [
    (["--clock", "fast"], "clock: must be lockstep, realtime or Nx"),
    (["--clock", "0x"], "clock: must be lockstep, realtime or Nx"),
    (["--inter", "clairvoyant"], "a reference knows what no xApp can; hiso sim runs it"),
    (["--intra", "oracle"], "a reference knows what no xApp can; hiso sim runs it"),
    (["--port-base", "80"], "'--port-base': must be 1024..65514 (given 80)"),
    (["--port-base", "x"], "'--port-base': must be 1024..65514 (given 'x')"),
    (["--slots", "2.5"], "'--slots': must be 1..10000000000 (given '2.5')"),
    (["--duration", "long"], "'--duration': must be 0.0005..5000000.0 (given 'long')"),
    (["--seed", "x"], "'--seed': must be 0..9223372036854775807 (given 'x')"),
    (["--cells", "x"], "'--cells': must be 1..4 (given 'x')"),
]

WRONG_REFERENCES = [
    (["--intra", "oracle", "--set", "precoder=zf"], "precoder: the oracle needs codebook, not zf"),
    (
        ["--intra", "oracle", "--control-delay-slots", "1"],
        "control-delay-slots: the oracle decides the slot it sees: 0",
    ),
    (["--intra", "oracle", "--inter", "clairvoyant"], "inter: clairvoyant needs a frozen"),
    (["--inter", "clairvoyant", "--intra", "madqn-tuned", "--learn"], "inter: clairvoyant needs a frozen"),
]

# Each would be refused for its own reason only after hours of training, or end in a traceback.
WRONG_TRAIN = [
    (["--seed", "-1"], "seed: must be 0.."),
    (["--set", "access=ofdma"], "access: madqn-tuned learns under rsma or sdma, not ofdma"),
    (["--set", "precoder=zf"], "precoder: madqn-tuned learns under codebook, not zf"),
    (["--scheduler", "gga"], "scheduler: 'gga' has nothing to train"),
    (["--control-delay-slots", "21"], "'--control-delay-slots': must be 0..20 (given 21)"),
    (
        ["--set-agents", "action=beam"],
        "action: Input should be 'rest', 'rest_own_level' or 'pc_pp_beam' ",
    ),
    (["--scheduler", "sa2c-t", "--set", "access=rsma"], "access: scheduler 'sa2c-t' needs ofdma"),
    (["--inter", "best"], "inter: 'best' is none of"),
    (["--inter", "greedy"], "inter: must be one of coma2c, coma2c-tuned, coma2c-tuned-lstm, sa2c-t (given 'greedy')"),
    (["--scheduler", "gga", "--inter", "equal"], "inter: must be one of coma2c, "),
    (["--candidates", "0"], "'--candidates': must be 1..10 (given 0)"),
    (["--slots", "0"], "'--slots': must be 1..100000000 (given 0)"),
    (["--seconds", "99999999"], "'--seconds': must be 1..1000000 (given 99999999)"),
]


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def with_default_scheduler(arguments: list[str]) -> list[str]:
    """A scheduler that needs no trained weights, unless the case is about one."""
    return arguments if "--scheduler" in arguments else ["--scheduler", "gga", *arguments]


@pytest.mark.parametrize("command", ["up", "sim"])
@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_input_is_named_and_starts_nothing(
    runner: CliRunner, command: str, arguments: list[str], message: str
) -> None:
    result = runner.invoke(app, [command, *with_default_scheduler(arguments)])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("arguments", "message"), WRONG_UP)
def test_wrong_clock_or_port_is_named(runner: CliRunner, arguments: list[str], message: str) -> None:
    result = runner.invoke(app, ["up", *with_default_scheduler(arguments)])
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(("arguments", "message"), WRONG_REFERENCES)
def test_a_reference_that_means_nothing_is_refused(runner: CliRunner, arguments: list[str], message: str) -> None:
    result = runner.invoke(app, ["sim", *with_default_scheduler(arguments)])
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(("arguments", "message"), WRONG_TRAIN)
def test_wrong_input_trains_nothing(runner: CliRunner, tmp_path: Path, arguments: list[str], message: str) -> None:
    result = runner.invoke(app, ["train", "--out", str(tmp_path / "trained"), *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "trained").exists()


@pytest.mark.parametrize("command", [["up", "--learn"], ["sim", "--learn"], ["train"]], ids=" ".join)
def test_without_pytorch_what_learns_says_how_to_get_it(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, [*command, "--scheduler", "hiso-coma-tuned"])
    assert result.exit_code == 2
    assert "learn: needs PyTorch" in result.stderr
    assert "pip install" in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.torch
@pytest.mark.parametrize("place", ["file", "file/below"])
def test_weights_must_have_a_folder_to_go_to(runner: CliRunner, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    result = runner.invoke(app, ["train", "--out", str(tmp_path / place)])
    assert result.exit_code == 2
    assert f"out: {tmp_path / place} must be a folder" in result.stderr


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("madqn-tuned-base-d0", ["--set-agents", "power_levels=8"], "trained for power_levels 5, not 8"),
        (
            "madqn-base-d0",
            ["--scheduler", "hiso-coma", "--set", "antennas=32"],
            "antennas: must be 128 with weights madqn-base-d0-",
        ),
        ("coma2c-tuned-base-d0", ["--set-agents", "bandwidth_step_hz=500000"], "trained for bandwidth_step_hz 1000000"),
    ],
)
def test_files_that_do_not_fit_are_not_built_on(
    runner: CliRunner, tmp_path: Path, name: str, arguments: list[str], message: str
) -> None:
    shutil.copy(TRAINED_DIRECTORY / f"{name}.npz", tmp_path)
    result = runner.invoke(app, ["train", "--out", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert f"out: {tmp_path / name}.npz is there already and cannot be kept: " in result.stderr
    assert message in result.stderr
    assert [path.stem for path in tmp_path.iterdir()] == [name]


@pytest.mark.torch
@pytest.mark.parametrize("name", ["madqn-tuned-base-d0.npz", "coma2c-tuned-base-d0.npz"])
def test_a_damaged_file_is_not_built_on(runner: CliRunner, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes((TRAINED_DIRECTORY / name).read_bytes()[:999])
    result = runner.invoke(app, ["train", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert f"cannot be kept: weights: {tmp_path / name}: not a weights file" in result.stderr


@pytest.mark.torch
def test_what_is_kept_is_said_and_where_another_command_made_it(runner: CliRunner, tmp_path: Path) -> None:
    names = ("madqn-tuned-base-d0", "coma2c-tuned-base-d0")
    for name in names:
        shutil.copy(TRAINED_DIRECTORY / f"{name}.npz", tmp_path)
    result = runner.invoke(app, ["train", "--out", str(tmp_path), "--seed", "77"])
    assert result.exit_code == 0, result.output
    for name, line in zip(names, result.stdout.splitlines(), strict=True):
        weights = load_weights(tmp_path / f"{name}.npz")
        made_by = weights.metadata.command
        assert line == f"{tmp_path / name}.npz  {weights.weights_id}  kept, though another command made it: {made_by}"


@pytest.mark.parametrize("path", sorted(TRAINED_DIRECTORY.glob("*.npz")), ids=lambda path: path.stem)
def test_the_command_that_made_shipped_weights_is_one_that_makes_them(path: Path) -> None:
    """Read by the command line's own parser: the scenario, the scheduler's variant and the D of the file's name."""
    name, command, *arguments = load_weights(path).metadata.command.split()
    assert (name, command) == ("hiso", "train")
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    parser = group.commands["train"]
    told = parser.make_context("train", arguments).params
    agents = resolve(told["scheduler"], told["inter"])
    stems = {trained_name(v, told["scenario"], told["control_delay_slots"]) for v in (agents.intra, agents.inter)}
    assert path.stem in stems


@pytest.mark.parametrize("intra", ["random:best", "equal:random"])
def test_sim_takes_a_choice_of_beams(runner: CliRunner, tmp_path: Path, intra: str) -> None:
    traces = []
    for name in (intra, intra.partition(":")[0]):
        file = tmp_path / "summary.json"
        arguments = ["sim", "--scheduler", "rra", "--intra", name, "--slots", "200", "--json", str(file)]
        result = runner.invoke(app, arguments)
        assert result.exit_code == 0, result.output
        traces.append(json.loads(file.read_text())["trace_sha256"])
    assert traces[0] != traces[1]


def test_a_scenario_file_that_is_no_text_is_named(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "noise.yaml"
    file.write_bytes(b"\xff\xfe\x00users")
    result = runner.invoke(app, ["sim", "--scheduler", "gga", "--scenario", str(file)])
    assert result.exit_code == 2
    assert "scenario" in result.stderr


def test_a_taken_port_is_named_with_its_holder(runner: CliRunner) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        base = holder.getsockname()[1] - 1  # the RIC's
        result = runner.invoke(app, ["up", "--scheduler", "gga", "--port-base", str(base)])
    assert result.exit_code == 2
    assert f"port {base + 1} (ric) is taken by pid " in result.stderr
    assert "--port-base" in result.stderr


def test_sim_makes_the_changes_of_a_timeline_and_tells_them(runner: CliRunner, tmp_path: Path) -> None:
    timeline, file = tmp_path / "timeline.yaml", tmp_path / "summary.json"
    timeline.write_text(
        "- {at_s: 0.05, change: hwi, kappa: 1e-2}\n"
        "- {at_slot: 30, change: burst, slice: urllc, packets: 9}\n"
        "- {at_slot: 200, change: load, slice: embb, scale: 3}\n"
    )
    arguments = ["sim", "--scheduler", "slnr", "--slots", "200", "--timeline", str(timeline), "--json", str(file)]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "timeline: 1 of its events lie beyond the end of the run" in result.stderr
    assert "0.1 s  hwi kappa 0.01" in result.stdout
    assert "0.0 s  burst urllc packets 9" in result.stdout
    summary = json.loads(file.read_text())
    assert len(summary["config"]["timeline"]) == 3
    assert summary["events"] == [
        {"at_slot": 30, "change": "burst", "slice": "urllc", "packets": 9},
        {"at_slot": 100, "change": "hwi", "kappa": 0.01},
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["sim", "--scheduler", "gga", "--slots", "20"], "gga on base"),
        (["compare", "--scheduler", "gga,eea", "--duration", "0.01"], "eea"),
    ],
)
def test_a_summary_that_cannot_be_written_after_all_is_told_after_the_result(
    runner: CliRunner, command: list[str], shown: str
) -> None:
    result = runner.invoke(app, [*command, "--json", "/dev/full"])
    assert result.exit_code == 1
    assert "json: /dev/full cannot be written: No space left on device" in result.stderr
    assert shown in result.stdout


def test_sim_writes_a_summary_with_every_key(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    result = runner.invoke(app, ["sim", "--scheduler", "slnr", "--slots", "200", "--seed", "3", "--json", str(file)])
    assert result.exit_code == 0, result.output
    summary = json.loads(file.read_text())
    assert set(summary) >= SUMMARY_KEYS
    assert summary["slots"] == 200
    assert summary["control_delay_slots"] == 0
    assert summary["loop_latency_ms"] is None
    assert summary["config"]["scenario"]["hwi"]["kappa_t"] == 1e-3
    for part in summary["slices"].values():
        assert set(part) == SLICE_KEYS
        for unit in ("packets", "bits"):
            assert part[f"offered_{unit}"] == sum(part[f"{kind}_{unit}"] for kind in ("delivered", "dropped", "queued"))
    assert "slnr on base, seed 3" in result.stdout


@pytest.mark.parametrize(
    ("scheduler", "model", "warned"),
    [("hiso-coma", "paper", False), ("hiso-coma", "aggregate", True), ("hiso-coma-tuned", "aggregate", False)],
)
def test_sim_warns_of_weights_for_other_impairments(
    runner: CliRunner, scheduler: str, model: str, warned: bool
) -> None:
    arguments = ["sim", "--scheduler", scheduler, "--slots", "20", "--set", f"hwi.model={model}"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert ("were trained for hwi_model paper (this run: aggregate)" in result.stderr) == warned
    assert result.stderr.count("warning") == 2 * warned  # of both levels


@pytest.mark.parametrize(
    ("scheduler", "overrides", "warned"),
    [
        ("hiso-coma-tuned", ["hwi.kappa=0.1"], []),
        ("hiso-coma-tuned", ["hwi.kappa_r=0.2"], ["kappa_r 0-0.1 (this run: 0.2)"] * 2),  # of both levels
        ("hiso-coma", ["hwi.kappa_t=0"], ["kappa_t 0.001 (this run: 0)"] * 2),
        (
            "hiso-coma-tuned", ["csi_delay_slots=20", "csi_noise=0.01"],
            ["csi_delay_slots 0 (this run: 20) and csi_noise 0 (this run: 0.01)"],  # of the level that sees channels
        ),
        ("gga", ["hwi.kappa=0.5", "csi_period_slots=8"], []),
    ],
)  # fmt: skip
def test_sim_warns_of_kappa_and_csi_that_agents_have_not_met(
    runner: CliRunner, scheduler: str, overrides: list[str], warned: list[str]
) -> None:
    arguments = ["sim", "--scheduler", scheduler, "--slots", "20"]
    result = runner.invoke(app, [*arguments, *(part for each in overrides for part in ("--set", each))])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if "warning" in line]
    assert [line.partition(" were trained for ")[2] for line in lines] == warned


def test_sim_is_a_function_of_its_seed(runner: CliRunner, tmp_path: Path) -> None:
    traces = []
    for seed in (1, 1, 2):
        file = tmp_path / "summary.json"
        arguments = ["sim", "--scheduler", "gga", "--slots", "300", "--seed", str(seed), "--json", str(file)]
        assert runner.invoke(app, arguments).exit_code == 0
        traces.append(json.loads(file.read_text())["trace_sha256"])
    assert traces[0] == traces[1] != traces[2]


def test_sim_takes_the_scenarios_control_delay_and_the_command_line_wins(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    common = ["sim", "--scheduler", "gga", "--slots", "20", "--json", str(file), "--set", "control_delay_slots=3"]
    assert runner.invoke(app, common).exit_code == 0
    assert json.loads(file.read_text())["control_delay_slots"] == 3
    assert runner.invoke(app, [*common, "--control-delay-slots", "1"]).exit_code == 0
    assert json.loads(file.read_text())["control_delay_slots"] == 1


@pytest.mark.skipif("os.geteuid() == 0", reason="root may write anywhere")
def test_a_json_file_that_cannot_be_written_is_refused_before_the_run(runner: CliRunner, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    result = runner.invoke(app, ["sim", "--scheduler", "gga", "--json", str(tmp_path / "x.json")])
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_help_names_every_scheduler(runner: CliRunner) -> None:
    result = runner.invoke(app, ["up", "--help"], terminal_width=200)
    assert result.exit_code == 0
    for name in ("hiso-coma-tuned", "sota", "gga", "eea", "rra", "slnr", "z-ref", "regimes", "madqn-tuned"):
        assert name in result.stdout


def test_doctor_finds_a_taken_port_and_fails(runner: CliRunner) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        result = runner.invoke(app, ["doctor", "--port-base", str(port)])
    assert result.exit_code == 1
    assert f"{port} (emulator) by pid" in result.stdout.replace("\n", " ")
    for subject in ("Python", "packages", "cores", "real-time priority", "compiled kernels", "PyTorch", "Docker"):
        assert subject in result.stdout


@pytest.mark.parametrize("fifo", [True, False])
def test_doctor_says_what_runs_on_which_core_and_why(fifo: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hiso.doctor.allowed_cores", lambda: (0, 1))
    monkeypatch.setattr("hiso.doctor.fifo_allowed", lambda: fifo)
    finding = doctor.placement()
    where = "emulator and xApps (urllc, vonr) on core 0, RIC and xApps (embb, inter) on core 1"
    assert f"{where} (the emulator runs slots while other cores decide)" in finding.detail
    assert ("SCHED_FIFO is refused" in finding.detail) == (not fifo)


def test_e2_without_a_ric_says_so(runner: CliRunner) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = unused.getsockname()[1] - 1
        for command in (["e2", "nodes"], ["e2", "watch"]):
            result = runner.invoke(app, [*command, "--port-base", str(base)])
            assert result.exit_code == 1
            assert "no RIC answers" in result.stderr


def test_e2_watch_names_what_can_be_filtered(runner: CliRunner) -> None:
    result = runner.invoke(app, ["e2", "watch", "--procedure", "gossip"])
    assert result.exit_code == 2
    assert "'gossip' is none of setup, subscription" in result.stderr


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_duration_is_a_length_or_an_error(duration_s: float) -> None:
    try:
        slots = run_length(duration_s, None)
    except RequestError as error:
        assert "duration: must be 0.0005.." in str(error)  # noqa: PT017 - it may also succeed
    else:
        assert slots is not None
        assert 1 <= slots <= MAX_SLOTS


@given(st.text(max_size=8))
def test_any_control_delay_is_in_range_or_an_error(text: str) -> None:
    try:
        delay = parse_control_delay(text)
    except RequestError as error:
        assert "0..20" in str(error)  # noqa: PT017 - it may also succeed
    else:
        assert delay is None or 0 <= delay <= 20
