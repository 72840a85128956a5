//! The journal over HTTP: a list, and a stream of server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{StatusCode, Uri};
use tokio::sync::watch;

use super::what::KINDS;
use super::{Entry, Journal};
use crate::printer::Told as _;

/// How many entries a reader of the stream has on the way.
const AT_ONCE: usize = 64;

/// How often a stream without entries shows that it is alive.
const ALIVE: Duration = Duration::from_secs(15);

/// `GET /_cloudcall/journal` and `GET /_cloudcall/journal/stream`.
pub(crate) fn router(journal: Journal) -> Router {
    Router::new()
        .route("/_cloudcall/journal", get(list))
        .route("/_cloudcall/journal/stream", get(live))
        .with_state(journal)
}

/// What a reader asks for.
#[derive(Debug, Default)]
struct Asked {
    after: Option<u64>,
    limit: Option<usize>,
    kind: Option<String>,
    function: Option<String>,
}

impl Asked {
    /// Reads a query; says what is wrong with it.
    fn read(uri: &Uri) -> Result<Self, String> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let no_number = |_| format!("{name} is a number, and {value:?} is none");
            match &*name {
                "after" => asked.after = Some(value.parse().map_err(no_number)?),
                "limit" => asked.limit = Some(value.parse().map_err(no_number)?),
                "type" if KINDS.contains(&&*value) => asked.kind = Some(value.into_owned()),
                "type" => {
                    let kinds = KINDS.join(", ");
                    return Err(format!("type is one of {kinds}, and {value:?} is none"));
                }
                "function" => asked.function = Some(value.into_owned()),
                _ => {
                    return Err(format!(
                        "{name:?} is none of after, limit, type and function"
                    ));
                }
            }
        }
        Ok(asked)
    }

    fn wants(&self, entry: &Entry) -> bool {
        let kind = self.kind.as_deref().is_none_or(|kind| kind == entry.kind());
        let function = self.function.as_deref();
        kind && function.is_none_or(|function| entry.function() == Some(function))
    }
}

/// With `limit`, the newest.
async fn list(State(journal): State<Journal>, uri: Uri) -> Response {
    let asked = match Asked::read(&uri) {
        Ok(asked) => asked,
        Err(wrong) => return (StatusCode::BAD_REQUEST, wrong + "\n").into_response(),
    };
    let part = journal.after(asked.after.unwrap_or_default(), usize::MAX);
    let wanted: Vec<_> = part.entries.iter().filter(|it| asked.wants(it)).collect();
    let skip = wanted.len() - asked.limit.unwrap_or(usize::MAX).min(wanted.len());
    let texts: Vec<_> = wanted[skip..].iter().map(|it| it.json()).collect();
    let json = format!(
        r#"{{"entries":[{}],"lost":{}}}"#,
        texts.join(","),
        part.lost
    );
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

/// From now on, or behind an id. A browser that connects again says the last it got.
async fn live(State(journal): State<Journal>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = match Asked::read(&uri) {
        Ok(asked) => asked,
        Err(wrong) => return (StatusCode::BAD_REQUEST, wrong + "\n").into_response(),
    };
    if asked.limit.is_some() {
        let wrong = "a stream has no end, so limit is for the list\n";
        return (StatusCode::BAD_REQUEST, wrong).into_response();
    }
    let last = headers.get("last-event-id").and_then(|it| it.to_str().ok());
    let newest = journal.newest();
    let now = *newest.borrow();
    let after = last.and_then(|it| it.parse().ok()).or(asked.after);
    let reader = Reader {
        after: after.unwrap_or(now),
        journal,
        newest,
        asked,
        // A head without a body is kept back: this shows at once that the stream is open.
        waiting: VecDeque::from([Event::default().comment("open")]),
    };
    let events = stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(ALIVE))
        .into_response()
}

/// A reader has no queue of its own beyond a few entries: one who is slow finds in the journal
/// what is still there.
struct Reader {
    journal: Journal,
    newest: watch::Receiver<u64>,
    asked: Asked,
    after: u64,
    waiting: VecDeque<Event>,
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            self.newest.borrow_and_update();
            let part = self.journal.after(self.after, AT_ONCE);
            if part.lost > 0 {
                let lost = format!(r#"{{"lost":{}}}"#, part.lost);
                self.waiting
                    .push_back(Event::default().event("lost").data(lost));
            }
            let Some(last) = part.entries.last() else {
                self.newest.changed().await.ok()?;
                continue;
            };
            self.after = last.id;
            let wanted = part.entries.iter().filter(|it| self.asked.wants(it));
            self.waiting.extend(wanted.map(|entry| {
                let event = Event::default().id(entry.id.to_string());
                event.event(entry.kind()).data(entry.json())
            }));
        }
    }
}
