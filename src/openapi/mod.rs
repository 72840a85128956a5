//! Cloud Calls: WeChat's server APIs by their cloud-call names.
//!
//! [`call`] takes any API of the catalog by name, with arguments and reply as JSON. The modules
//! below have typed functions, a module for each category; they go through the same call.
//!
//! | Cloud Call | typed | HTTPS API |
//! |---|---|---|
//! | `customerServiceMessage.getTempMedia` | [`get_temp_media`](customer_service_message::get_temp_media), [`get_temp_media_to`](customer_service_message::get_temp_media_to), [`get_temp_media_to_file`](customer_service_message::get_temp_media_to_file) | `GET /cgi-bin/media/get` |
//! | `customerServiceMessage.uploadTempMedia` | [`upload_temp_media`](customer_service_message::upload_temp_media) | `POST /cgi-bin/media/upload` |
//! | `customerServiceMessage.send` | [`send`](customer_service_message::send) | `POST /cgi-bin/message/custom/send` |
//! | `customerServiceMessage.setTyping` | [`set_typing`](customer_service_message::set_typing) | `POST /cgi-bin/message/custom/typing` |

pub(crate) mod arguments;
mod arriving;
pub(crate) mod case;
pub(crate) mod catalog;
pub mod customer_service_message;
#[doc(hidden)]
pub mod names;
pub(crate) mod reply;
pub(crate) mod request;
mod sink;
mod store;
pub mod wire;

use std::pin::pin;

use serde_json::Value;

use crate::cloud::Cloud;
use crate::deadline;
use crate::denied;
use crate::error::Error;
use crate::retry::{Attempts, Outcome};
use crate::secret::{Redactor, Secret};
use arguments::Arguments;
use catalog::Api;
use reply::Received;
pub use reply::{Content, Reply};

/// Calls an API by its cloud-call name, such as `customerServiceMessage.getTempMedia`.
///
/// Arguments are an object with names in camelCase, as in Node; they are converted to WeChat's
/// snake_case, in nested objects and arrays too, and the reply's names back to camelCase. A file
/// is `{"contentType": …, "value": …, "fileName": …}` with the bytes in `value`, as a
/// [`Buffer`](crate::Buffer) serialises.
///
/// The order of things: the name is looked up, the arguments are checked, the permission is
/// checked, and only then an access token is taken and the request is sent. If WeChat rejects the
/// token, it is renewed and the call is repeated once. Other failures are met as the
/// [`RetryPolicy`](crate::RetryPolicy) says.
///
/// # Errors
///
/// See the table at [`Error`].
///
/// ```
/// # use cloudcall::{Cloud, Permissions, transport::{MockTransport, media_reply}};
/// use cloudcall::openapi;
/// use serde_json::json;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let cloud = Cloud::builder()
/// #     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
/// #     .transport(MockTransport::replies([media_reply("image/png", &b"hi"[..])]))
/// #     .build()?;
/// let reply = openapi::call(
///     &cloud,
///     "customerServiceMessage.getTempMedia",
///     json!({"mediaId": "MEDIA_ID"}),
/// )
/// .await?;
///
/// assert_eq!(
///     serde_json::to_value(&reply).unwrap(),
///     json!({
///         "errCode": 0,
///         "errMsg": "openapi.customerServiceMessage.getTempMedia:ok",
///         "contentType": "image/png",
///         "buffer": "aGk=",
///     }),
/// );
/// # Ok::<_, cloudcall::Error>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub async fn call(cloud: &Cloud, api: &str, arguments: Value) -> Result<Reply, Error> {
    call_and_read(cloud, api, arguments, Ok).await
}

/// The APIs that can be called: the name of each, and its path at WeChat.
///
/// ```
/// let mut paths = cloudcall::openapi::paths();
/// assert!(paths.any(|api| api == ("customerServiceMessage.getTempMedia", "/cgi-bin/media/get")));
/// ```
pub fn paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    catalog::all().map(|api| (api.name, api.path))
}

/// A call whose reply goes into a type. What `read` says of a wrong reply passes the same filter
/// as every other error, so that no token shows in it.
async fn call_and_read<T>(
    cloud: &Cloud,
    api: &str,
    arguments: Value,
    read: impl FnOnce(Reply) -> Result<T, Error>,
) -> Result<T, Error> {
    let api = find(api)?;
    let arguments = Arguments::from_json(api, arguments)?;
    call_with(cloud, api, &arguments, read).await
}

