"""What others see of identity: frozen values, and the events that tell of their changes."""

from headworks.identity.contracts.directory import (
    Directory,
    DirectoryGroup,
    DirectoryPerson,
    DirectoryToken,
    DirectoryTokenState,
)
from headworks.identity.contracts.events import (
    KeyChanged,
    ManyKeysChanged,
    MembershipChanged,
    OrganizationChanged,
    ProjectChanged,
    ServiceAccountChanged,
    UserChanged,
)
from headworks.identity.contracts.keys import KeyKind, KeyOwner, KeyState, KeyView, OwnerKind, Suspension
from headworks.identity.contracts.people import (
    Invitation,
    InvitationState,
    Member,
    Membership,
    Role,
    ServiceAccount,
    State,
    User,
)
from headworks.identity.contracts.places import Organization, Project, ProjectState
from headworks.identity.contracts.sessions import (
    Carriage,
    EndReason,
    PasswordSet,
    SecondFactor,
    Session,
    SessionEnded,
    StoredPassword,
)

__all__ = [
    "Carriage",
    "Directory",
    "DirectoryGroup",
    "DirectoryPerson",
    "DirectoryToken",
    "DirectoryTokenState",
    "EndReason",
    "Invitation",
    "InvitationState",
    "KeyChanged",
    "KeyKind",
    "KeyOwner",
    "KeyState",
    "KeyView",
    "ManyKeysChanged",
    "Member",
    "Membership",
    "MembershipChanged",
    "Organization",
    "OrganizationChanged",
    "OwnerKind",
    "PasswordSet",
    "Project",
    "ProjectChanged",
    "ProjectState",
    "Role",
    "SecondFactor",
    "ServiceAccount",
    "ServiceAccountChanged",
    "Session",
    "SessionEnded",
    "State",
    "StoredPassword",
    "Suspension",
    "User",
    "UserChanged",
]
