"""What `headworks up` finds by itself: keys of hosted providers in the environment, model servers on this machine.

`places` says where to look, `listing` asks what models there are, `search` puts the two together and offers the result to
the catalog. Nothing waits for it: the server answers meanwhile. Every role knows the places, for settings name them; who searches
imports `search`.
"""

from headworks.bootstrap.discovery.findings import Discovery, Finding, State
from headworks.bootstrap.discovery.places import NAMES

__all__ = ["NAMES", "Discovery", "Finding", "State"]
