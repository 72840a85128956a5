//! Refuses requests for other host names than this machine's own.
//!
//! A web page can have its own name resolve to 127.0.0.1 and so reach a server on the reader's
//! machine (DNS rebinding). Its requests then carry the page's name in `Host`. The names of
//! Tencent's gateway are no page's: requests that an old `wx-server-sdk` sends there, and that are
//! redirected here, still carry them.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::HOST;
use http::uri::Authority;

use crate::wechat::plain_failure;

/// The names that `wx-server-sdk` looks for its gateway at, and for whether it runs in the cloud.
const GATEWAY_HOSTS: [&str; 7] = [
    "tcb-admin.tencentcloudapi.com",
    "tcb-admin.tencentyun.com",
    "tcb-api.tencentcloudapi.com",
    "tcb-api.tencentyun.com",
    "tcb-open.tencentcloudapi.com",
    "tcb-open.tencentyun.com",
    "metadata.tencentyun.com",
];

/// Answers 403 to a request whose host is not a loopback address, `localhost` or a name of the
/// gateway.
pub(crate) async fn loopback_host_only(request: Request, next: Next) -> Response {
    let in_uri = request.uri().host().is_none_or(is_known);
    let in_headers =
        request.headers().get_all(HOST).iter().all(|host| {
            Authority::try_from(host.as_bytes()).is_ok_and(|host| is_known(host.host()))
        });
    if in_uri && in_headers {
        next.run(request).await
    } else {
        plain_failure(
            StatusCode::FORBIDDEN,
            "the emulator answers requests for localhost and loopback addresses only",
        )
    }
}

fn is_known(host: &str) -> bool {
    is_loopback(host)
        || GATEWAY_HOSTS
            .iter()
            .any(|known| host.eq_ignore_ascii_case(known))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_names_pass() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_known(host), "{host}");
        }
        for host in GATEWAY_HOSTS {
            assert!(is_known(host) && is_known(&host.to_uppercase()), "{host}");
        }
        for host in [
            "",
            "api.weixin.qq.com",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
            "127.0.0.1.evil.example",
            "evil.tcb-open.tencentcloudapi.com",
            "tcb-open.tencentcloudapi.com.evil.example",
        ] {
            assert!(!is_known(host), "{host}");
        }
    }
}
