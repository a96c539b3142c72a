//! What comes out of a terminal: websocket frames, and the bytes within them.

use bolero::check;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::RANDOM;
use crate::BoxedIo;
use crate::shell::framing::{Answer, Screen, Token};
use crate::shell::termproxy::{limits, receive};

/// The bytes as they come, in one piece and in many: the same lines either way, and the answer that is in them.
fn read(bytes: &[u8]) {
    let token = Token::fixed("0123abcd");
    let (mut whole, mut pieces) = (Screen::default(), Screen::default());
    let mut answer = Answer::to(&token);
    let mut lines = 0;
    whole.feed(bytes);
    for piece in bytes.chunks(3) {
        pieces.feed(piece);
    }
    assert_eq!(whole.tail(), pieces.tail());
    while let Some(line) = whole.next_line() {
        assert_eq!(pieces.next_line().as_ref(), Some(&line));
        assert!(!line.contains(['\n', '\r', '\x1b']), "{line:?}");
        lines += 1;
        if let Some(Ok(output)) = answer.line(&line) {
            assert!(output.stdout.len() + output.stderr.len() <= bytes.len(), "more than was sent");
        }
    }
    assert_eq!(pieces.next_line(), None);
    assert!(lines <= bytes.iter().filter(|byte| **byte == b'\n').count());
    whole.feed(b"\x07\n\n0123abcd:r:\n");
    assert!(whole.shows(&token) || bytes.contains(&0x1b), "a shell that answers is heard after anything but an escape");
}

/// The bytes as what a server sends after the handshake.
async fn over_a_websocket(bytes: &[u8]) {
    let (ours, mut theirs) = tokio::io::duplex(bytes.len() + 1);
    theirs.write_all(bytes).await.expect("there is room for all of it");
    theirs.shutdown().await.expect("nothing is in its way");
    let io: BoxedIo = Box::new(ours);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Client, Some(limits())).await;
    let mut received = 0;
    while let Ok(Some(piece)) = receive(&mut socket).await {
        received += piece.len();
        assert!(received <= bytes.len(), "more than was sent");
        read(&piece);
    }
}

#[test]
fn terminal_frames() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    check!(name = "terminal_frames").with_iterations(RANDOM).for_each(|input: &[u8]| {
        read(input);
        runtime.block_on(over_a_websocket(input));
    });
}
