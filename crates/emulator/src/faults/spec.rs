//! Reads a SPEC: `[WHERE:]WHAT[,OPTION]…`

use super::Rule;
use super::effect::{self, Complaint, Effect};
use super::place::Place;
use super::preset;
use super::schedule::Schedule;

/// A SPEC that cannot be read. Says what is wrong and in which SPEC; [`hint`](Self::hint) says
/// what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}, in the fault {spec:?}")]
pub struct FaultError {
    problem: String,
    spec: String,
    hint: String,
}

impl FaultError {
    /// What to write instead.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

const OPTIONS: &str = "write once, times=N, every=N, after=N, probability=P, seed=N, or errmsg=TEXT at the end of an \
     errcode";

/// What a SPEC says: one rule, or the parts of a preset.
pub(super) fn parse(spec: &str) -> Result<Vec<Rule>, FaultError> {
    rules(spec).map_err(|(problem, hint)| FaultError {
        problem,
        spec: spec.to_owned(),
        hint,
    })
}

fn rules(spec: &str) -> Result<Vec<Rule>, Complaint> {
    // A colon further behind belongs to a value.
    let (place, rest) = match spec.find([':', '=', ',']) {
        Some(end) if spec[end..].starts_with(':') => {
            let place = Place::parse(&spec[..end]).ok_or_else(|| {
                let problem = format!("{:?} is no place of a fault", &spec[..end]);
                (problem, Place::choices())
            })?;
            (Some(place), &spec[end + 1..])
        }
        _ => (None, spec),
    };
    let (rest, message) = match rest.split_once(",errmsg=") {
        Some((rest, message)) => (rest, Some(message)),
        None => (rest, None),
    };
    let mut parts = rest.split(',');
    let what = parts.next().unwrap_or_default();
    let given = options(parts)?;

    let mut rules = what_happens(what)?;
    for (number, rule) in (0..).zip(&mut rules) {
        if let Some(place) = &place {
            rule.place = place.clone();
        }
        let mut given = given.clone();
        given.seed = given.seed.map(|seed| seed.wrapping_add(number));
        rule.schedule = given.or(std::mem::take(&mut rule.schedule));
        if rule.schedule.seed.is_some() && rule.schedule.probability.is_none() {
            return Err((
                "seed without probability".into(),
                "write both, such as probability=0.2,seed=7".into(),
            ));
        }
        match (&mut rule.effect, message) {
            (_, None) => {}
            (Effect::ErrCode { message, .. }, Some(given)) => *message = Some(given.to_owned()),
            (_, Some(_)) => {
                return Err((
                    "errmsg without errcode".into(),
                    "write errmsg=TEXT at the end of an errcode".into(),
                ));
            }
        }
    }
    Ok(rules)
}

/// The rules of a WHAT, without the options.
fn what_happens(what: &str) -> Result<Vec<Rule>, Complaint> {
    if let Some(specs) = preset::find(what) {
        let parts: Result<Vec<_>, _> = specs.iter().map(|spec| rules(spec)).collect();
        return parts.map(|parts| parts.concat());
    }
    let (name, value) = split(what);
    let effect = Effect::parse(name, value).unwrap_or_else(|| {
        let hint = format!("{}, {}", effect::CHOICES, preset::choices());
        Err((format!("{name:?} is no fault"), hint))
    })?;
    Ok(vec![Rule {
        place: Place::Calls,
        effect,
        schedule: Schedule::default(),
    }])
}

fn options<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Schedule, Complaint> {
    let mut schedule = Schedule::default();
    for part in parts {
        let (name, value) = split(part);
        let twice = match (name, value) {
            ("once", None) => schedule.times.replace(1).is_some(),
            ("times", Some(value)) => schedule.times.replace(count(part, value, 1)?).is_some(),
            ("every", Some(value)) => schedule.every.replace(count(part, value, 1)?).is_some(),
            ("after", Some(value)) => schedule.after.replace(count(part, value, 0)?).is_some(),
            ("seed", Some(value)) => schedule.seed.replace(count(part, value, 0)?).is_some(),
            ("probability", Some(value)) => {
                let probability = probability(part, value)?;
                schedule.probability.replace(probability).is_some()
            }
            _ => return Err((format!("{part:?} is no option"), OPTIONS.into())),
        };
        if twice {
            let hint = "leave one of them (once is times=1)";
            return Err((format!("{name} comes a second time"), hint.into()));
        }
    }
    Ok(schedule)
}

fn count(part: &str, value: &str, least: u64) -> Result<u64, Complaint> {
    match value.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err((
            format!("{part:?} has no number that fits"),
            format!("write a whole number from {least} on"),
        )),
    }
}

fn probability(part: &str, value: &str) -> Result<f64, Complaint> {
    match value.parse() {
        Ok(number) if 0.0 < number && number <= 1.0 => Ok(number),
        _ => Err((
            format!("{part:?} is no probability"),
            "write a number above 0 and up to 1, such as probability=0.2".into(),
        )),
    }
}

