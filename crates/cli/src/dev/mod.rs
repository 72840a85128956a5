//! What `cloudcall dev` is made of.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the command that watches is not there yet")
)]
pub(crate) mod watch;
