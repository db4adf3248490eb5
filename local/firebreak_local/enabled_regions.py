"""DescribeRegions names the Regions that are enabled for the account: here `names.REGIONS`.

Seen with moto: it named every Region there is, of China and GovCloud, too, and those that nobody opted in to, whether
they were asked for (`AllRegions`) or not.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from . import names


def install() -> None:
    """Patches moto's EC2."""
    every = RegionsAndZonesBackend.describe_regions

    def enabled(self: RegionsAndZonesBackend, region_names: list[str] | None = None) -> list[Any]:
        return [region for region in every(self, region_names) if region.name in names.REGIONS]

    RegionsAndZonesBackend.describe_regions = enabled
