//! A whole `POST /admin` of the gateway: form or JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudcall_emulator::fuzz::gateway_body(data));
