"""What every management route shares: envelope, problem details, access, paging, and the middleware around them.

The authenticator and the stores reach the routes through `provide`, which only `bootstrap` calls.
"""

from headworks.kernel.web.access import Access, Authenticator, access_of, public, require
from headworks.kernel.web.envelope import (
    CursorEnvelope,
    Envelope,
    PageEnvelope,
    cursor_envelope,
    envelope,
    page_envelope,
)
from headworks.kernel.web.middleware import Surroundings, request_id_of
from headworks.kernel.web.models import ResponseModel, StrictModel, Timestamp
from headworks.kernel.web.paging import CursorQuery, PageQuery
from headworks.kernel.web.problems import Problem, install_problem_handlers
from headworks.kernel.web.provision import provide, provided
from headworks.kernel.web.routing import Router

__all__ = [
    "Access",
    "Authenticator",
    "CursorEnvelope",
    "CursorQuery",
    "Envelope",
    "PageEnvelope",
    "PageQuery",
    "Problem",
    "ResponseModel",
    "Router",
    "StrictModel",
    "Surroundings",
    "Timestamp",
    "access_of",
    "cursor_envelope",
    "envelope",
    "install_problem_handlers",
    "page_envelope",
    "provide",
    "provided",
    "public",
    "request_id_of",
    "require",
]
