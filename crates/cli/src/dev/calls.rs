//! Cloud Calls on their way into the journal: of Node by the gateway, of Rust by the forward.

use std::time::{Duration, Instant};

use cloudcall_emulator::GatewayEvent;
use serde::Deserialize;
use serde_json::Value;

use super::journal::{Call, Journal, Parameters, Verdict, What};
use super::running::Running;
use crate::printer::Printer;
use crate::runner::{Observer, Passed, WorkerId, tell};

/// The largest answer, in bytes, that is read for an error of WeChat's.
const LARGEST_JSON: usize = 64 << 10;

/// The SDK's code of a denied call.
const DENIED: i64 = -604_101;

/// The SDK's code of a failed exchange.
const BROKEN: i64 = -601_003;

/// Notes Cloud Calls, each with the invocation it belongs to.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) journal: Journal,
    pub(crate) running: Running,
    pub(crate) printer: Printer,
}

impl Calls {
    /// Notes what the SDK for Rust says it has denied, and has sent nowhere.
    pub(crate) fn denied(&self, function: &str, request_id: &str, apis: &[String]) {
        for api in apis {
            self.journal.record(What::Call(Call {
                function: function.to_owned(),
                request_id: Some(request_id.to_owned()),
                api: api.clone(),
                parameters: (&Value::Null).into(),
                verdict: Verdict::Denied,
                err_code: DENIED,
                err_msg: "denied: add it to permissions.openapi".into(),
                bytes: 0,
                content_type: None,
                duration_ms: 0,
            }));
        }
    }

    /// That of the invocation which the call was begun in: it may have ended before the call.
    fn request_id(&self, worker: Option<u64>, duration: Duration) -> Option<String> {
        let now = Instant::now();
        let began = now.checked_sub(duration).unwrap_or(now);
        let current = self.running.at(WorkerId(worker?), began)?;
        Some(current.request_id)
    }
}

impl Observer for Calls {
    fn gateway(&self, event: &GatewayEvent<'_>) {
        match event {
            // The entry has said the rest.
            GatewayEvent::CallFailed { error, .. } => {
                error
                    .hint()
                    .into_iter()
                    .for_each(|hint| self.printer.hint(hint));
            }
            // The entry of that invocation has said it.
            GatewayEvent::Refused {
                action: "functions.invokeFunction",
                message,
                ..
            } if message.starts_with('{') => {}
            _ => tell(event, self.printer),
        }
        let (function, id, api, parameters, result, duration) = match event {
            GatewayEvent::Called {
                function,
                id,
                api,
                parameters,
                result,
                duration,
                ..
            } => (function, id, api, parameters, Some(result), duration),
            GatewayEvent::GivenUp {
                function,
                id,
                api,
                parameters,
                duration,
                ..
            } => (function, id, api, parameters, None, duration),
            _ => return,
        };
        let mut call = Call {
            function: (*function).to_owned(),
            request_id: self.request_id(*id, *duration),
            api: (*api).to_owned(),
            parameters: Parameters::from(*parameters),
            verdict: Verdict::Permitted,
            err_code: 0,
            err_msg: "ok".into(),
            bytes: 0,
            content_type: None,
            duration_ms: millis(*duration),
        };
        match result {
            None => {
                call.err_code = BROKEN;
                call.err_msg = "the function did not wait for the reply".into();
            }
            Some(Ok(answer)) => {
                if let Some(says) = Says::of(&answer.body) {
                    (call.err_code, call.err_msg) = (says.errcode, says.errmsg);
                }
                call.bytes = answer.body.len() as u64;
                call.content_type = Some(answer.content_type.clone());
            }
            Some(Err(error)) => {
                call.verdict = match () {
                    () if error.is_permission_denied() => Verdict::Denied,
                    () if error.is_unknown_api() => Verdict::UnknownApi,
                    () => Verdict::Permitted,
                };
                call.err_code = error.err_code();
                call.err_msg = match call.verdict {
                    Verdict::Denied => "denied: add it to permissions.openapi".into(),
                    _ => error.err_msg().to_owned(),
                };
            }
        }
        self.journal.record(What::Call(call));
    }

