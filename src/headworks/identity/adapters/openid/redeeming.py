"""A code for an ID token, at the directory's token endpoint (RFC 6749, section 4.1.3; OpenID Connect Core 1.0, section 3.1.3)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus, urlencode

from headworks.identity.domain.sso.id_token import MOST_BYTES
from headworks.identity.errors import SsoRefused
from headworks.identity.ports import Tokens
from headworks.kernel.outbound.fetch import Answer, Call, NotFetched
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from headworks.identity.ports import Metadata, Redemption

_FORM: Final = "application/x-www-form-urlencoded"
_OK: Final = 200
_REFUSALS: Final = frozenset({400, 401})
_BEARER = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}", re.ASCII)
"""RFC 6750, section 2.1."""
_ERROR = re.compile(r"[a-z_]{1,64}", re.ASCII)


def token_call(metadata: Metadata, redemption: Redemption) -> Call:
    """The request. Whoever answers it must have asked for the code: it holds PKCE's verifier."""
    form = {
        "grant_type": "authorization_code",
        "code": redemption.code,
        "redirect_uri": redemption.redirect_uri,
        "code_verifier": redemption.verifier.reveal(),
    }
    headers = {"content-type": _FORM}
    secret = redemption.client_secret.reveal()
    if metadata.secret_in_header:
        # Encoded as a form before it is encoded as Basic: RFC 6749, section 2.3.1.
        pair = f"{quote_plus(redemption.client_id)}:{quote_plus(secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": redemption.client_id, "client_secret": secret}
    return Call(metadata.token_endpoint, "POST", headers, urlencode(form).encode())


def redeemed(answer: Answer) -> Tokens:
    """Raises SsoRefused where the directory refuses the code, NotFetched where it answers something else."""
    if answer.status in _REFUSALS:
        code = answer.json_object().get("error")
        shown = code if isinstance(code, str) and _ERROR.fullmatch(code) else "no reason"
        hint = " An admin has to enter the client id and secret again." if shown == "invalid_client" else ""
        raise SsoRefused(f"The directory did not take the sign-in: {shown}.{hint} Nothing has changed; try again.")
    if answer.status != _OK:
        raise NotFetched(f"answered {answer.status}")
    document = answer.json_object()
    token, access = document.get("id_token"), document.get("access_token")
    if not isinstance(token, str) or not 0 < len(token) <= MOST_BYTES or not token.isascii():
        raise NotFetched("answered without an ID token")
    if not isinstance(access, str) or not _BEARER.fullmatch(access):
        return Tokens(token, None)
    return Tokens(token, Secret(access))
