//! What is said at the start: what is served, and what to do with it.

use unicode_width::UnicodeWidthStr as _;

use super::functions::Shown;
use super::triggers::Triggers;
use crate::cli::DEV_PORT;
use crate::runner::Kind;

/// How many permissions of a function are named.
const MOST: usize = 4;

/// A few lines. `target` is what Cloud Calls reach.
pub(crate) fn lines(
    url: &str,
    target: &str,
    functions: &[Shown],
    triggers: &Triggers,
) -> Vec<String> {
    let mut lines = vec![format!("cloudcall dev serves {url}")];
    let names = functions.iter().map(|it| it.function.name.width());
    let width = names.max().unwrap_or_default();
    lines.extend(functions.iter().map(|it| function(it, width, triggers)));
    if functions.is_empty() {
        lines.push("  no function yet: a function is a folder with an index.js, a package.json or a Cargo.toml".into());
    }
    lines.push(format!("  Cloud Calls reach {target}"));
    lines.push("  GET /_cloudcall/journal tells what has happened, and /_cloudcall/journal/stream what happens".into());
    let env = match url.rsplit_once(':') {
        Some((_, port)) if port != DEV_PORT.to_string() => format!("cloudcall env --port {port}"),
        _ => "cloudcall env".to_owned(),
    };
    // What it prints is for the usual shell of the system.
    let env = match cfg!(windows) {
        true => format!("{env} | Out-String | Invoke-Expression"),
        false => format!("eval \"$({env})\""),
    };
    lines.push(format!(
        "`{env}` leads other processes here, and Ctrl-C ends it"
    ));
    lines
}

fn function(shown: &Shown, width: usize, triggers: &Triggers) -> String {
    let kind = match shown.function.kind {
        Kind::Rust => "Rust",
        Kind::Node => "Node",
    };
    let all = &shown.declared.permissions;
    let named: Vec<_> = all.iter().take(MOST).map(|it| &**it).collect();
    let permissions = match all.len() {
        0 => "no Cloud Calls".to_owned(),
        count if count > MOST => format!("{} and {} more", named.join(" "), count - MOST),
        _ => named.join(" "),
    };
    let name = &shown.function.name;
    let timer = triggers.shown(name);
    let timer = timer.map_or(String::new(), |timer| format!("  {timer}"));
    // Chinese names are twice as wide.
    let padding = " ".repeat(width.saturating_sub(name.width()));
    format!("  POST /functions/{name}{padding}  {kind}  {permissions}{timer}")
}
