//! How a cassette is written, and what is not.

use http_body_util::BodyExt as _;

use super::*;

/// Answers with the number of gates that are left, once the test lets it.
struct Gated(Mutex<Vec<oneshot::Receiver<()>>>);

#[async_trait]
impl Transport for Gated {
    async fn send(
        &self,
        _request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let (gate, left) = {
            let mut gates = self.0.lock().expect("a lock");
            (gates.pop().expect("a gate"), gates.len())
        };
        gate.await.expect("the test opens it");
        Ok(json_reply(json!({"left": left})))
    }
}

#[tokio::test]
async fn calls_at_once_give_the_same_file_whichever_ends_first() {
    let folder = folder();
    let mut texts = Vec::new();
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let path = folder.path().join(format!("{order:?}.json"));
        let (open, gates): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
        let gated = Gated(Mutex::new(gates.into_iter().rev().collect()));
        let recorder = Recorder::new(gated, &path).expect("a recorder");
        let mut open: Vec<_> = open.into_iter().map(Some).collect();
        let mut running = Vec::new();
        for name in ["/c", "/a", "/a"] {
            let recorder = recorder.clone();
            let mut call = Box::pin(async move { answer(&recorder, get(name)).await });
            // Begins it.
            let begun = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
            assert!(begun.is_pending());
            running.push(Some(call));
        }
        for index in order {
            open[index]
                .take()
                .expect("once")
                .send(())
                .expect("waited for");
            let call = running[index].take().expect("once");
            call.await.expect("an answer");
        }
        texts.push(fs::read_to_string(&path).expect("text"));
    }
    assert!(texts[0].contains("/c"), "{}", texts[0]);
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
}

#[tokio::test]
async fn a_new_recording_takes_the_place_of_the_old_one_with_its_first_exchange() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let one = || (get("/a"), media_reply("image/png", PNG));
    let two = || (get("/b"), media_reply("image/gif", &b"GIF"[..]));
    record(&path, vec![one(), two()]).await;
    fs::write(folder.path().join("session.media/mine.txt"), "x").expect("written");
    let before = all_in(folder.path());
    assert_eq!(before.len(), 4);

    // Nothing was exchanged.
    record(&path, vec![]).await;
    assert_eq!(all_in(folder.path()), before);

    // The GIF is gone, and what is not ours stays.
    record(&path, vec![one()]).await;
    let after = all_in(folder.path());
    assert_eq!(after.len(), 3, "{after:?}");
    assert!(folder.path().join("session.media/mine.txt").exists());
    answer(&Replayer::open(&path).expect("a cassette"), get("/a"))
        .await
        .expect("media");
}

#[tokio::test]
async fn nothing_of_others_is_overwritten() {
    let folder = folder();
    let path = folder.path().join("config.json");
    fs::write(&path, "{\"permissions\": {}}").expect("written");
    let error = Recorder::new(MockTransport::replies([]), &path).expect_err("no cassette");
    assert!(matches!(error, CassetteError::Malformed { .. }), "{error}");

    let path = folder.path().join("session.json");
    let new = || {
        let replies = [labelled("text/plain", "1"), labelled("text/plain", "2")];
        Recorder::new(MockTransport::replies(replies), &path).expect("a recorder")
    };
    let (one, other) = (new(), new());
    answer(&one, get("/one")).await.expect("an answer");
    let text = fs::read_to_string(&path).expect("text");
    let error = answer(&other, get("/other")).await.expect_err("changed");
    assert!(
        error.to_string().contains("changed by somebody else"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).expect("text"), text);
    // The first one goes on.
    answer(&one, get("/one")).await.expect("an answer");
    assert_eq!(one.recorded(), 2);
}

