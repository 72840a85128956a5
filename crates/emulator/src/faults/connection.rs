//! Connections that break off at a point of the output which a fault has chosen.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Ends the connection that a request came on, within the answer. Goes into the request's
/// extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionControl(Arc<Mutex<Option<Output>>>);

/// A connection that its control can end.
#[derive(Debug)]
pub(crate) struct FaultyStream {
    stream: TcpStream,
    control: ConnectionControl,
}

/// Up to where the answer is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Point {
    /// So many bytes, whatever they are.
    Bytes(u64),
    /// The whole head, and so many bytes of the body.
    Body(u64),
}

/// How the connection ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// With a RST.
    Reset,
    /// With a FIN.
    Close,
}

/// How far the output has come.
#[derive(Debug, Clone, Copy)]
struct Output {
    point: Point,
    end: End,
    /// How much of the head's end, an empty line, has just been written.
    line_ends: usize,
    ended: bool,
}

/// Puts a connection under control.
pub(crate) fn wrap(stream: TcpStream) -> (FaultyStream, ConnectionControl) {
    let control = ConnectionControl::default();
    let stream = FaultyStream {
        stream,
        control: control.clone(),
    };
    (stream, control)
}

impl ConnectionControl {
    /// Ends the connection at this point of the answer that is sent next.
    pub(super) fn break_off(&self, point: Point, end: End) {
        *self.locked() = Some(Output {
            point,
            end,
            line_ends: 0,
            ended: false,
        });
    }

    fn locked(&self) -> MutexGuard<'_, Option<Output>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    /// Goes through bytes up to the point, and tells how many they are.
    fn advance(&mut self, bytes: &[u8]) -> usize {
        const HEAD_END: &[u8] = b"\r\n\r\n";

        let mut advanced = 0;
        while let Point::Body(of_body) = self.point
            && let Some(byte) = bytes.get(advanced)
        {
            advanced += 1;
            self.line_ends = match HEAD_END[self.line_ends] == *byte {
                true => self.line_ends + 1,
                false => usize::from(*byte == HEAD_END[0]),
            };
            if self.line_ends == HEAD_END.len() {
                self.point = Point::Bytes(of_body);
            }
        }
        if let Point::Bytes(left) = &mut self.point {
            let rest = bytes.len() - advanced;
            let fits = rest.min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= fits as u64;
            advanced += fits;
        }
        advanced
    }
}

impl FaultyStream {
    /// Ends the connection as the control wants it. The error makes the server drop it.
    fn poll_end(&mut self, cx: &mut Context<'_>, output: Output) -> Poll<io::Error> {
        let prepared = match output.end {
            // Dropping the connection then resets it.
            End::Reset => self.stream.set_zero_linger(),
            End::Close => ready!(Pin::new(&mut self.stream).poll_shutdown(cx)),
        };
        if let Some(output) = &mut *self.control.locked() {
            output.ended = true;
        }
        let ended = || io::ErrorKind::ConnectionAborted.into();
        Poll::Ready(prepared.err().unwrap_or_else(ended))
    }

    /// Writes up to the point, and ends the connection there.
    fn poll_write_up_to(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        output: Output,
    ) -> Poll<io::Result<usize>> {
        let allowed = { output }.advance(bytes);
        if allowed == 0 && !bytes.is_empty() {
            return self.poll_end(cx, output).map(Err);
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..allowed]))?;
        if let Some(output) = &mut *self.control.locked() {
            output.advance(&bytes[..written]);
        }
        Poll::Ready(Ok(written))
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let output = *self.control.locked();
        match output {
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
            Some(output) => self.poll_write_up_to(cx, bytes, output),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let output = *self.control.locked();
        match output {
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, pieces),
            Some(output) => {
                let piece = pieces.iter().find(|piece| !piece.is_empty());
                let piece = piece.map_or(&[][..], |piece| piece);
                self.poll_write_up_to(cx, piece, output)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let output = *self.control.locked();
        match output {
            // The point may be the end of the answer, with nothing more to write.
            Some(output) if output.point == Point::Bytes(0) => self.poll_end(cx, output).map(Err),
            _ => Pin::new(&mut self.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A FIN ahead of the RST would look like an end in order.
        let ended = self.control.locked().is_some_and(|output| output.ended);
        if ended {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\nof text";
    const HEAD: usize = 25;

    /// How far an answer gets that is written in pieces of this size.
    fn written(point: Point, size: usize) -> usize {
        let control = ConnectionControl::default();
        control.break_off(point, End::Reset);
        let mut output = control.locked().expect("set");
        let mut written = 0;
        for piece in ANSWER.chunks(size) {
            let advanced = output.advance(piece);
            written += advanced;
            if advanced < piece.len() {
                assert_eq!(output.advance(b"more"), 0);
                break;
            }
        }
        written
    }

    #[test]
    fn the_point_is_found_in_pieces_of_any_size() {
        for size in 1..=ANSWER.len() {
            assert_eq!(written(Point::Bytes(0), size), 0);
            assert_eq!(written(Point::Bytes(9), size), 9);
            assert_eq!(written(Point::Body(0), size), HEAD);
            assert_eq!(written(Point::Body(9), size), HEAD + 9);
            assert_eq!(written(Point::Body(99), size), ANSWER.len());
        }
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line() {
        for (text, head) in [("a\r\r\n\r\nb", 6), ("a\r\n\r\r\n\r\nb", 8)] {
            let control = ConnectionControl::default();
            control.break_off(Point::Body(0), End::Close);
            let advanced = control.locked().expect("set").advance(text.as_bytes());
            assert_eq!(advanced, head, "{text:?}");
        }
    }
}
