//! A flow: everything needed to serve a request without asking. Plain data, made by the controller.
//!
//! `src/headworks/dataplane/flow.py` is the other side of these shapes.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use http::header::HeaderName;
use serde::{Deserialize, Deserializer};

use crate::auth::Network;
use crate::auth::signature::Signing;
use crate::limit::{Budget, Limit, Unit};
use crate::meter::estimate::{Calibration, Encoding};
use crate::meter::price::Rates;
use crate::upstream::{Origin, Pool};

/// The newest meaning of the fields that this engine knows.
const VERSION: u32 = 2;
/// Of a flow: `headworks.dataplane.flow.MOST_BUDGETS`.
const MOST_BUDGETS: usize = 20;
/// Of the life in [`Flow::budgets_text`], in bytes.
const LIFE_LENGTH: usize = "#0123456789abcdef".len();
/// Of all of it: as many budgets as there may be have room in a record.
pub const LONGEST_BUDGETS: usize =
    MOST_BUDGETS * "bud_01k9y7m3q8z0v5c2n4b6x8d1ft@1767225600000000,".len() + LIFE_LENGTH;

/// What the controller says to a question.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Flow(Box<Flow>),
    Refusal(Refusal),
    Lease(Lease),
    Spent(Spent),
    Returned(Returned),
    /// In the order of the question.
    Shares(Vec<ShareAnswer>),
}

impl Answer {
    pub fn from_json(text: &str) -> Result<Self, String> {
        let answer: Self = serde_json::from_str(text).map_err(|error| format!("answer of the controller: {error}"))?;
        let version = match &answer {
            Self::Flow(flow) => flow.version,
            Self::Refusal(refusal) => refusal.version,
            Self::Lease(_) | Self::Spent(_) | Self::Returned(_) | Self::Shares(_) => VERSION,
        };
        if version != VERSION {
            return Err(format!(
                "answer of the controller: version {version}; this engine knows {VERSION}"
            ));
        }
        if let Self::Flow(flow) = &answer {
            flow.check()
                .map_err(|error| format!("answer of the controller: {error}"))?;
        }
        Ok(answer)
    }
}

/// More to draw from a budget, in nanodollars.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    pub granted: u64,
    pub term_ms: u64,
    /// What nobody holds after it.
    pub remaining: u64,
}

/// There is not as much left of a budget, in nanodollars.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    pub amount: u64,
    pub spent: u64,
    /// By all gateways, for requests that have not ended and for those that may come.
    pub held: u64,
    pub resets_at_us: Option<u64>,
    pub hard: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returned {}

/// What a gateway has of a limit that is one for all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareAnswer {
    /// As much may be counted from now on.
    pub cap: u64,
    /// By all gateways, as far as they have told.
    pub used: u64,
    /// Whether what was needed is in it.
    pub enough: bool,
    /// Where it is not: when as much may have passed. None where nobody knows.
    pub free_in_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    pub organization_id: String,
    pub project_id: String,
    pub key_id: String,
    pub model: String,
    pub targets: Vec<Target>,
    pub document: Option<Document>,
    pub policy: Policy,
    pub fresh_ms: u64,
    pub hard_ms: u64,
    pub revision: u64,
    /// Networks that the key may be used from; None for anywhere.
    #[serde(default)]
    pub addresses: Option<Box<[Network]>>,
    /// Where a signer was asked for: what proves that it is they. Such a flow serves nothing else.
    #[serde(default)]
    pub signing: Option<Signing>,
    /// Whose key it is; empty where it belongs to no user.
    #[serde(default)]
    pub user_id: String,
    #[serde(default)]
    pub limits: Box<[Limit]>,
    #[serde(default)]
    pub budgets: Box<[Budget]>,
    /// Millionths that the organisation pays above the provider's price; a discount is negative.
    #[serde(default)]
    pub markup_ppm: i64,
    pub version: u32,
    #[serde(skip)]
    budgets_text: OnceLock<Box<str>>,
}

impl Flow {
    fn check(&self) -> Result<(), String> {
        if !(-1_000_000..=1_000_000_000).contains(&self.markup_ppm) {
            return Err(format!("a mark-up of {} millionths", self.markup_ppm));
        }
        if self.budgets.len() > MOST_BUDGETS || self.budgets_named().len() + LIFE_LENGTH > LONGEST_BUDGETS {
            return Err(format!(
                "{} budgets, of which records cannot name all",
                self.budgets.len()
            ));
        }
        Ok(())
    }

    /// Whether its requests are held to anything.
    pub fn is_held(&self) -> bool {
        !self.limits.is_empty() || !self.budgets.is_empty()
    }

    /// Whether its requests may only go where they have a price.
    pub fn counts_money(&self) -> bool {
        !self.budgets.is_empty() || self.limits.iter().any(|limit| limit.unit == Unit::Spend)
    }

    /// Those that are drawn from.
    pub fn hard_budgets(&self) -> impl Iterator<Item = &Budget> {
        self.budgets.iter().filter(|budget| budget.hard)
    }

    /// The budgets that its requests draw from, as usage records name them, and behind `#` which life of this gateway borrows from
    /// them (see `Spool::life`): a flow knows one alone.
    pub fn budgets_text(&self, life: &str) -> &str {
        self.budgets_text.get_or_init(|| {
            let mut named = self.budgets_named();
            if !named.is_empty() {
                named.push('#');
                named.push_str(life.rsplit('-').next().unwrap_or_default());
            }
            named.into()
        })
    }

