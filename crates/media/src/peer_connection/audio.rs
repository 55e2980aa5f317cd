//! The way of the audio: source, encoder, RTP; and RTP, jitter buffer, decoder, sink.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tones::{ToneReceiver, ToneSender};
use crate::codec::{Decoder, Encoder, FRAMES_PER_SECOND, TelephoneEvent};
use crate::config::AudioCodec;
use crate::description::Direction;
use crate::error::MediaError;
use crate::event::PeerConnectionEvent;
use crate::jitter::{JitterBuffer, Playout};
use crate::sdp::AudioAgreement;
use crate::sink::Sink;
use crate::source::Source;
use crate::stats::{Reception, Stats};

/// An RTP packet to send.
#[derive(Debug)]
pub(super) struct RtpOut {
    pub(super) payload_type: u8,
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Arc<[u8]>,
}

/// An RTP packet that came, decrypted.
#[derive(Debug)]
pub(super) struct RtpIn {
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    /// Counted on over its wraps.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Arc<[u8]>,
}

pub(super) struct AudioPath {
    source: Source,
    sink: Sink,
    enabled: bool,
    agreement: Option<AudioAgreement>,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    tone_sender: ToneSender,
    tone_receiver: ToneReceiver,
    sequence: u64,
    timestamp: u32,
    /// The next packet is the first after a pause.
    talkspurt: bool,
    /// Whether the first packet since the direction changed has been told.
    heard: bool,
    reception: Reception,
    epoch: Instant,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    packets_sent: u64,
    bytes_sent: u64,
    packets_received: u64,
    bytes_received: u64,
    concealed: u64,
    late: u64,
    tones: u64,
}

struct Sender {
    codec: AudioCodec,
    payload_type: u8,
    encoder: Encoder,
    frame: Vec<i16>,
    payload: Vec<u8>,
}

struct Receiver {
    codec: AudioCodec,
    ssrc: u32,
    decoder: Decoder,
    jitter: JitterBuffer,
    /// Decoded, not yet played.
    samples: Vec<i16>,
}

impl AudioPath {
    pub(super) fn new(now: Instant, random: u64) -> AudioPath {
        AudioPath {
            source: Source::silence(),
            sink: Sink::discard(),
            enabled: true,
            agreement: None,
            sender: None,
            receiver: None,
            tone_sender: ToneSender::default(),
            tone_receiver: ToneReceiver::default(),
            // Both begin at random (RFC 3550 §5.1); the sequence low enough for no wrap before
            // the peer has seen a packet.
            sequence: random & 0x7fff,
            timestamp: (random >> 32) as u32,
            talkspurt: true,
            heard: false,
            reception: Reception::default(),
            epoch: now,
            counters: Counters::default(),
        }
    }

    pub(super) fn set_source(&mut self, source: Source) {
        self.source = source;
    }

    pub(super) fn set_sink(&mut self, sink: Sink) {
        self.sink = sink;
    }

