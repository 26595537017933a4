"""`hiso doctor`: what is wrong on this machine, and how to mend it."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.text import Text

from hiso import ports
from hiso.commands.options import FAILED, PortBaseOption
from hiso.doctor import examine

_MARKS = {"ok": Text("ok   ", "green"), "note": Text("note ", "yellow"), "wrong": Text("WRONG", "bold red")}


def doctor(port_base: PortBaseOption = ports.DEFAULT_PORT_BASE) -> None:
    """Look at ports, Python, packages, scheduling rights, Docker and PyTorch; exit code 1 if a run cannot start."""
    console = Console(soft_wrap=True)
    wrong = 0
    for finding in examine(port_base):
        console.print(Text.assemble(_MARKS[finding.state], f" {finding.subject}: {finding.detail}"))
        if finding.remedy:
            console.print(Text(f"      {finding.remedy}", "dim"))
        wrong += finding.state == "wrong"
    if wrong:
        raise typer.Exit(FAILED)
