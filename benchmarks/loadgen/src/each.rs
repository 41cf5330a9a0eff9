//! One request for each of many keys: what the first request of a key costs, and with the same keys again, the second.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::arguments::Arguments;
use crate::client::Client;
use crate::report::{Counts, Times};
use crate::request;

/// Runs through the keys twice, on one connection.
pub async fn run(arguments: &Arguments, bearers: &[String]) -> Result<Value, String> {
    let requests: Vec<Vec<u8>> = bearers
        .iter()
        .map(|bearer| request::chat(arguments, Some(bearer), false))
        .collect();
    let (Some(first), mut client) = (requests.first(), Client::new(arguments.target.address)) else {
        return Err("--bearers names no key".to_owned());
    };
    // Connecting is not what is measured; the first key is spent on it.
    client
        .ask(first)
        .await
        .map_err(|error| format!("the first request failed: {error}"))?;
    let rest = requests.get(1..).unwrap_or_default();
    let (first_counts, first_times) = pass(&mut client, rest, arguments).await;
    let (second_counts, second_times) = pass(&mut client, rest, arguments).await;
    Ok(json!({
        "mode": "each",
        "keys": rest.len(),
        "first": {"requests": first_counts.report(), "latency_us": first_times.report()},
        "second": {"requests": second_counts.report(), "latency_us": second_times.report()},
    }))
}

async fn pass(client: &mut Client, requests: &[Vec<u8>], arguments: &Arguments) -> (Counts, Times) {
    let (mut counts, mut times) = (Counts::default(), Times::new());
    for request in requests {
        let start = Instant::now();
        match timeout(arguments.timeout, client.ask(request)).await {
            Ok(Ok(status)) => {
                counts.answered(status);
                times.add(start.elapsed());
            }
            Ok(Err(error)) => counts.failed(&error),
            Err(_) => {
                client.close();
                counts.timed_out();
            }
        }
    }
    (counts, times)
}
