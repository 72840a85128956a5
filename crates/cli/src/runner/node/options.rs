//! `NODE_OPTIONS`: our preload script in it, beside what others have set.

use std::path::Path;

/// The script that leads the SDK to the gateway.
pub(super) const PRELOAD: &str = "preload.cjs";

const REQUIRE: &str = "--require \"";

/// The option that loads this script first.
pub(super) fn requiring(script: &Path) -> String {
    let script = script.display().to_string();
    // Node reads the variable like a shell: quotes around, backslashes before.
    let quoted = script.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{REQUIRE}{quoted}\"")
}

/// Options without our scripts, which a shell has of `cloudcall env`. Where that `cloudcall dev` has
/// ended, they are gone, and Node would not start.
pub(crate) fn without_preloads(options: &str) -> String {
    let mut kept = String::new();
    let mut rest = options;
    while let Some((before, after)) = rest.split_once(REQUIRE) {
        kept.push_str(before);
        rest = match after.split_once('"') {
            Some((script, after)) if is_ours(script) => after.trim_start(),
            _ => {
                kept.push_str(REQUIRE);
                after
            }
        };
    }
    kept.push_str(rest);
    kept.trim().to_owned()
}

fn is_ours(script: &str) -> bool {
    let mut names = script.rsplit(['/', '\\']).filter(|name| !name.is_empty());
    let folder = |name: &str| name.starts_with(crate::runner::group::PREFIX);
    names.next() == Some(PRELOAD) && names.next().is_some_and(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_scripts_go_and_all_else_stays() {
        let ours = requiring(Path::new("/tmp/a b/cloudcall-0123/preload.cjs"));
        for path in [
            r"C:\Users\a\cloudcall-0123\preload.cjs",
            "/tmp/cloudcall-9/preload.cjs",
        ] {
            assert_eq!(without_preloads(&requiring(Path::new(path))), "", "{path}");
        }
        for (options, left) in [
            (String::new(), ""),
            (ours.clone(), ""),
            (format!("{ours} {ours}"), ""),
            (format!("--no-warnings {ours}"), "--no-warnings"),
            (format!("{ours} --no-warnings"), "--no-warnings"),
            (format!("-r x {ours} -r \"y z\""), "-r x -r \"y z\""),
            (
                "--require \"/x/preload.cjs\"".into(),
                "--require \"/x/preload.cjs\"",
            ),
            (
                format!("--require \"/x/y.cjs\" {ours}"),
                "--require \"/x/y.cjs\"",
            ),
            (
                "--require \"/tmp/cloudcall-1/preload.cjs".into(),
                "--require \"/tmp/cloudcall-1/preload.cjs",
            ),
        ] {
            assert_eq!(without_preloads(&options), left, "{options}");
        }
    }
}
