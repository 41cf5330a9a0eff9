//! What is accepted is JSON, and what is forwarded names the model that was authorised and asks for usage.

#![no_main]

use bytes::Bytes;
use headworks_fuzz::dialect::openai::request::{rewrite, scan};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

const TARGET: &str = "provider/\"model\"-é";

fuzz_target!(|data: &[u8]| {
    let before = match scan(data) {
        Ok(scan) => scan,
        Err(error) => {
            assert!(error.offset <= data.len());
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(data) {
        assert!(error.to_string().starts_with("recursion limit"), "{error}");
    }
    let body = Bytes::copy_from_slice(data);
    for (model, ask) in [(None, false), (None, true), (Some(TARGET), false), (Some(TARGET), true)] {
        let pieces: Vec<Bytes> = rewrite(&body, &before, model, ask).into_iter().collect();
        let forwarded = pieces.concat();
        let after = scan(&forwarded).expect("what is forwarded is accepted too");
        let own = before.model(&body);
        let expected = own.as_deref().map(|own| model.unwrap_or(own));
        assert_eq!(after.model(&forwarded).as_deref(), expected);
        let usage = if ask && before.stream {
            Some(true)
        } else {
            before.include_usage
        };
        assert_eq!(after.include_usage, usage);
        assert_eq!(
            (after.stream, after.n, after.max_tokens),
            (before.stream, before.n, before.max_tokens)
        );
    }
});
