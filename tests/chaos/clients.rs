//! The clients in Rust: a call of each kind, and what came of it.

use std::path::{Path, PathBuf};

use cloudcall::openapi::customer_service_message::{
    GetTempMedia, Message, get_temp_media, get_temp_media_to, get_temp_media_to_file,
    send as send_message,
};
use cloudcall::openapi::{self, Reply};
use cloudcall::{Cloud, Error};
use serde_json::json;
use tokio::task::JoinSet;

use super::case::{Api, Calls, Client};

/// The id of the media that is asked for.
pub(super) const MEDIA_ID: &str = "sample";

/// What came of a call.
#[derive(Debug)]
pub(super) enum Came {
    Media {
        content_type: String,
        bytes: Vec<u8>,
    },
    /// A result that is not media.
    Done,
    Failed(i64),
}

/// The media that is asked for: a JPEG by its first bytes, and no two of the others in a row alike.
pub(super) fn bytes() -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff".to_vec();
    bytes.extend((0..597_u16).map(|number| (number % 251) as u8));
    bytes
}

/// Makes the calls, and tells of each what came of it; or else what must not be, whatever the
/// fault.
pub(super) async fn calls(
    client: Client,
    api: Api,
    cloud: &Cloud,
    calls: Calls,
    folder: &Path,
) -> Result<Vec<Came>, String> {
    let call = |number| call(client, api, cloud.clone(), number, folder.to_owned());
    match calls {
        Calls::InARow(calls) => {
            let mut came = Vec::new();
            for number in 0..calls {
                came.push(call(number).await?);
            }
            Ok(came)
        }
        // In one thread each task begins before any is woken.
        Calls::AtOnce(calls) => {
            let begun: JoinSet<_> = (0..calls).map(call).collect();
            begun.join_all().await.into_iter().collect()
        }
    }
}

async fn call(
    client: Client,
    api: Api,
    cloud: Cloud,
    number: usize,
    folder: PathBuf,
) -> Result<Came, String> {
    match (api, client) {
        (Api::Media, Client::Typed) => {
            let media = get_temp_media(&cloud, GetTempMedia::new(MEDIA_ID)).await;
            Ok(came(media.map(|media| Came::Media {
                content_type: media.content_type,
                bytes: media.buffer.to_vec(),
            })))
        }
        (Api::Media, Client::Generic) => {
            let arguments = json!({"mediaId": MEDIA_ID});
            let name = "customerServiceMessage.getTempMedia";
            Ok(came(
                openapi::call(&cloud, name, arguments)
                    .await
                    .map(|it| of_reply(&it)),
            ))
        }
        (Api::Media, Client::Writer) => written(&cloud).await,
        (Api::Media, Client::File) => stored(&cloud, &folder.join(number.to_string())).await,
        (Api::Send, Client::Typed) => {
            let message = Message::text(user(number), "hello");
            Ok(came(
                send_message(&cloud, message).await.map(|_| Came::Done),
            ))
        }
        (Api::Send, Client::Generic) => {
            let name = "customerServiceMessage.send";
            let sent = openapi::call(&cloud, name, message(number)).await;
            Ok(came(sent.map(|it| of_reply(&it))))
        }
        (_, Client::Node) | (Api::Send, Client::Writer | Client::File) => {
            unreachable!("{client} does not make this call here")
        }
    }
}

/// Each call writes to a user of its own, because WeChat counts messages by user.
fn user(number: usize) -> String {
    format!("user-{number}")
}

/// The arguments of `send`.
pub(super) fn message(number: usize) -> serde_json::Value {
    json!({"touser": user(number), "msgtype": "text", "text": {"content": "hello"}})
}

fn came(outcome: Result<Came, Error>) -> Came {
    outcome.unwrap_or_else(|error| Came::Failed(error.err_code()))
}

fn of_reply(reply: &Reply) -> Came {
    match reply.media() {
        Some((content_type, buffer)) => Came::Media {
            content_type: content_type.to_owned(),
            bytes: buffer.to_vec(),
        },
        None => Came::Done,
    }
}

/// What a writer holds after an error is the beginning of the media, and as much as the error says.
async fn written(cloud: &Cloud) -> Result<Came, String> {
    let mut bytes = Vec::new();
    let outcome = get_temp_media_to(cloud, GetTempMedia::new(MEDIA_ID), &mut bytes).await;
    match outcome {
        Ok(info) if info.size != bytes.len() as u64 => Err(format!(
            "{} bytes were reported, and {} written",
            info.size,
            bytes.len()
        )),
        Ok(info) => Ok(Came::Media {
            content_type: info.content_type,
            bytes,
        }),
        Err(error) => {
            if !self::bytes().starts_with(&bytes) {
                return Err(format!("something else was written: {bytes:?}"));
            }
            // A deadline ends the call wherever it is, and has no count.
            if error.is_network() && reported(&error) != bytes.len() {
                return Err(format!("{} bytes were written: {error}", bytes.len()));
            }
            Ok(Came::Failed(error.err_code()))
        }
    }
}

/// How many bytes the error says were written.
fn reported(error: &Error) -> usize {
    let message = error.err_msg();
    let Some(before) = message.strip_suffix(" bytes of the media had been written") else {
        return 0;
    };
    let number = before.rsplit(' ').next().expect("something");
    number.parse().expect("a number")
}

/// There is a file where, and only where, the call succeeded.
async fn stored(cloud: &Cloud, file: &Path) -> Result<Came, String> {
    match get_temp_media_to_file(cloud, GetTempMedia::new(MEDIA_ID), file).await {
        Ok(info) => Ok(Came::Media {
            content_type: info.content_type,
            bytes: std::fs::read(file).map_err(|error| format!("no file: {error}"))?,
        }),
        Err(error) if file.exists() => Err(format!("a file in spite of: {error}")),
        Err(error) => Ok(Came::Failed(error.err_code())),
    }
}
