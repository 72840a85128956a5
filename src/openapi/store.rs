//! A call whose media is stored while it arrives.

use std::io;

use super::arguments::Arguments;
use super::arriving::{Arriving, Media};
use super::catalog::Api;
use super::reply::Received;
use super::sink::Sink;
use super::{Reply, another_token, attempts, permitted, request};
use crate::cloud::Cloud;
use crate::deadline;
use crate::error::Error;
use crate::retry::Outcome;
use crate::secret::{Redactor, Secret};
use crate::transport::TransportError;

/// Media, all of which the sink has.
pub(super) struct Stored {
    pub(super) content_type: String,
    pub(super) size: u64,
}

/// Makes a call, and gives its media to the sink. Memory holds a piece at a time, which is as large
/// as the transport makes it. What is no media is an error that `not_media` makes.
pub(super) async fn call_into<S: Sink>(
    cloud: &Cloud,
    api: &'static Api,
    arguments: &Arguments,
    sink: &mut S,
    not_media: impl FnOnce(Reply) -> Error,
) -> Result<Stored, Error> {
    arguments.check(api)?;
    let mut redactor = cloud.redactor();
    let call = async {
        let arrived = exchange(cloud, api, arguments, sink, &mut redactor).await?;
        let content_type = match arrived {
            Arrived::Stored { content_type } => content_type,
            Arrived::Whole(received) => {
                let reply = received.into_reply(api, &redactor)?;
                let (_, content_type, buffer) = reply.into_media().map_err(not_media)?;
                let written = sink.write(buffer.into()).await;
                written.map_err(|error| Error::not_written(api.name, error))?;
                content_type
            }
        };
        let finished = sink.finish().await;
        finished.map_err(|error| Error::not_written(api.name, error))?;
        Ok(Stored {
            content_type: redactor.clean(&content_type).into_owned(),
            size: sink.size(),
        })
    };
    deadline::bounded(cloud, call)
        .await
        .map_err(|error| error.redacted(&redactor))
}

async fn exchange<S: Sink>(
    cloud: &Cloud,
    api: &'static Api,
    arguments: &Arguments,
    sink: &mut S,
    redactor: &mut Redactor,
) -> Result<Arrived, Error> {
    let token = permitted(cloud, api, arguments, redactor).await?;
    let arrived = receive(cloud, api, token.as_ref(), arguments, sink).await?;
    if let Arrived::Whole(received) = &arrived
        && let Some(renewed) = another_token(cloud, api, token.as_ref(), received, redactor).await?
    {
        return receive(cloud, api, Some(&renewed), arguments, sink).await;
    }
    Ok(arrived)
}

/// What came of the attempts with one token.
enum Arrived {
    /// The sink has been given all of the media.
    Stored { content_type: String },
    /// It has been given nothing.
    Whole(Received),
}

/// Sends the request and stores the media, again where that may help and the sink can forget what
/// it has.
async fn receive<S: Sink>(
    cloud: &Cloud,
    api: &'static Api,
    token: Option<&Secret>,
    arguments: &Arguments,
    sink: &mut S,
) -> Result<Arrived, Error> {
    let mut attempts = attempts(cloud, api);
    loop {
        let request = request::build(api, cloud.api_base(), token, arguments)?;
        let arriving = match cloud.transport().open(request).await {
            Ok(incoming) => Arriving::tell(incoming).await,
            Err(error) => Err(error),
        };
        let failure = match arriving {
            Ok(Arriving::Whole(received)) => {
                if attempts.another(received.outcome()).await {
                    continue;
                }
                return Ok(Arrived::Whole(received.after(attempts.made())));
            }
            Ok(Arriving::Media(mut media)) => match store(&mut media, sink).await {
                Ok(()) => {
                    let content_type = media.content_type;
                    return Ok(Arrived::Stored { content_type });
                }
                Err(Broken::Sink(error)) => return Err(Error::not_written(api.name, error)),
                Err(Broken::Transport(error)) => error,
            },
            Err(error) => error,
        };
        if sink.can_restart() && attempts.another(Outcome::of_kind(failure.kind())).await {
            let restarted = sink.restart().await;
            restarted.map_err(|error| Error::not_written(api.name, error))?;
            continue;
        }
        return Err(Error::transport_after(api.name, failure, sink.size()).tried(attempts.made()));
    }
}

/// Why media was not stored.
enum Broken {
    Transport(TransportError),
    Sink(io::Error),
}

async fn store<S: Sink>(media: &mut Media, sink: &mut S) -> Result<(), Broken> {
    while let Some(piece) = media.piece().await.map_err(Broken::Transport)? {
        sink.write(piece).await.map_err(Broken::Sink)?;
    }
    Ok(())
}
