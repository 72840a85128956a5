//! Refuses requests that a web page of another site may have sent.
//!
//! A web page can have its own name resolve to 127.0.0.1 and so reach a server on the reader's
//! machine (DNS rebinding); its requests then carry the page's name in `Host`. Or it sends a
//! request to 127.0.0.1 itself: it cannot read the answer, but what was asked for is done. Browsers
//! then say where the page is from, in `Origin`, or that it is from another site, in
//! `Sec-Fetch-Site`. Other clients send neither.

use std::cell::RefCell;
use std::net::IpAddr;

use http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use http::uri::Authority;
use http::{Request, Uri};

/// Whether the sender of a request is a page of another site; `cross-site` if so.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names that `wx-server-sdk` looks for its gateway at, and for whether it runs in the cloud.
/// They are no page's: requests that an old SDK sends there, and that are redirected here, still
/// carry them.
const GATEWAY_HOSTS: [&str; 7] = [
    "tcb-admin.tencentcloudapi.com",
    "tcb-admin.tencentyun.com",
    "tcb-api.tencentcloudapi.com",
    "tcb-api.tencentyun.com",
    "tcb-open.tencentcloudapi.com",
    "tcb-open.tencentyun.com",
    "metadata.tencentyun.com",
];

/// Whose requests a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Senders {
    /// Those of programs on this machine: the `Host` is `localhost` or a loopback address.
    #[default]
    ThisMachine,
    /// Those too that an SDK meant for Tencent's gateway.
    ThisMachineAndSdks,
    /// Everyone's.
    Any,
}

/// Looks at the requests of one connection.
pub(super) struct Check {
    senders: Senders,
    /// The `Host` that has passed last: as a rule those of a connection are all the same. The
    /// header itself would keep all of its head in memory.
    passed: RefCell<Option<Box<[u8]>>>,
}

impl Check {
    pub(super) fn new(senders: Senders) -> Self {
        Self {
            senders,
            passed: RefCell::default(),
        }
    }

    /// Says why a request is refused, if it is.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), &'static str> {
        if self.senders == Senders::Any {
            return Ok(());
        }
        let target = request.uri().host();
        let mut is_named = false;
        let mut is_known = target.is_none_or(|host| self.is_known(host));
        let mut has_origin = false;
        let mut is_foreign = false;
        let mut is_cross_site = false;
        // One pass costs less than to look up three names.
        for (name, value) in request.headers() {
            if name == HOST {
                is_named = true;
                is_known &= self.passes(value);
            } else if name == ORIGIN {
                has_origin = true;
                is_foreign |= !is_of_this_machine(value);
            } else if name == SEC_FETCH_SITE {
                is_cross_site |= value.as_bytes().eq_ignore_ascii_case(b"cross-site");
            }
        }
        if !is_named || !is_known {
            return Err("this server answers requests for localhost and loopback addresses only");
        }
        if is_foreign {
            return Err("this server does not answer web pages of other sites");
        }
        // An origin of this machine is another site to the browser, where the names differ.
        if is_cross_site && !has_origin {
            return Err("this server does not answer links and images of other sites");
        }
        Ok(())
    }

    fn passes(&self, host: &HeaderValue) -> bool {
        let host = host.as_bytes();
        let mut passed = self.passed.borrow_mut();
        if passed.as_deref() == Some(host) {
            return true;
        }
        let passes =
            Authority::try_from(host).is_ok_and(|authority| self.is_known(authority.host()));
        if passes {
            *passed = Some(host.into());
        }
        passes
    }

    fn is_known(&self, host: &str) -> bool {
        match self.senders {
            Senders::Any => true,
            Senders::ThisMachine => is_loopback(host),
            Senders::ThisMachineAndSdks => is_loopback(host) || is_gateway(host),
        }
    }
}

fn is_of_this_machine(origin: &HeaderValue) -> bool {
    Uri::try_from(origin.as_bytes())
        .is_ok_and(|origin| origin.scheme().is_some() && origin.host().is_some_and(is_loopback))
}

