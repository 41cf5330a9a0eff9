"""The engine's extension module. Only `headworks.dataplane.engine` imports it, and `headworks.kernel.secrets.cipher` its cipher."""

from pathlib import Path
from typing import Self, final

__all__ = ["Engine", "EngineError", "decrypt", "encrypt", "run_mock_provider", "waiting_in_spool"]

class EngineError(Exception):
    """The engine could not do what was asked; the text says what to change."""

@final
class Engine:
    """The data plane: sockets, flow table, upstream pools and usage spool, on threads of its own."""

    def __new__(cls, settings: str) -> Self:
        """Take `dataplane.engine.EngineSettings` as JSON. Raises EngineError on an unknown or wrong setting."""

    def start(self) -> str:
        """Open the spool, bind, serve. Returns the bound address, `host:port`. Raises EngineError."""

    def question_fd(self) -> int:
        """A descriptor that turns readable when questions wait; it belongs to the engine."""

    def take_questions(self, limit: int) -> list[tuple[int, str]]:
        """Up to `limit` waiting questions as (number, `dataplane.flow.AnyQuestion` as JSON); never blocks."""

    def answer(self, number: int, flow: str) -> None:
        """Answer a question with a `dataplane.flow.Answer` as JSON. Raises EngineError when it is malformed."""

    def invalidate_key(self, key_hash: str) -> None:
        """Forget every flow and refusal of the key with this SHA-256 (hex)."""

    def invalidate_all(self) -> None:
        """Forget every flow and refusal; each is asked for again when it is next needed."""

    def recall(self, budget_id: str) -> None:
        """Give back what is left of the leases on a budget, which was changed or removed; it is asked for anew."""

    def recall_share(self, limit_id: str) -> None:
        """Others need what is to spare of the share in this limit: give it back. Of every share, where none is named."""

    def usage_fd(self) -> int:
        """A descriptor that turns readable when usage records wait; it belongs to the engine."""

    def take_usage(self, limit: int) -> tuple[int, list[tuple[object, ...]]]:
        """Up to `limit` final records in `dataplane.events.UsageEvent` order, and the position after them."""

    def confirm_usage(self, position: int) -> None:
        """Everything before `position` is stored elsewhere and may be deleted from the spool."""

    @staticmethod
    def reach(point: str) -> None:
        """A fail point of the kill tests, such as `K8`: kills this process when it is the armed one."""

    def status(self) -> str:
        """What readiness and `headworks status` report of the engine, as JSON."""

    def metrics(self) -> str:
        """The engine's metrics in the Prometheus text format."""

    def drain(self, seconds: float) -> bool:
        """Stop accepting, finish open requests for at most `seconds`, cut the rest. True when none was cut."""

def run_mock_provider(arguments: list[str]) -> int:
    """Run the mock provider until interrupted, with its command line; returns the exit status."""

def waiting_in_spool(dir: Path) -> tuple[int, int]:  # noqa: A002 - as the extension has it
    """Records that wait in the spool's folder, and requests without their end. No engine has it open; changes nothing there.

    Raises EngineError.
    """

def encrypt(key: bytes, plain: bytes, context: bytes) -> bytes:
    """AES-256-GCM (NIST SP 800-38D): a random nonce of 12 bytes, the ciphertext, a tag of 16 bytes that holds `context` to it.

    Raises ValueError unless the key has 32 bytes.
    """

def decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """What `encrypt` was given for the same context. Raises ValueError where it was damaged, or belongs elsewhere."""

__version__: str
