//! What can be seen from inside only; the rest is tested end to end.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;

#[test]
fn loopback_is_recognised_in_every_spelling() {
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        assert!(is_loopback(host), "{host}");
    }
    for host in [
        "localhost.example",
        "128.0.0.1",
        "[::2]",
        "127.0.0.1.example",
        "",
    ] {
        assert!(!is_loopback(host), "{host}");
    }
}

/// A client that trusts nobody, and so may connect on a machine without certificates.
fn trusting_nobody() -> HttpsTransport {
    let transport = HttpsTransport::new();
    let route = Route {
        tls: true,
        loopback: true,
    };
    let reqwest = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(false).expect("TLS"))
        .no_proxy()
        .build()
        .expect("a client");
    let client = Client {
        reqwest,
        proxies: None,
    };
    transport.0.known.lock().expect("no panic").clients[route.index()] = Some(client);
    transport
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_connects_ends_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}/", listener.local_addr().expect("bound"));
    let transport = trusting_nobody();
    for _ in 0..3 {
        let request = http::Request::get(&url).body(Bytes::new());
        let call = tokio::spawn({
            let (transport, request) = (transport.clone(), request.expect("a request"));
            async move { transport.send(request).await.map(|_| ()) }
        });
        let (mut stream, _) = listener.accept().await.expect("connected");
        // It waits for the other side's part of the TLS handshake.
        stream.read_u8().await.expect("the client's part");
        call.abort();
        assert!(call.await.expect_err("ended").is_cancelled());
        let mut rest = Vec::new();
        // The end, or a reset: what was sent last may not have been read.
        let _ = stream.read_to_end(&mut rest).await;
    }
}

#[test]
fn a_proxy_is_named_without_its_password() {
    let proxies = Matcher::builder()
        .all("http://user:canary@proxy.example:3128")
        .no("direct.example")
        .build();
    let known = trusting_nobody().known(&http::Uri::from_static("https://localhost"));
    let client = Client {
        proxies: Some(Arc::new(proxies)),
        ..known.expect("it is there").0
    };
    for (uri, expected) in [
        (
            "https://api.weixin.qq.com/x?access_token=canary",
            "api.weixin.qq.com through the proxy proxy.example:3128",
        ),
        ("http://h:80/", "h:80 through the proxy proxy.example:3128"),
        ("https://direct.example/", "direct.example"),
    ] {
        let peer = client.route_to(&uri.parse().expect("a URI"));
        assert_eq!(peer.to_string(), expected);
    }
}
