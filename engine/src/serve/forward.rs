//! An admitted request: intent, targets in order, and the answer of the first that gives one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::allowance::{self, Shown};
use super::answer::AnswerBody;
use super::intake::{Intake, IntakeBody};
use super::refusal::{Refused, X_ERROR_SOURCE, X_REQUEST_ID};
use super::{Gateway, headers, tags};
use crate::dialect::openai::errors::ApiError;
use crate::dialect::openai::request::input_text;
use crate::dialect::openai::response::{UsageFinder, inspect, output_texts};
use crate::dialect::openai::stream::StreamScanner;
use crate::flow::{Endpoint, Flow, Target};
use crate::meter::estimate::Encoding;
use crate::meter::estimate::Kept;
use crate::meter::{Admitted, Counted, Meter, Outcome, RequestId, Settlement, Unrecordable};
use crate::route;
use crate::stream::{Content, Relay, RelayLimits, stream_kind};
use crate::upstream::{CallError, Replay, RequestBody, ResponseBody};

/// Microseconds that the gateway itself took before the response head.
pub const X_OVERHEAD: HeaderName = HeaderName::from_static("x-headworks-overhead-us");
/// A JSON answer up to this size is looked at as a whole before any of it goes to the client.
const WHOLE_ANSWER: usize = 1024 * 1024;

pub struct Admission {
    pub id: RequestId,
    pub flow: Arc<Flow>,
    pub endpoint: Endpoint,
    pub started: Instant,
    pub started_us: u64,
    /// When the request's body had been read.
    pub read: Instant,
}

pub async fn serve(
    gateway: &Gateway,
    admission: Admission,
    rest: &str,
    parts: &Parts,
    mut intake: Intake,
) -> Result<Response<AnswerBody>, Refused> {
    let flow = Arc::clone(&admission.flow);
    let order = route::order(&flow.targets, flow.policy.attempts);
    let Some(&first) = order.first() else {
        return Err(Refused::unavailable(
            "no_target",
            "No deployment is available for this model; its operator must add or enable one.",
        ));
    };
    let (reservation, shown) = if flow.is_held() {
        let allowed = allowance::reserve(gateway, &flow, admission.endpoint, &mut intake, admission.id).await?;
        (Some(allowed.reservation), Some(allowed.shown))
    } else {
        (None, None)
    };
    let admitted = Admitted {
        id: admission.id,
        flow: Arc::clone(&flow),
        endpoint: admission.endpoint,
        streamed: intake.streamed,
        input_bytes: intake.input_bytes,
        started: admission.started,
        started_us: admission.started_us,
        reservation,
        tags: tags::of(&parts.headers, &intake),
    };
    let meter = Meter::begin(Arc::clone(&gateway.book), admitted, first)
        .await
        .map_err(|unrecordable| match unrecordable {
            Unrecordable::Full => Refused::unavailable(
                "usage_log_full",
                "The gateway can't record more usage now, so it takes no more work; its operator was told.",
            ),
            Unrecordable::NotDurable => Refused::unavailable(
                "usage_not_durable",
                "The gateway's disk does not keep usage records now, so it takes no more work; its operator was told.",
            )
            .after_admission(),
        })?;
    // On the heap: it is handed from step to step, and is too large to be copied at each.
    let call = Box::new(Call {
        gateway,
        admission,
        rest,
        parts,
        intake,
        meter,
        waited: Duration::ZERO,
        target: first,
        shown,
    });
    call.try_targets(&order).await.map_err(Refused::after_admission)
}

/// One request on its way through its targets.
struct Call<'a> {
    gateway: &'a Gateway,
    admission: Admission,
    rest: &'a str,
    parts: &'a Parts,
    intake: Intake,
    meter: Meter,
    /// Time spent on upstreams.
    waited: Duration,
    target: usize,
    /// What the response says of the flow's limits.
    shown: Option<Box<Shown>>,
}

impl Replay for Call<'_> {
    fn request(&mut self) -> Option<Request<RequestBody>> {
        let target = &self.admission.flow.targets[self.target];
        let body = self.intake.outgoing(self.admission.endpoint, target)?;
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = target.origin.path(self.rest, self.parts.uri.query()).ok()?.into();
        *request.headers_mut() = headers::upstream(&self.parts.headers, target, self.admission.id);
        Some(request)
    }
}

