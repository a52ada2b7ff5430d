"""What the desk publishes about itself, for tests that hold its answers to it."""

from __future__ import annotations

from typing import Any

import jsonschema
from referencing import Registry, Resource

from bot.web.openapi import schemas


def fits(document: object, schema: str) -> None:
    """Fail unless the document fits the published schema of this name."""
    resources = [(f"{name}.json", Resource.from_contents(found)) for name, found in schemas().items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    validator = jsonschema.Draft202012Validator(
        {"$ref": f"{schema}.json"},
        registry=registry,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    validator.validate(document)
