//! The dialect of OpenAI's API (<https://platform.openai.com/docs/api-reference>), which is also what callers speak.

mod content;
pub mod errors;
pub mod multipart;
#[cfg(test)]
mod others;
pub mod request;
pub mod response;
pub mod stream;
