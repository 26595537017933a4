"""Flags of an xApp's process."""

from __future__ import annotations

import pytest

from xapps.sdk import service


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--bus"),
        (["--bus", "b"], "--policy"),
        (["--bus", "b", "--policy", "p", "--fifo", "0"], "1..99"),
        (["--bus", "b", "--policy", "p", "--seed", "-1"], "--seed"),
        (["--bus", "b", "--policy", "p", "--seed", "²"], "--seed"),
        (["--bus", "b", "--policy", "p", "--metrics-port", "65536"], "1..65535"),
    ],
)
def test_bad_flags_exit_with_2_and_are_named(capsys, flags, named):
    with pytest.raises(SystemExit) as stopped:
        service.base_parser("x", "an xApp", metrics_port=1).parse_args(flags)
    assert stopped.value.code == 2
    assert named in capsys.readouterr().err
