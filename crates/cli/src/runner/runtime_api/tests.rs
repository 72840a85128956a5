use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn invocation(event: &'static str) -> Invocation {
    Invocation {
        request_id: "id-1".into(),
        event: event.into(),
        caller: Some(HeaderValue::from_static("{}")),
        time_limit: Duration::from_millis(1500),
        memory_limit: 256,
    }
}

/// One request on a connection of its own; the answer's head and body.
async fn send(api: SocketAddr, request: String) -> (String, String) {
    let mut stream = TcpStream::connect(api).await.expect("connect");
    stream.write_all(request.as_bytes()).await.expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (head.to_owned(), body.to_owned())
}

async fn post(api: SocketAddr, path: &str, body: &str) -> (String, String) {
    let length = body.len();
    send(
        api,
        format!("POST /runtime/{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"),
    )
    .await
}

/// What the worker answers, without a limit.
async fn outcome(api: &mut RuntimeApi) -> Outcome {
    api.answer(None, None).await.expect("no limit")
}

/// Posts an answer for this request id, and waits for the next event.
async fn post_for_next(api: SocketAddr, path: &str, id: &str, body: &str) -> (String, String) {
    let length = body.len();
    send(
        api,
        format!("POST /runtime/{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nCloudcall-Next: {id}\r\nContent-Length: {length}\r\n\r\n{body}"),
    )
    .await
}

async fn next(api: SocketAddr) -> (String, String) {
    send(
        api,
        format!(
            "GET /runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\r\n"
        ),
    )
    .await
}

#[tokio::test]
async fn an_event_goes_round() {
    let mut api = RuntimeApi::serve().await.expect("port");
    let (ready, _) = tokio::join!(post(api.address(), "init/ready", " "), api.ready());
    assert!(ready.0.starts_with("HTTP/1.1 200"), "{ready:?}");

    api.offer(invocation("{\"a\":1}"));
    let event = next(api.address()).await;
    assert!(api.is_taken());
    assert_eq!(event.1, "{\"a\":1}");
    for header in [
        "request_id: id-1",
        "memory_limit_in_mb: 256",
        "cloudcall-caller: {}",
        "time_limit_in_ms: 1500",
    ] {
        assert!(event.0.contains(header), "{header} in {}", event.0);
    }
    let again = next(api.address()).await;
    assert_eq!(again.1, event.1);

    let (posted, answered) = tokio::join!(
        post(api.address(), "invocation/response", "[2]"),
        outcome(&mut api)
    );
    assert!(posted.0.starts_with("HTTP/1.1 200"), "{posted:?}");
    assert_eq!(answered, Outcome::Response("[2]".into()));
}

#[tokio::test]
async fn denied_calls_come_with_the_answer() {
    let mut api = RuntimeApi::serve().await.expect("port");
    let address = api.address();
    for (header, expected) in [
        ("Cloudcall-Denied: a.b,c.d", vec!["a.b", "c.d"]),
        ("X: y", vec![]),
    ] {
        api.offer(invocation("1"));
        let event = next(address).await;
        assert!(event.0.contains("cloudcall-report: denied"), "{}", event.0);
        send(
            address,
            format!("POST /runtime/invocation/response HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{header}\r\nContent-Length: 1\r\n\r\n1"),
        )
        .await;
        assert_eq!(outcome(&mut api).await, Outcome::Response("1".into()));
        assert_eq!(api.denied(), expected);
        assert_eq!(api.denied(), [""; 0]);
    }
}

#[tokio::test]
async fn asking_for_an_event_waits_for_it() {
    let mut api = RuntimeApi::serve().await.expect("port");
    let waiting = tokio::spawn(next(api.address()));
    api.ready().await;
    api.offer(invocation("1"));
    assert_eq!(waiting.await.expect("task").1, "1");

    let error = post(api.address(), "invocation/error", "no").await;
    assert!(error.0.starts_with("HTTP/1.1 200"), "{error:?}");
    let waiting = tokio::spawn(next(api.address()));
    assert_eq!(outcome(&mut api).await, Outcome::Error("no".into()));
    api.offer(invocation("2"));
    assert_eq!(waiting.await.expect("task").1, "2");
}

