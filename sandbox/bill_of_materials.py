"""What is shipped, as a CycloneDX bill of materials: the connector and the packages of its dependencies layer.

Names, versions and hashes come from the layer's lock, licences and what needs what from the same versions, installed
here. Run as a program it writes `.aws-sam/sbom.cdx.json`. A lock makes the same bytes everywhere and at any time: no
date, no host, no path.
"""

from importlib.metadata import Distribution, distribution
from uuid import NAMESPACE_OID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sandbox.lock import LAYER, Package, layer_packages
from sandbox.template import REPOSITORY

BILL = REPOSITORY / ".aws-sam" / "sbom.cdx.json"
CONNECTOR = "personal-link-connector"


def bill_of_materials() -> str:
    """Return the bill as JSON."""
    bill = Bom(serial_number=uuid5(NAMESPACE_OID, LAYER.read_text()))
    bill.metadata.timestamp = None  # type: ignore[assignment] # else now; the schema does without
    connector = Component(
        name=CONNECTOR,
        type=ComponentType.APPLICATION,
        bom_ref=CONNECTOR,
        licenses=[LicenseFactory().make_with_id("Apache-2.0")],
    )
    bill.metadata.component = connector
    components = {package.name: _component(package) for package in layer_packages()}
    asked_for = [line for line in LAYER.with_suffix(".in").read_text().splitlines() if not line.startswith("#")]
    bill.register_dependency(connector, [components[name] for name in _needed(asked_for)])
    for name, component in components.items():
        bill.components.add(component)
        bill.register_dependency(component, [components[needed] for needed in _needed(distribution(name).requires)])
    return JsonV1Dot6(bill).output_as_string(indent=2) + "\n"


def _component(package: Package) -> Component:
    installed = distribution(package.name)
    if installed.version != package.version:
        raise SystemExit(f"{package.name}: {package.version} is shipped, {installed.version} is installed here")
    address = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        name=package.name,
        version=package.version,
        bom_ref=str(address),
        purl=address,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in package.hashes],
        licenses=[
            LicenseFactory().make_from_string(
                _licence(installed), license_acknowledgement=LicenseAcknowledgement.DECLARED
            )
        ],
    )


def _licence(installed: Distribution) -> str:
    told = installed.metadata.get("License-Expression") or installed.metadata.get("License")
    if not told:
        raise SystemExit(f"{installed.name} does not say under which licence it comes")
    return str(told)


def _needed(requirements: list[str] | None) -> list[str]:
    read = [Requirement(text) for text in requirements or []]
    return [canonicalize_name(one.name) for one in read if not one.marker or one.marker.evaluate({"extra": ""})]


if __name__ == "__main__":
    BILL.parent.mkdir(exist_ok=True)
    BILL.write_text(bill_of_materials())
    print(f"{len(layer_packages())} packages are shipped: {BILL.relative_to(REPOSITORY)}")