fn split(part: &str) -> (&str, Option<&str>) {
    match part.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (part, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of a SPEC, each as the SPEC that the emulator lists.
    fn read(spec: &str) -> Vec<String> {
        let rules = parse(spec).unwrap_or_else(|error| panic!("{error}: {}", error.hint()));
        let texts: Vec<_> = rules.iter().map(ToString::to_string).collect();
        for (rule, text) in rules.iter().zip(&texts) {
            assert_eq!(parse(text).as_deref(), Ok(std::slice::from_ref(rule)));
        }
        texts
    }

    #[test]
    fn every_fault_can_be_written() {
        for (spec, read_as) in [
            ("errcode=-1", "errcode=-1"),
            ("errcode=9001001,once", "errcode=9001001,times=1"),
            (
                "token:errcode=40125,errmsg=no: no, and no=no,once",
                "token:errcode=40125,errmsg=no: no, and no=no,once",
            ),
            ("expire-token,once", "expire-token,times=1"),
            ("revoke-token,times=3", "revoke-token,times=3"),
            ("all:delay=1s", "all:delay=1s"),
            ("delay=1500ms", "delay=1500ms"),
            ("no-answer,after=2", "no-answer,after=2"),
            ("reset", "reset=before"),
            ("reset=inside,every=2", "reset=inside,every=2"),
            (
                "/cgi-bin/media/get:reset=after",
                "/cgi-bin/media/get:reset=after",
            ),
            ("cut", "cut"),
            ("cut=0", "cut=0"),
            ("garbage", "garbage"),
            ("content-type", "content-type=text/html"),
            (
                "content-type=text/plain; charset=utf-8",
                "content-type=text/plain; charset=utf-8",
            ),
            ("status=503", "status=503"),
            ("drip", "drip=64/100ms"),
            ("drip=1/2m", "drip=1/120s"),
            (
                "customerServiceMessage.getTempMedia:errcode=-1,times=2,every=3,after=4,probability=0.5,seed=7",
                "customerServiceMessage.getTempMedia:errcode=-1,times=2,every=3,after=4,probability=0.5,seed=7",
            ),
        ] {
            assert_eq!(read(spec), [read_as]);
        }
    }

    #[test]
    fn presets_are_what_the_table_says() {
        assert_eq!(read("busy"), ["errcode=-1,times=2"]);
        assert_eq!(read("token-expired"), ["expire-token,times=1"]);
        assert_eq!(read("rate-limited"), ["errcode=45009"]);
        assert_eq!(
            read("flaky-network"),
            [
                "all:delay=100ms,probability=0.3",
                "all:reset=before,probability=0.1",
                "all:cut,probability=0.05",
            ]
        );
    }

    #[test]
    fn a_presets_place_and_options_can_be_replaced() {
        assert_eq!(
            read("customerServiceMessage.send:busy,times=5"),
            ["customerServiceMessage.send:errcode=-1,times=5"]
        );
        assert_eq!(
            read("token:flaky-network,seed=7,times=9"),
            [
                "token:delay=100ms,times=9,probability=0.3,seed=7",
                "token:reset=before,times=9,probability=0.1,seed=8",
                "token:cut,times=9,probability=0.05,seed=9",
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_what_to_write() {
        for (spec, problem, hint) in [
            ("", r#""" is no fault"#, "write errcode=N,"),
            ("errcod=1", r#""errcod" is no fault"#, "busy, token-expired"),
            ("token", r#""token" is no fault"#, "write errcode=N"),
            ("errcode", r#""" is no errcode"#, "errcode=45009"),
            ("errcode=0", r#""0" is no errcode"#, "other than 0"),
            ("errcode=x", r#""x" is no errcode"#, "a number"),
            ("delay", r#""" is no time"#, "delay=200ms"),
            ("delay=5", r#""5" is no time"#, "delay=5s"),
            ("garbage=1", "garbage takes no value", "write garbage alone"),
            ("busy=1", r#""busy" is no fault"#, "busy"),
            ("reset=later", r#""later" is no moment"#, "reset=inside"),
            ("cut=half", r#""half" is no number"#, "cut=100"),
            ("content-type=text", r#""text" is no content"#, "text/html"),
            ("status=99", r#""99" is no HTTP status"#, "200 to 599"),
            ("drip=0/1s", r#""0/1s" is no speed"#, "drip=64/100ms"),
            ("nowhere:busy", r#""nowhere" is no place"#, "getTempMedia"),
            (
                "busy,twice",
                r#""twice" is no option"#,
                "write once, times=N",
            ),
            ("busy,", r#""" is no option"#, "write once"),
            ("busy,once=1", r#""once=1" is no option"#, "write once"),
            ("busy,times=0", r#""times=0" has no number"#, "from 1 on"),
            ("busy,after=-1", r#""after=-1" has no number"#, "from 0 on"),
            ("busy,probability=0", "is no probability", "above 0"),
            ("busy,probability=NaN", "is no probability", "up to 1"),
            ("busy,seed=1", "seed without probability", "write both"),
            ("busy,once,times=2", "times comes a second time", "once is"),
            ("garbage,errmsg=x", "errmsg without errcode", "errcode"),
        ] {
            let error = parse(spec).expect_err(spec);
            let text = error.to_string();
            assert!(text.contains(problem), "{text}");
            assert!(
                text.ends_with(&format!(", in the fault {spec:?}")),
                "{text}"
            );
            assert!(error.hint().contains(hint), "{}", error.hint());
        }
    }
}
