//! A deterministic OpenAI-dialect upstream.
