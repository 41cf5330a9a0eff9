"""`ports.Directories` on the network. What directories said is remembered here."""

from headworks.identity.adapters.openid.directories import HttpDirectories

__all__ = ["HttpDirectories"]
