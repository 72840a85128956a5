//! What a function's `config.json` says about running it: its limits and its environment.

use std::path::Path;
use std::time::Duration;

use jsonc_parser::JsonValue;

use super::jsonc;
use crate::env;
use crate::json;

/// The platform's time limit for a function that sets none.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The platform's memory for a function that sets none, in MB.
const MEMORY: u32 = 256;

/// How a function wants to be run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// How long one invocation may take.
    pub(crate) timeout: Duration,
    /// What the function is told of its memory, in MB. Nothing enforces it here.
    pub(crate) memory: u32,
    /// Its own environment variables.
    pub(crate) variables: Vec<(String, String)>,
    /// What was passed over, for the user.
    pub(crate) warnings: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: TIMEOUT,
            memory: MEMORY,
            variables: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads a `config.json`. One that cannot be read says nothing: it permits no Cloud Call
    /// either, and the SDK tells why.
    pub(crate) fn load(config: &Path) -> Self {
        let text = std::fs::read_to_string(config).unwrap_or_default();
        let mut settings = Self::parse(&text);
        for warning in &mut settings.warnings {
            *warning = format!("{}: {warning}", config.display());
        }
        settings
    }

    fn parse(text: &str) -> Self {
        let mut settings = Self::default();
        let Ok(Some(JsonValue::Object(object))) = jsonc::parse(text) else {
            return settings;
        };
        if let Some(value) = object.get("timeout") {
            match seconds(value) {
                Some(timeout) => settings.timeout = timeout,
                None => settings.warn(format!(
                    "\"timeout\" must be a number of seconds above 0: taking {}",
                    TIMEOUT.as_secs()
                )),
            }
        }
        if let Some(value) = object.get("memorySize") {
            match number(value)
                .and_then(|text| text.parse().ok())
                .filter(|mb| *mb > 0)
            {
                Some(memory) => settings.memory = memory,
                None => settings.warn(format!(
                    "\"memorySize\" must be a whole number of MB above 0: taking {MEMORY}"
                )),
            }
        }
        match object.get("envVariables") {
            None => {}
            Some(JsonValue::Object(variables)) => {
                for (name, value) in variables.clone() {
                    settings.variable(name.into_owned(), &value);
                }
            }
            Some(_) => settings.warn("\"envVariables\" must be an object of texts"),
        }
        settings
    }

    fn variable(&mut self, name: String, value: &JsonValue<'_>) {
        let sound = |text: &str| !text.contains('\0');
        match value {
            _ if env::is_reserved(name.as_ref()) => {
                self.warn(format!(
                    "\"envVariables\" cannot set {name}: only the tool may"
                ));
            }
            JsonValue::String(text)
                if !name.is_empty() && !name.contains('=') && sound(&name) && sound(text) =>
            {
                self.variables.push((name, text.clone().into_owned()));
            }
            JsonValue::String(_) => {
                let name = json::beginning(name.as_bytes(), 40);
                self.warn(format!(
                    "\"envVariables\" has \"{name}\", which no environment can hold"
                ));
            }
            _ => self.warn(format!(
                "\"envVariables\" has {name}, whose value is not a text: write it in quotes"
            )),
        }
    }

    fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}

fn number<'a>(value: &JsonValue<'a>) -> Option<&'a str> {
    match value {
        JsonValue::Number(text) => Some(text),
        _ => None,
    }
}

