//! A Cloud Call that a function makes by itself, seen as it passes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use cloudcall::openapi::{self, wire::Arguments, wire::FilePart};
use cloudcall_emulator::noted_parameters;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::worker_id::WorkerId;

/// The largest JSON, in bytes, that is read for what it says.
const LARGEST_JSON: usize = 64 << 10;

/// The SDK's code of a failed exchange.
const BROKEN: i64 = -601_003;

/// The longest text of WeChat's that is kept, in characters.
const LONGEST_TEXT: usize = 256;

/// A Cloud Call, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passed {
    /// Whose it was.
    pub(crate) worker: WorkerId,
    /// Its name, such as `customerServiceMessage.send`.
    pub(crate) api: &'static str,
    /// Without the access token; see [`noted_parameters`].
    pub(crate) parameters: Value,
    /// WeChat's, or that of a failed exchange; 0 for success.
    pub(crate) err_code: i64,
    pub(crate) err_msg: String,
    /// How much of a reply there was.
    pub(crate) bytes: u64,
    pub(crate) content_type: Option<String>,
    pub(crate) began: Instant,
    pub(crate) duration: Duration,
}

/// A Cloud Call on its way.
pub(super) struct Passing {
    api: &'static str,
    parameters: Value,
    /// As it was sent and as it is meant, to be taken out of what WeChat says.
    secrets: Vec<String>,
    worker: WorkerId,
    began: Instant,
    /// None once it was told.
    told: Option<Box<dyn FnOnce(Passed) + Send>>,
}

impl Passing {
    /// What a request asks of WeChat. None if it is no Cloud Call, as one for an access token.
    pub(super) fn of(
        worker: WorkerId,
        request: &Request<Bytes>,
        app_secret: Option<&str>,
        told: impl FnOnce(Passed) + Send + 'static,
    ) -> Option<Self> {
        let path = request.uri().path();
        let (api, _) = openapi::paths().find(|(_, its_path)| *its_path == path)?;
        let (mut fields, mut secrets) = (Map::new(), Vec::new());
        let query = request.uri().query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == "access_token" {
                secrets.push(value.into_owned());
            } else {
                fields.insert(name.into_owned(), value.into_owned().into());
            }
        }
        let raw = query
            .split('&')
            .find_map(|it| it.strip_prefix("access_token="));
        secrets.extend(raw.map(str::to_owned));
        secrets.extend(app_secret.map(str::to_owned));
        secrets.retain(|secret| !secret.is_empty());
        let mut files = Vec::new();
        let body = request.body();
        if is_form(request.headers()) {
            files.extend(file(body));
        } else if body.len() <= LARGEST_JSON
            && let Ok(Value::Object(object)) = serde_json::from_slice(body)
        {
            fields.extend(object);
        }
        let known: Vec<_> = secrets.iter().map(String::as_str).collect();
        let parameters = noted_parameters(&Arguments { fields, files }, &known);
        Some(Self {
            api,
            parameters,
            secrets,
            worker,
            began: Instant::now(),
            told: Some(Box::new(told)),
        })
    }

    /// The reply, which says what came of the call when it ends: before its last bytes go on, so
    /// that the function has not answered by then.
    pub(super) fn reply(self, response: Response<Body>) -> Response<Body> {
        let (head, body) = response.into_parts();
        let header = |name| head.headers.get(name).and_then(|it| it.to_str().ok());
        let content_type = header(CONTENT_TYPE).map(str::to_owned);
        let length = header(CONTENT_LENGTH).and_then(|it| it.parse().ok());
        let success = head.status.is_success();
        let body = Body::new(Seen {
            body,
            length,
            seen: Vec::new(),
            end: Some(End {
                passing: self,
                bytes: 0,
                content_type,
                success,
            }),
        });
        Response::from_parts(head, body)
    }

    fn tell(&mut self, (err_code, err_msg): (i64, &str), bytes: u64, content_type: Option<String>) {
        let Some(told) = self.told.take() else { return };
        told(Passed {
            worker: self.worker,
            api: self.api,
            err_code,
            err_msg: self.redacted(err_msg),
            bytes,
            content_type,
            began: self.began,
            duration: self.began.elapsed(),
            parameters: std::mem::take(&mut self.parameters),
        });
    }

    fn redacted(&self, text: &str) -> String {
        let secrets: Vec<_> = self.secrets.iter().map(String::as_str).collect();
        let text = openapi::wire::without_secrets(text, &secrets);
        text.chars().take(LONGEST_TEXT).collect()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // It was not for want of a reply, or that would be told.
        self.tell((BROKEN, "the function did not wait for the reply"), 0, None);
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let label = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    label.is_some_and(|label| label.starts_with("multipart/form-data"))
}

