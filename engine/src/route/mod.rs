//! In which order a request tries its targets, and what makes it go on to the next.

use http::StatusCode;

use crate::flow::Target;

/// The targets to try, best first: drawn by weight without putting back. Weight 0 comes last, in the given order.
pub fn order(targets: &[Target], attempts: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..targets.len()).collect();
    let wanted = attempts.clamp(1, targets.len().max(1));
    let mut order = Vec::with_capacity(wanted);
    while order.len() < wanted && !left.is_empty() {
        let drawn = draw(&left, targets);
        order.push(left.remove(drawn));
    }
    order
}

fn draw(left: &[usize], targets: &[Target]) -> usize {
    let weight = |at: usize| u64::from(targets[left[at]].weight);
    let total: u64 = (0..left.len()).map(weight).sum();
    if left.len() == 1 || total == 0 {
        return 0;
    }
    let mut point = fastrand::u64(..total);
    for at in 0..left.len() {
        match point.checked_sub(weight(at)) {
            Some(rest) => point = rest,
            None => return at,
        }
    }
    0
}

/// Whether another target may do better than one that answered so. Nothing has reached the client yet.
pub fn is_worth_another_try(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(weights: &[u32]) -> Vec<Target> {
        weights
            .iter()
            .map(|weight| {
                let text = format!(
                    r#"{{"deployment_id":"d","provider_id":"p","dialect":"openai","base_url":"http://h/v1","upstream_model":null,
                    "credential":null,"weight":{weight},"stream_usage":true,"private_network":false}}"#
                );
                serde_json::from_str(&text).unwrap()
            })
            .collect()
    }

    #[test]
    fn every_target_is_tried_once_and_no_more_than_allowed() {
        let targets = targets(&[1, 5, 0]);
        for _ in 0..100 {
            let mut tried = order(&targets, 9);
            assert_eq!(tried[2], 2, "weight 0 is the last resort");
            tried.sort_unstable();
            assert_eq!(tried, [0, 1, 2]);
            assert_eq!(order(&targets, 2).len(), 2);
        }
    }

    #[test]
    fn weights_are_shares() {
        fastrand::seed(7);
        let targets = targets(&[3, 1]);
        let firsts = (0..4_000).filter(|_| order(&targets, 1)[0] == 0).count();
        assert!(
            (2_800..3_200).contains(&firsts),
            "{firsts} of 4000, expected about 3000"
        );
    }

    #[test]
    fn refusals_of_the_request_itself_are_final() {
        for (status, again) in [
            (429, true),
            (503, true),
            (500, true),
            (400, false),
            (401, false),
            (404, false),
            (200, false),
        ] {
            assert_eq!(
                is_worth_another_try(StatusCode::from_u16(status).unwrap()),
                again,
                "{status}"
            );
        }
    }
}
