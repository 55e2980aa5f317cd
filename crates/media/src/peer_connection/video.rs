//! The way of the video: source, packets, RTP; and RTP, reorder buffer, frames, sink.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::audio::{RtpIn, RtpOut};
use crate::description::Direction;
use crate::event::PeerConnectionEvent;
use crate::sdp::VideoAgreement;
use crate::stats::{Reception, VideoStats};
use crate::video::{
    Assembled, Assembler, CLOCK_RATE, Packet, Packetizer, VideoCodec, VideoFrame, VideoSink,
    VideoSource,
};

/// A key frame is many packets, and no path takes them all at once: so many leave together, which
/// makes 29 Mbit/s at most.
const PACKETS_AT_ONCE: usize = 16;
const BETWEEN_BURSTS: Duration = Duration::from_millis(5);
/// A second's worth of packets; frames that come while so many wait are dropped.
const WAITING_PACKETS: usize = 3_200;
/// The peer asks again when its request, or the key frame, is lost; we do too. Before that the
/// answer is still on its way.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(500);
/// What an encoder or a file is asked for at most.
const BETWEEN_KEY_FRAMES: Duration = Duration::from_millis(300);
/// Timestamps that are farther apart than this tell nothing about the time between the frames.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

pub(super) struct VideoPath {
    source: VideoSource,
    sink: VideoSink,
    enabled: bool,
    /// Whether packets can travel.
    connected: bool,
    agreement: Option<VideoAgreement>,
    sender: Sender,
    receiver: Receiver,
    epoch: Instant,
    /// Whether frames of a codec that is not agreed on were told of.
    warned: bool,
}

struct Sender {
    packetizer: Packetizer,
    queue: VecDeque<RtpOut>,
    /// When the next burst may leave.
    burst: Instant,
    sequence: u64,
    /// The RTP timestamp of the frame sent last.
    timestamp: u32,
    /// When that was, and its timestamp of the source unless the source was interrupted since.
    last: Option<(Instant, Option<Duration>)>,
    /// The peer can only go on with a key frame, because frames were left out.
    needs_key_frame: bool,
    /// When the source was asked for one.
    asked: Option<Instant>,
    /// When one was sent.
    key_frame: Option<Instant>,
    packets: u64,
    bytes: u64,
    frames: u64,
    key_frames: u64,
    requests: u64,
}

#[derive(Default)]
struct Receiver {
    ssrc: Option<u32>,
    assembler: Assembler,
    reception: Reception,
    /// When the frame before came, its time for the sink, and its RTP timestamp unless the stream
    /// is another since.
    last: Option<(Instant, Duration, Option<u32>)>,
    /// Whether the first frame since the direction changed has been told.
    seen: bool,
    /// A key frame is wanted by the application, or by its sink.
    wants_key_frame: bool,
    requested: Option<Instant>,
    codec: Option<VideoCodec>,
    packets: u64,
    bytes: u64,
    frames: u64,
    key_frames: u64,
    requests: u64,
}

impl VideoPath {
    pub(super) fn new(now: Instant, random: u64) -> VideoPath {
        VideoPath {
            source: VideoSource::none(),
            sink: VideoSink::discard(),
            enabled: true,
            connected: false,
            agreement: None,
            sender: Sender {
                packetizer: Packetizer::new((random >> 16) as u16),
                queue: VecDeque::new(),
                burst: now,
                // Both begin at random (RFC 3550 §5.1); the sequence low enough for no wrap
                // before the peer has seen a packet.
                sequence: random & 0x7fff,
                timestamp: (random >> 32) as u32,
                last: None,
                needs_key_frame: true,
                asked: None,
                key_frame: None,
                packets: 0,
                bytes: 0,
                frames: 0,
                key_frames: 0,
                requests: 0,
            },
            receiver: Receiver::default(),
            epoch: now,
            warned: false,
        }
    }

    pub(super) fn set_source(&mut self, source: VideoSource) {
        self.source = source;
        self.sender.interrupt();
        self.sender.needs_key_frame = true;
        self.sender.asked = None;
        self.warned = false;
        self.source.set_wanted(self.codec());
    }

