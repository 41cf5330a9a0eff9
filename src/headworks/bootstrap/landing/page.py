"""The landing page as text: a template beside this file, filled with escaped values."""

from __future__ import annotations

import json
import shlex
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from headworks.bootstrap.summary import DEMO_MODEL

if TYPE_CHECKING:
    from headworks.bootstrap.discovery import Finding
    from headworks.bootstrap.summary import Summary

_FOLDER = Path(__file__).parent
_PAGE = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")

KEY_PLACEHOLDER = "hw_sk_…"
_SHOWN_MODELS = 60


def as_html(summary: Summary) -> str:
    """The page. Everything that comes from outside is escaped."""
    values = {
        "version": escape(summary.version),
        "endpoint": escape(summary.endpoint),
        "curl": escape(_curl(summary)),
        "python": escape(_python(summary)),
        "models": _models(summary),
        "found": _found(summary),
    }
    return _PAGE.substitute(values)


def as_json(summary: Summary) -> dict[str, object]:
    """The same for programs."""
    findings = summary.discovery.findings if summary.discovery is not None else ()
    return {
        "name": "headworks",
        "version": summary.version,
        "endpoint": summary.endpoint,
        "models": list(summary.models),
        "found": [_found_json(finding) for finding in findings],
        "api": "/api/v1/openapi.json",
        "health": "/health/ready",
    }


def _found_json(finding: Finding) -> dict[str, object]:
    return {
        "provider": finding.name,
        "source": finding.source,
        "state": finding.state,
        "models": len(finding.models),
        "remark": finding.remark,
    }


def _curl(summary: Summary) -> str:
    body = json.dumps({"model": summary.best_model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]})
    return (
        f"curl -N {summary.endpoint}/chat/completions \\\n"
        f'  -H "Authorization: Bearer {KEY_PLACEHOLDER}" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)}"
    )


def _python(summary: Summary) -> str:
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{summary.endpoint}", api_key="{KEY_PLACEHOLDER}")\n'
        "answer = client.chat.completions.create(\n"
        f"    model={json.dumps(summary.best_model)},\n"
        '    messages=[{"role": "user", "content": "Hello"}],\n'
        ")\n"
        "print(answer.choices[0].message.content)"
    )


def _models(summary: Summary) -> str:
    if not summary.models:
        return "<p>Ask <code>GET /v1/models</code> with your key for the models that it may use.</p>"
    shown = "".join(
        f"<li><code>{escape(name)}</code>{_demo_mark(name)}</li>" for name in summary.models[:_SHOWN_MODELS]
    )
    rest = len(summary.models) - _SHOWN_MODELS
    more = f"<p>… and {rest} more; <code>GET /v1/models</code> lists them all.</p>" if rest > 0 else ""
    return f'<ul class="models">{shown}</ul>{more}'


def _demo_mark(name: str) -> str:
    return ' <span class="mark">demo</span>' if name == DEMO_MODEL else ""


def _found(summary: Summary) -> str:
    if summary.discovery is None or not summary.discovery.findings:
        return ""
    items = "".join(_found_item(finding) for finding in summary.discovery.findings)
    return f"<h3>Found at start-up</h3><ul>{items}</ul>"


def _found_item(finding: Finding) -> str:
    count = f", {len(finding.models)} models" if finding.models else ""
    remark = f": {escape(finding.remark)}" if finding.remark else ""
    mark = "" if finding.offered else ' <span class="mark">not used</span>'
    return f"<li>{escape(finding.title)} ({escape(finding.source)}){count}{mark}{remark}</li>"
