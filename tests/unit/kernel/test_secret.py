from __future__ import annotations

import copy
import dataclasses
import io
import json
import pickle
import traceback
from collections.abc import Callable

import pytest
from pydantic import BaseModel, ValidationError

from headworks.kernel.secrets import Secret
from headworks.kernel.telemetry import logger

TEXT = "canary-5f1e"


@dataclasses.dataclass
class Holder:
    secret: Secret


class Body(BaseModel):
    key: Secret


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda secret: f"{secret}", ascii])
def test_it_does_not_print(show: Callable[[object], str]) -> None:
    assert TEXT not in show(Secret(TEXT))
    assert TEXT not in show(Holder(Secret(TEXT)))
    assert "***" in show(Secret(TEXT))
    assert f"{Secret(TEXT):>40}" == "***"


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, pickle.dumps, lambda secret: dataclasses.asdict(Holder(secret))]
)
def test_it_is_not_copied(duplicate: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match=r"reveal\(\)"):
        duplicate(Secret(TEXT))


def test_it_is_no_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"key": Secret(TEXT)})


def test_a_model_takes_it_and_never_gives_it_back() -> None:
    body = Body.model_validate_json(json.dumps({"key": TEXT}))
    assert body.key.reveal() == TEXT
    for shown in (body.model_dump_json(), str(body.model_dump(mode="json")), repr(body), str(body.model_dump())):
        assert TEXT not in shown
    assert Body.model_json_schema()["properties"]["key"]["writeOnly"] is True


@pytest.mark.parametrize("wrong", ["", 7, None])
def test_a_model_takes_only_text(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate({"key": wrong})


def test_a_log_does_not_show_it(log: io.StringIO) -> None:
    logger("test").info("look", secret=Secret(TEXT), holder=Holder(Secret(TEXT)))
    assert TEXT not in log.getvalue()


def test_it_compares_by_value_and_is_no_key_of_a_table() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("a")
    assert not Secret("")
    with pytest.raises(TypeError):
        hash(Secret("a"))


def test_a_traceback_does_not_show_it(log: io.StringIO) -> None:
    """Not the error's text, not the log's, and not one that shows local variables."""

    def fail(secret: Secret) -> None:
        raise RuntimeError(secret, Holder(secret))

    whole = ""
    try:
        fail(Secret(TEXT))
    except RuntimeError as error:
        logger("test").exception("failed")
        whole = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Secret(***)" in whole
    assert "RuntimeError" in log.getvalue()
    assert TEXT not in whole + log.getvalue()
