"""Owners of parts of the catalog that are no organisation. Every other owner is an organisation's id."""

from __future__ import annotations

from typing import Final

SHIPPED: Final = "shipped"
"""Of the prices that come with Headworks."""
INSTALLATION: Final = "installation"
"""Of what operators set up for all organisations: providers, models, prices. What an organisation has of its own wins."""
SHARED: Final = frozenset({SHIPPED, INSTALLATION})
"""What they own concerns every organisation."""
