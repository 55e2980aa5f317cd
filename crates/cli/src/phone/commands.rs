//! What can be typed, and what it means.

use std::fmt;

use offhook::{DtmfOptions, MediaKinds};

use super::words::{Problem, Words};

/// A line that was understood.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Call {
        target: String,
        anonymous: bool,
        late_offer: bool,
    },
    /// Something to do with one call: the one of this number, or the one that it fits.
    OfCall {
        number: Option<usize>,
        deed: Deed,
    },
    Message {
        target: String,
        text: String,
    },
    HangUpAll,
    Calls,
    AutoAnswer(bool),
    Policy(Wish, Policy),
    Status,
    Register,
    Unregister,
    Help,
    Quit,
}

/// What can be done with a call.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Answer,
    Reject(Refusal),
    Ring,
    Progress(Refusal),
    HangUp(Refusal),
    Hold {
        update: bool,
    },
    Unhold {
        update: bool,
    },
    Renegotiate {
        update: bool,
        restart: bool,
    },
    Mute(MediaKinds),
    Unmute(MediaKinds),
    Dtmf {
        tones: String,
        options: DtmfOptions,
    },
    Info {
        content_type: String,
        body: String,
    },
    /// A blind transfer.
    Refer {
        target: String,
        stay: bool,
    },
    /// An attended transfer: this call's peer takes this side's place in the call of that number.
    Connect {
        with: usize,
        stay: bool,
    },
    Allow,
    Refuse(Refusal),
    Play(Sound),
    Record {
        file: String,
    },
    Stats,
}

/// A status, where the default will not do, and its words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: Option<u16>,
    pub(super) reason: Option<String>,
}

/// What the peer of a call may wish for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// That this side calls somebody else.
    Refer,
    /// That another call takes this one's place.
    Replaces,
    /// That the session changes.
    Reoffer,
}

/// What becomes of such a wish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Policy {
    Accept,
    Refuse,
    /// The user says.
    Ask,
}

/// What is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Sound {
    File(String),
    Echo,
    Silence,
}

/// How a command is written, and what it does.
struct Usage {
    verb: &'static str,
    form: &'static str,
    meaning: &'static str,
}

const fn usage(verb: &'static str, form: &'static str, meaning: &'static str) -> Usage {
    Usage {
        verb,
        form,
        meaning,
    }
}