#[tokio::test]
async fn an_answer_without_an_event_is_refused() {
    let mut api = RuntimeApi::serve().await.expect("port");
    let early = post(api.address(), "invocation/response", "1").await;
    assert!(early.0.starts_with("HTTP/1.1 409"), "{early:?}");

    api.offer(invocation("1"));
    next(api.address()).await;
    post(api.address(), "invocation/response", "1").await;
    let twice = post(api.address(), "invocation/response", "2").await;
    assert!(twice.0.starts_with("HTTP/1.1 409"), "{twice:?}");
    assert_eq!(outcome(&mut api).await, Outcome::Response("1".into()));
}

#[tokio::test]
async fn a_result_beyond_the_limit_is_an_outcome() {
    let api = RuntimeApi::serve_with(3, Guards::default()).await;
    let mut api = api.expect("port");
    api.offer(invocation("1"));
    next(api.address()).await;
    let posted = post(api.address(), "invocation/response", "123").await;
    assert!(posted.0.starts_with("HTTP/1.1 200"), "{posted:?}");
    assert_eq!(outcome(&mut api).await, Outcome::Response("123".into()));

    api.offer(invocation("1"));
    next(api.address()).await;
    let posted = post(api.address(), "invocation/response", "1234").await;
    assert!(posted.0.starts_with("HTTP/1.1 413"), "{posted:?}");
    let reported = post(api.address(), "invocation/error", "413").await;
    assert!(reported.0.starts_with("HTTP/1.1 200"), "{reported:?}");
    assert_eq!(outcome(&mut api).await, Outcome::TooLarge);
}

