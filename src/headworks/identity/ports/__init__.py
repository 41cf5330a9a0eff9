"""What identity needs from outside: somewhere to keep its things, and somebody who hashes passwords."""

from headworks.identity.ports.hasher import Hasher
from headworks.identity.ports.sign_in import SignInReading, SignInStore, SignInUnit
from headworks.identity.ports.store import KeyFilter, Reading, Store, Unit

__all__ = ["Hasher", "KeyFilter", "Reading", "SignInReading", "SignInStore", "SignInUnit", "Store", "Unit"]
