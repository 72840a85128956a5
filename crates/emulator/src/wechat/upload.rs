//! `POST /cgi-bin/media/upload`: receives an image as temporary media.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::BodyDataStream;
use axum::extract::Request;
use bytes::Bytes;
use http::Uri;
use http::header::{CONTENT_TYPE, HeaderMap};
use multer::{Constraints, Multipart, SizeLimit};
use serde::Serialize;

use super::reply::{self, Failure, INVALID_IMAGE_SIZE, INVALID_MEDIA_TYPE};
use super::{Answer, WeChat};
use crate::drain::drain;
use crate::media_store::ImageFormat;
use crate::query::parameter;

/// The largest image, in bytes: 10 MB (platform API page).
const LARGEST_IMAGE: u64 = 10 << 20;

/// The largest form, in bytes: an image, and room for boundaries and other fields.
const LARGEST_FORM: u64 = LARGEST_IMAGE + (64 << 10);

/// How many parts a form may have. An image is one.
const MOST_PARTS: usize = 64;

/// Keeps an image, and answers with its media id.
pub(super) async fn upload(wechat: Arc<WeChat>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let received = match wechat.authorize(&head.uri).and_then(|_| accepts(&head.uri)) {
        Ok(()) => receive(&head.headers, &mut body).await,
        Err(failure) => Err(failure),
    };
    match received {
        Ok(image) => {
            let now = wechat.clock.now();
            let media = wechat.media.keep(&wechat.ids.media_id(), image, now);
            Answer {
                media_id: Some(Arc::clone(&media.id)),
                ..reply::json(&Uploaded::new(&media.id, now)).into()
            }
        }
        Err(failure) => {
            drain(&mut body).await;
            wechat.answer(Err(failure))
        }
    }
}

#[derive(Serialize)]
struct Uploaded<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    media_id: &'a str,
    /// Seconds since 1970.
    created_at: u64,
}

impl<'a> Uploaded<'a> {
    fn new(media_id: &'a str, now: SystemTime) -> Self {
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            kind: "image",
            media_id,
            created_at: since_1970.unwrap_or_default().as_secs(),
        }
    }
}

/// Whether the upload's `type` is one that mini programs may use.
fn accepts(uri: &Uri) -> Result<(), Failure> {
    match parameter(uri, "type").as_deref() {
        Some("image") => Ok(()),
        _ => Err(INVALID_MEDIA_TYPE.because("the query has to say type=image")),
    }
}

/// Reads the form to its end; gives the image of its field `media`.
async fn receive(headers: &HeaderMap, body: &mut BodyDataStream) -> Result<Bytes, Failure> {
    let boundary = headers
        .get(CONTENT_TYPE)
        .and_then(|value| multer::parse_boundary(value.to_str().ok()?).ok())
        .ok_or_else(|| INVALID_MEDIA_TYPE.because("the body is not multipart/form-data"))?;
    let limits = SizeLimit::new()
        .whole_stream(LARGEST_FORM)
        .for_field("media", LARGEST_IMAGE);
    let constraints = Constraints::new().size_limit(limits);
    let mut form = Multipart::with_constraints(body, boundary, constraints);

    let mut image = None;
    let mut parts = 0;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        parts += 1;
        if parts > MOST_PARTS {
            let detail = format!("the form has more than {MOST_PARTS} parts");
            return Err(INVALID_MEDIA_TYPE.because(&detail));
        }
        if image.is_none() && field.name() == Some("media") {
            image = Some(field.bytes().await.map_err(unreadable)?);
        }
    }
    let image =
        image.ok_or_else(|| INVALID_MEDIA_TYPE.because("the form has no field named media"))?;
    match ImageFormat::of(&image) {
        Some(_) => Ok(image),
        None => Err(INVALID_MEDIA_TYPE.because("the file is not a bmp, png, jpeg or gif image")),
    }
}

