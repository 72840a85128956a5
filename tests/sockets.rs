//! The SDK and the emulator, with real sockets between them.

use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::Emulator;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

fn of_emulator(emulator: &Emulator, url: &str) -> Cloud {
    Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .app_secret(emulator.app_id(), emulator.app_secret())
        .api_base(url)
        .build()
        .expect("complete")
}

#[tokio::test]
async fn ten_megabytes_arrive_whole() {
    let bytes: Vec<u8> = (0..10_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let emulator = Emulator::builder()
        .media("M", bytes.clone())
        .build()
        .expect("an emulator");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = emulator.start(listener).expect("started");
    let cloud = of_emulator(&emulator, &server.url());
    let media = get_temp_media(&cloud, GetTempMedia::new("M"))
        .await
        .expect("the media");
    assert!(media.buffer[..] == bytes[..]);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_first_callers_ask_for_one_token_over_real_sockets() {
    let emulator = Emulator::builder()
        .media("M", &b"\x89PNG"[..])
        .build()
        .expect("an emulator");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = emulator.start(listener).expect("started");
    let cloud = of_emulator(&emulator, &server.url());
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let cloud = cloud.clone();
        callers.spawn(async move { get_temp_media(&cloud, GetTempMedia::new("M")).await });
    }
    for outcome in callers.join_all().await {
        outcome.expect("the media");
    }
    assert_eq!(emulator.journal().count("/cgi-bin/stable_token"), 1);
    assert_eq!(emulator.journal().count("/cgi-bin/media/get"), 1000);
    server.close().await;
}
