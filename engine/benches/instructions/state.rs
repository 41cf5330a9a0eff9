//! What a request looks up and leaves behind: key, flow, room for its body, records in the spool.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headworks_engine::auth::hash;
use headworks_engine::auth::signature::{Message, Signing, claim};
use headworks_engine::flow::{Answer, Controller, Endpoint, Flow, FlowKey, FlowTable, Resolver, Verdict};
use headworks_engine::limit::{BodyBudget, Limiter, Reservation, Used, Worst};
use headworks_engine::meter::price;
use headworks_engine::meter::usage::UsageVector;
use headworks_engine::spool::{Durability, Settings, Spool};
use http::{HeaderMap, HeaderName, Method, Uri};

use super::{Case, Work};

pub const CASES: &[Case] = &[
    ("key_hash", || Some(key_hash())),
    ("no_signature", no_signature),
    ("signature", signature),
    ("flow_lookup", flow_lookup),
    ("body_budget", || Some(body_budget())),
    ("spool_intent_and_final", spool_intent_and_final),
    ("reserve_and_settle", reserve_and_settle),
];

const KEY: &[u8] = b"hw_sk_0123456789abcdefghijABCDEFGHIJ010aBcDe";
const FLOW: &str = r#"{"flow":{"organization_id":"o","project_id":"p","key_id":"k","model":"gpt-4o-mini","targets":[],
    "document":null,"policy":{"connect_ms":1,"first_byte_ms":1,"idle_ms":1,"total_ms":1,"attempts":1},
    "fresh_ms":60000,"hard_ms":900000,"revision":0,"version":2}}"#;
const HELD: &str = r#"{"flow":{"organization_id":"o","project_id":"p","key_id":"k","model":"gpt-4o-mini","targets":[
    {"deployment_id":"d","provider_id":"p","dialect":"openai","base_url":"http://h/v1","upstream_model":null,"credential":null,
    "weight":1,"stream_usage":true,"private_network":false,"rates":[150000000,75000000,0,0,0,0,600000000,600000000,0,0,0,0]}],
    "limits":[{"id":"lim_1","scope":"key","unit":"requests","amount":1000000000,"window_s":60,"used":[]},
    {"id":"lim_2","scope":"key","unit":"tokens","amount":1000000000000,"window_s":60,"used":[]}],
    "budgets":[{"id":"bud_1","scope":"project","hard":true,"amount":1,"period_start_us":0,"period_end_us":null}],
    "document":null,"policy":{"connect_ms":1,"first_byte_ms":1,"idle_ms":1,"total_ms":1,"attempts":1},
    "fresh_ms":60000,"hard_ms":900000,"revision":0,"version":2}}"#;
/// About what a request's records take.
const RECORD: [u8; 200] = [7; 200];
const SEGMENT: usize = 8 * 1024 * 1024;

fn key_hash() -> Work {
    Box::new(|| {
        black_box(hash(black_box(KEY)));
    })
}

