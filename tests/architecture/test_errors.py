"""Every error that a caller may see, listed."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter

import headworks
from headworks.kernel import errors as bases
from headworks.kernel.errors import HeadworksError

for module in pkgutil.walk_packages(headworks.__path__, "headworks."):
    if not re.search(r"\.__main__$|\.migrations\.", module.name):
        importlib.import_module(module.name)


def every(kind: type[HeadworksError]) -> list[type[HeadworksError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in every(child))]


KINDS = every(HeadworksError)


def test_a_code_means_one_thing() -> None:
    own = [kind.code for kind in KINDS if "code" in vars(kind)]
    assert [code for code, count in Counter(own).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", code) for code in own)


def test_only_the_bases_leave_their_code_to_nobody() -> None:
    assert [kind.__name__ for kind in KINDS if "code" not in vars(kind)] == []


def test_an_error_has_a_status_and_a_title() -> None:
    for kind in KINDS:
        assert kind.status in {400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, 500, 503}, kind
        assert kind.title, kind
        assert kind.__doc__, kind


def test_an_outage_is_never_a_refusal() -> None:
    assert {kind.status for kind in every(bases.Unavailable)} == {503}
    assert {kind.status for kind in every(bases.Unauthenticated)} == {401}
