//! The record of a run: who sent what to whom, and what became of it.

use std::collections::VecDeque;
use std::fmt;

use offhook_core::{Instant, Transport};

/// What became of a message or a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// A message was sent, and arrives.
    Sent {
        /// The transport.
        transport: Transport,
        /// Its first line and its CSeq.
        what: String,
        /// When it arrives; twice, if it was doubled.
        arrives: Vec<Instant>,
    },
    /// A message was sent, and does not arrive.
    Lost {
        /// Its first line and its CSeq.
        what: String,
        /// Why.
        why: &'static str,
    },
    /// A flow was opened.
    Opened(Transport),
    /// A flow could not be opened.
    Failed(Transport),
    /// A flow was closed.
    Closed(Transport),
    /// A flow was cut.
    Cut(Transport),
    /// A line that a node or a test wrote.
    Note(String),
}

/// One line of a ladder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// The name of the node that did it.
    pub from: String,
    /// The name of the node at the other end, where there is one.
    pub to: Option<String>,
    /// What happened.
    pub step: Step,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.to_string();
        let to = self.to.as_deref().unwrap_or_default();
        write!(f, "{at:>9}  {:<10}", self.from)?;
        match &self.step {
            Step::Sent {
                transport,
                what,
                arrives,
            } => {
                write!(f, " --> {to:<10} {what}  ({transport}")?;
                for arrival in arrives {
                    write!(f, ", {} ms", (*arrival - self.at).as_millis())?;
                }
                f.write_str(")")
            }
            Step::Lost { what, why } => write!(f, " --x {to:<10} {what}  ({why})"),
            Step::Opened(transport) => write!(f, " === {to:<10} {transport} flow opened"),
            Step::Failed(transport) => write!(f, " =x= {to:<10} {transport} flow refused"),
            Step::Closed(transport) => write!(f, " =|= {to:<10} {transport} flow closed"),
            Step::Cut(transport) => write!(f, " =/= {to:<10} {transport} flow cut"),
            Step::Note(text) => write!(f, "  *  {text}"),
        }
    }
}

/// The lines of a run, the last 20,000 of them.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    lines: VecDeque<Line>,
    dropped: usize,
}

const KEPT: usize = 20_000;

impl Ladder {
    pub(crate) fn push(&mut self, line: Line) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// The messages that were sent, arrived or not: sender, first line and CSeq.
    pub fn messages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|line| match &line.step {
            Step::Sent { what, .. } | Step::Lost { what, .. } => Some((&*line.from, &**what)),
            _ => None,
        })
    }
}

/// One line each, the way a call is drawn in an RFC, turned by a quarter.
impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dropped > 0 {
            writeln!(f, "           ({} earlier lines were let go)", self.dropped)?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A message in one line: its first line, and its CSeq if it is a response.
pub(crate) fn describe(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if !first.starts_with("SIP/2.0 ") {
        return first.to_owned();
    }
    let cseq = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("CSeq")
            .then(|| value.trim())
    });
    match cseq {
        Some(cseq) => format!("{first} [{cseq}]"),
        None => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_says_what_it_answers() {
        assert_eq!(
            describe(b"SIP/2.0 200 OK\r\nVia: x\r\ncseq : 7 BYE\r\n\r\nCSeq: 9 NO"),
            "SIP/2.0 200 OK [7 BYE]"
        );
        assert_eq!(
            describe(b"SIP/2.0 200 OK\r\n\r\nCSeq: 9 NO"),
            "SIP/2.0 200 OK"
        );
        assert_eq!(
            describe(b"BYE sip:a SIP/2.0\r\nCSeq: 7 BYE\r\n"),
            "BYE sip:a SIP/2.0"
        );
        assert_eq!(describe(b""), "");
    }

    #[test]
    fn a_long_run_keeps_its_end() {
        let mut ladder = Ladder::default();
        for number in 0..KEPT + 5 {
            ladder.push(Line {
                at: Instant::ZERO,
                from: "a".into(),
                to: None,
                step: Step::Note(number.to_string()),
            });
        }
        assert_eq!(ladder.lines().count(), KEPT);
        assert!(
            ladder
                .to_string()
                .starts_with("           (5 earlier lines were let go)\n")
        );
    }
}
