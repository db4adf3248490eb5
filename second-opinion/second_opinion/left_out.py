"""What the stacks are deployed without: `left-out.toml`, a reason each. An entry that is needed no more is a problem."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from .cloud import Cloud
from .stacks import Stack, StackFailed
from .templates import Json

FILE: Final = Path(__file__).resolve().parents[1] / "left-out.toml"
_STAND_IN: Final = "left-out"


@dataclass(frozen=True)
class Entry:
    """Resources that MiniStack cannot make."""

    type: str
    why: str
    says: str
    """What MiniStack answers when it is asked for one of them."""
    property: str = ""
    """Only resources with this property; empty: all of the type."""
    id: str = ""
    """Only the resource of this logical id."""

    def __str__(self) -> str:
        return " ".join(part for part in (self.type, self.property and f"with {self.property}", self.id) if part)

    def covers(self, logical_id: str, body: Json) -> bool:
        """Whether a resource is left out by this entry."""
        has = not self.property or self.property in body.get("Properties", {})
        return body["Type"] == self.type and has and self.id in ("", logical_id)


def entries() -> list[Entry]:
    """The list."""
    return [Entry(**entry) for entry in tomllib.loads(FILE.read_text(encoding="utf-8"))["left_out"]]


def apply(template: Json, list_: list[Entry]) -> tuple[Json, dict[str, Entry]]:
    """A template without them, and which resources those are. What refers to one gets a text in its place."""
    gone: dict[str, Entry] = {}
    for name, body in template["Resources"].items():
        for entry in list_:
            if entry.covers(name, body):
                gone[name] = entry
    kept = {name: _alone(body, gone) for name, body in template["Resources"].items() if name not in gone}
    return _without({**template, "Resources": kept}, gone), gone


def stale(cloud: Cloud, list_: list[Entry], resolved: list[Json]) -> Iterator[str]:
    """Entries that MiniStack does not need, or no longer for the reason they give: each is asked for once, alone."""
    for entry in list_:
        found = next(
            (body for template in resolved for name, body in template["Resources"].items() if entry.covers(name, body)),
            None,
        )
        if found is None:
            yield f"left-out.toml: no template has a resource that is {entry}: take the entry out"
            continue
        said = _asked(cloud, found)
        if said is None:
            yield f"left-out.toml: MiniStack makes {entry} now: take the entry out"
        elif entry.says not in said:
            yield f"left-out.toml: MiniStack refuses {entry}, but says: {said}"


def _asked(cloud: Cloud, body: Json) -> str | None:
    """What MiniStack says against one resource in a stack of its own. None: it makes it."""
    trial = {"Resources": {"Trial": {"Type": body["Type"], "Properties": body.get("Properties", {})}}}
    stack = Stack(cloud, "second-opinion-trial")
    try:
        stack.create(json.dumps(trial), {})
    except StackFailed as error:
        return str(error)
    except ClientError as error:
        return str(error)
    finally:
        stack.delete()
    return None


def _alone(body: Json, gone: Collection[str]) -> Json:
    """A resource that waits for none of them."""
    after = body.get("DependsOn", [])
    left = [name for name in ([after] if isinstance(after, str) else after) if name not in gone]
    return {**body, "DependsOn": left} if after else body


def _without(node: Any, gone: Collection[str]) -> Any:
    match node:
        case {"Ref": str(name)} if name in gone:
            return _STAND_IN
        case {"Fn::GetAtt": [str(name), *_]} if name in gone:
            return _STAND_IN
        case {"Fn::Sub": str(text)}:
            for name in gone:
                text = re.sub(rf"\$\{{{name}(\.\w+)?\}}", _STAND_IN, text)
            return {"Fn::Sub": text}
        case dict():
            return {key: _without(value, gone) for key, value in node.items()}
        case list():
            return [_without(value, gone) for value in node]
    return node
