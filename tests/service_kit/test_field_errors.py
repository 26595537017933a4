"""What is said of wrong fields."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from service_kit.field_errors import describe_errors


class Knob(BaseModel):
    turns: int = 1


@pytest.mark.parametrize("given", ["x" * 1_000_000, ["x"] * 100_000, "much"])
def test_what_was_given_is_told_shortened(given: object) -> None:
    with pytest.raises(ValidationError) as found:
        Knob.model_validate({"turns": given})
    told = describe_errors(found.value, Knob, whole="knob")
    assert told.startswith("turns: ")
    assert len(told) < 300
    if given == "much":
        assert "(given 'much')" in told
