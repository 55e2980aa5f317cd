//! `offhook demo`: a whole call on this machine, through every room of the house.

mod checks;
mod scratch;
mod timeline;
mod tour;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use offhook::{
    AnswerOptions, Asks, AudioCodec, CallEnd, DtmfOptions, MediaEvent, MediaOptions, Originator,
    Session, SessionEvent, Source, Stats, TerminateOptions, Transport, UserAgent, UserAgentEvent,
    audio,
};
use offhook_exchange::Exchange;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::args::DemoArgs;
use crate::exit::{Code, Failure};
use crate::interrupts::Interrupts;
use crate::output::Output;
use checks::Report;
use scratch::Scratch;
use timeline::{Side, Timeline};

/// What alice plays when she is told nothing else.
const SPEECH: &[u8] = include_bytes!("../../../../assets/speech.wav");

/// The tones that alice sends.
const TONES: &str = "1234#";

/// How long bob goes on listening after alice has played everything: what is still under way
/// and in his jitter buffer comes within that time.
const TAIL: Duration = Duration::from_millis(400);

/// How much longer than the audio the call may take before bob hangs up anyway.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much of the recording may be the silence before alice's first word.
const LATEST: Duration = Duration::from_secs(3);

/// How much of a long file is compared: aligning all of it would take longer than playing it.
const COMPARED: Duration = Duration::from_secs(20);

/// How long registering may take.
const REGISTERING: Duration = Duration::from_secs(15);

const DOMAIN: &str = "localhost";

pub(crate) async fn run(
    args: DemoArgs,
    verbose: u8,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    if args.tour {
        return tour::run(args.codec.into(), verbose, output, interrupts).await;
    }
    let scratch = Scratch::new()?;
    let script = Script::new(&args, &scratch)?;
    output.working("starting an exchange");
    let exchange = Exchange::builder()
        .domain(DOMAIN)
        .user("alice", "alice's password")
        .user("bob", "bob's password")
        .listen(Transport::Ws, ([127, 0, 0, 1], 0).into())
        .start()
        .await
        .map_err(|error| {
            Failure::new(
                Code::Internal,
                error,
                "Check that this machine has a loopback network.",
            )
        })?;
    let server = exchange.url();
    let timeline = Arc::new(Timeline::new(output.clone()));
    timeline.head(&server);

    let phones = tokio::select! {
        phones = async { tokio::try_join!(
            phone(Side::Alice, &script, &server, &timeline, verbose),
            phone(Side::Bob, &script, &server, &timeline, verbose),
        ) } => phones,
        () = interrupts.wait() => Err(given_up()),
    };
    let (alice, bob) = phones?;
    let report = tokio::select! {
        report = play(&script, &alice, &bob, &timeline) => report,
        () = interrupts.wait() => Err(given_up()),
    };
    // Whatever happened: a call that still stands is hung up, and both say goodbye.
    tokio::join!(alice.stop(), bob.stop());
    exchange.stop().await;
    output.done();
    let report = report?;
    report.tell(output);
    report.verdict()
}

fn given_up() -> Failure {
    let message = "the demo was given up by Ctrl-C";
    Failure::new(Code::Interrupted, message, "Nothing is left to do.")
}

/// What is played by whom, and how.
#[derive(Debug)]
struct Script {
    codec: AudioCodec,
    played: PathBuf,
    recorded: PathBuf,
    samples: Vec<i16>,
    sample_rate: u32,
}

impl Script {
    fn new(args: &DemoArgs, scratch: &Scratch) -> Result<Self, Failure> {
        let played = match &args.play {
            Some(path) => path.clone(),
            None => scratch.file("speech.wav", SPEECH)?,
        };
        let (samples, sample_rate) = audio::read_wav(&played)?;
        let recorded = args
            .record
            .clone()
            .unwrap_or_else(|| scratch.path("heard.wav"));
        Ok(Self {
            codec: args.codec.into(),
            played,
            recorded,
            samples,
            sample_rate,
        })
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.samples.len() as f64 / f64::from(self.sample_rate.max(1)))
    }

    /// How well the recording matches what was played, from -1 to 1.
    fn match_of(&self, recorded: &Path) -> Result<f32, Failure> {
        let (heard, heard_rate) = audio::read_wav(recorded)?;
        // What the one side does not have, the other need not be compared in.
        let rate = heard_rate.min(self.sample_rate);
        let heard = audio::resample(&heard, heard_rate, rate)?;
        let played = audio::resample(&self.samples, self.sample_rate, rate)?;
        let lag = rate as usize * LATEST.as_secs() as usize;
        let played = &played[..played
            .len()
            .min(rate as usize * COMPARED.as_secs() as usize)];
        let heard = &heard[..heard.len().min(played.len() + lag)];
        let whole = audio::correlation(played, heard, lag);
        // On a busy machine the jitter buffer stretches the sound in places; no ear hears it, but
        // one alignment for the whole does not fit it then.
        Ok(whole.max(audio::similarity(played, heard, rate, lag)))
    }
}