/// Every command, in the order in which `help` shows them.
const COMMANDS: &[Usage] = &[
    usage(
        "call",
        "TARGET [anonymous] [late-offer]",
        "call an address, or a user of the own domain; late-offer: let the callee make the offer",
    ),
    usage("answer", "[N]", "take an incoming call"),
    usage(
        "reject",
        "[N] [STATUS [REASON]]",
        "refuse it; a number from 300 on is a status",
    ),
    usage(
        "ring",
        "[N]",
        "tell the caller that it rings (180), with --no-ring",
    ),
    usage(
        "progress",
        "[N] [STATUS [REASON]]",
        "be heard before answering (183, early media)",
    ),
    usage(
        "hang-up",
        "[N | all] [STATUS [REASON]]",
        "end a call in whichever state it is",
    ),
    usage(
        "hold",
        "[N] [update]",
        "put the peer on hold, by a re-INVITE or UPDATE",
    ),
    usage("unhold", "[N] [update]", "go on"),
    usage(
        "renegotiate",
        "[N] [update] [restart]",
        "make a new offer; restart: find media a new way",
    ),
    usage("mute", "[N] [audio | video]", "send silence, or blackness"),
    usage("unmute", "[N] [audio | video]", "be heard, or seen, again"),
    usage(
        "dtmf",
        "[N] TONES [info | rfc2833] [duration TIME] [gap TIME]",
        "send tones: 0-9, A-D, *, #, and a comma for a pause",
    ),
    usage("info", "[N] CONTENT-TYPE BODY", "send an INFO request"),
    usage(
        "refer",
        "[N] TARGET [stay] | [N] to M [stay]",
        "pass the peer on to TARGET, or to the peer of call M, then hang up, unless told to stay",
    ),
    usage("allow", "[N]", "grant what the peer has asked for"),
    usage("refuse", "[N] [STATUS [REASON]]", "refuse it"),
    usage(
        "play",
        "[N] FILE | [N] echo | [N] silence",
        "send a WAV file, what comes in, or nothing",
    ),
    usage(
        "record",
        "[N] FILE",
        "write what comes in from now on to a WAV file",
    ),
    usage("stats", "[N]", "packets, loss, jitter, path and more"),
    usage(
        "message",
        "TARGET TEXT",
        "send text to an address, or a user of the own domain",
    ),
    usage("calls", "", "list the calls"),
    usage(
        "auto-answer",
        "on | off",
        "whether calls are answered at once",
    ),
    usage(
        "accept-refers",
        "on | off | ask",
        "whether the peer may have somebody else called",
    ),
    usage(
        "accept-replaces",
        "on | off | ask",
        "whether a call may take another's place",
    ),
    usage(
        "accept-reoffers",
        "on | off | ask",
        "whether the peer may hold and renegotiate",
    ),
    usage("status", "", "who this is, and whether the server knows"),
    usage("register", "", "register again"),
    usage("unregister", "", "take the registration back"),
    usage("help", "", "show this"),
    usage(
        "quit",
        "",
        "hang up everything, unregister, leave; so do Ctrl-C and the end of input",
    ),
];

/// The words of `help`.
pub(super) fn help() -> String {
    let forms: Vec<String> = COMMANDS.iter().map(Usage::to_string).collect();
    let width = forms.iter().map(String::len).filter(|len| *len < 40).max();
    let width = width.unwrap_or(0);
    let lines = COMMANDS.iter().zip(&forms).map(|(command, form)| {
        let meaning = command.meaning;
        match form.len() > width {
            true => format!("  {form}\n  {:<width$}  {meaning}", ""),
            false => format!("  {form:<width$}  {meaning}"),
        }
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push_str("\nN is a call's number; without one it is the call that was last spoken of.");
    text
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb)?;
        match self.form.is_empty() {
            true => Ok(()),
            false => write!(f, " {}", self.form),
        }
    }
}

/// A line that was not understood: what is wrong, and what would be right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Misspoken {
    pub(super) problem: String,
    pub(super) right: String,
}

/// Reads a line. An empty one, or one that begins with `#`, says nothing.
pub(super) fn parse(line: &str) -> Result<Option<Command>, Misspoken> {
    let mut words = Words::of(line);
    let Some(spoken) = words.next().filter(|word| !word.starts_with('#')) else {
        return Ok(None);
    };
    let Some(usage) = COMMANDS
        .iter()
        .find(|usage| bare(usage.verb) == bare(spoken))
    else {
        return Err(unknown(spoken));
    };
    let command = command(usage.verb, &mut words).and_then(|command| match words.next() {
        None => Ok(command),
        Some(more) => Err(format!("{more:?} is not understood here")),
    });
    command.map(Some).map_err(|problem| Misspoken {
        problem,
        right: format!("write {}", usage),
    })
}

/// `Hangup` is understood as `hang-up`.
fn bare(verb: &str) -> String {
    let letters = verb.chars().filter(|c| !matches!(c, '-' | '_'));
    letters.collect::<String>().to_ascii_lowercase()
}

fn unknown(spoken: &str) -> Misspoken {
    let common = |verb: &str| {
        let pairs = verb.chars().zip(spoken.chars());
        pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    };
    let near = COMMANDS.iter().map(|usage| (common(usage.verb), usage));
    // The first of the best.
    let nearest = near.rev().max_by_key(|(common, _)| *common);
    Misspoken {
        problem: format!("there is no command {spoken:?}"),
        right: match nearest {
            Some((2.., usage)) => format!("did you mean {}? help shows all commands", usage),
            _ => "help shows all commands".to_owned(),
        },
    }
}

