"""Checks that an answer follows its JSON schema, for engines that promise it but are not ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from workbench.errors import ModelError
from workbench.models.protocols import Decoding, schemas_among


def check_schemas(decodings: Iterable[Decoding]) -> None:
    """Refuse what is no JSON schema: servers drop it without a word and answer freely.

    Raises:
        ModelError: One of the schemas is none; the message says where.
    """
    import jsonschema

    for schema in schemas_among(decodings):
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ModelError(
                f"want a JSON schema, got one wrong at {error.json_path}: {error.message}"
            ) from None


def broken_rule(text: str, schema: Mapping[str, object]) -> str | None:
    """In which way `text` does not follow `schema`; None where it does."""
    import jsonschema

    try:
        value = json.loads(text)
    except ValueError as error:
        return f"the answer is no JSON ({error}): {text[:80]!r}"
    wrong = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(value)
    )
    if wrong is None:
        return None
    return f"the answer does not follow the schema at {wrong.json_path}: {wrong.message[:200]}"
