//! The emulator's `media/get` as a server, against a bare axum handler and nginx.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{ROUNDS, in_turn};
use crate::Failure;
use crate::process::{MEASURED, OTHER, Server, Spent, cpu_ns, outcome, pinned, role};
use crate::roles;
use crate::rows::gateway::Access;
use crate::table::{Pair, Row, Target, Unit};

/// Bytes, what they are called, and how many requests make a round.
const SIZES: [(usize, &str, usize); 3] = [
    (1_000, "1 KB", 4_800),
    (100_000, "100 KB", 1_600),
    (1_000_000, "1 MB", 192),
];

const CONNECTIONS: usize = 32;

pub(super) fn rows(row: &mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)) {
    for (size, label, requests) in SIZES {
        row(
            Row {
                what: format!("emulator: media/get in a core-second, {label}"),
                against: "bare axum handler",
                target: Target::AtLeast(0.8),
                unit: Unit::PerSecond,
            },
            against_axum(size, requests),
        );
    }
    for (size, label, requests) in SIZES {
        row(
            Row {
                what: format!("emulator: media/get in a core-second, {label}"),
                against: "nginx, a file with sendfile",
                target: Target::Stated,
                unit: Unit::PerSecond,
            },
            against_nginx(size, requests),
        );
    }
}

fn against_axum(size: usize, requests: usize) -> Result<Vec<Pair>, Failure> {
    let [emulator, axum] = [server("emulator", size, 1)?, server("axum", size, 1)?];
    in_turn(
        ROUNDS,
        || in_a_core_second(&emulator, 1, requests),
        || in_a_core_second(&axum, 1, requests),
    )
}

fn against_nginx(size: usize, requests: usize) -> Result<Vec<Pair>, Failure> {
    let emulator = server("emulator", size, 1)?;
    let nginx = Nginx::start(size)?;
    in_turn(
        ROUNDS,
        || in_a_core_second(&emulator, 1, requests),
        || {
            let before = cpu_ns(nginx.child.id())?;
            let load = load(&nginx.url, 1, requests)?;
            Ok(1e9 * load.calls / (cpu_ns(nginx.child.id())? - before))
        },
    )
}

/// A server of this program on the core that is measured.
pub(super) fn server(kind: &str, size: usize, media: usize) -> Result<Server, Failure> {
    let [size, media] = [size, media].map(|number| number.to_string());
    Server::start(&mut role(MEASURED, &["server", kind, &size, &media])?)
}

/// How many requests the server answers in a second of its CPU time.
pub(super) fn in_a_core_second(
    server: &Server,
    media: usize,
    requests: usize,
) -> Result<f64, Failure> {
    let url = server.said::<Access>()?.url;
    let before = server.cpu_ns()?;
    let load = load(&url, media, requests)?;
    Ok(1e9 * load.calls / (server.cpu_ns()? - before))
}

fn load(url: &str, media: usize, requests: usize) -> Result<Spent, Failure> {
    let [media, connections, requests] =
        [media, CONNECTIONS, requests].map(|number| number.to_string());
    outcome(&mut role(
        OTHER,
        &["load", url, &media, &connections, &requests],
    )?)
}

/// One process of nginx, which serves a file under the URL of `media/get`.
struct Nginx {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Nginx {
    fn start(size: usize) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().display();
        fs::write(folder.path().join("media.png"), roles::media(size))?;
        // nginx takes no port 0. Whoever takes this one in between makes the row fail.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr;
            events {{ worker_connections 256; }}
            http {{
                access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
                client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
                fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;
                scgi_temp_path {path}/scgi; open_file_cache max=10;
                server {{
                    listen {address};
                    location = /cgi-bin/media/get {{
                        types {{ image/png png; }} alias {path}/media.png;
                    }}
                }}
            }}"
        );
        fs::write(folder.path().join("nginx.conf"), config)?;
        let mut nginx = pinned(MEASURED, "nginx");
        nginx
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .arg("-p")
            .arg(folder.path());
        nginx.stdin(Stdio::null()).stderr(Stdio::null());
        let mut nginx = Self {
            child: nginx.spawn()?,
            url: format!("http://{address}"),
            _folder: folder,
        };
        let started = Instant::now();
        // It does not say when it listens.
        while TcpStream::connect(address).is_err() {
            if let Some(status) = nginx.child.try_wait()? {
                return Err(format!("nginx is not there or does not start ({status})").into());
            }
            if started.elapsed() > Duration::from_secs(5) {
                return Err("nginx does not listen".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
