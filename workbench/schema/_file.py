"""The shape of a schema file, as pydantic models."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.schema._records import Visible


def _word(value: object) -> object:
    """YAML reads the size `32` as a number; a name or value is a word."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, Field(min_length=1, pattern=r"\S"), BeforeValidator(_word)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AttributeFile(_Part):
    """One attribute; categories name it by its key."""

    name: Text
    values: list[Text] = Field(default_factory=list)
    visible: Visible = "sometimes"
    multiple: bool = False
    required: bool = False
    synonyms: dict[Text, Text] = Field(default_factory=dict)


class CategoryFile(_Part):
    """One category."""

    id: Annotated[str, BeforeValidator(_word)]
    """`""`: what items without a category fall under."""
    path: list[Text] = Field(min_length=1)
    attributes: list[Text] = Field(default_factory=list)


class SchemaFile(_Part):
    """A schema: attributes once, under keys that categories name."""

    name: Text
    version: Text
    attributes: dict[Text, AttributeFile] = Field(default_factory=dict)
    categories: list[CategoryFile] = Field(min_length=1)
