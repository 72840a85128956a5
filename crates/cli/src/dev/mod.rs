//! What `cloudcall dev` is made of.

pub(crate) mod calls;
pub(crate) mod journal;
pub(crate) mod running;
