//! Answers from a cassette.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use super::error::CassetteError;
use super::files::{self, Files};
use super::format::{self, Body as Recorded, Exchange, File, Response};
use super::{nearest, request, secrets};
use crate::secret::Redactor;
use crate::transport::{Body, Transport, TransportError, TransportErrorKind, json_reply};

/// A [`Transport`] that answers from a [cassette](super), and reaches no network.
///
/// - A request gets the answer of the recorded one with the same method, path, parameters and
///   body. The order of parameters and of JSON's fields does not count, nor do the access token,
///   headers, a form's boundary, and the names and types of the files in it, which each SDK makes
///   up in its own way. A body in a file is compared by its name, which tells what it holds.
/// - Equal requests get their answers in the order in which they were recorded; once all were
///   given, the last one is given again. Clones share the count.
/// - A request for an access token gets one that is made up, different each time, so that a
///   cassette works with and without an app's secret, whichever it was recorded with. Where WeChat
///   refused when it was recorded, it first refuses again, as often as it did.
/// - Any other request fails with a [`TransportErrorKind::NotRecorded`] that names the nearest
///   recorded one, and says how it differs. Of a call,
///   [`Error::is_not_recorded`](crate::Error::is_not_recorded) tells.
///
/// A rejected token that was renewed is in the cassette as two equal requests. To replay it, a
/// client needs an app's secret, any one: without, it takes the rejection for an answer.
#[derive(Clone)]
pub struct Replayer(Arc<Inner>);

struct Inner {
    path: PathBuf,
    folder: PathBuf,
    exchanges: Vec<Exchange>,
    /// The answers to equal requests, by what they have in common.
    answers: HashMap<String, Answers>,
    tokens: AtomicU64,
}

struct Answers {
    /// Which exchanges.
    indices: Vec<usize>,
    /// How many were given.
    given: Mutex<usize>,
}

impl Replayer {
    /// Reads a cassette. Media are read when they are asked for; that they are there is checked
    /// here.
    ///
    /// # Errors
    ///
    /// The cassette is missing, is none, or is of a newer format; or a file beside it is missing,
    /// or has another length than was recorded.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CassetteError> {
        let path = path.into();
        let folder = files::folder(&path)?;
        let text = fs::read_to_string(&path).map_err(|source| CassetteError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let exchanges = format::read(&path, &text)?;
        let mut answers: HashMap<_, Answers> = HashMap::new();
        for (index, exchange) in exchanges.iter().enumerate() {
            check(exchange).map_err(|message| CassetteError::Exchange {
                path: path.clone(),
                number: index + 1,
                message,
            })?;
            for file in exchange.files() {
                let path = files::path(&folder, &file.name).expect("checked");
                let length = fs::metadata(&path).map(|it| it.len());
                check_length(&path, file, length)?;
            }
            let equal = answers.entry(exchange.request.key());
            let equal = equal.or_insert_with(|| Answers {
                indices: Vec::new(),
                given: Mutex::default(),
            });
            equal.indices.push(index);
        }
        Ok(Self(Arc::new(Inner {
            path,
            folder,
            exchanges,
            answers,
            tokens: AtomicU64::new(0),
        })))
    }

    /// The cassette.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Inner {
    fn answer(
        &self,
        request: &http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let mut redactor = Redactor::default();
        secrets::learn_from_request(request, &mut redactor);
        let asked = request::recorded(request, &redactor, &mut Files::new());
        let answers = self.answers.get(&asked.key());
        if request::gives_token(&asked.path) {
            return match answers.and_then(|it| it.next()) {
                Some(index) => self.response(&self.exchanges[index].response),
                None => Ok(self.token()),
            };
        }
        match answers {
            Some(answers) => {
                let index = answers.next().unwrap_or_else(|| answers.last());
                self.response(&self.exchanges[index].response)
            }
            None => Err(TransportError::new(
                TransportErrorKind::NotRecorded,
                nearest::message(&self.path, &asked, &self.exchanges),
            )),
        }
    }

    /// One that differs from those before, because a client gives up on one that it is given again
    /// after it was rejected.
    fn token(&self) -> http::Response<Body> {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed) + 1;
        json_reply(serde_json::json!({
            "access_token": format!("replayed-access-token-{number}"),
            "expires_in": 7200,
        }))
    }

    fn response(&self, recorded: &Response) -> Result<http::Response<Body>, TransportError> {
        let mut response = http::Response::new(match &recorded.body {
            None => Body::default(),
            Some(Recorded::Json(json)) => json.to_string().into(),
            Some(Recorded::Text(text)) => text.clone().into(),
            Some(Recorded::File(file)) => {
                let media = self.media(file);
                media.map_err(|error| error.of_exchange(""))?.into()
            }
            Some(Recorded::Form(_)) => unreachable!("refused when the cassette was opened"),
        });
        *response.status_mut() = StatusCode::from_u16(recorded.status).expect("checked");
        for (name, value) in &recorded.headers {
            let (name, value) = header(name, value).expect("checked");
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }

    fn media(&self, file: &File) -> Result<Vec<u8>, CassetteError> {
        let path = files::path(&self.folder, &file.name).expect("checked");
        let read = fs::read(&path);
        let (bytes, length) = match read {
            Ok(bytes) => {
                let length = bytes.len() as u64;
                (bytes, Ok(length))
            }
            Err(error) => (Vec::new(), Err(error)),
        };
        check_length(&path, file, length)?;
        Ok(bytes)
    }
}

impl Answers {
    /// The next one that was not given.
    fn next(&self) -> Option<usize> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.indices.get(*given)?;
        *given += 1;
        Some(*next)
    }

    fn last(&self) -> usize {
        *self.indices.last().expect("made for an exchange")
    }
}

/// Whether an answer can be made of it.
fn check(exchange: &Exchange) -> Result<(), String> {
    let Response {
        status,
        headers,
        body,
    } = &exchange.response;
    if StatusCode::from_u16(*status).is_err() {
        return Err(format!("{status} is no HTTP status"));
    }
    for (name, value) in headers {
        if header(name, value).is_none() {
            return Err(format!("{name:?} is no HTTP header with its value"));
        }
    }
    if matches!(body, Some(Recorded::Form(_))) {
        return Err("a response cannot be a form".into());
    }
    // Any folder does.
    match exchange
        .files()
        .find(|file| files::path(Path::new(""), &file.name).is_none())
    {
        Some(file) => Err(format!("{:?} is not the name of a file", file.name)),
        None => Ok(()),
    }
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let value = HeaderValue::from_bytes(value.as_bytes());
    Some((name.parse().ok()?, value.ok()?))
}

fn check_length(
    path: &Path,
    file: &File,
    length: std::io::Result<u64>,
) -> Result<(), CassetteError> {
    match length {
        Ok(length) if length == file.size => Ok(()),
        Ok(found) => Err(CassetteError::MediaAltered {
            path: path.into(),
            found,
            expected: file.size,
        }),
        Err(source) => Err(CassetteError::MediaUnreadable {
            path: path.into(),
            source,
        }),
    }
}

#[async_trait]
impl Transport for Replayer {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        self.0.answer(&request)
    }
}

impl fmt::Debug for Replayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayer")
            .field("path", &self.path())
            .field("exchanges", &self.0.exchanges.len())
            .finish_non_exhaustive()
    }
}
