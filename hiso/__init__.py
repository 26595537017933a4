"""HiSO-CoMA as an emulated O-RAN: the public Python API.

`run` a scenario (`load_scenario`) under a scheduler (`resolve`) in this process, or advance a `World` of frozen
policies second by second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hiso.runner import run
    from hiso.world import World
    from ran_emulator.scenario import load_scenario
    from xapps.slicing.schedulers import resolve

__version__ = "0.1.0"
__all__ = ["World", "__version__", "load_scenario", "resolve", "run"]

_HOMES = {
    "World": "hiso.world",
    "load_scenario": "ran_emulator.scenario",
    "resolve": "xapps.slicing.schedulers",
    "run": "hiso.runner",
}

if not TYPE_CHECKING:  # a type checker would take any name for one of this module's

    def __getattr__(name: str) -> object:
        """Import a name when it is first asked for: the command line starts without the compiled parts."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