fn is_gateway(host: &str) -> bool {
    GATEWAY_HOSTS
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
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;

    fn passes(senders: Senders, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        Check::new(senders).check(&request).is_ok()
    }

    #[test]
    fn only_this_machines_own_names_pass() {
        let both = [Senders::ThisMachine, Senders::ThisMachineAndSdks];
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
        ] {
            for senders in both {
                assert!(passes(senders, &[("host", host)]), "{host}");
            }
        }
        for host in GATEWAY_HOSTS {
            for host in [host, &host.to_uppercase()] {
                let passed = both.map(|senders| passes(senders, &[("host", host)]));
                assert_eq!(passed, [false, true], "{host}");
            }
        }
        for host in [
            "",
            "api.weixin.qq.com",
            "localhost.evil.example",
            "localhost:80@evil.example",
            "localhost@evil.example",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
            "127.0.0.1.evil.example",
            "evil.tcb-open.tencentcloudapi.com",
            "tcb-open.tencentcloudapi.com.evil.example",
        ] {
            for senders in both {
                assert!(!passes(senders, &[("host", host)]), "{host}");
            }
            assert!(passes(Senders::Any, &[("host", host)]), "{host}");
        }
        assert!(!passes(Senders::ThisMachine, &[]));
    }

    #[test]
    fn a_browser_says_which_page_a_request_is_from() {
        let from = |name, value| {
            let headers = [("host", "localhost"), (name, value)];
            passes(Senders::ThisMachineAndSdks, &headers)
        };
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://127.0.0.1:3000",
            "http://[::1]:5173",
        ] {
            assert!(from("origin", origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "localhost",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example:80",
            "https://tcb-open.tencentcloudapi.com",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert!(!from("origin", origin), "{origin}");
        }
        for (site, passes) in [
            ("none", true),
            ("same-origin", true),
            ("same-site", true),
            ("cross-site", false),
        ] {
            assert_eq!(from("sec-fetch-site", site), passes, "{site}");
        }
    }

    #[test]
    fn pages_of_this_machine_may_have_another_of_its_names() {
        let page = [
            ("host", "127.0.0.1:9"),
            ("origin", "http://localhost:3000"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert!(passes(Senders::ThisMachine, &page));
    }

    #[test]
    fn of_headers_that_are_there_twice_each_has_to_pass() {
        for (name, fine, foreign) in [
            ("host", "localhost", "evil.example"),
            ("origin", "http://localhost", "https://evil.example"),
            ("sec-fetch-site", "same-site", "cross-site"),
        ] {
            for (first, second) in [(fine, foreign), (foreign, fine)] {
                let two = [("host", "localhost"), (name, first), (name, second)];
                assert!(!passes(Senders::ThisMachine, &two), "{name} {first}");
            }
        }
    }

    #[test]
    fn a_host_that_has_passed_does_not_hold_its_head_in_memory() {
        let head: Arc<[u8]> = Arc::from(&b"Host: localhost\r\n"[..]);
        let host = Bytes::from_owner(Arc::clone(&head)).slice(6..15);
        let host = HeaderValue::from_maybe_shared(host).expect("a value");
        assert_eq!(host, "localhost");
        let check = Check::new(Senders::ThisMachine);
        let request = Request::builder().header(HOST, host).body(());
        check
            .check(&request.expect("a request"))
            .expect("it passes");
        assert_eq!(Arc::strong_count(&head), 1);
    }

    #[test]
    fn a_host_that_has_passed_lets_no_other_pass() {
        let check = Check::new(Senders::ThisMachine);
        for (host, passes) in [
            ("127.0.0.1:80", true),
            ("127.0.0.1:80", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("localhost", true),
            ("evil.example", false),
            ("127.0.0.1:80", true),
        ] {
            let request = Request::builder().header(HOST, host).body(());
            let request = request.expect("a request");
            assert_eq!(check.check(&request).is_ok(), passes, "{host}");
        }
    }
}
