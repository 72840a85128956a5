//! What Cloud Calls reach: the emulator, WeChat, a server of the user's, or a cassette.

use std::fmt;
use std::path::{Path, PathBuf};

use cloudcall_emulator::{Fault, FaultError};

use crate::credentials::Credentials;
use crate::env::{API_BASE, Env, EnvError};

/// WeChat itself.
pub(crate) const WECHAT: &str = "https://api.weixin.qq.com";

/// The flags that choose.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct TargetArgs {
    /// Reach WeChat itself, with WECHAT_APPID and WECHAT_SECRET from the environment or ./.env
    #[arg(long, conflicts_with_all = ["api_base", "media", "fault"])]
    pub(crate) live: bool,

    /// Reach this server instead of the emulator, with WECHAT_APPID and WECHAT_SECRET if both are
    /// set, else without an access token [env: CLOUDCALL_API_BASE]
    #[arg(long, value_name = "URL", conflicts_with_all = ["media", "fault"])]
    pub(crate) api_base: Option<String>,

    /// The emulator's media: each file NAME.ext answers to the media id NAME [default: media, if
    /// there is such a folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) media: Option<PathBuf>,

    /// Let the emulator fail: busy, flaky-network, rate-limited, token-expired, or a fault with its
    /// options, like "errcode=-1,times=2" or "token:delay=1s,probability=0.2"; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub(crate) fault: Vec<String>,

    /// Write what is asked of WeChat, or of what is in its place, and the answers to the cassette
    /// FILE, with media in the folder NAME.media beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Answer from the cassette FILE, and reach nothing else
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["live", "api_base", "media", "fault", "record"])]
    pub(crate) replay: Option<PathBuf>,
}

/// What Cloud Calls reach.
#[derive(Debug)]
pub(crate) enum Target {
    /// The emulator inside this process, with the files of a folder as media, and with what is to
    /// go wrong.
    Emulator {
        media: Option<PathBuf>,
        faults: Vec<Fault>,
    },
    /// A server; `live` when it is WeChat.
    Server {
        api_base: String,
        credentials: Option<Credentials>,
        live: bool,
    },
    /// A recorded session.
    Cassette(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error(transparent)]
    Env(#[from] EnvError),
    #[error("{0:?} is not the URL of a server")]
    NotUrl(String),
    #[error("the media folder {} does not exist", .0.display())]
    NoMedia(PathBuf),
    #[error("--media is for the emulator, but {API_BASE} is set")]
    MediaElsewhere,
    #[error("--fault is for the emulator, but {API_BASE} is set")]
    FaultElsewhere,
    #[error("--fault: {0}")]
    Fault(#[from] FaultError),
}

/// In a few words, without what is secret.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emulator {
                media: Some(media), ..
            } => write!(f, "the emulator, with the media of {}", media.display()),
            Self::Emulator { .. } => f.write_str("the emulator, without media"),
            Self::Server { live: true, .. } => f.write_str("WeChat itself"),
            Self::Server { api_base, .. } => f.write_str(&without_user(api_base)),
            Self::Cassette(path) => write!(f, "the cassette {}", path.display()),
        }
    }
}

