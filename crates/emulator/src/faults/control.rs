//! `/_emulator/faults`: the faults over HTTP, while the emulator runs.

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::{Fault, FaultError, FaultStatus, Faults};
use crate::wechat::{json, plain_failure};

pub(super) const PATH: &str = "/_emulator/faults";

/// The route, to be merged beside those of the API.
pub(crate) fn router(faults: Faults) -> Router {
    Router::new()
        .route(PATH, get(list).post(add).delete(clear))
        .layer(middleware::from_fn(no_web_page))
        .with_state(faults)
}

/// Refuses what a web page sends: only browsers say where a request originates.
async fn no_web_page(request: Request, next: Next) -> Response {
    if request.headers().contains_key(ORIGIN) {
        return plain_failure(
            StatusCode::FORBIDDEN,
            "a web page may not look at faults or change them",
        );
    }
    next.run(request).await
}

async fn list(State(faults): State<Faults>) -> Response {
    #[derive(Serialize)]
    struct Listed {
        faults: Vec<FaultStatus>,
    }

    json(&Listed {
        faults: faults.list(),
    })
}

async fn add(
    State(faults): State<Faults>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Specs {
        One(String),
        Several(Vec<String>),
    }

    if !is_json(&headers) {
        return plain_failure(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send a fault with Content-Type: application/json",
        );
    }
    let Some(specs) = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok())
    else {
        return plain_failure(
            StatusCode::BAD_REQUEST,
            "send a fault as a JSON string, such as \"rate-limited\", or a list of such strings",
        );
    };
    let specs = match specs {
        Specs::One(spec) => vec![spec],
        Specs::Several(specs) => specs,
    };
    let read: Result<Vec<Fault>, FaultError> = specs.iter().map(|spec| spec.parse()).collect();
    match read {
        Ok(read) => {
            read.into_iter().for_each(|fault| faults.add(fault));
            list(State(faults)).await
        }
        Err(error) => plain_failure(
            StatusCode::BAD_REQUEST,
            &format!("{error}: {}", error.hint()),
        ),
    }
}

async fn clear(State(faults): State<Faults>) -> Response {
    faults.clear();
    list(State(faults)).await
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{self, Bed};

    async fn ask(bed: &Bed, method: &str, body: &str) -> (u16, Value) {
        asked(bed, method, body, &[("content-type", "application/json")]).await
    }

    async fn asked(bed: &Bed, method: &str, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = http::Request::builder().method(method).uri(PATH);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned()));
        let reply = bed.request(request.expect("a request")).await;
        (reply.status().as_u16(), testing::json(reply).await)
    }

    #[tokio::test]
    async fn faults_are_added_met_listed_and_cleared() {
        let bed = Bed::new();
        let token = bed.token().await;
        assert_eq!(ask(&bed, "GET", "").await, (200, json!({"faults": []})));
        assert_eq!(
            ask(&bed, "POST", r#""busy""#).await,
            (
                200,
                json!({"faults": [{"fault": "errcode=-1,times=2", "matched": 0, "fired": 0}]})
            )
        );
        let (_, several) = ask(&bed, "POST", r#"["garbage,once","token:reset"]"#).await;
        assert_eq!(several["faults"][2]["fault"], "token:reset=before");

        for expected in [-1, -1] {
            assert_eq!(bed.try_token(&token).await, expected);
        }
        let (_, listed) = ask(&bed, "GET", "").await;
        assert_eq!(listed["faults"][0]["fired"], 2);
        assert_eq!(ask(&bed, "DELETE", "").await, (200, json!({"faults": []})));
        assert_eq!(bed.try_token(&token).await, 0);
        assert_eq!(bed.emulator.journal().count(PATH), 0);
    }

    #[tokio::test]
    async fn the_way_in_is_not_faulted_itself() {
        let bed = Bed::with(|builder| builder.fault("all:status=503".parse().expect("a fault")));
        assert_eq!(bed.get("/elsewhere").await.status(), 503);
        let (status, listed) = ask(&bed, "GET", "").await;
        assert_eq!((status, &listed["faults"][0]["matched"]), (200, &json!(1)));
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_and_nothing_is_added() {
        let bed = Bed::new();
        for (body, expected) in [
            (
                r#"["busy","buzy"]"#,
                r#""buzy" is no fault, in the fault "buzy": write errcode=N"#,
            ),
            ("busy", "send a fault as a JSON string"),
            ("{}", "send a fault as a JSON string"),
            ("", "send a fault as a JSON string"),
        ] {
            let (status, reply) = ask(&bed, "POST", body).await;
            assert_eq!((status, &reply["errcode"]), (400, &json!(400)), "{body}");
            let message = testing::text(&reply["errmsg"]);
            assert!(message.starts_with(expected), "{message}");
        }
        assert!(bed.emulator.faults().list().is_empty());
    }

    #[tokio::test]
    async fn a_web_page_cannot_change_faults() {
        let bed = Bed::with(|builder| builder.fault("busy".parse().expect("a fault")));
        let origin = ("origin", "https://evil.example");
        // What a page can send to another site without asking.
        for simple in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            let headers = [("content-type", simple)];
            assert_eq!(asked(&bed, "POST", r#""reset""#, &headers).await.0, 415);
        }
        assert_eq!(asked(&bed, "POST", r#""reset""#, &[]).await.0, 415);
        for method in ["POST", "DELETE", "GET"] {
            let headers = [("content-type", "application/json"), origin];
            assert_eq!(asked(&bed, method, r#""reset""#, &headers).await.0, 403);
        }
        // The question before anything else, which is not granted.
        let mut ask = http::Request::builder().method("OPTIONS").uri(PATH);
        ask = ask.header("access-control-request-method", "DELETE");
        let reply = bed
            .request(ask.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(reply.status(), 405);
        assert!(!reply.headers().contains_key("access-control-allow-origin"));
        assert_eq!(bed.emulator.faults().list().len(), 1);
    }
}