impl Call<'_> {
    async fn try_targets(mut self: Box<Self>, order: &[usize]) -> Result<Response<AnswerBody>, Refused> {
        let mut last = None;
        for (attempt, &target) in order.iter().enumerate() {
            if attempt > 0 {
                self.meter.next_attempt(target);
            }
            self.target = target;
            let is_last = attempt + 1 == order.len();
            match self.attempt().await {
                Ok(response) if !is_last && route::is_worth_another_try(response.status()) => {
                    self.meter.attempted("refused");
                }
                Ok(response) => {
                    self.meter.attempted("answered");
                    return self.answer(response).await;
                }
                // Its body went to the first target and can't be sent again.
                Err(CallError::Unrepeatable) if last.is_some() => break,
                Err(error) => {
                    self.meter
                        .attempted(if error.is_timeout() { "timed_out" } else { "failed" });
                    let provider = &self.target().provider_id;
                    tracing::warn!(request_id = %self.admission.id, provider, %error, "an upstream could not be reached");
                    last = Some(error);
                }
            }
        }
        Err(self.fail(&last.unwrap_or(CallError::Unrepeatable)))
    }

    async fn attempt(&mut self) -> Result<Response<ResponseBody>, CallError> {
        let flow = Arc::clone(&self.admission.flow);
        let pool = self.gateway.pool(&flow.targets[self.target]);
        let began = Instant::now();
        let answered = pool.send(self, flow.policy.connect(), flow.policy.first_byte()).await;
        self.waited += began.elapsed();
        answered
    }

    fn target(&self) -> &Target {
        &self.admission.flow.targets[self.target]
    }

    /// No target gave an answer.
    fn fail(&mut self, error: &CallError) -> Refused {
        let (status, code) = match error {
            CallError::FirstByteTimeout(_) | CallError::ConnectTimeout(_) => (504, "upstream_timeout"),
            CallError::Unrepeatable => (502, "upstream_refused_stream"),
            _ => (502, "upstream_unreachable"),
        };
        self.settle(status, Outcome::UpstreamError, error.may_have_been_served(), code);
        let message = format!(
            "The upstream of model '{}' gave no answer: {error}.",
            self.admission.flow.model
        );
        ApiError::new(status, "api_error", code, &message).into()
    }

    fn settle(&mut self, status: u16, outcome: Outcome, was_served: bool, error_code: &'static str) {
        self.meter.settle(&Settlement {
            status,
            outcome,
            usage: None,
            refused_usage: None,
            was_served,
            error_code,
        });
    }

    async fn answer(mut self: Box<Self>, response: Response<ResponseBody>) -> Result<Response<AnswerBody>, Refused> {
        let status = response.status();
        let upstream_id = response
            .headers()
            .get(X_REQUEST_ID)
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default();
        self.meter.answered(status.as_u16(), upstream_id);
        let media_type = MediaType::of(&response);
        match (status.as_u16(), media_type) {
            (401 | 403, _) => {
                tracing::error!(
                    provider = self.target().provider_id,
                    "a provider refused our credential"
                );
                let message = "The provider refused the gateway's credential; its operator must renew it.";
                Err(self.unusable("provider_credential", message))
            }
            (300..=399, _) => Err(self.unusable(
                "upstream_redirect",
                "The upstream answered with a redirect, which is never followed.",
            )),
            (200..=299, MediaType::Html) => Err(self.unusable(
                "upstream_not_an_api",
                "The upstream answered with a web page; its base URL is probably wrong.",
            )),
            (200..=299, MediaType::Events) => {
                let strip = self.target().stream_usage && !self.intake.wants_usage();
                let kind = stream_kind(self.admission.endpoint);
                let mut scanner = StreamScanner::new(kind, strip).that_keeps(self.kept());
                if self.meter.may_be_outrun() {
                    scanner = scanner.that_may_be_cut();
                }
                Ok(self.relay(response, Content::Events(Box::new(scanner))))
            }
            (200..=299, MediaType::Json) => self.whole(response).await,
            (200..=299, MediaType::Lines) => Ok(self.relay(response, Content::Json(Box::new(UsageFinder::of_lines())))),
            (200..=299, MediaType::Other) => Ok(self.relay(response, Content::Opaque)),
            _ => self.upstream_refusal(response).await,
        }
    }

    /// The upstream answered, but with nothing that may go to a caller.
    fn unusable(&mut self, code: &'static str, message: &str) -> Refused {
        self.settle(502, Outcome::UpstreamError, false, code);
        ApiError::new(502, "api_error", code, message).into()
    }

    /// The upstream's own error: its status, its body if that is JSON, its advice on when to come back.
    async fn upstream_refusal(
        mut self: Box<Self>,
        response: Response<ResponseBody>,
    ) -> Result<Response<AnswerBody>, Refused> {
        let is_json = matches!(MediaType::of(&response), MediaType::Json);
        let (mut parts, body) = response.into_parts();
        let status = parts.status;
        let body = self.read_whole(body).await;
        self.settle(status.as_u16(), Outcome::UpstreamError, false, "upstream_error");
        let body = match body {
            Read::Whole(body) if is_json && inspect(&body).complete => body,
            _ => {
                parts
                    .headers
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let message = format!(
                    "The upstream answered with status {} and no readable error.",
                    status.as_u16()
                );
                ApiError::new(status.as_u16(), "api_error", "upstream_error", &message)
                    .to_json()
                    .into()
            }
        };
        parts
            .headers
            .insert(X_ERROR_SOURCE, HeaderValue::from_static("upstream"));
        parts.headers.remove(CONTENT_LENGTH);
        Ok(self.head(parts, AnswerBody::whole(body)))
    }

    /// A JSON answer: read to its end where it is of ordinary size, so that a cut one is never passed on as a success.
    async fn whole(mut self: Box<Self>, response: Response<ResponseBody>) -> Result<Response<AnswerBody>, Refused> {
        let (mut parts, body) = response.into_parts();
        match self.read_whole(body).await {
            Read::Whole(body) => {
                let seen = inspect(&body);
                if !seen.complete {
                    self.settle(502, Outcome::Truncated, true, "upstream_malformed");
                    let message = "The upstream's answer is not complete JSON.";
                    return Err(ApiError::new(502, "api_error", "upstream_malformed", message).into());
                }
                self.meter.first_byte();
                self.meter.delivered_whole(seen.content_bytes);
                if seen.usage.is_none() {
                    self.count(&body).await;
                } else if seen.is_plain {
                    self.meter.delivered_text(0);
                }
                let kept = self.kept().filter(|_| seen.usage.is_some());
                let settlement = Settlement {
                    status: parts.status.as_u16(),
                    outcome: Outcome::Success,
                    usage: seen.usage,
                    refused_usage: seen.refused_usage,
                    was_served: true,
                    error_code: "",
                };
                parts.headers.remove(CONTENT_LENGTH);
                let response = self.head(parts, AnswerBody::whole(body.clone()));
                let (gateway, kept) = (self.gateway, kept.map(|kept| Box::new(kept.with_answer(body))));
                self.meter.end(settlement, kept, || gateway.drain.pending());
                Ok(response)
            }
            Read::Long { read, rest } => {
                let mut finder = UsageFinder::default();
                finder.feed(&read);
                let response = Response::from_parts(parts, rest);
                Ok(self.relay_from(response, Content::Json(Box::new(finder)), read))
            }
            Read::Broken => {
                self.settle(502, Outcome::Truncated, true, "upstream_truncated");
                let message = "The upstream closed its connection in the middle of the answer.";
                Err(ApiError::new(502, "api_error", "upstream_truncated", message).into())
            }
        }
    }

    /// What the model counts by, where that is published.
    fn encoding(&self) -> Option<Encoding> {
        let target = self.target();
        *target.encoding.get_or_init(|| {
            let model = target.upstream_model.as_deref();
            Encoding::of_model(model.unwrap_or(&self.admission.flow.model))
        })
    }

    /// A place for an answer's text, where it may have to be counted.
    fn kept(&self) -> Option<Kept> {
        let IntakeBody::Json { body, .. } = &self.intake.body else {
            return None;
        };
        Kept::of(self.encoding()?, body)
    }

    /// The provider does not say what its answer used.
    async fn count(&mut self, answer: &[u8]) {
        let output = output_texts(answer);
        self.meter.delivered(output.iter().map(|text| text.len() as u64).sum());
        let Some(by) = self.encoding() else { return };
        let IntakeBody::Json { body, .. } = &self.intake.body else {
            return;
        };
        let Some(input) = input_text(body) else { return };
        if let Some([texts, output]) = by.count_beside([input.texts, output]).await {
            let input = texts + input.besides;
            self.meter.counted(Counted { by, input, output });
        }
    }

    async fn read_whole(&self, mut body: ResponseBody) -> Read {
        let idle = self.admission.flow.policy.idle();
        let mut read = Bytes::new();
        let mut more = BytesMut::new();
        loop {
            let frame = match tokio::time::timeout(idle, body.frame()).await {
                Err(_) | Ok(Some(Err(_))) => return Read::Broken,
                Ok(None) => break,
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(bytes) = frame.into_data() else { continue };
            if read.is_empty() && more.is_empty() {
                read = bytes;
                continue;
            }
            more.extend_from_slice(&std::mem::take(&mut read));
            more.extend_from_slice(&bytes);
            if more.len() > WHOLE_ANSWER {
                return Read::Long {
                    read: more.freeze(),
                    rest: body,
                };
            }
        }
        Read::Whole(if more.is_empty() { read } else { more.freeze() })
    }

    fn relay(self: Box<Self>, response: Response<ResponseBody>, content: Content) -> Response<AnswerBody> {
        self.relay_from(response, content, Bytes::new())
    }

    /// `read` is the part of the body that was read already.
    fn relay_from(
        self: Box<Self>,
        response: Response<ResponseBody>,
        content: Content,
        read: Bytes,
    ) -> Response<AnswerBody> {
        let (mut parts, body) = response.into_parts();
        if matches!(content, Content::Events(_)) {
            parts.headers.remove(CONTENT_LENGTH);
        }
        let policy = &self.admission.flow.policy;
        let limits = RelayLimits {
            idle: policy.idle(),
            total: policy.total(),
        };
        let overhead = self.overhead();
        let (id, endpoint) = (self.admission.id, self.admission.endpoint);
        let gateway = self.gateway;
        let (shown, tells_usage) = (self.shown, self.intake.wants_usage());
        let relay = Relay::new(
            body,
            content,
            self.meter,
            &gateway.book,
            &gateway.drain,
            limits,
            parts.status.as_u16(),
        )
        .after(read)
        .telling_usage(tells_usage);
        head(
            gateway,
            endpoint,
            id,
            overhead,
            parts,
            shown.as_deref(),
            AnswerBody::relay(relay),
        )
    }

    fn overhead(&self) -> Duration {
        self.admission.read.elapsed().saturating_sub(self.waited)
    }

    fn head(&self, parts: http::response::Parts, body: AnswerBody) -> Response<AnswerBody> {
        head(
            self.gateway,
            self.admission.endpoint,
            self.admission.id,
            self.overhead(),
            parts,
            self.shown.as_deref(),
            body,
        )
    }
}

