//! What the fuzz targets of `fuzz/` call: each takes any bytes, and panics where a rule is broken.
//!
//! Not part of the API: it is there only for the fuzzer and for the tests, which replay the seeds.

mod config;
#[cfg(feature = "runtime")]
mod event;
mod parameters;
mod reply;

pub use config::config;
#[cfg(feature = "runtime")]
pub use event::event;
pub use parameters::parameters;
pub use reply::reply;

/// The first line, without its end, and what follows it.
#[must_use]
pub fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// Gives each seed of a target to the function of the target, so that what a fuzzer knows is known
/// to ordinary tests, too. How many there were; none in a published package, which has no seeds.
pub fn replay(fuzz: &std::path::Path, target: &str, run: fn(&[u8])) -> usize {
    if !fuzz.join("Cargo.toml").exists() {
        return 0;
    }
    let folder = fuzz.join("seeds").join(target);
    let mut seeds: Vec<_> = folder
        .read_dir()
        .expect("each target has seeds")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    seeds.sort();
    for seed in &seeds {
        println!("{}", seed.display());
        run(&std::fs::read(seed).expect("a file"));
    }
    assert!(!seeds.is_empty(), "{} is empty", folder.display());
    seeds.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(target: &str, run: fn(&[u8])) {
        let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        replay(&fuzz, target, run);
    }

    #[test]
    fn seeds_of_config() {
        replayed("config", config);
    }

    #[cfg(feature = "runtime")]
    #[test]
    fn seeds_of_event() {
        replayed("event", event);
    }

    #[test]
    fn seeds_of_parameters() {
        replayed("parameters", parameters);
    }

    #[test]
    fn seeds_of_reply() {
        replayed("reply", reply);
    }
}
