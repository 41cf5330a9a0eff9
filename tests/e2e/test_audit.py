"""The trail of a running installation: over restarts, against an end that the log noted, and after somebody's hand was in it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import openai

from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.rig import Rig


def verify(headworks: Headworks, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`headworks audit verify` as an operator runs it."""
    command = [sys.executable, "-m", "headworks.entrypoints.cli", "--home", str(headworks.home), "audit", "verify"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603


def noted(headworks: Headworks) -> list[str]:
    """The ends that the log noted."""
    lines = [json.loads(line) for line in headworks.child.output().splitlines() if line.startswith("{")]
    return [line["anchor"] for line in lines if line["event"] == "audit trail"]


def test_a_trail_outlives_restarts_and_no_hand_goes_unseen(tmp_path: Path) -> None:
    with Headworks(tmp_path / "home") as headworks:
        key = headworks.management.create_key("audited")
        (event,) = headworks.management.get("/audit-events", resource_id=key["id"])
        assert event["source"] == "127.0.0.1"
        assert event["request_id"]
        assert headworks.stop() == 0
        anchors = noted(headworks)
        assert {anchor.split(":")[0] for anchor in anchors} == {"identity", "catalog"}
        last = anchors[-2:]

        headworks.start()
        headworks.management.create_key("later")
        whole = verify(headworks, *(part for anchor in last for part in ("--anchor", anchor)))
        assert whole.returncode == 0, whole.stderr
        assert whole.stdout.count("whole") == 4
        with closing(sqlite3.connect(headworks.home / "identity.sqlite3")) as connection, connection:
            connection.execute(
                "UPDATE identity_audit_trail SET source = '192.0.2.1' WHERE resource_id = ?", (key["id"],)
            )
        found = verify(headworks)
        assert found.returncode == 1
        assert f"TAMPERED WITH at entry {event['sequence']} ({event['id']})" in found.stdout


def test_a_trail_that_was_cut_is_told_however_much_is_written_after(tmp_path: Path) -> None:
    """With an end that fits what is left, and without a word to Headworks: it tells what it found when it next writes."""
    with Headworks(tmp_path / "home") as headworks:
        for number in range(3):
            headworks.management.create_key(f"audited {number}")
        assert {event["key_id"] for event in headworks.management.get("/audit-events")} != {None}
        with closing(sqlite3.connect(headworks.home / "identity.sqlite3")) as connection, connection:
            connection.execute(
                "DELETE FROM identity_audit_trail WHERE sequence = (SELECT max(sequence) FROM identity_audit_trail)"
            )
            last = "FROM identity_audit_trail ORDER BY sequence DESC LIMIT 1"
            connection.execute(f"UPDATE identity_audit_head SET (sequence, hash) = (SELECT sequence, hash {last})")  # noqa: S608 - ours
        assert "entries may have been cut off" in verify(headworks).stdout
        headworks.management.create_key("later")
        found = verify(headworks)
        assert found.returncode == 1
        assert "the kept end was not the one that Headworks had written" in found.stdout


def test_secrets_are_given_a_new_key_under_load(own: Rig) -> None:
    """Requests go on while the credential is sealed anew, again and again: none fails."""
    model = own.model("mock")
    stop = threading.Event()
    failures: list[str] = []
    served = [0, 0]

    def chat(worker: int) -> None:
        with own.headworks.openai() as client:
            while not stop.is_set():
                try:
                    client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
                except openai.OpenAIError as error:
                    failures.append(repr(error))
                served[worker] += 1

    workers = [threading.Thread(target=chat, args=(worker,)) for worker in range(2)]
    for worker in workers:
        worker.start()
    try:
        for number in range(1, 6):
            before = sum(served)
            done = own.headworks.management.post("/keyring/rotations", {})
            # The credential, and for each trail a key of every key of the keyring that is gone.
            assert (done["resealed"], done["remaining"]) == (1 + 4 * number, 0)
            while sum(served) < before + 10 and not failures:
                stop.wait(0.01)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert failures == []
    (key,) = own.headworks.management.get("/keyring")["keys"]
    assert key["secrets"] == 1 + 4 * 5
    whole = verify(own.headworks)
    assert whole.returncode == 0, whole.stdout
