"""Versions of what identity keeps: the kernel's rule, under the name that use cases know."""

from __future__ import annotations

from headworks.kernel.versions import check_version

__all__ = ["check_version"]
