// The official client, configured as a user would, and the models that the Python side prepared.
import OpenAI from "openai";

export const client = new OpenAI({
  baseURL: process.env.ENDPOINT,
  apiKey: process.env.API_KEY,
  maxRetries: 0,
  timeout: 30_000,
});
export const models = JSON.parse(process.env.MODELS);
export const messages = [{ role: "user", content: "tell me about weirs" }];