    pub(super) fn set_enabled(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    /// Takes what was negotiated; `None` when the audio was declined.
    pub(super) fn apply(&mut self, agreement: Option<AudioAgreement>) -> Result<(), MediaError> {
        let before = self.direction();
        self.agreement = agreement;
        let wanted = self
            .agreement
            .as_ref()
            .and_then(|a| a.send.first())
            .copied();
        match (&mut self.sender, wanted) {
            (Some(sender), Some(wanted)) if sender.codec == wanted.codec => {
                sender.payload_type = wanted.payload_type;
            }
            (sender, Some(wanted)) => {
                let length = (wanted.codec.clock_rate() / FRAMES_PER_SECOND) as usize;
                *sender = Some(Sender {
                    codec: wanted.codec,
                    payload_type: wanted.payload_type,
                    encoder: Encoder::new(wanted.codec)?,
                    frame: vec![0; length],
                    payload: Vec::new(),
                });
                self.talkspurt = true;
            }
            (sender, None) => *sender = None,
        }
        if before != self.direction() {
            self.heard = false;
            self.talkspurt = true;
        }
        Ok(())
    }

    /// Another peer, or a new secure connection to the same one: SRTP counts the wraps of the
    /// sequence from zero again, and so must we (RFC 3711 §3.3.1).
    pub(super) fn restart(&mut self) {
        self.sequence &= 0x7fff;
        self.talkspurt = true;
        self.heard = false;
        self.retire_receiver();
    }

    /// The direction in force.
    pub(super) fn direction(&self) -> Direction {
        self.agreement
            .as_ref()
            .map_or(Direction::Inactive, |agreement| agreement.direction)
    }

    pub(super) fn queue_tones(
        &mut self,
        tones: &str,
        duration: Duration,
        gap: Duration,
    ) -> Result<(), MediaError> {
        if self.send_event_type().is_none() {
            return Err(MediaError::NoTelephoneEvent);
        }
        self.tone_sender.queue(tones, duration, gap)
    }

    /// The payload type and clock rate of the telephone events that are sent: those of the sent
    /// codec's rate if there are any, for their timestamps are the audio's.
    fn send_event_type(&self) -> Option<(u8, u32)> {
        let rate = self.sender.as_ref()?.codec.clock_rate();
        let events = &self.agreement.as_ref()?.send_events;
        let fitting = events.iter().find(|(_, known)| *known == rate);
        fitting.or_else(|| events.first()).copied()
    }

    /// Takes a packet that came.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        packet: RtpIn,
        events: &mut Vec<PeerConnectionEvent>,
    ) {
        let Some(agreement) = &self.agreement else {
            return;
        };
        self.counters.packets_received += 1;
        self.counters.bytes_received += packet.payload.len() as u64;
        let event = agreement
            .receive_events
            .iter()
            .find(|(number, _)| *number == packet.payload_type);
        if let Some((_, rate)) = event {
            let rate = *rate;
            self.reception
                .packet(now, packet.ssrc, packet.sequence, None, self.epoch);
            if let Some(report) = TelephoneEvent::parse(&packet.payload) {
                let ended =
                    self.tone_receiver
                        .packet(now, packet.ssrc, packet.timestamp, rate, report);
                for tone in ended.into_iter().flatten() {
                    self.tell_tone(tone.tone, tone.duration, events);
                }
            }
            return;
        }
        // The peer may use the number it announced or, against RFC 3264 yet seen, ours.
        let codec = agreement
            .receive
            .iter()
            .chain(&agreement.send)
            .find(|known| known.payload_type == packet.payload_type)
            .map(|known| known.codec);
        let Some(codec) = codec else {
            return;
        };
        let timestamp = Some((packet.timestamp, codec.clock_rate()));
        self.reception
            .packet(now, packet.ssrc, packet.sequence, timestamp, self.epoch);
        if !self.direction().is_receiving() {
            return;
        }
        if !self.heard {
            self.heard = true;
            events.push(PeerConnectionEvent::AudioReceived);
        }
        let fits = |receiver: &Receiver| receiver.codec == codec;
        if !self.receiver.as_ref().is_some_and(fits) {
            let Ok(decoder) = Decoder::new(codec) else {
                return;
            };
            self.retire_receiver();
            self.receiver = Some(Receiver {
                codec,
                ssrc: packet.ssrc,
                decoder,
                jitter: JitterBuffer::new(codec.clock_rate()),
                samples: Vec::new(),
            });
        }
        if let Some(receiver) = &mut self.receiver {
            if receiver.ssrc != packet.ssrc {
                // Another source, as after a transfer: its timestamps have nothing to do with
                // those before.
                receiver.ssrc = packet.ssrc;
                receiver.jitter.restart();
            }
            receiver
                .jitter
                .insert(now, packet.timestamp, packet.payload);
        }
    }

    fn retire_receiver(&mut self) {
        if let Some(receiver) = self.receiver.take() {
            self.counters.late += receiver.jitter.late();
        }
    }

    fn tell_tone(&mut self, tone: char, duration: Duration, events: &mut Vec<PeerConnectionEvent>) {
        self.counters.tones += 1;
        events.push(PeerConnectionEvent::Tone { tone, duration });
    }

