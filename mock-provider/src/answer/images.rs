//! `/v1/images/*`: <https://platform.openai.com/docs/api-reference/images>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::body;
use super::usage::Style;
use super::{Composed, Refusal};

const MOST_IMAGES: u64 = 10;
/// What one image costs in output tokens.
const IMAGE_TOKENS: u64 = 272;
/// A grey PNG of one pixel.
const PIXEL: &str = concat!(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAA",
    "CklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
);

/// `n` images of one pixel.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    let count = ask.number("n").unwrap_or(1);
    if !(1..=MOST_IMAGES).contains(&count) {
        return Err(Refusal::invalid(
            Some("n"),
            format!("`n` must be between 1 and {MOST_IMAGES}"),
        ));
    }
    let data: Vec<Value> = (0..count).map(|_| json!({ "b64_json": PIXEL })).collect();
    let tokens = ask.tokens(count * IMAGE_TOKENS);
    let body =
        json!({"created": ask.created(), "data": data, "output_format": "png", "quality": "low", "size": "1024x1024"});
    Ok(Composed::json(
        body::with_usage(ask, &body, Style::InputOutput, tokens),
        tokens,
    ))
}
