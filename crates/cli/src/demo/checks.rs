//! What must hold for the demo to have gone well.

use offhook::{AudioCodec, Cause, Originator};
use serde_json::{Value, json};

use super::{Part, TONES};
use crate::exit::{Code, Failure};
use crate::output::{Output, millis, stats_fields, table};

/// How well the recording must match what was played: the same for every codec. G.711 changes
/// the waveform by its quantisation only; Opus at the rate used here keeps it, too.
const MATCH: f32 = 0.9;

/// Which share of the packets must arrive on a loopback network.
const ARRIVED: f64 = 0.95;

/// The events of the caller in the order of the seed page, candidates left out.
const ALICE: [&str; 14] = [
    "peerconnection",
    "connecting",
    "sdp",
    "sending",
    "progress",
    "sdp",
    "accepted",
    "confirmed",
    "newDTMF",
    "newDTMF",
    "newDTMF",
    "newDTMF",
    "newDTMF",
    "ended",
];

/// Those of the callee.
const BOB: [&str; 13] = [
    "progress",
    "peerconnection",
    "sdp",
    "connecting",
    "sdp",
    "accepted",
    "confirmed",
    "newDTMF",
    "newDTMF",
    "newDTMF",
    "newDTMF",
    "newDTMF",
    "ended",
];

/// Everything that is known about the call.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) codec: AudioCodec,
    pub(super) correlation: f32,
    pub(super) alice: Part,
    pub(super) bob: Part,
    pub(super) events: [Vec<&'static str>; 2],
}

struct Check {
    what: &'static str,
    holds: bool,
    found: String,
}

impl Report {
    fn checks(&self) -> Vec<Check> {
        let [of_alice, of_bob] = &self.events;
        let sent = self.alice.stats.packets_sent;
        let received = self.bob.stats.packets_received;
        let ended = |part: &Part, by| {
            part.end.established && part.end.cause == Cause::Bye && part.end.originator == by
        };
        let codec = self.bob.stats.codec.as_deref().unwrap_or("none");
        let keys = [&self.alice, &self.bob]
            .map(|part| part.stats.dtls.is_some() && part.stats.srtp.is_some());
        vec![
            Check {
                what: "the call stands on both sides",
                holds: self.alice.setup.is_some() && self.bob.setup.is_some(),
                found: format!("alice: {}; bob: {}", self.alice.end, self.bob.end),
            },
            Check {
                what: "alice's events come in their order",
                holds: essential(of_alice) == ALICE,
                found: of_alice.join(" "),
            },
            Check {
                what: "bob's events come in their order",
                holds: essential(of_bob) == BOB,
                found: of_bob.join(" "),
            },
            Check {
                what: "media are encrypted",
                holds: keys == [true, true],
                found: format!("{:?}, {:?}", self.bob.stats.dtls, self.bob.stats.srtp),
            },
            Check {
                what: "the codec is the one asked for",
                holds: codec.eq_ignore_ascii_case(self.codec.name()),
                found: codec.to_owned(),
            },
            Check {
                what: "the packets arrive",
                holds: sent > 0 && received as f64 >= sent as f64 * ARRIVED,
                found: format!("{received} of {sent}"),
            },
            Check {
                what: "bob hears what alice plays",
                holds: self.correlation >= MATCH,
                found: format!("match {:.3}, at least {MATCH} is right", self.correlation),
            },
            Check {
                what: "bob gets alice's tones",
                holds: self.bob.tones == TONES,
                found: format!("{:?}", self.bob.tones),
            },
            Check {
                what: "bob hangs up",
                holds: ended(&self.bob, Originator::Local)
                    && ended(&self.alice, Originator::Remote),
                found: format!("alice: {}; bob: {}", self.alice.end, self.bob.end),
            },
        ]
    }

    pub(super) fn tell(&self, output: &Output) {
        let checks = self.checks();
        let stats = &self.bob.stats;
        if output.is_json() {
            let mut fields = stats_fields(stats);
            fields["event"] = "result".into();
            fields["ok"] = checks.iter().all(|check| check.holds).into();
            fields["setup_ms"] = self.alice.setup.map(millis).into();
            fields["first_audio_ms"] = self.alice.first_audio.map(millis).into();
            fields["packets_sent"] = self.alice.stats.packets_sent.into();
            fields["packets_received"] = stats.packets_received.into();
            fields["concealed_frames"] = stats.concealed_frames.into();
            fields["audio_correlation"] = json!((f64::from(self.correlation) * 1e4).round() / 1e4);
            fields["dtmf_received"] = self.bob.tones.as_str().into();
            fields["events"] = json!({ "alice": self.events[0], "bob": self.events[1] });
            let failed = checks.iter().filter(|check| !check.holds);
            fields["failed"] = failed
                .map(|check| json!({ check.what: check.found }))
                .collect();
            output.line(Value::clone(&fields));
            return;
        }
        let time = |time: Option<std::time::Duration>| match time {
            Some(time) => format!("{:.1} ms", millis(time)),
            None => "never".to_owned(),
        };
        let encryption = [stats.dtls.as_deref(), stats.srtp.as_deref()];
        let rows = [
            ("setup time", time(self.alice.setup)),
            ("first audio", time(self.alice.first_audio)),
            (
                "codec",
                stats.codec.clone().unwrap_or_else(|| "none".to_owned()),
            ),
            (
                "encryption",
                encryption
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            (
                "packets",
                format!(
                    "{} sent, {} received",
                    self.alice.stats.packets_sent, stats.packets_received
                ),
            ),
            ("lost", stats.packets_lost.to_string()),
            (
                "made up",
                format!("{} frames of 20 ms", stats.concealed_frames),
            ),
            (
                "jitter",
                format!("{:.2} ms", stats.jitter.as_secs_f64() * 1000.0),
            ),
            ("tones", self.bob.tones.clone()),
            (
                "audio match",
                format!("{:.3} (at least {MATCH})", self.correlation),
            ),
        ];
        output.line(format_args!("\n{}\n", table(&rows)));
        for check in &checks {
            match check.holds {
                true => output.line(format_args!("  ok      {}", check.what)),
                false => output.line(format_args!("  FAILED  {}: {}", check.what, check.found)),
            }
        }
    }

    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let checks = self.checks();
        let failed: Vec<_> = checks
            .iter()
            .filter(|check| !check.holds)
            .map(|check| check.what)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            Code::CheckFailed,
            format_args!("the demo ran, but this did not hold: {}", failed.join("; ")),
            match self.bob.stats.concealed_frames {
                0 => "Run it again with -v, and report what it says.",
                _ => "Sound came too late to be played: let the machine do less meanwhile.",
            },
        ))
    }
}

/// The events without candidates, whose number is the machine's, and with a repeated progress
/// counted once.
fn essential(events: &[&'static str]) -> Vec<&'static str> {
    let mut essential: Vec<_> = events
        .iter()
        .copied()
        .filter(|name| *name != "icecandidate")
        .collect();
    essential.dedup_by(|a, b| *a == "progress" && *b == "progress");
    essential
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_and_repeated_progress_do_not_count() {
        let events = [
            "connecting",
            "icecandidate",
            "icecandidate",
            "progress",
            "progress",
            "newDTMF",
            "newDTMF",
        ];
        assert_eq!(
            essential(&events),
            ["connecting", "progress", "newDTMF", "newDTMF"]
        );
    }
}
