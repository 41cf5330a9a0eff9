"""What `headworks up` prints when it is ready: where it is, what it found, and a line to try that works as it stands."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headworks.bootstrap.summary import DEMO_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headworks.bootstrap.credentials import FirstOperator
    from headworks.bootstrap.discovery import Finding
    from headworks.bootstrap.summary import Summary
    from headworks.kernel.secrets import Secret

_MODULE = "headworks.entrypoints.cli"
_SHOWN_MODELS = 4
_LABEL_WIDTH = 10
_BOLD, _AMBER, _PLAIN = "\033[1m", "\033[38;5;214m", "\033[0m"


@dataclass(frozen=True, slots=True)
class Place:
    """Where this installation is on its machine, and how its user calls the command."""

    home: Path
    command: str
    """`headworks`, or the path to it where it is not on PATH."""
    is_default_home: bool = True
    first_api_key: Secret | None = None
    """Only at the first start, when nobody has seen it."""
    operator: FirstOperator | None = None
    """Only until they have chosen a password of their own."""
    certificate_file: Path | None = None
    """Of the front door, where it has one: curl is told to trust it."""


def render(summary: Summary, place: Place, *, colour: bool) -> str:
    """The banner. Without `colour` it is plain text, as for a file."""
    return "\n".join(_lines(summary, place, _Paint(colour=colour))) + "\n"


def command_of(program: str, folder: Path) -> str:
    """How to call the command again from `folder`, given `sys.argv[0]`: by its name where that finds the same file."""
    path = Path(program).absolute()
    if path.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m {_MODULE}"
    on_path = shutil.which("headworks")
    if on_path is not None and Path(on_path).resolve() == path.resolve():
        return "headworks"
    return shlex.quote(str(path.relative_to(folder) if path.is_relative_to(folder) else path))


class _Paint:
    """Bold and amber for a terminal; nothing for anything else."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def title(self, text: str) -> str:
        return f"{_BOLD}{_AMBER}{text}{_PLAIN}" if self._colour else text

    def strong(self, text: str) -> str:
        return f"{_BOLD}{text}{_PLAIN}" if self._colour else text


def _lines(summary: Summary, place: Place, paint: _Paint) -> Iterator[str]:
    yield ""
    yield paint.title(f"Headworks {summary.version} is ready.")
    yield ""
    yield _row("Endpoint", f"{paint.strong(summary.endpoint)}  for any OpenAI SDK")
    yield _row("API key", _key(place, paint))
    if place.operator is not None:
        yield _row("Operator", f"{place.operator.email}  password {_password(place.operator, place, paint)}")
    yield _row("Models", _models(summary))
    if summary.discovery is not None:
        for finding in summary.discovery.findings:
            yield _row("", _found(finding))
    yield _row("Data", str(place.home))
    yield ""
    yield paint.strong("Try it:")
    yield ""
    yield f"  {curl(summary, place)}"
    yield ""
    yield paint.strong("Next:")
    yield ""
    yield f"  {_called(place)} providers add NAME --dialect openai --base-url URL --api-key-stdin"
    yield f"  {_called(place)} models add ALIAS --provider NAME --upstream-model MODEL"
    yield f"  {_called(place)} keys create NAME"
    yield f"  {_called(place)} --help"
    yield ""
    yield "Ctrl-C finishes open requests and stops."


def curl(summary: Summary, place: Place) -> str:
    """A request on one line. Where the key was shown before, the line fetches it from the data folder."""
    body = {
        "model": summary.best_model,
        "stream": True,
        "messages": [{"role": "user", "content": "Say hello in five languages."}],
    }
    trust = f"--cacert {shlex.quote(str(place.certificate_file))} " if place.certificate_file is not None else ""
    shown = place.first_api_key
    key = f"$({_called(place)} env OPENAI_API_KEY)" if shown is None else shown.reveal()
    return (
        f"curl -N {trust}{summary.endpoint}/chat/completions "
        f'-H "Authorization: Bearer {key}" -H "Content-Type: application/json" -d {shlex.quote(json.dumps(body))}'
    )


def _row(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}} {text}"


def _key(place: Place, paint: _Paint) -> str:
    file = place.home / "credentials.json"
    if place.first_api_key is None:
        return f"in {file}, or: {_called(place)} env"
    return f"{paint.strong(place.first_api_key.reveal())}  also in {file}"


def _password(operator: FirstOperator, place: Place, paint: _Paint) -> str:
    """Printed once, at the start that made it; later it is looked up where it is kept."""
    if not operator.is_new:
        return f"in {place.home / 'credentials.json'}, to be changed at the first sign-in"
    return f"{paint.strong(operator.password.reveal())}, to be changed at the first sign-in"


def _models(summary: Summary) -> str:
    first = [name for name in summary.models if name != DEMO_MODEL][:_SHOWN_MODELS]
    if not first:
        return f"{DEMO_MODEL}, the built-in demo; it repeats what you say"
    rest = len(summary.models) - len(first)
    more = f" and {rest} more" if rest else ""
    return f"{', '.join(first)}{more}"


def _found(finding: Finding) -> str:
    if not finding.offered:
        return f"! {finding.title}: {finding.remark}"
    count = f"{len(finding.models)} models" if len(finding.models) != 1 else "1 model"
    from_where = (
        f"{finding.title} ({finding.source}): {count}" if finding.models else f"{finding.title} ({finding.source})"
    )
    return f"{from_where}; {finding.remark}" if finding.remark else from_where


def _called(place: Place) -> str:
    return place.command if place.is_default_home else f"{place.command} --home {shlex.quote(str(place.home))}"
