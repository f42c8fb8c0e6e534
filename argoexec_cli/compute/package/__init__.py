"""What hosts install: this very argoexec as a wheel, and on request all that it needs besides."""

from argoexec_cli.compute.package.archive import Package, build_package
from argoexec_cli.compute.package.hosts import packages_for
from argoexec_cli.compute.package.wheelhouse import PythonTarget

__all__ = ["Package", "PythonTarget", "build_package", "packages_for"]