    fn budgets_named(&self) -> String {
        let names: Vec<String> = self
            .hard_budgets()
            .map(|budget| format!("{}@{}", budget.id, budget.period_start_us))
            .collect();
        names.join(",")
    }

    /// When the first of its budgets' periods ends, in Unix microseconds.
    pub fn period_end_us(&self) -> Option<u64> {
        self.budgets.iter().filter_map(|budget| budget.period_end_us).min()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    Openai,
    /// The built-in demo model: the `OpenAI` dialect, answered inside this process.
    Echo,
}

/// One place that the request may go to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub deployment_id: String,
    pub provider_id: String,
    pub dialect: Dialect,
    #[serde(rename = "base_url")]
    pub origin: Origin,
    pub upstream_model: Option<String>,
    pub credential: Option<Credential>,
    pub weight: u32,
    pub stream_usage: bool,
    pub private_network: bool,
    /// What it costs; None where nobody set a price.
    #[serde(default)]
    pub rates: Option<Rates>,
    /// The most that it can answer, in tokens.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
    /// Looked up at the first use.
    #[serde(skip)]
    pub pool: OnceLock<Arc<Pool>>,
    /// Likewise.
    #[serde(skip)]
    pub calibration: OnceLock<Arc<Calibration>>,
    /// Likewise; None where nobody publishes what the model counts by.
    #[serde(skip)]
    pub encoding: OnceLock<Option<Encoding>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({} of {})", self.deployment_id, self.provider_id)
    }
}

/// A header that authenticates us to the upstream. Prints without its value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub id: String,
    #[serde(deserialize_with = "secret_value")]
    pub value: HeaderValue,
    #[serde(deserialize_with = "header_name")]
    pub header: HeaderName,
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credential({})", self.id)
    }
}

fn secret_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderValue, D::Error> {
    let text = String::deserialize(deserializer)?;
    // The text itself must not show in the error.
    let mut value =
        HeaderValue::try_from(text).map_err(|_| serde::de::Error::custom("credential: not a legal header value"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    HeaderName::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Deadlines, and how many targets may be tried.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub connect_ms: u64,
    pub first_byte_ms: u64,
    pub idle_ms: u64,
    pub total_ms: u64,
    pub attempts: usize,
}

impl Policy {
    pub fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub fn first_byte(&self) -> Duration {
        Duration::from_millis(self.first_byte_ms)
    }

    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    pub fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }
}

/// An answer that the controller wrote whole.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub body: String,
    pub status: u16,
    pub content_type: String,
}

/// Why the caller may not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub r#type: String,
    pub param: Option<String>,
    pub cache_ms: u64,
    /// As in `Flow`: who calls from elsewhere is told of that, and not of this.
    #[serde(default)]
    pub addresses: Option<Box<[Network]>>,
    pub version: u32,
}

impl Refusal {
    /// Whether it is the key that is not known, or no longer good, rather than what was asked for with it.
    pub fn is_of_the_key(&self) -> bool {
        self.code == "invalid_api_key"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_does_not_print() {
        let credential: Credential =
            serde_json::from_str(r#"{"id":"cred_1","value":"Bearer sk-canary","header":"authorization"}"#).unwrap();
        assert_eq!(format!("{credential:?}"), "Credential(cred_1)");
        assert!(!format!("{:?}", credential.value).contains("canary"));
    }

    #[test]
    fn another_version_is_refused() {
        let refusal =
            r#"{"refusal":{"status":401,"code":"c","message":"m","type":"t","param":null,"cache_ms":1,"version":3}}"#;
        assert!(Answer::from_json(refusal).unwrap_err().contains("version 3"));
    }

    #[test]
    fn records_can_name_as_many_budgets_as_a_flow_may_have() {
        let of = |count: usize| {
            let budgets: Vec<String> = (0..count)
                .map(|number| {
                    format!(
                        r#"{{"id":"bud_01k9y7m3q8z0v5c2n4b6x8d1{number:02}","scope":"key","hard":true,"amount":1,
                             "period_start_us":1767225600000000,"period_end_us":null}}"#
                    )
                })
                .collect();
            let flow = format!(
                r#"{{"flow":{{"organization_id":"o","project_id":"p","key_id":"k","model":"m","document":null,"targets":[],
                     "policy":{{"connect_ms":1,"first_byte_ms":1,"idle_ms":1,"total_ms":1,"attempts":1}},
                     "fresh_ms":1,"hard_ms":1,"revision":0,"version":2,"budgets":[{}]}}}}"#,
                budgets.join(",")
            );
            Answer::from_json(&flow)
        };
        let Ok(Answer::Flow(flow)) = of(MOST_BUDGETS) else {
            panic!("{:?}", of(MOST_BUDGETS));
        };
        let text = flow.budgets_text("spool_0-0123456789abcdef");
        assert!(text.ends_with("#0123456789abcdef"));
        assert!(text.len() <= LONGEST_BUDGETS, "{}", text.len());
        assert!(of(MOST_BUDGETS + 1).unwrap_err().contains("21 budgets"));
    }
}