    pub(super) fn set_sink(&mut self, sink: VideoSink) {
        self.sink = sink;
        // It can begin with a key frame only.
        self.receiver.wants_key_frame = self.receiver.frames > 0;
    }

    pub(super) fn set_enabled(&mut self, enabled: bool) {
        if enabled && !self.enabled {
            // What was left out is missing to the peer.
            self.sender.needs_key_frame = true;
            self.sender.asked = None;
        }
        self.enabled = enabled;
        if !enabled {
            self.sender.queue.clear();
        }
    }

    /// Takes what was negotiated; `None` when the video was declined.
    pub(super) fn apply(&mut self, agreement: Option<VideoAgreement>) {
        let before = self.direction();
        self.agreement = agreement;
        let now = self.direction();
        if before.is_receiving() != now.is_receiving() {
            self.receiver.seen = false;
        }
        if before.is_receiving() && !now.is_receiving() {
            self.receiver.assembler.restart();
        }
        if before.is_sending() && !now.is_sending() {
            self.sender.queue.clear();
            self.sender.interrupt();
            // A file waits, and goes on where it was; of what is made meanwhile nothing is sent.
            self.sender.needs_key_frame |= self.source.codec().is_none();
        }
        self.source.set_wanted(self.codec());
    }

    /// Packets can travel from now on.
    pub(super) fn start(&mut self) {
        self.connected = true;
    }

    /// Nothing can travel for now.
    pub(super) fn stop(&mut self) {
        self.connected = false;
        self.sender.queue.clear();
        self.sender.interrupt();
        self.sender.needs_key_frame = true;
    }

    /// Another peer, or a new secure connection to the same one: SRTP counts the wraps of the
    /// sequence from zero again, and so must we (RFC 3711 §3.3.1).
    pub(super) fn restart(&mut self) {
        self.stop();
        self.sender.sequence &= 0x7fff;
        self.sender.asked = None;
        self.sender.key_frame = None;
        self.receiver.assembler.restart();
        self.receiver.ssrc = None;
        self.receiver.interrupt();
        self.receiver.seen = false;
    }

    /// The direction in force.
    pub(super) fn direction(&self) -> Direction {
        self.agreement
            .as_ref()
            .map_or(Direction::Inactive, |agreement| agreement.direction)
    }

    /// The codec that is sent: that of the file, or the peer's first choice.
    fn codec(&self) -> Option<VideoCodec> {
        let codecs = &self.agreement.as_ref()?.send;
        match self.source.codec() {
            Some(fixed) => codecs.iter().any(|c| c.codec == fixed).then_some(fixed),
            None => codecs.first().map(|codec| codec.codec),
        }
    }

    /// Whether this packet is one of the video.
    pub(super) fn takes(&self, payload_type: u8) -> bool {
        self.agreement
            .as_ref()
            .is_some_and(|agreement| agreement.codec_of(payload_type).is_some())
    }

    /// Takes a packet that came.
    pub(super) fn receive(&mut self, now: Instant, packet: RtpIn) {
        let Some(agreement) = &self.agreement else {
            return;
        };
        let Some(codec) = agreement.codec_of(packet.payload_type) else {
            return;
        };
        let receiver = &mut self.receiver;
        receiver.packets += 1;
        receiver.bytes += packet.payload.len() as u64;
        let timestamp = Some((packet.timestamp, CLOCK_RATE));
        let (ssrc, sequence) = (packet.ssrc, packet.sequence);
        receiver
            .reception
            .packet(now, ssrc, sequence, timestamp, self.epoch);
        if !agreement.direction.is_receiving() {
            return;
        }
        if receiver
            .ssrc
            .replace(ssrc)
            .is_some_and(|known| known != ssrc)
        {
            receiver.assembler.restart();
            receiver.interrupt();
        }
        let packet = Packet {
            codec,
            sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
        };
        receiver.assembler.insert(now, packet);
    }

