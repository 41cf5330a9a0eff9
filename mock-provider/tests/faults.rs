//! Every fault does what its help says, seen on the wire.

mod support;

use std::io::ErrorKind;

use support::{Server, chat, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_status_is_refused_in_openais_shape() {
    let server = Server::start().await;
    let answer = server.chat("status=429,retry_after=2", true).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("2")));
    assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn the_first_calls_fail_and_later_ones_do_not() {
    let server = Server::start().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(server.chat("fail_first=2", false).await.status);
    }
    assert_eq!(statuses, [503, 503, 200]);
    assert!(
        !server
            .chat("fail_first=1,truncate=1", true)
            .await
            .text()
            .contains("[DONE]")
    );
    assert!(
        server
            .chat("fail_first=1,truncate=1", true)
            .await
            .text()
            .contains("[DONE]")
    );
    server.post("/mock/reset", &serde_json::json!({})).await;
    assert_eq!(server.chat("fail_first=2", false).await.status, 503);
}

#[tokio::test]
async fn streams_are_cut_in_four_ways() {
    let server = Server::start().await;
    let dropped = server.chat("drop_after=2", true).await;
    assert_eq!(dropped.error, Some(ErrorKind::ConnectionReset));
    let closed = server.chat("close_after=2", true).await;
    assert_eq!((closed.error, closed.is_ended()), (None, false));
    let truncated = server.chat("truncate=2", true).await;
    assert!(truncated.is_ended());
    let broken = server.chat("error_after=2", true).await;
    assert!(broken.is_ended());
    assert_eq!(broken.events().last().unwrap()["error"]["code"], "mock_error");
    for answer in [&dropped, &closed, &truncated, &broken] {
        let deltas = answer
            .events()
            .iter()
            .filter(|event| {
                event["choices"][0]["delta"]["content"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            })
            .count();
        assert_eq!(deltas, 2);
        assert!(!answer.text().contains("[DONE]"));
    }
}

#[tokio::test]
async fn a_cut_beyond_the_end_cuts_nothing() {
    let server = Server::start().await;
    assert!(
        server
            .chat("tokens=3,drop_after=9", true)
            .await
            .text()
            .contains("[DONE]")
    );
}

#[tokio::test]
async fn whole_bodies_are_cut_too() {
    let server = Server::start().await;
    let dropped = server.chat("drop_after=10", false).await;
    assert_eq!(
        (dropped.error, dropped.body.len()),
        (Some(ErrorKind::ConnectionReset), 10)
    );
    let closed = server.chat("close_after=10", false).await;
    assert_eq!((closed.error, closed.body.len()), (None, 10));
    let cut = server.chat("cut_json", false).await;
    assert_eq!(
        cut.header("content-length").unwrap().parse::<usize>().unwrap(),
        cut.body.len()
    );
    assert!(serde_json::from_slice::<serde_json::Value>(&cut.body).is_err());
}

#[tokio::test]
async fn lengths_lie() {
    let server = Server::start().await;
    let long = server.chat("wrong_length", false).await;
    assert_eq!(
        long.header("content-length").unwrap().parse::<usize>().unwrap(),
        long.body.len() + 100
    );
    let two = server.chat("two_lengths", false).await;
    assert_eq!(two.head.matches("content-length").count(), 2);
}

#[tokio::test]
async fn what_is_no_json_is_sent_as_200() {
    let server = Server::start().await;
    let html = server.chat("html", false).await;
    assert_eq!(
        (html.status, html.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(server.chat("malformed", false).await.text(), "this is not JSON");
    let stream = server.chat("malformed=3,tokens=5", true).await;
    let wrong: Vec<usize> = stream
        .data()
        .iter()
        .enumerate()
        .filter(|(_, data)| data.contains("not JSON"))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(wrong, [2]);
}

#[tokio::test]
async fn streams_lose_their_end() {
    let server = Server::start().await;
    let no_done = server.chat("no_done", true).await;
    assert!(no_done.is_ended() && !no_done.text().contains("[DONE]"));
    assert_eq!(no_done.events().last().unwrap()["choices"][0]["finish_reason"], "stop");
    let half = server.chat("half_event", true).await;
    assert!(half.is_ended() && !half.text().ends_with('\n'));
}

#[tokio::test]
async fn odd_but_lawful_streams_mean_the_same() {
    let server = Server::start().await;
    let answer = server
        .chat("tokens=3,crlf,bom,comments=70000,unknown_events", true)
        .await;
    assert!(answer.body.starts_with("\u{feff}:....".as_bytes()));
    let text = answer.text();
    // The first comment stands behind the byte order mark.
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert_eq!(text.lines().filter(|line| line.starts_with(':')).count(), 5);
    assert_eq!(text.lines().filter(|line| *line == "event: mock.unknown").count(), 6);
}

#[tokio::test]
async fn a_split_makes_a_chunk_of_each_byte() {
    let server = Server::start().await;
    for stream in [true, false] {
        let answer = server.chat("split,tokens=2", stream).await;
        assert!(answer.chunks().iter().all(|chunk| chunk.len() == 1));
        assert_eq!(answer.chunks().len(), answer.body.len());
    }
}

#[tokio::test]
async fn an_oversized_event_is_one_event() {
    let server = Server::start().await;
    let answer = server.chat("oversize=100000", true).await;
    assert!(
        answer.events()[1]["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap()
            .len()
            == 100_000
    );
    assert_eq!(server.chat("oversize=100000", false).await.body.len(), 100_000);
}

#[tokio::test]
async fn followers_of_a_redirect_are_counted() {
    let server = Server::start().await;
    let answer = server.chat("redirect", false).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("/mock/redirected"))
    );
    assert_eq!(server.stats().await["redirects_followed"], 0);
    server.get("/mock/redirected").await;
    assert_eq!(server.stats().await["redirects_followed"], 1);
}

#[tokio::test]
async fn a_body_can_end_with_its_connection() {
    let server = Server::start().await;
    let answer = server.chat("until_close", true).await;
    assert!(answer.header("content-length").is_none() && answer.header("transfer-encoding").is_none());
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_hanging_call_leaves_a_record_when_the_caller_goes() {
    let server = Server::start().await;
    for (knobs, status) in [("hang", 0), ("hang_after=1", 200)] {
        let mut stream = server.connect().await;
        stream
            .write_all(&request(
                "/v1/chat/completions",
                "",
                chat(knobs, true).to_string().as_bytes(),
            ))
            .await
            .unwrap();
        if status == 200 {
            stream.read_u8().await.unwrap();
        }
        while server.stats().await["open_requests"] == 0 {
            tokio::task::yield_now().await;
        }
        drop(stream);
        let records = server.records_when(if status == 0 { 1 } else { 2 }).await;
        let last = records.last().unwrap();
        assert_eq!(
            (&last["status"], &last["outcome"]),
            (&status.into(), &"client_left".into())
        );
    }
}

#[tokio::test]
async fn knobs_come_by_header_too() {
    let server = Server::start().await;
    let body = serde_json::json!({"model": "gpt-4o:latest", "messages": []});
    assert_eq!(
        server
            .post_with("/v1/chat/completions", "x-mock: status=503\r\n", &body)
            .await
            .status,
        503
    );
    assert_eq!(server.post("/v1/chat/completions", &body).await.status, 200);
}
