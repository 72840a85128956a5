//! What WeChat's reply means.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudcall::fuzz::reply(data));
