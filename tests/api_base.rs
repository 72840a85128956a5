//! `cloudcall call --api-base`: who is asked, with which credentials, and through which proxy.

use std::fs;
use std::net::TcpListener;

use rcgen::generate_simple_self_signed;

use crate::call::{GET, call, call_in};
use crate::servers::{Refusing, SECRET, Untouched};
use crate::tool::{output, root, stderr, stdout};

#[test]
fn credentials_come_from_dotenv_and_show_up_nowhere() {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::copy(
        root().join("config.json"),
        folder.path().join("config.json"),
    )
    .expect("copied");
    let dotenv = format!("# ours\nWECHAT_APPID=wx-of-dotenv\nWECHAT_SECRET='{SECRET}'\n");
    fs::write(folder.path().join(".env"), dotenv).expect("written");
    let server = Refusing::start();
    let output = output(&mut call_in(
        folder.path(),
        &[GET, "mediaId=x", "--api-base", &server.url],
    ));
    let said = format!("{}{}", stdout(&output), stderr(&output));
    assert!(
        said.contains("40125") && said.contains("check WECHAT_SECRET"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
    let request = server.request();
    assert!(
        request.starts_with("POST /cgi-bin/stable_token HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("wx-of-dotenv") && request.contains(SECRET),
        "{request}"
    );
}

#[test]
fn without_credentials_no_token_is_sent() {
    let server = Refusing::start();
    let mut run = call(&[GET, "mediaId=a b&c"]);
    output(run.env("CLOUDCALL_API_BASE", &server.url));
    let request = server.request();
    assert!(
        request.starts_with("GET /cgi-bin/media/get?media_id=a%20b%26c HTTP/1.1\r\n"),
        "{request}"
    );
}

#[test]
fn a_proxy_that_is_down_is_named_without_its_password() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound").port()
    };
    let proxy = format!("http://user:canary@127.0.0.1:{port}");
    for api_base in ["http://wechat.invalid", "https://wechat.invalid"] {
        let mut run = call(&[GET, "mediaId=x", "--api-base", api_base]);
        // An `https` URL needs certificates, of which it looks at none.
        let certificate = generate_simple_self_signed(["other.invalid".to_owned()]);
        let folder = tempfile::tempdir().expect("a temp folder");
        let trusted = folder.path().join("trusted.pem");
        fs::write(&trusted, certificate.expect("a certificate").cert.pem()).expect("written");
        run.env("SSL_CERT_FILE", &trusted)
            .env("HTTP_PROXY", &proxy)
            .env("HTTPS_PROXY", &proxy);
        let output = output(&mut run);
        let said = format!("{}{}", stdout(&output), stderr(&output));
        let expected = format!("connect to wechat.invalid through the proxy 127.0.0.1:{port}: ");
        assert!(said.contains(&expected), "{said}");
        assert!(said.contains("check the address and the network"), "{said}");
        assert!(said.contains("it was tried 3 times"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn a_proxy_is_not_asked_for_the_loopback_address() {
    let (server, proxy) = (Refusing::start(), Untouched::start());
    let mut run = call(&[GET, "mediaId=x", "--api-base", &server.url]);
    run.env("HTTP_PROXY", &proxy.url)
        .env("http_proxy", &proxy.url);
    let output = output(&mut run);
    assert!(stdout(&output).contains("40125"), "{}", stdout(&output));
    assert!(server.request().starts_with("GET /cgi-bin/media/get?"));
    proxy.assert();
}

#[test]
fn a_proxy_is_asked_for_other_hosts() {
    let proxy = Refusing::start();
    let mut run = call(&[GET, "mediaId=x", "--api-base", "http://wechat.invalid"]);
    output(run.env("http_proxy", &proxy.url));
    let request = proxy.request();
    assert!(
        request.starts_with("GET http://wechat.invalid/cgi-bin/media/get?media_id=x HTTP/1.1\r\n"),
        "{request}"
    );
}
