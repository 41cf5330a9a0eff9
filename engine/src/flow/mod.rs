//! The flow table and the controller that fills it: who may do what, and where it goes.

mod controller;
mod endpoint;
mod model;
mod resolver;
mod table;

pub use controller::{Controller, LeaseQuestion, Question, ReturnQuestion, ShareAsk, SharesQuestion, hex};
pub use endpoint::Endpoint;
pub use model::{
    Answer, Credential, Dialect, Document, Flow, LONGEST_BUDGETS, Lease, Policy, Refusal, ShareAnswer, Spent, Target,
};
pub use resolver::{Resolver, Unresolved};
pub use table::{FlowKey, FlowTable, Verdict};
