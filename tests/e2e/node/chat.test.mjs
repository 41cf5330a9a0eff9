import assert from "node:assert/strict";
import { test } from "node:test";

import { client, messages, models } from "./setup.mjs";

test("a whole answer", async () => {
  const answer = await client.chat.completions.create({ model: models.plain, messages });
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.choices[0].message.content.split(" ").length, 16);
  assert.equal(answer.usage.completion_tokens, 16);
  assert.ok(answer._request_id);
});

test("a stream, without usage that was not asked for", async () => {
  const stream = await client.chat.completions.create({ model: models.plain, messages, stream: true });
  let text = "";
  let finish = null;
  for await (const chunk of stream) {
    assert.ok(!chunk.usage);
    text += chunk.choices[0].delta.content ?? "";
    finish = chunk.choices[0].finish_reason ?? finish;
  }
  assert.equal(text.split(" ").length, 16);
  assert.equal(finish, "stop");
});

test("a stream with usage", async () => {
  const stream = await client.chat.completions.create({
    model: models.plain,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 16);
});

test("a stream whose every byte comes alone", async () => {
  const stream = client.chat.completions.stream({ model: models.split, messages });
  const answer = await stream.finalChatCompletion();
  assert.equal(answer.choices[0].message.content.split(" ").length, 8);
});

test("tools", async () => {
  const weather = { type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } };
  const stream = client.chat.completions.stream({
    model: models.plain,
    messages: [{ role: "user", content: "call get_weather" }],
    tools: [weather],
    tool_choice: { type: "function", function: { name: "get_weather" } },
  });
  const [call] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "example" });
});

test("fields that the client does not know", async () => {
  const answer = await client.chat.completions.create({ model: models.echo, messages, x_new: { deep: [1, null] } });
  assert.deepEqual(answer.x_mock.received.body.x_new, { deep: [1, null] });
});

test("leaving in the middle of a stream", async () => {
  const stream = await client.chat.completions.create({ model: models.slow, messages, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) break;
  }
});
