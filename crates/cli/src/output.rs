//! What people and machines read: lines while it works, a table at the end, or JSON.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use offhook::{CallEnd, Originator, SessionEvent, Stats, VideoCodec, VideoStats, WireMessage};
use serde_json::{Value, json};

use crate::exit::Failure;

/// Writes the output of one command. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    begun: Instant,
    progress: ProgressBar,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        // On standard error, and only on a terminal: indicatif sees to that.
        let progress = match json {
            true => ProgressBar::hidden(),
            false => ProgressBar::new_spinner(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            progress.set_style(style);
        }
        Self {
            json,
            begun: Instant::now(),
            progress,
        }
    }

    /// The same without the line that moves: where people type, it would be in their way.
    pub(crate) fn still(&self) -> Self {
        Self {
            progress: ProgressBar::hidden(),
            ..self.clone()
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The time since the command began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What the command does at the moment, on the line that moves.
    pub(crate) fn working(&self, what: impl Display) {
        self.progress.set_message(what.to_string());
        self.progress.enable_steady_tick(Duration::from_millis(120));
    }

    /// Takes the moving line away.
    pub(crate) fn done(&self) {
        self.progress.finish_and_clear();
    }

    /// Something that happened: a line with its time for people, an object for machines.
    pub(crate) fn event(&self, name: &str, text: impl Display, fields: Value) {
        let at = self.elapsed();
        if self.json {
            self.line(object(name, at, &fields));
        } else {
            let text = visible(&text.to_string());
            self.line(format_args!("{:>8.3}  {text}", at.as_secs_f64()));
        }
    }

    /// One line on standard output, whole, and at once.
    pub(crate) fn line(&self, line: impl Display) {
        self.progress.suspend(|| {
            let mut out = std::io::stdout().lock();
            // Whoever read it has gone: there is nobody left to tell.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        });
    }

    /// One line on standard error.
    pub(crate) fn note(&self, line: impl Display) {
        self.progress.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }

    pub(crate) fn wire(&self, who: &str, message: &WireMessage) {
        self.passing(&format!("{who}{message}"));
    }

    /// A message on the wire, its secrets masked already.
    pub(crate) fn passing(&self, message: &str) {
        let at = self.elapsed().as_secs_f64();
        let text = message.trim_end().replace('\r', "");
        self.note(format_args!("{at:.3} {text}\n"));
    }

    /// What went wrong: for people, and for machines if they listen.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.done();
        self.failure_for_machines(failure);
        self.note(format_args!("offhook: {failure}"));
    }

    pub(crate) fn failure_for_machines(&self, failure: &Failure) {
        let fields = json!({
            "exit_code": failure.code as u8,
            "message": failure.message,
            "advice": failure.advice,
        });
        if self.json {
            self.event("error", "", fields);
        }
    }
}

/// What peers say may hold what a terminal obeys: nothing of that reaches it.
fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// An event as machines read it; its name stands first, for people who look over their shoulder.
fn object(name: &str, at: Duration, fields: &Value) -> String {
    let (name, at) = (Value::from(name), Value::from(millis(at)));
    match fields.as_object().filter(|fields| !fields.is_empty()) {
        Some(_) => {
            let fields = fields.to_string();
            format!("{{\"event\":{name},\"at_ms\":{at},{}", &fields[1..])
        }
        None => format!("{{\"event\":{name},\"at_ms\":{at}}}"),
    }
}

/// Milliseconds with a tenth.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// What machines are told about a session's event.
pub(crate) fn fields(event: &SessionEvent) -> Value {
    match event {
        SessionEvent::Progress {
            originator,
            response,
        }
        | SessionEvent::Accepted {
            originator,
            response,
        } => {
            let mut fields = json!({ "originator": originator.to_string() });
            if let Some(response) = response {
                fields["status"] = response.status().code().into();
                fields["reason"] = response.reason().into();
            }
            fields
        }
        SessionEvent::Confirmed { originator, .. }
        | SessionEvent::Hold { originator }
        | SessionEvent::Unhold { originator } => json!({ "originator": originator.to_string() }),
        SessionEvent::Ended(end) | SessionEvent::Failed(end) => end_fields(end),
        SessionEvent::NewDtmf {
            originator,
            tone,
            duration,
            request,
        } => {
            let mut fields = json!({
                "originator": originator.to_string(),
                "tone": tone,
                "duration_ms": millis(*duration),
            });
            if *originator == Originator::Remote {
                fields["by"] = if request.is_some() { "info" } else { "rtp" }.into();
            }
            fields
        }
        SessionEvent::DtmfDelivered { tone, response } => json!({
            "tone": tone,
            "status": response.as_ref().map(|response| response.status().code()),
        }),
        SessionEvent::NewInfo {
            originator,
            content_type,
            body,
            ..
        } => json!({
            "originator": originator.to_string(),
            "content_type": content_type,
            "body": String::from_utf8_lossy(body),
        }),
        SessionEvent::InfoDelivered { info, response } => json!({
            "info": info,
            "status": response.as_ref().map(|response| response.status().code()),
        }),
        SessionEvent::Muted { audio, video } | SessionEvent::Unmuted { audio, video } => {
            json!({ "audio": audio, "video": video })
        }
        SessionEvent::Renegotiated { exchange, result } => json!({
            "exchange": exchange,
            "error": result.as_ref().err().map(ToString::to_string),
        }),
        SessionEvent::Reoffered { request } => json!({ "method": request.method().as_str() }),
        SessionEvent::Reinvite(ask) | SessionEvent::Update(ask) => {
            json!({ "method": ask.request().method().as_str() })
        }
        SessionEvent::Refer(ask) => json!({
            "to": ask.refer_to().as_str(),
            "by": ask.request().header("Referred-By"),
        }),
        SessionEvent::Replaces(ask) => json!({ "from": ask.request().header("From") }),
        SessionEvent::Sdp(ask) => json!({
            "originator": ask.originator().to_string(),
            "type": ask.kind().as_str(),
        }),
        SessionEvent::DataChannel(channel) => json!({
            "label": channel.label(),
            "protocol": channel.options().protocol,
        }),
        SessionEvent::IceCandidate(ask) => json!({ "candidate": ask.candidate() }),
        SessionEvent::GetUserMediaFailed { error }
        | SessionEvent::CreateOfferFailed { error }
        | SessionEvent::CreateAnswerFailed { error }
        | SessionEvent::SetLocalDescriptionFailed { error }
        | SessionEvent::SetRemoteDescriptionFailed { error } => json!({ "error": error }),
        _ => Value::Null,
    }
}

fn end_fields(end: &CallEnd) -> Value {
    let mut fields = json!({
        "originator": end.originator.to_string(),
        "cause": end.cause.as_str(),
    });
    if let (Some(status), Some(reason)) = (end.status(), end.reason()) {
        fields["status"] = status.code().into();
        fields["reason"] = reason.into();
    }
    if let Some(detail) = &end.detail {
        fields["detail"] = detail.as_str().into();
    }
    fields
}

/// What machines are told about a call's media.
pub(crate) fn stats_fields(stats: &Stats) -> Value {
    json!({
        "codec": stats.codec,
        "packets_sent": stats.packets_sent,
        "packets_received": stats.packets_received,
        "bytes_sent": stats.bytes_sent,
        "bytes_received": stats.bytes_received,
        "packets_lost": stats.packets_lost,
        "jitter_ms": millis(stats.jitter),
        "round_trip_ms": stats.round_trip.map(millis),
        "local": stats.selected_pair.as_ref().map(|pair| pair.local.as_str()),
        "remote": stats.selected_pair.as_ref().map(|pair| pair.remote.as_str()),
        "dtls": stats.dtls,
        "srtp": stats.srtp,
        "video": has_video(stats).then(|| video_fields(&stats.video)),
    })
}

/// Whether there was any video to tell of.
fn has_video(stats: &Stats) -> bool {
    stats.video != VideoStats::default()
}

fn video_fields(video: &VideoStats) -> Value {
    json!({
        "codec": video.codec.map(|codec| codec.name()),
        "codec_received": video.codec_received.map(|codec| codec.name()),
        "frames_sent": video.frames_sent,
        "frames_received": video.frames_received,
        "frames_dropped": video.frames_dropped,
        "key_frames_sent": video.key_frames_sent,
        "key_frames_received": video.key_frames_received,
        "key_frames_requested": video.key_frames_requested,
        "key_frame_requests_received": video.key_frame_requests_received,
        "packets_sent": video.packets_sent,
        "packets_received": video.packets_received,
        "packets_lost": video.packets_lost,
    })
}

/// What people are told about a call's media.
pub(crate) fn stats_rows(stats: &Stats) -> Vec<(&'static str, String)> {
    let encryption = [stats.dtls.as_deref(), stats.srtp.as_deref()];
    let encryption: Vec<_> = encryption.into_iter().flatten().collect();
    let mut rows = vec![
        (
            "codec",
            stats.codec.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        ("packets sent", stats.packets_sent.to_string()),
        ("packets received", stats.packets_received.to_string()),
        ("packets lost", stats.packets_lost.to_string()),
        ("jitter", format!("{:.1} ms", millis(stats.jitter))),
    ];
    if let Some(round_trip) = stats.round_trip {
        rows.push(("round trip", format!("{:.1} ms", millis(round_trip))));
    }
    if let Some(pair) = &stats.selected_pair {
        rows.push(("path", format!("{} - {}", pair.local, pair.remote)));
    }
    if !encryption.is_empty() {
        rows.push(("encryption", encryption.join(", ")));
    }
    if has_video(stats) {
        let video = &stats.video;
        let told = |codec: Option<VideoCodec>, frames: u64, keys: u64| match codec {
            None => "none".to_owned(),
            Some(codec) => format!("{frames} frames of {codec}, {keys} of them key frames"),
        };
        let sent = told(video.codec, video.frames_sent, video.key_frames_sent);
        let received = told(
            video.codec_received,
            video.frames_received,
            video.key_frames_received,
        );
        rows.push(("video sent", sent));
        rows.push(("video received", received));
        rows.push(("video lost", format!("{} packets", video.packets_lost)));
    }
    rows
}

/// A table of names and values.
pub(crate) fn table(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, value)| format!("  {name:<width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_object_with_its_name_first() {
        let at = Duration::from_micros(1234);
        assert_eq!(
            object("a\"b", at, &Value::Null),
            r#"{"event":"a\"b","at_ms":1.2}"#
        );
        let line = object("ended", at, &json!({ "cause": "Terminated" }));
        assert_eq!(
            line,
            r#"{"event":"ended","at_ms":1.2,"cause":"Terminated"}"#
        );
        assert!(serde_json::from_str::<Value>(&line).is_ok());
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        assert_eq!(
            visible("Busy\u{1b}[2J \u{9b}é\n"),
            "Busy\u{fffd}[2J \u{fffd}é\u{fffd}"
        );
    }

    #[test]
    fn a_table_lines_its_values_up() {
        let rows = [("a", "1".to_owned()), ("long", "2".to_owned())];
        assert_eq!(table(&rows), "  a     1\n  long  2");
    }
}