#[tokio::test]
async fn web_pages_take_no_event_and_give_no_answer() {
    let api = RuntimeApi::serve().await.expect("port");
    api.offer(invocation("1"));
    let loopback = format!("Host: {}", api.address());
    for headers in [
        "Host: evil.example:80".to_owned(),
        "Host: tcb-open.tencentcloudapi.com".to_owned(),
        "X: no host".to_owned(),
        format!("{loopback}\r\nOrigin: https://evil.example"),
        format!("{loopback}\r\nSec-Fetch-Site: cross-site"),
    ] {
        for request in [
            "GET /runtime/invocation/next",
            "POST /runtime/invocation/response",
        ] {
            let text = format!("{request} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
            let answer = send(api.address(), text).await;
            assert!(answer.0.starts_with("HTTP/1.1 403"), "{headers} {answer:?}");
        }
    }
    assert!(!api.is_taken());
    assert_eq!(next(api.address()).await.1, "1");
}

#[tokio::test]
async fn a_slow_result_is_refused_and_may_be_sent_again() {
    let mut guards = Guards::default();
    guards.limits.body.stall = Duration::from_millis(100);
    let mut api = RuntimeApi::serve_with(LARGEST, guards).await.expect("port");
    api.offer(invocation("1"));
    next(api.address()).await;
    let slow = "POST /runtime/invocation/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1";
    let answer = send(api.address(), slow.into()).await;
    assert!(answer.0.starts_with("HTTP/1.1 408"), "{answer:?}");
    post(api.address(), "invocation/response", "2").await;
    assert_eq!(outcome(&mut api).await, Outcome::Response("2".into()));
}

#[tokio::test]
async fn waiting_for_an_event_is_never_too_slow() {
    let mut guards = Guards::default();
    let limits = &mut guards.limits;
    limits.head = Duration::from_millis(50);
    limits.body.stall = Duration::from_millis(50);
    limits.answer.stall = Duration::from_millis(50);
    let api = RuntimeApi::serve_with(LARGEST, guards).await.expect("port");
    let waiting = tokio::spawn(next(api.address()));
    api.ready().await;
    // A connection that says nothing is closed when all of these limits have passed.
    let mut silent = TcpStream::connect(api.address()).await.expect("connect");
    assert_eq!(silent.read(&mut [0]).await.expect("its end"), 0);
    api.offer(invocation("1"));
    assert_eq!(waiting.await.expect("task").1, "1");
}

fn named(request_id: &str, event: &'static str) -> Invocation {
    Invocation {
        request_id: request_id.into(),
        ..invocation(event)
    }
}

#[tokio::test]
async fn an_answer_is_answered_with_the_next_event() {
    let mut guards = Guards::default();
    guards.limits.answer.stall = Duration::from_millis(50);
    guards.limits.body.stall = Duration::from_millis(50);
    guards.limits.head = Duration::from_millis(50);
    let mut api = RuntimeApi::serve_with(3, guards).await.expect("port");
    let address = api.address();
    api.offer(named("id-1", "1"));
    let event = next(address).await;
    assert!(event.0.contains("cloudcall-next: offered"), "{}", event.0);

    // The result is there at once; only the reply waits, for as long as there is no event.
    let waiting = tokio::spawn(post_for_next(address, "invocation/response", "id-1", "[1]"));
    assert_eq!(outcome(&mut api).await, Outcome::Response("[1]".into()));
    assert!(!api.is_taken());
    let mut silent = TcpStream::connect(address).await.expect("connect");
    assert_eq!(silent.read(&mut [0]).await.expect("its end"), 0);
    assert!(!waiting.is_finished());
    api.offer(named("id-2", "2"));
    let event = waiting.await.expect("task");
    assert!(event.0.contains("request_id: id-2"), "{}", event.0);
    assert_eq!(event.1, "2");
    assert!(api.is_taken());

    // An error is answered in the same way, also after a result that was refused.
    let refused = post_for_next(address, "invocation/response", "id-2", "1234").await;
    assert!(refused.0.starts_with("HTTP/1.1 413"), "{refused:?}");
    let waiting = tokio::spawn(post_for_next(address, "invocation/error", "id-2", "413"));
    assert_eq!(outcome(&mut api).await, Outcome::TooLarge);
    api.offer(named("id-3", "3"));
    assert_eq!(waiting.await.expect("task").1, "3");
}

#[tokio::test]
async fn an_answer_that_comes_again_is_none_to_the_next_event() {
    let mut api = RuntimeApi::serve().await.expect("port");
    let address = api.address();
    api.offer(named("id-1", "1"));
    next(address).await;
    let lost = tokio::spawn(post_for_next(address, "invocation/response", "id-1", "[1]"));
    assert_eq!(outcome(&mut api).await, Outcome::Response("[1]".into()));
    api.offer(named("id-2", "2"));
    lost.await.expect("task");

    let again = post_for_next(address, "invocation/response", "id-1", "[1]").await;
    assert!(again.0.starts_with("HTTP/1.1 409"), "{again:?}");
    let event = post_for_next(address, "invocation/error", "id-1", "409").await;
    assert_eq!(event.1, "2");
    post(address, "invocation/response", "[2]").await;
    assert_eq!(outcome(&mut api).await, Outcome::Response("[2]".into()));
}

#[tokio::test]
async fn each_part_of_an_invocation_has_its_limit() {
    let [short, long] = [50, 60_000].map(Duration::from_millis).map(Some);
    let mut api = RuntimeApi::serve().await.expect("port");
    api.offer(invocation("1"));
    assert_eq!(api.answer(short, short).await, Err(Late::NotTaken));

    // What it took to take the event does not count.
    api.offer(invocation("1"));
    let late = tokio::time::timeout(Duration::from_millis(200), api.answer(long, short));
    late.await.expect_err("it may be taken much later");
    next(api.address()).await;
    let taken = Instant::now();
    assert_eq!(api.answer(long, short).await, Err(Late::NotAnswered));
    assert!(taken.elapsed() >= Duration::from_millis(40));

    api.offer(invocation("1"));
    next(api.address()).await;
    post(api.address(), "invocation/response", "1").await;
    // One that is longer than any clock, too.
    assert_eq!(
        api.answer(short, Some(Duration::MAX)).await,
        Ok(Outcome::Response("1".into()))
    );
}

/// The timer of an invocation that has ended goes on, and is no limit to the next.
#[tokio::test(start_paused = true)]
async fn each_invocation_has_its_own_limit() {
    let [limit, start] = [3, 60].map(Duration::from_secs);
    let mut api = RuntimeApi::serve().await.expect("port");
    let desk = Arc::clone(&api.desk);
    desk.ready();
    api.offer(named("id-1", "1"));
    let (answer, ()) = tokio::join!(api.answer(Some(start), Some(limit)), async {
        desk.take().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        desk.answer(Outcome::Response("1".into()), Vec::new(), None);
    });
    assert_eq!(answer, Ok(Outcome::Response("1".into())));

    // Taken only after the first one's limit.
    api.offer(named("id-2", "2"));
    let offered = Instant::now();
    let (answer, ()) = tokio::join!(api.answer(Some(start), Some(limit)), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        desk.take().await;
    });
    assert_eq!(answer, Err(Late::NotAnswered));
    let took = offered.elapsed().as_secs();
    assert!((7..=10).contains(&took), "{took}");
}
