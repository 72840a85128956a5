//! What is repeated, how often, and how long it takes: over a clock that only waits move.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::*;

const UPLOAD: &str = "customerServiceMessage.uploadTempMedia";
const TYPING: &str = "customerServiceMessage.setTyping";

type Exchange = Result<http::Response<Body>, TransportError>;

/// What can come of an exchange.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Kind(TransportErrorKind),
    Errcode(i64),
    /// With a page of a proxy.
    Status(u16),
    /// With an `errcode`.
    StatusAndErrcode(u16, i64),
    /// Fewer bytes than announced.
    Cut,
    /// Labelled as JSON, and none.
    Garbage,
}

impl Fault {
    fn exchange(self) -> Exchange {
        let with_status = |mut reply: http::Response<Body>, status: u16| {
            *reply.status_mut() = status.try_into().expect("a status");
            reply
        };
        Ok(match self {
            Self::Kind(kind) => return Err(TransportError::new(kind, "because")),
            Self::Errcode(errcode) => json_reply(json!({"errcode": errcode, "errmsg": "x"})),
            Self::Status(status) => with_status(reply(Some("text/html"), b"<html>"), status),
            Self::StatusAndErrcode(status, errcode) => with_status(
                json_reply(json!({"errcode": errcode, "errmsg": "x"})),
                status,
            ),
            Self::Cut => {
                let mut reply = media_reply("image/png", &b"123"[..]);
                let length = "5".parse().expect("a length");
                reply.headers_mut().insert(CONTENT_LENGTH, length);
                reply
            }
            Self::Garbage => reply(Some("application/json"), b"<html>"),
        })
    }
}

/// Answers with what the list says, the last of it again and again.
fn scripted(list: Vec<Option<Fault>>) -> MockTransport {
    let next = Mutex::new(list.into_iter().peekable());
    MockTransport::new(move |_| {
        let mut next = next.lock().expect("no panic");
        let fault = next.peek().copied().expect("a list is not empty");
        next.next();
        if next.peek().is_none() {
            // The last one stays: put back what cannot be advanced.
            *next = vec![fault].into_iter().peekable();
        }
        match fault {
            Some(fault) => fault.exchange(),
            None => Ok(json_reply(json!({"errcode": 0, "errmsg": "ok"}))),
        }
    })
}

fn cloud_with(mock: &MockTransport, policy: RetryPolicy) -> Cloud {
    Cloud::builder()
        .permissions(Permissions::allow([GET, SEND, UPLOAD, TYPING]))
        .access_token("T0KEN/canary")
        .retry(policy)
        .transport(mock.clone())
        .build()
        .expect("complete")
}

fn arguments() -> Value {
    json!({
        "mediaId": "M", "touser": "O", "msgtype": "text", "command": "Typing", "type": "image",
        "media": {"contentType": "image/png", "value": "aGk="},
    })
}

/// The most that the policies wait.
fn longest(policy: RetryPolicy) -> RetryPolicy {
    policy.jitter(|| 1.0)
}

