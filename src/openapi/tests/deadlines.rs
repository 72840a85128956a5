//! A deadline ends a call wherever it is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::*;
use crate::transport::Transport;

const MS: Duration = Duration::from_millis(1);

/// How long WeChat takes for each part of an exchange.
#[derive(Clone, Copy, Default)]
struct Pace {
    token: Duration,
    head: Duration,
    body: Duration,
}

/// WeChat at that pace. Counts its exchanges, and those that ended.
#[derive(Clone, Default)]
struct Slow {
    pace: Pace,
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

/// Counts when it is dropped, which is when the exchange has ended, or was ended.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Transport for Slow {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let running = Running(Arc::clone(&self.ended));
        if request.uri().path() == "/cgi-bin/stable_token" {
            sleep(self.pace.token).await;
            return Ok(json_reply(
                json!({"access_token": "T1", "expires_in": 7200}),
            ));
        }
        sleep(self.pace.head).await;
        let pause = self.pace.body;
        let (pieces, body) = super::storing::channel();
        tokio::spawn(async move {
            for piece in ["12", "345"] {
                sleep(pause).await;
                if pieces.send(Ok(piece.into())).await.is_err() {
                    break;
                }
            }
            drop(running);
        });
        let mut reply = media_reply("image/png", "");
        *reply.body_mut() = body;
        Ok(reply)
    }
}

impl Slow {
    fn at(pace: Pace) -> Self {
        Self {
            pace,
            ..Self::default()
        }
    }

    fn cloud(&self) -> Cloud {
        Cloud::builder()
            .permissions(Permissions::allow([GET]))
            .app_secret("wx1", "s3cret")
            .transport(self.clone())
            .build()
            .expect("complete")
    }

    fn counts(&self) -> (usize, usize) {
        (
            self.begun.load(Ordering::Relaxed),
            self.ended.load(Ordering::Relaxed),
        )
    }
}

fn within(cloud: &Cloud, time: Duration) -> Cloud {
    cloud.with_deadline((Instant::now() + time).into_std())
}

async fn get(cloud: &Cloud) -> Result<TempMedia, Error> {
    get_temp_media(cloud, GetTempMedia::new("M")).await
}

