//! The faults that users meet most, by name.

/// What each preset stands for, as SPECs. The table at [`Fault`](super::Fault) explains them.
const PRESETS: [(&str, &[&str]); 4] = [
    ("busy", &["errcode=-1,times=2"]),
    ("token-expired", &["expire-token,once"]),
    ("rate-limited", &["errcode=45009"]),
    (
        "flaky-network",
        &[
            "all:delay=100ms,probability=0.3",
            "all:reset,probability=0.1",
            "all:cut,probability=0.05",
        ],
    ),
];

/// The SPECs of a preset.
pub(super) fn find(name: &str) -> Option<&'static [&'static str]> {
    PRESETS
        .iter()
        .find(|(preset, _)| *preset == name)
        .map(|(_, specs)| *specs)
}

/// What can be written.
pub(super) fn choices() -> String {
    let names: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
    format!("or a preset: {}", names.join(", "))
}
