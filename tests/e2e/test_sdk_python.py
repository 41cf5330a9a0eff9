"""The official Python client, unmodified: each of its calls works, and what we do not understand goes through untouched."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import openai
import pytest

from tests.support.rig import PROVIDER_KEY, Rig, total_tokens

PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n").decode()
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}}},
    },
}


def ask(text: str) -> list[Any]:
    """One user message."""
    return [{"role": "user", "content": text}]


def received(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - any of the client's models
    """The request as the mock says that it arrived (its `echo` knob)."""
    seen: dict[str, Any] = answer.model_extra["x_mock"]["received"]
    return seen


def test_chat_is_answered_and_recorded(rig: Rig, client: openai.OpenAI) -> None:
    model = rig.model("mock:tokens=12,cached=2,reasoning=5")
    answer = client.chat.completions.create(model=model, messages=ask("one two three four"))
    assert answer.object == "chat.completion"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 12 + 5

    record = rig.record(answer._request_id or "")
    assert (record["outcome"], record["usage_source"], record["status"]) == ("success", "provider", 200)
    assert (record["model"], record["upstream_model"]) == (model, "mock:tokens=12,cached=2,reasoning=5")
    assert record["cache_read_tokens"] == 2
    assert record["reasoning_tokens"] == 5
    assert record["output_tokens"] == 12
    assert total_tokens(record) == answer.usage.total_tokens


def test_chat_streams_the_same_text_and_no_usage_that_was_not_asked_for(rig: Rig, client: openai.OpenAI) -> None:
    model = rig.model("mock:tokens=20")
    pieces, finishes, usages = [], [], []
    with client.chat.completions.with_raw_response.create(
        model=model, messages=ask("tell me"), stream=True
    ).parse() as stream:
        request_id = stream.response.headers["x-request-id"]
        for chunk in stream:
            usages.append(chunk.usage)
            for choice in chunk.choices:
                pieces.append(choice.delta.content or "")
                finishes.append(choice.finish_reason)
    assert len("".join(pieces).split()) == 20
    assert finishes[-1] == "stop"
    assert usages == [None] * len(usages)

    record = rig.record(request_id)
    assert (record["outcome"], record["usage_source"], record["streamed"]) == ("success", "provider", True)
    [served] = rig.upstream.served(request_id)
    assert total_tokens(record) == served.input_tokens + served.output_tokens


def test_chat_stream_carries_usage_where_it_was_asked_for(rig: Rig, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=rig.model("mock:tokens=7"),
        messages=ask("count"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 7


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_tools(rig: Rig, client: openai.OpenAI, *, stream: bool) -> None:
    request: dict[str, Any] = {
        "model": rig.model("mock"),
        "messages": ask("call get_weather"),
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    }
    if stream:
        deltas = [
            chunk.choices[0].delta for chunk in client.chat.completions.create(stream=True, **request) if chunk.choices
        ]
        calls = [call.function for delta in deltas for call in delta.tool_calls or () if call.function]
        name = "".join(call.name or "" for call in calls)
        arguments = "".join(call.arguments or "" for call in calls)
    else:
        message = client.chat.completions.create(**request).choices[0].message
        assert message.tool_calls is not None
        name, arguments = message.tool_calls[0].function.name, message.tool_calls[0].function.arguments
    assert name == "get_weather"
    assert json.loads(arguments) == {"city": "example", "unit": "c"}


def test_response_format(rig: Rig, client: openai.OpenAI) -> None:
    schema: Any = {"type": "object", "properties": {"days": {"type": "integer"}}}
    response_format: Any = {"type": "json_schema", "json_schema": {"name": "days", "schema": schema}}
    answer = client.chat.completions.create(
        model=rig.model("mock"),
        messages=ask("how many days"),
        response_format=response_format,
    )
    assert json.loads(answer.choices[0].message.content or "") == {"days": 1}


def test_several_choices_and_log_probabilities(rig: Rig, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=rig.model("mock:tokens=3"), messages=ask("hello"), n=3, logprobs=True, top_logprobs=2
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    for choice in answer.choices:
        assert choice.logprobs is not None
        assert len(choice.logprobs.content or ()) == 3


def test_images_and_unknown_fields_go_through_both_ways(rig: Rig, client: openai.OpenAI) -> None:
    content: Any = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    novelty = {"x_new": {"deep": [1, 2.50, "ü \\u00fc", None]}, "metadata": {"team": "blue"}}
    answer = client.chat.completions.create(
        model=rig.model("mock:echo"),
        messages=[{"role": "user", "content": content}],
        extra_body=novelty,
        extra_headers={"x-team-trace": "t-1"},
    )
    seen = received(answer)
    assert seen["body"]["messages"] == [{"role": "user", "content": content}]
    assert {name: seen["body"][name] for name in novelty} == novelty
    assert seen["body"]["model"] == "mock:echo"
    assert seen["headers"]["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert seen["headers"]["x-team-trace"] == "t-1"
    assert seen["headers"]["x-request-id"] == answer._request_id


def test_a_stream_asks_the_upstream_for_usage(rig: Rig, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model=rig.model("mock:echo,tokens=2"), messages=ask("hello"), stream=True)
    seen = next(received(chunk) for chunk in stream if "x_mock" in (chunk.model_extra or {}))
    assert seen["body"]["stream_options"] == {"include_usage": True}
    assert seen["body"]["stream"] is True


def test_completions(rig: Rig, client: openai.OpenAI) -> None:
    whole = client.completions.create(model=rig.model("mock:tokens=5"), prompt="once upon a time")
    assert len(whole.choices[0].text.split()) == 5
    streamed = client.completions.create(model=rig.model("mock:tokens=5"), prompt="once upon", stream=True)
    assert len("".join(chunk.choices[0].text for chunk in streamed if chunk.choices).split()) == 5


def test_embeddings(rig: Rig, client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=rig.model("mock"), input=["one", "two"])
    assert [item.index for item in answer.data] == [0, 1]
    assert all(item.embedding for item in answer.data)


def test_models_are_those_that_the_key_may_use(rig: Rig, client: openai.OpenAI) -> None:
    alias = rig.model("mock")
    listed = {model.id: model for model in client.models.list()}
    assert {alias, "headworks/echo"} <= set(listed)
    assert client.models.retrieve(alias).id == alias

    limited = rig.headworks.management.create_key("only echo", allowed_models=["headworks/echo"])
    with rig.headworks.openai(api_key=limited["key"]) as other:
        assert [model.id for model in other.models.list()] == ["headworks/echo"]


def test_responses(rig: Rig, client: openai.OpenAI) -> None:
    whole = client.responses.create(model=rig.model("mock:tokens=6"), input="say six words")
    assert len(whole.output_text.split()) == 6
    assert whole.usage is not None
    record = rig.record(whole._request_id or "")
    assert (record["endpoint"], total_tokens(record)) == ("responses", whole.usage.total_tokens)

    events = list(client.responses.create(model=rig.model("mock:tokens=6"), input="say six words", stream=True))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert len("".join(event.delta for event in events if event.type == "response.output_text.delta").split()) == 6


def test_moderations(rig: Rig, client: openai.OpenAI) -> None:
    assert client.moderations.create(model=rig.model("mock"), input="be nice").results


def test_images(rig: Rig, client: openai.OpenAI) -> None:
    answer = client.images.generate(model=rig.model("mock"), prompt="a weir", n=2, size="1024x1024")
    assert len(answer.data or ()) == 2
    edited = client.images.edit(
        model=rig.model("mock"), image=("weir.png", io.BytesIO(b"\x89PNG"), "image/png"), prompt="dry"
    )
    assert edited.data


def test_speech(rig: Rig, client: openai.OpenAI) -> None:
    sound = client.audio.speech.create(model=rig.model("mock:size=50000"), voice="alloy", input="hello")
    assert len(sound.read()) == 50_000


def test_transcription_streams_the_form_through_although_the_file_comes_first(rig: Rig) -> None:
    """The model is named after a file larger than what is read at once; only then is it known where the form goes."""
    sound = b"RIFF" + bytes(range(256)) * 12_000
    form: Any = {"file": ("speech.wav", sound, "audio/wav"), "model": (None, rig.model("mock:echo"))}
    answer = httpx.post(
        f"{rig.headworks.credentials.endpoint}/audio/transcriptions",
        files=form,
        headers={"authorization": f"Bearer {rig.headworks.credentials.api_key}"},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    parts = {part["name"]: part for part in answer.json()["x_mock"]["received"]["body"]}
    assert parts["model"]["text"] == "mock:echo"
    assert parts["file"]["bytes"] == len(sound)
    assert rig.record(answer.headers["x-request-id"])["endpoint"] == "audio/transcriptions"


def test_transcription(rig: Rig, client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(model=rig.model("mock"), file=("speech.wav", io.BytesIO(b"RIFF" * 100)))
    assert answer.text


def test_rerank_and_other_paths_go_through_the_same_admission(rig: Rig) -> None:
    headers = {"authorization": f"Bearer {rig.headworks.credentials.api_key}"}
    with httpx.Client(base_url=rig.headworks.credentials.endpoint, headers=headers, trust_env=False) as http:
        answer = http.post("/rerank", json={"model": rig.model("mock"), "query": "weir", "documents": ["a", "b"]})
        assert answer.status_code == httpx.codes.OK, answer.text
        assert len(answer.json()["results"]) == 2
        assert rig.record(answer.headers["x-request-id"])["endpoint"] == "rerank"

        unknown = http.post("/no/such/path", json={"model": rig.model("mock")})
        assert unknown.status_code == httpx.codes.NOT_FOUND
        assert unknown.headers["x-headworks-error-source"] == "upstream"
        assert rig.record(unknown.headers["x-request-id"])["endpoint"] == "other"

        anonymous = http.post("/no/such/path", json={"model": rig.model("mock")}, headers={"authorization": ""})
        assert anonymous.status_code == httpx.codes.UNAUTHORIZED


def test_the_demo_model_answers_without_any_provider(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="headworks/echo", messages=ask("good morning"))
    assert "demo" in (answer.choices[0].message.content or "")
    assert "good morning" in (answer.choices[0].message.content or "")
    stream = client.chat.completions.create(model="headworks/echo", messages=ask("good morning"), stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert streamed == answer.choices[0].message.content


def test_errors_are_those_that_the_client_knows(rig: Rig, client: openai.OpenAI) -> None:
    with rig.headworks.openai(api_key="hw_sk_wrong") as stranger, pytest.raises(openai.AuthenticationError) as unknown:
        stranger.models.list()
    assert unknown.value.code == "invalid_api_key"

    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="headworks/ecko", messages=ask("hello"))
    assert missing.value.code == "model_not_found"
    assert "headworks/echo" in missing.value.message

    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model=rig.model("mock"), messages=ask("hello"), n=100_000)
    assert bad.value.param == "n"

    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model=rig.model("mock:status=429,retry_after=7"), messages=ask("hello"))
    assert limited.value.response.headers["retry-after"] == "7"
    assert limited.value.response.headers["x-headworks-error-source"] == "upstream"

    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model=rig.model("mock:status=500"), messages=ask("hello"))


def test_the_client_retries_what_it_should(rig: Rig) -> None:
    """429 with `retry-after: 0` twice, then an answer: the client's own retries work through the gateway."""
    model = rig.model("mock:fail_first=2,status=429,retry_after=0,tokens=4")
    with rig.headworks.openai(max_retries=3) as client:
        answer = client.chat.completions.create(model=model, messages=ask("again"))
    assert len((answer.choices[0].message.content or "").split()) == 4


def test_answers_say_who_they_are_and_what_we_added(rig: Rig, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model=rig.model("mock"), messages=ask("hello"))
    assert raw.headers["x-request-id"]
    assert int(raw.headers["x-headworks-overhead-us"]) >= 0
