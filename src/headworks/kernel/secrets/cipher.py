"""AES-256-GCM (NIST SP 800-38D), by the engine's own library.

Not by Python's `cryptography`, which brings a whole OpenSSL along: 8 MiB of a gateway, which encrypts one file.
"""

from headworks._engine import decrypt, encrypt

__all__ = ["decrypt", "encrypt"]
