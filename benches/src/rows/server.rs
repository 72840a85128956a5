//! The emulator's `media/get` as a server, against a bare axum handler and nginx.

use std::fs;

use super::{figure, in_turn};
use crate::process::{MEASURED, OTHER, Spent, outcome, pinned, role};
use crate::server::{Server, free_address};
use crate::table::{Claim, Pair, Report, Target, Unit};
use crate::{Failure, roles};

/// Bytes, what they are called, and how many requests make a round.
const SIZES: [(usize, &str, usize); 3] = [
    (1_000, "1 KB", 4_800),
    (100_000, "100 KB", 1_600),
    (1_000_000, "1 MB", 192),
];

const CONNECTIONS: usize = 32;

const WHAT: &str = "emulator: media/get in a core-second";

const AGAINST_AXUM: Claim = Claim::new(
    WHAT,
    "bare axum handler",
    Target::AtLeast(0.8),
    Unit::PerSecond,
);

const AGAINST_NGINX: Claim = Claim::new(
    WHAT,
    "nginx, a file with sendfile",
    Target::Stated,
    Unit::PerSecond,
);

pub(super) fn rows(report: &mut Report) {
    let axum = |size| server("axum", size, 1);
    for (claim, peer) in [(AGAINST_AXUM, axum as fn(_) -> _), (AGAINST_NGINX, nginx)] {
        for (size, label, requests) in SIZES {
            report.row(&claim, label, against(peer, size, requests));
        }
    }
}

fn against(
    peer: fn(usize) -> Result<Server, Failure>,
    size: usize,
    requests: usize,
) -> Result<Vec<Pair>, Failure> {
    let [emulator, peer] = [server("emulator", size, 1)?, peer(size)?];
    let rates = in_turn(
        || emulator.rate(|| load(&emulator, 1, requests)),
        || peer.rate(|| load(&peer, 1, requests)),
    );
    figure(&rates, |rate| rate.core_second)
}

/// A server of this program on the core that is measured.
pub(super) fn server(kind: &str, size: usize, media: usize) -> Result<Server, Failure> {
    let [size, media] = [size, media].map(|number| number.to_string());
    Server::that_tells(&mut role(MEASURED, &["server", kind, &size, &media])?)
}

/// Requests for so many media in turn, from the other core.
pub(super) fn load(server: &Server, media: usize, requests: usize) -> Result<Spent, Failure> {
    let [media, connections, requests] =
        [media, CONNECTIONS, requests].map(|number| number.to_string());
    outcome(&mut role(
        OTHER,
        &["load", &server.access.url, &media, &connections, &requests],
    )?)
}

/// One process of nginx, which serves a file under the URL of `media/get`.
fn nginx(size: usize) -> Result<Server, Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().display();
    fs::write(folder.path().join("media.png"), roles::media(size))?;
    let address = free_address()?;
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
    Server::that_listens(&mut nginx, address, folder)
}
