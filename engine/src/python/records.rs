//! A spooled record as the tuple that `headworks.dataplane.events.UsageEvent` names.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::meter::{RequestId, decode};
use crate::spool::Final;

/// How many texts a record mostly shares with the one before it.
const SHARED: usize = 14;

/// Makes tuples of records, one after the other. A text that the one before had in the same place is the same object:
/// Python neither makes it anew nor computes its hash again.
pub struct Events<'py> {
    py: Python<'py>,
    source: Bound<'py, PyString>,
    last: [Option<Bound<'py, PyString>>; SHARED],
}

impl<'py> Events<'py> {
    pub fn of(py: Python<'py>, source: &str) -> Self {
        Self {
            py,
            source: PyString::new(py, source),
            last: Default::default(),
        }
    }

    /// None for a record that can't be read; it was counted and logged when it was written or recovered.
    pub fn event(&mut self, stored: &Final) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Some(record) = decode(&stored.payload) else {
            tracing::error!("a usage record of an unknown version was skipped");
            return Ok(None);
        };
        let py = self.py;
        let id = RequestId::from_bytes(stored.id).text();
        let mut places = self.last.iter_mut();
        let mut shared = |text: &str| match places.next() {
            Some(Some(last)) if last.to_str().is_ok_and(|last| last == text) => last.clone(),
            Some(place) => place.insert(PyString::new(py, text)).clone(),
            None => PyString::new(py, text),
        };
        let usage = record.usage;
        macro_rules! tuple {
            ($($field:expr),+ $(,)?) => {
                PyTuple::new(py, [$($field.into_bound_py_any(py)?),+])
            };
        }
        let event = tuple!(
            self.source.clone(),
            id.as_str(),
            record.occurred_at_us,
            record.duration_us,
            record.first_byte_us,
            shared(record.organization),
            shared(record.project),
            shared(record.key),
            shared(record.model),
            shared(record.endpoint),
            shared(record.provider),
            shared(record.deployment),
            shared(record.upstream_model),
            record.streamed,
            record.status,
            shared(record.outcome.name()),
            shared(record.source.name()),
            usage.input,
            usage.cache_read,
            usage.cache_write_5m,
            usage.cache_write_1h,
            usage.input_audio,
            usage.input_image,
            usage.output,
            usage.reasoning,
            usage.output_audio,
            usage.images,
            usage.milliseconds,
            record.attempts,
            record.upstream_request,
            record.error_code,
            shared(record.flags),
            shared(record.payer.user),
            shared(record.payer.tags),
            record.payer.drawn.min(i64::MAX.unsigned_abs()),
            shared(record.payer.budgets),
        )?;
        Ok(Some(event))
    }
}
