//! The other kinds of error of the SDK, and the `Debug` of all that holds a secret.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use cloudcall::openapi::customer_service_message::{
    GetTempMedia, get_temp_media, get_temp_media_to, get_temp_media_to_file,
};
use cloudcall::transport::{HttpsTransport, MockTransport, json_reply, media_reply};
use cloudcall::{Cloud, CloudBuilder, Error, Permissions, RetryPolicy, openapi};
use cloudcall_emulator::{Caller, Emulator, Gateway};
use serde_json::json;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;

use super::canaries::{Canary, SECRET, TOKEN, assert_clean};
use super::capture::Captured;
use super::sdk::{permitted, shown};

/// A disk that is full.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Sends a fixed token; media is the answer to it.
fn with_token() -> CloudBuilder {
    let answer = MockTransport::new(|request| {
        let uri = request.uri().to_string();
        assert!(Canary::new("sent", TOKEN).is_in(&uri), "{uri}");
        Ok(media_reply("image/png", &b"\x89PNG"[..]))
    });
    permitted().access_token(TOKEN).transport(answer)
}

/// Where nobody is.
async fn nobody(scheme: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    format!("{scheme}://{address}")
}

fn over_the_network(url: &str) -> Cloud {
    let builder = permitted().access_token(TOKEN).api_base(url);
    let builder = builder.transport(HttpsTransport::new());
    builder
        .retry(RetryPolicy::none())
        .build()
        .expect("complete")
}

/// Each kind of error in the table at [`Error`], and how it comes about.
async fn errors() -> Vec<(&'static str, Error)> {
    let cloud = with_token().build().expect("complete");
    let closed = cloud.with_permissions(Permissions::allow(["wxacode.get"]));
    let late = cloud.with_deadline(Instant::now());
    let (m, nowhere) = (|| GetTempMedia::new("M"), "/nowhere/at/all");
    let built = |builder: CloudBuilder| builder.build().expect_err("wrong");
    let long = GetTempMedia::new("x".repeat(70_000));
    let nobody_there = over_the_network(&nobody("http").await);
    let without_tls = over_the_network(&nobody("https").await);
    let of_json = |reply: serde_json::Value| {
        let mock = MockTransport::replies([json_reply(reply)]);
        permitted()
            .access_token(TOKEN)
            .transport(mock)
            .build()
            .expect("complete")
    };
    let (refused, strange) = (
        of_json(json!({"errcode": 40007, "errmsg": TOKEN})),
        of_json(json!({"errcode": {TOKEN: TOKEN}})),
    );
    let url = |user: &str| format!("http://{user}:{TOKEN}@127.0.0.1:1");
    vec![
        (
            "not permitted",
            get_temp_media(&closed, m()).await.expect_err("closed"),
        ),
        (
            "too late",
            get_temp_media(&late, m()).await.expect_err("late"),
        ),
        (
            "too long",
            get_temp_media(&cloud, long).await.expect_err("long"),
        ),
        (
            "no media id",
            get_temp_media(&cloud, GetTempMedia::new(""))
                .await
                .expect_err("empty"),
        ),
        (
            "no API",
            openapi::call(&cloud, "a.b", json!({}))
                .await
                .expect_err("unknown"),
        ),
        (
            "no object",
            openapi::call(&cloud, "wxacode.get", json!([]))
                .await
                .expect_err("a list"),
        ),
        (
            "a disk that is full",
            get_temp_media_to(&cloud, m(), Full)
                .await
                .expect_err("full"),
        ),
        (
            "no folder",
            get_temp_media_to_file(&cloud, m(), nowhere)
                .await
                .expect_err("nowhere"),
        ),
        (
            "nobody there",
            get_temp_media(&nobody_there, m())
                .await
                .expect_err("nobody"),
        ),
        (
            "nobody there with TLS",
            get_temp_media(&without_tls, m()).await.expect_err("nobody"),
        ),
        (
            "refused",
            get_temp_media(&refused, m()).await.expect_err("refused"),
        ),
        (
            "strange",
            get_temp_media(&strange, m()).await.expect_err("strange"),
        ),
        ("no app id", built(Cloud::builder().app_secret("", SECRET))),
        (
            "a password in the base",
            built(with_token().api_base(url("user"))),
        ),
        (
            "no URL",
            built(with_token().api_base(format!("ftp:// {TOKEN}"))),
        ),
        (
            "a query",
            built(with_token().api_base(format!("http://h/?{TOKEN}"))),
        ),
    ]
}

#[tokio::test]
async fn no_kind_of_error_shows_a_secret() {
    let (captured, canaries) = (Captured::start(), Canary::both());
    let mut codes = BTreeSet::new();
    for (path, error) in errors().await {
        codes.insert(error.err_code());
        assert_clean(&canaries, path, shown::<()>(Err(error)));
    }
    // -601001 is here a file that cannot be written.
    let all = [
        -604_103, -604_102, -604_101, -604_100, -601_003, -601_002, -601_001, 40007,
    ];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), all);
    assert_clean(&canaries, "the log", captured.take());
}

#[tokio::test]
async fn no_debug_output_shows_a_secret() {
    let mut canaries = Canary::both();
    let emulator = Emulator::builder()
        .app("wx1", SECRET)
        .media("M", &b"\x89PNG"[..]);
    let mut shown = format!("{emulator:#?}");
    let emulator = emulator.build().expect("an emulator");
    let gateway = Gateway::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let router = emulator.router().merge(gateway.router());
    let server = emulator.start_with(listener, router).expect("started");
    let builder = permitted().app_secret("wx1", SECRET).api_base(server.url());
    shown.push_str(&format!("{builder:#?}"));
    let cloud = builder.build().expect("complete");
    get_temp_media(&cloud, GetTempMedia::new("M"))
        .await
        .expect("media");
    let issued = super::faults::token_of(&emulator).await;
    canaries.push(Canary::new("the emulator's token", &issued));

    let caller = Caller::new("f", cloud.clone());
    shown.push_str(&format!("{caller:#?}"));
    let token = gateway.register(caller);
    canaries.push(Canary::new("the function token", token.expose()));
    let mock = MockTransport::replies([media_reply("image/png", &b"\x89PNG"[..])]);
    let builder = permitted().access_token(TOKEN).transport(mock.clone());
    shown.push_str(&format!("{builder:#?}"));
    let fixed = builder.build().expect("complete");
    get_temp_media(&fixed, GetTempMedia::new("M"))
        .await
        .expect("media");
    assert!(Canary::new("sent", TOKEN).is_in(&mock.requests()[0].uri().to_string()));

    let (entries, faults) = (emulator.journal().entries(), emulator.faults());
    assert_eq!(entries.len(), 3, "{entries:?}");
    shown.push_str(&format!(
        "{cloud:#?} {fixed:#?} {mock:#?} {emulator:#?} {server:#?} {gateway:#?} {token:#?} {:#?} \
         {entries:#?} {:#?} {faults:#?} {:#?} {:#?} {:#?}",
        emulator.transport(),
        emulator.journal(),
        cloud.permissions(),
        HttpsTransport::new(),
        RetryPolicy::new(),
    ));
    assert_clean(&canaries, "Debug", shown);
    server.close().await;
}
