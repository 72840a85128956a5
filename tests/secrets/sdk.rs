//! Every operation of the SDK, met with every reply that is wrong.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::time::Duration;

use cloudcall::openapi::customer_service_message::{
    GetTempMedia, Message, UploadTempMedia, get_temp_media, get_temp_media_to,
    get_temp_media_to_file, send, upload_temp_media,
};
use cloudcall::openapi::{self, wire};
use cloudcall::transport::HttpsTransport;
use cloudcall::{Cloud, CloudBuilder, Error, Permissions, RetryPolicy};
use serde_json::json;

use super::canaries::{Canary, SECRET, TOKEN, assert_clean};
use super::capture::{Captured, panicked};
use super::quoting::{Reply, Script, Server};
use super::replies::{OF_CALLS, OF_TOKENS, refusal, replies, token};

/// The operations: by type, by name, as they arrive, and in WeChat's own terms.
pub(super) const OPERATIONS: [&str; 7] = [
    "get_temp_media",
    "get_temp_media_to",
    "get_temp_media_to_file",
    "send",
    "upload_temp_media",
    "call",
    "wire::call",
];

const GET: &str = "customerServiceMessage.getTempMedia";

/// Performs an operation; what it gives and what it fails with, in all forms there are.
pub(super) async fn shown_of(operation: &str, cloud: &Cloud) -> String {
    let arguments = GetTempMedia::new("M");
    match operation {
        "get_temp_media" => shown(get_temp_media(cloud, arguments).await),
        "get_temp_media_to" => shown(get_temp_media_to(cloud, arguments, &mut Vec::new()).await),
        "get_temp_media_to_file" => {
            let folder = tempfile::tempdir().expect("a temp folder");
            let file = folder.path().join("file");
            shown(get_temp_media_to_file(cloud, arguments, file).await)
        }
        "send" => shown(send(cloud, Message::text("O", "hello")).await),
        "upload_temp_media" => {
            let image = UploadTempMedia::image("image/png", &b"\x89PNG\r\n\x1a\n"[..]);
            shown(upload_temp_media(cloud, image).await)
        }
        "call" => {
            // A reply in JSON is all there is to see; of media, see the module.
            let reply = openapi::call(cloud, "customerServiceMessage.setTyping", typing()).await;
            let json = format!("{:?}", reply.as_ref().map(serde_json::to_string));
            json + &shown(reply)
        }
        "wire::call" => {
            let fields = json!({"media_id": "M"}).as_object().cloned();
            let arguments = wire::Arguments {
                fields: fields.expect("an object"),
                files: Vec::new(),
            };
            shown(wire::call(cloud, GET, &arguments).await)
        }
        other => panic!("{other} is no operation"),
    }
}

fn typing() -> serde_json::Value {
    json!({"touser": "O", "command": "Typing"})
}

/// A result, or an error with all that it holds; the error is then panicked with, too.
pub(super) fn shown<T: Debug>(result: Result<T, Error>) -> String {
    let mut shown = format!("{result:?} {result:#?}");
    let Err(error) = &result else {
        return shown;
    };
    let json = serde_json::to_string(error).expect("JSON");
    let (hint, reply) = (error.hint(), error.reply());
    shown.push_str(&format!("{error} {json} {hint:?} {reply:?}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        shown.push_str(&format!("{error} {error:?} {error:#?}"));
        cause = error.source();
    }
    panicked(|| drop(result.expect("a result")));
    shown
}

pub(super) fn permitted() -> CloudBuilder {
    let names = openapi::paths().map(|(name, _)| name);
    Cloud::builder().permissions(Permissions::allow(names))
}

fn cloud(server: &Server, transport: &HttpsTransport) -> Cloud {
    permitted()
        .app_secret("wx1", SECRET)
        .api_base(&server.url)
        .retry(RetryPolicy::new().attempts(2).first_delay(Duration::ZERO))
        .transport(transport.clone())
        .build()
        .expect("complete")
}

/// Where the wrong reply comes: to the request for a token, to the call, to the request for another
/// token, and to that for a token which is forced.
pub(super) const PLACES: [&str; 4] = ["token", "call", "renewal", "forced"];

pub(super) fn script(place: &str, reply: Reply) -> Script {
    let (tokens, call) = match place {
        "token" => (vec![reply], refusal(40001, OF_TOKENS)),
        "call" => (vec![token()], reply),
        "renewal" => (vec![token(), reply], refusal(42001, OF_CALLS)),
        "forced" => (vec![token(), token(), reply], refusal(42001, OF_CALLS)),
        other => panic!("{other} is no place"),
    };
    Script { tokens, call }
}

#[tokio::test]
async fn no_operation_shows_what_a_server_quotes() {
    let (captured, server, canaries) = (Captured::start(), Server::start(), Canary::both());
    let transport = HttpsTransport::builder()
        .timeout(Duration::from_millis(200))
        .max_reply_size(1 << 20)
        .build();
    let mut logged = String::new();
    for place in PLACES {
        let secrets = if place == "token" {
            OF_TOKENS
        } else {
            OF_CALLS
        };
        for (name, reply) in replies(secrets) {
            // Beyond the call itself, all operations do the same.
            let operations = if place == "call" {
                &OPERATIONS[..]
            } else {
                &OPERATIONS[..1]
            };
            if matches!(reply, Reply::Nothing) && place == "forced" {
                continue; // It would wait for the time limit once more.
            }
            for operation in operations {
                server.play(script(place, reply.clone()));
                let cloud = cloud(&server, &transport);
                let shown = shown_of(operation, &cloud).await;
                let path = format!("{operation}, {name} to the {place}");
                assert_clean(&canaries, &path, format!("{shown} {cloud:?} {cloud:#?}"));
                let log = captured.take();
                assert_clean(&canaries, &format!("the log of {path}"), &log);
                logged.push_str(&log);
                assert_sent(&server, place, &path);
            }
        }
    }
    for expected in [
        "log reqwest::connect starting new connection",
        "cloudcall::access_token",
        "tried again",
        "no new access token was forced",
        "panicked at",
    ] {
        assert!(logged.contains(expected), "nothing logged {expected:?}");
    }
}

/// Fails unless the server was sent the secrets that it quotes.
pub(super) fn assert_sent(server: &Server, place: &str, path: &str) {
    let requests = server.requests().concat();
    let [secret, token] = [SECRET, TOKEN].map(|text| Canary::new("sent", text).is_in(&requests));
    assert!(secret, "{path}: the secret was not sent");
    assert!(token || place == "token", "{path}: the token was not sent");
}
