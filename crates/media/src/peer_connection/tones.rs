//! DTMF in RTP (RFC 4733): a queue of tones to send, and the tones that come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::codec::{TelephoneEvent, event_code, tone_of};
use crate::error::MediaError;
use crate::pacer::FRAME;

/// W3C `insertDTMF`: from 40 ms to 6 s.
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_secs(6);
/// Receivers tell two equal digits apart by the pause between them.
const SHORTEST_GAP: Duration = Duration::from_millis(50);
const LONGEST_GAP: Duration = Duration::from_secs(6);
/// What a comma means (W3C `insertDTMF`).
const COMMA: Duration = Duration::from_secs(2);
/// How many tones may wait.
const WAITING_TONES: usize = 256;
/// The last packet is sent three times, since it must not be lost (RFC 4733 §2.5.1.4).
const REPEATS_OF_END: u32 = 2;
/// -10 dBm0, as loud as telephones dial.
const VOLUME: u8 = 10;
/// How long a tone may stay silent before it counts as ended.
const SILENCE: Duration = Duration::from_millis(250);
/// What one report's 16 bits can hold; a longer event is cut into segments.
const SEGMENT: u32 = 0xffff;

#[derive(Clone, Copy, Debug)]
enum Item {
    Tone {
        tone: char,
        event: u8,
        duration: Duration,
        gap: Duration,
    },
    Pause,
}

/// What the sender does in one 20 ms step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventPacket {
    pub(super) payload: [u8; 4],
    /// Where the event (or its segment) began, in RTP time.
    pub(super) timestamp: u32,
    /// The first packet of an event carries the marker bit.
    pub(super) marker: bool,
}

#[derive(Debug, Default)]
pub(super) struct ToneSender {
    waiting: VecDeque<Item>,
    state: Sending,
}

#[derive(Debug, Default)]
enum Sending {
    #[default]
    Idle,
    Tone {
        event: u8,
        began: u32,
        /// Where the current segment began, counted from the event's beginning.
        segment: u32,
        elapsed: u32,
        total: u32,
        gap: Duration,
        repeats: Option<u32>,
    },
    Gap {
        frames: u32,
    },
}

/// What a step of the sender brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) packets: Vec<EventPacket>,
    /// `Some(Some(tone))` when a tone begins, `Some(None)` when the last one has ended.
    pub(super) change: Option<Option<char>>,
}

impl ToneSender {
    pub(super) fn queue(
        &mut self,
        tones: &str,
        duration: Duration,
        gap: Duration,
    ) -> Result<(), MediaError> {
        let duration = duration.clamp(SHORTEST, LONGEST);
        let gap = gap.clamp(SHORTEST_GAP, LONGEST_GAP);
        let mut items = Vec::new();
        for tone in tones.chars() {
            items.push(match event_code(tone) {
                Some(event) => Item::Tone {
                    tone: tone.to_ascii_uppercase(),
                    event,
                    duration,
                    gap,
                },
                None if tone == ',' => Item::Pause,
                None => return Err(MediaError::Tone(tone)),
            });
        }
        if self.waiting.len() + items.len() > WAITING_TONES {
            return Err(MediaError::TonesWaiting {
                waiting: self.waiting.len(),
                limit: WAITING_TONES,
            });
        }
        self.waiting.extend(items);
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && matches!(self.state, Sending::Idle)
    }

    /// One step of 20 ms; `now` is the RTP time of the audio in it, `rate` the events' clock rate.
    pub(super) fn step(&mut self, now: u32, rate: u32) -> Step {
        let mut step = Step::default();
        if let Sending::Gap { frames } = &mut self.state {
            *frames = frames.saturating_sub(1);
            if *frames > 0 {
                return step;
            }
            self.state = Sending::Idle;
            if self.waiting.is_empty() {
                step.change = Some(None);
                return step;
            }
        }
        if let Sending::Idle = self.state {
            self.state = match self.waiting.pop_front() {
                None => return step,
                Some(Item::Pause) => Sending::Gap {
                    frames: frames(COMMA),
                },
                Some(Item::Tone {
                    tone,
                    event,
                    duration,
                    gap,
                }) => {
                    step.change = Some(Some(tone));
                    Sending::Tone {
                        event,
                        began: now,
                        segment: 0,
                        elapsed: 0,
                        total: units(duration, rate),
                        gap,
                        repeats: None,
                    }
                }
            };
        }
        let Sending::Tone {
            event,
            began,
            segment,
            elapsed,
            total,
            gap,
            repeats,
        } = &mut self.state
        else {
            return step;
        };
        let marker = *elapsed == 0;
        *elapsed = (*elapsed + units(FRAME, rate)).min(*total);
        let report = |segment: u32, duration: u32, end: bool, marker: bool| EventPacket {
            payload: TelephoneEvent {
                event: *event,
                end,
                volume: VOLUME,
                duration: duration.min(SEGMENT) as u16,
            }
            .payload(),
            timestamp: began.wrapping_add(segment),
            marker,
        };
        if *elapsed - *segment > SEGMENT {
            step.packets.push(report(*segment, SEGMENT, false, marker));
            *segment += SEGMENT;
        }
        let end = elapsed == total;
        step.packets
            .push(report(*segment, *elapsed - *segment, end, marker));
        if end {
            let left = repeats.get_or_insert(REPEATS_OF_END);
            if *left == 0 {
                let frames = frames(*gap);
                self.state = Sending::Gap { frames };
            } else {
                *left -= 1;
            }
        }
        step
    }
}

