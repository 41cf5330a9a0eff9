//! A spooled record as the tuple that `headworks.dataplane.events.UsageEvent` names.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::meter::{RequestId, decode};
use crate::spool::Final;

/// None for a record that can't be read; it was counted and logged when it was written or recovered.
pub fn event<'py>(py: Python<'py>, source: &str, stored: &Final) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(record) = decode(&stored.payload) else {
        tracing::error!("a usage record of an unknown version was skipped");
        return Ok(None);
    };
    let id = RequestId::from_bytes(stored.id).text();
    let usage = record.usage;
    macro_rules! tuple {
        ($($field:expr),+ $(,)?) => {
            PyTuple::new(py, [$($field.into_bound_py_any(py)?),+])
        };
    }
    let who = tuple!(
        source,
        id.as_str(),
        record.occurred_at_us,
        record.duration_us,
        record.first_byte_us,
        record.organization,
        record.project,
        record.key,
        record.model,
        record.endpoint,
        record.provider,
        record.deployment,
        record.upstream_model,
        record.streamed,
        record.status,
        record.outcome.name(),
        record.source.name(),
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
        record.flags,
        record.payer.user,
        record.payer.tags,
        record.payer.drawn.min(i64::MAX.unsigned_abs()),
        record.payer.budgets,
    )?;
    Ok(Some(who))
}
