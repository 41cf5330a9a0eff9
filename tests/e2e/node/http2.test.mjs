// HTTP/2 in clear text with prior knowledge, by Node's own client: many streams on one connection.
import assert from "node:assert/strict";
import http2 from "node:http2";
import { after, test } from "node:test";

import { messages, models } from "./setup.mjs";

const endpoint = new URL(process.env.ENDPOINT);
const session = http2.connect(endpoint.origin);
after(() => session.close());

function ask(model, stream) {
  return new Promise((resolve, reject) => {
    const request = session.request({
      ":method": "POST",
      ":path": `${endpoint.pathname}/chat/completions`,
      authorization: `Bearer ${process.env.API_KEY}`,
      "content-type": "application/json",
    });
    let status = 0;
    let text = "";
    request.on("response", (headers) => (status = headers[":status"]));
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => resolve({ status, text }));
    request.on("error", reject);
    request.end(JSON.stringify({ model, messages, stream }));
  });
}

test("fifty streams at once", async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(models.plain, true)));
  for (const { status, text } of answers) {
    assert.equal(status, 200);
    assert.ok(text.endsWith("data: [DONE]\n\n"));
  }
});

test("a refusal and an answer on the same connection", async () => {
  assert.equal((await ask("no-such-model", false)).status, 404);
  assert.equal(JSON.parse((await ask(models.plain, false)).text).object, "chat.completion");
});

test("a stream that is reset cancels only itself", async () => {
  const request = session.request({
    ":method": "POST",
    ":path": `${endpoint.pathname}/chat/completions`,
    authorization: `Bearer ${process.env.API_KEY}`,
    "content-type": "application/json",
  });
  request.on("error", () => {});
  request.end(JSON.stringify({ model: models.slow, messages, stream: true }));
  await new Promise((resolve) => request.once("data", resolve));
  request.close(http2.constants.NGHTTP2_CANCEL);
  assert.equal((await ask(models.plain, false)).status, 200);
});
