//! Waking at an exact moment. The runtime's own timer has a grain of a millisecond, which would hide what is measured.

use std::io;
use std::time::Instant;

pub use precise::Alarm;

#[cfg(target_os = "linux")]
mod precise {
    use std::time::Duration;

    use rustix::fd::OwnedFd;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use super::{Instant, io};

    /// A timer of the kernel.
    pub struct Alarm(AsyncFd<OwnedFd>);

    impl Alarm {
        /// Fails where the kernel has no more descriptors.
        pub fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            // SAFETY: the timer is a valid descriptor that `AsyncFd` owns from here on; nobody replaces or closes it before.
            Ok(Self(unsafe {
                AsyncFd::register_with_interest(timer, Interest::READABLE)
            }?))
        }

        /// Returns at `moment`, or at once where that has passed.
        pub async fn wait_until(&mut self, moment: Instant) -> io::Result<()> {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            // Setting the timer takes back an expiry that nobody has read.
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once_after(left))?;
            loop {
                let mut ready = self.0.readable().await?;
                if Instant::now() >= moment {
                    ready.clear_ready();
                    return Ok(());
                }
                ready.clear_ready();
            }
        }
    }

    fn once_after(left: Duration) -> Itimerspec {
        let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        let value = Timespec {
            tv_sec: seconds,
            tv_nsec: left.subsec_nanos().into(),
        };
        Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: value,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod precise {
    use super::{Instant, io};

    /// The runtime's timer: where the kernel has no better one, open-loop latencies have a grain of a millisecond.
    pub struct Alarm;

    impl Alarm {
        /// Never fails.
        pub fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Returns at `moment`, or at once where that has passed.
        pub async fn wait_until(&mut self, moment: Instant) -> io::Result<()> {
            tokio::time::sleep_until(moment.into()).await;
            Ok(())
        }
    }
}
