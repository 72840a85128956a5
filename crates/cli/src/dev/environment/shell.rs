//! Variables in the language of a shell, so that it sets them for what it starts.

/// Who is to read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Shell {
    /// sh, bash, zsh: eval "$(cloudcall env)"
    #[cfg_attr(not(windows), default)]
    Sh,
    /// PowerShell: cloudcall env --shell powershell | Out-String | Invoke-Expression
    #[cfg_attr(windows, default)]
    Powershell,
    /// cmd: save it as a .bat file and call that
    Cmd,
    /// fish: cloudcall env --shell fish | source
    Fish,
    /// One JSON object
    Json,
}

impl Shell {
    /// A line for each variable.
    pub(crate) fn script(self, variables: &[(String, String)]) -> String {
        if self == Self::Json {
            let object: serde_json::Map<_, _> = variables
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect();
            return format!("{}\n", serde_json::Value::Object(object));
        }
        variables
            .iter()
            .map(|(name, value)| self.line(name, value) + "\n")
            .collect()
    }

    /// What makes a shell that evaluates it fail, where nothing would not.
    pub(crate) fn failing_script(self) -> Option<&'static str> {
        match self {
            Self::Sh | Self::Fish => Some("false\n"),
            // Invoke-Expression takes no empty text, and the others are not evaluated.
            Self::Powershell | Self::Cmd | Self::Json => None,
        }
    }

    fn line(self, name: &str, value: &str) -> String {
        match self {
            // In quotes nothing means anything but the quote, which stands outside of them.
            Self::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            // In quotes a backslash does, before a quote and before another.
            Self::Fish => {
                let value = value.replace('\\', r"\\").replace('\'', r"\'");
                format!("set -gx {name} '{value}'")
            }
            Self::Powershell => format!("$env:{name} = '{}'", powershell(value)),
            // Quotes around the pair keep &, | and the like from meaning anything; those in the
            // value are kept, too. A file of commands halves percent signs.
            Self::Cmd => format!("set \"{name}={}\"", value.replace('%', "%%")),
            Self::Json => unreachable!("it has no lines"),
        }
    }
}

/// PowerShell takes typographic quotes for quotes, and two of any for one in the text.
fn powershell(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for letter in value.chars() {
        quoted.push(letter);
        if matches!(letter, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(letter);
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(shell: Shell, value: &str) -> String {
        shell.script(&[("NAME".into(), value.into())])
    }

    #[test]
    fn each_shell_has_its_quotes() {
        let value = r#"it's "5%" \ ‘$HOME`"#;
        for (shell, line) in [
            (Shell::Sh, r#"export NAME='it'\''s "5%" \ ‘$HOME`'"#),
            (Shell::Fish, r#"set -gx NAME 'it\'s "5%" \\ ‘$HOME`'"#),
            (Shell::Powershell, r#"$env:NAME = 'it''s "5%" \ ‘‘$HOME`'"#),
            (Shell::Cmd, r#"set "NAME=it's "5%%" \ ‘$HOME`""#),
            (Shell::Json, r#"{"NAME":"it's \"5%\" \\ ‘$HOME`"}"#),
        ] {
            assert_eq!(script(shell, value), format!("{line}\n"));
        }
    }

    #[cfg(unix)]
    mod unix {
        use std::process::Command;

        use proptest::prelude::*;
        use proptest::test_runner::{Config, RngSeed};

        use super::*;

        proptest! {
            #![proptest_config(Config {
                cases: 64,
                rng_seed: RngSeed::Fixed(5),
                failure_persistence: None,
                ..Config::default()
            })]

            #[test]
            fn sh_gives_the_value_back(
                value in r#"([ -~]|['"$`!\n\t]|\\|[^\x00]){0,40}"#,
            ) {
                let line = script(Shell::Sh, &value);
                let output = Command::new("sh")
                    .args(["-c", r#"eval "$1" && printf %s "$NAME""#, "sh", &line])
                    .output()
                    .expect("sh");
                prop_assert!(output.status.success());
                prop_assert_eq!(String::from_utf8_lossy(&output.stdout), value);
            }
        }
    }
}
