//! What happens to a request that meets a fault.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use http::{HeaderValue, StatusCode};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    ErrCode {
        code: i64,
        /// The whole `errmsg`, if it was given.
        message: Option<String>,
    },
    ExpireToken,
    RevokeToken,
    Delay(Duration),
    NoAnswer,
    Reset(Moment),
    /// The body's first bytes; half of them without a number.
    Cut(Option<u64>),
    Garbage,
    ContentType(HeaderValue),
    Status(StatusCode),
    Drip {
        bytes: NonZeroUsize,
        pause: Duration,
    },
}

/// When a connection is reset: by the answer's headers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    Before,
    Inside,
    After,
}

/// What can be written.
pub(super) const CHOICES: &str = "write errcode=N, expire-token, revoke-token, delay=TIME, no-answer, reset, cut, garbage, \
     content-type=TYPE, status=N or drip";

/// What is wrong, and what to write.
pub(super) type Complaint = (String, String);

impl Effect {
    /// The effect of this name and value. `None` where there is none of this name.
    pub(super) fn parse(name: &str, value: Option<&str>) -> Option<Result<Self, Complaint>> {
        let bare = |effect| match value {
            None => Ok(effect),
            Some(_) => Err((
                format!("{name} takes no value"),
                format!("write {name} alone"),
            )),
        };
        Some(match name {
            "errcode" => errcode(value),
            "expire-token" => bare(Self::ExpireToken),
            "revoke-token" => bare(Self::RevokeToken),
            "delay" => delay(value),
            "no-answer" => bare(Self::NoAnswer),
            "reset" => reset(value),
            "cut" => cut(value),
            "garbage" => bare(Self::Garbage),
            "content-type" => content_type(value),
            "status" => status(value),
            "drip" => drip(value),
            _ => return None,
        })
    }

    /// Whether it is done to the access token of a request.
    pub(super) fn needs_token(&self) -> bool {
        matches!(self, Self::ExpireToken | Self::RevokeToken)
    }
}

fn errcode(value: Option<&str>) -> Result<Effect, Complaint> {
    let value = value.unwrap_or_default();
    match value.parse() {
        Ok(0) | Err(_) => Err((
            format!("{value:?} is no errcode"),
            "write a number other than 0, such as errcode=45009".into(),
        )),
        Ok(code) => Ok(Effect::ErrCode {
            code,
            message: None,
        }),
    }
}

fn delay(value: Option<&str>) -> Result<Effect, Complaint> {
    let value = value.unwrap_or_default();
    duration(value).map(Effect::Delay).ok_or_else(|| {
        (
            format!("{value:?} is no time"),
            "write it like delay=200ms, delay=5s or delay=2m, up to a day".into(),
        )
    })
}

fn reset(value: Option<&str>) -> Result<Effect, Complaint> {
    let moment = match value {
        None | Some("before") => Moment::Before,
        Some("inside") => Moment::Inside,
        Some("after") => Moment::After,
        Some(other) => {
            return Err((
                format!("{other:?} is no moment of a reset"),
                "write reset=before, reset=inside or reset=after the headers".into(),
            ));
        }
    };
    Ok(Effect::Reset(moment))
}

fn cut(value: Option<&str>) -> Result<Effect, Complaint> {
    value
        .map(str::parse)
        .transpose()
        .map(Effect::Cut)
        .map_err(|_| {
            (
                format!("{:?} is no number of bytes", value.unwrap_or_default()),
                "write how much of the body arrives, such as cut=100, or cut for half".into(),
            )
        })
}

fn content_type(value: Option<&str>) -> Result<Effect, Complaint> {
    let value = value.unwrap_or("text/html");
    match HeaderValue::from_str(value) {
        Ok(header) if value.contains('/') => Ok(Effect::ContentType(header)),
        _ => Err((
            format!("{value:?} is no content type"),
            "write it like content-type=text/html".into(),
        )),
    }
}

fn status(value: Option<&str>) -> Result<Effect, Complaint> {
    let value = value.unwrap_or_default();
    match value.parse() {
        Ok(number @ 200..=599) => {
            let status = StatusCode::from_u16(number).expect("200 to 599 are statuses");
            Ok(Effect::Status(status))
        }
        _ => Err((
            format!("{value:?} is no HTTP status of an answer"),
            "write 200 to 599, such as status=503".into(),
        )),
    }
}

fn drip(value: Option<&str>) -> Result<Effect, Complaint> {
    let value = value.unwrap_or("64/100ms");
    value
        .split_once('/')
        .and_then(|(bytes, pause)| Some((bytes.parse().ok()?, duration(pause)?)))
        .map(|(bytes, pause)| Effect::Drip { bytes, pause })
        .ok_or_else(|| {
            (
                format!("{value:?} is no speed"),
                "write bytes and a time, such as drip=64/100ms".into(),
            )
        })
}

/// `200ms`, `5s` or `2m`; a day at most.
fn duration(text: &str) -> Option<Duration> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        _ => return None,
    };
    (duration <= DAY).then_some(duration)
}

/// As in a SPEC, without the `errmsg`, which comes behind the options.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrCode { code, .. } => write!(f, "errcode={code}"),
            Self::ExpireToken => f.write_str("expire-token"),
            Self::RevokeToken => f.write_str("revoke-token"),
            Self::Delay(time) => write!(f, "delay={}", Shown(*time)),
            Self::NoAnswer => f.write_str("no-answer"),
            Self::Reset(Moment::Before) => f.write_str("reset=before"),
            Self::Reset(Moment::Inside) => f.write_str("reset=inside"),
            Self::Reset(Moment::After) => f.write_str("reset=after"),
            Self::Cut(None) => f.write_str("cut"),
            Self::Cut(Some(bytes)) => write!(f, "cut={bytes}"),
            Self::Garbage => f.write_str("garbage"),
            Self::ContentType(value) => {
                write!(f, "content-type={}", value.to_str().unwrap_or_default())
            }
            Self::Status(status) => write!(f, "status={}", status.as_u16()),
            Self::Drip { bytes, pause } => write!(f, "drip={bytes}/{}", Shown(*pause)),
        }
    }
}

/// A time as in a SPEC.
struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_a_limit() {
        for (text, milliseconds) in [
            ("0ms", 0),
            ("200ms", 200),
            ("5s", 5_000),
            ("2m", 120_000),
            ("1440m", 86_400_000),
        ] {
            let expected = Duration::from_millis(milliseconds);
            assert_eq!(duration(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "5",
            "ms",
            "-1s",
            "1.5s",
            "1h",
            "1441m",
            "5 s",
            "1sms",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
