//! One media file: its bytes, and the headers that go with them.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue,
};

use super::LIFETIME;

/// A media file, ready to be sent.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) id: Arc<str>,
    pub(crate) bytes: Bytes,
    /// All that WeChat sends with the bytes: among them their type and length, and the disposition
    /// `attachment; filename="ID.EXTENSION"`.
    pub(crate) headers: HeaderMap,
    received: SystemTime,
}

impl Media {
    /// Media with the type of their bytes if those are an image that WeChat accepts, else with
    /// the type of the file name's extension.
    pub(crate) fn new(
        id: &str,
        file_name: Option<&str>,
        bytes: Bytes,
        received: SystemTime,
    ) -> Self {
        let (content_type, extension) = ImageFormat::of(&bytes)
            .map(|format| (format.content_type, Some(format.extension)))
            .unwrap_or_else(|| type_of_name(file_name));
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CONTENT_LENGTH, bytes.len().into()),
            (CONTENT_DISPOSITION, disposition(id, extension)),
            (
                CACHE_CONTROL,
                HeaderValue::from_static("no-cache, must-revalidate"),
            ),
        ];
        Self {
            id: id.into(),
            bytes,
            headers: HeaderMap::from_iter(headers),
            received,
        }
    }

    /// Whether the media can still be fetched at `now`.
    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        now.duration_since(self.received).unwrap_or_default() < LIFETIME
    }
}

/// An image format that WeChat accepts as customer service media.
pub(crate) struct ImageFormat {
    is: fn(&[u8]) -> bool,
    content_type: &'static str,
    extension: &'static str,
}

/// bmp, png, jpeg and gif (platform API page of `media/upload`).
static IMAGE_FORMATS: [ImageFormat; 4] = [
    ImageFormat::new(infer::image::is_jpeg, "image/jpeg", "jpg"),
    ImageFormat::new(infer::image::is_png, "image/png", "png"),
    ImageFormat::new(infer::image::is_gif, "image/gif", "gif"),
    ImageFormat::new(infer::image::is_bmp, "image/bmp", "bmp"),
];

impl ImageFormat {
    const fn new(
        is: fn(&[u8]) -> bool,
        content_type: &'static str,
        extension: &'static str,
    ) -> Self {
        Self {
            is,
            content_type,
            extension,
        }
    }

    /// The format that these bytes are in.
    pub(crate) fn of(bytes: &[u8]) -> Option<&'static Self> {
        IMAGE_FORMATS.iter().find(|format| (format.is)(bytes))
    }
}

fn type_of_name(file_name: Option<&str>) -> (&'static str, Option<&str>) {
    let content_type = file_name
        .and_then(|name| mime_guess::from_path(name).first_raw())
        .unwrap_or("application/octet-stream");
    let extension = file_name.and_then(|name| Path::new(name).extension()?.to_str());
    (content_type, extension)
}

/// The header for a download under the media's id. What could end the quoted name, or the header,
/// becomes `_`.
fn disposition(id: &str, extension: Option<&str>) -> HeaderValue {
    let dot = extension.map_or("", |_| ".");
    let name: String = [id, dot, extension.unwrap_or_default()]
        .iter()
        .flat_map(|part| part.chars())
        .map(|char| match char {
            ' ' | '!' | '#'..='.' | '0'..='[' | ']'..='~' => char,
            _ => '_',
        })
        .collect();
    HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
        .expect("visible ASCII and spaces can stand in a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(id: &str, file_name: Option<&str>, bytes: &'static [u8]) -> [String; 2] {
        let bytes = Bytes::from_static(bytes);
        let media = Media::new(id, file_name, bytes, SystemTime::UNIX_EPOCH);
        [CONTENT_TYPE, CONTENT_DISPOSITION]
            .map(|name| media.headers[name].to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn images_get_the_type_of_their_bytes() {
        let cases: [(&[u8], &str, &str); 4] = [
            (b"\xff\xd8\xff\xe0", "image/jpeg", "jpg"),
            (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
            (b"GIF89a", "image/gif", "gif"),
            (b"BM\0\0", "image/bmp", "bmp"),
        ];
        for (bytes, content_type, extension) in cases {
            let disposition = format!("attachment; filename=\"ID.{extension}\"");
            assert_eq!(
                headers("ID", Some("ID.webp"), bytes),
                [content_type, &disposition]
            );
        }
    }

    #[test]
    fn other_files_get_the_type_of_their_name() {
        let cases = [
            (Some("a.mp4"), "video/mp4", "a.mp4"),
            (
                Some("a.unknown-type"),
                "application/octet-stream",
                "a.unknown-type",
            ),
            (Some("a"), "application/octet-stream", "a"),
            (None, "application/octet-stream", "a"),
        ];
        for (file_name, content_type, download) in cases {
            let disposition = format!("attachment; filename=\"{download}\"");
            assert_eq!(headers("a", file_name, b"?"), [content_type, &disposition]);
        }
    }

    #[test]
    fn no_id_can_leave_the_quoted_name() {
        let [_, disposition] = headers("a\"b\\c/d\r\ne\0f图 g", None, b"GIF89a");
        assert_eq!(disposition, "attachment; filename=\"a_b_c_d__e_f_ g.gif\"");
    }
}
