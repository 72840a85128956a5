//! Cassettes of a server that quotes what it was sent: the file, its media, and what is said of them.

use std::path::Path;
use std::time::Duration;

use cloudcall::openapi::customer_service_message::{
    GetTempMedia, Message, UploadTempMedia, get_temp_media, send, upload_temp_media,
};
use cloudcall::transport::{HttpsTransport, Recorder, Replayer, Transport};
use cloudcall::{Cloud, CloudBuilder, RetryPolicy};

use super::canaries::{Canary, SECRET, TOKEN, assert_clean, assert_clean_folder};
use super::capture::Captured;
use super::quoting::{Reply, Server};
use super::replies::{OF_CALLS, OF_TOKENS, replies};
use super::sdk::{OPERATIONS, PLACES, assert_sent, permitted, script, shown, shown_of};

fn app(transport: impl Transport) -> CloudBuilder {
    permitted()
        .app_secret("wx1", SECRET)
        .retry(RetryPolicy::new().attempts(2).first_delay(Duration::ZERO))
        .transport(transport)
}

/// What quotes the secrets itself: in texts, in a form, and in what that uploads.
async fn shown_of_quotations(cloud: &Cloud) -> String {
    let quoted = format!("{SECRET} {TOKEN}");
    let image = UploadTempMedia::image("image/png", quoted.clone().into_bytes()).file_name("a.png");
    shown(get_temp_media(cloud, GetTempMedia::new(&quoted)).await)
        + &shown(send(cloud, Message::text("O", &quoted)).await)
        + &shown(upload_temp_media(cloud, image).await)
}

/// All operations; what they give and fail with.
async fn session(cloud: &Cloud, operations: &[&str]) -> String {
    let mut shown = format!("{cloud:#?}");
    for operation in operations {
        shown.push_str(&shown_of(operation, cloud).await);
    }
    shown + &shown_of_quotations(cloud).await
}

#[tokio::test]
async fn no_cassette_holds_what_a_server_quotes() {
    let (captured, server, canaries) = (Captured::start(), Server::start(), Canary::both());
    let https = HttpsTransport::builder()
        .timeout(Duration::from_millis(200))
        .max_reply_size(1 << 20)
        .build();
    let (mut recorded, mut with_media) = (0, 0);
    for place in PLACES {
        let secrets = match place {
            "token" => OF_TOKENS,
            _ => OF_CALLS,
        };
        for (name, reply) in replies(secrets) {
            if matches!(reply, Reply::Nothing) {
                continue; // There is nothing to record.
            }
            let path = format!("{name} to the {place}");
            let operations = match place {
                "call" => &OPERATIONS[..],
                _ => &OPERATIONS[..1],
            };
            let folder = tempfile::tempdir().expect("a temp folder");
            let cassette = folder.path().join("session.json");
            server.play(script(place, reply));
            let recorder = Recorder::new(https.clone(), &cassette).expect("a recorder");
            let cloud = app(recorder.clone()).api_base(&server.url).build();
            let cloud = cloud.expect("complete");
            let shown = session(&cloud, operations).await;
            assert_sent(&server, place, &path);
            assert_clean(&canaries, &path, format!("{shown} {recorder:#?}"));
            assert_clean_folder(&canaries, &path, folder.path());
            recorded += recorder.recorded();
            with_media += usize::from(cassette.with_extension("media").exists());
            if cassette.exists() {
                let replayed = replay(&cassette, operations).await;
                assert_clean(&canaries, &format!("{path}, replayed"), replayed);
            }
            assert_clean(&canaries, &format!("the log of {path}"), captured.take());
        }
    }
    // It is no empty search.
    assert!(recorded > 500 && with_media > 20, "{recorded} {with_media}");
}

/// The same session from the cassette, and requests that are not in it and quote the secrets.
async fn replay(cassette: &Path, operations: &[&str]) -> String {
    let replayer = Replayer::open(cassette).expect("a cassette");
    let cloud = app(replayer.clone()).build().expect("complete");
    let shown = session(&cloud, operations).await;
    let other = format!("another {SECRET}");
    let error = get_temp_media(&cloud, GetTempMedia::new(other)).await;
    format!("{shown} {} {replayer:#?}", self::shown(error))
}
