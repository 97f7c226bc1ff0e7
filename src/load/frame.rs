//! Frames of the WebSocket protocol, as a client needs them: https://www.rfc-editor.org/rfc/rfc6455#section-5

use bytes::{Buf as _, BufMut as _, BytesMut};

/// Longer messages are not part of any load.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// Text or binary, whole.
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    /// With its code; 1005 when there was none.
    Close(u16),
}

/// What came is no frame that a server may send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A frame of a client: whole, and masked as the protocol demands.
pub(super) fn write(opcode: u8, payload: &[u8], mask: [u8; 4]) -> BytesMut {
    let mut frame = BytesMut::with_capacity(payload.len() + 14);
    frame.put_u8(0x80 | opcode);
    match payload.len() {
        length @ 0..126 => frame.put_u8(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.put_u8(0x80 | 126);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(0x80 | 127);
            frame.put_u64(length as u64);
        }
    }
    frame.put_slice(&mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    frame
}

pub(super) const TEXT: u8 = 1;
pub(super) const CLOSE: u8 = 8;
pub(super) const PONG: u8 = 10;

/// Takes the first frame out of what was read, once it is whole.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Frame>, Malformed> {
    let Some(&[head, second]) = buffer.first_chunk::<2>() else {
        return Ok(None);
    };
    // Not the last piece of a message, or masked, which servers must not do; no extension was agreed on.
    if head & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(Malformed);
    }
    let mut rest = &buffer[2..];
    let (bytes, length) = match second {
        126 if rest.len() >= 2 => (2, u64::from(rest.get_u16())),
        127 if rest.len() >= 8 => (8, rest.get_u64()),
        126 | 127 => return Ok(None),
        length => (0, u64::from(length)),
    };
    if length > LONGEST {
        return Err(Malformed);
    }
    let length = length as usize;
    if rest.len() < length {
        return Ok(None);
    }
    let payload = rest[..length].to_vec();
    buffer.advance(2 + bytes + length);
    Ok(Some(match head & 0x0f {
        TEXT | 2 => Frame::Message(payload),
        9 => Frame::Ping(payload),
        PONG => Frame::Pong,
        CLOSE => Frame::Close(match payload.first_chunk::<2>() {
            Some(code) => u16::from_be_bytes(*code),
            None => 1005,
        }),
        _ => return Err(Malformed),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server would send: the same without a mask.
    fn unmasked(opcode: u8, payload: &[u8]) -> BytesMut {
        let mut frame = write(opcode, payload, [0; 4]);
        frame[1] &= 0x7f;
        let head = match payload.len() {
            0..126 => 2,
            126..65_536 => 4,
            _ => 10,
        };
        let tail = frame.split_off(head + 4);
        frame.truncate(head);
        frame.unsplit(tail);
        frame
    }

    #[test]
    fn a_frame_of_any_length_is_taken_only_when_it_is_whole() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![7; length];
            let whole = unmasked(TEXT, &payload);
            for cut in [0, 1, 3, whole.len() - 1] {
                let mut part = BytesMut::from(&whole[..cut.min(whole.len() - 1)]);
                assert_eq!(take(&mut part), Ok(None), "{length} cut at {cut}");
            }
            let mut two = whole.clone();
            two.extend_from_slice(b"\x89\x01p");
            assert_eq!(take(&mut two), Ok(Some(Frame::Message(payload))));
            assert_eq!(take(&mut two), Ok(Some(Frame::Ping(b"p".to_vec()))));
            assert_eq!(take(&mut two), Ok(None));
        }
    }

    // The masked "Hello" of RFC 6455, section 5.7.
    #[test]
    fn a_client_masks() {
        let frame = write(TEXT, b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(
            frame[..],
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }

    #[test]
    fn a_server_that_masks_or_sends_pieces_is_refused() {
        assert_eq!(take(&mut write(TEXT, b"x", [1; 4])), Err(Malformed));
        assert_eq!(take(&mut BytesMut::from(&b"\x01\x01x"[..])), Err(Malformed));
        assert_eq!(
            take(&mut BytesMut::from(&b"\x88\x02\x03\xe9"[..])),
            Ok(Some(Frame::Close(1001)))
        );
        assert_eq!(
            take(&mut BytesMut::from(&b"\x88\x00"[..])),
            Ok(Some(Frame::Close(1005)))
        );
    }
}
