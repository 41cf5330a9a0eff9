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
from headworks.identity.ports.openid import Directories, Directory, Metadata, Redemption, Tokens
from headworks.identity.ports.sign_in import SignInReading, SignInStore, SignInUnit
from headworks.identity.ports.sso import SignOns, SsoConnections
from headworks.identity.ports.store import Installation, Overview, Proofs, Reading, Store, Unit

__all__ = [
    "Directories",
    "Directory",
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
    "Metadata",
    "Named",
    "Organizations",
    "Overview",
    "Projects",
    "Proofs",
    "Reading",
    "Redemption",
    "ServiceAccountFilter",
    "ServiceAccounts",
    "SignInReading",
    "SignInStore",
    "SignInUnit",
    "SignOns",
    "SsoConnections",
    "Store",
    "Tokens",
    "Unit",
    "UserFilter",
    "Users",
]
