"""The response policy of the layer. MiniStack keeps layers and does not mount them: `failures.py` shows that."""

from __future__ import annotations

import urllib.request
from typing import Final

from . import packages
from .run import Run

VARIABLE: Final = "FIREBREAK_POLICY_FILE"


def mount(run: Run) -> None:
    """Unpacks each function's layer into a file and tells the function where it is."""
    functions = run.cloud.client("lambda")
    mounted = []
    for page in functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            if not function.get("Layers"):
                continue
            layer = functions.get_layer_version_by_arn(Arn=function["Layers"][0]["Arn"])
            with urllib.request.urlopen(layer["Content"]["Location"], timeout=10) as content:
                policy = packages.in_layer(content.read())
            file = run.folder / "policy.toml"
            file.write_bytes(policy)
            variables = function["Environment"]["Variables"] | {VARIABLE: str(file)}
            functions.update_function_configuration(
                FunctionName=function["FunctionName"], Environment={"Variables": variables}
            )
            mounted.append(function["FunctionName"])
    run.report.line(f"the layer's response policy in place for {', '.join(mounted)}")
