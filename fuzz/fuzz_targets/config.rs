//! config.json: what a function may call.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudcall::fuzz::config(data));
