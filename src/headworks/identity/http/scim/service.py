"""The service as it describes itself, and how much it bears of what directories do beside the standard."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    InvalidFilterException,
    Patch,
    ResourceType,
    Schema,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.conditions import Conditions
from scim2_server.service import ScimService

from headworks.identity.http.scim.models import DescribedPerson, Enterprise, Group, Person

if TYPE_CHECKING:
    from scim2_models import Resource, ResponseParameters, SearchRequest
    from scim2_server.responses import ScimResponse

MOST_RESULTS: Final = 200
LONGEST_FILTER: Final = 2_048
"""Characters. Those of directories have below a hundred."""

POLICY: Final = ScimPolicy(
    # Attributes that we do not keep are no reason to keep somebody out.
    unknown=ScimPolicy.Unknown.ignore,
    # Entra ID names members to remove in the value (its "aadOptscim062020" flag mends it, and not everybody sets it).
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    # Entra ID replaces `emails[type eq "work"].value` of those who had none.
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)

CONFIG: Final = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MOST_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Directory token",
            description="A token that an admin makes with `headworks directory token create`, sent as a bearer.",
            primary=True,
        )
    ],
)


_DIGEST: Final = re.compile(r"[.][0-9a-f]{12}(?=\")")
"""The part of a user's version that tells of their groups."""


def _own(header: str | None) -> str | None:
    return None if header is None else _DIGEST.sub("", header)


class Service(ScimService):
    """scim2-server's, but for a few points where directories want something particular."""

    def apply_replacement(
        self, current: Resource[Any], replacement: Resource[Any], conditions: Conditions
    ) -> Resource[Any] | None:
        """A PUT that says nothing of `active` brings nobody back who was sent away."""
        if isinstance(current, Person) and isinstance(replacement, Person) and replacement.active is None:
            replacement.active = current.active
        return super().apply_replacement(current, replacement, conditions)

    def check_preconditions(self, resource: Resource[Any], method: str, conditions: Conditions) -> bool:
        """Whose groups changed can still be edited: only who reads is told of that. Raises PreconditionFailedException."""
        if method == "GET" or resource.meta is None:
            return super().check_preconditions(resource, method, conditions)
        own = _DIGEST.sub("", resource.meta.version or "")
        return Conditions(_own(conditions.if_match), _own(conditions.if_none_match)).check(own, method)

    def read_search(self, resource_types: list[ResourceType], payload: Any) -> tuple[SearchRequest[Any], Any]:  # noqa: ANN401 - JSON
        """A filter has an end before it is parsed. Raises InvalidFilterException."""
        given = payload.items() if isinstance(payload, dict) else ()
        if any(name.lower() == "filter" and len(str(value)) > LONGEST_FILTER for name, value in given):
            raise InvalidFilterException(
                detail=f"A filter has at most {LONGEST_FILTER} characters; this one is longer."
            )
        return super().read_search(resource_types, payload)

    def patch_response(
        self, base_url: str, resource: Resource[Any], response_parameters: ResponseParameters[Any]
    ) -> ScimResponse:
        """A user whole, as Okta wants to see them; nothing of a group, which may be large, unless something is asked for."""
        is_asked = bool(response_parameters.attributes or response_parameters.excluded_attributes)
        if is_asked or not isinstance(resource, Person):
            return super().patch_response(base_url, resource, response_parameters)
        return self.replacement_response(base_url, resource, response_parameters)


class Provider(ScimProvider):
    """It asks for a little more than it insists on."""

    @cached_property
    def schemas(self) -> tuple[Schema, ...]:
        """What `/Schemas` says."""
        return tuple(model.to_schema() for model in (DescribedPerson, Enterprise, Group))


PROVIDER: Final = Provider(
    models=[Person, Enterprise, Group],
    resource_types=[ResourceType.from_resource(Person[Enterprise]), ResourceType.from_resource(Group)],
    config=CONFIG,
    policy=POLICY,
)
PERSON: Final[Any] = PROVIDER.model_for("User")
"""With the extension."""
SERVICE: Final = Service(PROVIDER)
