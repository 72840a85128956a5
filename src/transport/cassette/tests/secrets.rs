//! Secrets and access tokens.

use super::*;

/// A mock of WeChat that quotes whatever it is sent, in every kind of answer.
fn quoting() -> MockTransport {
    MockTransport::new(|request| {
        let sent = format!(
            "{} {}",
            request.uri(),
            String::from_utf8_lossy(request.body())
        );
        let mut reply = match request.uri().path() {
            "/cgi-bin/stable_token" if sent.contains("good") => {
                json_reply(json!({"access_token": "t0ken/canary+1", "expires_in": 7200}))
            }
            "/sns/jscode2session" => json_reply(json!({"a": [{"session_key": "k3y-canary"}]})),
            "/media" => media_reply("image/png", [PNG, sent.as_bytes()].concat()),
            "/text" => media_reply("text/plain", sent),
            _ => json_reply(json!({"errcode": 1, "errmsg": sent, "k3y-canary": {&sent: 1}})),
        };
        let token = request.uri().query().unwrap_or_default();
        if let Ok(value) = format!("attachment; filename=\"{token}\"").parse() {
            reply.headers_mut().insert("content-disposition", value);
            reply
                .headers_mut()
                .insert("set-cookie", "session=canary".parse().expect("value"));
        }
        Ok(reply)
    })
}

#[tokio::test]
async fn no_secret_is_in_any_file() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let recorder = Recorder::new(quoting(), &path).expect("a recorder");
    let stable = |secret: &str| {
        let body = json!({"grant_type": "client_credential", "appid": "wx", "secret": secret});
        post(
            "/cgi-bin/stable_token",
            "application/json",
            body.to_string(),
        )
    };
    let token = "access_token=t0ken%2fcanary%2B1";
    let session = "/sns/jscode2session?appid=wx&secret=s%22canary%2Fgood&js_code=c";
    let quote = r#"{"quoted":"t0ken/canary+1 and s\"canary/good"}"#;
    for request in [
        get(session),
        stable("s\"canary/good"),
        stable("s\"canary/bad"),
        get(&format!("/media?{token}")),
        get(&format!("/text?{token}&q=k3y-canary")),
        get(&format!("/json?x=t0ken%2fcanary%2B1&{token}")),
        post(&format!("/json?{token}"), "application/json", quote),
        post(&format!("/text?{token}"), "text/plain", "t0ken/canary+1"),
        post(&format!("/media?{token}"), "image/png", "t0ken/canary+1"),
        post(
            "/cgi-bin/component/api_component_token",
            "application/json",
            r#"{"component_appid":"wx","component_appsecret":"of-component-canary"}"#,
        ),
        form("B", "t0ken/canary+1", b"\xff t0ken/canary+1"),
        get("/cgi-bin/token?grant_type=client_credential&appid=wx&secret=other-canary"),
    ] {
        answer(&recorder, request).await.expect("an answer");
    }
    // All but the one that gave a token.
    assert_eq!(recorder.recorded(), 11);
    let files = all_in(folder.path());
    assert!(files.len() >= 4, "{files:?}");
    for (name, content) in files {
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains("canary"), "{name}: {text}");
        assert!(!text.contains("T0KEN"), "{name}: {text}");
    }
    assert!(!format!("{recorder:?}").contains("canary"));

    // And with the same secrets it can be replayed.
    let replayer = Replayer::open(&path).expect("a cassette");
    answer(
        &replayer,
        get(&format!("/json?x=t0ken%2fcanary%2B1&{token}")),
    )
    .await
    .expect("an answer");
    answer(&replayer, get(session)).await.expect("an answer");
    let error = answer(
        &replayer,
        get(&format!("/new?q=t0ken%2Fcanary%2B1&{token}")),
    )
    .await
    .expect_err("not recorded");
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn a_token_is_in_no_file_however_it_is_given() {
    for given in [
        r#"{"access_token":["t0ken-canary"],"expires_in":7200}"#,
        r#"{"access_token":{"value":"t0ken-canary"}}"#,
        r#"[{"access_token":"t0ken-canary"}]"#,
        // Without a length, nobody can tell that it is cut.
        r#"{"access_token":"t0ken-canary","expires"#,
        r#"{"access_token":"t0ken-canary"}{"#,
    ] {
        let folder = folder();
        let path = folder.path().join("session.json");
        let token = get("/cgi-bin/token?grant_type=client_credential&appid=wx&secret=s3cret");
        let quoting = get("/cgi-bin/media/get?media_id=M");
        let answers = [given, given].map(|given| labelled("application/json", given));
        let exchanges = [token, quoting].into_iter().zip(answers);
        // As much as can be known by the second, where it is JSON.
        let count = if given.ends_with(['}', ']']) { 2 } else { 1 };
        record(&path, exchanges.take(count).collect()).await;
        for (name, content) in all_in(folder.path()) {
            let text = String::from_utf8_lossy(&content);
            assert!(!text.contains("canary"), "{given} in {name}: {text}");
        }
    }
}

#[tokio::test]
async fn a_cassette_works_with_and_without_credentials() {
    let folder = folder();
    for recorded_with in [true, false] {
        let path = folder.path().join(format!("{recorded_with}.json"));
        let wechat = MockTransport::new(|request| {
            Ok(match request.uri().path() {
                "/cgi-bin/stable_token" => {
                    json_reply(json!({"access_token": "T0KEN", "expires_in": 7200}))
                }
                _ => media_reply("image/png", PNG),
            })
        });
        let recorder = Recorder::new(wechat, &path).expect("a recorder");
        let recording = cloud(recorder.clone(), recorded_with);
        get_temp_media(&recording, GetTempMedia::new("M"))
            .await
            .expect("media");
        assert_eq!(recorder.recorded(), 1);
        for replayed_with in [true, false] {
            let replayer = Replayer::open(&path).expect("a cassette");
            let media = get_temp_media(&cloud(replayer, replayed_with), GetTempMedia::new("M"))
                .await
                .expect("media");
            assert_eq!(&media.buffer[..], PNG);
        }
    }
}

#[tokio::test]
async fn a_refused_and_a_renewed_token_are_replayed() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let replies = || {
        let token = |token| json_reply(json!({"access_token": token, "expires_in": 7200}));
        [
            json_reply(json!({"errcode": 40125, "errmsg": "invalid appsecret"})),
            token("old"),
            json_reply(json!({"errcode": 40001, "errmsg": "invalid credential"})),
            token("new"),
            media_reply("image/png", PNG),
        ]
    };
    let session = |transport: Arc<dyn Transport>| async move {
        let cloud = cloud(transport, true);
        let refused = get_temp_media(&cloud, GetTempMedia::new("M")).await;
        assert_eq!(refused.expect_err("refused").err_code(), 40125);
        let media = get_temp_media(&cloud, GetTempMedia::new("M")).await;
        assert_eq!(&media.expect("media").buffer[..], PNG);
    };
    let mock = MockTransport::replies(replies());
    let recorder = Recorder::new(mock, &path).expect("a recorder");
    session(Arc::new(recorder)).await;
    session(Arc::new(Replayer::open(&path).expect("a cassette"))).await;
}
