//! `customerServiceMessage`: messages between a user and a Mini Program's customer service.
//!
//! One file holds one Cloud Call.

mod get_temp_media;
mod get_temp_media_to;
mod send;
mod set_typing;
mod upload_temp_media;

use serde::de::DeserializeOwned;

use super::{Content, Reply};
use crate::error::Error;

#[cfg(any(fuzzing, test))]
pub(crate) use get_temp_media::media as temp_media;
pub use get_temp_media::{GetTempMedia, TempMedia, get_temp_media};
pub use get_temp_media_to::{TempMediaInfo, get_temp_media_to, get_temp_media_to_file};
pub use send::{Image, Link, Message, MessageContent, MiniProgramPage, Sent, Text, send};
pub use set_typing::{SetTyping, TypingCommand, TypingSet, set_typing};
pub use upload_temp_media::{MediaFile, UploadTempMedia, UploadedMedia, upload_temp_media};

/// Reads a reply that is documented to have these fields.
fn read<T: DeserializeOwned>(reply: Reply) -> Result<T, Error> {
    reply.parse().map_err(|error| {
        let error = Error::unexpected_reply(&format!("the reply is not as documented: {error}"));
        match reply.into_content() {
            Content::Json(fields) => error.with_reply(fields.into()),
            Content::Media { .. } => error,
        }
    })
}

#[cfg(test)]
mod tests;
