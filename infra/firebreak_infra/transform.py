"""SAM to CloudFormation, offline, with the translator that AWS runs.

The translator wants packages and definitions to be in S3 and hides a definition in an Fn::Join. Here packages get a
place in a bucket that does not exist, and a definition is in the template as an object, so that linters read it.
"""

from __future__ import annotations

import copy
import json
import logging
import os
from pathlib import Path
from typing import Any, Final

from .errors import InfraError

PACKAGE_BUCKET: Final = "firebreak-packages"
"""Stands for the bucket that `sam deploy` uploads to."""
_STATE_MACHINE: Final = "AWS::Serverless::StateMachine"
_CODE: Final = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def transform(template: dict[str, Any], folder: Path, region: str) -> dict[str, Any]:
    """CloudFormation for a SAM template. `folder`: what relative paths in it start from."""
    sam = copy.deepcopy(template)
    definitions: dict[str, Any] = {}
    for name, resource in sam.get("Resources", {}).items():
        properties = resource.setdefault("Properties", {})
        if resource.get("Type") == _STATE_MACHINE:
            definitions[name] = _definition(name, properties, folder)
            # A stand-in: the translator only has to find one.
            properties["Definition"] = {"StartAt": name}
        elif code := _CODE.get(resource.get("Type")):
            properties[code] = {"Bucket": PACKAGE_BUCKET, "Key": _key(name, code, properties)}
    transformed = _translate(sam, region)
    for name, definition in definitions.items():
        properties = transformed["Resources"][name]["Properties"]
        properties.pop("DefinitionString", None)
        properties["Definition"] = definition
    return transformed


def _definition(name: str, properties: dict[str, Any], folder: Path) -> Any:
    if "Definition" in properties:
        return properties["Definition"]
    uri = properties.pop("DefinitionUri", None)
    if not isinstance(uri, str):
        raise InfraError(name, "has no DefinitionUri that is a path", "write `DefinitionUri: !RepositoryFile ...`")
    try:
        # By its text: the folder may not be there yet, and then nothing is above it.
        return json.loads(Path(os.path.normpath(folder / uri)).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InfraError(name, f"DefinitionUri {uri} is no file", "write it with !RepositoryFile") from error
    except json.JSONDecodeError as error:
        raise InfraError(f"{uri}:{error.lineno}", error.msg, "correct the JSON") from error


def _key(name: str, code: str, properties: dict[str, Any]) -> str:
    uri = properties.get(code)
    if not isinstance(uri, str):
        raise InfraError(name, f"has no {code} that is a path", f"write `{code}: !Package ...`")
    return Path(uri).name


def _translate(sam: dict[str, Any], region: str) -> dict[str, Any]:
    # The translator looks for a Region as the SDK does, and asks AWS nothing.
    os.environ["AWS_DEFAULT_REGION"] = region
    # Late: it takes a second to load, and only one template needs it.
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform as translate

    # It warns that it sent nobody its metrics.
    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)
    try:
        transformed: dict[str, Any] = translate(sam, {}, _NoManagedPolicies())
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise InfraError("SAM", causes or error.message, "correct the resource it names") from error
    # The translator's own string and mapping types would not all be JSON.
    return json.loads(json.dumps(transformed))


class _NoManagedPolicies:
    """AWS's managed policies by name. Firebreak attaches none."""

    def load(self) -> dict[str, str]:
        return {}
