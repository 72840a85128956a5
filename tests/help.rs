//! The help of every command.

use crate::seen::assert_seen;
use crate::tool::{cloudcall, root};

#[test]
fn help_teaches() {
    for command in ["", "invoke", "call", "check", "dev", "exec", "push", "env"] {
        let mut help = cloudcall(root());
        let name = if command.is_empty() {
            "help-cloudcall".to_owned()
        } else {
            help.arg(command);
            format!("help-{command}")
        };
        assert_seen!(name, help.arg("--help"));
    }
}
