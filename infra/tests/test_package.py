"""Packages are the same bytes each time, hold one file that Lambda can start, say what it is made from, and refuse what would not
run there."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import checksums  # noqa: E402
from firebreak_infra.errors import InfraError  # noqa: E402
from firebreak_infra.package import build, crates, elf  # noqa: E402
from firebreak_infra.package.crates import Crate, Tree  # noqa: E402

try:
    import deflate  # noqa: F401
except ImportError:
    deflate = None
else:
    from firebreak_infra.package import __main__ as package
    from firebreak_infra.package import archive, auditable

try:
    import cyclonedx
except ImportError:
    cyclonedx = None
else:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from license_expression import get_spdx_licensing

    from firebreak_infra.package import bill

REPOSITORY = Path(__file__).resolve().parents[2]
PINNED = "b5225a068daa7869c4e0e32c2585cd78fea0491c7ada27f85829940722843cbd"
NOTIFY, SERDE, MACRO = Crate("notify", "0.1.0"), Crate("serde", "1.0.228"), Crate("serde_derive", "1.0.228")
TREE = Tree(
    root=NOTIFY,
    compiled={NOTIFY: {SERDE}, SERDE: set()},
    needs={NOTIFY: {SERDE, MACRO}, SERDE: set(), MACRO: set()},
    licenses={NOTIFY: "Apache-2.0", SERDE: "MIT OR Apache-2.0", MACRO: "MIT OR Apache-2.0"},
    checksums={SERDE: "1" * 64, MACRO: "2" * 64},
)
"""A binary with one crate in it, and one that only ran in the compiler."""


def binary(machine: int = 62, glibc: tuple[str, ...] = ("GLIBC_2.17", "GLIBC_2.34")) -> bytes:
    """The smallest ELF that says what it needs: a section of version needs, and the strings it refers to."""
    strings = b"\0libc.so.6\0"
    names = []
    for name in glibc:
        names.append(len(strings))
        strings += name.encode() + b"\0"
    needs = struct.pack("<HHIII", 1, len(glibc), 1, 16, 0)
    for number, name in enumerate(names):
        following = 0 if number == len(names) - 1 else 16
        needs += struct.pack("<IHHII", 0, 0, number + 2, name, following)
    strings_at, needs_at = 64, 64 + len(strings)
    sections_at = needs_at + len(needs)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, sections_at, 0, 64, 0, 0, 64, 3, 1)
    section = struct.Struct("<IIQQQQIIQQ")
    sections = section.pack(*[0] * 10)
    sections += section.pack(0, 3, 0, 0, strings_at, len(strings), 0, 0, 1, 0)
    sections += section.pack(0, 0x6FFFFFFE, 0, 0, needs_at, len(needs), 1, 1, 4, 0)
    return header + strings + needs + sections


def section(content: bytes, wanted: str) -> bytes:
    """A section of a binary by its name, as a scanner finds it."""
    table = struct.unpack_from("<Q", content, 40)[0]
    _, count, names = struct.unpack_from("<HHH", content, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", content, table + number * 64) for number in range(count)]
    for header in headers:
        start = headers[names][4] + header[0]
        if content[start : content.index(b"\0", start)].decode() == wanted:
            return content[header[4] : header[4] + header[5]]
    raise AssertionError(f"no section {wanted}")


class Elf(unittest.TestCase):
    def test_newest_version_is_by_number_not_by_word(self) -> None:
        self.assertEqual(elf.newest_glibc(binary(glibc=("GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.4"))), (2, 34))

    def test_private_versions_are_not_numbers(self) -> None:
        self.assertEqual(elf.newest_glibc(binary(glibc=("GLIBC_PRIVATE",))), ())

    def test_this_python_is_for_some_machine(self) -> None:
        content = Path(sys.executable).resolve().read_bytes()
        if content[:4] == b"\x7fELF":
            self.assertIn(elf.machine(content), ("x86_64", "arm64"))
            self.assertGreaterEqual(elf.newest_glibc(content), (2, 2))

    def test_a_script_is_no_binary(self) -> None:
        with self.assertRaises(elf.NotElf):
            elf.machine(b"#!/bin/sh\n")

    def test_one_more_section_changes_nothing_else(self) -> None:
        changed = elf.with_section(elf.with_section(binary(), ".one", b"1"), ".two", b"22")
        self.assertEqual((section(changed, ".one"), section(changed, ".two")), (b"1", b"22"))
        self.assertEqual(elf.newest_glibc(changed), (2, 34))

    def test_a_program_with_one_more_section_runs(self) -> None:
        program = Path(shutil.which("true") or "")
        if not program.is_file() or program.read_bytes()[:6] != b"\x7fELF\x02\x01":
            self.skipTest("no program of Linux here")
        with tempfile.TemporaryDirectory() as folder:
            changed = Path(folder) / "true"
            changed.write_bytes(elf.with_section(program.read_bytes(), ".more", b"more"))
            changed.chmod(0o755)
            self.assertEqual(subprocess.run([changed]).returncode, 0)


@unittest.skipIf(deflate is None, "libdeflate is not installed: `infra/package` brings it")
class Zip(unittest.TestCase):
    def test_same_content_same_bytes(self) -> None:
        content = binary() * 1000
        self.assertEqual(
            archive.zipped([archive.Entry("bootstrap", content, archive.EXECUTABLE)]),
            archive.zipped([archive.Entry("bootstrap", bytes(content), archive.EXECUTABLE)]),
        )

    def test_order_of_entries_does_not_matter(self) -> None:
        entries = [archive.Entry("b", b"2"), archive.Entry("a", b"1")]
        self.assertEqual(archive.zipped(entries), archive.zipped(entries[::-1]))

    def test_bytes_are_the_pinned_ones(self) -> None:
        made = archive.zipped([archive.Entry("bootstrap", b"firebreak\n" * 10_000, archive.EXECUTABLE)])
        self.assertEqual(hashlib.sha256(made).hexdigest(), PINNED, "every package has another SHA-256 now: say so")

    def test_another_reader_agrees(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "function.zip"
            path.write_bytes(archive.zipped([archive.Entry("bootstrap", binary(), archive.EXECUTABLE)]))
            with zipfile.ZipFile(path) as read:
                self.assertIsNone(read.testzip())
                (entry,) = read.infolist()
                self.assertEqual(read.read(entry), binary())
            self.assertEqual(entry.filename, "bootstrap")
            self.assertEqual(entry.external_attr >> 16, 0o100755)
            self.assertEqual(entry.date_time, (1980, 1, 1, 0, 0, 0))
            self.assertEqual(entry.extra, b"")


@unittest.skipIf(deflate is None, "libdeflate is not installed: `infra/package` brings it")
class Refusals(unittest.TestCase):
    def package(self, content: bytes, architecture: str = "x86_64") -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "notify"
            path.write_bytes(content)
            package.function_package("notify", path, architecture, TREE)

    def test_newer_c_library(self) -> None:
        self.package(binary())
        with self.assertRaisesRegex(InfraError, "needs glibc 2.36, and provided.al2023 has 2.34"):
            self.package(binary(glibc=("GLIBC_2.36",)))

    def test_other_processor(self) -> None:
        self.package(binary(machine=183), "arm64")
        with self.assertRaisesRegex(InfraError, "built for x86_64, not for arm64"):
            self.package(binary(), "arm64")

    def test_no_binary(self) -> None:
        with self.assertRaisesRegex(InfraError, "no Linux binary"):
            self.package(b"#!/bin/sh\n")


class Crates(unittest.TestCase):
    """What the functions are really made from."""

    trees: dict[str, Tree]

    @classmethod
    def setUpClass(cls) -> None:
        cls.trees = crates.trees(REPOSITORY, build.TRIPLES["arm64"], build.functions(REPOSITORY))

    def names(self, function: str) -> tuple[set[str], set[str]]:
        """The crates that are compiled in, and the others."""
        tree = self.trees[function]
        compiled = {crate.name for crate in tree.compiled}
        return compiled, {crate.name for crate in tree.needs} - compiled

    def test_each_function_has_its_own(self) -> None:
        self.assertIn("aws-sdk-ec2", self.names("isolate-ec2")[0])
        self.assertNotIn("aws-sdk-ec2", self.names("notify")[0])

    def test_what_only_ran_to_build_it_is_not_in_it(self) -> None:
        compiled, ran = self.names("triage")
        self.assertLessEqual({"serde", "aws-lc-sys", "firebreak"}, compiled)
        self.assertLessEqual({"serde_derive", "syn", "cc"}, ran)

    def test_nothing_for_tests_only(self) -> None:
        for function in self.trees:
            self.assertFalse({"insta", "proptest", "firebreak-testkit"} & set().union(*self.names(function)))

    def test_every_crate_of_the_registry_has_a_hash(self) -> None:
        for tree in self.trees.values():
            bare = {crate.name for crate in tree.needs if crate not in tree.checksums}
            ours = {name for name in bare if name.startswith("firebreak") or (REPOSITORY / "functions" / name).is_dir()}
            self.assertEqual(bare, ours)

    @unittest.skipIf(cyclonedx is None, "the library for bills of materials is not installed: `infra/package` brings it")
    def test_every_licence_is_spdx(self) -> None:
        licensing = get_spdx_licensing()
        for tree in self.trees.values():
            for crate, expression in tree.licenses.items():
                self.assertEqual(licensing.validate(expression).errors, [], crate)

    def test_what_cargo_says_newly_is_refused(self) -> None:
        with self.assertRaisesRegex(InfraError, "not understood"):
            crates._read("0notify v0.1.0 (/notify)\t\tApache-2.0\n[build-dependencies]\n")


@unittest.skipIf(deflate is None, "libdeflate is not installed: `infra/package` brings it")
class Auditable(unittest.TestCase):
    def test_scanners_find_the_crates_in_the_binary(self) -> None:
        read = json.loads(zlib.decompress(section(auditable.embedded(binary(), TREE), ".dep-v0")))
        self.assertEqual(
            read,
            {
                "packages": [
                    {"name": "notify", "version": "0.1.0", "source": "local", "dependencies": [1], "root": True},
                    {"name": "serde", "version": "1.0.228", "source": "crates.io"},
                ],
                "format": 1,
            },
        )

    def test_package_has_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "notify"
            path.write_bytes(binary())
            made = [package.function_package("notify", path, "x86_64", TREE).zipped for _ in range(2)]
            self.assertEqual(made[0], made[1])
            path.write_bytes(made[0])
            with zipfile.ZipFile(path) as read:
                self.assertIn(b"serde", zlib.decompress(section(read.read("bootstrap"), ".dep-v0")))


@unittest.skipIf(cyclonedx is None, "the library for bills of materials is not installed: `infra/package` brings it")
class Bill(unittest.TestCase):
    def test_it_is_cyclonedx(self) -> None:
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.of(b"zip", TREE).decode()))

    def test_same_package_same_bytes(self) -> None:
        self.assertEqual(bill.of(b"zip", TREE), bill.of(b"zip", TREE))
        self.assertNotIn("timestamp", bill.of(b"zip", TREE).decode())
        self.assertNotEqual(bill.of(b"zip", TREE), bill.of(b"another", TREE))

    def test_it_says_of_which_package_and_what_is_in_it(self) -> None:
        read = json.loads(bill.of(b"zip", TREE))
        self.assertEqual(read["metadata"]["component"]["hashes"][0]["content"], hashlib.sha256(b"zip").hexdigest())
        self.assertEqual(
            [(component["purl"], component["scope"]) for component in read["components"]],
            [("pkg:cargo/serde@1.0.228", "required"), ("pkg:cargo/serde_derive@1.0.228", "excluded")],
        )
        self.assertEqual(read["dependencies"][0]["dependsOn"], ["serde@1.0.228", "serde_derive@1.0.228"])


@unittest.skipIf(deflate is None, "libdeflate is not installed: `infra/package` brings it")
class Sums(unittest.TestCase):
    """SHA256SUMS over several runs."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def test_other_architectures_and_environments_stay(self) -> None:
        package.list_packages(self.folder, "arm64", {"arm64/notify.zip": b"1", "arm64/gone.zip": b"2"}, {"test.zip": b"3"})
        package.list_packages(self.folder, "x86_64", {"x86_64/notify.zip": b"4"}, {"prod.zip": b"5"})
        package.list_packages(self.folder, "arm64", {"arm64/notify.zip": b"6"}, {"test.zip": b"7"})
        expected = {"arm64/notify.zip": b"6", "prod.zip": b"5", "test.zip": b"7", "x86_64/notify.zip": b"4"}
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in expected.items()}
        self.assertEqual(checksums.listed(self.folder), digests)

    def test_functions_that_were_built_alone_are_not_listed(self) -> None:
        package.list_packages(self.folder, "arm64", {"arm64/notify.zip": b"1"}, {"test.zip": b"3"})
        package.list_packages(self.folder, "arm64", {}, {"test.zip": b"3"})
        self.assertEqual(list(checksums.listed(self.folder)), ["test.zip"])

    def test_sha256sum_reads_it(self) -> None:
        program = shutil.which("sha256sum")
        if program is None:
            self.skipTest("no sha256sum here")
        (self.folder / "test.zip").write_bytes(b"3")
        package.list_packages(self.folder, "arm64", {}, {"test.zip": b"3"})
        command = [program, "--check", "--strict", "--quiet", checksums.NAME]
        self.assertEqual(subprocess.run(command, cwd=self.folder).returncode, 0)


class Build(unittest.TestCase):
    def test_every_function_is_packaged(self) -> None:
        self.assertEqual(len(build.functions(REPOSITORY)), 19)

    def test_no_path_of_this_machine_is_left_to_chance(self) -> None:
        environment = build.environment(REPOSITORY, build.TRIPLES["x86_64"], REPOSITORY / "target" / "lambda-build")
        rust = environment["CARGO_ENCODED_RUSTFLAGS"].split("\x1f")
        self.assertLess(
            rust.index(f"--remap-path-prefix={REPOSITORY}=/firebreak"),
            rust.index(f"--remap-path-prefix={REPOSITORY}/target/lambda-build=/target"),
            "rustc takes the last that fits",
        )
        self.assertIn("-ffile-prefix-map=", environment["CFLAGS_x86_64_unknown_linux_gnu"])
        self.assertNotIn("RUSTFLAGS", environment)


if __name__ == "__main__":
    unittest.main()
