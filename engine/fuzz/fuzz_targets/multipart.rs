//! Any split of any form leads to the same verdict, and a model that is found is where it is said to be.

#![no_main]

use headworks_fuzz::dialect::openai::multipart::{MultipartScanner, Progress, boundary};
use headworks_fuzz::{choices, pieces};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Default, PartialEq)]
struct Verdict {
    model: Option<Progress>,
    last: Option<Progress>,
    stream: bool,
}

fn read(frames: &[&[u8]]) -> Verdict {
    let mut scanner = MultipartScanner::new("b");
    let mut verdict = Verdict::default();
    for frame in frames.iter().chain([&&b""[..]]) {
        let progress = scanner.feed(frame);
        if matches!(progress, Progress::Found { .. }) {
            assert!(verdict.model.is_none(), "said once");
            verdict.model = Some(progress);
        } else {
            verdict.last = Some(progress);
        }
    }
    if matches!(verdict.last, Some(Progress::Malformed(_))) {
        // In one piece the fault may come before the model was told.
        verdict.model = None;
    }
    verdict.stream = scanner.stream();
    verdict
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        boundary(text);
    }
    let (cuts, body) = choices(data, 4);
    let whole = read(&[body]);
    assert_eq!(read(&pieces(body, cuts)), whole);
    assert_eq!(read(&pieces(body, &[0])), whole);
    if let Some(Progress::Found { value_range, value }) = whole.model {
        let at = |offset| usize::try_from(offset).expect("inputs are short");
        assert_eq!(&body[at(value_range.start)..at(value_range.end)], value.as_bytes());
    }
});
