//! Clients of the emulator: the SDK, and a bare reqwest GET of the same URL.

use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, Permissions};
use tokio::task::JoinSet;

use super::{API, APP_ID, APP_SECRET, Stopwatch};
use crate::Failure;

/// The SDK, with the app of the emulator.
pub(super) fn cloud(url: &str) -> Result<Cloud, Failure> {
    Ok(Cloud::builder()
        .permissions(Permissions::allow([API]))
        .app_secret(APP_ID, APP_SECRET)
        .api_base(url)
        .build()?)
}

/// Makes calls for media of a size, several at once, as many as each line on stdin says, and tells
/// what they took.
pub(crate) fn call(kind: &str, url: &str, size: usize, at_once: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match kind {
            "sdk" => {
                let cloud = cloud(url)?;
                let call = move || {
                    let cloud = cloud.clone();
                    async move {
                        let media = get_temp_media(&cloud, GetTempMedia::new("m0")).await?;
                        Ok(media.buffer.len())
                    }
                };
                rounds(call, size, at_once).await
            }
            "reqwest" => {
                let client = bare()?;
                let url = format!(
                    "{url}/cgi-bin/media/get?access_token={}&media_id=m0",
                    token(&client, url).await?
                );
                let call = move || {
                    let request = client.get(&url);
                    async move { Ok(request.send().await?.bytes().await?.len()) }
                };
                rounds(call, size, at_once).await
            }
            _ => Err(format!("no such client: {kind}").into()),
        }
    })
}

fn bare() -> Result<reqwest::Client, Failure> {
    let provider = rustls::crypto::ring::default_provider();
    provider
        .install_default()
        .map_err(|_| "a second provider")?;
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

async fn token(client: &reqwest::Client, url: &str) -> Result<String, Failure> {
    let url = format!(
        "{url}/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}"
    );
    let reply = client.get(url).send().await?.bytes().await?;
    let reply: serde_json::Value = serde_json::from_slice(&reply)?;
    Ok(reply["access_token"].as_str().ok_or("no token")?.to_owned())
}

/// Nothing else is to be done while the next line is waited for, so that may block.
async fn rounds<C, F>(call: C, size: usize, at_once: usize) -> Result<(), Failure>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = Result<usize, Failure>> + Send,
{
    for line in std::io::stdin().lines() {
        let calls: usize = line?.parse()?;
        let stopwatch = Stopwatch::start();
        let made = each(&call, size, at_once, calls).await?;
        stopwatch.tell(made);
    }
    Ok(())
}

async fn each<C, F>(call: &C, size: usize, at_once: usize, calls: usize) -> Result<usize, Failure>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = Result<usize, Failure>> + Send,
{
    let mut callers = JoinSet::new();
    for _ in 0..at_once {
        let call = call.clone();
        callers.spawn(async move {
            for _ in 0..calls / at_once {
                let got = call().await?;
                if got != size {
                    return Err(Failure::from(format!("{got} bytes instead of {size}")));
                }
            }
            Ok(calls / at_once)
        });
    }
    let mut made = 0;
    while let Some(caller) = callers.join_next().await {
        made += caller??;
    }
    Ok(made)
}
