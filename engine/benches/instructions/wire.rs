//! Reading what passes: request bodies, chunks of streams, answers, usage.

use std::hint::black_box;

use bytes::Bytes;
use headworks_engine::dialect::openai::request::{rewrite, scan};
use headworks_engine::dialect::openai::response::{UsageFinder, inspect};
use headworks_engine::dialect::openai::stream::{Out, StreamKind, StreamScanner};
use headworks_engine::meter::estimate::{Encoding, Kept};
use headworks_engine::meter::usage::read_block;

use super::{Case, Work};

pub const CASES: &[Case] = &[
    ("scan_1k", || Some(scanning(1024))),
    ("scan_32k", || Some(scanning(32 * 1024))),
    ("rewrite_1k", rewriting),
    ("chunk", || Some(streaming(CHUNK, false, None))),
    ("chunk_kept", || Some(streaming(CHUNK, false, kept()))),
    ("chunk_of_four_events", || {
        Some(streaming(&CHUNK.repeat(4), false, None))
    }),
    ("chunk_in_two_halves", || Some(streaming(CHUNK, true, None))),
    ("usage_event", || Some(streaming(USAGE_EVENT, false, None))),
    ("usage_block", || Some(usage_block())),
    ("inspect_1k", || Some(inspecting())),
    ("find_usage_32k", || Some(finding())),
];

const CHUNK: &str = concat!(
    r#"data: {"id":"chatcmpl-AbCdEfGhIjKlMnOp","object":"chat.completion.chunk","created":1700000000,"#,
    r#""model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" hello"},"finish_reason":null}],"usage":null}"#,
    "\n\n",
);
const USAGE_EVENT: &str = concat!(
    r#"data: {"id":"chatcmpl-AbCdEfGhIjKlMnOp","object":"chat.completion.chunk","created":1700000000,"#,
    r#""model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#,
    "\n\n",
);
const USAGE_BLOCK: &str = concat!(
    r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"#,
    r#""prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":"#,
    r#"192,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
);
fn body(length: usize) -> Bytes {
    let text = "The quick brown fox jumps over the lazy dog.\\n".repeat(length / 46);
    Bytes::from(format!(
        r#"{{"model":"gpt-4o-mini","messages":[{{"role":"system","content":"You are helpful."}},{{"role":"user","content":"{text}"}}],"temperature":0.7,"stream":true,"max_tokens":512}}"#
    ))
}

fn scanning(length: usize) -> Work {
    let body = body(length);
    Box::new(move || {
        let _ = black_box(scan(black_box(&body)));
    })
}

fn rewriting() -> Option<Work> {
    let body = body(1024);
    let scanned = scan(&body).ok()?;
    Some(Box::new(move || {
        black_box(rewrite(black_box(&body), &scanned, Some("openai/gpt-4o"), true));
    }))
}

/// Feeds the same chunk to the same stream, again and again.
fn streaming(chunk: &str, in_halves: bool, kept: Option<Kept>) -> Work {
    let mut chunk = Bytes::from(chunk.to_owned());
    let rest = chunk.split_off(if in_halves { chunk.len() / 2 } else { chunk.len() });
    let mut scanner = StreamScanner::new(StreamKind::Chat, true).that_keeps(kept);
    let mut out = Out::default();
    Box::new(move || {
        for part in [&chunk, &rest] {
            let _ = black_box(scanner.feed(part.clone(), &mut out));
        }
        while let Some(bytes) = out.pop() {
            black_box(bytes);
        }
    })
}

/// Where the tokenizer of the model is known.
fn kept() -> Option<Kept> {
    Kept::of(Encoding::O200k, &body(1024))
}

fn usage_block() -> Work {
    Box::new(|| {
        let _ = black_box(read_block(black_box(USAGE_BLOCK.as_bytes())));
    })
}

fn answer(length: usize) -> String {
    let text = "All that glitters is not gold. ".repeat(length / 31);
    format!(
        r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}}}}],"usage":{USAGE_BLOCK}}}"#
    )
}

fn inspecting() -> Work {
    let body = answer(1024);
    Box::new(move || {
        black_box(inspect(black_box(body.as_bytes())));
    })
}

fn finding() -> Work {
    let body = answer(32 * 1024);
    Box::new(move || {
        let mut finder = UsageFinder::default();
        finder.feed(black_box(body.as_bytes()));
        black_box(finder.finish());
    })
}