fn seconds(value: &JsonValue<'_>) -> Option<Duration> {
    let seconds: f64 = number(value)?.parse().ok()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|timeout| !timeout.is_zero())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    use super::*;

    #[test]
    fn reads_what_is_set() {
        let settings = Settings::parse(
            "{ // ours\n\"timeout\": 0.5, \"memorySize\": 512, \"envVariables\": {\"WX_MINE\": \"b\"}, }",
        );
        assert_eq!(
            settings,
            Settings {
                timeout: Duration::from_millis(500),
                memory: 512,
                variables: vec![("WX_MINE".into(), "b".into())],
                warnings: vec![],
            }
        );
    }

    #[test]
    fn takes_the_platforms_limits_else() {
        for text in ["", "{}", "[1]", "{\"timeout\"", "null"] {
            assert_eq!(Settings::parse(text), Settings::default(), "{text}");
        }
    }

    #[test]
    fn warns_of_what_it_passes_over() {
        for (text, warning) in [
            (
                r#"{"timeout":"20"}"#,
                "\"timeout\" must be a number of seconds above 0: taking 3",
            ),
            (
                r#"{"timeout":0}"#,
                "\"timeout\" must be a number of seconds above 0: taking 3",
            ),
            (
                r#"{"timeout":-1}"#,
                "\"timeout\" must be a number of seconds above 0: taking 3",
            ),
            (
                r#"{"timeout":1e999}"#,
                "\"timeout\" must be a number of seconds above 0: taking 3",
            ),
            (
                r#"{"memorySize":1.5}"#,
                "\"memorySize\" must be a whole number of MB above 0: taking 256",
            ),
            (
                r#"{"envVariables":[]}"#,
                "\"envVariables\" must be an object of texts",
            ),
            (
                r#"{"envVariables":{"A":1}}"#,
                "\"envVariables\" has A, whose value is not a text: write it in quotes",
            ),
            (
                r#"{"envVariables":{"A=B":"c"}}"#,
                "\"envVariables\" has \"A=B\", which no environment can hold",
            ),
            (
                r#"{"envVariables":{"WECHAT_SECRET":"c"}}"#,
                "\"envVariables\" cannot set WECHAT_SECRET: only the tool may",
            ),
            (
                r#"{"envVariables":{"WX_OPENID":"c"}}"#,
                "\"envVariables\" cannot set WX_OPENID: only the tool may",
            ),
        ] {
            let expected = Settings {
                warnings: vec![warning.into()],
                ..Settings::default()
            };
            assert_eq!(Settings::parse(text), expected, "{text}");
        }
    }

    /// Whatever the file says, a function can be run with it.
    fn assert_sound(text: &str) {
        let settings = Settings::parse(text);
        assert!(!settings.timeout.is_zero() && settings.memory > 0, "{text}");
        for (name, value) in &settings.variables {
            assert!(!name.is_empty() && !name.contains(['=', '\0']), "{text}");
            assert!(!value.contains('\0') && !env::is_reserved(name.as_ref()));
        }
        if jsonc::parse(text).is_err() {
            assert_eq!(settings, Settings::default(), "{text}");
        }
    }

    #[test]
    fn the_seeds_of_the_fuzzer_are_sound() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/config");
        let mut count = 0;
        for seed in Path::new(seeds).read_dir().expect("there are seeds") {
            let seed = std::fs::read(seed.expect("a readable folder").path()).expect("a file");
            assert_sound(&String::from_utf8_lossy(&seed));
            count += 1;
        }
        assert!(count > 0);
    }

    proptest! {
        #![proptest_config(Config {
            rng_seed: RngSeed::Fixed(4),
            failure_persistence: None,
            ..Config::default()
        })]

        #[test]
        fn any_limit_and_any_variable_is_sound(
            timeout in "-?[0-9]{1,20}(\\.[0-9]{1,9})?([eE][-+]?[0-9]{1,3})?|null|\"1\"",
            memory in "-?[0-9]{1,12}(\\.0)?|1e3|\\[\\]",
            name in "[A-Z_=\0]{0,6}|WX_[A-Z]{0,4}|\\PC{0,4}",
            value: String,
            any in "[{}\\[\\]\",:a0/*\n\u{feff} ]{0,24}",
        ) {
            let variables = serde_json::json!({name: value});
            assert_sound(&format!(
                r#"{{"timeout":{timeout},"memorySize":{memory},"envVariables":{variables},}}"#
            ));
            assert_sound(&any);
        }
    }
}
