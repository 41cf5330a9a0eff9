"""Giving the stored secrets a new key, while everything runs."""

from headworks.bootstrap.rotation.rotation import Rotation, Sealed
from headworks.bootstrap.rotation.routes import router

__all__ = ["Rotation", "Sealed", "router"]
