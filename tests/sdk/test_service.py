"""Flags of an xApp's process."""

from __future__ import annotations

import pytest

from xapps import sdk
from xapps.sdk import BusEndpointError, XApp, errors, service


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--bus"),
        (["--bus", "ipc:///b"], "--policy"),
        (["--bus", "b", "--policy", "p"], "--bus: must be ipc:///path or tcp://host:port (1..65535), not 'b'"),
        (["--bus", "tcp://h", "--policy", "p"], "not 'tcp://h'"),
        (["--bus", "tcp://h:65536", "--policy", "p"], "not 'tcp://h:65536'"),
        (["--bus", "ipc:///b", "--policy", "p", "--fifo", "0"], "1..99"),
        (["--bus", "ipc:///b", "--policy", "p", "--seed", "-1"], "--seed"),
        (["--bus", "ipc:///b", "--policy", "p", "--seed", "²"], "--seed"),
        (["--bus", "ipc:///b", "--policy", "p", "--metrics-port", "65536"], "1..65535"),
    ],
)
def test_bad_flags_exit_with_2_and_are_named(capsys: pytest.CaptureFixture[str], flags: list[str], named: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        service.base_parser("x", "an xApp", metrics_port=1).parse_args(flags)
    assert stopped.value.code == 2
    assert named in capsys.readouterr().err


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(BusEndpointError, match=r"bus: 'nowhere' is no ipc:///path or tcp://host:port"):
        XApp("x", bus="nowhere")


def test_every_error_of_the_sdk_is_imported_from_it() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.XAppError)]
    assert {kind.__name__ for kind in kinds} <= set(sdk.__all__)
