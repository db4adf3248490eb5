"""Everything the rules look at, as plain data: a test can change any of it and ask a rule again."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .. import environments, event_rules, samples
from ..deploy import examples
from ..errors import InfraError
from ..resolve import resolve

REPOSITORY: Final = Path(__file__).resolve().parents[3]
SECURITY: Final = "security-account"
MEMBER: Final = "member-account"
FORWARDER: Final = "forwarder"
FORENSICS: Final = "forensics-account"
MANAGEMENT: Final = "management-account"
TEMPLATES: Final = (SECURITY, MEMBER, FORWARDER, FORENSICS, MANAGEMENT)

_FORWARDED: Final = (
    "health",
    "malware-scan",
    "security-hub",
    "security-hub-v2",
    "security-hub-own",
    "security-hub-v2-own",
)
"""Rules of infra/event-rules that are the forwarders', too. Of GuardDuty they send everything: the home Region decides."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    template: str
    logical_id: str
    type: str
    body: Json

    @property
    def properties(self) -> Json:
        """What is between the braces of `Properties`."""
        return self.body.get("Properties") or {}

    @property
    def retained(self) -> bool:
        """Whether it outlives its stack. RetainExceptOnCreate only gives up what a failed creation made."""
        return self.body.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")

    @property
    def where(self) -> str:
        """For a problem."""
        return f"{self.template} {self.logical_id}"


@dataclass
class Documents:
    """The templates with sample values for every intrinsic function, the definitions, and what they must agree with."""

    templates: dict[str, Json]
    deployed: dict[str, Json]
    """The same as CloudFormation takes them, before any function has a value."""
    by_region: dict[str, dict[str, Json]]
    """The same by Region, and what is deployed in more than one also in another."""
    definitions: dict[str, Json]
    """Of every state machine, by the name of its file without the ending: `incident-response`."""
    substitutions: dict[str, Json]
    """Of each of them in the transformed template, each with its resolved value."""
    function_policies: dict[str, Json]
    """`functions/<name>/policy.json` by name, placeholders and all."""
    environment_table: str
    """`docs/environment.md`."""
    response_policies: dict[str, Json]
    """`infra/environments/<name>/policy.toml` by name."""
    event_patterns: dict[str, Json]
    """`infra/event-rules/<name>.json` by name, and the rules of the rows that the environment's policy adds."""
    forwarded_patterns: dict[str, Json]
    """What the forwarders of other accounts and Regions send, by the name of the rule."""
    not_filled_in: set[str]
    """Environments whose parameters.toml is as it came: example values where the organization's own belong."""

    def resources(self, type: str | None = None, template: str | None = None) -> Iterator[Resource]:
        """Resources of all templates or one, of every type or one."""
        for name, document in self.templates.items():
            if template is None or name == template:
                for logical_id, body in document["Resources"].items():
                    if type is None or body["Type"] == type:
                        yield Resource(name, logical_id, body["Type"], body)

    def named(self, type: str, property: str, template: str | None = None) -> dict[str, Resource]:
        """Resources of a type by their name, which is one of their properties."""
        found = self.resources(type, template)
        return {str(resource.properties.get(property, resource.logical_id)): resource for resource in found}


@dataclass
class Sources:
    """What the documents are made from: templates as CloudFormation takes them, intrinsic functions and all."""

    environment: str
    templates: dict[str, Json]
    definitions: dict[str, Json]
    function_policies: dict[str, Json]
    environment_table: str
    response_policies: dict[str, Json]
    event_patterns: dict[str, Json]
    forwarded_patterns: dict[str, Json]
    not_filled_in: set[str]

    def documents(self) -> Documents:
        """The same, resolved."""
        templates = {name: self._resolved(name) for name in self.templates}
        return Documents(
            templates=templates,
            deployed=self.templates,
            by_region={
                samples.REGION: templates,
                samples.ANOTHER_REGION: {FORWARDER: self._resolved(FORWARDER, samples.ANOTHER_REGION)},
            },
            definitions=self.definitions,
            substitutions=_substitutions(templates[SECURITY]),
            function_policies=self.function_policies,
            environment_table=self.environment_table,
            response_policies=self.response_policies,
            event_patterns=self.event_patterns,
            forwarded_patterns=self.forwarded_patterns,
            not_filled_in=self.not_filled_in,
        )

    def _resolved(self, name: str, region: str = samples.REGION) -> Json:
        template = self.templates[name]
        parameters = samples.parameters(self.environment, name, template.get("Parameters", {}))
        return resolve(template, parameters, samples.pseudo(name) | {"AWS::Region": region})


def load(rendered: Path, environment: str, repository: Path = REPOSITORY) -> Sources:
    """What `infra/render` wrote, and what of the repository it must agree with."""
    patterns = {file.stem: _json(file) for file in sorted(repository.glob("infra/event-rules/*.json"))}
    templates = {name: _json(rendered / f"{name}.json") for name in TEMPLATES if name != SECURITY}
    return Sources(
        environment=environment,
        templates={SECURITY: _json(rendered / "transformed" / f"{SECURITY}.json"), **templates},
        definitions={
            file.name.removesuffix(".asl.json"): _json(file)
            for file in sorted(repository.glob("state-machine/*.asl.json"))
        },
        function_policies={
            file.parent.name: _json(file) for file in sorted(repository.glob("functions/*/policy.json"))
        },
        environment_table=(repository / "docs" / "environment.md").read_text(encoding="utf-8"),
        response_policies={
            file.parent.name: tomllib.loads(file.read_text(encoding="utf-8"))
            for file in sorted(repository.glob("infra/environments/*/policy.toml"))
        },
        event_patterns={**patterns, **event_rules.of_policy(environment)},
        forwarded_patterns={
            "guardduty": _json(repository / "infra" / "forwarder" / "guardduty.json"),
            **{stem: patterns[stem] for stem in _FORWARDED if stem in patterns},
        },
        not_filled_in={name for name in environments.names() if _has_examples(name)},
    )


def _has_examples(environment: str) -> bool:
    # Whose accounts and units: what must be filled in before anything can be deployed.
    try:
        examples.refuse(environment, "deployment", set())
    except InfraError:
        return True
    return False


def _substitutions(template: Mapping[str, Any]) -> dict[str, Json]:
    machines = (one for one in template["Resources"].values() if one["Type"] == "AWS::StepFunctions::StateMachine")
    return {
        str(machine["Properties"].get("StateMachineName")).removeprefix("firebreak-"): dict(
            machine["Properties"].get("DefinitionSubstitutions") or {}
        )
        for machine in machines
    }


def _json(file: Path) -> Json:
    document: Json = json.loads(file.read_text(encoding="utf-8"))
    return document
