//! Streamed answers: passed on as they come, with an eye on usage, on errors, and on whether they come to their end.
//!
//! Chat and completions: <https://platform.openai.com/docs/api-reference/chat-streaming>; Responses:
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

mod event;
mod length;
mod out;
mod scanner;
#[cfg(test)]
mod tests;

pub use out::Out;
pub use scanner::StreamScanner;

/// Which protocol the events follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StreamKind {
    /// Ends with `[DONE]`.
    #[default]
    Chat,
    /// Ends with `[DONE]`.
    Completions,
    /// Ends with `response.completed`, `.incomplete` or `.failed`.
    Responses,
    /// Ends with `[DONE]`, or with the upstream's body after an event whose type says that something is done: audio's
    /// `transcript.text.done` and `speech.audio.done`, images' `image_generation.completed`. Data need not be JSON.
    Other,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The caller has seen its end: the terminal event, or an error event after which nothing came.
    Complete,
    Truncated,
}

/// Why a stream can't be passed on any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("an event's data is not a JSON object")]
    Malformed,
    #[error("an event is longer than 16 MiB")]
    TooLong,
}