#[test]
fn a_path_that_cannot_be_a_cassette_is_refused_at_once() {
    let folder = folder();
    let recorder = |name: &str| {
        Recorder::new(MockTransport::replies([]), folder.path().join(name))
            .expect_err(name)
            .to_string()
    };
    assert!(recorder("no-such-folder/x.json").ends_with("x.json cannot be written"));
    assert!(recorder("x.media").ends_with("its media are in a folder of this name"));
    fs::create_dir(folder.path().join("d.json")).expect("a folder");
    assert!(recorder("d.json").ends_with("d.json cannot be written"));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

/// Gives its pieces one by one, and never says that it is at its end.
struct Pieces(Vec<Result<&'static str, TransportError>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let next = (!self.0.is_empty()).then(|| self.0.remove(0));
        Poll::Ready(next.map(|piece| piece.map(|it| Frame::data(Bytes::from(it)))))
    }
}

#[tokio::test]
async fn a_body_passes_in_pieces_and_only_a_whole_one_is_recorded() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let broken = || TransportError::new(TransportErrorKind::Interrupted, "broken");
    let in_pieces = |pieces| http::Response::new(Body::new(Pieces(pieces)));
    let mut short = labelled("text/plain", "short");
    short.headers_mut().insert(CONTENT_LENGTH, 6.into());
    let replies = [
        in_pieces(vec![Ok("a"), Ok("b")]),
        in_pieces(vec![Ok("a"), Err(broken())]),
        in_pieces(vec![Ok("a"), Ok("b")]),
        short,
    ];
    let recorder = Recorder::new(MockTransport::replies(replies), &path).expect("a recorder");

    let (_, _, body) = answer(&recorder, get("/whole")).await.expect("an answer");
    assert_eq!(body, "ab");
    assert_eq!(recorder.recorded(), 1);
    answer(&recorder, get("/broken")).await.expect_err("broken");
    // Nobody reads this one.
    drop(recorder.send(get("/dropped")).await.expect("an answer"));
    answer(&recorder, get("/short"))
        .await
        .expect("for others to judge");
    assert!(
        answer(&recorder, get("/none-left")).await.is_err(),
        "the error passes"
    );
    assert_eq!(recorder.recorded(), 1);
    let replayer = Replayer::open(&path).expect("a cassette");
    let (_, _, body) = answer(&replayer, get("/whole")).await.expect("an answer");
    assert_eq!(body, "ab");
}

#[tokio::test]
async fn what_cannot_be_written_fails_and_is_written_with_the_next() {
    let folder = folder();
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a folder");
    let path = project.join("session.json");
    let mock = MockTransport::new(|_| Ok(labelled("text/plain", "ok")));
    let recorder = Recorder::new(mock, &path).expect("a recorder");
    fs::remove_dir(&project).expect("removed");
    let error = answer(&recorder, get("/one")).await.expect_err("no folder");
    let expected = format!(
        "WeChat answered, but that was not recorded: {} cannot be written: ",
        path.display()
    );
    assert!(error.to_string().starts_with(&expected), "{error}");

    fs::create_dir(&project).expect("a folder");
    answer(&recorder, get("/two")).await.expect("an answer");
    let replayer = Replayer::open(&path).expect("a cassette");
    for path in ["/one", "/two"] {
        answer(&replayer, get(path)).await.expect(path);
    }
}

#[tokio::test]
async fn a_body_of_the_announced_length_is_recorded_although_nobody_asks_for_more() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let announced = |pieces, length: u64| {
        let mut reply = http::Response::new(Body::new(Pieces(pieces)));
        reply.headers_mut().insert(CONTENT_LENGTH, length.into());
        reply
    };
    let replies = [announced(vec![Ok("a"), Ok("b")], 2), announced(vec![], 0)];
    let recorder = Recorder::new(MockTransport::replies(replies), &path).expect("a recorder");

    // As hyper does where it serves what it gets.
    let reply = recorder.send(get("/whole")).await.expect("an answer");
    let mut body = reply.into_body();
    for (piece, recorded) in [("a", 0), ("b", 1)] {
        let frame = body.frame().await.expect("a piece").expect("no error");
        assert_eq!(frame.into_data().expect("bytes"), piece);
        assert_eq!(recorder.recorded(), recorded);
    }
    drop(body);
    drop(recorder.send(get("/empty")).await.expect("an answer"));
    assert_eq!(recorder.recorded(), 2);
}