impl Target {
    /// Chooses by the flags, then by the environment. `folder` is where `.env` and `media` are.
    pub(crate) fn choose(args: &TargetArgs, env: &Env, folder: &Path) -> Result<Self, TargetError> {
        if let Some(cassette) = &args.replay {
            return Ok(Self::Cassette(cassette.clone()));
        }
        if args.live {
            return Ok(Self::Server {
                api_base: WECHAT.into(),
                credentials: Some(env.credentials(folder)?),
                live: true,
            });
        }
        let api_base = match &args.api_base {
            Some(url) => Some(url.as_str()),
            None => env.text(API_BASE)?,
        };
        let Some(api_base) = api_base else {
            let media = match &args.media {
                Some(given) if folder.join(given).is_dir() => Some(given.clone()),
                Some(given) => return Err(TargetError::NoMedia(given.clone())),
                None => Some(PathBuf::from("media")).filter(|media| folder.join(media).is_dir()),
            };
            let faults = args.fault.iter().map(|spec| spec.parse());
            return Ok(Self::Emulator {
                media: media.map(|media| folder.join(media)),
                faults: faults.collect::<Result<_, _>>()?,
            });
        };
        if args.media.is_some() {
            return Err(TargetError::MediaElsewhere);
        }
        if !args.fault.is_empty() {
            return Err(TargetError::FaultElsewhere);
        }
        if !is_server(api_base) {
            return Err(TargetError::NotUrl(without_user(api_base)));
        }
        let credentials = match env.credentials(folder) {
            Ok(credentials) => Some(credentials),
            Err(EnvError::Missing(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self::Server {
            api_base: api_base.into(),
            credentials,
            live: false,
        })
    }
}

/// The text without a user name and password, which an address may hold, as those of proxies do.
fn without_user(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => url.to_owned(),
    }
}

fn is_server(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_scheme_and_a_host() {
        for url in [
            "http://127.0.0.1:1",
            "https://api.weixin.qq.com",
            "http://host/base/",
        ] {
            assert!(is_server(url), "{url}");
        }
        for url in [
            "",
            "127.0.0.1:1",
            "localhost",
            "ftp://host",
            "http://",
            "/path",
        ] {
            assert!(!is_server(url), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_shown_without_its_password() {
        for url in [
            "ftp://user:s3cret@host",
            "user:s3cret@host",
            "http://s3c@ret@",
        ] {
            let args = TargetArgs {
                api_base: Some(url.into()),
                ..TargetArgs::default()
            };
            let error = choice(&args, &[]).expect_err(url);
            assert!(error.starts_with("\"***@"), "{error}");
            assert!(!error.contains("s3c"), "{error}");
        }
    }

    const BOTH: &[(&str, &str)] = &[("WECHAT_APPID", "wx1"), ("WECHAT_SECRET", "s3cret")];
    const ELSEWHERE: &[(&str, &str)] = &[(API_BASE, "http://127.0.0.1:1"), BOTH[0]];

    /// The choice, shown; in a folder that holds nothing but `media`.
    fn choice(args: &TargetArgs, variables: &[(&str, &str)]) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("media")).expect("media");
        let chosen = Target::choose(args, &Env::of(variables), folder.path());
        let chosen = chosen.map_err(|error| error.to_string())?;
        let shown = match chosen {
            Target::Emulator { media, .. } => format!("emulator, media: {}", media.is_some()),
            server => format!("{server:?}"),
        };
        assert!(!shown.contains("s3cret"), "{shown}");
        Ok(shown)
    }

    #[test]
    fn the_emulator_is_the_target_unless_something_else_is_named() {
        let args = TargetArgs::default();
        assert_eq!(choice(&args, BOTH).as_deref(), Ok("emulator, media: true"));
        let server = choice(&args, ELSEWHERE).expect("a server");
        assert!(
            server.contains("127.0.0.1:1") && server.contains("credentials: None"),
            "{server}"
        );
    }

    #[test]
    fn a_flag_comes_before_the_environment() {
        let live = TargetArgs {
            live: true,
            ..TargetArgs::default()
        };
        let server = choice(&live, &[ELSEWHERE, BOTH].concat()).expect("WeChat");
        assert!(
            server.contains(WECHAT) && server.contains("wx1"),
            "{server}"
        );
        assert!(
            choice(&live, ELSEWHERE)
                .is_err_and(|error| error.starts_with("WECHAT_SECRET is missing"))
        );

        let other = TargetArgs {
            api_base: Some("https://other".into()),
            ..TargetArgs::default()
        };
        let server = choice(&other, ELSEWHERE).expect("a server");
        assert!(server.contains("https://other"), "{server}");

        let replay = TargetArgs {
            replay: Some("session.json".into()),
            ..TargetArgs::default()
        };
        let cassette = choice(&replay, &[ELSEWHERE, BOTH].concat());
        assert_eq!(cassette.as_deref(), Ok("Cassette(\"session.json\")"));
    }

    #[test]
    fn media_that_cannot_be_served_is_refused() {
        let media = |name: &str| TargetArgs {
            media: Some(name.into()),
            ..TargetArgs::default()
        };
        assert!(choice(&media("media"), &[]).is_ok());
        assert_eq!(
            choice(&media("nope"), &[]),
            Err("the media folder nope does not exist".into())
        );
        assert_eq!(
            choice(&media("media"), ELSEWHERE),
            Err("--media is for the emulator, but CLOUDCALL_API_BASE is set".into())
        );
    }

    #[test]
    fn faults_that_cannot_happen_are_refused() {
        let fault = |spec: &str| TargetArgs {
            fault: vec![spec.into()],
            ..TargetArgs::default()
        };
        assert!(choice(&fault("busy"), &[]).is_ok());
        assert_eq!(
            choice(&fault("buzy"), &[]),
            Err(r#"--fault: "buzy" is no fault, in the fault "buzy""#.into())
        );
        assert_eq!(
            choice(&fault("busy"), ELSEWHERE),
            Err("--fault is for the emulator, but CLOUDCALL_API_BASE is set".into())
        );
    }
}
