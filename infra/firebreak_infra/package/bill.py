"""The bill of materials of a package, as CycloneDX 1.6 in JSON: every crate with its licence and SHA-256, and what needs what.

Crates that only ran to build it are there too, with the scope `excluded`. The same package and sources give the same bytes: there
is no time in it, and its serial number follows from the package.
"""

from __future__ import annotations

import hashlib
import uuid

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from .crates import Crate, Tree


def of(zipped: bytes, tree: Tree) -> bytes:
    """The document for a package with these bytes."""
    digest = hashlib.sha256(zipped).hexdigest()
    package = Component(
        type=ComponentType.APPLICATION,
        name=tree.root.name,
        version=tree.root.version,
        bom_ref=_reference(tree.root),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        licenses=[LicenseExpression(tree.licenses[tree.root])],
    )
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, digest), metadata=BomMetaData(component=package))
    # The library takes the time of day where none is given.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    components = {crate: _component(crate, tree) for crate in sorted(tree.needs) if crate != tree.root}
    bom.components.update(components.values())
    components[tree.root] = package
    for crate, needed in sorted(tree.needs.items()):
        bom.register_dependency(components[crate], [components[other] for other in sorted(needed)])
    return (JsonV1Dot6(bom).output_as_string(indent=2) + "\n").encode()


def _component(crate: Crate, tree: Tree) -> Component:
    checksum = tree.checksums.get(crate)
    return Component(
        type=ComponentType.LIBRARY,
        name=crate.name,
        version=crate.version,
        bom_ref=_reference(crate),
        # Crates of this repository are in no registry.
        purl=PackageURL("cargo", None, crate.name, crate.version) if checksum else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else None,
        licenses=[LicenseExpression(tree.licenses[crate])],
        scope=ComponentScope.REQUIRED if crate in tree.compiled else ComponentScope.EXCLUDED,
    )


def _reference(crate: Crate) -> str:
    return f"{crate.name}@{crate.version}"
