"""What is deployed: a program, its arguments, and what happens when it ends."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from near_rt_ric.registry import NAME_PATTERN

BUS_PLACEHOLDER = "{bus}"
"""Stands in arguments and environment for the RIC's bus endpoint."""

MAX_ARGUMENTS = 64
MAX_VARIABLES = 64
MAX_TEXT_LENGTH = 32_768
"""Long enough for a small program as one argument; the kernel takes four times as much."""

_MODULE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
_IMAGE_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._/:@-]*$"
_VARIABLE_PATTERN = "^[A-Za-z_][A-Za-z0-9_]*$"
_NO_NUL_PATTERN = r"^[^\x00]*$"


class RestartPolicy(StrEnum):
    """When an xApp that has ended by itself is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


def _absolute_script(text: str) -> str:
    path = PurePosixPath(text)
    if not path.is_absolute() or path.suffix != ".py":
        raise ValueError("an absolute path that ends in .py is required")
    return text


_Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH, pattern=_NO_NUL_PATTERN)]
_Variable = Annotated[str, Field(max_length=128, pattern=_VARIABLE_PATTERN)]
Name = Annotated[
    str, Field(pattern=NAME_PATTERN, description="the name under which it registers on the bus", examples=["my-xapp"])
]
Module = Annotated[
    str, Field(max_length=256, pattern=_MODULE_PATTERN, description="a module that the RIC's Python finds")
]
File = Annotated[
    str,
    Field(max_length=4_096, pattern=_NO_NUL_PATTERN, description="a Python file on the RIC's machine"),
    AfterValidator(_absolute_script),
]
Image = Annotated[
    str, Field(max_length=256, pattern=_IMAGE_PATTERN, description="an image that the RIC's container engine has")
]
Arguments = Annotated[
    list[_Text],
    Field(
        max_length=MAX_ARGUMENTS,
        description="{bus} in them stands for the RIC's bus endpoint",
        examples=[[BUS_PLACEHOLDER]],
    ),
]
Environment = Annotated[
    dict[_Variable, _Text],
    Field(max_length=MAX_VARIABLES, description="added to that of the RIC (module, file) or of the image"),
]
Hot = Annotated[
    bool,
    Field(
        description="on the core and at the priority of the RIC's hot loop: for xApps that decide slots. "
        "One that never sleeps starves the RIC."
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Descriptor(_Body):
    """A deployment: exactly one of module, file and image, and how it is run."""

    name: Name
    module: Module | None = None
    file: File | None = None
    image: Image | None = None
    arguments: Arguments = Field(default_factory=list)
    environment: Environment = Field(default_factory=dict)
    restart: Annotated[RestartPolicy, Field(strict=False)] = RestartPolicy.ALWAYS
    hot: Hot = False

    @model_validator(mode="after")
    def _one_program(self) -> Descriptor:
        if sum(program is not None for program in (self.module, self.file, self.image)) != 1:
            raise ValueError("module, file, image: exactly one of them is required")
        return self

    @property
    def program(self) -> str:
        """Module, file or image, as shown to people."""
        return self.module or self.file or self.image or ""

    def resolved_arguments(self, bus: str) -> list[str]:
        """The arguments with the bus endpoint in the place of {bus}."""
        return [text.replace(BUS_PLACEHOLDER, bus) for text in self.arguments]

    def resolved_environment(self, bus: str) -> dict[str, str]:
        """The variables with the bus endpoint in the place of {bus}."""
        return {name: text.replace(BUS_PLACEHOLDER, bus) for name, text in self.environment.items()}


class Upgrade(_Body):
    """What the next version changes; what is left out stays as it is. `{}` starts the same program anew."""

    module: Module | None = None
    file: File | None = None
    image: Image | None = None
    arguments: Arguments | None = None
    environment: Environment | None = None
    restart: Annotated[RestartPolicy, Field(strict=False)] | None = None
    hot: Hot | None = None

    @model_validator(mode="after")
    def _at_most_one_program(self) -> Upgrade:
        if sum(program is not None for program in (self.module, self.file, self.image)) > 1:
            raise ValueError("module, file, image: at most one of them")
        return self

    def applied_to(self, descriptor: Descriptor) -> Descriptor:
        """The descriptor of the next version."""
        given: dict[str, Any] = self.model_dump(exclude_none=True)
        if {"module", "file", "image"} & set(given):
            given = {"module": None, "file": None, "image": None, **given}
        return Descriptor.model_validate({**descriptor.model_dump(), **given})