/// Makes the call; gives its outcome, how often it was sent, and how long it took.
async fn made(
    api: &str,
    list: Vec<Option<Fault>>,
    policy: RetryPolicy,
) -> (Result<Reply, Error>, usize, Duration) {
    let mock = scripted(list);
    let cloud = cloud_with(&mock, policy);
    let began = Instant::now();
    let outcome = call(&cloud, api, arguments()).await;
    (outcome, mock.requests().len(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_met_as_the_table_of_the_policy_says() {
    use TransportErrorKind::{Certificate, Connect, Interrupted, Other, Timeout, TooLarge};

    // The fault, the error's code, and whether it is repeated: a call that may be made twice,
    // another one.
    let faults = [
        (Fault::Kind(Connect), -601_003, [true, true]),
        (Fault::Kind(Interrupted), -601_003, [true, false]),
        (Fault::Cut, -601_003, [true, false]),
        (Fault::Errcode(-1), -1, [true, false]),
        (Fault::StatusAndErrcode(500, -1), -1, [true, false]),
        (Fault::Status(500), -604_103, [true, false]),
        (Fault::Status(502), -604_103, [true, false]),
        (Fault::Status(503), -604_103, [true, false]),
        (Fault::Status(504), -604_103, [true, false]),
        (Fault::Status(404), -604_103, [false, false]),
        (Fault::Status(429), -604_103, [false, false]),
        (Fault::StatusAndErrcode(503, 45_009), 45_009, [false, false]),
        (Fault::Errcode(45_009), 45_009, [false, false]),
        (Fault::Errcode(45_011), 45_011, [false, false]),
        (Fault::Errcode(40_007), 40_007, [false, false]),
        (Fault::Errcode(48_001), 48_001, [false, false]),
        (Fault::Garbage, -601_001, [false, false]),
        (Fault::Kind(Timeout), -604_102, [false, false]),
        (Fault::Kind(Certificate), -601_003, [false, false]),
        (Fault::Kind(TooLarge), -604_103, [false, false]),
        (Fault::Kind(Other), -601_003, [false, false]),
    ];
    // The policy, how often it makes a call, and how many milliseconds it waits.
    let policies = [
        (RetryPolicy::new(), 3, 150 + 300),
        (RetryPolicy::none(), 1, 0),
        (RetryPolicy::new().attempts(0), 1, 0),
        (
            RetryPolicy::new().attempts(6),
            6,
            150 + 300 + 600 + 1200 + 2000,
        ),
    ];
    for (fault, err_code, [twice, other]) in faults {
        for (api, repeated) in [
            (GET, twice),
            (SEND, other),
            (UPLOAD, other),
            (TYPING, other),
        ] {
            for (policy, attempts, waited) in policies.clone() {
                let case = format!("{fault:?} {api} {attempts}");
                let (outcome, sent, took) = made(api, vec![Some(fault)], longest(policy)).await;
                let error = outcome.expect_err(&case);
                assert_eq!(error.err_code(), err_code, "{case}");
                let (expected, waited) = if repeated { (attempts, waited) } else { (1, 0) };
                assert_eq!(sent, expected, "{case}");
                let waited = Duration::from_millis(waited);
                // Tokio's clock counts in milliseconds, and rounds up.
                let within = waited..=waited + Duration::from_millis(expected as u64);
                assert!(within.contains(&took), "{case}: {took:?}");
                let said = error
                    .hint()
                    .is_some_and(|hint| hint.contains("it was tried"));
                assert_eq!(said, expected > 1, "{case}: {:?}", error.hint());
                if said {
                    let tried = format!("it was tried {expected} times");
                    assert!(error.hint().expect("said").ends_with(&tried), "{error:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_success_ends_it_and_the_last_error_counts() {
    let busy = Some(Fault::Errcode(-1));
    let reset = Some(Fault::Kind(TransportErrorKind::Interrupted));
    let (outcome, sent, _) = made(GET, vec![busy, reset, None], RetryPolicy::new()).await;
    outcome.expect("the third one is fine");
    assert_eq!(sent, 3);

    // Any refusal ends it, too.
    let limited = Some(Fault::Errcode(45_009));
    let (outcome, sent, _) = made(GET, vec![busy, limited, None], RetryPolicy::new()).await;
    let error = outcome.expect_err("refused");
    assert_eq!((error.err_code(), sent), (45_009, 2));

    let bad_gateway = Some(Fault::Status(502));
    let (outcome, sent, _) = made(GET, vec![busy, reset, bad_gateway], RetryPolicy::new()).await;
    let error = outcome.expect_err("down");
    assert_eq!(sent, 3);
    assert!(error.err_msg().contains("HTTP 502 Bad Gateway"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_again_only_until_bytes_have_left() {
    let down = Some(Fault::Kind(TransportErrorKind::Connect));
    for (last, errors) in [
        (None, None),
        (
            Some(Fault::Kind(TransportErrorKind::Interrupted)),
            Some(-601_003),
        ),
        (Some(Fault::Errcode(-1)), Some(-1)),
        (Some(Fault::Status(503)), Some(-604_103)),
    ] {
        let policy = RetryPolicy::new().attempts(10);
        let (outcome, sent, _) = made(SEND, vec![down, down, last], policy).await;
        assert_eq!(outcome.err().map(|error| error.err_code()), errors);
        assert_eq!(sent, 3, "{last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waits_are_random_within_their_most() {
    let busy = vec![Some(Fault::Errcode(-1))];
    let mut taken = std::collections::HashSet::new();
    for _ in 0..50 {
        let (_, sent, took) = made(GET, busy.clone(), RetryPolicy::new()).await;
        assert_eq!(sent, 3);
        assert!(took <= Duration::from_millis(150 + 300 + 2), "{took:?}");
        taken.insert(took);
    }
    assert!(taken.len() > 10, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_policy_has_given_up() {
    // 150, 300 and 600 fit, 1200 do not.
    let policy = RetryPolicy::new()
        .attempts(100)
        .give_up_after(Duration::from_millis(1500));
    let (_, sent, took) = made(GET, vec![Some(Fault::Errcode(-1))], longest(policy)).await;
    assert_eq!(sent, 4);
    assert!(took < Duration::from_millis(1100), "{took:?}");
    // Nonsense ends as well.
    let policy = RetryPolicy::new()
        .attempts(u32::MAX)
        .first_delay(Duration::MAX)
        .longest_delay(Duration::MAX);
    let (_, sent, _) = made(GET, vec![Some(Fault::Errcode(-1))], longest(policy)).await;
    assert_eq!(sent, 1);
}

#[tokio::test(start_paused = true)]
async fn the_gateways_call_is_repeated_in_the_same_way() {
    for (api, fault, sent) in [
        (GET, Fault::Errcode(-1), 3),
        (GET, Fault::Kind(TransportErrorKind::Interrupted), 3),
        (GET, Fault::Errcode(45_009), 1),
        (SEND, Fault::Errcode(-1), 1),
        (SEND, Fault::Kind(TransportErrorKind::Connect), 3),
    ] {
        let mock = scripted(vec![Some(fault)]);
        let cloud = cloud_with(&mock, RetryPolicy::new());
        let _ = wire::call(&cloud, api, &Arguments::default()).await;
        assert_eq!(mock.requests().len(), sent, "{fault:?} {api}");
    }
}

/// WeChat with these answers to token requests, and these to calls, then fine ones.
fn of_app(tokens: Vec<Exchange>, calls: Vec<Exchange>) -> (MockTransport, Cloud) {
    let lists = Mutex::new((tokens.into_iter(), calls.into_iter()));
    let mock = MockTransport::new(move |request| {
        let (tokens, calls) = &mut *lists.lock().expect("no panic");
        if request.uri().path() == "/cgi-bin/stable_token" {
            let fine = || {
                Ok(json_reply(
                    json!({"access_token": "T9", "expires_in": 7200}),
                ))
            };
            tokens.next().unwrap_or_else(fine)
        } else {
            let fine = || Ok(media_reply("image/png", &b"12345"[..]));
            calls.next().unwrap_or_else(fine)
        }
    });
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET, SEND]))
        .app_secret("wx1", "s3cret")
        .retry(longest(RetryPolicy::new()))
        .transport(mock.clone())
        .build()
        .expect("complete");
    (mock, cloud)
}

fn paths(mock: &MockTransport) -> Vec<String> {
    let requests = mock.requests();
    requests
        .iter()
        .map(|request| request.uri().path().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_token_request_is_repeated_too_also_for_a_message() {
    const TOKEN: &str = "/cgi-bin/stable_token";
    use TransportErrorKind::{Connect, Interrupted};

    for (fault, sent) in [
        (Fault::Errcode(-1), 3),
        (Fault::Status(502), 3),
        (Fault::Kind(Connect), 3),
        (Fault::Kind(Interrupted), 3),
        (Fault::Kind(TransportErrorKind::Timeout), 1),
        (Fault::Errcode(45_009), 1),
        (Fault::Errcode(40_013), 1),
        (Fault::Errcode(45_011), 1),
    ] {
        let (mock, cloud) = of_app((0..9).map(|_| fault.exchange()).collect(), vec![]);
        call(&cloud, SEND, arguments()).await.expect_err("no token");
        assert_eq!(paths(&mock), vec![TOKEN; sent], "{fault:?}");
    }
    let faults = [Fault::Errcode(-1), Fault::Status(503)];
    let (mock, cloud) = of_app(faults.map(Fault::exchange).into(), vec![]);
    call(&cloud, GET, arguments())
        .await
        .expect("the third token request is fine");
    assert_eq!(paths(&mock), [TOKEN, TOKEN, TOKEN, "/cgi-bin/media/get"]);
}

/// A renewal and retries compose: each token has all the attempts.
#[tokio::test(start_paused = true)]
async fn the_call_with_a_renewed_token_has_its_own_attempts() {
    let token = |name: &str| {
        Ok(json_reply(
            json!({"access_token": name, "expires_in": 7200}),
        ))
    };
    let busy = || Fault::Errcode(-1).exchange();
    let rejected = || Fault::Errcode(42_001).exchange();
    let (mock, cloud) = of_app(
        vec![token("T1"), token("T2")],
        vec![busy(), busy(), rejected(), busy(), busy()],
    );
    get_temp_media(&cloud, GetTempMedia::new("M"))
        .await
        .expect("an image");
    let sent: Vec<_> = mock
        .requests()
        .iter()
        .map(|request| request.uri().query().unwrap_or("token").to_owned())
        .collect();
    let with = |token: &str| format!("access_token={token}&media_id=M");
    let (first, second) = (with("T1"), with("T2"));
    let first = first.as_str();
    let second = second.as_str();
    assert_eq!(
        sent,
        [
            "token", first, first, first, "token", second, second, second
        ]
    );

    // And is renewed no more than once.
    let (mock, cloud) = of_app(
        vec![token("T1"), token("T2")],
        vec![busy(), rejected(), busy(), rejected()],
    );
    let error = get_temp_media(&cloud, GetTempMedia::new("M"))
        .await
        .expect_err("rejected");
    assert_eq!((error.err_code(), mock.requests().len()), (42_001, 6));
}

/// A forced token counts against a limit of 20 a day.
#[tokio::test(start_paused = true)]
async fn a_token_is_not_forced_twice_when_nobody_knows_whether_it_was() {
    let token = || {
        Ok(json_reply(
            json!({"access_token": "T1", "expires_in": 7200}),
        ))
    };
    let cut = || Fault::Kind(TransportErrorKind::Interrupted).exchange();
    let rejected = || Fault::Errcode(40_001).exchange();
    // The first two are not forced.
    let (mock, cloud) = of_app(vec![token(), token(), cut()], vec![rejected()]);
    let error = get_temp_media(&cloud, GetTempMedia::new("M"))
        .await
        .expect_err("rejected");
    assert_eq!(error.err_code(), 40_001);
    let forced = mock
        .requests()
        .iter()
        .filter(|request| request.body().ends_with(br#""force_refresh":true}"#))
        .count();
    assert_eq!(forced, 1);
}