fn unreadable(error: multer::Error) -> Failure {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            INVALID_IMAGE_SIZE.because("the limit is 10 MB")
        }
        _ => INVALID_MEDIA_TYPE.because("the multipart form is malformed or incomplete"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use http::{Request, Response};

    use super::*;
    use crate::testing::{Bed, JPEG, NOON, bytes, errcode, json, text};

    const FORM: &str = "multipart/form-data; boundary=XX";

    fn field(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n"
        );
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    fn form(content: &[u8]) -> Vec<u8> {
        [&*field("media", content), b"--XX--\r\n"].concat()
    }

    async fn post(bed: &Bed, query: &str, content_type: &str, body: Vec<u8>) -> Response<Body> {
        let request = Request::post(format!("/cgi-bin/media/upload?{query}"))
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .expect("a request");
        bed.request(request).await
    }

    async fn upload(bed: &Bed, content_type: &str, body: Vec<u8>) -> Response<Body> {
        let query = format!("access_token={}&type=image", bed.token().await);
        post(bed, &query, content_type, body).await
    }

    #[tokio::test]
    async fn an_upload_can_be_fetched_until_it_is_three_days_old() {
        let bed = Bed::new();
        let images: [(&[u8], &str); 4] = [
            (JPEG, "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"GIF89a", "image/gif"),
            (b"BM bitmap", "image/bmp"),
        ];
        let three_days = Duration::from_secs(3 * 24 * 60 * 60);
        for (image, content_type) in images {
            let reply = upload(&bed, FORM, form(image)).await;
            assert_eq!(
                reply.headers()["content-type"],
                "application/json; encoding=utf-8"
            );
            let reply = json(reply).await;
            let now = bed.clock.now().duration_since(SystemTime::UNIX_EPOCH);
            let media_id = text(&reply["media_id"]);
            assert_eq!(
                reply,
                serde_json::json!({
                    "type": "image",
                    "media_id": media_id,
                    "created_at": now.expect("after 1970").as_secs(),
                })
            );
            assert_eq!(media_id.len(), 64);

            bed.clock.advance(three_days - Duration::from_nanos(1));
            let path =
                |token| format!("/cgi-bin/media/get?access_token={token}&media_id={media_id}");
            let fetched = bed.get(&path(bed.token().await)).await;
            assert_eq!(fetched.headers()["content-type"], content_type);
            assert_eq!(bytes(fetched).await, image);
            bed.clock.advance(Duration::from_nanos(1));
            let expired = bed.get(&path(bed.token().await)).await;
            assert_eq!(errcode(expired).await, 40007);
        }
    }

    #[tokio::test]
    async fn created_at_is_in_seconds_and_the_journal_knows_the_new_id() {
        let bed = Bed::new();
        let reply = json(upload(&bed, FORM, form(JPEG)).await).await;
        assert_eq!(reply["created_at"], NOON);
        let entries = bed.emulator.journal().entries();
        let entry = entries.last().expect("an entry");
        assert_eq!(entry.path, "/cgi-bin/media/upload");
        assert_eq!(entry.media_id.as_deref(), reply["media_id"].as_str());
    }

    #[tokio::test]
    async fn the_token_and_the_type_are_checked() {
        let bed = Bed::new();
        let token = bed.token().await;
        let cases = [
            ("type=image".to_owned(), 41001),
            ("access_token=WRONG&type=image".to_owned(), 40001),
            (format!("access_token={token}"), 40004),
            (format!("access_token={token}&type=video"), 40004),
        ];
        for (query, expected) in cases {
            let reply = post(&bed, &query, FORM, form(JPEG)).await;
            assert_eq!(errcode(reply).await, expected, "{query}");
        }
    }

    #[tokio::test]
    async fn what_is_no_form_with_an_image_is_refused() {
        let bed = Bed::new();
        let whole = form(JPEG);
        let cut = whole[..whole.len() - 12].to_vec();
        let cases = [
            ("application/json", b"{}".to_vec()),
            ("multipart/form-data", whole.clone()),
            ("multipart/form-data; boundary=", whole.clone()),
            ("multipart/form-data; boundary=\"\"", whole.clone()),
            ("multipart/form-data; boundary=YY", whole.clone()),
            (FORM, Vec::new()),
            (FORM, b"--XX".to_vec()),
            (FORM, b"--XX--\r\n".to_vec()),
            (FORM, b"--XX\r\n\xff\xfe: \0\r\n\r\n".to_vec()),
            (FORM, cut),
            (FORM, [&*field("file", JPEG), b"--XX--\r\n"].concat()),
            (FORM, form(b"#!/bin/sh")),
            (FORM, form(b"")),
        ];
        for (content_type, body) in cases {
            let shown = String::from_utf8_lossy(&body).into_owned();
            let reply = upload(&bed, content_type, body).await;
            assert_eq!(errcode(reply).await, 40004, "{content_type} {shown}");
        }
    }

    #[tokio::test]
    async fn a_refusal_says_what_is_wrong() {
        let bed = Bed::new();
        let reply = upload(&bed, FORM, form(b"#!/bin/sh")).await;
        let message = text(&json(reply).await["errmsg"]);
        assert!(
            message.starts_with(
                "invalid media type: the file is not a bmp, png, jpeg or gif image hint: ["
            ),
            "{message}"
        );
    }

    #[tokio::test]
    async fn other_fields_of_the_form_are_passed_over() {
        let bed = Bed::new();
        let body = [
            field("note", b"text"),
            field("media", JPEG),
            field("media", b"GIF89a"),
            b"--XX--\r\n".to_vec(),
        ]
        .concat();
        let reply = json(upload(&bed, FORM, body).await).await;
        let media_id = text(&reply["media_id"]);
        let token = bed.token().await;
        let path = format!("/cgi-bin/media/get?access_token={token}&media_id={media_id}");
        assert_eq!(bytes(bed.get(&path).await).await, JPEG);
    }

    #[tokio::test]
    async fn sixty_four_parts_pass_and_one_more_does_not() {
        let bed = Bed::new();
        let form = |others| [&*field("note", b"text").repeat(others), &form(JPEG)].concat();
        assert_eq!(
            json(upload(&bed, FORM, form(63)).await).await["type"],
            "image"
        );
        let refused = json(upload(&bed, FORM, form(64)).await).await;
        assert_eq!(refused["errcode"], 40004);
        let message = text(&refused["errmsg"]);
        assert!(
            message.starts_with("invalid media type: the form has more than 64 parts hint: ["),
            "{message}"
        );
    }

    #[tokio::test]
    async fn ten_megabytes_pass_and_a_byte_more_does_not() {
        let bed = Bed::new();
        let mut image = vec![0; 10 << 20];
        image[..JPEG.len()].copy_from_slice(JPEG);
        let reply = json(upload(&bed, FORM, form(&image)).await).await;
        assert_eq!(reply["type"], "image");

        image.push(0);
        let reply = upload(&bed, FORM, form(&image)).await;
        assert_eq!(errcode(reply).await, 40009);

        let other = field("other", &image[..6 << 20]);
        let many = [&*other, &other, &form(JPEG)].concat();
        assert_eq!(errcode(upload(&bed, FORM, many).await).await, 40009);
    }
}
