"""What is asked of identity."""

from headworks.identity.queries.keys import authenticate, list_keys, list_organizations, list_projects, show_key

__all__ = ["authenticate", "list_keys", "list_organizations", "list_projects", "show_key"]
