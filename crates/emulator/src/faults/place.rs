//! Which requests a fault is for.

use std::fmt;

use cloudcall::openapi;

use super::control::PATH as CONTROL_PATH;

/// The APIs that issue tokens.
const TOKEN_PATHS: [&str; 2] = ["/cgi-bin/token", "/cgi-bin/stable_token"];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// Every API but those for tokens.
    Calls,
    Token,
    All,
    /// A Cloud Call.
    Api {
        name: &'static str,
        path: &'static str,
    },
    Path(String),
}

impl Place {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "token" => Some(Self::Token),
            "all" => Some(Self::All),
            // A query is not looked at, and the way in is never faulted: neither would happen.
            path if path.starts_with('/') => {
                (!path.contains('?') && path != CONTROL_PATH).then(|| Self::Path(path.to_owned()))
            }
            api => openapi::paths()
                .find(|(name, _)| *name == api)
                .map(|(name, path)| Self::Api { name, path }),
        }
    }

    /// What can be written.
    pub(super) fn choices() -> String {
        let names: Vec<_> = openapi::paths().map(|(name, _)| name).collect();
        format!(
            "before the colon write token, all, a path such as /cgi-bin/media/get, or one of: {}",
            names.join(", ")
        )
    }

    pub(super) fn holds(&self, path: &str) -> bool {
        match self {
            Self::Calls => !TOKEN_PATHS.contains(&path),
            Self::Token => TOKEN_PATHS.contains(&path),
            Self::All => true,
            Self::Api { path: own, .. } => *own == path,
            Self::Path(own) => own == path,
        }
    }
}

/// As in a SPEC, with the colon.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls => Ok(()),
            Self::Token => f.write_str("token:"),
            Self::All => f.write_str("all:"),
            Self::Api { name, .. } => write!(f, "{name}:"),
            Self::Path(path) => write!(f, "{path}:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_holds_its_paths() {
        let paths = ["/cgi-bin/media/get", "/cgi-bin/stable_token", "/other"];
        let held = |text: &str| {
            let place = match text {
                "" => Place::Calls,
                text => Place::parse(text).expect(text),
            };
            paths.map(|path| place.holds(path))
        };
        assert_eq!(held(""), [true, false, true]);
        assert_eq!(held("token"), [false, true, false]);
        assert_eq!(held("all"), [true, true, true]);
        assert_eq!(
            held("customerServiceMessage.getTempMedia"),
            [true, false, false]
        );
        assert_eq!(held("/other"), [false, false, true]);
        for text in [
            "",
            "customerServiceMessage.nope",
            "/cgi-bin/media/get?a=b",
            CONTROL_PATH,
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
