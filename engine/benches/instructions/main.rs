//! The steps that every request or chunk pays for, to be counted in instructions by valgrind: `scripts/instructions.py`.
//!
//! Given a case's name, runs it once with everything warm. Only what [`measured`] calls is counted.

mod state;
mod wire;

use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;

/// The work of a case, to be done again and again.
type Work = Box<dyn FnMut()>;

/// A case's name, and what prepares it.
type Case = (&'static str, fn() -> Option<Work>);

/// Enough for allocators and processors' feature tests to be past their first use.
const WARM_UP: usize = 8;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let mut cases = wire::CASES.iter().chain(state::CASES);
    let Some((_, prepare)) = cases.clone().find(|(name, _)| *name == wanted) else {
        // `cargo bench` and `cargo test --benches` come without a case: they get the list.
        let is_written = cases
            .try_for_each(|(name, _)| writeln!(std::io::stdout(), "{name}"))
            .is_ok();
        return if is_written {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    };
    let Some(mut work) = prepare() else {
        return ExitCode::FAILURE;
    };
    for _ in 0..WARM_UP {
        work();
    }
    measured(&mut *work);
    ExitCode::SUCCESS
}

/// The name that valgrind is told to count in.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    // Something after the call, so that it can't become a jump that leaves this function.
    black_box(());
}
