//! The protobuf that a function's wx-server-sdk sends to the gateway.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudcall_emulator::fuzz::gateway_protobuf(data));
