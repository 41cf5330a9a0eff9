"""What every management route shares: envelope, problem details, access, paging, and the middleware around them.

The authenticator and the stores reach the routes through `provide`, which only `bootstrap` calls.
"""

from headworks.kernel.web.access import Access, Authenticator, access_of, public, require
from headworks.kernel.web.browser import (
    CSRF_HEADER,
    check_same_site,
    cookie_names,
    is_plain_loopback,
    may_change,
    set_cookie,
)
from headworks.kernel.web.client_address import client_address
from headworks.kernel.web.envelope import (
    CursorEnvelope,
    Envelope,
    LargePageEnvelope,
    PageEnvelope,
    cursor_envelope,
    envelope,
    large_page_envelope,
    page_envelope,
)
from headworks.kernel.web.middleware import Surroundings, request_id_of
from headworks.kernel.web.models import Day, ResponseModel, StrictModel, Timestamp, Whole
from headworks.kernel.web.once import Once, no_content, repeatable
from headworks.kernel.web.pages import for_browsers
from headworks.kernel.web.paging import CursorQuery, PageQuery, paged, paged_or_by_cursor
from headworks.kernel.web.problems import Problem, install_problem_handlers
from headworks.kernel.web.provision import provide, provided
from headworks.kernel.web.raises import raises
from headworks.kernel.web.retirement import retires
from headworks.kernel.web.routing import GuardedRoute, Router, is_kept, takes_precondition
from headworks.kernel.web.table import look_routes_up, routes_of_nouns
from headworks.kernel.web.tags import IfMatch, PreconditionRequired, Versioned

__all__ = [
    "CSRF_HEADER",
    "Access",
    "Authenticator",
    "CursorEnvelope",
    "CursorQuery",
    "Day",
    "Envelope",
    "GuardedRoute",
    "IfMatch",
    "LargePageEnvelope",
    "Once",
    "PageEnvelope",
    "PageQuery",
    "PreconditionRequired",
    "Problem",
    "ResponseModel",
    "Router",
    "StrictModel",
    "Surroundings",
    "Timestamp",
    "Versioned",
    "Whole",
    "access_of",
    "check_same_site",
    "client_address",
    "cookie_names",
    "cursor_envelope",
    "envelope",
    "for_browsers",
    "install_problem_handlers",
    "is_kept",
    "is_plain_loopback",
    "large_page_envelope",
    "look_routes_up",
    "may_change",
    "no_content",
    "page_envelope",
    "paged",
    "paged_or_by_cursor",
    "provide",
    "provided",
    "public",
    "raises",
    "repeatable",
    "request_id_of",
    "require",
    "retires",
    "routes_of_nouns",
    "set_cookie",
    "takes_precondition",
]
