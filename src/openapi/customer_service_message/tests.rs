//! Typed calls over a mocked transport: what each sends, and what it makes of the reply.

use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::*;
use crate::buffer::Buffer;
use crate::cloud::Cloud;
use crate::permissions::Permissions;
use crate::transport::{MockTransport, json_reply, media_reply};

fn cloud(mock: &MockTransport) -> Cloud {
    let apis = ["getTempMedia", "uploadTempMedia", "send", "setTyping"];
    Cloud::builder()
        .permissions(Permissions::allow(
            apis.map(|api| format!("customerServiceMessage.{api}")),
        ))
        .transport(mock.clone())
        .build()
        .expect("complete")
}

/// What WeChat is sent for a message.
async fn sent(message: Message) -> Value {
    let mock = MockTransport::replies([json_reply(json!({"errcode": 0, "errmsg": "ok"}))]);
    let sent = send(&cloud(&mock), message).await.expect("sent");
    assert_eq!(
        serde_json::to_value(sent).expect("JSON"),
        json!({"errCode": 0, "errMsg": "openapi.customerServiceMessage.send:ok"})
    );
    let request = &mock.requests()[0];
    assert_eq!(request.uri().path(), "/cgi-bin/message/custom/send");
    serde_json::from_slice(request.body()).expect("JSON")
}

#[tokio::test]
async fn each_message_has_the_shape_that_wechat_documents() {
    let link = Link::new("T", "D", "https://u", "https://p");
    let page = MiniProgramPage::new("T", "pages/a?b=c", "M");
    for (message, expected) in [
        (
            Message::text("O", "你好"),
            json!({"touser": "O", "msgtype": "text", "text": {"content": "你好"}}),
        ),
        (
            Message::image("O", "M"),
            json!({"touser": "O", "msgtype": "image", "image": {"media_id": "M"}}),
        ),
        (
            Message::link("O", link),
            json!({
                "touser": "O",
                "msgtype": "link",
                "link": {
                    "title": "T", "description": "D", "url": "https://u", "thumb_url": "https://p",
                },
            }),
        ),
        (
            Message::mini_program_page("O", page),
            json!({
                "touser": "O",
                "msgtype": "miniprogrampage",
                "miniprogrampage": {"title": "T", "pagepath": "pages/a?b=c", "thumb_media_id": "M"},
            }),
        ),
    ] {
        assert_eq!(sent(message).await, expected);
    }
}

#[test]
fn arguments_read_what_a_node_function_would_pass() {
    let message: Message = serde_json::from_value(json!({
        "touser": "O", "msgtype": "image", "image": {"mediaId": "M"},
    }))
    .expect("a message");
    assert_eq!(message, Message::image("O", "M"));

    let media = json!({"type": "image", "media": {"contentType": "image/png", "value": "aGk="}});
    let upload: UploadTempMedia = serde_json::from_value(media.clone()).expect("an upload");
    assert_eq!(upload, UploadTempMedia::image("image/png", &b"hi"[..]));
    assert_eq!(serde_json::to_value(upload).expect("JSON"), media);
}

#[tokio::test]
async fn an_upload_is_a_form_with_the_files_bytes() {
    let reply = json!({"type": "image", "media_id": "M", "created_at": 1_700_000_000});
    let mock = MockTransport::replies([json_reply(reply)]);
    let image = UploadTempMedia::image("image/png", &b"\x89PNG"[..]).file_name("a.png");
    let uploaded = upload_temp_media(&cloud(&mock), image)
        .await
        .expect("uploaded");
    assert_eq!(
        serde_json::to_value(uploaded).expect("JSON"),
        json!({
            "errCode": 0,
            "errMsg": "openapi.customerServiceMessage.uploadTempMedia:ok",
            "type": "image",
            "mediaId": "M",
            "createdAt": 1_700_000_000,
        })
    );
    let request = &mock.requests()[0];
    assert_eq!(
        request.uri(),
        "https://api.weixin.qq.com/cgi-bin/media/upload?type=image"
    );
    let content_type = request.headers()[CONTENT_TYPE].to_str().expect("text");
    assert!(content_type.starts_with("multipart/form-data; boundary="));
    let body = String::from_utf8_lossy(request.body());
    assert!(body.contains("name=\"media\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"));
    assert!(
        Buffer::from(&request.body()[..])
            .windows(4)
            .any(|bytes| bytes == b"\x89PNG")
    );
}

#[tokio::test]
async fn each_command_is_sent_by_its_name() {
    for (command, name) in [
        (TypingCommand::Typing, "Typing"),
        (TypingCommand::CancelTyping, "CancelTyping"),
    ] {
        let mock = MockTransport::replies([json_reply(json!({"errcode": 0}))]);
        let set = set_typing(&cloud(&mock), SetTyping::new("O", command))
            .await
            .expect("set");
        assert_eq!(set.err_msg, "openapi.customerServiceMessage.setTyping:ok");
        let body: Value = serde_json::from_slice(mock.requests()[0].body()).expect("JSON");
        assert_eq!(body, json!({"touser": "O", "command": name}));
    }
}

#[tokio::test]
async fn an_empty_argument_is_refused_before_anything_is_sent() {
    let mock = MockTransport::replies([]);
    let cloud = cloud(&mock);
    let errors = [
        send(&cloud, Message::text("", "hi"))
            .await
            .expect_err("no user"),
        set_typing(&cloud, SetTyping::new("", TypingCommand::Typing))
            .await
            .expect_err("no user"),
    ];
    for error in errors {
        assert!(error.is_invalid_argument(), "{error}");
        assert!(
            error.err_msg().contains("touser must not be empty"),
            "{error}"
        );
    }
    assert!(mock.requests().is_empty());
}

#[tokio::test]
async fn a_reply_without_the_documented_fields_is_an_error_that_carries_it() {
    let upload = async |reply| {
        let mock = MockTransport::replies([reply]);
        let image = UploadTempMedia::image("image/png", &b"x"[..]);
        upload_temp_media(&cloud(&mock), image)
            .await
            .expect_err("no media id")
    };
    let error = upload(json_reply(json!({"type": "image"}))).await;
    assert_eq!(error.err_code(), -604_103);
    assert!(
        error.err_msg().contains("missing field `mediaId`"),
        "{error}"
    );
    assert_eq!(error.reply(), Some(&json!({"type": "image"})));

    let error = upload(media_reply("image/png", &b"x"[..])).await;
    assert_eq!((error.err_code(), error.reply()), (-604_103, None));
}