/// The file of a form, by the head of the first part: the SDK sends one part.
fn file(body: &Bytes) -> Option<FilePart> {
    let head = &body[..body.len().min(4096)];
    let end = head.windows(4).position(|it| it == b"\r\n\r\n")?;
    let boundary = head.windows(2).position(|it| it == b"\r\n")?;
    let head = String::from_utf8_lossy(&head[..end]);
    let quoted = |name: &str| {
        let (_, rest) = head.split_once(name)?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let content_type = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("content-type");
        named.then(|| value.trim().to_owned())
    });
    let (mark, begin) = (&body[..boundary], end + 4);
    // The boundary again, and a few more bytes, are all that is behind it.
    let from = body.len().saturating_sub(boundary + 8).max(begin);
    let last = body[from..]
        .windows(boundary.max(1))
        .rposition(|it| it == mark)?;
    let bytes = body.slice(begin..(from + last).saturating_sub(2).max(begin));
    Some(FilePart {
        field: quoted("; name=\"")?,
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".into()),
        file_name: quoted("; filename=\""),
        bytes,
    })
}

/// A reply's body that is looked at as it passes.
struct Seen {
    body: Body,
    length: Option<u64>,
    /// The beginning, as far as it may be JSON of WeChat's that says an error.
    seen: Vec<u8>,
    /// None once it was told.
    end: Option<End>,
}

struct End {
    passing: Passing,
    bytes: u64,
    content_type: Option<String>,
    success: bool,
}

impl Seen {
    fn note(&mut self, data: &Bytes) {
        let Some(end) = &mut self.end else { return };
        let beginning = if end.bytes == 0 {
            data.first()
        } else {
            self.seen.first()
        };
        if beginning == Some(&b'{') && self.seen.len() + data.len() <= LARGEST_JSON {
            self.seen.extend_from_slice(data);
        }
        end.bytes += data.len() as u64;
    }

    fn is_over(&self) -> bool {
        let whole = |end: &End| self.length.is_some_and(|length| end.bytes >= length);
        self.body.is_end_stream() || self.end.as_ref().is_some_and(whole)
    }

    fn tell(&mut self, broken: Option<&str>) {
        /// What WeChat says of an error.
        #[derive(Deserialize)]
        struct Says {
            errcode: i64,
            #[serde(default)]
            errmsg: String,
        }

        let Some(mut end) = self.end.take() else {
            return;
        };
        let whole = self.seen.len() as u64 == end.bytes;
        let says = serde_json::from_slice::<Says>(&self.seen).ok();
        let (err_code, err_msg) = match (broken, says.as_ref().filter(|_| whole)) {
            (Some(why), _) => (BROKEN, why),
            (None, Some(says)) => (says.errcode, &*says.errmsg),
            (None, None) if end.success => (0, "ok"),
            (None, None) => (BROKEN, "an HTTP error"),
        };
        let says = (err_code, err_msg);
        end.passing.tell(says, end.bytes, end.content_type);
    }
}

impl HttpBody for Seen {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.note(data);
                }
                if self.is_over() {
                    self.tell(None);
                }
            }
            Some(Err(_)) => self.tell(Some("the reply broke off")),
            None => self.tell(None),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        // An empty reply is not asked for any frame.
        let empty = self.is_over();
        self.tell((!empty).then_some("the function did not read the reply to its end"));
    }
}