/// Alice and bob, their call, and what came of it.
async fn play(
    script: &Script,
    alice: &UserAgent,
    bob: &UserAgent,
    timeline: &Timeline,
) -> Result<Report, Failure> {
    let stage = Stage {
        played_out: Notify::new(),
        over: Notify::new(),
        patience: Instant::now() + script.length() + PATIENCE,
    };
    let source = Source::wav(&script.played)?;
    let dialled = Instant::now();
    let call = alice
        .call(&format!("sip:bob@{DOMAIN}"))
        .play(source)
        .start()?;
    let (of_alice, of_bob) = tokio::join!(
        alice_talks(&call, timeline, &stage, dialled),
        bob_listens(bob, script, timeline, &stage),
    );
    let of_bob = of_bob?;
    let correlation = match of_bob.end.established {
        true => script.match_of(&script.recorded)?,
        false => 0.0,
    };
    Ok(Report {
        codec: script.codec,
        correlation,
        alice: of_alice,
        bob: of_bob,
        events: [timeline.names(Side::Alice), timeline.names(Side::Bob)],
    })
}

/// What both sides of the call go by.
#[derive(Debug)]
struct Stage {
    /// Alice has played everything.
    played_out: Notify,
    /// Alice's call is over.
    over: Notify,
    /// When bob hangs up whatever he has heard.
    patience: Instant,
}

/// How the call was for one side.
#[derive(Debug)]
struct Part {
    /// From dialling until the call stood.
    setup: Option<Duration>,
    /// From dialling until the first audio of the other side.
    first_audio: Option<Duration>,
    /// The tones that came in.
    tones: String,
    end: CallEnd,
    stats: Stats,
}

/// A registered phone.
async fn phone(
    side: Side,
    script: &Script,
    server: &str,
    timeline: &Arc<Timeline>,
    verbose: u8,
) -> Result<UserAgent, Failure> {
    let codecs = vec![script.codec];
    let media = MediaOptions {
        loopback: true,
        codecs,
        ..MediaOptions::default()
    };
    let name = side.name();
    let mut builder = UserAgent::builder(&format!("sip:{name}@{DOMAIN}"))
        .password(format!("{name}'s password"))
        .server(server)
        .media(media)
        .asks(Asks::ALL);
    if verbose > 0 {
        let timeline = Arc::clone(timeline);
        builder = builder.on_message(move |message| timeline.wire(side, &message));
    }
    let phone = builder.start().await?;
    let registered = tokio::time::timeout(REGISTERING, phone.registered()).await;
    registered.unwrap_or(Err(offhook::Error::TimedOut {
        what: "registration",
    }))?;
    timeline.note(side, "registered");
    Ok(phone)
}

async fn alice_talks(call: &Session, timeline: &Timeline, stage: &Stage, dialled: Instant) -> Part {
    let (mut setup, mut first_audio) = (None, None);
    let mut tones = String::new();
    while let Some(event) = call.next().await {
        timeline.event(Side::Alice, &event);
        match &event {
            SessionEvent::Confirmed { .. } => {
                setup = Some(dialled.elapsed());
                if let Err(error) = call.send_dtmf(TONES, DtmfOptions::default()) {
                    timeline.note(Side::Alice, &format!("no tones: {error}"));
                }
            }
            SessionEvent::Media(MediaEvent::AudioReceived) => first_audio = Some(dialled.elapsed()),
            SessionEvent::Media(MediaEvent::PlayedOut) => stage.played_out.notify_one(),
            SessionEvent::NewDtmf {
                originator: Originator::Remote,
                tone,
                ..
            } => tones.push(*tone),
            _ => {}
        }
    }
    stage.over.notify_one();
    let end = call.ended().await;
    let stats = call.stats().await.unwrap_or_default();
    Part {
        setup,
        first_audio,
        tones,
        end,
        stats,
    }
}

async fn bob_listens(
    bob: &UserAgent,
    script: &Script,
    timeline: &Timeline,
    stage: &Stage,
) -> Result<Part, Failure> {
    let call = loop {
        let event = tokio::select! {
            event = bob.next() => event,
            () = stage.over.notified() => None,
            () = tokio::time::sleep_until(stage.patience) => None,
        };
        match event {
            Some(UserAgentEvent::IncomingCall(call)) => break call,
            Some(_) => {}
            None => {
                let advice = "Run it again with -v and report what it says.";
                return Err(Failure::new(
                    Code::CheckFailed,
                    "bob was never called",
                    advice,
                ));
            }
        }
    };
    call.answer(AnswerOptions::default().record(&script.recorded))?;

    let begun = Instant::now();
    let (mut setup, mut first_audio) = (None, None);
    let mut tones = String::new();
    let mut played_out = false;
    let mut hang_up = stage.patience;
    let mut hung_up = false;
    loop {
        tokio::select! {
            event = call.next() => {
                let Some(event) = event else { break };
                timeline.event(Side::Bob, &event);
                match &event {
                    SessionEvent::Confirmed { .. } => setup = Some(begun.elapsed()),
                    SessionEvent::Media(MediaEvent::AudioReceived) => {
                        first_audio = Some(begun.elapsed());
                    }
                    SessionEvent::NewDtmf { originator: Originator::Remote, tone, .. } => {
                        tones.push(*tone);
                        if played_out && tones.len() >= TONES.len() {
                            hang_up = Instant::now() + TAIL;
                        }
                    }
                    _ => {}
                }
            }
            () = stage.played_out.notified() => {
                played_out = true;
                if tones.len() >= TONES.len() {
                    hang_up = Instant::now() + TAIL;
                }
            }
            () = tokio::time::sleep_until(hang_up), if !hung_up => {
                hung_up = true;
                // If it has just ended by itself there is nothing to hang up.
                let _ = call.terminate(TerminateOptions::default());
            }
        }
    }
    let end = call.ended().await;
    let stats = call.stats().await.unwrap_or_default();
    Ok(Part {
        setup,
        first_audio,
        tones,
        end,
        stats,
    })
}
