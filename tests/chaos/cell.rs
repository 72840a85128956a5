//! One cell of the table: an emulator, a client, a fault, and the calls that meet it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::transport::{HttpsTransport, Transport as _};
use cloudcall::{Cloud, Permissions, RetryPolicy};
use cloudcall_emulator::{Emulator, EmulatorHandle};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::sync::Mutex as AsyncMutex;

use super::case::{Api, Calls, Case, Client, Outcome, Setting, ok};
use super::clients::{self, Came, MEDIA_ID};
use super::node::Node;
use crate::tool::GUARD;

const TOKEN_PATH: &str = "/cgi-bin/stable_token";

/// A case, a client and a number of calls.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) case: Case,
    pub(super) client: Client,
    pub(super) calls: Calls,
    pub(super) expected: Outcome,
}

/// The address of an emulator, where it may not listen yet.
struct Address {
    emulator: Emulator,
    socket: Mutex<Option<TcpSocket>>,
    server: Mutex<Option<EmulatorHandle>>,
    /// How many attempts were followed by another.
    repeated: Mutex<usize>,
    listens_late: bool,
}

impl Cell {
    pub(super) fn new(case: Case, client: Client, calls: Calls) -> Self {
        Self {
            case,
            client,
            calls,
            expected: (case.expected)(client, calls.number()),
        }
    }

    /// Makes the calls; or else says what must not be, whatever the fault.
    pub(super) async fn run(self, node: Arc<AsyncMutex<Node>>) -> Result<Outcome, String> {
        // One at a time: the process has one token, and one gate.
        let mut node = match self.client {
            Client::Node => Some(node.lock().await),
            _ => None,
        };
        let node = node.as_deref_mut();
        tokio::time::timeout(GUARD, self.run_with(node))
            .await
            .unwrap_or_else(|_| Err(format!("no end in {GUARD:?}")))
    }

    async fn run_with(self, mut node: Option<&mut Node>) -> Result<Outcome, String> {
        let Self {
            case,
            client,
            calls,
            ..
        } = self;
        let address = Address::open(case.setting);
        let emulator = &address.emulator;
        let cloud = self.cloud(&address).await;
        if !case.cold && address.is_served() {
            let media = get_temp_media(&cloud, GetTempMedia::new(MEDIA_ID)).await;
            media.map_err(|error| format!("before the fault: {error}"))?;
        }
        let before = emulator.journal().entries().len();
        if !case.fault.is_empty() {
            let fault = case.fault.parse().expect("a fault");
            emulator.faults().add(fault);
        }

        let folder = tempfile::tempdir().expect("a temp folder");
        let hurried = match self.deadline() {
            Some(time) => cloud.with_deadline(Instant::now() + time),
            None => cloud.clone(),
        };
        let making = self.make(node.as_deref_mut(), &hurried, calls, folder.path());
        let came = match case.setting {
            Setting::Cleared => tokio::join!(making, self.clear(emulator, before)).0?,
            _ => making.await?,
        };
        let outcome = self.count(&came, emulator, before);
        // No file beside those that are whole, hidden ones included.
        let files = folder.path().read_dir().expect("a folder").count();
        let named = if client == Client::File {
            outcome.results()
        } else {
            0
        };
        if files != named {
            return Err(format!("{files} files of {named} downloads"));
        }
        if case.setting == Setting::Silence {
            let repeated = *locked(&address.repeated);
            if repeated != 2 * calls.number() {
                return Err(format!("repeated {repeated} times"));
            }
        }

        // What follows is as if nothing had been.
        emulator.faults().clear();
        address.serve();
        let folder = tempfile::tempdir().expect("a temp folder");
        let after = self.make(node, &cloud, Calls::InARow(1), folder.path());
        let right = match (case.api, after.await?.as_slice()) {
            (Api::Media, [Came::Media { bytes, .. }]) => *bytes == clients::bytes(),
            (Api::Send, [Came::Done]) => true,
            _ => false,
        };
        address.close().await;
        match right {
            true => Ok(outcome),
            false => Err("the call after it failed, when the faults were gone".into()),
        }
    }

    async fn make(
        &self,
        node: Option<&mut Node>,
        cloud: &Cloud,
        calls: Calls,
        folder: &Path,
    ) -> Result<Vec<Came>, String> {
        match node {
            Some(node) => node.calls(self.case.api, cloud.clone(), calls).await,
            None => clients::calls(self.client, self.case.api, cloud, calls, folder).await,
        }
    }

    /// What calls go through.
    async fn cloud(&self, address: &Arc<Address>) -> Cloud {
        let emulator = &address.emulator;
        let cloud = Cloud::builder()
            .permissions(Permissions::allow([
                "customerServiceMessage.getTempMedia",
                "customerServiceMessage.send",
            ]))
            .api_base(address.url())
            .retry(self.policy(address))
            .transport(HttpsTransport::builder().timeout(self.time_limit()).build());
        let cloud = if address.is_served() {
            cloud.app_secret(emulator.app_id(), emulator.app_secret())
        } else {
            // Asking for one would be the first attempt.
            cloud.access_token(token(emulator).await)
        };
        cloud.build().expect("complete")
    }

