//! Each fault without a socket: what the transport gives, and whether the API acted.

use std::time::Duration;

use bytes::Bytes;
use cloudcall::transport::{Transport, TransportError, TransportErrorKind};
use http::{Method, Request, Response};
use tokio::time::{Instant, timeout};

use crate::testing::{Bed, SECRET, json};

const HELLO: &str = r#"{"touser":"U","msgtype":"text","text":{"content":"hello"}}"#;
const OK: &[u8] = br#"{"errcode":0,"errmsg":"ok"}"#;
const LONG: Duration = Duration::from_secs(3600);

fn bed(faults: &[&str]) -> Bed {
    Bed::with(|builder| {
        faults
            .iter()
            .fold(builder, |it, spec| it.fault(spec.parse().expect("a fault")))
    })
}

/// Sends a message with a valid token.
async fn send(bed: &Bed) -> Result<Response<cloudcall::transport::Body>, TransportError> {
    let path = format!(
        "/cgi-bin/message/custom/send?access_token={}",
        bed.token().await
    );
    let request = Request::post(path).body(Bytes::from_static(HELLO.as_bytes()));
    bed.emulator
        .transport()
        .send(request.expect("a request"))
        .await
}

#[tokio::test]
async fn connections_that_break_are_errors_of_the_right_step() {
    for (spec, before_the_head, acted) in [
        ("reset", true, false),
        ("reset=inside", true, true),
        ("reset=after", false, true),
        ("cut", false, true),
        ("cut=0", false, true),
    ] {
        let bed = bed(&[spec]);
        let error = match send(&bed).await {
            Err(error) => {
                assert!(before_the_head, "{spec}");
                error
            }
            Ok(reply) => {
                assert!(!before_the_head, "{spec}");
                assert_eq!(reply.headers()["content-length"], "27");
                reply.into_body().bytes().await.expect_err(spec)
            }
        };
        assert_eq!(error.kind(), TransportErrorKind::Interrupted, "{spec}");
        let sent = bed.emulator.sent_messages().len();
        assert_eq!(sent, usize::from(acted), "{spec}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_none_until_the_faults_are_cleared() {
    let bed = bed(&["no-answer"]);
    let sending = send(&bed);
    tokio::pin!(sending);
    timeout(LONG, &mut sending).await.expect_err("no answer");
    bed.emulator.faults().clear();
    let error = sending.await.expect_err("no answer");
    assert_eq!(error.kind(), TransportErrorKind::Interrupted);
    assert!(bed.emulator.sent_messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn delays_and_drips_take_their_time_and_change_nothing_else() {
    for (spec, seconds) in [("delay=7s", 7), ("drip=10/1s", 2)] {
        let bed = bed(&[spec]);
        let start = Instant::now();
        let reply = send(&bed).await.expect("a reply");
        assert_eq!(reply.headers()["content-length"], "27");
        let body = reply.into_body().bytes().await.expect("whole");
        assert_eq!(body, OK);
        assert_eq!(start.elapsed(), Duration::from_secs(seconds), "{spec}");
        assert_eq!(bed.emulator.sent_messages().len(), 1);
    }
}

#[tokio::test]
async fn what_answers_instead_of_the_api_keeps_it_from_acting() {
    for spec in ["errcode=-1", "garbage", "status=500", "expire-token"] {
        let bed = bed(&[spec]);
        send(&bed).await.expect("a reply");
        assert!(bed.emulator.sent_messages().is_empty(), "{spec}");
    }
    let bed = bed(&["token:status=500,once"]);
    let failed = bed.get("/cgi-bin/token").await;
    assert_eq!(failed.status(), 500);
    send(&bed).await.expect("a reply");
    assert_eq!(bed.emulator.sent_messages().len(), 1);
}

#[tokio::test]
async fn both_families_of_tokens_can_be_ended_and_renewed() {
    for (spec, code) in [("expire-token,once", 42001), ("revoke-token,once", 40001)] {
        let bed = bed(&[spec]);
        let stable = async || {
            let body = format!(
                r#"{{"grant_type":"client_credential","appid":"{}","secret":"{SECRET}"}}"#,
                bed.emulator.app_id()
            );
            let reply = bed.send(Method::POST, "/cgi-bin/stable_token", body).await;
            crate::testing::text(&json(reply).await["access_token"])
        };
        let plain = bed.token().await;
        let token = stable().await;
        assert_eq!(stable().await, token);
        assert_eq!(bed.try_token(&token).await, code);
        assert_eq!(bed.try_token(&token).await, code);
        assert_eq!(bed.try_token(&plain).await, 0);
        let renewed = stable().await;
        assert_ne!(renewed, token);
        assert_eq!(bed.try_token(&renewed).await, 0);
    }
}

/// Nor is it counted by them.
#[tokio::test]
async fn an_empty_token_is_none_that_could_be_ended() {
    let bed = bed(&["revoke-token,once"]);
    assert_eq!(bed.try_token("").await, 41001);
    let token = bed.token().await;
    assert_eq!(bed.try_token(&token).await, 40001);
    let entries = bed.emulator.journal().entries();
    let faults: Vec<_> = entries.iter().map(|it| it.fault.as_deref()).collect();
    assert_eq!(faults, [None, None, Some("revoke-token")]);
}

#[tokio::test]
async fn a_body_without_a_byte_has_nothing_to_cut() {
    let bed = Bed::with(|builder| {
        let cut = "customerServiceMessage.getTempMedia:cut".parse();
        builder.fault(cut.expect("a fault")).media("empty", "")
    });
    let token = bed.token().await;
    let path = format!("/cgi-bin/media/get?access_token={token}&media_id=empty");
    let reply = bed.get(&path).await;
    assert_eq!(reply.headers()["content-length"], "0");
    assert_eq!(crate::testing::bytes(reply).await, "");
}

#[tokio::test]
async fn the_journal_tells_what_the_caller_saw_and_why() {
    let bed = bed(&[
        "status=503,once",
        "rate-limited,once",
        "token-expired",
        "cut,once",
    ]);
    let token = bed.token().await;
    let path = format!("/cgi-bin/media/get?access_token={token}&media_id=sample");
    for _ in 0..4 {
        bed.get(&path).await;
    }
    bed.get("/elsewhere").await;
    let entries = bed.emulator.journal().entries();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.errcode, entry.fault.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (0, None),
            (503, Some("status=503")),
            (45009, Some("errcode=45009")),
            (42001, Some("expire-token")),
            (42001, Some("cut")),
            (404, None),
        ]
    );
}

/// With three tries of each exchange, as a patient caller makes them.
#[tokio::test(start_paused = true)]
async fn a_flaky_network_is_survived_with_three_tries() {
    let bed = bed(&["flaky-network,seed=1"]);
    let token = bed.token().await;
    let transport = bed.emulator.transport();
    let mut tries = [0; 4];
    for _ in 0..500 {
        let mut failed = 0;
        while failed < 3 {
            let path = format!("/cgi-bin/media/get?access_token={token}&media_id=sample");
            let request = Request::get(path).body(Bytes::new()).expect("a request");
            let whole = match transport.send(request).await {
                Ok(reply) => reply.into_body().bytes().await.is_ok(),
                Err(_) => false,
            };
            if whole {
                break;
            }
            failed += 1;
        }
        tries[failed] += 1;
    }
    let [at_once, second, third, never] = tries;
    assert!((400..460).contains(&at_once), "{tries:?}");
    assert!(second > 0 && third > 0, "{tries:?}");
    assert!(never <= 5, "{tries:?}");
}
