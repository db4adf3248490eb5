"""Deploys the templates into a bare moto, in this process: do all references lead somewhere?

It says nothing about what moto drops without a word: Object Lock, versioning, point-in-time recovery, policies of
queues, topics and buckets, alarms, logging. The own rules look at those.
What of moto is worked around says so where it is.
"""

from __future__ import annotations

import copy
import io
import json
import logging
import os
import re
import sys
import types
import warnings
import zipfile
from collections.abc import Callable
from typing import Any, Final

from . import samples
from .rules.documents import Json, Sources
from .rules.problem import Problem
from .transform import PACKAGE_BUCKET

SAYS: Final = "moto, references only. Says nothing about Object Lock, PITR, policies, alarms, logging: it drops them"
_UNSUPPORTED: Final = (
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::EventBusPolicy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Url",
    "AWS::Organizations::Policy",
)
"""Types moto knows nothing of. It would only warn; left out, so that what is deployed is what is counted."""

_PACKAGES: Final = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}


def check(sources: Sources) -> list[Problem]:
    """Stacks that moto could not make."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": samples.REGION}
    _stand_in("openapi_spec_validator", validate=None)
    _stand_in("openapi_spec_validator.validation.exceptions", OpenAPIValidationError=Exception)
    # Late: moto takes two seconds to load.
    import boto3
    from moto import mock_aws

    problems = []
    # It warns of each resource of a type it does not know.
    logging.getLogger("moto").setLevel(logging.ERROR)
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cloudformation = boto3.client("cloudformation", region_name=samples.REGION)
        _upload_packages(boto3.client("s3", region_name=samples.REGION), sources)
        for name, template in sources.templates.items():
            try:
                _deploy(cloudformation, name, template, sources)
            except Exception as error:  # moto fails with whatever its parser happens to raise
                what = f"moto could not deploy it: {type(error).__name__}: {str(error)[:300]}"
                problems.append(
                    Problem(name, what, "correct the reference; a new fault of moto goes into local_deploy.py")
                )
    return problems


def _stand_in(module: str, **names: object) -> None:
    """moto's CloudFormation loads its API Gateway, which imports a validator of OpenAPI. Nothing here has an API."""
    stand_in = types.ModuleType(module)
    vars(stand_in).update(names)
    sys.modules.setdefault(module, stand_in)


def _upload_packages(s3: Any, sources: Sources) -> None:
    """Something to load where a function or a layer says its package is: moto opens it."""
    s3.create_bucket(Bucket=PACKAGE_BUCKET, CreateBucketConfiguration={"LocationConstraint": samples.REGION})
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("bootstrap", "")
    for template in sources.templates.values():
        for body in template["Resources"].values():
            place = body.get("Properties", {}).get(_PACKAGES.get(body["Type"], ""))
            if isinstance(place, dict):
                s3.put_object(Bucket=PACKAGE_BUCKET, Key=place["S3Key"], Body=package.getvalue())


def _deploy(cloudformation: Any, name: str, template: Json, sources: Sources) -> None:
    parameters = samples.parameters(sources.environment, name, template.get("Parameters", {}))
    adapted = copy.deepcopy(template)
    for adapt in _WORKAROUNDS:
        adapted = adapt(adapted)
    stack = f"firebreak-{name}"
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(adapted),
        Parameters=[{"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    [description] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    if description["StackStatus"] != "CREATE_COMPLETE":
        raise RuntimeError(description["StackStatus"])
    unresolved = [one["OutputKey"] for one in description.get("Outputs", []) if "${" in str(one["OutputValue"])]
    if unresolved:
        raise RuntimeError(f"outputs with a reference left in them: {', '.join(unresolved)}")


def _each(template: Json, type: str) -> list[Json]:
    return [body["Properties"] for body in template["Resources"].values() if body["Type"] == type]


def _leave_out(template: Json) -> Json:
    """What moto does not know goes, and whoever refers to it gets a text in its place."""
    gone = {name for name, body in template["Resources"].items() if body["Type"] in _UNSUPPORTED}
    kept = {name: body for name, body in template["Resources"].items() if name not in gone}
    adapted: Json = _without({**template, "Resources": kept}, gone)
    return adapted


def _without(node: Any, gone: set[str]) -> Any:
    match node:
        case {"Ref": str(name)} if name in gone:
            return "left-out"
        case {"Fn::GetAtt": [str(name), *_]} if name in gone:
            return "left-out"
        case {"Fn::Sub": str(text)}:
            for name in gone:
                text = re.sub(rf"\$\{{{name}(\.\w+)?\}}", "left-out", text)
            return {"Fn::Sub": text}
        case dict():
            return {key: _without(value, gone) for key, value in node.items()}
        case list():
            return [_without(value, gone) for value in node]
    return node


def _definition_as_text(template: Json) -> Json:
    """moto takes a definition as a string only."""
    for properties in _each(template, "AWS::StepFunctions::StateMachine"):
        properties["DefinitionString"] = json.dumps(properties.pop("Definition"))
    return template


def _archived_pattern_as_text(template: Json) -> Json:
    """moto takes the pattern of an archive as a string, that of a rule as an object."""
    for properties in _each(template, "AWS::Events::Archive"):
        if isinstance(properties.get("EventPattern"), dict):
            properties["EventPattern"] = json.dumps(properties["EventPattern"])
    return template


def _bus_by_name(template: Json) -> Json:
    """moto gives the bus itself for `!Ref Bus` in a rule, and then wants its name."""
    for properties in _each(template, "AWS::Events::Rule"):
        match properties.get("EventBusName"):
            case {"Ref": str(bus)}:
                properties["EventBusName"] = {"Fn::GetAtt": [bus, "Name"]}
    return template


_WORKAROUNDS: Final[tuple[Callable[[Json], Json], ...]] = (
    _leave_out,
    _definition_as_text,
    _archived_pattern_as_text,
    _bus_by_name,
)
"""Each makes of a template one that moto takes."""