    /// Does what is due: gives the sink what is whole, and the packets to send.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        out: &mut Vec<RtpOut>,
        events: &mut Vec<PeerConnectionEvent>,
    ) {
        while let Some(frame) = self.receiver.assembler.poll(now) {
            let frame = self.receiver.frame(now, frame);
            if !std::mem::replace(&mut self.receiver.seen, true) {
                events.push(PeerConnectionEvent::VideoReceived);
            }
            self.receiver.wants_key_frame &= !frame.key_frame;
            self.receiver.wants_key_frame |= self.sink.write(frame);
        }
        self.capture(now, events);
        self.release(now, out);
    }

    fn capture(&mut self, now: Instant, events: &mut Vec<PeerConnectionEvent>) {
        let sending = self.connected && self.direction().is_sending();
        if sending && self.enabled && self.sender.needs_key_frame {
            self.ask_source(now);
        }
        while let Some(frame) = self.source.next(now, sending) {
            if sending && self.enabled {
                self.send(now, &frame);
            } else {
                self.sender.needs_key_frame |= sending || self.source.codec().is_none();
            }
        }
        if self.source.take_end() {
            events.push(PeerConnectionEvent::VideoSourceEnded);
        }
    }

    /// Asks the source for a key frame, unless that was done just now; says whether it was.
    fn ask_source(&mut self, now: Instant) -> bool {
        let asked = self.sender.asked;
        let again = asked.is_none_or(|at| now >= at + BETWEEN_KEY_FRAMES);
        if again {
            self.sender.asked = Some(now);
            self.source.request_key_frame();
        }
        again
    }

    fn send(&mut self, now: Instant, frame: &VideoFrame) {
        let agreement = self.agreement.as_ref();
        let codec = agreement.and_then(|a| a.send.iter().find(|c| c.codec == frame.codec));
        let Some(codec) = codec.copied() else {
            if !std::mem::replace(&mut self.warned, true) {
                tracing::warn!(codec = %frame.codec, "the peer does not take this video: not sent");
            }
            return;
        };
        let sender = &mut self.sender;
        if sender.queue.len() >= WAITING_PACKETS {
            sender.needs_key_frame = true;
            return;
        }
        if sender.needs_key_frame && !frame.key_frame {
            return;
        }
        let payloads = sender.packetizer.packetize(codec.codec, &frame.data);
        if payloads.is_empty() {
            return;
        }
        sender.needs_key_frame = false;
        sender.timestamp = sender
            .timestamp
            .wrapping_add(sender.ticks(now, frame.timestamp));
        sender.last = Some((now, Some(frame.timestamp)));
        sender.frames += 1;
        if frame.key_frame {
            sender.key_frames += 1;
            sender.key_frame = Some(now);
        }
        let last = payloads.len() - 1;
        for (index, payload) in payloads.into_iter().enumerate() {
            sender.queue.push_back(RtpOut {
                payload_type: codec.payload_type,
                sequence: sender.sequence,
                timestamp: sender.timestamp,
                marker: index == last,
                payload,
            });
            sender.sequence += 1;
        }
    }

    fn release(&mut self, now: Instant, out: &mut Vec<RtpOut>) {
        let sender = &mut self.sender;
        if sender.queue.is_empty() || now < sender.burst {
            return;
        }
        let count = sender.queue.len().min(PACKETS_AT_ONCE);
        for packet in sender.queue.drain(..count) {
            sender.packets += 1;
            sender.bytes += packet.payload.len() as u64;
            out.push(packet);
        }
        sender.burst = now + BETWEEN_BURSTS;
    }

    /// When [`poll`](Self::poll) has something to do.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let queue = (!self.sender.queue.is_empty()).then_some(self.sender.burst);
        let request = self.wants_key_frame().then(|| {
            let requested = self.receiver.requested;
            requested.map_or(now, |at| at + BETWEEN_REQUESTS)
        });
        [
            queue,
            request,
            self.source.deadline(),
            self.receiver.assembler.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Waits until the application has a frame or wants one.
    pub(super) fn poll_application(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let frame = self.source.poll_ready(cx).is_ready();
        if self.sink.poll_key_frame_request(cx).is_ready() {
            self.receiver.wants_key_frame = true;
            return Poll::Ready(());
        }
        if frame {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// The peer asks for a key frame (PLI or FIR).
    pub(super) fn key_frame_requested(
        &mut self,
        now: Instant,
        events: &mut Vec<PeerConnectionEvent>,
    ) {
        self.sender.requests += 1;
        // The one that was sent just now answers this request too.
        let sent = self.sender.key_frame;
        if sent.is_none_or(|at| now >= at + BETWEEN_KEY_FRAMES) {
            // A flood of requests is told, and answered, so often only.
            if self.ask_source(now) {
                events.push(PeerConnectionEvent::KeyFrameRequested);
            }
        }
    }

    fn wants_key_frame(&self) -> bool {
        let receiver = &self.receiver;
        self.connected
            && self.direction().is_receiving()
            && receiver.ssrc.is_some()
            && (receiver.wants_key_frame || receiver.assembler.needs_key_frame())
    }

    /// The stream of which the peer is to be asked for a key frame now.
    pub(super) fn take_key_frame_request(&mut self, now: Instant) -> Option<u32> {
        let recent = self.receiver.requested;
        if !self.wants_key_frame() || recent.is_some_and(|at| now < at + BETWEEN_REQUESTS) {
            return None;
        }
        self.receiver.requested = Some(now);
        self.receiver.requests += 1;
        self.receiver.ssrc
    }

    pub(super) fn stats(&self) -> VideoStats {
        let (sender, receiver) = (&self.sender, &self.receiver);
        VideoStats {
            packets_sent: sender.packets,
            packets_received: receiver.packets,
            bytes_sent: sender.bytes,
            bytes_received: receiver.bytes,
            packets_lost: receiver.reception.lost(),
            jitter: receiver.reception.jitter(),
            frames_sent: sender.frames,
            frames_received: receiver.frames,
            frames_dropped: receiver.assembler.dropped(),
            key_frames_sent: sender.key_frames,
            key_frames_received: receiver.key_frames,
            key_frames_requested: receiver.requests,
            key_frame_requests_received: sender.requests,
            codec: self.codec().filter(|_| !self.source.is_none()),
            codec_received: receiver.codec,
        }
    }
}

impl Sender {
    /// By how much the RTP timestamp goes on, for a frame with this timestamp.
    fn ticks(&self, now: Instant, timestamp: Duration) -> u32 {
        let Some((at, last)) = self.last else {
            return 0;
        };
        let gap = last.and_then(|last| timestamp.checked_sub(last));
        let elapsed = match gap {
            Some(gap) if !gap.is_zero() && gap < LONGEST_PAUSE => gap,
            // A pause, a file that goes back, another source: the clock tells.
            _ => now.saturating_duration_since(at),
        };
        // The timestamps of two pictures are never the same.
        in_ticks(elapsed).max(1)
    }

    /// The timestamps of the source tell nothing about the time until the next frame.
    fn interrupt(&mut self) {
        if let Some((_, last)) = &mut self.last {
            *last = None;
        }
    }
}

impl Receiver {
    /// The RTP timestamps tell nothing about the time until the next frame.
    fn interrupt(&mut self) {
        if let Some((_, _, rtp)) = &mut self.last {
            *rtp = None;
        }
    }

    fn frame(&mut self, now: Instant, frame: Assembled) -> VideoFrame {
        let timestamp = match self.last {
            None => Duration::ZERO,
            Some((at, time, rtp)) => {
                let gap = rtp.map(|rtp| frame.timestamp.wrapping_sub(rtp));
                let elapsed = match gap {
                    Some(gap) if gap < in_ticks(LONGEST_PAUSE) => {
                        Duration::from_nanos(u64::from(gap) * 1_000_000_000 / u64::from(CLOCK_RATE))
                    }
                    _ => now.saturating_duration_since(at),
                };
                time + elapsed
            }
        };
        self.last = Some((now, timestamp, Some(frame.timestamp)));
        self.frames += 1;
        self.key_frames += u64::from(frame.key_frame);
        self.codec = Some(frame.codec);
        VideoFrame {
            data: frame.data.into(),
            codec: frame.codec,
            timestamp,
            key_frame: frame.key_frame,
        }
    }
}

fn in_ticks(time: Duration) -> u32 {
    // Rounded, so that frames of 1/30 s do not drift; it wraps as RTP timestamps do.
    ((time.as_nanos() * u128::from(CLOCK_RATE) + 500_000_000) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sdp::VideoPayload;
    use crate::video::{VideoFrameReceiver, VideoFrameSender};

    fn agreement(direction: Direction) -> VideoAgreement {
        let vp8 = VideoPayload {
            codec: VideoCodec::Vp8,
            payload_type: 96,
            resend: Some(97),
        };
        VideoAgreement {
            mid: "1".into(),
            direction,
            send: vec![vp8],
            receive: vec![vp8],
            feedback: Default::default(),
            mid_extension: None,
            remote_streams: Vec::new(),
        }
    }

    /// A video path between an application and the wire, its clock, and what it brought.
    struct Bench {
        path: VideoPath,
        now: Instant,
        sender: VideoFrameSender,
        frames: VideoFrameReceiver,
        out: Vec<RtpOut>,
        events: Vec<PeerConnectionEvent>,
    }

    impl Bench {
        fn new() -> Bench {
            let now = Instant::now();
            let mut path = VideoPath::new(now, 0);
            let (sender, source) = VideoSource::frames();
            let (sink, frames) = VideoSink::frames();
            path.set_source(source);
            path.set_sink(sink);
            path.apply(Some(agreement(Direction::SendRecv)));
            path.start();
            Bench {
                path,
                now,
                sender,
                frames,
                out: Vec::new(),
                events: Vec::new(),
            }
        }

        /// Lets time pass, with a look at every deadline on the way.
        fn pass(&mut self, time: Duration) {
            let end = self.now + time;
            loop {
                self.path.poll(self.now, &mut self.out, &mut self.events);
                let due = self.path.deadline(self.now);
                match due.filter(|due| *due < end) {
                    Some(due) => self.now = due.max(self.now + Duration::from_millis(1)),
                    None => break,
                }
            }
            self.now = end;
        }

        /// A frame of the application with this size and timestamp.
        fn shows(&mut self, key: bool, size: usize, millis: u64) {
            let mut data = vec![0; size];
            data[0] = u8::from(!key);
            let frame = VideoFrame::new(VideoCodec::Vp8, data, Duration::from_millis(millis));
            self.sender.try_send(frame).unwrap();
            self.path.poll(self.now, &mut self.out, &mut self.events);
        }

        fn arrives(&mut self, ssrc: u32, sequence: u64, payload_type: u8, payload: &[u8]) {
            let packet = RtpIn {
                ssrc,
                payload_type,
                sequence,
                timestamp: sequence as u32 * 3_000,
                marker: true,
                payload: Arc::from(payload),
            };
            self.path.receive(self.now, packet);
            self.path.poll(self.now, &mut self.out, &mut self.events);
        }

        fn asked(&mut self) -> bool {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let asked = std::pin::pin!(self.sender.key_frame_requested());
            asked.poll(&mut cx).is_ready()
        }

        fn sent_ticks(&self) -> Vec<u32> {
            let first = self.out[0].timestamp;
            let ticks = self.out.iter().map(|p| p.timestamp.wrapping_sub(first));
            ticks.collect()
        }
    }

    const KEY: &[u8] = &[0x10, 0, 7];
    const DELTA: &[u8] = &[0x10, 1, 7];

    #[test]
    fn a_large_frame_leaves_in_bursts_and_its_last_packet_is_marked() {
        let mut bench = Bench::new();
        bench.shows(true, 40_000, 0);
        assert_eq!(bench.out.len(), PACKETS_AT_ONCE);
        bench.pass(BETWEEN_BURSTS);
        bench.pass(BETWEEN_BURSTS);
        bench.pass(BETWEEN_BURSTS);
        assert_eq!(bench.out.len(), 36);
        let marked: Vec<usize> = (0..36).filter(|n| bench.out[*n].marker).collect();
        assert_eq!(marked, [35]);
        let sequences: Vec<u64> = bench.out.iter().map(|packet| packet.sequence).collect();
        assert_eq!(sequences, (0..36).collect::<Vec<_>>());
        assert!(bench.sent_ticks().iter().all(|ticks| *ticks == 0));
    }

    #[test]
    fn timestamps_are_the_sources_and_over_a_pause_the_clocks() {
        let mut bench = Bench::new();
        bench.shows(true, 10, 1_000);
        bench.pass(Duration::from_millis(40));
        bench.shows(false, 10, 1_033);
        bench.path.apply(Some(agreement(Direction::RecvOnly)));
        bench.pass(Duration::from_secs(2));
        bench.path.apply(Some(agreement(Direction::SendRecv)));
        bench.shows(true, 10, 1_066);
        assert_eq!(bench.sent_ticks(), [0, 2_970, 182_970]);
    }

    #[test]
    fn what_was_left_out_is_followed_by_a_key_frame_only() {
        let mut bench = Bench::new();
        bench.shows(false, 10, 0);
        assert!(bench.out.is_empty(), "it is the first");
        assert!(bench.asked());
        bench.shows(true, 10, 40);
        assert_eq!(bench.out.len(), 1);
        bench.pass(Duration::from_millis(40));
        bench.path.set_enabled(false);
        bench.shows(false, 10, 80);
        bench.path.set_enabled(true);
        bench.shows(false, 10, 120);
        assert_eq!(bench.out.len(), 1);
        assert!(bench.asked());
        bench.shows(true, 10, 160);
        assert_eq!(bench.out.len(), 2);
    }

    #[test]
    fn a_flood_of_requests_asks_the_source_a_few_times() {
        let mut bench = Bench::new();
        bench.shows(true, 10, 0);
        bench.asked();
        for _ in 0..1_000 {
            bench.pass(Duration::from_millis(1));
            bench.path.key_frame_requested(bench.now, &mut bench.events);
        }
        assert!((2..=4).contains(&bench.events.len()), "{:?}", bench.events);
        assert!(bench.asked());
        assert_eq!(bench.path.stats().key_frame_requests_received, 1_000);
    }

    #[test]
    fn the_peer_is_asked_for_a_key_frame_until_one_comes() {
        let mut bench = Bench::new();
        assert_eq!(bench.path.take_key_frame_request(bench.now), None);
        bench.arrives(5, 100, 96, DELTA);
        assert_eq!(bench.path.take_key_frame_request(bench.now), Some(5));
        assert_eq!(bench.path.take_key_frame_request(bench.now), None);
        bench.pass(BETWEEN_REQUESTS);
        assert_eq!(bench.path.take_key_frame_request(bench.now), Some(5));
        bench.arrives(5, 101, 96, KEY);
        bench.pass(BETWEEN_REQUESTS);
        assert_eq!(bench.path.take_key_frame_request(bench.now), None);
        assert_eq!(bench.events, [PeerConnectionEvent::VideoReceived]);
        assert!(bench.frames.try_next().is_some_and(|frame| frame.key_frame));
    }

    #[test]
    fn another_stream_begins_anew_and_its_time_goes_on() {
        let mut bench = Bench::new();
        bench.arrives(5, 100, 96, KEY);
        bench.arrives(5, 101, 96, DELTA);
        bench.now += Duration::from_millis(500);
        bench.arrives(6, 40_000, 96, DELTA);
        bench.arrives(6, 40_001, 96, KEY);
        let times: Vec<(bool, u128)> = std::iter::from_fn(|| bench.frames.try_next())
            .map(|frame| (frame.key_frame, frame.timestamp.as_millis()))
            .collect();
        assert_eq!(times, [(true, 0), (false, 33), (true, 533)]);
    }

    #[test]
    fn nothing_is_shown_or_sent_against_the_direction_and_rubbish_harms_nothing() {
        let mut bench = Bench::new();
        bench.path.apply(Some(agreement(Direction::Inactive)));
        bench.arrives(5, 100, 96, KEY);
        bench.shows(true, 10, 0);
        assert!(bench.out.is_empty() && bench.frames.try_next().is_none());
        assert_eq!(bench.path.take_key_frame_request(bench.now), None);
        bench.path.apply(Some(agreement(Direction::SendRecv)));
        for number in 0..128 {
            for payload in [&[][..], &[0x90], &[0xff; 1_400]] {
                bench.arrives(5, u64::from(number) * 7, number, payload);
            }
        }
        bench.pass(Duration::from_secs(5));
        assert!(bench.frames.try_next().is_none());
    }
}