/// The same, with arguments as WeChat names them, so that a file need not go through JSON.
async fn call_with<T>(
    cloud: &Cloud,
    api: &'static Api,
    arguments: &Arguments,
    read: impl FnOnce(Reply) -> Result<T, Error>,
) -> Result<T, Error> {
    arguments.check(api)?;
    let mut redactor = cloud.redactor();
    let received = {
        // Pinned before it is handed down, or a step below would hold it a second time.
        let exchange = pin!(exchange(cloud, api, arguments, &mut redactor));
        deadline::bounded(cloud, exchange).await
    };
    received
        .and_then(|received| received.into_reply(api, &redactor))
        .and_then(read)
        .map_err(|error| error.redacted(&redactor))
}

fn find(name: &str) -> Result<&'static Api, Error> {
    Api::find(name).ok_or_else(|| {
        let plain = name.strip_prefix("openapi.").unwrap_or(name);
        let error = Error::unknown_api(name);
        if plain != name && Api::find(plain).is_some() {
            error.with_hint(format!("leave out \"openapi.\": {plain:?}"))
        } else if names::is_known(name) {
            error.with_hint("WeChat has this API, but cloudcall's catalog does not list it yet: CONTRIBUTING.md shows how to add it")
        } else if let Some(near) = names::nearest(plain) {
            error.with_hint(format!("did you mean {near:?}?"))
        } else {
            error
        }
    })
}

/// Performs a call with checked arguments: permission, token, and the exchange with WeChat, again
/// with another token if WeChat rejects the first. Every token that is used goes to the redactor.
async fn exchange(
    cloud: &Cloud,
    api: &'static Api,
    arguments: &Arguments,
    redactor: &mut Redactor,
) -> Result<Received, Error> {
    let token = permitted(cloud, api, arguments, redactor).await?;
    let received = send(cloud, api, token.as_ref(), arguments).await?;
    match another_token(cloud, api, token.as_ref(), &received, redactor).await? {
        Some(renewed) => send(cloud, api, Some(&renewed), arguments).await,
        None => Ok(received),
    }
}

/// What comes before a call: whether it can be made and is permitted, and the token for it.
async fn permitted(
    cloud: &Cloud,
    api: &'static Api,
    arguments: &Arguments,
    redactor: &mut Redactor,
) -> Result<Option<Secret>, Error> {
    request::check(api, cloud.api_base(), arguments)?;
    let permitted = cloud.permissions().check(api.name);
    permitted.inspect_err(|_| denied::note(api.name))?;
    let token = cloud.access_token(api).await?;
    redactor.extend(&token);
    Ok(token)
}

/// The token to make the call with again, if the reply rejects the one that was sent.
async fn another_token(
    cloud: &Cloud,
    api: &'static Api,
    sent: Option<&Secret>,
    received: &Received,
    redactor: &mut Redactor,
) -> Result<Option<Secret>, Error> {
    match sent {
        Some(rejected) if received.rejects_token() => {
            let renewed = cloud.renewed_access_token(api, rejected).await?;
            redactor.extend(&renewed);
            Ok(renewed)
        }
        _ => Ok(None),
    }
}

/// Sends the request, again where that may help.
async fn send(
    cloud: &Cloud,
    api: &'static Api,
    token: Option<&Secret>,
    arguments: &Arguments,
) -> Result<Received, Error> {
    let mut attempts = attempts(cloud, api);
    loop {
        let request = request::build(api, cloud.api_base(), token, arguments)?;
        let received = cloud.transport().send(request).await.map(Received::new);
        let outcome = match &received {
            Ok(received) => received.outcome(),
            Err(error) => Outcome::of_kind(error.kind()),
        };
        if attempts.another(outcome).await {
            continue;
        }
        return match received {
            Ok(received) => Ok(received.after(attempts.made())),
            Err(error) => Err(Error::transport(api.name, error).tried(attempts.made())),
        };
    }
}

fn attempts<'a>(cloud: &'a Cloud, api: &'static Api) -> Attempts<'a> {
    Attempts::begin(cloud.retry(), api.name, api.idempotent, deadline::of(cloud))
}

#[cfg(test)]
mod tests;
