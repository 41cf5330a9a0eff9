"""The object store: files that are larger than a row and outlive the answer to a request. An S3-compatible one, of whatever maker."""

from headworks.kernel.objects.address import Address, BadObjectsAddress
from headworks.kernel.objects.port import Objects, ObjectsUnavailable

__all__ = ["Address", "BadObjectsAddress", "Objects", "ObjectsUnavailable"]
