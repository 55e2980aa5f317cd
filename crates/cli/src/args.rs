//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use offhook::{AudioCodec, Transport};

use crate::exit;

/// A SIP and WebRTC phone, and what it takes to try one, in one command.
#[derive(Debug, Parser)]
#[command(name = "offhook", version, after_help = exit::TABLE, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Write one JSON object a line to standard output, for machines.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show the SIP messages on standard error, their secrets masked; twice: the log, too.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A whole call on this machine: alice calls bob, plays, sends tones; bob records.
    #[command(after_help = exit::TABLE)]
    Demo(DemoArgs),
    /// A small SIP server for this machine: registrar and proxy, in memory.
    #[command(after_help = exit::TABLE)]
    Exchange(ExchangeArgs),
    /// Call somebody.
    #[command(after_help = exit::TABLE)]
    Call(CallArgs),
    /// Wait for calls and answer them.
    #[command(after_help = exit::TABLE)]
    Answer(AnswerArgs),
    /// A phone to be steered by hand, or by a script: it reads one command a line.
    #[command(after_help = exit::TABLE)]
    Phone(PhoneArgs),
}

/// Who calls, or is called, and over which server.
#[derive(Args, Debug)]
pub(crate) struct AccountArgs {
    /// The password; better given in the environment as OFFHOOK_PASSWORD, where other users of
    /// the machine cannot read it.
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,
    /// The user name for authentication, where it differs from the address's.
    #[arg(long, value_name = "NAME")]
    pub(crate) auth_user: Option<String>,
    /// The server, as wss://sip.example.com, ws://127.0.0.1:8080, udp://192.0.2.1,
    /// tcp://sip.example.com:5060 or tls://sip.example.com. Without one, calls go straight where
    /// the address leads.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Trust the certificates in this PEM file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Trust every certificate. Anybody on the way can read and change everything then.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Listen on this address, as udp:192.0.2.7:5060, to be reached without a server.
    #[arg(long, value_name = "TRANSPORT:ADDRESS")]
    pub(crate) listen: Vec<Listen>,
}

/// What is played and recorded, and how it travels.
#[derive(Args, Debug)]
pub(crate) struct MediaArgs {
    /// Play this WAV file to the other side.
    #[arg(long, value_name = "FILE")]
    pub(crate) play: Option<PathBuf>,
    /// Record the other side to this WAV file.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Play this IVF file (VP8 or H.264) to the other side. Without this and --record-video, calls
    /// have no video, and what is offered of it is declined.
    #[arg(long, value_name = "FILE")]
    pub(crate) play_video: Option<PathBuf>,
    /// Play the video again and again.
    #[arg(long, requires = "play_video")]
    pub(crate) repeat_video: bool,
    /// Record the other side's video to this IVF file.
    #[arg(long, value_name = "FILE")]
    pub(crate) record_video: Option<PathBuf>,
    /// The codecs to use, the preferred first. Default: opus,pcmu,pcma.
    #[arg(long, value_name = "CODEC", value_delimiter = ',')]
    pub(crate) codec: Vec<Codec>,
    /// Use loopback addresses for the audio, too: for calls within this machine.
    #[arg(long)]
    pub(crate) loopback: bool,
    /// A STUN or TURN server, as stun:stun.example.com or turn:turn.example.com.
    #[arg(long, value_name = "URL")]
    pub(crate) ice_server: Vec<String>,
    /// The user name for the TURN servers.
    #[arg(long, value_name = "NAME")]
    pub(crate) ice_user: Option<String>,
    /// The password for the TURN servers.
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) ice_password: Option<String>,
    /// Use the TURN servers only, so that the other side never learns this machine's addresses.
    #[arg(long, requires = "ice_server")]
    pub(crate) relay_only: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// What alice plays: a WAV file. Default: a few seconds of speech.
    #[arg(long, value_name = "FILE")]
    pub(crate) play: Option<PathBuf>,
    /// Keep what bob recorded in this WAV file.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// The codec. The recording must match what was played to at least 0.9.
    #[arg(long, value_name = "CODEC", value_enum, default_value_t = Codec::Pcmu)]
    pub(crate) codec: Codec,
    /// Everything a call can do, step by step, between alice, bob and carol: tones, hold,
    /// transfer, a lost connection and more. Takes about a minute.
    #[arg(long, conflicts_with_all = ["play", "record"])]
    pub(crate) tour: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExchangeArgs {
    /// Where to listen, as ws:127.0.0.1:8080, udp:127.0.0.1:5060 or tcp:127.0.0.1:5060; port 0
    /// takes a free one. May be given several times. Default: ws:127.0.0.1:8080 and
    /// udp:127.0.0.1:5060.
    #[arg(long, value_name = "TRANSPORT:ADDRESS")]
    pub(crate) listen: Vec<Listen>,
    /// A user and password, as alice:secret. May be given several times.
    #[arg(long, value_name = "NAME:PASSWORD", required_unless_present = "web")]
    pub(crate) user: Vec<User>,
    /// The domain of the users' addresses.
    #[arg(long, value_name = "DOMAIN", default_value = "localhost")]
    pub(crate) domain: String,
    /// Serve the web phone, too, where the WebSocket is, and print its address; FOLDER is that of
    /// the built page. Without --user there are accounts to try it with. Includes --echo; listens
    /// on ws:127.0.0.1:8080 alone unless told otherwise.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true)]
    pub(crate) web: Option<Option<PathBuf>>,
    /// Answer calls to the user echo: they hear themselves, and see themselves.
    #[arg(long)]
    pub(crate) echo: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    /// Whom to call, as sip:bob@example.com.
    #[arg(value_name = "ADDRESS")]
    pub(crate) target: String,
    /// Who calls, as sip:alice@example.com.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "sip:anonymous@anonymous.invalid"
    )]
    pub(crate) from: String,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) media: MediaArgs,
    /// Send these DTMF tones once the call stands: 0-9, A-D, *, #, and a comma for a pause.
    #[arg(long, value_name = "TONES")]
    pub(crate) dtmf: Option<String>,
    /// How the tones travel.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = DtmfBy::Info)]
    pub(crate) dtmf_by: DtmfBy,
    /// Hang up this long after the call stands, as 5s, 500ms or 2m. Default: when the other side
    /// does, or at Ctrl-C.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Give up when nobody has answered by then.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) timeout: Duration,
    /// Add a header to the INVITE, as "X-Ticket: 42".
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<Header>,
}