    fn policy(&self, address: &Arc<Address>) -> RetryPolicy {
        let (attempts, delay) = match self.case.setting {
            Setting::Patient => (u32::MAX, Duration::from_millis(1)),
            Setting::NoTimeToRepeat => (3, GUARD * 2),
            _ => (3, Duration::from_millis(1)),
        };
        let address = Arc::clone(address);
        RetryPolicy::new()
            .attempts(attempts)
            .first_delay(delay)
            .longest_delay(delay)
            .give_up_after(GUARD * 3)
            .jitter(move || {
                address.attempt_failed();
                1.0
            })
    }

    /// Enough for all requests to arrive, however busy the machine.
    fn soon(&self) -> Duration {
        Duration::from_millis(match self.calls {
            Calls::InARow(_) => 1_500,
            Calls::AtOnce(_) => 4_000,
        })
    }

    fn time_limit(&self) -> Duration {
        match self.case.setting {
            Setting::TimeLimit => self.soon(),
            _ => GUARD,
        }
    }

    fn deadline(&self) -> Option<Duration> {
        match self.case.setting {
            Setting::Deadline => Some(self.soon()),
            Setting::NoTimeToRepeat => Some(GUARD),
            _ => None,
        }
    }

    /// Clears the faults once as many requests have met them as are expected to.
    async fn clear(&self, emulator: &Emulator, before: usize) {
        let expected = self.expected.faults_met();
        while emulator.journal().entries().len() < before + expected {
            tokio::task::yield_now().await;
        }
        emulator.faults().clear();
    }

    fn count(&self, came: &[Came], emulator: &Emulator, before: usize) -> Outcome {
        let mut outcome = ok(0);
        for came in came {
            match (self.case.api, came) {
                (_, Came::Failed(code)) => outcome.fail(1, *code),
                (Api::Send, Came::Done) => outcome.succeed(1),
                (
                    Api::Media,
                    Came::Media {
                        content_type,
                        bytes,
                    },
                ) if *content_type == self.case.content_type && *bytes == clients::bytes() => {
                    outcome.succeed(1);
                }
                _ => outcome.alter(1),
            }
        }
        let entries = emulator.journal().entries().split_off(before);
        let requests = entries.iter().filter(|entry| entry.path != TOKEN_PATH);
        let met = entries.iter().filter(|entry| entry.fault.is_some());
        let requests = requests.count();
        outcome
            .requests(requests)
            .tokens(entries.len() - requests)
            .met(met.count())
            .messages(emulator.sent_messages().len())
    }
}

impl Address {
    fn open(setting: Setting) -> Arc<Self> {
        let emulator = Emulator::builder().media(MEDIA_ID, clients::bytes());
        let socket = TcpSocket::new_v4().expect("a socket");
        let any_port = "127.0.0.1:0".parse().expect("an address");
        socket.bind(any_port).expect("a port");
        let address = Arc::new(Self {
            emulator: emulator.build().expect("an emulator"),
            socket: Mutex::new(Some(socket)),
            server: Mutex::default(),
            repeated: Mutex::default(),
            listens_late: setting == Setting::ListensLate,
        });
        if !matches!(setting, Setting::ListensLate | Setting::Silence) {
            address.serve();
        }
        address
    }

    fn url(&self) -> String {
        if let Some(server) = &*locked(&self.server) {
            return server.url();
        }
        let socket = locked(&self.socket);
        let address = socket.as_ref().and_then(|it| it.local_addr().ok());
        format!("http://{}", address.expect("bound"))
    }

    fn is_served(&self) -> bool {
        locked(&self.server).is_some()
    }

    /// Listens, where that is not so yet.
    fn serve(&self) {
        const BACKLOG: u32 = 1024;

        if let Some(socket) = locked(&self.socket).take() {
            let listener = socket.listen(BACKLOG).expect("to listen");
            let server = self.emulator.start(listener).expect("started");
            *locked(&self.server) = Some(server);
        }
    }

    /// Is told of each attempt that another one follows.
    fn attempt_failed(&self) {
        *locked(&self.repeated) += 1;
        if self.listens_late {
            self.serve();
        }
    }

    /// Ends only when no connection is left.
    async fn close(&self) {
        let server = locked(&self.server).take();
        server.expect("served").close().await;
    }
}

/// An access token, without a connection.
async fn token(emulator: &Emulator) -> String {
    let (app_id, secret) = (emulator.app_id(), emulator.app_secret());
    let uri = format!("/cgi-bin/token?grant_type=client_credential&appid={app_id}&secret={secret}");
    let request = http::Request::get(uri).body(Bytes::new());
    let reply = emulator.transport().send(request.expect("a request")).await;
    let body = reply.expect("a reply").into_body().bytes().await;
    let body: Value = serde_json::from_slice(&body.expect("whole")).expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
