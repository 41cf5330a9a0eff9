"""The door for directories: SCIM 2.0 (RFC 7643, RFC 7644) under `/scim/v2`, for one organisation, which the token names.

`routes` and `route` are loaded with every start. The rest stands on scim2-models and scim2-server, whose import takes more than a
second: the first request of a directory loads it.
"""

from headworks.identity.http.scim.routes import router

__all__ = ["router"]
