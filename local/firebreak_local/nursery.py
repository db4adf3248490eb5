"""Starts many local AWS from one process that has done the slow part: importing moto and reading the models of the services.

    PYTHONPATH=local .venv/bin/python -m firebreak_local.nursery

Reads one JSON object a line from standard input. `{"start": [arguments], "out": file}` forks a local AWS, whose standard output
is that file, and answers with its process id. `{"end": pid}` kills one. All of them end with this process, and this process
ends with its input. For tests, which start one for each test: importing takes most of a start.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Final

from . import __main__ as program
from . import console, event_delivery, event_matching, function_urls, guardduty_findings, interpreter_clock, lambda_host
from . import lookup_events, moto_patches, provision, server

_ = (event_delivery, event_matching, function_urls, guardduty_findings, interpreter_clock, lambda_host)
_ = (lookup_events, moto_patches)
"""Imported here, so that no child has to."""

_SERVICES: Final = (
    "cloudtrail cloudwatch dynamodb ec2 events guardduty iam kms lambda organizations s3 s3control securityhub sns "
    "sqs ssm stepfunctions sts"
).split()

_ENDPOINTS: Final = {"cloudwatch": "monitoring", "s3control": "1.s3-control", "stepfunctions": "states"}
"""Where a service's endpoint is not called like the service."""


def main() -> None:
    """The program."""
    server.warm([_ENDPOINTS.get(service, service) for service in _SERVICES])
    provision.warm(_SERVICES)
    # Children are never waited for by name: the kernel forgets them when they end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        if "end" in order:
            _end(int(order["end"]))
        else:
            print(_start([str(argument) for argument in order["start"]], Path(order["out"])), flush=True)


def _start(arguments: list[str], out: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    # Children of one parent would draw the same ids.
    random.seed(os.urandom(16))
    console.speak_to(out)
    sys.argv = ["firebreak_local", *arguments]
    try:
        program.main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    console.say(f"ended {status}")
    os._exit(status)


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended by itself


if __name__ == "__main__":
    main()
