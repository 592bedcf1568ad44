"""The shape of a rubric file, as pydantic models: what is checked, and what editors complete."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


def _point(value: object) -> object:
    """YAML reads `1` as a number; a point of a scale is a word."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Point = Annotated[
    str, BeforeValidator(_point), WithJsonSchema({"type": ["string", "integer"], "minLength": 1})
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CriterionFile(_Part):
    """One question about an output."""

    id: Id = Field(description="Short name, lower case: `color`. Annotations and verdicts use it.")
    question: Text = Field(description="As people and models read it.")
    scale: list[Point] = Field(
        min_length=2, description="Points from worst to best: `[no, yes]` or `[1, 2, 3, 4, 5]`."
    )
    threshold: float = Field(
        description="Passed from here on, counting points from 1: over 1, up to the number of points."
    )
    by: Annotated[str, Field(pattern=r"^(model|instrument:[a-z][a-z0-9_]*)$")] = Field(
        default="model", description="Who answers: `model`, or `instrument:<name>`."
    )
    decides: bool = Field(
        default=True, description="false: shown, but an output that fails it can still be approved."
    )
    points: dict[Point, Text] = Field(
        default_factory=dict, description="What each point of the scale means; all of them or none."
    )


class FailureModeFile(_Part):
    """A way to fail that has a name, so that failures can be counted."""

    id: Id = Field(description="Short name, lower case: `dark_background`.")
    description: Text = Field(description="What is seen, as people and models read it.")
    criterion: Id | None = Field(default=None, description="The criterion that it counts against.")
    blocks: bool = Field(
        default=False, description="true: an output that shows it is refused, whatever the scores."
    )


class ExampleFile(_Part):
    """An output that was answered, to be read beside the question."""

    output: Text = Field(description="The listing, or the prompt of the image.")
    criterion: Id = Field(description="The criterion that was answered.")
    point: Point = Field(description="The point that was given.")
    why: Text = Field(description="The reason, in one or two sentences.")
    photo: Text | None = Field(default=None, description="Address of a picture that goes with it.")


class RubricFile(_Part):
    """What is asked of an output: criteria on a scale, thresholds, failure modes, worked examples."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = Field(
        description="Lower case, with hyphens: `category-image`."
    )
    version: int = Field(ge=1, description="A changed rubric is a new version: 1, 2, 3 …")
    judges: Literal["listing", "image"] = Field(description="The kind of output that it is about.")
    instructions: str = Field(default="", description="Read first, by people and models.")
    criteria: list[CriterionFile] = Field(min_length=1, description="The questions, in order.")
    failure_modes: list[FailureModeFile] = Field(default_factory=list)
    examples: list[ExampleFile] = Field(default_factory=list)