/// What an official client sends with a bearer key.
const HEADERS: [(&str, &str); 9] = [
    ("host", "gateway.example:8080"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("connection", "keep-alive"),
    ("content-length", "1024"),
    ("content-type", "application/json"),
    ("user-agent", "OpenAI/Python 3.51.0"),
    ("x-stainless-lang", "python"),
    ("x-stainless-retry-count", "0"),
];
/// What it sends when it signs; the signature is that of no request.
const SIGNED: [(&str, &str); 3] = [
    (
        "content-digest",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
    ),
    (
        "signature-input",
        "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\");created=1700000000;\
         keyid=\"key_01k9y7m3q8zzzzzzzzzzzzzzzz\";nonce=\"0123456789abcdef0123456789abcdef\"",
    ),
    ("signature", "sig1=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"),
];

fn headers(of: &[(&'static str, &'static str)]) -> Option<HeaderMap> {
    of.iter()
        .map(|(name, value)| Some((HeaderName::from_static(name), value.parse().ok()?)))
        .collect()
}

/// What signatures cost who does not sign.
fn no_signature() -> Option<Work> {
    let headers = headers(&HEADERS)?;
    Some(Box::new(move || {
        let _ = black_box(claim(black_box(&headers)));
    }))
}

/// All but the nonce and the body.
fn signature() -> Option<Work> {
    let headers = headers(&[&HEADERS[..], &SIGNED[..]].concat())?;
    let signing: Signing = serde_json::from_str(r#"{"secrets":[{"value":"hw_sk_canary","until":null}]}"#).ok()?;
    let uri = Uri::from_static("/v1/chat/completions");
    Some(Box::new(move || {
        let message = Message {
            method: &Method::POST,
            is_https: false,
            uri: &uri,
            headers: black_box(&headers),
            has_body: true,
        };
        if let Ok(Some(claim)) = claim(message.headers) {
            let _ = black_box(claim.check_coverage(&message));
            let _ = black_box(claim.digest(&message));
            let _ = black_box(claim.is_made_by(&signing.secrets, &message, 1_700_000_000));
        }
    }))
}

fn flow_lookup() -> Option<Work> {
    let table = FlowTable::new(16);
    let now = Instant::now();
    let (key, endpoint, model) = (hash(KEY), Endpoint::ChatCompletions, "gpt-4o-mini");
    let Answer::Flow(flow) = Answer::from_json(FLOW).ok()? else {
        return None;
    };
    table.keep(
        &FlowKey {
            key,
            endpoint,
            model: model.into(),
        },
        Verdict::Allowed(flow.into()),
        table.generation(),
        now,
    );
    Some(Box::new(move || {
        black_box(table.get(black_box(&key), endpoint, model, now));
    }))
}

fn body_budget() -> Work {
    let budget = BodyBudget::new(1024 * 1024);
    Box::new(move || {
        black_box(budget.hold(black_box(1024)));
    })
}

fn spool_intent_and_final() -> Option<Work> {
    let folder = tempfile::tempdir().ok()?;
    let settings = Settings {
        dir: folder.path().to_owned(),
        segment_bytes: SEGMENT,
        limit_bytes: 4 * SEGMENT as u64,
        // The disk is not what is counted.
        sync_interval: Duration::from_secs(3_600),
        durability: Durability::Process,
        on_data: Box::new(|| {}),
    };
    let (spool, _) = Spool::open(settings).ok()?;
    let mut writer = Writer {
        spool,
        number: 0,
        _folder: folder,
    };
    Some(Box::new(move || writer.write()))
}

/// Two limits and a budget, as a known flow meets them.
fn reserve_and_settle() -> Option<Work> {
    let resolver = Resolver::new(FlowTable::new(16), Controller::new().ok()?, Duration::from_secs(1));
    let limiter = Arc::new(Limiter::new(
        Arc::new(resolver),
        "spool".into(),
        Duration::from_secs(1),
        1,
    ));
    let Answer::Flow(flow) = Answer::from_json(HELD).ok()? else {
        return None;
    };
    let flow: Arc<Flow> = flow.into();
    let target = flow.targets.first()?;
    let rates = target.rates?;
    let budget = flow.budgets.first()?;
    let term_us = 3_600_000_000;
    budget
        .pool(&limiter)
        .granted(i64::MAX.unsigned_abs(), 0, limiter.clock.now(), term_us);
    let worst = Worst {
        input: 4_096,
        output: 512,
        answers: 1,
        ..Worst::default()
    };
    let usage = UsageVector {
        input: 900,
        output: 300,
        ..UsageVector::default()
    };
    Some(Box::new(move || {
        let charge = black_box(&worst).charge(&flow).unwrap_or_default();
        let now_us = limiter.clock.now();
        if let Ok(reservation) = Reservation::of(&limiter, &flow, &worst, charge, now_us) {
            black_box(limiter.standings(&flow, Instant::now()));
            let charge = price::charge(black_box(&usage), &rates, true, flow.markup_ppm);
            black_box(reservation.settle(Used {
                tokens: usage.tokens(),
                charge,
            }));
        }
    }))
}

/// A spool, which has to go before its folder does.
struct Writer {
    spool: Spool,
    number: u128,
    _folder: tempfile::TempDir,
}

impl Writer {
    fn write(&mut self) {
        self.number += 1;
        if let Ok(open) = self.spool.begin(self.number.to_le_bytes(), &RECORD) {
            let _ = black_box(self.spool.finish(open, &RECORD));
        }
    }
}
