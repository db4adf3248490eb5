"""Starts the local AWS with Firebreak deployed, and runs it in the foreground.

    PYTHONPATH=local .venv/bin/python -m firebreak_local --port 4566 --bin-dir target/debug

Prints `ready http://127.0.0.1:PORT` once everything can be used. SIGINT and SIGTERM end it with exit code 0; exit code
2 means that something it needs is missing, and says what.
"""

from __future__ import annotations

import argparse
import logging
import os
import select
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from . import console, names


def main() -> None:
    """The program."""
    parent = os.getppid()
    options = _arguments()
    missing = [name for name in names.FUNCTION_TIMEOUTS if not os.access(options.bin_dir / name, os.X_OK)]
    if missing:
        console.fail(f"no binary for {', '.join(missing)} in {options.bin_dir}: run `cargo build --workspace`")
    if not options.policy.is_file():
        console.fail(f"response policy {options.policy}: no such file")
    try:
        listener = _bind(options.port)
    except OSError as error:
        console.fail(f"cannot listen on port {options.port}: {error.strerror}")
    signals = _catch_signals()
    log = options.log_dir / "local-aws.log"
    console.redirect_noise(log)
    try:
        _run(options, listener, signals, parent)
    except Exception as error:
        logging.getLogger(__name__).exception("the local AWS failed")
        console.fail(f"{type(error).__name__}: {error} (log: {log})", status=1)


def _run(options: argparse.Namespace, listener: socket.socket, signals: socket.socket, parent: int) -> None:
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # Only now: importing moto takes most of the start, and a usage error should not wait for it.
    from . import event_delivery, event_matching, function_urls, guardduty_findings, interpreter_clock, lambda_host
    from . import lookup_events, moto_patches
    from .bucket_denies import BucketDenies
    from .calls import CallRecord
    from .control import Control
    from .event_source_mapping import EventSourceMapping
    from .faults import FaultRules, Recorder
    from .planted_trail import PlantedTrail
    from .provision import Provisioner, ProvisioningError, Sources
    from .server import Server, moto_app
    from .simulated_clock import SimulatedClock

    moto_patches.install(endpoint)
    clock = SimulatedClock()
    interpreter_clock.install(clock)
    host = lambda_host.LambdaHost(endpoint, options.bin_dir, options.log_dir, clock)
    lambda_host.install(host)
    function_urls.install(endpoint)
    event_matching.install()
    findings = guardduty_findings.PlantedFindings()
    event_delivery.install(host, findings.found)
    guardduty_findings.install(findings)
    trail = PlantedTrail()
    lookup_events.install(trail)
    record, rules = CallRecord(), FaultRules()
    recorder = Recorder(BucketDenies(moto_app()), record, rules, host.kill)
    control = Control(recorder, record, rules, host, findings, trail, clock)
    urls = function_urls.FunctionUrls(control, host)
    server = Server(listener, _recording_authorization(urls))
    reviews = EventSourceMapping(host, names.REVIEW_QUEUE, names.function_name("open-review"))
    server.start()
    try:
        Provisioner(endpoint, Sources(policy=options.policy)).run()
        reviews.start()
        record.clear()  # whoever looks at the calls wants to see their own
        console.say(f"ready {endpoint}")
        if options.offer:
            _offer(options.bin_dir / "firebreak", endpoint)
        _wait(signals, parent if options.exit_with_parent else None)
    except ProvisioningError as error:
        console.fail(str(error))
    finally:
        reviews.stop()
        host.stop()
        server.stop()


def _offer(command: Path, endpoint: str) -> None:
    """Plants throw-away resources, and says how to see them contained and released."""
    here = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": names.REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    called = [os.path.relpath(command), "local", "plant"]
    planted = subprocess.run(called, env={**os.environ, **here}, capture_output=True, text=True, check=False)
    console.say("\nIn another terminal:\n")
    console.say("  export " + " ".join(f"{name}={value}" for name, value in here.items()))
    console.say("\n" + (planted.stdout or planted.stderr).rstrip())


def _recording_authorization(app: Any) -> Any:
    """With what writes down the calls of the functions, when FIREBREAK_RECORD_CALLS names a folder for that."""
    folder = os.environ.get("FIREBREAK_RECORD_CALLS")
    if not folder:
        return app
    from .authorization.middleware import AuthorizationRecorder

    return AuthorizationRecorder(app, Path(folder))


def _bind(port: int) -> socket.socket:
    """Takes the port before anything expensive happens. Loopback only: whoever reaches it can run the functions."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _catch_signals() -> socket.socket:
    """A socket that becomes readable on SIGINT or SIGTERM.

    Not an Event set by the handler: the handler would run in the thread that waits, and could find its lock taken.
    """
    readable, writable = socket.socketpair()
    writable.setblocking(False)
    signal.set_wakeup_fd(writable.detach())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return readable


def _wait(signals: socket.socket, parent: int | None) -> None:
    """Until a signal, or until the parent is gone.

    The parent has to be polled for: Linux could signal its death, but counts the end of the *thread* that started us as
    that, and test runners start us from threads.
    """
    while not select.select([signals], [], [], 0.5 if parent else None)[0]:
        if parent and os.getppid() != parent:
            return


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="firebreak_local", description="A local AWS with Firebreak deployed.")
    parser.add_argument("--port", type=_port, default=4566, help="0 takes any free port (default: %(default)s)")
    parser.add_argument("--bin-dir", type=Path, required=True, help="where cargo puts the functions' binaries")
    parser.add_argument(
        "--policy", type=Path, default=names.REPOSITORY / "local" / "policy.toml", help="response policy"
    )
    parser.add_argument(
        "--log-dir", type=Path, default=names.REPOSITORY / ".local" / "logs", help="one log per function"
    )
    parser.add_argument("--offer", action="store_true", help="plant throw-away resources and show what to do with them")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the process that started this ends")
    options = parser.parse_args()
    for option in ("bin_dir", "policy", "log_dir"):
        # Functions run elsewhere and get the policy's path; a relative one would mean something else to them.
        setattr(options, option, getattr(options, option).resolve())
    return options


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port number")
    return port


if __name__ == "__main__":
    main()
