"""What `infra/check` says about a template with a planted fault: its local AWS, and its own rules. Runs in its environment.

    .venv/bin/python -m second_opinion.infra_check FAULT FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from firebreak_infra import local_deploy
from firebreak_infra.rules import RULES
from firebreak_infra.rules.documents import load

from .names import ENVIRONMENT
from .planted import FAULTS


def main(name: str, folder: str) -> None:
    """Prints one line."""
    sources = load(Path(folder), ENVIRONMENT)
    fault = FAULTS[name]
    fault.plant(sources.templates[fault.template])
    local = [str(problem) for problem in local_deploy.check(sources)]
    documents = sources.documents()
    rules = [rule for rule, check in RULES.items() if check(documents)]
    print(f"infra/check: its local AWS says {local or 'nothing'}; its own rules: {', '.join(rules) or 'nothing'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
