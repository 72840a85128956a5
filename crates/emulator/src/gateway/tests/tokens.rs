//! A function's token gives that function's permissions and no others, over HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::EmulatorHandle;

struct Served {
    bed: Bed,
    server: EmulatorHandle,
}

impl Served {
    async fn new() -> Self {
        let bed = Bed::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let router = bed.wechat.emulator.router().merge(bed.gateway.router());
        let server = bed.wechat.emulator.start_with(listener, router);
        let server = server.expect("started");
        Self { bed, server }
    }

    /// Posts a body to the gateway, on a connection of its own; the whole answer.
    async fn post(&self, target: &str, headers: &str, body: &[u8]) -> String {
        let address = self.server.local_addr();
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let length = body.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn post_form(&self, parts: &[(&str, &[u8])]) -> String {
        let headers = "Content-Type: multipart/form-data; boundary=XX\r\n";
        self.post("/admin", headers, &form(parts)).await
    }

    /// Whether this token gets the image, and whether it gets to send a message.
    async fn may(&self, token: &str) -> (bool, bool) {
        let image = data(vec![pair("media_id", r#""sample""#)]);
        let got = self.post_form(&call_parts(token, GET, &image)).await;
        let text = data(vec![
            pair("touser", r#""O""#),
            pair("msgtype", r#""text""#),
            pair("text", r#"{"content":"hello"}"#),
        ]);
        let before = self.bed.journal_count("/cgi-bin/message/custom/send");
        self.post_form(&call_parts(token, SEND, &text)).await;
        let after = self.bed.journal_count("/cgi-bin/message/custom/send");
        (got.contains("image/jpeg"), after > before)
    }
}

#[tokio::test]
async fn a_token_has_its_own_functions_permissions_and_no_others() {
    let served = Served::new().await;
    let reader = served.bed.function("reader", [GET]);
    let sender = served.bed.function("sender", [SEND]);
    let idle = served.bed.function("idle", []);
    for _ in 0..2 {
        assert_eq!(served.may(reader.expose()).await, (true, false));
        assert_eq!(served.may(sender.expose()).await, (false, true));
        assert_eq!(served.may(idle.expose()).await, (false, false));
    }
    // The functions of two processes of one name are two.
    let namesake = served.bed.function("reader", [SEND]);
    assert_eq!(served.may(namesake.expose()).await, (false, true));
    assert_eq!(served.may(reader.expose()).await, (true, false));
}

#[tokio::test]
async fn what_is_no_token_has_no_permissions() {
    let served = Served::new().await;
    let token = served.bed.function("f", [GET, SEND]);
    let held = token.expose();
    let like = [
        String::new(),
        " ".to_owned(),
        "f".to_owned(),
        "x".repeat(64),
        held[..63].to_owned(),
        format!("{held}x"),
        format!(" {held}"),
        format!("{held}\0"),
        format!("{held}\n"),
        held.to_lowercase(),
    ];
    for token in &like {
        assert_eq!(served.may(token).await, (false, false), "{token:?}");
    }
    assert_eq!(served.may(held).await, (true, true));
}

#[tokio::test]
async fn a_token_dies_with_its_handle_and_not_with_another() {
    let served = Served::new().await;
    let [one, other] = [(); 2].map(|()| served.bed.function("f", [GET]));
    let (first, second) = (one.expose().to_owned(), other.expose().to_owned());
    drop(one);
    assert_eq!(served.may(&first).await, (false, false));
    assert_eq!(served.may(&second).await, (true, false));
    drop(other);
    assert_eq!(served.may(&second).await, (false, false));
}

#[tokio::test]
async fn two_tokens_are_refused() {
    let served = Served::new().await;
    let reader = served.bed.function("reader", [GET]);
    let idle = served.bed.function("idle", []);
    let data = data(vec![pair("media_id", r#""sample""#)]);
    for (first, second) in [(&reader, &idle), (&idle, &reader), (&reader, &reader)] {
        let mut parts = call_parts(first.expose(), GET, &data).to_vec();
        parts.push(("wxCloudApiToken", second.expose().as_bytes()));
        let answer = served.post_form(&parts).await;
        let refused = "the part wxCloudApiToken is there twice";
        assert!(answer.contains(refused), "{answer}");
    }
    for name in ["action", "apiName", "requestData"] {
        let mut parts = call_parts(reader.expose(), GET, &data).to_vec();
        parts.push((name, b"x"));
        let answer = served.post_form(&parts).await;
        let refused = format!("the part {name} is there twice");
        assert!(answer.contains(&refused), "{answer}");
    }
    let [one, other] = [&reader, &idle].map(FunctionToken::expose);
    let json = format!(
        r#"{{"action":"functions.invokeFunction","function_name":"f","wxCloudApiToken":"{one}","wxCloudApiToken":"{other}"}}"#
    );
    let headers = "Content-Type: application/json\r\n";
    let answer = served.post("/admin", headers, json.as_bytes()).await;
    assert!(answer.contains("the body is not a JSON object"), "{answer}");
    assert_eq!(served.bed.journal_count("/cgi-bin/media/get"), 0);
}

#[tokio::test]
async fn a_token_counts_in_the_body_only() {
    let served = Served::new().await;
    let reader = served.bed.function("reader", [GET]);
    let idle = served.bed.function("idle", []);
    let data = data(vec![pair("media_id", r#""sample""#)]);
    let token = reader.expose();
    let target = format!("/admin?wxCloudApiToken={token}");
    let headers = format!(
        "Content-Type: multipart/form-data; boundary=XX\r\nwxCloudApiToken: {token}\r\n\
         Authorization: Bearer {token}\r\nCookie: wxCloudApiToken={token}\r\n"
    );
    for in_body in [idle.expose(), ""] {
        let body = form(&call_parts(in_body, GET, &data));
        let answer = served.post(&target, &headers, &body).await;
        assert!(!answer.contains("image/jpeg"), "{answer}");
        assert!(!answer.contains(token), "{answer}");
    }
    let body = form(&call_parts(token, GET, &data));
    let answer = served.post(&target, &headers, &body).await;
    assert!(answer.contains("image/jpeg"), "{answer}");
}
