//! A function's event: who called, and bytes in JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudcall::fuzz::event(data));
