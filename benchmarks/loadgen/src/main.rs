//! The load generator of the benchmarks: `closed`, `open`, `each` and `streams`, a JSON report on standard output.
//!
//! It talks HTTP/1.1 with a thin client of its own, on one thread, so that it costs little beside what it measures; and to
//! loopback addresses only.

mod alarm;
mod arguments;
mod client;
mod closed;
mod each;
mod events;
mod open;
mod report;
mod request;
mod streams;

use std::io;
use std::process::ExitCode;

use arguments::{Arguments, Mode};
use serde_json::Value;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() || words.iter().any(|word| word == "-h" || word == "--help") {
        return print(&mut io::stdout(), arguments::HELP);
    }
    match Arguments::read(&words).and_then(|arguments| run(&arguments)) {
        Ok(report) => print(&mut io::stdout(), &format!("{report}\n")),
        Err(problem) => {
            print(&mut io::stderr(), &format!("loadgen: {problem}\n"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("could not start a runtime: {error}"))?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        match &arguments.mode {
            Mode::Closed => Ok(closed::run(arguments).await),
            Mode::Open { rate } => open::run(arguments, *rate).await,
            Mode::Each { bearers } => each::run(arguments, bearers).await,
            Mode::Streams { chunks, ramp } => Ok(streams::run(arguments, *chunks, *ramp).await),
        }
    })
}

fn print(to: &mut dyn io::Write, text: &str) -> ExitCode {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
