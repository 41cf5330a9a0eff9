from __future__ import annotations

import io
import json
import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headworks.kernel.telemetry import bind_request_id, configure_logs, logger
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics

KEY = "hw_sk_0123456789abcdefghijABCDEFGHIJ0123456789"


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_shape_that_the_engine_writes(log: io.StringIO) -> None:
    with bind_request_id("req_1"):
        logger("some.module").info("it happened", count=3)
    (line,) = lines(log)
    assert line.pop("timestamp")
    assert line == {
        "event": "it happened",
        "level": "info",
        "logger": "some.module",
        "request_id": "req_1",
        "count": 3,
    }


def test_a_request_id_goes_with_its_request(log: io.StringIO) -> None:
    with bind_request_id("req_1"):
        pass
    logger("m").info("later")
    assert "request_id" not in lines(log)[0]


def test_an_exception_is_one_line(log: io.StringIO) -> None:
    try:
        int("no\nway")
    except ValueError:
        logger("m").exception("failed")
    (line,) = lines(log)
    assert "Traceback" in str(line["exception"])


def test_keys_are_masked_wherever_they_come_from(log: io.StringIO) -> None:
    logger("m").info(f"key {KEY}", header=f"Bearer {KEY}", nested={"a": [KEY]})
    logging.getLogger("library").error("it was %s", KEY)
    assert KEY not in log.getvalue()
    assert log.getvalue().count("hw_sk_***") == 4


def test_libraries_speak_the_same_way_from_warnings_on(log: io.StringIO) -> None:
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("look %d", 1)
    (line,) = lines(log)
    assert (line["logger"], line["level"], line["event"]) == ("library", "warning", "look 1")


@pytest.mark.parametrize(("level", "count"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_the_level_decides(level: str, count: int) -> None:
    stream = io.StringIO()
    configure_logs(level, stream)  # type: ignore[arg-type]
    log = logger("m")
    log.debug("a")
    log.info("b")
    log.warning("c")
    assert len(lines(stream)) == count


def test_metrics_are_what_prometheus_reads() -> None:
    metrics = Metrics()
    http = HttpMetrics(metrics)
    http.observe("GET", "/api/v1/keys", 200, 0.004)
    http.observe("GET", "/api/v1/keys", 200, 0.5)
    families = {family.name: family for family in text_string_to_metric_families(metrics.render())}
    (sample,) = [
        sample for sample in families["headworks_management_requests"].samples if sample.name.endswith("_total")
    ]
    assert sample.labels == {"method": "GET", "route": "/api/v1/keys", "status": "200"}
    assert sample.value == 2
    assert "headworks_management_request_duration_seconds" in families
    assert "process_resident_memory_bytes" in families


def test_two_registries_do_not_meet() -> None:
    HttpMetrics(Metrics())
    HttpMetrics(Metrics())
