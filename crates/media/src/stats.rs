//! Statistics of a peer connection.

use std::time::{Duration, Instant};

use crate::video::VideoCodec;

/// Numbers about a peer connection, from its beginning until now.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP payload bytes sent, without headers.
    pub bytes_sent: u64,
    /// RTP payload bytes received, without headers.
    pub bytes_received: u64,
    /// RTP packets the peer sent that never arrived (RFC 3550 §6.4.1).
    pub packets_lost: u64,
    /// How unevenly packets arrive (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// The time to the peer and back: of RTCP reports, else of ICE's checks.
    pub round_trip: Option<Duration>,
    /// The codec that is sent, by its name in SDP.
    pub codec: Option<String>,
    /// The addresses media flows between.
    pub selected_pair: Option<CandidatePair>,
    /// The DTLS version, such as `DTLS 1.2`.
    pub dtls: Option<String>,
    /// The SRTP protection profile, such as `AEAD_AES_128_GCM` (RFC 5764, RFC 7714).
    pub srtp: Option<String>,
    /// 20 ms frames that were made up because nothing had arrived to play.
    pub concealed_frames: u64,
    /// Packets that arrived too late to be played.
    pub late_packets: u64,
    /// How long audio waits before it is played, to even out its arrival.
    pub jitter_buffer: Duration,
    /// DTMF tones received by RFC 4733.
    pub tones_received: u64,
    /// The video; what is above is the audio's.
    pub video: VideoStats,
}

/// Numbers about the video of a peer connection, from its beginning until now.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct VideoStats {
    /// RTP packets sent, without retransmissions.
    pub packets_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP payload bytes sent, without headers.
    pub bytes_sent: u64,
    /// RTP payload bytes received, without headers.
    pub bytes_received: u64,
    /// RTP packets the peer sent that never arrived, not even again (RFC 3550 §6.4.1).
    pub packets_lost: u64,
    /// How unevenly packets arrive (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Frames sent.
    pub frames_sent: u64,
    /// Frames received whole and given to the sink.
    pub frames_received: u64,
    /// How often frames were given up up to the next key frame, because a packet was missing.
    pub frames_dropped: u64,
    /// Key frames among those sent.
    pub key_frames_sent: u64,
    /// Key frames among those received.
    pub key_frames_received: u64,
    /// How often the peer was asked for a key frame.
    pub key_frames_requested: u64,
    /// How often the peer asked for one.
    pub key_frame_requests_received: u64,
    /// The codec that is sent.
    pub codec: Option<VideoCodec>,
    /// The codec of the frame received last.
    pub codec_received: Option<VideoCodec>,
}

/// The two ends of the path that media takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandidatePair {
    /// This side's end, as `host 192.0.2.1:5000`.
    pub local: String,
    /// The peer's end.
    pub remote: String,
}

/// Counts what one RTP stream brings (RFC 3550 §6.4.1 and appendix A.8).
#[derive(Debug, Default)]
pub(crate) struct Reception {
    streams: Vec<StreamReception>,
}

#[derive(Debug)]
struct StreamReception {
    ssrc: u32,
    first: u64,
    highest: u64,
    received: u64,
    transit: Option<f64>,
    jitter_seconds: f64,
}

/// A peer that changes its SSRC all the time must not make this grow.
const REMEMBERED_STREAMS: usize = 16;

impl Reception {
    /// Counts a packet; `timestamp` is `None` for payloads (telephone events) whose timestamps
    /// stand still and would spoil the jitter.
    pub(crate) fn packet(
        &mut self,
        now: Instant,
        ssrc: u32,
        sequence: u64,
        timestamp: Option<(u32, u32)>,
        epoch: Instant,
    ) {
        if !self.streams.iter().any(|stream| stream.ssrc == ssrc) {
            if self.streams.len() == REMEMBERED_STREAMS {
                self.streams.remove(0);
            }
            self.streams.push(StreamReception {
                ssrc,
                first: sequence,
                highest: sequence,
                received: 0,
                transit: None,
                jitter_seconds: 0.0,
            });
        }
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) else {
            return;
        };
        stream.received += 1;
        stream.first = stream.first.min(sequence);
        stream.highest = stream.highest.max(sequence);
        if let Some((timestamp, clock_rate)) = timestamp {
            let arrival = now.saturating_duration_since(epoch).as_secs_f64();
            let transit = arrival - f64::from(timestamp) / f64::from(clock_rate);
            if let Some(before) = stream.transit.replace(transit) {
                let change = (transit - before).abs();
                // A wrapped or restarted timestamp is no jitter.
                if change < 10.0 {
                    stream.jitter_seconds += (change - stream.jitter_seconds) / 16.0;
                }
            }
        }
    }

    pub(crate) fn lost(&self) -> u64 {
        self.streams
            .iter()
            .map(|stream| (stream.highest - stream.first + 1).saturating_sub(stream.received))
            .sum()
    }

    pub(crate) fn jitter(&self) -> Duration {
        let jitter = self
            .streams
            .last()
            .map_or(0.0, |stream| stream.jitter_seconds);
        Duration::from_secs_f64(jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_lost_until_the_late_packet_comes() {
        let epoch = Instant::now();
        let mut reception = Reception::default();
        for sequence in [65_534, 65_535, 65_537, 65_539] {
            reception.packet(epoch, 1, sequence, None, epoch);
        }
        assert_eq!(reception.lost(), 2);
        reception.packet(epoch, 1, 65_536, None, epoch);
        assert_eq!(reception.lost(), 1);
        reception.packet(epoch, 2, 10, None, epoch);
        assert_eq!(reception.lost(), 1, "a new SSRC starts its own count");
    }

    #[test]
    fn even_arrival_has_no_jitter_and_uneven_arrival_has() {
        let epoch = Instant::now();
        let mut reception = Reception::default();
        for n in 0..100u64 {
            let arrival = epoch + Duration::from_millis(20 * n);
            reception.packet(arrival, 1, n, Some((160 * n as u32, 8000)), epoch);
        }
        assert!(reception.jitter() < Duration::from_micros(10));
        for n in 100..300u64 {
            let arrival = epoch + Duration::from_millis(20 * n + 10 * (n % 2));
            reception.packet(arrival, 1, n, Some((160 * n as u32, 8000)), epoch);
        }
        let jitter = reception.jitter();
        assert!(jitter > Duration::from_millis(9) && jitter < Duration::from_millis(11));
    }

    #[test]
    fn streams_are_forgotten_before_they_are_too_many() {
        let epoch = Instant::now();
        let mut reception = Reception::default();
        for ssrc in 0..1000 {
            reception.packet(epoch, ssrc, 1, None, epoch);
        }
        assert_eq!(reception.streams.len(), REMEMBERED_STREAMS);
    }
}