fn command(verb: &str, words: &mut Words<'_>) -> Result<Command, Problem> {
    Ok(match verb {
        "call" => Command::Call {
            target: words.needed("whom to call")?.to_owned(),
            anonymous: words.flag("anonymous"),
            late_offer: words.flag("late-offer"),
        },
        "message" => Command::Message {
            target: words.needed("whom to write to")?.to_owned(),
            text: words.rest("the text")?,
        },
        "hang-up" if words.flag("all") => Command::HangUpAll,
        "calls" => Command::Calls,
        "auto-answer" => match words.policy()? {
            Policy::Accept => Command::AutoAnswer(true),
            Policy::Refuse => Command::AutoAnswer(false),
            Policy::Ask => return Err("\"ask\" is not understood here".to_owned()),
        },
        "accept-refers" => Command::Policy(Wish::Refer, words.policy()?),
        "accept-replaces" => Command::Policy(Wish::Replaces, words.policy()?),
        "accept-reoffers" => Command::Policy(Wish::Reoffer, words.policy()?),
        "status" => Command::Status,
        "register" => Command::Register,
        "unregister" => Command::Unregister,
        "help" => Command::Help,
        "quit" => Command::Quit,
        _ => {
            let (number, deed) = deed(verb, words)?;
            Command::OfCall { number, deed }
        }
    })
}

