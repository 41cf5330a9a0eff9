"""Messages that nobody could handle: looked at and put back by whoever operates the installation."""

from headworks.bootstrap.dead_letters.dead_letters import DeadLetters
from headworks.bootstrap.dead_letters.routes import router

__all__ = ["DeadLetters", "router"]
