//! The extension module `headworks._engine`. `src/headworks/_engine.pyi` documents it.
//!
//! Only Python's own threads come through here; the runtime's workers never attach to the interpreter.

mod cipher;
mod records;

use std::path::PathBuf;
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::engine;
use crate::fail_point;
use crate::spool;

create_exception!(
    _engine,
    EngineError,
    PyException,
    "The engine could not do what was asked."
);

fn raised(error: impl std::fmt::Display) -> PyErr {
    EngineError::new_err(error.to_string())
}

#[pyclass(frozen, module = "headworks._engine")]
struct Engine(engine::Engine);

#[pymethods]
impl Engine {
    #[new]
    fn new(settings: &str) -> PyResult<Self> {
        engine::Engine::new(settings).map(Self).map_err(raised)
    }

    fn start(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.start())
            .map(|address| address.to_string())
            .map_err(raised)
    }

    fn question_fd(&self) -> i32 {
        self.0.resolver().controller.descriptor()
    }

    fn take_questions(&self, limit: usize) -> Vec<(u64, String)> {
        self.0.resolver().controller.take(limit)
    }

    fn answer(&self, number: u64, flow: &str) -> PyResult<()> {
        self.0.answer(number, flow).map_err(raised)
    }

    fn invalidate_key(&self, py: Python<'_>, key_hash: &str) -> PyResult<()> {
        py.detach(|| self.0.invalidate_key(key_hash)).map_err(raised)
    }

    fn invalidate_all(&self, py: Python<'_>) {
        py.detach(|| self.0.resolver().table.invalidate_all());
    }

    fn recall(&self, py: Python<'_>, budget_id: &str) {
        py.detach(|| self.0.recall(budget_id));
    }

    fn recall_share(&self, py: Python<'_>, limit_id: &str) {
        py.detach(|| self.0.recall_share(limit_id));
    }

    fn usage_fd(&self) -> i32 {
        self.0.usage_descriptor()
    }

    fn take_usage<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<(u64, Vec<Bound<'py, PyTuple>>)> {
        let (position, records) = py.detach(|| self.0.take_usage(limit)).map_err(raised)?;
        let source = self.0.usage_source().map_err(raised)?;
        let mut events = records::Events::of(py, &source);
        let events = records.iter().filter_map(|record| events.event(record).transpose());
        Ok((position, events.collect::<PyResult<_>>()?))
    }

    fn confirm_usage(&self, py: Python<'_>, position: u64) -> PyResult<()> {
        py.detach(|| self.0.confirm_usage(position)).map_err(raised)
    }

    #[staticmethod]
    fn reach(point: &str) -> PyResult<()> {
        fail_point::reach_named(point).map_err(raised)
    }

    fn status(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&py.detach(|| self.0.status())).map_err(raised)
    }

    fn metrics(&self, py: Python<'_>) -> String {
        py.detach(|| self.0.metrics())
    }

    fn drain(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let limit = Duration::try_from_secs_f64(seconds).map_err(raised)?;
        Ok(py.detach(|| self.0.drain(limit)))
    }
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "Python hands over a list")]
fn run_mock_provider(py: Python<'_>, arguments: Vec<String>) -> i32 {
    py.detach(|| mock_provider::run(&arguments))
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "Python hands over a path")]
fn waiting_in_spool(py: Python<'_>, dir: PathBuf) -> PyResult<(u64, u64)> {
    py.detach(|| spool::waiting(&dir)).map_err(raised)
}

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    module.add("EngineError", module.py().get_type::<EngineError>())?;
    module.add_function(wrap_pyfunction!(run_mock_provider, module)?)?;
    module.add_function(wrap_pyfunction!(waiting_in_spool, module)?)?;
    module.add_function(wrap_pyfunction!(cipher::encrypt, module)?)?;
    module.add_function(wrap_pyfunction!(cipher::decrypt, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
