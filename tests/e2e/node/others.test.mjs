import assert from "node:assert/strict";
import { test } from "node:test";

import { toFile } from "openai";

import { client, messages, models } from "./setup.mjs";

test("models", async () => {
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  assert.ok(listed.includes("headworks/echo"));
});

test("embeddings", async () => {
  const answer = await client.embeddings.create({ model: models.plain, input: ["one", "two"] });
  assert.equal(answer.data.length, 2);
  assert.equal(typeof answer.data[0].embedding[0], "number");
});

test("completions", async () => {
  const answer = await client.completions.create({ model: models.plain, prompt: "once" });
  assert.equal(answer.choices[0].text.split(" ").length, 16);
});

test("responses, whole and streamed", async () => {
  const answer = await client.responses.create({ model: models.plain, input: "hello" });
  assert.equal(answer.output_text.split(" ").length, 16);
  const types = [];
  for await (const event of await client.responses.create({ model: models.plain, input: "hello", stream: true })) types.push(event.type);
  assert.equal(types[0], "response.created");
  assert.equal(types.at(-1), "response.completed");
});

test("transcription", async () => {
  const file = await toFile(Buffer.alloc(200_000, 7), "speech.wav");
  const answer = await client.audio.transcriptions.create({ model: models.plain, file });
  assert.ok(answer.text);
});

test("speech", async () => {
  const answer = await client.audio.speech.create({ model: models.plain, voice: "alloy", input: "hello" });
  assert.ok((await answer.arrayBuffer()).byteLength > 0);
});

test("errors are typed", async () => {
  const failing = (model) => client.chat.completions.create({ model, messages });
  await assert.rejects(failing("no-such-model"), { constructor: (await import("openai")).NotFoundError, code: "model_not_found" });
  await assert.rejects(failing(models.limited), { status: 429 });
  const stranger = client.withOptions({ apiKey: "hw_sk_wrong" });
  await assert.rejects(stranger.models.list(), { status: 401, code: "invalid_api_key" });
});

test("a stream that breaks off is an error", async () => {
  const stream = await client.chat.completions.create({ model: models.broken, messages, stream: true });
  await assert.rejects(async () => {
    for await (const _ of stream);
  });
});
