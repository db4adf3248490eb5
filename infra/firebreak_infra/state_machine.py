"""Writes each state machine of its source: state-machine/incident-response.yaml becomes incident-response.asl.json.

    state-machine/render [--check]

The source is Amazon States Language in YAML. `Shared` of shared.yaml holds blocks for anchors and is left out. `!EachFunction` is repeated for
the functions that are meant, in a list, or under the key `<Name>` among states. A Lambda task waits five seconds longer than its
function runs, or the slowest containment where the name is computed.

`States.ALL` does not catch `States.DataLimitExceeded` (Step Functions developer guide, "Handling errors"); a catcher that names the
error is practice, and is to be tried first on a real account. So each catcher of everything stands twice.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from .errors import InfraError
from .extensions import EachFunction
from .functions import functions
from .layout import REPOSITORY, STATE_MACHINE, definitions, in_repository
from .repeated import NAME, each
from .sources import parse

SOURCE: Final = STATE_MACHINE.with_name("incident-response.yaml")
SHARED: Final = "Shared"
BLOCKS: Final = STATE_MACHINE.with_name("shared.yaml")
LAMBDA: Final = "arn:${Partition}:states:::lambda:invoke"
TOO_LARGE: Final = "States.DataLimitExceeded"
GRACE_SECONDS: Final = 5
"""A state must not give up on a function that is about to answer."""
_PREFIX: Final = "${FunctionArnPrefix}"
_COMPUTED: Final = f"States.Format('{_PREFIX}{{}}', $.containment)"
_ORDER: Final = (
    *("Type", "Comment", "Resource", "ItemsPath", "MaxConcurrency", "ItemSelector", "InputPath", "Parameters", "Result"),
    *("Seconds", "SecondsPath", "TimeoutSeconds", "TimeoutSecondsPath", "Retry", "Choices", "Default", "Branches", "ItemProcessor"),
    *("ResultSelector", "ResultPath", "OutputPath", "Catch", "Error", "ErrorPath", "Cause", "CausePath", "Next", "End"),
)


def rendered(source: Path = SOURCE) -> str:
    """The definition as JSON text."""
    content = parse(source, before="" if _has_blocks(source) else BLOCKS.read_text(encoding="utf-8"))
    content.pop(SHARED, None)
    machine = {**content, "States": _states(content["States"])}
    return json.dumps(machine, indent=2, ensure_ascii=False) + "\n"


def _has_blocks(source: Path) -> bool:
    return f"\n{SHARED}:" in "\n" + source.read_text(encoding="utf-8")


def _states(states: dict[str, Any]) -> dict[str, Any]:
    return {name: _state(name, body) for key, value in states.items() for name, body in _named(key, value)}


def _named(key: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """One state, or one for each function."""
    if not isinstance(value, EachFunction):
        yield key, value
        return
    if NAME not in key:
        raise InfraError(in_repository(STATE_MACHINE.parent), f"{key} is repeated and has one name", f"put {NAME} into it")
    for pair in each(EachFunction({key: value.form}, value.trigger, value.contains, value.left_out)):
        yield from pair.items()


def _state(name: str, body: dict[str, Any]) -> dict[str, Any]:
    state = {key: _items(value) for key, value in body.items()}
    if state.get("Resource") == LAMBDA and "TimeoutSeconds" not in state:
        state["TimeoutSeconds"] = _timeout(name, state["Parameters"]) + GRACE_SECONDS
    if "Catch" in state:
        state["Catch"] = [catcher for one in state["Catch"] for catcher in _caught(one)]
    if "Branches" in state:
        state["Branches"] = [{**branch, "States": _states(branch["States"])} for branch in state["Branches"]]
    if "ItemProcessor" in state:
        state["ItemProcessor"] = {**state["ItemProcessor"], "States": _states(state["ItemProcessor"]["States"])}
    unknown = set(state) - set(_ORDER)
    if unknown:
        raise InfraError(in_repository(STATE_MACHINE.parent), f"{name} has {', '.join(sorted(unknown))}", "no field of a state here")
    return {key: state[key] for key in _ORDER if key in state}


def _caught(catcher: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if catcher["ErrorEquals"] == ["States.ALL"]:
        yield {**catcher, "ErrorEquals": [TOO_LARGE]}
    yield catcher


def _items(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [item for one in value for item in (each(one) if isinstance(one, EachFunction) else [one])]


def _timeout(state: str, parameters: dict[str, Any]) -> int:
    if parameters.get("FunctionName.$") == _COMPUTED:
        return max(function.timeout_seconds for function in functions() if function.is_called_for_targets)
    called = re.fullmatch(re.escape(_PREFIX) + "(.+)", str(parameters.get("FunctionName")))
    for function in functions():
        if called and function.name == called[1]:
            return function.timeout_seconds
    raise InfraError(in_repository(STATE_MACHINE.parent), f"{state} calls no folder of functions/", f"write {_PREFIX}<folder>")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0: written, or current; 1: a source is wrong, or what is there is not what it says."""
    parser = argparse.ArgumentParser(prog="state-machine/render", description="Writes the definitions of their sources.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the definitions are current")
    options = parser.parse_args(arguments)
    try:
        texts = {definition: rendered(source_of(definition)) for definition in definitions()}
    except InfraError as error:
        print(f"state-machine/render: {error}", file=sys.stderr)
        return 1
    if not options.check:
        for definition, text in texts.items():
            definition.write_text(text, encoding="utf-8")
        return 0
    old = [one for one, text in texts.items() if not one.is_file() or one.read_text(encoding="utf-8") != text]
    for definition in old:
        where = definition.relative_to(REPOSITORY)
        print(f"state-machine/render: {where} is not what its source says; run state-machine/render", file=sys.stderr)
    return 1 if old else 0


def source_of(definition: Path) -> Path:
    """The YAML of a definition."""
    return definition.with_name(definition.name.removesuffix(".asl.json") + ".yaml")


if __name__ == "__main__":
    sys.exit(main())
