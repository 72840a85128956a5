//! `GET /cgi-bin/media/get`: fetches temporary media.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;

use super::reply::INVALID_MEDIA_ID;
use super::{Answer, WeChat};
use crate::journal::clipped;
use crate::media_store::Media;
use crate::query::parameter;

/// Sends the media, or says why not.
pub(super) async fn get(wechat: Arc<WeChat>, request: Request) -> Answer {
    let uri = request.uri();
    let media_id = parameter(uri, "media_id").unwrap_or_default();
    let found = wechat.authorize(uri).and_then(|now| {
        let media = wechat.media.find(&media_id, now);
        media.ok_or(INVALID_MEDIA_ID)
    });
    let asked = match &found {
        Ok(media) => Some(Arc::clone(&media.id)),
        Err(_) if media_id.is_empty() => None,
        Err(_) => Some(clipped(&media_id).into()),
    };
    Answer {
        media_id: asked,
        ..wechat.answer(found.map(|media| media_response(&media)))
    }
}

fn media_response(media: &Media) -> Response {
    let mut response = Response::new(Body::from(media.bytes.clone()));
    response.headers_mut().clone_from(&media.headers);
    response
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use http::Method;

    use crate::testing::{Bed, JPEG, bytes, errcode};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn path(token: &str, media_id: &str) -> String {
        format!("/cgi-bin/media/get?access_token={token}&media_id={media_id}")
    }

    #[tokio::test]
    async fn media_come_with_wechats_headers() {
        let bed = Bed::new();
        let path = path(&bed.token().await, "sample");
        for method in [Method::GET, Method::HEAD] {
            let reply = bed.send(method.clone(), &path, "").await;
            assert_eq!(reply.status(), 200);
            let headers = reply.headers();
            assert_eq!(headers["content-type"], "image/jpeg");
            assert_eq!(
                headers["content-disposition"],
                "attachment; filename=\"sample.jpg\""
            );
            assert_eq!(headers["cache-control"], "no-cache, must-revalidate");
            assert_eq!(headers["content-length"], JPEG.len().to_string());
            assert_eq!(headers.len(), 4);
            let expected = if method == Method::GET { JPEG } else { b"" };
            assert_eq!(bytes(reply).await, expected);
        }
    }

    #[tokio::test]
    async fn a_failed_head_has_the_headers_of_the_error_and_no_body() {
        let bed = Bed::new();
        let reply = bed.send(Method::HEAD, "/cgi-bin/media/get", "").await;
        assert_eq!(reply.status(), 200);
        assert_eq!(
            reply.headers()["content-type"],
            "application/json; encoding=utf-8"
        );
        assert_ne!(reply.headers()["content-length"], "0");
        assert_eq!(bytes(reply).await, "");
    }

    #[tokio::test]
    async fn the_token_is_checked_before_the_media_id() {
        let bed = Bed::new();
        for query in ["", "?media_id=sample", "?access_token=&media_id=none"] {
            let reply = bed.get(&format!("/cgi-bin/media/get{query}")).await;
            assert_eq!(errcode(reply).await, 41001, "{query}");
        }
        assert_eq!(errcode(bed.get(&path("WRONG", "none")).await).await, 40001);
    }

    #[tokio::test]
    async fn an_id_that_is_unknown_or_malformed_is_invalid_and_leaves_the_folder_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let media = dir.path().join("media");
        fs::create_dir(&media).expect("created");
        fs::write(dir.path().join("x.jpg"), JPEG).expect("written");
        fs::write(media.join("inside.jpg"), JPEG).expect("written");
        let bed = Bed::with(|builder| builder.media_dir(&media));
        let token = bed.token().await;
        assert_eq!(bytes(bed.get(&path(&token, "inside")).await).await, JPEG);

        let outside = dir.path().join("x");
        let outside = outside.to_str().expect("Unicode");
        let long = "x".repeat(30_000);
        let hostile = [
            "",
            "none",
            "../x",
            "..%2fx",
            "..%2Fx.jpg",
            "%2e%2e%5cx",
            "./inside",
            ".",
            "..",
            outside,
            "inside%00",
            "%00",
            "inside.jpg",
            "%ff%fe",
            "inside/",
            &long,
        ];
        for media_id in hostile {
            let reply = bed.get(&path(&token, media_id)).await;
            assert_eq!(errcode(reply).await, 40007, "{media_id}");
        }
        let no_id = format!("/cgi-bin/media/get?access_token={token}");
        assert_eq!(errcode(bed.get(&no_id).await).await, 40007);
    }

    #[tokio::test]
    async fn a_media_id_is_decoded() {
        let bed = Bed::with(|builder| builder.media("图 片", JPEG));
        let token = bed.token().await;
        let reply = bed.get(&path(&token, "%E5%9B%BE+%E7%89%87")).await;
        assert_eq!(
            reply.headers()["content-disposition"],
            "attachment; filename=\"_ _.jpg\""
        );
        assert_eq!(bytes(reply).await, JPEG);
    }

    #[tokio::test]
    async fn media_expire_after_three_days() {
        let bed = Bed::new();
        bed.clock.advance(DAY * 3 - Duration::from_nanos(1));
        assert_eq!(bed.try_token(&bed.token().await).await, 0);
        bed.clock.advance(Duration::from_nanos(1));
        assert_eq!(bed.try_token(&bed.token().await).await, 40007);
    }

    #[tokio::test]
    async fn a_wrongly_named_image_is_served_as_what_it_is() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join("picture.png"), JPEG).expect("written");
        fs::write(dir.path().join("notes.txt"), "text").expect("written");
        let bed = Bed::with(|builder| builder.media_dir(dir.path()));
        let token = bed.token().await;
        let cases = [
            ("picture", "image/jpeg", "picture.jpg"),
            ("notes", "text/plain", "notes.txt"),
        ];
        for (media_id, content_type, name) in cases {
            let reply = bed.get(&path(&token, media_id)).await;
            assert_eq!(reply.headers()["content-type"], content_type);
            assert_eq!(
                reply.headers()["content-disposition"],
                format!("attachment; filename=\"{name}\"")
            );
        }
    }

    #[tokio::test]
    async fn a_changed_file_and_an_added_one_are_served() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let bed = Bed::with(|builder| builder.media_dir(dir.path()));
        let token = bed.token().await;
        let path = path(&token, "new");
        assert_eq!(errcode(bed.get(&path).await).await, 40007);
        fs::write(dir.path().join("new.gif"), "GIF89a").expect("written");
        assert_eq!(bytes(bed.get(&path).await).await, "GIF89a");
        fs::write(dir.path().join("new.gif"), "GIF89a, longer").expect("written");
        assert_eq!(bytes(bed.get(&path).await).await, "GIF89a, longer");
    }

    #[tokio::test]
    async fn media_in_memory_take_precedence_over_the_folder() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join("sample.gif"), "GIF89a").expect("written");
        let bed = Bed::with(|builder| builder.media_dir(dir.path()));
        let reply = bed.get(&path(&bed.token().await, "sample")).await;
        assert_eq!(bytes(reply).await, JPEG);
    }
}
