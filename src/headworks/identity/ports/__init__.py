"""What identity needs from outside: somewhere to keep its things.

A store is opened for one organisation, and what it gives sees nothing else. The whole installation is another type with
another way in, for what is proved by a secret (a key, an invitation) and for operators.
"""

from headworks.identity.ports.directory import (
    DirectoryGroups,
    DirectoryPeople,
    DirectoryStore,
    DirectoryTokens,
    Named,
)
from headworks.identity.ports.filters import InvitationFilter, KeyFilter, ServiceAccountFilter, UserFilter
from headworks.identity.ports.hasher import Hasher
from headworks.identity.ports.nouns import Invitations, Keys, Members, Organizations, Projects, ServiceAccounts, Users
from headworks.identity.ports.sign_in import SignInReading, SignInStore, SignInUnit
from headworks.identity.ports.store import Installation, Overview, Reading, Store, Unit

__all__ = [
    "DirectoryGroups",
    "DirectoryPeople",
    "DirectoryStore",
    "DirectoryTokens",
    "Hasher",
    "Installation",
    "InvitationFilter",
    "Invitations",
    "KeyFilter",
    "Keys",
    "Members",
    "Named",
    "Organizations",
    "Overview",
    "Projects",
    "Reading",
    "ServiceAccountFilter",
    "ServiceAccounts",
    "SignInReading",
    "SignInStore",
    "SignInUnit",
    "Store",
    "Unit",
    "UserFilter",
    "Users",
]