fn units(duration: Duration, rate: u32) -> u32 {
    (duration.as_micros() as u64 * u64::from(rate) / 1_000_000) as u32
}

fn frames(duration: Duration) -> u32 {
    duration.as_millis().div_ceil(FRAME.as_millis()) as u32
}

/// A tone that was received whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) tone: char,
    pub(super) duration: Duration,
}

/// Counts each tone once, however often its packets are repeated, and whichever of them are lost.
#[derive(Debug, Default)]
pub(super) struct ToneReceiver {
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    ssrc: u32,
    event: u8,
    rate: u32,
    /// The RTP time of the newest segment.
    timestamp: u32,
    /// The length of the segments before it.
    before: u32,
    duration: u32,
    first: Instant,
    last: Instant,
    told: bool,
}

impl Current {
    fn end(&mut self) -> Option<Received> {
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let tone = tone_of(self.event)?;
        let units = u64::from(self.before) + u64::from(self.duration);
        let claimed = Duration::from_micros(units * 1_000_000 / u64::from(self.rate.max(1)));
        // Chromium beside Opus sends 8 kHz events with 48 kHz units: six times too long.
        let watched = self.last - self.first + FRAME;
        let duration = if self.rate == 8_000 && claimed > watched * 3 + Duration::from_millis(100) {
            claimed / 6
        } else {
            claimed
        };
        Some(Received { tone, duration })
    }
}

impl ToneReceiver {
    /// Takes a packet; says which tones ended with it: up to two, when the end of the one before
    /// was lost.
    pub(super) fn packet(
        &mut self,
        now: Instant,
        ssrc: u32,
        timestamp: u32,
        rate: u32,
        report: TelephoneEvent,
    ) -> [Option<Received>; 2] {
        let mut lost = None;
        let duration = u32::from(report.duration);
        if let Some(current) = &mut self.current {
            let same_source = current.ssrc == ssrc;
            let ahead = timestamp.wrapping_sub(current.timestamp);
            let next_segment = ahead == SEGMENT && current.event == report.event && !current.told;
            if same_source && ahead == 0 {
                current.duration = current.duration.max(duration);
                current.last = now;
                let ended = report.end.then(|| current.end()).flatten();
                return [None, ended];
            }
            if same_source && next_segment {
                current.before += SEGMENT;
                current.timestamp = timestamp;
                current.duration = duration;
                current.last = now;
                let ended = report.end.then(|| current.end()).flatten();
                return [None, ended];
            }
            // A straggler of an earlier tone.
            if same_source && ahead > u32::MAX / 2 {
                return [None, None];
            }
            lost = current.end();
        }
        let mut current = Current {
            ssrc,
            event: report.event,
            rate,
            timestamp,
            before: 0,
            duration,
            first: now,
            last: now,
            told: false,
        };
        let ended = report.end.then(|| current.end()).flatten();
        self.current = Some(current);
        [lost, ended]
    }

    /// Ends a tone whose packets have stopped.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Received> {
        let current = self.current.as_mut()?;
        if now.saturating_duration_since(current.last) < SILENCE {
            return None;
        }
        current.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// What a queue of tones puts on the wire: the tick, and the packet.
    fn send(tones: &str, duration: Duration, gap: Duration, rate: u32) -> Vec<(u32, EventPacket)> {
        let mut sender = ToneSender::default();
        sender.queue(tones, duration, gap).unwrap();
        let mut packets = Vec::new();
        for tick in 0..2_000 {
            let step = sender.step(7_000 + tick * rate / 50, rate);
            packets.extend(step.packets.into_iter().map(|packet| (tick, packet)));
            if sender.is_idle() {
                break;
            }
        }
        packets
    }

