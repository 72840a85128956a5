//! The exit codes, as `--help` documents them.

/// How the tool ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: the function or the call failed.
    Failed,
    /// 2: wrong usage, or a project that cannot be run.
    Usage,
    /// 3: the tool failed.
    Tool,
    /// That of the command which `cloudcall exec` ran.
    Command(u8),
    /// 128 and the signal's number, as shells count: 130 for Ctrl-C.
    Interrupted(u8),
}

impl Exit {
    /// The number that the caller sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Tool => 3,
            Self::Command(code) => code,
            Self::Interrupted(signal) => signal.saturating_add(128),
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        let codes = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Tool].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3]);
        assert_eq!(Exit::Interrupted(2).code(), 130);
    }
}
