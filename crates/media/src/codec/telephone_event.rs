//! The payload of an RFC 4733 telephone event.

/// One report about a pressed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TelephoneEvent {
    /// 0-9 for the digits, 10 `*`, 11 `#`, 12-15 `A`-`D`.
    pub(crate) event: u8,
    /// The key was released.
    pub(crate) end: bool,
    /// Power below 0 dBm0, in dB.
    pub(crate) volume: u8,
    /// How long it has been pressed, in timestamp units.
    pub(crate) duration: u16,
}

impl TelephoneEvent {
    pub(crate) fn parse(payload: &[u8]) -> Option<TelephoneEvent> {
        let [event, flags, high, low] = *payload.first_chunk::<4>()?;
        Some(TelephoneEvent {
            event,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    pub(crate) fn payload(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        let end = if self.end { 0x80 } else { 0 };
        [self.event, end | (self.volume & 0x3f), high, low]
    }
}

const TONES: &[u8; 16] = b"0123456789*#ABCD";

/// The event of a tone; letters of either case.
pub(crate) fn event_code(tone: char) -> Option<u8> {
    let tone = u8::try_from(tone.to_ascii_uppercase()).ok()?;
    let position = TONES.iter().position(|known| *known == tone)?;
    u8::try_from(position).ok()
}

/// The tone of an event; `None` for events that are no DTMF (hook flash, fax tones).
pub(crate) fn tone_of(event: u8) -> Option<char> {
    TONES.get(usize::from(event)).map(|tone| char::from(*tone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_of_rfc_4733_section_2_3() {
        let event = TelephoneEvent {
            event: 11,
            end: true,
            volume: 10,
            duration: 800,
        };
        assert_eq!(event.payload(), [0x0b, 0x8a, 0x03, 0x20]);
        assert_eq!(TelephoneEvent::parse(&event.payload()), Some(event));
        assert_eq!(TelephoneEvent::parse(&[1, 2, 3]), None);
    }

    #[test]
    fn sixteen_tones_have_sixteen_events() {
        for event in 0..16 {
            assert_eq!(tone_of(event).and_then(event_code), Some(event));
        }
        assert_eq!(event_code('b'), event_code('B'));
        assert_eq!(event_code('x'), None);
        assert_eq!(tone_of(16), None);
    }
}
