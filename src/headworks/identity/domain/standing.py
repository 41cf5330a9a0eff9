"""What somebody who signed in may do now, from what is stored of them: nothing of it is in their token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.domain.roles import permissions_of
from headworks.kernel.permissions import MANAGEMENT, OWN_ACCOUNT
from headworks.kernel.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.identity.contracts import Membership, Session, User
    from headworks.kernel.permissions import Permission


@dataclass(frozen=True, slots=True)
class Standing:
    """A living session, and who it lets act where."""

    session: Session
    user: User
    memberships: Sequence[Membership]
    must_change_password: bool
    operates: bool = False
    """Whether they are an operator, in an organisation that is not disabled."""

    def principal(self) -> Principal:
        """The caller. One who has to change their password may do nothing else."""
        permissions = OWN_ACCOUNT if self.must_change_password else OWN_ACCOUNT | self._permissions()
        return Principal(
            self.user.id,
            "user",
            self.session.organization_id,
            None,
            permissions,
            session_id=self.session.id,
            must_change_password=self.must_change_password,
        )

    def _permissions(self) -> frozenset[Permission]:
        if self.operates:
            return MANAGEMENT
        here = (one for one in self.memberships if one.organization_id == self.session.organization_id)
        return next((permissions_of(one.role) for one in here), frozenset())
