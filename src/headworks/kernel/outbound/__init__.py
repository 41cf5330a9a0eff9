"""Calls to addresses that people wrote down: which may be called at all, and how one is called without being led elsewhere.

Providers' answers to inference requests are the engine's; this is for what Python itself asks of others, such as a company's
directory. `fetch` is imported by its own name: it loads an HTTP client that a start does not wait for.
"""

from headworks.kernel.outbound.networks import Kind, kind_of, kind_of_host
from headworks.kernel.outbound.urls import checked_url, is_loopback_host

__all__ = ["Kind", "checked_url", "is_loopback_host", "kind_of", "kind_of_host"]
