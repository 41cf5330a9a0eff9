"""What others see of identity: frozen values, and the events that tell of their changes."""

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
from headworks.identity.contracts.sso import GroupRole, SsoAttempt, SsoConnection, SsoHandover

__all__ = [
    "Carriage",
    "EndReason",
    "GroupRole",
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
    "SsoAttempt",
    "SsoConnection",
    "SsoHandover",
    "State",
    "StoredPassword",
    "Suspension",
    "User",
    "UserChanged",
]
