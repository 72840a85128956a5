//! x
pub mod openapi;
pub mod transport;
mod access_token;
mod buffer;
mod cloud;
mod env;
mod error;
mod permissions;
#[cfg(feature = "runtime")]
pub mod runtime;
mod secret;
pub use buffer::Buffer;
pub use cloud::{Cloud, CloudBuilder};
pub use error::Error;
pub use permissions::{ConfigError, Permissions, Warning};
