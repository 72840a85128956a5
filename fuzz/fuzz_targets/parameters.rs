//! The parameters of a Cloud Call, and the request that they make.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudcall::fuzz::parameters(data));
