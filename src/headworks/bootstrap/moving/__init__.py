"""Moving an installation from its files, or from a server, into databases on servers: what `headworks migrate-store` runs."""

from headworks.bootstrap.moving.books import Books
from headworks.bootstrap.moving.files import Files
from headworks.bootstrap.moving.move import Moved, Progress, Wish, move
from headworks.bootstrap.moving.plan import BadMove, Leg, plan

__all__ = ["BadMove", "Books", "Files", "Leg", "Moved", "Progress", "Wish", "move", "plan"]