fn deed(verb: &str, words: &mut Words<'_>) -> Result<(Option<usize>, Deed), Problem> {
    let number = match verb {
        "reject" | "progress" | "hang-up" | "refuse" => words.number_before_status(),
        // What these need may itself look like a number.
        "dtmf" => words.number_before_tones(),
        "refer" => words.number_before_target(),
        "info" | "play" | "record" => words.number_before_more(),
        _ => words.number(),
    };
    let deed = match verb {
        "answer" => Deed::Answer,
        "reject" => Deed::Reject(words.refusal(300..=699)?),
        "ring" => Deed::Ring,
        "progress" => Deed::Progress(words.refusal(101..=199)?),
        "hang-up" => Deed::HangUp(words.refusal(200..=699)?),
        "hold" => Deed::Hold {
            update: words.flag("update"),
        },
        "unhold" => Deed::Unhold {
            update: words.flag("update"),
        },
        "renegotiate" => Deed::Renegotiate {
            update: words.flag("update"),
            restart: words.flag("restart"),
        },
        "mute" => Deed::Mute(words.kinds().unwrap_or(MediaKinds::AUDIO)),
        "unmute" => Deed::Unmute(words.kinds().unwrap_or(MediaKinds::BOTH)),
        "dtmf" => Deed::Dtmf {
            tones: words.needed("which tones")?.to_owned(),
            options: words.dtmf_options()?,
        },
        "info" => Deed::Info {
            content_type: words.needed("the content type")?.to_owned(),
            body: words.rest("the body")?,
        },
        "refer" if words.flag("to") => Deed::Connect {
            with: words
                .number()
                .ok_or("the number of the other call is missing")?,
            stay: words.flag("stay"),
        },
        "refer" => Deed::Refer {
            target: words.needed("the target")?.to_owned(),
            stay: words.flag("stay"),
        },
        "allow" => Deed::Allow,
        "refuse" => Deed::Refuse(words.refusal(300..=699)?),
        "play" => Deed::Play(match words.rest("what to play")?.as_str() {
            "echo" => Sound::Echo,
            "silence" => Sound::Silence,
            file => Sound::File(file.to_owned()),
        }),
        "record" => Deed::Record {
            file: words.rest("the file")?,
        },
        "stats" => Deed::Stats,
        other => return Err(format!("{other:?} cannot be done yet")),
    };
    Ok((number, deed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use offhook::DtmfTransport;

    use super::*;

    fn of_call(line: &str) -> (Option<usize>, Deed) {
        match parse(line) {
            Ok(Some(Command::OfCall { number, deed })) => (number, deed),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn wrong(line: &str) -> Misspoken {
        parse(line).expect_err(line)
    }

    #[test]
    fn nothing_and_comments_say_nothing() {
        for line in ["", "   ", "# call bob", "\t"] {
            assert!(matches!(parse(line), Ok(None)), "{line:?}");
        }
    }

    #[test]
    fn a_call_names_its_target() {
        for (line, flags) in [
            (" call sip:bob@b.example ", (false, false)),
            ("call sip:bob@b.example late-offer", (false, true)),
            ("call sip:bob@b.example anonymous late-offer", (true, true)),
        ] {
            match parse(line) {
                Ok(Some(Command::Call {
                    target,
                    anonymous,
                    late_offer,
                })) => {
                    assert_eq!(target, "sip:bob@b.example");
                    assert_eq!((anonymous, late_offer), flags, "{line}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
        let wrong = wrong("call");
        assert_eq!(wrong.problem, "whom to call is missing");
        assert_eq!(wrong.right, "write call TARGET [anonymous] [late-offer]");
    }

    #[test]
    fn verbs_are_known_with_and_without_hyphens_and_capitals() {
        for line in ["hang-up 2", "hangup 2", "Hang_Up 2"] {
            assert!(
                matches!(of_call(line), (Some(2), Deed::HangUp(_))),
                "{line}"
            );
        }
        assert!(matches!(parse("hangup all"), Ok(Some(Command::HangUpAll))));
        assert!(matches!(
            parse("autoanswer on"),
            Ok(Some(Command::AutoAnswer(true)))
        ));
    }

    #[test]
    fn an_unknown_verb_gets_the_nearest_known_one() {
        let wrong_verb = wrong("unholt 1");
        assert_eq!(wrong_verb.problem, "there is no command \"unholt\"");
        assert!(
            wrong_verb
                .right
                .starts_with("did you mean unhold [N] [update]?")
        );
        assert_eq!(wrong("xyz").right, "help shows all commands");
    }

    #[test]
    fn a_number_from_a_hundred_on_is_a_status_unless_another_follows() {
        let busy = Refusal {
            status: Some(486),
            reason: None,
        };
        for (line, number) in [
            ("reject 486", None),
            ("reject 2 486", Some(2)),
            ("reject 301 486", Some(301)),
        ] {
            match of_call(line) {
                (found, Deed::Reject(refusal)) => {
                    assert_eq!((found, &refusal), (number, &busy), "{line}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
        match of_call("reject 2") {
            (Some(2), Deed::Reject(refusal)) => assert_eq!(refusal, Refusal::default()),
            other => panic!("{other:?}"),
        }
        match of_call("reject 1 603 Not to  be disturbed") {
            (Some(1), Deed::Reject(Refusal { reason, .. })) => {
                assert_eq!(reason.as_deref(), Some("Not to  be disturbed"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(
            wrong("reject 1 200").problem,
            "\"200\" is no status from 300 to 699"
        );
        assert_eq!(
            wrong("progress 200").problem,
            "\"200\" is no status from 101 to 199"
        );
    }

    #[test]
    fn tones_may_look_like_a_call_number() {
        match of_call("dtmf 2 12# rfc2833 duration 80ms gap 70ms") {
            (Some(2), Deed::Dtmf { tones, options }) => {
                assert_eq!(tones, "12#");
                assert_eq!(options.transport, DtmfTransport::Rfc2833);
                assert_eq!(options.duration, Duration::from_millis(80));
                assert_eq!(options.inter_tone_gap, Duration::from_millis(70));
            }
            other => panic!("{other:?}"),
        }
        for line in ["dtmf 123", "dtmf 123 rtp", "dtmf 123 duration 1s"] {
            match of_call(line) {
                (None, Deed::Dtmf { tones, .. }) => assert_eq!(tones, "123"),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert!(
            wrong("dtmf 1 5 duration soon")
                .problem
                .contains("\"soon\" is no time")
        );
        assert_eq!(wrong("dtmf").problem, "which tones is missing");
    }

    #[test]
    fn a_transfer_is_blind_or_attended() {
        match of_call("refer 3 sip:carol@c.example") {
            (Some(3), Deed::Refer { target, stay }) => {
                assert_eq!((target.as_str(), stay), ("sip:carol@c.example", false));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            of_call("refer 1 to 2"),
            (
                Some(1),
                Deed::Connect {
                    with: 2,
                    stay: false
                }
            )
        ));
        assert!(matches!(
            of_call("refer to 2"),
            (
                None,
                Deed::Connect {
                    with: 2,
                    stay: false
                }
            )
        ));
        for (line, stays) in [("refer 200", false), ("refer 200 stay", true)] {
            match of_call(line) {
                (None, Deed::Refer { target, stay }) => {
                    assert_eq!((target.as_str(), stay), ("200", stays), "{line}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
        assert_eq!(
            wrong("refer 1 to carol").problem,
            "the number of the other call is missing"
        );
    }

    #[test]
    fn a_body_and_a_file_name_keep_their_spaces() {
        match of_call("info 1 text/plain a  b c") {
            (Some(1), Deed::Info { content_type, body }) => {
                assert_eq!(
                    (content_type.as_str(), body.as_str()),
                    ("text/plain", "a  b c")
                );
            }
            other => panic!("{other:?}"),
        }
        match of_call("play my speech.wav") {
            (None, Deed::Play(sound)) => assert_eq!(sound, Sound::File("my speech.wav".to_owned())),
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            of_call("play 2 echo"),
            (Some(2), Deed::Play(Sound::Echo))
        ));
    }

    #[test]
    fn a_message_has_a_target_and_the_rest_is_its_text() {
        match parse("message bob  2  or 3? ") {
            Ok(Some(Command::Message { target, text })) => {
                assert_eq!((target.as_str(), text.as_str()), ("bob", "2  or 3?"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(wrong("message bob").problem, "the text is missing");
    }

    #[test]
    fn kinds_default_as_those_of_the_methods() {
        assert!(matches!(
            of_call("mute"),
            (None, Deed::Mute(MediaKinds::AUDIO))
        ));
        assert!(matches!(
            of_call("mute 1 video audio"),
            (Some(1), Deed::Mute(MediaKinds::BOTH))
        ));
        assert!(matches!(
            of_call("unmute"),
            (None, Deed::Unmute(MediaKinds::BOTH))
        ));
    }

    #[test]
    fn policies_are_on_off_or_ask() {
        assert!(matches!(
            parse("accept-refers ask"),
            Ok(Some(Command::Policy(Wish::Refer, Policy::Ask)))
        ));
        assert_eq!(
            wrong("accept-replaces maybe").problem,
            "\"maybe\" is not understood here"
        );
        assert_eq!(wrong("auto-answer ask").right, "write auto-answer on | off");
    }

    #[test]
    fn what_is_too_much_is_told() {
        let wrong = wrong("hold 1 udpate");
        assert_eq!(wrong.problem, "\"udpate\" is not understood here");
        assert_eq!(wrong.right, "write hold [N] [update]");
    }

    #[test]
    fn every_command_of_the_help_can_be_given() {
        for usage in COMMANDS {
            let parsed = parse(usage.verb);
            let known = match &parsed {
                Ok(command) => command.is_some(),
                Err(misspoken) => misspoken.problem.contains("missing"),
            };
            assert!(known, "{}: {parsed:?}", usage.verb);
            assert!(help().contains(usage.meaning));
        }
    }
}
