"""What every management route shares: envelope, problem details, access, paging, and the middleware around them.

The authenticator and the stores reach the routes through `provide`, which only `bootstrap` calls.
"""

from headworks.kernel.web.access import Access, Authenticator, access_of, public, require
from headworks.kernel.web.browser import (
    CSRF_HEADER,
    check_same_site,
    cookie_names,
    may_change,
    set_cookie,
)
from headworks.kernel.web.client_address import client_address
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
    "CSRF_HEADER",
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
    "check_same_site",
    "client_address",
    "cookie_names",
    "cursor_envelope",
    "envelope",
    "install_problem_handlers",
    "may_change",
    "page_envelope",
    "provide",
    "provided",
    "public",
    "request_id_of",
    "require",
    "set_cookie",
]