#[derive(Args, Debug)]
pub(crate) struct AnswerArgs {
    /// The address to be reached at, as sip:bob@example.com.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) media: MediaArgs,
    /// Send back what the caller says, and what it sends on data channels.
    #[arg(long, conflicts_with = "play")]
    pub(crate) echo: bool,
    /// Refuse every call with this status, as 486 (busy) or 603 (declined).
    #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(300..=699))]
    pub(crate) reject: Option<u16>,
    /// Let it ring this long before the call is answered or refused.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) ring: Option<Duration>,
    /// Hang up this long after the call stands. Default: when the caller does.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Leave after the first call.
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PhoneArgs {
    /// The address to be reached at and to call from, as sip:bob@example.com.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) media: MediaArgs,
    /// Send back what the other side says.
    #[arg(long, conflicts_with = "play")]
    pub(crate) echo: bool,
    /// Answer every call at once. The command auto-answer changes it.
    #[arg(long)]
    pub(crate) auto_answer: bool,
    /// Do not tell callers that it rings here: the command ring does.
    #[arg(long)]
    pub(crate) no_ring: bool,
    /// The session interval to ask for (RFC 4028), at least 90 seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(90..))]
    pub(crate) session_expires: Option<u32>,
}

/// The codecs by the names that SDP gives them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Codec {
    Opus,
    Pcmu,
    Pcma,
}

impl From<Codec> for AudioCodec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Opus => Self::Opus,
            Codec::Pcmu => Self::Pcmu,
            Codec::Pcma => Self::Pcma,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum DtmfBy {
    /// An INFO request for each tone.
    Info,
    /// Telephone events in the audio stream (RFC 4733).
    Rtp,
}

/// `ws:127.0.0.1:8080`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Listen {
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let right = "write for example ws:127.0.0.1:8080 or udp:127.0.0.1:0";
        let (transport, address) = text
            .split_once(':')
            .ok_or_else(|| format!("it has no colon; {right}"))?;
        let transport = Transport::parse(transport)
            .ok_or_else(|| format!("{transport:?} is no transport; {right}"))?;
        let address = address.trim_start_matches("//");
        let address = address
            .parse()
            .map_err(|_| format!("{address:?} is no IP address with a port; {right}"))?;
        Ok(Self { transport, address })
    }
}

/// `alice:secret`
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl FromStr for User {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((name, password)) if !name.is_empty() && !password.is_empty() => Ok(Self {
                name: name.to_owned(),
                password: password.to_owned(),
            }),
            _ => Err("write a name, a colon and a password, as alice:secret".to_owned()),
        }
    }
}

/// `X-Ticket: 42`
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => Err("write a name, a colon and a value, as \"X-Ticket: 42\"".to_owned()),
        }
    }
}

/// Reads `5s`, `500ms`, `2m`, `1.5s` or a bare number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and ms, s or m, as 500ms, 5s or 2m".to_owned();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" | "min" => number * 60.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        for wrong in ["", "s", "5h", "-1s", "5 s s", "1e999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn listening_addresses_are_read_with_and_without_slashes() {
        let right = Listen {
            transport: Transport::Ws,
            address: ([127, 0, 0, 1], 0).into(),
        };
        assert_eq!("ws:127.0.0.1:0".parse(), Ok(right));
        assert_eq!("ws://127.0.0.1:0".parse(), Ok(right));
        for wrong in ["ws", "http:127.0.0.1:1", "ws:localhost:1", "udp:127.0.0.1"] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_user_needs_a_name_and_a_password() {
        let user = "alice:a:b".parse::<User>().expect("a user");
        assert_eq!(
            (user.name.as_str(), user.password.as_str()),
            ("alice", "a:b")
        );
        assert!("alice".parse::<User>().is_err());
        assert!(":x".parse::<User>().is_err());
    }
}
