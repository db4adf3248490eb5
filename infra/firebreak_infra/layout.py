"""Where things are in the repository, and what they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .errors import InfraError

REPOSITORY: Final = Path(__file__).resolve().parents[2]
INFRA: Final = REPOSITORY / "infra"
ENVIRONMENTS: Final = INFRA / "environments"
EVENT_RULES: Final = INFRA / "event-rules"
FUNCTIONS: Final = REPOSITORY / "functions"
STATE_MACHINE: Final = REPOSITORY / "state-machine" / "incident-response.asl.json"
"""The main one."""


def definitions() -> tuple[Path, ...]:
    """The definition of every state machine, beside its source. `evidence.asl.json` is that of `firebreak-evidence`."""
    return tuple(source.with_suffix(".asl.json") for source in sorted(STATE_MACHINE.parent.glob("*.yaml")) if source.stem != "shared")



TEMPLATES: Final = ("security-account", "member-account", "forwarder", "forensics-account", "management-account")
"""The templates, each a folder of infra/."""
SAM_TEMPLATE: Final = "security-account"
"""The one that is SAM."""
ARCHITECTURES: Final = ("arm64", "x86_64")


def output_folder(environment: str) -> Path:
    """Where an environment's rendered templates go unless told otherwise."""
    return REPOSITORY / "target" / "infra" / environment


def packages() -> Path:
    """Where the packages are, and the list of them."""
    return REPOSITORY / "target" / "lambda"


def package(name: str, environment: str, architecture: str) -> Path:
    """The zip of a function or of a layer. It need not be there yet: rendering comes before packaging."""
    folder = packages()
    if name == "response-policy":
        return folder / f"response-policy-{environment}.zip"
    if not (REPOSITORY / "functions" / name).is_dir():
        raise InfraError(f"!Package {name}", f"there is no functions/{name}", "name a function, or response-policy")
    return folder / architecture / f"{name}.zip"


def in_repository(path: Path) -> str:
    """A path as people write it: from the repository's root."""
    return path.relative_to(REPOSITORY).as_posix() if path.is_relative_to(REPOSITORY) else path.as_posix()


def repository_file(name: object) -> Path:
    """A file that a template names, by its path from the repository's root."""
    if not isinstance(name, str):
        raise InfraError(repr(name), "is not a path", "give a path from the repository's root")
    path = REPOSITORY / name
    if not path.resolve().is_relative_to(REPOSITORY) or not path.is_file():
        raise InfraError(name, "no such file", "give a path from the repository's root")
    return path
