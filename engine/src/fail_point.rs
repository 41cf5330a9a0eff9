//! Named places at which the kill tests end this process, as a power cut would. Disarmed, one relaxed load.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

static ARMED: AtomicU8 = AtomicU8::new(0);
static LEFT: AtomicI64 = AtomicI64::new(0);

/// The steps of a request's record, in their order, and what is done with records later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FailPoint {
    /// After authentication.
    K0 = 1,
    /// Admitted, before the intent.
    K1,
    /// After the intent, before the upstream is called.
    K2,
    /// In the middle of a stream.
    K3,
    /// The upstream has finished, the final record is not written.
    K4,
    /// The final record is durable, nobody has read it.
    K5,
    /// Read from the spool, not yet given on.
    K6,
    /// Given on, the transaction is not begun.
    K7,
    /// Inside the transaction.
    K8,
    /// Committed, not confirmed to the spool.
    K9,
    /// In the middle of a job of the control plane: sums or counters made anew, a period closed, records rated anew. K10,
    /// committed and not yet in the search index, will be when there is one.
    K11,
}

impl FailPoint {
    const ALL: [Self; 11] = [
        Self::K0,
        Self::K1,
        Self::K2,
        Self::K3,
        Self::K4,
        Self::K5,
        Self::K6,
        Self::K7,
        Self::K8,
        Self::K9,
        Self::K11,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| format!("{point:?}") == name)
    }
}

/// `K3` for the first time that the point is reached, `K3:7` for the seventh.
pub fn arm(setting: &str) -> Result<(), String> {
    let (name, times) = setting.split_once(':').unwrap_or((setting, "1"));
    let point = FailPoint::named(name).ok_or_else(|| format!("fail_point: '{name}' is not one of K0 to K9, K11"))?;
    let times: i64 = times
        .parse()
        .map_err(|_| format!("fail_point: '{times}' is not a count"))?;
    LEFT.store(times, Ordering::Relaxed);
    ARMED.store(point as u8, Ordering::Relaxed);
    Ok(())
}

pub fn reach(point: FailPoint) {
    if ARMED.load(Ordering::Relaxed) == point as u8 {
        die_when_due();
    }
}

/// For points that are reached in Python.
pub fn reach_named(name: &str) -> Result<(), String> {
    reach(FailPoint::named(name).ok_or_else(|| format!("fail point '{name}' is unknown"))?);
    Ok(())
}

#[cold]
fn die_when_due() {
    if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
        // SAFETY: plain system calls on our own process; SIGKILL leaves no code of ours to run in a broken state.
        unsafe {
            libc::kill(libc::getpid(), libc::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named() {
        assert!(arm("K10").unwrap_err().contains("K10"));
        assert!(arm("K1:x").unwrap_err().contains('x'));
    }

    #[test]
    fn disarmed_points_do_nothing() {
        for point in FailPoint::ALL {
            reach(point);
        }
    }
}