    /// Time that passes without being used, after a stall.
    pub(super) fn skip(&mut self, frames: u32) {
        // The timestamps keep the time; of the sequence nothing was used.
        if let Some(sender) = &self.sender {
            let units = sender.codec.clock_rate() / FRAMES_PER_SECOND;
            self.timestamp = self.timestamp.wrapping_add(units.wrapping_mul(frames));
        }
    }

    /// One step of 20 ms: plays what was received and gives the packets to send.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        out: &mut Vec<RtpOut>,
        events: &mut Vec<PeerConnectionEvent>,
    ) {
        self.play(now);
        if let Some(tone) = self.tone_receiver.poll(now) {
            self.tell_tone(tone.tone, tone.duration, events);
        }
        self.capture(out, events);
    }

    fn play(&mut self, now: Instant) {
        let Some(receiver) = &mut self.receiver else {
            return;
        };
        let rate = receiver.codec.clock_rate();
        let frame = (rate / FRAMES_PER_SECOND) as usize;
        let mut silent = false;
        while receiver.samples.len() < frame && !silent {
            match receiver.jitter.next(now) {
                Playout::Decode(payload) => {
                    let start = receiver.samples.len();
                    let count = receiver.decoder.decode(&payload, &mut receiver.samples);
                    receiver.jitter.played(count);
                    if receiver.jitter.has_surplus() && is_quiet(&receiver.samples[start..]) {
                        // Nobody misses a piece of a pause, and the delay shrinks.
                        receiver.samples.truncate(start);
                        continue;
                    }
                    if count == 0 {
                        receiver.decoder.conceal(frame, &mut receiver.samples);
                        self.counters.concealed += 1;
                    }
                }
                Playout::Recover(next) => {
                    receiver
                        .decoder
                        .recover(&next, frame, &mut receiver.samples);
                    self.counters.concealed += 1;
                }
                Playout::Conceal => {
                    receiver.decoder.conceal(frame, &mut receiver.samples);
                    self.counters.concealed += 1;
                }
                Playout::Silence => silent = true,
            }
        }
        if receiver.samples.len() < frame {
            receiver.samples.resize(frame, 0);
        }
        let samples = &receiver.samples[..frame];
        self.sink.write(samples, rate);
        self.source.hear(samples, rate);
        receiver.samples.drain(..frame);
    }

    fn capture(&mut self, out: &mut Vec<RtpOut>, events: &mut Vec<PeerConnectionEvent>) {
        let sending = self.direction().is_sending();
        let event_type = self.send_event_type();
        let Some(sender) = &mut self.sender else {
            return;
        };
        let rate = sender.codec.clock_rate();
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(sender.frame.len() as u32);
        if (sending || self.source.is_live()) && self.source.fill(rate, &mut sender.frame) {
            events.push(PeerConnectionEvent::SourceEnded);
        }
        if !sending {
            self.talkspurt = true;
            return;
        }
        if !self.enabled {
            // Muted: the encoder goes on with silence, so that the peer notices no loss.
            sender.frame.fill(0);
        }
        if let Err(error) = sender.encoder.encode(&sender.frame, &mut sender.payload) {
            tracing::warn!(%error, "a frame could not be encoded");
            return;
        }
        let mut send = |payload_type, timestamp, marker, payload: Arc<[u8]>| {
            self.counters.packets_sent += 1;
            self.counters.bytes_sent += payload.len() as u64;
            out.push(RtpOut {
                payload_type,
                sequence: self.sequence,
                timestamp,
                marker,
                payload,
            });
            self.sequence += 1;
        };
        let marker = std::mem::replace(&mut self.talkspurt, false);
        send(
            sender.payload_type,
            timestamp,
            marker,
            Arc::from(sender.payload.as_slice()),
        );
        // The audio goes on beside the events (RFC 4733 §2.1 leaves the choice): a listener who
        // does not understand events hears no gap, and one who does ignores the audio.
        if let Some((event_type, event_rate)) = event_type {
            let step = self.tone_sender.step(timestamp, event_rate);
            for packet in step.packets {
                send(
                    event_type,
                    packet.timestamp,
                    packet.marker,
                    Arc::from(packet.payload),
                );
            }
            if let Some(change) = step.change {
                events.push(PeerConnectionEvent::ToneChange(change));
            }
        }
    }

    pub(super) fn stats(&self, stats: &mut Stats) {
        let counters = &self.counters;
        stats.packets_sent = counters.packets_sent;
        stats.bytes_sent = counters.bytes_sent;
        stats.packets_received = counters.packets_received;
        stats.bytes_received = counters.bytes_received;
        stats.concealed_frames = counters.concealed;
        stats.tones_received = counters.tones;
        stats.packets_lost = self.reception.lost();
        stats.jitter = self.reception.jitter();
        stats.codec = self.sender.as_ref().map(|s| s.codec.name().to_owned());
        stats.late_packets = counters.late;
        if let Some(receiver) = &self.receiver {
            stats.late_packets += receiver.jitter.late();
            stats.jitter_buffer = receiver.jitter.delay();
        }
    }
}