    fn passed(&self, passed: &Passed) {
        let current = self.running.at(passed.worker, passed.began);
        let (function, request_id) = current
            .map(|it| (it.function, Some(it.request_id)))
            .unwrap_or_default();
        self.journal.record(What::Call(Call {
            function,
            request_id,
            api: passed.api.to_owned(),
            parameters: Parameters::from(&passed.parameters),
            verdict: Verdict::Permitted,
            err_code: passed.err_code,
            err_msg: passed.err_msg.clone(),
            bytes: passed.bytes,
            content_type: passed.content_type.clone(),
            duration_ms: millis(passed.duration),
        }));
    }
}

/// What WeChat says of an error.
#[derive(Deserialize)]
struct Says {
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

impl Says {
    fn of(body: &[u8]) -> Option<Self> {
        let may = body.first() == Some(&b'{') && body.len() <= LARGEST_JSON;
        may.then(|| serde_json::from_slice(body).ok()).flatten()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cloudcall::transport::{MockTransport, json_reply};
    use cloudcall::{Cloud, Permissions};
    use serde_json::json;

    use super::super::running::Current;
    use super::*;
    use crate::printer::Told as _;
    use crate::runner::Caller;

    fn calls() -> Calls {
        Calls {
            journal: Journal::new(Printer, 10),
            running: Running::default(),
            printer: Printer,
        }
    }

    fn entries(calls: &Calls) -> Vec<Value> {
        let texts = calls.journal.after(0, 10).entries;
        let texts = texts.iter();
        texts
            .map(|entry| serde_json::from_str(&entry.json()).expect("JSON"))
            .collect()
    }

    #[test]
    fn a_call_belongs_to_what_its_worker_is_at() {
        let calls = calls();
        let current = Current {
            function: "f".into(),
            request_id: "r1".into(),
            caller: Caller::default(),
        };
        let passed = |worker| Passed {
            worker: WorkerId(worker),
            api: "customerServiceMessage.send",
            parameters: json!({"touser": "o1"}),
            err_code: 45015,
            err_msg: "out of time".into(),
            bytes: 20,
            content_type: Some("application/json".into()),
            began: Instant::now(),
            duration: Duration::from_millis(3),
        };
        calls.running.start(WorkerId(1), current);
        let begun_within = passed(1);
        calls.passed(&begun_within);
        calls.passed(&passed(2));
        let next = Current {
            request_id: "r2".into(),
            ..calls.running.of(WorkerId(1)).expect("it works")
        };
        calls.running.end(WorkerId(1));
        calls.running.start(WorkerId(1), next);
        calls.passed(&begun_within);
        calls.denied("f", "r1", &["a.b".to_owned()]);
        let entries = entries(&calls);
        assert_eq!(entries[0]["function"], "f");
        assert_eq!(entries[0]["requestId"], "r1");
        assert_eq!(entries[0]["errCode"], 45015);
        assert_eq!(entries[0]["parameters"], json!({"touser": "o1"}));
        assert_eq!(entries[1].get("requestId"), None);
        assert_eq!(entries[2]["requestId"], "r1");
        assert_eq!(entries[3]["verdict"], "denied");
        assert_eq!(entries[3]["errCode"], DENIED);
    }

    /// A function with the SDK for Rust, on the way that is its worker's own.
    #[tokio::test]
    async fn calls_of_the_sdk_are_seen_on_the_workers_way() {
        use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
        use cloudcall::transport::HttpsTransport;

        use crate::env::{API_BASE, APP_ID, APP_SECRET, Env};
        use crate::runner::Upstream;
        use crate::target::Target;

        let calls = calls();
        let folder = tempfile::tempdir().expect("a folder");
        let sample = b"GIF89a\x01\0\x01\0\0\0\0;";
        std::fs::write(folder.path().join("sample.gif"), sample).expect("to write");
        let target = Target::Emulator {
            media: Some(folder.path().to_owned()),
            faults: Vec::new(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let upstream = Upstream::open_on(
            listener.expect("a port"),
            target,
            None,
            None,
            Arc::new(calls.clone()),
            super::super::journal::router(calls.journal.clone()),
            Printer,
        );
        let upstream = upstream.await.expect("open");
        let environment = upstream.worker_environment(WorkerId(4), &Env::of(&[]));
        let variable = |name: &str| {
            let found = environment.iter().find(|(its_name, _)| its_name == name);
            found.expect(name).1.to_str().expect("text").to_owned()
        };
        let base = variable(API_BASE);
        assert!(base.ends_with("/_cloudcall/worker/4"), "{base}");
        let cloud = Cloud::builder()
            .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
            .api_base(base)
            .app_secret(variable(APP_ID), variable(APP_SECRET))
            .transport(HttpsTransport::new())
            .build()
            .expect("complete");
        let media = get_temp_media(&cloud, GetTempMedia::new("sample")).await;
        media.expect("the sample");
        get_temp_media(&cloud, GetTempMedia::new("none"))
            .await
            .expect_err("no such media");

        let entries = entries(&calls);
        assert_eq!(entries.len(), 2, "the token is no entry: {entries:?}");
        assert_eq!(entries[0]["parameters"], json!({"media_id": "sample"}));
        assert_eq!(entries[0]["errCode"], 0);
        assert_eq!(entries[0]["bytes"], sample.len());
        assert_eq!(entries[0]["contentType"], "image/gif");
        assert_eq!(entries[1]["errCode"], 40007);
        let all = json!(entries).to_string();
        assert!(!all.contains(&variable(APP_SECRET)));
    }

    /// By way of the gateway itself, whose events only it can make.
    #[tokio::test]
    async fn what_the_gateway_says_is_noted_with_its_verdict() {
        use axum::body::Body;
        use cloudcall_emulator::{Caller as Function, Gateway};
        use http_body_util::BodyExt as _;

        let calls = calls();
        let observer = Arc::new(calls.clone());
        let gateway = Gateway::with_observer(move |event| observer.gateway(event));
        let said = json!({"errcode": 40003, "errmsg": "invalid openid"});
        let cloud = Cloud::builder()
            .permissions(Permissions::allow(["customerServiceMessage.send"]))
            .transport(MockTransport::replies([json_reply(said)]))
            .build()
            .expect("complete");
        let token = gateway.register(Function::new("f", cloud).id(9));
        let current = Current {
            function: "f".into(),
            request_id: "r9".into(),
            caller: Caller::default(),
        };
        calls.running.start(WorkerId(9), current);
        for api in [
            "customerServiceMessage.send",
            "customerServiceMessage.setTyping",
            "no.such",
        ] {
            let form = format!(
                "--X\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nwx.openApi\r\n\
                 --X\r\nContent-Disposition: form-data; name=\"apiName\"\r\n\r\n{api}\r\n\
                 --X\r\nContent-Disposition: form-data; name=\"requestData\"\r\n\r\n\r\n\
                 --X\r\nContent-Disposition: form-data; name=\"wxCloudApiToken\"\r\n\r\n{}\r\n--X--\r\n",
                token.expose()
            );
            let request = http::Request::post("/admin")
                .header("content-type", "multipart/form-data; boundary=X")
                .body(Body::from(form))
                .expect("a request");
            let mut router = gateway.router();
            let response = tower_service::Service::call(&mut router, request).await;
            let Ok(response) = response;
            response.into_body().collect().await.expect("whole");
        }
        let entries = entries(&calls);
        let about = |entry: &Value| json!([entry["requestId"], entry["verdict"], entry["errCode"]]);
        let about: Vec<_> = entries.iter().map(about).collect();
        assert_eq!(
            about,
            [
                json!(["r9", "permitted", 40003]),
                json!(["r9", "denied", DENIED]),
                json!(["r9", "unknown-api", -604_100]),
            ]
        );
        assert!(!json!(entries).to_string().contains(token.expose()));
    }
}