#[tokio::test(start_paused = true)]
async fn every_part_of_a_call_is_bounded() {
    let long = 500 * MS;
    for pace in [
        Pace {
            token: long,
            ..Pace::default()
        },
        Pace {
            head: long,
            ..Pace::default()
        },
        Pace {
            body: long,
            ..Pace::default()
        },
    ] {
        let wechat = Slow::at(pace);
        let cloud = wechat.cloud();
        let began = Instant::now();
        let error = get(&within(&cloud, 300 * MS)).await.expect_err("too slow");
        assert!(error.is_timeout());
        assert_eq!(error.err_code(), -604_102);
        assert!(
            error.err_msg().contains("the call's deadline passed"),
            "{error}"
        );
        let took = began.elapsed();
        assert!((300 * MS..=302 * MS).contains(&took), "{took:?}");
        // Nothing runs on; the body's task notices when it has the next piece.
        sleep(2 * long).await;
        let (begun, ended) = wechat.counts();
        assert_eq!(begun, ended);
        // The handle it was made from has all the time.
        get(&cloud).await.expect("slow, but no deadline");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_in_time_is_left_alone() {
    let pace = Pace {
        token: 100 * MS,
        head: 100 * MS,
        body: 40 * MS,
    };
    let cloud = Slow::at(pace).cloud();
    let media = get(&within(&cloud, 300 * MS)).await.expect("in time");
    assert_eq!(&media.buffer[..], b"12345");
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_nothing_is_sent() {
    let wechat = Slow::default();
    let late = within(&wechat.cloud(), Duration::ZERO);
    let error = get(&late).await.expect_err("late");
    assert!(error.is_timeout());
    assert!(error.err_msg().contains("nothing was sent"), "{error}");
    let error = wire::call(&late, GET, &Arguments::default())
        .await
        .expect_err("late");
    assert!(error.is_timeout());
    // What is wrong with the call itself is said all the same.
    let error = call(&late, GET, json!({})).await.expect_err("no mediaId");
    assert!(error.is_invalid_argument());
    assert_eq!(wechat.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_two_deadlines_counts() {
    let wechat = Slow::at(Pace {
        head: 500 * MS,
        ..Pace::default()
    });
    let cloud = wechat.cloud();
    for (outer, inner) in [(100, 1000), (1000, 100)] {
        let began = Instant::now();
        let cloud = within(&within(&cloud, outer * MS), inner * MS);
        get(&cloud).await.expect_err("too slow");
        assert!(began.elapsed() <= 102 * MS, "{outer} {inner}");
    }
    // Other permissions keep it.
    let other = within(&cloud, 100 * MS).with_permissions(Permissions::allow([GET]));
    get(&other).await.expect_err("too slow");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_pass_the_deadline_is_not_begun() {
    let mock = MockTransport::new(|_| Ok(json_reply(json!({"errcode": -1, "errmsg": "busy"}))));
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET]))
        .retry(RetryPolicy::new().attempts(10).jitter(|| 1.0))
        .transport(mock.clone())
        .build()
        .expect("complete");
    let began = Instant::now();
    // 150 and 300 fit, 600 do not; and the error is WeChat's, not that of the deadline.
    let error = get(&within(&cloud, 1000 * MS)).await.expect_err("busy");
    assert_eq!(error.err_code(), -1);
    assert_eq!(mock.requests().len(), 3);
    assert!(began.elapsed() < 460 * MS, "{:?}", began.elapsed());
}

/// Who has no time left hears what was waited for, and why it took so long.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_late_for_want_of_a_token_says_why() {
    let bad_gateway = || {
        let mut reply = json_reply(json!({}));
        *reply.status_mut() = http::StatusCode::BAD_GATEWAY;
        Ok(reply)
    };
    let busy = || Ok(json_reply(json!({"errcode": -1, "errmsg": "busy s3cret"})));
    let cut = || {
        let kind = TransportErrorKind::Interrupted;
        Err(TransportError::new(kind, "the connection broke"))
    };
    let after = "the call's deadline passed while it waited for an access token";
    type Fails = fn() -> Result<http::Response<Body>, TransportError>;
    let cases: [(Fails, &str); 3] = [
        (bad_gateway, "HTTP 502 Bad Gateway without an access_token"),
        (busy, "-1 busy ***"),
        (cut, "the connection broke"),
    ];
    for (fails, expected) in cases {
        let mock = MockTransport::new(move |_| fails());
        let cloud = Cloud::builder()
            .permissions(Permissions::allow([GET]))
            .app_secret("wx1", "s3cret")
            .retry(RetryPolicy::new().first_delay(1000 * MS).jitter(|| 1.0))
            .transport(mock.clone())
            .build()
            .expect("complete");
        let error = get(&within(&cloud, 300 * MS)).await.expect_err("late");
        assert!(error.is_timeout());
        let (text, expected) = (
            error.err_msg(),
            format!("{after}; the last attempt to get one: {expected}"),
        );
        assert!(text.contains(&expected), "{text}");
        // With time enough it is the error itself.
        let error = get(&cloud).await.expect_err("fails");
        assert!(!error.is_timeout(), "{error}");
    }
    let slow = Slow::at(Pace {
        token: 500 * MS,
        ..Pace::default()
    });
    let error = get(&within(&slow.cloud(), 300 * MS))
        .await
        .expect_err("late");
    assert!(error.err_msg().ends_with(after), "{error}");
}

/// One caller's deadline ends its own waiting, and nobody else's.
#[tokio::test(start_paused = true)]
async fn a_token_that_others_wait_for_comes_all_the_same() {
    let wechat = Slow::at(Pace {
        token: 500 * MS,
        ..Pace::default()
    });
    let cloud = wechat.cloud();
    let hurried = within(&cloud, 100 * MS);
    let (first, second, third) = tokio::join!(get(&hurried), get(&cloud), get(&cloud));
    assert!(first.expect_err("too slow").is_timeout());
    second.expect("no deadline");
    third.expect("no deadline");
    get(&within(&cloud, 100 * MS))
        .await
        .expect("the token is there");
}

/// Neither the deadline nor the handler is known to a task of its own.
#[cfg(feature = "runtime")]
#[tokio::test(start_paused = true)]
async fn calls_in_an_invocation_are_bounded_without_a_word() {
    let wechat = Slow::at(Pace {
        head: 500 * MS,
        ..Pace::default()
    });
    let cloud = wechat.cloud();
    let until = |time: Duration| (Instant::now() + time).into_std();

    let began = Instant::now();
    let error = deadline::in_invocation(until(100 * MS), get(&cloud))
        .await
        .expect_err("slow");
    assert!(error.is_timeout() && began.elapsed() <= 102 * MS);
    // The handle's own counts if it is earlier, and only then.
    for (own, bound) in [(50, 50), (1000, 100)] {
        let (began, cloud) = (Instant::now(), within(&cloud, own * MS));
        deadline::in_invocation(until(100 * MS), get(&cloud))
            .await
            .expect_err("slow");
        assert!(began.elapsed() <= (bound + 2) * MS, "{own}");
    }

    let spawned = deadline::in_invocation(until(100 * MS), async {
        let cloud = cloud.clone();
        tokio::spawn(async move { get(&cloud).await })
            .await
            .expect("no panic")
    });
    spawned.await.expect("bounded by nothing");
}
