//! Access tokens shared through a real Redis: handles, processes, and what happens without it.

mod handles;
mod outages;
mod processes;
pub(crate) mod server;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use cloudcall::access_token::{RedisStore, TokenStore};
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::transport::{Body, Transport, TransportError, json_reply};
use cloudcall::{Cloud, Error, Permissions};
use cloudcall_emulator::{Clock, Emulator, EmulatorTransport};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use server::RedisServer;

const TOKENS: &str = "/cgi-bin/stable_token";
const MEDIA: &str = "/cgi-bin/media/get";

/// No value in Redis, and no text, may hold it.
const SECRET: &str = "s3cret-canary";

/// What the media holds, so that a wrong answer shows.
const BYTES: &[u8] = b"\x89PNG what was asked for";

/// Redis, and WeChat with a clock that the test moves.
struct Bed {
    redis: RedisServer,
    media: TempDir,
    emulator: Emulator,
    clock: Clock,
    transport: Gated,
}

impl Bed {
    fn new() -> Self {
        let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let media = tempfile::tempdir().expect("a temp folder");
        write_media(&media);
        let emulator = Emulator::builder()
            .app("wx1", SECRET)
            .media_dir(media.path())
            .clock(clock.clone())
            .build()
            .expect("an emulator");
        Self {
            redis: RedisServer::start(),
            media,
            transport: Gated {
                emulator: emulator.transport(),
                script: Arc::default(),
            },
            emulator,
            clock,
        }
    }

    /// A store as a process has it, with a connection of its own and room for a busy machine.
    fn store(&self) -> RedisStore {
        let store = RedisStore::new(&self.redis.url()).expect("a URL");
        store.timeout(Duration::from_secs(30))
    }

    /// A handle as a process has it.
    fn cloud(&self) -> Cloud {
        self.cloud_with(self.store())
    }

    fn cloud_with(&self, store: impl TokenStore) -> Cloud {
        Cloud::builder()
            .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
            .app_secret("wx1", SECRET)
            .token_store(store)
            .transport(self.transport.clone())
            .build()
            .expect("complete")
    }

    /// How often a token was asked for.
    fn token_requests(&self) -> usize {
        self.emulator.journal().count(TOKENS)
    }

    /// Ends all tokens without the processes' knowing.
    fn end_tokens(&self) {
        self.clock.advance(Duration::from_secs(7200));
        // Media end, too, unless they are new.
        write_media(&self.media);
    }

    /// Somebody else forces a new token, which ends the one before.
    async fn force(&self) {
        let body = format!(
            r#"{{"grant_type":"client_credential","appid":"wx1","secret":"{SECRET}","force_refresh":true}}"#
        );
        let request = http::Request::post(format!("http://h{TOKENS}")).body(body.into());
        let transport = self.emulator.transport();
        let reply = transport.send(request.expect("a request")).await;
        assert!(reply.expect("a reply").status().is_success());
    }
}

fn write_media(folder: &TempDir) {
    std::fs::write(folder.path().join("M.png"), BYTES).expect("written");
}

/// The emulator without a socket, whose answers can be held back, or be others.
#[derive(Clone)]
struct Gated {
    emulator: EmulatorTransport,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    gates: HashMap<&'static str, Arc<Semaphore>>,
    rejects_all: bool,
    forced: usize,
}

impl Gated {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic")
    }

    /// Holds the answer to the next request to a path back, until the gate gets a permit.
    fn hold(&self, path: &'static str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.script().gates.insert(path, Arc::clone(&gate));
        gate
    }
}

#[async_trait]
impl Transport for Gated {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let (gate, is_rejected) = {
            let mut script = self.script();
            let path = request.uri().path();
            let forces = std::str::from_utf8(request.body())
                .is_ok_and(|body| body.contains(r#""force_refresh":true"#));
            script.forced += usize::from(forces);
            let is_rejected = script.rejects_all && path == MEDIA;
            (script.gates.remove(path), is_rejected)
        };
        let reply = if is_rejected {
            let invalid = serde_json::json!({"errcode": 40001, "errmsg": "invalid credential"});
            Ok(json_reply(invalid))
        } else {
            self.emulator.send(request).await
        };
        if let Some(gate) = gate {
            gate.acquire().await.expect("it is never closed").forget();
        }
        reply
    }
}

/// Makes a call, whose answer has to be the right one.
async fn call(cloud: &Cloud) -> Result<(), Error> {
    let media = get_temp_media(cloud, GetTempMedia::new("M")).await?;
    assert_eq!(media.buffer[..], *BYTES);
    Ok(())
}

/// A call in the background.
fn spawn_call(cloud: &Cloud) -> tokio::task::JoinHandle<Result<(), Error>> {
    let cloud = cloud.clone();
    tokio::spawn(async move { call(&cloud).await })
}

/// Lets the others run until this holds.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}