/// Below -50 dB of full scale: a pause between words.
fn is_quiet(samples: &[i16]) -> bool {
    samples.iter().all(|sample| sample.unsigned_abs() < 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::SendCodec;

    fn agreement(direction: Direction) -> AudioAgreement {
        let pcmu = SendCodec {
            codec: AudioCodec::Pcmu,
            payload_type: 0,
        };
        AudioAgreement {
            mid: "0".into(),
            direction,
            send: vec![pcmu],
            receive: vec![pcmu],
            send_events: vec![(101, 8_000)],
            receive_events: vec![(101, 8_000)],
            mid_extension: None,
            remote_ssrcs: Vec::new(),
        }
    }

    /// An audio path, its clock, and what it brought.
    struct Bench {
        path: AudioPath,
        now: Instant,
        out: Vec<RtpOut>,
        events: Vec<PeerConnectionEvent>,
    }

    impl Bench {
        fn new(direction: Direction) -> Bench {
            let now = Instant::now();
            let mut path = AudioPath::new(now, 0);
            path.apply(Some(agreement(direction))).unwrap();
            Bench {
                path,
                now,
                out: Vec::new(),
                events: Vec::new(),
            }
        }

        fn tick(&mut self) {
            self.path.tick(self.now, &mut self.out, &mut self.events);
            self.now += crate::pacer::FRAME;
        }

        fn arrives(&mut self, ssrc: u32, sequence: u64, payload_type: u8, payload: &[u8]) {
            let packet = RtpIn {
                ssrc,
                payload_type,
                sequence,
                timestamp: ssrc.wrapping_add(sequence as u32 * 160),
                marker: false,
                payload: Arc::from(payload),
            };
            self.path.receive(self.now, packet, &mut self.events);
        }
    }

    #[test]
    fn nothing_is_sent_or_played_against_the_direction() {
        for direction in [Direction::RecvOnly, Direction::Inactive] {
            let mut bench = Bench::new(direction);
            (0..10).for_each(|_| bench.tick());
            assert!(bench.out.is_empty(), "{direction}");
        }
        let (sink, mut frames) = Sink::frames();
        let mut bench = Bench::new(Direction::SendOnly);
        bench.path.set_sink(sink);
        for n in 0..10 {
            bench.arrives(1, n, 0, &[0; 160]);
            bench.tick();
        }
        assert_eq!(bench.out.len(), 10);
        assert_eq!(frames.try_next(), None, "what comes on hold is not played");
        assert!(bench.events.is_empty());
    }

    #[test]
    fn timestamps_go_on_over_a_pause_and_the_first_packet_after_it_is_marked() {
        let mut bench = Bench::new(Direction::SendRecv);
        (0..3).for_each(|_| bench.tick());
        bench
            .path
            .apply(Some(agreement(Direction::RecvOnly)))
            .unwrap();
        (0..5).for_each(|_| bench.tick());
        bench
            .path
            .apply(Some(agreement(Direction::SendRecv)))
            .unwrap();
        (0..2).for_each(|_| bench.tick());
        let sent = |n: usize| (bench.out[n].timestamp / 160, bench.out[n].marker);
        let seen: Vec<_> = (0..bench.out.len()).map(sent).collect();
        let expected = [(0, true), (1, false), (2, false), (8, true), (9, false)];
        assert_eq!(seen, expected);
        let sequences: Vec<u64> = bench.out.iter().map(|packet| packet.sequence).collect();
        assert_eq!(sequences, [0, 1, 2, 3, 4], "a pause is no loss");
    }

    #[test]
    fn another_ssrc_with_other_timestamps_is_played_on() {
        let (sink, mut frames) = Sink::frames();
        let mut bench = Bench::new(Direction::SendRecv);
        bench.path.set_sink(sink);
        // A transfer: the new source has a new SSRC, sequence and timestamp. Each sends another
        // steady value.
        for n in 0..20 {
            bench.arrives(1_000, n, 0, &[0x10; 160]);
            bench.tick();
        }
        for n in 0..20 {
            bench.arrives(3_000_000_000, 40_000 + n, 0, &[0x90; 160]);
            bench.tick();
        }
        let mut heard = Vec::new();
        while let Some(frame) = frames.try_next() {
            heard.push(frame.samples[159].signum());
        }
        assert!(
            heard.iter().filter(|sign| **sign == -1).count() >= 17,
            "{heard:?}"
        );
        assert!(
            heard.iter().filter(|sign| **sign == 1).count() >= 17,
            "{heard:?}"
        );
        let mut stats = Stats::default();
        bench.path.stats(&mut stats);
        assert_eq!(
            stats.packets_lost, 0,
            "a new source is no loss of 40 000 packets"
        );
    }

    #[test]
    fn a_new_secure_connection_begins_without_wraps_of_the_sequence() {
        let mut bench = Bench::new(Direction::SendRecv);
        bench.path.sequence = 70_000;
        bench.tick();
        bench.path.restart();
        bench.tick();
        let sequences: Vec<u64> = bench.out.iter().map(|packet| packet.sequence).collect();
        assert_eq!(sequences[0], 70_000);
        assert!(sequences[1] < 0x8000, "{sequences:?}");
        assert!(bench.out[1].marker);
    }

    #[test]
    fn audio_is_told_once_and_again_after_a_hold() {
        let mut bench = Bench::new(Direction::SendRecv);
        (0..3).for_each(|n| bench.arrives(1, n, 0, &[0; 160]));
        bench
            .path
            .apply(Some(agreement(Direction::Inactive)))
            .unwrap();
        bench
            .path
            .apply(Some(agreement(Direction::SendRecv)))
            .unwrap();
        (3..6).for_each(|n| bench.arrives(1, n, 0, &[0; 160]));
        let told = PeerConnectionEvent::AudioReceived;
        assert_eq!(bench.events, [told.clone(), told]);
    }

    #[test]
    fn packets_of_unknown_types_and_empty_ones_harm_nothing() {
        let mut bench = Bench::new(Direction::SendRecv);
        for payload_type in 0..128 {
            for payload in [&[][..], &[1, 2, 3], &[0xff; 1_400]] {
                bench.arrives(1, u64::from(payload_type), payload_type, payload);
            }
            bench.tick();
        }
        (0..200).for_each(|_| bench.tick());
    }

    #[test]
    fn tones_wait_while_on_hold_and_come_out_after_it() {
        let mut bench = Bench::new(Direction::RecvOnly);
        let (duration, gap) = (Duration::from_millis(40), Duration::from_millis(50));
        bench.path.queue_tones("5", duration, gap).unwrap();
        (0..10).for_each(|_| bench.tick());
        assert!(bench.out.is_empty());
        bench
            .path
            .apply(Some(agreement(Direction::SendRecv)))
            .unwrap();
        (0..10).for_each(|_| bench.tick());
        let events = bench.out.iter().filter(|packet| packet.payload_type == 101);
        assert_eq!(events.count(), 4);
    }
}
