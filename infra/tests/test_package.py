"""Packages are the same bytes each time, hold one file that Lambda can start, and refuse what would not run there."""

from __future__ import annotations

import hashlib
import struct
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra.errors import InfraError  # noqa: E402
from firebreak_infra.package import build, elf  # noqa: E402

try:
    import deflate  # noqa: F401
except ImportError:
    deflate = None
else:
    from firebreak_infra.package import __main__ as package
    from firebreak_infra.package import archive

REPOSITORY = Path(__file__).resolve().parents[2]
PINNED = "b5225a068daa7869c4e0e32c2585cd78fea0491c7ada27f85829940722843cbd"


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
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, sections_at, 0, 64, 0, 0, 64, 3, 0)
    section = struct.Struct("<IIQQQQIIQQ")
    sections = section.pack(*[0] * 10)
    sections += section.pack(0, 3, 0, 0, strings_at, len(strings), 0, 0, 1, 0)
    sections += section.pack(0, 0x6FFFFFFE, 0, 0, needs_at, len(needs), 1, 1, 4, 0)
    return header + strings + needs + sections


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
            package.function_package("notify", path, architecture)

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


class Build(unittest.TestCase):
    def test_every_function_is_packaged(self) -> None:
        self.assertEqual(len(build.functions(REPOSITORY)), 12)

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