    fn receive(packets: &[(u32, EventPacket)], rate: u32) -> Vec<Received> {
        let mut receiver = ToneReceiver::default();
        let start = Instant::now();
        let mut heard = Vec::new();
        let mut last = 0;
        for (tick, packet) in packets {
            let now = start + FRAME * *tick;
            let report = TelephoneEvent::parse(&packet.payload).unwrap();
            heard.extend(receiver.poll(now));
            let ended = receiver.packet(now, 1, packet.timestamp, rate, report);
            heard.extend(ended.into_iter().flatten());
            last = *tick;
        }
        heard.extend(receiver.poll(start + FRAME * last + SILENCE));
        heard
    }

    fn tones(heard: &[Received]) -> String {
        heard.iter().map(|received| received.tone).collect()
    }

    #[test]
    fn a_tone_is_reported_as_rfc_4733_says() {
        let packets = send("5", MS(100), MS(50), 8_000);
        let reports: Vec<TelephoneEvent> = packets
            .iter()
            .map(|(_, packet)| TelephoneEvent::parse(&packet.payload).unwrap())
            .collect();
        let durations: Vec<u16> = reports.iter().map(|report| report.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        let ends: Vec<bool> = reports.iter().map(|report| report.end).collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        let markers: Vec<bool> = packets.iter().map(|(_, packet)| packet.marker).collect();
        assert_eq!(markers, [true, false, false, false, false, false, false]);
        assert!(packets.iter().all(|(_, packet)| packet.timestamp == 7_000));
    }

    #[test]
    fn equal_digits_are_counted_apart_and_pauses_kept() {
        for rate in [8_000, 48_000] {
            let packets = send("1123#", MS(100), MS(10), rate);
            let heard = receive(&packets, rate);
            assert_eq!(tones(&heard), "1123#");
            assert!(heard.iter().all(|received| received.duration == MS(100)));
            let starts: Vec<u32> = packets
                .iter()
                .filter(|(_, packet)| packet.marker)
                .map(|(tick, _)| *tick)
                .collect();
            // 100 ms of tone, and at least 50 ms of pause.
            assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 5 + 3));
        }
    }

    #[test]
    fn lost_packets_do_not_lose_or_double_a_tone() {
        let packets = send("98", MS(100), MS(70), 8_000);
        let is_end = |packet: &EventPacket| packet.payload[1] & 0x80 != 0;
        let without_ends: Vec<_> = packets
            .iter()
            .copied()
            .filter(|(_, p)| !is_end(p))
            .collect();
        assert_eq!(tones(&receive(&without_ends, 8_000)), "98");
        let only_ends: Vec<_> = packets.iter().copied().filter(|(_, p)| is_end(p)).collect();
        assert_eq!(tones(&receive(&only_ends, 8_000)), "98");
        let mut swapped = packets.clone();
        swapped.swap(6, 7);
        assert_eq!(tones(&receive(&swapped, 8_000)), "98");
    }

    #[test]
    fn a_long_tone_is_cut_into_segments_and_counted_once() {
        let packets = send("A", Duration::from_secs(3), MS(70), 48_000);
        let heard = receive(&packets, 48_000);
        assert_eq!(tones(&heard), "A");
        assert_eq!(heard[0].duration, Duration::from_secs(3));
    }

    #[test]
    fn chromiums_48_khz_units_under_an_8_khz_payload_type_are_understood() {
        let packets = send("7", MS(100), MS(70), 48_000);
        let heard = receive(&packets, 8_000);
        assert_eq!(
            heard,
            [Received {
                tone: '7',
                duration: MS(100)
            }]
        );
    }

    #[test]
    fn a_comma_waits_two_seconds() {
        let packets = send("1,2", MS(100), MS(50), 8_000);
        let starts: Vec<u32> = packets
            .iter()
            .filter(|(_, packet)| packet.marker)
            .map(|(tick, _)| *tick)
            .collect();
        assert!((105..=115).contains(&(starts[1] - starts[0])), "{starts:?}");
    }

    #[test]
    fn what_is_no_tone_is_refused_whole_and_the_queue_is_bounded() {
        let mut sender = ToneSender::default();
        let error = sender.queue("12x", MS(100), MS(70)).unwrap_err();
        assert!(error.to_string().contains("'x'"), "{error}");
        assert!(sender.is_idle());
        sender.queue(&"1".repeat(256), MS(100), MS(70)).unwrap();
        assert!(sender.queue("1", MS(100), MS(70)).is_err());
    }
}
