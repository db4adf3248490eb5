"""Each rule about what the project is made from is seen failing once."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

import pins  # noqa: E402

RULES = (HERE / "deny.toml").read_text()
HASH = "sha256:" + "0" * 64
NAMES = {"made": "requirements.txt", "source": "requirements.in", "npm": "package-lock.json", "crates": "Cargo.lock"}


class Crates(unittest.TestCase):
    """Faults in what `cargo metadata` says of the tree, and in deny.toml."""

    metadata: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        command = ["cargo", "metadata", "--format-version", "1", "--locked"]
        cls.metadata = json.loads(subprocess.run(command, cwd=HERE, check=True, capture_output=True).stdout)

    def found(self, metadata: dict[str, Any], rules: str) -> set[tuple[str, str]]:
        """Code and message of everything that cargo-deny finds."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "metadata.json").write_text(json.dumps(metadata))
            (Path(folder) / "deny.toml").write_text(rules)
            command = [str(HERE.parent / ".venv/bin/cargo-deny"), "--format", "json", "--locked"]
            command += ["--metadata-path", f"{folder}/metadata.json", "--config", f"{folder}/deny.toml"]
            command += ["check", "--deny", "warnings", "bans", "licenses", "sources"]
            done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        found = {(line["fields"]["code"], line["fields"]["message"]) for line in lines if line["type"] == "diagnostic"}
        self.assertEqual(done.returncode == 0, not found, done.stderr)
        return found

    def test_crates(self) -> None:
        planted = copy.deepcopy(self.metadata)
        crates = {package["name"]: package for package in planted["packages"]}
        crates["outref"]["license"] = "GPL-3.0-only AND MIT"
        crates["lru"]["source"] = "git+file:///somewhere/lru.git#0123456789abcdef0123456789abcdef01234567"
        crates["hex"]["name"] = "openssl-sys"
        crates["fastrand"]["name"] = "bytes"
        # The id too: cargo-deny looks for neighbours of one name.
        planted = json.loads(json.dumps(planted).replace("#fastrand@", "#bytes@"))
        found = self.found(planted, RULES)
        self.assertEqual({code for code, _ in found}, {"rejected", "source-not-allowed", "banned", "duplicate"}, found)

    def test_entries_that_nothing_needs(self) -> None:
        rules = RULES.replace('"Zlib"]', '"Zlib", "MPL-2.0"]')
        rules = rules.replace("exceptions = [", 'exceptions = [{ crate = "libc", allow = ["GPL-3.0-only"] }, ')
        for crate in ("sha2@0.10", "bytes@1"):
            rules += f'[[bans.skip]]\ncrate = "{crate}"\nreason = "It was there in two versions"\n'
        self.assertEqual(
            {code for code, _ in self.found(self.metadata, rules)},
            {"license-not-encountered", "license-exception-not-encountered", "unmatched-skip", "unnecessary-skip"},
        )


class Pins(unittest.TestCase):
    """Faults in the lists of what is installed."""

    def found(self, **files: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / NAMES[name]).write_text(content)
            return [line.split(": ", 1)[1] for line in pins.problems(Path(folder))]

    def test_lists_as_supply_chain_lock_makes_them(self) -> None:
        hashes = f" \\\n    --hash={HASH} \\\n    --hash={HASH}\n"
        made = f"# Made.\nmoto==5.2.5 ; sys_platform != 'win32'{hashes}Flask_Cors==6.0.5{hashes}"
        self.assertEqual(self.found(made=made, source="moto[s3,sqs]==5.2.5\n# Why.\nflask-cors==6.0.5\n"), [])

    def test_python_package_without_a_hash(self) -> None:
        (line,) = self.found(made="moto==5.2.5\n")
        self.assertIn("moto has no SHA-256", line)

    def test_python_package_without_a_version(self) -> None:
        (line,) = self.found(made=f"moto>=5 --hash={HASH}\n")
        self.assertIn("'moto>=5' is no package with its version", line)

    def test_another_registry(self) -> None:
        (line,) = self.found(made="--extra-index-url somewhere\n")
        self.assertIn("is no package", line)

    def test_list_older_than_its_source(self) -> None:
        (line,) = self.found(made=f"moto==5.2.5 --hash={HASH}\n", source="moto[s3]==5.2.6\n")
        self.assertEqual(line, "moto[s3]==5.2.6 is not in its list: run supply-chain/lock")

    def test_npm_package_without_a_hash(self) -> None:
        one, two = {"integrity": "sha1-0"}, {"integrity": "sha512-0", "resolved": "x"}
        packages = {"": {}, "node_modules/one": one, "node_modules/two": two}
        first, second = self.found(npm=json.dumps({"packages": packages}))
        self.assertEqual(first, "node_modules/one has no SHA-512")
        self.assertIn("node_modules/two names where it comes from", second)

    def test_crate_from_elsewhere(self) -> None:
        ours = '[[package]]\nname = "ours"\nversion = "1.0.0"\n'
        git = '[[package]]\nname = "theirs"\nversion = "1.0.0"\nsource = "git+file:///theirs#0"\n'
        bare = '[[package]]\nname = "bare"\nversion = "1.0.0"\nsource = "registry+somewhere/crates.io-index"\n'
        self.assertEqual(
            self.found(crates=ours + git + bare), ["theirs comes from git+file:///theirs#0", "bare has no checksum"]
        )


if __name__ == "__main__":
    unittest.main()