fn head(
    gateway: &Gateway,
    endpoint: Endpoint,
    id: RequestId,
    overhead: Duration,
    mut parts: http::response::Parts,
    shown: Option<&Shown>,
    body: AnswerBody,
) -> Response<AnswerBody> {
    headers::downstream(&mut parts.headers);
    if let Some(shown) = shown {
        shown.put(&mut parts.headers);
    }
    parts.version = http::Version::HTTP_11;
    parts.headers.insert(X_REQUEST_ID, id.text().header());
    parts.headers.insert(
        X_OVERHEAD,
        HeaderValue::from(u64::try_from(overhead.as_micros()).unwrap_or(u64::MAX)),
    );
    gateway.book.metrics.added(endpoint.name(), overhead);
    Response::from_parts(parts, body)
}

enum Read {
    Whole(Bytes),
    Long { read: Bytes, rest: ResponseBody },
    Broken,
}

enum MediaType {
    Json,
    Events,
    /// A JSON document in each.
    Lines,
    Html,
    Other,
}

impl MediaType {
    fn of<B>(response: &Response<B>) -> Self {
        let Some(value) = response.headers().get(CONTENT_TYPE) else {
            return if response.status() == StatusCode::NO_CONTENT {
                Self::Other
            } else {
                Self::Json
            };
        };
        let essence = value
            .as_bytes()
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case(b"text/event-stream") {
            Self::Events
        } else if essence.eq_ignore_ascii_case(b"application/x-ndjson") {
            Self::Lines
        } else if essence.eq_ignore_ascii_case(b"text/html") {
            Self::Html
        } else {
            Self::Other
        }
    }
}
